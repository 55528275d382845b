//! Orders: only the drawn life, whatever is heard; what is not known counts in full.

use proptest::prelude::*;

use super::world::{busy, steps};
use super::*;
use crate::domain::{Liquidity, Order, RejectReason};

fn fill(order: OrderId, trade_id: u64, size: &str) -> OrderEventKind {
    OrderEventKind::Filled(Fill {
        order,
        trade_id,
        price: price("100"),
        quantity: quantity(size),
        liquidity: Liquidity::Taker,
        fee: Money::new(Num::ZERO, USDT),
    })
}

/// Any word of a venue about an order.
fn word(choice: u8, order: OrderId, trade_id: u64) -> OrderEventKind {
    match choice {
        0 => OrderEventKind::Accepted { venue_order_id: 9 },
        1 => OrderEventKind::Rejected(RejectReason::VenueState),
        2 => OrderEventKind::CancelRejected,
        3 => OrderEventKind::Canceled,
        4 => OrderEventKind::Expired,
        5 => OrderEventKind::OutcomeUnknown,
        6 => OrderEventKind::Submitted,
        7 => OrderEventKind::CancelRequested,
        _ => fill(order, trade_id, "0.25"),
    }
}

/// The arrows of the drawing in `domain::order`.
fn is_drawn(from: OrderState, kind: &OrderEventKind) -> bool {
    use OrderEventKind as E;
    use OrderState as S;
    match kind {
        E::Denied | E::Submitted => from == S::Created,
        E::Accepted { .. } | E::Rejected(_) => matches!(from, S::Submitting | S::Unknown),
        E::CancelRequested => matches!(from, S::Working | S::PartiallyFilled),
        E::CancelRejected => from == S::CancelPending,
        E::Canceled => matches!(from, S::CancelPending | S::Unknown),
        E::Expired => {
            matches!(from, S::Working | S::PartiallyFilled | S::CancelPending | S::Unknown)
        }
        E::OutcomeUnknown => {
            matches!(from, S::Submitting | S::Working | S::PartiallyFilled | S::CancelPending)
        }
        E::Filled(_) => from == S::Canceled || (!from.is_terminal() && from != S::Created),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// An event taken where the drawing has no arrow is an order whose state nobody can trust.
    #[test]
    fn only_drawn_arrows_whatever_is_heard(
        words in prop::collection::vec((0_u8..11, 0_u64..6, 0_u64..8), 1..60),
    ) {
        let mut config = config();
        config.paper.entry_latency = 10_000 * MS;
        let mut rig = Rig::new(config, account(AccountKind::Margin, "10000"));
        let buy = limit(Side::Buy, "99", "1", TimeInForce::Gtc);
        rig.wish(BTC, vec![buy.clone(), buy.clone(), buy]);
        for (choice, order, trade_id) in words {
            let order = OrderId { strategy: StrategyId(0), n: order % 4 + 1 };
            rig.tell(order, word(choice, order, trade_id));
        }
        let mut orders = BTreeMap::new();
        let mut held = Num::ZERO;
        for record in &rig.records {
            match record {
                Record::Order { request, time, .. } => {
                    orders.insert(request.id, Order::new(*request, *time));
                }
                Record::OrderEvent(event) => {
                    let order = orders.get_mut(&event.order).unwrap();
                    let (from, kind) = (order.state, event.kind);
                    prop_assert!(is_drawn(from, &kind), "{from:?} took {kind:?}");
                    prop_assert_eq!(order.apply(event), Ok(()));
                    if let OrderEventKind::Filled(fill) = kind {
                        held = held.add(fill.quantity.num()).unwrap();
                    }
                }
                _ => {}
            }
        }
        prop_assert_eq!(rig.engine.held(BTC).num(), held, "a fill was lost or counted twice");
        for order in rig.engine.orders.values().chain(&rig.engine.canceled) {
            prop_assert_eq!(order.state, orders[&order.request.id].state);
        }
    }

    /// An order that never ends holds its money and its risk for ever.
    #[test]
    fn every_paper_order_ends_once_all_is_canceled_and_heard(steps in steps(60)) {
        let mut rig = Rig::new(busy(FeeAsset::Received), account(AccountKind::Cash, "500"));
        for step in steps {
            rig.live(step, None);
        }
        rig.command(&Command::Stop);
        // On its way there, its answer, the cancellation and its answer, 9 ms each at most.
        rig.wait(40 * MS);
        prop_assert_eq!(rig.engine.orders.values().collect::<Vec<_>>(), Vec::<&Order>::new());
        prop_assert!(rig.engine.portfolio.account.locked.iter().all(|money| money.amount.is_zero()));
        prop_assert_eq!(rig.engine.next_order_due(), None);
    }
}

/// A fill that crosses with the cancellation is a position all the same.
#[test]
fn a_late_fill_after_the_cancellation_moves_the_position_once() {
    let mut rig = Rig::margin(|_| {});
    let order = rig.send(limit(Side::Buy, "99", "1", TimeInForce::Gtc));
    rig.wish(BTC, vec![Intent::CancelAll]);
    assert_eq!(rig.story(order).last().unwrap(), "Canceled");
    assert!(rig.engine.orders.is_empty(), "a canceled order counts in no limit");

    let saved = rig.engine.save().unwrap();
    rig.engine.restore(&saved).unwrap();
    rig.tell(order, fill(order, 77, "0.4"));
    rig.tell(order, fill(order, 77, "0.4"));
    assert_eq!((rig.position(BTC), rig.balance(BASE)), ("0.4".into(), "0.4".into()));
    let kept = rig.engine.canceled.back().unwrap();
    assert!(kept.late_fill && kept.state == OrderState::Canceled, "it must be flagged");
}

/// Remembering every canceled order would be a leak; forgetting the newest loses its late fill.
#[test]
fn the_newest_256_canceled_orders_are_kept() {
    let mut rig = Rig::margin(|_| {});
    let send = |rig: &mut Rig| {
        let order = rig.send(limit(Side::Buy, "99", "0.1", TimeInForce::Gtc));
        rig.wish(BTC, vec![Intent::CancelAll]);
        order
    };
    let (first, second) = (send(&mut rig), send(&mut rig));
    for _ in 0..255 {
        send(&mut rig);
    }
    assert_eq!(rig.engine.canceled.len(), 256);
    rig.tell(first, fill(first, 1_000_001, "0.1"));
    assert_eq!(rig.position(BTC), "0");
    rig.tell(second, fill(second, 1_000_002, "0.1"));
    assert_eq!(rig.position(BTC), "0.1");
}

/// Treating "no answer" as "no order" buys twice.
#[test]
fn an_unknown_order_counts_in_full_and_blocks_new_exposure_until_the_venue_speaks() {
    let mut rig = Rig::margin(|config| {
        config.paper.entry_latency = 10_000 * MS;
        config.risk.max_gross_notional = Some(num("1000"));
    });
    let order = rig.send(market(Side::Buy, "4"));
    rig.tell(order, OrderEventKind::OutcomeUnknown);
    assert_eq!(rig.state(order), Some(OrderState::Unknown));

    let report = rig.one(market(Side::Buy, "1"));
    assert_eq!(refused_by(&report), Some(CheckKind::UnknownOrder));
    assert_eq!(check(&report, CheckKind::PositionNotional).observed, Some(num("500.05")));
    assert_eq!(check(&report, CheckKind::OpenOrders).observed, Some(num("2")));
    // Another instrument may trade, with what is not known counted in full: 400 and 500.05.
    let report = rig.wish(ETH, vec![market(Side::Buy, "5")]).remove(0);
    assert_eq!(report.refusal, None);
    assert_eq!(check(&report, CheckKind::GrossNotional).observed, Some(num("900.05")));

    rig.command(&Command::Stop);
    rig.wait(MS);
    rig.tell(order, OrderEventKind::CancelRejected);
    assert_eq!(rig.state(order), Some(OrderState::Unknown), "only the venue's word ends it");
    rig.tell(order, fill(order, 5, "1"));
    rig.tell(order, OrderEventKind::Expired);
    assert_eq!((rig.state(order), rig.position(BTC)), (None, "1".into()));
    assert_eq!(rig.one(market(Side::Buy, "1")).refusal, None);
}

/// What is held must be sellable even while an order's outcome is not known.
#[test]
fn an_unknown_order_does_not_block_the_way_out() {
    let mut rig = Rig::margin(|_| {});
    rig.send(market(Side::Buy, "1"));
    let order = rig.send(limit(Side::Buy, "99", "1", TimeInForce::Gtc));
    rig.tell(order, OrderEventKind::OutcomeUnknown);
    assert_eq!(refused_by(&rig.one(market(Side::Sell, "2"))), Some(CheckKind::UnknownOrder));
    assert_eq!(rig.one(close(Side::Sell)).refusal, None);
}

/// Closing on two ticks in a row, before the first fill is heard, must not open a short.
#[test]
fn closing_twice_in_flight_sells_once() {
    let mut rig = Rig::margin(|_| {});
    rig.send(market(Side::Buy, "1"));
    let capped = Intent::Order {
        side: Side::Sell,
        kind: OrderKind::Market,
        size: Size::Quantity(quantity("3")),
        reduce_only: true,
        exits: Exits::default(),
    };
    let reverse = |side| Intent::Order {
        side,
        kind: OrderKind::Market,
        size: Size::Reverse,
        reduce_only: false,
        exits: Exits::default(),
    };
    let (twice, over) = (reverse(Side::Sell), reverse(Side::Sell));
    let reports = rig.wish(BTC, vec![close(Side::Sell), close(Side::Sell), capped, twice, over]);
    let quantities: Vec<_> = reports.iter().map(|report| report.quantity.to_string()).collect();
    // The first closes; nothing is left to close or reduce; reversing opens the configured 0.5.
    assert_eq!(quantities, ["1", "0", "0", "0.5", "0"]);
    assert_eq!(rig.position(BTC), "-0.5");
}

/// Deciding again on a position that is about to change doubles the order; not being able to
/// cancel meanwhile would be worse.
#[test]
fn while_an_order_is_on_its_way_only_cancellations_pass() {
    let mut rig = Rig::margin(|config| config.paper.entry_latency = 5 * MS);
    let order = rig.send(limit(Side::Buy, "99", "1", TimeInForce::Gtc));
    assert!(rig.wish(BTC, vec![market(Side::Buy, "1")]).is_empty());
    let in_flight = Outcome::Suppressed(Suppression::OrderInFlight);
    assert_eq!(rig.outcomes().last(), Some(&in_flight));
    assert_eq!(rig.wish(ETH, vec![market(Side::Buy, "1")]).len(), 1, "elsewhere it is free");
    rig.wish(BTC, vec![Intent::CancelAll]);
    rig.wait(20 * MS);
    assert_eq!(rig.story(order), ["Submitted", "accepted", "CancelRequested", "Canceled"]);
}

/// A halt that misses the order on its way leaves it resting with nobody watching.
#[test]
fn a_halt_reaches_the_order_that_is_still_on_its_way() {
    let mut config = config();
    config.paper.entry_latency = 5 * MS;
    let mut rig = Rig::new(config, account(AccountKind::Cash, "10000"));
    let order = rig.send(limit(Side::Buy, "99", "1", TimeInForce::Gtc));
    rig.command(&Command::Halt);
    rig.wait(20 * MS);
    assert_eq!(rig.story(order), ["Submitted", "accepted", "CancelRequested", "Canceled"]);
    assert_eq!(refused_by(&rig.one(market(Side::Buy, "1"))), Some(CheckKind::TradingState));
    rig.command(&Command::Resume);
    assert_eq!(rig.one(market(Side::Buy, "1")).refusal, None);
}

/// More executed than asked: what is held is no longer certain, so nothing more may be sent.
#[test]
fn an_overfill_halts_trading() {
    let mut rig = Rig::margin(|_| {});
    let order = rig.send(limit(Side::Buy, "99", "1", TimeInForce::Gtc));
    rig.tell(order, fill(order, 1, "2"));
    assert_eq!(rig.engine.trading, TradingState::Halted(StopReason::Arithmetic));
    assert_eq!(rig.position(BTC), "0");
}
