//! Bars of the venue: history that has no trades.

use super::*;
use crate::domain::Candle;

const MINUTE: u64 = 60_000 * MS;

/// Buys every bar's close and sells at the next one.
fn rig(adjust: impl FnOnce(&mut Config)) -> Rig {
    let mut config = config();
    config.strategies[0].feed = Feed::Bars(MINUTE);
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
        let mut rig = rig(|config| config.strategies[0].feed = Feed::Bars(3 * MINUTE));
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
