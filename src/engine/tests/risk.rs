//! Risk: at its limit every check passes, just beyond it refuses, and every report shows them all.

use super::*;
use crate::domain::DecisionId;
use crate::engine::config::InstrumentLimits;
use crate::engine::deciding::{By, Wish};
use crate::engine::record::Sizing;

const SECOND: u64 = 1_000 * MS;

fn resting(size: &str) -> Intent {
    limit(Side::Buy, "100", size, TimeInForce::Gtc)
}

/// A book of a thousand at each side around a price, replacing what was there.
fn deep(rig: &mut Rig, bid: &str, ask: &str) {
    let (bids, asks) = ([level(bid, "1000")], [level(ask, "1000")]);
    let update_id = rig.seq;
    rig.market(BTC, MarketEvent::BookSnapshot { update_id, bids: &bids, asks: &asks });
}

/// A limit that is off by one unit at its edge either costs trades or lets one too many pass.
#[test]
fn every_limit_passes_at_its_value_and_refuses_just_beyond() {
    type Adjust = fn(&mut Config);
    let cases: [(CheckKind, Adjust, Intent, Intent, &str, &str); 6] = [
        (
            CheckKind::OrderQuantity,
            |c| c.risk.max_order_quantity[0] = Some(quantity("2")),
            resting("2"),
            resting("2.0001"),
            "2.0001",
            "2",
        ),
        (
            CheckKind::OrderNotional,
            |c| c.risk.max_order_notional = Some(num("200")),
            resting("2"),
            resting("2.0001"),
            "200.01",
            "200",
        ),
        (
            CheckKind::PositionNotional,
            |c| c.risk.max_position_notional = Some(num("200")),
            resting("2"),
            resting("2.0001"),
            "200.01",
            "200",
        ),
        (
            CheckKind::GrossNotional,
            |c| c.risk.max_gross_notional = Some(num("200")),
            resting("2"),
            resting("2.0001"),
            "200.01",
            "200",
        ),
        (CheckKind::MinNotional, |_| {}, resting("0.01"), resting("0.0099"), "0.99", "1"),
        (
            CheckKind::PriceCollar,
            |c| c.risk.price_collar = Some(num("0.01")),
            limit(Side::Buy, "99", "1", TimeInForce::Gtc),
            limit(Side::Buy, "98.99", "1", TimeInForce::Gtc),
            "0.0101",
            "0.01",
        ),
    ];
    for (kind, adjust, at, beyond, observed, most) in cases {
        let report = Rig::margin(adjust).one(at);
        assert_eq!((report.refusal, check(&report, kind).observed), (None, Some(num(most))));
        let report = Rig::margin(adjust).one(beyond);
        let expected =
            Check { kind, observed: Some(num(observed)), limit: Some(num(most)), passed: false };
        assert_eq!(report.refusal, Some(Refusal::Check(expected)));
    }
}

/// What the account does not hold is refused with both numbers.
#[test]
fn cash_must_cover_the_order_and_its_fee() {
    let mut rig = Rig::cash();
    let report = rig.one(resting("100.0001"));
    assert_eq!(refused_by(&report), Some(CheckKind::Balance));
    let balance = check(&report, CheckKind::Balance);
    assert_eq!((balance.observed, balance.limit), (Some(num("10000.01")), Some(num("10000"))));
    assert_eq!(rig.one(resting("100")).refusal, None);
    let report = rig.one(limit(Side::Sell, "101", "0.1", TimeInForce::Gtc));
    assert_eq!(check(&report, CheckKind::Balance).limit, Some(Num::ZERO));
    assert_eq!(refused_by(&report), Some(CheckKind::Balance));

    let mut config = config();
    config.paper.fee_asset = FeeAsset::Quote;
    config.paper.taker_fee = num("0.01");
    let mut rig = Rig::new(config, account(AccountKind::Cash, "101"));
    assert_eq!(check(&rig.one(resting("1")), CheckKind::Balance).observed, Some(num("101")));
}

