//! Backfill: what is asked about an instrument's past, and how the answers become its history.
//!
//! ```text
//! 1d …│ 1h │ 1m │ 1s │ trades ────────────────►│ stream
//!     └────┴────┴────┴── each goes on where the longer candles end
//! ```
//!
//! The last candle of an answer is unfinished and is left out: shorter ones cover its time, and
//! trades the last second. Trades are joined to the stream by their ids, which leave nothing out;
//! where they do, the missing ones are asked for.

use std::collections::VecDeque;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::ask::Ask;
use super::join::Join;
use crate::domain::{Candle, History, HistoryNeed, Nanos, Trade, UnixNanos};
use crate::venue::Request;

/// A hole of more trades is not asked for one by one: the past is told anew, in candles.
const HOLE_MAX: u64 = 20_000;

/// Where facts about the past go.
pub type Tell<'a> = &'a mut dyn FnMut(History);

/// Everything about one instrument's past.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Backfill {
    need: HistoryNeed,
    started: bool,
    join: Option<Join>,
    holes: VecDeque<Hole>,
    hole_ask: Ask,
    /// The newest past trade's id.
    newest: Option<u64>,
}

/// Trades that are missing.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Hole {
    next: u64,
    to: u64,
}

impl Backfill {
    /// A backfill of so much.
    pub fn new(need: HistoryNeed) -> Self {
        Self { need, ..Self::default() }
    }

    fn is_wanted(&self) -> bool {
        !self.need.intervals.is_empty() || self.need.trades > 0
    }

    /// The first connection is up.
    pub fn connected(&mut self, now: UnixNanos, tell: Tell<'_>) {
        if !self.started && self.is_wanted() {
            self.start(0, now, tell);
        }
    }

    /// A trade came though no connection was ever up: recorded traffic without answers. Nobody can be
    /// asked, and what was before the first trade is not known.
    pub fn recorded(&mut self, tell: Tell<'_>) {
        if !self.started && self.is_wanted() {
            self.started = true;
            tell(History::Wanted);
            tell(History::Ended);
        }
    }

    fn start(&mut self, silent: Nanos, now: UnixNanos, tell: Tell<'_>) {
        self.join = Some(Join::new(&self.need, silent, now));
        self.started = true;
        self.holes.clear();
        self.hole_ask.settle();
        self.newest = None;
        tell(History::Wanted);
    }

    /// The trade id that is due by the past, before the stream brought one.
    pub fn expected(&self) -> Option<u64> {
        self.newest.map(|newest| newest.saturating_add(1))
    }

    /// The stream brought a trade.
    pub fn streamed(&mut self, id: u64) {
        if let Some(join) = &mut self.join {
            join.streamed.get_or_insert(id);
        }
    }

    /// The stream left trades out, over so long a time. Ids that jump back miss nothing.
    pub fn gap(&mut self, missing: Range<u64>, silent: Nanos, now: UnixNanos, tell: Tell<'_>) {
        if !self.is_wanted() {
            return;
        }
        let Range { start: expected, end: received } = missing;
        if received.saturating_sub(expected) > HOLE_MAX {
            return self.start(silent, now, tell);
        }
        tell(History::Hole { expected, received });
        if received > expected {
            self.holes.push_back(Hole { next: expected, to: received });
            self.ask_next_hole(now);
        }
    }

    fn ask_next_hole(&mut self, now: UnixNanos) {
        if self.join.is_none() && !self.holes.is_empty() && self.hole_ask.due().is_none() {
            self.hole_ask = Ask::default();
            self.hole_ask.want(now);
        }
    }

    /// Whoever was asked will not answer any more.
    pub fn ask_again(&mut self, now: UnixNanos) {
        self.hole_ask.again(now);
        if let Some(join) = &mut self.join {
            join.ask_again(now);
        }
    }

    /// When a question is due next.
    pub fn due(&self) -> Option<UnixNanos> {
        let join = self.join.as_ref().and_then(Join::due);
        join.into_iter().chain(self.hole_ask.due()).min()
    }

    /// Every question whose time has come.
    pub fn take(&mut self, now: UnixNanos, symbol: &str, wish: &mut dyn FnMut(Request)) {
        if let Some(join) = &mut self.join {
            join.take(now, symbol, wish);
        }
        if let Some(hole) = self.holes.front()
            && self.hole_ask.take(now)
        {
            wish(Request::TradesFrom { symbol: symbol.to_owned(), id: hole.next });
        }
    }

