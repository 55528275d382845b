//! From a row to its decision, and what a decision says in one line.

use std::sync::Arc;

use super::model::{Chain, Model, Pane};
use super::number;
use super::row::{self, Row};
use crate::engine::Check;
use crate::engine::view::{DecisionView, EngineView, EvaluationView, NodeView};
use crate::strategy::{Trigger, Truth};

/// The chain behind the selected row of a pane; an error says in a sentence why there is none.
pub(super) fn of_selected(model: &Model, view: &EngineView, pane: Pane) -> Result<Chain, String> {
    let rows = row::rows(model, view, pane);
    let selected = rows.get(row::place(&rows, model.selected_in(pane))).copied();
    match (selected, pane) {
        (Some(row), _) => of_row(view, row),
        (None, Pane::Book | Pane::Chart) => model
            .instrument(view)
            .and_then(|instrument| newest_of_symbol(view, &instrument.symbol))
            .ok_or_else(|| "no decision for this instrument yet".to_owned()),
        (None, Pane::Health) => Err("health is no decision: see 6, 8 or w".to_owned()),
        (None, _) => Err("no row here yet".to_owned()),
    }
}

fn of_row(view: &EngineView, row: Row<'_>) -> Result<Chain, String> {
    match row {
        Row::Decision(decision) => Ok(with_decision(decision)),
        Row::Slot(evaluation) => {
            Ok(by_id(view, &evaluation.id).unwrap_or_else(|| without_decision(evaluation)))
        }
        Row::Order(order) => by_id(view, &order.decision)
            .ok_or_else(|| format!("decision {} is no longer held in memory", order.decision)),
        Row::Mark(mark) => by_id(view, &mark.decision)
            .ok_or_else(|| format!("decision {} is no longer held in memory", mark.decision)),
        Row::Instrument(instrument) => newest_of_symbol(view, &instrument.symbol)
            .ok_or_else(|| format!("no decision for {} yet", instrument.symbol)),
        Row::Position(position) => newest(view, |d| {
            let e = &d.evaluation;
            e.strategy == position.strategy && e.symbol == position.symbol && d.position.is_some()
        })
        .ok_or_else(|| "the decision that made this position is no longer held".to_owned()),
        Row::Line(line) if line.id.is_empty() => Err("this line belongs to no decision".to_owned()),
        Row::Line(line) => by_id(view, &line.id)
            .or_else(|| newest(view, |d| d.order.as_ref().is_some_and(|o| o.id == line.id)))
            .ok_or_else(|| format!("{} is no longer held in memory", line.id)),
    }
}

/// The chain of a decision by its id.
pub(super) fn by_id(view: &EngineView, id: &str) -> Option<Chain> {
    newest(view, |decision| decision.evaluation.id == id)
}

/// What is held of an evaluation by its id, whether or not it became a row.
pub(super) fn held(view: &EngineView, id: &str) -> Option<Chain> {
    let slot = || view.strategies.iter().flat_map(|s| s.last.iter()).find(|e| e.id == id);
    by_id(view, id).or_else(|| slot().map(without_decision))
}

/// The evaluation behind the selected row: for an instrument its newest, whatever came of it.
pub(super) fn evaluation_of_selected(
    model: &Model,
    view: &EngineView,
) -> Result<Arc<EvaluationView>, String> {
    let rows = row::rows(model, view, model.focus);
    let selected = rows.get(row::place(&rows, model.selected_in(model.focus)));
    if let Some(Row::Instrument(instrument)) = selected
        && let Some(newest) = newest_evaluation(view, &instrument.symbol)
    {
        return Ok(newest);
    }
    of_selected(model, view, model.focus).map(|chain| chain.evaluation)
}

/// The newest evaluation of any strategy for a symbol.
pub(super) fn newest_evaluation(view: &EngineView, symbol: &str) -> Option<Arc<EvaluationView>> {
    last_evaluations(view, symbol).into_iter().max_by_key(|evaluation| evaluation.seq).cloned()
}

fn newest(view: &EngineView, wanted: impl Fn(&DecisionView) -> bool) -> Option<Chain> {
    view.decisions.iter().rev().find(|decision| wanted(decision)).map(with_decision)
}

