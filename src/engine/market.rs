//! What the engine knows of one instrument's market: book, last trade, quote, bars, freshness.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::config::BarsConfig;
use crate::domain::{
    BookLoss, Candle, Cause, Instrument, Level, MarketEvent, Nanos, Num, OrderBook, Price,
    Quantity, Quote, Side, Trade, UnixNanos,
};
use crate::strategy::{Bar, BarKind, Bars, ClosedBars};

/// Quotes that contradict the book at the same update id before the book is given up.
const MISMATCHES_TOLERATED: u32 = 3;
/// Recent trades kept for the screen.
const TRADES_KEPT: usize = 30;
/// Closed bars kept for the chart.
const BARS_KEPT: usize = 600;

/// The market of one instrument.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Market {
    /// What the venue accepts.
    pub instrument: Instrument,
    /// The venue told its filters.
    pub filters_known: bool,
    /// The book; only to be used while `synced`.
    pub book: OrderBook,
    /// The book follows the venue.
    pub synced: bool,
    /// Every stream delivers.
    pub live: bool,
    /// The last trade.
    pub last_trade: Option<Trade>,
    /// The last quote of the quote stream.
    pub last_quote: Option<Quote>,
    /// Newest trades, newest last.
    pub recent_trades: VecDeque<Trade>,
    /// Price of the first trade.
    pub first_price: Option<Price>,
    /// Quote asset traded so far.
    pub turnover: Num,
    /// Books lost so far.
    pub books_lost: u64,
    /// Engine time of the last data of any kind.
    pub last_event: UnixNanos,
    /// Engine time of the last change of the book.
    book_event: UnixNanos,
    /// Engine time of the last quote.
    quote_event: UnixNanos,
    freshness: Freshness,
    mismatches: u32,
    /// Bars of every kind that somebody wants.
    pub bars: Bars,
    /// The newest closed ones.
    pub closed: ClosedBars,
    /// Bars of the past that strategies have not seen, while it is being told.
    pub past: Vec<Bar>,
    /// What is missing is waited for until then.
    pub wait_until: Option<UnixNanos>,
    /// The input that brought the last trade: the cause of a bar that time closes.
    pub trade_cause: Cause,
}

/// How old the data is, by the venue's clock, whatever the two clocks' offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Freshness {
    /// Smallest (receive − venue) time since the feed came up, in nanoseconds.
    smallest_offset: Option<i64>,
    /// The newest event's (receive − venue) time.
    offset: i64,
    /// When it was received.
    received: UnixNanos,
}

impl Freshness {
    fn note(&mut self, received: UnixNanos, ts_venue: UnixNanos) {
        self.offset = received.delta(ts_venue);
        self.received = received;
        let smallest = self.smallest_offset.unwrap_or(self.offset);
        self.smallest_offset = Some(smallest.min(self.offset));
    }

    /// Our time at which the venue's clock shows `moment`, by the newest event: its own delay makes
    /// it rather too late than too early. `None` before the first event.
    fn ours(&self, moment: UnixNanos) -> Option<UnixNanos> {
        self.smallest_offset?;
        let ours = i128::from(moment.0) + i128::from(self.offset);
        Some(u64::try_from(ours).map_or(UnixNanos::MAX, UnixNanos))
    }

    fn age(&self, now: UnixNanos) -> Option<Nanos> {
        let lag = self.offset.saturating_sub(self.smallest_offset?);
        Some(u64::try_from(lag).unwrap_or(0).saturating_add(now.since(self.received)))
    }
}

/// What a market event changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// A trade.
    Trade(Trade),
    /// A quote.
    Quote(Quote),
    /// Levels of the book.
    Levels,
    /// The book is trusted from here.
    Synced,
    /// The book is discarded.
    Lost(BookLoss),
    /// Nothing of interest.
    Nothing,
}

impl Market {
    /// A market of which nothing is known yet.
    pub fn new(instrument: Instrument, chart: BarKind) -> Self {
        let filters_known = !instrument.lot_size.is_zero();
        let mut market = Self {
            instrument,
            filters_known,
            book: OrderBook::default(),
            synced: false,
            live: false,
            last_trade: None,
            last_quote: None,
            recent_trades: VecDeque::new(),
            first_price: None,
            turnover: Num::ZERO,
            books_lost: 0,
            last_event: UnixNanos::default(),
            book_event: UnixNanos::default(),
            quote_event: UnixNanos::default(),
            freshness: Freshness::default(),
            mismatches: 0,
            bars: Bars::default(),
            closed: ClosedBars::default(),
            past: Vec::new(),
            wait_until: None,
            trade_cause: Cause::default(),
        };
        market.make_bars(chart, BARS_KEPT);
        market
    }

    /// Makes bars of this kind from here on, and keeps the newest `most`.
    pub fn make_bars(&mut self, kind: BarKind, most: usize) {
        self.bars.make(kind);
        self.closed.keep(kind, most);
    }

    /// When something about its bars is due, in engine time: an interval that no later trade
    /// closed, or the end of a wait.
    pub fn bars_due(&self, config: &BarsConfig) -> Option<UnixNanos> {
        if self.wait_until.is_some() {
            return self.wait_until;
        }
        Some(self.freshness.ours(self.bars.due()?)?.plus(config.lateness))
    }

