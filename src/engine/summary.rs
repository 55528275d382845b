//! The summary of a minute of evaluations: what of them was no news, what stopped them, and which came
//! nearest. [`news`](super::news) makes it.

use serde::{Deserialize, Serialize};

use super::record::Outcome;
use crate::domain::{DecisionId, InstrumentId, StrategyId, UnixNanos};

/// What a strategy evaluated in an instrument during a minute of engine time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// Whose.
    pub strategy: StrategyId,
    /// In which instrument.
    pub instrument: InstrumentId,
    /// Engine time of the first evaluation.
    pub from: UnixNanos,
    /// And of the last.
    pub until: UnixNanos,
    /// How many there were.
    pub evaluations: u64,
    /// Those that were no news: with `record.evaluations = "changes"` not written.
    pub repeats: u64,
    /// How often each blocker came first, in order of appearance.
    pub blockers: Vec<Blocked>,
    /// Evaluations with a blocker that is not among those.
    pub other_blockers: u64,
    /// The evaluation that one comparison stopped by least, of all in this minute.
    pub nearest: Option<Miss>,
}

/// How often something stopped a decision first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Blocked {
    /// The form that its outcome refers to.
    pub form: u16,
    /// What came of these evaluations.
    pub outcome: Outcome,
    /// For a rule: left and right operand when it came first. NaN otherwise.
    pub operands: [f64; 2],
    /// How often.
    pub count: u64,
}

/// An evaluation that one comparison alone stopped.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Miss {
    /// Which one.
    pub decision: DecisionId,
    /// Engine time.
    pub time: UnixNanos,
    /// Its form.
    pub form: u16,
    /// The comparison, by its index in the form's nodes.
    pub node: u16,
    /// Left and right operand.
    pub operands: [f64; 2],
    /// Their distance as a part of the larger one.
    pub ratio: f64,
}
