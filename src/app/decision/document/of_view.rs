//! From what a screen shows to a document.

use super::{
    Arrival, Blocker, Cause, Document, Event, Fill, Holding, Log, Node, Operand, Order, Position,
    RiskCheck, Rule, Rung, Signal, Value,
};
use crate::domain::{Level, OrderKind, UnixNanos, clean};
use crate::engine::record::Check;
use crate::engine::view::{
    DecisionView, EvaluationView, FillView, NodeView, OrderView, PositionView, RuleView,
    SignalView, ValueView,
};
use crate::engine::viewer::resolve;
use crate::strategy::{Bar, LogLine, Trigger};

/// Longest text of a document, in characters.
const TEXT_MAX: usize = 4_096;

impl From<&DecisionView> for Document {
    fn from(view: &DecisionView) -> Self {
        let evaluation = &*view.evaluation;
        Self {
            signal: view.signal.map(Signal::from),
            checks: view.checks.iter().map(RiskCheck::from).collect(),
            refusal: some_text(&view.refusal),
            order: view.order.as_deref().map(Order::from),
            position: view.position.map(|(before, after)| Position {
                before,
                after,
                average_entry: view.average_entry,
            }),
            realised: view.realised,
            repeated: view.repeated,
            state: text(&view.state),
            ..Self::from(evaluation)
        }
    }
}

impl From<&EvaluationView> for Document {
    /// Of an evaluation that nothing followed.
    fn from(view: &EvaluationView) -> Self {
        let id = text(&view.id);
        Self {
            explain: format!("tickscope explain {id}"),
            id,
            strategy: text(&view.strategy),
            instrument: text(&view.symbol),
            time: timestamp(view.time),
            cause: Cause { seq: view.seq },
            trigger: Event::from(&view.trigger),
            outcome: text(&view.outcome).replace(' ', "_"),
            blocked_by: Blocker::of(view),
            values: view.values.iter().map(Value::from).collect(),
            rules: view.rules.iter().map(Rule::from).collect(),
            logs: view.logs.iter().map(Log::from).collect(),
            signal: None,
            checks: Vec::new(),
            refusal: None,
            order: None,
            position: None,
            realised: None,
            repeated: 1,
            state: state(&view.outcome).to_owned(),
        }
    }
}

/// The word on screen for what an evaluation alone came to.
fn state(outcome: &str) -> &'static str {
    match outcome {
        "signal" => "SIGNAL",
        "no signal" => "BLOCKED",
        "not ready" => "WARMING",
        "error" => "ERROR",
        _ => "UNTRUSTED",
    }
}

impl From<SignalView> for Signal {
    fn from(view: SignalView) -> Self {
        let SignalView { side, wanted, quantity, sizing } = view;
        Self { side, wanted, quantity, sizing: resolve::sizing(&sizing) }
    }
}

impl Blocker {
    /// What stopped an evaluation first.
    pub fn of(view: &EvaluationView) -> Option<Self> {
        let whole = some_text(&view.blocker)?;
        let name = view.rules.iter().find_map(|rule| first_blocker(&rule.root));
        let name = name.map_or_else(|| whole.clone(), |node| text(&node.text));
        Some(Self { text: whole, name })
    }
}

fn first_blocker(node: &NodeView) -> Option<&NodeView> {
    if node.first_blocker {
        return Some(node);
    }
    node.children.iter().find_map(first_blocker)
}

impl From<&Trigger> for Event {
    fn from(trigger: &Trigger) -> Self {
        match trigger {
            Trigger::Trade(trade) => Self::Trade {
                trade_id: trade.id,
                time: timestamp(trade.ts_venue),
                price: trade.price,
                quantity: trade.quantity,
                aggressor: trade.aggressor,
            },
            Trigger::Quote(quote) => Self::Quote {
                update_id: quote.update_id,
                bid: Rung::from(quote.bid),
                ask: Rung::from(quote.ask),
            },
            Trigger::Bar(bar) => Self::of_bar(bar),
            Trigger::Due(at) => Self::Due { time: timestamp(*at) },
            Trigger::Operator => Self::Operator,
        }
    }
}

impl Event {
    fn of_bar(bar: &Bar) -> Self {
        Self::Bar {
            bar: bar.kind.to_string(),
            open_time: timestamp(bar.open_time),
            close_time: timestamp(bar.close_time()),
            open: bar.open,
            high: bar.high,
            low: bar.low,
            close: bar.close,
            volume: bar.volume,
            turnover: bar.turnover,
            trades: bar.trades,
            quality: bar.quality,
        }
    }
}

