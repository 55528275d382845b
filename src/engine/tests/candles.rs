//! Bars of the venue: market data of people who have no trades.

use super::*;
use crate::domain::Candle;

const MINUTE: u64 = 60_000 * MS;

/// Buys every bar's close and sells at the next one.
fn rig(adjust: impl FnOnce(&mut Config)) -> Rig {
    let mut config = config();
    config.strategies[0].feed = Feed::Bars(BarKind::Time(MINUTE));
    config.paper.fills = FillModel::LastTrade;
    adjust(&mut config);
    let mut rig = Rig::bare(config, account(AccountKind::Margin, "10000"));
    rig.now = EPOCH / MINUTE * MINUTE;
    rig
}

impl Rig {
    /// A minute passes, and its bar is known: open, high, low and close.
    fn bar(&mut self, prices: [&str; 4]) {
        let [open, high, low, close] = prices.map(price);
        let open_time = UnixNanos(self.now);
        let (volume, turnover, trades) = (quantity("5"), num("500"), 9);
        self.now += MINUTE;
        let length = MINUTE;
        let candle = Candle { open_time, length, open, high, low, close, volume, turnover, trades };
        self.input(Event::Candle { instrument: BTC, candle: &candle });
    }

    /// The external strategy answers what it was asked about the last bar; the order's id.
    fn answer(&mut self, intent: Intent) -> OrderId {
        let asked = Cause { seq: self.seq, index: 0 };
        let decision = Decision { intents: vec![intent], ..Decision::default() };
        self.input(Event::Reply {
            strategy: StrategyId(0),
            instrument: BTC,
            asked,
            decision: &decision,
        });
        let order = self.records.iter().rev().find_map(|record| match record {
            Record::Risk(report) => Some((report.refusal, report.order)),
            _ => None,
        });
        let (refusal, order) = order.expect("an assessed order");
        assert_eq!(refusal, None);
        order
    }
}

/// A fill at a price of before the decision, or of a bar that nobody knew yet, is a result that no
/// account will ever have.
#[test]
fn a_decision_on_a_bar_fills_at_its_close() {
    let mut rig = rig(|config| config.paper.entry_latency = 20 * MS);
    rig.bar(["100", "103", "99", "101"]);
    let order = rig.answer(market(Side::Buy, "1"));
    rig.bar(["150", "160", "140", "155"]);
    assert_eq!(rig.story(order), ["Submitted", "accepted", "101 x 1"]);
    let filled_at = EPOCH / MINUTE * MINUTE + MINUTE + 20 * MS - EPOCH;
    assert_eq!(rig.heard(order)[2].0, filled_at);
}

/// Who waits at the low of a bar stood in a line whose length nobody knows.
#[test]
fn a_resting_order_is_filled_where_a_bar_goes_through_it_and_not_where_it_turns() {
    for (low, high, filled) in [("98", "101", false), ("97.99", "101", true)] {
        let mut rig = rig(|_| {});
        rig.bar(["100", "103", "99", "101"]);
        let order = rig.answer(limit(Side::Buy, "98", "1", TimeInForce::Gtc));
        rig.bar(["100", high, low, "100"]);
        let story = rig.story(order);
        assert_eq!(story.last().map(String::as_str) == Some("98 x 1"), filled, "{low}: {story:?}");
    }
    let mut rig = rig(|_| {});
    rig.bar(["100", "103", "99", "101"]);
    let order = rig.answer(limit(Side::Sell, "104", "1", TimeInForce::Gtc));
    rig.bar(["100", "104.01", "99", "100"]);
    assert_eq!(rig.story(order).last().map(String::as_str), Some("104 x 1"));
}

/// A bar is as old as its end, whatever the clock of the machine says: checks measure in the time
/// of the history.
#[test]
fn risk_measures_age_and_silence_from_the_end_of_the_bar() {
    let mut rig = rig(|config| {
        config.risk.max_data_age = Some(2_000 * MS);
        config.risk.max_silence = Some(2_000 * MS);
    });
    rig.bar(["100", "103", "99", "101"]);
    rig.answer(market(Side::Buy, "1"));
    let report = rig.records.iter().find_map(|record| match record {
        Record::Risk(report) => Some(report.clone()),
        _ => None,
    });
    let report = report.unwrap();
    for kind in [CheckKind::DataAge, CheckKind::DataSilence] {
        assert_eq!(check(&report, kind).observed, Some(Num::ZERO), "{kind:?}");
    }
}

/// A replay of a saved run would evaluate an hour that misses its first half.
#[test]
fn a_longer_bar_survives_a_restart_in_its_middle() {
    let long = || {
        let mut rig =
            rig(|config| config.strategies[0].feed = Feed::Bars(BarKind::Time(3 * MINUTE)));
        rig.now = EPOCH / (3 * MINUTE) * (3 * MINUTE);
        rig
    };
    let run = |restart: Option<usize>| {
        let mut rig = long();
        for minute in 0..5 {
            if restart == Some(minute) {
                let saved = rig.engine.save().unwrap();
                rig.engine = long().engine;
                rig.engine.restore(&saved).unwrap();
            }
            rig.bar(["100", "103", "99", "101"]);
        }
        let asked = rig.records.iter().filter(|record| matches!(record, Record::Ask { .. }));
        (asked.count(), rig.hash())
    };
    let whole = run(None);
    assert_eq!(whole.0, 1, "of five minutes, three are a bar");
    for restart in 1..5 {
        assert_eq!(run(Some(restart)), whole, "restarted before minute {restart}");
    }
}

