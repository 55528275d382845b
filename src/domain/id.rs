//! Identifiers. Inside one run things are known by dense indices and counters; names live at the
//! edges. A run's prefix (`k7f3`) is put before a decision or order id only where it leaves the
//! process: screen, log, metric exemplar, client order id. So two runs can be compared.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u16);

        impl $name {
            /// The position in the table that this indexes.
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    };
}

index! {
    /// An asset of the run's table: BTC, USDT.
    AssetId
}
index! {
    /// An instrument of the run's table.
    InstrumentId
}
index! {
    /// A configured strategy of the run.
    StrategyId
}
index! {
    /// An account of the run.
    AccountId
}

/// Why something happened: the input's sequence number and the index of the event within it.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Cause {
    /// The input's sequence number on the tape, from 1.
    pub seq: u64,
    /// Which event of that input, from 0: one frame may hold several.
    pub index: u16,
}

/// The n-th evaluation of a strategy in this run, from 1. Shown as `ema-412`.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct DecisionId {
    /// Whose decision.
    pub strategy: StrategyId,
    /// Its number.
    pub n: u64,
}

/// The n-th order of a strategy in this run, from 1.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct OrderId {
    /// Whose order.
    pub strategy: StrategyId,
    /// Its number.
    pub n: u64,
}

/// A run's name: sortable by start time, with a four-letter prefix that marks its ids outside.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

impl RunId {
    /// The last four characters: the prefix of every id of the run outside the process.
    pub fn prefix(&self) -> &str {
        let start = self.0.len().saturating_sub(4);
        self.0.get(start..).unwrap_or(&self.0)
    }

    /// A decision id as shown: `k7f3-1-0412` (prefix, strategy, number).
    pub fn decision(&self, id: DecisionId) -> String {
        format!("{}-{}-{:04}", self.prefix(), id.strategy.0, id.n)
    }

    /// An order id as shown and as sent to the venue as client order id: `k7f3-1-o0007`.
    pub fn order(&self, id: OrderId) -> String {
        format!("{}-{}-o{:04}", self.prefix(), id.strategy.0, id.n)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
