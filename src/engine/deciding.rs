//! Deciding: an event reaches the strategies that asked for it, each makes one decision, and the
//! decision is recorded whether or not anything came of it.

use super::config::OrderSize;
use super::core::Engine;
use super::market::Market;
use super::record::{Outcome, Outlet, Record, Signal, Suppression};
use super::slot::{Runner, Slot, is_explained};
use super::trading::pending;
use crate::domain::{
    Cause, DecisionId, InstrumentId, Num, OrderKind, OrderState, Quantity, Side, StrategyId,
    UnixNanos,
};
use crate::strategy::{Context, Decision, Facts, Feed, Intent, Size, Trigger};

/// An order that a decision wants, after sizing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub slot: usize,
    pub decision: DecisionId,
    pub side: Side,
    pub kind: OrderKind,
    pub quantity: Quantity,
    pub reduce_only: bool,
    /// An operator closes a position: limits on new risk do not hold it back.
    pub operator: bool,
}

impl Engine {
    /// Lets every strategy of an instrument that listens to `feed` decide.
    pub(super) fn evaluate_all(
        &mut self,
        instrument: InstrumentId,
        feed: Feed,
        trigger: &Trigger,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let slots = self.routes.get(instrument.index()).map_or(0, Vec::len);
        for n in 0..slots {
            let at = self.routes.get(instrument.index()).and_then(|route| route.get(n));
            let Some(&at) = at else { continue };
            if self.slots.get(at).is_some_and(|slot| slot.feed == feed) {
                self.evaluate(at, trigger, cause, out);
            }
        }
    }

    fn evaluate(&mut self, at: usize, trigger: &Trigger, cause: Cause, out: &mut dyn Outlet) {
        let now = self.now;
        let Some(slot) = self.slots.get_mut(at) else { return };
        let Some(market) = self.markets.get(slot.instrument.index()) else { return };
        slot.draft.clear();
        match &mut slot.runner {
            Runner::Native(strategy) => {
                let facts = Facts {
                    now,
                    instrument: &market.instrument,
                    position: slot.position.quantity,
                    average_entry: slot.average_entry,
                    last_price: market.last_trade.map(|trade| trade.price),
                    quote: market.best(),
                    last_signal: slot.last_signal,
                };
                strategy.evaluate(&mut Context::new(facts, &mut slot.draft), trigger);
                self.conclude(at, trigger, cause, out);
            }
            Runner::External { awaiting: Some(_) } => {
                let outcome = Outcome::Suppressed(Suppression::AwaitingReply);
                self.note(at, trigger, cause, outcome, out);
            }
            Runner::External { awaiting } => {
                *awaiting = Some((cause, *trigger));
                let (strategy, instrument) = (slot.strategy, slot.instrument);
                out.record(&Record::Ask { strategy, instrument, cause, trigger: *trigger });
            }
        }
    }

    /// An external runner answers; an answer to anything but the last question is ignored.
    pub(super) fn reply(
        &mut self,
        strategy: StrategyId,
        instrument: InstrumentId,
        asked: Cause,
        decision: &Decision,
        out: &mut dyn Outlet,
    ) {
        let found = self
            .slots
            .iter()
            .position(|slot| slot.strategy == strategy && slot.instrument == instrument);
        let Some((at, slot)) = found.and_then(|at| Some((at, self.slots.get_mut(at)?))) else {
            return;
        };
        let Runner::External { awaiting } = &mut slot.runner else { return };
        if awaiting.as_ref().is_none_or(|(cause, _)| *cause != asked) {
            return;
        }
        let Some((cause, trigger)) = awaiting.take() else { return };
        slot.draft.load(decision.clone());
        self.conclude(at, &trigger, cause, out);
    }

