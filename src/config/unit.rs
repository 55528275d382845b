//! The scalars of a configuration that carry a unit or must stay exact. Each is read from its
//! source text and shown in one canonical form, so that equal configurations have equal hashes.

use std::fmt;
use std::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::read::SCALAR;
use crate::domain::{Nanos, Num, NumError};

/// An exact number, `0.01` or `"0.01"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Exact(pub Num);

impl FromStr for Exact {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error| format!("{text:?} is {error}"))
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A share of something: `"1%"` and `0.01` are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Ratio(pub Num);

impl FromStr for Ratio {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, scale) = match text.strip_suffix('%') {
            Some(percent) => (percent.trim_end(), 2),
            None => (text, 0),
        };
        let number: Num = digits.parse().map_err(|error| format!("{text:?} is {error}"))?;
        let unit = Num::new(1, scale).map_err(|error| error.to_string())?;
        let share = number.mul(unit).map_err(|error| error.to_string())?;
        // As if it had been written as a plain share: a replay reads it from the canonical text
        // and must record the same bytes.
        share.to_string().parse().map(Self).map_err(|error: NumError| error.to_string())
    }
}

impl fmt::Display for Ratio {
    /// As a plain share: `0.01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A span of time in nanoseconds: `"250ms"`, `"60s"`, `"1m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TimeSpan(pub Nanos);

/// Units of time in nanoseconds, largest first.
const TIME_UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl TimeSpan {
    /// From milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// From seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self::millis(seconds * 1_000)
    }
}

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        with_unit(text, &TIME_UNITS).map(Self).ok_or_else(|| {
            format!("{text:?} is not a time span such as \"60s\", \"250ms\", \"1m\", or too long")
        })
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_unit(f, self.0, &TIME_UNITS, "s")
    }
}

/// A number of bytes: `"64MiB"`, `"20GiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ByteSize(pub u64);

/// Units of size in bytes, largest first.
const BYTE_UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl ByteSize {
    /// From mebibytes.
    pub const fn mebi(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        with_unit(text, &BYTE_UNITS)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a size such as \"64MiB\", \"20GiB\""))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_unit(f, self.0, &BYTE_UNITS, "B")
    }
}

/// A whole number followed by one of `units`; `None` when it is not, or does not fit.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, size) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*size)
}

/// In the largest unit that divides it; zero in the unit `zero`.
fn write_with_unit(
    f: &mut fmt::Formatter<'_>,
    value: u64,
    units: &[(&str, u64)],
    zero: &str,
) -> fmt::Result {
    match units.iter().find(|(_, size)| value != 0 && value.is_multiple_of(*size)) {
        Some((name, size)) => write!(f, "{}{name}", value / size),
        None => write!(f, "0{zero}"),
    }
}

/// How large an order a strategy asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Size {
    /// An amount of base asset: `"0.01"`.
    Quantity(Num),
    /// What an amount of an asset buys: `"100 USDT"`.
    Notional {
        /// How much.
        amount: Num,
        /// Of what.
        asset: String,
    },
    /// A share of the account's equity: `"2% equity"`, kept as 0.02.
    Equity(Num),
    /// What loses a share of the account's equity at the stop:
    /// `"risk 0.5% per trade to the stop"` or `"risk 0.5%"`, kept as 0.005.
    Risk(Num),
}

/// What may follow the share in a [`Size::Risk`].
const RISK_WORDS: [&str; 3] = ["", " per trade", " per trade to the stop"];

impl Size {
    /// The number in it.
    pub fn num(&self) -> Num {
        match self {
            Self::Quantity(amount)
            | Self::Notional { amount, .. }
            | Self::Equity(amount)
            | Self::Risk(amount) => *amount,
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "{text:?} is not a size such as \"0.01\", \"100 USDT\", \"2% equity\" or \
                 \"risk 0.5% per trade to the stop\""
            )
        };
        let number = |digits: &str| digits.parse::<Num>().map_err(|_| refuse());
        match text.split_once(' ') {
            None => number(text).map(Self::Quantity),
            Some((share, "equity")) if share.ends_with('%') => {
                share.parse::<Ratio>().map(|ratio| Self::Equity(ratio.0)).map_err(|_| refuse())
            }
            Some(("risk", rest)) => {
                let end = rest.find('%').map_or(0, |at| at + 1);
                let (share, words) = rest.split_at_checked(end).ok_or_else(refuse)?;
                let share = share.parse::<Ratio>().map_err(|_| refuse())?;
                let known = end > 0 && RISK_WORDS.contains(&words);
                known.then_some(Self::Risk(share.0)).ok_or_else(refuse)
            }
            Some((amount, asset)) if is_asset(asset) => {
                Ok(Self::Notional { amount: number(amount)?, asset: asset.to_owned() })
            }
            Some(_) => Err(refuse()),
        }
    }
}

