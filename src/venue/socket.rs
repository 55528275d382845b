//! A socket: one WebSocket connection to a venue, read by whoever decides on what it says.
//!
//! It must be read without pause: pings are answered only while somebody waits for the next frame.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Bytes, Message};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
};

use super::DownReason;
use super::endpoint::{EndpointError, socket_url};
use super::line::LineConfig;
use super::tls;
use crate::domain::clean;

/// A larger message breaks the connection. Decoders refuse smaller ones than this, with a count.
const MESSAGE_BYTES_MAX: usize = 8 << 20;
/// Bytes read at once. Every read first fills so many with zeros: with the library's 128 KiB that
/// drives the decoder and the engine out of the processor's caches, twice for each burst.
const READ_BYTES: usize = 8 << 10;
/// Between two messages of ours: Binance cuts off at more than five a second.
const SEND_PACE: Duration = Duration::from_millis(250);
/// The inactivity deadline is looked at this many times: at the first silent look a ping asks
/// whether anybody is there.
const LOOKS: u32 = 4;

/// Why a connection was not made.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The address is not to be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A certificate to trust cannot be read.
    #[error("cannot trust the certificate: {0}")]
    Roots(#[from] rustls::Error),
    /// It took too long.
    #[error("no connection to {url} within {limit:?}")]
    Timeout {
        /// To where.
        url: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The other side, or the network, refused.
    #[error("cannot connect to {url}: {reason}")]
    Refused {
        /// To where.
        url: String,
        /// In its words, cleaned.
        reason: String,
    },
}

impl ConnectError {
    /// What it is as an input.
    pub fn reason(&self) -> DownReason {
        DownReason::Refused
    }
}

/// What came next on a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Received {
    /// A message, as it came.
    Frame(Bytes),
    /// The connection is down; nothing more comes.
    Down(DownReason),
}

/// An open connection whose streams are subscribed to.
pub struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Its number in the run, from 1.
    pub number: u32,
    looks: Interval,
    /// Something came since the last look.
    heard: bool,
    /// Looks without anything heard.
    silent_looks: u32,
    expires: Instant,
}

impl Connection {
    /// Connects and subscribes.
    pub async fn connect(config: &LineConfig, number: u32) -> Result<Self, ConnectError> {
        let mut socket = timeout(config.connect_timeout, open(config)).await.map_err(|_| {
            ConnectError::Timeout { url: clean(&config.url, 200), limit: config.connect_timeout }
        })??;
        for (index, message) in config.subscriptions.iter().enumerate() {
            if index > 0 {
                sleep(SEND_PACE).await;
            }
            let sent = socket.send(Message::text(message)).await;
            sent.map_err(|error| refused(config, &error))?;
        }
        let look = (config.inactivity / LOOKS).max(Duration::from_millis(1));
        let mut looks = interval_at(Instant::now() + look, look);
        // After a stall of our own the peer gets its full time again.
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let expires = Instant::now() + config.lifetime;
        Ok(Self { socket, number, looks, heard: false, silent_looks: 0, expires })
    }

    /// Waits for what comes next, and answers pings meanwhile. Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Received {
        loop {
            tokio::select! {
                biased; // what has come is read before its absence is judged
                message = self.socket.next() => {
                    self.heard = true;
                    match message {
                        Some(Ok(Message::Text(text))) => return Received::Frame(text.into()),
                        Some(Ok(Message::Binary(bytes))) => return Received::Frame(bytes),
                        Some(Ok(Message::Close(_))) | None => {
                            return Received::Down(DownReason::Closed);
                        }
                        Some(Ok(_)) => {}
                        Some(Err(error)) => return Received::Down(down_reason(&error)),
                    }
                }
                _ = self.looks.tick() => {
                    if let Some(reason) = self.look().await {
                        return Received::Down(reason);
                    }
                }
            }
        }
    }

    /// Says goodbye; a peer that does not listen is left after a second.
    pub async fn close(mut self) {
        // Whether the peer heard it does not matter: the connection goes either way.
        let _ = timeout(Duration::from_secs(1), self.socket.close(None)).await;
    }

    /// Judges the silence: `Some` when the connection is to be given up.
    async fn look(&mut self) -> Option<DownReason> {
        if Instant::now() >= self.expires {
            return Some(DownReason::Expiring);
        }
        self.silent_looks = if self.heard { 0 } else { self.silent_looks + 1 };
        self.heard = false;
        match self.silent_looks {
            0 => None,
            1 => self.probe().await,
            LOOKS.. => Some(DownReason::Inactive),
            _ => None,
        }
    }

    /// Asks a silent peer whether it is there: on a quiet market only pings tell.
    async fn probe(&mut self) -> Option<DownReason> {
        let ping = self.socket.send(Message::Ping(Bytes::new()));
        match timeout(self.looks.period(), ping).await {
            Ok(Err(error)) => Some(down_reason(&error)),
            _ => None,
        }
    }
}

async fn open(
    config: &LineConfig,
) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, ConnectError> {
    let url = socket_url(&config.url)?;
    let connector = if url.scheme() == "wss" {
        Connector::Rustls(Arc::new(tls::client_config(&config.roots)?))
    } else {
        Connector::Plain
    };
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let opened =
        connect_async_tls_with_config(url.as_str(), Some(limits), true, Some(connector)).await;
    opened.map(|(socket, _)| socket).map_err(|error| refused(config, &error))
}

fn refused(config: &LineConfig, error: &tungstenite::Error) -> ConnectError {
    ConnectError::Refused { url: clean(&config.url, 200), reason: clean(&error.to_string(), 300) }
}

/// A connection that broke was closed; one that spoke no WebSocket broke the protocol.
fn down_reason(error: &tungstenite::Error) -> DownReason {
    use tungstenite::error::{Error, ProtocolError};
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) => DownReason::Closed,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => DownReason::Closed,
        _ => DownReason::Protocol,
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
