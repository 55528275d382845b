//! A raw message, as a file of recorded traffic holds it: what it is, as far as its book goes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What a recorded message is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Raw<'a> {
    /// An update of a book that covers the update ids `first..=last`.
    BookUpdate {
        /// The venue's symbol.
        symbol: Cow<'a, str>,
        /// The first update id.
        first: u64,
        /// The last update id.
        last: u64,
    },
    /// A REST snapshot of a book after the update `last`, which does not name its instrument.
    BookSnapshot {
        /// The last update id in it.
        last: u64,
    },
    /// Any other message of a stream.
    Other,
}

/// A message of a combined stream, or a REST answer:
/// `{"stream":"btcusdt@trade","data":{…}}`, `{"lastUpdateId":50093239218,"bids":[…],"asks":[…]}`.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(rename = "lastUpdateId")]
    last_update_id: Option<u64>,
}

/// `{"e":"depthUpdate","E":1723161255308,"s":"BTCUSDT","U":50093239203,"u":50093239207,…}`.
#[derive(Deserialize)]
struct DepthUpdate<'a> {
    #[serde(rename = "e", borrow)]
    event: Cow<'a, str>,
    #[serde(rename = "s", borrow)]
    symbol: Cow<'a, str>,
    #[serde(rename = "U")]
    first: u64,
    #[serde(rename = "u")]
    last: u64,
}

/// Tells what a Binance message is; none if it is not a JSON object.
pub fn raw(message: &str) -> Option<Raw<'_>> {
    let envelope: Envelope<'_> = serde_json::from_str(message).ok()?;
    if let Some(last) = envelope.last_update_id {
        return Some(Raw::BookSnapshot { last });
    }
    let body = envelope.data.map_or(message, RawValue::get);
    Some(match serde_json::from_str(body) {
        Ok(DepthUpdate { event, symbol, first, last }) if event == "depthUpdate" => {
            Raw::BookUpdate { symbol, first, last }
        }
        _ => Raw::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: which instrument a snapshot is of.
    #[test]
    fn messages_are_told_apart() {
        let update = r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":3,"u":7,"b":[],"a":[]}"#;
        let combined = format!(r#"{{"stream":"btcusdt@depth@100ms","data":{update}}}"#);
        let expected = Raw::BookUpdate { symbol: "BTCUSDT".into(), first: 3, last: 7 };
        assert_eq!(raw(update).as_ref(), Some(&expected));
        assert_eq!(raw(&combined), Some(expected));

        let snapshot = r#"{"lastUpdateId":9,"bids":[],"asks":[]}"#;
        assert_eq!(raw(snapshot), Some(Raw::BookSnapshot { last: 9 }));
        for other in [
            r#"{"stream":"btcusdt@depth5","data":{"lastUpdateId":9,"bids":[],"asks":[]}}"#,
            r#"{"stream":"!ticker@arr","data":[]}"#,
            r#"{"stream":"btcusdt@bookTicker","data":{"u":7,"s":"BTCUSDT"}}"#,
            r#"{"result":null,"id":1}"#,
        ] {
            assert_eq!(raw(other), Some(Raw::Other), "{other}");
        }
        for broken in ["", "[]", "7", r#"{"stream":"#] {
            assert_eq!(raw(broken), None, "{broken}");
        }
    }
}
