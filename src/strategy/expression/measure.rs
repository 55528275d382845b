//! A measure: what a name in a rule stands for, with its unit and the feeds that have it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::lexer::{Number, NumberUnit};
use super::parse::Named;
use super::{Advice, LENGTH_MAX, Mistake};
use crate::domain::Num;

/// A value of the event, of the market or of the position, or a line of an indicator.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Measure {
    /// The trade's price, the middle of the quote, or the bar's close.
    Price,
    /// The bar's first price.
    Open,
    /// The bar's highest price.
    High,
    /// The bar's lowest price.
    Low,
    /// The bar's last price.
    Close,
    /// The bar's or the trade's quantity.
    Volume,
    /// The best bid.
    Bid,
    /// The best ask.
    Ask,
    /// Ask less bid over the middle.
    Spread,
    /// The strategy's own position.
    Position,
    /// What the position gained since its entry.
    Profit,
    /// What it lost.
    Loss,
    /// How long it has been held.
    Holding,
    /// A line of an indicator over the price.
    Indicator(Indicator, Line),
}

/// An indicator with its parameters: two rules that name the same one share it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Indicator {
    /// Exponential moving average.
    Ema(u32),
    /// Simple moving average.
    Sma(u32),
    /// Relative strength index.
    Rsi(u32),
    /// Average true range.
    Atr(u32),
    /// Bollinger bands: length, and standard deviations from the middle to a band.
    Bollinger(u32, Num),
    /// Donchian channel of the events before the current one.
    Donchian(u32),
    /// Volume-weighted average price of the UTC day.
    Vwap,
}

/// A line of an indicator. Those with one line have the middle one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Line {
    /// The lower band, the low of a channel.
    Lower,
    /// The value itself.
    Middle,
    /// The upper band, the high of a channel.
    Upper,
}

/// What a number of a measure is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Quote asset for one of base.
    Price,
    /// Base asset.
    Base,
    /// A share of something: compared with a percentage.
    Share,
    /// 0 to 100.
    Index,
    /// A time: compared with a span.
    Time,
}

impl Unit {
    /// What it is in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Price => "a price in quote asset",
            Self::Base => "a quantity of base asset",
            Self::Share => "a share",
            Self::Index => "a number from 0 to 100",
            Self::Time => "a time",
        }
    }
}

/// Which feeds have a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Needs {
    Nothing,
    Bars,
    /// Quantities: trades or bars of them.
    Trades,
    /// A book or quotes.
    Quotes,
}

/// What the configuration around a rule provides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Around {
    /// The strategy evaluates bars.
    pub bars: bool,
    /// It evaluates trades, or bars of them.
    pub trades: bool,
    /// A stream of quotes or of the book is subscribed.
    pub quotes: bool,
}

/// What stands in parentheses behind a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Takes {
    Nothing,
    Length,
    LengthAndWidth,
}

/// A name that rules know.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// As it is written.
    pub name: &'static str,
    /// What it is, with its unit.
    pub about: &'static str,
    unit: Unit,
    needs: Needs,
    takes: Takes,
    make: fn(u32, Num) -> Measure,
}

