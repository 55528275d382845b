//! `[bars]`: when bars are closed, and what they wait for.

use serde::{Deserialize, Serialize};

use crate::config::unit::TimeSpan;

/// `[bars]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bars {
    /// Past bars that the chart shows when a run starts, at most 600; strategies get what they
    /// declare. Default 500.
    pub history: u16,
    /// An interval that no later trade has closed is closed so long after its end, by the venue's
    /// clock. Trades of it that come later are counted and never applied. Default `"2s"`.
    pub lateness: TimeSpan,
    /// Longest wait for missing trades; then the bar is partial. Default `"5s"`.
    pub repair_wait: TimeSpan,
    /// Longest wait for the past when a run starts. Default `"10s"`.
    pub history_wait: TimeSpan,
}

impl Default for Bars {
    fn default() -> Self {
        Self {
            history: 500,
            lateness: TimeSpan::seconds(2),
            repair_wait: TimeSpan::seconds(5),
            history_wait: TimeSpan::seconds(10),
        }
    }
}
