//! Guarding: whether the rules that let an order pass also explain it.

use super::slot::distance;
use crate::strategy::{Form, Node, Op, Truth};

/// Why a decision explains none of its orders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unexplained {
    /// It wants something although no decided tree holds.
    NoRule,
    /// A tree that holds rests on a bare flag: the node's index.
    Flag(u16),
}

/// What a decision lacks to explain its orders. They are explained when a decided tree holds and
/// every leaf of those that hold has operands.
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
        holds = true;
        let end = distance(nodes, truths, root, Truth::True).1;
        let mut leaves = (root..end).zip(nodes.get(root..end).unwrap_or_default());
        let flag = leaves.find(|(_, node)| matches!(node, Node::Compare { op: Op::Flag, .. }));
        if let Some((at, _)) = flag {
            return Some(Unexplained::Flag(u16::try_from(at).unwrap_or(u16::MAX)));
        }
    }
    (!holds).then_some(Unexplained::NoRule)
}

impl Unexplained {
    /// What is lacking, in words: `no rule was decided`, or the label of the tree with its flag.
    pub fn describe(self, form: &Form) -> String {
        let Self::Flag(node) = self else {
            let decided =
                if form.sites.is_empty() { "was decided" } else { "that was decided holds" };
            return format!("no rule {decided}");
        };
        let site = form.sites.iter().rev().find(|site| site.root <= node);
        let label = site.map_or("?", |site| site.label.as_str());
        let name = match form.nodes.get(usize::from(node)) {
            Some(Node::Compare { left: crate::strategy::OperandRef::Value(at), .. }) => {
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
    use crate::strategy::OperandRef;

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
}