/// Every name that a rule may use.
pub const VOCABULARY: [Entry; 23] = [
    value("price", Unit::Price, Needs::Nothing, |_, _| Measure::Price, "price of the event"),
    value("open", Unit::Price, Needs::Bars, |_, _| Measure::Open, "first price of the bar"),
    value("high", Unit::Price, Needs::Bars, |_, _| Measure::High, "highest price of the bar"),
    value("low", Unit::Price, Needs::Bars, |_, _| Measure::Low, "lowest price of the bar"),
    value("close", Unit::Price, Needs::Bars, |_, _| Measure::Close, "last price of the bar"),
    value("volume", Unit::Base, Needs::Trades, |_, _| Measure::Volume, "base asset traded"),
    value("bid", Unit::Price, Needs::Quotes, |_, _| Measure::Bid, "best bid"),
    value("ask", Unit::Price, Needs::Quotes, |_, _| Measure::Ask, "best ask"),
    value("spread", Unit::Share, Needs::Quotes, |_, _| Measure::Spread, "share of the middle"),
    value("position", Unit::Base, Needs::Nothing, |_, _| Measure::Position, "held, short below 0"),
    value(
        "profit",
        Unit::Share,
        Needs::Nothing,
        |_, _| Measure::Profit,
        "share of the entry price",
    ),
    value("loss", Unit::Share, Needs::Nothing, |_, _| Measure::Loss, "share of the entry price"),
    value("holding", Unit::Time, Needs::Nothing, |_, _| Measure::Holding, "time since the entry"),
    over("ema", Unit::Price, |n, _| one(Indicator::Ema(n)), "exponential moving average"),
    over("sma", Unit::Price, |n, _| one(Indicator::Sma(n)), "simple moving average"),
    over("rsi", Unit::Index, |n, _| one(Indicator::Rsi(n)), "relative strength index, 0 to 100"),
    over("atr", Unit::Price, |n, _| one(Indicator::Atr(n)), "average true range"),
    band("bollinger_upper", |n, w| Measure::Indicator(Indicator::Bollinger(n, w), Line::Upper)),
    band("bollinger_middle", |n, w| Measure::Indicator(Indicator::Bollinger(n, w), Line::Middle)),
    band("bollinger_lower", |n, w| Measure::Indicator(Indicator::Bollinger(n, w), Line::Lower)),
    over(
        "donchian_high",
        Unit::Price,
        |n, _| Measure::Indicator(Indicator::Donchian(n), Line::Upper),
        "highest price of the events before this one",
    ),
    over(
        "donchian_low",
        Unit::Price,
        |n, _| Measure::Indicator(Indicator::Donchian(n), Line::Lower),
        "lowest price of the events before this one",
    ),
    value(
        "vwap",
        Unit::Price,
        Needs::Trades,
        |_, _| one(Indicator::Vwap),
        "average of the UTC day",
    ),
];

const fn value(
    name: &'static str,
    unit: Unit,
    needs: Needs,
    make: fn(u32, Num) -> Measure,
    about: &'static str,
) -> Entry {
    Entry { name, about, unit, needs, takes: Takes::Nothing, make }
}

const fn over(
    name: &'static str,
    unit: Unit,
    make: fn(u32, Num) -> Measure,
    about: &'static str,
) -> Entry {
    Entry { name, about, unit, needs: Needs::Nothing, takes: Takes::Length, make }
}

const fn band(name: &'static str, make: fn(u32, Num) -> Measure) -> Entry {
    let about = "Bollinger band";
    let (unit, needs, takes) = (Unit::Price, Needs::Nothing, Takes::LengthAndWidth);
    Entry { name, about, unit, needs, takes, make }
}

fn one(indicator: Indicator) -> Measure {
    Measure::Indicator(indicator, Line::Middle)
}

impl fmt::Display for Measure {
    /// As it is named in records: `rsi(14)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |entry: &&Entry| (entry.make)(0, Num::ZERO) == *self;
        match *self {
            Self::Indicator(Indicator::Ema(n), _) => write!(f, "ema({n})"),
            Self::Indicator(Indicator::Sma(n), _) => write!(f, "sma({n})"),
            Self::Indicator(Indicator::Rsi(n), _) => write!(f, "rsi({n})"),
            Self::Indicator(Indicator::Atr(n), _) => write!(f, "atr({n})"),
            Self::Indicator(Indicator::Bollinger(n, width), line) => {
                let line = match line {
                    Line::Lower => "lower",
                    Line::Middle => "middle",
                    Line::Upper => "upper",
                };
                write!(f, "bollinger_{line}({n}")?;
                if width == width_of_bands() { f.write_str(")") } else { write!(f, ", {width})") }
            }
            Self::Indicator(Indicator::Donchian(n), Line::Lower) => write!(f, "donchian_low({n})"),
            Self::Indicator(Indicator::Donchian(n), _) => write!(f, "donchian_high({n})"),
            _ => f.write_str(VOCABULARY.iter().find(plain).map_or("?", |entry| entry.name)),
        }
    }
}

