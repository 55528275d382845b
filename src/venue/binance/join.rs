//! A join: the candles and trades of the past being asked for, page by page.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ask::Ask;
use super::past::INTERVALS;
use crate::domain::{Candle, HistoryNeed, Nanos, Trade, UnixNanos};
use crate::venue::Request;

/// The most that one answer holds.
pub(super) const PAGE: usize = 1_000;
/// The most candles asked for of one length.
const CANDLES_MAX: usize = 5_000;
/// The most past trades asked for.
const TRADES_MAX: usize = 10_000;
/// Candles more than needed, for those that end between two answers.
const SPARE: usize = 5;
/// Candles that cover what longer ones leave open, by their place in [`INTERVALS`].
const FINER: [&str; 3] = ["1h", "1m", "1s"];

/// The past being asked for.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Join {
    /// Longest candles first.
    levels: Vec<Level>,
    /// The newest trades.
    pub trades: Tail,
    /// The first trade that came with the stream meanwhile.
    pub streamed: Option<u64>,
}

/// Candles of one length.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Level {
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
pub(super) struct Tail {
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

/// A question that is due now.
fn asked(now: UnixNanos) -> Ask {
    let mut ask = Ask::default();
    ask.want(now);
    ask
}

impl Join {
    /// Asks for so much, and for what was missed in a silence.
    pub fn new(need: &HistoryNeed, silent: Nanos, now: UnixNanos) -> Self {
        let level = |(interval, wanted)| Level {
            interval,
            wanted,
            candles: Vec::new(),
            before_ms: None,
            ask: asked(now),
            done: false,
        };
        let trades = Tail {
            wanted: need.trades.min(TRADES_MAX),
            trades: Vec::new(),
            from: None,
            ask: asked(now),
            asking: true,
            exhausted: false,
        };
        let levels = levels(need, silent).into_iter().map(level).collect();
        Self { levels, trades, streamed: None }
    }

    /// Whoever was asked will not answer any more.
    pub fn ask_again(&mut self, now: UnixNanos) {
        let asks = self.levels.iter_mut().map(|level| &mut level.ask);
        asks.chain([&mut self.trades.ask]).for_each(|ask| ask.again(now));
    }

    /// When a question is due next.
    pub fn due(&self) -> Option<UnixNanos> {
        let asks = self.levels.iter().map(|level| &level.ask).chain([&self.trades.ask]);
        asks.filter_map(Ask::due).min()
    }

    /// Every question whose time has come.
    pub fn take(&mut self, now: UnixNanos, symbol: &str, wish: &mut dyn FnMut(Request)) {
        for level in self.levels.iter_mut().filter(|level| !level.done) {
            if level.ask.take(now) {
                wish(level.request(symbol.to_owned()));
            }
        }
        if self.trades.asking && self.trades.ask.take(now) {
            let symbol = symbol.to_owned();
            wish(match self.trades.from {
                Some(id) => Request::TradesFrom { symbol, id },
                None => Request::Trades { symbol },
            });
        }
    }

    /// The candles that such a question asked for, while they are waited for.
    pub fn level(&mut self, interval: &str, before_ms: Option<u64>) -> Option<&mut Level> {
        self.levels.iter_mut().find(|level| {
            !level.done && word(level.interval) == interval && level.before_ms == before_ms
        })
    }

    /// Asks for older trades, where they are still wanted.
    pub fn advance(&mut self, now: UnixNanos) {
        if !self.trades.asking && self.wants_older_trades() {
            self.trades.ask_older(now);
        }
    }

    /// True when every question is answered or given up.
    pub fn is_complete(&self) -> bool {
        !self.trades.asking && self.levels.iter().all(|level| level.done)
    }

    /// Closed candles, those of the longest length first, each oldest first.
    pub fn candles(&self) -> impl Iterator<Item = &Candle> {
        self.levels.iter().flat_map(|level| &level.candles)
    }

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

    /// An answer came.
    pub fn take(&mut self, mut page: Vec<Candle>, now: UnixNanos) {
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
        self.ask = asked(now);
    }

    /// No useful answer came: it is asked again, or given up.
    pub fn failed(&mut self, given_up: bool, now: UnixNanos) {
        if given_up {
            self.end();
        } else {
            self.ask.failed(now);
        }
    }

    fn end(&mut self) {
        self.done = true;
        self.ask.settle();
    }
}

impl Tail {
    /// True while trades from this id on are waited for; `None` means the newest.
    pub fn is_asking(&self, from: Option<u64>) -> bool {
        self.asking && self.from == from
    }

    /// What was told so far, by rising id.
    pub fn told(&self) -> &[Trade] {
        &self.trades
    }

    /// An answer came.
    pub fn take(&mut self, mut page: Vec<Trade>) {
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
        self.ask = asked(now);
        self.asking = true;
    }

    /// No useful answer came: it is asked again, or given up.
    pub fn failed(&mut self, given_up: bool, now: UnixNanos) {
        if given_up {
            self.end();
        } else {
            self.ask.failed(now);
        }
    }

    fn end(&mut self) {
        self.exhausted = true;
        self.asking = false;
        self.ask.settle();
    }
}
