//! The first blocker: of all that could have traded, what came nearest and which leaf stopped it.

use super::*;
use crate::strategy::{NamedOperand, Op, RuleTree};

/// A leaf that holds (`1 > 0`), does not (`0 > 1`), or lacks the value of this name.
fn leaf(what: &str) -> RuleTree {
    let (left, right) = match what {
        "true" => (NamedOperand::Literal(1.0), NamedOperand::Literal(0.0)),
        "false" => (NamedOperand::Literal(0.0), NamedOperand::Literal(1.0)),
        name => (NamedOperand::Value(name.to_owned()), NamedOperand::Literal(0.0)),
    };
    RuleTree::Compare { left, op: Op::Gt, right }
}

fn leaves(what: &[&str]) -> Vec<RuleTree> {
    what.iter().map(|what| leaf(what)).collect()
}

fn every(what: &[&str]) -> RuleTree {
    RuleTree::All(leaves(what))
}

fn one_of(what: &[&str]) -> RuleTree {
    RuleTree::Any(leaves(what))
}

fn none_of(inner: RuleTree) -> RuleTree {
    RuleTree::Not(Box::new(inner))
}

/// What came of a decision with these trees and no intent. `slow` and `fast` are missing values.
fn outcome(trees: Vec<RuleTree>) -> Outcome {
    let mut rig = Rig::margin(|_| {});
    rig.quote(BTC);
    let asked = Cause { seq: rig.seq, index: 0 };
    let decision = Decision {
        values: vec![named("slow", None), named("fast", None)],
        rules: trees.into_iter().map(|tree| ("site".to_owned(), tree)).collect(),
        ..Decision::default()
    };
    let strategy = StrategyId(0);
    rig.input(Event::Reply { strategy, instrument: BTC, asked, decision: &decision });
    rig.outcomes().pop().unwrap()
}

fn blocked_at(node: u16) -> Outcome {
    Outcome::NoSignal(Blocker::Rule(node))
}

/// "Why not?" answered with the site that was farthest from trading sends the user astray.
#[test]
fn the_site_with_the_fewest_leaves_to_change_answers() {
    let far = every(&["false", "false", "true"]);
    assert_eq!(outcome(vec![far.clone(), every(&["true", "false"])]), blocked_at(6));
    assert_eq!(outcome(vec![every(&["true", "false"]), far.clone()]), blocked_at(2));
    let first_of_equals = vec![every(&["false", "true"]), every(&["true", "false"])];
    assert_eq!(outcome(first_of_equals), blocked_at(1));
    // One of three is enough: one leaf to change, not three.
    assert_eq!(outcome(vec![far, one_of(&["false", "false", "false"])]), blocked_at(5));
    // A site that holds stopped nothing.
    assert_eq!(outcome(vec![every(&["true"]), every(&["false"])]), blocked_at(3));
    assert_eq!(outcome(vec![every(&["true"])]), Outcome::NoSignal(Blocker::NoRule));
    assert_eq!(outcome(vec![]), Outcome::NoSignal(Blocker::NoRule));
}

/// Under a negation the leaf that holds is the one that stopped it.
#[test]
fn under_a_negation_the_leaf_that_holds_is_the_blocker() {
    assert_eq!(outcome(vec![none_of(leaf("true"))]), blocked_at(1));
    assert_eq!(outcome(vec![none_of(one_of(&["false", "true", "true"]))]), blocked_at(3));
    let nested = RuleTree::All(vec![leaf("true"), none_of(one_of(&["false", "true"]))]);
    assert_eq!(outcome(vec![every(&["false", "false"]), nested]), blocked_at(8));
    // Nobody wrote a leaf: the tree itself is shown, and nothing panics.
    assert_eq!(outcome(vec![one_of(&[]), every(&["false"])]), blocked_at(2));
    let empty = RuleTree::All(vec![one_of(&[]), one_of(&[])]);
    assert_eq!(outcome(vec![empty]), blocked_at(1));
}

/// "Not ready" without the name of what is missing is the longest support thread of all.
#[test]
fn not_ready_names_the_missing_value() {
    let missing = |index| Outcome::NotReady { missing: Some(index) };
    assert_eq!(outcome(vec![every(&["true", "slow"])]), missing(0));
    assert_eq!(outcome(vec![every(&["true", "fast", "slow"])]), missing(1));
    assert_eq!(outcome(vec![none_of(one_of(&["false", "fast"]))]), missing(1));
    assert_eq!(outcome(vec![every(&["never_named"])]), Outcome::NotReady { missing: None });
    // False beside missing is false: waiting for the value would not help.
    assert_eq!(outcome(vec![every(&["slow", "false"])]), blocked_at(2));
}
