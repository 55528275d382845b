//! Prices: what an event shows of the price, as floats for indicators. A trade or a quote is a bar
//! with one price, so a strategy that takes `Prices` runs on every feed.

use super::Bar;
use crate::domain::{Price, Quote, Trade};

/// High, low and close of an event, in quote asset; NaN where a number could not be computed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Prices {
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
}

impl Prices {
    /// No price.
    pub const MISSING: Self = Self { high: f64::NAN, low: f64::NAN, close: f64::NAN };

    fn one(price: f64) -> Self {
        Self { high: price, low: price, close: price }
    }
}

impl From<&Trade> for Prices {
    /// The price of the trade.
    fn from(trade: &Trade) -> Self {
        Self::one(trade.price.to_f64())
    }
}

impl From<&Quote> for Prices {
    /// The price halfway between bid and ask.
    fn from(quote: &Quote) -> Self {
        Self::one(quote.bid.price.mid(quote.ask.price).map_or(f64::NAN, Price::to_f64))
    }
}

impl From<&Bar> for Prices {
    fn from(bar: &Bar) -> Self {
        Self { high: bar.high.to_f64(), low: bar.low.to_f64(), close: bar.close.to_f64() }
    }
}
