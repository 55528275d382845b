//! `backtest`: a recorded tape, or history in files, through the engine as fast as possible.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::build::{self, Plan};
use super::error::{AppError, Exit};
use super::history::{self, Summary};
use super::market::{Market, Opened, Source};
use super::outputs::{EntrySink, Outputs, TapeStopped};
use super::pipeline::{Given, Listed, Pipeline, TapeInput};
use super::platform;
use super::report::{Meter, Report};
use super::result::{RunResult, Timing};
use super::setup;
use super::source::{Inputs, Replayed};
use crate::domain::UnixNanos;
use crate::engine::view::Mode;
use crate::engine::{Command, StartState};
use crate::history::{Gaps, History};
use crate::strategy::StrategyKind;
use crate::tape::{Compression, Ending, Entry, Reader, TapeError, Writer, WriterOptions};

/// Rows of files read at a time.
const BATCH: usize = 4_096;

/// What `backtest` was asked for.
#[derive(Clone, Debug, Default)]
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
    /// A queue model in place of the configured one.
    pub queue: Option<&'static str>,
    /// Keep every round trip for a file of them.
    pub keeps_trips: bool,
    /// Draw no progress bar.
    pub quiet: bool,
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
    let mut bench = Bench::new(&plan, registry, request.keeps_trips, &mut sink)?;
    let ran = bench.run(loaded.canonical(), opened, request.quiet);
    let report = bench.report(&plan);
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
            result.report = Some(report);
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
        keeps_trips: bool,
        sink: &'s mut dyn EntrySink,
    ) -> Result<Self, AppError> {
        Ok(Self {
            pipeline: build::pipeline(plan, registry)?,
            outputs: Outputs::new(plan.written),
            meter: Meter::new(plan, keeps_trips),
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
        self.meter.before(seq, time, self.pipeline.engine());
        self.pipeline.take(seq, time, given, &mut self.meter.beside(&mut self.outputs));
        self.meter.after(self.pipeline.engine());
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
                Replayed::Other(input)
                    if matches!(*input, TapeInput::Start { .. } | TapeInput::Resume(_)) => {}
                Replayed::Other(input) if own_config && is_by_operator(&input) => {}
                Replayed::Other(input) => {
                    if let Some(row) = history::row(&input) {
                        gaps.note(row.stream, &row.fact);
                        frames += 1;
                    }
                    self.take(seq, time, Given::Other(&input))?;
                }
                Replayed::Output(_) | Replayed::Mark(_) | Replayed::Timing(_) => {}
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
