//! Exits: what closes a position by itself. Each slot has a [`Guard`] that knows the exits of what
//! is held, watches every trade, and closes through the same decisions, checks and orders as
//! anything else.
//!
//! ```text
//! fill ─► armed ─► watching ──reached──► decision ─► waiting   its own resting orders are canceled
//!           ▲         ▲                                 └────► sent ─► filled: flat, disarmed
//!           │         └──── again, after 1 s, 2 s, … 60 s ◄─────┘  refused, rejected or expired
//!           └──── moved: a further fill, or the trailing stop follows the price
//! ```
//! Levels are held against the price of each trade, as a venue's own stop orders are. The exits of
//! the newest entry that filled hold for the whole position; its average true range is that of the
//! moment when it was wished for. A stop is rounded to the tick towards the entry, so is a target:
//! neither is reached later than configured. One exit is on its way at a time, and an exit of
//! unknown outcome counts as one until the venue speaks. What is too small to be sold is not
//! guarded. A halt stops exits too; a failed one is tried again at once when trading is resumed
//! or the book is in sync again.

use super::core::Engine;
use super::deciding::{By, Wish, form_number};
use super::guard::{AGAIN_FIRST, Armed, Attempt, Guard};
use super::market::Market;
use super::news::News;
use super::record::{Evaluation, ExitChange, ExitReport, Levels, Outcome, Outlet, Record};
use super::slot::Slot;
use super::trading::pending;
use crate::domain::{
    Cause, DecisionId, InstrumentId, Order, OrderEvent, OrderEventKind, OrderId, OrderRequest,
    OrderState, Price, Quantity, Side, Trade,
};
use crate::strategy::{Bar, Draft, ExitKind, Exits, Feed, Trigger};

/// Entries whose exits are remembered before those that cannot fill any more are forgotten.
const PLANS_KEPT: usize = 512;

impl Engine {
    /// Feeds a closed bar to the guards of the slots that listen to its length.
    pub(super) fn measure_range(&mut self, instrument: InstrumentId, bar: &Bar) {
        let feed = Feed::Bars(bar.kind);
        for (slot, guard) in self.slots.iter().zip(&mut self.guards) {
            if slot.instrument == instrument && slot.feed == feed {
                guard.push(bar);
            }
        }
    }

    /// Remembers the exits that an entry asked for, until it fills.
    pub(super) fn plan_exits(&mut self, at: usize, order: OrderId, exits: Exits) {
        let Some(guard) = self.guards.get_mut(at) else { return };
        if guard.plans.len() >= PLANS_KEPT {
            let (open, canceled) = (&self.orders, &self.canceled);
            let may_fill = |id: &OrderId| {
                open.contains_key(id) || canceled.iter().any(|order| order.request.id == *id)
            };
            guard.plans.retain(|id, _| may_fill(id));
        }
        guard.plans.insert(order, exits);
    }

    /// A fill moved a slot's position: its guard is armed, moved or disarmed.
    pub(super) fn guard_position(
        &mut self,
        at: usize,
        request: &OrderRequest,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let configured = self.configured_exits(at);
        let (Some(slot), Some(guard)) = (self.slots.get(at), self.guards.get_mut(at)) else {
            return;
        };
        let Some(market) = self.markets.get(slot.instrument.index()) else { return };
        let before = guard.armed;
        let side = slot.position.quantity.side();
        if side == Some(request.side) {
            let adds = before.is_some_and(|armed| armed.side == request.side);
            guard.adopt(request.id, configured, adds);
        }
        let next = guard.renewed(slot, &market.instrument, request.id, cause, self.now);
        guard.armed = next;
        let stays = before.zip(next).is_some_and(|(before, next)| before.side == next.side);
        if let Some(Armed { attempt: Attempt::Waiting(decision), side, .. }) = before
            && !stays
        {
            // What the exit waited for has closed the position.
            let wish = Wish::closing(at, decision, side.opposite(), Quantity::ZERO, By::Exit);
            self.want(&wish, true, cause, out);
        }
        let change = match (before, next) {
            (Some(_), None) => Some(ExitChange::Disarmed),
            (_, Some(_)) if !stays => Some(ExitChange::Armed),
            (Some(before), Some(next)) if before.levels != next.levels => Some(ExitChange::Moved),
            _ => None,
        };
        if let Some((change, armed)) = change.zip(next.or(before)) {
            self.tell_exit(at, change, armed.levels, cause, out);
        }
        self.schedule_exits();
    }

