//! `[[strategy]]`: what trades.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::unit::{Distance, Exact, Feed, Size, TimeSpan};

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
    /// What makes it evaluate: `"trades"`, `"quotes"`, `"bars:1m"`, `"ticks:100"`, `"volume:10"`,
    /// `"notional:100000"`. Required.
    pub feed: Feed,
    /// How large its orders are: `"0.01"` (base asset), `"100 USDT"`, `"2% equity"`, or
    /// `"risk 0.5% per trade to the stop"`: as much as loses that share of equity from the entry's
    /// reference price to the stop. Required.
    pub size: Size,
    /// When to buy, as a rule: `"rsi(14) < 30 and close > ema(200)"`. Only for kinds that take
    /// rules, which need it or `enter_short`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enter: Option<String>,
    /// What closes its positions: a rule that says when to sell what was bought, or a table. A rule
    /// is required beside `enter`.
    #[serde(
        default,
        skip_serializing_if = "Exit::is_none",
        serialize_with = "rule_or_table",
        deserialize_with = "text_or_table"
    )]
    pub exit: Exit,
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

/// `exit = "loss > 1%"`, or `[strategy.exit]` with the rule under `when`: what closes a position by
/// itself. A distance is `"1%"` of the average entry price, `"1.5 atr"` average true ranges as of
/// the order, or `"25 USDT"` of price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exit {
    /// When to sell what was bought, as a rule. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
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
            when: None,
            stop: None,
            take_profit: None,
            trailing_stop: None,
            max_holding: None,
            atr_length: 14,
        }
    }
}

impl Exit {
    /// Nothing is said about exits.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// A level or a time closes every position, without a rule.
    pub fn closes_by_itself(&self) -> bool {
        self.max_holding.is_some() || self.distances().next().is_some()
    }

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

/// A rule alone is written as it is read most easily.
fn rule_or_table<S: Serializer>(exit: &Exit, serializer: S) -> Result<S::Ok, S::Error> {
    let mut rest = exit.clone();
    match rest.when.take() {
        Some(rule) if rest.is_none() => serializer.serialize_str(&rule),
        _ => exit.serialize(serializer),
    }
}

fn text_or_table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Exit, D::Error> {
    deserializer.deserialize_any(TextOrTable)
}

struct TextOrTable;

impl<'de> Visitor<'de> for TextOrTable {
    type Value = Exit;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rule in quotes, or a table")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Exit, E> {
        Ok(Exit { when: Some(text.to_owned()), ..Exit::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Exit, A::Error> {
        Exit::deserialize(MapAccessDeserializer::new(map))
    }
}

impl Strategy {
    /// The rules that are there, with their keys.
    pub fn rules(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self { enter, exit: Exit { when: exit, .. }, enter_short, exit_short, .. } = self;
        [("enter", enter), ("exit", exit), ("enter_short", enter_short), ("exit_short", exit_short)]
            .into_iter()
            .filter_map(|(key, text)| Some((key, text.as_deref()?)))
    }
}
