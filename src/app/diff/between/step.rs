//! Both sides in step: input by input, and the records of each held against those of the other.
//!
//! ```text
//! A  input 4,711 ─► records ┐
//! B  input 4,711 ─► records ┴► the same? then both are forgotten
//! A  input 4,712 ─► records ┐   only A has it: held, until both have taken 4,713
//! A  input 4,713 ─► records ┤
//! B  input 4,713 ─► records ┴► the same, but for which input caused what was due
//! ```

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::chained::Chained;
use super::decisions::Decisions;
use super::heard::{Apart, Item, What, is_same};
use super::input::{Given, InputTold};
use super::loose::Loose;
use super::rule::{self, RuleTold};
use super::side::{End, Side};
use crate::app::error::AppError;
use crate::app::pipeline::TapeInput;
use crate::app::replay::difference::{Difference, Naming};

/// Inputs that only one side has, held until the other side has another one.
const HELD: usize = 4_096;
/// Inputs that are told one by one.
const TOLD: usize = 5;

/// Both sides on their way.
pub struct Steps {
    /// A and B.
    pub sides: [Side; 2],
    /// Inputs that are not the same.
    pub inputs: Unlike,
    /// What follows the end of one side's market.
    pub tail: Option<Tail>,
    /// Why the comparison ends before the inputs do.
    pub stopped: Option<String>,
    /// Records that were held against each other and say the same.
    pub compared: u64,
    /// The first record that differs.
    pub first: Option<First>,
    /// The first evaluation that differs.
    pub parted: Option<Parted>,
    /// The first rule in which the same decision differs.
    pub rule: Option<RuleTold>,
    /// What is wanted by one side and not by the other.
    pub decisions: Decisions,
    /// Inputs since the last time both had the same one, that only this side has.
    alone: [BTreeMap<u64, Given>; 2],
    naming: [Naming; 2],
    /// Decisions are held against each other in the place of inputs.
    pub loose: Option<Loose>,
}

/// Inputs that are not the same on both sides.
#[derive(Debug, Default)]
pub struct Unlike {
    /// Taken by both.
    pub shared: u64,
    /// Only A has them; only B does.
    pub only: [u64; 2],
    /// Both have them, and they say something else.
    pub other: u64,
    /// Both have them, at another time.
    pub later: u64,
    /// The first of them.
    pub told: Vec<(Whose, InputTold)>,
}

/// Whose input it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Only A has it.
    OnlyA,
    /// Only B has it.
    OnlyB,
    /// Both have one of this number, which is not the same.
    Both,
}

/// What a backtest does after its market's end.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Tail {
    /// It is B that goes on.
    pub is_b: bool,
    /// Moments at which something was due.
    pub inputs: u64,
    /// What was recorded of them.
    pub records: u64,
}

/// The first record that differs.
#[derive(Clone, Debug)]
pub struct First {
    /// In what.
    pub difference: Difference,
    /// The decision or order that it is about, on each side that has the record.
    pub subjects: [Option<String>; 2],
    /// The input that it belongs to.
    pub input: InputTold,
    /// Inputs that were not the same, up to there.
    pub unlike: u64,
}

/// Where the decisions part: an evaluation of each side, or of one.
pub struct Parted {
    /// Of A and of B.
    pub chains: [Option<Chained>; 2],
    /// The input.
    pub input: InputTold,
}

/// Whose turn it is.
enum Turn {
    /// Both have an input of the same number, or both begin.
    Both { begins: bool },
    /// Only one side has it.
    One(usize),
    /// The other side has ended.
    Rest(usize),
    /// Both have.
    Over,
}

impl Steps {
    /// Both sides before their first input.
    pub fn new(sides: [Side; 2]) -> Self {
        let naming = [0, 1]
            .map(|at: usize| Naming::new(sides[at].recording.run.clone(), sides[at].strategies()));
        Self {
            decisions: Decisions::default(),
            sides,
            inputs: Unlike::default(),
            tail: None,
            stopped: None,
            compared: 0,
            first: None,
            parted: None,
            rule: None,
            alone: [BTreeMap::new(), BTreeMap::new()],
            naming,
            loose: None,
        }
    }

    /// Walks to the end of both.
    pub fn walk(&mut self) -> Result<(), AppError> {
        while self.stopped.is_none() && self.step()? {}
        self.agree();
        self.finish();
        Ok(())
    }

    /// What is known of both chains at the end.
    pub(super) fn finish(&mut self) {
        let chains = self.parted.iter_mut().flat_map(|parted| &mut parted.chains);
        for chain in chains.flatten() {
            let [a, b] = &mut self.sides;
            chain.end(if chain.is_b { b } else { a });
        }
    }