/// A long or a short position of 1 at 100, with a stop and a target 5 away.
fn guarded(side: Side, latency: u64) -> Rig {
    let mut rig = rig(|config| {
        config.strategies[0].exits = Exits {
            stop: Some(Distance::Price(num("5"))),
            take_profit: Some(Distance::Price(num("5"))),
            ..Exits::default()
        };
        config.paper.entry_latency = latency;
    });
    rig.bar(["100", "100", "100", "100"]);
    rig.answer(market(side, "1"));
    rig.bar(["100", "101", "99", "100"]);
    rig
}

/// Price and size of the last order that filled.
fn last_fill(rig: &Rig) -> String {
    let fill = rig.records.iter().rev().find_map(|record| match record {
        Record::OrderEvent(event) => match event.kind {
            OrderEventKind::Filled(fill) => Some(fill),
            _ => None,
        },
        _ => None,
    });
    fill.map_or_else(String::new, |fill| format!("{} x {}", fill.price, fill.quantity))
}

/// A stop that a candle's close forgives is a backtest that never loses.
#[test]
fn a_candle_reaches_exits_by_its_extremes_and_the_stop_first() {
    let both = ["100", "106", "94", "103"];
    let cases = [
        (Side::Buy, ["100", "104.99", "95.01", "103"], None),
        (Side::Buy, ["100", "104", "95", "103"], Some("95 x 1")),
        (Side::Buy, ["100", "106", "96", "97"], Some("105 x 1")),
        (Side::Buy, both, Some("95 x 1")),
        (Side::Buy, ["93", "99", "92", "98"], Some("93 x 1")),
        (Side::Buy, ["107", "108", "94", "96"], Some("107 x 1")),
        (Side::Sell, ["100", "104.99", "95.01", "97"], None),
        (Side::Sell, ["100", "105", "96", "97"], Some("105 x 1")),
        (Side::Sell, ["100", "104", "94", "103"], Some("95 x 1")),
        (Side::Sell, both, Some("105 x 1")),
        (Side::Sell, ["107", "108", "101", "102"], Some("107 x 1")),
    ];
    for latency in [0, 20 * MS] {
        for (side, prices, filled) in cases {
            let mut rig = guarded(side, latency);
            rig.bar(prices);
            rig.wait(MINUTE / 2);
            assert_eq!(last_fill(&rig), filled.unwrap_or("100 x 1"), "{side:?} {prices:?}");
            assert_eq!(rig.position(BTC) == "0", filled.is_some(), "{side:?} {prices:?}");
        }
    }
}

/// The best price of a candle moves the stop that the rest of the same candle falls to.
#[test]
fn a_trailing_stop_follows_within_a_candle() {
    let mut rig = rig(|config| {
        config.strategies[0].exits =
            Exits { trailing_stop: Some(Distance::Price(num("5"))), ..Exits::default() };
    });
    rig.bar(["100", "100", "100", "100"]);
    rig.answer(market(Side::Buy, "1"));
    rig.bar(["100", "120", "98", "116"]);
    assert_eq!(rig.position(BTC), "1", "116 is above 120 less 5");
    rig.bar(["116", "130", "115.5", "124"]);
    rig.wait(MINUTE / 2);
    assert_eq!(last_fill(&rig), "125 x 1");
}

/// The order that waits at the target must not win against the stop that the candle met before.
#[test]
fn a_stop_takes_resting_orders_back_before_the_candle_goes_on() {
    let mut rig = rig(|config| {
        config.strategies[0].exits =
            Exits { stop: Some(Distance::Price(num("5"))), ..Exits::default() };
    });
    rig.bar(["100", "100", "100", "100"]);
    rig.answer(market(Side::Buy, "1"));
    rig.bar(["100", "101", "99", "100"]);
    let target = rig.answer(limit(Side::Sell, "105", "1", TimeInForce::Gtc));
    rig.bar(["100", "110", "90", "99"]);
    rig.wait(MINUTE / 2);
    assert_eq!(rig.story(target).last().map(String::as_str), Some("Canceled"));
    assert_eq!((rig.position(BTC).as_str(), last_fill(&rig).as_str()), ("0", "99 x 1"));
}

/// An indicator over minutes that were never there is no indicator.
#[test]
fn a_bar_that_lacks_a_candle_is_partial_and_time_closes_none() {
    let mut rig = rig(|_| {});
    rig.bar(["100", "103", "99", "101"]);
    rig.now += 2 * MINUTE;
    assert_eq!(rig.engine.next_due(), None);
    rig.input(Event::Clock);
    rig.bar(["100", "103", "99", "101"]);
    let partial = rig.records.iter().filter_map(|record| match record {
        Record::BarClosed { bar, .. } => {
            Some((bar.open_time.0 - EPOCH / MINUTE * MINUTE, bar.trades))
        }
        _ => None,
    });
    assert_eq!(partial.collect::<Vec<_>>(), [(MINUTE, 0), (2 * MINUTE, 0)]);
}