    /// Arms the configured exits of positions that were taken over without any: the configuration
    /// got them since.
    pub(super) fn guard_taken_over(
        &mut self,
        instrument: InstrumentId,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        for n in 0.. {
            let Some(at) = self.slot_of(instrument, n) else { break };
            let configured = self.configured_exits(at);
            let (Some(slot), Some(guard)) = (self.slots.get(at), self.guards.get_mut(at)) else {
                continue;
            };
            let Some(market) = self.markets.get(instrument.index()) else { continue };
            if slot.position.is_flat() || configured.is_empty() || !guard.is_bare() {
                continue;
            }
            let order = OrderId { strategy: slot.strategy, n: 0 };
            guard.adopt(order, configured, false);
            guard.armed = guard.renewed(slot, &market.instrument, order, cause, self.now);
            if let Some(armed) = guard.armed {
                self.tell_exit(at, ExitChange::Armed, armed.levels, cause, out);
                self.schedule_exits();
            }
        }
    }

    /// The exits that the configuration gives a slot's strategy.
    pub(super) fn configured_exits(&self, at: usize) -> Exits {
        let slot = self.slots.get(at);
        let config = slot.and_then(|slot| self.config.strategies.get(slot.strategy.index()));
        config.map(|config| config.exits).unwrap_or_default()
    }

    /// A trade moves the trailing stops of its instrument and may reach an exit.
    pub(super) fn watch_exits(
        &mut self,
        instrument: InstrumentId,
        trade: &Trade,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        for n in 0.. {
            let Some(at) = self.slot_of(instrument, n) else { break };
            self.watch_exit(at, trade, cause, out);
        }
    }

    /// A trade moves a slot's trailing stop and may reach one of its exits.
    pub(super) fn watch_exit(
        &mut self,
        at: usize,
        trade: &Trade,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        if let Some(armed) = self.armed(at) {
            if armed.stale && self.is_fresh(at) {
                // What was in the way is gone: waiting longer would only lose more.
                let now = self.now;
                self.armed_mut(at).into_iter().for_each(|armed| armed.retry(now));
            }
            self.follow(at, trade.price, cause, out);
            self.try_exit(at, &Trigger::Trade(*trade), cause, out);
        }
    }

    fn follow(&mut self, at: usize, price: Price, cause: Cause, out: &mut dyn Outlet) {
        let (Some(slot), Some(guard)) = (self.slots.get(at), self.guards.get_mut(at)) else {
            return;
        };
        let Some(market) = self.markets.get(slot.instrument.index()) else { return };
        let tick = market.instrument.tick_size.num();
        if let Some(levels) = guard.follow(price, tick, self.now) {
            self.tell_exit(at, ExitChange::Moved, levels, cause, out);
        }
    }

    /// Fires the exits whose time has come.
    pub(super) fn fire_exits(&mut self, out: &mut dyn Outlet) {
        for at in 0..self.guards.len() {
            let Some(guard) = self.guards.get_mut(at) else { continue };
            if guard.due().is_none_or(|due| due > self.now) {
                continue;
            }
            let Some(armed) = guard.armed.as_mut() else { continue };
            // Whatever comes of it, the same moment must not be due again.
            armed.snooze = self.now.plus(AGAIN_FIRST);
            let (trigger, cause) = (Trigger::Due(self.now), armed.cause);
            self.try_exit(at, &trigger, cause, out);
        }
        self.schedule_exits();
    }

    /// Failed exits, of an instrument or of all, are tried again at once: what was in the way is
    /// gone.
    pub(super) fn retry_exits(&mut self, instrument: Option<InstrumentId>) {
        for (slot, guard) in self.slots.iter().zip(&mut self.guards) {
            if let Some(armed) = guard.armed.as_mut()
                && instrument.is_none_or(|instrument| instrument == slot.instrument)
            {
                armed.retry(self.now);
            }
        }
        self.schedule_exits();
    }

    pub(super) fn schedule_exits(&mut self) {
        self.exits_due = self.guards.iter().filter_map(Guard::due).min();
    }

    /// Takes the guards of a saved state.
    pub(super) fn restore_guards(&mut self, guards: Vec<Guard>) {
        self.guards = guards;
        self.schedule_exits();
    }

