//! News: which of a slot's evaluations tell a reader something new, and what the others come to.
//!
//! An evaluation is news when its form, a truth or its outcome differs from the one before, when it
//! signals, when it is a near miss, or while its instrument is traced. Tape and log write what is
//! news; everything else is counted, and summed up once a minute. All of it is a function of the
//! evaluations and their forms alone, so a replay says the same.
//!
//! A near miss fails by one comparison alone, and by little: less than 0.1 % of the larger operand,
//! and at most half of the last one told in the same minute. Halving ends: in a minute there are at
//! most as many as a float has binary digits.

use serde::{Deserialize, Serialize};

use super::record::{Blocked, Blocker, Evaluation, Miss, Outcome, Summary};
use super::slot::distance;
use crate::domain::{InstrumentId, StrategyId, UnixNanos};
use crate::strategy::{Form, Node, OperandRef, Truth};

/// From one summary to the next, in engine time.
const SUMMARY_EVERY: u64 = 60 * UnixNanos::SECOND;
/// What a near miss misses by at most, as a part of the larger operand.
const NEAR: f64 = 0.001;
/// How much nearer than the last one a further near miss must be.
const NEARER: f64 = 0.5;
/// Blockers counted one by one in a summary; further ones count together.
const BLOCKERS_MAX: usize = 64;

/// Why an evaluation is worth writing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// It is not: everything is as at the evaluation before.
    #[default]
    Repeats,
    /// Form, a truth or the outcome changed, or it signals.
    Changed,
    /// One comparison alone stopped it, by little.
    NearMiss,
    /// Its instrument is traced.
    Traced,
}

/// What is known of a slot's evaluations so far.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Digest {
    /// The state of the last evaluation; `None` before the first.
    last: Option<State>,
    /// Where the current minute counts that state's blocker.
    counted_at: Option<u16>,
    minute: Minute,
}

/// What makes two evaluations the same to a reader.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct State {
    form: u16,
    truths: Vec<Truth>,
    outcome: Outcome,
}

/// What was evaluated since the last summary.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Minute {
    from: UnixNanos,
    until: UnixNanos,
    evaluations: u64,
    repeats: u64,
    blockers: Vec<Blocked>,
    other_blockers: u64,
    nearest: Option<Miss>,
    /// By how little the last near miss missed that was told.
    told: Option<f64>,
}

impl Digest {
    /// Takes the next evaluation and says whether it is news.
    pub fn take(&mut self, evaluation: &Evaluation, form: &Form, traced: bool) -> News {
        let changed = self.changes(evaluation);
        let near = self.misses(evaluation, form);
        let news = if changed {
            News::Changed
        } else if near {
            News::NearMiss
        } else if traced {
            News::Traced
        } else {
            News::Repeats
        };
        if self.minute.evaluations == 0 {
            self.minute.from = evaluation.time;
        }
        self.minute.until = evaluation.time;
        self.minute.evaluations += 1;
        self.minute.repeats += u64::from(news == News::Repeats);
        self.count_blocker(evaluation, form);
        news
    }

    /// The summary of the minute that is over at `now`, if one is and had repetitions.
    pub fn due(
        &mut self,
        (strategy, instrument): (StrategyId, InstrumentId),
        now: UnixNanos,
    ) -> Option<Summary> {
        let is_due = self.minute.evaluations > 0 && now.since(self.minute.from) >= SUMMARY_EVERY;
        if is_due { self.close(strategy, instrument) } else { None }
    }

    /// The summary so far, if there were repetitions; the next minute begins.
    pub fn close(&mut self, strategy: StrategyId, instrument: InstrumentId) -> Option<Summary> {
        let minute = std::mem::take(&mut self.minute);
        self.counted_at = None;
        let Minute { from, until, evaluations, repeats, blockers, other_blockers, nearest, .. } =
            minute;
        (repeats > 0).then_some(Summary {
            strategy,
            instrument,
            from,
            until,
            evaluations,
            repeats,
            blockers,
            other_blockers,
            nearest,
        })
    }

    /// True when it is not as the one before, which it then takes the place of.
    fn changes(&mut self, evaluation: &Evaluation) -> bool {
        let Evaluation { form, truths, outcome, .. } = evaluation;
        match &mut self.last {
            Some(last) if last.form == *form && last.truths == *truths => {
                if last.outcome.is_like(outcome) {
                    return matches!(outcome, Outcome::Signal { .. });
                }
                last.outcome = outcome.clone();
            }
            Some(last) => {
                last.form = *form;
                last.truths.clone_from(truths);
                last.outcome = outcome.clone();
            }
            last @ None => {
                let (form, truths, outcome) = (*form, truths.clone(), outcome.clone());
                *last = Some(State { form, truths, outcome });
            }
        }
        self.counted_at = None;
        true
    }

