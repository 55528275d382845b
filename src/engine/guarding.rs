//! Guarding: whether the rules that let an order pass also explain it.

use super::slot::distance;
use crate::strategy::{Form, Node, Op, OperandRef, Truth};

/// Why a decision explains none of its orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unexplained {
    /// It wants something although no decided tree holds.
    NoRule,
    /// A tree that holds rests on a bare flag: the node's index.
    Flag(u16),
}

/// What a decision lacks to explain its orders. They are explained when a decided tree holds by the
/// comparison of a named value, and every leaf of those that hold has operands. An empty tree, or one
/// that compares two plain numbers, holds and says nothing.
pub fn unexplained(
    nodes: &[Node],
    truths: &[Truth],
    roots: impl Iterator<Item = u16>,
) -> Option<Unexplained> {
    let mut holds = false;
    for root in roots.map(usize::from) {
        if truths.get(root) != Some(&Truth::True) {
            continue;
        }
        holds |= rests_on(nodes, truths, root).0;
        let end = distance(nodes, truths, root, Truth::True).1;
        let mut leaves = (root..end).zip(nodes.get(root..end).unwrap_or_default());
        let flag = leaves.find(|(_, node)| matches!(node, Node::Compare { op: Op::Flag, .. }));
        if let Some((at, _)) = flag {
            return Some(Unexplained::Flag(u16::try_from(at).unwrap_or(u16::MAX)));
        }
    }
    (!holds).then_some(Unexplained::NoRule)
}

/// Whether what the tree at `at` came out as rests on the comparison of a named value, and the index
/// after the tree.
fn rests_on(nodes: &[Node], truths: &[Truth], at: usize) -> (bool, usize) {
    let children = match nodes.get(at) {
        Some(Node::All { children } | Node::Any { children }) => *children,
        Some(Node::Not) => return rests_on(nodes, truths, at + 1),
        Some(Node::Compare { left, right, .. }) => {
            let is_named = |operand: &OperandRef| matches!(operand, OperandRef::Value(_));
            return (is_named(left) || is_named(right), at + 1);
        }
        None => return (false, at + 1),
    };
    let (mut found, mut next) = (false, at + 1);
    for _ in 0..children {
        // A child that came out otherwise than its parent had no part in it.
        let is_part = truths.get(next) == truths.get(at);
        let (rests, after) = rests_on(nodes, truths, next);
        found |= is_part && rests;
        next = after;
    }
    (found, next)
}

impl Unexplained {
    /// What is lacking, in words: `no rule was decided`, or the label of the tree with its flag.
    pub fn describe(self, form: &Form) -> String {
        let Self::Flag(node) = self else {
            return match form.sites.as_slice() {
                [] => "no rule was decided".to_owned(),
                _ => "no rule with a comparison that was decided holds".to_owned(),
            };
        };
        let site = form.sites.iter().rev().find(|site| site.root <= node);
        let label = site.map_or("?", |site| site.label.as_str());
        let name = match form.nodes.get(usize::from(node)) {
            Some(Node::Compare { left: OperandRef::Value(at), .. }) => {
                form.values.get(usize::from(*at)).map_or("a flag", |value| value.name.as_str())
            }
            _ => "a flag",
        };
        format!("{label} rests on the bare flag {name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: the one number that says whether a strategy can be asked why.
    #[test]
    fn only_trees_that_hold_explain_and_every_leaf_of_them_must() {
        let compare =
            |op| Node::Compare { left: OperandRef::Value(0), op, right: OperandRef::Literal(0) };
        let nodes = [
            Node::All { children: 2 },
            compare(Op::Lt),
            compare(Op::Gt),
            Node::Any { children: 2 },
            compare(Op::Flag),
            compare(Op::Lt),
        ];
        let lacks = |first, second| {
            let truths = [first, first, first, second, second, second];
            unexplained(&nodes, &truths, [0, 3].into_iter())
        };
        assert_eq!(lacks(Truth::True, Truth::False), None, "the flag guards nothing");
        assert_eq!(lacks(Truth::False, Truth::True), Some(Unexplained::Flag(4)));
        assert_eq!(lacks(Truth::True, Truth::True), Some(Unexplained::Flag(4)));
        assert_eq!(lacks(Truth::False, Truth::Unknown), Some(Unexplained::NoRule));
        assert_eq!(unexplained(&[], &[], [].into_iter()), Some(Unexplained::NoRule));
    }

    /// Lost if broken: `all([])`, which always holds, passes for a reason.
    #[test]
    fn a_tree_that_compares_nothing_explains_nothing() {
        let compare = |left| Node::Compare { left, op: Op::Lt, right: OperandRef::Literal(0) };
        let value = compare(OperandRef::Value(0));
        let numbers = compare(OperandRef::Literal(1));
        let empty = Node::All { children: 0 };
        let lacks = |nodes: &[Node], truths: &[Truth]| unexplained(nodes, truths, [0].into_iter());
        let (yes, no) = (Truth::True, Truth::False);
        assert_eq!(lacks(&[empty], &[yes]), Some(Unexplained::NoRule));
        assert_eq!(lacks(&[numbers], &[yes]), Some(Unexplained::NoRule));
        assert_eq!(
            lacks(&[Node::Not, Node::Any { children: 0 }], &[yes, no]),
            Some(Unexplained::NoRule)
        );
        let either = [Node::Any { children: 2 }, empty, value];
        assert_eq!(
            lacks(&either, &[yes, yes, no]),
            Some(Unexplained::NoRule),
            "the empty one holds"
        );
        assert_eq!(lacks(&either, &[yes, yes, yes]), None);
        assert_eq!(lacks(&[Node::All { children: 2 }, empty, value], &[yes, yes, yes]), None);
        assert_eq!(lacks(&[Node::Not, value], &[yes, no]), None);
    }
}
