//! `[run]` and `[venue]`: what is run and where market data comes from.

use serde::{Deserialize, Serialize};

use crate::config::unit::{Exact, TimeSpan};
use crate::domain::Num;

/// What kind of run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Orders are filled by the engine against live market data; no order leaves the process.
    #[default]
    Paper,
}

/// What a run does when its terminal goes away: a closed window, a dropped ssh line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnHangup {
    /// It cancels its orders and ends.
    #[default]
    Stop,
    /// It goes on without a screen; `tickscope attach` shows it again.
    Continue,
}

/// `[run]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Run {
    /// What happens to orders. Default `"paper"`.
    pub mode: Mode,
    /// What the session is called in its manifest. Default `"paper"`.
    pub name: String,
    /// What happens when the terminal goes away. Default `"stop"`.
    pub on_hangup: OnHangup,
}

impl Default for Run {
    fn default() -> Self {
        Self { mode: Mode::Paper, name: "paper".to_owned(), on_hangup: OnHangup::Stop }
    }
}

/// Which venue is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VenueKind {
    /// The loopback exchange inside the process: a synthetic market, no internet.
    #[default]
    Loopback,
    /// Binance's spot market-data protocol at `ws_url` and `rest_url`.
    Binance,
}

/// A market-data stream of one instrument, in the venue's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stream {
    /// Every trade.
    #[serde(rename = "trade")]
    Trade,
    /// Every change of the best bid or ask.
    #[serde(rename = "bookTicker")]
    BookTicker,
    /// Changes of the order book, every 100 ms.
    #[serde(rename = "depth@100ms")]
    Depth,
}

/// `[venue]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Venue {
    /// Its name on screen, in metrics and records. Default `"binance"`.
    pub name: String,
    /// Which venue is spoken to. Default `"loopback"`.
    pub kind: VenueKind,
    /// Base URL of the streams, `wss://…` (`ws://` only to this machine). Default empty; needed
    /// unless the kind is `"loopback"`.
    pub ws_url: String,
    /// Base URL of the requests, `https://…` (`http://` only to this machine). Default empty.
    pub rest_url: String,
    /// The venue's own symbols, at least one. Default none.
    pub instruments: Vec<String>,
    /// What is subscribed for each instrument. Default all three.
    pub streams: Vec<Stream>,
    /// Longest time for a connection to open. Default `"10s"`.
    pub connect_deadline: TimeSpan,
    /// How often a ping is sent while nothing arrives. Default `"15s"`.
    pub ping_every: TimeSpan,
    /// Silence after which the connection is given up. Default `"60s"`.
    pub silence_deadline: TimeSpan,
    /// First wait before connecting again; doubled at every failure, with jitter. Default
    /// `"500ms"`.
    pub reconnect_first: TimeSpan,
    /// Longest wait before connecting again. Default `"30s"`.
    pub reconnect_most: TimeSpan,
    /// The synthetic market of the loopback exchange.
    pub simulator: Simulator,
}

impl Default for Venue {
    fn default() -> Self {
        Self {
            name: "binance".to_owned(),
            kind: VenueKind::Loopback,
            ws_url: String::new(),
            rest_url: String::new(),
            instruments: Vec::new(),
            streams: vec![Stream::Trade, Stream::BookTicker, Stream::Depth],
            connect_deadline: TimeSpan::seconds(10),
            ping_every: TimeSpan::seconds(15),
            silence_deadline: TimeSpan::seconds(60),
            reconnect_first: TimeSpan::millis(500),
            reconnect_most: TimeSpan::seconds(30),
            simulator: Simulator::default(),
        }
    }
}

/// What the synthetic market goes through at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Script {
    /// The seed decides.
    #[default]
    None,
    /// Moods in an order that lets a newcomer see an entry, a refusal and a near miss in a minute.
    FirstMinute,
}

/// `[venue.simulator]`: read only where the kind is `"loopback"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Simulator {
    /// The same seed gives the same market. Default 7.
    pub seed: u64,
    /// How much faster than the clock the market moves. Default 1.
    pub speed: Exact,
    /// The instruments that are made; empty means those of the venue. Default empty.
    pub instruments: Vec<String>,
    /// What the market goes through at its start. Default `"none"`.
    pub script: Script,
    /// What goes wrong on purpose, as `--fault` takes it: `"drop-depth=500"`. Default none.
    pub faults: Vec<String>,
}

impl Default for Simulator {
    fn default() -> Self {
        Self {
            seed: 7,
            speed: Exact(Num::ONE),
            instruments: Vec::new(),
            script: Script::None,
            faults: Vec::new(),
        }
    }
}
