//! A view with something of everything, the same each time: for snapshots, benches and pictures of
//! the screen that need no running engine.

use std::sync::Arc;

use crate::domain::{
    Level, Liquidity, Num, OrderKind, OrderState, Price, Quantity, Side, Signed, TimeInForce,
    Trade, UnixNanos,
};
use crate::engine::record::{Check, CheckKind, TradingState};
use crate::engine::view::{
    AccountView, ConnectionView, DecisionView, EngineView, EvaluationView, FillView, HealthView,
    InstrumentView, LeafView, LogView, Marker, MarkerKind, Mode, NodeView, OrderView, PositionView,
    QueueView, RuleView, RunView, SignalView, StrategyView, ValueView,
};
use crate::strategy::{Bar, Op, Trigger, Truth};

/// 2026-11-22 17:04:12.345 UTC.
const NOW: UnixNanos = UnixNanos(1_795_367_052_345_000_000);
const SECOND: u64 = UnixNanos::SECOND;

fn num(text: &str) -> Num {
    text.parse().unwrap_or_default()
}

fn price(text: &str) -> Price {
    Price::new(num(text))
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap_or_default()
}

fn ago(nanos: u64) -> UnixNanos {
    UnixNanos(NOW.0 - nanos)
}

/// The view.
pub fn view() -> EngineView {
    let filled = filled_decision();
    let decisions = vec![
        other_decision(409, "k7f3-0-0409", "FILLED", 191, ""),
        other_decision(410, "k7f3-0-0410", "REFUSED", 70, "position notional 3,840.75 > 3,000"),
        blocked_decision(),
        Arc::clone(&filled),
    ];
    EngineView {
        version: 1,
        now: NOW,
        run: run(),
        account: account(),
        instruments: vec![
            Arc::new(instrument("BTCUSDT", 64_012.5, 2, 5)),
            Arc::new(instrument("ETHUSDT", 3_201.1, 2, 4)),
            Arc::new(InstrumentView {
                synced: false,
                gaps: 1,
                ..instrument("SOLUSDT", 151.2, 3, 2)
            }),
        ],
        strategies: strategies(&filled),
        positions: positions(),
        orders: decisions
            .iter()
            .filter_map(|d| d.order.clone())
            .chain([resting_order()])
            .rev()
            .collect(),
        decisions,
        log: log(),
        health: health(),
    }
}

fn run() -> RunView {
    RunView {
        id: "20261122T160002-k7f3".into(),
        prefix: "k7f3".into(),
        mode: Mode::Demo,
        market: "synthetic market".into(),
        trading: TradingState::Active,
        started: ago(3_850 * SECOND),
        inputs: 1_204_881,
        evaluations: 38_412,
        signals: 12,
        orders: 9,
        refusals: 3,
        fills: 14,
        fill_model: "book, fees in the received asset".into(),
    }
}

fn account() -> AccountView {
    AccountView {
        name: "demo".into(),
        asset: "USDT".into(),
        equity: Some(num("10124.5")),
        day_start: Some(num("10000")),
        peak: Some(num("10156")),
        drawdown: Some(num("0.0031")),
        realised: num("130.95"),
        unrealised: num("-0.05"),
        fees: num("6.4"),
        gross_exposure: num("640.12"),
        max_gross_exposure: Some(num("5000")),
        order_rate: (1, 5),
        balances: vec![
            ("USDT".into(), num("9484.38"), num("0")),
            ("BTC".into(), num("0.01"), num("0")),
        ],
    }
}

/// A price path that wanders the same way every time.
fn path(index: u64, middle: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let x = index as f64;
    middle
        * (1.0
            + 0.000_8 * (x / 17.0).sin()
            + 0.000_4 * (x / 5.3).cos()
            + 0.000_15 * (x * 1.9).sin())
}

fn rounded(value: f64, digits: u32) -> Num {
    Num::from_f64(value).unwrap_or_default().round_dp(digits)
}

const BARS: u64 = 300;

fn bar(index: u64, middle: f64, digits: u32) -> Bar {
    let (open, close) = (path(index, middle), path(index + 1, middle));
    let reach = middle * 0.000_1;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let volume = 1.0 + ((index * 7) % 11) as f64;
    let at = |value: f64| Price::new(rounded(value, digits));
    Bar {
        open_time: UnixNanos(ago((BARS - index) * SECOND).floor_to(SECOND).0),
        length: SECOND,
        open: at(open),
        high: at(open.max(close) + reach),
        low: at(open.min(close) - reach),
        close: at(close),
        volume: Quantity::new(rounded(volume, 3)).unwrap_or_default(),
        turnover: rounded(volume * close, 2),
        trades: 10 + index % 9,
        first_trade_id: index * 20,
        last_trade_id: index * 20 + 19,
    }
}