    /// The draft is complete: record it, then act on what it wants.
    fn conclude(&mut self, at: usize, trigger: &Trigger, cause: Cause, out: &mut dyn Outlet) {
        let needs_book = self.needs_book();
        let Some(slot) = self.slots.get(at) else { return };
        let synced = self.markets.get(slot.instrument.index()).is_some_and(|market| market.synced);
        let outcome = match slot.outcome() {
            Outcome::Signal { .. } if needs_book && !synced => {
                Outcome::Suppressed(Suppression::BookNotTrusted)
            }
            Outcome::Signal { .. } if slot.wants_orders() && self.has_order_in_flight(slot) => {
                Outcome::Suppressed(Suppression::OrderInFlight)
            }
            Outcome::Signal { .. } if self.is_paused(slot.strategy) && slot.only_enters() => {
                Outcome::Suppressed(Suppression::Paused)
            }
            outcome => outcome,
        };
        let wants = matches!(outcome, Outcome::Signal { .. });
        let Some(decision) = self.note(at, trigger, cause, outcome, out) else { return };
        if wants {
            self.act(at, decision, cause, out);
        }
    }

    /// True while the venue has not said what became of an order of this slot: until then its
    /// position is not what it will be. An order of unknown outcome is for the risk checks: it may
    /// stay so for long, and what is held must remain sellable.
    fn has_order_in_flight(&self, slot: &Slot) -> bool {
        self.orders.values().any(|order| {
            let undecided = order.state == OrderState::Submitting
                || (order.is_open() && order.request.kind == OrderKind::Market);
            undecided
                && order.state != OrderState::Unknown
                && order.request.id.strategy == slot.strategy
                && order.request.instrument == slot.instrument
        })
    }

    /// Records the evaluation under a new decision id.
    fn note(
        &mut self,
        at: usize,
        trigger: &Trigger,
        cause: Cause,
        outcome: Outcome,
        out: &mut dyn Outlet,
    ) -> Option<DecisionId> {
        self.name_form(at, out);
        let slot = self.slots.get_mut(at)?;
        let counters = self.counters.get_mut(slot.strategy.index())?;
        counters.evaluations += 1;
        let id = DecisionId { strategy: slot.strategy, n: counters.evaluations };
        slot.write_evaluation(id, cause, self.now, trigger, outcome);
        out.record(slot.last.as_ref()?);
        Some(id)
    }

    /// Makes sure that the draft's form has a number, and records it on first use.
    fn name_form(&mut self, at: usize, out: &mut dyn Outlet) {
        let Some(slot) = self.slots.get_mut(at) else { return };
        if slot.form.is_some() && slot.draft.has_kept_shape() {
            return;
        }
        slot.draft.keep_shape();
        let found = self
            .forms
            .iter()
            .position(|(whose, form)| *whose == slot.strategy && slot.draft.has_form(form));
        let number = found.unwrap_or_else(|| {
            let body = slot.draft.form();
            self.forms.push((slot.strategy, body.clone()));
            let number = self.forms.len() - 1;
            let form = u16::try_from(number).unwrap_or(u16::MAX);
            out.record(&Record::Form { strategy: slot.strategy, form, body });
            number
        });
        slot.form = u16::try_from(number).ok();
    }

    fn act(&mut self, at: usize, decision: DecisionId, cause: Cause, out: &mut dyn Outlet) {
        let Some(slot) = self.slots.get_mut(at) else { return };
        slot.last_signal = Some(self.now);
        let intents = std::mem::take(&mut slot.draft.intents);
        let explained = is_explained(&slot.draft.rules.nodes);
        for intent in &intents {
            match intent {
                Intent::CancelAll => {
                    let (strategy, instrument) = self.owner(at);
                    self.cancel_where(cause, out, |order| {
                        order.request.id.strategy == strategy
                            && order.request.instrument == instrument
                    });
                }
                Intent::Order { side, kind, size, reduce_only } => {
                    let (side, kind) = (*side, *kind);
                    let wanted = self.wanted(at, side, *size, *reduce_only);
                    let (quantity, reduce_only) = match self.exit_of_paused(at, side, wanted) {
                        Some(exit) => (exit, true),
                        None => (wanted, *reduce_only),
                    };
                    let operator = false;
                    let wish =
                        Wish { slot: at, decision, side, kind, quantity, reduce_only, operator };
                    self.want(wish, explained, cause, out);
                }
            }
        }
        if let Some(slot) = self.slots.get_mut(at) {
            slot.draft.intents = intents;
        }
    }

