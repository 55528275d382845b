//! Why: an evaluation's recorded numbers with the names of its form, as text.

use crate::engine::record::Suppression;
use crate::engine::{Blocked, Blocker, Evaluation, Fault, Miss, Outcome};
use crate::strategy::{Form, Node, Op, OperandRef, Trigger, Truth};

/// One side of a comparison.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Side<'a> {
    /// The value's name, or the literal's number.
    pub name: std::borrow::Cow<'a, str>,
    /// Now; NaN is missing.
    pub now: f64,
    /// At the evaluation before; NaN is missing.
    pub previous: f64,
}

/// A comparison with both operands and its result.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Leaf<'a> {
    /// Label of the `decide` call it belongs to.
    pub rule: &'a str,
    /// Left operand.
    pub left: Side<'a>,
    /// How they are compared.
    pub op: Op,
    /// Right operand.
    pub right: Side<'a>,
    /// Its result.
    pub truth: Truth,
}

impl Leaf<'_> {
    /// `ema_fast crosses above ema_slow`: the same for every evaluation.
    pub(super) fn text(&self) -> String {
        match self.op {
            Op::Flag => format!("{} {}", self.left.name, self.op.as_str()),
            op => format!("{} {} {}", self.left.name, op.as_str(), self.right.name),
        }
    }

    /// `ema_fast 61.2 crosses above ema_slow 61.3`: with the numbers of this one.
    pub(super) fn text_with_numbers(&self) -> String {
        match self.op {
            Op::Flag => format!("{} {}", self.left.with_number(), self.op.as_str()),
            op => {
                let (left, right) = (self.left.with_number(), self.right.with_number());
                format!("{left} {} {right}", op.as_str())
            }
        }
    }
}

impl Side<'_> {
    fn with_number(&self) -> String {
        let number = number(self.now);
        if self.name == number { number } else { format!("{} {number}", self.name) }
    }
}

/// The comparison at a node; `None` for an inner node, or when form and numbers do not fit.
pub(super) fn leaf<'a>(form: &'a Form, evaluation: &Evaluation, node: usize) -> Option<Leaf<'a>> {
    let Node::Compare { left, op, right } = *form.nodes.get(node)? else { return None };
    Some(Leaf {
        rule: rule_of(form, node),
        left: side(form, evaluation, left)?,
        op,
        right: side(form, evaluation, right)?,
        truth: *evaluation.truths.get(node)?,
    })
}

/// Every comparison of an evaluation, in order.
pub(super) fn leaves<'a>(
    form: &'a Form,
    evaluation: &Evaluation,
) -> impl Iterator<Item = Leaf<'a>> {
    (0..form.nodes.len()).filter_map(move |node| leaf(form, evaluation, node))
}

/// What stopped a decision first, in words that group: no numbers. Empty for a signal.
pub(super) fn blocked_by(form: &Form, evaluation: &Evaluation) -> String {
    match &evaluation.outcome {
        Outcome::NoSignal(Blocker::Rule(node)) => leaf(form, evaluation, usize::from(*node))
            .map_or_else(|| "rule".to_owned(), |leaf| format!("{}: {}", leaf.rule, leaf.text())),
        outcome => blocked_by_outcome(form, outcome),
    }
}

/// The same for what a summary counts.
pub(super) fn blocked_by_counted(form: &Form, blocked: &Blocked) -> String {
    match &blocked.outcome {
        Outcome::NoSignal(Blocker::Rule(node)) => compared(form, *node, blocked.operands)
            .map_or_else(|| "rule".to_owned(), |leaf| format!("{}: {}", leaf.rule, leaf.text())),
        outcome => blocked_by_outcome(form, outcome),
    }
}

/// The comparison that a near miss failed by.
pub(super) fn missed<'a>(form: &'a Form, miss: &Miss) -> Option<Leaf<'a>> {
    compared(form, miss.node, miss.operands)
}

/// A comparison that did not hold, with its operands at that time.
fn compared(form: &Form, node: u16, operands: [f64; 2]) -> Option<Leaf<'_>> {
    let Node::Compare { left, op, right } = *form.nodes.get(usize::from(node))? else {
        return None;
    };
    let side = |at: OperandRef, now: f64| {
        let name = match at {
            OperandRef::Value(index) => form.values.get(usize::from(index))?.name.as_str().into(),
            OperandRef::Literal(_) => number(now).into(),
        };
        Some(Side { name, now, previous: f64::NAN })
    };
    let [from, to] = operands;
    let (left, right) = (side(left, from)?, side(right, to)?);
    Some(Leaf { rule: rule_of(form, usize::from(node)), left, op, right, truth: Truth::False })
}

