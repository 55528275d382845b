//! A miss: an evaluation that would have signalled if one comparison had come out otherwise, and what
//! its configured number would have had to be.

use crate::engine::view::{EvaluationView, LeafView, NodeView};
use crate::strategy::{Op, Truth};

/// What one comparison lacked.
#[derive(Clone, PartialEq, Debug)]
pub struct Miss {
    /// The tree that would have held: `enter_long`.
    pub rule: String,
    /// The comparison in words: `rsi < rsi_max`.
    pub text: String,
    /// The comparison with both numbers.
    pub leaf: LeafView,
    /// How far it was, as a ratio of the larger operand.
    pub distance: f64,
    /// The configured number that would have let it hold, if it has one.
    pub threshold: Option<Threshold>,
}

/// A configured number, and what it would have had to be.
#[derive(Clone, PartialEq, Debug)]
pub struct Threshold {
    /// The parameter's name, or the number as the rule has it.
    pub name: String,
    /// It is a number in the text of a rule.
    pub is_literal: bool,
    /// What it is.
    pub is: f64,
    /// It must be above this, or below where false.
    pub above: bool,
    /// This.
    pub than: f64,
    /// It may be equal.
    pub or_equal: bool,
}

impl Threshold {
    /// `rsi_max > 31.2`.
    pub fn sentence(&self, number: impl Fn(f64) -> String) -> String {
        format!("{} {} {}", self.name, self.sign(), number(self.than))
    }

    /// How it must compare.
    pub fn sign(&self) -> &'static str {
        match (self.above, self.or_equal) {
            (true, true) => "≥",
            (true, false) => ">",
            (false, true) => "≤",
            (false, false) => "<",
        }
    }

    /// A number that satisfies it, as short as there is one: what somebody would type.
    pub fn value(&self) -> f64 {
        let towards = if self.above { 1.0 } else { -1.0 };
        for digits in 0..12 {
            let scale = 10_f64.powi(digits);
            let scaled = self.than * scale;
            let rounded = if self.above { scaled.ceil() } else { scaled.floor() };
            let is_equal = (rounded - scaled).abs() == 0.0;
            let rounded = if is_equal && !self.or_equal { rounded + towards } else { rounded };
            let value = rounded / scale;
            if (value - self.than).abs() <= (self.than - self.is).abs() * 0.5 {
                return value;
            }
        }
        self.than
    }
}

/// The misses of an evaluation: one for each of its trees that one comparison kept from holding.
pub fn of(evaluation: &EvaluationView) -> impl Iterator<Item = Miss> {
    evaluation.rules.iter().filter_map(|rule| {
        let leaf = deciding(&rule.root, Truth::True)?.ok()?;
        miss(evaluation, &rule.label, leaf)
    })
}

/// The only leaf that keeps a tree from being `wanted`: none when it is that already, an error when
/// there are several.
fn deciding(node: &NodeView, wanted: Truth) -> Option<Result<&NodeView, ()>> {
    if node.truth == wanted {
        return None;
    }
    if node.leaf.is_some() {
        return Some(Ok(node));
    }
    let below = |wanted| node.children.iter().filter_map(move |child| deciding(child, wanted));
    match (node.text.as_str(), wanted) {
        ("not", _) => {
            let inner = node.children.first()?;
            Some(deciding(inner, wanted.not()).unwrap_or(Err(())))
        }
        ("all of", Truth::True) | ("any of", Truth::False) => {
            let mut needed = below(wanted);
            let only = needed.next()?;
            Some(if needed.next().is_none() { only } else { Err(()) })
        }
        // One of them is enough: that which is alone, where there is one.
        _ => Some(below(wanted).find(Result::is_ok).unwrap_or(Err(()))),
    }
}

fn miss(evaluation: &EvaluationView, rule: &str, node: &NodeView) -> Option<Miss> {
    let leaf = node.leaf.as_ref()?;
    let (left, right) = (leaf.left_values.0?, leaf.right_values.0?);
    let before = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let distance = leaf
        .op
        .distance((left, before(leaf.left_values.1)), (right, before(leaf.right_values.1)))?;
    let threshold = threshold(evaluation, leaf, node.truth, (left, right));
    let (rule, text) = (rule.to_owned(), node.text.clone());
    Some(Miss { rule, text, leaf: leaf.clone(), distance, threshold })
}