/// A refusal that hides the other checks sends the trader looking for one cause at a time.
#[test]
fn no_check_is_left_out_because_another_failed() {
    let mut rig = Rig::margin(|config| {
        config.risk.kill_switch = true;
        config.risk.max_order_notional = Some(num("1"));
        config.risk.max_open_orders = Some(0);
        config.risk.price_collar = Some(num("0.001"));
    });
    let report = rig.one(limit(Side::Buy, "90", "1", TimeInForce::Gtc));
    let kinds: Vec<_> = report.checks.iter().map(|check| check.kind).collect();
    assert_eq!(kinds, CheckKind::ALL);
    let failed: Vec<_> =
        report.checks.iter().filter(|check| !check.passed).map(|check| check.kind).collect();
    let expected = [
        CheckKind::KillSwitch,
        CheckKind::OrderNotional,
        CheckKind::PriceCollar,
        CheckKind::OpenOrders,
    ];
    assert_eq!(failed, expected);
    assert_eq!(refused_by(&report), Some(CheckKind::KillSwitch), "the first is the verdict");
}

/// An instrument nobody wrote a limit for, or whose filters are not known, is not traded.
#[test]
fn what_is_not_known_is_refused_and_reported() {
    let mut rig = Rig::margin(|config| config.risk.max_order_quantity = vec![]);
    assert_eq!(refused_by(&rig.one(resting("1"))), Some(CheckKind::OrderQuantity));
    let mut rig = Rig::margin(|config| config.instruments[0].kind = InstrumentKind::Inverse);
    assert_eq!(refused_by(&rig.one(resting("1"))), Some(CheckKind::Instrument));
    let mut rig = Rig::margin(|config| config.instruments[0].lot_size = Quantity::ZERO);
    assert_eq!(refused_by(&rig.one(resting("1"))), Some(CheckKind::Instrument));
    let known = instrument("BTCUSDT", 0);
    rig.input(Event::Instrument { id: BTC, instrument: &known });
    assert_eq!(rig.one(resting("1")).refusal, None);
}

/// The gate behind the gate: even a decision that slipped through is not sent without a book.
#[test]
fn an_order_without_a_trusted_book_is_refused() {
    let mut rig = Rig::margin(|_| {});
    rig.lose(BTC);
    let wish = Wish {
        slot: 0,
        decision: DecisionId { strategy: StrategyId(0), n: 1 },
        side: Side::Buy,
        kind: OrderKind::Market,
        wanted: quantity("1"),
        quantity: quantity("1"),
        reduce_only: false,
        exits: Some(Exits::default()),
        by: By::Strategy,
        sizing: Sizing::closing(quantity("1"), Quantity::ZERO),
    };
    rig.engine.assess(&wish, BTC, Cause::default(), &mut rig.records);
    let Some(Record::Risk(report)) = rig.records.last() else { panic!("no report") };
    assert_eq!(refused_by(report), Some(CheckKind::DataSynced));
}

/// Without counting what is pending, ten orders in a row each see an empty position.
#[test]
fn exposure_counts_what_is_pending_in_every_instrument() {
    let mut rig = Rig::margin(|config| {
        config.risk.max_position_notional = Some(num("300"));
        config.risk.max_gross_notional = Some(num("500"));
    });
    rig.send(resting("2"));
    let report = rig.one(resting("1.0001"));
    assert_eq!(refused_by(&report), Some(CheckKind::PositionNotional));
    assert_eq!(check(&report, CheckKind::PositionNotional).observed, Some(num("300.01")));
    let eth = |rig: &mut Rig, size| rig.wish(ETH, vec![resting(size)]).remove(0);
    let report = eth(&mut rig, "3.0001");
    assert_eq!(check(&report, CheckKind::GrossNotional).observed, Some(num("500.01")));
    assert!(!check(&report, CheckKind::GrossNotional).passed);
    assert_eq!(eth(&mut rig, "3").refusal, None);
}

/// A bid far below the market must not make the position look small.
#[test]
fn a_far_limit_does_not_shrink_the_position() {
    let mut rig = Rig::margin(|config| config.risk.max_position_notional = Some(num("300")));
    rig.send(market(Side::Buy, "2.9"));
    let report = rig.one(limit(Side::Buy, "1", "1", TimeInForce::Gtc));
    assert_eq!(check(&report, CheckKind::PositionNotional).observed, Some(num("390")));
    assert_eq!(refused_by(&report), Some(CheckKind::PositionNotional));
    // What only reduces passes, whatever is held.
    rig.engine.config.risk.max_position_notional = Some(num("1"));
    assert_eq!(rig.one(market(Side::Sell, "1")).refusal, None);
    assert_eq!(refused_by(&rig.one(market(Side::Sell, "9"))), Some(CheckKind::PositionNotional));
}

