//! A strategy takes other rules in mid-run: on record, with what it holds, and the same after a
//! restart.

use super::*;
use crate::strategy::RuleTexts;
use crate::strategy::rules::Rules;

fn rules(enter: &str) -> RuleTexts {
    let exit = Some("loss > 50%".to_owned());
    RuleTexts { enter: Some(enter.to_owned()), exit, ..RuleTexts::default() }
}

fn by_rules(enter: &str) -> Config {
    let strategies = vec![StrategyConfig {
        kind: "rules".to_owned(),
        rules: rules(enter),
        ..strategy("rules", Feed::Trades, false)
    }];
    Config { strategies, ..config() }
}

fn engine(config: Config) -> Engine {
    Engine::new(config, &[StrategyKind::of::<Rules>(), StrategyKind::of::<Drift>()]).unwrap()
}

/// A rig whose strategy trades by rules, in sync.
fn rig(enter: &str) -> Rig {
    let mut rig = Rig { engine: engine(by_rules(enter)), seq: 0, now: EPOCH, records: Vec::new() };
    rig.input(Event::Start(&StartState {
        account: account(AccountKind::Cash, "10000"),
        version: 1,
    }));
    rig.sync(BTC);
    rig
}

impl Rig {
    fn revise(&mut self, rules: &RuleTexts) {
        self.input(Event::Revise { strategy: StrategyId(0), rules });
    }

    fn prints(&mut self, prices: &[&str]) {
        for price in prices {
            self.now += 1_000 * MS;
            self.trade(BTC, price, "0.001", Side::Buy);
        }
    }

    fn revisions(&self) -> Vec<(RuleTexts, RuleTexts)> {
        let revised = |record: &Record| match record {
            Record::Revised { before, after, .. } => Some((before.clone(), after.clone())),
            _ => None,
        };
        self.records.iter().filter_map(revised).collect()
    }
}

/// Lost if broken: the answer to "which rules bought this?".
#[test]
fn a_change_is_on_record_with_the_rules_before_and_after() {
    let (never, always) = ("price < 1", "price > 1");
    let mut rig = rig(never);
    rig.prints(&["100", "100"]);
    rig.revise(&rules(always));
    assert_eq!(rig.revisions(), [(rules(never), rules(always))]);
    assert_eq!(rig.position(BTC), "0");
    rig.prints(&["100", "100"]);
    assert_eq!(rig.position(BTC), "0.5");
    rig.revise(&rules(never));
    rig.prints(&["100", "100"]);
    assert_eq!(rig.position(BTC), "0.5", "what is held stays");
    assert_eq!(rig.revisions().len(), 2);
}

/// Lost if broken: a run that goes on by rules that nobody wrote.
#[test]
fn what_does_not_read_and_whom_it_does_not_concern_changes_nothing() {
    let mut rig = rig("price < 1");
    rig.revise(&rules("price <"));
    rig.revise(&rules("price < 1"));
    let nobody = rules("price > 1");
    rig.input(Event::Revise { strategy: StrategyId(7), rules: &nobody });
    rig.prints(&["100", "100"]);
    assert_eq!((rig.revisions().len(), rig.position(BTC)), (0, "0".to_owned()));
    let mut drift = Rig::new(
        Config { strategies: vec![strategy("drift", Feed::Trades, false)], ..config() },
        account(AccountKind::Cash, "10000"),
    );
    drift.revise(&nobody);
    assert_eq!(drift.revisions(), []);
}

/// Lost if broken: the change, when the machine restarts after it; and every replay of it.
#[test]
fn a_change_survives_a_restart_at_any_input() {
    let (first, second) = ("price crosses above sma(3)", "price > ema(4)");
    let prices = ["100", "99", "98", "101", "102", "97", "103", "99", "104", "105"];
    let run = |restart: usize| {
        let mut rig = rig(first);
        for (n, price) in prices.iter().enumerate() {
            if n == 5 {
                rig.revise(&rules(second));
            }
            if n == restart {
                let state = rig.engine.save().unwrap();
                rig.engine = engine(by_rules(first));
                rig.engine.restore(&state).unwrap();
            }
            rig.prints(&[price]);
        }
        assert!(rig.position(BTC) != "0");
        rig.hash()
    };
    let whole = run(usize::MAX);
    for restart in 0..prices.len() {
        assert_eq!(run(restart), whole, "restarted before price {restart}");
    }
}

/// Lost if broken: rules that are in no file any more, and trade on after a restart.
#[test]
fn a_saved_state_says_which_rules_are_in_force() {
    let mut rig = rig("close > 1000000");
    rig.revise(&rules("close > 2"));
    let saved = rig.engine.save().unwrap();
    let mut next = engine(by_rules("close > 1000000"));
    next.restore(&saved).unwrap();
    assert!(!next.config().continues(&by_rules("close > 1000000")));
    assert!(next.config().continues(&by_rules("close > 2")));
}