    fn owner(&self, at: usize) -> (StrategyId, InstrumentId) {
        self.slots.get(at).map_or_else(Default::default, |slot| (slot.strategy, slot.instrument))
    }

    /// An intent's size in base asset, before flooring. What is already on its way counts: closing
    /// twice before the first fill is heard must not open the other side.
    fn wanted(&self, at: usize, side: Side, size: Size, reduce_only: bool) -> Quantity {
        let Some(slot) = self.slots.get(at) else { return Quantity::ZERO };
        let opposite = slot.position.quantity.side() == Some(side.opposite());
        let held = if opposite { slot.position.quantity.magnitude() } else { Quantity::ZERO };
        let on_its_way = self.on_its_way(at, side);
        let wanted = match size {
            Size::Configured => self.configured(at),
            Size::Quantity(quantity) => quantity,
            Size::Close => held.saturating_sub(on_its_way),
            Size::Reverse => {
                let target = held.add(self.configured(at)).unwrap_or(held);
                target.saturating_sub(on_its_way)
            }
        };
        if reduce_only { wanted.min(held.saturating_sub(on_its_way)) } else { wanted }
    }

    /// Of what a paused strategy wants, the part that leaves its position; `None` when the strategy is
    /// not paused, or nothing of it does: then the risk checks refuse it.
    fn exit_of_paused(&self, at: usize, side: Side, wanted: Quantity) -> Option<Quantity> {
        let slot = self.slots.get(at).filter(|slot| self.is_paused(slot.strategy))?;
        let exit = self.leaving(at, slot, side).min(wanted);
        (!exit.is_zero()).then_some(exit)
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

    /// A strategy's configured size at the reference price; zero when there is none.
    fn configured(&self, at: usize) -> Quantity {
        let Some(slot) = self.slots.get(at) else { return Quantity::ZERO };
        let value = match slot.size {
            OrderSize::Base(quantity) => return quantity,
            OrderSize::Quote(value) => Some(value),
            OrderSize::Equity(ratio) => {
                self.portfolio.equity.and_then(|equity| equity.mul(ratio).ok())
            }
        };
        let price = self.markets.get(slot.instrument.index()).and_then(Market::reference);
        let quantity = value.zip(price).and_then(|(value, price)| value.div(price.num()).ok());
        quantity.and_then(|quantity| Quantity::new(quantity).ok()).unwrap_or(Quantity::ZERO)
    }

    /// Floors a wish to the lot, records the signal, and hands it to risk.
    pub(super) fn want(&mut self, wish: Wish, explained: bool, cause: Cause, out: &mut dyn Outlet) {
        let (strategy, instrument) = self.owner(wish.slot);
        let lot = self
            .markets
            .get(instrument.index())
            .map_or(Num::ZERO, |market| market.instrument.lot_size.num());
        let quantity = wish.quantity.num().floor_to(lot).and_then(Quantity::new);
        let quantity = quantity.unwrap_or(Quantity::ZERO);
        if let Some(counters) = self.counters.get_mut(strategy.index()) {
            counters.signals += 1;
            counters.explained += u64::from(explained);
        }
        out.record(&Record::Signal(Signal {
            decision: wish.decision,
            instrument,
            time: self.now,
            side: wish.side,
            wanted: wish.quantity,
            quantity,
            reduce_only: wish.reduce_only,
        }));
        self.assess(Wish { quantity, ..wish }, instrument, cause, out);
    }

    /// Engine time, for tests and drivers.
    pub fn now(&self) -> UnixNanos {
        self.now
    }
}
