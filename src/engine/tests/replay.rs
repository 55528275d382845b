//! Replay: what was decided can be decided again, digit for digit, from any saved moment and
//! whenever the timers were looked at.

use proptest::prelude::*;

use super::world::{guarded, steps};
use super::*;
use crate::engine::{STATE_VERSION, StateError};

fn started() -> Rig {
    Rig::new(guarded(FeeAsset::Received), account(AccountKind::Cash, "400"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A checkpoint that forgets something makes every replay behind it differ.
    #[test]
    fn saved_and_restored_at_any_input_it_runs_on_the_same(
        steps in steps(60), at in 0_usize..60,
    ) {
        let mut rig = started();
        let (before, after) = steps.split_at(at.min(steps.len()));
        for step in before {
            rig.live(*step, None);
        }
        let mut other = Rig { engine: started().engine, records: rig.records.clone(), ..rig };
        let saved = rig.engine.save().unwrap();
        other.engine.restore(&saved).unwrap();
        prop_assert_eq!(&other.engine.save().unwrap(), &saved);
        for step in after {
            rig.live(*step, None);
            other.live(*step, None);
        }
        prop_assert_eq!(rig.hash(), other.hash());
        prop_assert_eq!(rig.engine.save().unwrap(), other.engine.save().unwrap());
    }

    /// A live run whose timers fire late would fill at other moments than its own replay.
    #[test]
    fn a_clock_changes_nothing_by_itself(
        steps in steps(60), ticks in prop::collection::vec(0_u64..8 * MS, 60),
    ) {
        let (mut live, mut backtest) = (started(), started());
        for (step, tick) in steps.iter().zip(ticks) {
            live.live(*step, Some(tick));
            backtest.live(*step, None);
            prop_assert_eq!(live.records.len(), backtest.records.len());
        }
        prop_assert_eq!(live.hash(), backtest.hash());
        prop_assert_eq!(live.engine.save().unwrap(), backtest.engine.save().unwrap());
    }
}

/// What is due between two inputs happens at its own time, before the later one is looked at.
#[test]
fn timers_fire_at_their_own_time_and_before_the_input() {
    let mut config = config();
    config.paper.entry_latency = 5 * MS;
    config.paper.response_latency = 3 * MS;
    let mut rig = Rig::new(config, account(AccountKind::Cash, "10000"));
    let order = rig.send(market(Side::Buy, "1"));
    assert_eq!(rig.engine.next_order_due(), Some(UnixNanos(EPOCH + 5 * MS)));
    // The first input after it was due finds the best ask gone, but the order was earlier.
    rig.now += 60 * MS;
    rig.delta(BTC, &[], &[level("100.01", "0")]);
    assert_eq!(rig.story(order), ["Submitted", "accepted", "100.01 x 1"]);
    assert_eq!(rig.heard(order)[2].0, 8 * MS);
    assert_eq!(rig.engine.next_order_due(), None);
}

/// An input whose time goes back would make two runs of one tape disagree.
#[test]
fn time_never_goes_back() {
    let mut rig = Rig::cash();
    rig.wait(50 * MS);
    rig.now -= 20 * MS;
    rig.quote(BTC);
    assert_eq!(rig.engine.now(), UnixNanos(EPOCH + 50 * MS));
}

/// A damaged or foreign checkpoint must be told, not run.
#[test]
fn a_state_of_another_kind_is_refused() {
    let mut rig = Rig::cash();
    let saved = rig.engine.save().unwrap();
    let mut foreign = saved.clone();
    foreign[0] = u8::try_from(STATE_VERSION).unwrap() + 1;
    assert_eq!(rig.engine.restore(&foreign), Err(StateError::Version(STATE_VERSION + 1)));
    let torn = rig.engine.restore(&saved[..saved.len() / 2]);
    assert!(matches!(torn, Err(StateError::Damaged(_))), "{torn:?}");
    let other = started().engine.save().unwrap();
    assert_eq!(rig.engine.restore(&other), Err(StateError::OtherConfig));
}
