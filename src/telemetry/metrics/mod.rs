//! The metrics of a run: every child made at start and kept, so that moving one is an atomic add.

mod decision;
mod feed;
mod money;
mod order;

use prometheus::{Counter, Gauge, Histogram, IntCounter, Registry};

use self::decision::DecisionMetrics;
pub(super) use self::decision::RuleCounters;
use self::feed::FeedMetrics;
use self::money::MoneyMetrics;
use self::order::OrderMetrics;
use super::account::{nanos_to_seconds, seconds};
use super::alert::{AlertKind, AlertOutcome};
use super::catalogue as names;
use super::exemplar::Exemplars;
use super::name::EventName;
use super::names::{Names, RunInfo};
use super::registry::{Families, MetricError};
use super::word::{ByWord, Channel, QueueName, RecordKind, Stage, Word};
use crate::domain::{DecisionId, Nanos, UnixNanos};
use crate::engine::view::EngineView;

/// Every metric that has no lane of its own.
pub struct Metrics {
    registry: Registry,
    pub(super) feed: FeedMetrics,
    pub(super) decisions: DecisionMetrics,
    pub(super) orders: OrderMetrics,
    pub(super) money: MoneyMetrics,
    events: ByWord<EventName, IntCounter>,
    suppressed_evaluations: IntCounter,
    queues: ByWord<QueueName, QueueMetrics>,
    stages: ByWord<Stage, StageMetrics>,
    event_loop: Histogram,
    tape_bytes: Gauge,
    pub(super) tape_write_errors: IntCounter,
    ledger_inputs: Gauge,
    ledger_commit: Gauge,
    alerts: ByWord<AlertKind, ByWord<AlertOutcome, IntCounter>>,
    disk_free: Gauge,
    disk_rate: Gauge,
    sessions_pruned: IntCounter,
    sessions_pruned_bytes: IntCounter,
    decision_memory: DecisionMemoryMetrics,
    viewers: Gauge,
    frames: IntCounter,
    frame: Histogram,
    frames_skipped: IntCounter,
    last_frame: Gauge,
    key: Histogram,
    tape_records: ByWord<RecordKind, IntCounter>,
    tape_sync: Histogram,
    tape_durable: Gauge,
    log_directory: Gauge,
    divergences: IntCounter,
    pub(super) scrape: Histogram,
}

struct QueueMetrics {
    depth: Gauge,
    capacity: Gauge,
    high_water: Gauge,
    dropped: IntCounter,
    /// Created so that the series is there; the lanes move theirs.
    _blocked: Counter,
}

struct DecisionMemoryMetrics {
    held: Gauge,
    bytes: Gauge,
    limit: Gauge,
    evicted: IntCounter,
}

struct StageMetrics {
    duration: Histogram,
    last_progress: Gauge,
}

/// What is known of the decisions in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DecisionMemory {
    /// Held now.
    pub decisions: u64,
    /// Bytes they take.
    pub bytes: u64,
    /// Bytes they may take.
    pub limit: u64,
    /// Let go so far in this run.
    pub evicted: u64,
}

/// What is known of a bounded queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueState {
    /// Held now.
    pub depth: u64,
    /// Held at most.
    pub capacity: u64,
    /// Most ever held.
    pub high_water: u64,
    /// Lost so far in this run.
    pub dropped: u64,
}

