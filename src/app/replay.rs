//! `replay --verify`: a recorded session again, every record compared with what was recorded.

use std::collections::VecDeque;
use std::path::Path;

use super::build::{self, Filters, Plan};
use super::error::{AppError, Exit};
use super::outputs::{EntrySink, Outputs, TapeStopped};
use super::pipeline::{Given, Pipeline};
use super::setup;
use super::source::{Inputs, Replayed};
use crate::domain::UnixNanos;
use crate::engine::codec::{HashMark, decode};
use crate::engine::view::{EngineView, Mode};
use crate::engine::{Record, RunInfo, Viewer};
use crate::strategy::StrategyKind;
use crate::tape::{self, Channel, Entry, Reader, TapeEnd};

/// What a verification found.
#[derive(Debug)]
pub struct Verdict {
    /// The session, or the file.
    pub name: String,
    /// Inputs taken.
    pub inputs: u64,
    /// Records compared byte for byte.
    pub compared: u64,
    /// Hash marks compared; they cover the records that were not written, too.
    pub marks: u64,
    /// Where a torn tape ends; `None` for one that was finished.
    pub torn: Option<String>,
    /// The first difference, in sentences.
    pub difference: Option<String>,
}

impl Verdict {
    /// The one line that says it.
    pub fn line(&self) -> String {
        let torn = self.torn.as_ref().map(|at| format!("; {at}")).unwrap_or_default();
        match &self.difference {
            Some(difference) => format!("{}: DIFFERENT at {difference}{torn}", self.name),
            None => format!(
                "{}: equal, {} inputs, {} records and {} hash marks compared{torn}",
                self.name, self.inputs, self.compared, self.marks
            ),
        }
    }
}

/// Replays a session or its tape and compares.
pub fn verify(argument: &str, registry: &[StrategyKind]) -> Result<Verdict, AppError> {
    let found = tape::resolve(argument, &tape::default_root()?)?;
    let name = found.session.map_or_else(|| found.path.display().to_string(), |run| run.0);
    let Some(config) = setup::recorded_config(&found.path)? else {
        return Err(AppError::new(
            Exit::Failed,
            format!("{name} holds no run to replay, only market data: use `tickscope backtest`"),
        ));
    };
    let loaded = setup::load_text(&config, &[], registry)?;
    let mut plan = build::plan(&loaded, Filters::FromVenue)?;
    if let Some(open) = recorded_filters(&found.path)? {
        plan = build::plan(&loaded, open)?;
    }
    let mut replay = Replay::new(&plan, registry)?;
    let mut reader = Reader::open(&found.path)?;
    let mut inputs = Inputs::default();
    while replay.difference.is_none()
        && let Some(entry) = reader.next()?
    {
        replay.entry(&entry, &mut inputs)?;
    }
    let torn = match reader.end() {
        Some(TapeEnd::Torn { at_byte, .. }) => {
            Some(format!("the recording was torn off and ends at byte {at_byte}"))
        }
        _ => None,
    };
    if torn.is_none() {
        replay.expect_nothing_more();
    }
    Ok(Verdict {
        name,
        inputs: replay.inputs,
        compared: replay.compared,
        marks: replay.marks,
        torn,
        difference: replay.difference,
    })
}

/// What a screen showed at the end of a recorded run, made again from its inputs.
pub fn view(argument: &str, registry: &[StrategyKind]) -> Result<EngineView, AppError> {
    let found = tape::resolve(argument, &tape::default_root()?)?;
    let config = setup::recorded_config(&found.path)?
        .ok_or_else(|| AppError::new(Exit::Failed, "the tape holds no run"))?;
    let loaded = setup::load_text(&config, &[], registry)?;
    let plan = build::plan(&loaded, Filters::FromVenue)?;
    let mut pipeline = build::pipeline(&plan, registry)?;
    let run = RunInfo {
        id: found.session.unwrap_or_default(),
        mode: Mode::Replay,
        market: loaded.config.venue.name.clone(),
        started: UnixNanos::default(),
    };
    let mut viewer = Viewer::new(run, plan.engine.clone());
    let mut reader = Reader::open(&found.path)?;
    let mut inputs = Inputs::default();
    let mut taken = 0;
    while let Some(entry) = reader.next()? {
        let (seq, time) = (entry.seq, entry.time);
        let broken = |text: String| AppError::new(Exit::Different, text);
        match inputs.read(&entry).map_err(broken)? {
            Replayed::Stream(source, bytes) => {
                pipeline.take(seq, time, Given::Frame { source, bytes }, &mut viewer);
            }
            Replayed::Answer(source, bytes) => {
                pipeline.take(seq, time, Given::Frame { source: &source, bytes }, &mut viewer);
            }
            Replayed::Other(input) => pipeline.take(seq, time, Given::Other(&input), &mut viewer),
            Replayed::Output(_) | Replayed::Mark(_) => continue,
        }
        taken += 1;
    }
    Ok(viewer.build(pipeline.engine(), taken))
}