/// What the configured side of a comparison would have had to be for it to come out otherwise.
fn threshold(
    evaluation: &EvaluationView,
    leaf: &LeafView,
    truth: Truth,
    (left, right): (f64, f64),
) -> Option<Threshold> {
    let is_literal = |name: &str| name.parse::<f64>().is_ok();
    let is_parameter = |name: &str| evaluation.values.iter().any(|v| v.parameter && v.name == name);
    let configured = |name: &str| is_literal(name) || is_parameter(name);
    let on_right = configured(&leaf.right);
    if on_right == configured(&leaf.left) {
        return None;
    }
    let (name, is, than) =
        if on_right { (&leaf.right, right, left) } else { (&leaf.left, left, right) };
    // `x < p` comes out true when p is above x; false, where it holds, when it is not.
    let (right_above, or_equal) = match (leaf.op, truth) {
        (Op::Lt, Truth::False) => (true, false),
        (Op::Le, Truth::False) => (true, true),
        (Op::Gt, Truth::False) => (false, false),
        (Op::Ge, Truth::False) => (false, true),
        (Op::Lt, Truth::True) => (false, true),
        (Op::Le, Truth::True) => (false, false),
        (Op::Gt, Truth::True) => (true, true),
        (Op::Ge, Truth::True) => (true, false),
        _ => return None,
    };
    Some(Threshold {
        name: name.clone(),
        is_literal: is_literal(name),
        is,
        above: right_above == on_right,
        than,
        or_equal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(above: bool, or_equal: bool, is: f64, than: f64) -> Threshold {
        Threshold { name: "rsi_max".to_owned(), is_literal: false, is, above, than, or_equal }
    }

    /// Lost if broken: a number that was suggested and changes nothing.
    #[test]
    fn what_is_suggested_is_short_and_enough() {
        for (above, or_equal, is, than, value) in [
            (true, false, 30.0, 31.218, 31.3),
            (true, false, 30.0, 31.0, 31.1),
            (true, true, 30.0, 31.0, 31.0),
            (false, false, 70.0, 68.44, 68.0),
            (true, false, 0.001, 0.001_234, 0.0013),
            (false, true, 5.0, 3.0, 3.0),
        ] {
            let found = threshold(above, or_equal, is, than).value();
            assert!((found - value).abs() < 1e-12, "{found} instead of {value}");
        }
        let text = threshold(true, false, 30.0, 31.2).sentence(|n| n.to_string());
        assert_eq!(text, "rsi_max > 31.2");
    }

    fn leaf(text: &str, truth: Truth) -> NodeView {
        let mut words = text.split(' ');
        let (left, op, right) =
            (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let number = |name: &str| name.parse().ok().or(Some(31.2));
        let leaf = LeafView {
            left: left.to_owned(),
            op: if op == "<" { Op::Lt } else { Op::Gt },
            right: right.to_owned(),
            left_values: (number(left), None),
            right_values: (number(right), None),
            margin: None,
        };
        let (text, leaf) = (text.to_owned(), Some(leaf));
        NodeView { text, truth, leaf, children: Vec::new(), first_blocker: false }
    }

    fn tree(text: &str, truth: Truth, children: Vec<NodeView>) -> NodeView {
        NodeView { text: text.to_owned(), truth, leaf: None, children, first_blocker: false }
    }

    /// Lost if broken: "would have signalled" about what would not.
    #[test]
    fn one_comparison_is_a_miss_and_two_are_none() {
        use Truth::{False, True};
        let one = tree("all of", False, vec![leaf("rsi < 30", False), leaf("a > b", True)]);
        let two = tree("all of", False, vec![leaf("rsi < 30", False), leaf("a > b", False)]);
        let either = tree("any of", False, vec![two.clone(), leaf("rsi < 30", False)]);
        let inverted = tree("not", False, vec![leaf("rsi > 30", True)]);
        for (root, expected) in [
            (one, Some("rsi < 30")),
            (two, None),
            (either, Some("rsi < 30")),
            (inverted, Some("rsi > 30")),
        ] {
            let found = deciding(&root, True).and_then(Result::ok);
            assert_eq!(found.map(|node| node.text.as_str()), expected);
        }
    }
}