fn instrument(
    symbol: &str,
    middle: f64,
    price_digits: u32,
    quantity_digits: u32,
) -> InstrumentView {
    let last = path(BARS, middle);
    let tick = 0.1_f64.powi(i32::try_from(price_digits).unwrap_or(2));
    let level = |step: i32, side: f64| {
        let size = 0.33 + f64::from((step * 7) % 5) * 0.871;
        Level {
            price: Price::new(rounded(last + side * tick * f64::from(step + 1), price_digits)),
            quantity: Quantity::new(rounded(size, quantity_digits)).unwrap_or_default(),
        }
    };
    let trade = |index: u64| {
        let side = if index.is_multiple_of(3) { Side::Sell } else { Side::Buy };
        let much = rounded(0.004 * path(index % 13, 1.0) * 7.0, quantity_digits);
        let at = rounded(last + tick, price_digits);
        (
            ago((30 - index) * 40_000_000),
            side,
            Quantity::new(much).unwrap_or_default(),
            Price::new(at),
        )
    };
    InstrumentView {
        symbol: symbol.into(),
        price_digits,
        quantity_digits,
        last: Some(Price::new(rounded(last, price_digits))),
        last_side: Some(if symbol.starts_with('E') { Side::Sell } else { Side::Buy }),
        first: Some(Price::new(rounded(path(0, middle), price_digits))),
        turnover: rounded(middle * 18_900.0, 2),
        bids: (0..20).map(|step| level(step, -1.0)).collect(),
        asks: (0..20).map(|step| level(step, 1.0)).collect(),
        synced: true,
        live: true,
        update_id: 91_882_110,
        age_ns: Some(11_000_000),
        last_event: ago(20_000_000),
        trades: (0..30).map(trade).collect(),
        bars: Arc::new((0..BARS - 1).map(|index| bar(index, middle, price_digits)).collect()),
        open_bar: Some(bar(BARS - 1, middle, price_digits)),
        bar_length: SECOND,
        markers: markers(middle, price_digits),
        gaps: 0,
    }
}

fn markers(middle: f64, digits: u32) -> Vec<Marker> {
    let mark = |back: u64, kind, side, decision: &str| Marker {
        time: ago(back * SECOND),
        price: Price::new(rounded(path(BARS - back, middle), digits)),
        kind,
        side,
        decision: decision.into(),
    };
    vec![
        mark(31, MarkerKind::Signal, Side::Sell, "k7f3-0-0409"),
        mark(31, MarkerKind::Fill, Side::Sell, "k7f3-0-0409"),
        mark(18, MarkerKind::Blocked, Side::Sell, "k7f3-0-0410"),
        mark(4, MarkerKind::Signal, Side::Buy, "k7f3-0-0412"),
        mark(4, MarkerKind::Fill, Side::Buy, "k7f3-0-0412"),
    ]
}

fn value(name: &str, now: f64, previous: f64) -> ValueView {
    ValueView { name: name.into(), now: Some(now), previous: Some(previous), parameter: false }
}

fn parameter(name: &str, now: f64) -> ValueView {
    ValueView { parameter: true, ..value(name, now, now) }
}

fn leaf(left: ValueView, op: Op, right: ValueView, truth: Truth, first_blocker: bool) -> NodeView {
    NodeView {
        text: format!("{} {} {}", left.name, op.as_str(), right.name),
        truth,
        leaf: Some(LeafView {
            margin: left.now.zip(right.now).map(|(left, right)| left - right),
            left_values: (left.now, left.previous),
            right_values: (right.now, right.previous),
            left: left.name,
            op,
            right: right.name,
        }),
        children: Vec::new(),
        first_blocker,
    }
}

fn evaluation(id: &str, symbol: &str, back_ns: u64, crossed: bool) -> EvaluationView {
    let fast = value("ema_fast", 64_001.231, if crossed { 63_998.104 } else { 64_000.9 });
    let slow = value("ema_slow", 63_999.874, 63_999.912);
    let range = value("atr", 18.4, 18.11);
    let least = parameter("atr_min", 10.0);
    let held = value("position", 0.0, 0.0);
    let truth = Truth::from_bool(crossed);
    let children = vec![
        leaf(fast.clone(), Op::CrossUp, slow.clone(), truth, !crossed),
        leaf(range.clone(), Op::Gt, least.clone(), Truth::True, false),
        leaf(held.clone(), Op::Eq, parameter("0", 0.0), Truth::True, false),
    ];
    let root =
        NodeView { text: "all of".into(), truth, leaf: None, children, first_blocker: false };
    EvaluationView {
        id: id.into(),
        strategy: "ema_cross".into(),
        symbol: symbol.into(),
        time: ago(back_ns),
        seq: 1_204_881,
        trigger: Trigger::Trade(Trade {
            id: 4_204,
            ts_venue: ago(back_ns + 3_900_000),
            price: price("64012.5"),
            quantity: quantity("0.12"),
            aggressor: Side::Buy,
        }),
        values: vec![fast, slow, range, least, held],
        rules: vec![RuleView { label: "enter_long".into(), root }],
        outcome: if crossed { "signal" } else { "no signal" }.into(),
        blocker: if crossed {
            String::new()
        } else {
            "ema_fast crosses above ema_slow: was 64,000.90 > 63,999.91 already".into()
        },
        logs: Vec::new(),
    }
}

