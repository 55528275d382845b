//! What each built-in strategy does on a series that a reader can follow by hand.

use std::collections::BTreeMap;

use super::desk::{Desk, bar, trigger};
use crate::domain::{Side, Signed};
use crate::strategy::{BarKind, Feed, Intent, Params, Size, Trigger, Truth, built_in};

const CROSS: [(&str, f64); 4] =
    [("fast", 2.0), ("slow", 4.0), ("rsi_length", 2.0), ("rsi_max", 101.0)];
const REVERT: [(&str, f64); 3] = [("length", 4.0), ("width", 1.0), ("rsi_length", 2.0)];
const BREAK: [(&str, f64); 2] = [("length", 4.0), ("atr_length", 2.0)];

fn with<'a>(base: &[(&'a str, f64)], more: (&'a str, f64)) -> Vec<(&'a str, f64)> {
    base.iter().copied().filter(|(name, _)| *name != more.0).chain([more]).collect()
}

/// Side, whether it reverses or closes, and nothing else.
fn orders(desk: &Desk) -> Vec<(Side, &'static str)> {
    let word = |size: &Size| match size {
        Size::Close => "close",
        Size::Reverse => "reverse",
        _ => "open",
    };
    desk.draft
        .intents
        .iter()
        .filter_map(|intent| match intent {
            Intent::Order { side, size, .. } => Some((*side, word(size))),
            Intent::CancelAll => None,
        })
        .collect()
}

/// A rule that ought to fire and does not is a missed trade; the reverse is a wrong one.
#[test]
fn enters_when_every_leaf_is_true_and_leaves_again() {
    for (kind, params, up, down) in [
        ("ema_cross", &CROSS[..], &[10.0, 9.0, 8.0, 7.0, 6.0, 9.0][..], &[9.0, 5.0][..]),
        ("mean_reversion", &REVERT, &[10.0, 10.0, 10.0, 10.0, 9.0], &[10.5]),
        ("breakout", &BREAK, &[10.0, 11.0, 10.0, 11.0, 12.0], &[10.5]),
    ] {
        let mut desk = Desk::new(kind, params);
        desk.trades(up);
        assert_eq!(desk.decided("enter_long"), (Truth::True, None), "{kind}");
        assert_eq!(orders(&desk), [(Side::Buy, "open")], "{kind}");
        desk.trades(down);
        assert_eq!(desk.decided("exit_long"), (Truth::True, None), "{kind}");
        assert_eq!(orders(&desk), [(Side::Sell, "close")], "{kind}");
        assert_eq!(desk.position, Signed::ZERO);
    }
}

/// "Why did it not buy?" is answered by the first leaf that is not true.
#[test]
fn a_near_miss_names_its_first_blocker() {
    let dip = [10.0, 9.0, 8.0, 7.0, 6.0, 9.0];
    for (kind, params, prices, blocker) in [
        ("ema_cross", with(&CROSS, ("rsi_max", 60.0)), &dip[..], "rsi"),
        ("ema_cross", CROSS.to_vec(), &dip[..5], "ema_fast"),
        ("mean_reversion", with(&REVERT, ("rsi_min", 0.0)), &[10.0, 10.0, 10.0, 10.0, 9.0], "rsi"),
        ("mean_reversion", REVERT.to_vec(), &[10.0, 10.0, 10.0, 10.0], "price"),
        ("breakout", with(&BREAK, ("atr_min", 9.0)), &[10.0, 11.0, 10.0, 11.0, 12.0], "atr"),
        ("breakout", BREAK.to_vec(), &[10.0, 11.0, 10.0, 11.0, 11.0], "price"),
    ] {
        let mut desk = Desk::new(kind, &params);
        desk.trades(prices);
        let expected = (Truth::False, Some(blocker.to_owned()));
        assert_eq!(desk.decided("enter_long"), expected, "{kind} {params:?}");
        assert_eq!(orders(&desk), []);
    }
}

/// A strategy that is warming up must not look like one that sees nothing to do.
#[test]
fn warming_up_is_unknown_not_false() {
    for kind in built_in().into_iter().filter(|kind| !kind.rules) {
        let mut desk = Desk::new(kind.name, &[]);
        desk.trades(&[10.0, 11.0, 9.0]);
        let (truth, blocker) = desk.decided("enter_long");
        assert_eq!(truth, Truth::Unknown, "{}: {blocker:?}", kind.name);
        assert!(desk.draft.values.iter().any(|value| value.is_nan()));
    }
}