/// A backtest runs with filters of its own when its tape holds no venue list.
fn recorded_filters(path: &Path) -> Result<Option<Filters>, AppError> {
    Ok((!setup::holds_instruments(path)?).then_some(Filters::AsRecorded))
}

struct Replay {
    pipeline: Pipeline,
    outputs: Outputs,
    produced: Produced,
    inputs: u64,
    compared: u64,
    marks: u64,
    difference: Option<String>,
}

/// What the replay produced and the recording has not confirmed yet.
#[derive(Default)]
struct Produced {
    records: VecDeque<(u64, Vec<u8>)>,
    marks: VecDeque<HashMark>,
}

impl EntrySink for Produced {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), TapeStopped> {
        match entry.channel {
            Channel::Output => {
                for record in tape::records(entry.bytes) {
                    let record = record.map_err(|_| TapeStopped)?;
                    self.records.push_back((entry.seq, record.to_vec()));
                }
            }
            Channel::Mark => {
                let mark = postcard::from_bytes(entry.bytes).map_err(|_| TapeStopped)?;
                self.marks.push_back(mark);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Replay {
    fn new(plan: &Plan, registry: &[StrategyKind]) -> Result<Self, AppError> {
        Ok(Self {
            pipeline: build::pipeline(plan, registry)?,
            outputs: Outputs::new(plan.written),
            produced: Produced::default(),
            inputs: 0,
            compared: 0,
            marks: 0,
            difference: None,
        })
    }

    fn entry<'a>(&mut self, entry: &Entry<'a>, inputs: &'a mut Inputs) -> Result<(), AppError> {
        let (seq, time) = (entry.seq, entry.time);
        let broken = |text: String| AppError::new(Exit::Different, text);
        match inputs.read(entry).map_err(broken)? {
            Replayed::Stream(source, bytes) => self.take(seq, time, Given::Frame { source, bytes }),
            Replayed::Answer(source, bytes) => {
                self.take(seq, time, Given::Frame { source: &source, bytes })
            }
            Replayed::Other(input) => self.take(seq, time, Given::Other(&input)),
            Replayed::Output(block) => self.compare_block(seq, block),
            Replayed::Mark(bytes) => {
                let mark = postcard::from_bytes(bytes)
                    .map_err(|error| broken(format!("mark after input {seq}: {error}")))?;
                self.compare_mark(mark);
                Ok(())
            }
        }
    }

    fn take(&mut self, seq: u64, time: UnixNanos, given: Given<'_>) -> Result<(), AppError> {
        self.inputs += 1;
        self.outputs.begin(seq, time);
        self.pipeline.take(seq, time, given, &mut self.outputs);
        let ended = self
            .outputs
            .end(&mut self.produced)
            .and_then(|()| self.outputs.flush(&mut self.produced));
        ended.map_err(|_| AppError::new(Exit::Failed, "a record could not be encoded"))
    }

    fn compare_block(&mut self, seq: u64, block: &[u8]) -> Result<(), AppError> {
        for recorded in tape::records(block) {
            let recorded =
                recorded.map_err(|error| AppError::new(Exit::Different, error.to_string()))?;
            match self.produced.records.pop_front() {
                Some((_, replayed)) if replayed == recorded => self.compared += 1,
                Some((at, replayed)) => {
                    self.difference = Some(describe(at, Some(recorded), Some(&replayed)));
                    return Ok(());
                }
                None => {
                    self.difference = Some(describe(seq, Some(recorded), None));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn compare_mark(&mut self, recorded: HashMark) {
        while self.produced.marks.front().is_some_and(|mark| mark.seq < recorded.seq) {
            self.produced.marks.pop_front();
        }
        let replayed = match self.produced.marks.front() {
            Some(mark) if mark.seq == recorded.seq => *mark,
            _ => self.outputs.hash_mark(),
        };
        self.marks += 1;
        if replayed.hash != recorded.hash || replayed.records != recorded.records {
            self.difference = Some(format!(
                "input {}: the hash over {} recorded records is {:016x}, over {} replayed ones {:016x}",
                recorded.seq, recorded.records, recorded.hash, replayed.records, replayed.hash
            ));
        }
    }

    /// A finished recording confirms everything that the replay produced.
    fn expect_nothing_more(&mut self) {
        if self.difference.is_none()
            && let Some((seq, replayed)) = self.produced.records.pop_front()
        {
            self.difference = Some(describe(seq, None, Some(&replayed)));
        }
    }
}

/// A difference in sentences: the input, and both records in full.
fn describe(seq: u64, recorded: Option<&[u8]>, replayed: Option<&[u8]>) -> String {
    let show = |bytes: Option<&[u8]>| match bytes.map(decode) {
        None => "nothing".to_owned(),
        Some(Ok(record)) => text(&record),
        Some(Err(error)) => format!("a record that cannot be read ({error})"),
    };
    format!("input {seq}\n  recorded: {}\n  replayed: {}", show(recorded), show(replayed))
}

fn text(record: &Record) -> String {
    serde_json::to_string(record).unwrap_or_else(|_| format!("{record:?}"))
}
