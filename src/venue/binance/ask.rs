//! An ask: when a question is to be put to the venue next, counted in engine time.
//!
//! A question is asked once; it is asked again when its answer was no use (after a doubling delay)
//! or never came (after [`LOST`]).

use serde::{Deserialize, Serialize};

use crate::domain::{Nanos, UnixNanos};

/// The shortest span between two asks of the same question.
const PACE: Nanos = UnixNanos::SECOND;
/// The delay after the first failure; it doubles with each further one.
const RETRY_MIN: Nanos = UnixNanos::SECOND / 2;
/// The longest delay between retries.
const RETRY_MAX: Nanos = 30 * UnixNanos::SECOND;
/// An answer that takes longer than this is given up: the REST side may wait for its turn, but
/// always answers before.
const LOST: Nanos = 90 * UnixNanos::SECOND;

/// When a question is to be asked next, if at all.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ask {
    due: Option<UnixNanos>,
    asked: Option<UnixNanos>,
    failures: u32,
}

impl Ask {
    /// Asks as soon as the pace allows; nothing changes when it is wanted already.
    pub fn want(&mut self, now: UnixNanos) {
        let allowed = self.asked.map_or(now, |asked| asked.plus(PACE));
        self.due = self.due.or(Some(now.max(allowed)));
    }

    /// When to ask next.
    pub fn due(&self) -> Option<UnixNanos> {
        self.due
    }

    /// True when it is time: the question counts as asked from here.
    pub fn take(&mut self, now: UnixNanos) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            self.asked = Some(now);
            self.due = Some(now.plus(LOST));
        }
        is_due
    }

    /// The answer was no use: asks again, later each time.
    pub fn failed(&mut self, now: UnixNanos) {
        let delay = RETRY_MIN.saturating_mul(1 << self.failures.min(6)).min(RETRY_MAX);
        self.failures = self.failures.saturating_add(1);
        self.due = Some(now.plus(delay));
    }

    /// Whoever was asked will not answer any more: a question that is open is asked again now.
    pub fn again(&mut self, now: UnixNanos) {
        self.due = self.due.and(Some(now));
    }

    /// The answer was good, or nobody needs it any more.
    pub fn settle(&mut self) {
        self.due = None;
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixNanos {
        UnixNanos(seconds * UnixNanos::SECOND)
    }

    /// A venue that is asked twice while it thinks bans the address sooner.
    #[test]
    fn a_question_is_outstanding_once() {
        let mut ask = Ask::default();
        ask.want(at(1));
        assert!(ask.take(at(1)));
        ask.want(at(2));
        assert!(!ask.take(at(2)));
        assert!(ask.take(at(91)), "an answer that never comes is given up");
    }

    #[test]
    fn failures_space_the_retries_out_to_half_a_minute() {
        let mut ask = Ask::default();
        let mut delays = Vec::new();
        for _ in 0..8 {
            ask.failed(at(0));
            delays.push(ask.due().unwrap().0 * 2 / UnixNanos::SECOND);
        }
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
        ask.settle();
        assert_eq!(ask.due(), None);
    }

    #[test]
    fn a_book_that_keeps_breaking_asks_once_a_second() {
        let mut ask = Ask::default();
        ask.want(at(10));
        assert!(ask.take(at(10)));
        ask.settle();
        ask.want(at(10));
        assert!(!ask.take(at(10)));
        assert!(ask.take(at(11)));
    }
}
