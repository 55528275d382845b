//! The exchange without sockets: one client, messages and answers in virtual time. The same market,
//! faults and answers as over the network, at whatever pace its caller lets time pass.

use std::sync::Arc;
use std::time::Duration;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::Fault;
use super::control::STREAMS_MAX;
use super::hub::{Hub, Membership};
use super::market::{FRAMES_AT_ONCE, Frame};
use super::rest;
use super::server::Exchange;
use super::session::Liveness;
use super::synthetic::{self, Synthetic};
use crate::domain::UnixNanos;

/// Nobody pings where nothing is connected.
const NEVER: Liveness = Liveness { ping_interval: Duration::MAX, pong_timeout: Duration::MAX };

/// See the [module](self).
pub struct Offline {
    exchange: Arc<Exchange>,
    /// The client while it is connected.
    client: Option<Membership>,
    frames: Vec<Frame>,
}

impl Offline {
    /// An exchange that opens at `epoch` with this market and these faults.
    pub fn open(market: &synthetic::Config, epoch: UnixNanos, faults: Vec<Fault>) -> Self {
        let market = Synthetic::new(market, epoch);
        let hub = Hub::new(2 * FRAMES_AT_ONCE, faults);
        let exchange = Arc::new(Exchange::new(Box::new(market), hub, NEVER));
        exchange.hub.start(epoch);
        Self { exchange, client: None, frames: Vec::new() }
    }

    /// Connects the client, subscribed to these streams; what was connected before is not any more.
    pub fn connect(&mut self, streams: &[String]) {
        let client = self.exchange.hub.join(true);
        client.subscribe(streams, STREAMS_MAX);
        self.client = Some(client);
    }

    /// Cuts the client off: what is published meanwhile never reaches it.
    pub fn disconnect(&mut self) {
        self.client = None;
    }

    /// When the market moves next.
    pub fn next_due(&self) -> UnixNanos {
        self.exchange.market().next_due().unwrap_or(UnixNanos::MAX)
    }

    /// Lets the market move up to `until`, but stops when many messages wait.
    pub fn advance(&mut self, until: UnixNanos) {
        self.exchange.advance(until, &mut self.frames);
        self.exchange.hub.publish(&mut self.frames);
    }

    /// The next message that reached the client.
    pub fn next_message(&mut self) -> Option<Utf8Bytes> {
        self.client.as_mut()?.queue.try_recv().ok()
    }

    /// What the exchange answers now to a call: the HTTP status and the body.
    pub fn answer(&self, path: &str, parameters: &[(&str, String)]) -> (u16, String) {
        rest::answer(&self.exchange, path, parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: a self-test that tests a market which never moved, or never answered.
    #[test]
    fn a_client_hears_and_is_answered_as_over_a_socket() {
        let epoch = UnixNanos(1_700_000_000 * UnixNanos::SECOND);
        let market = synthetic::Config {
            instruments: vec![synthetic::Instrument::of("BTCUSDT")],
            history_seconds: 1,
            past_seconds: 60,
            ..synthetic::Config::default()
        };
        let faults = vec!["refuse-history".parse().unwrap()];
        let mut exchange = Offline::open(&market, epoch, faults);
        exchange.connect(&["btcusdt@trade".to_owned()]);
        let mut heard = Vec::new();
        let end = epoch.plus(5 * UnixNanos::SECOND);
        while exchange.next_due() <= end {
            exchange.advance(exchange.next_due());
            heard.extend(std::iter::from_fn(|| exchange.next_message()));
        }
        assert!(heard.len() > 5, "{}", heard.len());
        assert!(heard[0].as_str().starts_with(r#"{"stream":"btcusdt@trade","data":{"e":"trade""#));
        let symbol = ("symbol", "BTCUSDT".to_owned());
        let (status, body) =
            exchange.answer("/api/v3/depth", &[symbol.clone(), ("limit", "5".into())]);
        assert!(status == 200 && body.starts_with(r#"{"lastUpdateId":"#), "{status} {body}");
        let from = ("fromId", "1".to_owned());
        assert_eq!(exchange.answer("/api/v3/historicalTrades", &[symbol, from]).0, 403);
        assert_eq!(exchange.answer("/api/v3/account", &[]).0, 404);
        exchange.disconnect();
        exchange.advance(end.plus(UnixNanos::SECOND));
        assert!(exchange.next_message().is_none());
    }
}
