//! Decisions that want an order on one side, and what the other side made of the same cause.

use std::collections::BTreeMap;

use serde::Serialize;

use super::heard::{Item, What};
use super::input;
use super::side::Side;
use crate::app::words;
use crate::domain::{InstrumentId, Quantity, Side as OrderSide, StrategyId};
use crate::engine::Evaluation;

/// Decisions that are kept to be told one by one; more are counted.
const KEPT: usize = 1_000;

/// What differs among decisions that want an order on one side at least.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Decisions {
    /// Of B nothing was asked at that cause.
    pub only_a: u64,
    /// Of A nothing was asked at that cause.
    pub only_b: u64,
    /// Both were asked, and want something else.
    pub changed: u64,
    /// Of those: A wants an order and B none.
    pub changed_to_none: u64,
    /// Of those: B wants an order and A none.
    pub changed_from_none: u64,
    /// Both want the same, after they had parted.
    pub same: u64,
    /// The first of those that are not the same.
    pub first: Vec<Unlike>,
}

/// A decision that is not the same on both sides.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Unlike {
    /// The strategy's name.
    pub strategy: String,
    /// The venue's symbol.
    pub instrument: String,
    /// The input that caused it.
    pub input: u64,
    /// When, in UTC.
    pub time: String,
    /// On A.
    pub a: Option<Made>,
    /// On B.
    pub b: Option<Made>,
}

/// What a side made of a cause.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Made {
    /// As it is shown everywhere: `k7f3-0-0412`.
    pub id: String,
    /// What came of it, in words.
    pub outcome: String,
}

type Key = (StrategyId, InstrumentId, u64, usize);
type Pair = [Option<Item>; 2];

impl Decisions {
    /// Takes what both sides said of the same inputs.
    pub fn take(&mut self, sides: &mut [Side; 2]) {
        let wants = |item: &Item| matches!(item.what, What::Evaluation(_, _, true));
        if !sides.iter().any(|side| side.heard.items().iter().any(wants)) {
            return;
        }
        for pair in pairs(sides).into_values() {
            if !pair.iter().flatten().any(wants) {
                continue;
            }
            let [a, b] = pair;
            let read = |side: &Side, item: Option<Item>| {
                item.and_then(|item| Some(Asked::of(side, side.heard.evaluation(&item)?)))
            };
            let both = [read(&sides[0], a), read(&sides[1], b)];
            self.pair(sides, &both);
        }
    }

    /// Takes what both sides made of one cause, or what one of them did. False when it is not the
    /// same.
    pub fn pair(&mut self, sides: &mut [Side; 2], both: &[Option<Asked>; 2]) -> bool {
        match both {
            [Some(_), None] => self.only_a += 1,
            [None, Some(_)] => self.only_b += 1,
            [Some(a), Some(b)] if a.wants != b.wants => {
                self.changed += 1;
                self.changed_to_none += u64::from(b.wants.is_empty());
                self.changed_from_none += u64::from(a.wants.is_empty());
            }
            _ => {
                self.same += 1;
                return true;
            }
        }
        if self.first.len() < KEPT
            && let Some((at, either)) =
                both.iter().enumerate().find_map(|(at, one)| Some((at, one.as_ref()?)))
        {
            let evaluation = &either.evaluation;
            let engine = &sides[at].recording.plan.engine;
            let strategy = engine.strategies.get(evaluation.id.strategy.index());
            let unlike = Unlike {
                strategy: strategy.map(|strategy| strategy.name.clone()).unwrap_or_default(),
                instrument: input::symbol(&engine.instruments, evaluation.instrument),
                input: evaluation.cause.seq,
                time: words::moment(evaluation.time),
                a: both[0].as_ref().map(|asked| asked.made(&mut sides[0])),
                b: both[1].as_ref().map(|asked| asked.made(&mut sides[1])),
            };
            self.first.push(unlike);
        }
        false
    }

    /// How many are not the same.
    pub fn unlike(&self) -> u64 {
        self.only_a + self.only_b + self.changed
    }
}

/// The evaluations of both sides by whose they are and by what caused them.
fn pairs(sides: &[Side; 2]) -> BTreeMap<Key, Pair> {
    let mut pairs: BTreeMap<Key, Pair> = BTreeMap::new();
    for (at, side) in sides.iter().enumerate() {
        let mut nth: BTreeMap<(StrategyId, InstrumentId, u64), usize> = BTreeMap::new();
        for item in side.heard.items() {
            let What::Evaluation(strategy, instrument, _) = item.what else { continue };
            let nth = nth.entry((strategy, instrument, item.seq)).or_default();
            let key = (strategy, instrument, item.seq, *nth);
            *nth += 1;
            if let Some(place) = pairs.entry(key).or_default().get_mut(at) {
                *place = Some(item.clone());
            }
        }
    }
    pairs
}

/// An evaluation, and the orders that it wants.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The evaluation.
    pub evaluation: Evaluation,
    /// Side, quantity, and whether it only reduces.
    pub wants: Vec<(OrderSide, Quantity, bool)>,
}

impl Asked {
    /// An evaluation that a side just told.
    pub fn of(side: &Side, evaluation: Evaluation) -> Self {
        let signals = side.heard.signals(evaluation.id);
        let wants = signals.iter().map(|s| (s.side, s.quantity, s.reduce_only)).collect();
        Self { evaluation, wants }
    }

    /// What came of it, in words.
    pub fn made(&self, side: &mut Side) -> Made {
        let id = side.recording.run.decision(self.evaluation.id);
        let order = |(side, quantity, _): &(OrderSide, Quantity, bool)| {
            format!("{} {quantity}", side.as_str())
        };
        let outcome = match (self.wants.as_slice(), side.resolve(&self.evaluation)) {
            ([], Some(view)) if view.blocker.is_empty() => view.outcome,
            ([], Some(view)) => format!("{}, {}", view.outcome, view.blocker),
            ([], None) => String::new(),
            (wants, _) => wants.iter().map(order).collect::<Vec<_>>().join(", "),
        };
        Made { id: id.trim_start_matches('-').to_owned(), outcome }
    }
}
