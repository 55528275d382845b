//! What outlives a run: all that an account has, whatever happened before.

use proptest::prelude::*;

use super::world::{guarded, steps};
use super::*;
use crate::engine::{Standing, StandingError, Worth};

fn started() -> Rig {
    Rig::new(guarded(FeeAsset::Received), account(AccountKind::Cash, "400"))
}

/// Nothing is open or on its way.
fn settled(rig: &mut Rig) -> Standing {
    rig.command(&Command::Stop);
    rig.wait(1_000 * MS);
    assert_eq!(rig.engine.open_orders(), 0);
    rig.engine.standing()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Lost if broken: money, a position, its stop or the peak, because a parameter was changed
    /// over night.
    #[test]
    fn what_an_account_has_is_taken_over_whole(steps in steps(60)) {
        let mut rig = started();
        for step in steps {
            rig.live(step, None);
        }
        let standing = settled(&mut rig);
        let json = serde_json::to_string(&standing).unwrap();
        let read: Standing = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&read, &standing);
        let mut next = started();
        next.engine.take_over(&read).unwrap();
        // What it is worth, the first price will say.
        let unvalued = Worth { equity: None, ..standing.worth };
        let priceless = |mut standing: Standing| {
            standing.positions.iter_mut().for_each(|held| held.dust = false);
            standing
        };
        let expected = priceless(Standing { worth: unvalued, ..standing });
        prop_assert_eq!(priceless(next.engine.standing()), expected);
        // Nothing of it is only known until the next checkpoint.
        let saved = next.engine.save().unwrap();
        let mut restored = started();
        restored.engine.restore(&saved).unwrap();
        prop_assert_eq!(restored.engine.save().unwrap(), saved);
        for held in &read.positions {
            let lots = held.position.quantity.magnitude().floor_to(quantity("0.0001"));
            let is_guarded = held.armed.is_some();
            prop_assert!(is_guarded || lots.unwrap().is_zero(), "{held:?} without its stop");
        }
    }
}

/// Lost if broken: a position that nobody watches any more.
#[test]
fn what_the_configuration_does_not_name_is_refused() {
    let mut rig = Rig::cash();
    rig.send(market(Side::Buy, "1"));
    let standing = settled(&mut rig);
    let mut config = config();
    config.strategies[0].name = "another".to_owned();
    let mut next = Rig::new(config, account(AccountKind::Cash, "10000"));
    let refused = next.engine.take_over(&standing).unwrap_err();
    assert!(matches!(refused, StandingError::Unnamed { .. }), "{refused}");
    let unknown = Standing { balances: vec![("DOGE".to_owned(), num("3"))], ..Standing::default() };
    let refused = Rig::cash().engine.take_over(&unknown).unwrap_err();
    assert!(matches!(refused, StandingError::UnknownAsset { .. }), "{refused}");
}

/// Lost if broken: a run that goes on as if its line had never been down.
#[test]
fn a_run_that_goes_on_trusts_no_data_and_tells_what_was_there() {
    let mut rig = Rig::cash();
    rig.send(market(Side::Buy, "1"));
    rig.wait(100 * MS);
    rig.command(&Command::Halt);
    rig.command(&Command::Pause(StrategyId(0)));
    let saved = rig.engine.save().unwrap();
    let mut next = Rig::cash();
    next.engine.restore(&saved).unwrap();
    let mut told: Vec<Record> = Vec::new();
    next.engine.go_on(UnixNanos(rig.now + 3_600_000 * MS), &mut told);
    assert!(next.engine.markets.iter().all(|market| !market.live));
    let resumed = told.iter().find_map(|record| match record {
        Record::Resumed(resumed) => Some(resumed.clone()),
        _ => None,
    });
    let resumed = resumed.unwrap();
    assert_eq!((resumed.positions, resumed.orders.len()), (1, 0));
    assert_eq!(resumed.time.since(resumed.from), 3_600_000 * MS);
    let halted = told.iter().any(|record| matches!(record, Record::Trading { .. }));
    let paused = told.iter().any(|record| matches!(record, Record::Paused { paused: true, .. }));
    let forms = told.iter().any(|record| matches!(record, Record::Form { .. }));
    assert!(halted && paused && forms, "{told:?}");
}

/// Lost if broken: the order that rested when the machine died, or its place in what the account may
/// spend.
#[test]
fn a_resting_order_rests_on_and_fills_in_the_next_run() {
    let mut rig = Rig::cash();
    let order = rig.send(limit(Side::Buy, "99.99", "1", TimeInForce::Gtc));
    rig.wait(100 * MS);
    assert_eq!(rig.engine.open_orders(), 1);
    let saved = rig.engine.save().unwrap();
    let mut next =
        Rig { engine: Rig::cash().engine, seq: rig.seq, now: rig.now, records: Vec::new() };
    next.engine.restore(&saved).unwrap();
    next.now += 3_600_000 * MS;
    let (now, mut told) = (UnixNanos(next.now), Vec::new());
    next.engine.go_on(now, &mut told);
    let resumed = told.iter().find_map(|record: &Record| match record {
        Record::Resumed(resumed) => resumed.orders.first().map(|order| order.request.id),
        _ => None,
    });
    assert_eq!(resumed, Some(order), "whoever reads records knows of it");
    next.input(Event::Feed { instrument: BTC, live: true });
    next.sync(BTC);
    next.trade(BTC, "99.90", "50", Side::Sell);
    next.wait(100 * MS);
    assert_eq!(next.engine.open_orders(), 0);
    let filled = next.engine.standing().positions[0].position.quantity;
    assert!(!filled.is_zero(), "{:?}", next.records);
}
