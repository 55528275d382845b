//! A decision as a trace of OpenTelemetry, in the JSON of OTLP: one span for each stage that it went
//! through. Ids are computed from the decision's, so that the same decision is always the same trace.

use serde_json::{Value, json};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::app::past::Recording;
use crate::domain::{Side, UnixNanos};
use crate::engine::view::{DecisionView, EvaluationView, OrderView};
use crate::strategy::Truth;
use crate::tui::Chain;

/// A span's kind in OTLP: work within the process.
const INTERNAL: u8 = 1;
/// A call to somebody else: the venue.
const CLIENT: u8 = 3;
/// Statuses of a span.
const OK: u8 = 1;
const ERROR: u8 = 2;

/// The spans of one trace.
struct Trace {
    id: String,
    spans: Vec<Value>,
}

/// What a span says.
struct Span {
    name: &'static str,
    /// The span that it is part of.
    within: Option<&'static str>,
    kind: u8,
    from: UnixNanos,
    to: UnixNanos,
    attributes: Vec<Value>,
    status: u8,
}

/// The trace of a decision of a recording.
pub(super) fn trace(recording: &Recording, chain: &Chain) -> Value {
    let evaluation = &chain.evaluation;
    let mut trace = Trace {
        id: format!(
            "{:032x}",
            xxh3_128(format!("{}/{}", recording.run.0, evaluation.id).as_bytes())
        ),
        spans: Vec::new(),
    };
    match &chain.decision {
        Some(decision) => trace.decision(evaluation, decision),
        None => trace.root(evaluation, evaluation.time, evaluation.time, OK, Vec::new()),
    }
    let resource = [
        text("service.name", "tickscope"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", &recording.run.0),
        text("tickscope.venue", &recording.loaded.config.venue.name),
    ];
    let scope = json!({ "name": "tickscope", "version": env!("CARGO_PKG_VERSION") });
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": scope, "spans": trace.spans }],
    }] })
}

impl Trace {
    fn decision(&mut self, evaluation: &EvaluationView, decision: &DecisionView) {
        let decided = evaluation.time;
        // Where nobody measured, a stage has a place and no length.
        let began = UnixNanos(decided.0.saturating_sub(decision.decided_after.unwrap_or(0)));
        let order = decision.order.as_deref();
        let ended = order.map_or(decided, |order| order.updated.max(decided));
        let refused = !decision.refusal.is_empty();
        let mut attributes = vec![text("tickscope.state", &decision.state)];
        if let Some(signal) = &decision.signal {
            attributes.push(text("tickscope.side", side(signal.side)));
            attributes.push(text("tickscope.quantity", &signal.quantity.to_string()));
        }
        let status = if refused { ERROR } else { OK };
        self.root(evaluation, began, ended, status, attributes);
        self.push(Span {
            name: "decide",
            within: Some("decision"),
            kind: INTERNAL,
            from: began,
            to: decided,
            attributes: rules(evaluation),
            status: OK,
        });
        if !decision.checks.is_empty() {
            let checks = decision.checks.iter().map(|check| {
                let name = format!("tickscope.check.{}", check.kind.as_str());
                flag(&name, check.passed)
            });
            let refusal = refused.then(|| text("tickscope.refusal", &decision.refusal));
            self.push(Span {
                name: "risk",
                within: Some("decision"),
                kind: INTERNAL,
                from: decided,
                to: decided,
                attributes: checks.chain(refusal).collect(),
                status,
            });
        }
        if let Some(order) = order {
            self.order(order);
        }
    }

    fn order(&mut self, order: &OrderView) {
        let rejected = !order.reject.is_empty();
        let mut attributes = vec![
            text("tickscope.order_id", &order.id),
            text("tickscope.side", side(order.side)),
            text("tickscope.quantity", &order.quantity.to_string()),
            text("tickscope.filled", &order.filled.to_string()),
        ];
        attributes.extend(
            order.venue_order_id.map(|id| text("tickscope.venue_order_id", &id.to_string())),
        );
        attributes.extend(rejected.then(|| text("tickscope.reject", &order.reject)));
        let status = if rejected { ERROR } else { OK };
        let (from, to) = (order.created, order.updated);
        let within = Some("decision");
        self.push(Span { name: "order", within, kind: CLIENT, from, to, attributes, status });
        let Some(acknowledged) = order.acknowledged else { return };
        self.push(Span {
            name: "acknowledge",
            within: Some("order"),
            kind: CLIENT,
            from,
            to: acknowledged,
            attributes: Vec::new(),
            status: OK,
        });
        for fill in &order.fills {
            let attributes = vec![
                text("tickscope.trade_id", &fill.trade_id.to_string()),
                text("tickscope.price", &fill.price.to_string()),
                text("tickscope.quantity", &fill.quantity.to_string()),
                text("tickscope.fee", &format!("{} {}", fill.fee, fill.fee_asset)),
            ];
            self.push(Span {
                name: "fill",
                within: Some("order"),
                kind: CLIENT,
                from: acknowledged,
                to: fill.time,
                attributes,
                status: OK,
            });
        }
    }

    fn root(
        &mut self,
        evaluation: &EvaluationView,
        from: UnixNanos,
        to: UnixNanos,
        status: u8,
        more: Vec<Value>,
    ) {
        let mut attributes = vec![
            text("tickscope.decision_id", &evaluation.id),
            text("tickscope.strategy", &evaluation.strategy),
            text("tickscope.instrument", &evaluation.symbol),
            text("tickscope.explain", &format!("tickscope explain {}", evaluation.id)),
        ];
        attributes.extend(more);
        let (name, within, kind) = ("decision", None, INTERNAL);
        self.push(Span { name, within, kind, from, to, attributes, status });
    }

    fn push(&mut self, span: Span) {
        let Span { name, within, kind, from, to, attributes, status } = span;
        let number = self.spans.len();
        let mut value = json!({
            "traceId": self.id,
            "spanId": self.span_id(&format!("{name}/{number}")),
            "name": name,
            "kind": kind,
            "startTimeUnixNano": from.0.to_string(),
            "endTimeUnixNano": to.max(from).0.to_string(),
            "attributes": attributes,
            "status": { "code": status },
        });
        if let Some(parent) = self.spans.iter().rev().find(|span| within == span["name"].as_str())
            && within.is_some()
        {
            value["parentSpanId"] = parent["spanId"].clone();
        }
        self.spans.push(value);
    }

    fn span_id(&self, what: &str) -> String {
        format!("{:016x}", xxh3_64(format!("{}/{what}", self.id).as_bytes()))
    }
}

/// Each rule with whether it holds.
fn rules(evaluation: &EvaluationView) -> Vec<Value> {
    let rules = evaluation.rules.iter().map(|rule| {
        let name = format!("tickscope.rule.{}", rule.label);
        text(&name, truth(rule.root.truth))
    });
    let values = evaluation.values.iter().filter_map(|value| {
        let number = value.now.filter(|number| number.is_finite())?;
        let name = format!("tickscope.value.{}", value.name);
        Some(json!({ "key": name, "value": { "doubleValue": number } }))
    });
    rules.chain(values).collect()
}

fn truth(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown => "unknown",
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn flag(key: &str, value: bool) -> Value {
    json!({ "key": key, "value": { "boolValue": value } })
}
