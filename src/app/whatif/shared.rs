//! One decoder for several engines: what it tells the first is written down, and told to each of the
//! others word for word.
//!
//! A decoder says the same to two engines as long as it is asked the same by both. All that an engine
//! ever asks of it is to start a book anew; whoever asks another thing than the first did, or at
//! another input, has parted from it, and what came of it is thrown away.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{Instrument, InstrumentId, Level, MarketEvent, UnixNanos};
use crate::venue::{Decoder, Frame, LineEvent, Listener, Request, Told};

/// What a decoder was asked during a batch of inputs, and what it told.
#[derive(Debug, Default)]
pub struct Heard {
    calls: Vec<Call>,
    facts: Vec<Fact>,
    levels: Vec<Level>,
    instruments: Vec<Instrument>,
}

/// Something that a decoder was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Call {
    /// To take a frame or a change of the line: these facts came of it.
    Take(Range<usize>),
    /// To start a book anew.
    Distrust(InstrumentId),
    /// To ask again what is open.
    AskAgain,
}

/// Something told; what it borrowed lies in the same [`Heard`].
#[derive(Clone, Debug)]
enum Fact {
    Plain(Told<'static>),
    Snapshot { instrument: InstrumentId, update_id: u64, bids: Range<usize>, asks: Range<usize> },
    Delta(Delta),
    Instrument { id: InstrumentId, at: usize },
}

/// Changed levels of a book.
#[derive(Clone, Debug)]
struct Delta {
    instrument: InstrumentId,
    update_id: u64,
    ts_venue: UnixNanos,
    bids: Range<usize>,
    asks: Range<usize>,
}

impl Heard {
    /// Nothing was asked at all.
    pub fn is_silent(&self) -> bool {
        self.calls.is_empty()
    }

    fn keep(&mut self, told: &Told<'_>) {
        let fact = match *told {
            Told::Market { instrument, event } => self.event(instrument, event),
            Told::Instrument { id, instrument } => {
                self.instruments.push(instrument.clone());
                Fact::Instrument { id, at: self.instruments.len() - 1 }
            }
            Told::History { instrument, history } => {
                Fact::Plain(Told::History { instrument, history })
            }
            Told::Live { instrument, channel } => Fact::Plain(Told::Live { instrument, channel }),
            Told::TradeGap { instrument, expected, received } => {
                Fact::Plain(Told::TradeGap { instrument, expected, received })
            }
            Told::Unusable { channel, reason } => Fact::Plain(Told::Unusable { channel, reason }),
            Told::ShutdownAnnounced => Fact::Plain(Told::ShutdownAnnounced),
        };
        self.facts.push(fact);
    }

    fn event(&mut self, instrument: InstrumentId, event: MarketEvent<'_>) -> Fact {
        let event = match event {
            MarketEvent::BookSnapshot { update_id, bids, asks } => {
                let (bids, asks) = (self.levels(bids), self.levels(asks));
                return Fact::Snapshot { instrument, update_id, bids, asks };
            }
            MarketEvent::BookDelta { update_id, ts_venue, bids, asks } => {
                let (bids, asks) = (self.levels(bids), self.levels(asks));
                return Fact::Delta(Delta { instrument, update_id, ts_venue, bids, asks });
            }
            MarketEvent::Trade(trade) => MarketEvent::Trade(trade),
            MarketEvent::Quote(quote) => MarketEvent::Quote(quote),
            MarketEvent::BookLost(loss) => MarketEvent::BookLost(loss),
        };
        Fact::Plain(Told::Market { instrument, event })
    }

    fn levels(&mut self, levels: &[Level]) -> Range<usize> {
        let from = self.levels.len();
        self.levels.extend_from_slice(levels);
        from..self.levels.len()
    }

