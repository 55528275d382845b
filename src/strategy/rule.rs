//! A rule: a comparison that is built, not computed, so that it can explain itself.
//!
//! A strategy names its values and compares them; the engine evaluates every leaf (no short
//! circuit) to true, false or unknown and records both operands. See [`crate::strategy::Context`].

use serde::{Deserialize, Serialize};

/// The result of a rule: a third value says that an operand is missing, which is never "false".
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// An operand is missing: warming up, no data.
    Unknown,
}

impl Truth {
    /// From a plain boolean.
    pub fn from_bool(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    /// `✓`, `✗` or `?`.
    pub fn mark(self) -> &'static str {
        match self {
            Self::True => "✓",
            Self::False => "✗",
            Self::Unknown => "?",
        }
    }

    /// The opposite; the opposite of unknown is unknown.
    #[must_use]
    pub fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// How two operands are compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `=`
    Eq,
    /// `≠`
    Ne,
    /// At or below before, above now.
    CrossUp,
    /// At or above before, below now.
    CrossDown,
    /// A bare boolean: it has no operands and counts against the explained share.
    Flag,
}

impl Op {
    /// The sign or word between the operands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Eq => "=",
            Self::Ne => "≠",
            Self::CrossUp => "crosses above",
            Self::CrossDown => "crosses below",
            Self::Flag => "is set",
        }
    }

    /// Evaluates the comparison; a NaN operand is a missing one.
    pub fn evaluate(self, left: Operand, right: Operand) -> Truth {
        if left.now.is_nan() || right.now.is_nan() {
            return Truth::Unknown;
        }
        let crosses = matches!(self, Self::CrossUp | Self::CrossDown);
        if crosses && (left.previous.is_nan() || right.previous.is_nan()) {
            return Truth::Unknown;
        }
        #[expect(clippy::float_cmp, reason = "equality of named values is exact by intent")]
        Truth::from_bool(match self {
            Self::Lt => left.now < right.now,
            Self::Le => left.now <= right.now,
            Self::Gt => left.now > right.now,
            Self::Ge => left.now >= right.now,
            Self::Eq => left.now == right.now,
            Self::Ne => left.now != right.now,
            Self::CrossUp => left.previous <= right.previous && left.now > right.now,
            Self::CrossDown => left.previous >= right.previous && left.now < right.now,
            Self::Flag => left.now != 0.0,
        })
    }

    /// By what part of its larger operand a comparison comes out as it does; each side is given now
    /// and at the evaluation before. `None` where closeness means nothing: an inequality, a flag, two
    /// zeros, a cross that happened or came from the other side.
    pub fn distance(self, left: (f64, f64), right: (f64, f64)) -> Option<f64> {
        let is_measurable = match self {
            Self::Lt | Self::Le | Self::Gt | Self::Ge | Self::Eq => true,
            Self::CrossUp => left.1 <= right.1 && left.0 <= right.0,
            Self::CrossDown => left.1 >= right.1 && left.0 >= right.0,
            Self::Ne | Self::Flag => false,
        };
        let ratio = (left.0 - right.0).abs() / left.0.abs().max(right.0.abs());
        (is_measurable && ratio.is_finite()).then_some(ratio)
    }
}

/// One side of a comparison, with its value at this evaluation and at the one before.
/// NaN stands for "missing".
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Operand {
    /// The index of the named value in the evaluation; `None` for a literal number.
    pub value: Option<u16>,
    /// At this evaluation.
    pub now: f64,
    /// At the evaluation before.
    pub previous: f64,
}

impl From<f64> for Operand {
    fn from(literal: f64) -> Self {
        Self { value: None, now: literal, previous: literal }
    }
}

/// A named value of the current evaluation; made by [`Context`](super::Context).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Value(pub(super) Operand);

impl From<Value> for Operand {
    fn from(value: Value) -> Self {
        value.0
    }
}

impl Value {
    /// The number, `None` while it is missing.
    pub fn get(self) -> Option<f64> {
        (!self.0.now.is_nan()).then_some(self.0.now)
    }

    /// `self < other`
    pub fn lt(self, other: impl Into<Operand>) -> Rule {
        compare(self, Op::Lt, other)
    }

    /// `self <= other`
    pub fn le(self, other: impl Into<Operand>) -> Rule {
        compare(self, Op::Le, other)
    }

    /// `self > other`
    pub fn gt(self, other: impl Into<Operand>) -> Rule {
        compare(self, Op::Gt, other)
    }

    /// `self >= other`
    pub fn ge(self, other: impl Into<Operand>) -> Rule {
        compare(self, Op::Ge, other)
    }

    /// `self = other`
    pub fn equals(self, other: impl Into<Operand>) -> Rule {
        compare(self, Op::Eq, other)
    }

    /// `self ≠ other`
    pub fn differs(self, other: impl Into<Operand>) -> Rule {
        compare(self, Op::Ne, other)
    }
}

/// A comparison, or a combination of rules.
#[derive(Clone, PartialEq, Debug)]
pub enum Rule {
    /// Two operands and how they are compared.
    Compare {
        /// Left operand.
        left: Operand,
        /// The comparison.
        op: Op,
        /// Right operand.
        right: Operand,
    },
    /// True when all are true.
    All(Vec<Rule>),
    /// True when one is true.
    Any(Vec<Rule>),
    /// True when the inner one is false.
    Not(Box<Rule>),
}

/// A comparison of two operands.
pub fn compare(left: impl Into<Operand>, op: Op, right: impl Into<Operand>) -> Rule {
    Rule::Compare { left: left.into(), op, right: right.into() }
}

/// True when `left` was at or below `right` at the evaluation before and is above it now.
pub fn cross_up(left: impl Into<Operand>, right: impl Into<Operand>) -> Rule {
    compare(left, Op::CrossUp, right)
}

