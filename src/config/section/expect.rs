//! `[expect]`: how long absence is normal. What lasts longer is told, shown and counted; whether it
//! may be traded through is for `risk.max_silence` to say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Stream;
use crate::config::unit::TimeSpan;

/// `[expect]`: the longest time between two of each that is nothing to speak of; `"0s"` is never
/// spoken of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// Between two trades of an instrument. Default `"60s"`.
    pub trade: TimeSpan,
    /// Between two changes of its best bid or ask. Default `"10s"`.
    pub quote: TimeSpan,
    /// Between two changes of its book. Default `"10s"`.
    pub depth: TimeSpan,
    /// Between two evaluations of a strategy, the length of its bars not counted. Default `"60s"`.
    pub evaluation: TimeSpan,
    /// Other spans for one instrument, by its symbol. Default none.
    pub instruments: BTreeMap<String, InstrumentExpect>,
}

/// `[expect.instruments.SYMBOL]`: what is set here replaces the span of `[expect]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstrumentExpect {
    /// Between two trades.
    pub trade: Option<TimeSpan>,
    /// Between two changes of its best bid or ask.
    pub quote: Option<TimeSpan>,
    /// Between two changes of its book.
    pub depth: Option<TimeSpan>,
}

impl Default for Expect {
    fn default() -> Self {
        Self {
            trade: TimeSpan::seconds(60),
            quote: TimeSpan::seconds(10),
            depth: TimeSpan::seconds(10),
            evaluation: TimeSpan::seconds(60),
            instruments: BTreeMap::new(),
        }
    }
}

impl Expect {
    /// The span of an instrument's stream: its own, else everyone's.
    pub fn of(&self, symbol: &str, stream: Stream) -> TimeSpan {
        let own = self.instruments.get(symbol).copied().unwrap_or_default();
        match stream {
            Stream::Trade => own.trade.unwrap_or(self.trade),
            Stream::BookTicker => own.quote.unwrap_or(self.quote),
            Stream::Depth => own.depth.unwrap_or(self.depth),
        }
    }
}
