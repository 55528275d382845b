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

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::ask::Ask;
use super::past::INTERVALS;
use crate::domain::{Candle, History, HistoryNeed, Nanos, Trade, UnixNanos};
use crate::venue::Request;

/// The most that one answer holds.
const PAGE: usize = 1_000;
/// The most candles asked for of one length.
const CANDLES_MAX: usize = 5_000;
/// The most past trades asked for.
const TRADES_MAX: usize = 10_000;
/// A hole of more trades is not asked for one by one: the past is told anew, in candles.
const HOLE_MAX: u64 = 20_000;
/// Candles more than needed, for those that end between two answers.
const SPARE: usize = 5;
/// Candles that cover what longer ones leave open, by their place in [`INTERVALS`].
const FINER: [&str; 3] = ["1h", "1m", "1s"];

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

/// The past being asked for.
#[derive(Clone, Serialize, Deserialize)]
struct Join {
    /// Longest candles first.
    levels: Vec<Level>,
    trades: Tail,
    /// The first trade that came with the stream meanwhile.
    streamed: Option<u64>,
}

/// Candles of one length.
#[derive(Clone, Serialize, Deserialize)]
struct Level {
    /// Place in [`INTERVALS`].
    interval: usize,
    wanted: usize,
    /// Closed ones, oldest first.
    candles: Vec<Candle>,
    before_ms: Option<u64>,
    ask: Ask,
    done: bool,
}

/// The newest trades, from some id up to now.
#[derive(Clone, Serialize, Deserialize)]
struct Tail {
    wanted: usize,
    trades: Vec<Trade>,
    /// Asked for from this id on; `None` for the newest.
    from: Option<u64>,
    ask: Ask,
    /// A question is open.
    asking: bool,
    /// There are no older ones, or they are not told.
    exhausted: bool,
}

/// Trades that are missing.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Hole {
    next: u64,
    to: u64,
}

/// The word of an interval.
fn word(interval: usize) -> &'static str {
    INTERVALS.get(interval).map_or("", |(word, _)| word)
}