    /// Keeps the nearest miss of the minute; true when it is near enough to be told.
    fn misses(&mut self, evaluation: &Evaluation, form: &Form) -> bool {
        let Outcome::NoSignal(Blocker::Rule(node)) = evaluation.outcome else { return false };
        let minute = &mut self.minute;
        let Some(ratio) = missed_by(evaluation, form, node) else { return false };
        let is_nearest = minute.nearest.as_ref().is_none_or(|miss| ratio < miss.ratio);
        if !is_nearest || !is_alone(evaluation, form, node) {
            return false;
        }
        let (decision, time) = (evaluation.id, evaluation.time);
        let operands = operands(evaluation, form, node);
        let form = evaluation.form;
        minute.nearest = Some(Miss { decision, time, form, node, operands, ratio });
        let is_told = ratio < NEAR && minute.told.is_none_or(|told| ratio <= told * NEARER);
        if is_told {
            minute.told = Some(ratio);
        }
        is_told
    }

    fn count_blocker(&mut self, evaluation: &Evaluation, form: &Form) {
        let blockers = &mut self.minute.blockers;
        let known = self.counted_at.and_then(|at| blockers.get_mut(usize::from(at)));
        if let Some(blocked) = known {
            blocked.count += 1;
            return;
        }
        if matches!(evaluation.outcome, Outcome::Signal { .. }) {
            return;
        }
        let is_same =
            |b: &Blocked| b.form == evaluation.form && b.outcome.is_like(&evaluation.outcome);
        let at = match blockers.iter().position(is_same) {
            Some(at) => at,
            None if blockers.len() == BLOCKERS_MAX => {
                self.minute.other_blockers += 1;
                return;
            }
            None => {
                let operands = match evaluation.outcome {
                    Outcome::NoSignal(Blocker::Rule(node)) => operands(evaluation, form, node),
                    _ => [f64::NAN; 2],
                };
                let (form, outcome) = (evaluation.form, evaluation.outcome.clone());
                blockers.push(Blocked { form, outcome, operands, count: 0 });
                blockers.len() - 1
            }
        };
        if let Some(blocked) = blockers.get_mut(at) {
            blocked.count += 1;
        }
        self.counted_at = u16::try_from(at).ok();
    }
}

/// An operand now and at the evaluation before.
fn operand(evaluation: &Evaluation, at: OperandRef) -> (f64, f64) {
    let number = |list: &[f64], at: u16| list.get(usize::from(at)).copied().unwrap_or(f64::NAN);
    match at {
        OperandRef::Value(at) => (number(&evaluation.values, at), number(&evaluation.previous, at)),
        OperandRef::Literal(at) => {
            let literal = number(&evaluation.literals, at);
            (literal, literal)
        }
    }
}

/// Left and right operand of a leaf.
fn operands(evaluation: &Evaluation, form: &Form, node: u16) -> [f64; 2] {
    match form.nodes.get(usize::from(node)) {
        Some(Node::Compare { left, right, .. }) => {
            [operand(evaluation, *left).0, operand(evaluation, *right).0]
        }
        _ => [f64::NAN; 2],
    }
}

/// By what part of its larger operand a comparison fails; `None` where closeness means nothing.
fn missed_by(evaluation: &Evaluation, form: &Form, node: u16) -> Option<f64> {
    let Node::Compare { left, op, right } = *form.nodes.get(usize::from(node))? else {
        return None;
    };
    op.distance(operand(evaluation, left), operand(evaluation, right))
}