fn newest_of_symbol(view: &EngineView, symbol: &str) -> Option<Chain> {
    newest(view, |decision| decision.evaluation.symbol == symbol)
        .or_else(|| last_evaluations(view, symbol).first().map(|e| without_decision(e)))
}

/// The last evaluation of every strategy for a symbol.
pub(super) fn last_evaluations<'v>(
    view: &'v EngineView,
    symbol: &str,
) -> Vec<&'v Arc<EvaluationView>> {
    view.strategies.iter().flat_map(|s| s.last.iter()).filter(|e| e.symbol == symbol).collect()
}

fn with_decision(decision: &Arc<DecisionView>) -> Chain {
    Chain { evaluation: Arc::clone(&decision.evaluation), decision: Some(Arc::clone(decision)) }
}

fn without_decision(evaluation: &Arc<EvaluationView>) -> Chain {
    Chain { evaluation: Arc::clone(evaluation), decision: None }
}

/// What the decision wants, with the quantity's decimals: `BUY 0.010`, `none`.
pub(super) fn action(decision: &DecisionView, digits: u32) -> String {
    decision.signal.map_or_else(
        || "none".to_owned(),
        |signal| {
            format!("{:<4} {}", signal.side.as_str(), number::quantity(signal.quantity, digits))
        },
    )
}

/// Why, in one line: the refusal, the first blocker, or the rules that held.
pub(super) fn reason(decision: &DecisionView) -> String {
    if !decision.refusal.is_empty() {
        return refusal(decision);
    }
    if let Some(order) = decision.order.as_ref().filter(|order| !order.reject.is_empty()) {
        return format!("venue: {}", order.reject);
    }
    let evaluation = &decision.evaluation;
    if evaluation.trigger == Trigger::Operator {
        return evaluation.rules.first().map_or_else(String::new, |rule| rule.label.clone());
    }
    if decision.signal.is_none() {
        let blocker = &evaluation.blocker;
        return if blocker.is_empty() { evaluation.outcome.clone() } else { blocker.clone() };
    }
    held_rule(evaluation)
}

/// The check that refused, its value and its limit; money to the cent, where that tells them apart.
fn refusal(decision: &DecisionView) -> String {
    let refused =
        |check: &&Check| !check.passed && decision.refusal.starts_with(check.kind.as_str());
    let check = decision.checks.iter().find(refused);
    let numbers = check.and_then(|check| Some((check.kind, check.observed?, check.limit?)));
    let Some((kind, observed, limit)) = numbers else { return decision.refusal.clone() };
    let is_money = kind.unit() == "quote" && observed.round_dp(2) != limit.round_dp(2);
    let observed = if is_money { observed.round_dp(2) } else { observed };
    let shown = |value| number::of_check(kind, value);
    let sign = if kind.is_minimum() { "<" } else { ">" };
    format!("{} {} {sign} {}", kind.as_str().replace('_', " "), shown(observed), shown(limit))
}

/// The leaves of the first rule that held, joined; a single comparison, as of a stop, with its
/// numbers.
fn held_rule(evaluation: &EvaluationView) -> String {
    let held = evaluation.rules.iter().find(|rule| rule.root.truth == Truth::True);
    if let Some((rule, leaf)) = held.and_then(|rule| Some((rule, rule.root.leaf.as_ref()?))) {
        let (left, right) = (leaf.left_values.0, leaf.right_values.0);
        return format!(
            "{}: {} {} {} {}",
            rule.label,
            leaf.left,
            number::value(left, right),
            leaf.op.as_str(),
            named(&leaf.right, &number::value(right, left)),
        );
    }
    let mut leaves = Vec::new();
    if let Some(rule) = held {
        collect_held(&rule.root, &mut leaves);
    }
    leaves.join(" & ")
}

/// A name and its number; a literal is its own name.
fn named(name: &str, number: &str) -> String {
    if name.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        number.to_owned()
    } else {
        format!("{name} {number}")
    }
}

fn collect_held<'v>(node: &'v NodeView, leaves: &mut Vec<&'v str>) {
    if node.leaf.is_some() && node.truth == Truth::True {
        leaves.push(&node.text);
    }
    node.children.iter().for_each(|child| collect_held(child, leaves));
}
