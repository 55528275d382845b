//! What an engine is built from: checked values only, no option to forget.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    Asset, AssetId, Instrument, InstrumentId, Nanos, Num, NumError, Price, Quantity, UnixNanos,
};
use crate::strategy::{BarKind, Exits, Feed, RuleTexts};

/// Everything an engine needs to know before its first input.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Config {
    /// Assets; an [`AssetId`] is an index here.
    pub assets: Vec<Asset>,
    /// Instruments; an [`InstrumentId`] is an index here. Filters may be unknown (all zero) until
    /// the venue tells them.
    pub instruments: Vec<Instrument>,
    /// The asset that equity is reported in.
    pub reporting: AssetId,
    /// Strategies; a `StrategyId` is an index here.
    pub strategies: Vec<StrategyConfig>,
    /// How paper orders fill.
    pub paper: PaperConfig,
    /// What no order may exceed.
    pub risk: RiskConfig,
    /// When bars are closed, and what they wait for.
    pub bars: BarsConfig,
}

impl Config {
    /// True when an engine of this configuration can go on with the whole state of one of the
    /// other: limits and how orders fill may differ, what decides and what it is called may not.
    pub fn continues(&self, other: &Self) -> bool {
        self.assets == other.assets
            && self.instruments == other.instruments
            && self.reporting == other.reporting
            && self.strategies == other.strategies
            && self.bars == other.bars
    }
}

/// When bars are closed, and what they wait for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BarsConfig {
    /// Bars of the chart.
    pub chart: BarKind,
    /// Past bars that the chart shows when a run starts.
    pub chart_history: usize,
    /// An interval without a later trade is closed so long after its end, by the venue's clock, in
    /// nanoseconds.
    pub lateness: Nanos,
    /// Longest wait for missing trades, in nanoseconds.
    pub repair_wait: Nanos,
    /// Longest wait for the past, in nanoseconds.
    pub history_wait: Nanos,
}

impl Default for BarsConfig {
    fn default() -> Self {
        Self {
            chart: BarKind::Time(UnixNanos::SECOND),
            chart_history: 0,
            lateness: 2 * UnixNanos::SECOND,
            repair_wait: 5 * UnixNanos::SECOND,
            history_wait: 10 * UnixNanos::SECOND,
        }
    }
}

/// A configured strategy.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StrategyConfig {
    /// Its own name, unique in the configuration.
    pub name: String,
    /// Its kind in the registry.
    pub kind: String,
    /// What makes it evaluate.
    pub feed: Feed,
    /// The instruments it decides for, one instance each.
    pub instruments: Vec<InstrumentId>,
    /// Its order size.
    pub size: OrderSize,
    /// The exits of its positions, where an order does not give its own.
    pub exits: Exits,
    /// Bars of the average true range that its exits are measured in.
    pub atr_length: usize,
    /// Given parameters; the rest are defaults.
    pub params: BTreeMap<String, f64>,
    /// Its rules, for a kind that takes some.
    pub rules: RuleTexts,
    /// It runs outside the engine and answers [`Record::Ask`](super::Record::Ask).
    pub external: bool,
}

/// How much a strategy orders when it does not say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderSize {
    /// This much base asset.
    Base(Quantity),
    /// As much base asset as this much quote asset buys at the reference price.
    Quote(Num),
    /// As much as this ratio of the account's equity buys at the reference price.
    Equity(Num),
    /// As much as loses this ratio of the account's equity between the reference price and the
    /// order's stop.
    Risk(Num),
}

/// At which price a paper order fills.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillModel {
    /// Takers walk the displayed book and remember what they consumed; makers wait their turn.
    #[default]
    Book,
    /// Takers fill whole at the best bid or ask.
    Touch,
    /// Takers fill whole at the last trade's price.
    LastTrade,
}

impl FillModel {
    /// Its name in configuration and results.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Touch => "touch",
            Self::LastTrade => "last_trade",
        }
    }
}

/// In which asset a fee is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeAsset {
    /// In what the fill brought: base for a buyer, quote for a seller.
    #[default]
    Received,
    /// Always in quote asset.
    Quote,
}

impl FeeAsset {
    /// Its name in configuration and results.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Quote => "quote",
        }
    }
}

/// How a resting paper order comes to its turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueModel {
    /// Only trades move the queue, and whoever leaves it stood behind us: what is earned at least.
    #[default]
    Conservative,
    /// A trade at its price fills all of it: what is earned at most.
    Optimistic,
}

