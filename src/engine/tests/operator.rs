//! The operator: what a person stops stays stopped, what a person closes gets closed, and all of it
//! is on record.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::world::{busy, steps};
use super::*;
use crate::domain::DecisionId;
use crate::engine::{Evaluation, News};
use crate::strategy::Trigger;

const WISH: StrategyId = StrategyId(0);

impl Rig {
    /// Both books in sync, deep enough for anything that is held.
    fn deepen(&mut self) {
        for instrument in [BTC, ETH] {
            let (bids, asks) = ([level("99.99", "900")], [level("100.01", "900")]);
            let update_id = self.seq;
            let event = MarketEvent::BookSnapshot { update_id, bids: &bids, asks: &asks };
            self.market(instrument, event);
        }
    }

    /// Orders sent since a record, and the evaluations that wanted them.
    fn sent_since(&self, from: usize) -> Vec<(DecisionId, Side, Quantity)> {
        let sent = self.records[from..].iter().filter_map(|record| match record {
            Record::Order { request, .. } => {
                Some((request.decision, request.side, request.quantity))
            }
            _ => None,
        });
        sent.collect()
    }

    /// Decisions that an operator made in a strategy's place.
    fn by_operator(&self) -> BTreeSet<DecisionId> {
        let evaluations = self.records.iter().filter_map(|record| match record {
            Record::Evaluation(Evaluation { id, trigger: Trigger::Operator, .. }) => Some(*id),
            _ => None,
        });
        evaluations.collect()
    }

