//! Risk: every check of every would-be order, each with its measured value and its limit.
//!
//! No check is skipped because another failed: the report shows all of them. A value that cannot
//! be measured refuses.

use super::config::{InstrumentLimits, RiskConfig};
use super::market::Market;
use super::record::{Check, CheckKind, TradingState};
use crate::domain::{
    AccountKind, InstrumentKind, Nanos, Num, Price, Quantity, Side, Signed, UnixNanos,
};

/// Who wants an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WantedBy {
    /// A strategy.
    Strategy,
    /// A strategy that an operator paused.
    Paused {
        /// It takes no more off the strategy's own position than that still has.
        leaves: bool,
    },
    /// The engine, because an exit of the strategy's position was reached.
    Exit,
    /// An operator, to close the strategy's position.
    Operator,
}

/// A would-be order and everything the checks look at.
#[derive(Clone, Copy, Debug)]
pub struct Assessment<'a> {
    /// The limits.
    pub limits: &'a RiskConfig,
    /// The instrument's market.
    pub market: &'a Market,
    /// The limits of this instrument: its own, else everyone's.
    pub instrument_limits: InstrumentLimits,
    /// The largest order quantity in this instrument.
    pub max_quantity: Option<Quantity>,
    /// Paper fills need a trusted book.
    pub needs_book: bool,
    /// Engine time.
    pub now: UnixNanos,
    /// What trading allows.
    pub trading: TradingState,
    /// Who wants it.
    pub wanted_by: WantedBy,
    /// Buy or sell.
    pub side: Side,
    /// How much.
    pub quantity: Quantity,
    /// How much before flooring to the lot.
    pub wanted: Quantity,
    /// Its exits can be measured.
    pub exits_known: bool,
    /// How far its stop is from its price, in quote asset per unit; `None` without a stop.
    pub stop: Option<Num>,
    /// The limit price, or where a market order would begin to execute.
    pub price: Option<Price>,
    /// The account's position in the instrument.
    pub position: Signed,
    /// What open orders of the same side may still add.
    pub pending: Quantity,
    /// Worst absolute value of all other instruments' positions and orders; `None` without a mark.
    pub other_exposure: Option<Num>,
    /// Orders open now.
    pub open_orders: u32,
    /// Orders of unknown outcome in the instrument.
    pub unknown_orders: u32,
    /// Orders within the last second.
    pub recent_orders: u32,
    /// Loss since the UTC day began.
    pub day_loss: Option<Num>,
    /// Fall from the equity peak.
    pub drawdown: Option<Num>,
    /// Cash or margin.
    pub account: AccountKind,
    /// What the order needs of the asset that it spends.
    pub required: Option<Num>,
    /// What of that asset is free.
    pub available: Option<Num>,
}

