//! Resolving: recorded numbers and interned names become the words and trees that people read.

use std::fmt::Write;

use crate::domain::{Num, RunId};
use crate::engine::record::{
    Blocker, Check, Evaluation, Fault, Outcome, Refusal, SizeRule, Sizing, Suppression,
};
use crate::engine::view::{EvaluationView, LeafView, NodeView, RuleView, ValueView};
use crate::strategy::{Form, Node, Op, OperandRef, Truth, ValueKind};

/// The names that an evaluation needs besides its form.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// The run, for the prefix of ids.
    pub run: &'a RunId,
    /// The strategy's name.
    pub strategy: &'a str,
    /// The venue's symbol.
    pub symbol: &'a str,
}

/// A float as a person reads it: enough digits to tell neighbours apart, no trailing zeros.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        magnitude if magnitude >= 1_000.0 => 2,
        magnitude if magnitude >= 1.0 => 4,
        _ => 8,
    };
    let text = format!("{value:.digits$}");
    let trimmed = text.trim_end_matches('0').trim_end_matches('.');
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

/// An optional float: `?` when missing.
pub fn number_or_missing(value: Option<f64>) -> String {
    value.map_or_else(|| "?".to_owned(), number)
}

/// An evaluation with its names resolved.
pub fn evaluation(evaluation: &Evaluation, form: &Form, names: Names<'_>) -> EvaluationView {
    let blocker = match &evaluation.outcome {
        Outcome::NoSignal(Blocker::Rule(node)) => Some(usize::from(*node)),
        _ => None,
    };
    let mut tree = Tree { evaluation, form, blocker, next: 0 };
    let rules = form
        .sites
        .iter()
        .map(|site| {
            tree.next = usize::from(site.root);
            RuleView { label: site.label.clone(), root: tree.node() }
        })
        .collect();
    EvaluationView {
        id: names.run.decision(evaluation.id),
        strategy: names.strategy.to_owned(),
        symbol: names.symbol.to_owned(),
        time: evaluation.time,
        seq: evaluation.cause.seq,
        trigger: evaluation.trigger,
        values: values(evaluation, form),
        rules,
        outcome: outcome_word(&evaluation.outcome).to_owned(),
        blocker: blocker_text(evaluation, form),
        logs: evaluation.logs.clone(),
    }
}

/// An outcome in one word or two.
pub fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Signal { .. } => "signal",
        Outcome::NoSignal(_) => "no signal",
        Outcome::NotReady { .. } => "not ready",
        Outcome::Suppressed(_) => "suppressed",
        Outcome::Error(_) => "error",
    }
}

fn values(evaluation: &Evaluation, form: &Form) -> Vec<ValueView> {
    form.values
        .iter()
        .enumerate()
        .map(|(at, name)| ValueView {
            name: name.name.clone(),
            now: present(&evaluation.values, at),
            previous: present(&evaluation.previous, at),
            parameter: name.kind == ValueKind::Parameter,
        })
        .collect()
}

fn present(values: &[f64], at: usize) -> Option<f64> {
    values.get(at).copied().filter(|value| !value.is_nan())
}

/// What stopped the decision first, without its numbers: equal for all that it stops. Empty for a
/// signal.
pub fn blocker_name(evaluation: &Evaluation, form: &Form) -> String {
    match &evaluation.outcome {
        Outcome::NoSignal(Blocker::Rule(node)) => leaf_text(form, evaluation, *node),
        Outcome::Error(fault) => fault_name(fault).to_owned(),
        _ => blocker_text(evaluation, form),
    }
}

/// What stopped the decision first, with its numbers; empty for a signal.
pub fn blocker_text(evaluation: &Evaluation, form: &Form) -> String {
    match &evaluation.outcome {
        Outcome::Signal { .. } => String::new(),
        Outcome::NoSignal(Blocker::NoRule) => "no rule was decided".to_owned(),
        Outcome::NoSignal(Blocker::BarIncomplete) => "the bar is incomplete".to_owned(),
        Outcome::NoSignal(Blocker::Rule(node)) => {
            let tree = Tree { evaluation, form, blocker: None, next: usize::from(*node) };
            let numbers = tree.leaf(usize::from(*node)).map(|leaf| leaf_numbers(&leaf));
            format!("{}: {}", leaf_text(form, evaluation, *node), numbers.unwrap_or_default())
        }
        Outcome::NotReady { missing } => {
            let name = missing.and_then(|at| form.values.get(usize::from(at)));
            let name = name.map_or("a value", |value| value.name.as_str());
            format!("{name} is not ready yet")
        }
        Outcome::Suppressed(Suppression::BookNotTrusted) => "the book is not in sync".to_owned(),
        Outcome::Suppressed(Suppression::AwaitingReply) => {
            "the strategy's process has not answered yet".to_owned()
        }
        Outcome::Suppressed(Suppression::OrderInFlight) => {
            "its last order is still on its way".to_owned()
        }
        Outcome::Suppressed(Suppression::Paused) => "the strategy is paused: no entries".to_owned(),
        Outcome::Error(fault) => {
            let (Fault::Panicked(words) | Fault::Failed(words)) = fault;
            format!("{}: {words}", fault_name(fault))
        }
    }
}

fn fault_name(fault: &Fault) -> &'static str {
    match fault {
        Fault::Panicked(_) => "the strategy panicked",
        Fault::Failed(_) => "the strategy cannot decide",
    }
}

/// The comparison at a node in words, without its numbers.
pub fn leaf_text(form: &Form, evaluation: &Evaluation, node: u16) -> String {
    let tree = Tree { evaluation, form, blocker: None, next: 0 };
    tree.leaf(usize::from(node)).map(|leaf| leaf_words(&leaf)).unwrap_or_default()
}

