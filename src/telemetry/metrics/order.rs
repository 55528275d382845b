//! The metrics of risk and orders: how near the limits, does the venue do what we think.

use prometheus::{Gauge, Histogram, IntCounter};

use super::super::account::nanos_to_seconds;
use super::super::catalogue as names;
use super::super::engine_word::{OrderWord, RejectWord, StopWord, TradingWord, VerdictWord};
use super::super::names::Names;
use super::super::registry::{Families, MetricError, Table};
use super::super::word::{ByWord, Word};
use super::float;
use crate::domain::{Nanos, OrderState, StrategyId};
use crate::engine::view::EngineView;
use crate::engine::{Check, CheckKind};

pub(in super::super) struct OrderMetrics {
    checks: ByWord<CheckKind, CheckMetrics>,
    refusals: Table<RefusalMetrics>,
    states: ByWord<TradingWord, Gauge>,
    stops: ByWord<StopWord, IntCounter>,
    events: Table<ByWord<OrderWord, IntCounter>>,
    rejects: ByWord<RejectWord, IntCounter>,
    ack: Histogram,
    fill: Histogram,
    in_flight: Gauge,
    /// By instrument, with the symbol that views use.
    open: Vec<(String, Gauge)>,
}

struct CheckMetrics {
    results: ByWord<VerdictWord, IntCounter>,
    utilisation: Gauge,
}

struct RefusalMetrics {
    by_check: ByWord<CheckKind, IntCounter>,
    nothing_to_trade: IntCounter,
}

impl OrderMetrics {
    pub(super) fn new(families: &Families, of: &Names) -> Result<Self, MetricError> {
        let venue = of.venue.as_str();
        let states = families.gauge(&names::TRADING_STATE)?;
        let stops = families.counter(&names::TRADING_STOPS)?;
        let events = families.counter(&names::ORDER_EVENTS)?;
        let rejects = families.counter(&names::ORDER_REJECTS)?;
        let open = families.gauge(&names::ORDERS_OPEN)?;
        let of_instrument = |symbol: &String| Ok((symbol.clone(), open.get(&[venue, symbol])?));
        let metrics = Self {
            checks: ByWord::new(|check| CheckMetrics::new(families, check))?,
            refusals: families.table(&names::RISK_REFUSALS, &of.strategies, |strategy| {
                RefusalMetrics::new(families, strategy)
            })?,
            states: ByWord::new(|state| states.get(&[state]))?,
            stops: ByWord::new(|reason| stops.get(&[reason]))?,
            events: families.table(&names::ORDER_EVENTS, &of.strategies, |strategy| {
                ByWord::new(|event| events.get(&[venue, strategy, event]))
            })?,
            rejects: ByWord::new(|reason| rejects.get(&[venue, reason]))?,
            ack: families.histogram(&names::ORDER_ACK)?.get(&[venue])?,
            fill: families.histogram(&names::ORDER_FILL)?.get(&[venue])?,
            in_flight: families.gauge(&names::ORDERS_IN_FLIGHT)?.get(&[venue])?,
            open: of.instruments.iter().map(of_instrument).collect::<Result<_, MetricError>>()?,
        };
        metrics.trading(TradingWord::Active, None);
        Ok(metrics)
    }

    pub(in super::super) fn checked(&self, check: &Check) {
        let metrics = self.checks.get(check.kind);
        let verdict = if check.passed { VerdictWord::Passed } else { VerdictWord::Failed };
        metrics.results.get(verdict).inc();
        let limit = check.limit.filter(|limit| !limit.is_zero());
        if let Some((observed, limit)) = check.observed.zip(limit) {
            metrics.utilisation.set(observed.to_f64() / limit.to_f64());
        }
    }

    /// An order was refused by this check; `None` when flooring to the lot left nothing.
    pub(in super::super) fn refused(&self, strategy: StrategyId, check: Option<CheckKind>) {
        let Some(refusals) = self.refusals.get(strategy.index()) else { return };
        match check {
            Some(check) => refusals.by_check.get(check).inc(),
            None => refusals.nothing_to_trade.inc(),
        }
    }

    pub(in super::super) fn trading(&self, state: TradingWord, reason: Option<StopWord>) {
        for word in TradingWord::ALL {
            self.states.get(*word).set(f64::from(u8::from(*word == state)));
        }
        if let Some(reason) = reason {
            self.stops.get(reason).inc();
        }
    }

    pub(in super::super) fn event(&self, strategy: StrategyId, event: OrderWord) {
        if let Some(events) = self.events.get(strategy.index()) {
            events.get(event).inc();
        }
    }

    pub(in super::super) fn rejected(&self, reason: RejectWord) {
        self.rejects.get(reason).inc();
    }

    pub(in super::super) fn acked(&self, after: Nanos) {
        self.ack.observe(nanos_to_seconds(after));
    }

    pub(in super::super) fn filled(&self, after: Nanos) {
        self.fill.observe(nanos_to_seconds(after));
    }

    pub(super) fn mirror(&self, view: &EngineView) {
        let is_on_its_way =
            |state| matches!(state, OrderState::Submitting | OrderState::CancelPending);
        let in_flight = view.orders.iter().filter(|order| is_on_its_way(order.state)).count();
        self.in_flight.set(float(in_flight as u64));
        let is_open = |state: OrderState| !state.is_terminal();
        for (symbol, gauge) in &self.open {
            let orders = view.orders.iter().filter(|order| order.symbol == *symbol);
            gauge.set(float(orders.filter(|order| is_open(order.state)).count() as u64));
        }
    }
}

impl CheckMetrics {
    fn new(families: &Families, check: &str) -> Result<Self, MetricError> {
        let results = families.counter(&names::RISK_CHECKS)?;
        Ok(Self {
            results: ByWord::new(|verdict| results.get(&[check, verdict]))?,
            utilisation: families.gauge(&names::RISK_UTILISATION)?.get(&[check])?,
        })
    }
}

impl RefusalMetrics {
    fn new(families: &Families, strategy: &str) -> Result<Self, MetricError> {
        let refusals = families.counter(&names::RISK_REFUSALS)?;
        Ok(Self {
            by_check: ByWord::new(|check| refusals.get(&[strategy, check]))?,
            nothing_to_trade: refusals.get(&[strategy, "nothing_to_trade"])?,
        })
    }
}
