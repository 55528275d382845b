//! What a strategy of rules does: the same as one in Rust, restarted and changed in mid-run.

use proptest::prelude::*;

use super::desk::{Desk, bar, trigger};
use crate::domain::{Side, Signed};
use crate::strategy::expression::{Around, VOCABULARY};
use crate::strategy::rules::{Rules, check};
use crate::strategy::{Feed, Intent, Params, RuleTexts, Size, Strategy as _, Trigger, Truth};

fn long(enter: &str, exit: &str) -> RuleTexts {
    RuleTexts { enter: Some(enter.to_owned()), exit: Some(exit.to_owned()), ..RuleTexts::default() }
}

/// Side and size of the market orders of an evaluation.
fn orders(desk: &Desk) -> Vec<(Side, Size)> {
    desk.draft
        .intents
        .iter()
        .map(|intent| match intent {
            Intent::Order { side, size, .. } => (*side, *size),
            Intent::CancelAll => panic!("rules cancel nothing"),
        })
        .collect()
}

/// A walk of closes in cents, lively enough to cross averages.
fn walk() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-300_i32..=300, 1..150).prop_map(|steps| {
        let mut close = 100_000;
        let walk = steps.into_iter().map(|step| {
            close += step;
            f64::from(close) / 100.0
        });
        walk.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whoever writes a cross as a rule must get the trades of the built-in cross, event by event.
    #[test]
    fn a_cross_in_words_trades_like_the_built_in_one(walk in walk()) {
        let params = [("fast", 3.0), ("slow", 7.0), ("rsi_length", 5.0), ("rsi_max", 60.0)];
        let mut built_in = Desk::new("ema_cross", &params);
        let mut rules = Desk::rules(long(
            "ema(3) crosses above ema(7) and rsi(5) < 60",
            "ema(3) crosses below ema(7)",
        ));
        for price in walk {
            let event = trigger(Feed::Trades, price);
            built_in.evaluate(&event);
            rules.evaluate(&event);
            prop_assert_eq!(&built_in.draft.intents, &rules.draft.intents);
            prop_assert_eq!(built_in.value("rsi").to_bits(), rules.value("rsi(5)").to_bits());
        }
    }

    /// Saved and restored at any event, rules go on as if nothing had happened; also where they
    /// were changed before or after.
    #[test]
    fn goes_on_identically_after_a_restart_and_a_change(
        walk in walk(), restart in 0_usize..150, change in 0_usize..150,
    ) {
        let first = long("close crosses above ema(4) and rsi(3) < 80", "loss > 1% or holding > 9s");
        let second = long("close crosses above donchian_high(5)", "close < bollinger_lower(6, 1.5)");
        let mut whole = Desk::rules(first.clone());
        let mut torn = Desk::rules(first);
        for (n, close) in walk.into_iter().enumerate() {
            if n == restart {
                torn = torn.restarted();
            }
            if n == change {
                prop_assert_eq!(whole.revise(&second), torn.revise(&second));
            }
            let event = Trigger::Bar(bar(close + 0.5, close - 0.5, close));
            prop_assert_eq!(whole.evaluate(&event), torn.evaluate(&event), "event {}", n);
        }
    }
}

/// A record without the two numbers of each comparison explains nothing.
#[test]
fn a_decision_has_the_names_of_the_rule_and_both_operands() {
    let mut desk = Desk::rules(long("rsi(2) < 30 and price > sma(3)", "rsi(2) > 55 or loss > 1%"));
    desk.trades(&[10.0, 11.0, 12.0]);
    let form = desk.draft.form();
    let names: Vec<_> = form.values.iter().map(|value| value.name.as_str()).collect();
    assert_eq!(names, ["position", "rsi(2)", "price", "sma(3)", "loss"]);
    assert_eq!(desk.decided("enter_long"), (Truth::False, Some("rsi(2)".to_owned())));
    assert_eq!(desk.draft.rules.literals, [30.0, 0.0]);
    assert_eq!(desk.value("sma(3)").to_bits(), 11.0_f64.to_bits());
    assert!(desk.value("loss").is_nan(), "nothing is held");
}

/// Profit, loss and the time held are those of the position, whatever its side.
#[test]
fn what_is_held_is_measured_from_its_entry() {
    let mut desk = Desk::rules(RuleTexts {
        enter_short: Some("price > 100".to_owned()),
        exit_short: Some("profit >= 10% or loss > 50% or holding > 3s".to_owned()),
        ..RuleTexts::default()
    });
    desk.trades(&[101.0]);
    assert_eq!(orders(&desk), [(Side::Sell, Size::Configured)]);
    desk.trades(&[111.1]);
    assert!((desk.value("profit") + 0.1).abs() < 1e-12 && (desk.value("loss") - 0.1).abs() < 1e-12);
    assert_eq!(desk.value("holding").to_bits(), 1.0_f64.to_bits());
    assert_eq!(orders(&desk), []);
    desk.trades(&[90.0]);
    assert_eq!(orders(&desk), [(Side::Buy, Size::Close)]);
    desk.trades(&[101.0, 101.0, 101.0, 101.0]);
    assert_eq!(orders(&desk), []);
    desk.trades(&[101.0]);
    assert_eq!(desk.value("holding").to_bits(), 4.0_f64.to_bits(), "counted from the new entry");
    assert_eq!(orders(&desk), [(Side::Buy, Size::Close)]);
    assert_eq!(desk.position, Signed::ZERO);
}

/// A cross that exits and enters the other side comes once: both must happen in it.
#[test]
fn a_cross_that_exits_and_enters_turns_around_with_one_order() {
    let (up, down) = ("price crosses above 100", "price crosses below 100");
    let mut desk = Desk::rules(RuleTexts {
        enter: Some(up.to_owned()),
        exit: Some(down.to_owned()),
        enter_short: Some(down.to_owned()),
        exit_short: Some(up.to_owned()),
    });
    for (price, expected) in [
        (99.0, &[][..]),
        (101.0, &[(Side::Buy, Size::Configured)]),
        (102.0, &[]),
        (99.0, &[(Side::Sell, Size::Reverse)]),
        (98.0, &[]),
        (101.0, &[(Side::Buy, Size::Reverse)]),
    ] {
        desk.trades(&[price]);
        assert_eq!(orders(&desk), expected, "at {price}");
    }
}

/// What a rule needs and the event lacks is missing, never zero.
#[test]
fn quotes_are_missing_until_there_are_some() {
    let mut desk = Desk::rules(long("spread < 1% and ask > bid", "price > 1"));
    desk.trades(&[10.0]);
    assert_eq!(desk.decided("enter_long").0, Truth::Unknown);
    let Trigger::Quote(quote) = trigger(Feed::Quotes, 1_000.0) else { panic!("a quote") };
    desk.quote = Some(quote);
    desk.trades(&[10.0]);
    assert_eq!(desk.value("spread").to_bits(), 0.001_f64.to_bits());
    assert_eq!(desk.decided("enter_long").0, Truth::True);
}

/// A change of a threshold must not throw away two hundred bars of an average, and an indicator
/// that is new must not pass for a warm one.
#[test]
fn a_change_keeps_what_both_rules_use_and_starts_the_rest_cold() {
    let prices = [10.0, 11.0, 12.0, 11.0, 10.0, 9.0];
    let mut steady = Desk::rules(long("sma(4) > 1 and rsi(2) < 50", "price < 1"));
    let mut changed = Desk::rules(long("sma(4) > 2", "price < 1"));
    steady.trades(&prices);
    changed.trades(&prices);
    let before = changed.revise(&long("sma(4) > 1 and rsi(2) < 50", "price < 1"));
    assert_eq!(before, long("sma(4) > 2", "price < 1"));
    steady.trades(&[9.5]);
    changed.trades(&[9.5]);
    assert_eq!(steady.value("sma(4)").to_bits(), changed.value("sma(4)").to_bits());
    assert!(!steady.value("rsi(2)").is_nan() && changed.value("rsi(2)").is_nan());
    assert!(changed.position.side().is_some(), "what was bought before is still held");
}

/// A value that was away for a while has no value "before": else it would seem to cross.
#[test]
fn a_value_that_comes_back_does_not_cross_from_where_it_left() {
    let crossing = long("price crosses above 100", "price < 1");
    let mut desk = Desk::rules(crossing.clone());
    desk.trades(&[99.0]);
    desk.revise(&long("position > 5", "position < -5"));
    desk.trades(&[105.0, 106.0]);
    desk.revise(&crossing);
    desk.trades(&[107.0]);
    assert_eq!(desk.decided("enter_long").0, Truth::Unknown);
    assert_eq!(orders(&desk), []);
}

/// How many events must be fetched before the first one that can be decided on.
#[test]
fn the_past_that_is_fetched_covers_the_longest_value() {
    for (enter, exit, expected) in [
        ("price > 1", "price < 1", 1),
        ("price crosses above 1", "price < 1", 2),
        ("ema(12) > ema(26)", "price < 1", 26),
        ("ema(12) crosses above ema(26)", "rsi(14) > 55", 27),
        ("price > sma(20)", "not rsi(20) < 50", 21),
        ("price > donchian_high(20)", "bollinger_lower(5) > price", 21),
    ] {
        let params = Params::default().with_rules(long(enter, exit));
        let rules = Rules::new(&params).unwrap();
        assert!(rules.warm_up() >= expected as usize, "{enter}: {}", rules.warm_up());
        let known = |events: u32| {
            let mut desk = Desk::rules(long(enter, exit));
            (0..events).for_each(|n| drop(desk.trades(&[10.0 + f64::from(n % 3)])));
            let crosses = enter.contains("crosses");
            let numbers = if crosses { &desk.draft.previous } else { &desk.draft.values };
            events > 0 && !numbers.iter().any(|number| number.is_nan())
        };
        assert_eq!([expected - 1, expected].map(known), [false, true], "{enter}");
    }
}

/// A rule that does not read is refused with its key and place, at the start and in mid-run.
#[test]
fn what_does_not_read_is_refused_and_changes_nothing() {
    let error = Rules::new(&Params::default().with_rules(long("price > 1", "rsl(14) > 5")));
    let sentence = "exit at 1: no value or indicator is called `rsl`";
    assert_eq!(error.err().map(|error| error.to_string()).as_deref(), Some(sentence));
    let mut rules =
        Rules::new(&Params::default().with_rules(long("price > 1", "price < 1"))).unwrap();
    let before = rules.clone();
    assert!(rules.revise(&long("price >", "price < 1")).is_err());
    assert_eq!(rules, before);
}

/// A name that the page does not have is one that nobody will use; a unit that it lacks, a trap.
#[test]
fn the_page_has_every_name_and_its_examples_read() {
    let page = include_str!("../../../docs/strategies.md");
    let (_, vocabulary) = page.split_once("\n## Rules in the configuration\n").unwrap();
    for entry in VOCABULARY {
        let named = [format!("`{}`", entry.name), format!("`{}(", entry.name)];
        let is_there = named.iter().any(|name| vocabulary.contains(name));
        assert!(is_there, "{} is not on the page", entry.name);
    }
    let around = Around { bars: true, trades: true, quotes: true };
    let rules: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("enter = ") || line.starts_with("exit = "))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .collect();
    assert!(rules.len() >= 8, "{rules:?}");
    for rule in rules {
        assert_eq!(check(rule, around), Ok(()), "{rule}");
    }
}
