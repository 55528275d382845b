//! What the engine's records look like in the log, and how few lines they need.

use super::*;
use crate::domain::{
    AccountId, AssetId, Cause, DecisionId, Fill, InstrumentId, Level, Liquidity, Money, Num,
    OrderEvent, OrderEventKind, OrderId, OrderKind, OrderRequest, Position, Quote, RejectReason,
    Side, StrategyId,
};
use crate::engine::news::{Digest, News};
use crate::engine::record::{Refusal, RiskReport, Sizing, StopReason};
use crate::engine::{
    Blocker, Check, CheckKind, Evaluation, ExitChange, ExitReport, Levels, Outcome, Record, Signal,
    TradingState,
};
use crate::strategy::{
    ExitKind, Form, Node, Op, OperandRef, Site, Trigger, Truth, ValueKind, ValueName,
};

const STRATEGY: StrategyId = StrategyId(0);
const INSTRUMENT: InstrumentId = InstrumentId(0);

fn at(seconds: u64) -> UnixNanos {
    UnixNanos(START + seconds * UnixNanos::SECOND)
}

fn form() -> Record {
    let value = |name: &str| ValueName { name: name.to_owned(), kind: ValueKind::Computed };
    let compare = |left, op, right| Node::Compare { left, op, right };
    Record::Form {
        strategy: STRATEGY,
        form: 0,
        body: Form {
            values: vec![value("fast"), value("slow"), value("position")],
            sites: vec![Site { label: "enter_long".to_owned(), root: 0 }],
            nodes: vec![
                Node::All { children: 2 },
                compare(OperandRef::Value(0), Op::CrossUp, OperandRef::Value(1)),
                compare(OperandRef::Value(2), Op::Eq, OperandRef::Literal(0)),
            ],
        },
    }
}

fn evaluation(n: u64, fast: f64, outcome: Outcome) -> Record {
    let crosses = Truth::from_bool(matches!(outcome, Outcome::Signal { .. }));
    let level =
        |price: &str| Level { price: price.parse().unwrap(), quantity: "1".parse().unwrap() };
    Record::Evaluation(Evaluation {
        id: DecisionId { strategy: STRATEGY, n },
        instrument: INSTRUMENT,
        cause: Cause { seq: n, index: 0 },
        time: at(n),
        trigger: Trigger::Quote(Quote { update_id: n, bid: level("61.1"), ask: level("61.2") }),
        form: 0,
        values: vec![fast, 61.0, 0.0],
        previous: vec![60.0, 61.0, f64::NAN],
        literals: vec![0.0],
        truths: vec![crosses, crosses, Truth::True],
        outcome,
        logs: Vec::new(),
        news: News::Changed,
    })
}

/// Records with what the engine says of their news, and its summaries.
fn as_engine_tells(records: Vec<Record>) -> Vec<Record> {
    let (mut digest, mut forms, mut told) = (Digest::default(), Vec::new(), Vec::new());
    for mut record in records {
        match &mut record {
            Record::Form { body, .. } => forms.push(body.clone()),
            Record::Evaluation(evaluation) => {
                let due = digest.due((STRATEGY, INSTRUMENT), evaluation.time);
                told.extend(due.map(Record::Summary));
                evaluation.news = digest.take(evaluation, &forms[0], false);
            }
            _ => {}
        }
        told.push(record);
    }
    told.extend(digest.close(STRATEGY, INSTRUMENT).map(Record::Summary));
    told
}

fn told(records: &[Record]) -> (Telemetry, Vec<Strict>, Vec<Strict>) {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig::default());
    let mut teller = telemetry.record_teller();
    for record in records {
        teller.record(record);
    }
    telemetry.shutdown(PATIENCE);
    let (decisions, diagnostics) =
        (lines(folder.path(), "decisions"), lines(folder.path(), "diagnostics"));
    (telemetry, decisions, diagnostics)
}

#[test]
fn a_decision_line_says_which_number_stopped_it() {
    let blocked = Outcome::NoSignal(Blocker::Rule(1));
    let (_, lines, _) = told(&[form(), evaluation(412, 60.5, blocked)]);
    let line = of_event(&lines, "decision.evaluated")[0];
    assert_eq!(line.0["decision_id"], "k7f3-0-0412");
    assert_eq!(line.0["blocked_by"], "enter_long: fast crosses above slow");
    assert_eq!(
        line.0["msg"],
        "ema BTCUSDT: no signal, enter_long fails: fast 60.5 crosses above slow 61"
    );
    assert_eq!(line.0["bid"], "61.1");
    let rule = &line.0["rules"][0];
    assert_eq!((&rule["left_value"], &rule["right_value"]), (&60.5.into(), &61.0.into()));
    assert_eq!((&rule["op"], &rule["result"]), (&"crosses above".into(), &"false".into()));
    assert_eq!(line.0["rules"][1]["right"], "0");
    assert_eq!(line.0["values"][2]["previous"], Value::Null, "missing must not look like a number");
}

