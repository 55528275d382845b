//! The first rule in which two evaluations differ, with both numbers by name.

use std::fmt;

use serde::Serialize;

use crate::app::words;
use crate::engine::view::{EvaluationView, LeafView, NodeView};
use crate::engine::viewer::resolve;
use crate::strategy::Truth;

/// A comparison that has another number, or another truth, on the other side.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RuleTold {
    /// The decision on each side.
    pub decisions: [String; 2],
    /// The tree: `enter_long`.
    pub rule: String,
    /// The comparison: `ema_fast crosses above ema_slow`.
    pub comparison: String,
    /// The operand that differs: `ema_fast`.
    pub operand: String,
    /// Its value on A; `?` where it is missing.
    pub a: String,
    /// And on B.
    pub b: String,
    /// Whether the comparison holds, on A and on B.
    pub holds: [Option<bool>; 2],
}

impl RuleTold {
    /// Both sides have a value; before a strategy is ready one may lack it.
    pub fn is_known(&self) -> bool {
        self.a != "?" && self.b != "?"
    }
}

/// The first one.
pub fn first(a: &EvaluationView, b: &EvaluationView) -> Option<RuleTold> {
    // On a tape that is no session's there is no prefix.
    let decisions = || [a, b].map(|side| side.id.trim_start_matches('-').to_owned());
    a.rules.iter().find_map(|rule| {
        let other = b.rules.iter().find(|other| other.label == rule.label)?;
        let (left, right, [operand, a, b]) = leaf(&rule.root, &other.root)?;
        Some(RuleTold {
            decisions: decisions(),
            rule: rule.label.clone(),
            comparison: left.text.clone(),
            operand,
            a,
            b,
            holds: [holds(left), holds(right)],
        })
    })
}

fn holds(node: &NodeView) -> Option<bool> {
    match node.truth {
        Truth::True => Some(true),
        Truth::False => Some(false),
        Truth::Unknown => None,
    }
}

type Found<'v> = (&'v NodeView, &'v NodeView, [String; 3]);

fn leaf<'v>(a: &'v NodeView, b: &'v NodeView) -> Option<Found<'v>> {
    if let (Some(one), Some(other)) = (&a.leaf, &b.leaf)
        && let Some(told) = operand(one, other)
    {
        return Some((a, b, told));
    }
    a.children.iter().zip(&b.children).find_map(|(a, b)| leaf(a, b))
}

/// The operand that differs: its name and both values.
fn operand(a: &LeafView, b: &LeafView) -> Option<[String; 3]> {
    let pairs = [
        (&a.left, &b.left, a.left_values.0, b.left_values.0),
        (&a.right, &b.right, a.right_values.0, b.right_values.0),
        (&a.left, &b.left, a.left_values.1, b.left_values.1),
        (&a.right, &b.right, a.right_values.1, b.right_values.1),
    ];
    let bits = |value: Option<f64>| value.map(f64::to_bits);
    let at = pairs.iter().position(|(_, _, a, b)| bits(*a) != bits(*b))?;
    let (name, other, a, b) = pairs.get(at)?;
    let name = if name == other { (*name).clone() } else { format!("{name} or {other}") };
    let name = if at >= 2 { format!("{name} before") } else { name };
    let [a, b] = two(*a, *b);
    Some([name, a, b])
}

/// Two numbers as short as they can be told apart.
fn two(a: Option<f64>, b: Option<f64>) -> [String; 2] {
    let short = [a, b].map(resolve::number_or_missing);
    let text = if short[0] == short[1] {
        [a, b].map(|value| value.map_or_else(|| "?".to_owned(), |value| value.to_string()))
    } else {
        short
    };
    text.map(|text| words::grouped(&text))
}

impl fmt::Display for RuleTold {
    /// `enter_long: ema_fast 61,234.1 against 61,230.8 (ema_fast crosses above ema_slow: no in A …)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, comparison, operand, a, b, holds, .. } = self;
        write!(f, "{rule}: {operand} {a} against {b} (")?;
        let word = |holds: Option<bool>| match holds {
            Some(true) => "holds",
            Some(false) => "does not hold",
            None => "is unknown",
        };
        match holds {
            [one, other] if one == other => write!(f, "{comparison} {} in both)", word(*one)),
            [one, other] => {
                write!(f, "{comparison} {} in A, {} in B)", word(*one), word(*other))
            }
        }
    }
}
