//! The order flow of one instrument: waves of orders around a fair price that wanders.
//!
//! Nobody in this market knows more than the fair price. When it leaves the spread, quotes on its
//! way are pulled or swept and the touch follows; otherwise orders come and go where they are.

use std::slice;

use super::Instrument;
use super::book::{Book, Lots, Ticks};
use super::draw::Draw;
use super::past;
use super::publisher::Publisher;
use super::regime::{Mood, Regime};
use super::script::Act;
use crate::domain::{Nanos, Side, UnixNanos};
use crate::simulator::history::{History, Print};
use crate::simulator::market::{Frame, Snapshot};

/// Prices with orders on each side that the flow keeps up.
const LEVELS: usize = 1_050;
/// Beyond so many the farthest are canceled.
const LEVELS_MAX: usize = 1_150;
/// Time between depth messages.
const DEPTH_INTERVAL: Nanos = 100_000_000;
/// How many orders come or go behind the best prices in a wave, on average.
const ORDERS_BEHIND: u64 = 6;
/// While nobody listens fewer do: the history before the epoch is quick to live through.
const ORDERS_BEHIND_UNHEARD: u64 = 2;
/// Parts of a tick in which the fair price moves.
const PARTS: i64 = 1_000;

/// One instrument's flow, book and history.
pub(super) struct Flow {
    volatility_ticks: u64,
    reach_ticks: u64,
    order_lots: u64,
    draw: Draw,
    regime: Regime,
    regime_ends: UnixNanos,
    /// When messages began to be written; what a script says counts from there.
    epoch: UnixNanos,
    /// What is left of the script.
    acts: slice::Iter<'static, Act>,
    /// Where the price began, in parts of a tick.
    home: i64,
    /// The fair price, in parts of a tick.
    fair: i64,
    book: Book,
    publisher: Publisher,
    last_wave: UnixNanos,
    next_wave: UnixNanos,
    next_depth: UnixNanos,
}

impl Flow {
    pub fn new(instrument: &Instrument, seed: u64, index: u64, start: UnixNanos) -> Self {
        let Instrument { listing, price, volatility_ticks, reach_ticks, order_lots } = instrument;
        let home = i64::try_from(price.0 / listing.tick.0.max(1))
            .unwrap_or(i64::MAX / PARTS)
            .saturating_mul(PARTS);
        // Ids begin high, as those of a venue that has been open for years.
        let (update_id, next_trade_id) = (40_000_000_000 + index, past::FIRST_TRADE_ID + index);
        let mut flow = Self {
            volatility_ticks: *volatility_ticks,
            reach_ticks: *reach_ticks,
            order_lots: *order_lots,
            draw: Draw::new(seed, index),
            regime: Regime::Calm,
            regime_ends: start,
            epoch: start,
            acts: [].iter(),
            home,
            fair: home,
            book: Book::new(update_id),
            publisher: Publisher::new(listing, update_id, next_trade_id),
            last_wave: start,
            next_wave: start,
            next_depth: start.plus(DEPTH_INTERVAL + index * 13_000_000),
        };
        flow.open();
        flow
    }

    /// Fills an empty book on both sides of the fair price.
    fn open(&mut self) {
        for side in [Side::Buy, Side::Sell] {
            let best = if side == Side::Buy { self.fair_ticks() } else { self.fair_ticks() + 1 };
            self.rest(side, best);
            // Bounded, for an instrument too cheap to have so many prices.
            for _ in 0..LEVELS * 20 {
                if self.book.ladder(side).len() >= LEVELS {
                    break;
                }
                self.rest_behind(side, best);
            }
        }
    }

    /// When something happens here next.
    pub fn next_due(&self) -> UnixNanos {
        self.next_wave.min(self.next_depth)
    }

    /// Lets the next thing happen.
    pub fn step(&mut self, out: &mut Vec<Frame>) {
        if self.next_depth <= self.next_wave {
            self.publisher.depth(self.next_depth, &mut self.book, out);
            self.next_depth = self.next_depth.plus(DEPTH_INTERVAL);
        } else {
            self.wave(out);
        }
    }

    /// Messages are written from here on, and a script begins.
    pub fn go_live(&mut self, epoch: UnixNanos, acts: &'static [Act]) {
        self.publisher.live = true;
        self.epoch = epoch;
        if !acts.is_empty() {
            self.regime_ends = epoch;
        }
        self.acts = acts.iter();
    }