/// True for an asset's name: capitals and digits.
pub(super) fn is_asset(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 20
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantity(quantity) => write!(f, "{quantity}"),
            Self::Notional { amount, asset } => write!(f, "{amount} {asset}"),
            Self::Equity(share) => write!(f, "{}% equity", percent(*share)?),
            Self::Risk(share) => write!(f, "risk {}% per trade to the stop", percent(*share)?),
        }
    }
}

/// A share in percent.
fn percent(share: Num) -> Result<Num, fmt::Error> {
    share.mul(Num::from(100)).map_err(|_| fmt::Error)
}

/// How far an exit is from the price it is measured from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distance {
    /// A share of that price: `"1%"`, kept as 0.01.
    Ratio(Num),
    /// An amount of an asset for each unit of base: `"25 USDT"`.
    Price {
        /// How much.
        amount: Num,
        /// Of what.
        asset: String,
    },
    /// A multiple of the average true range: `"1.5 atr"`.
    Atr(Num),
}

impl Distance {
    /// The number in it.
    pub fn num(&self) -> Num {
        match self {
            Self::Ratio(amount) | Self::Price { amount, .. } | Self::Atr(amount) => *amount,
        }
    }
}

impl FromStr for Distance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse =
            || format!("{text:?} is not a distance such as \"1%\", \"1.5 atr\" or \"25 USDT\"");
        let number = |digits: &str| digits.parse::<Num>().map_err(|_| refuse());
        match text.split_once(' ') {
            None if text.ends_with('%') => {
                text.parse::<Ratio>().map(|ratio| Self::Ratio(ratio.0)).map_err(|_| refuse())
            }
            Some((multiple, "atr")) => number(multiple).map(Self::Atr),
            Some((amount, asset)) if is_asset(asset) => {
                Ok(Self::Price { amount: number(amount)?, asset: asset.to_owned() })
            }
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ratio(share) => write!(f, "{}%", percent(*share)?),
            Self::Price { amount, asset } => write!(f, "{amount} {asset}"),
            Self::Atr(multiple) => write!(f, "{multiple} atr"),
        }
    }
}

/// What makes a strategy evaluate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// Every trade: `"trades"`.
    Trades,
    /// Every change of the best bid or ask: `"quotes"`.
    Quotes,
    /// The close of every bar of this length: `"bars:1s"`.
    Bars(TimeSpan),
    /// The close of every bar of so many trades: `"ticks:100"`.
    Ticks(u64),
    /// The close of every bar of at least so much base asset: `"volume:10"`.
    Volume(Num),
    /// The close of every bar of at least so much quote asset: `"notional:100000"`.
    Notional(Num),
}

impl FromStr for Feed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is none of \"trades\", \"quotes\", \"bars:1m\", \"ticks:100\", \
                 \"volume:10\", \"notional:100000\""
            )
        };
        let amount = |digits: &str| digits.parse::<Num>().map_err(|_| wrong());
        match text.split_once(':') {
            None if text == "trades" => Ok(Self::Trades),
            None if text == "quotes" => Ok(Self::Quotes),
            Some(("bars", length)) => length.parse().map(Self::Bars),
            Some(("ticks", trades)) => trades.parse().map(Self::Ticks).map_err(|_| wrong()),
            Some(("volume", quantity)) => amount(quantity).map(Self::Volume),
            Some(("notional", value)) => amount(value).map(Self::Notional),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trades => f.write_str("trades"),
            Self::Quotes => f.write_str("quotes"),
            Self::Bars(length) => write!(f, "bars:{length}"),
            Self::Ticks(trades) => write!(f, "ticks:{trades}"),
            Self::Volume(quantity) => write!(f, "volume:{quantity}"),
            Self::Notional(value) => write!(f, "notional:{value}"),
        }
    }
}

/// Reads a type through its `FromStr`.
struct FromText<T> {
    expected: &'static str,
    of: std::marker::PhantomData<T>,
}

impl<T: FromStr<Err = String>> Visitor<'_> for FromText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! scalar {
    ($($type:ident $expected:literal),* $(,)?) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let visitor = FromText { expected: $expected, of: std::marker::PhantomData };
                deserializer.deserialize_newtype_struct(SCALAR, visitor)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

scalar! {
    Exact "a number",
    Ratio "a share such as \"1%\"",
    TimeSpan "a time span such as \"60s\"",
    ByteSize "a size such as \"64MiB\"",
    Size "a size such as \"0.01\", \"100 USDT\", \"2% equity\" or \"risk 0.5% per trade to the stop\"",
    Distance "a distance such as \"1%\", \"1.5 atr\" or \"25 USDT\"",
    Feed "a feed such as \"trades\", \"quotes\", \"bars:1m\", \"ticks:100\"",
}
