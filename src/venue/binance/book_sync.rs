//! Book sync: what keeps an instrument's book in step with the venue's update ids.
//!
//! Events are kept until a snapshot joins them; from then on each event must begin where the one
//! before ended. The rules, with L the update id that is known and an event holding updates U to u:
//!
//! 1. events are kept from the first on, and a snapshot is asked for;
//! 2. a snapshot older than the first kept event (U > L + 1) is asked for again;
//! 3. kept events with u <= L are dropped; the first one left holds L + 1;
//! 4. in step, u <= L is old and ignored, U > L + 1 is a gap: the book is discarded, back to 1.
//!
//! Ids that jump far back while time goes on mean that the venue began to count anew: a gap too.

use std::mem;

use serde::{Deserialize, Serialize};

use super::ask::Ask;
use crate::domain::{BookLoss, Level, MarketEvent, Nanos, UnixNanos};

/// Kept events beyond this start the collection anew: at ten a second, almost seven minutes.
const EVENTS_MAX: usize = 4_096;
/// Kept levels beyond this start the collection anew (48 bytes each).
const LEVELS_MAX: usize = 1 << 18;
/// Old ids with a time this much newer than the newest applied are no late copy.
const RESET: Nanos = UnixNanos::SECOND;

/// A change event of the depth stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DepthEvent<'a> {
    /// The first update id within.
    pub first: u64,
    /// The last update id within.
    pub last: u64,
    /// When the venue sent it.
    pub ts_venue: UnixNanos,
    /// Changed bids.
    pub bids: &'a [Level],
    /// Changed asks.
    pub asks: &'a [Level],
}

impl<'a> DepthEvent<'a> {
    fn told(&self) -> MarketEvent<'a> {
        MarketEvent::BookDelta {
            update_id: self.last,
            ts_venue: self.ts_venue,
            bids: self.bids,
            asks: self.asks,
        }
    }
}

/// A kept event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Kept {
    first: u64,
    last: u64,
    ts_venue: UnixNanos,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Kept {
    fn new(event: &DepthEvent<'_>) -> Self {
        Self {
            first: event.first,
            last: event.last,
            ts_venue: event.ts_venue,
            bids: event.bids.to_vec(),
            asks: event.asks.to_vec(),
        }
    }

    fn event(&self) -> DepthEvent<'_> {
        DepthEvent {
            first: self.first,
            last: self.last,
            ts_venue: self.ts_venue,
            bids: &self.bids,
            asks: &self.asks,
        }
    }
}

/// The newest update that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Known {
    update_id: u64,
    /// The time of the event that brought it; a snapshot has none.
    ts_venue: Option<UnixNanos>,
}

/// How an event stands to what is known.
enum Standing {
    Old,
    Next,
    Gap,
}

impl Known {
    fn after(event: &DepthEvent<'_>) -> Self {
        Self { update_id: event.last, ts_venue: Some(event.ts_venue) }
    }

    fn expected(self) -> u64 {
        self.update_id.saturating_add(1)
    }

    fn standing(self, event: &DepthEvent<'_>) -> Standing {
        let much_newer = self.ts_venue.is_some_and(|ts| event.ts_venue > ts.plus(RESET));
        if event.first > self.expected() {
            Standing::Gap
        } else if event.last > self.update_id {
            Standing::Next
        } else if much_newer {
            Standing::Gap
        } else {
            Standing::Old
        }
    }
}

/// Where the sync stands.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
enum Phase {
    /// No event came yet.
    #[default]
    Waiting,
    /// Contiguous events are kept for the snapshot; never empty.
    Collecting(Vec<Kept>),
    /// The book is in step.
    Synced(Known),
}

/// Takes a market event of the book.
pub type Tell<'a> = dyn FnMut(MarketEvent<'_>) + 'a;

/// The sync of one instrument's book.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BookSync {
    phase: Phase,
    /// When the snapshot is to be asked for.
    pub ask: Ask,
}

