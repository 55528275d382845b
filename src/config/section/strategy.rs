//! `[[strategy]]`: what trades.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::unit::{Distance, Exact, Feed, Size, TimeSpan};

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
    /// What makes it evaluate: `"trades"`, `"quotes"`, `"bars:1m"`. Required.
    pub feed: Feed,
    /// How large its orders are: `"0.01"` (base asset), `"100 USDT"`, `"2% equity"`, or
    /// `"risk 0.5% per trade to the stop"`: as much as loses that share of equity from the entry's
    /// reference price to the stop. Required.
    pub size: Size,
    /// What closes its positions by itself.
    #[serde(default)]
    pub exit: Exit,
    /// The parameters of its kind; each has a default. Checked parameters are complete.
    #[serde(default)]
    pub params: BTreeMap<String, Exact>,
}

/// `[strategy.exit]`: what closes a position by itself. A distance is `"1%"` of the average entry
/// price, `"1.5 atr"` average true ranges as of the order, or `"25 USDT"` of price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exit {
    /// Protective stop, this far on the losing side of the entry. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Distance>,
    /// Profit target, this far on the winning side of the entry. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take_profit: Option<Distance>,
    /// A stop that follows the best trade since the entry this far behind. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trailing_stop: Option<Distance>,
    /// Longest time that a position is held. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_holding: Option<TimeSpan>,
    /// Bars of the average true range. Default 14.
    pub atr_length: u32,
}

impl Default for Exit {
    fn default() -> Self {
        Self {
            stop: None,
            take_profit: None,
            trailing_stop: None,
            max_holding: None,
            atr_length: 14,
        }
    }
}

impl Exit {
    /// The distances that are given, with their keys.
    pub fn distances(&self) -> impl Iterator<Item = (&'static str, &Distance)> {
        let all = [
            ("stop", &self.stop),
            ("take_profit", &self.take_profit),
            ("trailing_stop", &self.trailing_stop),
        ];
        all.into_iter().filter_map(|(key, distance)| Some((key, distance.as_ref()?)))
    }
}
