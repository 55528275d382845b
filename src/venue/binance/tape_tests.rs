//! The decoder on recorded traffic, against the venue's own best prices.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use super::decode::BinanceDecoder;
use super::decode::tests::decoder;
use crate::domain::{InstrumentId, MarketEvent, OrderBook, Quote, UnixNanos};
use crate::venue::{Decoder, Frame, Listener, Request, Source, Told};

const FILE: &str = "binance_spot_btcusdt_ethusdt_20240808-09.raw.zst";
/// The two snapshots on the tape tell their instrument only by their update id.
const BTC_SNAPSHOT: &str = r#"{"lastUpdateId":50093239218,"#;

/// One instrument's book rebuilt, and the quotes that it has to agree with.
#[derive(Default)]
struct Rebuilt {
    book: OrderBook,
    quotes: VecDeque<Quote>,
    compared: u32,
    agreed: u32,
}

impl Rebuilt {
    /// Compares the book with the newest quote that is no newer than it.
    fn compare(&mut self) {
        assert!(!self.book.is_crossed(), "crossed at {}", self.book.update_id);
        let newer = self.quotes.partition_point(|quote| quote.update_id <= self.book.update_id);
        self.quotes.drain(..newer.saturating_sub(1));
        if let Some(quote) = self.quotes.front().filter(|_| newer > 0) {
            let best = (self.book.bids.best(), self.book.asks.best());
            self.compared += 1;
            self.agreed += u32::from(best == (Some(quote.bid), Some(quote.ask)));
        }
    }
}

#[derive(Default)]
struct Tape {
    instruments: [Rebuilt; 2],
    trades: u32,
    live: u32,
}

impl Tape {
    fn market(&mut self, instrument: InstrumentId, event: MarketEvent<'_>) {
        let rebuilt = &mut self.instruments[instrument.index()];
        match event {
            MarketEvent::Trade(_) => self.trades += 1,
            MarketEvent::Quote(quote) => rebuilt.quotes.push_back(quote),
            MarketEvent::BookSnapshot { update_id, bids, asks } => {
                rebuilt.book.load(update_id, bids, asks);
            }
            MarketEvent::BookDelta { update_id, bids, asks, .. } => {
                rebuilt.book.apply(update_id, bids, asks);
                rebuilt.compare();
            }
            MarketEvent::BookLost(loss) => panic!("{instrument:?} lost its book: {loss:?}"),
        }
    }
}

impl Listener for Tape {
    fn told(&mut self, told: Told<'_>) {
        match told {
            Told::Market { instrument, event } => self.market(instrument, event),
            Told::Live { .. } => self.live += 1,
            other => panic!("{other:?}"),
        }
    }
}

fn source(raw: &str) -> Source {
    if !raw.starts_with(r#"{"lastUpdateId""#) {
        return Source::Stream { connection: 1 };
    }
    let symbol = if raw.starts_with(BTC_SNAPSHOT) { "BTCUSDT" } else { "ETHUSDT" };
    Source::Answer { request: Request::Depth { symbol: symbol.into() }, status: 200 }
}

fn play(decoder: &mut BinanceDecoder, tape: &mut Tape) -> u32 {
    let folder = std::env::var_os("TICKSCOPE_TAPES").expect("TICKSCOPE_TAPES names a folder");
    let file = std::fs::File::open(PathBuf::from(folder).join(FILE)).unwrap();
    let lines = BufReader::new(zstd::Decoder::new(file).unwrap()).lines();
    let mut frames = 0;
    for line in lines.map(Result::unwrap) {
        let (received, raw) = line.split_once(' ').unwrap();
        let received = UnixNanos(received.parse().unwrap());
        decoder.frame(&Frame { source: &source(raw), received, bytes: raw.as_bytes() }, tape);
        frames += 1;
    }
    frames
}

/// The venue's best prices are an independent witness of every level we rebuilt.
#[test]
#[ignore = "needs TICKSCOPE_TAPES"]
fn the_rebuilt_book_agrees_with_the_venues_own_best_prices() {
    let (mut decoder, mut tape) = (decoder(), Tape::default());
    assert_eq!(play(&mut decoder, &mut tape), 179_318);
    let counts = tape.instruments.each_ref().map(|rebuilt| (rebuilt.agreed, rebuilt.compared));
    // Two BTC updates had no quote of their own: the venue conflates them.
    assert_eq!(counts, [(6_491, 6_493), (6_468, 6_468)]);
    assert_eq!(tape.live, 6);
    assert!(tape.trades > 10_000);
}
