//! A slot: one strategy's instance for one instrument, with its draft and its position.

use super::config::OrderSize;
use super::news::{Digest, News};
use super::record::{Blocker, Evaluation, Fault, Outcome, Record};
use crate::domain::{
    Cause, DecisionId, InstrumentId, Position, Price, Side, StrategyId, UnixNanos,
};
use crate::strategy::{
    AnyStrategy, BarKind, Draft, Feed, FlatRules, Intent, Node, OperandRef, Trigger, Truth,
};

/// Who evaluates.
pub enum Runner {
    /// A strategy in this process, called within the step.
    Native(Box<dyn AnyStrategy>),
    /// Somebody outside who answers later; holds what was asked last.
    External {
        /// The input that an answer is awaited for.
        awaiting: Option<(Cause, Trigger)>,
    },
}

/// A strategy's instance for one instrument.
pub struct Slot {
    /// Whose.
    pub strategy: StrategyId,
    /// For which instrument.
    pub instrument: InstrumentId,
    /// What makes it evaluate.
    pub feed: Feed,
    /// Its configured order size.
    pub size: OrderSize,
    /// Who evaluates.
    pub runner: Runner,
    /// The decision being made.
    pub draft: Draft,
    /// The form of the last evaluation.
    pub form: Option<u16>,
    /// What its fills made.
    pub position: Position,
    /// The position's average entry price: a division that only a fill changes.
    pub average_entry: Option<Price>,
    /// When it last wanted an order.
    pub last_signal: Option<UnixNanos>,
    /// Its last evaluation, whole; a [`Record::Evaluation`] whose buffers are reused.
    pub last: Option<Record>,
    /// What of its evaluations is news.
    pub digest: Digest,
    /// What went wrong in its code since the last evaluation.
    pub fault: Option<Fault>,
    /// Until then no attempt is made to close the position for an operator.
    pub close_after: UnixNanos,
}

impl Slot {
    /// The kinds of bars that it evaluates or reads, and how many of each it looks back at.
    pub fn bars(&self) -> impl Iterator<Item = (BarKind, usize)> + use<> {
        let reads = match &self.runner {
            Runner::Native(strategy) => strategy.reads(),
            Runner::External { .. } => Vec::new(),
        };
        let own = match self.feed {
            Feed::Bars(kind) => Some((kind, 0)),
            Feed::Trades | Feed::Quotes => None,
        };
        own.into_iter().chain(reads)
    }

    /// How many events of its feed it wants to have seen before it decides.
    pub fn warm_up(&self) -> usize {
        match &self.runner {
            Runner::Native(strategy) => strategy.warm_up(),
            Runner::External { .. } => 0,
        }
    }

    /// What came of the draft, before any suppression.
    pub fn outcome(&self) -> Outcome {
        if !self.draft.intents.is_empty() {
            let intents = u16::try_from(self.draft.intents.len()).unwrap_or(u16::MAX);
            return Outcome::Signal { intents };
        }
        match nearest_miss(&self.draft) {
            None => Outcome::NoSignal(Blocker::NoRule),
            Some(Miss { leaf, truth: Truth::Unknown, .. }) => {
                Outcome::NotReady { missing: missing_operand(&self.draft, leaf) }
            }
            Some(Miss { leaf, .. }) => Outcome::NoSignal(Blocker::Rule(short(leaf))),
        }
    }

    /// Takes the position after a fill.
    pub fn set_position(&mut self, position: Position) {
        self.position = position;
        self.average_entry = position.average_entry();
    }

    /// True when the draft wants more than to cancel.
    pub fn wants_orders(&self) -> bool {
        self.draft.intents.iter().any(|intent| matches!(intent, Intent::Order { .. }))
    }

    /// True when an order of this side leads out of the position.
    pub fn leaves_by(&self, side: Side) -> bool {
        self.position.quantity.side() == Some(side.opposite())
    }

    /// True when the draft wants orders and all of them would add to the position, or open one.
    pub fn only_enters(&self) -> bool {
        self.draft.intents.iter().all(|intent| match intent {
            Intent::Order { side, .. } => !self.leaves_by(*side),
            Intent::CancelAll => false,
        })
    }