    fn is_flat(&self) -> bool {
        self.engine.open_orders() == 0 && self.engine.closable().next().is_none()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Lost if broken: the money of whoever pressed the button. Whatever happened before and goes on
    /// meanwhile, everything is closed once the market lets it, and nobody but the operator orders.
    #[test]
    fn after_flatten_everything_is_closed_and_nothing_is_entered(
        before in steps(60), meanwhile in steps(30),
    ) {
        let mut rig = Rig::new(busy(FeeAsset::Received), account(AccountKind::Margin, "4000"));
        for step in before {
            rig.live(step, None);
        }
        let from = rig.records.len();
        rig.command(&Command::Flatten);
        for step in meanwhile.into_iter().filter(|step| !step.is_command()) {
            rig.live(step, None);
        }
        for _ in 0..4 {
            rig.now += 2_000 * MS;
            rig.deepen();
            rig.wait(50 * MS);
        }
        prop_assert!(rig.is_flat() && is_dust(&rig), "{:?}", rig.engine.closable().collect::<Vec<_>>());
        prop_assert_eq!(rig.engine.open_orders(), 0);
        let operator = rig.by_operator();
        for (decision, ..) in rig.sent_since(from) {
            prop_assert!(operator.contains(&decision), "{decision:?} ordered while flattening");
        }
    }
}

/// What is left is worth less than the venue takes an order for, counted here and not by the engine.
fn is_dust(rig: &Rig) -> bool {
    rig.engine.slots.iter().all(|slot| {
        let lots = slot.position.quantity.magnitude().floor_to(quantity("0.0001")).unwrap();
        price("99.99").notional(lots).unwrap() < num("1")
    })
}

/// Lost if broken: the chain from a closing order to the person who wanted it.
#[test]
fn flatten_closes_each_position_by_a_decision_that_says_so() {
    let mut rig = Rig::margin(|_| {});
    rig.send(market(Side::Buy, "0.5"));
    let resting = rig.send(limit(Side::Sell, "120", "0.2", TimeInForce::Gtc));
    let from = rig.records.len();
    rig.command(&Command::Flatten);
    assert!(rig.is_flat());
    assert_eq!(rig.story(resting).last().unwrap(), "Canceled");
    let sent = rig.sent_since(from);
    // What a resting sell may still take is left to it until it is canceled.
    let quantities: Vec<_> = sent.iter().map(|(_, side, size)| (*side, *size)).collect();
    assert_eq!(quantities, [(Side::Sell, quantity("0.3")), (Side::Sell, quantity("0.2"))]);
    let labels = rig.records.iter().filter_map(|record| match record {
        Record::Form { body, .. } => body.sites.first().map(|site| site.label.as_str()),
        _ => None,
    });
    assert!(labels.clone().any(|label| label == "operator: flatten"));
    assert_eq!(rig.engine.counters[0].explained, rig.engine.counters[0].signals - 2);
}

/// Lost if broken: the stop that outlasts the next good idea of a strategy.
#[test]
fn nothing_is_entered_until_resumed() {
    let mut rig = Rig::margin(|_| {});
    for stop in [Command::Flatten, Command::Halt] {
        rig.command(&stop);
        let report = rig.one(market(Side::Buy, "0.1"));
        let Some(Refusal::Check(check)) = report.refusal else { panic!("{report:?}") };
        assert_eq!((check.kind, check.observed), (CheckKind::TradingState, Some(num("2"))));
        rig.command(&Command::Resume);
        rig.send(market(Side::Buy, "0.1"));
    }
}

/// Lost if broken: getting out after a risk rule has stopped trading, or at a size above the limits.
#[test]
fn flatten_works_while_halted_and_above_the_limits_of_strategies() {
    let mut rig = Rig::margin(|config| {
        config.risk.max_order_quantity = vec![Some(quantity("0.5")); 2];
        config.risk.max_order_notional = Some(num("60"));
        config.risk.max_orders_per_second = Some(2);
    });
    rig.send(market(Side::Buy, "0.5"));
    rig.wait(1_001 * MS);
    rig.send(market(Side::Buy, "0.5"));
    rig.wish(ETH, vec![market(Side::Sell, "0.5")]);
    rig.command(&Command::Halt);
    rig.command(&Command::Flatten);
    assert!(rig.is_flat());
}

/// Lost if broken: a market order on a price that nobody quotes any more.
#[test]
fn flatten_waits_for_data_says_so_and_tries_again() {
    let mut rig = Rig::margin(|config| config.risk.max_silence = Some(10_000 * MS));
    rig.send(market(Side::Buy, "0.5"));
    rig.wait(11_000 * MS);
    rig.command(&Command::Flatten);
    let said = rig.records.iter().rev().find_map(|record| match record {
        Record::Risk(report) => report.refusal,
        _ => None,
    });
    let Some(Refusal::Check(check)) = said else { panic!("{said:?}") };
    assert_eq!(check.kind, CheckKind::DataSilence);
    // Data is back at once: one attempt a second is enough.
    rig.deepen();
    assert!(!rig.is_flat());
    rig.wait(1_000 * MS);
    rig.deepen();
    assert!(rig.is_flat());
}

/// Lost if broken: what a strategy holds against another one in the same account.
#[test]
fn each_strategy_is_closed_though_the_account_holds_nothing() {
    let mut rig = Rig::margin(|config| {
        config.strategies.push(strategy("other", Feed::Trades, true));
    });
    rig.send(market(Side::Buy, "0.5"));
    let asked = rig.records.iter().find_map(|record| match record {
        Record::Ask { strategy: StrategyId(1), instrument: BTC, cause, .. } => Some(*cause),
        _ => None,
    });
    let asked = asked.unwrap();
    let decision = Decision { intents: vec![market(Side::Sell, "0.5")], ..Decision::default() };
    let (strategy, instrument) = (StrategyId(1), BTC);
    rig.input(Event::Reply { strategy, instrument, asked, decision: &decision });
    assert!(rig.engine.held(BTC).is_zero());
    assert_eq!(rig.engine.closable().count(), 2);
    rig.command(&Command::Flatten);
    assert!(rig.is_flat());
}

/// Lost if broken: a strategy that is told to stop and goes on, or one that cannot leave.
#[test]
fn a_paused_strategy_leaves_but_does_not_enter() {
    let mut rig = Rig::margin(|_| {});
    rig.send(market(Side::Buy, "0.5"));
    let entry = rig.send(limit(Side::Buy, "90", "0.1", TimeInForce::Gtc));
    let exit = rig.send(limit(Side::Sell, "120", "0.1", TimeInForce::Gtc));
    rig.command(&Command::Pause(WISH));
    assert_eq!(rig.story(entry).last().unwrap(), "Canceled");
    assert_eq!(rig.story(exit).last().unwrap(), "accepted");
    assert!(rig.engine.is_paused(WISH));
    // Wanting to enter is recorded as what was stopped, before any order is built.
    assert_eq!(rig.wish(BTC, vec![market(Side::Buy, "0.1")]), []);
    assert_eq!(rig.wish(ETH, vec![market(Side::Sell, "0.1")]), []);
    assert!(matches!(rig.outcomes().last().unwrap(), Outcome::Suppressed(Suppression::Paused)));
    // A reversal becomes a close of what no other order closes.
    let reverse = Intent::Order {
        side: Side::Sell,
        kind: OrderKind::Market,
        size: Size::Reverse,
        reduce_only: false,
        exits: Exits::default(),
    };
    let report = rig.one(reverse);
    assert_eq!((report.refusal, report.quantity), (None, quantity("0.4")));
    // Beside a cancellation an entry is refused by its check.
    let reports = rig.wish(ETH, vec![Intent::CancelAll, market(Side::Buy, "0.1")]);
    let Some(Refusal::Check(check)) = reports[0].refusal else { panic!("{reports:?}") };
    assert_eq!((check.kind, check.observed), (CheckKind::TradingState, Some(num("1"))));
    rig.command(&Command::ResumeStrategy(WISH));
    rig.wish(ETH, vec![market(Side::Buy, "0.1")]);
    assert_eq!(rig.engine.closable().filter(|held| held.instrument == ETH).count(), 1);
}

/// Lost if broken: a restart that forgets who was told to stop.
#[test]
fn what_was_stopped_is_part_of_the_state() {
    let mut rig = Rig::margin(|config| config.paper.entry_latency = 5 * MS);
    rig.send(market(Side::Buy, "0.5"));
    rig.wait(10 * MS);
    rig.command(&Command::Pause(WISH));
    rig.command(&Command::Flatten);
    let saved = rig.engine.save().unwrap();
    let mut other = Rig::margin(|config| config.paper.entry_latency = 5 * MS);
    other.engine.restore(&saved).unwrap();
    (other.seq, other.now) = (rig.seq, rig.now);
    assert!(other.engine.is_paused(WISH));
    assert_eq!(other.engine.trading(), TradingState::Flattening);
    other.wait(10 * MS);
    assert!(other.is_flat());
}

/// Lost if broken: an answer to a command that names nobody.
#[test]
fn pausing_what_does_not_exist_changes_nothing() {
    let mut rig = Rig::cash();
    let before = rig.engine.save().unwrap();
    rig.command(&Command::Pause(StrategyId(9)));
    assert_eq!(rig.engine.save().unwrap(), before);
}

/// Lost if broken: evaluations that somebody asked for, or a disk that fills after a trace that was
/// forgotten.
#[test]
fn a_trace_makes_every_evaluation_of_its_instrument_news_and_ends_by_itself() {
    let mut rig = Rig::margin(|config| {
        config.strategies = vec![strategy("drift", Feed::Trades, false)];
    });
    rig.command(&Command::Trace { instrument: BTC, length: 1_000 * MS });
    let from = rig.records.len();
    for _ in 0..5 {
        rig.now += MS;
        rig.trade(BTC, "100", "0.001", Side::Buy);
        rig.trade(ETH, "100", "0.001", Side::Buy);
    }
    let due = rig.engine.next_trace_due().unwrap();
    assert_eq!((due, rig.engine.next_due()), (UnixNanos(EPOCH + 1_000 * MS), Some(due)));
    rig.wait(2_000 * MS);
    rig.trade(BTC, "100", "0.001", Side::Buy);
    let news = |instrument| {
        let told = rig.records[from..].iter().filter_map(move |record| match record {
            Record::Evaluation(e) if e.instrument == instrument => Some(e.news),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(news(ETH), [News::Repeats; 5]);
    assert_eq!(news(BTC), [[News::Traced; 5].as_slice(), &[News::Repeats]].concat());
    let end = rig.records.iter().rev().find_map(|record| match record {
        Record::Trace { time, until: None, evaluations, .. } => Some((*time, *evaluations)),
        _ => None,
    });
    assert_eq!(end, Some((due, 5)));
}