    /// The next input of one side or of both; false at the end.
    fn step(&mut self) -> Result<bool, AppError> {
        match self.turn()? {
            Turn::Both { begins } => self.both(begins)?,
            Turn::One(at) => self.one(at)?,
            Turn::Rest(at) => self.rest(at)?,
            Turn::Over => return Ok(false),
        }
        Ok(true)
    }

    fn turn(&mut self) -> Result<Turn, AppError> {
        let [a, b] = &mut self.sides;
        let (one, other) = match (a.peek()?, b.peek()?) {
            (None, None) => return Ok(Turn::Over),
            (Some(_), None) => return Ok(Turn::Rest(0)),
            (None, Some(_)) => return Ok(Turn::Rest(1)),
            (Some(one), Some(other)) => (one, other),
        };
        Ok(match (one.is_start(), other.is_start()) {
            // What a run begins with has another number on a tape than in a backtest.
            (true, true) => Turn::Both { begins: true },
            (true, false) => Turn::One(0),
            (false, true) => Turn::One(1),
            (false, false) => match one.seq.cmp(&other.seq) {
                Ordering::Less => Turn::One(0),
                Ordering::Equal => Turn::Both { begins: false },
                Ordering::Greater => Turn::One(1),
            },
        })
    }

    /// Both have an input of this number.
    fn both(&mut self, begins: bool) -> Result<(), AppError> {
        let [a, b] = &mut self.sides;
        a.take()?;
        b.take()?;
        self.inputs.shared += 1;
        if !begins && !a.last.is_like(&b.last) {
            let says_the_same = a.last.says_the_same(&b.last);
            self.inputs.later += u64::from(says_the_same);
            self.inputs.other += u64::from(!says_the_same);
            self.tell(Whose::Both, 0);
        }
        self.agree();
        Ok(())
    }

    /// Only one side has an input.
    fn one(&mut self, at: usize) -> Result<(), AppError> {
        self.sides[at].take()?;
        self.inputs.only[at] += 1;
        let last = &self.sides[at].last;
        self.alone[at].insert(last.seq, last.clone());
        self.tell(if at == 0 { Whose::OnlyA } else { Whose::OnlyB }, at);
        if self.alone[at].len() >= HELD {
            self.agree();
        }
        Ok(())
    }

    /// The other side has ended.
    fn rest(&mut self, at: usize) -> Result<(), AppError> {
        let side = &mut self.sides[at];
        let is_due = |given: &Given| given.own() == Some(TapeInput::Clock);
        let is_tail = side.recording.is_backtest() && side.peek()?.is_some_and(is_due);
        if let Some(End::Torn(text) | End::Damaged(text)) = self.sides[1 - at].end() {
            self.stopped = Some(text.clone());
            return Ok(());
        }
        if !is_tail {
            return self.one(at);
        }
        // Both have taken all that the market said: what follows belongs to the backtest.
        self.agree();
        let side = &mut self.sides[at];
        side.take()?;
        let tail = self.tail.get_or_insert(Tail { is_b: at == 1, ..Tail::default() });
        tail.inputs += 1;
        tail.records += side.heard.items().len() as u64;
        self.follow();
        self.sides[at].heard.clear();
        Ok(())
    }

    fn tell(&mut self, whose: Whose, at: usize) {
        if self.inputs.told.len() < TOLD {
            let told = self.told(at, None);
            self.inputs.told.push((whose, told));
        }
    }

    /// An input of a side that is still held, or its last one, in words.
    pub(super) fn told(&self, at: usize, seq: Option<u64>) -> InputTold {
        let side = &self.sides[at];
        let held = seq.and_then(|seq| self.alone[at].get(&seq));
        held.unwrap_or(&side.last).told(&side.recording.plan.engine.instruments)
    }

    /// Holds against each other what both said since they agreed, and forgets it.
    fn agree(&mut self) {
        let [a, b] = &self.sides;
        if a.heard.items().is_empty() && b.heard.items().is_empty() {
            self.alone.iter_mut().for_each(BTreeMap::clear);
            return;
        }
        let apart =
            if self.alone.iter().all(BTreeMap::is_empty) { Apart::Names } else { Apart::Causes };
        for item in a.heard.items() {
            self.naming[0].learn(a.heard.bytes(item));
        }
        if self.first.is_none() {
            self.compare(apart);
        }
        if self.first.is_some() {
            if self.parted.is_none() || !self.knows_rule() {
                self.part();
            }
            self.follow();
        }
        let Self { sides, decisions, first, .. } = self;
        if first.is_some() {
            decisions.take(sides);
        }
        for side in &mut self.sides {
            side.heard.clear();
        }
        self.alone.iter_mut().for_each(BTreeMap::clear);
    }