fn checks(refused: bool) -> Vec<Check> {
    let check = |kind, observed: &str, limit: &str| Check {
        kind,
        observed: Some(num(observed)),
        limit: num(limit),
        passed: !(refused && kind == CheckKind::PositionNotional),
    };
    vec![
        check(CheckKind::KillSwitch, "0", "0"),
        check(CheckKind::DataAge, "0.0039", "2"),
        check(CheckKind::OrderNotional, "640.125", "5000"),
        check(CheckKind::MinNotional, "640.125", "5"),
        check(CheckKind::PriceCollar, "0.000008", "0.01"),
        check(CheckKind::PositionNotional, if refused { "3840.75" } else { "640.125" }, "3000"),
        check(CheckKind::OrderRate, "1", "5"),
        check(CheckKind::DailyLoss, "0", "500"),
        check(CheckKind::Balance, "9484.38", "640.77"),
    ]
}

fn order(id: &str, decision: &str, side: Side, back_ns: u64, price_text: &str) -> OrderView {
    let created = ago(back_ns - 31_000);
    OrderView {
        id: id.into(),
        decision: decision.into(),
        strategy: "ema_cross".into(),
        symbol: "BTCUSDT".into(),
        side,
        kind: OrderKind::Market,
        quantity: quantity("0.01"),
        filled: quantity("0.01"),
        average_price: Some(price(price_text)),
        state: OrderState::Filled,
        venue_order_id: Some(99_182),
        arrival: Some((price("64012"), price("64012.5"))),
        created,
        acknowledged: Some(created.plus(8_100_000)),
        updated: created.plus(12_100_000),
        fills: vec![FillView {
            time: created.plus(12_100_000),
            trade_id: 4_205,
            price: price(price_text),
            quantity: quantity("0.01"),
            liquidity: Liquidity::Taker,
            fee: num("0.00001"),
            fee_asset: "BTC".into(),
        }],
        reject: String::new(),
    }
}

fn resting_order() -> Arc<OrderView> {
    Arc::new(OrderView {
        symbol: "ETHUSDT".into(),
        kind: OrderKind::Limit { price: price("3190.5"), time_in_force: TimeInForce::Gtc },
        state: OrderState::Working,
        quantity: quantity("1.25"),
        filled: quantity("0"),
        average_price: None,
        fills: Vec::new(),
        strategy: "breakout".into(),
        ..order("k7f3-1-o0003", "k7f3-1-0088", Side::Buy, 12 * SECOND, "0")
    })
}

fn filled_decision() -> Arc<DecisionView> {
    let back = 363_000_000;
    Arc::new(DecisionView {
        evaluation: Arc::new(evaluation("k7f3-0-0412", "BTCUSDT", back, true)),
        signal: Some(SignalView {
            side: Side::Buy,
            wanted: quantity("0.010004"),
            quantity: quantity("0.01"),
        }),
        checks: checks(false),
        refusal: String::new(),
        order: Some(Arc::new(order("k7f3-0-o0009", "k7f3-0-0412", Side::Buy, back, "64013"))),
        position: Some((Signed::ZERO, Signed::new(num("0.00999")))),
        average_entry: Some(price("64013")),
        realised: Some(Num::ZERO),
        repeated: 1,
        state: "FILLED".into(),
    })
}

fn blocked_decision() -> Arc<DecisionView> {
    Arc::new(DecisionView {
        evaluation: Arc::new(evaluation("k7f3-0-0411", "ETHUSDT", 14 * SECOND, false)),
        signal: None,
        checks: Vec::new(),
        refusal: String::new(),
        order: None,
        position: None,
        average_entry: None,
        realised: None,
        repeated: 38,
        state: "BLOCKED".into(),
    })
}