impl From<Level> for Rung {
    fn from(level: Level) -> Self {
        Self { price: level.price, quantity: level.quantity }
    }
}

impl From<&ValueView> for Value {
    fn from(view: &ValueView) -> Self {
        Self {
            name: text(&view.name),
            value: view.now,
            previous: view.previous,
            parameter: view.parameter,
        }
    }
}

impl From<&RuleView> for Rule {
    fn from(view: &RuleView) -> Self {
        Self { label: text(&view.label), tree: Node::from(&view.root) }
    }
}

impl From<&NodeView> for Node {
    fn from(view: &NodeView) -> Self {
        let leaf = view.leaf.as_ref();
        let operand = |name: &str, (value, previous): (Option<f64>, Option<f64>)| Operand {
            expr: text(name),
            value,
            previous,
        };
        Self {
            text: text(&view.text),
            result: view.truth,
            left: leaf.map(|leaf| operand(&leaf.left, leaf.left_values)),
            op: leaf.map(|leaf| leaf.op.as_str()),
            right: leaf.map(|leaf| operand(&leaf.right, leaf.right_values)),
            margin: leaf.and_then(|leaf| leaf.margin),
            first_blocker: view.first_blocker,
            children: view.children.iter().map(Self::from).collect(),
        }
    }
}

impl From<&LogLine> for Log {
    fn from(line: &LogLine) -> Self {
        Self { level: line.level, text: text(&line.text) }
    }
}

impl From<&Check> for RiskCheck {
    fn from(check: &Check) -> Self {
        Self {
            check: check.kind.as_str(),
            observed: check.observed,
            limit: check.limit,
            unit: check.kind.unit(),
            passed: check.passed,
        }
    }
}

impl From<&OrderView> for Order {
    fn from(view: &OrderView) -> Self {
        let (kind, time_in_force) = match view.kind {
            OrderKind::Market => ("market", None),
            OrderKind::Limit { time_in_force, .. } => ("limit", Some(time_in_force)),
            OrderKind::LimitMaker { .. } => ("limit_maker", None),
        };
        let id = text(&view.id);
        Self {
            fills: view.fills.iter().zip(1..).map(|(fill, n)| Fill::of(fill, &id, n)).collect(),
            id,
            decision: text(&view.decision),
            strategy: text(&view.strategy),
            instrument: text(&view.symbol),
            venue_order_id: view.venue_order_id,
            side: view.side,
            kind,
            limit_price: view.kind.price(),
            time_in_force,
            quantity: view.quantity,
            filled: view.filled,
            average_price: view.average_price,
            state: view.state,
            arrival: view.arrival.map(|(bid, ask)| Arrival { bid, ask }),
            created: timestamp(view.created),
            acknowledged: view.acknowledged.map(timestamp),
            updated: timestamp(view.updated),
            reject: some_text(&view.reject),
        }
    }
}

impl Fill {
    /// The n-th fill of an order.
    pub fn of(view: &FillView, order: &str, n: usize) -> Self {
        Self {
            id: format!("{order}-f{n}"),
            time: timestamp(view.time),
            trade_id: view.trade_id,
            price: view.price,
            quantity: view.quantity,
            liquidity: view.liquidity,
            fee: view.fee,
            fee_asset: text(&view.fee_asset),
        }
    }
}

impl From<&PositionView> for Holding {
    fn from(view: &PositionView) -> Self {
        Self {
            strategy: text(&view.strategy),
            instrument: text(&view.symbol),
            quantity: view.quantity,
            average_entry: view.average_entry,
            mark: view.mark,
            unrealised: view.unrealised,
            realised: view.realised,
            fees: view.fees,
            opened: (view.opened != UnixNanos::default()).then(|| timestamp(view.opened)),
            dust: view.dust,
            fills: view.fills,
        }
    }
}

/// A moment as RFC 3339 in UTC, always with nine digits: such texts sort as the moments do.
pub fn timestamp(time: UnixNanos) -> String {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(time.0)).unwrap_or_default();
    moment.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}

fn text(raw: &str) -> String {
    clean(raw, TEXT_MAX)
}

fn some_text(raw: &str) -> Option<String> {
    (!raw.is_empty()).then(|| text(raw))
}