impl Assessment<'_> {
    /// Every check in the order of [`CheckKind::ALL`].
    pub fn checks(&self) -> Vec<Check> {
        CheckKind::ALL.iter().map(|kind| self.check(*kind)).collect()
    }

    fn check(&self, kind: CheckKind) -> Check {
        match kind {
            CheckKind::KillSwitch => state(kind, u32::from(self.limits.kill_switch), 0),
            CheckKind::TradingState => self.trading_state(),
            CheckKind::Instrument => state(kind, u32::from(!self.is_tradable()), 0),
            CheckKind::DataSynced => {
                let missing = self.needs_book && !self.market.synced;
                state(kind, u32::from(missing), 0)
            }
            CheckKind::DataAge => span(kind, self.age(), self.limits.max_data_age),
            CheckKind::DataSilence => {
                let silence = Some(self.market.silence(self.now));
                span(kind, silence, self.instrument_limits.max_silence)
            }
            CheckKind::UnknownOrder => {
                let blocking = if self.reduces() { 0 } else { self.unknown_orders };
                state(kind, blocking, 0)
            }
            CheckKind::OrderQuantity => {
                let limit = self.max_quantity.map(Quantity::num);
                self.unless_closing(at_most(kind, Some(self.quantity.num()), limit))
            }
            CheckKind::OrderNotional => {
                let limit = self.instrument_limits.max_order_notional;
                self.unless_closing(at_most(kind, self.notional(), limit))
            }
            CheckKind::MinQuantity => self.min_quantity(),
            CheckKind::MinNotional => self.min_notional(),
            CheckKind::PriceCollar => {
                self.unless_closing(at_most(kind, self.distance(), self.limits.price_collar))
            }
            CheckKind::StopDistance => self.stop_distance(),
            CheckKind::PositionNotional => self.unless_reducing(at_most(
                kind,
                self.exposure(),
                self.instrument_limits.max_position_notional,
            )),
            CheckKind::GrossNotional => {
                self.unless_reducing(at_most(kind, self.gross(), self.limits.max_gross_notional))
            }
            CheckKind::OpenOrders => {
                self.unless_closing(count(kind, self.open_orders, self.limits.max_open_orders))
            }
            CheckKind::OrderRate => {
                let limit = self.limits.max_orders_per_second;
                self.unless_closing(count(kind, self.recent_orders, limit))
            }
            CheckKind::DailyLoss => self.loss(kind, self.day_loss, self.limits.max_daily_loss),
            CheckKind::Drawdown => self.loss(kind, self.drawdown, self.limits.max_drawdown),
            CheckKind::Balance => self.balance(),
        }
    }

    /// Active 0, reduce-only or the strategy paused 1, halted or flattening 2. A reducing order may
    /// pass at 1, what an operator closes at 2.
    fn trading_state(&self) -> Check {
        let reduces = u32::from(self.reduces());
        let (observed, allowed) = match (self.trading, self.wanted_by) {
            (TradingState::Active, WantedBy::Paused { leaves }) => (1, u32::from(leaves)),
            (TradingState::Active, _) => (0, reduces),
            (TradingState::ReduceOnly(_), WantedBy::Paused { leaves: false }) => (1, 0),
            (TradingState::ReduceOnly(_), _) => (1, reduces),
            (TradingState::Halted(_) | TradingState::Flattening, WantedBy::Operator) => (2, 2),
            (TradingState::Halted(_) | TradingState::Flattening, _) => (2, reduces),
        };
        state(CheckKind::TradingState, observed, allowed)
    }

    fn is_tradable(&self) -> bool {
        self.market.filters_known && self.market.instrument.kind == InstrumentKind::Spot
    }

    fn age(&self) -> Option<Nanos> {
        self.market.age(self.now)
    }

    fn notional(&self) -> Option<Num> {
        self.price?.notional(self.quantity).ok()
    }

    /// What is less than a lot is shown as it was wished for, not as the nothing it is floored to.
    fn min_quantity(&self) -> Check {
        let instrument = &self.market.instrument;
        let least = instrument.min_quantity.max(instrument.lot_size).num();
        let shown = if self.quantity.is_zero() { self.wanted } else { self.quantity }.num();
        let (observed, limit, passed) = (Some(shown), Some(least), self.quantity.num() >= least);
        Check { kind: CheckKind::MinQuantity, observed, limit, passed }
    }

    /// A stop must lie between the price and zero; an order whose exits cannot be measured would
    /// be held without them.
    fn stop_distance(&self) -> Check {
        let kind = CheckKind::StopDistance;
        if self.exits_known && self.stop.is_none() {
            return Check { kind, observed: None, limit: None, passed: true };
        }
        let known = self.stop.zip(self.price).filter(|_| self.exits_known);
        let observed = known.and_then(|(distance, price)| distance.div(price.num()).ok());
        let passed = observed.is_some_and(|observed| observed < Num::ONE);
        Check { kind, observed, limit: Some(Num::ONE), passed }
    }

    fn min_notional(&self) -> Check {
        let (observed, limit) = (self.notional(), self.market.instrument.min_notional);
        let passed = observed.is_some_and(|value| value >= limit);
        Check { kind: CheckKind::MinNotional, observed, limit: Some(limit), passed }
    }

    /// Distance of the price from the reference price, as a ratio.
    fn distance(&self) -> Option<Num> {
        let reference = self.market.reference()?.num();
        self.price?.num().sub(reference).ok()?.abs().div(reference).ok()
    }

    /// True when the order can only bring the position nearer to flat: that of the account, or, for
    /// what an exit or an operator closes, that of its strategy, whatever others hold against it.
    fn reduces(&self) -> bool {
        let asked = self.pending.add(self.quantity);
        self.closes()
            || self.position.side() == Some(self.side.opposite())
                && asked.is_ok_and(|asked| asked <= self.position.magnitude())
    }

    /// It closes what its strategy holds, and no strategy wants it.
    fn closes(&self) -> bool {
        matches!(self.wanted_by, WantedBy::Exit | WantedBy::Operator)
    }

    /// Absolute value of the position if this order and its open siblings fill.
    fn exposure(&self) -> Option<Num> {
        let asked = self.pending.add(self.quantity).ok()?.signed(self.side);
        let after = self.position.add(asked).ok()?.magnitude();
        // A limit far below the market must not make what is held look cheap.
        self.price?.max(self.market.reference()?).notional(after).ok()
    }

    fn gross(&self) -> Option<Num> {
        self.other_exposure?.add(self.exposure()?).ok()
    }

    /// What an exit or a person closes passes limits on how much, how often and how far from the mid
    /// strategies may order: in a market that thins out, getting out is what matters.
    fn unless_closing(&self, check: Check) -> Check {
        Check { passed: check.passed || self.closes(), ..check }
    }

    fn unless_reducing(&self, check: Check) -> Check {
        Check { passed: check.passed || self.reduces(), ..check }
    }

    /// A loss limit: below it everything passes, from it on what reduces.
    fn loss(&self, kind: CheckKind, observed: Option<Num>, limit: Option<Num>) -> Check {
        let limit = limit.map(|limit| limit.mul(self.limits.reduce_only_at).unwrap_or_default());
        let within = match (observed, limit) {
            (_, None) => true,
            (Some(observed), Some(limit)) => observed < limit,
            (None, Some(_)) => false,
        };
        Check { kind, observed, limit, passed: within || self.reduces() }
    }

    fn balance(&self) -> Check {
        let limit = match self.account {
            AccountKind::Margin => None,
            AccountKind::Cash => Some(self.available.unwrap_or_default()),
        };
        at_most(CheckKind::Balance, self.required, limit)
    }
}

fn at_most(kind: CheckKind, observed: Option<Num>, limit: Option<Num>) -> Check {
    let passed = match (observed, limit) {
        (_, None) => true,
        (Some(observed), Some(limit)) => observed <= limit,
        (None, Some(_)) => false,
    };
    Check { kind, observed, limit, passed }
}

/// A state number against the highest that is allowed.
fn state(kind: CheckKind, observed: u32, allowed: u32) -> Check {
    let number = |value: u32| Some(Num::from(i64::from(value)));
    at_most(kind, number(observed), number(allowed))
}

/// Nanoseconds, shown as seconds.
fn span(kind: CheckKind, observed: Option<Nanos>, limit: Option<Nanos>) -> Check {
    let seconds = |span: Nanos| Num::new(i64::try_from(span).ok()?, 9).ok();
    at_most(kind, observed.and_then(seconds), limit.and_then(seconds))
}

/// How many there are once this order is added.
fn count(kind: CheckKind, others: u32, limit: Option<u32>) -> Check {
    let number = |value: u32| Num::from(i64::from(value));
    at_most(kind, Some(number(others.saturating_add(1))), limit.map(number))
}
