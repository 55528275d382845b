//! The queue of alerts: bounded for each kind, the most urgent kind first, so that a flood of fills
//! never stands before a halt. Whoever adds to it never waits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::telemetry::{AlertKind, EventName};

/// Alerts of one kind that may wait.
const WAITING: usize = 16;
/// What a budget is for.
const MINUTE: Duration = Duration::from_secs(60);

/// One thing to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alert {
    /// What it is about.
    pub kind: AlertKind,
    /// The event's name.
    pub event: EventName,
    /// Its log line.
    pub line: Vec<u8>,
}

/// Why an alert is not told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Dropped {
    /// There were as many of its kind within a minute as may be.
    Budget,
    /// As many of its kind wait as may.
    Full,
    /// The run has ended.
    Ended,
}

/// What is to be done next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// Tell this.
    Tell(Alert),
    /// So many of a kind were dropped since this was said last.
    Count(AlertKind, Dropped, u64),
    /// Nothing any more.
    End,
}

/// Shared by those who add and the one who takes.
#[derive(Debug)]
pub struct Queue {
    per_minute: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    kinds: BTreeMap<AlertKind, OfKind>,
    dropped: BTreeMap<(AlertKind, Dropped), u64>,
    /// When nothing more is begun, once it is known.
    ends: Option<Instant>,
}

#[derive(Debug, Default)]
struct OfKind {
    waiting: VecDeque<Alert>,
    /// When those of the last minute were taken in.
    taken: VecDeque<Instant>,
}

impl State {
    /// The most urgent of what waits; once it is over, that it is left.
    fn waiting(&mut self, over: bool) -> Option<Next> {
        let (kind, of) = self.kinds.iter_mut().find(|(_, of)| !of.waiting.is_empty())?;
        if over {
            let count = of.waiting.len() as u64;
            of.waiting.clear();
            return Some(Next::Count(*kind, Dropped::Ended, count));
        }
        of.waiting.pop_front().map(Next::Tell)
    }
}

impl Queue {
    /// With a budget for each kind.
    pub fn new(per_minute: u32) -> Self {
        let per_minute = per_minute as usize;
        Self { per_minute, state: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an alert, or counts it as dropped.
    pub fn add(&self, alert: Alert, now: Instant) {
        let mut state = self.lock();
        let kind = alert.kind;
        let ended = state.ends.is_some();
        let of = state.kinds.entry(kind).or_default();
        while of.taken.front().is_some_and(|then| now.saturating_duration_since(*then) >= MINUTE) {
            of.taken.pop_front();
        }
        let dropped = match () {
            () if ended => Some(Dropped::Ended),
            () if of.waiting.len() >= WAITING => Some(Dropped::Full),
            () if of.taken.len() >= self.per_minute => Some(Dropped::Budget),
            () => None,
        };
        if let Some(why) = dropped {
            *state.dropped.entry((kind, why)).or_default() += 1;
        } else {
            of.taken.push_back(now);
            of.waiting.push_back(alert);
        }
        self.changed.notify_one();
    }

    /// Waits for what is to be done next. After the end what waits is still told, for as long as
    /// that lasts; then it is counted.
    pub fn next(&self) -> Next {
        let mut state = self.lock();
        loop {
            if let Some(((kind, why), count)) = state.dropped.pop_first() {
                return Next::Count(kind, why, count);
            }
            let over = state.ends.is_some_and(|ends| Instant::now() >= ends);
            if let Some(next) = state.waiting(over) {
                return next;
            }
            if state.ends.is_some() {
                return Next::End;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The run has ended: what waits may be told until then.
    pub fn end(&self, until: Instant) {
        self.lock().ends = Some(until);
        self.changed.notify_one();
    }

    /// When nothing may be told any more.
    pub fn ends(&self) -> Option<Instant> {
        self.lock().ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(kind: AlertKind, number: u64) -> Alert {
        let line = number.to_string().into_bytes();
        Alert { kind, event: EventName::FillReceived, line }
    }

    /// Lost if broken: the halt, behind a thousand fills.
    #[test]
    fn a_flood_of_one_kind_is_counted_and_holds_up_no_other() {
        let queue = Queue::new(20);
        let now = Instant::now();
        for number in 0..1_000 {
            queue.add(alert(AlertKind::Fill, number), now);
        }
        queue.add(alert(AlertKind::Halt, 0), now);
        let full = Next::Count(AlertKind::Fill, Dropped::Full, 1_000 - WAITING as u64);
        assert_eq!(queue.next(), full);
        assert_eq!(queue.next(), Next::Tell(alert(AlertKind::Halt, 0)));
        for number in 0..WAITING as u64 {
            assert_eq!(queue.next(), Next::Tell(alert(AlertKind::Fill, number)));
        }
        // Four are left of the budget; after a minute there is another one.
        for number in 0..10 {
            queue.add(alert(AlertKind::Fill, number), now);
        }
        assert_eq!(queue.next(), Next::Count(AlertKind::Fill, Dropped::Budget, 6));
        for number in 0..4 {
            assert_eq!(queue.next(), Next::Tell(alert(AlertKind::Fill, number)));
        }
        queue.add(alert(AlertKind::Fill, 0), now + MINUTE);
        assert_eq!(queue.next(), Next::Tell(alert(AlertKind::Fill, 0)));
    }

    /// Lost if broken: the alert of what ended the run, or the end of the run.
    #[test]
    fn at_the_end_what_waits_is_told_until_the_time_is_up() {
        let queue = Queue::new(20);
        let now = Instant::now();
        queue.add(alert(AlertKind::Halt, 1), now);
        queue.add(alert(AlertKind::Fill, 2), now);
        queue.add(alert(AlertKind::Fill, 3), now);
        queue.end(now + MINUTE);
        queue.add(alert(AlertKind::Stale, 4), now);
        assert_eq!(queue.next(), Next::Count(AlertKind::Stale, Dropped::Ended, 1));
        assert_eq!(queue.next(), Next::Tell(alert(AlertKind::Halt, 1)));
        queue.end(now);
        assert_eq!(queue.next(), Next::Count(AlertKind::Fill, Dropped::Ended, 2));
        assert_eq!(queue.next(), Next::End);
    }
}
