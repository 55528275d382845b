//! The operator: what a person may ask of the engine while it runs. Every command is an input, so a
//! replay hears it at the same place.
//!
//! Halting and flattening both mean no new risk until resumed. Flattening also closes what is held,
//! and goes on doing so: an order that was canceled may still fill, a market order may find too
//! little, data may be stale for a while. Pausing concerns one strategy: its entries stop, its exits
//! work. The engine itself pauses one that panicked.

use std::collections::{BTreeMap, BTreeSet};

use super::config::Config;
use super::core::Engine;
use super::deciding::{By, Wish, number_form};
use super::input::Command;
use super::news::News;
use super::record::{Evaluation, Outcome, Outlet, Record, StopReason, TradingState};
use crate::domain::{
    Account, Cause, DecisionId, InstrumentId, OrderEventKind, OrderKind, OrderRequest, Quantity,
    Side, Signed, StrategyId, UnixNanos,
};
use crate::strategy::{Form, Node, Op, OperandRef, Site, Trigger, Truth, ValueKind, ValueName};

/// From one attempt to close a position to the next while none succeeds.
const TRY_AGAIN: u64 = UnixNanos::SECOND;

/// Why a strategy is paused, or that it goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pause {
    Asked,
    Failed(DecisionId),
    Over,
}

/// What is held by a strategy in an instrument and can still be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closable {
    /// Whose.
    pub strategy: StrategyId,
    /// In which instrument.
    pub instrument: InstrumentId,
    /// Signed quantity.
    pub quantity: Signed,
}

impl Engine {
    pub(super) fn command(&mut self, command: &Command, cause: Cause, out: &mut dyn Outlet) {
        match command {
            Command::Halt => {
                self.set_trading(TradingState::Halted(StopReason::Operator), cause, out);
            }
            Command::Resume => self.set_trading(TradingState::Active, cause, out),
            Command::Stop => {
                self.ending = true;
                self.end_traces(UnixNanos::MAX, out);
                self.sum_up(out);
                self.cancel_where(cause, out, |_| true);
            }
            Command::CancelAll => self.cancel_where(cause, out, |_| true),
            Command::Flatten => self.flatten(cause, out),
            Command::Pause(strategy) => self.set_paused(*strategy, Pause::Asked, cause, out),
            Command::Trace { instrument, length } => self.trace(*instrument, *length, out),
            Command::ResumeStrategy(strategy) => {
                self.set_paused(*strategy, Pause::Over, cause, out);
            }
        }
    }

    /// What was evaluated and not yet summed up is told now: nothing more will be.
    fn sum_up(&mut self, out: &mut dyn Outlet) {
        for slot in &mut self.slots {
            if let Some(summary) = slot.digest.close(slot.strategy, slot.instrument) {
                out.record(&Record::Summary(summary));
            }
        }
    }

    /// Orders that have not ended.
    pub fn open_orders(&self) -> usize {
        self.orders.len()
    }