    /// Takes one market event.
    pub fn apply(&mut self, event: MarketEvent<'_>, now: UnixNanos) -> Change {
        if !matches!(event, MarketEvent::BookLost(_)) {
            self.last_event = now;
        }
        match event {
            MarketEvent::Trade(_) | MarketEvent::BookLost(_) => {}
            MarketEvent::Quote(_) => self.quote_event = now,
            MarketEvent::BookSnapshot { .. } | MarketEvent::BookDelta { .. } => {
                self.book_event = now;
            }
        }
        match event {
            MarketEvent::Trade(trade) => self.trade(trade, now),
            MarketEvent::Quote(quote) => self.quote(quote),
            MarketEvent::BookSnapshot { update_id, bids, asks } => {
                self.book.load(update_id, bids, asks);
                self.synced = true;
                self.mismatches = 0;
                self.unless_crossed(Change::Synced)
            }
            MarketEvent::BookDelta { update_id, ts_venue, bids, asks } => {
                self.freshness.note(now, ts_venue);
                self.levels(update_id, bids, asks)
            }
            MarketEvent::BookLost(loss) => self.lose(loss),
        }
    }

    fn trade(&mut self, trade: Trade, now: UnixNanos) -> Change {
        self.freshness.note(now, trade.ts_venue);
        self.first_price.get_or_insert(trade.price);
        let notional = trade.price.notional(trade.quantity);
        let turnover = notional.and_then(|value| self.turnover.add(value));
        self.turnover = turnover.unwrap_or(self.turnover);
        self.last_trade = Some(trade);
        if self.recent_trades.len() == TRADES_KEPT {
            self.recent_trades.pop_front();
        }
        self.recent_trades.push_back(trade);
        Change::Trade(trade)
    }

    /// Takes a bar of the venue, known from its end on. Its prices come by [`Market::touched`].
    pub fn take_candle(&mut self, candle: &Candle, now: UnixNanos, cause: Cause) {
        self.last_event = now;
        self.trade_cause = cause;
        self.freshness.note(now, candle.close_time());
        self.first_price.get_or_insert(candle.open);
        self.turnover = self.turnover.add(candle.turnover).unwrap_or(self.turnover);
    }

    /// A price within a bar of the venue stands for the last trade.
    pub fn touched(&mut self, touch: &Trade) {
        self.last_trade = Some(*touch);
    }

    fn quote(&mut self, quote: Quote) -> Change {
        self.last_quote = Some(quote);
        if self.synced && quote.update_id == self.book.update_id {
            let agrees = self.book.bids.best() == Some(quote.bid)
                && self.book.asks.best() == Some(quote.ask);
            self.mismatches = if agrees { 0 } else { self.mismatches + 1 };
            if self.mismatches >= MISMATCHES_TOLERATED {
                return self.lose(BookLoss::Mismatch);
            }
        }
        Change::Quote(quote)
    }

    fn levels(&mut self, update_id: u64, bids: &[Level], asks: &[Level]) -> Change {
        if !self.synced {
            return Change::Nothing;
        }
        // A book that engines pass on has seen it already.
        if self.book.update_id != update_id {
            self.book.apply(update_id, bids, asks);
        }
        self.unless_crossed(Change::Levels)
    }

    fn unless_crossed(&mut self, change: Change) -> Change {
        if self.book.is_crossed() { self.lose(BookLoss::Crossed) } else { change }
    }

    /// The levels stay until the next snapshot: whoever the book is passed on to must find the same.
    fn lose(&mut self, loss: BookLoss) -> Change {
        let was_synced = std::mem::replace(&mut self.synced, false);
        if was_synced {
            self.books_lost += 1;
            Change::Lost(loss)
        } else {
            Change::Nothing
        }
    }

    /// The book belongs to a run that has ended: no gap of this one.
    pub fn forget_book(&mut self) {
        self.synced = false;
        self.book.clear();
    }

    /// The feed came up or went down; offsets are measured anew.
    pub fn set_live(&mut self, live: bool) {
        self.live = live;
        if !live {
            self.freshness = Freshness::default();
        }
    }

    /// What is displayed at a price of the book; zero while that is not trusted.
    pub fn displayed(&self, side: Side, price: Price) -> Quantity {
        if self.synced { self.book.side(side).quantity_at(price) } else { Quantity::ZERO }
    }

    /// Best bid and ask: of the book while it is trusted, else of the quote stream.
    pub fn best(&self) -> Option<Quote> {
        if !self.synced {
            return self.last_quote;
        }
        let (bid, ask) = (self.book.bids.best()?, self.book.asks.best()?);
        Some(Quote { update_id: self.book.update_id, bid, ask })
    }

    /// Where a market order of this side begins to execute.
    pub fn touch(&self, side: Side) -> Option<Price> {
        self.best().map(|quote| match side {
            Side::Buy => quote.ask.price,
            Side::Sell => quote.bid.price,
        })
    }

    /// The reference price of checks and the mark price of positions: the mid where there is a
    /// book or quote, else the last trade.
    pub fn reference(&self) -> Option<Price> {
        match self.best() {
            Some(quote) => quote.bid.price.mid(quote.ask.price).ok(),
            None => self.last_trade.map(|trade| trade.price),
        }
    }

    /// How old the newest event is by the venue's clock, in nanoseconds.
    pub fn age(&self, now: UnixNanos) -> Option<Nanos> {
        self.freshness.age(now)
    }

    /// How long nothing came of what orders are priced from, in nanoseconds. Every trade changes a
    /// book: one that stands still while trades go on has lost its stream.
    pub fn silence(&self, now: UnixNanos) -> Nanos {
        now.since(match self.last_quote {
            _ if self.synced => self.book_event,
            Some(_) => self.quote_event,
            None => self.last_event,
        })
    }
}
