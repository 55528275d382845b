//! The paper venue: fills our orders against the market's own data, the same in live paper, replay
//! and backtest.
//!
//! An order acts on the market one entry latency after it was sent and is heard of one response
//! latency later. Takers walk the displayed book and what they consumed stays consumed until the
//! venue refreshes the level. The account's balances move here when an order executes, so that no two
//! orders in flight spend the same money. Our orders do not move the market; large ones would.

use std::collections::BTreeMap;

use rand_pcg::Pcg32;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::config::{FeeAsset, FillModel, PaperConfig};
use super::market::Market;
use super::resting::Resting;
use crate::domain::{
    Account, AccountKind, AssetId, Cause, Fill, InstrumentId, Level, Liquidity, Money, Nanos, Num,
    NumError, OrderEvent, OrderEventKind, OrderId, OrderKind, OrderRequest, Price, Quantity,
    RejectReason, Side, TimeInForce, Trade, UnixNanos,
};

/// What is due at a moment.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Due {
    /// An order reaches the venue.
    Arrive(OrderRequest),
    /// A cancellation reaches the venue.
    Cancel(OrderId),
    /// The venue's word reaches us.
    Hear(OrderEvent),
}

/// The venue's side of our orders.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Paper {
    config: PaperConfig,
    random: Pcg32,
    /// What the account holds at the venue; the engine hears of each change later.
    account: Account,
    /// When the last message on the line to the venue arrives, and on the line back. A line keeps
    /// its order: a cancellation never overtakes its order, an end never overtakes a fill.
    last_entry: UnixNanos,
    last_response: UnixNanos,
    due: BTreeMap<(UnixNanos, u64), (Cause, Due)>,
    resting: Vec<Resting>,
    /// What we took from displayed levels since the venue last refreshed them.
    consumed: BTreeMap<(InstrumentId, Side, Price), Quantity>,
    scheduled: u64,
    orders: u64,
    trades: u64,
}

/// One execution before it is a fill.
type Execution = (Price, Quantity);

impl Paper {
    /// A venue without orders.
    pub fn new(config: PaperConfig) -> Self {
        Self {
            random: Pcg32::seed_from_u64(config.seed),
            config,
            account: Account::default(),
            last_entry: UnixNanos::default(),
            last_response: UnixNanos::default(),
            due: BTreeMap::new(),
            resting: Vec::new(),
            consumed: BTreeMap::new(),
            scheduled: 0,
            orders: 0,
            trades: 0,
        }
    }

    /// Opens the account at the venue.
    pub fn open(&mut self, account: Account) {
        self.account = account;
    }

    /// Orders and trades numbered so far.
    pub fn numbers(&self) -> (u64, u64) {
        (self.orders, self.trades)
    }

    /// Takes over an account and goes on counting; nothing is on its way.
    pub fn take_over(&mut self, account: &Account, (orders, trades): (u64, u64)) {
        self.account = account.clone();
        (self.orders, self.trades) = (orders, trades);
    }

    /// Forgets what has not come to pass: orders on their way to it and those that rest. What it did
    /// already will be heard.
    pub fn abandon(&mut self) {
        self.due.retain(|_, (_, due)| matches!(due, Due::Hear(_)));
        self.resting.clear();
        self.consumed.clear();
    }

    /// Fills from here on as it is configured now.
    pub fn configure(&mut self, config: PaperConfig) {
        self.config = config;
    }

