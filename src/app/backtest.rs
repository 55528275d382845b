//! `backtest`: a recorded tape, or history in files, through the engine as fast as possible.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::build::{self, Filters, Plan};
use super::error::{AppError, Exit};
use super::history::{self, Summary, Wanted};
use super::outputs::{EntrySink, Outputs, TapeStopped};
use super::pipeline::{Given, Listed, Pipeline, TapeInput};
use super::platform;
use super::result::{RunResult, Timing};
use super::setup;
use super::source::{Inputs, Replayed};
use crate::config::Loaded;
use crate::domain::UnixNanos;
use crate::engine::view::Mode;
use crate::engine::{Command, StartState};
use crate::history::{Gaps, History, Stream};
use crate::strategy::StrategyKind;
use crate::tape::{
    self, Compression, Ending, Entry, InputKind, InputTape, Reader, TapeError, Writer,
    WriterOptions,
};

/// Rows of files read at a time.
const BATCH: usize = 4_096;

/// What `backtest` was asked for.
#[derive(Debug, Default)]
pub struct Request {
    /// A tape or a session.
    pub tape: Option<String>,
    /// Files of trades.
    pub ticks: Vec<PathBuf>,
    /// Files of bars.
    pub bars: Vec<PathBuf>,
    /// The instrument of files whose names do not say it.
    pub instrument: Option<String>,
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// `--set` assignments.
    pub set: Vec<String>,
    /// Draw no progress bar.
    pub quiet: bool,
}

/// What a backtest reads.
#[derive(Debug)]
pub enum Market {
    /// A tape or the segments of a session.
    Tape {
        /// Where it is.
        path: PathBuf,
        /// This run has a configuration of its own: what an operator did in the recorded run, who
        /// may have changed its rules, is left out.
        own_config: bool,
    },
    /// History in files.
    Files {
        /// Where they are.
        files: Vec<PathBuf>,
        /// What they must hold.
        wanted: Wanted,
        /// The instrument of files whose names do not say it.
        instrument: Option<String>,
    },
}

/// A market that was looked into and suits the configuration.
pub struct Opened {
    source: Source,
    /// What there is of history in files.
    listed: Vec<Listed>,
    without_data: Vec<String>,
}

enum Source {
    Tape { path: PathBuf, own_config: bool, is_history: bool },
    Files(Box<History>),
}

impl Market {
    fn of(request: &Request) -> Result<Self, AppError> {
        let files = |files: &[PathBuf], wanted| Self::Files {
            files: files.to_vec(),
            wanted,
            instrument: request.instrument.clone(),
        };
        match (&request.tape, request.ticks.as_slice(), request.bars.as_slice()) {
            (Some(tape), [], []) => Ok(Self::Tape {
                path: tape::resolve(tape, &tape::default_root()?)?.path,
                own_config: request.config.is_some() || !request.set.is_empty(),
            }),
            (None, ticks @ [_, ..], []) => Ok(files(ticks, Wanted::Ticks)),
            (None, [], bars @ [_, ..]) => Ok(files(bars, Wanted::Bars)),
            _ => Err(AppError::new(Exit::Usage, "give one of --tape, --ticks and --bars")),
        }
    }

    fn load(&self, request: &Request, registry: &[StrategyKind]) -> Result<Loaded, AppError> {
        let (config, set) = (request.config.clone(), &request.set);
        match self {
            Self::Tape { path, .. } => setup::load_for_tape(path, config, set, registry),
            Self::Files { .. } => setup::load(config, set, registry),
        }
    }

    /// What the engine is built from, and the market itself, which must have what that needs.
    pub fn open(
        &self,
        loaded: &Loaded,
        registry: &[StrategyKind],
    ) -> Result<(Plan, Opened), AppError> {
        match self {
            Self::Tape { path, own_config } => open_tape(path, *own_config, loaded, registry),
            Self::Files { files, wanted, instrument } => {
                let plan = build::plan(loaded, Filters::Open)?;
                let past = history::open(files, *wanted, instrument.as_ref(), &plan)?;
                let listed = history::listed(past.streams());
                let place = |stream: &Stream| stream.file.display().to_string();
                let places: Vec<String> = past.streams().iter().map(place).collect();
                history::check(&plan, registry, &listed, &places)?;
                let without_data = history::without_data(&plan, &listed);
                let source = Source::Files(Box::new(past));
                Ok((plan, Opened { source, listed, without_data }))
            }
        }
    }

    /// How a session names it: by whole paths, so that it is found from anywhere.
    fn input(&self) -> Result<InputTape, AppError> {
        let whole = |path: &PathBuf| {
            path.canonicalize().unwrap_or_else(|_| path.clone()).display().to_string()
        };
        Ok(match self {
            Self::Tape { path, own_config } => InputTape {
                path: whole(path),
                more: Vec::new(),
                hash: setup::hash_path(path)?,
                kind: InputKind::Tape,
                instrument: None,
                own_config: *own_config,
            },
            Self::Files { files, wanted, instrument } => InputTape {
                path: files.first().map(whole).unwrap_or_default(),
                more: files.iter().skip(1).map(whole).collect(),
                hash: setup::hash_files(files)?,
                kind: match wanted {
                    Wanted::Ticks => InputKind::Ticks,
                    Wanted::Bars => InputKind::Bars,
                },
                instrument: instrument.clone(),
                own_config: false,
            },
        })
    }
}