impl Metrics {
    pub(super) fn new(families: &Families, run: &RunInfo, of: &Names) -> Result<Self, MetricError> {
        let build = [run.version.as_str(), &run.revision, &run.profile];
        families.gauge(&names::BUILD_INFO)?.get(&build)?.set(1.0);
        let this_run = [run.run_id.0.as_str(), run.mode_word(), &run.config_hash];
        families.gauge(&names::RUN_INFO)?.get(&this_run)?.set(1.0);
        let events = families.counter(&names::LOG_EVENTS)?;
        let suppressed = families.counter(&names::LOG_SUPPRESSED)?;
        let alerts = families.counter(&names::ALERTS)?;
        let records = families.counter(&names::TAPE_RECORDS)?;
        Ok(Self {
            registry: families.registry(),
            feed: FeedMetrics::new(families, of)?,
            decisions: DecisionMetrics::new(families, of)?,
            orders: OrderMetrics::new(families, of)?,
            money: MoneyMetrics::new(families, of)?,
            events: ByWord::new(|name| events.get(&[name]))?,
            suppressed_evaluations: suppressed.get(&[EventName::DecisionEvaluated.as_str()])?,
            queues: ByWord::new(|queue| QueueMetrics::new(families, queue))?,
            stages: ByWord::new(|stage| StageMetrics::new(families, stage))?,
            event_loop: families.histogram(&names::EVENT_LOOP)?.get(&[])?,
            tape_bytes: families.gauge(&names::TAPE_BYTES)?.get(&[])?,
            tape_write_errors: families.counter(&names::TAPE_WRITE_ERRORS)?.get(&[])?,
            ledger_inputs: families.gauge(&names::LEDGER_INPUTS)?.get(&[])?,
            ledger_commit: families.gauge(&names::LEDGER_COMMIT)?.get(&[])?,
            alerts: ByWord::new(|kind| ByWord::new(|outcome| alerts.get(&[kind, outcome])))?,
            disk_free: unknown(families.gauge(&names::DISK_FREE)?.get(&[])?),
            disk_rate: families.gauge(&names::DISK_RATE)?.get(&[])?,
            sessions_pruned: families.counter(&names::SESSIONS_PRUNED)?.get(&[])?,
            sessions_pruned_bytes: families.counter(&names::SESSIONS_PRUNED_BYTES)?.get(&[])?,
            decision_memory: DecisionMemoryMetrics::new(families)?,
            viewers: families.gauge(&names::VIEWERS)?.get(&[])?,
            frames: families.counter(&names::TUI_FRAMES)?.get(&[])?,
            frame: families.histogram(&names::TUI_FRAME)?.get(&[])?,
            frames_skipped: families.counter(&names::TUI_FRAMES_SKIPPED)?.get(&[])?,
            last_frame: families.gauge(&names::TUI_LAST_FRAME)?.get(&[])?,
            key: families.histogram(&names::TUI_INPUT)?.get(&[])?,
            tape_records: ByWord::new(|kind| records.get(&[kind]))?,
            tape_sync: families.histogram(&names::TAPE_SYNC)?.get(&[])?,
            tape_durable: families.gauge(&names::TAPE_DURABLE)?.get(&[])?,
            log_directory: families.gauge(&names::LOG_DIRECTORY)?.get(&[])?,
            divergences: families.counter(&names::DIVERGENCES)?.get(&[])?,
            scrape: families.histogram(&names::METRICS_SCRAPE)?.get(&[])?,
        })
    }

    /// The registry behind `/metrics`.
    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(super) fn told(&self, name: EventName) {
        self.events.get(name).inc();
    }

    pub(super) fn evaluation_suppressed(&self) {
        self.suppressed_evaluations.inc();
    }

    /// A message of a channel came in. For every message: an atomic add or two, no lock.
    pub fn message(&self, channel: Channel, bytes: usize) {
        self.feed.message(channel, bytes);
    }

    pub(super) fn transit(&self, early: bool, nanos: Nanos) {
        self.feed.transit(early, nanos);
    }

    /// One unit of a stage's work took this long.
    pub(super) fn stage(&self, stage: Stage, nanos: Nanos, now: UnixNanos) {
        let metrics = self.stages.get(stage);
        metrics.duration.observe(nanos_to_seconds(nanos));
        metrics.last_progress.set(seconds(now));
    }

    pub(super) fn tick_to_decision(&self, decision: DecisionId, nanos: Nanos, time: UnixNanos) {
        self.decisions.tick_to_decision(decision, nanos, time);
    }

    pub(super) fn tick_to_order(&self, decision: DecisionId, nanos: Nanos, time: UnixNanos) {
        self.decisions.tick_to_order(decision, nanos, time);
    }

    /// The decisions behind the latencies.
    pub(super) fn exemplars(&self) -> Exemplars {
        self.decisions.exemplars()
    }

    pub(super) fn event_loop(&self, nanos: Nanos) {
        self.event_loop.observe(nanos_to_seconds(nanos));
    }

    /// So many screens of other processes are attached.
    pub fn viewers(&self, attached: u32) {
        self.viewers.set(f64::from(attached));
    }

    /// So many alerts of a kind came to this.
    pub fn alert(&self, kind: AlertKind, outcome: AlertOutcome, count: u64) {
        self.alerts.get(kind).get(outcome).inc_by(count);
    }

    /// The ledger holds this many inputs, since this moment.
    pub fn ledger(&self, inputs: u64, time: UnixNanos) {
        self.ledger_inputs.set(float(inputs));
        self.ledger_commit.set(float(time.0) / 1e9);
    }

    /// So much room is on the disk of the session, which grows by so many bytes a second.
    pub fn disk(&self, free: u64, bytes_per_second: f64) {
        self.disk_free.set(float(free));
        self.disk_rate.set(bytes_per_second);
    }

