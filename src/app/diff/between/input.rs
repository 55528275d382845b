//! An input of a side: what it is taken for when two are held against each other, and in words.

use std::fmt;

use serde::Serialize;

use crate::app::past::Look;
use crate::app::pipeline::{Estate, TapeInput};
use crate::app::words;
use crate::domain::{Instrument, InstrumentId, MarketEvent, Trade, UnixNanos};
use crate::tape::Channel;
use crate::venue::binance::{BinanceDecoder, symbol_of};
use crate::venue::{Decoder, Frame, LineEvent, Listener, Source, Told};

/// An input, with its bytes.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Given {
    /// Its number.
    pub seq: u64,
    /// When it was received.
    pub time: UnixNanos,
    from: Origin,
    bytes: Vec<u8>,
}

/// Where an input came from.
#[derive(Clone, PartialEq, Debug, Default)]
enum Origin {
    Stream(u32),
    Answer(String, u16),
    /// What the program itself put on the tape.
    #[default]
    Own,
}

impl Given {
    /// The next input of a side.
    pub fn of(seq: u64, time: UnixNanos, look: Look<'_>) -> Self {
        let (from, bytes) = match look {
            Look::Entry(entry) => {
                let from = match entry.channel {
                    Channel::Stream { connection } => Origin::Stream(connection),
                    Channel::Answer { request, status } => {
                        Origin::Answer(request.to_owned(), status)
                    }
                    _ => Origin::Own,
                };
                (from, entry.bytes.to_vec())
            }
            Look::Other(input) => (Origin::Own, postcard::to_stdvec(input).unwrap_or_default()),
        };
        Self { seq, time, from, bytes }
    }

    /// What the program itself put on the tape.
    pub fn own(&self) -> Option<TapeInput> {
        let is_own = self.from == Origin::Own;
        is_own.then(|| postcard::from_bytes(&self.bytes).ok()).flatten()
    }

    /// It is what a run begins with.
    pub fn is_start(&self) -> bool {
        matches!(self.own(), Some(TapeInput::Start { .. }))
    }

    /// It says the same, at the same time.
    pub fn is_like(&self, other: &Self) -> bool {
        self.time == other.time && self.says_the_same(other)
    }

    /// It says the same.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.from == other.from && self.bytes == other.bytes
    }

    /// In words; `instruments` are those of its run.
    pub fn told(&self, instruments: &[Instrument]) -> InputTold {
        let symbol = |at: usize| instruments.get(at).map(|known| known.symbol.clone());
        let (kind, instrument, trade) = match &self.from {
            Origin::Stream(connection) => {
                let heard = hear(*connection, self, instruments);
                let instrument = symbol_of(&self.bytes);
                let kind = match (heard.trade, heard.quote) {
                    (Some(_), _) => "trade",
                    (None, true) => "best prices",
                    (None, false) if instrument.is_some() => "book change",
                    (None, false) => "message of the venue",
                };
                (kind.to_owned(), instrument, heard.trade)
            }
            Origin::Answer(request, status) => {
                (format!("answer {status} to {request}"), None, None)
            }
            Origin::Own => match self.own() {
                Some(TapeInput::Trade { of, trade }) => {
                    ("trade".to_owned(), symbol(usize::from(of)), Some(trade))
                }
                Some(TapeInput::Candle { of, candle }) => {
                    let kind = format!("candle that opened {}", words::moment(candle.open_time));
                    (kind, symbol(usize::from(of)), None)
                }
                own => (own.map_or_else(|| "unreadable".to_owned(), |own| word(&own)), None, None),
            },
        };
        InputTold {
            input: self.seq,
            time: words::moment(self.time),
            kind,
            instrument,
            trade: trade.map(TradeTold::from),
        }
    }
}