impl BookSync {
    /// True while the book is in step.
    pub fn is_synced(&self) -> bool {
        matches!(self.phase, Phase::Synced(_))
    }

    /// Takes a change event.
    pub fn event(&mut self, event: &DepthEvent<'_>, now: UnixNanos, tell: &mut Tell<'_>) {
        match &mut self.phase {
            Phase::Waiting => self.collect(event, now),
            Phase::Collecting(kept) => {
                if !keep(kept, event) {
                    self.collect(event, now);
                }
            }
            Phase::Synced(known) => match known.standing(event) {
                Standing::Old => {}
                Standing::Next => {
                    *known = Known::after(event);
                    tell(event.told());
                }
                Standing::Gap => {
                    self.lose(event.first, tell);
                    self.collect(event, now);
                }
            },
        }
    }

    /// Takes the snapshot asked for; false when nobody waits for one.
    pub fn snapshot(
        &mut self,
        update_id: u64,
        bids: &[Level],
        asks: &[Level],
        now: UnixNanos,
        tell: &mut Tell<'_>,
    ) -> bool {
        let Phase::Collecting(kept) = &mut self.phase else {
            return false;
        };
        let mut known = Known { update_id, ts_venue: None };
        if kept.first().is_some_and(|oldest| oldest.first > known.expected()) {
            self.ask.failed(now);
            return true;
        }
        tell(MarketEvent::BookSnapshot { update_id, bids, asks });
        for event in mem::take(kept).iter().filter(|event| event.last > update_id) {
            known = Known::after(&event.event());
            tell(event.event().told());
        }
        self.phase = Phase::Synced(known);
        self.ask.settle();
        true
    }

    /// The snapshot asked for did not come, or was no use.
    pub fn no_snapshot(&mut self, now: UnixNanos, tell: &mut Tell<'_>) {
        if let Phase::Collecting(_) = self.phase {
            self.ask.failed(now);
            tell(MarketEvent::BookLost(BookLoss::NoSnapshot));
        }
    }

    /// A change event came that could not be read: the book misses it, so it is discarded at once.
    /// The loss says that update 0 was received.
    pub fn unreadable(&mut self, tell: &mut Tell<'_>) {
        self.lose(0, tell);
    }

    /// The connection is down: whatever was kept does not join what comes next.
    pub fn disconnected(&mut self, tell: &mut Tell<'_>) {
        if self.is_synced() {
            tell(MarketEvent::BookLost(BookLoss::Disconnected));
        }
        self.discard();
    }

    /// Forgets everything; the next event begins a new collection.
    pub fn discard(&mut self) {
        self.phase = Phase::Waiting;
        self.ask.settle();
    }

    /// Begins a collection with this event.
    fn collect(&mut self, event: &DepthEvent<'_>, now: UnixNanos) {
        self.phase = Phase::Collecting(vec![Kept::new(event)]);
        self.ask.want(now);
    }

    /// Discards a book that was in step.
    fn lose(&mut self, received: u64, tell: &mut Tell<'_>) {
        if let Phase::Synced(known) = self.phase {
            tell(MarketEvent::BookLost(BookLoss::Gap { expected: known.expected(), received }));
            self.discard();
        }
    }
}

/// Adds an event to those kept; false when it does not join them or there is no room.
fn keep(kept: &mut Vec<Kept>, event: &DepthEvent<'_>) -> bool {
    let Some(newest) = kept.last() else {
        return false;
    };
    match Known::after(&newest.event()).standing(event) {
        Standing::Old => true,
        Standing::Gap => false,
        Standing::Next => {
            let levels: usize = kept.iter().map(|kept| kept.bids.len() + kept.asks.len()).sum();
            let has_room = kept.len() < EVENTS_MAX
                && levels + event.bids.len() + event.asks.len() <= LEVELS_MAX;
            if has_room {
                kept.push(Kept::new(event));
            }
            has_room
        }
    }
}

#[cfg(test)]
#[path = "book_sync_tests.rs"]
mod tests;
