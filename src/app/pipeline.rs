//! The pipeline: one input at a time through the decoder into the engine. Live runs, replay and
//! backtest drive this same code; they differ only in where inputs come from and records go.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{
    Candle, Cause, Instrument, InstrumentId, MarketEvent, Nanos, RunId, StrategyId, Trade,
    UnixNanos,
};
use crate::engine::{Command, Engine, Event, Input, Outlet, Standing, StartState, StateError};
use crate::history::{Dataset, span};
use crate::strategy::{Decision, RuleTexts};
use crate::venue::{
    Channel, Decoder, DownReason, Frame, LineEvent, Listener, Request, Source, Told, Unusable,
};

/// An input that is no frame, as it stands on the tape.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TapeInput {
    /// The first input of a run: what it starts from, and the configuration it runs under.
    Start {
        /// The account and the schema version.
        state: StartState,
        /// The whole configuration as canonical TOML.
        config: String,
    },
    /// A connection went up or down.
    Line(LineEvent),
    /// An operator's command.
    Command(Command),
    /// An external strategy's answer.
    Reply {
        /// Who answers.
        strategy: StrategyId,
        /// For which instrument.
        instrument: InstrumentId,
        /// The input it was asked about.
        asked: Cause,
        /// What it decided.
        decision: Decision,
    },
    /// Time passed and something was due.
    Clock,
    /// A strategy's rules were changed in its configuration.
    Revise {
        /// Whose.
        strategy: StrategyId,
        /// All of them, as they are now.
        rules: RuleTexts,
    },
    /// What the facts after it are of: the first input of a tape that was made of files.
    Listed(Vec<Listed>),
    /// A trade from a file.
    Trade {
        /// Whose: the place in the list before.
        of: u16,
        /// The trade.
        trade: Trade,
    },
    /// A bar of the venue from a file.
    Candle {
        /// Whose: the place in the list before.
        of: u16,
        /// The bar.
        candle: Candle,
    },
    /// What the account's last run left: the second input of a run that goes on with it.
    Resume(Inheritance),
}

/// What a run takes over.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Inheritance {
    /// The run before.
    pub from: RunId,
    /// What it left.
    pub estate: Estate,
}

/// What a run leaves to the next one on its account.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estate {
    /// The whole state, as [`Pipeline::save`] gave it: the same configuration goes on as if its
    /// line had been down.
    Whole(Vec<u8>),
    /// What the account has, as JSON of a [`Standing`]: strategies begin anew around it.
    Standing(String),
}

/// An instrument of history, and what there is of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Listed {
    /// The venue's symbol.
    pub symbol: String,
    /// What its files held.
    pub dataset: Dataset,
    /// The length of its bars, if it has bars.
    pub bars: Option<Nanos>,
}

/// An input with its bytes.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// Raw bytes from the venue.
    Frame {
        /// Where they came from.
        source: &'a Source,
        /// As they came.
        bytes: &'a [u8],
    },
    /// Anything else.
    Other(&'a TapeInput),
}

/// Something worth telling that is no record of the engine.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Notice {
    /// A stream delivered its first data since its connection came up.
    Live(InstrumentId, Channel),
    /// A frame could not be used.
    Unusable(Option<Channel>, Unusable),
    /// Trades are missing between two ids.
    TradeGap(InstrumentId, u64, u64),
    /// The venue announced its shutdown.
    ShutdownAnnounced,
}

impl fmt::Display for Listed {
    /// What there is, in words: `klines of 1m`, `trades`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.dataset)?;
        self.bars.map_or(Ok(()), |length| write!(f, " of {}", span(length)))
    }
}

/// Decoder and engine, joined.
pub struct Pipeline {
    decoder: Box<dyn Decoder>,
    engine: Engine,
    feeds: Feeds,
    notices: Vec<Notice>,
    market_events: u64,
    /// Whose the facts of files are; `None` for an instrument that is not configured.
    listed: Vec<Option<InstrumentId>>,
    /// The connection that is up.
    up: Option<u32>,
    /// Why an estate could not be taken over.
    fault: Option<String>,
    /// The venue's own time of the newest event in the last input.
    sent: Option<UnixNanos>,
}

