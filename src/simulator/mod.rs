//! The loopback exchange: a venue in the house. It speaks Binance spot's market-data protocol over
//! HTTP and WebSocket on 127.0.0.1, so the program that trades cannot tell it from the real one.
//!
//! ```text
//!  synthetic (seeded order flow, matched)  ┐            driver          hub          sessions
//!                                          ├─ market ──► paces ──► faults, queues ──► sockets
//!  tape (recorded messages, own books)     ┘    ▲
//!                                               └──────── rest: snapshots, trades, candles
//! ```
//!
//! `offline` is the same without sockets, for whoever lets virtual time pass as fast as it can.
//!
//! Streams: `trade`, `bookTicker` and `depth@100ms`; any other name is accepted and stays silent, as
//! a misspelt one does on the venue. A market knows only virtual time; `driver` alone reads a clock. The same seed and epoch, or the
//! same tape, give the same messages.

mod control;
mod driver;
mod fault;
mod history;
mod hub;
mod listener;
mod market;
pub mod offline;
mod rest;
mod server;
mod session;
pub mod synthetic;
mod tape;
#[cfg(test)]
mod tests;
mod wire;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use self::fault::{Fault, FaultError};
pub use self::market::{Fixed, Listing};
pub use self::server::{Monitor, Server};
pub use self::tape::{TapeFrame, TapeFrameKind, TapeFrames};

/// What to serve, and how.
pub struct Config {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Where the market comes from.
    pub source: Source,
    /// How fast market time passes.
    pub speed: Speed,
    /// What goes wrong on purpose.
    pub faults: Vec<Fault>,
    /// Speaks https and wss with this certificate instead of http and ws.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Time between the pings of a connection.
    pub ping_interval: Duration,
    /// A connection that leaves a ping unanswered for so long is closed.
    pub pong_timeout: Duration,
    /// Messages that may wait for a slow reader before it is cut off, at least 512.
    pub queue_frames: usize,
}

impl Default for Config {
    /// A synthetic market in real time on any free port, with the venue's own deadlines.
    fn default() -> Self {
        Self {
            port: 0,
            source: Source::Synthetic(synthetic::Config::default()),
            speed: Speed::Times(1.0),
            faults: Vec::new(),
            tls: None,
            ping_interval: Duration::from_secs(20),
            pong_timeout: Duration::from_secs(60),
            queue_frames: 8_192,
        }
    }
}

/// Where the market comes from.
pub enum Source {
    /// Generated from a seed.
    Synthetic(synthetic::Config),
    /// Recorded; it begins with the first subscription.
    Tape(Box<dyn TapeFrames>),
}

/// How fast market time passes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Speed {
    /// So many times as fast as wall time.
    Times(f64),
    /// As fast as the readers read.
    Max,
}

impl Speed {
    fn check(self) -> Result<(), SimulatorError> {
        match self {
            Self::Times(factor) if !(0.001..=100_000.0).contains(&factor) => {
                Err(SimulatorError::Speed(factor.to_string()))
            }
            _ => Ok(()),
        }
    }
}

impl FromStr for Speed {
    type Err = SimulatorError;

    /// `20`, `20x`, `0.5` or `max`.
    fn from_str(text: &str) -> Result<Self, SimulatorError> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let wrong = |_| SimulatorError::Speed(text.to_owned());
        let speed = Self::Times(text.strip_suffix('x').unwrap_or(text).parse().map_err(wrong)?);
        speed.check().map(|()| speed).map_err(|_| SimulatorError::Speed(text.to_owned()))
    }
}

/// Why the exchange cannot open.
#[derive(Debug, Error)]
pub enum SimulatorError {
    /// The port is taken or not allowed.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; port 0 takes one that is free")]
    Bind {
        /// The port asked for.
        port: u16,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// No such speed.
    #[error("{0:?} is no speed: expected a factor from 0.001 to 100000, or max")]
    Speed(String),
    /// The market could not be prepared.
    #[error("cannot prepare the market: {0}")]
    Prepare(#[from] tokio::task::JoinError),
}

/// Takes the port and prepares the market; [`Server::run`] then serves it. Needs a tokio runtime.
pub async fn bind(config: Config) -> Result<Server, SimulatorError> {
    Server::bind(config).await
}
