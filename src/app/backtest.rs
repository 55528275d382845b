//! `backtest`: a recorded tape, or a file of ticks, through the engine as fast as possible.

use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::build::{self, Filters, Plan};
use super::error::{AppError, Exit};
use super::outputs::{EntrySink, Outputs, TapeStopped};
use super::pipeline::{Given, Pipeline, TapeInput};
use super::platform;
use super::result::{RunResult, Timing};
use super::setup;
use super::source::{Inputs, Replayed};
use super::ticks::Ticks;
use crate::config::Loaded;
use crate::domain::{InstrumentId, MarketEvent, UnixNanos};
use crate::engine::Command;
use crate::engine::view::Mode;
use crate::strategy::StrategyKind;
use crate::tape::{self, Compression, Entry, InputTape, Reader, TapeError, Writer, WriterOptions};

/// What `backtest` was asked for.
#[derive(Debug, Default)]
pub struct Request {
    /// A tape or a session.
    pub tape: Option<String>,
    /// A CSV file of ticks.
    pub ticks: Option<PathBuf>,
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// `--set` assignments.
    pub set: Vec<String>,
    /// Draw no progress bar.
    pub quiet: bool,
}

/// Runs a backtest and returns what came of it.
pub fn run(request: &Request, registry: &[StrategyKind]) -> Result<RunResult, AppError> {
    match (&request.tape, &request.ticks) {
        (Some(tape), None) => over_tape(tape, request, registry),
        (None, Some(ticks)) => over_ticks(ticks, request, registry),
        _ => Err(AppError::new(Exit::Usage, "give either --tape or --ticks")),
    }
}

/// Everything that a backtest moves along.
struct Bench {
    pipeline: Pipeline,
    outputs: Outputs,
    sink: WriterSink,
    session: tape::Session,
    seq: u64,
    time: UnixNanos,
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

impl Bench {
    fn new(
        plan: &Plan,
        loaded: &Loaded,
        registry: &[StrategyKind],
        input: InputTape,
        started: UnixNanos,
    ) -> Result<Self, AppError> {
        let pipeline = build::pipeline(plan, registry)?;
        let session = setup::create_session(loaded, plan, Mode::Backtest, Some(input), started)?;
        let options = WriterOptions { compression: Compression::None, ..WriterOptions::default() };
        let writer = Writer::in_directory(session.directory(), options)?;
        let mut bench = Self {
            pipeline,
            outputs: Outputs::new(plan.written),
            sink: WriterSink { writer, error: None },
            session,
            seq: 0,
            time: UnixNanos::default(),
        };
        let start =
            TapeInput::Start { state: plan.start.clone(), config: loaded.canonical().to_owned() };
        bench.take(0, UnixNanos::default(), Given::Other(&start))?;
        Ok(bench)
    }

    fn take(&mut self, seq: u64, time: UnixNanos, given: Given<'_>) -> Result<(), AppError> {
        (self.seq, self.time) = (seq, time);
        self.outputs.begin(seq, time);
        self.pipeline.take(seq, time, given, &mut self.outputs);
        let ended = self.outputs.end(&mut self.sink);
        ended.map_err(|stopped| self.stopped(stopped))
    }

    fn stopped(&mut self, _: TapeStopped) -> AppError {
        match self.sink.error.take() {
            Some(error) => error.into(),
            None => AppError::new(Exit::Failed, "a record could not be encoded"),
        }
    }