/// A strategy gone mad sends a hundred orders before anybody looks.
#[test]
fn open_orders_and_orders_per_second_are_bounded() {
    let mut rig = Rig::margin(|config| {
        config.risk.max_open_orders = Some(2);
        config.risk.max_orders_per_second = Some(3);
    });
    rig.send(resting("1"));
    rig.wait(MS);
    rig.send(resting("1"));
    let report = rig.one(resting("1"));
    assert_eq!(refused_by(&report), Some(CheckKind::OpenOrders));
    assert_eq!(check(&report, CheckKind::OpenOrders).observed, Some(num("3")));
    rig.wish(BTC, vec![Intent::CancelAll]);
    rig.send(resting("1"));
    let report = rig.one(resting("1"));
    assert_eq!(refused_by(&report), Some(CheckKind::OrderRate), "a refused order does not count");
    assert_eq!(check(&report, CheckKind::OrderRate).observed, Some(num("4")));
    rig.now = EPOCH + SECOND - 1;
    assert_eq!(refused_by(&rig.one(resting("1"))), Some(CheckKind::OrderRate));
    rig.now = EPOCH + SECOND;
    assert_eq!(rig.one(resting("1")).refusal, None, "the first is a second old");
}

/// Losing on without a stop is how accounts end; not being able to get out is how they end faster.
#[test]
fn losses_first_allow_only_the_way_out_then_nothing() {
    let daily: fn(&mut Config) = |config| config.risk.max_daily_loss = Some(num("100"));
    let drawdown: fn(&mut Config) = |config| config.risk.max_drawdown = Some(num("0.01"));
    for (adjust, kind, reason, limit) in [
        (daily, CheckKind::DailyLoss, StopReason::DailyLoss, "100"),
        (drawdown, CheckKind::Drawdown, StopReason::Drawdown, "0.01"),
    ] {
        let mut rig = Rig::margin(adjust);
        deep(&mut rig, "99.98", "100.02");
        rig.send(market(Side::Buy, "10"));
        let waiting = rig.send(super::limit(Side::Buy, "50", "1", TimeInForce::Gtc));
        deep(&mut rig, "90.001", "90.041");
        assert_eq!(rig.engine.trading, TradingState::Active, "99.99 lost of 100");
        assert!(check(&rig.one(market(Side::Buy, "0.1")), kind).passed);
        rig.send(market(Side::Sell, "0.1"));

        deep(&mut rig, "89.95", "90.01");
        assert_eq!(rig.engine.trading, TradingState::ReduceOnly(reason));
        let report = rig.one(market(Side::Buy, "1"));
        assert_eq!(refused_by(&report), Some(CheckKind::TradingState));
        let loss = check(&report, kind);
        assert!(!loss.passed && loss.limit == Some(num(limit)) && loss.observed >= loss.limit);
        assert_eq!(rig.one(market(Side::Sell, "1")).refusal, None, "the way out is open");
        assert_eq!(rig.story(waiting).last().unwrap(), "accepted", "resting orders stay");

        deep(&mut rig, "80", "80.02");
        assert_eq!(rig.engine.trading, TradingState::Halted(reason));
        assert_eq!(refused_by(&rig.one(close(Side::Sell))), Some(CheckKind::TradingState));
        assert_eq!(rig.story(waiting).last().unwrap(), "Canceled", "a halt cancels what rests");
    }
}

/// A flat account would carry yesterday's loss for ever and never trade again.
#[test]
fn the_loss_begins_anew_with_the_utc_day() {
    let mut rig = Rig::margin(|config| config.risk.max_daily_loss = Some(num("100")));
    deep(&mut rig, "99", "101");
    rig.send(market(Side::Buy, "40"));
    rig.send(close(Side::Sell));
    assert_eq!(rig.engine.portfolio.day_loss(), Some(num("80")));
    let midnight = EPOCH - EPOCH % (86_400 * SECOND) + 86_400 * SECOND;
    rig.now = midnight - 1;
    deep(&mut rig, "99", "101");
    assert_eq!(rig.engine.portfolio.day_loss(), Some(num("80")));
    rig.now = midnight;
    deep(&mut rig, "99", "101");
    assert_eq!(rig.engine.portfolio.day_loss(), Some(Num::ZERO));
}

fn timely(config: &mut Config) {
    config.risk.max_data_age = Some(5 * SECOND);
    config.risk.max_silence = Some(5 * SECOND);
}