/// True when the tree that holds this leaf would hold if the leaf were otherwise.
fn is_alone(evaluation: &Evaluation, form: &Form, node: u16) -> bool {
    let site = form.sites.iter().rev().find(|site| site.root <= node);
    site.is_some_and(|site| {
        distance(&form.nodes, &evaluation.truths, usize::from(site.root), Truth::True).0 == 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Cause, DecisionId};
    use crate::strategy::{Op, Site, Trigger, ValueKind, ValueName};

    fn form() -> Form {
        let value = |name: &str| ValueName { name: name.to_owned(), kind: ValueKind::Computed };
        let compare = |left, op, right| Node::Compare { left, op, right };
        Form {
            values: vec![value("rsi"), value("rsi_max"), value("position")],
            sites: vec![Site { label: "enter_long".to_owned(), root: 0 }],
            nodes: vec![
                Node::All { children: 2 },
                compare(OperandRef::Value(0), Op::Lt, OperandRef::Value(1)),
                compare(OperandRef::Value(2), Op::Eq, OperandRef::Literal(0)),
            ],
        }
    }

    fn evaluation(n: u64, seconds: u64, rsi: f64, position: f64) -> Evaluation {
        let flat = Truth::from_bool(position == 0.0);
        let low = Truth::from_bool(rsi < 30.0);
        let both =
            if low == Truth::True && flat == Truth::True { Truth::True } else { Truth::False };
        let outcome = match (both, low) {
            (Truth::True, _) => Outcome::Signal { intents: 1 },
            (_, Truth::True) => Outcome::NoSignal(Blocker::Rule(2)),
            _ => Outcome::NoSignal(Blocker::Rule(1)),
        };
        Evaluation {
            id: DecisionId { strategy: StrategyId(0), n },
            instrument: InstrumentId(0),
            cause: Cause { seq: n, index: 0 },
            time: UnixNanos(seconds * UnixNanos::SECOND),
            trigger: Trigger::Operator,
            form: 0,
            values: vec![rsi, 30.0, position],
            previous: vec![f64::NAN; 3],
            literals: vec![0.0],
            truths: vec![both, low, flat],
            outcome,
            logs: Vec::new(),
            news: News::Repeats,
        }
    }

    fn told(digest: &mut Digest, rsi: f64, position: f64) -> News {
        digest.take(&evaluation(1, 1, rsi, position), &form(), false)
    }

    /// Lost if broken: the trade that did not happen by a hair, and the disk when a value creeps
    /// towards its limit all day.
    #[test]
    fn a_near_miss_is_told_once_and_then_only_when_it_is_nearer_by_half() {
        let mut digest = Digest::default();
        assert_eq!(told(&mut digest, 40.0, 0.0), News::Changed);
        assert_eq!(told(&mut digest, 30.5, 0.0), News::Repeats, "1.6 % is not near");
        assert_eq!(told(&mut digest, 30.02, 0.0), News::NearMiss);
        assert_eq!(told(&mut digest, 30.019, 0.0), News::Repeats);
        assert_eq!(told(&mut digest, 30.025, 0.0), News::Repeats);
        assert_eq!(told(&mut digest, 30.009, 0.0), News::NearMiss);
        let mut gap = 0.009;
        let mut near = 0;
        for _ in 0..100_000 {
            gap *= 0.999;
            near += u32::from(told(&mut digest, 30.0 + gap, 0.0) == News::NearMiss);
        }
        assert_eq!(told(&mut digest, 30.0, 0.0), News::Repeats, "it was as near before");
        assert!((10..50).contains(&near), "{near}");
    }

    /// Lost if broken: the word near miss, if the position alone would have stopped it as well.
    #[test]
    fn two_failing_comparisons_are_no_near_miss() {
        let mut digest = Digest::default();
        assert_eq!(told(&mut digest, 30.01, 1.0), News::Changed);
        assert_eq!(told(&mut digest, 30.001, 1.0), News::Repeats);
        assert_eq!(told(&mut digest, 20.0, 1.0), News::Changed);
        let summary = digest.close(StrategyId(0), InstrumentId(0)).unwrap();
        assert!(summary.nearest.is_some_and(|miss| miss.node == 2), "by the position alone");
    }

    /// Lost if broken: whynot, whose counts must come to all that was evaluated.
    #[test]
    fn a_summary_accounts_for_every_evaluation_of_its_minute() {
        let mut digest = Digest::default();
        let form = form();
        let mut news = 0_u64;
        let mut summaries = Vec::new();
        for n in 0..130_u64 {
            let rsi = if n % 50 == 49 { 20.0 } else { 31.0 };
            let evaluation = evaluation(n, n, rsi, 0.0);
            summaries.extend(digest.due((StrategyId(0), InstrumentId(0)), evaluation.time));
            news += u64::from(digest.take(&evaluation, &form, false) != News::Repeats);
        }
        summaries.extend(digest.close(StrategyId(0), InstrumentId(0)));
        assert_eq!(summaries.len(), 3);
        let sum = |of: fn(&Summary) -> u64| summaries.iter().map(of).sum::<u64>();
        assert_eq!((sum(|s| s.evaluations), sum(|s| s.repeats)), (130, 130 - news));
        assert_eq!(sum(|s| s.blockers.iter().map(|b| b.count).sum()), 128, "two signals");
        let nearest = summaries[1].nearest.as_ref().unwrap();
        assert_eq!((nearest.node, nearest.operands), (1, [31.0, 30.0]));
        assert_eq!(summaries[1].from, UnixNanos(60 * UnixNanos::SECOND));
        assert!(digest.close(StrategyId(0), InstrumentId(0)).is_none(), "nothing happened since");
    }

    /// Lost if broken: a trace in which evaluations are missing.
    #[test]
    fn a_traced_evaluation_is_always_news() {
        let mut digest = Digest::default();
        let traced =
            |digest: &mut Digest, rsi| digest.take(&evaluation(1, 1, rsi, 0.0), &form(), true);
        assert_eq!(traced(&mut digest, 40.0), News::Changed);
        assert_eq!(traced(&mut digest, 40.0), News::Traced);
        assert_eq!(traced(&mut digest, 30.01), News::NearMiss);
        assert!(digest.close(StrategyId(0), InstrumentId(0)).is_none(), "all of it is written");
    }
}
