//! Market data as facts: a trade, a quote, a book snapshot, a book change, a lost book; and what a
//! venue tells about the past.

use serde::{Deserialize, Serialize};

use super::book::Level;
use super::decimal::Num;
use super::money::{Price, Quantity};
use super::order::Side;
use super::time::{Nanos, UnixNanos};

/// A print of the market: somebody traded with somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Trade {
    /// The venue's trade id, contiguous per instrument on Binance.
    pub id: u64,
    /// When it happened at the venue.
    pub ts_venue: UnixNanos,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// Who crossed the spread.
    pub aggressor: Side,
}

/// The best bid and ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quote {
    /// The venue's book update id that this quote belongs to.
    pub update_id: u64,
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
}

/// Why a book is not to be trusted any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookLoss {
    /// Updates between `expected` and `received` never came.
    Gap {
        /// The first update id that was due.
        expected: u64,
        /// The first update id that came.
        received: u64,
    },
    /// Best bid at or above best ask.
    Crossed,
    /// The connection went down.
    Disconnected,
    /// The quote stream shows another best level for the same update.
    Mismatch,
    /// The venue answered a snapshot request with an error, or not at all.
    NoSnapshot,
}

/// What a decoder tells the engine about one instrument. Levels are borrowed from the decoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MarketEvent<'a> {
    /// A trade print.
    Trade(Trade),
    /// A best bid and ask.
    Quote(Quote),
    /// A whole book, replacing what was known. The book is trusted from here.
    BookSnapshot {
        /// The venue's update id of the snapshot.
        update_id: u64,
        /// Bids in any order.
        bids: &'a [Level],
        /// Asks in any order.
        asks: &'a [Level],
    },
    /// Changed levels; quantity zero deletes.
    BookDelta {
        /// The venue's last update id within.
        update_id: u64,
        /// When the venue sent it.
        ts_venue: UnixNanos,
        /// Changed bids.
        bids: &'a [Level],
        /// Changed asks.
        asks: &'a [Level],
    },
    /// The book is discarded until the next snapshot.
    BookLost(BookLoss),
}

/// A stretch of past trading as the venue sums it up. A bar is one candle, or several.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Candle {
    /// Start of the stretch in venue time, a multiple of `length`.
    pub open_time: UnixNanos,
    /// Its length in nanoseconds.
    pub length: Nanos,
    /// First price; of a stretch without trades, the last price before it.
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
}

impl Candle {
    /// Where the stretch ends.
    pub fn close_time(&self) -> UnixNanos {
        self.open_time.plus(self.length)
    }
}

/// What is told about the past of an instrument, in this order: that it is wanted, candles from the
/// longest to the shortest and each from the oldest on, trades in the order of their ids, the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum History {
    /// The past was asked for: what the streams bring waits for it.
    Wanted,
    /// Trades from `expected` to before `received` are missing and were asked for.
    Hole {
        /// The trade id that was due.
        expected: u64,
        /// The trade id that came.
        received: u64,
    },
    /// A closed candle.
    Candle(Candle),
    /// A past trade.
    Trade(Trade),
    /// Nothing more comes: what is still missing stays missing.
    Ended,
}

/// How much of an instrument's past is wanted when a run starts.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HistoryNeed {
    /// Lengths of time bars in nanoseconds, and how many of each.
    pub intervals: Vec<(Nanos, usize)>,
    /// How many trades; `usize::MAX` means as many as are reasonable.
    pub trades: usize,
}
