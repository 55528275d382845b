//! The raw text format holds Binance's messages, so importing it has to know five of Binance's
//! field names. They are here and nowhere else in this folder.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::import::RawMessage;

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
pub fn classify_binance(message: &str) -> Option<RawMessage<'_>> {
    let envelope: Envelope<'_> = serde_json::from_str(message).ok()?;
    if let Some(last) = envelope.last_update_id {
        return Some(RawMessage::BookSnapshot { last });
    }
    let body = envelope.data.map_or(message, RawValue::get);
    Some(match serde_json::from_str(body) {
        Ok(DepthUpdate { event, symbol, first, last }) if event == "depthUpdate" => {
            RawMessage::BookUpdate { symbol, first, last }
        }
        _ => RawMessage::Other,
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
        let expected = RawMessage::BookUpdate { symbol: "BTCUSDT".into(), first: 3, last: 7 };
        assert_eq!(classify_binance(update).as_ref(), Some(&expected));
        assert_eq!(classify_binance(&combined), Some(expected));

        let snapshot = r#"{"lastUpdateId":9,"bids":[],"asks":[]}"#;
        assert_eq!(classify_binance(snapshot), Some(RawMessage::BookSnapshot { last: 9 }));
        for other in [
            r#"{"stream":"btcusdt@depth5","data":{"lastUpdateId":9,"bids":[],"asks":[]}}"#,
            r#"{"stream":"!ticker@arr","data":[]}"#,
            r#"{"stream":"btcusdt@bookTicker","data":{"u":7,"s":"BTCUSDT"}}"#,
            r#"{"result":null,"id":1}"#,
        ] {
            assert_eq!(classify_binance(other), Some(RawMessage::Other), "{other}");
        }
        for broken in ["", "[]", "7", r#"{"stream":"#] {
            assert_eq!(classify_binance(broken), None, "{broken}");
        }
    }
}