fn open_tape(
    path: &Path,
    own_config: bool,
    loaded: &Loaded,
    registry: &[StrategyKind],
) -> Result<(Plan, Opened), AppError> {
    let listed = history::listed_on(path)?;
    let filters = match &listed {
        Some(_) => Filters::Open,
        None if setup::holds_instruments(path)? => Filters::FromVenue,
        None => Filters::AsRecorded,
    };
    let plan = build::plan(loaded, filters)?;
    let mut without_data = Vec::new();
    if let Some(listed) = &listed {
        let places = vec![path.display().to_string(); listed.len()];
        history::check(&plan, registry, listed, &places)?;
        without_data = history::without_data(&plan, listed);
    }
    let source = Source::Tape { path: path.to_owned(), own_config, is_history: listed.is_some() };
    Ok((plan, Opened { source, listed: listed.unwrap_or_default(), without_data }))
}

/// Runs a backtest and returns what came of it.
pub fn run(request: &Request, registry: &[StrategyKind]) -> Result<RunResult, AppError> {
    let market = Market::of(request)?;
    let loaded = market.load(request, registry)?;
    let (plan, opened) = market.open(&loaded, registry)?;
    let input = market.input()?;
    let session = setup::create_session(&loaded, &plan, Mode::Backtest, Some(input), setup::now())?;
    // A year of virtual time is one segment, unless its size asks for more.
    let options = WriterOptions {
        compression: Compression::None,
        segment_span: u64::MAX,
        ..WriterOptions::default()
    };
    let writer = Writer::in_directory(session.directory(), options)?;
    let mut sink = WriterSink { writer, error: None };
    let mut bench = Bench::new(&plan, registry, &mut sink)?;
    let ran = bench.run(loaded.canonical(), opened, request.quiet);
    let Bench { pipeline, mut outputs, .. } = bench;
    if ran.is_err() {
        // What a run has that cannot go on stays; the reason matters, not what else fails.
        let _ = outputs.flush(&mut sink);
    }
    let ran = ran.map_err(|error| sink.error.take().map_or(error, Into::into));
    let finished = sink.writer.finish();
    match ran.and_then(|ran| finished.map(|_| ran).map_err(Into::into)) {
        Ok((timing, history)) => {
            let mut result = RunResult::collect(&pipeline, &outputs, &plan, timing, &session);
            result.history = history;
            session.end(result.ending(setup::now()))?;
            Ok(result)
        }
        Err(error) => {
            let counts = BTreeMap::from([("frames".to_owned(), pipeline.market_events())]);
            // With a full disk this fails as well, and the first reason is the one to tell.
            let _ =
                session.end(Ending { at: setup::now(), error: Some(error.to_string()), counts });
            Err(error)
        }
    }
}

/// Writes entries straight to the session's tape and keeps the first error.
struct WriterSink {
    writer: Writer,
    error: Option<TapeError>,
}

impl EntrySink for WriterSink {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), TapeStopped> {
        self.writer.write(entry).map_err(|error| {
            self.error = Some(error);
            TapeStopped
        })
    }
}

/// Everything that a backtest moves along, and where its records go.
pub struct Bench<'s> {
    pipeline: Pipeline,
    outputs: Outputs,
    start: StartState,
    sink: &'s mut dyn EntrySink,
    seq: u64,
    time: UnixNanos,
    inputs: u64,
}

impl<'s> Bench<'s> {
    /// A backtest that has not begun.
    pub fn new(
        plan: &Plan,
        registry: &[StrategyKind],
        sink: &'s mut dyn EntrySink,
    ) -> Result<Self, AppError> {
        Ok(Self {
            pipeline: build::pipeline(plan, registry)?,
            outputs: Outputs::new(plan.written),
            start: plan.start.clone(),
            sink,
            seq: 0,
            time: UnixNanos::default(),
            inputs: 0,
        })
    }

    /// Inputs taken so far.
    pub fn inputs(&self) -> u64 {
        self.inputs
    }

    /// Reads the market to its end, lets everything still due happen, and writes the last mark.
    /// `config` is the canonical configuration; it is part of the first input.
    pub fn run(
        &mut self,
        config: &str,
        market: Opened,
        quiet: bool,
    ) -> Result<(Timing, Option<Summary>), AppError> {
        let start = TapeInput::Start { state: self.start.clone(), config: config.to_owned() };
        self.take(0, UnixNanos::default(), Given::Other(&start))?;
        let mut gaps = history::gaps(&market.listed);
        let (timing, files) = match market.source {
            Source::Tape { path, own_config, is_history } => {
                let timing = self.over_tape(&path, own_config, &mut gaps, quiet)?;
                (timing, is_history.then(Vec::new))
            }
            Source::Files(mut past) => {
                let timing = self.over_files(&mut past, market.listed, &mut gaps, quiet)?;
                (timing, Some(past.files()))
            }
        };
        while let Some(due) = self.pipeline.engine().next_order_due() {
            let (seq, time) = (self.seq + 1, due.max(self.time));
            self.take(seq, time, Given::Other(&TapeInput::Clock))?;
        }
        self.outputs.mark(self.sink).map_err(stopped)?;
        Ok((timing, files.map(|files| Summary::new(files, gaps, market.without_data))))
    }

