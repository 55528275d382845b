//! `backtest`: a recorded tape, or history in files, through the engine as fast as possible.

use std::collections::BTreeMap;
use std::path::PathBuf;
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
use crate::history::{Gaps, History};
use crate::strategy::StrategyKind;
use crate::tape::{
    self, Compression, Ending, Entry, InputTape, Reader, TapeError, Writer, WriterOptions,
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

/// Runs a backtest and returns what came of it.
pub fn run(request: &Request, registry: &[StrategyKind]) -> Result<RunResult, AppError> {
    match (&request.tape, request.ticks.as_slice(), request.bars.as_slice()) {
        (Some(tape), [], []) => over_tape(tape, request, registry),
        (None, ticks @ [_, ..], []) => over_files(ticks, Wanted::Ticks, request, registry),
        (None, [], bars @ [_, ..]) => over_files(bars, Wanted::Bars, request, registry),
        _ => Err(AppError::new(Exit::Usage, "give one of --tape, --ticks and --bars")),
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
        // A year of virtual time is one segment, unless its size asks for more.
        let options = WriterOptions {
            compression: Compression::None,
            segment_span: u64::MAX,
            ..WriterOptions::default()
        };
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

    /// Ends the session of a run that cannot go on: what it has stays, with the reason.
    fn abandon(mut self, error: AppError) -> AppError {
        // The reason matters; that the rest of the tape cannot be written either does not.
        let _ = self.outputs.flush(&mut self.sink);
        let _ = self.sink.writer.finish();
        let counts = BTreeMap::from([("frames".to_owned(), self.pipeline.market_events())]);
        let _ =
            self.session.end(Ending { at: setup::now(), error: Some(error.to_string()), counts });
        error
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
    let listed = history::listed_on(&path)?;
    let filters = match &listed {
        Some(_) => Filters::Open,
        None if setup::holds_instruments(&path)? => Filters::FromVenue,
        None => Filters::AsRecorded,
    };
    let plan = build::plan(&loaded, filters)?;
    if let Some(listed) = &listed {
        history::check(&plan, listed, &vec![path.display().to_string(); listed.len()])?;
    }
    let mut gaps = listed.as_deref().map(history::gaps);
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
            Replayed::Other(input) => {
                if let (Some(gaps), Some(row)) = (&mut gaps, history::row(&input)) {
                    gaps.note(row.stream, &row.fact);
                    frames += 1;
                }
                bench.take(seq, time, Given::Other(&input))?;
            }
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
    let incomplete_bars = bench.pipeline.engine().incomplete_bars();
    let mut result = bench.finish(timing, &plan)?;
    result.history = gaps.map(|gaps| Summary {
        incomplete_bars,
        without_data: history::without_data(&plan, listed.as_deref().unwrap_or_default()),
        ..Summary::new(Vec::new(), gaps)
    });
    Ok(result)
}

fn over_files(
    files: &[PathBuf],
    wanted: Wanted,
    request: &Request,
    registry: &[StrategyKind],
) -> Result<RunResult, AppError> {
    let loaded = setup::load(request.config.clone(), &request.set, registry)?;
    let plan = build::plan(&loaded, Filters::Open)?;
    let mut past = history::open(files, wanted, request.instrument.as_ref(), &plan)?;
    let listed = history::listed(past.streams());
    let places: Vec<String> =
        past.streams().iter().map(|stream| stream.file.display().to_string()).collect();
    history::check(&plan, &listed, &places)?;
    let paths: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let input = InputTape { path: paths.join(", "), hash: setup::hash_files(files)? };
    let mut bench = Bench::new(&plan, &loaded, registry, input, setup::now())?;
    let mut gaps = history::gaps(&listed);
    let without_data = history::without_data(&plan, &listed);
    let bar = progress(past.bytes(), request.quiet);
    let timing = match feed(&mut bench, &mut past, listed, (&mut gaps, &bar)) {
        Ok(timing) => timing,
        Err(error) => return Err(bench.abandon(error)),
    };
    bar.finish_and_clear();
    let incomplete_bars = bench.pipeline.engine().incomplete_bars();
    let mut result = bench.finish(timing, &plan)?;
    let summary = Summary::new(past.files(), gaps);
    result.history = Some(Summary { incomplete_bars, without_data, ..summary });
    Ok(result)
}

/// Runs the rows of files, and measures reading apart from the run.
fn feed(
    bench: &mut Bench,
    past: &mut History,
    listed: Vec<Listed>,
    (gaps, bar): (&mut Gaps, &ProgressBar),
) -> Result<Timing, AppError> {
    let (wall, cpu) = (Instant::now(), platform::process_cpu());
    let mut timing = Timing::default();
    bench.take(1, past.start(), Given::Other(&TapeInput::Listed(listed)))?;
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
            bench.take(bench.seq + 1, row.fact.time(), Given::Other(&history::input(row)))?;
        }
        timing.frames += batch.len() as u64;
        bar.set_position(past.bytes_read());
    }
    bench.outputs.flush(&mut bench.sink).map_err(|stopped| bench.stopped(stopped))?;
    timing.events = bench.pipeline.market_events();
    timing.wall_s = wall.elapsed().as_secs_f64() - timing.load_wall_s;
    timing.cpu_s = platform::process_cpu() - cpu - timing.load_cpu_s;
    Ok(timing)
}

/// A progress bar over bytes; hidden when nobody watches.
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