    /// Takes trades in that were before it began; its own go on with their ids.
    pub fn remember(&mut self, prints: Vec<Print>) {
        self.publisher.remember(prints);
    }

    pub fn history(&mut self) -> &mut History {
        &mut self.publisher.history
    }

    pub fn snapshot(&self, limit: usize) -> Snapshot {
        self.publisher.snapshot(&self.book, limit)
    }

    /// Orders that arrive together: one reason, then everybody's answer to it.
    fn wave(&mut self, out: &mut Vec<Frame>) {
        let now = self.next_wave;
        let mood = self.mood(now);
        self.move_fair(&mood, now.since(self.last_wave) / 1_000);
        if let Some(side) = self.left_behind() {
            self.chase(side, out);
        } else if self.draw.chance(mood.taker_permille) {
            self.take_some(&mood, out);
        } else if self.draw.chance(850) {
            self.change_touch(out);
        }
        self.change_depth();
        if self.draw.chance(900) {
            self.tighten(out);
        }
        self.last_wave = now;
        self.next_wave = now.plus(1_000 * self.draw.exponential(mood.gap_us).max(50));
    }

    /// The present regime's numbers; moves on to the next regime when its time has come.
    fn mood(&mut self, now: UnixNanos) -> Mood {
        if now >= self.regime_ends {
            match self.next_act(now) {
                Some((regime, ends)) => (self.regime, self.regime_ends) = (regime, ends),
                None => self.draw_regime(now),
            }
        }
        self.regime.mood()
    }

    /// What the script says next, and until when.
    fn next_act(&mut self, now: UnixNanos) -> Option<(Regime, UnixNanos)> {
        let epoch = self.epoch;
        let ends = |act: &Act| epoch.plus(act.until_ms * 1_000_000);
        self.acts.find(|act| ends(act) > now).map(|act| (act.regime, ends(act)))
    }

    fn draw_regime(&mut self, now: UnixNanos) {
        let above_permille = (self.fair - self.home) / (self.home / 1_000).max(1);
        self.regime = self.regime.next(&mut self.draw, above_permille);
        let length_ms = self.draw.exponential(self.regime.mood().length_ms).max(300);
        self.regime_ends = now.plus(length_ms * 1_000_000);
    }

    /// A random walk that leans where the regime leans, within a fifth of where it began.
    fn move_fair(&mut self, mood: &Mood, elapsed_us: u64) {
        let deviation = self.volatility_ticks * mood.volatility_permille * elapsed_us.isqrt();
        let deviation = i64::try_from(deviation / 1_000).unwrap_or(i64::MAX / 100_000);
        let drift = i64::try_from(self.volatility_ticks * elapsed_us).unwrap_or_default();
        let step = deviation * self.draw.bell() / 1_000 + drift * mood.drift_permille / 1_000_000;
        let range = self.home / 5;
        self.fair = (self.fair + step).clamp(self.home - range, self.home + range);
    }

    fn fair_ticks(&self) -> Ticks {
        Ticks::try_from(self.fair / PARTS).unwrap_or(1).max(1)
    }

    /// The side that the fair price has left standing: makers of that side quote too generously.
    fn left_behind(&self) -> Option<Side> {
        let patience = self.volatility_ticks * 2 / 5;
        let (touch, fair) = (self.book.touch()?, self.fair_ticks());
        if fair > touch.ask.0 + patience {
            Some(Side::Sell)
        } else if fair + patience < touch.bid.0 {
            Some(Side::Buy)
        } else {
            None
        }
    }

    /// Quotes between the touch and the fair price are swept by a taker or pulled by their makers;
    /// the quotes that this leaves far behind on the other side mostly go.
    fn chase(&mut self, side: Side, out: &mut Vec<Frame>) {
        let fair = self.fair_ticks();
        let taker = side.opposite();
        if self.draw.chance(450) {
            let lots = self.size(10);
            self.take(taker, fair, lots, out);
        }
        self.book.pull(side, fair);
        if let Some(stale) = self.book.ladder(taker).best().map(|queue| queue.price) {
            let nth = self.draw.index(64);
            self.book.cancel(taker, stale, nth);
        }
        self.quote(out);
        self.tighten(out);
    }

