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
    /// Which strategy it is: `"ema_cross"`, `"mean_reversion"`, `"breakout"`, `"rules"` or a
    /// registered one. Required.
    pub kind: String,
    /// Which of the venue's instruments it trades; empty means all. Default empty.
    #[serde(default)]
    pub instruments: Vec<String>,
    /// What makes it evaluate: `"trades"`, `"quotes"`, `"bars:1m"`. Required.
    pub feed: Feed,
    /// How large its orders are: `"0.01"` (base asset), `"100 USDT"`, `"2% equity"`. Required.
    pub size: Size,
    /// When to buy, as a rule: `"rsi(14) < 30 and close > ema(200)"`. Only for kinds that take
    /// rules, which need it or `enter_short`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enter: Option<String>,
    /// When to sell what was bought; required beside `enter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
    /// When to sell short; needs a margin account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enter_short: Option<String>,
    /// When to buy back what was sold short; required beside `enter_short`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_short: Option<String>,
    /// The parameters of its kind; each has a default. Checked parameters are complete.
    #[serde(default)]
    pub params: BTreeMap<String, Exact>,
}

impl Strategy {
    /// The rules that are there, with their keys.
    pub fn rules(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self { enter, exit, enter_short, exit_short, .. } = self;
        [("enter", enter), ("exit", exit), ("enter_short", enter_short), ("exit_short", exit_short)]
            .into_iter()
            .filter_map(|(key, text)| Some((key, text.as_deref()?)))
    }
}
