//! A market: what the loopback exchange serves. It knows nothing of sockets or of the wall clock;
//! its time moves only when the driver says so.

use std::fmt;
use std::sync::Arc;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::history::History;
use crate::domain::UnixNanos;

/// Units of [`Fixed`] in one.
const ONE: u64 = 100_000_000;

/// An unsigned number in units of 10^-8, written with eight decimals as the venue does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Fixed(pub u64);

impl Fixed {
    /// Reads `61837.63000000`: digits with at most one point and at most eight decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let plain = whole.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit());
        if !plain || whole.is_empty() || decimals.len() > 8 {
            return None;
        }
        let padded = format!("{decimals:0<8}");
        let value = whole.parse::<u64>().ok()?.checked_mul(ONE)?;
        value.checked_add(padded.parse().ok()?).map(Self)
    }

    /// This many whole units; saturates.
    pub(super) const fn whole(units: u64) -> Self {
        Self(units.saturating_mul(ONE))
    }

    /// A price times a quantity, rounded down; saturates.
    pub(super) fn times(self, other: Self) -> Self {
        let product = u128::from(self.0) * u128::from(other.0) / u128::from(ONE);
        Self(u64::try_from(product).unwrap_or(u64::MAX))
    }

    /// Sum; saturates.
    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:08}", self.0 / ONE, self.0 % ONE)
    }
}

/// An instrument as `exchangeInfo` lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    /// The venue's text, upper case: `BTCUSDT`.
    pub symbol: String,
    /// What is bought and sold: `BTC`.
    pub base: String,
    /// What it is paid in: `USDT`.
    pub quote: String,
    /// The price step, above zero.
    pub tick: Fixed,
    /// The quantity step, above zero.
    pub lot: Fixed,
    /// The smallest order value in quote asset.
    pub min_notional: Fixed,
}

impl Listing {
    /// The filters of a known symbol; of any other, those of a symbol without particulars.
    pub fn of(symbol: &str) -> Self {
        let quote = ["USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB", "EUR"]
            .into_iter()
            .find(|quote| symbol.len() > quote.len() && symbol.ends_with(quote))
            .unwrap_or_default();
        let (tick, lot) = match symbol {
            "BTCUSDT" => (1_000_000, 1_000),
            "ETHUSDT" => (1_000_000, 10_000),
            "SOLUSDT" => (1_000_000, 100_000),
            _ => (1, 1),
        };
        Self {
            symbol: symbol.to_owned(),
            base: symbol.strip_suffix(quote).unwrap_or(symbol).to_owned(),
            quote: quote.to_owned(),
            tick: Fixed(tick),
            lot: Fixed(lot),
            min_notional: Fixed::whole(5),
        }
    }
}

/// A price and the quantity displayed there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Level {
    pub price: Fixed,
    pub quantity: Fixed,
}

/// Both sides of a book, best levels first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Snapshot {
    pub last_update_id: u64,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

/// What a stream carries, as far as faults need to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FrameKind {
    Depth,
    Trade,
    Other,
}

/// One message on its way to the subscribers of a stream.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Market time.
    pub at: UnixNanos,
    /// The stream's name: `btcusdt@trade`.
    pub stream: Arc<str>,
    pub kind: FrameKind,
    /// What a combined connection gets: the message with its stream's name around it.
    pub combined: Utf8Bytes,
    /// What a raw connection gets: the message alone.
    pub raw: Utf8Bytes,
}

impl Frame {
    /// Wraps a message that was made here.
    pub fn new(at: UnixNanos, stream: &Arc<str>, kind: FrameKind, data: String) -> Self {
        let combined = format!(r#"{{"stream":"{stream}","data":{data}}}"#).into();
        Self { at, stream: Arc::clone(stream), kind, combined, raw: data.into() }
    }

    /// Takes a recorded combined message apart, keeping its bytes; `None` if it is none.
    pub fn recorded(at: UnixNanos, bytes: Vec<u8>) -> Option<Self> {
        let combined = Utf8Bytes::try_from(bytes).ok()?;
        let inner = combined.strip_prefix(r#"{"stream":""#)?.strip_suffix('}')?;
        let (stream, data) = inner.split_once(r#"","data":"#)?;
        let kind = match stream.split_once('@') {
            Some((_, kind)) if kind.starts_with("depth") => FrameKind::Depth,
            Some((_, "trade")) => FrameKind::Trade,
            _ => FrameKind::Other,
        };
        let (stream, raw) = (Arc::from(stream), Utf8Bytes::from(data));
        Some(Self { at, stream, kind, combined, raw })
    }
}

/// How many messages a market gives out before others may look at it.
pub(super) const FRAMES_AT_ONCE: usize = 256;

/// What the exchange asks of its source.
pub(super) trait Market: Send {
    /// Market time: how far this market has come.
    fn now(&self) -> UnixNanos;
    /// When the next thing happens; `None` after the end.
    fn next_due(&self) -> Option<UnixNanos>;
    /// Lets everything due at or before `until` happen, in order; the frames go to `out`. Stops
    /// early when `out` holds [`FRAMES_AT_ONCE`], so that nobody waits long for the market.
    fn advance(&mut self, until: UnixNanos, out: &mut Vec<Frame>);
    /// What is listed.
    fn listings(&self) -> &[Listing];
    /// The book of a listed symbol now, at most `limit` levels a side; `None` if not known.
    fn snapshot(&self, symbol: &str, limit: usize) -> Option<Snapshot>;
    /// What a listed symbol traded so far.
    fn history(&mut self, symbol: &str) -> Option<&mut History>;
    /// True when nothing happens before the first subscription.
    fn waits_for_subscriber(&self) -> bool;
    /// Recorded messages that could not be served, so far.
    fn unusable(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_written_as_the_venue_does() {
        assert_eq!(Fixed::parse("61837.63").unwrap().to_string(), "61837.63000000");
        assert_eq!(Fixed::parse("0.00001000"), Some(Fixed(1_000)));
        for text in ["", ".5", "1e5", "-1", "1.123456789", "99999999999999999999"] {
            assert_eq!(Fixed::parse(text), None, "{text:?} passed");
        }
    }

    #[test]
    fn a_recorded_message_keeps_its_bytes() {
        let text = br#"{"stream":"btcusdt@trade","data":{"e":"trade","p":"1.0"}}"#;
        let frame = Frame::recorded(UnixNanos(1), text.to_vec()).unwrap();
        assert_eq!(frame.combined.as_str().as_bytes(), text);
        assert_eq!(frame.raw.as_str(), r#"{"e":"trade","p":"1.0"}"#);
        assert_eq!(&*frame.stream, "btcusdt@trade");
        assert!(Frame::recorded(UnixNanos(1), b"[1,2]".to_vec()).is_none());
    }
}
