//! The bars of one instrument, of every kind that somebody wants, and the order of its trades.
//!
//! Builders take trades in the order of their ids. Where trades are missing, those behind them wait
//! until the missing ones have come over REST; or until whoever asked gives up, and then the bars
//! around the hole are partial.
//!
//! ```text
//! stream   … 41 42 ▁▁ 45 46 47        43 44 were asked for: 45 46 47 wait
//! REST             43 44              taken in, then 45 46 47: the bar is repaired
//! ```
//!
//! Ids are looked at only once a source has said that it knows of missing ones: files of ticks
//! number their rows as they like.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::bar::{Bar, BarKind};
use super::bar_builder::{BarBuilder, Coming};
use crate::domain::{Candle, Trade, UnixNanos};

/// Trades that may wait; when more come, what is missing shall be given up.
const WAITING_MAX: usize = 1 << 17;

/// What trades wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
enum Waiting {
    /// Nothing: they are taken as they come.
    #[default]
    No,
    /// The past, up to the first of them.
    History,
    /// Missing trades.
    Hole,
}

/// Every kind of bar of one instrument.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Bars {
    /// One for each kind, in the order of the kinds.
    builders: Vec<BarBuilder>,
    /// The id that is due; `None` while nothing is known of what came before.
    next: Option<u64>,
    /// Venue time of the trade with the id before.
    before: UnixNanos,
    /// Ids are contiguous here, so that one left out is a hole.
    numbered: bool,
    waiting: Waiting,
    /// Ids last given up: from the first to before the second.
    lost: (u64, u64),
    pending: VecDeque<Trade>,
    /// When the next interval ends.
    due: Option<UnixNanos>,
    /// Trades that came too late for a bar, so far: counted, never applied.
    pub late_trades: u64,
    /// Those that nobody took note of yet.
    late: Vec<Trade>,
}

impl Bars {
    /// Makes bars of this kind from here on.
    pub fn make(&mut self, kind: BarKind) {
        let builder = BarBuilder::new(kind);
        if let Err(at) = self.builders.binary_search_by_key(&builder.kind(), BarBuilder::kind) {
            self.builders.insert(at, builder);
        }
    }

    /// The bar of a kind that is still open.
    pub fn open_bar(&self, kind: BarKind) -> Option<&Bar> {
        self.builders.iter().find(|builder| builder.kind() == kind)?.current()
    }

    /// True while trades wait for earlier ones.
    pub fn is_waiting(&self) -> bool {
        self.waiting != Waiting::No
    }

    /// True while the past is being told.
    pub fn is_joining(&self) -> bool {
        self.waiting == Waiting::History
    }

    /// Trades that wait, in the order of their ids.
    pub fn pending(&self) -> impl Iterator<Item = &Trade> {
        self.pending.iter()
    }

    /// The id that is due next; `None` while nothing is known of what came before.
    pub fn next_id(&self) -> Option<u64> {
        self.next
    }

    /// Venue time of the newest trade taken in; `None` before the first.
    pub fn newest(&self) -> Option<UnixNanos> {
        self.next.map(|_| self.before)
    }

    /// The venue time at which the next interval ends; `None` while trades wait.
    pub fn due(&self) -> Option<UnixNanos> {
        if self.is_waiting() { None } else { self.due }
    }

    /// The past was asked for: open intervals are begun again with it.
    pub fn expect_history(&mut self) {
        self.numbered = true;
        self.waiting = Waiting::History;
        self.next = None;
        self.builders.iter_mut().for_each(BarBuilder::expect_history);
    }

    /// Missing trades were asked for. Ids that jump back mean that the venue counts anew.
    pub fn expect_repair(&mut self, expected: u64, received: u64, closed: &mut Vec<Bar>) {
        self.numbered = true;
        if received < expected {
            self.give_up(closed);
            self.next = None;
            self.builders.iter_mut().for_each(BarBuilder::lose);
        } else if !self.is_waiting() {
            self.waiting = Waiting::Hole;
        }
    }

    /// Takes a trade of the stream.
    pub fn take(&mut self, trade: &Trade, closed: &mut Vec<Bar>) {
        if self.is_waiting() {
            self.pending.push_back(*trade);
        } else {
            self.apply(trade, false, closed);
        }
    }

    /// True when so many trades wait that waiting on costs more than what is missing.
    pub fn is_full(&self) -> bool {
        self.pending.len() >= WAITING_MAX
    }

    /// Takes a candle of the past.
    pub fn candle(&mut self, candle: &Candle, closed: &mut Vec<Bar>) {
        if self.is_joining() {
            for builder in &mut self.builders {
                builder.candle(candle, closed);
            }
        }
    }

    /// Takes a candle that is the market itself. Only the next one closes an interval, never time:
    /// where nothing is told, nothing is known.
    pub fn take_candle(&mut self, candle: &Candle, closed: &mut Vec<Bar>) {
        let mut in_time = true;
        for builder in &mut self.builders {
            in_time &= builder.take_candle(candle, closed);
        }
        self.late_trades += if in_time { 0 } else { candle.trades };
    }

    /// Takes a trade that was asked for; one that nobody waits for any more is late.
    pub fn repair(&mut self, trade: &Trade, closed: &mut Vec<Bar>) {
        if self.is_waiting() {
            self.apply(trade, true, closed);
        } else if (self.lost.0..self.lost.1).contains(&trade.id) {
            self.note_late(trade);
        }
    }

    /// Takes the late trades since the last call.
    pub fn take_late(&mut self) -> Vec<Trade> {
        std::mem::take(&mut self.late)
    }

    fn note_late(&mut self, trade: &Trade) {
        self.late_trades += 1;
        self.late.push(*trade);
    }

    /// Nothing more comes, or nobody waits any longer: takes the trades that waited. Where one is
    /// still missing, the bars around it are partial.
    pub fn give_up(&mut self, closed: &mut Vec<Bar>) {
        self.waiting = Waiting::No;
        while let Some(trade) = self.pending.pop_front() {
            self.apply(&trade, false, closed);
        }
        self.refresh();
    }

    /// Closes every interval that ends at or before `until`, in venue time.
    pub fn close_until(&mut self, until: UnixNanos, closed: &mut Vec<Bar>) {
        let known = self.next.is_some();
        for builder in &mut self.builders {
            builder.close_until(until, known, closed);
        }
        self.refresh();
    }

    fn apply(&mut self, trade: &Trade, repaired: bool, closed: &mut Vec<Bar>) {
        let mut before = None;
        if self.numbered {
            match self.next {
                // It came twice: over REST and with the stream.
                Some(next) if trade.id < next => return,
                Some(next) if trade.id > next => {
                    self.lost = (next, trade.id);
                    self.builders.iter_mut().for_each(BarBuilder::lose);
                }
                known => before = known.map(|_| self.before),
            }
        }
        let coming = Coming { before, repaired };
        let (mut in_time, mut due) = (true, UnixNanos::MAX);
        for builder in &mut self.builders {
            in_time &= builder.push(trade, coming, closed);
            due = due.min(builder.due().unwrap_or(UnixNanos::MAX));
        }
        self.due = (due < UnixNanos::MAX).then_some(due);
        if !in_time {
            self.note_late(trade);
        }
        self.next = Some(trade.id.saturating_add(1));
        self.before = trade.ts_venue;
    }

    fn refresh(&mut self) {
        self.due = self.builders.iter().filter_map(BarBuilder::due).min();
    }
}
