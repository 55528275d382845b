//! The decoder of Binance spot: frames in, facts out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::ask::Ask;
use super::backfill::Backfill;
use super::book_sync::DepthEvent;
use super::depth::{self, Levels};
use super::feed::Feed;
use super::wire::{self, BookTicker, Message};
use crate::domain::{HistoryNeed, Instrument, InstrumentId, MarketEvent, UnixNanos};
use crate::venue::{Channel, Decoder, Frame, LineEvent, Listener, Request, Source, Told, Unusable};

/// A larger frame than this is refused unread: the largest real one, a snapshot, is 64 kB.
pub const FRAME_BYTES_MAX: usize = 4 << 20;
/// The layout of the saved state.
const STATE_VERSION: u8 = 2;

/// Everything that decides what the next frame means.
#[derive(Clone, Serialize, Deserialize)]
struct State {
    /// By instrument id, with the newest filters known.
    instruments: Vec<Instrument>,
    /// By instrument id.
    feeds: Vec<Feed>,
    /// Connections that are up: two while one replaces the other.
    connections: BTreeSet<u32>,
    /// When the filters are to be asked for.
    filters: Ask,
    /// Asked for, not yet taken.
    wishes: VecDeque<Request>,
    /// No question is due before.
    next_due: UnixNanos,
    /// The time of the newest input.
    now: UnixNanos,
}

/// Binance spot's [`Decoder`].
pub struct BinanceDecoder {
    state: State,
    /// Symbols to ids.
    ids: BTreeMap<Vec<u8>, InstrumentId>,
    /// Reused by every book message.
    levels: Levels,
}

/// Why a frame was not used.
struct Refusal {
    channel: Option<Channel>,
    reason: Unusable,
}

impl Refusal {
    fn new(channel: Channel, reason: Unusable) -> Self {
        Self { channel: Some(channel), reason }
    }
}

impl BinanceDecoder {
    /// A decoder of these instruments, whose position is their id. Their filters are filled in from
    /// the venue's list when it comes.
    pub fn new(instruments: Vec<Instrument>) -> Self {
        let ids = (0..)
            .zip(&instruments)
            .map(|(index, instrument)| {
                (instrument.symbol.clone().into_bytes(), InstrumentId(index))
            })
            .collect();
        let state = State {
            feeds: vec![Feed::default(); instruments.len()],
            instruments,
            connections: BTreeSet::new(),
            filters: Ask::default(),
            wishes: VecDeque::new(),
            next_due: UnixNanos::MAX,
            now: UnixNanos::default(),
        };
        Self { state, ids, levels: Levels::default() }
    }

    /// Asks for so much of each instrument's past, by position, when the first connection is up.
    #[must_use]
    pub fn with_history(mut self, needs: Vec<HistoryNeed>) -> Self {
        for (feed, need) in self.state.feeds.iter_mut().zip(needs) {
            feed.backfill = Backfill::new(need);
        }
        self
    }

    /// The instrument of a symbol and what is remembered of it.
    fn feed(
        &mut self,
        symbol: &[u8],
        channel: Channel,
    ) -> Result<(InstrumentId, &mut Feed), Refusal> {
        self.ids
            .get(symbol)
            .and_then(|&id| Some((id, self.state.feeds.get_mut(id.index())?)))
            .ok_or(Refusal::new(channel, Unusable::UnknownInstrument))
    }

    /// A message of a WebSocket.
    fn message(&mut self, bytes: &[u8], listener: &mut dyn Listener) -> Result<(), Refusal> {
        let refused = |channel, reason| Err(Refusal { channel, reason });
        match wire::message(bytes) {
            Some(Message::Data { channel: Channel::Trade, json, .. }) => self.trade(json, listener),
            Some(Message::Data { channel: Channel::Quote, json, .. }) => self.quote(json, listener),
            Some(Message::Data { stream, json, .. }) => self.depth(stream, json, listener),
            Some(Message::Shutdown) => {
                listener.told(Told::ShutdownAnnounced);
                Ok(())
            }
            Some(Message::Done) => Ok(()),
            Some(Message::Refused) => refused(Some(Channel::Control), Unusable::VenueError),
            Some(Message::Unknown) => refused(None, Unusable::UnknownType),
            None => refused(None, Unusable::Malformed),
        }
    }