/// True when `left` was at or above `right` at the evaluation before and is below it now.
pub fn cross_down(left: impl Into<Operand>, right: impl Into<Operand>) -> Rule {
    compare(left, Op::CrossDown, right)
}

/// True when every rule is true; unknown when none is false and one is unknown.
pub fn all(rules: impl Into<Vec<Rule>>) -> Rule {
    Rule::All(rules.into())
}

/// True when one rule is true; unknown when none is true and one is unknown.
pub fn any(rules: impl Into<Vec<Rule>>) -> Rule {
    Rule::Any(rules.into())
}

/// True when the rule is false.
pub fn not(rule: Rule) -> Rule {
    Rule::Not(Box::new(rule))
}

/// A node of a recorded rule tree, in preorder. Operands are indices into the evaluation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Node {
    /// `children` subtrees follow; all must hold.
    All {
        /// How many subtrees follow.
        children: u16,
    },
    /// `children` subtrees follow; one must hold.
    Any {
        /// How many subtrees follow.
        children: u16,
    },
    /// One subtree follows; it must not hold.
    Not,
    /// A leaf.
    Compare {
        /// Left operand.
        left: OperandRef,
        /// The comparison.
        op: Op,
        /// Right operand.
        right: OperandRef,
    },
}

/// Where the number of a recorded operand stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperandRef {
    /// In the evaluation's named values.
    Value(u16),
    /// In the evaluation's literals.
    Literal(u16),
}

/// A rule tree flattened into reused buffers: nodes in preorder, one truth each.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FlatRules {
    /// Nodes in preorder.
    pub nodes: Vec<Node>,
    /// The result of each node.
    pub truths: Vec<Truth>,
    /// Literal operands in order of appearance.
    pub literals: Vec<f64>,
}

impl FlatRules {
    /// Empties the buffers and keeps their memory.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.truths.clear();
        self.literals.clear();
    }

    /// Appends a tree and returns the truth of its root. Every leaf is evaluated.
    pub fn push(&mut self, rule: &Rule) -> Truth {
        match rule {
            Rule::Compare { left, op, right } => {
                let (from, to) = (self.operand(*left), self.operand(*right));
                self.nodes.push(Node::Compare { left: from, op: *op, right: to });
                let truth = op.evaluate(*left, *right);
                self.truths.push(truth);
                truth
            }
            Rule::All(rules) => {
                let node = Node::All { children: count(rules) };
                self.branch(node, |flat| flat.children(rules, Truth::False, Truth::True))
            }
            Rule::Any(rules) => {
                let node = Node::Any { children: count(rules) };
                self.branch(node, |flat| flat.children(rules, Truth::True, Truth::False))
            }
            Rule::Not(rule) => self.branch(Node::Not, |flat| flat.push(rule).not()),
        }
    }

    /// A node whose truth is known only when everything below it has been pushed.
    fn branch(&mut self, node: Node, below: impl FnOnce(&mut Self) -> Truth) -> Truth {
        let at = self.truths.len();
        self.nodes.push(node);
        self.truths.push(Truth::Unknown);
        let truth = below(self);
        if let Some(own) = self.truths.get_mut(at) {
            *own = truth;
        }
        truth
    }

    /// One `decisive` child decides, else one unknown makes it unknown, else `otherwise`.
    fn children(&mut self, rules: &[Rule], decisive: Truth, otherwise: Truth) -> Truth {
        let mut truth = otherwise;
        for rule in rules {
            let child = self.push(rule);
            if child == decisive {
                truth = decisive;
            } else if child == Truth::Unknown && truth != decisive {
                truth = Truth::Unknown;
            }
        }
        truth
    }

    fn operand(&mut self, operand: Operand) -> OperandRef {
        if let Some(index) = operand.value {
            return OperandRef::Value(index);
        }
        let index = count(&self.literals);
        self.literals.push(operand.now);
        OperandRef::Literal(index)
    }
}

/// A length as stored; more than 65,535 of anything in one rule tree is cut off.
fn count<T>(items: &[T]) -> u16 {
    u16::try_from(items.len()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::Truth::{False, True, Unknown};
    use super::*;

    fn named(index: u16, now: f64, previous: f64) -> Value {
        Value(Operand { value: Some(index), now, previous })
    }

    #[test]
    fn every_leaf_is_evaluated_and_unknown_is_not_false() {
        let (fast, slow) = (named(0, 2.0, 1.0), named(1, 1.5, 1.5));
        let missing = named(2, f64::NAN, f64::NAN);
        let rule = all([cross_up(fast, slow), missing.lt(70.0), fast.lt(slow), not(slow.gt(9.0))]);
        let mut flat = FlatRules::default();
        assert_eq!(flat.push(&rule), False);
        assert_eq!(flat.truths, [False, True, Unknown, False, True, False]);
        assert_eq!(flat.literals, [70.0, 9.0]);
        assert_eq!(flat.nodes.len(), 6);
        flat.clear();
        assert_eq!(flat.push(&any([missing.gt(1.0), fast.lt(slow)])), Unknown);
        assert_eq!(flat.push(&any([missing.gt(1.0), fast.gt(slow)])), True);
    }

    #[test]
    fn a_cross_needs_the_value_before() {
        let fresh = named(0, 2.0, f64::NAN);
        assert_eq!(Op::CrossUp.evaluate(fresh.into(), 1.0.into()), Unknown);
        let risen = named(0, 2.0, 1.0);
        assert_eq!(Op::CrossUp.evaluate(risen.into(), 1.0.into()), True);
        assert_eq!(Op::CrossDown.evaluate(risen.into(), 1.0.into()), False);
    }
}
