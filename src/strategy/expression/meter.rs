//! A meter: a running indicator of a rule, and what it shows after the newest event.

use serde::{Deserialize, Serialize};

use super::measure::{Indicator, Line};
use crate::domain::UnixNanos;
use crate::strategy::indicator::{Atr, Bollinger, Donchian, Ema, Rsi, Sma, Vwap};
use crate::strategy::{Prices, Trigger};

/// What an event shows to indicators; NaN where it shows nothing.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Glimpse {
    /// High, low and last price, in quote asset.
    pub prices: Prices,
    /// The price that stands for the whole event in a volume-weighted average: of a bar the mean
    /// of high, low and close.
    pub typical: f64,
    /// First price of a bar.
    pub open: f64,
    /// Base asset traded.
    pub volume: f64,
    /// Venue time of the trade, or of the bar's start.
    pub time: UnixNanos,
    /// It is a bar.
    pub is_bar: bool,
}

impl From<&Trigger> for Glimpse {
    fn from(trigger: &Trigger) -> Self {
        let point = |prices: Prices, volume, time| Self {
            prices,
            typical: prices.close,
            open: f64::NAN,
            volume,
            time,
            is_bar: false,
        };
        match trigger {
            Trigger::Trade(trade) => point(trade.into(), trade.quantity.to_f64(), trade.ts_venue),
            Trigger::Quote(quote) => point(quote.into(), f64::NAN, UnixNanos::default()),
            Trigger::Bar(bar) => {
                let prices = Prices::from(bar);
                Self {
                    typical: (prices.high + prices.low + prices.close) / 3.0,
                    open: bar.open.to_f64(),
                    is_bar: true,
                    ..point(prices, bar.volume.to_f64(), bar.open_time)
                }
            }
            // No market event, and no strategy is asked about it.
            Trigger::Due(at) => point(Prices::MISSING, f64::NAN, *at),
            Trigger::Operator => point(Prices::MISSING, f64::NAN, UnixNanos::default()),
        }
    }
}

/// A running indicator.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Meter {
    /// Which.
    pub indicator: Indicator,
    state: State,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
enum State {
    Ema(Ema),
    Sma(Sma),
    Rsi(Rsi),
    Atr(Atr),
    Bollinger(Bollinger),
    Donchian(Donchian),
    Vwap(Vwap),
}

/// The lines of an indicator after an event; `None` while it warms up.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Lines {
    lower: Option<f64>,
    middle: Option<f64>,
    upper: Option<f64>,
}

impl Lines {
    /// One of them.
    pub fn get(self, line: Line) -> Option<f64> {
        match line {
            Line::Lower => self.lower,
            Line::Middle => self.middle,
            Line::Upper => self.upper,
        }
    }
}

impl Meter {
    /// A cold one.
    pub fn new(indicator: Indicator) -> Self {
        let size = |length: u32| length as usize;
        let state = match indicator {
            Indicator::Ema(length) => State::Ema(Ema::new(size(length))),
            Indicator::Sma(length) => State::Sma(Sma::new(size(length))),
            Indicator::Rsi(length) => State::Rsi(Rsi::new(size(length))),
            Indicator::Atr(length) => State::Atr(Atr::new(size(length))),
            Indicator::Bollinger(length, width) => {
                State::Bollinger(Bollinger::new(size(length), width.to_f64()))
            }
            Indicator::Donchian(length) => State::Donchian(Donchian::new(size(length))),
            Indicator::Vwap => State::Vwap(Vwap::new()),
        };
        Self { indicator, state }
    }

    /// Events of the feed until its lines mean what they say.
    pub fn warm_up(&self) -> usize {
        match &self.state {
            State::Ema(ema) => ema.warm_up(),
            State::Sma(sma) => sma.warm_up(),
            State::Rsi(rsi) => rsi.warm_up(),
            State::Atr(atr) => atr.warm_up(),
            State::Bollinger(bollinger) => bollinger.warm_up(),
            // The channel ends before the current event.
            State::Donchian(donchian) => donchian.warm_up().saturating_add(1),
            State::Vwap(_) => 1,
        }
    }

    /// Takes the next event and shows what it makes of it. A channel shows the events before: a
    /// price cannot rise above a high that it made itself.
    pub fn push(&mut self, seen: &Glimpse) -> Lines {
        let Prices { high, low, close } = seen.prices;
        let one = |middle| Lines { middle, ..Lines::default() };
        match &mut self.state {
            State::Ema(ema) => one(ema.push(close)),
            State::Sma(sma) => one(sma.push(close)),
            State::Rsi(rsi) => one(rsi.push(close)),
            State::Atr(atr) => one(atr.push(high, low, close)),
            State::Bollinger(bollinger) => {
                let bands = bollinger.push(close);
                Lines {
                    lower: bands.map(|bands| bands.lower),
                    middle: bands.map(|bands| bands.middle),
                    upper: bands.map(|bands| bands.upper),
                }
            }
            State::Donchian(donchian) => {
                let channel = donchian.channel();
                donchian.push(high, low);
                Lines {
                    lower: channel.map(|channel| channel.low),
                    upper: channel.map(|channel| channel.high),
                    middle: None,
                }
            }
            State::Vwap(vwap) => one(vwap.push(seen.time, seen.typical, seen.volume)),
        }
    }
}
