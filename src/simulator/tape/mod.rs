//! A recorded market: messages served as they were recorded, and the books they amount to.

mod book;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use serde::Deserialize;

use self::book::{Book, Change};
use super::history::{History, Print};
use super::market::{FRAMES_AT_ONCE, Fixed, Frame, FrameKind, Listing, Market, Snapshot};
use crate::domain::UnixNanos;

/// So many messages are read ahead at least, to find what is recorded and its snapshots.
const AHEAD_MIN: usize = 2_000;
/// So many at most, when a snapshot is missing.
const AHEAD_MAX: usize = 20_000;

/// Where recorded messages come from, in the order in which they were received.
pub trait TapeFrames: Send {
    /// The next one; `None` at the end.
    fn next(&mut self) -> Option<TapeFrame>;
}

/// A recorded message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TapeFrame {
    /// When it was received.
    pub received: UnixNanos,
    /// The message as the venue sent it.
    pub bytes: Vec<u8>,
    /// What it is.
    pub kind: TapeFrameKind,
}

/// What was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TapeFrameKind {
    /// A message of a combined stream: `{"stream":"btcusdt@trade","data":{…}}`.
    Stream,
    /// The answer to a request for a depth snapshot.
    Snapshot {
        /// Of which symbol, in the venue's text.
        symbol: String,
    },
}

/// `{"e":"trade","t":1,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true}`
#[derive(Deserialize)]
struct TradeText<'a> {
    #[serde(rename = "t")]
    id: u64,
    #[serde(rename = "p")]
    price: &'a str,
    #[serde(rename = "q")]
    quantity: &'a str,
    #[serde(rename = "T")]
    time_ms: u64,
    #[serde(rename = "m")]
    buyer_is_maker: bool,
}

fn read_trade(data: &str) -> Option<Print> {
    let text: TradeText = serde_json::from_str(data).ok()?;
    Some(Print {
        id: text.id,
        price: Fixed::parse(text.price)?,
        quantity: Fixed::parse(text.quantity)?,
        time_ms: text.time_ms,
        buyer_is_maker: text.buyer_is_maker,
    })
}

/// What is known of one recorded symbol.
#[derive(Debug, Default)]
struct Instrument {
    book: Book,
    history: History,
    /// Whether depth messages were seen while reading ahead.
    has_depth: bool,
}

/// A message that waits for its time.
enum Waiting {
    Message(Frame),
    Snapshot { received: UnixNanos, symbol: String, snapshot: Snapshot },
}

impl Waiting {
    fn received(&self) -> UnixNanos {
        match self {
            Self::Message(frame) => frame.at,
            Self::Snapshot { received, .. } => *received,
        }
    }
}

/// The recorded market at the position that is served.
pub(super) struct Tape {
    frames: Box<dyn TapeFrames>,
    ahead: VecDeque<Waiting>,
    now: UnixNanos,
    /// The received time of the last message read: times on a tape never go back here.
    read_until: UnixNanos,
    listings: Vec<Listing>,
    /// Beside `listings`.
    instruments: Vec<Instrument>,
    unusable: u64,
}

impl Tape {
    /// Reads ahead until the first snapshot of every recorded symbol, so that the first request for
    /// a book can be answered.
    pub fn new(frames: Box<dyn TapeFrames>) -> Self {
        let mut tape = Self {
            frames,
            ahead: VecDeque::new(),
            now: UnixNanos::default(),
            read_until: UnixNanos::default(),
            listings: Vec::new(),
            instruments: Vec::new(),
            unusable: 0,
        };
        while tape.ahead.len() < AHEAD_MAX {
            let complete = tape.instruments.iter().all(|i| i.book.is_known() || !i.has_depth);
            if (complete && tape.ahead.len() >= AHEAD_MIN) || !tape.read() {
                break;
            }
        }
        tape.now = tape.next_due().unwrap_or_default();
        tape
    }