/// A comparison in words: `rsi < 30`; a flag, which has one operand, `ready is set`.
fn leaf_words(LeafView { left, op, right, .. }: &LeafView) -> String {
    match op {
        Op::Flag => format!("{left} {}", op.as_str()),
        op => format!("{left} {} {right}", op.as_str()),
    }
}

/// The numbers of a comparison: `31.2 < 30`, for a cross also the values before.
pub fn leaf_numbers(leaf: &LeafView) -> String {
    let pair = |left: Option<f64>, right: Option<f64>| {
        let sign = match (left, right) {
            (Some(left), Some(right)) if left < right => "<",
            (Some(left), Some(right)) if left > right => ">",
            (Some(_), Some(_)) => "=",
            _ => "and",
        };
        format!("{} {sign} {}", number_or_missing(left), number_or_missing(right))
    };
    let now = pair(leaf.left_values.0, leaf.right_values.0);
    match leaf.op {
        Op::Flag => match leaf.left_values.0 {
            Some(0.0) => "it is not".to_owned(),
            Some(_) => "it is".to_owned(),
            None => "it is not known".to_owned(),
        },
        Op::CrossUp | Op::CrossDown => {
            format!("was {}, now {now}", pair(leaf.left_values.1, leaf.right_values.1))
        }
        _ => now,
    }
}

/// Walks a form's preorder nodes.
struct Tree<'a> {
    evaluation: &'a Evaluation,
    form: &'a Form,
    blocker: Option<usize>,
    next: usize,
}

impl Tree<'_> {
    fn node(&mut self) -> NodeView {
        let at = self.next;
        self.next += 1;
        let truth = self.evaluation.truths.get(at).copied().unwrap_or(Truth::Unknown);
        let (text, children) = match self.form.nodes.get(at) {
            Some(Node::All { children }) => ("all of".to_owned(), usize::from(*children)),
            Some(Node::Any { children }) => ("any of".to_owned(), usize::from(*children)),
            Some(Node::Not) => ("not".to_owned(), 1),
            Some(Node::Compare { .. }) | None => (String::new(), 0),
        };
        let leaf = self.leaf(at);
        let text = leaf.as_ref().map_or(text, leaf_words);
        let children = (0..children).map(|_| self.node()).collect();
        NodeView { text, truth, leaf, children, first_blocker: self.blocker == Some(at) }
    }

    fn leaf(&self, at: usize) -> Option<LeafView> {
        let Node::Compare { left, op, right } = *self.form.nodes.get(at)? else { return None };
        let (left, left_values) = self.operand(left);
        let (right, right_values) = self.operand(right);
        let margin = left_values.0.zip(right_values.0).map(|(left, right)| left - right);
        Some(LeafView { left, op, right, left_values, right_values, margin })
    }

    fn operand(&self, operand: OperandRef) -> (String, (Option<f64>, Option<f64>)) {
        match operand {
            OperandRef::Value(at) => {
                let at = usize::from(at);
                let name = self.form.values.get(at).map_or("?", |value| value.name.as_str());
                let values = &self.evaluation.values;
                (name.to_owned(), (present(values, at), present(&self.evaluation.previous, at)))
            }
            OperandRef::Literal(at) => {
                let literal = present(&self.evaluation.literals, usize::from(at));
                (number_or_missing(literal), (literal, literal))
            }
        }
    }
}

/// How a quantity came about, in one line with its numbers: `1% of equity 10000 at 64013`.
pub fn sizing(sizing: &Sizing) -> String {
    let known = |number: Option<Num>| {
        number.map_or_else(|| "unknown".to_owned(), |number| number.round_dp(8).to_string())
    };
    let percent = |ratio: Num| {
        let hundred = ratio.mul(Num::from(100)).unwrap_or(ratio);
        format!("{}% of equity {}", hundred.round_dp(6), known(sizing.equity))
    };
    let unit = known(sizing.unit);
    let mut text = match sizing.rule {
        SizeRule::Base(quantity) => quantity.to_string(),
        SizeRule::Quote(value) => format!("for {value} at {unit}"),
        SizeRule::Equity(ratio) => format!("{} at {unit}", percent(ratio)),
        SizeRule::Risk(ratio) => format!("{} lost over {unit} to the stop", percent(ratio)),
        SizeRule::Close => format!("all of {} held", sizing.held),
    };
    if sizing.configured {
        text.push_str(", as configured");
    }
    if sizing.reverses {
        let _ = write!(text, ", and {} held", sizing.held);
    }
    if !sizing.on_its_way.is_zero() {
        let _ = write!(text, ", less {} on its way", sizing.on_its_way);
    }
    text
}

/// A refusal in one line with its numbers.
pub fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NothingToTrade => "nothing to trade".to_owned(),
        Refusal::Check(check) => check_text(check),
    }
}

/// A check in one line: `position_notional 5120 > 5000 quote`.
pub fn check_text(check: &Check) -> String {
    let percent = check.kind.unit() == "%";
    let show = |value: Num| {
        if percent {
            let hundred = value.mul(Num::from(100)).unwrap_or(value);
            format!("{}%", hundred.round_dp(3))
        } else {
            value.round_dp(8).to_string()
        }
    };
    let observed = check.observed.map_or_else(|| "unknown".to_owned(), show);
    let limit = check.limit.map_or_else(|| "no limit".to_owned(), show);
    let sign = match (check.kind.is_minimum(), check.passed) {
        (true, true) => ">=",
        (true, false) => "<",
        (false, true) => "<=",
        (false, false) => ">",
    };
    let unit = if percent { "" } else { check.kind.unit() };
    format!("{} {observed} {sign} {limit} {unit}", check.kind.as_str()).trim_end().to_owned()
}