    /// Finds the first record that differs.
    fn compare(&mut self, apart: Apart) {
        let [a, b] = &self.sides;
        let (of_a, of_b) = (a.heard.items(), b.heard.items());
        let same = |(one, other): &(&Item, &Item)| {
            is_same(a.heard.bytes(one), b.heard.bytes(other), apart)
        };
        let equal = of_a.iter().zip(of_b).take_while(same).count();
        self.compared += equal as u64;
        let (mut one, mut other) = (of_a.get(equal), of_b.get(equal));
        if one.is_none() && other.is_none() {
            return;
        }
        // What came of an input that the other side does not have stands alone.
        if one.is_some_and(|item| self.alone[0].contains_key(&item.seq)) {
            other = None;
        } else if other.is_some_and(|item| self.alone[1].contains_key(&item.seq)) {
            one = None;
        }
        let seq = one.or(other).map_or(0, |item| item.seq);
        let bytes = |side: &Side, item: Option<&Item>| item.map(|i| side.heard.bytes(i).to_vec());
        let (left, right) = (bytes(a, one), bytes(b, other));
        let between = |at: usize, left: Option<&[u8]>| {
            Difference::between(&self.naming[at], seq, left, right.as_deref())
        };
        let difference = between(usize::from(left.is_none()), left.as_deref());
        let of_b = right.is_some().then(|| between(1, None).subject).flatten();
        let of_a = left.is_some().then(|| difference.subject.clone()).flatten();
        let whose = usize::from(one.is_none());
        let Unlike { only, other, later, .. } = self.inputs;
        let unlike = only[0] + only[1] + other + later;
        let subjects = [of_a, of_b];
        self.first =
            Some(First { difference, subjects, input: self.told(whose, Some(seq)), unlike });
    }

    /// Finds the first evaluation that differs, from the first differing record on, and the first
    /// rule: a strategy that is not ready has none.
    fn part(&mut self) {
        for (one, other) in self.unlike_evaluations() {
            let knows_rule = self.knows_rule();
            let [a, b] = &mut self.sides;
            let read = |side: &Side, item: Option<Item>| side.heard.evaluation(&item?);
            let (one, other) = (read(a, one), read(b, other));
            if !knows_rule
                && let (Some(one), Some(other)) = (&one, &other)
                && let (Some(one), Some(other)) = (a.resolve(one), b.resolve(other))
            {
                let found = rule::first(&one, &other);
                let is_better =
                    self.rule.is_none() || found.as_ref().is_some_and(RuleTold::is_known);
                self.rule = if is_better { found } else { self.rule.take() };
            }
            if self.parted.is_none() {
                let is_b = one.is_none();
                let seq = one.as_ref().or(other.as_ref()).map(|either| either.cause.seq);
                let chains = [
                    one.and_then(|one| Chained::of(a, &one, false)),
                    other.and_then(|other| Chained::of(b, &other, true)),
                ];
                let input = self.told(usize::from(is_b), seq);
                self.parted = Some(Parted { chains, input });
            }
            if self.knows_rule() {
                return;
            }
        }
    }

    /// A rule in which a decision differs was found, with both values.
    fn knows_rule(&self) -> bool {
        self.rule.as_ref().is_some_and(RuleTold::is_known)
    }

    /// The evaluations of the same inputs that are not the same.
    fn unlike_evaluations(&self) -> Vec<(Option<Item>, Option<Item>)> {
        let [a, b] = &self.sides;
        let slot = |item: &Item| match item.what {
            What::Evaluation(strategy, instrument, _) => Some((strategy, instrument)),
            _ => None,
        };
        let of = |side: &Side| -> Vec<Item> {
            side.heard.items().iter().filter(|item| slot(item).is_some()).cloned().collect()
        };
        let mut left = of(b);
        let mut unlike = Vec::new();
        for one in of(a) {
            let is_alone = self.alone[0].contains_key(&one.seq);
            let partner = left.iter().position(|other| {
                let apart = is_alone || self.alone[1].contains_key(&other.seq);
                !apart && slot(other) == slot(&one)
            });
            let other = partner.map(|at| left.remove(at));
            let same = other.as_ref().is_some_and(|other| {
                is_same(a.heard.bytes(&one), b.heard.bytes(other), Apart::Numbers)
            });
            if !same {
                unlike.push((Some(one), other));
            }
        }
        unlike.extend(left.into_iter().map(|other| (None, Some(other))));
        unlike
    }

    /// What came of the decisions at which both parted.
    pub(super) fn follow(&mut self) {
        let [a, b] = &mut self.sides;
        if let Some(Parted { chains: [one, other], .. }) = &mut self.parted {
            for (chain, side) in [(one, a), (other, b)] {
                if let Some(chain) = chain {
                    chain.follow(side);
                }
            }
        }
    }
}