/// What the program itself put on a tape, in words.
fn word(input: &TapeInput) -> String {
    match input {
        TapeInput::Start { .. } => "begin of the run".to_owned(),
        TapeInput::Resume(inheritance) => {
            let what = match inheritance.estate {
                Estate::Whole(_) => "the state",
                Estate::Standing(_) => "what the account has",
            };
            format!("{what} that {} left, which it goes on with", inheritance.from)
        }
        TapeInput::Line(LineEvent::Up { .. }) => "the line is up".to_owned(),
        TapeInput::Line(LineEvent::Down { reason, .. }) => {
            format!("the line is down ({reason:?})").to_lowercase()
        }
        TapeInput::Command(command) => {
            let command = serde_json::to_value(command).unwrap_or_default();
            format!("operator's command {command}")
        }
        TapeInput::Revise { strategy, .. } => format!("other rules of strategy {}", strategy.0),
        TapeInput::Reply { strategy, .. } => format!("answer of strategy {}", strategy.0),
        TapeInput::Clock => "passing of time".to_owned(),
        TapeInput::Listed(_) => "list of what the files are of".to_owned(),
        TapeInput::Trade { .. } => "trade".to_owned(),
        TapeInput::Candle { .. } => "candle".to_owned(),
    }
}

/// What a decoder that knows nothing else tells of a message.
#[derive(Default)]
struct Hears {
    trade: Option<Trade>,
    quote: bool,
}

impl Listener for Hears {
    fn told(&mut self, told: Told<'_>) {
        match told {
            Told::Market { event: MarketEvent::Trade(trade), .. } => self.trade = Some(trade),
            Told::Market { event: MarketEvent::Quote(_), .. } => self.quote = true,
            _ => {}
        }
    }
}

fn hear(connection: u32, given: &Given, instruments: &[Instrument]) -> Hears {
    let mut hears = Hears::default();
    let mut decoder = BinanceDecoder::new(instruments.to_vec());
    decoder.line(LineEvent::Up { connection }, given.time, &mut Hears::default());
    let source = Source::Stream { connection };
    let frame = Frame { source: &source, received: given.time, bytes: &given.bytes };
    decoder.frame(&frame, &mut hears);
    hears
}

/// An input in words.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct InputTold {
    /// Its number.
    pub input: u64,
    /// When it was received, in UTC.
    pub time: String,
    /// What it is: `trade`, `book change`, `passing of time`.
    pub kind: String,
    /// The venue's symbol, if it is about an instrument.
    pub instrument: Option<String>,
    /// The trade, if it is one.
    pub trade: Option<TradeTold>,
}

/// A trade of the venue.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TradeTold {
    /// The venue's id.
    pub id: u64,
    /// In quote asset.
    pub price: String,
    /// In base asset.
    pub quantity: String,
    /// Who crossed.
    pub aggressor: String,
}

impl From<Trade> for TradeTold {
    fn from(trade: Trade) -> Self {
        Self {
            id: trade.id,
            price: trade.price.to_string(),
            quantity: trade.quantity.to_string(),
            aggressor: trade.aggressor.as_str().to_owned(),
        }
    }
}

impl InputTold {
    /// `input 48,213`.
    pub fn number(&self) -> String {
        format!("input {}", words::grouped(&self.input.to_string()))
    }
}

impl fmt::Display for InputTold {
    /// `trade 3735683259 of BTCUSDT, 0.02 at 61,837.63, received 2024-08-09T…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(trade) = &self.trade {
            write!(f, " {}", trade.id)?;
        }
        if let Some(instrument) = &self.instrument {
            write!(f, " of {instrument}")?;
        }
        if let Some(TradeTold { price, quantity, .. }) = &self.trade {
            write!(f, ", {quantity} at {}", words::grouped(price))?;
        }
        write!(f, ", received {}", self.time)
    }
}

/// The instruments by number.
pub fn symbol(instruments: &[Instrument], id: InstrumentId) -> String {
    instruments.get(id.index()).map(|known| known.symbol.clone()).unwrap_or_default()
}
