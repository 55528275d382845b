//! Closing: the bars of an instrument as its trades, its past and time itself close them, and how
//! strategies get to see them.
//!
//! While the past is being told, strategies see nothing. When it has ended they are shown its bars
//! in the order in which those were closed, the newest of each kind as an event to decide on, the
//! others only so that indicators know them.

use super::core::Engine;
use super::record::{Outlet, Record};
use crate::domain::{Candle, Cause, History, HistoryNeed, InstrumentId, Trade, UnixNanos};
use crate::strategy::{Bar, BarKind, Feed, Quality, Trigger};

impl Engine {
    /// How much of each instrument's past its strategies and its chart want.
    pub fn history_needs(&self) -> Vec<HistoryNeed> {
        let chart = (self.config.bars.chart, self.config.bars.chart_history);
        let mut needs = vec![HistoryNeed::default(); self.markets.len()];
        for need in &mut needs {
            want(need, chart);
        }
        for slot in &self.slots {
            let Some(need) = needs.get_mut(slot.instrument.index()) else { continue };
            for bars in slot.bars() {
                want(need, bars);
            }
            match slot.feed {
                Feed::Bars(kind) => want(need, (kind, slot.warm_up())),
                Feed::Trades => need.trades = need.trades.max(slot.warm_up()),
                Feed::Quotes => {}
            }
        }
        needs
    }

    /// What the strategies of an instrument decide on or read, each with the strategy's name.
    pub fn feeds(&self, instrument: InstrumentId) -> impl Iterator<Item = (&str, Feed)> {
        let here = self.slots.iter().filter(move |slot| slot.instrument == instrument);
        here.flat_map(|slot| {
            let config = self.config.strategies.get(slot.strategy.index());
            let name = config.map_or("", |config| config.name.as_str());
            let bars = slot.bars().map(|(kind, _)| Feed::Bars(kind));
            std::iter::once(slot.feed).chain(bars).map(move |feed| (name, feed))
        })
    }

    /// The instrument of a symbol.
    pub fn instrument(&self, symbol: &str) -> Option<InstrumentId> {
        let known = self.config.instruments.iter().position(|known| known.symbol == symbol)?;
        u16::try_from(known).ok().map(InstrumentId)
    }

    /// Makes bars of one more kind, for somebody who looks at them; no decision depends on it.
    pub fn make_bars(&mut self, instrument: InstrumentId, kind: BarKind, most: usize) {
        if let Some(market) = self.markets.get_mut(instrument.index()) {
            market.make_bars(kind, most);
        }
    }

    /// The closed bars of a kind that are kept, oldest first.
    pub fn closed_bars(&self, instrument: InstrumentId, kind: BarKind) -> Vec<Bar> {
        let market = self.markets.get(instrument.index());
        market.map_or_else(Vec::new, |market| market.closed.of(kind).rev().copied().collect())
    }

    /// Lets these candles, all of one length, stand in the place of the bars that trades make, and
    /// of whole multiples of theirs: what strategies would have seen had the venue told it so. For
    /// whoever compares a run with the venue's own history.
    pub fn supersede_bars(
        &mut self,
        instrument: InstrumentId,
        candles: impl IntoIterator<Item = Candle>,
    ) {
        if let Some(superseding) = self.superseding.get_mut(instrument.index()) {
            superseding.extend(candles.into_iter().map(|candle| (candle.open_time, candle)));
        }
    }

    /// Puts candles in the place of a bar that they say otherwise of.
    fn supersede(&self, instrument: InstrumentId, bar: &mut Bar) {
        let Some(candles) = self.superseding.get(instrument.index()) else { return };
        if candles.is_empty() || bar.kind.interval().is_none() {
            return;
        }
        if let Some(told) = Bar::told(candles, bar) {
            *bar = told;
        }
    }

    /// The instrument whose bars are due first, and when.
    pub(super) fn next_bars_due(&self) -> Option<(UnixNanos, InstrumentId)> {
        let first = (0..).zip(&self.bar_dues).min_by_key(|(_, due)| **due);
        first
            .filter(|(_, due)| **due < UnixNanos::MAX && !self.ending)
            .map(|(at, due)| (*due, InstrumentId(at)))
    }

