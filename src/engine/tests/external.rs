//! External runners: asked by a record, answering by an input, so that Python needs no change here.

use super::*;
use crate::strategy::{NamedOperand, Op, RuleTree};

fn asks(rig: &Rig) -> Vec<Cause> {
    rig.records
        .iter()
        .filter_map(|record| match record {
            Record::Ask { cause, .. } => Some(*cause),
            _ => None,
        })
        .collect()
}

fn reply(rig: &mut Rig, strategy: u16, asked: Cause, decision: &Decision) {
    let strategy = StrategyId(strategy);
    rig.input(Event::Reply { strategy, instrument: BTC, asked, decision });
}

/// What a runner in another process would send: values by name, a tree, an intent.
fn buy_above(price: f64, floor: f64) -> Decision {
    let tree = RuleTree::Compare {
        left: NamedOperand::Value("price".to_owned()),
        op: Op::CrossUp,
        right: NamedOperand::Literal(floor),
    };
    let crossed = vec![("enter".to_owned(), tree)];
    let intents = if price > floor { vec![market(Side::Buy, "1")] } else { vec![] };
    Decision { values: vec![named("price", Some(price))], rules: crossed, logs: vec![], intents }
}

/// The answer becomes an evaluation like any native one: values, truths, previous values.
#[test]
fn an_answer_is_recorded_and_acted_on_like_a_native_decision() {
    let mut rig = Rig::margin(|_| {});
    rig.quote(BTC);
    let first = asks(&rig)[0];
    rig.now += 7 * MS;
    reply(&mut rig, 0, first, &buy_above(99.0, 100.0));
    rig.quote(BTC);
    let second = asks(&rig)[1];
    reply(&mut rig, 0, second, &buy_above(101.0, 100.0));
    let evaluations: Vec<_> = rig
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Evaluation(evaluation) => Some(evaluation.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(evaluations[0].cause, first, "it is about the input that was asked about");
    assert_eq!(evaluations[0].time, UnixNanos(EPOCH + 7 * MS), "and made when the answer came");
    assert_eq!(evaluations[0].outcome, Outcome::NotReady { missing: Some(0) });
    assert_eq!(evaluations[1].outcome, Outcome::Signal { intents: 1 });
    assert_eq!((&evaluations[1].values, &evaluations[1].previous), (&vec![101.0], &vec![99.0]));
    assert_eq!(rig.position(BTC), "1");
    let forms = rig.records.iter().filter(|record| matches!(record, Record::Form { .. })).count();
    assert_eq!(forms, 1, "names and tree are told once");
}

/// An answer to an old question would trade on a market that is gone; one twice would trade twice.
#[test]
fn late_duplicate_and_unasked_answers_are_ignored() {
    let mut config = config();
    config.strategies.push(strategy("drift", Feed::Quotes, false));
    let mut rig = Rig::new(config, account(AccountKind::Margin, "10000"));
    let buy = buy_above(101.0, 100.0);
    let unasked = Cause { seq: rig.seq, index: 0 };
    reply(&mut rig, 0, unasked, &buy);
    rig.quote(BTC);
    let asked = asks(&rig)[0];
    let before = rig.records.len();
    reply(&mut rig, 0, Cause { seq: asked.seq - 1, index: 0 }, &buy);
    reply(&mut rig, 0, Cause { seq: asked.seq, index: 1 }, &buy);
    reply(&mut rig, 1, asked, &buy);
    reply(&mut rig, 9, asked, &buy);
    assert_eq!(rig.records.len(), before, "nothing is said and nothing done");
    reply(&mut rig, 0, asked, &buy);
    reply(&mut rig, 0, asked, &buy);
    assert_eq!(rig.position(BTC), "1");
}

/// A runner that hangs must be visible on every event that it misses, not only by its silence.
#[test]
fn what_happens_while_an_answer_is_awaited_is_recorded_as_suppressed() {
    let mut rig = Rig::margin(|_| {});
    rig.quote(BTC);
    rig.quote(BTC);
    rig.quote(BTC);
    let awaiting = Outcome::Suppressed(Suppression::AwaitingReply);
    assert_eq!(rig.outcomes(), [awaiting.clone(), awaiting]);
    let asked = asks(&rig);
    assert_eq!(asked.len(), 1, "asked once, not for every event");
    // The other instrument has its own question.
    rig.quote(ETH);
    assert_eq!(asks(&rig).len(), 2);
    let saved = rig.engine.save().unwrap();
    rig.engine.restore(&saved).unwrap();
    reply(&mut rig, 0, asked[0], &buy_above(101.0, 100.0));
    assert_eq!(rig.position(BTC), "1", "the question survives a restart");
    rig.quote(BTC);
    assert_eq!(asks(&rig).len(), 3);
}

/// A decision made on a good book is worthless once the book is lost.
#[test]
fn an_answer_after_the_book_was_lost_is_suppressed() {
    let mut rig = Rig::margin(|_| {});
    rig.quote(BTC);
    let asked = asks(&rig)[0];
    rig.lose(BTC);
    reply(&mut rig, 0, asked, &buy_above(101.0, 100.0));
    assert_eq!(rig.outcomes(), [Outcome::Suppressed(Suppression::BookNotTrusted)]);
    assert_eq!(rig.position(BTC), "0");
}
