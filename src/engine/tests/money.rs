//! Money: what the account is worth is what it holds, and what it holds is what its fills say.

use proptest::prelude::*;

use super::world::{busy, steps};
use super::*;
use crate::domain::Position;

/// Realised and unrealised less fees, over all positions.
fn gained(rig: &Rig) -> Num {
    let mut sum = Num::ZERO;
    for slot in &rig.engine.slots {
        let mark = rig.engine.markets[slot.instrument.index()].reference().unwrap_or_default();
        let position = slot.position;
        let pnl = position.realised().unwrap().add(position.unrealised(mark).unwrap()).unwrap();
        sum = sum.add(pnl.sub(position.fees).unwrap()).unwrap();
    }
    sum
}

fn is_close(a: Num, b: Num) -> bool {
    a.sub(b).unwrap().abs() < Num::new(1, 15).unwrap()
}

/// Every position as the fold of the recorded fills, each cut into `parts`.
fn folded(rig: &Rig, slot: usize, parts: i64) -> Position {
    let slot = &rig.engine.slots[slot];
    let mut position = Position::default();
    let mut sides = BTreeMap::new();
    let parts = Num::from(parts);
    for record in &rig.records {
        match record {
            Record::Order { request, .. }
                if request.id.strategy == slot.strategy
                    && request.instrument == slot.instrument =>
            {
                sides.insert(request.id, request.side);
            }
            Record::OrderEvent(OrderEvent {
                kind: OrderEventKind::Filled(fill),
                time,
                order,
                ..
            }) if sides.contains_key(order) => {
                let mut part = *fill;
                part.quantity = Quantity::new(fill.quantity.num().div(parts).unwrap()).unwrap();
                part.fee.amount = fill.fee.amount.div(parts).unwrap();
                let base = AssetId(slot.instrument.0);
                let mut cut = Num::ZERO;
                while cut < parts {
                    position.apply(&part, sides[order], base, *time).unwrap();
                    cut = cut.add(Num::ONE).unwrap();
                }
            }
            _ => {}
        }
    }
    position
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Equity that is not what is held hides a loss until it is too late to stop.
    #[test]
    fn equity_is_what_is_held_at_mark_and_what_the_fills_gained(
        steps in steps(60), quote_fee in any::<bool>(),
    ) {
        let fee_asset = if quote_fee { FeeAsset::Quote } else { FeeAsset::Received };
        let mut rig = Rig::new(busy(fee_asset), account(AccountKind::Margin, "10000"));
        for step in steps {
            rig.live(step, None);
            prop_assert_eq!(rig.engine.portfolio.equity, Some(rig.worth()));
            let gained = gained(&rig);
            let difference = rig.worth().sub(num("10000")).unwrap();
            prop_assert!(is_close(difference, gained), "{difference} against {gained}");
        }
    }

    /// A position that is not the fold of its fills cannot be reconciled with the venue.
    #[test]
    fn a_position_is_the_fold_of_its_fills_in_any_chunking(steps in steps(60)) {
        let mut rig = Rig::new(busy(FeeAsset::Received), account(AccountKind::Margin, "10000"));
        for step in steps {
            rig.live(step, None);
        }
        for slot in 0..rig.engine.slots.len() {
            let position = rig.engine.slots[slot].position;
            prop_assert_eq!(position, folded(&rig, slot, 1));
            for parts in [2, 5] {
                let pieces = folded(&rig, slot, parts);
                prop_assert_eq!(position.quantity, pieces.quantity);
                prop_assert_eq!(position.realised(), pieces.realised());
                prop_assert_eq!(position.fees, pieces.fees);
                prop_assert_eq!(position.cost(), pieces.cost());
            }
        }
    }

    /// A cash account that goes below zero spent money that is not there.
    #[test]
    fn cash_spends_and_sells_only_what_it_holds(
        steps in steps(80), quote_fee in any::<bool>(),
    ) {
        let fee_asset = if quote_fee { FeeAsset::Quote } else { FeeAsset::Received };
        let mut config = busy(fee_asset);
        // Long enough for several orders to be on their way while the price runs.
        config.paper.entry_latency = 30 * MS;
        let mut rig = Rig::new(config, account(AccountKind::Cash, "150"));
        for step in steps {
            rig.live(step, None);
            for money in rig.engine.portfolio.account.balances.iter() {
                prop_assert!(!money.amount.is_negative(), "{money:?}");
            }
        }
    }
}