fn blocked_by_outcome(form: &Form, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Signal { .. } => String::new(),
        Outcome::NoSignal(Blocker::NoRule) => "no_rule".to_owned(),
        Outcome::NoSignal(Blocker::BarIncomplete) => "bar_incomplete".to_owned(),
        Outcome::NoSignal(Blocker::Rule(_)) => "rule".to_owned(),
        Outcome::NotReady { missing } => {
            let value = missing.and_then(|index| form.values.get(usize::from(index)));
            value.map_or_else(|| "warmup".to_owned(), |value| format!("warmup: {}", value.name))
        }
        Outcome::Suppressed(Suppression::BookNotTrusted) => "book_not_trusted".to_owned(),
        Outcome::Suppressed(Suppression::AwaitingReply) => "awaiting_reply".to_owned(),
        Outcome::Suppressed(Suppression::OrderInFlight) => "order_in_flight".to_owned(),
        Outcome::Suppressed(Suppression::Paused) => "paused".to_owned(),
        Outcome::Error(Fault::Panicked(_)) => "error: panicked".to_owned(),
        Outcome::Error(Fault::Failed(_)) => "error: failed".to_owned(),
    }
}

/// The outcome in one sentence with its numbers.
pub(super) fn sentence(form: &Form, evaluation: &Evaluation) -> String {
    match &evaluation.outcome {
        Outcome::Signal { .. } if evaluation.trigger == Trigger::Operator => {
            form.sites.first().map_or_else(String::new, |site| site.label.clone())
        }
        Outcome::Signal { intents: 1 } => format!("wants an order{}", because(form, evaluation)),
        Outcome::Signal { intents } => format!("wants {intents} orders"),
        Outcome::NoSignal(Blocker::Rule(node)) => leaf(form, evaluation, usize::from(*node))
            .map_or_else(
                || "no signal".to_owned(),
                |leaf| format!("no signal, {} fails: {}", leaf.rule, leaf.text_with_numbers()),
            ),
        Outcome::NoSignal(Blocker::NoRule) => "no signal, no rule was decided".to_owned(),
        Outcome::NoSignal(Blocker::BarIncomplete) => {
            "no signal, bar_incomplete: trades of the bar are missing".to_owned()
        }
        Outcome::NotReady { .. } => format!("not ready, {}", blocked_by(form, evaluation)),
        Outcome::Suppressed(_) => format!("not asked, {}", blocked_by(form, evaluation)),
        Outcome::Error(Fault::Panicked(words)) => format!("panicked: {words}"),
        Outcome::Error(Fault::Failed(words)) => format!("cannot decide: {words}"),
    }
}

/// The first rule that holds; with its numbers when it is a single comparison.
fn because(form: &Form, evaluation: &Evaluation) -> String {
    let holds = |root: u16| evaluation.truths.get(usize::from(root)) == Some(&Truth::True);
    let Some(site) = form.sites.iter().find(|site| holds(site.root)) else { return String::new() };
    match leaf(form, evaluation, usize::from(site.root)) {
        Some(leaf) => format!(", {}: {}", site.label, leaf.text_with_numbers()),
        None => format!(", {}", site.label),
    }
}

/// The label of the `decide` call whose tree holds a node.
fn rule_of(form: &Form, node: usize) -> &str {
    let starts_before = |root: u16| usize::from(root) <= node;
    let site = form.sites.iter().rev().find(|site| starts_before(site.root));
    site.map_or("", |site| site.label.as_str())
}

fn side<'a>(form: &'a Form, evaluation: &Evaluation, at: OperandRef) -> Option<Side<'a>> {
    match at {
        OperandRef::Value(index) => {
            let index = usize::from(index);
            Some(Side {
                name: form.values.get(index)?.name.as_str().into(),
                now: *evaluation.values.get(index)?,
                previous: evaluation.previous.get(index).copied().unwrap_or(f64::NAN),
            })
        }
        OperandRef::Literal(index) => {
            let now = *evaluation.literals.get(usize::from(index))?;
            Some(Side { name: number(now).into(), now, previous: now })
        }
    }
}

/// A number for a sentence: six fractional digits at most.
fn number(value: f64) -> String {
    if value.is_nan() {
        return "?".to_owned();
    }
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
