//! Trading: from an approved wish to an order, and from the venue's word to a position.

use super::core::Engine;
use super::deciding::{By, Wish};
use super::paper::Due;
use super::record::{AccountState, Outlet, Record, Refusal, RiskReport, StopReason, TradingState};
use super::risk::{Assessment, WantedBy};
use crate::domain::{
    AccountId, AccountKind, AssetId, Balances, Cause, Fill, InstrumentId, Money, Num, NumError,
    Order, OrderEvent, OrderEventKind, OrderId, OrderRequest, OrderState, Price, Quantity, Side,
    Signed, TransitionError, UnixNanos,
};

/// Canceled orders kept for a late fill.
const CANCELED_KEPT: usize = 256;

impl Engine {
    /// Puts a wish through every risk check; what passes becomes an order.
    pub(super) fn assess(
        &mut self,
        wish: &Wish,
        instrument: InstrumentId,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let Some(counters) = self.counters.get_mut(wish.decision.strategy.index()) else { return };
        counters.orders += 1;
        let order = OrderId { strategy: wish.decision.strategy, n: counters.orders };
        let second_ago = self.now.0.saturating_sub(UnixNanos::SECOND);
        while self.sent.front().is_some_and(|at| at.0 <= second_ago) {
            self.sent.pop_front();
        }
        let Some(assessment) = self.assessment(wish, instrument) else { return };
        let checks = assessment.checks();
        let price = assessment.price;
        let refusal = if wish.wanted.is_zero() && wish.exits.is_some() {
            Some(Refusal::NothingToTrade)
        } else {
            checks.iter().find(|check| !check.passed).map(|check| Refusal::Check(*check))
        };
        out.record(&Record::Risk(RiskReport {
            decision: wish.decision,
            order,
            instrument,
            time: self.now,
            side: wish.side,
            quantity: wish.quantity,
            price,
            checks,
            refusal,
        }));
        if refusal.is_none() {
            self.submit(order, wish, instrument, cause, out);
        }
    }