    /// Old sessions were removed.
    pub(super) fn sessions_pruned(&self, sessions: u64, bytes: u64) {
        self.sessions_pruned.inc_by(sessions);
        self.sessions_pruned_bytes.inc_by(bytes);
    }

    /// A frame was drawn.
    pub(super) fn frame(&self, nanos: Nanos, now: UnixNanos) {
        self.frames.inc();
        self.frame.observe(nanos_to_seconds(nanos));
        self.last_frame.set(seconds(now));
    }

    /// A view was replaced by a newer one before it was drawn.
    pub fn frame_skipped(&self) {
        self.frames_skipped.inc();
    }

    /// A key was answered by a frame after so long.
    pub fn key_answered(&self, nanos: Nanos) {
        self.key.observe(nanos_to_seconds(nanos));
    }

    /// The tape is on the disk up to now; putting it there took so long, where there was anything.
    pub(super) fn tape_synced(&self, nanos: Option<Nanos>, now: UnixNanos) {
        if let Some(nanos) = nanos {
            self.tape_sync.observe(nanos_to_seconds(nanos));
        }
        self.tape_durable.set(seconds(now));
    }

    /// So much is on the tape, by kind of entry.
    pub fn tape_records(&self, kind: RecordKind, count: u64) {
        let counter = self.tape_records.get(kind);
        counter.inc_by(count.saturating_sub(counter.get()));
    }

    /// So many bytes are in the folder of the logs.
    pub fn log_directory(&self, bytes: u64) {
        self.log_directory.set(float(bytes));
    }

    pub(super) fn parted(&self) {
        self.divergences.inc();
    }

    /// Takes over what its owner knows of a queue.
    pub fn queue(&self, queue: QueueName, state: QueueState) {
        let metrics = self.queues.get(queue);
        metrics.depth.set(float(state.depth));
        metrics.capacity.set(float(state.capacity));
        metrics.high_water.set(float(state.high_water));
        metrics.dropped.inc_by(state.dropped.saturating_sub(metrics.dropped.get()));
    }

    /// Takes over what the store of decisions holds.
    pub fn decision_memory(&self, memory: DecisionMemory) {
        let metrics = &self.decision_memory;
        metrics.held.set(float(memory.decisions));
        metrics.bytes.set(float(memory.bytes));
        metrics.limit.set(float(memory.limit));
        metrics.evicted.inc_by(memory.evicted.saturating_sub(metrics.evicted.get()));
    }

    /// Sets every gauge that mirrors the engine.
    pub(super) fn mirror(&self, view: &EngineView) {
        self.tape_bytes.set(float(view.health.tape_bytes));
        self.feed.mirror(view);
        self.orders.mirror(view);
        self.money.mirror(view);
    }
}

impl QueueMetrics {
    fn new(families: &Families, queue: &str) -> Result<Self, MetricError> {
        Ok(Self {
            depth: families.gauge(&names::QUEUE_DEPTH)?.get(&[queue])?,
            capacity: families.gauge(&names::QUEUE_CAPACITY)?.get(&[queue])?,
            high_water: families.gauge(&names::QUEUE_HIGH_WATER)?.get(&[queue])?,
            dropped: families.counter(&names::QUEUE_DROPPED)?.get(&[queue])?,
            _blocked: families.amount(&names::QUEUE_BLOCKED)?.get(&[queue])?,
        })
    }
}

impl DecisionMemoryMetrics {
    fn new(families: &Families) -> Result<Self, MetricError> {
        Ok(Self {
            held: families.gauge(&names::DECISIONS_HELD)?.get(&[])?,
            bytes: families.gauge(&names::DECISION_MEMORY)?.get(&[])?,
            limit: families.gauge(&names::DECISION_MEMORY_LIMIT)?.get(&[])?,
            evicted: families.counter(&names::DECISIONS_EVICTED)?.get(&[])?,
        })
    }
}

impl StageMetrics {
    fn new(families: &Families, stage: &str) -> Result<Self, MetricError> {
        Ok(Self {
            duration: families.histogram(&names::STAGE_DURATION)?.get(&[stage])?,
            last_progress: families.gauge(&names::STAGE_LAST_PROGRESS)?.get(&[stage])?,
        })
    }
}

/// A gauge that says so until it is set: 0 would be an alarm.
fn unknown(gauge: Gauge) -> Gauge {
    gauge.set(f64::NAN);
    gauge
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float by its format")]
fn float(count: u64) -> f64 {
    count as f64
}
