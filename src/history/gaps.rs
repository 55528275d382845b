//! Gaps: what is missing between two facts of an instrument, and where.

use serde::Serialize;

use super::{Dataset, Fact, moment};
use crate::domain::{Nanos, UnixNanos};

/// Gaps that are kept with their place; all are counted.
const KEPT: usize = 100;
/// Ticks whose ids prove nothing, and that are silent for longer, miss something.
const SILENCE: Nanos = 3_600 * UnixNanos::SECOND;

/// A hole in the history of an instrument.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Gap {
    /// The instrument.
    pub instrument: String,
    /// The last moment before it.
    pub from: String,
    /// The first moment after it.
    pub to: String,
    /// Trades or bars that are missing, where that can be known.
    pub missing: Option<u64>,
}

/// The gaps of a history: the first hundred, and how many there are.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Gaps {
    /// The first ones, in order of time.
    pub first: Vec<Gap>,
    /// How many there are.
    pub count: u64,
    /// Trades or bars missing in all of them, where that can be known.
    pub missing: u64,
}

impl Gaps {
    /// Notes a gap of an instrument.
    pub fn note(
        &mut self,
        instrument: &str,
        (from, to): (UnixNanos, UnixNanos),
        missing: Option<u64>,
    ) {
        self.count += 1;
        self.missing = self.missing.saturating_add(missing.unwrap_or(0));
        if self.first.len() < KEPT {
            let (from, to) = (moment(from), moment(to));
            self.first.push(Gap { instrument: instrument.to_owned(), from, to, missing });
        }
    }
}

/// What tells that nothing is missing between two facts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Continuity {
    /// A bar opens where the one before it closed.
    Bars,
    /// Ids go up one by one.
    Ids,
    /// Nothing but time.
    Time,
}

impl Continuity {
    /// Of a dataset.
    pub fn of(dataset: Dataset) -> Self {
        match dataset {
            Dataset::Klines => Self::Bars,
            Dataset::Trades | Dataset::AggTrades => Self::Ids,
            Dataset::Ticks => Self::Time,
        }
    }

    /// The gap between two facts, and how many are missing in it.
    pub fn gap(self, before: &Fact, after: &Fact) -> Option<((UnixNanos, UnixNanos), Option<u64>)> {
        match (before, after) {
            (Fact::Bar(before), Fact::Bar(after)) => {
                let lacks = after.open_time.since(before.close_time());
                let span = (before.close_time(), after.open_time);
                (lacks > 0).then(|| (span, lacks.checked_div(before.length)))
            }
            (Fact::Trade(before), Fact::Trade(after)) => {
                let span = (before.ts_venue, after.ts_venue);
                let lacks = after.id.saturating_sub(before.id).saturating_sub(1);
                match self {
                    Self::Ids => (lacks > 0).then_some((span, Some(lacks))),
                    Self::Time | Self::Bars => {
                        (span.1.since(span.0) > SILENCE).then_some((span, None))
                    }
                }
            }
            _ => None,
        }
    }
}
