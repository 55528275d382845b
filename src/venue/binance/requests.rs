//! What is sent to Binance: stream names, subscriptions, REST calls, addresses.

use serde_json::json;

use crate::venue::rest::Call;
use crate::venue::{Channel, Request};

/// The most streams of one connection.
pub const STREAMS_MAX: usize = 1_024;
/// Streams subscribed to by one message.
const STREAMS_PER_MESSAGE: usize = 100;

/// Where a venue that speaks Binance spot's protocol is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoints {
    /// Of the combined streams, with the path.
    pub stream: String,
    /// Of REST, without the path.
    pub rest: String,
}

impl Endpoints {
    /// Binance's public market data: no account, no key.
    pub fn public() -> Self {
        Self {
            stream: "wss://data-stream.binance.vision/stream".into(),
            rest: "https://data-api.binance.vision".into(),
        }
    }

    /// One server for both, by its `http://` or `https://` address.
    pub fn at(base: &str) -> Self {
        let base = base.trim_end_matches('/');
        let stream = match base.split_once("://") {
            Some(("http", host)) => format!("ws://{host}/stream"),
            Some(("https", host)) => format!("wss://{host}/stream"),
            _ => format!("{base}/stream"),
        };
        Self { stream, rest: base.into() }
    }
}

/// The streams of these instruments and channels: `btcusdt@trade`. Channels without a stream give
/// none.
pub fn streams(symbols: &[String], channels: &[Channel]) -> Vec<String> {
    let stream = |symbol: &String, channel| {
        let kind = match channel {
            Channel::Trade => "trade",
            Channel::Quote => "bookTicker",
            Channel::Depth => "depth@100ms",
            Channel::Rest | Channel::Control => return None,
        };
        Some(format!("{}@{kind}", symbol.to_ascii_lowercase()))
    };
    let of_symbol = |symbol| channels.iter().filter_map(move |&channel| stream(symbol, channel));
    symbols.iter().flat_map(of_symbol).collect()
}

/// The messages that subscribe to these streams.
pub fn subscriptions(streams: &[String]) -> Vec<String> {
    let messages = (1_u32..).zip(streams.chunks(STREAMS_PER_MESSAGE));
    messages
        .map(|(id, streams)| {
            json!({ "method": "SUBSCRIBE", "params": streams, "id": id }).to_string()
        })
        .collect()
}

/// The REST call of a question. A book is asked for with 1,000 levels a side: the price walks out
/// of fewer while the update ids stay in order.
pub fn call(request: &Request, symbols: &[String]) -> Call {
    match request {
        Request::Instruments => Call {
            path: "/api/v3/exchangeInfo",
            parameters: vec![("symbols", json!(symbols).to_string())],
            weight: 20,
        },
        Request::Depth { symbol } => Call {
            path: "/api/v3/depth",
            parameters: vec![("symbol", symbol.clone()), ("limit", "1000".into())],
            weight: 50,
        },
        Request::Candles { symbol, interval, limit, before_ms } => {
            let mut parameters = vec![
                ("symbol", symbol.clone()),
                ("interval", interval.clone()),
                ("limit", limit.to_string()),
            ];
            // The venue's bound is inclusive.
            let end = before_ms.map(|before| before.saturating_sub(1).to_string());
            parameters.extend(end.map(|end| ("endTime", end)));
            Call { path: "/api/v3/klines", parameters, weight: 2 }
        }
        Request::Trades { symbol } => Call {
            path: "/api/v3/trades",
            parameters: vec![("symbol", symbol.clone()), ("limit", "1000".into())],
            weight: 25,
        },
        Request::TradesFrom { symbol, id } => Call {
            path: "/api/v3/historicalTrades",
            parameters: vec![
                ("symbol", symbol.clone()),
                ("fromId", id.to_string()),
                ("limit", "1000".into()),
            ],
            weight: 25,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_messages_are_the_venues() {
        let symbols = ["BTCUSDT".to_owned(), "ETHUSDT".to_owned()];
        let streams = streams(&symbols, &[Channel::Trade, Channel::Quote, Channel::Depth]);
        assert_eq!(streams[..3], ["btcusdt@trade", "btcusdt@bookTicker", "btcusdt@depth@100ms"]);
        assert_eq!(
            subscriptions(&streams[..1]),
            [r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#]
        );
        let info = call(&Request::Instruments, &symbols);
        assert_eq!(info.parameters, [("symbols", r#"["BTCUSDT","ETHUSDT"]"#.to_owned())]);
    }

    /// More than five messages a second cut the connection off.
    #[test]
    fn a_full_connection_needs_few_messages() {
        let streams = vec!["x@trade".to_owned(); STREAMS_MAX];
        assert_eq!(subscriptions(&streams).len(), 11);
    }

    #[test]
    fn one_address_serves_both() {
        let at = Endpoints::at("http://127.0.0.1:9080/");
        assert_eq!(at.stream, "ws://127.0.0.1:9080/stream");
        assert_eq!(at.rest, "http://127.0.0.1:9080");
        assert_eq!(Endpoints::at("https://localhost:1").stream, "wss://localhost:1/stream");
    }
}
