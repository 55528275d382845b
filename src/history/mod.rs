//! History: market data that people already have in files, read as typed rows in order of time.
//!
//! It knows Binance's public data files (`trades`, `aggTrades`, `klines`; CSV with or without a
//! header, in a zip, or Parquet with columns of the same names) and tickscope's own table of ticks.
//! What a file holds is found in its content; its name tells the instrument. Nothing is skipped in
//! silence: a row that cannot be is refused with its place, exact duplicates are dropped and
//! counted, and what is missing is reported. Files of any size are read in constant memory.

mod bytes;
mod columnar;
mod error;
mod file;
mod gaps;
mod layout;
mod merge;
mod name;
mod row;
#[cfg(test)]
mod tests;
mod text;

pub use error::HistoryError;
pub use file::{HistoryFile, Kind};
pub use gaps::{Gap, Gaps};
pub use layout::Dataset;
pub use merge::{FileReport, History, Options, Row, Stream};

use crate::domain::{Candle, Trade, UnixNanos};

/// What a row of history says happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fact {
    /// A trade print; of `aggTrades`, all of one taker at one price, under the aggregate's id.
    Trade(Trade),
    /// A bar as the venue sums up its trades.
    Candle(Candle),
}

impl Fact {
    /// When it was known: a trade's time, a bar's end.
    pub fn time(&self) -> UnixNanos {
        match self {
            Self::Trade(trade) => trade.ts_venue,
            Self::Candle(bar) => bar.close_time(),
        }
    }

    /// Where it stands in the order of its instrument's facts.
    fn key(&self) -> (UnixNanos, u64) {
        match self {
            Self::Trade(trade) => (trade.ts_venue, trade.id),
            Self::Candle(bar) => (bar.close_time(), 0),
        }
    }
}

/// A moment in words: `2025-01-03T00:00:00Z`.
pub fn moment(time: UnixNanos) -> String {
    let stamp = jiff::Timestamp::from_nanosecond(i128::from(time.0));
    stamp.map_or_else(|_| format!("{} ns", time.0), |stamp| stamp.to_string())
}

/// A length of time in its largest whole unit: `1m`, `4h`, `1d`.
pub fn span(length: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
    ];
    let unit = UNITS.iter().find(|(size, _)| length != 0 && length.is_multiple_of(*size));
    unit.map_or_else(|| format!("{length}ns"), |(size, name)| format!("{}{name}", length / size))
}
