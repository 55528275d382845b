//! Messages on the wire: the envelope of a combined stream, trades, best prices, control replies.
//!
//! The structs borrow from the frame; numbers stay text until the decoder makes prices of them.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::depth::level;
use crate::domain::{self, Price, Quantity, Quote, Side, UnixNanos};
use crate::venue::Channel;

/// A trade print, stream `<symbol>@trade`. `m` true: the buyer was resting, so the seller crossed.
///
/// ```json
/// {"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000",
///  "q":"0.02000000","T":1723161255342,"m":true,"M":true}
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct Trade<'a> {
    /// The venue's symbol.
    #[serde(rename = "s")]
    pub symbol: &'a [u8],
    /// The trade id, contiguous per symbol.
    #[serde(rename = "t")]
    pub id: u64,
    /// Price text.
    #[serde(rename = "p")]
    pub price: &'a [u8],
    /// Quantity text, base asset.
    #[serde(rename = "q")]
    pub quantity: &'a [u8],
    /// When it happened, in milliseconds.
    #[serde(rename = "T")]
    pub traded_ms: u64,
    /// The buyer was the maker.
    #[serde(rename = "m")]
    pub buyer_is_maker: bool,
}

impl Trade<'_> {
    /// As a fact of the domain; `None` unless price and quantity are above zero.
    pub fn trade(&self) -> Option<domain::Trade> {
        Some(domain::Trade {
            id: self.id,
            ts_venue: UnixNanos::from_millis(self.traded_ms),
            price: Price::parse(self.price).ok().filter(|price| price.num().is_positive())?,
            quantity: Quantity::parse(self.quantity).ok().filter(|size| !size.is_zero())?,
            aggressor: if self.buyer_is_maker { Side::Sell } else { Side::Buy },
        })
    }
}

/// Best bid and ask, stream `<symbol>@bookTicker`. It carries no time.
///
/// ```json
/// {"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000",
///  "a":"61837.64000000","A":"1.54698000"}
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct BookTicker<'a> {
    /// The book update that it belongs to.
    #[serde(rename = "u")]
    pub update_id: u64,
    /// The venue's symbol.
    #[serde(rename = "s")]
    pub symbol: &'a [u8],
    /// Best bid price text.
    #[serde(rename = "b")]
    pub bid_price: &'a [u8],
    /// Best bid quantity text.
    #[serde(rename = "B")]
    pub bid_quantity: &'a [u8],
    /// Best ask price text.
    #[serde(rename = "a")]
    pub ask_price: &'a [u8],
    /// Best ask quantity text.
    #[serde(rename = "A")]
    pub ask_quantity: &'a [u8],
}

impl BookTicker<'_> {
    /// As a fact of the domain; `None` unless both prices are above zero.
    pub fn quote(&self) -> Option<Quote> {
        Some(Quote {
            update_id: self.update_id,
            bid: level(self.bid_price, self.bid_quantity)?,
            ask: level(self.ask_price, self.ask_quantity)?,
        })
    }
}

/// What a WebSocket message is, before its payload is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message<'a> {
    /// Data of a stream.
    Data {
        /// The stream's name, `btcusdt@trade`; `None` on a raw stream.
        stream: Option<&'a str>,
        /// Which kind of stream.
        channel: Channel,
        /// The payload.
        json: &'a [u8],
    },
    /// The venue shuts this server down soon.
    Shutdown,
    /// A control message was carried out.
    Done,
    /// A control message was refused.
    Refused,
    /// A kind that we do not know.
    Unknown,
}

/// Tells what a message is; `None` when it is no JSON object.
pub fn message(bytes: &[u8]) -> Option<Message<'_>> {
    let named = combined(bytes);
    match named.and_then(|(stream, rest)| Some((stream, rest.strip_suffix(b"}")?))) {
        Some((stream, json)) => Some(stream_message(Some(stream), json)),
        // Data that was cut off still says whose it was.
        None => {
            unusual(bytes).or_else(|| named.map(|(stream, cut)| stream_message(Some(stream), cut)))
        }
    }
}

/// Splits `{"stream":"…","data":…}` in exactly this layout, the only one seen, without parsing the
/// payload twice: the stream's name, and the rest with the closing brace. Any other layout goes
/// the long way.
fn combined(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(br#"{"stream":""#)?;
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    let (stream, rest) = rest.split_at_checked(end)?;
    let rest = rest.strip_prefix(br#"","data":"#)?;
    Some((std::str::from_utf8(stream).ok()?, rest))
}

/// What a stream carries, by its name.
fn stream_message<'a>(stream: Option<&'a str>, json: &'a [u8]) -> Message<'a> {
    let name = stream.unwrap_or_default();
    let kind = name.split_once('@').map_or(name, |(_, kind)| kind);
    let channel = match kind {
        "trade" => Channel::Trade,
        "bookTicker" => Channel::Quote,
        "depth@100ms" | "depth" => Channel::Depth,
        "!serverShutdown" => return Message::Shutdown,
        _ => return Message::Unknown,
    };
    Message::Data { stream, channel, json }
}

/// Any other message: a raw stream's payload, a control reply, an announcement, an envelope in
/// another layout.
///
/// ```json
/// {"result":null,"id":1}
/// {"error":{"code":2,"msg":"Invalid request: unknown stream"},"id":1}
/// {"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}
/// {"e":"serverShutdown","E":1770123456789}
/// ```
#[derive(Deserialize)]
struct Unusual<'a> {
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow, rename = "e")]
    event: Option<Cow<'a, str>>,
    #[serde(rename = "B")]
    bid_quantity: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
    code: Option<IgnoredAny>,
    id: Option<IgnoredAny>,
}

