//! Sizing: how much an order is for, in base asset, before it is floored to the lot.

use serde::{Deserialize, Serialize};

use super::config::OrderSize;
use super::core::Engine;
use super::deciding::{By, Wish};
use super::market::Market;
use super::slot::Slot;
use super::trading::pending;
use crate::domain::{DecisionId, Num, OrderKind, Price, Quantity, Side};
use crate::strategy::{Exits, Size};

/// How a wished quantity came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sizing {
    /// What says how much.
    pub rule: SizeRule,
    /// It is what the configuration says, not the strategy.
    pub configured: bool,
    /// What is held is closed besides.
    pub reverses: bool,
    /// The account's equity, where the rule is a ratio of it and it is known.
    pub equity: Option<Num>,
    /// What one unit of base asset counts for: the reference price, for a risk the distance to the
    /// stop. `None` where the rule needs none, or it is not known: then nothing is wanted.
    pub unit: Option<Num>,
    /// What is held that an order of this side closes.
    pub held: Quantity,
    /// How much of that is on its way to be closed.
    pub on_its_way: Quantity,
}

/// What says how much.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeRule {
    /// This much base asset.
    Base(Quantity),
    /// What this much quote asset buys.
    Quote(Num),
    /// What this ratio of equity buys.
    Equity(Num),
    /// What loses this ratio of equity at the stop.
    Risk(Num),
    /// What is held and not on its way to be closed.
    Close,
}

impl Sizing {
    /// Closes what is held.
    pub fn closing(held: Quantity, on_its_way: Quantity) -> Self {
        let (configured, reverses) = (false, false);
        let rule = SizeRule::Close;
        Self { rule, configured, reverses, equity: None, unit: None, held, on_its_way }
    }
}

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
        let (wanted, quantity, by) = (Quantity::ZERO, Quantity::ZERO, By::Strategy);
        let sizing = Sizing::closing(Quantity::ZERO, Quantity::ZERO);
        Wish { slot: at, decision, side, kind, wanted, quantity, reduce_only, exits, by, sizing }
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
        let (fresh, unit) = self.base_quantity(&wish, by);
        wish.sizing = Sizing {
            rule: match (size, by) {
                (Size::Close, _) => SizeRule::Close,
                (_, OrderSize::Base(quantity)) => SizeRule::Base(quantity),
                (_, OrderSize::Quote(value)) => SizeRule::Quote(value),
                (_, OrderSize::Equity(ratio)) => SizeRule::Equity(ratio),
                (_, OrderSize::Risk(ratio)) => SizeRule::Risk(ratio),
            },
            configured: matches!(size, Size::Configured | Size::Reverse),
            reverses: size == Size::Reverse,
            equity: match by {
                OrderSize::Equity(_) | OrderSize::Risk(_) => self.portfolio.equity,
                OrderSize::Base(_) | OrderSize::Quote(_) => None,
            },
            unit,
            held,
            on_its_way,
        };
        let wanted = match size {
            Size::Close => held.saturating_sub(on_its_way),
            Size::Reverse => held.add(fresh).unwrap_or(held).saturating_sub(on_its_way),
            _ => fresh,
        };
        let free = held.saturating_sub(on_its_way);
        wish.wanted = if wish.reduce_only { wanted.min(free) } else { wanted };
        wish
    }

    /// Of what a paused strategy wants, the part that leaves its position. Where nothing of it does,
    /// the risk checks refuse it.
    pub(super) fn unless_paused(&self, mut wish: Wish) -> Wish {
        let paused = self.slots.get(wish.slot).filter(|slot| self.is_paused(slot.strategy));
        let Some(slot) = paused else { return wish };
        let leaving = self.leaving(wish.slot, slot, wish.side).min(wish.wanted);
        if !leaving.is_zero() {
            (wish.wanted, wish.reduce_only, wish.exits) = (leaving, true, Some(Exits::default()));
            wish.sizing = Sizing::closing(wish.sizing.held, wish.sizing.on_its_way);
        }
        wish
    }

    /// How much an order of this side can still take off a position.
    pub(super) fn leaving(&self, at: usize, slot: &Slot, side: Side) -> Quantity {
        if slot.leaves_by(side) {
            slot.position.quantity.magnitude().saturating_sub(self.on_its_way(at, side))
        } else {
            Quantity::ZERO
        }
    }

    /// What the strategy's open orders of a side may still execute.
    pub(super) fn on_its_way(&self, at: usize, side: Side) -> Quantity {
        let (strategy, instrument) = self.owner(at);
        pending(
            self.orders.values().filter(|order| {
                order.request.id.strategy == strategy && order.request.instrument == instrument
            }),
            side,
        )
    }

    /// A size in base asset, and what a unit of it counts for; zero when that is not known.
    fn base_quantity(&self, wish: &Wish, size: OrderSize) -> (Quantity, Option<Num>) {
        let of_equity = |ratio: Num| self.portfolio.equity.and_then(|all| all.mul(ratio).ok());
        let (value, unit) = match size {
            OrderSize::Base(quantity) => return (quantity, None),
            OrderSize::Quote(value) => (Some(value), self.mark(wish).map(Price::num)),
            OrderSize::Equity(ratio) => (of_equity(ratio), self.mark(wish).map(Price::num)),
            OrderSize::Risk(ratio) => (of_equity(ratio), self.stop_distance(wish)),
        };
        let quantity = value.zip(unit).and_then(|(value, unit)| value.div(unit).ok());
        let quantity = quantity.and_then(|quantity| Quantity::new(quantity).ok());
        (quantity.unwrap_or(Quantity::ZERO), unit)
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
