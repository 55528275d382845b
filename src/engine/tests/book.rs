//! An untrusted book: no signal leaves it, what rests stays, a new snapshot heals it.

use proptest::prelude::*;

use super::world::{busy, steps};
use super::*;

fn native() -> Rig {
    let mut config = config();
    config.strategies = vec![strategy("drift", Feed::Trades, false)];
    Rig::new(config, account(AccountKind::Cash, "10000"))
}

fn losses(rig: &Rig) -> Vec<BookLoss> {
    rig.records
        .iter()
        .filter_map(|record| match record {
            Record::BookLost { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect()
}

/// Trading on a book with a hole buys at prices that are not there.
#[test]
fn no_signal_leaves_a_lost_book_and_a_resync_trades_again() {
    let mut rig = native();
    rig.lose(BTC);
    rig.trade(BTC, "101", "0.1", Side::Buy);
    let suppressed = Outcome::Suppressed(Suppression::BookNotTrusted);
    assert_eq!(rig.outcomes().last(), Some(&suppressed));
    let signals = |rig: &Rig| rig.records.iter().filter(|r| matches!(r, Record::Signal(_))).count();
    assert_eq!(signals(&rig), 0);
    // Another instrument's book is its own matter.
    rig.trade(ETH, "101", "0.1", Side::Buy);
    assert_eq!(signals(&rig), 1);
    rig.sync(BTC);
    rig.trade(BTC, "102", "0.1", Side::Buy);
    assert_eq!((signals(&rig), rig.position(BTC)), (2, "0.5".into()));
}

/// Canceling what rests because our own line broke would give up the place in the queue.
#[test]
fn open_orders_stay_when_the_book_is_lost_and_trades_still_fill_them() {
    let mut rig = Rig::margin(|_| {});
    let order = rig.send(limit(Side::Buy, "99", "1", TimeInForce::Gtc));
    rig.lose(BTC);
    assert_eq!(rig.state(order), Some(OrderState::Working));
    rig.trade(BTC, "98.99", "1", Side::Sell);
    assert_eq!(rig.position(BTC), "1");
}

/// A crossed book is a wrong book: its mid is a price at which nobody trades.
#[test]
fn a_crossed_book_is_lost() {
    let mut rig = Rig::margin(|_| {});
    rig.delta(BTC, &[level("100.01", "1")], &[]);
    assert_eq!(losses(&rig), [BookLoss::Crossed]);
    assert!(!rig.engine.markets[0].synced && rig.engine.markets[0].best().is_none());
    rig.delta(BTC, &[level("99", "1")], &[]);
    assert!(!rig.engine.markets[0].synced, "a change cannot heal it");
    assert!(rig.wish(BTC, vec![market(Side::Buy, "1")]).is_empty());
    let (bids, asks) = ([level("100", "1")], [level("100", "1")]);
    rig.market(BTC, MarketEvent::BookSnapshot { update_id: 9, bids: &bids, asks: &asks });
    assert!(!rig.engine.markets[0].synced, "nor can a crossed snapshot");
    rig.sync(BTC);
    assert_eq!(rig.one(market(Side::Buy, "1")).refusal, None);
}

/// The venue's own quote says that our book is wrong; believing the book regardless costs money.
#[test]
fn three_contradictions_by_the_quote_stream_lose_the_book() {
    let mut rig = Rig::margin(|_| {});
    let update_id = rig.engine.markets[0].book.update_id;
    let mut quote = |bid: &str| {
        let quote = Quote { update_id, bid: level(bid, "1"), ask: level("100.01", "1") };
        rig.market(BTC, MarketEvent::Quote(quote));
        losses(&rig).len()
    };
    assert_eq!([quote("99"), quote("99"), quote("99.99"), quote("99"), quote("99")], [0; 5]);
    assert_eq!(quote("99"), 1);
}

/// A loss is told once; the log must not fill with what is known.
#[test]
fn a_book_is_lost_once() {
    let mut rig = Rig::margin(|_| {});
    rig.lose(BTC);
    rig.lose(BTC);
    assert_eq!(losses(&rig).len(), 1);
    assert_eq!(rig.engine.markets[0].books_lost, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever happens, no order is ever sent between a loss and the next sync.
    #[test]
    fn no_order_is_sent_without_a_book(steps in steps(80)) {
        let mut rig = Rig::new(busy(FeeAsset::Received), account(AccountKind::Margin, "10000"));
        for step in steps {
            rig.live(step, None);
        }
        let mut trusted = [false; 2];
        for record in &rig.records {
            match record {
                Record::BookSynced { instrument, .. } => trusted[instrument.index()] = true,
                Record::BookLost { instrument, .. } => trusted[instrument.index()] = false,
                Record::Order { request, .. } => prop_assert!(trusted[request.instrument.index()]),
                _ => {}
            }
        }
    }
}