/// The long way to tell what a message is.
#[cold]
fn unusual(bytes: &[u8]) -> Option<Message<'_>> {
    let message: Unusual<'_> = serde_json::from_slice(bytes).ok()?;
    if let (Some(stream), Some(data)) = (&message.stream, message.data) {
        return Some(enveloped(stream, data.get().as_bytes()));
    }
    if message.error.is_some() || message.code.is_some() {
        return Some(Message::Refused);
    }
    let raw = |channel| Message::Data { stream: None, channel, json: bytes };
    Some(match message.event.as_deref() {
        Some("trade") => raw(Channel::Trade),
        Some("depthUpdate") => raw(Channel::Depth),
        Some("serverShutdown") => Message::Shutdown,
        None if message.bid_quantity.is_some() => raw(Channel::Quote),
        None if message.id.is_some() => Message::Done,
        _ => Message::Unknown,
    })
}

/// An envelope in an unusual layout. Its name may not live as long as the frame, so it is dropped:
/// the payload names its symbol.
fn enveloped<'a>(stream: &str, json: &'a [u8]) -> Message<'a> {
    match stream_message(Some(stream), &[]) {
        Message::Data { channel, .. } => Message::Data { stream: None, channel, json },
        Message::Shutdown => Message::Shutdown,
        _ => Message::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRADE: &str = include_str!("../../../tests/payloads/binance/trade.json");
    const BOOK_TICKER: &str = include_str!("../../../tests/payloads/binance/book_ticker.json");

    fn data(text: &str) -> &[u8] {
        match message(text.as_bytes()) {
            Some(Message::Data { json, .. }) => json,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_recorded_trade_is_read_as_the_venue_meant_it() {
        let trade: Trade<'_> = serde_json::from_slice(data(TRADE)).unwrap();
        assert_eq!(
            trade,
            Trade {
                symbol: b"BTCUSDT",
                id: 3_735_683_259,
                price: b"61837.63000000",
                quantity: b"0.02000000",
                traded_ms: 1_723_161_255_342,
                buyer_is_maker: true,
            }
        );
    }

    #[test]
    fn a_recorded_best_price_is_read_as_the_venue_meant_it() {
        let ticker: BookTicker<'_> = serde_json::from_slice(data(BOOK_TICKER)).unwrap();
        assert_eq!((ticker.update_id, ticker.symbol), (50_093_239_212, &b"BTCUSDT"[..]));
        assert_eq!(
            (ticker.bid_price, ticker.ask_price),
            (&b"61837.63000000"[..], &b"61837.64000000"[..])
        );
        assert_eq!(
            (ticker.bid_quantity, ticker.ask_quantity),
            (&b"3.78826000"[..], &b"1.54698000"[..])
        );
    }

    /// A change of layout at the venue must not blind us.
    #[test]
    fn an_envelope_is_read_in_any_layout() {
        for text in [
            r#"{"stream":"btcusdt@trade","data":{"t":1}}"#,
            r#"{ "stream" : "btcusdt@trade", "data": {"t":1} }"#,
            r#"{"data":{"t":1},"stream":"btcusdt@trade"}"#,
            "{\"data\":{\"t\":1},\"stream\":\"btcusdt\\u0040trade\"}\n",
        ] {
            let found = message(text.as_bytes());
            assert!(
                matches!(
                    found,
                    Some(Message::Data { channel: Channel::Trade, json: br#"{"t":1}"#, .. })
                ),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn every_kind_of_message_is_told_apart() {
        fn kind(text: &str) -> Option<Message<'_>> {
            message(text.as_bytes())
        }
        assert_eq!(kind(r#"{"result":null,"id":1}"#), Some(Message::Done));
        assert_eq!(kind(r#"{"result":["btcusdt@trade"],"id":3}"#), Some(Message::Done));
        assert_eq!(kind(r#"{"error":{"code":2,"msg":"no"},"id":1}"#), Some(Message::Refused));
        assert_eq!(kind(r#"{"code":3,"msg":"Invalid JSON"}"#), Some(Message::Refused));
        assert_eq!(kind(r#"{"e":"serverShutdown","E":1770123456789}"#), Some(Message::Shutdown));
        let shutdown = r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#;
        assert_eq!(kind(shutdown), Some(Message::Shutdown));
        assert_eq!(kind(r#"{"stream":"btcusdt@kline_1m","data":{}}"#), Some(Message::Unknown));
        assert_eq!(kind(r#"{"e":"outboundAccountPosition"}"#), Some(Message::Unknown));
        assert_eq!(kind("{}"), Some(Message::Unknown));
        assert_eq!(kind("[1,2"), None);
        assert_eq!(kind(""), None);
    }

    #[test]
    fn a_raw_stream_is_told_by_its_payload() {
        for (text, expected) in [
            (r#"{"e":"trade","s":"BTCUSDT"}"#, Channel::Trade),
            (r#"{"e":"depthUpdate","s":"BTCUSDT"}"#, Channel::Depth),
            (r#"{"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}"#, Channel::Quote),
        ] {
            let found = message(text.as_bytes());
            assert!(
                matches!(found, Some(Message::Data { stream: None, channel, .. }) if channel == expected),
                "{text}: {found:?}"
            );
        }
    }
}
