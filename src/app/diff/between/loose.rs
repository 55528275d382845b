//! Two runs that did not have the same inputs: each decision of one is held against that of the other
//! which was asked about the same trade or bar; where they share none, against that of the same
//! number. Times and causes do not count then, nor the values: only what came of it.

use std::collections::{BTreeMap, VecDeque};
use std::hash::Hasher;

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

use super::chained::Chained;
use super::decisions::Asked;
use super::heard::{Item, What};
use super::input::InputTold;
use super::rule;
use super::side::Side;
use super::step::{First, Parted, Steps};
use crate::app::error::AppError;
use crate::app::past::Recording;
use crate::app::replay::difference::{Difference, Field};
use crate::strategy::{BarKind, Trigger};
use crate::tape::{Channel, Reader};

/// Decisions of a side that wait for the other side's; the oldest one more has no partner.
const WAITING: usize = 65_536;
/// Messages by which it is seen whether two tapes are of the same inputs.
const HEAD: usize = 2_000;

/// By what decisions are held against each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loose {
    /// By the trade or bar that they were asked about.
    Moment,
    /// By their number, of a strategy in an instrument.
    Number,
}

/// Strategy, instrument, what it was asked about, and the how-manieth of that.
type Key = (String, String, On, u64);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum On {
    Trade(u64),
    Bar(BarKind, u64),
    Else,
}

/// Decisions that wait.
#[derive(Default)]
struct Waiting {
    asked: BTreeMap<Key, Asked>,
    order: VecDeque<Key>,
    numbers: BTreeMap<(String, String, On), u64>,
    taken: u64,
}

impl Steps {
    /// Walks to the end of both, by decision. How many were held against each other.
    pub fn walk_loose(&mut self, by: Loose) -> Result<u64, AppError> {
        self.loose = Some(by);
        let mut waiting = [Waiting::default(), Waiting::default()];
        let mut paired = 0;
        loop {
            let [a, b] = &mut self.sides;
            let (time_a, time_b) = (a.peek()?.map(|g| g.time), b.peek()?.map(|g| g.time));
            let at = match (time_a, time_b) {
                (None, None) => break,
                (Some(_), None) => 0,
                (None, Some(_)) => 1,
                (Some(a), Some(b)) if by == Loose::Moment => usize::from(b < a),
                (Some(_), Some(_)) => usize::from(waiting[1].taken < waiting[0].taken),
            };
            self.sides[at].take()?;
            paired += self.meet(at, by, &mut waiting);
            self.follow();
            self.sides[at].heard.clear();
        }
        for (at, waiting) in waiting.into_iter().enumerate() {
            for asked in waiting.asked.into_values() {
                self.hold(at, asked, None);
            }
        }
        self.finish();
        Ok(paired)
    }

    /// Holds what a side just decided against what waits on the other.
    fn meet(&mut self, at: usize, by: Loose, waiting: &mut [Waiting; 2]) -> u64 {
        let is_one = |item: &&Item| matches!(item.what, What::Evaluation(..));
        let side = &self.sides[at];
        let read = |item: &Item| Some(Asked::of(side, side.heard.evaluation(item)?));
        let all: Vec<Asked> = side.heard.items().iter().filter(is_one).filter_map(read).collect();
        let mut paired = 0;
        for asked in all {
            let key = waiting[at].key(&self.sides[at], &asked, by);
            if let Some(other) = waiting[1 - at].asked.remove(&key) {
                paired += 1;
                self.hold(at, asked, Some(other));
                continue;
            }
            let own = &mut waiting[at];
            own.asked.insert(key.clone(), asked);
            own.order.push_back(key);
            if own.order.len() > WAITING
                && let Some(oldest) = own.order.pop_front()
                && let Some(asked) = own.asked.remove(&oldest)
            {
                self.hold(at, asked, None);
            }
        }
        paired
    }

    /// A decision of a side, and the other side's.
    fn hold(&mut self, at: usize, asked: Asked, other: Option<Asked>) {
        let outcome = |asked: &Asked| std::mem::discriminant(&asked.evaluation.outcome);
        let wants =
            [Some(&asked), other.as_ref()].into_iter().flatten().any(|a| !a.wants.is_empty());
        let is_pair = other.is_some();
        let same_outcome = other.as_ref().is_none_or(|other| outcome(other) == outcome(&asked));
        let both = if at == 0 { [Some(asked), other] } else { [other, Some(asked)] };
        let same = !wants || self.decisions.pair(&mut self.sides, &both);
        if same && same_outcome {
            self.compared += u64::from(is_pair);
        } else if self.first.is_none() {
            self.parts(both);
        }
    }

