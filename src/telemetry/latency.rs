//! Latencies: measured on the core thread, counted elsewhere.
//!
//! The core thread pushes plain samples into a ring, which costs it a few nanoseconds and never
//! waits; whoever drains the ring feeds the exported buckets and a histogram of exact percentiles.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hdrhistogram::Histogram;
use rtrb::{Consumer, Producer, RingBuffer};

use super::metrics::{Metrics, QueueState};
use super::word::{ByWord, Stage, Word};
use crate::domain::{DecisionId, Nanos, UnixNanos};

/// Samples the ring holds: four per message at 40,000 messages a second for 250 ms.
const CAPACITY: usize = 1 << 16;
/// Longest latency that is told exactly; longer ones count as this.
const LONGEST: Nanos = 60 * UnixNanos::SECOND;

/// How long what is recent stays so.
const MINUTE: Nanos = 60 * UnixNanos::SECOND;

/// What was measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timing {
    /// One unit of a stage's work.
    Stage(Stage),
    /// From the socket becoming readable to the strategy's last decision on what was read.
    TickToDecision(DecisionId),
    /// From there to the order that a decision led to.
    TickToOrder(DecisionId),
    /// One turn of the core thread, waiting not counted.
    EventLoop,
    /// From the venue's own time of a message to its receipt; `early` when it seems to be received
    /// before it was sent.
    Transit {
        /// The clocks differ.
        early: bool,
    },
}

/// The core thread's end of the ring.
pub struct Timings {
    producer: Producer<(Timing, Nanos)>,
    lost: Arc<AtomicU64>,
}

impl Timings {
    /// Takes one measurement; counts it as lost when the ring is full.
    pub fn record(&mut self, timing: Timing, nanos: Nanos) {
        if self.producer.push((timing, nanos)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Exact percentiles of the time from readable to decision, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Percentiles {
    /// Measurements so far.
    pub count: u64,
    /// Half are at or below this.
    pub p50: Nanos,
    /// 90 % are.
    pub p90: Nanos,
    /// 99 % are.
    pub p99: Nanos,
    /// 99.9 % are.
    pub p999: Nanos,
    /// The longest.
    pub max: Nanos,
}

/// The other end of the ring.
pub(super) struct TimingReader {
    consumer: Consumer<(Timing, Nanos)>,
    lost: Arc<AtomicU64>,
    high_water: u64,
    decisions: Histogram<u64>,
    /// Those of this minute, and of the one before.
    recent: [Histogram<u64>; 2],
    /// When this minute began.
    minute: UnixNanos,
    stages: ByWord<Stage, Histogram<u64>>,
}

/// What was measured so far, as readers get it: nobody waits for a lock to look.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Measured {
    /// From readable to decision; `None` before the first decision.
    pub decisions: Option<Percentiles>,
    /// 99 % of those of the last minute or two take at most this; `None` where there were none.
    pub recent_p99: Option<Nanos>,
    /// By stage: units of its work so far, and what 99 % of them take at most.
    pub stages: Vec<(u64, Option<Nanos>)>,
}

/// Both ends of a ring.
pub(super) fn ring() -> Result<(Timings, TimingReader), hdrhistogram::CreationError> {
    let (producer, consumer) = RingBuffer::new(CAPACITY);
    let lost = Arc::new(AtomicU64::new(0));
    let decisions = Histogram::new_with_bounds(1, LONGEST, 3)?;
    // Two digits: a stage is compared with another, not measured.
    let stages = ByWord::new(|_| Histogram::new_with_bounds(1, LONGEST, 2))?;
    let minute = || Histogram::new_with_bounds(1, LONGEST, 2);
    let reader = TimingReader {
        consumer,
        lost: lost.clone(),
        high_water: 0,
        decisions,
        recent: [minute()?, minute()?],
        minute: UnixNanos::default(),
        stages,
    };
    Ok((Timings { producer, lost }, reader))
}

impl TimingReader {
    /// Takes every sample that is there into the metrics and the percentiles.
    pub(super) fn drain(&mut self, metrics: &Metrics, now: UnixNanos) {
        self.high_water = self.high_water.max(self.consumer.slots() as u64);
        if now.since(self.minute) >= MINUTE {
            self.minute = now;
            self.recent.swap(0, 1);
            self.recent[0].reset();
        }
        while let Ok((timing, nanos)) = self.consumer.pop() {
            match timing {
                Timing::Stage(stage) => {
                    metrics.stage(stage, nanos, now);
                    self.stage(stage, nanos);
                }
                Timing::EventLoop => metrics.event_loop(nanos),
                Timing::Transit { early } => metrics.transit(early, nanos),
                Timing::TickToDecision(decision) => {
                    metrics.tick_to_decision(decision, nanos, now);
                    self.decisions.saturating_record(nanos.max(1));
                    self.recent[0].saturating_record(nanos.max(1));
                }
                Timing::TickToOrder(decision) => metrics.tick_to_order(decision, nanos, now),
            }
        }
    }

    /// One unit of a stage's work took this long.
    pub(super) fn stage(&mut self, stage: Stage, nanos: Nanos) {
        self.stages.get_mut(stage).saturating_record(nanos.max(1));
    }

    /// What was measured so far.
    pub(super) fn measured(&self) -> Measured {
        let p99 =
            |times: &Histogram<u64>| (!times.is_empty()).then(|| times.value_at_quantile(0.99));
        let stage = |stage: &Stage| {
            let times = self.stages.get(*stage);
            (times.len(), p99(times))
        };
        Measured {
            decisions: self.percentiles(),
            recent_p99: self.recent.iter().filter_map(p99).max(),
            stages: Stage::ALL.iter().map(stage).collect(),
        }
    }

    pub(super) fn queue(&self) -> QueueState {
        QueueState {
            depth: self.consumer.slots() as u64,
            capacity: CAPACITY as u64,
            high_water: self.high_water,
            dropped: self.lost.load(Ordering::Relaxed),
        }
    }

    /// `None` before the first measurement.
    fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| self.decisions.value_at_quantile(quantile);
        (!self.decisions.is_empty()).then(|| Percentiles {
            count: self.decisions.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.decisions.max(),
        })
    }
}