/// How many candles of each length are needed, by place in [`INTERVALS`], after a silence.
fn levels(need: &HistoryNeed, silent: Nanos) -> BTreeMap<usize, usize> {
    let mut levels = BTreeMap::new();
    let mut want = |at: usize, count: usize| {
        let wanted: &mut usize = levels.entry(at).or_default();
        *wanted = (*wanted).max(count.min(CANDLES_MAX));
    };
    for (length, count) in &need.intervals {
        let fits = |(_, (_, interval)): &(usize, &(&str, Nanos))| length.is_multiple_of(*interval);
        let Some((at, (_, interval))) = INTERVALS.iter().enumerate().find(fits) else { continue };
        let each = usize::try_from(length / interval).unwrap_or(CANDLES_MAX);
        let missed = usize::try_from(silent / length).unwrap_or(CANDLES_MAX).saturating_add(1);
        let count = (*count).max(missed);
        want(at, count.saturating_add(1).saturating_mul(each).saturating_add(SPARE));
        let mut longer = *interval;
        for (finer, (name, interval)) in INTERVALS.iter().enumerate() {
            if *interval < longer && FINER.contains(name) {
                want(finer, usize::try_from(longer / interval).unwrap_or(CANDLES_MAX) + SPARE);
                longer = *interval;
            }
        }
    }
    levels
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
        let ask = || {
            let mut ask = Ask::default();
            ask.want(now);
            ask
        };
        let level = |(interval, wanted)| Level {
            interval,
            wanted,
            candles: Vec::new(),
            before_ms: None,
            ask: ask(),
            done: false,
        };
        let trades = Tail {
            wanted: self.need.trades.min(TRADES_MAX),
            trades: Vec::new(),
            from: None,
            ask: ask(),
            asking: true,
            exhausted: false,
        };
        let levels = levels(&self.need, silent).into_iter().map(level).collect();
        self.join = Some(Join { levels, trades, streamed: None });
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

    /// When a question is due next.
    pub fn due(&self) -> Option<UnixNanos> {
        let join = self.join.iter();
        let asks = join
            .flat_map(|join| join.levels.iter().map(|level| &level.ask).chain([&join.trades.ask]));
        asks.chain([&self.hole_ask]).filter_map(Ask::due).min()
    }

    /// Every question whose time has come.
    pub fn take(&mut self, now: UnixNanos, symbol: &str, wish: &mut dyn FnMut(Request)) {
        let symbol = || symbol.to_owned();
        if let Some(join) = &mut self.join {
            for level in join.levels.iter_mut().filter(|level| !level.done) {
                if level.ask.take(now) {
                    wish(level.request(symbol()));
                }
            }
            if join.trades.asking && join.trades.ask.take(now) {
                wish(match join.trades.from {
                    Some(id) => Request::TradesFrom { symbol: symbol(), id },
                    None => Request::Trades { symbol: symbol() },
                });
            }
        }
        if let Some(hole) = self.holes.front()
            && self.hole_ask.take(now)
        {
            wish(Request::TradesFrom { symbol: symbol(), id: hole.next });
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
        if let Some(level) = self.level(interval, before_ms) {
            level.take(candles, now);
            self.advance(now, tell);
        }
    }

    fn level(&mut self, interval: &str, before_ms: Option<u64>) -> Option<&mut Level> {
        self.join.as_mut()?.levels.iter_mut().find(|level| {
            !level.done && word(level.interval) == interval && level.before_ms == before_ms
        })
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
            && join.trades.asking
            && join.trades.from == from
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
                let Some(level) = self.level(interval, *before_ms) else { return };
                if given_up { level.end() } else { level.ask.failed(now) }
            }
            Request::Trades { .. } | Request::TradesFrom { .. } => {
                let from = match request {
                    Request::TradesFrom { id, .. } => Some(*id),
                    _ => None,
                };
                match &mut self.join {
                    Some(join) if join.trades.asking && join.trades.from == from => {
                        if given_up {
                            join.trades.end();
                        } else {
                            join.trades.ask.failed(now);
                        }
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
        if join.trades.asking {
            return;
        }
        if join.wants_older_trades() {
            join.trades.ask_older(now);
        } else if join.levels.iter().all(|level| level.done)
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
        for candle in join.levels.iter().flat_map(|level| &level.candles) {
            tell(History::Candle(*candle));
        }
        for trade in &join.trades.trades {
            tell(History::Trade(*trade));
        }
        self.newest = join.trades.trades.last().map(|trade| trade.id);
        if let (Some(next), Some(to)) = (self.expected(), join.streamed)
            && next < to
        {
            self.holes.push_front(Hole { next, to });
        }
    }
}

impl Join {
    /// True while fewer came than are wanted, or they do not reach back to the last candle.
    fn wants_older_trades(&self) -> bool {
        let Tail { wanted, trades, exhausted, .. } = &self.trades;
        let Some(oldest) = trades.first() else { return false };
        let reach = self.levels.last().filter(|level| level.done);
        let reach = reach.and_then(|level| level.candles.last()).map(Candle::close_time);
        let falls_short = reach.is_some_and(|reach| oldest.ts_venue >= reach);
        !exhausted && trades.len() < TRADES_MAX && (trades.len() < *wanted || falls_short)
    }
}

impl Level {
    fn request(&self, symbol: String) -> Request {
        let limit = u16::try_from(self.limit()).unwrap_or(u16::MAX);
        let interval = word(self.interval).to_owned();
        Request::Candles { symbol, interval, limit, before_ms: self.before_ms }
    }

    fn limit(&self) -> usize {
        self.wanted.saturating_sub(self.candles.len()).clamp(1, PAGE)
    }

    fn take(&mut self, mut page: Vec<Candle>, now: UnixNanos) {
        let is_last_page = page.len() < self.limit();
        if self.before_ms.is_none() {
            // The newest one is unfinished.
            page.pop();
        }
        page.append(&mut self.candles);
        self.candles = page;
        let oldest = self.candles.first().map(|candle| candle.open_time.millis());
        if is_last_page || oldest.is_none() || self.candles.len() + 1 >= self.wanted {
            return self.end();
        }
        self.before_ms = oldest;
        self.ask = Ask::default();
        self.ask.want(now);
    }

    fn end(&mut self) {
        self.done = true;
        self.ask.settle();
    }
}

impl Tail {
    fn take(&mut self, mut page: Vec<Trade>) {
        if let Some(oldest) = self.trades.first().map(|trade| trade.id) {
            page.retain(|trade| trade.id < oldest);
        }
        self.exhausted |= page.is_empty();
        page.append(&mut self.trades);
        self.trades = page;
        self.asking = false;
        self.ask.settle();
    }

    fn ask_older(&mut self, now: UnixNanos) {
        let oldest = self.trades.first().map_or(0, |trade| trade.id);
        self.from = Some(oldest.saturating_sub(PAGE as u64));
        self.ask = Ask::default();
        self.ask.want(now);
        self.asking = true;
    }

    fn end(&mut self) {
        self.exhausted = true;
        self.asking = false;
        self.ask.settle();
    }
}

#[cfg(test)]
#[path = "backfill_tests.rs"]
mod tests;
