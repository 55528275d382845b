//! Tests of the engine through its only door: inputs in, records out.
//!
//! [`Rig`] is an engine with two instruments, a clock and everything it said so far. Orders are
//! wished for by an external strategy on the quote feed, so that a test says exactly what it wants;
//! a native one trades beside it where a property needs state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::codec::{OutputHash, encode};
use super::{
    BarsConfig, Blocker, Check, CheckKind, Command, Config, Engine, Event, FeeAsset, FillModel,
    Input, OrderSize, Outcome, PaperConfig, QueueModel, Record, Refusal, RiskConfig, RiskReport,
    StartState, StopReason, StrategyConfig, Suppression, TradingState,
};
use crate::domain::{
    Account, AccountKind, Asset, AssetId, Balances, BookLoss, Candle, Cause, Fill, History,
    Instrument, InstrumentId, InstrumentKind, Level, MarketEvent, Money, Num, OrderEvent,
    OrderEventKind, OrderId, OrderKind, OrderState, Price, Quantity, Quote, Side, StrategyId,
    TimeInForce, Trade, UnixNanos,
};
use crate::strategy::{
    Bar, BarKind, Context, Decision, Distance, Exits, Feed, Intent, NamedValue, ParamSpec, Params,
    RuleTexts, Size, Strategy as Native, StrategyError, StrategyKind, ValueKind, all,
};

mod bars;
mod blocker;
mod book;
mod candles;
mod exits;
mod external;
mod faults;
mod money;
mod operator;
mod orders;
mod paper;
mod replay;
mod revise;
mod risk;
mod sizing;
mod standing;
mod world;

/// A millisecond.
const MS: u64 = 1_000_000;
/// When every rig's clock starts.
const EPOCH: u64 = 1_700_000_000_000 * MS;

const BTC: InstrumentId = InstrumentId(0);
const ETH: InstrumentId = InstrumentId(1);
const BASE: AssetId = AssetId(0);
const USDT: AssetId = AssetId(2);