    /// Closes what a slot holds if one of its exits is reached and nothing is on its way.
    fn try_exit(&mut self, at: usize, trigger: &Trigger, cause: Cause, out: &mut dyn Outlet) {
        let now = self.now;
        let Some(armed) = self.guards.get_mut(at).and_then(|guard| guard.armed.as_mut()) else {
            return;
        };
        match armed.attempt {
            Attempt::Watching => {}
            Attempt::Again(again) if now >= again => {}
            Attempt::Again(_) | Attempt::Waiting(_) | Attempt::Sent(_) => return,
        }
        let market = self.slots.get(at).and_then(|slot| self.markets.get(slot.instrument.index()));
        let last = market.and_then(|market| market.last_trade).map(|trade| trade.price);
        match armed.reached(last, now) {
            None if armed.attempt == Attempt::Watching => return,
            None => armed.attempt(Attempt::Watching),
            Some(kind) if self.can_close(at) => self.exit(at, kind, trigger, cause, out),
            Some(_) => {}
        }
        self.schedule_exits();
    }

    /// True when there is enough to sell and nothing that sells it already.
    fn can_close(&self, at: usize) -> bool {
        let Some((slot, armed)) = self.slots.get(at).zip(self.armed(at)) else { return false };
        let Some(market) = self.markets.get(slot.instrument.index()) else { return false };
        let closing = armed.side.opposite();
        let in_flight = self.orders_of(slot).any(|order| {
            let side = order.request.side;
            side == closing && !order.is_resting() && order.state != OrderState::Unknown
        });
        let unknown = self.orders_of(slot).filter(|order| order.state == OrderState::Unknown);
        let held = slot.position.quantity.magnitude().saturating_sub(pending(unknown, closing));
        let sellable = held.floor_to(market.instrument.lot_size).unwrap_or(held);
        !in_flight && !is_dust(market, sellable)
    }

    fn armed(&self, at: usize) -> Option<&Armed> {
        self.guards.get(at)?.armed()
    }

    fn armed_mut(&mut self, at: usize) -> Option<&mut Armed> {
        self.guards.get_mut(at)?.armed.as_mut()
    }

    /// Open orders of a slot.
    fn orders_of<'a>(&'a self, slot: &'a Slot) -> impl Iterator<Item = &'a Order> {
        self.orders.values().filter(|order| {
            order.request.id.strategy == slot.strategy
                && order.request.instrument == slot.instrument
        })
    }

    /// An exit is reached: the decision, the end of the slot's resting orders, and the order.
    fn exit(
        &mut self,
        at: usize,
        kind: ExitKind,
        trigger: &Trigger,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let Some(armed) = self.armed(at).copied() else { return };
        let Some(decision) = self.note_exit(at, &armed, trigger, cause, out) else { return };
        self.tell_exit(at, ExitChange::Triggered { kind, decision }, armed.levels, cause, out);
        let Some(slot) = self.slots.get_mut(at) else { return };
        slot.last_signal = Some(self.now);
        let (strategy, instrument) = (slot.strategy, slot.instrument);
        self.cancel_where(cause, out, |order| {
            order.request.id.strategy == strategy && order.request.instrument == instrument
        });
        if self.is_closing(at, armed.side.opposite()) {
            self.set_attempt(at, Attempt::Waiting(decision));
        } else {
            self.send_exit(at, decision, cause, out);
        }
    }

    /// True while an order that closes may still be filled and is not of unknown outcome.
    fn is_closing(&self, at: usize, side: Side) -> bool {
        let Some(slot) = self.slots.get(at) else { return false };
        self.orders_of(slot).any(|o| o.request.side == side && o.state != OrderState::Unknown)
    }

    /// Records the exit's rules like any evaluation, under a new decision id.
    fn note_exit(
        &mut self,
        at: usize,
        armed: &Armed,
        trigger: &Trigger,
        cause: Cause,
        out: &mut dyn Outlet,
    ) -> Option<DecisionId> {
        let slot = self.slots.get(at)?;
        let (strategy, instrument, time) = (slot.strategy, slot.instrument, self.now);
        let last = self.markets.get(instrument.index())?.last_trade.map(|trade| trade.price);
        let mut draft = Draft::default();
        armed.decide(&mut draft, last, time);
        let form = form_number(&mut self.forms, strategy, &draft, out);
        let counters = self.counters.get_mut(strategy.index())?;
        counters.evaluations += 1;
        let id = DecisionId { strategy, n: counters.evaluations };
        let evaluation = Evaluation {
            id,
            instrument,
            cause,
            time,
            trigger: *trigger,
            form,
            values: draft.values,
            previous: draft.previous,
            literals: draft.rules.literals,
            truths: draft.rules.truths,
            outcome: Outcome::Signal { intents: 1 },
            logs: Vec::new(),
            news: News::Changed,
        };
        self.tell_decided(at, evaluation, out);
        Some(id)
    }