    /// A taker who mostly stays within the best price.
    fn take_some(&mut self, mood: &Mood, out: &mut Vec<Frame>) {
        let side = if self.draw.chance(mood.buyer_permille) { Side::Buy } else { Side::Sell };
        let ladder = self.book.ladder(side.opposite());
        let greedy = self.draw.chance(160);
        let level = if greedy { ladder.iter().nth(2) } else { ladder.best() };
        let Some((limit, displayed)) = level.map(|queue| (queue.price, queue.lots)) else { return };
        let lots = if greedy { displayed + self.size(3) } else { self.size(1) / 3 + 1 };
        self.take(side, limit, lots, out);
    }

    /// Orders come to the best prices and leave them.
    fn change_touch(&mut self, out: &mut Vec<Frame>) {
        let side = self.side();
        let Some(best) = self.book.ladder(side).best() else { return };
        let (price, crowded) = (best.price, best.lots > self.order_lots * 24);
        if best.len() > 1 && (crowded || self.draw.chance(480)) {
            let nth = self.draw.index(64);
            self.book.cancel(side, price, nth);
        } else {
            self.rest(side, price);
        }
        self.quote(out);
    }

    /// Orders come and go deep in the book, where most of them are.
    fn change_depth(&mut self) {
        let mean = if self.publisher.live { ORDERS_BEHIND } else { ORDERS_BEHIND_UNHEARD };
        for _ in 0..self.draw.exponential(mean) {
            let side = self.side();
            let ladder = self.book.ladder(side);
            let Some(best) = ladder.best().map(|queue| queue.price) else { continue };
            let levels = ladder.len();
            if levels < LEVELS || self.draw.chance(400) {
                self.rest_behind(side, best);
            } else {
                let (price, nth) = (self.behind(side, best), self.draw.index(64));
                self.book.cancel(side, price, nth);
            }
            if levels > LEVELS_MAX {
                self.book.trim(side);
            }
        }
    }

    /// Closes a spread of more than one tick, as near to the fair price as it allows.
    fn tighten(&mut self, out: &mut Vec<Frame>) {
        let fair = self.fair_ticks();
        let (Some(bid), Some(ask)) = (self.book.bids.best(), self.book.asks.best()) else {
            return self.open();
        };
        let (bid, ask) = (bid.price, ask.price);
        if ask <= bid + 1 {
            return;
        }
        let target = fair.clamp(bid, ask - 1);
        if target > bid {
            self.rest(Side::Buy, target);
        }
        if target + 1 < ask {
            self.rest(Side::Sell, target + 1);
        }
        self.quote(out);
    }

    fn side(&mut self) -> Side {
        if self.draw.chance(500) { Side::Buy } else { Side::Sell }
    }

    /// A quantity around `times` the mean order, now and then ten times that.
    fn size(&mut self, times: u64) -> Lots {
        let mean = self.order_lots * times;
        let mean = if self.draw.chance(40) { mean * 10 } else { mean };
        self.draw.exponential(mean).max(1)
    }

    /// A maker's order at a price that does not cross; big ones rest at the best price.
    fn rest(&mut self, side: Side, price: Ticks) {
        let lots = self.size(3);
        self.place(side, price, lots);
    }

    /// A maker's order somewhere behind the best price.
    fn rest_behind(&mut self, side: Side, best: Ticks) {
        let price = self.behind(side, best);
        let lots = self.size(1);
        self.place(side, price, lots);
    }

    /// A price behind the best one.
    fn behind(&mut self, side: Side, best: Ticks) -> Ticks {
        let distance = self.draw.exponential(self.reach_ticks) + 1;
        match side {
            Side::Buy => best.saturating_sub(distance),
            Side::Sell => best.saturating_add(distance),
        }
    }

    fn place(&mut self, side: Side, price: Ticks, lots: Lots) {
        let mut matches = Vec::new();
        self.book.limit(side, price, lots, &mut matches);
        debug_assert!(matches.is_empty(), "makers quote behind the opposite touch");
    }

    /// A taker's order; the quote that it leaves is published before its trades, as the venue does.
    fn take(&mut self, side: Side, limit: Ticks, lots: Lots, out: &mut Vec<Frame>) {
        let mut matches = Vec::new();
        self.book.take(side, limit, lots, &mut matches);
        self.quote(out);
        for filled in matches {
            self.publisher.trade(self.next_wave, side, filled, out);
        }
    }

    fn quote(&mut self, out: &mut Vec<Frame>) {
        self.publisher.quote(self.next_wave, &self.book, out);
    }
}
