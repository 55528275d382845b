//! A bar: what trades did in one interval of venue time, and the builder that makes bars.

use serde::{Deserialize, Serialize};

use crate::domain::{Nanos, Num, Price, Quantity, Trade, UnixNanos};

/// Open, high, low, close and volume of one interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bar {
    /// Start of the interval, a multiple of `length` in venue time.
    pub open_time: UnixNanos,
    /// Length of the interval in nanoseconds.
    pub length: Nanos,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Sum of quantities, in base asset.
    pub volume: Quantity,
    /// Sum of price × quantity, in quote asset.
    pub turnover: Num,
    /// How many trades.
    pub trades: u64,
    /// Id of the first trade.
    pub first_trade_id: u64,
    /// Id of the last trade.
    pub last_trade_id: u64,
}

impl Bar {
    fn open(trade: &Trade, length: Nanos) -> Self {
        Self {
            open_time: trade.ts_venue.floor_to(length),
            length,
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: trade.quantity,
            turnover: trade.price.notional(trade.quantity).unwrap_or_default(),
            trades: 1,
            first_trade_id: trade.id,
            last_trade_id: trade.id,
        }
    }

    fn add(&mut self, trade: &Trade) {
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.volume = self.volume.add(trade.quantity).unwrap_or(self.volume);
        let notional = trade.price.notional(trade.quantity);
        self.turnover =
            notional.and_then(|value| self.turnover.add(value)).unwrap_or(self.turnover);
        self.trades += 1;
        self.last_trade_id = trade.id;
    }

    /// Where the interval ends.
    pub fn close_time(&self) -> UnixNanos {
        self.open_time.plus(self.length)
    }
}

/// Makes bars of one length from trades, keyed by venue time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BarBuilder {
    length: Nanos,
    current: Option<Bar>,
    /// Trades that came for an interval already closed: counted, never applied.
    pub late_trades: u64,
}

impl BarBuilder {
    /// A builder of bars of `length` nanoseconds, at least one millisecond.
    pub fn new(length: Nanos) -> Self {
        Self { length: length.max(1_000_000), current: None, late_trades: 0 }
    }

    /// The interval's length in nanoseconds.
    pub fn length(&self) -> Nanos {
        self.length
    }

    /// The bar that is still open.
    pub fn current(&self) -> Option<&Bar> {
        self.current.as_ref()
    }

    /// Takes a trade; returns the bar that it closed, when it is the first of a later interval.
    pub fn push(&mut self, trade: &Trade) -> Option<Bar> {
        let start = trade.ts_venue.floor_to(self.length);
        match &mut self.current {
            Some(bar) if bar.open_time == start => {
                bar.add(trade);
                None
            }
            Some(bar) if bar.open_time > start => {
                self.late_trades += 1;
                None
            }
            _ => self.current.replace(Bar::open(trade, self.length)),
        }
    }
}