    fn trade(&mut self, json: &[u8], listener: &mut dyn Listener) -> Result<(), Refusal> {
        let refusal = |reason| Refusal::new(Channel::Trade, reason);
        let wire: wire::Trade<'_> =
            serde_json::from_slice(json).map_err(|_| refusal(Unusable::Malformed))?;
        let (now, mut next_due) = (self.state.now, self.state.next_due);
        let (instrument, feed) = self.feed(wire.symbol, Channel::Trade)?;
        let trade = wire.trade().ok_or(refusal(Unusable::BadNumber))?;
        feed.came_alive(instrument, Channel::Trade, listener);
        let silent = feed.silent_until(&trade);
        let expected = feed.expected_trade(&trade).map_err(refusal)?;
        feed.backfill.recorded(&mut |history| {
            listener.told(Told::History { instrument, history });
        });
        if let Some(expected) = expected {
            listener.told(Told::TradeGap { instrument, expected, received: trade.id });
            feed.backfill.gap(expected..trade.id, silent, now, &mut |history| {
                listener.told(Told::History { instrument, history });
            });
            next_due = UnixNanos::default();
        }
        feed.backfill.streamed(trade.id);
        self.state.next_due = next_due;
        listener.told(Told::Market { instrument, event: MarketEvent::Trade(trade) });
        Ok(())
    }

    fn quote(&mut self, json: &[u8], listener: &mut dyn Listener) -> Result<(), Refusal> {
        let refusal = |reason| Refusal::new(Channel::Quote, reason);
        let wire: BookTicker<'_> =
            serde_json::from_slice(json).map_err(|_| refusal(Unusable::Malformed))?;
        let (instrument, feed) = self.feed(wire.symbol, Channel::Quote)?;
        let quote = wire.quote().ok_or(refusal(Unusable::BadNumber))?;
        feed.came_alive(instrument, Channel::Quote, listener);
        listener.told(Told::Market { instrument, event: MarketEvent::Quote(quote) });
        Ok(())
    }

    /// A book change. One that cannot be read costs the book of the instrument in the stream's
    /// name: it is known to miss something.
    fn depth(
        &mut self,
        stream: Option<&str>,
        json: &[u8],
        listener: &mut dyn Listener,
    ) -> Result<(), Refusal> {
        let result = self.depth_event(json, listener);
        if let (Err(_), Some((symbol, _))) = (&result, stream.and_then(|name| name.split_once('@')))
        {
            self.unreadable(&symbol.to_ascii_uppercase(), listener);
        }
        result
    }

    #[cold]
    fn unreadable(&mut self, symbol: &str, listener: &mut dyn Listener) {
        if let Ok((instrument, feed)) = self.feed(symbol.as_bytes(), Channel::Depth) {
            feed.book.unreadable(&mut |event| listener.told(Told::Market { instrument, event }));
        }
    }

    fn depth_event(&mut self, json: &[u8], listener: &mut dyn Listener) -> Result<(), Refusal> {
        let refusal = |reason| Refusal::new(Channel::Depth, reason);
        let mut levels = std::mem::take(&mut self.levels);
        let head = depth::depth(json, &mut levels);
        let result = head.map_err(|_| refusal(Unusable::Malformed)).and_then(|head| {
            let (Some(symbol), Some(first), Some(last), Some(sent_ms)) =
                (head.symbol, head.first, head.last, head.sent_ms)
            else {
                return Err(refusal(Unusable::Malformed));
            };
            if levels.bad_number || first > last {
                return Err(refusal(Unusable::BadNumber));
            }
            let ts_venue = UnixNanos::from_millis(sent_ms);
            let (bids, asks) = (&levels.bids[..], &levels.asks[..]);
            self.change(symbol, &DepthEvent { first, last, ts_venue, bids, asks }, listener)
        });
        self.levels = levels;
        result
    }

    /// Hands a readable book change to the book's sync.
    fn change(
        &mut self,
        symbol: &[u8],
        event: &DepthEvent<'_>,
        listener: &mut dyn Listener,
    ) -> Result<(), Refusal> {
        let now = self.state.now;
        let (instrument, feed) = self.feed(symbol, Channel::Depth)?;
        feed.came_alive(instrument, Channel::Depth, listener);
        feed.book.event(event, now, &mut |event| {
            listener.told(Told::Market { instrument, event });
        });
        if let Some(due) = feed.book.ask.due() {
            self.state.next_due = self.state.next_due.min(due);
        }
        Ok(())
    }

