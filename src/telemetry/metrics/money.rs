//! The metrics of fills, positions and the account. Money leaves its exact form only here.

use prometheus::{Counter, Gauge, Histogram, IntCounter};

use super::super::account::{nanos_to_seconds, seconds};
use super::super::catalogue as names;
use super::super::engine_word::{LiquidityWord, ResultWord, SideWord};
use super::super::names::Names;
use super::super::registry::{Families, MetricError, Table};
use super::super::word::ByWord;
use super::float;
use crate::domain::{Fill, InstrumentId, Nanos, Num, Side, StrategyId, UnixNanos};
use crate::engine::Levels;
use crate::engine::view::{AccountView, EngineView, PositionView};
use crate::strategy::ExitKind;

pub(in super::super) struct MoneyMetrics {
    strategies: Table<StrategyMoney>,
    last_fills: Table<ByWord<SideWord, Gauge>>,
    positions: Vec<PositionMetrics>,
    equity: Gauge,
    peak: Gauge,
    drawdown: Gauge,
    /// By strategy, with the name that views use.
    armed: Vec<(String, Gauge)>,
    exposure: Gauge,
    net_exposure: Gauge,
}

struct StrategyMoney {
    fills: Table<ByWord<LiquidityWord, IntCounter>>,
    traded: ByWord<SideWord, Counter>,
    fees: Table<Counter>,
    exits: ByWord<ExitKind, IntCounter>,
    slippage: Histogram,
    trips: ByWord<ResultWord, IntCounter>,
    holding: Histogram,
}

/// One strategy's position in one instrument, with the names that views use.
struct PositionMetrics {
    strategy: String,
    symbol: String,
    quantity: Gauge,
    notional: Gauge,
    realised: Gauge,
    unrealised: Gauge,
    fees: Gauge,
}

impl MoneyMetrics {
    pub(super) fn new(families: &Families, of: &Names) -> Result<Self, MetricError> {
        let last_fill = families.gauge(&names::LAST_FILL)?;
        let armed = families.gauge(&names::EXITS_ARMED)?;
        let armed = of.strategies.iter().map(|name| Ok((name.clone(), armed.get(&[name])?)));
        let mut positions = Vec::new();
        for strategy in &of.strategies {
            for symbol in &of.instruments {
                positions.push(PositionMetrics::new(families, strategy, symbol)?);
            }
        }
        Ok(Self {
            strategies: families.table(&names::FILLS, &of.strategies, |strategy| {
                StrategyMoney::new(families, of, strategy)
            })?,
            last_fills: families.table(&names::LAST_FILL, &of.instruments, |symbol| {
                ByWord::new(|side| last_fill.get(&[symbol, side]))
            })?,
            positions,
            armed: armed.collect::<Result<_, MetricError>>()?,
            equity: families.gauge(&names::EQUITY)?.get(&[])?,
            peak: families.gauge(&names::EQUITY_PEAK)?.get(&[])?,
            drawdown: families.gauge(&names::DRAWDOWN_RATIO)?.get(&[])?,
            exposure: families.gauge(&names::EXPOSURE_GROSS)?.get(&[])?,
            net_exposure: families.gauge(&names::EXPOSURE_NET)?.get(&[])?,
        })
    }

    pub(in super::super) fn fill(
        &self,
        strategy: StrategyId,
        instrument: InstrumentId,
        side: Side,
        fill: &Fill,
        time: UnixNanos,
    ) {
        if let Some(sides) = self.last_fills.get(instrument.index()) {
            sides.get(side.into()).set(seconds(time));
        }
        let Some(metrics) = self.strategies.get(strategy.index()) else { return };
        if let Some(fills) = metrics.fills.get(instrument.index()) {
            fills.get(fill.liquidity.into()).inc();
        }
        if let Ok(notional) = fill.price.notional(fill.quantity) {
            add(metrics.traded.get(side.into()), notional);
        }
        if let Some(fees) = metrics.fees.get(fill.fee.asset.index()) {
            add(fees, fill.fee.amount);
        }
    }

    /// A fill was so much worse than the mid at which its order was sent.
    pub(in super::super) fn slippage(&self, strategy: StrategyId, ratio: f64) {
        if let Some(metrics) = self.strategies.get(strategy.index()) {
            metrics.slippage.observe(ratio.max(0.0));
        }
    }

