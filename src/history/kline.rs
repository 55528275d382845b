//! A kline: a bar as the venue publishes it.

use crate::domain::{Nanos, Num, Price, Quantity, UnixNanos};

/// Open, high, low, close and volume of one interval, made by the venue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kline {
    /// Start of the interval, a multiple of `length`.
    pub open_time: UnixNanos,
    /// Length of the interval in nanoseconds.
    pub length: Nanos,
    /// First price; of an interval without a trade, the last price before it.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Sum of quantities, in base asset; zero when nobody traded.
    pub volume: Quantity,
    /// Sum of price × quantity, in quote asset.
    pub turnover: Num,
    /// How many trades.
    pub trades: u64,
}

impl Kline {
    /// Where the interval ends.
    pub fn close_time(&self) -> UnixNanos {
        self.open_time.plus(self.length)
    }
}