/// Standard deviations of Bollinger bands that name none.
fn width_of_bands() -> Num {
    Num::from(2)
}

/// Looks a name up.
pub(super) fn find(named: &Named, around: Around) -> Result<(Measure, Unit), Mistake> {
    let Some(entry) = VOCABULARY.iter().find(|entry| entry.name == named.name) else {
        let known = VOCABULARY.iter().map(|entry| entry.name.to_owned()).collect();
        let advice = Advice::Names { found: named.name.clone(), known };
        let message = format!("no value or indicator is called `{}`", named.name);
        return Err(Mistake { advice, ..Mistake::new(named.span.clone(), message) });
    };
    entry.available(named, around)?;
    let (length, width) = entry.arguments(named)?;
    Ok(((entry.make)(length, width), entry.unit))
}

impl Entry {
    fn available(&self, named: &Named, around: Around) -> Result<(), Mistake> {
        let holds = match self.needs {
            Needs::Nothing => true,
            Needs::Bars => around.bars,
            Needs::Trades => around.trades,
            Needs::Quotes => around.quotes,
        };
        if holds {
            return Ok(());
        }
        let name = self.name;
        let span = named.span.clone();
        Err(match self.needs {
            Needs::Quotes => {
                Mistake::new(span, format!("`{name}` needs quotes, and none are subscribed"))
                    .say("add \"bookTicker\" or \"depth@100ms\" to venue.streams")
            }
            Needs::Bars => {
                Mistake::new(span, format!("`{name}` is a value of bars, and the feed has none"))
                    .say("every feed has `price`; or set the feed to \"bars:1m\"")
            }
            _ => {
                Mistake::new(span, format!("`{name}` is a value of trades, and the feed is quotes"))
                    .say("set the feed to \"trades\" or \"bars:1m\"")
            }
        })
    }

    /// Length and width; zero where the name takes none.
    fn arguments(&self, named: &Named) -> Result<(u32, Num), Mistake> {
        let name = self.name;
        let given = named.arguments.as_deref().unwrap_or_default();
        let most = match self.takes {
            Takes::Nothing => 0,
            Takes::Length => 1,
            Takes::LengthAndWidth => 2,
        };
        if let Some(more) = given.get(most) {
            let takes = match most {
                0 => "no number",
                1 => "one number",
                _ => "two numbers",
            };
            let message = format!("`{name}` takes {takes}, not more");
            return Err(Mistake::new(more.span.clone(), message));
        }
        if self.takes == Takes::Nothing {
            return Ok((0, Num::ZERO));
        }
        let Some(first) = given.first() else {
            return Err(Mistake::new(named.whole.clone(), format!("`{name}` needs a length"))
                .say(format!("in events of the feed, as in {name}(20)")));
        };
        let length = length(first).ok_or_else(|| {
            let message = format!("a length is a whole number from 1 to {LENGTH_MAX}");
            Mistake::new(first.span.clone(), message).say("in events of the feed")
        })?;
        let width = match given.get(1) {
            None => width_of_bands(),
            Some(width) if width.unit == NumberUnit::Plain && width.written.is_positive() => {
                width.written
            }
            Some(width) => {
                let message = "a width is a number above 0, of standard deviations";
                return Err(Mistake::new(width.span.clone(), message));
            }
        };
        Ok((length, width))
    }
}

fn length(number: &Number) -> Option<u32> {
    let whole = number.unit == NumberUnit::Plain && number.written.is_multiple_of(Num::ONE);
    let length: u32 = number.written.round_dp(0).to_string().parse().ok()?;
    (whole && (1..=LENGTH_MAX).contains(&length)).then_some(length)
}