/// A second entry inside the cooldown is refused by a leaf, not silently.
#[test]
fn the_cooldown_is_a_leaf() {
    let mut desk = Desk::new("ema_cross", &with(&CROSS, ("cooldown_s", 60.0)));
    desk.trades(&[10.0, 9.0, 8.0, 7.0, 6.0, 9.0, 9.0, 5.0]);
    assert_eq!(orders(&desk), [(Side::Sell, "close")]);
    desk.trades(&[9.0]);
    assert_eq!(desk.decided("enter_long"), (Truth::False, Some("since_signal_s".to_owned())));
    assert_eq!(desk.value("since_signal_s").to_bits(), 1.0_f64.to_bits());
}

/// Always in the market: opened once, then turned around at each change of sign.
#[test]
fn reverse_stands_on_the_side_of_the_fast_average() {
    let params = [("fast", 2.0), ("slow", 4.0), ("reverse", 1.0)];
    let mut desk = Desk::new("ema_cross", &params);
    desk.trades(&[10.0, 9.0, 8.0]);
    assert_eq!(desk.decided("enter_short").0, Truth::Unknown);
    assert!(!desk.value("ema_fast").is_nan() && desk.value("ema_slow").is_nan());
    for (price, expected) in [
        (7.0, &[(Side::Sell, "open")][..]),
        (6.0, &[]),
        (12.0, &[(Side::Buy, "reverse")]),
        (12.0, &[]),
        (5.0, &[(Side::Sell, "reverse")]),
    ] {
        desk.trades(&[price]);
        assert_eq!(orders(&desk), expected, "at {price}");
    }
    let names: Vec<_> = desk.draft.form().values.into_iter().map(|value| value.name).collect();
    assert_eq!(names, ["ema_fast", "ema_slow", "position"]);
}

/// A breakout is measured against the highs before the bar, by the bar's close.
#[test]
fn a_bars_own_high_is_not_broken_by_its_close() {
    let mut desk = Desk::new("breakout", &BREAK);
    for _ in 0..4 {
        desk.evaluate(&Trigger::Bar(bar(11.0, 9.0, 10.0)));
    }
    desk.evaluate(&Trigger::Bar(bar(20.0, 9.0, 11.5)));
    assert_eq!(orders(&desk), [(Side::Buy, "open")]);
    assert_eq!(desk.value("donchian_high").to_bits(), 11.0_f64.to_bits());
    assert_eq!(desk.value("atr").to_bits(), 6.5_f64.to_bits());
}

/// A configuration may put any built-in strategy on any feed.
#[test]
fn every_feed_evaluates_the_same_prices_alike() {
    let prices = [10.0, 9.0, 8.0, 7.0, 6.0, 9.0, 11.0, 12.0, 9.0, 5.0, 5.0, 8.0];
    for (kind, params) in
        [("ema_cross", &CROSS[..]), ("mean_reversion", &REVERT), ("breakout", &BREAK)]
    {
        let run = |feed: Feed| {
            let mut desk = Desk::new(kind, params);
            prices.map(|price| desk.evaluate(&trigger(feed, price)))
        };
        assert_eq!(run(Feed::Trades), run(Feed::Quotes), "{kind}");
        assert_eq!(run(Feed::Trades), run(Feed::Bars(BarKind::Time(1))), "{kind}");
    }
}

/// A mistyped configuration is refused with the name of the parameter, not run as something else.
#[test]
fn parameters_that_make_no_sense_are_refused() {
    for (kind, name, value) in [
        ("ema_cross", "fast", 26.0),
        ("ema_cross", "slow", 12.5),
        ("ema_cross", "reverse", 0.5),
        ("mean_reversion", "length", 2.5),
        ("breakout", "atr_length", 1.5),
    ] {
        let kind = built_in().into_iter().find(|known| known.name == kind).unwrap();
        let given = BTreeMap::from([(name.to_owned(), value)]);
        let params = Params::new(kind.params, &given).unwrap();
        let error = (kind.build)(&params).err().unwrap().to_string();
        assert!(error.starts_with(name), "{error}");
    }
}