    /// Reads one message; false at the end.
    fn read(&mut self) -> bool {
        let Some(TapeFrame { received, bytes, kind }) = self.frames.next() else { return false };
        self.read_until = self.read_until.max(received);
        let received = self.read_until;
        let waiting = match kind {
            TapeFrameKind::Stream => {
                let frame = Frame::recorded(received, bytes);
                frame.and_then(|frame| self.meet(&frame).then_some(Waiting::Message(frame)))
            }
            TapeFrameKind::Snapshot { symbol } => book::read_snapshot(&bytes).map(|snapshot| {
                self.meet_snapshot(&symbol, &snapshot);
                Waiting::Snapshot { received, symbol, snapshot }
            }),
        };
        match waiting {
            Some(waiting) => self.ahead.push_back(waiting),
            None => self.unusable += 1,
        }
        true
    }

    /// Lists the symbol of a message; false if its stream belongs to none.
    fn meet(&mut self, frame: &Frame) -> bool {
        let symbol = symbol_of(&frame.stream);
        let Some(instrument) = self.instrument(&symbol) else { return false };
        instrument.has_depth |= frame.kind == FrameKind::Depth;
        true
    }

    /// The first snapshot of a symbol is its book from the start.
    fn meet_snapshot(&mut self, symbol: &str, snapshot: &Snapshot) {
        if let Some(instrument) = self.instrument(symbol)
            && !instrument.book.is_known()
        {
            instrument.book.load(snapshot);
        }
    }

    /// What is known of a symbol, which is listed if it is new; `None` for text that is no symbol.
    fn instrument(&mut self, symbol: &str) -> Option<&mut Instrument> {
        let at = match self.listings.iter().position(|listing| listing.symbol == symbol) {
            Some(at) => at,
            None if is_symbol(symbol) => {
                self.listings.push(Listing::of(symbol));
                self.instruments.push(Instrument::default());
                self.listings.len() - 1
            }
            None => return None,
        };
        self.instruments.get_mut(at)
    }

    /// Lets a message change the book or the history it belongs to.
    fn digest(&mut self, frame: &Frame) {
        let (symbol, data) = (symbol_of(&frame.stream), frame.raw.as_str());
        let Some(instrument) = self.instrument(&symbol) else { return };
        let read = if frame.kind == FrameKind::Depth {
            Change::read(data).map(|change| instrument.book.apply(change))
        } else if frame.kind == FrameKind::Trade {
            read_trade(data).map(|print| instrument.history.record(print))
        } else {
            Some(())
        };
        self.unusable += u64::from(read.is_none());
    }
}

/// `BTCUSDT` of `btcusdt@depth@100ms`.
fn symbol_of(stream: &str) -> String {
    stream.split('@').next().unwrap_or_default().to_ascii_uppercase()
}

/// Symbols are listed as they are: nothing but capital letters and digits, and few of them.
fn is_symbol(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    (1..=20).contains(&text.len()) && text.bytes().all(plain)
}

impl Market for Tape {
    fn now(&self) -> UnixNanos {
        self.now
    }

    fn next_due(&self) -> Option<UnixNanos> {
        self.ahead.front().map(Waiting::received)
    }

    fn advance(&mut self, until: UnixNanos, out: &mut Vec<Frame>) {
        while out.len() < FRAMES_AT_ONCE && self.next_due().is_some_and(|due| due <= until) {
            let Some(waiting) = self.ahead.pop_front() else { break };
            self.now = self.now.max(waiting.received());
            match waiting {
                Waiting::Message(frame) => {
                    self.digest(&frame);
                    out.push(frame);
                }
                Waiting::Snapshot { symbol, snapshot, .. } => {
                    if let Some(instrument) = self.instrument(&symbol) {
                        instrument.book.load(&snapshot);
                    }
                }
            }
            while self.ahead.is_empty() && self.read() {}
        }
    }

    fn listings(&self) -> &[Listing] {
        &self.listings
    }

    fn snapshot(&self, symbol: &str, limit: usize) -> Option<Snapshot> {
        let at = self.listings.iter().position(|listing| listing.symbol == symbol)?;
        self.instruments.get(at)?.book.snapshot(limit)
    }

    fn history(&mut self, symbol: &str) -> Option<&mut History> {
        let at = self.listings.iter().position(|listing| listing.symbol == symbol)?;
        self.instruments.get_mut(at).map(|instrument| &mut instrument.history)
    }

    fn waits_for_subscriber(&self) -> bool {
        true
    }

    fn unusable(&self) -> u64 {
        self.unusable
    }
}