    /// Every position that can be closed: of a lot or more, and worth the venue's minimum.
    pub fn closable(&self) -> impl Iterator<Item = Closable> + '_ {
        (0..self.slots.len()).filter_map(|at| {
            let slot = self.slots.get(at)?;
            let quantity = slot.position.quantity;
            self.tradable(at, quantity.side()?.opposite(), quantity.magnitude())?;
            let (strategy, instrument) = (slot.strategy, slot.instrument);
            Some(Closable { strategy, instrument, quantity })
        })
    }

    /// Which strategies an operator paused, by number.
    pub fn paused(&self) -> &[bool] {
        &self.paused
    }

    /// The account.
    pub fn account(&self) -> &Account {
        &self.portfolio.account
    }

    /// What it was built from, with rules that were changed since.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// True while a strategy may only leave positions.
    pub fn is_paused(&self, strategy: StrategyId) -> bool {
        self.paused.get(strategy.index()).copied().unwrap_or(false)
    }

    /// A strategy that panicked opens nothing more: its state is what the panic left.
    pub(super) fn pause_failed(
        &mut self,
        decision: DecisionId,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        self.set_paused(decision.strategy, Pause::Failed(decision), cause, out);
    }

    fn set_paused(
        &mut self,
        strategy: StrategyId,
        pause: Pause,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let paused = pause != Pause::Over;
        let Some(state) = self.paused.get_mut(strategy.index()) else { return };
        if *state == paused {
            return;
        }
        *state = paused;
        let failed = match pause {
            Pause::Failed(decision) => Some(decision),
            Pause::Asked | Pause::Over => None,
        };
        out.record(&Record::Paused { time: self.now, strategy, paused, failed });
        if paused {
            self.cancel_entries(strategy, cause, out);
        }
    }

    /// Cancels the open orders of a strategy that do not lead out of its position, or lead further
    /// than to flat: one that fills later would be an entry all the same.
    fn cancel_entries(&mut self, strategy: StrategyId, cause: Cause, out: &mut dyn Outlet) {
        let mut held: BTreeMap<(InstrumentId, Side), Quantity> = self
            .slots
            .iter()
            .filter(|slot| slot.strategy == strategy)
            .filter_map(|slot| {
                let way_out = slot.position.quantity.side()?.opposite();
                Some(((slot.instrument, way_out), slot.position.quantity.magnitude()))
            })
            .collect();
        let mut entries = BTreeSet::new();
        for order in self.orders.values().filter(|order| order.request.id.strategy == strategy) {
            let left = held.get_mut(&(order.request.instrument, order.request.side));
            match left.and_then(|left| left.sub(order.remaining()).ok().map(|rest| (left, rest))) {
                Some((left, rest)) => *left = rest,
                None => drop(entries.insert(order.request.id)),
            }
        }
        self.cancel_where(cause, out, |order| entries.contains(&order.request.id));
    }

    fn flatten(&mut self, cause: Cause, out: &mut dyn Outlet) {
        self.set_trading(TradingState::Flattening, cause, out);
        // What closes already is not called back.
        self.cancel_where(cause, out, |order| {
            !(order.request.reduce_only && order.request.kind == OrderKind::Market)
        });
        for at in 0..self.slots.len() {
            self.close_soon(at);
            self.close_position(at, cause, out);
        }
    }

    /// The market moved: what could not be closed before is tried again.
    pub(super) fn close_in(
        &mut self,
        instrument: InstrumentId,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        for n in 0.. {
            let Some(at) = self.slot_of(instrument, n) else { break };
            self.close_position(at, cause, out);
        }
    }

    /// Something happened to an order: what its position still holds is closed.
    pub(super) fn close_rest(
        &mut self,
        request: &OrderRequest,
        kind: &OrderEventKind,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let found = self.slots.iter().position(|slot| {
            slot.strategy == request.id.strategy && slot.instrument == request.instrument
        });
        let Some(at) = found else { return };
        // A fill is progress. After a rejection an immediate attempt would be rejected as well.
        if matches!(kind, OrderEventKind::Filled(_) | OrderEventKind::Canceled) {
            self.close_soon(at);
        }
        self.close_position(at, cause, out);
    }

    fn close_soon(&mut self, at: usize) {
        if let Some(slot) = self.slots.get_mut(at) {
            slot.close_after = UnixNanos::default();
        }
    }

    /// Sends what closes a position, unless it is on its way or was tried a moment ago.
    fn close_position(&mut self, at: usize, cause: Cause, out: &mut dyn Outlet) {
        let Some((side, quantity)) = self.closing(at) else { return };
        let Some(slot) = self.slots.get_mut(at) else { return };
        slot.close_after = self.now.plus(TRY_AGAIN);
        let held = slot.position.quantity;
        let Some(decision) = self.note_flatten(at, held, cause, out) else { return };
        let wish = Wish::closing(at, decision, side, quantity, By::Operator);
        self.want(&wish, true, cause, out);
    }

    /// By which side and how much a position can be closed now; `None` when nothing is to be done.
    fn closing(&self, at: usize) -> Option<(Side, Quantity)> {
        let slot = self.slots.get(at)?;
        let held = slot.position.quantity;
        let side = held.side()?.opposite();
        if self.now < slot.close_after {
            return None;
        }
        let market = self.markets.get(slot.instrument.index())?;
        let left = held.magnitude().saturating_sub(self.on_its_way(at, side));
        let most = market.instrument.max_quantity.unwrap_or(left);
        Some((side, self.tradable(at, side, left.min(most))?))
    }

    /// What of a quantity the venue takes an order for: floored to the lot, and worth its minimum. A
    /// smaller rest is dust.
    fn tradable(&self, at: usize, side: Side, quantity: Quantity) -> Option<Quantity> {
        let market = self.markets.get(self.slots.get(at)?.instrument.index())?;
        let quantity = quantity.floor_to(market.instrument.lot_size).ok()?;
        let price = market.touch(side).or_else(|| market.reference());
        let value = price.and_then(|price| price.notional(quantity).ok());
        let too_small = value.is_some_and(|value| value < market.instrument.min_notional);
        (!quantity.is_zero() && !too_small).then_some(quantity)
    }

    /// Records the operator's decision in the place of the strategy's: its value is what is held.
    fn note_flatten(
        &mut self,
        at: usize,
        held: Signed,
        cause: Cause,
        out: &mut dyn Outlet,
    ) -> Option<DecisionId> {
        let (strategy, instrument) = self.owner(at);
        let body = flatten_form();
        let is_it = |form: &Form| *form == body;
        let form = number_form(&mut self.forms, strategy, is_it, || body.clone(), out);
        let counters = self.counters.get_mut(strategy.index())?;
        counters.evaluations += 1;
        let id = DecisionId { strategy, n: counters.evaluations };
        let held = held.to_f64();
        let evaluation = Evaluation {
            id,
            instrument,
            cause,
            time: self.now,
            trigger: Trigger::Operator,
            form,
            values: vec![held],
            previous: vec![held],
            literals: vec![0.0],
            truths: vec![Truth::True],
            outcome: Outcome::Signal { intents: 1 },
            logs: Vec::new(),
            news: News::Changed,
        };
        self.tell_decided(at, evaluation, out);
        Some(id)
    }
}

/// `operator: flatten`, because the position is not zero.
fn flatten_form() -> Form {
    Form {
        values: vec![ValueName { name: "position".to_owned(), kind: ValueKind::Computed }],
        sites: vec![Site { label: "operator: flatten".to_owned(), root: 0 }],
        nodes: vec![Node::Compare {
            left: OperandRef::Value(0),
            op: Op::Ne,
            right: OperandRef::Literal(0),
        }],
    }
}
