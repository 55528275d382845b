//! Levels: where a position is closed by itself, and what is told of them.

use serde::{Deserialize, Serialize};

use crate::domain::{Cause, DecisionId, InstrumentId, Price, StrategyId, UnixNanos};
use crate::strategy::ExitKind;

/// The exits of a strategy's position in an instrument, and what became of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExitReport {
    /// Whose.
    pub strategy: StrategyId,
    /// In which instrument.
    pub instrument: InstrumentId,
    /// When.
    pub time: UnixNanos,
    /// Which input caused it.
    pub cause: Cause,
    /// What happened.
    pub change: ExitChange,
    /// The levels after it; those that were in force for one that is disarmed.
    pub levels: Levels,
}

/// What happened to the exits of a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitChange {
    /// A position was opened, or turned to the other side.
    Armed,
    /// A further fill or the price moved them. A trailing stop is told once a second at most.
    Moved,
    /// One is reached; the decision has both numbers.
    Triggered {
        /// Which one.
        kind: ExitKind,
        /// The decision that closes.
        decision: DecisionId,
    },
    /// The order was refused, rejected or expired: the next try is not before `until`.
    Postponed {
        /// Not before.
        until: UnixNanos,
    },
    /// Nothing is held any more that could be sold.
    Disarmed,
}

/// Where a position is closed by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Levels {
    /// The protective stop.
    pub stop: Option<Price>,
    /// The trailing stop, as far as it has moved.
    pub trailing_stop: Option<Price>,
    /// The profit target.
    pub take_profit: Option<Price>,
    /// When the maximum holding time is over.
    pub deadline: Option<UnixNanos>,
}

impl Levels {
    /// The price of an exit that has one.
    pub fn price(&self, kind: ExitKind) -> Option<Price> {
        match kind {
            ExitKind::Stop => self.stop,
            ExitKind::TrailingStop => self.trailing_stop,
            ExitKind::TakeProfit => self.take_profit,
            ExitKind::MaxHolding => None,
        }
    }
}
