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
    /// How many there are.
    pub count: u64,
    /// Trades or bars missing in all of them, where that can be known.
    pub missing: u64,
    /// The first ones, in order of time.
    pub first: Vec<Gap>,
    #[serde(skip)]
    streams: Vec<Seen>,
}

/// A stream, and its fact that came last.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    symbol: String,
    continuity: Continuity,
    last: Option<Fact>,
}

impl Gaps {
    /// Watches streams, each an instrument with what there is of it.
    pub fn watch<'a>(streams: impl Iterator<Item = (&'a str, Dataset)>) -> Self {
        let seen = |(symbol, dataset): (&str, Dataset)| Seen {
            symbol: symbol.to_owned(),
            continuity: Continuity::of(dataset),
            last: None,
        };
        Self { streams: streams.map(seen).collect(), ..Self::default() }
    }

    /// Takes the next fact of a stream, and notes what is missing before it.
    pub fn note(&mut self, stream: usize, fact: &Fact) {
        let Some(seen) = self.streams.get_mut(stream) else { return };
        let gap = seen.last.as_ref().and_then(|before| seen.continuity.gap(before, fact));
        seen.last = Some(*fact);
        let Some(((from, to), missing)) = gap else { return };
        self.count += 1;
        self.missing = self.missing.saturating_add(missing.unwrap_or(0));
        if self.first.len() < KEPT {
            let (instrument, from, to) = (seen.symbol.clone(), moment(from), moment(to));
            self.first.push(Gap { instrument, from, to, missing });
        }
    }
}

/// What tells that nothing is missing between two facts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Continuity {
    /// A bar opens where the one before it closed.
    Bars,
    /// Ids go up one by one.
    Ids,
    /// Nothing but time.
    Time,
}

impl Continuity {
    /// Of a dataset.
    fn of(dataset: Dataset) -> Self {
        match dataset {
            Dataset::Klines => Self::Bars,
            Dataset::Trades | Dataset::AggTrades => Self::Ids,
            Dataset::Ticks => Self::Time,
        }
    }

    /// The gap between two facts, and how many are missing in it.
    fn gap(self, before: &Fact, after: &Fact) -> Option<((UnixNanos, UnixNanos), Option<u64>)> {
        match (before, after) {
            (Fact::Candle(before), Fact::Candle(after)) => {
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