/// Reads the time in nanoseconds; what it says is measured and decides nothing.
pub type Stopwatch<'a> = &'a dyn Fn() -> u64;

/// Which streams of each instrument deliver.
struct Feeds {
    wanted: usize,
    live: Vec<BTreeSet<Channel>>,
    /// When trades, quotes and book changes came last.
    last: Vec<[UnixNanos; 3]>,
}

/// A pipeline's whole state.
#[derive(Serialize, Deserialize)]
struct State {
    decoder: Vec<u8>,
    engine: Vec<u8>,
    live: Vec<BTreeSet<Channel>>,
    listed: Vec<Option<InstrumentId>>,
    up: Option<u32>,
}

/// Most notices held between two drains; more are not worth telling one by one.
const NOTICES_KEPT: usize = 256;

impl Pipeline {
    /// Joins a decoder and an engine of `instruments` instruments with `streams` streams each.
    pub fn new(
        decoder: Box<dyn Decoder>,
        engine: Engine,
        instruments: usize,
        streams: usize,
    ) -> Self {
        let (live, last) =
            (vec![BTreeSet::new(); instruments], vec![Default::default(); instruments]);
        let feeds = Feeds { wanted: streams, live, last };
        Self {
            decoder,
            engine,
            feeds,
            notices: Vec::new(),
            market_events: 0,
            listed: Vec::new(),
            up: None,
            fault: None,
            sent: None,
        }
    }

    /// The whole state.
    pub fn save(&self) -> Result<Vec<u8>, StateError> {
        let state = State {
            decoder: self.decoder.save(),
            engine: self.engine.save()?,
            live: self.feeds.live.clone(),
            listed: self.listed.clone(),
            up: self.up,
        };
        postcard::to_stdvec(&state).map_err(|error| StateError::Damaged(error.to_string()))
    }

