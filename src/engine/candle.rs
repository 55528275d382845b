//! Candles as the market: bars that the venue made, which people have instead of trades.
//!
//! A candle does not tell in which order its prices were traded. The engine goes through it the way
//! that is worst for whoever asks:
//!
//! ```text
//! exits of a long position    open ─► low ─► high ─► close
//! exits of a short position   open ─► high ─► low ─► close
//! resting orders              low, then high: filled where it went through their price
//! bars, strategies            the close: nothing later is known
//! ```
//! So where one candle reaches a stop and a target, the stop counts. An exit is reached at its level,
//! or at the open of a candle that begins beyond it, and its order executes there: the way to the
//! venue is short against a candle. An entry that a candle fills is guarded from the next one on.

use super::core::Engine;
use super::record::Outlet;
use crate::domain::{Candle, Cause, InstrumentId, Price, Quantity, Side, Trade};

impl Engine {
    /// A candle ended.
    pub(super) fn candle(
        &mut self,
        instrument: InstrumentId,
        candle: &Candle,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let now = self.now;
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        market.take_candle(candle, now, cause);
        if candle.trades > 0 {
            self.exits_within(instrument, candle, cause, out);
        }
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        market.touched(&touch(candle, candle.close, Side::Buy));
        if candle.trades > 0 {
            let extremes = [(candle.low, Side::Sell), (candle.high, Side::Buy)];
            for (price, aggressor) in extremes {
                let touch = touch(candle, price, aggressor);
                self.paper.traded(instrument, &touch, market, now, cause);
            }
        }
        self.revalue(instrument, cause, out);
        self.bar_candle(instrument, candle, cause, out);
    }

    /// Lets the price go through a candle for every slot that has exits.
    fn exits_within(
        &mut self,
        instrument: InstrumentId,
        candle: &Candle,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        for n in 0.. {
            let Some(at) = self.slot_of(instrument, n) else { break };
            if let Some(side) = self.guarded(at) {
                self.exit_within(at, (instrument, side), candle, cause, out);
            }
        }
    }

    /// The side that a slot holds and guards.
    fn guarded(&self, at: usize) -> Option<Side> {
        Some(self.guards.get(at)?.armed()?.side)
    }

    fn exit_within(
        &mut self,
        at: usize,
        (instrument, side): (InstrumentId, Side),
        candle: &Candle,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let Candle { open, high, low, close, .. } = *candle;
        let way = match side {
            Side::Buy => [open, low, high, close],
            Side::Sell => [open, high, low, close],
        };
        let mut from = open;
        for to in way {
            let met = self.guards.get(at).and_then(|guard| guard.armed()?.met(from, to));
            let aggressor = if to < from { Side::Sell } else { Side::Buy };
            for price in met.into_iter().chain([to]) {
                let touch = touch(candle, price, aggressor);
                if let Some(market) = self.markets.get_mut(instrument.index()) {
                    market.touched(&touch);
                }
                self.watch_exit(at, &touch, cause, out);
                self.execute_now(cause, out);
            }
            from = to;
        }
    }

    /// What an exit sent reaches the venue within the candle.
    fn execute_now(&mut self, cause: Cause, out: &mut dyn Outlet) {
        while let Some(due) = self.paper.pop_sent(cause) {
            self.fulfil(self.now, cause, due, out);
        }
    }
}

/// A price of a candle as a trade, of which no id and no quantity is known: it fills what it goes
/// through, and never what it only reaches.
fn touch(candle: &Candle, price: Price, aggressor: Side) -> Trade {
    let (id, ts_venue, quantity) = (0, candle.close_time(), Quantity::ZERO);
    Trade { id, ts_venue, price, quantity, aggressor }
}
