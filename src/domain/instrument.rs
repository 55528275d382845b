//! An instrument: what a venue trades, with the steps and limits it accepts.

use serde::{Deserialize, Serialize};

use super::decimal::Num;
use super::id::AssetId;
use super::money::{Price, Quantity};

/// An asset's name: `BTC`, `USDT`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Asset(pub String);

/// What kind of contract it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstrumentKind {
    /// Base asset against quote asset, settled at once.
    #[default]
    Spot,
    /// A linear derivative; refused with a sentence for now.
    Linear {
        /// Base asset per contract.
        multiplier: Num,
    },
    /// An inverse derivative; refused with a sentence for now.
    Inverse,
}

/// What a venue trades and which orders it accepts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Instrument {
    /// The venue's own text: `BTCUSDT`.
    pub symbol: String,
    /// The venue's name: `binance`.
    pub venue: String,
    /// What is bought and sold.
    pub base: AssetId,
    /// What it is paid in.
    pub quote: AssetId,
    /// The kind of contract.
    pub kind: InstrumentKind,
    /// The price step; zero allows every price.
    pub tick_size: Price,
    /// The quantity step; zero allows every quantity.
    pub lot_size: Quantity,
    /// The smallest order quantity.
    pub min_quantity: Quantity,
    /// The largest order quantity; `None` when unbounded.
    pub max_quantity: Option<Quantity>,
    /// The smallest order value in quote asset.
    pub min_notional: Num,
}

impl Instrument {
    /// A spot instrument whose venue has not told its filters: every step and limit is open.
    pub fn unfiltered(symbol: &str, venue: &str, base: AssetId, quote: AssetId) -> Self {
        Self {
            symbol: symbol.to_owned(),
            venue: venue.to_owned(),
            base,
            quote,
            kind: InstrumentKind::Spot,
            tick_size: Price::ZERO,
            lot_size: Quantity::ZERO,
            min_quantity: Quantity::ZERO,
            max_quantity: None,
            min_notional: Num::ZERO,
        }
    }

    /// Fractional digits of a price on screen.
    pub fn price_digits(&self) -> u32 {
        self.tick_size.num().significant_scale()
    }

    /// Fractional digits of a quantity on screen.
    pub fn quantity_digits(&self) -> u32 {
        self.lot_size.num().significant_scale()
    }
}
