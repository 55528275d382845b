//! `backtest`: a recorded tape, or a file of ticks, through the engine as fast as possible.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::build::{self, Filters, Plan};
use super::error::{AppError, Exit};
use super::outputs::{EntrySink, Outputs, TapeStopped};
use super::pipeline::{Given, Pipeline, TapeInput};
use super::platform;
use super::report::{Meter, Report};
use super::result::{RunResult, Timing};
use super::setup;
use super::source::{Inputs, Replayed};
use super::ticks::Ticks;
use crate::config::Loaded;
use crate::domain::{InstrumentId, MarketEvent, UnixNanos};
use crate::engine::view::Mode;
use crate::engine::{Command, StartState};
use crate::strategy::StrategyKind;
use crate::tape::{
    self, Compression, Ending, Entry, InputKind, InputTape, Reader, TapeError, Writer,
    WriterOptions,
};

/// What `backtest` was asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// A tape or a session.
    pub tape: Option<String>,
    /// A CSV file of ticks.
    pub ticks: Option<PathBuf>,
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// `--set` assignments.
    pub set: Vec<String>,
    /// A queue model in place of the configured one.
    pub queue: Option<&'static str>,
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
    /// A CSV file of ticks.
    Ticks(PathBuf),
}

impl Market {
    fn of(request: &Request) -> Result<Self, AppError> {
        match (&request.tape, &request.ticks) {
            (Some(tape), None) => Ok(Self::Tape {
                path: tape::resolve(tape, &tape::default_root()?)?.path,
                own_config: request.config.is_some() || !request.set.is_empty(),
            }),
            (None, Some(ticks)) => Ok(Self::Ticks(ticks.clone())),
            _ => Err(AppError::new(Exit::Usage, "give either --tape or --ticks")),
        }
    }

    fn load(&self, request: &Request, registry: &[StrategyKind]) -> Result<Loaded, AppError> {
        let queue = request.queue.map(|queue| format!("paper.queue=\"{queue}\""));
        let set: Vec<String> = request.set.iter().cloned().chain(queue).collect();
        let (config, set) = (request.config.clone(), &set);
        match self {
            Self::Tape { path, .. } => setup::load_for_tape(path, config, set, registry),
            Self::Ticks(_) => setup::load(config, set, registry),
        }
    }

    /// What the engine is built from.
    pub fn plan(&self, loaded: &Loaded) -> Result<Plan, AppError> {
        let filters = match self {
            Self::Tape { path, .. } if setup::holds_instruments(path)? => Filters::FromVenue,
            Self::Tape { .. } => Filters::AsRecorded,
            Self::Ticks(_) => Filters::Open,
        };
        build::plan(loaded, filters)
    }

    /// How a session names it: by its whole path, so that it is found from anywhere.
    fn input(&self) -> Result<InputTape, AppError> {
        let (path, kind, own_config) = match self {
            Self::Tape { path, own_config } => (path, InputKind::Tape, *own_config),
            Self::Ticks(path) => (path, InputKind::Ticks, false),
        };
        let hash = setup::hash_path(path)?;
        let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
        Ok(InputTape { path: whole.display().to_string(), hash, kind, own_config })
    }
}

