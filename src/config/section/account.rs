//! `[account]` and `[paper]`: whose money, and how paper orders are filled.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::unit::{Exact, Ratio, TimeSpan};
use crate::domain::{AccountKind, Num};

/// In which asset a fee is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeAsset {
    /// In the asset that the fill brings: base when buying, quote when selling.
    #[default]
    Received,
    /// Always in the quote asset.
    Quote,
}

/// `[account]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// Its name; its state is kept under it from run to run. Letters, digits, `-`, `_`. Default
    /// `"paper"`.
    pub name: String,
    /// What it allows: `"cash"` sells only what it holds, `"margin"` may be short. Default
    /// `"cash"`.
    pub kind: AccountKind,
    /// The asset that equity, PnL and limits are reported in. Default `"USDT"`.
    pub reporting_asset: String,
    /// The fee of a fill that waited in the book, as a share of its notional; below zero is a
    /// rebate. Default `"0.1%"`.
    pub maker_fee: Ratio,
    /// The fee of a fill that took from the book, as a share of its notional. Default `"0.1%"`.
    pub taker_fee: Ratio,
    /// What fees are paid in. Default `"received"`.
    pub fee_asset: FeeAsset,
    /// What a fresh account holds, by asset. Default 10,000 of the reporting asset; `{}` is nothing.
    pub balances: BTreeMap<String, Exact>,
}

impl Default for Account {
    fn default() -> Self {
        let fee = Ratio(Num::new(1, 3).unwrap_or_default());
        Self {
            name: "paper".to_owned(),
            kind: AccountKind::Cash,
            reporting_asset: "USDT".to_owned(),
            maker_fee: fee,
            taker_fee: fee,
            fee_asset: FeeAsset::Received,
            balances: BTreeMap::new(),
        }
    }
}

/// At what price a paper order is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillModel {
    /// A taker walks the displayed book and remembers what it consumed.
    #[default]
    Book,
    /// At the best bid or ask, whatever the quantity.
    Touch,
    /// At the price of the last trade.
    LastTrade,
}

/// How a resting paper order advances in its level's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueModel {
    /// Only trades advance it: cancellations are taken to be behind it.
    #[default]
    Conservative,
    /// The first trade at its price fills it whole: the upper end of the bracket.
    Optimistic,
}

/// `[paper]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Paper {
    /// At what price orders are filled. Default `"book"`.
    pub fills: FillModel,
    /// How resting orders advance. Default `"conservative"`.
    pub queue: QueueModel,
    /// From sending an order to its effect at the venue. Default `"20ms"`.
    pub latency_entry: TimeSpan,
    /// From its effect to our knowing. Default `"20ms"`.
    pub latency_response: TimeSpan,
    /// Up to this much is added to each latency, seeded. Default `"5ms"`.
    pub latency_jitter: TimeSpan,
    /// The same seed gives the same jitter. Default 1.
    pub seed: u64,
}

impl Default for Paper {
    fn default() -> Self {
        Self {
            fills: FillModel::Book,
            queue: QueueModel::Conservative,
            latency_entry: TimeSpan::millis(20),
            latency_response: TimeSpan::millis(20),
            latency_jitter: TimeSpan::millis(5),
            seed: 1,
        }
    }
}