/// Buying 0.01 with a fee in base leaves 0.00999: an exit of 0.01 would be refused for ever.
#[test]
fn the_exit_sells_what_is_held_floored_to_the_lot_and_the_dust_stays_visible() {
    let mut config = config();
    config.paper.taker_fee = num("0.001");
    let mut rig = Rig::new(config, account(AccountKind::Cash, "10000"));
    rig.send(market(Side::Buy, "0.01"));
    assert_eq!((rig.position(BTC), rig.balance(BASE)), ("0.00999".into(), "0.00999".into()));

    rig.engine.markets[0].instrument.min_notional = num("0.5");
    let report = rig.one(close(Side::Sell));
    assert_eq!((report.refusal, report.quantity), (None, quantity("0.0099")));
    assert_eq!((rig.position(BTC), rig.balance(BASE)), ("0.00009".into(), "0.00009".into()));

    let report = rig.one(close(Side::Sell));
    let least = check(&report, CheckKind::MinQuantity);
    assert_eq!(report.refusal, Some(Refusal::Check(least)));
    assert_eq!((least.observed, least.limit), (Some(num("0.00009")), Some(num("0.0001"))));
    let wanted = rig.records.iter().rev().find_map(|record| match record {
        Record::Signal(signal) => Some(signal.wanted),
        _ => None,
    });
    assert_eq!(wanted, Some(quantity("0.00009")), "the dust is shown as what was wished");
}

/// Two orders in flight would each see the whole balance; the second overdraws the account.
#[test]
fn two_orders_in_flight_do_not_spend_the_same_money() {
    let mut config = config();
    config.paper.entry_latency = 5 * MS;
    let mut rig = Rig::new(config, account(AccountKind::Cash, "210"));
    let sent = rig.wish(BTC, vec![market(Side::Buy, "1"), market(Side::Buy, "1")]);
    assert!(sent.iter().all(|report| report.refusal.is_none()));
    let (first, second) = (sent[0].order, sent[1].order);
    // The price runs away before either arrives.
    let gone = [level("100.01", "0"), level("100.02", "0"), level("100.03", "0")];
    rig.delta(BTC, &[], &[&gone[..], &[level("110", "9")]].concat());
    rig.wait(5 * MS);
    assert_eq!(rig.story(first), ["Submitted", "accepted", "110 x 1"]);
    assert_eq!(rig.story(second), ["Submitted", "InsufficientBalance"]);
    assert_eq!(rig.balance(USDT), "100");
}

/// A resting buy that did not hold its money back would be filled after the money is gone.
#[test]
fn a_resting_order_holds_its_money_back() {
    let mut config = config();
    config.paper.fee_asset = FeeAsset::Quote;
    config.paper.maker_fee = num("0.01");
    let mut rig = Rig::new(config, account(AccountKind::Cash, "150"));
    let resting = rig.send(limit(Side::Buy, "99", "1", TimeInForce::Gtc));
    assert_eq!(rig.engine.portfolio.account.locked.get(USDT), num("99.99"));
    let report = rig.one(market(Side::Buy, "1"));
    assert_eq!(refused_by(&report), Some(CheckKind::Balance));
    assert_eq!(check(&report, CheckKind::Balance).limit, Some(num("50.01")));
    rig.trade(BTC, "98.99", "1", Side::Sell);
    assert_eq!(rig.story(resting).last().unwrap(), "99 x 1");
    assert_eq!(rig.balance(USDT), "50.01");
    assert!(rig.engine.portfolio.account.locked.get(USDT).is_zero());
}