/// Runs a backtest and returns what came of it.
pub fn run(request: &Request, registry: &[StrategyKind]) -> Result<RunResult, AppError> {
    let market = Market::of(request)?;
    let loaded = market.load(request, registry)?;
    let plan = market.plan(&loaded)?;
    let input = market.input()?;
    let session = setup::create_session(&loaded, &plan, Mode::Backtest, Some(input), setup::now())?;
    let options = WriterOptions { compression: Compression::None, ..WriterOptions::default() };
    let writer = Writer::in_directory(session.directory(), options)?;
    let mut sink = WriterSink { writer, error: None };
    let mut bench = Bench::new(&plan, registry, &mut sink)?;
    let ran = bench.run(loaded.canonical(), &market, request.quiet);
    let report = bench.report(&plan);
    let Bench { pipeline, outputs, .. } = bench;
    let ran = ran.map_err(|error| sink.error.take().map_or(error, Into::into));
    match ran.and_then(|timing| sink.writer.finish().map(|_| timing).map_err(Into::into)) {
        Ok(timing) => {
            let mut result = RunResult::collect(&pipeline, &outputs, &plan, timing, &session);
            result.report = Some(report);
            session.end(result.ending(setup::now()))?;
            Ok(result)
        }
        Err(error) => {
            let counts = BTreeMap::new();
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
    meter: Meter,
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
            meter: Meter::new(plan),
            start: plan.start.clone(),
            sink,
            seq: 0,
            time: UnixNanos::default(),
            inputs: 0,
        })
    }

    /// What a trader reads of it so far.
    pub fn report(&self, plan: &Plan) -> Report {
        self.meter.report(self.pipeline.engine(), plan)
    }

    /// Inputs taken so far.
    pub fn inputs(&self) -> u64 {
        self.inputs
    }

    /// Reads the market to its end, lets everything still due happen, and writes the last mark.
    /// `config` is the canonical configuration; it is part of the first input.
    pub fn run(&mut self, config: &str, market: &Market, quiet: bool) -> Result<Timing, AppError> {
        let start = TapeInput::Start { state: self.start.clone(), config: config.to_owned() };
        self.take(0, UnixNanos::default(), Given::Other(&start))?;
        let timing = match market {
            Market::Tape { path, own_config } => self.over_tape(path, *own_config, quiet)?,
            Market::Ticks(path) => self.over_ticks(path, quiet)?,
        };
        while let Some(due) = self.pipeline.engine().next_order_due() {
            let (seq, time) = (self.seq + 1, due.max(self.time));
            self.take(seq, time, Given::Other(&TapeInput::Clock))?;
        }
        self.outputs.mark(self.sink).map_err(stopped)?;
        Ok(timing)
    }

    fn take(&mut self, seq: u64, time: UnixNanos, given: Given<'_>) -> Result<(), AppError> {
        (self.seq, self.time) = (seq, time);
        self.inputs += 1;
        self.outputs.begin(seq, time);
        self.meter.before(seq, time, self.pipeline.engine());
        self.pipeline.take(seq, time, given, &mut self.meter.beside(&mut self.outputs));
        self.meter.after(self.pipeline.engine());
        self.outputs.end(self.sink).map_err(stopped)
    }

    fn over_tape(
        &mut self,
        path: &Path,
        own_config: bool,
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
                Replayed::Other(input) => self.take(seq, time, Given::Other(&input))?,
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

    fn over_ticks(&mut self, path: &Path, quiet: bool) -> Result<Timing, AppError> {
        let mut ticks = Ticks::open(path)?;
        let bar = progress(ticks.file_bytes(), quiet);
        let (wall, cpu) = (Instant::now(), platform::process_cpu());
        let mut timing = Timing::default();
        loop {
            let (load_wall, load_cpu) = (Instant::now(), platform::thread_cpu());
            let batch = ticks.next_batch()?;
            timing.load_wall_s += load_wall.elapsed().as_secs_f64();
            timing.load_cpu_s += platform::thread_cpu() - load_cpu;
            if batch.is_empty() {
                break;
            }
            for trade in batch {
                let seq = self.seq + 1;
                (self.seq, self.time) = (seq, trade.ts_venue);
                self.outputs.begin(seq, trade.ts_venue);
                let event = MarketEvent::Trade(*trade);
                self.meter.before(seq, trade.ts_venue, self.pipeline.engine());
                let out = &mut self.meter.beside(&mut self.outputs);
                self.pipeline.market(seq, trade.ts_venue, InstrumentId(0), event, out);
                self.meter.after(self.pipeline.engine());
                self.outputs.end(self.sink).map_err(stopped)?;
            }
            self.inputs += batch.len() as u64;
            timing.frames += batch.len() as u64;
            bar.set_position(ticks.bytes_read());
        }
        bar.finish_and_clear();
        if timing.frames == 0 {
            let text = format!("{} holds no tick, only its header", path.display());
            return Err(AppError::new(Exit::Failed, text));
        }
        self.outputs.flush(self.sink).map_err(stopped)?;
        timing.events = timing.frames;
        timing.wall_s = wall.elapsed().as_secs_f64() - timing.load_wall_s;
        timing.cpu_s = platform::process_cpu() - cpu - timing.load_cpu_s;
        Ok(timing)
    }
}

/// True for what an operator did in the recorded run. The end of the run stays the end.
pub(super) fn is_by_operator(input: &TapeInput) -> bool {
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
fn progress(bytes: u64, quiet: bool) -> ProgressBar {
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
