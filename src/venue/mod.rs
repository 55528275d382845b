//! A venue: where instruments trade, seen through its own wire protocol.
//!
//! Two halves. The *decoder* (pure, no IO) turns recorded frames into market events and says what
//! it wants asked; replay runs it again on the same frames. The *line* (async) keeps sockets and
//! REST calls going and hands every byte, stamped, to whoever owns the decoder.

pub mod binance;
pub mod endpoint;
pub mod line;
pub mod pace;
pub mod rest;
pub mod socket;
pub mod tls;

use serde::{Deserialize, Serialize};

use crate::domain::{History, Instrument, InstrumentId, MarketEvent, UnixNanos};

/// A question asked over REST. Its answer is a frame like any other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The venue's instruments with their filters.
    Instruments,
    /// The book of one instrument, by the venue's symbol.
    Depth {
        /// The venue's symbol.
        symbol: String,
    },
    /// The last candles of an instrument.
    Candles {
        /// The venue's symbol.
        symbol: String,
        /// Length of a candle, in the venue's own word: `1m`.
        interval: String,
        /// How many.
        limit: u16,
        /// The last one opens before this moment, in milliseconds; `None` for the newest.
        before_ms: Option<u64>,
    },
    /// The newest trades of an instrument.
    Trades {
        /// The venue's symbol.
        symbol: String,
    },
    /// Trades of an instrument from an id on.
    TradesFrom {
        /// The venue's symbol.
        symbol: String,
        /// The first id wanted.
        id: u64,
    },
}

/// Where a frame came from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A WebSocket text message of the n-th connection of the run, from 1.
    Stream {
        /// The connection's number.
        connection: u32,
    },
    /// The body of a REST answer.
    Answer {
        /// What was asked.
        request: Request,
        /// The HTTP status; 0 when no answer came at all.
        status: u16,
    },
}

/// Raw bytes from the venue, stamped on receipt: the recorded truth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// Where it came from.
    pub source: &'a Source,
    /// When it was received, in engine time.
    pub received: UnixNanos,
    /// As it came.
    pub bytes: &'a [u8],
}

/// Why a connection went down.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DownReason {
    /// Could not connect.
    Refused,
    /// The venue closed it.
    Closed,
    /// Nothing came within the inactivity deadline.
    Inactive,
    /// The venue announced its shutdown, or the connection reached its 24 hours.
    Expiring,
    /// The bytes were no valid WebSocket.
    Protocol,
    /// We closed it.
    Stopped,
}

/// What happened to a connection; an input like any frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineEvent {
    /// It is open and the streams are subscribed to.
    Up {
        /// The connection's number.
        connection: u32,
    },
    /// It is down.
    Down {
        /// The connection's number.
        connection: u32,
        /// Why.
        reason: DownReason,
    },
}

/// What a decoder tells.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Told<'a> {
    /// A market event of an instrument.
    Market {
        /// Which instrument.
        instrument: InstrumentId,
        /// What happened.
        event: MarketEvent<'a>,
    },
    /// What the venue tells about an instrument's past.
    History {
        /// Which instrument.
        instrument: InstrumentId,
        /// What it tells.
        history: History,
    },
    /// The venue's filters of an instrument.
    Instrument {
        /// Which instrument.
        id: InstrumentId,
        /// What the venue accepts.
        instrument: &'a Instrument,
    },
    /// A stream delivered its first data since the connection came up.
    Live {
        /// Which instrument.
        instrument: InstrumentId,
        /// Which of its streams.
        channel: Channel,
    },
    /// Trades between `expected` and `received` never came; the trade received follows.
    TradeGap {
        /// Which instrument.
        instrument: InstrumentId,
        /// The trade id that was due.
        expected: u64,
        /// The trade id that came.
        received: u64,
    },
    /// A frame could not be used: counted, never acted on.
    Unusable {
        /// Which channel it belonged to, when that is known.
        channel: Option<Channel>,
        /// Why.
        reason: Unusable,
    },
    /// The venue asks to reconnect soon.
    ShutdownAnnounced,
}

/// A kind of stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Trade prints.
    Trade,
    /// Best bid and ask.
    Quote,
    /// Book changes.
    Depth,
    /// REST answers.
    Rest,
    /// Answers to subscriptions and other control messages.
    Control,
}

/// Why a frame could not be used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unusable {
    /// Not the JSON it should be, or cut off.
    Malformed,
    /// Larger than any message of this venue.
    Oversized,
    /// A message type that we do not know.
    UnknownType,
    /// An instrument that we did not ask for.
    UnknownInstrument,
    /// A number that is none, negative, or zero where it must not be.
    BadNumber,
    /// Older than what is already known.
    OutOfOrder,
    /// The venue answered with an error.
    VenueError,
}

/// Takes what a decoder tells. A trait and not a closure, so that a decoder stays object-safe.
pub trait Listener {
    /// Called for each thing told, in order; borrowed data lives for the call.
    fn told(&mut self, told: Told<'_>);
}

/// A venue's pure half: frames in, facts out. All state is saved and restored.
pub trait Decoder: Send {
    /// Takes one frame.
    fn frame(&mut self, frame: &Frame<'_>, listener: &mut dyn Listener);
    /// Takes a connection event.
    fn line(&mut self, event: LineEvent, now: UnixNanos, listener: &mut dyn Listener);
    /// The owner of an instrument's book found it wrong (crossed, or another best level than the
    /// quote of the same update id shows): discard it and ask for a new one. Told nothing back,
    /// because the caller knows why.
    fn distrust(&mut self, instrument: InstrumentId, now: UnixNanos);
    /// Whoever was asked is gone with the run that asked: what is open is asked again.
    fn ask_again(&mut self, now: UnixNanos);
    /// The next thing it wants asked, if any: call it until `None` after every input. Live runs
    /// ask; replay throws the wish away, because the answer is on the tape.
    fn next_request(&mut self) -> Option<Request>;
    /// Its whole state.
    fn save(&self) -> Vec<u8>;
    /// Takes a state that [`Decoder::save`] gave; false when it does not fit.
    fn restore(&mut self, state: &[u8]) -> bool;
}