/// A trade that happened at the venue at `at`.
fn print(rig: &mut Rig, at: u64) {
    let (price, quantity) = (price("100"), quantity("0.001"));
    let trade =
        Trade { id: rig.seq, ts_venue: UnixNanos(at), price, quantity, aggressor: Side::Buy };
    // The book moves with it: one that stands still would be silent.
    rig.sync(BTC);
    rig.market(BTC, MarketEvent::Trade(trade));
}

fn age(report: &RiskReport) -> Option<Num> {
    check(report, CheckKind::DataAge).observed
}

/// A tape of 2024, or a clock 1.27 s off, is not old data; trading on it must work.
#[test]
fn age_is_measured_against_the_smallest_offset() {
    let mut config = config();
    timely(&mut config);
    let mut rig = Rig::bare(config, account(AccountKind::Margin, "10000"));
    rig.sync(BTC);
    let report = rig.one(resting("1"));
    assert_eq!((refused_by(&report), age(&report)), (Some(CheckKind::DataAge), None));
    // Venue and receive clock of 2024, the venue's ahead; then at twenty times the speed.
    rig.now = 1_720_000_000 * SECOND;
    for tick in 0..50 {
        rig.now += SECOND / 20;
        print(&mut rig, 1_720_000_001 * SECOND + 270 * MS + tick * SECOND);
        let report = rig.one(resting("0.1"));
        assert_eq!((report.refusal, age(&report)), (None, Some(Num::ZERO)));
    }
    // Data late by five seconds passes, by a nanosecond more it does not.
    let venue = 1_720_000_050 * SECOND + 270 * MS;
    rig.now += 5 * SECOND;
    print(&mut rig, venue);
    assert_eq!(rig.one(resting("0.1")).refusal, None);
    rig.now += 1;
    let report = rig.one(resting("0.1"));
    assert_eq!(
        (refused_by(&report), age(&report)),
        (Some(CheckKind::DataAge), Some(num("5.000000001")))
    );
}

/// A line that is up and silent looks healthy; whoever answers late must not trade on it.
#[test]
fn silence_beyond_its_limit_refuses() {
    for (span, expected) in [(5 * SECOND, None), (6 * SECOND, Some(CheckKind::DataSilence))] {
        let mut rig = Rig::margin(|config| config.risk.max_silence = Some(5 * SECOND));
        rig.quote(BTC);
        let asked = Cause { seq: rig.seq, index: 0 };
        rig.now += span;
        // A lost book of another instrument is no sign of life either.
        rig.lose(ETH);
        let decision = Decision { intents: vec![resting("1")], ..Decision::default() };
        let strategy = StrategyId(0);
        rig.input(Event::Reply { strategy, instrument: BTC, asked, decision: &decision });
        let Some(Record::Risk(report)) =
            rig.records.iter().find(|record| matches!(record, Record::Risk(_)))
        else {
            panic!("no report")
        };
        assert_eq!(refused_by(report), expected);
    }
}

/// A quiet instrument may trade through a silence that is too long for the others, and the reverse.
#[test]
fn an_instrument_has_its_own_limit_of_silence() {
    for (everyone, own, refused) in [(5, 10, false), (10, 5, true)] {
        let mut rig = Rig::margin(|config| {
            config.risk.max_silence = Some(everyone * SECOND);
            config.risk.instrument_limits =
                vec![InstrumentLimits { max_silence: Some(own * SECOND), ..Default::default() }];
        });
        rig.now += 6 * SECOND;
        rig.trade(BTC, "100", "0.001", Side::Buy);
        let expected = refused.then_some(CheckKind::DataSilence);
        assert_eq!(refused_by(&rig.one(resting("0.1"))), expected);
    }
}

/// Trades go on and the book stands still: its stream has died, and it prices no order any more.
#[test]
fn a_book_that_stands_still_while_trades_go_on_refuses() {
    let mut rig = Rig::margin(|config| config.risk.max_silence = Some(5 * SECOND));
    rig.now += 6 * SECOND;
    rig.trade(BTC, "100", "0.001", Side::Buy);
    assert_eq!(refused_by(&rig.one(resting("0.1"))), Some(CheckKind::DataSilence));
    rig.delta(BTC, &[level("99.99", "2")], &[]);
    assert_eq!(rig.one(resting("0.1")).refusal, None);
}
