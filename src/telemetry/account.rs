//! A lane's account: every line that was emitted is written, lost for a named reason, or queued.
//!
//! The counters are the exported metrics themselves, so the account and `/metrics` cannot differ.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use prometheus::{Counter, Gauge, IntCounter};

use super::catalogue as names;
use super::registry::{Families, MetricError};
use super::word::{ByWord, LaneName, LossReason, RotationCause, Word, WriteOperation};
use crate::domain::UnixNanos;

/// What became of the lines of one lane.
pub(super) struct LaneAccount {
    emitted: IntCounter,
    written: IntCounter,
    written_bytes: IntCounter,
    lost: ByWord<LossReason, IntCounter>,
    failures: ByWord<WriteOperation, IntCounter>,
    rotations: ByWord<RotationCause, IntCounter>,
    truncated: IntCounter,
    last_write: Gauge,
    blocked_seconds: Counter,
    /// The lane is ending: what could not be written is tried again without a pause.
    hurried: AtomicBool,
    /// The shutdown's deadline passed: what comes is lost.
    abandoned: AtomicBool,
    /// The books are closed: a writer that wakes up late must not count twice.
    sealed: AtomicBool,
    /// Another segment is wanted.
    reopen: AtomicBool,
    /// Why nothing can be written at the moment.
    trouble: Mutex<Option<String>>,
}

impl LaneAccount {
    pub(super) fn new(families: &Families, lane: LaneName) -> Result<Self, MetricError> {
        let lane = lane.as_str();
        let reasons = families.counter(&names::LOG_DROPPED)?;
        let operations = families.counter(&names::LOG_WRITE_ERRORS)?;
        let causes = families.counter(&names::LOG_ROTATIONS)?;
        Ok(Self {
            emitted: families.counter(&names::LOG_EMITTED)?.get(&[lane])?,
            written: families.counter(&names::LOG_WRITTEN)?.get(&[lane])?,
            written_bytes: families.counter(&names::LOG_WRITTEN_BYTES)?.get(&[lane])?,
            lost: ByWord::new(|reason| reasons.get(&[lane, reason]))?,
            failures: ByWord::new(|operation| operations.get(&[lane, operation]))?,
            rotations: ByWord::new(|cause| causes.get(&[lane, cause]))?,
            truncated: families.counter(&names::LOG_TRUNCATED)?.get(&[lane])?,
            last_write: families.gauge(&names::LOG_LAST_WRITE)?.get(&[lane])?,
            blocked_seconds: families.amount(&names::QUEUE_BLOCKED)?.get(&[lane])?,
            hurried: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            sealed: AtomicBool::new(false),
            reopen: AtomicBool::new(false),
            trouble: Mutex::new(None),
        })
    }

    pub(super) fn emitted(&self, lines: u64) {
        self.emitted.inc_by(lines);
    }

    pub(super) fn written(&self, lines: u64, bytes: usize, now: UnixNanos) {
        if !self.sealed.load(Ordering::Acquire) {
            self.written.inc_by(lines);
            self.written_bytes.inc_by(bytes as u64);
            self.last_write.set(seconds(now));
        }
        self.set_trouble(None);
    }

    pub(super) fn lost(&self, reason: LossReason, lines: u64) {
        if !self.sealed.load(Ordering::Acquire) {
            self.lost.get(reason).inc_by(lines);
        }
    }

    pub(super) fn failed(&self, operation: WriteOperation) {
        self.failures.get(operation).inc();
    }

    pub(super) fn rotated(&self, cause: RotationCause) {
        self.rotations.get(cause).inc();
    }

    pub(super) fn truncated(&self) {
        self.truncated.inc();
    }

    pub(super) fn blocked(&self, seconds: f64) {
        self.blocked_seconds.inc_by(seconds);
    }

    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Why nothing can be written at the moment, in one sentence.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lines lost so far, for whatever reason.
    pub(super) fn lost_lines(&self) -> u64 {
        LossReason::ALL.iter().map(|reason| self.lost.get(*reason).get()).sum()
    }

    /// Lines emitted, neither written nor lost yet.
    pub(super) fn queued(&self) -> u64 {
        self.emitted.get().saturating_sub(self.written.get() + self.lost_lines())
    }

    /// The lane's next line shall begin another segment.
    pub(super) fn ask_reopen(&self) {
        self.reopen.store(true, Ordering::Release);
    }

    /// True once after each time that another segment was asked for.
    pub(super) fn take_reopen(&self) -> bool {
        self.reopen.load(Ordering::Relaxed) && self.reopen.swap(false, Ordering::AcqRel)
    }

    /// The lane is ending: there is no time for pauses.
    pub(super) fn hurry(&self) {
        self.hurried.store(true, Ordering::Release);
    }

    pub(super) fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::Acquire)
    }

    /// From here on everything is lost: the deadline passed.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Closes the books: what is still queued in a writer that does not answer is lost.
    pub(super) fn seal(&self) {
        self.lost(LossReason::Shutdown, self.queued());
        self.sealed.store(true, Ordering::Release);
    }
}

/// A moment as metrics say it.
pub(super) fn seconds(time: UnixNanos) -> f64 {
    nanos_to_seconds(time.0)
}

/// A span as metrics say it.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float by its format")]
pub(super) fn nanos_to_seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