    /// The first decision that is not the same.
    fn parts(&mut self, both: [Option<Asked>; 2]) {
        let [a, b] = &mut self.sides;
        let made = [
            both[0].as_ref().map(|asked| asked.made(a)),
            both[1].as_ref().map(|asked| asked.made(b)),
        ];
        let whose = usize::from(both[0].is_none());
        let words = |at: usize| made[at].as_ref().map(|made| made.outcome.clone());
        let nothing = || "nothing".to_owned();
        let field = match (words(0), words(1)) {
            (Some(recorded), Some(replayed)) => {
                Field::Value { path: "outcome".to_owned(), recorded, replayed }
            }
            _ => Field::Missing,
        };
        let subjects = [0, 1].map(|at: usize| {
            let strategy = both[at].as_ref()?.evaluation.id.strategy;
            let name = self.sides[at].strategies().get(strategy.index()).cloned();
            Some(format!("{} {}", name.unwrap_or_default(), made[at].as_ref()?.id))
        });
        let input: InputTold = self.told(whose, None);
        let difference = Difference {
            seq: input.input,
            kind: "decision".to_owned(),
            subject: subjects[whose].clone(),
            field,
            recorded: words(0).unwrap_or_else(nothing),
            replayed: words(1).unwrap_or_else(nothing),
        };
        self.first = Some(First { difference, subjects, input: input.clone(), unlike: 0 });
        let [a, b] = &mut self.sides;
        let [one, other] = both.map(|asked| asked.map(|asked| asked.evaluation));
        if let (Some(one), Some(other)) = (&one, &other)
            && let (Some(one), Some(other)) = (a.resolve(one), b.resolve(other))
        {
            self.rule = rule::first(&one, &other);
        }
        let chains = [
            one.and_then(|one| Chained::of(a, &one, false)),
            other.and_then(|other| Chained::of(b, &other, true)),
        ];
        self.parted = Some(Parted { chains, input });
    }
}

impl Waiting {
    fn key(&mut self, side: &Side, asked: &Asked, by: Loose) -> Key {
        self.taken += 1;
        let evaluation = &asked.evaluation;
        let at = (evaluation.id.strategy.index(), evaluation.instrument.index());
        let engine = &side.recording.plan.engine;
        let strategy = engine.strategies.get(at.0).map(|s| s.name.clone()).unwrap_or_default();
        let symbol = engine.instruments.get(at.1).map(|i| i.symbol.clone()).unwrap_or_default();
        let on = match (&evaluation.trigger, by) {
            (Trigger::Trade(trade), Loose::Moment) => On::Trade(trade.id),
            (Trigger::Bar(bar), Loose::Moment) if bar.kind.interval().is_some() => {
                On::Bar(bar.kind, bar.open_time.0)
            }
            _ => On::Else,
        };
        // Only what has no moment of its own is counted.
        if on != On::Else {
            return (strategy, symbol, on, 0);
        }
        let number =
            self.numbers.entry((strategy.clone(), symbol.clone(), on.clone())).or_default();
        *number += 1;
        (strategy, symbol, on, *number)
    }
}

/// True when two runs had the same inputs, but for some: the same tape or files, or tapes whose first
/// messages say the same under the same numbers. Their strategies and instruments are the same too.
pub fn is_of_same_inputs(a: &Recording, b: &Recording) -> bool {
    let names = |of: &Recording| {
        let engine = &of.plan.engine;
        let strategies: Vec<String> = engine.strategies.iter().map(|s| s.name.clone()).collect();
        let symbols: Vec<String> = engine.instruments.iter().map(|i| i.symbol.clone()).collect();
        (strategies, symbols)
    };
    if names(a) != names(b) {
        return false;
    }
    let whole = |of: &Recording| -> Vec<_> {
        of.sources().iter().filter_map(|path| path.canonicalize().ok()).collect()
    };
    if whole(a) == whole(b) {
        return true;
    }
    let (Some(a), Some(b)) = (head(a), head(b)) else { return false };
    let shared: Vec<bool> =
        a.iter().filter_map(|(seq, hash)| b.get(seq).map(|other| other == hash)).collect();
    let same = shared.iter().filter(|same| **same).count();
    same > 0 && same * 2 > shared.len()
}

/// The first inputs of a tape by number; `None` of files.
fn head(recording: &Recording) -> Option<BTreeMap<u64, u64>> {
    let [path] = recording.sources().try_into().ok()?;
    let mut reader = Reader::open(&path).ok()?;
    let mut inputs = BTreeMap::new();
    while inputs.len() < HEAD
        && let Ok(Some(entry)) = reader.next()
    {
        // What a tape of files holds is an input of the program's own.
        if entry.channel.is_input() {
            let mut hash = Xxh3::new();
            hash.write_u8(u8::from(matches!(entry.channel, Channel::Stream { .. })));
            hash.write(entry.bytes);
            hash.write_u64(entry.time.0);
            inputs.insert(entry.seq, hash.finish());
        }
    }
    Some(inputs)
}