    /// A position was closed after so long.
    pub(in super::super) fn trip(&self, strategy: StrategyId, result: ResultWord, held: Nanos) {
        if let Some(metrics) = self.strategies.get(strategy.index()) {
            metrics.trips.get(result).inc();
            metrics.holding.observe(nanos_to_seconds(held));
        }
    }

    pub(in super::super) fn exit(&self, strategy: StrategyId, kind: ExitKind) {
        if let Some(metrics) = self.strategies.get(strategy.index()) {
            metrics.exits.get(kind).inc();
        }
    }

    pub(super) fn mirror(&self, view: &EngineView) {
        for metrics in &self.positions {
            let held = view.positions.iter().find(|position| {
                position.strategy == metrics.strategy && position.symbol == metrics.symbol
            });
            if let Some(position) = held {
                metrics.mirror(position);
            }
        }
        for (strategy, gauge) in &self.armed {
            let is_armed = |position: &&PositionView| {
                position.strategy == *strategy && position.exits != Levels::default()
            };
            gauge.set(float(view.positions.iter().filter(is_armed).count() as u64));
        }
        let net = view.positions.iter().try_fold(Num::ZERO, |sum, position| {
            if position.quantity.is_zero() { Some(sum) } else { sum.add(notional(position)?).ok() }
        });
        set(&self.net_exposure, net);
        self.mirror_account(&view.account);
    }

    fn mirror_account(&self, account: &AccountView) {
        set(&self.equity, account.equity);
        set(&self.peak, account.peak);
        set(&self.drawdown, account.drawdown);
        set(&self.exposure, Some(account.gross_exposure));
    }
}

impl StrategyMoney {
    fn new(families: &Families, of: &Names, strategy: &str) -> Result<Self, MetricError> {
        let fills = families.counter(&names::FILLS)?;
        let traded = families.amount(&names::TRADED_NOTIONAL)?;
        let fees = families.amount(&names::FEES_PAID)?;
        let exits = families.counter(&names::EXITS)?;
        let trips = families.counter(&names::TRADES_CLOSED)?;
        let venue = of.venue.as_str();
        Ok(Self {
            fills: families.table(&names::FILLS, &of.instruments, |symbol| {
                ByWord::new(|liquidity| fills.get(&[venue, symbol, strategy, liquidity]))
            })?,
            traded: ByWord::new(|side| traded.get(&[strategy, side]))?,
            fees: families
                .table(&names::FEES_PAID, &of.assets, |asset| fees.get(&[strategy, asset]))?,
            slippage: families.histogram(&names::FILL_SLIPPAGE)?.get(&[strategy])?,
            trips: ByWord::new(|result| trips.get(&[strategy, result]))?,
            holding: families.histogram(&names::TRADE_HOLDING)?.get(&[strategy])?,
            exits: ByWord::new(|kind| exits.get(&[strategy, kind]))?,
        })
    }
}

impl PositionMetrics {
    fn new(families: &Families, strategy: &str, symbol: &str) -> Result<Self, MetricError> {
        let labels = [strategy, symbol];
        Ok(Self {
            strategy: strategy.to_owned(),
            symbol: symbol.to_owned(),
            quantity: families.gauge(&names::POSITION_QUANTITY)?.get(&labels)?,
            notional: families.gauge(&names::POSITION_NOTIONAL)?.get(&labels)?,
            realised: families.gauge(&names::PNL_REALISED)?.get(&labels)?,
            unrealised: families.gauge(&names::PNL_UNREALISED)?.get(&labels)?,
            fees: families.gauge(&names::POSITION_FEES)?.get(&labels)?,
        })
    }

    fn mirror(&self, position: &PositionView) {
        self.quantity.set(position.quantity.to_f64());
        set(&self.notional, notional(position));
        set(&self.realised, Some(position.realised));
        set(&self.unrealised, position.unrealised);
        set(&self.fees, Some(position.fees));
    }
}

/// The signed value at mark.
fn notional(position: &PositionView) -> Option<Num> {
    position.mark?.num().mul(position.quantity.num()).ok()
}

/// An unknown amount is NaN: a zero would be a lie.
fn set(gauge: &Gauge, amount: Option<Num>) {
    gauge.set(amount.map_or(f64::NAN, Num::to_f64));
}

/// A rebate would make a counter fall, which it may not.
fn add(counter: &Counter, amount: Num) {
    if amount.is_positive() {
        counter.inc_by(amount.to_f64());
    }
}
