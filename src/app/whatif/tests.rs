//! What is lost if broken: a sweep whose rows are not what a run of each value would be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;

use super::shared::{Cup, Retell, Tap};
use crate::domain::{
    Instrument, InstrumentId, Level, MarketEvent, Price, Quantity, Trade, UnixNanos,
};
use crate::venue::binance::BinanceDecoder;
use crate::venue::{
    Channel, Decoder, DownReason, Frame, LineEvent, Listener, Request, Source, Told,
};

/// Says one thing of each kind to every frame.
struct Talker;

fn levels(price: &str) -> Vec<Level> {
    let price = Price::new(price.parse().unwrap());
    vec![Level { price, quantity: Quantity::default() }]
}

impl Decoder for Talker {
    fn frame(&mut self, frame: &Frame<'_>, listener: &mut dyn Listener) {
        let instrument = InstrumentId(0);
        let (bids, asks) = (levels("1"), levels("2.5"));
        let (bids, asks) = (bids.as_slice(), asks.as_slice());
        let (update_id, ts_venue) = (frame.bytes.len() as u64, frame.received);
        let snapshot = MarketEvent::BookSnapshot { update_id, bids, asks };
        let delta = MarketEvent::BookDelta { update_id, ts_venue, bids: asks, asks: &[] };
        let trade = MarketEvent::Trade(Trade {
            id: 1,
            ts_venue,
            price: bids[0].price,
            quantity: Quantity::default(),
            aggressor: crate::domain::Side::Buy,
        });
        for event in [snapshot, delta, trade] {
            listener.told(Told::Market { instrument, event });
        }
        let asset = crate::domain::AssetId(0);
        let known = Instrument::unfiltered("BTCUSDT", "binance", asset, asset);
        listener.told(Told::Instrument { id: instrument, instrument: &known });
        listener.told(Told::TradeGap { instrument, expected: 1, received: 5 });
    }

    fn line(&mut self, _: LineEvent, _: UnixNanos, listener: &mut dyn Listener) {
        listener.told(Told::Live { instrument: InstrumentId(1), channel: Channel::Depth });
        listener.told(Told::ShutdownAnnounced);
    }

    fn distrust(&mut self, _: InstrumentId, _: UnixNanos) {}

    fn ask_again(&mut self, _: UnixNanos) {}

    fn next_request(&mut self) -> Option<Request> {
        None
    }

    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _: &[u8]) -> bool {
        false
    }
}

/// Puts down what is told.
#[derive(Default)]
struct Notes(Vec<String>);

impl Listener for Notes {
    fn told(&mut self, told: Told<'_>) {
        self.0.push(format!("{told:?}"));
    }
}

/// What is asked of a decoder.
#[derive(Clone, Copy)]
enum Ask {
    Frame(&'static [u8]),
    Down,
    Distrust(u16),
}

fn ask(decoder: &mut dyn Decoder, asks: &[Ask]) -> Vec<String> {
    let mut notes = Notes::default();
    for (at, ask) in (1..).zip(asks) {
        let now = UnixNanos(at);
        match *ask {
            Ask::Frame(bytes) => {
                let source = &Source::Stream { connection: 1 };
                decoder.frame(&Frame { source, received: now, bytes }, &mut notes);
            }
            Ask::Down => {
                let down = LineEvent::Down { connection: 1, reason: DownReason::Closed };
                decoder.line(down, now, &mut notes);
            }
            Ask::Distrust(id) => decoder.distrust(InstrumentId(id), now),
        }
    }
    notes.0
}

/// Another engine asks the same, or something else, in two batches: what it hears, and whether it is
/// known to have parted.
fn again(first: [&[Ask]; 2], other: [&[Ask]; 2]) -> (bool, bool) {
    let cup = Cup::default();
    let mut tap = Tap::new(Box::new(Talker), cup.clone());
    let (tell, told) = sync_channel(1);
    let parted = Arc::new(AtomicBool::new(false));
    let mut retell = Retell::new(told, Arc::clone(&parted));
    let mut equal = true;
    for (first, other) in first.into_iter().zip(other) {
        let said = ask(&mut tap, first);
        let heard = cup.take();
        if !heard.is_silent() {
            tell.try_send(Arc::new(heard)).unwrap();
        }
        equal &= ask(&mut retell, other) == said;
    }
    (equal, parted.load(Ordering::Relaxed))
}

#[test]
fn every_word_is_told_again_and_whoever_asks_otherwise_has_parted() {
    use Ask::{Distrust, Down, Frame};
    let asks: [&[Ask]; 2] = [&[Frame(b"one"), Down, Distrust(1)], &[Frame(b"three"), Frame(b"")]];
    assert_eq!(again(asks, asks), (true, false));
    let silent: [&[Ask]; 2] = [&[], &[Frame(b"x"), Distrust(0)]];
    assert_eq!(again(silent, silent), (true, false));
    for other in [
        [&[Frame(b""), Down][..], asks[1]],
        [&[Frame(b""), Down, Distrust(0)][..], asks[1]],
        [&[Frame(b""), Distrust(1), Down, Distrust(1)][..], asks[1]],
        [&[Frame(b""), Down, Distrust(1), Distrust(1)][..], asks[1]],
    ] {
        assert!(again(asks, other).1);
    }
}

/// The venue's own decoder is as good behind a tap as in front of it.
#[test]
fn a_tap_changes_nothing() {
    let asset = crate::domain::AssetId(0);
    let decoder = || {
        Box::new(BinanceDecoder::new(vec![Instrument::unfiltered("BTCUSDT", "b", asset, asset)]))
    };
    let asks = [Ask::Frame(b"{}"), Ask::Frame(b"not json"), Ask::Down, Ask::Distrust(0)];
    let mut tap = Tap::new(decoder(), Cup::default());
    let mut plain = decoder();
    assert_eq!(ask(&mut tap, &asks), ask(plain.as_mut(), &asks));
    assert_eq!(tap.save(), plain.save());
    assert!(tap.restore(&plain.save()));
}