#[test]
fn only_changes_are_written_and_the_rest_is_counted_and_summed_up() {
    let mut records = vec![form()];
    for n in 1..=100 {
        let outcome = match n {
            50 => Outcome::Signal { intents: 1 },
            _ => Outcome::NoSignal(Blocker::Rule(1)),
        };
        records.push(evaluation(n, 60.5, outcome));
    }
    let (telemetry, lines, _) = told(&as_engine_tells(records));
    let written = of_event(&lines, "decision.evaluated");
    let outcomes: Vec<_> = written.iter().map(|line| line.0["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["no_signal", "signal", "no_signal"]);
    assert_eq!(written[1].0["repeated"], 49);
    let summaries = of_event(&lines, "decision.suppressed_summary");
    let sums = |key| summaries.iter().map(|line| line.0[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sums("evaluations"), sums("suppressed")), (100, 97));
    assert_eq!(summaries[0].0["blockers"][0]["blocked_by"], "enter_long: fast crosses above slow");
    let nearest = &summaries[0].0;
    assert_eq!(nearest["nearest_decision_id"], "k7f3-0-0001");
    assert_eq!(nearest["nearest_rule"], "enter_long: fast crosses above slow");
    assert_eq!((&nearest["nearest_left"], &nearest["nearest_right"]), (&60.5.into(), &61.0.into()));
    let msg = nearest["msg"].as_str().unwrap();
    assert!(msg.ends_with("nearest miss fast 60.5 crosses above slow 61"), "{msg}");
    let suppressed = sample(&telemetry, "tickscope_log_suppressed_total", &[]);
    assert_eq!(suppressed, 97.0);
    let count = |outcome| {
        let labels = [("strategy", "ema"), ("instrument", "BTCUSDT"), ("outcome", outcome)];
        sample(&telemetry, "tickscope_strategy_evaluations_total", &labels)
    };
    assert_eq!((count("no_signal"), count("signal")), (99.0, 1.0));
    let rule = [("rule", "enter_long: fast crosses above slow"), ("result", "false")];
    assert_eq!(sample(&telemetry, "tickscope_strategy_rule_evaluations_total", &rule), 99.0);
}

fn order_id() -> OrderId {
    OrderId { strategy: STRATEGY, n: 7 }
}

fn happened(seconds: u64, kind: OrderEventKind) -> Record {
    let cause = Cause { seq: 9, index: 0 };
    Record::OrderEvent(OrderEvent { order: order_id(), time: at(seconds), cause, kind })
}

fn fill(trade_id: u64, quantity: &str) -> OrderEventKind {
    OrderEventKind::Filled(Fill {
        order: order_id(),
        trade_id,
        price: "61.20".parse().unwrap(),
        quantity: quantity.parse().unwrap(),
        liquidity: Liquidity::Taker,
        fee: Money::new("0.0001".parse().unwrap(), AssetId(1)),
    })
}

fn order() -> Record {
    Record::Order {
        request: OrderRequest {
            id: order_id(),
            decision: DecisionId { strategy: STRATEGY, n: 412 },
            account: AccountId(0),
            instrument: INSTRUMENT,
            side: Side::Buy,
            kind: OrderKind::Market,
            quantity: "0.01".parse().unwrap(),
            reduce_only: false,
        },
        time: at(0),
        cause: Cause { seq: 9, index: 0 },
        arrival: None,
    }
}

#[test]
fn an_orders_life_is_one_chain_of_exact_lines() {
    let (telemetry, lines, _) = told(&[
        order(),
        happened(0, OrderEventKind::Submitted),
        happened(1, OrderEventKind::Accepted { venue_order_id: 99 }),
        happened(2, fill(1, "0.004")),
        happened(3, fill(2, "0.006")),
    ]);
    let events: Vec<_> = lines.iter().map(|line| line.0["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "log.opened",
            "order.submitted",
            "order.acked",
            "fill.received",
            "order.partially_filled",
            "fill.received",
            "order.filled",
            "log.closed",
        ]
    );
    assert!(lines[1..7].iter().all(|line| line.0["order_id"] == "k7f3-0-o0007"));
    assert_eq!(lines[3].0["price"], "61.2");
    assert_eq!(lines[3].0["fee"], "0.0001");
    assert_eq!(lines[6].0["after_us"], 3_000_000);
    let event = |event| {
        let labels = [("strategy", "ema"), ("event", event), ("mode", "paper")];
        sample(&telemetry, "tickscope_order_events_total", &labels)
    };
    assert_eq!((event("submitted"), event("filled"), event("rejected")), (1.0, 1.0, 0.0));
    let fees = [("strategy", "ema"), ("asset", "USDT")];
    assert_eq!(sample(&telemetry, "tickscope_fees_paid_total", &fees), 0.0002);
    let fills = [("liquidity", "taker"), ("instrument", "BTCUSDT")];
    assert_eq!(sample(&telemetry, "tickscope_fills_total", &fills), 2.0);
}

/// A fold of fills: side, price, quantity; each costs 0.01.
fn folded(fills: &[(Side, &str, &str)]) -> Position {
    let mut position = Position::default();
    for (side, price, quantity) in fills {
        let fill = Fill {
            price: price.parse().unwrap(),
            quantity: quantity.parse().unwrap(),
            fee: Money::new("0.01".parse().unwrap(), AssetId(1)),
            order: order_id(),
            trade_id: 1,
            liquidity: Liquidity::Taker,
        };
        position.apply(&fill, *side, AssetId(0), at(0)).unwrap();
    }
    position
}

/// Lost if broken: how many trades won, and how long they were held.
#[test]
fn a_round_trip_is_told_when_it_ends_and_one_of_an_earlier_run_is_not() {
    let fills = [(Side::Buy, "100", "2"), (Side::Sell, "101", "3"), (Side::Buy, "101", "1")];
    let change = |seconds, from: usize| Record::Position {
        strategy: STRATEGY,
        instrument: INSTRUMENT,
        order: order_id(),
        time: at(seconds),
        before: folded(&fills[..from]),
        after: folded(&fills[..=from]),
    };
    let (telemetry, lines, _) = told(&[order(), change(1, 0), change(4, 1), change(9, 2)]);
    let trips = of_event(&lines, "trade.closed");
    assert_eq!(trips.len(), 2);
    let of = |n: usize, key: &str| trips[n].0[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        [of(0, "side"), of(0, "realised"), of(0, "fees"), of(0, "result")],
        ["buy", "2", "0.02", "win"]
    );
    assert_eq!(
        [of(1, "side"), of(1, "realised"), of(1, "net"), of(1, "result")],
        ["sell", "0", "-0.01", "loss"]
    );
    assert_eq!(
        (&trips[0].0["held_us"], &trips[1].0["held_us"]),
        (&3_000_000.into(), &5_000_000.into())
    );
    assert_eq!(of(0, "entry_decision_id"), "k7f3-0-0412");
    let wins = [("strategy", "ema"), ("result", "win"), ("mode", "paper")];
    assert_eq!(sample(&telemetry, "tickscope_trades_closed_total", &wins), 1.0);
    let (_, lines, _) = told(&[order(), change(4, 1)]);
    assert!(of_event(&lines, "trade.closed").is_empty(), "what it cost is not known here");
}

/// Whoever finds the position gone must find which exit closed it, and at which price.
#[test]
fn exits_are_told_with_their_levels_and_counted_by_kind() {
    let levels =
        Levels { stop: Some("61.1".parse().unwrap()), deadline: Some(at(60)), ..Levels::default() };
    let exit = |change| {
        let (strategy, instrument, time) = (STRATEGY, INSTRUMENT, at(1));
        let cause = Cause { seq: 9, index: 0 };
        Record::Exit(ExitReport { strategy, instrument, time, cause, change, levels })
    };
    let decision = DecisionId { strategy: STRATEGY, n: 412 };
    let (telemetry, lines, _) = told(&[
        exit(ExitChange::Armed),
        exit(ExitChange::Moved),
        exit(ExitChange::Triggered { kind: ExitKind::Stop, decision }),
        exit(ExitChange::Postponed { until: at(2) }),
        exit(ExitChange::Disarmed),
    ]);
    let events: Vec<_> = lines.iter().map(|line| line.0["event"].as_str().unwrap()).collect();
    let told = ["exit.armed", "exit.moved", "exit.triggered", "exit.postponed", "exit.disarmed"];
    assert_eq!(events[1..6], told);
    let levels: Vec<_> = lines[1..6].iter().map(|line| line.0["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["INFO", "DEBUG", "INFO", "WARN", "INFO"]);
    assert_eq!(lines[3].0["msg"], "ema BTCUSDT reached its stop 61.1 and closes");
    assert_eq!(lines[3].0["decision_id"], "k7f3-0-0412");
    assert_eq!((&lines[3].0["exit"], &lines[3].0["stop"]), (&"stop".into(), &"61.1".into()));
    assert_eq!(lines[1].0["take_profit"], Value::Null);
    let by_stop = [("strategy", "ema"), ("exit", "stop")];
    assert_eq!(sample(&telemetry, "tickscope_exits_total", &by_stop), 1.0);
}

#[test]
fn refusals_rejections_and_stops_are_told_with_their_numbers() {
    let check = Check {
        kind: CheckKind::OrderNotional,
        observed: Some(Num::from(15)),
        limit: Some(Num::from(10)),
        passed: false,
    };
    let decision = DecisionId { strategy: STRATEGY, n: 412 };
    let (telemetry, lines, _) = told(&[
        Record::Signal(Signal {
            decision,
            instrument: INSTRUMENT,
            time: at(0),
            side: Side::Sell,
            wanted: "1".parse().unwrap(),
            quantity: "1".parse().unwrap(),
            reduce_only: false,
            explained: true,
            sizing: Sizing::closing("1".parse().unwrap(), "0".parse().unwrap()),
        }),
        Record::Risk(RiskReport {
            decision,
            order: order_id(),
            instrument: INSTRUMENT,
            time: at(0),
            side: Side::Sell,
            quantity: "1".parse().unwrap(),
            price: None,
            checks: vec![check],
            refusal: Some(Refusal::Check(check)),
        }),
        happened(1, OrderEventKind::Rejected(RejectReason::LotSize)),
        Record::Trading { time: at(2), state: TradingState::Halted(StopReason::Operator) },
    ]);
    let risk = of_event(&lines, "risk.checked")[0];
    assert_eq!(risk.0["msg"], "k7f3-0-o0007 refused: order_notional 15 against 10 quote");
    assert_eq!(
        (&risk.0["level"], &risk.0["refused_by"]),
        (&"WARN".into(), &"order_notional".into())
    );
    assert_eq!(risk.0["checks"][0]["observed"], "15");
    assert_eq!(of_event(&lines, "order.rejected")[0].0["reason"], "lot_size");
    let halted = [("state", "halted")];
    assert_eq!(sample(&telemetry, "tickscope_trading_state", &halted), 1.0);
    let ratio = [("check", "order_notional")];
    assert_eq!(sample(&telemetry, "tickscope_risk_utilisation_ratio", &ratio), 1.5);
}

#[test]
fn books_are_told_in_diagnostics() {
    use crate::domain::BookLoss;
    let (telemetry, _, lines) = told(&[
        Record::BookSynced { instrument: INSTRUMENT, time: at(0), update_id: 5 },
        Record::BookLost {
            instrument: INSTRUMENT,
            time: at(1),
            reason: BookLoss::Gap { expected: 6, received: 9 },
        },
        Record::BookLost { instrument: InstrumentId(99), time: at(1), reason: BookLoss::Crossed },
    ]);
    assert_eq!(of_event(&lines, "feed.resynced")[0].0["update_id"], 5);
    assert_eq!(of_event(&lines, "feed.sequence_gap")[0].0["expected"], 6);
    let gaps = [("instrument", "BTCUSDT")];
    assert_eq!(sample(&telemetry, "tickscope_feed_sequence_gaps_total", &gaps), 1.0);
    let overflow = "tickscope_metrics_label_overflow_total";
    assert_eq!(
        sample(
            &telemetry,
            overflow,
            &[("metric", "tickscope_feed_last_message_timestamp_seconds")]
        ),
        1.0
    );
}

/// Lost if broken: knowing from outside that a strategy was told to stop, and by whom trading was.
#[test]
fn a_pause_and_flattening_reach_log_and_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig::default());
    let mut teller = telemetry.record_teller();
    let strategy = StrategyId(0);
    teller.record(&Record::Paused { time: at(1), strategy, paused: true, failed: None });
    teller.record(&Record::Trading { time: at(2), state: TradingState::Flattening });
    let text = telemetry.metrics_text().unwrap();
    let name = &names().strategies[0];
    assert!(
        text.contains(&format!("tickscope_strategy_paused{{strategy=\"{name}\"}} 1")),
        "{text}"
    );
    assert!(text.contains("state=\"flattening\"} 1"), "{text}");
    teller.record(&Record::Paused { time: at(3), strategy, paused: false, failed: None });
    let text = telemetry.metrics_text().unwrap();
    assert!(
        text.contains(&format!("tickscope_strategy_paused{{strategy=\"{name}\"}} 0")),
        "{text}"
    );
    telemetry.shutdown(PATIENCE);
    let lines = &files(folder.path(), "decisions")[0].1;
    let states: Vec<_> = of_event(lines, "strategy.state_changed")
        .iter()
        .map(|line| (line.0["state"].clone(), line.0["level"].clone()))
        .collect();
    assert_eq!(states, [("paused".into(), "WARN".into()), ("running".into(), "INFO".into())]);
    let trading = &of_event(lines, "trading.state_changed")[0].0;
    assert_eq!((&trading["state"], &trading["reason"]), (&"flattening".into(), &"operator".into()));
}