    /// Lets everything still due happen, writes the last mark, and ends the session.
    fn finish(mut self, timing: Timing, plan: &Plan) -> Result<RunResult, AppError> {
        while let Some(due) = self.pipeline.engine().next_due() {
            let (seq, time) = (self.seq + 1, due.max(self.time));
            self.take(seq, time, Given::Other(&TapeInput::Clock))?;
        }
        let marked = self.outputs.mark(&mut self.sink);
        marked.map_err(|stopped| self.stopped(stopped))?;
        self.sink.writer.finish()?;
        let result = RunResult::collect(&self.pipeline, &self.outputs, plan, timing, &self.session);
        self.session.end(result.ending(setup::now()))?;
        Ok(result)
    }
}

fn over_tape(
    argument: &str,
    request: &Request,
    registry: &[StrategyKind],
) -> Result<RunResult, AppError> {
    let root = tape::default_root()?;
    let path = tape::resolve(argument, &root)?.path;
    let loaded = setup::load_for_tape(&path, request.config.clone(), &request.set, registry)?;
    let filters =
        if setup::holds_instruments(&path)? { Filters::FromVenue } else { Filters::AsRecorded };
    let plan = build::plan(&loaded, filters)?;
    let input = InputTape { path: path.display().to_string(), hash: setup::hash_path(&path)? };
    let mut bench = Bench::new(&plan, &loaded, registry, input, setup::now())?;
    let bar = progress(setup::tape_bytes(&path)?, request.quiet);
    let (wall, cpu) = (Instant::now(), platform::process_cpu());
    let mut reader = Reader::open(&path)?;
    let mut inputs = Inputs::default();
    let (mut frames, mut bytes) = (0_u64, 0_u64);
    while let Some(entry) = reader.next()? {
        let (seq, time) = (entry.seq, entry.time);
        bytes += entry.bytes.len() as u64;
        let read = inputs.read(&entry).map_err(|text| AppError::new(Exit::Different, text))?;
        match read {
            Replayed::Stream(source, bytes) => {
                frames += 1;
                bench.take(seq, time, Given::Frame { source, bytes })?;
            }
            Replayed::Answer(source, bytes) => {
                frames += 1;
                bench.take(seq, time, Given::Frame { source: &source, bytes })?;
            }
            // The tape's own start is what its run started from; this run has its own.
            Replayed::Other(input) if matches!(*input, TapeInput::Start { .. }) => {}
            // Nobody halted or paused the strategies of another configuration.
            Replayed::Other(input) if is_foreign_command(&input, request) => {}
            Replayed::Other(input) => bench.take(seq, time, Given::Other(&input))?,
            Replayed::Output(_) | Replayed::Mark(_) => {}
        }
        if frames.is_multiple_of(8_192) {
            bar.set_position(bytes);
        }
    }
    bar.finish_and_clear();
    let timing = Timing {
        frames,
        events: bench.pipeline.market_events(),
        load_wall_s: 0.0,
        load_cpu_s: 0.0,
        wall_s: wall.elapsed().as_secs_f64(),
        cpu_s: platform::process_cpu() - cpu,
    };
    bench.finish(timing, &plan)
}

/// True for what an operator did in the recorded run, when a configuration of one's own is run over
/// its tape. The end of the run stays the end.
fn is_foreign_command(input: &TapeInput, request: &Request) -> bool {
    let by_operator = matches!(input, TapeInput::Command(command) if *command != Command::Stop);
    by_operator && request.config.is_some()
}

fn over_ticks(
    path: &Path,
    request: &Request,
    registry: &[StrategyKind],
) -> Result<RunResult, AppError> {
    let loaded = setup::load(request.config.clone(), &request.set, registry)?;
    let plan = build::plan(&loaded, Filters::Open)?;
    let input = InputTape { path: path.display().to_string(), hash: setup::hash_path(path)? };
    let mut bench = Bench::new(&plan, &loaded, registry, input, setup::now())?;
    let mut ticks = Ticks::open(path)?;
    let bar = progress(ticks.file_bytes(), request.quiet);
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
            let seq = bench.seq + 1;
            (bench.seq, bench.time) = (seq, trade.ts_venue);
            bench.outputs.begin(seq, trade.ts_venue);
            let event = MarketEvent::Trade(*trade);
            bench.pipeline.market(seq, trade.ts_venue, InstrumentId(0), event, &mut bench.outputs);
            if let Err(stopped) = bench.outputs.end(&mut bench.sink) {
                return Err(bench.stopped(stopped));
            }
        }
        timing.frames += batch.len() as u64;
        bar.set_position(ticks.bytes_read());
    }
    bar.finish_and_clear();
    bench.outputs.flush(&mut bench.sink).map_err(|stopped| bench.stopped(stopped))?;
    timing.events = timing.frames;
    timing.wall_s = wall.elapsed().as_secs_f64() - timing.load_wall_s;
    timing.cpu_s = platform::process_cpu() - cpu - timing.load_cpu_s;
    bench.finish(timing, &plan)
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