    /// Something changed that decides when an instrument's bars are due.
    pub(super) fn note_bars_due(&mut self, instrument: InstrumentId) {
        let market = self.markets.get(instrument.index());
        let due = market.and_then(|market| market.bars_due(&self.config.bars));
        if let Some(noted) = self.bar_dues.get_mut(instrument.index()) {
            *noted = due.unwrap_or(UnixNanos::MAX);
        }
    }

    /// True while an instrument's past is being told.
    pub(super) fn is_joining(&self, instrument: InstrumentId) -> bool {
        self.markets.get(instrument.index()).is_some_and(|market| market.bars.is_joining())
    }

    /// Time is up: for what is missing, or for an interval that no trade closed.
    pub(super) fn fire_bars(&mut self, instrument: InstrumentId, out: &mut dyn Outlet) {
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        let cause = market.trade_cause;
        if market.wait_until.is_some() {
            return self.end_wait(instrument, false, cause, out);
        }
        let Some(until) = market.bars.due() else { return };
        let mut closed = self.take_closed();
        if let Some(market) = self.markets.get_mut(instrument.index()) {
            market.bars.close_until(until, &mut closed);
        }
        self.close(instrument, closed, cause, out);
    }

    /// A trade of the stream goes into the bars.
    pub(super) fn bar_trade(
        &mut self,
        instrument: InstrumentId,
        trade: &Trade,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let mut closed = self.take_closed();
        if let Some(market) = self.markets.get_mut(instrument.index()) {
            market.bars.take(trade, &mut closed);
            if market.bars.is_full() {
                self.closed = closed;
                return self.end_wait(instrument, false, cause, out);
            }
        }
        self.close(instrument, closed, cause, out);
    }

    /// A candle that is the market itself goes into the bars.
    pub(super) fn bar_candle(
        &mut self,
        instrument: InstrumentId,
        candle: &Candle,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let mut closed = self.take_closed();
        if let Some(market) = self.markets.get_mut(instrument.index()) {
            market.bars.take_candle(candle, &mut closed);
        }
        self.close(instrument, closed, cause, out);
    }

    /// The venue tells about the past.
    pub(super) fn history(
        &mut self,
        instrument: InstrumentId,
        history: History,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let is_anew =
            matches!(history, History::Hole { expected, received } if received < expected);
        if is_anew && self.is_joining(instrument) {
            // The past that was told belongs to ids that are gone: no more of it can come.
            self.end_wait(instrument, false, cause, out);
        }
        let mut closed = self.take_closed();
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        match history {
            History::Wanted => {
                market.bars.expect_history();
                market.past.clear();
                market.wait_until = Some(self.now.plus(self.config.bars.history_wait));
            }
            History::Hole { expected, received } => {
                market.bars.expect_repair(expected, received, &mut closed);
                let deadline = self.now.plus(self.config.bars.repair_wait);
                let waits = market.bars.is_waiting().then_some(deadline);
                market.wait_until = market.wait_until.or(waits);
            }
            History::Candle(candle) => market.bars.candle(&candle, &mut closed),
            History::Trade(trade) => {
                market.bars.repair(&trade, &mut closed);
                if market.bars.is_joining() {
                    self.show_trade(instrument, &trade);
                }
            }
            History::Ended => return self.end_wait(instrument, true, cause, out),
        }
        self.close(instrument, closed, cause, out);
    }

    /// Nothing is waited for any longer: what waited is taken in, and the past is over.
    fn end_wait(
        &mut self,
        instrument: InstrumentId,
        whole: bool,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let mut closed = self.take_closed();
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        market.wait_until = None;
        if !market.bars.is_joining() {
            market.bars.give_up(&mut closed);
            return self.close(instrument, closed, cause, out);
        }
        // What also came over REST was shown already.
        let next = market.bars.next_id();
        let is_new = |trade: &&Trade| next.is_none_or(|next| trade.id >= next);
        let waited: Vec<Trade> = market.bars.pending().filter(is_new).copied().collect();
        market.bars.give_up(&mut closed);
        let mut past = std::mem::take(&mut market.past);
        past.append(&mut closed);
        let time = self.now;
        let bars = u32::try_from(past.len()).unwrap_or(u32::MAX);
        out.record(&Record::Joined { instrument, time, bars, whole });
        for trade in &waited {
            self.show_trade(instrument, trade);
        }
        past.sort_by_key(|bar| (bar.close_time(), bar.length));
        for bar in &mut past {
            self.supersede(instrument, bar);
        }
        for (at, bar) in past.iter().enumerate() {
            let later = past.get(at + 1..).unwrap_or_default();
            let is_newest = !later.iter().any(|later| later.kind == bar.kind);
            self.keep(instrument, bar);
            self.show_bar(instrument, bar, is_newest, cause, out);
        }
        self.tell_late(instrument, out);
        self.closed = closed;
    }

