//! What an instrument's flow tells the world: its quotes, trades and depth changes, in the venue's
//! units and on the venue's streams.

use std::sync::Arc;

use super::book::{Book, Ladder, Lots, Match, Ticks, Touch};
use crate::domain::{Side, UnixNanos};
use crate::simulator::history::{History, Print};
use crate::simulator::market::{Fixed, Frame, FrameKind, Level, Listing, Snapshot};
use crate::simulator::wire::{self, DepthUpdate};

/// The last word on one instrument.
pub(super) struct Publisher {
    symbol: String,
    /// The value of a tick.
    tick: u64,
    /// The value of a lot.
    lot: u64,
    ticker_stream: Arc<str>,
    trade_stream: Arc<str>,
    depth_stream: Arc<str>,
    next_trade_id: u64,
    /// The last update id that a depth message carried.
    depth_update_id: u64,
    /// The touch as last published.
    touch: Option<Touch>,
    pub history: History,
    /// False while nobody can be listening: then no message is written.
    pub live: bool,
}

impl Publisher {
    /// Publishes what follows on `update_id` and the trades from `next_trade_id` on.
    pub fn new(listing: &Listing, update_id: u64, next_trade_id: u64) -> Self {
        let stream = |suffix| Arc::from(format!("{}@{suffix}", listing.symbol.to_lowercase()));
        Self {
            symbol: listing.symbol.clone(),
            tick: listing.tick.0.max(1),
            lot: listing.lot.0.max(1),
            ticker_stream: stream("bookTicker"),
            trade_stream: stream("trade"),
            depth_stream: stream("depth@100ms"),
            next_trade_id,
            depth_update_id: update_id,
            touch: None,
            history: History::default(),
            live: false,
        }
    }

    /// Takes trades in that were before the first of its own.
    pub fn remember(&mut self, prints: Vec<Print>) {
        self.next_trade_id = prints.last().map_or(self.next_trade_id, |print| print.id + 1);
        for print in prints {
            self.history.record(print);
        }
    }

    fn level(&self, (price, lots): (Ticks, Lots)) -> Level {
        Level { price: Fixed(price * self.tick), quantity: Fixed(lots * self.lot) }
    }

    /// A quote, if the best prices or quantities are not those of the last one.
    pub fn quote(&mut self, at: UnixNanos, book: &Book, out: &mut Vec<Frame>) {
        let touch = book.touch();
        let Some(Touch { bid, ask }) = touch.filter(|_| touch != self.touch) else { return };
        self.touch = touch;
        if self.live {
            let (bid, ask) = (self.level(bid), self.level(ask));
            let data = wire::book_ticker(&self.symbol, book.update_id, bid, ask);
            out.push(Frame::new(at, &self.ticker_stream, FrameKind::Other, data));
        }
    }

    /// A trade that a taker of `side` made.
    pub fn trade(&mut self, at: UnixNanos, side: Side, filled: Match, out: &mut Vec<Frame>) {
        let Level { price, quantity } = self.level((filled.price, filled.lots));
        let print = Print {
            id: self.next_trade_id,
            price,
            quantity,
            time_ms: at.millis(),
            buyer_is_maker: side == Side::Sell,
        };
        self.next_trade_id += 1;
        self.history.record(print);
        if self.live {
            let data = wire::trade(&self.symbol, &print);
            out.push(Frame::new(at, &self.trade_stream, FrameKind::Trade, data));
        }
    }

    /// What changed since the last depth message; nothing when nothing did.
    pub fn depth(&mut self, at: UnixNanos, book: &mut Book, out: &mut Vec<Frame>) {
        let (first_update_id, last_update_id) = (self.depth_update_id + 1, book.update_id);
        if last_update_id < first_update_id {
            return;
        }
        self.depth_update_id = last_update_id;
        if !self.live {
            return book.forget_changes();
        }
        let [bids, asks] = book.take_changes();
        let levels = |changes: Vec<_>| changes.into_iter().map(|c| self.level(c)).collect();
        let update = DepthUpdate {
            time_ms: at.millis(),
            first_update_id,
            last_update_id,
            bids: levels(bids),
            asks: levels(asks),
        };
        let data = wire::depth_update(&self.symbol, &update);
        out.push(Frame::new(at, &self.depth_stream, FrameKind::Depth, data));
    }

    /// The best `limit` levels a side of `book`.
    pub fn snapshot(&self, book: &Book, limit: usize) -> Snapshot {
        let levels = |ladder: &Ladder| {
            ladder.iter().take(limit).map(|queue| self.level((queue.price, queue.lots))).collect()
        };
        let (bids, asks) = (levels(&book.bids), levels(&book.asks));
        Snapshot { last_update_id: book.update_id, bids, asks }
    }
}