    fn tell(&self, facts: &Range<usize>, listener: &mut dyn Listener) {
        let levels = |range: &Range<usize>| self.levels.get(range.clone()).unwrap_or_default();
        for fact in self.facts.get(facts.clone()).unwrap_or_default() {
            match fact {
                Fact::Plain(told) => listener.told(*told),
                Fact::Snapshot { instrument, update_id, bids, asks } => {
                    let (update_id, bids, asks) = (*update_id, levels(bids), levels(asks));
                    let event = MarketEvent::BookSnapshot { update_id, bids, asks };
                    listener.told(Told::Market { instrument: *instrument, event });
                }
                Fact::Delta(Delta { instrument, update_id, ts_venue, bids, asks }) => {
                    let (update_id, ts_venue) = (*update_id, *ts_venue);
                    let (bids, asks) = (levels(bids), levels(asks));
                    let event = MarketEvent::BookDelta { update_id, ts_venue, bids, asks };
                    listener.told(Told::Market { instrument: *instrument, event });
                }
                Fact::Instrument { id, at } => {
                    if let Some(instrument) = self.instruments.get(*at) {
                        listener.told(Told::Instrument { id: *id, instrument });
                    }
                }
            }
        }
    }
}

/// What a [`Tap`] has heard so far; whoever drives the engine takes it away batch by batch.
#[derive(Clone, Debug, Default)]
pub struct Cup(Arc<Mutex<Heard>>);

impl Cup {
    /// Takes what was heard since the last call.
    pub fn take(&self) -> Heard {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A decoder whose words are written down.
pub struct Tap {
    decoder: Box<dyn Decoder>,
    cup: Cup,
}

impl Tap {
    /// Writes down what a decoder says.
    pub fn new(decoder: Box<dyn Decoder>, cup: Cup) -> Self {
        Self { decoder, cup }
    }

    fn take(
        &mut self,
        listener: &mut dyn Listener,
        ask: impl FnOnce(&mut Writing<'_>, &mut Box<dyn Decoder>),
    ) {
        let Self { decoder, cup } = self;
        cup.with(|heard| {
            let from = heard.facts.len();
            ask(&mut Writing { heard, listener }, decoder);
            let facts = from..heard.facts.len();
            heard.calls.push(Call::Take(facts));
        });
    }
}

/// Writes down what it hears, and hands it on.
struct Writing<'a> {
    heard: &'a mut Heard,
    listener: &'a mut dyn Listener,
}

impl Listener for Writing<'_> {
    fn told(&mut self, told: Told<'_>) {
        self.heard.keep(&told);
        self.listener.told(told);
    }
}

impl Decoder for Tap {
    fn frame(&mut self, frame: &Frame<'_>, listener: &mut dyn Listener) {
        self.take(listener, |writing, decoder| decoder.frame(frame, writing));
    }

    fn line(&mut self, event: LineEvent, now: UnixNanos, listener: &mut dyn Listener) {
        self.take(listener, |writing, decoder| decoder.line(event, now, writing));
    }

    fn distrust(&mut self, instrument: InstrumentId, now: UnixNanos) {
        self.cup.with(|heard| heard.calls.push(Call::Distrust(instrument)));
        self.decoder.distrust(instrument, now);
    }

    fn ask_again(&mut self, now: UnixNanos) {
        self.cup.with(|heard| heard.calls.push(Call::AskAgain));
        self.decoder.ask_again(now);
    }

    fn next_request(&mut self) -> Option<Request> {
        self.decoder.next_request()
    }

    fn save(&self) -> Vec<u8> {
        self.decoder.save()
    }

    fn restore(&mut self, state: &[u8]) -> bool {
        self.decoder.restore(state)
    }
}

/// Says what another decoder said, to an engine that takes the same inputs.
pub struct Retell {
    /// What is to be said of the batches that follow.
    batches: Receiver<Arc<Heard>>,
    heard: Arc<Heard>,
    /// The next call in it.
    at: usize,
    /// Set for good once the engine asked for something else.
    parted: Arc<AtomicBool>,
}

impl Retell {
    /// Says what comes by `batches`, each of which must be there before its first input is taken.
    pub fn new(batches: Receiver<Arc<Heard>>, parted: Arc<AtomicBool>) -> Self {
        Self { batches, heard: Arc::default(), at: 0, parted }
    }

    /// The facts of the next call if that was to take something.
    fn take(&mut self, listener: &mut dyn Listener) {
        self.turn_over();
        match self.heard.calls.get(self.at) {
            Some(Call::Take(facts)) => self.heard.tell(facts, listener),
            _ => self.parted.store(true, Ordering::Relaxed),
        }
        self.at += 1;
    }

    fn expect(&mut self, call: &Call) {
        self.turn_over();
        if self.heard.calls.get(self.at) == Some(call) {
            self.at += 1;
        } else {
            self.parted.store(true, Ordering::Relaxed);
        }
    }

    /// Goes over to the next batch when this one is told.
    fn turn_over(&mut self) {
        while self.at >= self.heard.calls.len()
            && let Ok(next) = self.batches.try_recv()
        {
            (self.heard, self.at) = (next, 0);
        }
    }
}

impl Decoder for Retell {
    fn frame(&mut self, _: &Frame<'_>, listener: &mut dyn Listener) {
        self.take(listener);
    }

    fn line(&mut self, _: LineEvent, _: UnixNanos, listener: &mut dyn Listener) {
        self.take(listener);
    }

    fn distrust(&mut self, instrument: InstrumentId, _: UnixNanos) {
        self.expect(&Call::Distrust(instrument));
    }

    fn ask_again(&mut self, _: UnixNanos) {
        self.expect(&Call::AskAgain);
    }

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