    /// Wishes for every question whose time has come.
    fn plan(&mut self) {
        let state = &mut self.state;
        if state.now < state.next_due {
            return;
        }
        if state.filters.take(state.now) {
            wish(&mut state.wishes, Request::Instruments);
        }
        let mut next_due = state.filters.due().unwrap_or(UnixNanos::MAX);
        for (feed, instrument) in state.feeds.iter_mut().zip(&state.instruments) {
            if feed.book.ask.take(state.now) {
                let symbol = instrument.symbol.clone();
                wish(&mut state.wishes, Request::Depth { symbol });
            }
            feed.backfill.take(state.now, &instrument.symbol, &mut |request| {
                wish(&mut state.wishes, request);
            });
            let dues = feed.book.ask.due().into_iter().chain(feed.backfill.due());
            next_due = dues.fold(next_due, UnixNanos::min);
        }
        state.next_due = next_due;
    }

    /// The last connection is down.
    fn disconnected(&mut self, listener: &mut dyn Listener) {
        for (index, feed) in (0..).zip(&mut self.state.feeds) {
            feed.disconnected(InstrumentId(index), listener);
        }
    }
}

impl Decoder for BinanceDecoder {
    fn frame(&mut self, frame: &Frame<'_>, listener: &mut dyn Listener) {
        self.state.now = self.state.now.max(frame.received);
        let result = match frame.source {
            Source::Answer { request, status } => {
                self.answer(request, *status, frame.bytes, listener)
            }
            Source::Stream { .. } if frame.bytes.len() > FRAME_BYTES_MAX => {
                Err(Refusal { channel: None, reason: Unusable::Oversized })
            }
            Source::Stream { .. } => self.message(frame.bytes, listener),
        };
        if let Err(Refusal { channel, reason }) = result {
            listener.told(Told::Unusable { channel, reason });
        }
        self.plan();
    }

    fn line(&mut self, event: LineEvent, now: UnixNanos, listener: &mut dyn Listener) {
        self.state.now = self.state.now.max(now);
        match event {
            LineEvent::Up { connection } => {
                self.state.connections.insert(connection);
                self.state.filters.want(self.state.now);
                let now = self.state.now;
                for (index, feed) in (0..).zip(&mut self.state.feeds) {
                    let instrument = InstrumentId(index);
                    feed.backfill.connected(now, &mut |history| {
                        listener.told(Told::History { instrument, history });
                    });
                }
            }
            LineEvent::Down { connection, .. } => {
                self.state.connections.remove(&connection);
                if self.state.connections.is_empty() {
                    self.disconnected(listener);
                }
            }
        }
        self.state.next_due = UnixNanos::default();
        self.plan();
    }

    fn distrust(&mut self, instrument: InstrumentId, now: UnixNanos) {
        self.state.now = self.state.now.max(now);
        if let Some(feed) = self.state.feeds.get_mut(instrument.index()) {
            feed.book.discard();
        }
    }

    fn ask_again(&mut self, now: UnixNanos) {
        let state = &mut self.state;
        state.filters.again(now);
        for feed in &mut state.feeds {
            feed.book.ask.again(now);
            feed.backfill.ask_again(now);
        }
        state.next_due = UnixNanos::default();
    }

    fn next_request(&mut self) -> Option<Request> {
        self.state.wishes.pop_front()
    }

    fn save(&self) -> Vec<u8> {
        // Writing to memory cannot fail; an empty state is refused by `restore`.
        postcard::to_stdvec(&(STATE_VERSION, &self.state)).unwrap_or_default()
    }

    fn restore(&mut self, state: &[u8]) -> bool {
        let Ok(((STATE_VERSION, state), [])) = postcard::take_from_bytes::<(u8, State)>(state)
        else {
            return false;
        };
        let symbols = |state: &State| -> Vec<String> {
            state.instruments.iter().map(|instrument| instrument.symbol.clone()).collect()
        };
        let fits =
            symbols(&state) == symbols(&self.state) && state.feeds.len() == state.instruments.len();
        if fits {
            self.state = state;
        }
        fits
    }
}

/// Adds a wish once: in replay nobody takes them away.
fn wish(wishes: &mut VecDeque<Request>, request: Request) {
    if !wishes.contains(&request) {
        wishes.push_back(request);
    }
}

#[path = "answers.rs"]
mod answers;

#[cfg(test)]
#[path = "decode_tests.rs"]
pub(super) mod tests;
