//! Faults: a strategy whose own code goes wrong ends no run, opens nothing more, and is on record.

use super::*;
use crate::engine::Fault;

/// Buys on every trade; some prices are more than it can take.
#[derive(Serialize, Deserialize)]
struct Careless;

impl Native for Careless {
    const KIND: &'static str = "drift";
    const PARAMS: &'static [ParamSpec] = &[];

    fn new(_: &Params) -> Result<Self, StrategyError> {
        Ok(Self)
    }

    fn on_trade(&mut self, ctx: &mut Context<'_>, trade: &Trade) {
        let last = ctx.value("last", trade.price.to_f64());
        if ctx.decide("enter", last.gt(0.0)) {
            ctx.buy();
        }
        match trade.price.to_string().as_str() {
            "13" => panic!("unlucky {}", trade.price),
            "14" => ctx.fail("no idea\u{1b}[2J"),
            _ => {}
        }
    }

    fn on_fill(&mut self, fill: &Fill) {
        assert!(fill.quantity < quantity("100"), "too much");
    }
}

fn careless(size: &str) -> Rig {
    let mut config = config();
    config.strategies = vec![strategy("careless", Feed::Trades, false)];
    config.strategies[0].size = OrderSize::Base(quantity(size));
    let account = account(AccountKind::Margin, "1000000");
    let mut rig = Rig::bare(config.clone(), account.clone());
    rig.engine = Engine::new(config, &[StrategyKind::of::<Careless>()]).unwrap();
    rig.records.clear();
    rig.input(Event::Start(&StartState { account, version: 1 }));
    let deep = |price| [level(price, "1000")];
    let (bids, asks) = (deep("99.99"), deep("100.01"));
    rig.market(BTC, MarketEvent::BookSnapshot { update_id: 1, bids: &bids, asks: &asks });
    rig
}

impl Rig {
    fn traded(&mut self, at: &str) -> Outcome {
        self.now += MS;
        self.trade(BTC, at, "0.001", Side::Buy);
        self.outcomes().pop().unwrap()
    }
}

/// Lost if broken: every other strategy, and the positions of all, by the mistake of one.
#[test]
fn a_panic_is_an_outcome_and_ends_the_strategys_entries() {
    let mut rig = careless("0.5");
    assert_eq!(rig.traded("100"), Outcome::Signal { intents: 1 });
    let held = rig.position(BTC);
    assert_eq!(rig.traded("13"), Outcome::Error(Fault::Panicked("unlucky 13".to_owned())));
    let paused = rig.records.iter().rev().find_map(|record| match record {
        Record::Paused { paused: true, failed, .. } => *failed,
        _ => None,
    });
    assert_eq!(paused.map(|decision| decision.n), Some(2), "it is named with the decision");
    assert!(rig.engine.is_paused(StrategyId(0)));
    assert_eq!(rig.position(BTC), held, "what it wanted besides is void");
    assert_eq!(rig.traded("100"), Outcome::Suppressed(Suppression::Paused));
    assert_eq!(rig.position(BTC), held);
    rig.command(&Command::ResumeStrategy(StrategyId(0)));
    assert_eq!(rig.traded("100"), Outcome::Signal { intents: 1 }, "a person may let it go on");
}

/// Lost if broken: the reason why a strategy did nothing, where it knows it itself.
#[test]
fn a_strategy_may_say_that_it_cannot_decide() {
    let mut rig = careless("0.5");
    rig.traded("100");
    let held = rig.position(BTC);
    assert_eq!(rig.traded("14"), Outcome::Error(Fault::Failed("no idea·[2J".to_owned())));
    assert_eq!((rig.position(BTC), rig.engine.is_paused(StrategyId(0))), (held, false));
}

/// Lost if broken: a panic between two evaluations, of which nobody would hear; and a replay from a
/// state that was saved in between.
#[test]
fn a_panic_in_a_callback_is_told_with_the_next_evaluation() {
    let mut rig = careless("100");
    rig.traded("100");
    let saved = rig.engine.save().unwrap();
    rig.engine.restore(&saved).unwrap();
    assert_eq!(rig.traded("100"), Outcome::Error(Fault::Panicked("too much".to_owned())));
    assert!(rig.engine.is_paused(StrategyId(0)));
}