fn num(text: &str) -> Num {
    text.parse().unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn level(at: &str, shown: &str) -> Level {
    Level { price: price(at), quantity: quantity(shown) }
}

fn market(side: Side, size: &str) -> Intent {
    order(side, OrderKind::Market, size)
}

fn limit(side: Side, at: &str, size: &str, time_in_force: TimeInForce) -> Intent {
    order(side, OrderKind::Limit { price: price(at), time_in_force }, size)
}

fn order(side: Side, kind: OrderKind, size: &str) -> Intent {
    let (size, exits) = (Size::Quantity(quantity(size)), Exits::default());
    Intent::Order { side, kind, size, reduce_only: false, exits }
}

fn close(side: Side) -> Intent {
    let (kind, exits) = (OrderKind::Market, Exits::default());
    Intent::Order { side, kind, size: Size::Close, reduce_only: true, exits }
}

fn instrument(symbol: &str, base: u16) -> Instrument {
    Instrument {
        tick_size: price("0.01"),
        lot_size: quantity("0.0001"),
        min_quantity: quantity("0.0001"),
        max_quantity: Some(quantity("1000")),
        min_notional: num("1"),
        ..Instrument::unfiltered(symbol, "binance", AssetId(base), USDT)
    }
}

/// Buys above its own average price and closes below: a strategy with state.
#[derive(Serialize, Deserialize)]
struct Drift {
    average: Option<f64>,
    fills: u64,
}

impl Native for Drift {
    const KIND: &'static str = "drift";
    const PARAMS: &'static [ParamSpec] = &[];

    fn new(_: &Params) -> Result<Self, StrategyError> {
        Ok(Self { average: None, fills: 0 })
    }

    fn on_trade(&mut self, ctx: &mut Context<'_>, trade: &Trade) {
        self.evaluate(ctx, trade.price.to_f64());
    }

    fn on_bar(&mut self, ctx: &mut Context<'_>, bar: &Bar) {
        self.evaluate(ctx, bar.close.to_f64());
    }

    fn on_fill(&mut self, _: &Fill) {
        self.fills += 1;
    }
}

impl Drift {
    fn evaluate(&mut self, ctx: &mut Context<'_>, last: f64) {
        self.average = Some(self.average.map_or(last, |average| average * 0.75 + last * 0.25));
        let last = ctx.value("last", last);
        let average = ctx.value("average", self.average);
        let position = ctx.position();
        if ctx.decide("enter", all([last.gt(average), position.is_flat()])) {
            ctx.buy();
        }
        if ctx.decide("exit", all([last.lt(average), position.is_long()])) {
            ctx.close(Side::Sell);
        }
    }
}

fn strategy(name: &str, feed: Feed, external: bool) -> StrategyConfig {
    StrategyConfig {
        name: name.to_owned(),
        kind: "drift".to_owned(),
        feed,
        instruments: vec![BTC, ETH],
        size: OrderSize::Base(quantity("0.5")),
        exits: Exits::default(),
        atr_length: 3,
        params: BTreeMap::new(),
        rules: RuleTexts::default(),
        external,
    }
}

/// Two instruments, no limits, no fee, no latency, the external strategy only.
fn config() -> Config {
    Config {
        assets: ["BTC", "ETH", "USDT"].map(|name| Asset(name.to_owned())).to_vec(),
        instruments: vec![instrument("BTCUSDT", 0), instrument("ETHUSDT", 1)],
        reporting: USDT,
        strategies: vec![strategy("wish", Feed::Quotes, true)],
        paper: PaperConfig::default(),
        risk: RiskConfig {
            max_order_quantity: vec![None; 2],
            reduce_only_at: Num::ONE,
            halt_at: num("1.5"),
            ..RiskConfig::default()
        },
        bars: BarsConfig { chart: BarKind::Time(60_000 * MS), ..BarsConfig::default() },
    }
}

fn account(kind: AccountKind, usdt: &str) -> Account {
    let mut balances = Balances::default();
    balances.add(Money::new(num(usdt), USDT)).unwrap();
    Account { name: "test".to_owned(), kind, balances, locked: Balances::default() }
}

/// An engine, a clock, and what was said.
struct Rig {
    engine: Engine,
    seq: u64,
    now: u64,
    records: Vec<Record>,
}

impl Rig {
    /// A started engine without any market data.
    fn bare(config: Config, account: Account) -> Self {
        let engine = Engine::new(config, &[StrategyKind::of::<Drift>()]).unwrap();
        let mut rig = Self { engine, seq: 0, now: EPOCH, records: Vec::new() };
        rig.input(Event::Start(&StartState { account, version: 1 }));
        rig
    }

    /// A started engine with both books in sync at 100 (spread 0.02) and one trade each.
    fn new(config: Config, account: Account) -> Self {
        let mut rig = Self::bare(config, account);
        for instrument in [BTC, ETH] {
            rig.sync(instrument);
            rig.trade(instrument, "100", "0.001", Side::Buy);
        }
        rig
    }

    fn cash() -> Self {
        Self::new(config(), account(AccountKind::Cash, "10000"))
    }

    fn margin(adjust: impl FnOnce(&mut Config)) -> Self {
        let mut config = config();
        adjust(&mut config);
        Self::new(config, account(AccountKind::Margin, "10000"))
    }

    fn input(&mut self, event: Event<'_>) {
        self.seq += 1;
        let cause = Cause { seq: self.seq, index: 0 };
        let input = Input { cause, time: UnixNanos(self.now), event };
        self.engine.step(&input, &mut self.records);
    }

    /// Time passes, and the driver says so.
    fn wait(&mut self, span: u64) {
        self.now += span;
        self.input(Event::Clock);
    }

    fn market(&mut self, instrument: InstrumentId, event: MarketEvent<'_>) {
        self.input(Event::Market { instrument, event });
    }

    fn sync(&mut self, instrument: InstrumentId) {
        let bids = [level("99.99", "1"), level("99.98", "2"), level("99.97", "3")];
        let asks = [level("100.01", "1"), level("100.02", "2"), level("100.03", "3")];
        let update_id = self.seq;
        self.market(instrument, MarketEvent::BookSnapshot { update_id, bids: &bids, asks: &asks });
    }

    fn delta(&mut self, instrument: InstrumentId, bids: &[Level], asks: &[Level]) {
        let (update_id, ts_venue) = (self.seq, UnixNanos(self.now));
        self.market(instrument, MarketEvent::BookDelta { update_id, ts_venue, bids, asks });
    }

    fn lose(&mut self, instrument: InstrumentId) {
        self.market(instrument, MarketEvent::BookLost(BookLoss::Disconnected));
    }

    fn trade(&mut self, instrument: InstrumentId, at: &str, size: &str, aggressor: Side) {
        self.trade_of(instrument, price(at), quantity(size), aggressor);
    }

    fn trade_of(&mut self, at: InstrumentId, price: Price, quantity: Quantity, aggressor: Side) {
        let (id, ts_venue) = (self.seq, UnixNanos(self.now));
        self.market(at, MarketEvent::Trade(Trade { id, ts_venue, price, quantity, aggressor }));
    }

    fn quote(&mut self, instrument: InstrumentId) {
        let (bid, ask) = (level("99.99", "1"), level("100.01", "1"));
        self.market(instrument, MarketEvent::Quote(Quote { update_id: u64::MAX, bid, ask }));
    }

    /// The external strategy is asked and answers with these intents; what risk said of each.
    fn wish(&mut self, instrument: InstrumentId, intents: Vec<Intent>) -> Vec<RiskReport> {
        let before = self.records.len();
        self.quote(instrument);
        let asked = Cause { seq: self.seq, index: 0 };
        let decision = Decision { intents, ..Decision::default() };
        let strategy = StrategyId(0);
        self.input(Event::Reply { strategy, instrument, asked, decision: &decision });
        self.records[before..]
            .iter()
            .filter_map(|record| match record {
                Record::Risk(report) if report.decision.strategy == strategy => Some(report),
                _ => None,
            })
            .cloned()
            .collect()
    }

    /// One wish in BTC; what risk said.
    fn one(&mut self, intent: Intent) -> RiskReport {
        self.wish(BTC, vec![intent]).remove(0)
    }

    /// One wish in BTC that must be approved; the order's id.
    fn send(&mut self, intent: Intent) -> OrderId {
        let report = self.one(intent);
        assert_eq!(report.refusal, None);
        report.order
    }

    /// The venue's word about an order.
    fn tell(&mut self, order: OrderId, kind: OrderEventKind) {
        let cause = Cause { seq: self.seq + 1, index: 0 };
        let event = OrderEvent { order, time: UnixNanos(self.now), cause, kind };
        self.input(Event::Order(&event));
    }

    fn command(&mut self, command: &Command) {
        self.input(Event::Command(command));
    }

    /// Everything heard of an order, with how long after the epoch.
    fn heard(&self, order: OrderId) -> Vec<(u64, OrderEventKind)> {
        self.records
            .iter()
            .filter_map(|record| match record {
                Record::OrderEvent(event) if event.order == order => {
                    Some((event.time.0 - EPOCH, event.kind))
                }
                _ => None,
            })
            .collect()
    }

    /// The words of an order's events, fills as `price x quantity`.
    fn story(&self, order: OrderId) -> Vec<String> {
        self.heard(order)
            .into_iter()
            .map(|(_, kind)| match kind {
                OrderEventKind::Filled(fill) => format!("{} x {}", fill.price, fill.quantity),
                OrderEventKind::Accepted { .. } => "accepted".to_owned(),
                OrderEventKind::Rejected(reason) => format!("{reason:?}"),
                other => format!("{other:?}"),
            })
            .collect()
    }

    fn state(&self, order: OrderId) -> Option<OrderState> {
        self.engine.orders.get(&order).map(|order| order.state)
    }

    fn balance(&self, asset: AssetId) -> String {
        self.engine.portfolio.account.balances.get(asset).to_string()
    }

    fn position(&self, instrument: InstrumentId) -> String {
        self.engine.held(instrument).to_string()
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.records
            .iter()
            .filter_map(|record| match record {
                Record::Evaluation(evaluation) => Some(evaluation.outcome.clone()),
                _ => None,
            })
            .collect()
    }

    /// The hash over everything said so far.
    fn hash(&self) -> u64 {
        let mut hash = OutputHash::default();
        let mut bytes = Vec::new();
        for record in &self.records {
            bytes.clear();
            assert!(encode(record, &mut bytes));
            hash.add(&bytes);
        }
        hash.mark(0).hash
    }
}

/// A named value of an external decision; `None` is missing.
fn named(name: &str, value: Option<f64>) -> NamedValue {
    NamedValue { name: name.to_owned(), kind: ValueKind::Computed, value }
}

/// A check of a report.
fn check(report: &RiskReport, kind: CheckKind) -> Check {
    *report.checks.iter().find(|check| check.kind == kind).unwrap()
}

/// The kind of the check that refused.
fn refused_by(report: &RiskReport) -> Option<CheckKind> {
    match report.refusal {
        Some(Refusal::Check(check)) => Some(check.kind),
        _ => None,
    }
}