    /// When the next thing is due.
    pub fn next_due(&self) -> Option<UnixNanos> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the first thing that is due at or before `now`, in (time, order of scheduling).
    pub fn pop_due(&mut self, now: UnixNanos) -> Option<(UnixNanos, Cause, Due)> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= now)?;
        let at = entry.key().0;
        let (cause, due) = entry.remove();
        Some((at, cause, due))
    }

    /// Takes the first order or cancellation on its way that this input caused.
    pub fn pop_sent(&mut self, cause: Cause) -> Option<Due> {
        let is_sent = |(by, due): &(Cause, Due)| *by == cause && !matches!(due, Due::Hear(_));
        let key = self.due.iter().find(|(_, entry)| is_sent(entry)).map(|(key, _)| *key)?;
        self.due.remove(&key).map(|(_, due)| due)
    }

    /// Sends an order or a cancellation.
    pub fn send(&mut self, due: Due, now: UnixNanos, cause: Cause) {
        let at = self.delayed(now, self.config.entry_latency).max(self.last_entry);
        self.last_entry = at;
        self.insert(at, cause, due);
    }

    fn hear(&mut self, order: OrderId, kind: OrderEventKind, now: UnixNanos, cause: Cause) {
        let at = self.delayed(now, self.config.response_latency).max(self.last_response);
        self.last_response = at;
        self.insert(at, cause, Due::Hear(OrderEvent { order, time: at, cause, kind }));
    }

    fn delayed(&mut self, now: UnixNanos, latency: Nanos) -> UnixNanos {
        now.plus(latency).plus(self.jitter())
    }

    fn insert(&mut self, at: UnixNanos, cause: Cause, due: Due) {
        self.scheduled += 1;
        self.due.insert((at, self.scheduled), (cause, due));
    }

    fn jitter(&mut self) -> Nanos {
        match self.config.latency_jitter {
            0 => 0,
            most => self.random.next_u64() % most.saturating_add(1),
        }
    }

    /// An order reaches the venue.
    pub fn arrive(&mut self, request: OrderRequest, market: &Market, now: UnixNanos, cause: Cause) {
        let executions = match self.admit(&request, market) {
            Ok(executions) => executions,
            Err(reason) => {
                return self.hear(request.id, OrderEventKind::Rejected(reason), now, cause);
            }
        };
        self.orders += 1;
        let accepted = OrderEventKind::Accepted { venue_order_id: self.orders };
        self.hear(request.id, accepted, now, cause);
        let mut remaining = request.quantity;
        for (price, quantity) in executions {
            remaining = remaining.saturating_sub(quantity);
            self.consume(&request, price, quantity);
            self.fill(&request, (price, quantity), Liquidity::Taker, market, now, cause);
        }
        if remaining.is_zero() {
            return;
        }
        match request.kind {
            OrderKind::Limit { price, time_in_force: TimeInForce::Gtc }
            | OrderKind::LimitMaker { price } => {
                let queue_ahead = market.displayed(request.side, price);
                let instrument = &market.instrument;
                let resting = Resting::new(request, price, remaining, queue_ahead, instrument);
                self.resting.push(resting);
            }
            _ => self.hear(request.id, OrderEventKind::Expired, now, cause),
        }
    }

    /// The venue's own checks, and what executes at once when they pass.
    fn admit(
        &self,
        request: &OrderRequest,
        market: &Market,
    ) -> Result<Vec<Execution>, RejectReason> {
        if self.config.fills == FillModel::Book && !market.synced {
            return Err(RejectReason::NoLiquidity);
        }
        let instrument = &market.instrument;
        let quantity = request.quantity;
        let too_large = instrument.max_quantity.is_some_and(|most| quantity > most);
        if too_large
            || quantity.is_zero()
            || quantity < instrument.min_quantity
            || !quantity.num().is_multiple_of(instrument.lot_size.num())
        {
            return Err(RejectReason::LotSize);
        }
        let price = request.kind.price();
        if price.is_some_and(|price| {
            !price.num().is_positive() || !price.num().is_multiple_of(instrument.tick_size.num())
        }) {
            return Err(RejectReason::PriceFilter);
        }
        let reference = price.or_else(|| market.reference()).ok_or(RejectReason::NoLiquidity)?;
        let value = reference.notional(quantity).map_err(|_| RejectReason::LotSize)?;
        if value < instrument.min_notional {
            return Err(RejectReason::MinNotional);
        }
        let executions = self.executions(request, market);
        match request.kind {
            OrderKind::LimitMaker { .. } if !executions.is_empty() => {
                return Err(RejectReason::WouldCross);
            }
            OrderKind::Market if executions.is_empty() => return Err(RejectReason::NoLiquidity),
            _ => {}
        }
        match self.is_funded(request, &executions, market) {
            Ok(true) => Ok(executions),
            Ok(false) | Err(_) => Err(RejectReason::InsufficientBalance),
        }
    }

    /// True when a cash account holds what the order may spend, beside its resting orders.
    fn is_funded(
        &self,
        request: &OrderRequest,
        executions: &[Execution],
        market: &Market,
    ) -> Result<bool, NumError> {
        if self.account.kind == AccountKind::Margin {
            return Ok(true);
        }
        let (asset, needed) = match request.side {
            Side::Sell => (market.instrument.base, request.quantity.num()),
            Side::Buy => (market.instrument.quote, self.cost(request, executions)?),
        };
        let free = self.account.balances.get(asset).sub(self.locked(asset)?)?;
        Ok(needed <= free)
    }

    /// The most quote asset a buyer spends: what executes at once, and the rest at its limit.
    fn cost(&self, request: &OrderRequest, executions: &[Execution]) -> Result<Num, NumError> {
        let mut rest = request.quantity;
        let mut cost = Num::ZERO;
        for (price, quantity) in executions {
            rest = rest.saturating_sub(*quantity);
            cost = cost.add(self.config.unit_cost(*price)?.mul(quantity.num())?)?;
        }
        match request.kind.price() {
            Some(price) => cost.add(self.config.unit_cost(price)?.mul(rest.num())?),
            None => Ok(cost),
        }
    }

    /// What resting orders hold back of an asset.
    fn locked(&self, asset: AssetId) -> Result<Num, NumError> {
        let mut resting = self.resting.iter().filter(|resting| resting.locks == asset);
        resting.try_fold(Num::ZERO, |sum, resting| sum.add(resting.locked(&self.config)?))
    }

    /// What an order executes at once, best price first. Empty when it does not cross.
    fn executions(&self, request: &OrderRequest, market: &Market) -> Vec<Execution> {
        let limit = request.kind.price();
        let within = |price: Price| match (limit, request.side) {
            (None, _) => true,
            (Some(limit), Side::Buy) => price <= limit,
            (Some(limit), Side::Sell) => price >= limit,
        };
        let executions = match self.config.fills {
            FillModel::Book => self.walk(request, market, within),
            FillModel::Touch => market
                .best()
                .map(|quote| match request.side {
                    Side::Buy => quote.ask.price,
                    Side::Sell => quote.bid.price,
                })
                .filter(|price| within(*price))
                .map(|price| vec![(price, request.quantity)])
                .unwrap_or_default(),
            FillModel::LastTrade => market
                .last_trade
                .filter(|trade| within(trade.price))
                .map(|trade| vec![(trade.price, request.quantity)])
                .unwrap_or_default(),
        };
        let fok = matches!(request.kind, OrderKind::Limit { time_in_force: TimeInForce::Fok, .. });
        let whole = || {
            executions.iter().try_fold(Quantity::ZERO, |sum, (_, quantity)| sum.add(*quantity))
                == Ok(request.quantity)
        };
        if fok && !whole() { Vec::new() } else { executions }
    }

    fn walk(
        &self,
        request: &OrderRequest,
        market: &Market,
        within: impl Fn(Price) -> bool,
    ) -> Vec<Execution> {
        let mut executions = Vec::new();
        if !market.synced {
            return executions;
        }
        let opposite = request.side.opposite();
        let mut remaining = request.quantity;
        for level in market.book.side(opposite).iter().take_while(|level| within(level.price)) {
            if remaining.is_zero() {
                break;
            }
            let key = (request.instrument, opposite, level.price);
            let taken = self.consumed.get(&key).copied().unwrap_or_default();
            let quantity = level.quantity.saturating_sub(taken).min(remaining);
            if !quantity.is_zero() {
                executions.push((level.price, quantity));
                remaining = remaining.saturating_sub(quantity);
            }
        }
        executions
    }

    fn consume(&mut self, request: &OrderRequest, price: Price, quantity: Quantity) {
        if self.config.fills == FillModel::Book {
            let key = (request.instrument, request.side.opposite(), price);
            let taken = self.consumed.entry(key).or_default();
            *taken = taken.add(quantity).unwrap_or(*taken);
        }
    }

    fn fill(
        &mut self,
        request: &OrderRequest,
        execution: Execution,
        liquidity: Liquidity,
        market: &Market,
        now: UnixNanos,
        cause: Cause,
    ) {
        self.trades += 1;
        let fill = Fill {
            order: request.id,
            trade_id: self.trades,
            price: execution.0,
            quantity: execution.1,
            liquidity,
            fee: self.fee(execution, request.side, liquidity, market),
        };
        // An overflow here overflows again when the engine hears of it, and halts trading there.
        let _ = self.account.balances.settle(&fill, request.side, &market.instrument);
        self.hear(request.id, OrderEventKind::Filled(fill), now, cause);
    }

    fn fee(
        &self,
        (price, quantity): Execution,
        side: Side,
        liquidity: Liquidity,
        market: &Market,
    ) -> Money {
        let rate = match liquidity {
            Liquidity::Maker => self.config.maker_fee,
            Liquidity::Taker => self.config.taker_fee,
        };
        let (amount, asset) = match (self.config.fee_asset, side) {
            (FeeAsset::Received, Side::Buy) => (quantity.num().mul(rate), market.instrument.base),
            _ => (price.notional(quantity).and_then(|v| v.mul(rate)), market.instrument.quote),
        };
        Money::new(amount.unwrap_or_default(), asset)
    }

    /// A cancellation reaches the venue.
    pub fn cancel(&mut self, order: OrderId, now: UnixNanos, cause: Cause) {
        let before = self.resting.len();
        self.resting.retain(|resting| resting.request.id != order);
        let kind = if self.resting.len() < before {
            OrderEventKind::Canceled
        } else {
            OrderEventKind::CancelRejected
        };
        self.hear(order, kind, now, cause);
    }

    /// The market traded: makers at or better than its price may be filled.
    pub fn traded(
        &mut self,
        instrument: InstrumentId,
        trade: &Trade,
        market: &Market,
        now: UnixNanos,
        cause: Cause,
    ) {
        if self.resting.is_empty() {
            return;
        }
        let mut left = trade.quantity;
        let mut resting = std::mem::take(&mut self.resting);
        for order in &mut resting {
            if order.request.instrument != instrument || !order.faces(trade) {
                continue;
            }
            let quantity = order.hit(trade.price, &mut left, self.config.queue);
            if !quantity.is_zero() {
                let execution = (order.price, quantity);
                let request = order.request;
                self.fill(&request, execution, Liquidity::Maker, market, now, cause);
            }
        }
        resting.retain(|order| !order.remaining.is_zero());
        self.resting = resting;
    }

    /// The venue refreshed levels: what we consumed there is there again, and queues ahead of us
    /// are no longer than what is displayed.
    pub fn refreshed(
        &mut self,
        instrument: InstrumentId,
        bids: &[Level],
        asks: &[Level],
        market: &Market,
    ) {
        if !self.consumed.is_empty() {
            let sides = [(Side::Buy, bids), (Side::Sell, asks)];
            for (side, levels) in sides {
                for level in levels {
                    self.consumed.remove(&(instrument, side, level.price));
                }
            }
        }
        let here = |order: &&mut Resting| order.request.instrument == instrument;
        for order in self.resting.iter_mut().filter(here) {
            let shown = market.displayed(order.request.side, order.price);
            order.queue_ahead = order.queue_ahead.min(shown);
        }
    }

    /// The book is new or gone: nothing is known to be consumed.
    pub fn forget(&mut self, instrument: InstrumentId) {
        self.consumed.retain(|(at, _, _), _| *at != instrument);
    }
}
