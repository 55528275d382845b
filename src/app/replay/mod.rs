//! `replay --verify`: a recorded session again, every record compared with what was recorded.

mod backtest;
mod break_on;
mod comparison;
pub(super) mod difference;
mod landmarks;
mod playback;
pub mod screen;
pub mod timeline;
pub mod travel;

use std::path::Path;

use serde::Serialize;

use self::comparison::Comparison;
use super::build::{self, Filters, Plan};
use super::error::{AppError, Exit};
use super::outputs::Outputs;
use super::pipeline::{Given, Pipeline};
use super::setup;
use super::source::{Inputs, Replayed};
use crate::domain::{RunId, UnixNanos};
use crate::engine::codec::HashMark;
use crate::strategy::StrategyKind;
use crate::tape::{self, Entry, Manifest, Reader, TapeEnd};

/// What a verification found.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The session, or the file.
    #[serde(rename = "session")]
    pub name: String,
    /// Inputs taken.
    pub inputs: u64,
    /// Records that the replay made, written or not.
    pub records: u64,
    /// The hash over all of them, in hexadecimal: `output_hash` of a backtest's result.
    pub output_hash: String,
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
    fn new(
        name: String,
        (inputs, mark): (u64, HashMark),
        comparison: Comparison,
        torn: Option<String>,
    ) -> Self {
        let Comparison { compared, marks, difference, .. } = comparison;
        let (records, output_hash) = (mark.records, format!("{:016x}", mark.hash));
        Self { name, inputs, records, output_hash, compared, marks, torn, difference }
    }

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
    // A session without a manifest that can be read is no less a tape.
    if let Some(run) = &found.session
        && let Ok(Manifest { input: Some(input), .. }) = tape::manifest_of(&found.path)
    {
        return backtest::verify(&found.path, run, &input, registry);
    }
    let name =
        found.session.as_ref().map_or_else(|| found.path.display().to_string(), RunId::to_string);
    let mut reader = Reader::open(&found.path)?;
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
    let mut replay = Replay::new(&plan, registry, found.session.unwrap_or_default())?;
    let mut inputs = Inputs::default();
    while replay.comparison.difference.is_none()
        && let Some(entry) = reader.next()?
    {
        replay.entry(&entry, &mut inputs)?;
    }
    let torn = torn(&reader);
    if torn.is_none() {
        replay.comparison.expect_nothing_more();
    }
    let ran = (replay.inputs, replay.outputs.hash_mark());
    Ok(Verdict::new(name, ran, replay.comparison, torn))
}

/// Where a torn recording ends, in words.
fn torn(reader: &Reader) -> Option<String> {
    match reader.end() {
        Some(TapeEnd::Torn { at_byte, .. }) => {
            Some(format!("the recording was torn off and ends at byte {at_byte}"))
        }
        _ => None,
    }
}

/// A backtest runs with filters of its own when its tape holds no venue list.
fn recorded_filters(path: &Path) -> Result<Option<Filters>, AppError> {
    Ok((!setup::holds_instruments(path)?).then_some(Filters::AsRecorded))
}

struct Replay {
    pipeline: Pipeline,
    outputs: Outputs,
    comparison: Comparison,
    inputs: u64,
}

impl Replay {
    fn new(plan: &Plan, registry: &[StrategyKind], run: RunId) -> Result<Self, AppError> {
        Ok(Self {
            pipeline: build::pipeline(plan, registry)?,
            outputs: Outputs::new(plan.written),
            comparison: Comparison::of(run, plan),
            inputs: 0,
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
            Replayed::Output(block) => self.comparison.recorded_block(seq, block),
            Replayed::Mark(bytes) => {
                self.comparison.recorded_mark(seq, bytes, self.outputs.hash_mark())
            }
            Replayed::Timing(_) => Ok(()),
        }
    }

    fn take(&mut self, seq: u64, time: UnixNanos, given: Given<'_>) -> Result<(), AppError> {
        self.inputs += 1;
        self.outputs.begin(seq, time);
        self.pipeline.take(seq, time, given, &mut self.outputs);
        if let Some(fault) = self.pipeline.fault() {
            let text = format!("the run went on with a state that cannot be taken over: {fault}");
            return Err(AppError::new(Exit::Different, text));
        }
        let ended = self
            .outputs
            .end(&mut self.comparison)
            .and_then(|()| self.outputs.flush(&mut self.comparison));
        ended.map_err(|_| AppError::new(Exit::Failed, "a record could not be encoded"))
    }
}