    /// Sends what closes the position, as much as is held and as the venue takes at once.
    fn send_exit(&mut self, at: usize, decision: DecisionId, cause: Cause, out: &mut dyn Outlet) {
        let Some((slot, armed)) = self.slots.get(at).zip(self.armed(at)) else { return };
        let (strategy, instrument) = (slot.strategy, slot.instrument);
        let side = armed.side.opposite();
        let held = slot.position.quantity.magnitude();
        let free = held.saturating_sub(pending(self.orders_of(slot), side));
        let most = self.markets.get(instrument.index()).and_then(|m| m.instrument.max_quantity);
        let quantity = most.map_or(free, |most| free.min(most));
        let wish = Wish::closing(at, decision, side, quantity, By::Exit);
        self.want(&wish, true, cause, out);
        let n = self.counters.get(strategy.index()).map_or(0, |counters| counters.orders);
        let order = OrderId { strategy, n };
        if self.orders.contains_key(&order) {
            self.set_attempt(at, Attempt::Sent(order));
        } else {
            self.postpone(at, cause, out);
            let stale = !self.is_fresh(at);
            self.armed_mut(at).into_iter().for_each(|armed| armed.stale = stale);
        }
    }

    /// True when the data of a slot's instrument is such that the checks of data pass.
    fn is_fresh(&self, at: usize) -> bool {
        let slot = self.slots.get(at);
        let market = slot.and_then(|slot| self.markets.get(slot.instrument.index()));
        let (Some(slot), Some(market), limits) = (slot, market, &self.config.risk) else {
            return false;
        };
        let silence = limits.limits_of(slot.instrument).max_silence;
        let young = |limit| market.age(self.now).is_some_and(|age| age <= limit);
        (market.synced || !self.needs_book())
            && limits.max_data_age.is_none_or(young)
            && silence.is_none_or(|limit| market.silence(self.now) <= limit)
    }

    fn set_attempt(&mut self, at: usize, attempt: Attempt) {
        if let Some(armed) = self.armed_mut(at) {
            armed.attempt(attempt);
        }
        self.schedule_exits();
    }

    fn postpone(&mut self, at: usize, cause: Cause, out: &mut dyn Outlet) {
        let now = self.now;
        let Some(armed) = self.armed_mut(at) else { return };
        let (until, levels) = (armed.postpone(now), armed.levels);
        self.tell_exit(at, ExitChange::Postponed { until }, levels, cause, out);
        self.schedule_exits();
    }

    /// Something was heard of an order of a slot: an exit that waited goes on, one that ended
    /// without closing everything is tried again.
    pub(super) fn exit_heard(&mut self, at: usize, event: &OrderEvent, out: &mut dyn Outlet) {
        let ended = !self.orders.contains_key(&event.order);
        if ended && event.kind != OrderEventKind::Canceled {
            // A canceled order may still fill; any other that ended does not.
            self.guards.get_mut(at).and_then(|guard| guard.plans.remove(&event.order));
        }
        let Some(armed) = self.armed(at).copied() else { return };
        match armed.attempt {
            Attempt::Waiting(decision) if !self.is_closing(at, armed.side.opposite()) => {
                self.send_exit(at, decision, event.cause, out);
            }
            Attempt::Waiting(_) if event.kind == OrderEventKind::CancelRejected => {
                self.postpone(at, event.cause, out);
            }
            Attempt::Sent(order) if order == event.order && ended => {
                let now = self.now;
                let Some(armed) = self.armed_mut(at) else { return };
                let (until, levels) = (armed.ended(now), armed.levels);
                if let Some(until) = until {
                    self.tell_exit(at, ExitChange::Postponed { until }, levels, event.cause, out);
                }
                self.schedule_exits();
            }
            _ => {}
        }
    }

    /// True while an exit waits for cancellations: the strategy's own wishes would cross it.
    pub(super) fn is_exiting(&self, at: usize) -> bool {
        self.armed(at).is_some_and(|armed| matches!(armed.attempt, Attempt::Waiting(_)))
    }

    fn tell_exit(
        &self,
        at: usize,
        change: ExitChange,
        levels: Levels,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let Some(slot) = self.slots.get(at) else { return };
        let (strategy, instrument, time) = (slot.strategy, slot.instrument, self.now);
        out.record(&Record::Exit(ExitReport { strategy, instrument, time, cause, change, levels }));
    }
}

/// True for what no order can sell: below the lot, or worth less than the venue's minimum.
pub(super) fn is_dust(market: &Market, sellable: Quantity) -> bool {
    let value = market.reference().and_then(|mark| mark.notional(sellable).ok());
    sellable.is_zero() || value.is_some_and(|value| value < market.instrument.min_notional)
}
