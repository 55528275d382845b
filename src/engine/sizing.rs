//! Sizing: how much an order is for, in base asset, before it is floored to the lot.

use super::config::OrderSize;
use super::core::Engine;
use super::deciding::Wish;
use super::market::Market;
use super::trading::pending;
use crate::domain::{DecisionId, Num, OrderKind, Price, Quantity, Side};
use crate::strategy::{Exits, Size};

impl Engine {
    /// An intent without its size; the exits of an entry are measured now.
    pub(super) fn wish(
        &self,
        at: usize,
        decision: DecisionId,
        (side, kind): (Side, OrderKind),
        reduce_only: bool,
        exits: Exits,
    ) -> Wish {
        let exits = if reduce_only {
            Some(Exits::default())
        } else {
            let exits = exits.or(self.configured_exits(at));
            self.guards.get(at).and_then(|guard| guard.resolve(exits))
        };
        let (wanted, quantity, is_exit) = (Quantity::ZERO, Quantity::ZERO, false);
        Wish { slot: at, decision, side, kind, wanted, quantity, reduce_only, exits, is_exit }
    }

    /// The wish with its size. What is already on its way counts: closing twice before the first
    /// fill is heard must not open the other side.
    pub(super) fn sized(&self, mut wish: Wish, size: Size) -> Wish {
        let Some(slot) = self.slots.get(wish.slot) else { return wish };
        let by = match size {
            Size::Configured | Size::Reverse => slot.size,
            Size::Quantity(quantity) => OrderSize::Base(quantity),
            Size::Quote(value) => OrderSize::Quote(value),
            Size::Equity(ratio) => OrderSize::Equity(ratio),
            Size::Risk(ratio) => OrderSize::Risk(ratio),
            Size::Close => OrderSize::Base(Quantity::ZERO),
        };
        if matches!(by, OrderSize::Risk(_)) && self.stop_distance(&wish).is_none() {
            // Without a stop there is no such size, and the check of the stop says so.
            wish.exits = wish.exits.filter(|_| wish.reduce_only);
        }
        let position = slot.position.quantity;
        let opposite = position.side() == Some(wish.side.opposite());
        let held = if opposite { position.magnitude() } else { Quantity::ZERO };
        let on_its_way = self.on_its_way(wish.slot, wish.side);
        let fresh = self.base_quantity(&wish, by);
        let wanted = match size {
            Size::Close => held.saturating_sub(on_its_way),
            Size::Reverse => held.add(fresh).unwrap_or(held).saturating_sub(on_its_way),
            _ => fresh,
        };
        let free = held.saturating_sub(on_its_way);
        wish.wanted = if wish.reduce_only { wanted.min(free) } else { wanted };
        wish
    }

    /// What the strategy's open orders of a side may still execute.
    fn on_its_way(&self, at: usize, side: Side) -> Quantity {
        let (strategy, instrument) = self.owner(at);
        pending(
            self.orders.values().filter(|order| {
                order.request.id.strategy == strategy && order.request.instrument == instrument
            }),
            side,
        )
    }

    /// A size in base asset; zero when what it needs is not known.
    fn base_quantity(&self, wish: &Wish, size: OrderSize) -> Quantity {
        let of_equity = |ratio: Num| self.portfolio.equity.and_then(|all| all.mul(ratio).ok());
        let (value, unit) = match size {
            OrderSize::Base(quantity) => return quantity,
            OrderSize::Quote(value) => (Some(value), self.mark(wish).map(Price::num)),
            OrderSize::Equity(ratio) => (of_equity(ratio), self.mark(wish).map(Price::num)),
            OrderSize::Risk(ratio) => (of_equity(ratio), self.stop_distance(wish)),
        };
        let quantity = value.zip(unit).and_then(|(value, unit)| value.div(unit).ok());
        quantity.and_then(|quantity| Quantity::new(quantity).ok()).unwrap_or(Quantity::ZERO)
    }

    /// The reference price of the wish's instrument.
    fn mark(&self, wish: &Wish) -> Option<Price> {
        let slot = self.slots.get(wish.slot)?;
        self.markets.get(slot.instrument.index()).and_then(Market::reference)
    }

    /// How far the wish's stop is from where it would enter: its limit, else the reference price.
    pub(super) fn stop_distance(&self, wish: &Wish) -> Option<Num> {
        let entry = wish.kind.price().or_else(|| self.mark(wish))?;
        wish.exits?.risk(entry)
    }
}