    /// The buffer for bars that are closed now, empty.
    fn take_closed(&mut self) -> Vec<Bar> {
        let mut closed = std::mem::take(&mut self.closed);
        closed.clear();
        closed
    }

    /// Shows bars that were closed, in the order of their ends. Those that end together are all
    /// visible before the first of them is decided on.
    fn close(
        &mut self,
        instrument: InstrumentId,
        mut closed: Vec<Bar>,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        if market.bars.is_joining() {
            market.past.append(&mut closed);
        }
        closed.sort_by_key(|bar| (bar.close_time(), bar.length));
        for bar in &mut closed {
            self.supersede(instrument, bar);
        }
        for together in closed.chunk_by(|a, b| a.close_time() == b.close_time()) {
            for bar in together {
                self.keep(instrument, bar);
                if bar.quality != Quality::Complete {
                    let (time, bar) = (self.now, *bar);
                    out.record(&Record::BarClosed { instrument, time, bar });
                }
            }
            for bar in together {
                self.show_bar(instrument, bar, !self.is_past(instrument, bar), cause, out);
            }
        }
        self.tell_late(instrument, out);
        self.closed = closed;
    }

    fn keep(&mut self, instrument: InstrumentId, bar: &Bar) {
        if let Some(market) = self.markets.get_mut(instrument.index()) {
            market.closed.push(*bar);
        }
    }

    /// True for a bar that was repaired so late that the next one must be over: nobody acts on it.
    fn is_past(&self, instrument: InstrumentId, bar: &Bar) -> bool {
        let newest = self.markets.get(instrument.index()).and_then(|market| market.bars.newest());
        let config = &self.config.bars;
        let allowed = bar.length.saturating_add(config.lateness).saturating_add(config.repair_wait);
        let is_timed = matches!(bar.kind, BarKind::Time(_));
        is_timed && newest.is_some_and(|newest| newest.since(bar.close_time()) > allowed)
    }

    fn show_bar(
        &mut self,
        instrument: InstrumentId,
        bar: &Bar,
        decide: bool,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let (feed, trigger) = (Feed::Bars(bar.kind), Trigger::Bar(*bar));
        if bar.quality != Quality::Partial {
            self.measure_range(instrument, bar);
            // A distance in average true ranges is known once these are.
            self.guard_taken_over(instrument, cause, out);
        }
        if decide {
            self.evaluate_all(instrument, feed, &trigger, cause, out);
        } else {
            self.show_all(instrument, feed, &trigger);
        }
    }

    fn show_trade(&mut self, instrument: InstrumentId, trade: &Trade) {
        self.show_all(instrument, Feed::Trades, &Trigger::Trade(*trade));
    }

    fn tell_late(&mut self, instrument: InstrumentId, out: &mut dyn Outlet) {
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        for trade in market.bars.take_late() {
            let (time, ts_venue) = (self.now, trade.ts_venue);
            out.record(&Record::LateTrade { instrument, time, trade: trade.id, ts_venue });
        }
    }
}

/// Adds so many bars of a kind to what is wanted.
fn want(need: &mut HistoryNeed, (kind, count): (BarKind, usize)) {
    match kind {
        BarKind::Time(length) => need.intervals.push((length, count)),
        BarKind::Ticks(trades) => {
            let trades = usize::try_from(trades).unwrap_or(usize::MAX).saturating_mul(count);
            need.trades = need.trades.max(trades);
        }
        // How many trades make such a bar, only they tell.
        BarKind::Volume(_) | BarKind::Notional(_) if count > 0 => need.trades = usize::MAX,
        BarKind::Volume(_) | BarKind::Notional(_) => {}
    }
}