fn other_decision(n: u64, id: &str, state: &str, back: u64, refusal: &str) -> Arc<DecisionView> {
    let refused = !refusal.is_empty();
    let sell = order(&format!("k7f3-0-o{:04}", n - 401), id, Side::Sell, back * SECOND, "64021.5");
    Arc::new(DecisionView {
        evaluation: Arc::new(evaluation(id, "BTCUSDT", back * SECOND, true)),
        signal: Some(SignalView {
            side: Side::Sell,
            wanted: quantity("0.01"),
            quantity: quantity("0.01"),
        }),
        checks: checks(refused),
        refusal: refusal.into(),
        order: (!refused).then(|| Arc::new(sell)),
        position: (!refused).then(|| (Signed::new(num("0.01")), Signed::ZERO)),
        average_entry: None,
        realised: (!refused).then(|| num("37.2")),
        repeated: 1,
        state: state.into(),
    })
}

fn strategies(newest: &DecisionView) -> Vec<Arc<StrategyView>> {
    let strategy = |name: &str, kind: &str, last: Vec<Arc<EvaluationView>>| StrategyView {
        name: name.into(),
        kind: kind.into(),
        feed: "bars:1s".into(),
        params: vec![("fast".into(), 12.0), ("slow".into(), 26.0)],
        evaluations: 38_412,
        signals: 12,
        explained: (9, 9),
        blockers: vec![
            ("ema_fast crosses above ema_slow".into(), 38_102),
            ("atr > atr_min".into(), 211),
        ],
        last,
    };
    let blocked = evaluation("k7f3-0-0413", "ETHUSDT", 44_000_000, false);
    let waiting = EvaluationView {
        strategy: "breakout".into(),
        outcome: "not ready".into(),
        blocker: "donchian_high is missing: 14 of 20 bars".into(),
        values: vec![ValueView { now: None, previous: None, ..value("donchian_high", 0.0, 0.0) }],
        rules: Vec::new(),
        ..evaluation("k7f3-1-0088", "BTCUSDT", 900_000_000, false)
    };
    vec![
        Arc::new(strategy(
            "ema_cross",
            "ema_cross",
            vec![Arc::clone(&newest.evaluation), Arc::new(blocked)],
        )),
        Arc::new(strategy("breakout", "breakout", vec![Arc::new(waiting)])),
    ]
}

fn positions() -> Vec<PositionView> {
    let held = PositionView {
        strategy: "ema_cross".into(),
        symbol: "BTCUSDT".into(),
        quantity: Signed::new(num("0.00999")),
        average_entry: Some(price("64013")),
        mark: Some(price("64012.5")),
        unrealised: Some(num("-0.05")),
        realised: num("37.2"),
        fees: num("1.92"),
        opened: ago(363_000_000),
        dust: false,
        fills: 3,
    };
    let dust = PositionView {
        symbol: "ETHUSDT".into(),
        quantity: Signed::new(num("0.00004")),
        average_entry: Some(price("3198.44")),
        mark: Some(price("3201.1")),
        unrealised: Some(num("0.0001")),
        realised: num("-12.31"),
        opened: ago(640 * SECOND),
        dust: true,
        ..held.clone()
    };
    vec![held, dust]
}

fn log() -> Vec<Arc<LogView>> {
    let line = |back: u64, level: &str, event: &str, message: &str, id: &str| {
        Arc::new(LogView {
            time: ago(back),
            level: level.into(),
            event: event.into(),
            message: message.into(),
            id: id.into(),
        })
    };
    vec![
        line(32 * SECOND, "ERROR", "feed.closed", "market data: closed 1006 by peer", ""),
        line(31 * SECOND, "WARN", "feed.reconnected", "market data: 212ms gap, resynced", ""),
        line(14 * SECOND, "DEBUG", "decision.blocked", "cross above", "k7f3-0-0411"),
        line(361_000_000, "INFO", "risk.approved", "9 of 9 checks passed", "k7f3-0-0412"),
        line(351_000_000, "INFO", "order.filled", "BUY 0.01 BTCUSDT @ 64,013.00", "k7f3-0-o0009"),
    ]
}

fn health() -> HealthView {
    let queue = |name: &str, depth, capacity, high_water| QueueView {
        name: name.into(),
        depth,
        capacity,
        high_water,
        dropped: 0,
    };
    HealthView {
        connections: vec![ConnectionView {
            name: "market data".into(),
            up: true,
            state: "live".into(),
            reconnects: 1,
        }],
        queues: vec![queue("tape", 37, 65_536, 4_102), queue("log", 0, 8_192, 14)],
        messages_per_second: 1_204.0,
        latency_us: Some((8.4, 27.0, 410.0)),
        metrics_address: "127.0.0.1:9746".into(),
        tape_bytes: 12_400_000,
        log_dropped: 0,
        warnings: vec!["SOLUSDT: the book is not in sync; no strategy is asked about it.".into()],
    }
}
