//! The book check: a tape's books rebuilt from its depth changes, compared after each with the
//! venue's own best bid and ask. Two streams that are made independently must agree.

use std::collections::VecDeque;
use std::path::Path;

use super::build::Plan;
use super::error::{AppError, Exit};
use super::source::{Inputs, Replayed};
use crate::domain::{BookLoss, InstrumentId, MarketEvent, OrderBook, Quote};
use crate::tape::Reader;
use crate::venue::binance::BinanceDecoder;
use crate::venue::{Decoder, Frame, Listener, Source, Told};

/// Quotes newer than the book that are remembered per instrument.
const QUOTES_KEPT: usize = 65_536;
/// One miss in this many comparisons is tolerated: quotes are conflated, so that the last one of
/// an update may never have been sent.
const TOLERATED: u64 = 1_000;

/// What the check found for one instrument.
#[derive(Clone, Debug, Default)]
pub struct BookCheck {
    /// The venue's symbol.
    pub symbol: String,
    /// Comparisons.
    pub compared: u64,
    /// Comparisons in which price and quantity of both best levels agree.
    pub agreed: u64,
    /// Books lost to missing updates.
    pub gaps: u64,
    /// Times the best bid was at or above the best ask.
    pub crossed: u64,
}

impl BookCheck {
    /// True when the book can be trusted.
    pub fn passes(&self) -> bool {
        let misses = self.compared - self.agreed;
        self.compared > 0
            && self.crossed == 0
            && self.gaps == 0
            && misses * TOLERATED <= self.compared
    }
}

/// Checks every instrument of a plan over a tape.
pub fn check(path: &Path, plan: &Plan) -> Result<Vec<BookCheck>, AppError> {
    let instruments = plan.engine.instruments.clone();
    let mut books = Books {
        books: instruments
            .iter()
            .map(|instrument| Rebuilt {
                check: BookCheck { symbol: instrument.symbol.clone(), ..BookCheck::default() },
                ..Rebuilt::default()
            })
            .collect(),
    };
    let mut decoder = BinanceDecoder::new(instruments);
    let mut reader = Reader::open(path)?;
    let mut inputs = Inputs::default();
    while let Some(entry) = reader.next()? {
        let received = entry.time;
        let read = inputs.read(&entry).map_err(|text| AppError::new(Exit::Different, text))?;
        let mut frame = |source: &Source, bytes: &[u8]| {
            decoder.frame(&Frame { source, received, bytes }, &mut books);
        };
        match read {
            Replayed::Stream(source, bytes) => frame(source, bytes),
            Replayed::Answer(source, bytes) => frame(&source, bytes),
            Replayed::Other(input) => {
                if let super::pipeline::TapeInput::Line(event) = *input {
                    decoder.line(event, received, &mut books);
                }
            }
            Replayed::Output(_) | Replayed::Mark(_) | Replayed::Timing(_) => {}
        }
    }
    Ok(books.books.into_iter().map(|book| book.check).collect())
}

struct Books {
    books: Vec<Rebuilt>,
}

#[derive(Default)]
struct Rebuilt {
    check: BookCheck,
    book: OrderBook,
    synced: bool,
    /// The newest quote that is not newer than the book.
    current: Option<Quote>,
    /// Quotes newer than the book.
    newer: VecDeque<Quote>,
}

impl Listener for Books {
    fn told(&mut self, told: Told<'_>) {
        if let Told::Market { instrument: InstrumentId(at), event } = told
            && let Some(book) = self.books.get_mut(usize::from(at))
        {
            book.take(event);
        }
    }
}

impl Rebuilt {
    fn take(&mut self, event: MarketEvent<'_>) {
        match event {
            MarketEvent::Trade(_) => {}
            MarketEvent::Quote(quote) => {
                if self.newer.len() == QUOTES_KEPT {
                    self.newer.pop_front();
                }
                self.newer.push_back(quote);
            }
            MarketEvent::BookSnapshot { update_id, bids, asks } => {
                self.book.load(update_id, bids, asks);
                self.synced = true;
            }
            MarketEvent::BookDelta { update_id, bids, asks, .. } if self.synced => {
                self.book.apply(update_id, bids, asks);
                self.compare(update_id);
            }
            MarketEvent::BookDelta { .. } => {}
            MarketEvent::BookLost(loss) => {
                self.check.gaps += u64::from(matches!(loss, BookLoss::Gap { .. }));
                self.synced = false;
            }
        }
    }

    fn compare(&mut self, update_id: u64) {
        while self.newer.front().is_some_and(|quote| quote.update_id <= update_id) {
            self.current = self.newer.pop_front();
        }
        let Some(quote) = self.current else { return };
        let agrees =
            self.book.bids.best() == Some(quote.bid) && self.book.asks.best() == Some(quote.ask);
        self.check.compared += 1;
        self.check.agreed += u64::from(agrees);
        self.check.crossed += u64::from(self.book.is_crossed());
    }
}