impl QueueModel {
    /// Its name in configuration and results.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conservative => "conservative",
            Self::Optimistic => "optimistic",
        }
    }
}

/// How paper orders fill.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct PaperConfig {
    /// At which price.
    pub fills: FillModel,
    /// How resting orders come to their turn.
    pub queue: QueueModel,
    /// In which asset the fee is taken.
    pub fee_asset: FeeAsset,
    /// Maker fee as a ratio of the value.
    pub maker_fee: Num,
    /// Taker fee as a ratio of the value.
    pub taker_fee: Num,
    /// From our decision to the venue's matching, in nanoseconds.
    pub entry_latency: Nanos,
    /// From the venue's matching back to us, in nanoseconds.
    pub response_latency: Nanos,
    /// Largest random addition to either, in nanoseconds.
    pub latency_jitter: Nanos,
    /// Seed of that randomness; it is engine state.
    pub seed: u64,
}

impl PaperConfig {
    /// The most that one unit of base costs a buyer at a price, a fee in quote included.
    pub fn unit_cost(&self, price: Price) -> Result<Num, NumError> {
        let fee = match self.fee_asset {
            FeeAsset::Quote => self.taker_fee.max(self.maker_fee),
            FeeAsset::Received => Num::ZERO,
        };
        Num::ONE.add(fee).and_then(|factor| price.num().mul(factor))
    }

    /// The fill model in words, named in every result.
    pub fn describe(&self) -> String {
        format!(
            "fills={} fee_asset={} maker={} taker={} latency={}+{} µs (jitter {}) queue={}",
            self.fills.as_str(),
            self.fee_asset.as_str(),
            self.maker_fee,
            self.taker_fee,
            self.entry_latency / 1_000,
            self.response_latency / 1_000,
            self.latency_jitter / 1_000,
            self.queue.as_str(),
        )
    }
}

/// Limits. `None` is "no limit", which the configuration must say explicitly.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct RiskConfig {
    /// Largest order quantity in base asset, per instrument.
    pub max_order_quantity: Vec<Option<Quantity>>,
    /// Values that replace those below, per instrument; empty when none does.
    pub instrument_limits: Vec<InstrumentLimits>,
    /// Largest order value, in quote asset.
    pub max_order_notional: Option<Num>,
    /// Largest absolute position value in one instrument, open orders counted, in quote asset.
    pub max_position_notional: Option<Num>,
    /// Largest sum of absolute position values, open orders counted, in quote asset.
    pub max_gross_notional: Option<Num>,
    /// Most orders open at once.
    pub max_open_orders: Option<u32>,
    /// Most orders within one second.
    pub max_orders_per_second: Option<u32>,
    /// Largest distance of an order's price from the reference price, as a ratio.
    pub price_collar: Option<Num>,
    /// Oldest data by venue time that may be traded on, in nanoseconds.
    pub max_data_age: Option<Nanos>,
    /// Longest silence of an instrument that may be traded through, in nanoseconds.
    pub max_silence: Option<Nanos>,
    /// Largest loss since the UTC day began, in reporting asset.
    pub max_daily_loss: Option<Num>,
    /// Largest fall from the equity peak, as a ratio.
    pub max_drawdown: Option<Num>,
    /// From this multiple of the loss limits only reducing orders pass.
    pub reduce_only_at: Num,
    /// From this multiple of the loss limits nothing passes.
    pub halt_at: Num,
    /// Refuses everything.
    pub kill_switch: bool,
}

/// Limits of one instrument, in its quote asset.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct InstrumentLimits {
    /// Largest order value.
    pub max_order_notional: Option<Num>,
    /// Largest absolute position value, open orders counted.
    pub max_position_notional: Option<Num>,
    /// Longest silence that may be traded through, in nanoseconds.
    pub max_silence: Option<Nanos>,
}

impl RiskConfig {
    /// The limits of an instrument: its own, else everyone's.
    pub fn limits_of(&self, instrument: InstrumentId) -> InstrumentLimits {
        let own = self.instrument_limits.get(instrument.index()).copied().unwrap_or_default();
        InstrumentLimits {
            max_order_notional: own.max_order_notional.or(self.max_order_notional),
            max_position_notional: own.max_position_notional.or(self.max_position_notional),
            max_silence: own.max_silence.or(self.max_silence),
        }
    }
}
