//! Sizes: what is configured is what is asked for, floored to the lot, or refused with numbers.

use proptest::prelude::*;

use super::*;
use crate::engine::viewer::resolve;

/// One wish of a size; what risk said.
fn wish(rig: &mut Rig, size: Size, exits: Exits) -> RiskReport {
    let (side, kind) = (Side::Buy, OrderKind::Market);
    rig.one(Intent::Order { side, kind, size, reduce_only: false, exits })
}

fn stop(distance: Distance) -> Exits {
    Exits { stop: Some(distance), ..Exits::default() }
}

#[test]
fn every_size_is_a_quantity_at_the_reference_price() {
    let ratio = |text| stop(Distance::Ratio(num(text)));
    for (size, exits, expected) in [
        (Size::Quantity(quantity("0.01239")), Exits::default(), "0.0123"),
        (Size::Quote(num("123.456")), Exits::default(), "1.2345"),
        (Size::Equity(num("0.02")), Exits::default(), "2"),
        // 10,000 equity: 50 are lost over a distance of 2.
        (Size::Risk(num("0.005")), ratio("0.02"), "25"),
        (Size::Risk(num("0.005")), stop(Distance::Price(num("0.7"))), "71.4285"),
    ] {
        let mut rig = Rig::margin(|_| {});
        assert_eq!(wish(&mut rig, size, exits).quantity, quantity(expected), "{size:?}");
    }
}

/// Lost if broken: the answer to "why so much?".
#[test]
fn a_signal_says_what_its_quantity_was_computed_from() {
    let mut rig = Rig::margin(|config| config.strategies[0].size = OrderSize::Equity(num("0.02")));
    let said = |rig: &Rig| {
        let signal = rig.records.iter().rev().find_map(|record| match record {
            Record::Signal(signal) => Some(*signal),
            _ => None,
        });
        resolve::sizing(&signal.unwrap().sizing)
    };
    let stop = stop(Distance::Ratio(num("0.02")));
    wish(&mut rig, Size::Risk(num("0.005")), stop);
    assert_eq!(said(&rig), "0.5% of equity 10000 lost over 2 to the stop");
    rig.one(close(Side::Sell));
    assert_eq!(said(&rig), "all of 6 held");
    wish(&mut rig, Size::Configured, Exits::default());
    let configured = said(&rig);
    assert!(
        configured.starts_with("2% of equity ") && configured.ends_with(" at 100, as configured")
    );
    wish(&mut rig, Size::Quote(num("123.456")), Exits::default());
    assert_eq!(said(&rig), "for 123.456 at 100");
}

/// The configured risk uses the configured stop, the nearer one of two.
#[test]
fn a_configured_risk_is_lost_at_the_nearer_stop() {
    let mut rig = Rig::margin(|config| {
        config.strategies[0].size = OrderSize::Risk(num("0.01"));
        config.strategies[0].exits = Exits {
            trailing_stop: Some(Distance::Price(num("4"))),
            ..stop(Distance::Ratio(num("0.05")))
        };
    });
    let report = wish(&mut rig, Size::Configured, Exits::default());
    assert_eq!((report.refusal, report.quantity), (None, quantity("25")));
}

/// An order that cannot have its stop must not be sent without it.
#[test]
fn without_a_measurable_stop_an_order_is_refused() {
    for (size, exits) in [
        (Size::Risk(num("0.01")), Exits::default()),
        (Size::Quantity(quantity("1")), stop(Distance::Atr(num("2")))),
        (Size::Quantity(quantity("1")), stop(Distance::Ratio(Num::ZERO))),
    ] {
        let report = wish(&mut Rig::margin(|_| {}), size, exits);
        assert_eq!(refused_by(&report), Some(CheckKind::StopDistance), "{size:?}");
    }
    let report =
        wish(&mut Rig::margin(|_| {}), Size::Configured, stop(Distance::Price(num("101"))));
    assert_eq!(refused_by(&report), Some(CheckKind::StopDistance));
    assert!(check(&report, CheckKind::StopDistance).observed.unwrap() > Num::ONE);
}

/// "Too small" without numbers sends the trader to the venue's documentation.
#[test]
fn what_is_too_small_is_refused_with_both_numbers() {
    let report = wish(&mut Rig::margin(|_| {}), Size::Quote(num("0.005")), Exits::default());
    let least = check(&report, CheckKind::MinQuantity);
    assert_eq!(report.refusal, Some(Refusal::Check(least)));
    assert_eq!((least.observed, least.limit), (Some(num("0.00005")), Some(num("0.0001"))));

    let report = wish(&mut Rig::margin(|_| {}), Size::Quote(num("0.9")), Exits::default());
    assert_eq!(refused_by(&report), Some(CheckKind::MinNotional));
    let mut rig = Rig::margin(|_| {});
    rig.engine.markets[0].instrument.min_quantity = quantity("0.5");
    let report = wish(&mut rig, Size::Quote(num("40")), Exits::default());
    let least = check(&report, CheckKind::MinQuantity);
    assert_eq!((least.observed, least.limit), (Some(num("0.4")), Some(num("0.5"))));
    assert_eq!(refused_by(&report), Some(CheckKind::MinQuantity));
}

/// A distance in true ranges is measured when the order is wished for and then stands.
#[test]
fn a_range_is_measured_over_the_strategys_own_bars() {
    let mut rig = Rig::margin(|config| {
        config.strategies[0].feed = Feed::Bars(BarKind::Time(1_000 * MS));
        config.strategies[0].exits = stop(Distance::Atr(num("1.5")));
    });
    for at in ["100", "102", "100", "102", "100"] {
        rig.now += 500 * MS;
        rig.trade(BTC, at, "0.1", Side::Buy);
        rig.now += 500 * MS;
        rig.trade(BTC, "101", "0.1", Side::Buy);
        let decision = Decision { intents: vec![market(Side::Buy, "1")], ..Decision::default() };
        let asked = Cause { seq: rig.seq, index: 0 };
        let (strategy, instrument) = (StrategyId(0), BTC);
        rig.input(Event::Reply { strategy, instrument, asked, decision: &decision });
    }
    let refusals = rig.records.iter().filter_map(|record| match record {
        Record::Risk(report) => Some(refused_by(report)),
        _ => None,
    });
    let refusals: Vec<_> = refusals.collect();
    assert!(refusals.contains(&Some(CheckKind::StopDistance)), "warming up: {refusals:?}");
    assert!(refusals.contains(&None), "warm: {refusals:?}");
    assert!(rig.engine.guards[0].armed().is_some_and(|armed| armed.levels.stop.is_some()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Who risks half a per cent must not lose more of it than that between reference and stop.
    #[test]
    fn risk_per_trade_is_never_exceeded(share in 1_i64..500, distance in 1_i64..20_000) {
        let (share, distance) = (Num::new(share, 4).unwrap(), Num::new(distance, 3).unwrap());
        let mut rig = Rig::margin(|_| {});
        let report = wish(&mut rig, Size::Risk(share), stop(Distance::Price(distance)));
        let loss = report.quantity.num().mul(distance).unwrap();
        let allowed = num("10000").mul(share).unwrap();
        prop_assert!(loss <= allowed, "{loss} of {allowed}");
        let lot = num("0.0001").mul(distance).unwrap();
        prop_assert!(allowed.sub(loss).unwrap() <= lot, "less than a lot is given away");
    }
}