    /// Takes a state that [`save`](Self::save) gave. On an error the pipeline must not be used.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let state: State =
            postcard::from_bytes(bytes).map_err(|error| StateError::Damaged(error.to_string()))?;
        self.engine.restore(&state.engine)?;
        if !self.decoder.restore(&state.decoder) || state.live.len() != self.feeds.live.len() {
            return Err(StateError::OtherConfig);
        }
        (self.feeds.live, self.listed, self.up) = (state.live, state.listed, state.up);
        Ok(())
    }

    /// Takes over what another run left, and says what of it is left out.
    pub fn inherit(&mut self, estate: &Estate) -> Result<Vec<String>, String> {
        match estate {
            Estate::Whole(bytes) => {
                self.restore(bytes).map(|()| Vec::new()).map_err(|error| error.to_string())
            }
            Estate::Standing(json) => {
                let standing: Standing = serde_json::from_str(json)
                    .map_err(|error| format!("the account's standing cannot be read: {error}"))?;
                self.engine.take_over(&standing).map_err(|error| error.to_string())
            }
        }
    }

    /// What the account has once the venue's last words were heard: what is left to a run that
    /// cannot take over the whole state.
    pub fn settle_up(&mut self, out: &mut dyn Outlet) -> Standing {
        self.engine.settle_up(out);
        self.engine.standing()
    }

    /// Goes on where the state came from, as if its line were down now.
    pub fn go_on(&mut self, seq: u64, time: UnixNanos, out: &mut dyn Outlet) {
        self.engine.go_on(time, out);
        self.decoder.ask_again(time);
        let down =
            self.up.map(|connection| LineEvent::Down { connection, reason: DownReason::Stopped });
        match down {
            Some(down) => self.take(seq, time, Given::Other(&TapeInput::Line(down)), out),
            None => self.take(seq, time, Given::Other(&TapeInput::Clock), out),
        }
    }

    /// Why it could not take over what the run before left; it must not be used then.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Takes the input numbered `seq`, received at `time`.
    pub fn take(&mut self, seq: u64, time: UnixNanos, given: Given<'_>, out: &mut dyn Outlet) {
        self.take_timed((seq, time), given, out, None);
    }

    /// The same; how many nanoseconds of it the engine took, by a stopwatch. The rest is decoding.
    pub fn take_timed(
        &mut self,
        (seq, time): (u64, UnixNanos),
        given: Given<'_>,
        out: &mut dyn Outlet,
        stopwatch: Option<Stopwatch<'_>>,
    ) -> u64 {
        self.sent = None;
        if let Given::Other(TapeInput::Resume(inheritance)) = given {
            match self.inherit(&inheritance.estate) {
                Ok(_) => self.go_on(seq, time, out),
                Err(fault) => self.fault = Some(fault),
            }
            return 0;
        }
        if let Given::Other(TapeInput::Line(event)) = given {
            self.up = match event {
                LineEvent::Up { connection } => Some(*connection),
                LineEvent::Down { .. } => None,
            };
        }
        let mut joint = Joint {
            engine: &mut self.engine,
            feeds: &mut self.feeds,
            notices: &mut self.notices,
            market_events: &mut self.market_events,
            sent: &mut self.sent,
            stopwatch,
            stepping: 0,
            cause: Cause { seq, index: 0 },
            time,
            out,
        };
        match given {
            Given::Frame { source, bytes } => {
                let frame = Frame { source, received: time, bytes };
                self.decoder.frame(&frame, &mut joint);
            }
            Given::Other(TapeInput::Line(event)) => {
                self.decoder.line(*event, time, &mut joint);
                if let LineEvent::Down { .. } = event {
                    joint.feeds_down();
                }
            }
            Given::Other(TapeInput::Start { state, .. }) => joint.step(Event::Start(state)),
            Given::Other(TapeInput::Command(command)) => joint.step(Event::Command(command)),
            Given::Other(TapeInput::Reply { strategy, instrument, asked, decision }) => {
                let (strategy, instrument, asked) = (*strategy, *instrument, *asked);
                joint.step(Event::Reply { strategy, instrument, asked, decision });
            }
            Given::Other(TapeInput::Revise { strategy, rules }) => {
                joint.step(Event::Revise { strategy: *strategy, rules });
            }
            Given::Other(TapeInput::Clock | TapeInput::Resume(_)) => joint.step(Event::Clock),
            Given::Other(TapeInput::Listed(listed)) => {
                let ids = listed.iter().map(|listed| joint.engine.instrument(&listed.symbol));
                self.listed = ids.collect();
            }
            Given::Other(TapeInput::Trade { of, trade }) => {
                if let Some(Some(instrument)) = self.listed.get(usize::from(*of)) {
                    joint.market(*instrument, MarketEvent::Trade(*trade));
                }
            }
            Given::Other(TapeInput::Candle { of, candle }) => {
                if let Some(Some(instrument)) = self.listed.get(usize::from(*of)) {
                    joint.candle(*instrument, candle);
                }
            }
        }
        if joint.cause.index == 0 {
            // Even an input that says nothing lets time pass: what is due, fires.
            joint.step(Event::Clock);
        }
        let stepping = joint.stepping;
        for instrument in self.engine.take_distrusted() {
            self.decoder.distrust(instrument, time);
        }
        stepping
    }

    /// When a stream of an instrument delivered last; 0 before it ever did.
    pub fn delivered(&self, instrument: InstrumentId, channel: Channel) -> UnixNanos {
        let last = self.feeds.last.get(instrument.index()).copied().unwrap_or_default();
        match channel {
            Channel::Trade => last[0],
            Channel::Quote => last[1],
            Channel::Depth => last[2],
            Channel::Rest | Channel::Control => UnixNanos::default(),
        }
    }

    /// The venue's own time of the newest event in the last input; `None` when it held none.
    pub fn sent(&self) -> Option<UnixNanos> {
        self.sent
    }

    /// The next thing that the decoder wants asked.
    pub fn next_request(&mut self) -> Option<Request> {
        self.decoder.next_request()
    }

    /// Throws away what is to be asked and what was noticed: nobody asks, and it was told before.
    pub fn discard_wishes(&mut self) {
        while self.decoder.next_request().is_some() {}
        self.notices.clear();
    }

    /// Takes what was noticed since the last call.
    pub fn drain_notices(&mut self) -> impl Iterator<Item = Notice> + '_ {
        self.notices.drain(..)
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, to be told before the first input what else is of interest.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Market events so far.
    pub fn market_events(&self) -> u64 {
        self.market_events
    }
}