    /// Writes the draft into the slot's last evaluation, reusing its buffers.
    pub fn write_evaluation(
        &mut self,
        id: DecisionId,
        cause: Cause,
        time: UnixNanos,
        trigger: &Trigger,
        outcome: Outcome,
    ) {
        let blank = || Evaluation {
            id,
            instrument: self.instrument,
            cause,
            time,
            trigger: *trigger,
            form: 0,
            values: Vec::new(),
            previous: Vec::new(),
            literals: Vec::new(),
            truths: Vec::new(),
            outcome: outcome.clone(),
            logs: Vec::new(),
            news: News::Repeats,
        };
        let form = self.form.unwrap_or_default();
        let record = self.last.get_or_insert_with(|| Record::Evaluation(blank()));
        let Record::Evaluation(last) = record else { return };
        last.id = id;
        last.cause = cause;
        last.time = time;
        last.trigger = *trigger;
        last.form = form;
        last.outcome = outcome;
        last.values.clone_from(&self.draft.values);
        last.previous.clone_from(&self.draft.previous);
        last.literals.clone_from(&self.draft.rules.literals);
        last.truths.clone_from(&self.draft.rules.truths);
        last.logs.clone_from(&self.draft.logs);
    }
}

/// The rule tree that came nearest to holding, and its first leaf that did not.
struct Miss {
    leaf: usize,
    truth: Truth,
    distance: usize,
}

/// Of the decided trees that do not hold, the one with the fewest leaves to change: what stopped
/// it is what stopped the decision. The first of equals.
fn nearest_miss(draft: &Draft) -> Option<Miss> {
    let mut nearest: Option<Miss> = None;
    for root in draft.roots() {
        let root = usize::from(root);
        let truth = draft.rules.truths.get(root).copied().unwrap_or(Truth::Unknown);
        if truth == Truth::True {
            continue;
        }
        let FlatRules { nodes, truths, .. } = &draft.rules;
        let (distance, _) = distance(nodes, truths, root, Truth::True);
        if nearest.as_ref().is_none_or(|best| distance < best.distance) {
            nearest = Some(Miss { leaf: deciding_leaf(&draft.rules, root), truth, distance });
        }
    }
    nearest
}

/// How many leaves of the tree at `at` must change for it to become `wanted`, and the index after
/// the tree.
pub(super) fn distance(
    nodes: &[Node],
    truths: &[Truth],
    at: usize,
    wanted: Truth,
) -> (usize, usize) {
    let (children, every) = match nodes.get(at) {
        Some(Node::All { children }) => (*children, wanted == Truth::True),
        Some(Node::Any { children }) => (*children, wanted == Truth::False),
        Some(Node::Not) => return distance(nodes, truths, at + 1, wanted.not()),
        Some(Node::Compare { .. }) | None => {
            return (usize::from(truths.get(at) != Some(&wanted)), at + 1);
        }
    };
    let mut next = at + 1;
    let (mut sum, mut least) = (0_usize, usize::MAX);
    for _ in 0..children {
        let (leaves, after) = distance(nodes, truths, next, wanted);
        sum = leaves.saturating_add(sum);
        least = least.min(leaves);
        next = after;
    }
    (if every { sum } else { least }, next)
}

/// The first leaf that made the tree at `at` what it is: of the children that are as their parent
/// is, the first.
pub fn deciding_leaf(rules: &FlatRules, at: usize) -> usize {
    let children = match rules.nodes.get(at) {
        Some(Node::All { children } | Node::Any { children }) => *children,
        Some(Node::Not) => return deciding_leaf(rules, at + 1),
        Some(Node::Compare { .. }) | None => return at,
    };
    let mut next = at + 1;
    for _ in 0..children {
        if rules.truths.get(next) == rules.truths.get(at) {
            return deciding_leaf(rules, next);
        }
        next = after(rules, next);
    }
    at
}

/// The index after the subtree at `at`.
fn after(rules: &FlatRules, at: usize) -> usize {
    distance(&rules.nodes, &rules.truths, at, Truth::True).1
}

/// The value that a leaf lacks: one missing now, else (for a cross) one missing before.
fn missing_operand(draft: &Draft, leaf: usize) -> Option<u16> {
    let Some(Node::Compare { left, right, .. }) = draft.rules.nodes.get(leaf) else {
        return None;
    };
    let lacks = |values: &[f64], operand: &OperandRef| match operand {
        OperandRef::Value(index) => {
            let value = values.get(usize::from(*index));
            value.is_none_or(|value| value.is_nan()).then_some(*index)
        }
        OperandRef::Literal(_) => None,
    };
    [&draft.values, &draft.previous]
        .into_iter()
        .find_map(|values| lacks(values, left).or_else(|| lacks(values, right)))
}

fn short(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}
