//! What was received: every trade and every candle that a session's inputs told, by instrument.

use std::collections::BTreeMap;

use super::subject::Subject;
use crate::app::build;
use crate::app::error::AppError;
use crate::app::pipeline::{Given, TapeInput};
use crate::domain::{Candle, History, InstrumentId, MarketEvent, Trade, UnixNanos};
use crate::strategy::StrategyKind;
use crate::venue::binance::BinanceDecoder;
use crate::venue::{Decoder, Frame, Listener, Told};

/// What was received of one instrument.
#[derive(Debug, Default)]
pub struct Received {
    /// Trades by id, each as it came first.
    pub trades: BTreeMap<u64, Trade>,
    /// The first candle's start, of those that the venue told as the past or a file as the market.
    pub first_candle: Option<UnixNanos>,
    /// The last candle's end.
    pub last_candle: Option<UnixNanos>,
}

impl Received {
    /// When the first trade happened.
    pub fn first_trade(&self) -> Option<UnixNanos> {
        self.trades.values().next().map(|trade| trade.ts_venue)
    }

    /// From the first to the last moment that something was told of.
    pub fn span(&self) -> Option<(UnixNanos, UnixNanos)> {
        let last_trade = self.trades.values().next_back().map(|trade| trade.ts_venue);
        let from = [self.first_trade(), self.first_candle].into_iter().flatten().min()?;
        let to = [last_trade, self.last_candle].into_iter().flatten().max()?;
        Some((from, to))
    }

    fn candle(&mut self, candle: &Candle) {
        let (from, to) = (candle.open_time, candle.close_time());
        self.first_candle = Some(self.first_candle.map_or(from, |first| first.min(from)));
        self.last_candle = Some(self.last_candle.map_or(to, |last| last.max(to)));
    }

    fn trade(&mut self, trade: Trade) {
        self.trades.entry(trade.id).or_insert(trade);
    }
}

/// Reads all inputs of a session. The decoder is enough: nothing is decided here.
pub fn collect(subject: &Subject, registry: &[StrategyKind]) -> Result<Vec<Received>, AppError> {
    let needs = build::pipeline(&subject.plan, registry)?.engine().history_needs();
    let instruments = subject.plan.engine.instruments.clone();
    let symbols = subject.symbols();
    let mut all: Vec<Received> = symbols.iter().map(|_| Received::default()).collect();
    let mut decoder = BinanceDecoder::new(instruments).with_history(needs);
    let mut listed: Vec<Option<InstrumentId>> = Vec::new();
    subject.each_input(&mut |_, received, given| {
        let mut into = Into(&mut all);
        match given {
            Given::Frame { source, bytes } => {
                decoder.frame(&Frame { source, received, bytes }, &mut into);
            }
            Given::Other(TapeInput::Line(event)) => decoder.line(*event, received, &mut into),
            Given::Other(TapeInput::Listed(of)) => {
                listed = of.iter().map(|listed| instrument_of(&symbols, &listed.symbol)).collect();
            }
            Given::Other(TapeInput::Trade { of, trade }) => {
                if let Some(Some(at)) = listed.get(usize::from(*of)) {
                    into.with(*at, |received| received.trade(*trade));
                }
            }
            Given::Other(TapeInput::Candle { of, candle }) => {
                if let Some(Some(at)) = listed.get(usize::from(*of)) {
                    into.with(*at, |received| received.candle(candle));
                }
            }
            Given::Other(_) => {}
        }
        while decoder.next_request().is_some() {}
        Ok(())
    })?;
    Ok(all)
}

/// The instrument of a symbol.
pub fn instrument_of(symbols: &[String], symbol: &str) -> Option<InstrumentId> {
    let at = symbols.iter().position(|known| known == symbol)?;
    u16::try_from(at).ok().map(InstrumentId)
}

/// Puts what a decoder tells where it belongs.
struct Into<'a>(&'a mut [Received]);

impl Listener for Into<'_> {
    fn told(&mut self, told: Told<'_>) {
        match told {
            Told::Market { instrument, event: MarketEvent::Trade(trade) }
            | Told::History { instrument, history: History::Trade(trade) } => {
                self.with(instrument, |received| received.trade(trade));
            }
            Told::History { instrument, history: History::Candle(candle) } => {
                self.with(instrument, |received| received.candle(&candle));
            }
            _ => {}
        }
    }
}

impl Into<'_> {
    fn with(&mut self, instrument: InstrumentId, with: impl FnOnce(&mut Received)) {
        if let Some(received) = self.0.get_mut(instrument.index()) {
            with(received);
        }
    }
}