    fn assessment(&self, wish: &Wish, instrument: InstrumentId) -> Option<Assessment<'_>> {
        let market = self.markets.get(instrument.index())?;
        let price =
            wish.kind.price().or_else(|| market.touch(wish.side)).or_else(|| market.reference());
        let here = |order: &&Order| order.request.instrument == instrument;
        let open = || self.orders.values().filter(here);
        let account = &self.portfolio.account;
        let (asset, required) = self.requirement(wish, instrument, price)?;
        Some(Assessment {
            limits: &self.config.risk,
            instrument_limits: self.config.risk.limits_of(instrument),
            market,
            // An instrument that the limits do not name is not traded.
            max_quantity: self
                .config
                .risk
                .max_order_quantity
                .get(instrument.index())
                .copied()
                .unwrap_or(Some(Quantity::ZERO)),
            needs_book: self.needs_book(),
            now: self.now,
            trading: self.trading,
            wanted_by: self.wanted_by(wish),
            side: wish.side,
            quantity: wish.quantity,
            wanted: wish.wanted,
            exits_known: wish.exits.is_some(),
            stop: self.stop_distance(wish),
            price,
            position: self.held(instrument),
            pending: pending(open(), wish.side),
            other_exposure: self.other_exposure(instrument),
            open_orders: count(self.orders.len()),
            unknown_orders: count(open().filter(|o| o.state == OrderState::Unknown).count()),
            recent_orders: count(self.sent.len()),
            day_loss: self.portfolio.day_loss(),
            drawdown: self.portfolio.drawdown(),
            account: account.kind,
            required,
            available: account.available(asset).ok(),
        })
    }

    fn wanted_by(&self, wish: &Wish) -> WantedBy {
        match self.slots.get(wish.slot) {
            _ if wish.by == By::Operator => WantedBy::Operator,
            _ if wish.by == By::Exit => WantedBy::Exit,
            Some(slot) if self.is_paused(slot.strategy) => {
                let leaves = wish.quantity <= self.leaving(wish.slot, slot, wish.side);
                WantedBy::Paused { leaves }
            }
            _ => WantedBy::Strategy,
        }
    }

    /// The account's position in an instrument: the sum over its strategies.
    pub(super) fn held(&self, instrument: InstrumentId) -> Signed {
        self.slots
            .iter()
            .filter(|slot| slot.instrument == instrument)
            .try_fold(Signed::ZERO, |sum, slot| sum.add(slot.position.quantity))
            .unwrap_or(Signed::ZERO)
    }

    /// Worst absolute value of every other instrument's position and open orders.
    fn other_exposure(&self, except: InstrumentId) -> Option<Num> {
        let mut sum = Num::ZERO;
        for (at, market) in self.markets.iter().enumerate() {
            let instrument = InstrumentId(u16::try_from(at).ok()?);
            let orders = || self.orders.values().filter(|o| o.request.instrument == instrument);
            let held = self.held(instrument);
            if instrument == except || (held.is_zero() && orders().next().is_none()) {
                continue;
            }
            let after = |side| held.add(pending(orders(), side).signed(side)).ok();
            let worst = after(Side::Buy)?.magnitude().max(after(Side::Sell)?.magnitude());
            sum = sum.add(market.reference()?.notional(worst).ok()?).ok()?;
        }
        Some(sum)
    }

    /// Which asset an order spends, and how much of it: quote (with its fee) to buy, base to sell.
    fn requirement(
        &self,
        wish: &Wish,
        instrument: InstrumentId,
        price: Option<Price>,
    ) -> Option<(AssetId, Option<Num>)> {
        let market = self.markets.get(instrument.index())?;
        Some(match wish.side {
            Side::Sell => (market.instrument.base, Some(wish.quantity.num())),
            Side::Buy => {
                let unit = price.and_then(|price| self.config.paper.unit_cost(price).ok());
                let cost = unit.and_then(|unit| unit.mul(wish.quantity.num()).ok());
                (market.instrument.quote, cost)
            }
        })
    }

    fn submit(
        &mut self,
        id: OrderId,
        wish: &Wish,
        instrument: InstrumentId,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let request = OrderRequest {
            id,
            decision: wish.decision,
            account: AccountId(0),
            instrument,
            side: wish.side,
            kind: wish.kind,
            quantity: wish.quantity,
            reduce_only: wish.reduce_only,
        };
        if let Some(exits) = wish.exits.filter(|_| !wish.reduce_only) {
            self.plan_exits(wish.slot, id, exits);
        }
        let market = self.markets.get(instrument.index());
        let arrival = market.and_then(super::market::Market::best);
        out.record(&Record::Order { request, time: self.now, cause, arrival });
        self.sent.push_back(self.now);
        self.orders.insert(id, Order::new(request, self.now));
        let kind = OrderEventKind::Submitted;
        self.hear(&OrderEvent { order: id, time: self.now, cause, kind }, out);
        self.paper.send(Due::Arrive(request), self.now, cause);
    }

    /// Asks to cancel every open order that `which` selects; what the venue has not taken yet is
    /// canceled as soon as it has.
    pub(super) fn cancel_where(
        &mut self,
        cause: Cause,
        out: &mut dyn Outlet,
        which: impl Fn(&Order) -> bool,
    ) {
        let mut ids = Vec::new();
        for order in self.orders.values_mut().filter(|order| which(order)) {
            if order.is_resting() {
                ids.push(order.request.id);
            } else {
                order.cancel_wanted = order.state != OrderState::CancelPending;
            }
        }
        for order in ids {
            self.cancel(order, cause, out);
        }
    }

    fn cancel(&mut self, order: OrderId, cause: Cause, out: &mut dyn Outlet) {
        let kind = OrderEventKind::CancelRequested;
        self.hear(&OrderEvent { order, time: self.now, cause, kind }, out);
        self.paper.send(Due::Cancel(order), self.now, cause);
    }

    /// Takes the venue's word about an order. An event that the order's life does not allow is
    /// recorded nowhere: a repeated fill must count once. A fill of more than was asked stops
    /// trading: what is held is no longer certain.
    pub(super) fn hear(&mut self, event: &OrderEvent, out: &mut dyn Outlet) {
        match self.apply(event) {
            Some(Ok(request)) => self.heard(&request, event, out),
            Some(Err(TransitionError::Overfill | TransitionError::Number(_))) => {
                let halted = TradingState::Halted(StopReason::Arithmetic);
                self.set_trading(halted, event.cause, out);
            }
            Some(Err(_)) | None => {}
        }
        let wanted = self
            .orders
            .get_mut(&event.order)
            .is_some_and(|order| order.is_resting() && std::mem::take(&mut order.cancel_wanted));
        if wanted {
            self.cancel(event.order, event.cause, out);
        }
    }

    /// Moves an order by an event; canceled ones are kept a while for a late fill. `None` for an
    /// order that is not known.
    fn apply(&mut self, event: &OrderEvent) -> Option<Result<OrderRequest, TransitionError>> {
        let order = match self.orders.get_mut(&event.order) {
            Some(order) => order,
            None => self.canceled.iter_mut().find(|order| order.request.id == event.order)?,
        };
        if let Err(error) = order.apply(event) {
            return Some(Err(error));
        }
        let request = order.request;
        if order.state.is_terminal()
            && let Some(ended) = self.orders.remove(&event.order)
            && ended.state == OrderState::Canceled
        {
            if self.canceled.len() == CANCELED_KEPT {
                self.canceled.pop_front();
            }
            self.canceled.push_back(ended);
        }
        Some(Ok(request))
    }

    fn heard(&mut self, request: &OrderRequest, event: &OrderEvent, out: &mut dyn Outlet) {
        out.record(&Record::OrderEvent(*event));
        let owned = |slot: &super::slot::Slot| {
            slot.strategy == request.id.strategy && slot.instrument == request.instrument
        };
        let at = self.slots.iter().position(owned);
        if let OrderEventKind::Filled(fill) = &event.kind {
            if self.settle(request, fill, event.time, out).is_err() {
                let halted = TradingState::Halted(StopReason::Arithmetic);
                self.set_trading(halted, event.cause, out);
            }
            if let Some(at) = at {
                self.guard_position(at, request, event.cause, out);
            }
        }
        if self.relock().is_err() {
            let halted = TradingState::Halted(StopReason::Arithmetic);
            self.set_trading(halted, event.cause, out);
        }
        if matches!(event.kind, OrderEventKind::Filled(_)) {
            self.value(event.cause, out);
            self.tell_account(event.time, out);
        }
        self.notify(request, event);
        if let Some(at) = at {
            self.exit_heard(at, event, out);
        }
        if self.trading == TradingState::Flattening && !self.ending {
            self.close_rest(request, &event.kind, event.cause, out);
        }
    }

    /// A fill moves its strategy's position and the account's balances.
    fn settle(
        &mut self,
        request: &OrderRequest,
        fill: &Fill,
        time: UnixNanos,
        out: &mut dyn Outlet,
    ) -> Result<(), NumError> {
        let owned = |slot: &&mut super::slot::Slot| {
            slot.strategy == request.id.strategy && slot.instrument == request.instrument
        };
        let Some(slot) = self.slots.iter_mut().find(owned) else { return Ok(()) };
        let Some(market) = self.markets.get(request.instrument.index()) else { return Ok(()) };
        let before = slot.position;
        let mut after = before;
        after.apply(fill, request.side, market.instrument.base, time)?;
        slot.set_position(after);
        self.portfolio.settle(fill, request.side, &market.instrument)?;
        out.record(&Record::Position {
            strategy: request.id.strategy,
            instrument: request.instrument,
            order: request.id,
            time,
            before,
            after,
        });
        Ok(())
    }

    /// What open orders hold back on a cash account, computed anew.
    fn relock(&mut self) -> Result<(), NumError> {
        if self.portfolio.account.kind == AccountKind::Margin {
            return Ok(());
        }
        let mut locked = Balances::default();
        for order in self.orders.values() {
            let Some(market) = self.markets.get(order.request.instrument.index()) else { continue };
            let remaining = order.remaining().num();
            match order.request.side {
                Side::Sell => locked.add(Money::new(remaining, market.instrument.base))?,
                Side::Buy => {
                    let price = order.request.kind.price().or_else(|| market.reference());
                    let unit = price.map(|price| self.config.paper.unit_cost(price));
                    let value = unit.transpose()?.unwrap_or_default().mul(remaining)?;
                    locked.add(Money::new(value, market.instrument.quote))?;
                }
            }
        }
        self.portfolio.account.locked = locked;
        Ok(())
    }

    fn tell_account(&self, time: UnixNanos, out: &mut dyn Outlet) {
        out.record(&Record::Account(self.account_state(time)));
    }

    /// The account as it is told.
    pub(super) fn account_state(&self, time: UnixNanos) -> AccountState {
        AccountState {
            account: AccountId(0),
            time,
            balances: self.portfolio.account.balances.iter().collect(),
            locked: self.portfolio.account.locked.iter().collect(),
            equity: self.portfolio.equity,
        }
    }

    fn notify(&mut self, request: &OrderRequest, event: &OrderEvent) {
        let shield = self.shield;
        for slot in &mut self.slots {
            if slot.strategy == request.id.strategy && slot.instrument == request.instrument {
                slot.tell(shield, |strategy| strategy.order(event));
                if let OrderEventKind::Filled(fill) = &event.kind {
                    slot.tell(shield, |strategy| strategy.fill(fill));
                }
            }
        }
    }
}

/// What open orders of a side may still add.
pub(super) fn pending<'a>(orders: impl Iterator<Item = &'a Order>, side: Side) -> Quantity {
    orders
        .filter(|order| order.request.side == side)
        .try_fold(Quantity::ZERO, |sum, order| sum.add(order.remaining()))
        .unwrap_or(Quantity::ZERO)
}

fn count(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}
