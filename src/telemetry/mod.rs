//! Telemetry: what happened, told once as a typed [`Event`], which writes its log line and moves
//! its metrics together.
//!
//! ```text
//! core thread ── Timings ring ─────────────────► ticker ──► stage and decision histograms
//! tape thread ── RecordTeller (engine records) ┐
//! any thread ─── emit(Event) ──────────────────┴─► metrics
//!                                                 ├► decisions lane   (waits)  ─► decisions.*.jsonl
//!                                                 ├► diagnostics lane (drops)  ─► diagnostics.*.jsonl
//!                                                 │    └► the lines of alerts ─► who listens
//!                                                 └► tail ─► log pane
//! published EngineView ── ticker, every 250 ms ──► gauges, readiness ──► /metrics /readyz
//! ```
//! Telemetry is write-only: nothing here ever decides anything, and the core thread takes no lock.

#[macro_use]
mod word;

mod account;
mod alert;
mod catalogue;
mod engine_word;
mod event;
mod exemplar;
pub mod http;
mod kept;
mod lane;
mod latency;
mod library;
mod line;
mod metrics;
mod name;
mod names;
mod open_metrics;
mod pack;
mod records;
mod registry;
mod rotate;
mod tail;
mod ticker;
mod transport;
mod why;

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::Deserialize;
use thiserror::Error;

pub use self::alert::{AlertKind, AlertOutcome, Heard, Listener, lines_of};
pub use self::engine_word::OrderWord;
pub use self::event::{
    AlertEvent, DecisionEvent, Evaluated, Event, ExitTold, FeedEvent, OrderTold, PortfolioEvent,
    ProcessEvent, Room, StrategyEvent, Summed, Telling, UpkeepEvent,
};
pub use self::kept::KeptLog;
pub use self::latency::{Percentiles, Timing, Timings};
pub use self::library::layer;
pub use self::metrics::{DecisionMemory, Metrics, QueueState};
pub use self::name::EventName;
pub use self::names::{Names, RunInfo};
pub use self::records::RecordTeller;
pub use self::registry::MetricError;
pub use self::rotate::Clock;
pub use self::word::{
    Channel, DecodeFailure, DisconnectReason, LaneName, Level, QueueName, RecordKind, Stage, Word,
};

use self::account::LaneAccount;
use self::event::Told;
use self::lane::{Lane, LaneParts};
use self::latency::{Measured, TimingReader};
use self::names::Scope;
use self::registry::Families;
use self::rotate::{Folder, MakeShelf, Shelf};
use self::tail::Tail;
use self::ticker::{TICK, Ticker};
use crate::domain::{Nanos, UnixNanos};
use crate::engine::view::{EngineView, LogView};

/// Limits of the log files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Bytes at which a file is closed and the next one begins.
    pub segment_bytes: u64,
    /// Files kept per lane.
    pub keep_segments: usize,
    /// Bytes kept per lane.
    pub keep_bytes: u64,
    /// Lines that wait to be written, per lane.
    pub queue_lines: usize,
    /// Closed files are packed.
    pub compress: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            keep_segments: 64,
            keep_bytes: 2 << 30,
            queue_lines: 16_384,
            compress: true,
        }
    }
}

/// What telemetry is started with.
#[derive(Clone)]
pub struct Config {
    /// Folder of the log files, made when it is missing.
    pub directory: PathBuf,
    /// Limits of the log files.
    pub log: LogConfig,
    /// The time.
    pub clock: Clock,
}

