//! What holds for every built-in strategy on any series: it survives a restart, and an external
//! runner that says the same is recorded the same.

use proptest::prelude::*;

use super::desk::{Desk, Said, bar};
use crate::strategy::{
    Bar, Decision, Draft, Form, NamedOperand, NamedValue, Node, Op, OperandRef, RuleTree, Trigger,
    built_in,
};

/// Short lengths, so that rules fire often.
const PARAMS: [(&str, &[(&str, f64)]); 4] = [
    ("ema_cross", &[("fast", 2.0), ("slow", 4.0), ("rsi_length", 3.0), ("rsi_max", 90.0)]),
    ("ema_cross", &[("fast", 2.0), ("slow", 4.0), ("reverse", 1.0)]),
    ("mean_reversion", &[("length", 4.0), ("width", 0.8), ("rsi_length", 2.0)]),
    ("breakout", &[("length", 4.0), ("atr_length", 3.0), ("atr_min", 0.5)]),
];

/// A walk of bars whose close lies between low and high.
fn bars() -> impl Strategy<Value = Vec<Bar>> {
    let step = (-300_i32..=300, 0_i32..100, 0_i32..100);
    prop::collection::vec(step, 1..60).prop_map(|steps| {
        let mut close = 100_000;
        let walk = steps.into_iter().map(|(change, above, below)| {
            close += change;
            let cents = |number: i32| f64::from(number) / 100.0;
            bar(cents(close + above), cents(close - below), cents(close))
        });
        walk.collect()
    })
}

/// The owned decision that an external runner would send for what this draft holds.
fn decision(draft: &Draft) -> Decision {
    let form = draft.form();
    let named = form.values.iter().zip(&draft.values).map(|(name, value)| NamedValue {
        name: name.name.clone(),
        kind: name.kind,
        value: (!value.is_nan()).then_some(*value),
    });
    let tree = |root: u16| tree(&form, &draft.rules.literals, &mut usize::from(root));
    Decision {
        values: named.collect(),
        rules: draft.sites().map(|(label, root)| (label.to_owned(), tree(root))).collect(),
        logs: draft.logs.clone(),
        intents: draft.intents.clone(),
    }
}

fn tree(form: &Form, literals: &[f64], at: &mut usize) -> RuleTree {
    let node = form.nodes[*at];
    *at += 1;
    let operand = |operand: OperandRef| match operand {
        OperandRef::Value(value) => {
            NamedOperand::Value(form.values[usize::from(value)].name.clone())
        }
        OperandRef::Literal(literal) => NamedOperand::Literal(literals[usize::from(literal)]),
    };
    match node {
        Node::All { children } => {
            RuleTree::All((0..children).map(|_| tree(form, literals, at)).collect())
        }
        Node::Any { children } => {
            RuleTree::Any((0..children).map(|_| tree(form, literals, at)).collect())
        }
        Node::Not => RuleTree::Not(Box::new(tree(form, literals, at))),
        Node::Compare { left, op, right } => {
            RuleTree::Compare { left: operand(left), op, right: operand(right) }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A restart in mid-session that changes one later decision cannot be replayed.
    #[test]
    fn goes_on_identically_after_a_restart(bars in bars(), at in 0_usize..60) {
        for (kind, params) in PARAMS {
            let mut whole = Desk::new(kind, params);
            let mut torn = Desk::new(kind, params);
            for (n, bar) in bars.iter().enumerate() {
                if n == at {
                    torn = torn.restarted();
                }
                let trigger = Trigger::Bar(*bar);
                prop_assert_eq!(whole.evaluate(&trigger), torn.evaluate(&trigger), "{}", kind);
            }
        }
    }

    /// A Python port of a strategy must be explained exactly as the native one.
    #[test]
    fn an_external_runner_is_recorded_like_a_native_one(bars in bars()) {
        for (kind, params) in PARAMS {
            let mut native = Desk::new(kind, params);
            let mut external = Draft::default();
            for bar in &bars {
                let said = native.evaluate(&Trigger::Bar(*bar));
                external.clear();
                external.load(decision(&native.draft));
                prop_assert!(external.has_form(&native.draft.form()));
                prop_assert_eq!(said, Said::of(&external), "{}", kind);
            }
        }
    }
}

/// A rule that is only a flag, or that compares two bare numbers, explains nothing.
#[test]
fn every_leaf_compares_a_named_value() {
    for kind in built_in().into_iter().filter(|kind| !kind.rules) {
        let mut desk = Desk::new(kind.name, &[]);
        desk.trades(&[10.0]);
        for node in desk.draft.form().nodes {
            if let Node::Compare { left, op, .. } = node {
                assert!(matches!(left, OperandRef::Value(_)) && op != Op::Flag, "{}", kind.name);
            }
        }
    }
}