/// Hands what the decoder tells straight to the engine.
struct Joint<'a> {
    engine: &'a mut Engine,
    feeds: &'a mut Feeds,
    notices: &'a mut Vec<Notice>,
    market_events: &'a mut u64,
    sent: &'a mut Option<UnixNanos>,
    stopwatch: Option<Stopwatch<'a>>,
    /// Nanoseconds that the engine took.
    stepping: u64,
    cause: Cause,
    time: UnixNanos,
    out: &'a mut dyn Outlet,
}

impl Joint<'_> {
    fn step(&mut self, event: Event<'_>) {
        let input = Input { cause: self.cause, time: self.time, event };
        let began = self.stopwatch.map(|read| read());
        self.engine.step(&input, self.out);
        if let (Some(read), Some(began)) = (self.stopwatch, began) {
            self.stepping += read().saturating_sub(began);
        }
        self.cause.index = self.cause.index.saturating_add(1);
    }

    fn notice(&mut self, notice: Notice) {
        if self.notices.len() < NOTICES_KEPT {
            self.notices.push(notice);
        }
    }

    fn live(&mut self, instrument: InstrumentId, channel: Channel) {
        self.notice(Notice::Live(instrument, channel));
        let Some(live) = self.feeds.live.get_mut(instrument.index()) else { return };
        live.insert(channel);
        if live.len() == self.feeds.wanted {
            self.step(Event::Feed { instrument, live: true });
        }
    }

    fn feeds_down(&mut self) {
        for at in 0..self.feeds.live.len() {
            if let Some(live) = self.feeds.live.get_mut(at) {
                live.clear();
            }
            let instrument = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
            self.step(Event::Feed { instrument, live: false });
        }
    }

    fn market(&mut self, instrument: InstrumentId, event: MarketEvent<'_>) {
        *self.market_events += 1;
        let mut none = [UnixNanos::default(); 3];
        let last = self.feeds.last.get_mut(instrument.index()).unwrap_or(&mut none);
        match event {
            MarketEvent::Trade(Trade { ts_venue, .. }) => {
                (*self.sent, last[0]) = (Some(ts_venue), self.time);
            }
            MarketEvent::Quote(_) => last[1] = self.time,
            MarketEvent::BookDelta { ts_venue, .. } => {
                (*self.sent, last[2]) = (Some(ts_venue), self.time);
            }
            MarketEvent::BookSnapshot { .. } | MarketEvent::BookLost(_) => {}
        }
        self.step(Event::Market { instrument, event });
    }

    fn candle(&mut self, instrument: InstrumentId, candle: &Candle) {
        *self.market_events += 1;
        self.step(Event::Candle { instrument, candle });
    }

    fn instrument(&mut self, id: InstrumentId, instrument: &Instrument) {
        self.step(Event::Instrument { id, instrument });
    }
}

impl Listener for Joint<'_> {
    fn told(&mut self, told: Told<'_>) {
        match told {
            Told::Market { instrument, event } => self.market(instrument, event),
            Told::Instrument { id, instrument } => self.instrument(id, instrument),
            Told::Live { instrument, channel } => self.live(instrument, channel),
            Told::Unusable { channel, reason } => self.notice(Notice::Unusable(channel, reason)),
            Told::History { instrument, history } => {
                self.step(Event::History { instrument, history });
            }
            Told::TradeGap { instrument, expected, received } => {
                self.notice(Notice::TradeGap(instrument, expected, received));
            }
            Told::ShutdownAnnounced => self.notice(Notice::ShutdownAnnounced),
        }
    }
}