    fn take(&mut self, seq: u64, time: UnixNanos, given: Given<'_>) -> Result<(), AppError> {
        (self.seq, self.time) = (seq, time);
        self.inputs += 1;
        self.outputs.begin(seq, time);
        self.pipeline.take(seq, time, given, &mut self.outputs);
        self.outputs.end(self.sink).map_err(stopped)
    }

    fn over_tape(
        &mut self,
        path: &Path,
        own_config: bool,
        gaps: &mut Gaps,
        quiet: bool,
    ) -> Result<Timing, AppError> {
        let bar = progress(setup::tape_bytes(path)?, quiet);
        let (wall, cpu) = (Instant::now(), platform::process_cpu());
        let mut reader = Reader::open(path)?;
        let mut inputs = Inputs::default();
        let (mut frames, mut bytes) = (0_u64, 0_u64);
        while let Some(entry) = reader.next()? {
            let (seq, time) = (entry.seq, entry.time);
            bytes += entry.bytes.len() as u64;
            let read = inputs.read(&entry).map_err(|text| AppError::new(Exit::Different, text))?;
            match read {
                Replayed::Stream(source, bytes) => {
                    frames += 1;
                    self.take(seq, time, Given::Frame { source, bytes })?;
                }
                Replayed::Answer(source, bytes) => {
                    frames += 1;
                    self.take(seq, time, Given::Frame { source: &source, bytes })?;
                }
                // The tape's own start is what its run started from; this run has its own.
                Replayed::Other(input) if matches!(*input, TapeInput::Start { .. }) => {}
                Replayed::Other(input) if own_config && is_by_operator(&input) => {}
                Replayed::Other(input) => {
                    if let Some(row) = history::row(&input) {
                        gaps.note(row.stream, &row.fact);
                        frames += 1;
                    }
                    self.take(seq, time, Given::Other(&input))?;
                }
                Replayed::Output(_) | Replayed::Mark(_) => {}
            }
            if frames.is_multiple_of(8_192) {
                bar.set_position(bytes);
            }
        }
        bar.finish_and_clear();
        Ok(Timing {
            frames,
            events: self.pipeline.market_events(),
            load_wall_s: 0.0,
            load_cpu_s: 0.0,
            wall_s: wall.elapsed().as_secs_f64(),
            cpu_s: platform::process_cpu() - cpu,
        })
    }

    /// Runs the rows of files, and measures reading apart from the run.
    fn over_files(
        &mut self,
        past: &mut History,
        listed: Vec<Listed>,
        gaps: &mut Gaps,
        quiet: bool,
    ) -> Result<Timing, AppError> {
        let bar = progress(past.bytes(), quiet);
        let (wall, cpu) = (Instant::now(), platform::process_cpu());
        let mut timing = Timing::default();
        self.take(1, past.start(), Given::Other(&TapeInput::Listed(listed)))?;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let (load_wall, load_cpu) = (Instant::now(), platform::thread_cpu());
            past.next_batch(&mut batch, BATCH)?;
            timing.load_wall_s += load_wall.elapsed().as_secs_f64();
            timing.load_cpu_s += platform::thread_cpu() - load_cpu;
            if batch.is_empty() {
                break;
            }
            for row in &batch {
                gaps.note(row.stream, &row.fact);
                self.take(self.seq + 1, row.fact.time(), Given::Other(&history::input(row)))?;
            }
            timing.frames += batch.len() as u64;
            bar.set_position(past.bytes_read());
        }
        bar.finish_and_clear();
        self.outputs.flush(self.sink).map_err(stopped)?;
        timing.events = self.pipeline.market_events();
        timing.wall_s = wall.elapsed().as_secs_f64() - timing.load_wall_s;
        timing.cpu_s = platform::process_cpu() - cpu - timing.load_cpu_s;
        Ok(timing)
    }
}

/// True for what an operator did in the recorded run. The end of the run stays the end.
fn is_by_operator(input: &TapeInput) -> bool {
    match input {
        TapeInput::Command(command) => *command != Command::Stop,
        TapeInput::Revise { .. } => true,
        _ => false,
    }
}

/// What stopped a backtest if it was not the sink, which keeps its own reason.
fn stopped(_: TapeStopped) -> AppError {
    AppError::new(Exit::Failed, "a record could not be encoded")
}

/// A progress bar over a tape's bytes; hidden when nobody watches.
pub(super) fn progress(bytes: u64, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:40} {percent:>3} %  {bytes_per_sec}  {eta} left");
    let bar = ProgressBar::new(bytes);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