/// Why telemetry cannot start.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The log folder cannot be written.
    #[error("{}: {problem}", directory.display())]
    Log {
        /// The folder.
        directory: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A mistake in the catalogue of metrics.
    #[error(transparent)]
    Metrics(#[from] MetricError),
    /// The histogram of percentiles cannot be made.
    #[error("cannot make the latency histogram: {0}")]
    Latency(#[from] hdrhistogram::CreationError),
    /// A thread cannot be started.
    #[error("cannot start the telemetry thread: {0}")]
    Thread(#[source] std::io::Error),
}

/// Gives the newest published view; called four times a second.
pub type ViewSource = Arc<dyn Fn() -> Arc<EngineView> + Send + Sync>;

/// A handle to the run's telemetry; clones tell to the same place.
#[derive(Clone)]
pub struct Telemetry(Arc<Shared>);

struct Shared {
    scope: Arc<Scope>,
    metrics: Arc<Metrics>,
    decisions: Lane,
    diagnostics: Lane,
    queue_lines: u64,
    tail: Tail,
    clock: Clock,
    timing_reader: Mutex<TimingReader>,
    /// What it has measured.
    measured: ArcSwap<Measured>,
    /// The core thread's end, until it is taken.
    timings: Mutex<Option<Timings>>,
    views: Mutex<Option<ViewSource>>,
    /// Who hears of alerts.
    listener: OnceLock<Listener>,
    /// Why the run is not ready; `None` when it is.
    unready: Mutex<Option<String>>,
    /// Dropped to end the ticker.
    ticker: Mutex<Option<SyncSender<()>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Telemetry {
    /// Opens both log files, makes every metric, and starts the writers and the ticker.
    pub fn start(config: &Config, names: Names, run: RunInfo) -> Result<Self, TelemetryError> {
        let shelf = |lane: LaneName, account: &Arc<LaneAccount>| -> Box<dyn Shelf> {
            Box::new(Folder {
                path: config.directory.clone(),
                prefix: format!("{}.", lane.as_str()),
                keep_segments: config.log.keep_segments,
                keep_bytes: config.log.keep_bytes,
                compress: config.log.compress,
                account: Arc::clone(account),
                packer: None,
            })
        };
        Self::start_on(&shelf, config, Scope { names, run })
    }

    fn start_on(
        shelf: MakeShelf<'_>,
        config: &Config,
        scope: Scope,
    ) -> Result<Self, TelemetryError> {
        let scope = Arc::new(scope);
        let families = Families::new(scope.run.mode_word(), &scope.run.account)?;
        let metrics = Arc::new(Metrics::new(&families, &scope.run, &scope.names)?);
        let (timings, timing_reader) = latency::ring()?;
        let lane = |name: LaneName| -> Result<Lane, TelemetryError> {
            let account = Arc::new(LaneAccount::new(&families, name)?);
            Lane::start(LaneParts {
                name,
                segment_bytes: config.log.segment_bytes,
                capacity: config.log.queue_lines,
                scope: scope.clone(),
                metrics: metrics.clone(),
                shelf: shelf(name, &account),
                account,
                clock: config.clock.clone(),
            })
            .map_err(|problem| TelemetryError::Log { directory: config.directory.clone(), problem })
        };
        let telemetry = Self(Arc::new(Shared {
            decisions: lane(LaneName::Decisions)?,
            diagnostics: lane(LaneName::Diagnostics)?,
            queue_lines: config.log.queue_lines as u64,
            tail: Tail::default(),
            clock: config.clock.clone(),
            timing_reader: Mutex::new(timing_reader),
            measured: ArcSwap::default(),
            timings: Mutex::new(Some(timings)),
            views: Mutex::new(None),
            listener: OnceLock::new(),
            unready: Mutex::new(Some("no market data yet".to_owned())),
            ticker: Mutex::new(None),
            scope,
            metrics,
        }));
        telemetry.start_ticker().map_err(TelemetryError::Thread)?;
        Ok(telemetry)
    }

    fn start_ticker(&self) -> std::io::Result<()> {
        let (keep, ended) = sync_channel::<()>(0);
        let shared: Weak<Shared> = Arc::downgrade(&self.0);
        thread::Builder::new().name("telemetry".to_owned()).spawn(move || {
            let mut ticker = Ticker::default();
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let Some(shared) = shared.upgrade() else { return };
                ticker.tick(&Self(shared));
            }
        })?;
        *lock(&self.0.ticker) = Some(keep);
        Ok(())
    }

    /// Tells an event that happens now.
    pub fn emit(&self, event: &Event<'_>) {
        self.emit_at(event, (self.0.clock)());
    }

    /// Tells an event that happened at `time`, in engine time.
    pub fn emit_at(&self, event: &Event<'_>, time: UnixNanos) {
        self.tell(event.told(), time);
    }

    fn tell(&self, told: &dyn Told, time: UnixNanos) {
        let shared = &*self.0;
        told.count(&shared.metrics, time);
        if told.is_suppressed() {
            return shared.metrics.evaluation_suppressed();
        }
        shared.metrics.told(told.name());
        shared.tail.push(told, time, &shared.scope);
        let listener = shared.listener.get();
        match told.name().lane() {
            LaneName::Decisions => shared.decisions.tell(told, time, listener),
            LaneName::Diagnostics => shared.diagnostics.tell(told, time, listener),
        }
    }

    /// What tells the engine's records, in the order they are given to it.
    pub fn record_teller(&self) -> RecordTeller {
        RecordTeller::new(self.clone())
    }

    /// The core thread's end of the timing ring; `None` once it is taken.
    pub fn take_timings(&self) -> Option<Timings> {
        lock(&self.0.timings).take()
    }

    /// One unit of a stage's work, which ends now, took this long.
    pub fn stage(&self, stage: Stage, nanos: Nanos) {
        self.0.metrics.stage(stage, nanos, (self.0.clock)());
        lock(&self.0.timing_reader).stage(stage, nanos);
    }

    /// Units of a stage's work that were measured up to a quarter of a second ago, and what 99 % of them
    /// take at most.
    pub fn stage_so_far(&self, stage: Stage) -> (u64, Option<Nanos>) {
        self.0.measured.load().stages.get(stage.index()).copied().unwrap_or_default()
    }

    /// The tape is on the disk up to now; putting it there took so long, where there was anything.
    pub fn tape_synced(&self, nanos: Option<Nanos>) {
        self.0.metrics.tape_synced(nanos, (self.0.clock)());
    }

    /// A frame of the screen, which is drawn now, took this long.
    pub fn frame(&self, nanos: Nanos) {
        self.0.metrics.frame(nanos, (self.0.clock)());
    }

    /// Metrics that move without an event: messages, queues, frames.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Sets gauges and readiness from these views from now on.
    pub fn follow(&self, views: ViewSource) {
        *lock(&self.0.views) = Some(views);
    }

    /// Tells somebody of alerts from now on. The first one stays.
    pub fn listen(&self, listener: Listener) {
        // A run has one.
        let _ = self.0.listener.set(listener);
    }

    /// The newest 1,000 log lines, newest last; the same `Arc` as long as none is added.
    pub fn log_tail(&self) -> Arc<Vec<Arc<LogView>>> {
        self.0.tail.lines()
    }

    /// The next line of each lane begins a new file: somebody moved the old ones away.
    pub fn reopen_logs(&self) {
        self.0.decisions.account.ask_reopen();
        self.0.diagnostics.account.ask_reopen();
    }

    /// Log lines lost so far in both lanes.
    pub fn log_lines_lost(&self) -> u64 {
        self.0.decisions.account.lost_lines() + self.0.diagnostics.account.lost_lines()
    }

    /// Why log lines cannot be written at the moment, in one sentence.
    pub fn log_trouble(&self) -> Option<String> {
        let lanes = [&self.0.decisions, &self.0.diagnostics];
        lanes.into_iter().find_map(|lane| lane.account.trouble())
    }

    /// Takes over what was timed so far; the ticker does it four times a second.
    pub fn measure(&self) {
        let mut reader = lock(&self.0.timing_reader);
        reader.drain(&self.0.metrics, (self.0.clock)());
        self.0.metrics.queue(QueueName::Timings, reader.queue());
        self.0.measured.store(Arc::new(reader.measured()));
    }

    /// Exact percentiles from readable to decision, as of the last [`measure`](Self::measure); `None`
    /// before the first decision.
    pub fn latency(&self) -> Option<Percentiles> {
        self.0.measured.load().decisions
    }

    /// 99 % of the decisions of the last minute or two took at most this.
    pub fn recent_latency(&self) -> Option<Nanos> {
        self.0.measured.load().recent_p99
    }

    /// Why the run is not ready to trade, in one sentence; `None` when it is.
    pub fn unready(&self) -> Option<String> {
        lock(&self.0.unready).clone()
    }

    /// Everything `/metrics` says, as `OpenMetrics`, with the decisions behind the latencies.
    pub fn open_metrics_text(&self) -> String {
        let (families, exemplars) =
            (self.0.metrics.registry().gather(), self.0.metrics.exemplars());
        open_metrics::encode(&families, &exemplars, &self.0.scope)
    }

    /// The same in the text format 0.0.4.
    pub fn metrics_text(&self) -> Result<String, MetricError> {
        let families = self.0.metrics.registry().gather();
        Ok(prometheus::TextEncoder::new().encode_to_string(&families)?)
    }

    /// Writes what is queued, for at most `patience` per lane, and counts what is left as lost.
    /// What is told afterwards moves its metrics but writes no line.
    pub fn shutdown(&self, patience: Duration) {
        lock(&self.0.ticker).take();
        let now = (self.0.clock)();
        self.0.decisions.close(patience, now);
        self.0.diagnostics.close(patience, now);
    }

    /// Sets gauges, readiness and percentiles from a view.
    fn mirror(&self, view: &EngineView) {
        self.0.metrics.mirror(view);
        *lock(&self.0.unready) = why_unready(view);
    }
}

/// Why a run is not ready to trade.
fn why_unready(view: &EngineView) -> Option<String> {
    if view.instruments.is_empty() {
        return Some("no market data yet".to_owned());
    }
    view.instruments.iter().find_map(|instrument| {
        let symbol = &instrument.symbol;
        match (instrument.live, instrument.synced) {
            (false, _) => Some(format!("{symbol}: not every stream delivers")),
            (true, false) => Some(format!("{symbol}: the order book is not in sync")),
            (true, true) => None,
        }
    })
}

#[cfg(test)]
#[expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "counts are exact as floats")]
mod tests;
