//! The sections of a configuration: one struct per table of the file, units and defaults in the
//! documentation of each key.

mod account;
mod alert;
mod bars;
mod expect;
mod output;
mod risk;
mod strategy;
mod venue;

pub use account::{Account, FeeAsset, FillModel, Paper, QueueModel};
pub use alert::{Alert, AlertKind, PLACEHOLDERS};
pub use bars::Bars;
pub use expect::{Expect, InstrumentExpect};
pub use output::{Color, Compression, Evaluations, Keep, Level, Log, Marker, Metrics, Record};
pub use output::{Tape, Theme, Ui, UpColor};
pub use risk::{InstrumentLimits, Limits, Risk};
pub use strategy::{Exit, Strategy};
pub use venue::{Mode, OnHangup, Run, Script, Simulator, Stream, Venue, VenueKind};

use serde::{Deserialize, Serialize};

/// Everything that a user can set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is run.
    pub run: Run,
    /// Where market data comes from.
    pub venue: Venue,
    /// Whose money.
    pub account: Account,
    /// How paper orders are filled.
    pub paper: Paper,
    /// What an order may not exceed.
    pub risk: Risk,
    /// How long absence is normal.
    pub expect: Expect,
    /// When bars are closed, and what they wait for.
    pub bars: Bars,
    /// What trades; none is allowed, then the market is only watched.
    #[serde(rename = "strategy")]
    pub strategies: Vec<Strategy>,
    /// Which evaluations are kept.
    pub record: Record,
    /// How sessions are stored.
    pub tape: Tape,
    /// Where metrics are served.
    pub metrics: Metrics,
    /// Where log lines go.
    pub log: Log,
    /// What is worth an alert.
    pub alert: Alert,
    /// How the screen looks.
    pub ui: Ui,
}
