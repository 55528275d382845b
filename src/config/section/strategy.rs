//! `[[strategy]]`: what trades.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::unit::{Exact, Feed, Size};

/// `[[strategy]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strategy {
    /// Its name on screen, in metrics and records; unique. Letters, digits, `-`, `_`. Required.
    pub name: String,
    /// Which strategy it is: `"ema_cross"`, `"mean_reversion"`, `"breakout"` or a registered one.
    /// Required.
    pub kind: String,
    /// Which of the venue's instruments it trades; empty means all. Default empty.
    #[serde(default)]
    pub instruments: Vec<String>,
    /// What makes it evaluate: `"trades"`, `"quotes"`, `"bars:1m"`, `"ticks:100"`, `"volume:10"`,
    /// `"notional:100000"`. Required.
    pub feed: Feed,
    /// How large its orders are: `"0.01"` (base asset), `"100 USDT"`, `"2% equity"`. Required.
    pub size: Size,
    /// The parameters of its kind; each has a default. Checked parameters are complete.
    #[serde(default)]
    pub params: BTreeMap<String, Exact>,
}