    /// Candles came; not those that are waited for is no harm.
    pub fn candles(
        &mut self,
        interval: &str,
        before_ms: Option<u64>,
        candles: Vec<Candle>,
        now: UnixNanos,
        tell: Tell<'_>,
    ) {
        let level = self.join.as_mut().and_then(|join| join.level(interval, before_ms));
        if let Some(level) = level {
            level.take(candles, now);
            self.advance(now, tell);
        }
    }

    /// Trades came: the newest, or those from an id on.
    pub fn trades(
        &mut self,
        from: Option<u64>,
        trades: Vec<Trade>,
        now: UnixNanos,
        tell: Tell<'_>,
    ) {
        if let Some(join) = &mut self.join
            && join.trades.is_asking(from)
        {
            join.trades.take(trades);
            return self.advance(now, tell);
        }
        if from.is_some() && from == self.holes.front().map(|hole| hole.next) {
            self.fill(&trades, now, tell);
        }
    }

    fn fill(&mut self, trades: &[Trade], now: UnixNanos, tell: Tell<'_>) {
        let Some(mut hole) = self.holes.front().copied() else { return };
        let before = hole.next;
        for trade in trades.iter().filter(|trade| (before..hole.to).contains(&trade.id)) {
            tell(History::Trade(*trade));
            hole.next = trade.id.saturating_add(1);
        }
        // The venue has nothing more of it.
        let is_over = hole.next >= hole.to || hole.next == before;
        match self.holes.front_mut() {
            Some(front) if !is_over => *front = hole,
            _ => drop(self.holes.pop_front()),
        }
        self.hole_over(now, tell);
    }

    /// Goes on with the next hole; without one, nothing more is missing.
    fn hole_over(&mut self, now: UnixNanos, tell: Tell<'_>) {
        self.hole_ask.settle();
        self.ask_next_hole(now);
        if self.holes.is_empty() {
            tell(History::Ended);
        }
    }

    /// A question got no answer that is of use. One that the venue will not answer is given up.
    pub fn unanswered(
        &mut self,
        request: &Request,
        given_up: bool,
        now: UnixNanos,
        tell: Tell<'_>,
    ) {
        match request {
            Request::Candles { interval, before_ms, .. } => {
                let level = self.join.as_mut().and_then(|join| join.level(interval, *before_ms));
                let Some(level) = level else { return };
                level.failed(given_up, now);
            }
            Request::Trades { .. } | Request::TradesFrom { .. } => {
                let from = match request {
                    Request::TradesFrom { id, .. } => Some(*id),
                    _ => None,
                };
                match &mut self.join {
                    Some(join) if join.trades.is_asking(from) => {
                        join.trades.failed(given_up, now);
                    }
                    _ if from != self.holes.front().map(|hole| hole.next) => return,
                    _ if given_up => {
                        self.holes.pop_front();
                        return self.hole_over(now, tell);
                    }
                    _ => self.hole_ask.failed(now),
                }
            }
            Request::Instruments | Request::Depth { .. } => return,
        }
        self.advance(now, tell);
    }

    /// Asks for what is still wanted; when nothing is, tells the past.
    fn advance(&mut self, now: UnixNanos, tell: Tell<'_>) {
        let Some(join) = &mut self.join else { return };
        join.advance(now);
        if join.is_complete()
            && let Some(join) = self.join.take()
        {
            self.tell(&join, tell);
            self.hole_ask.settle();
            self.ask_next_hole(now);
            if self.holes.is_empty() {
                tell(History::Ended);
            }
        }
    }

    fn tell(&mut self, join: &Join, tell: Tell<'_>) {
        for candle in join.candles() {
            tell(History::Candle(*candle));
        }
        for trade in join.trades.told() {
            tell(History::Trade(*trade));
        }
        self.newest = join.trades.told().last().map(|trade| trade.id);
        if let (Some(next), Some(to)) = (self.expected(), join.streamed)
            && next < to
        {
            self.holes.push_front(Hole { next, to });
        }
    }
}

#[cfg(test)]
#[path = "backfill_tests.rs"]
mod tests;
