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
}

impl Size {
    /// The number in it.
    pub fn num(&self) -> Num {
        match self {
            Self::Quantity(amount) | Self::Notional { amount, .. } | Self::Equity(amount) => {
                *amount
            }
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse =
            || format!("{text:?} is not a size such as \"0.01\", \"100 USDT\" or \"2% equity\"");
        let number = |digits: &str| digits.parse::<Num>().map_err(|_| refuse());
        match text.split_once(' ') {
            None => number(text).map(Self::Quantity),
            Some((share, "equity")) if share.ends_with('%') => {
                share.parse::<Ratio>().map(|ratio| Self::Equity(ratio.0)).map_err(|_| refuse())
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
            Self::Equity(share) => match share.mul(Num::from(100)) {
                Ok(percent) => write!(f, "{percent}% equity"),
                Err(_) => Err(fmt::Error),
            },
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
}

impl FromStr for Feed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("bars:")) {
            ("trades", _) => Ok(Self::Trades),
            ("quotes", _) => Ok(Self::Quotes),
            (_, Some(length)) => length.parse().map(Self::Bars),
            _ => Err(format!("{text:?} is none of \"trades\", \"quotes\", \"bars:1s\"")),
        }
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trades => f.write_str("trades"),
            Self::Quotes => f.write_str("quotes"),
            Self::Bars(length) => write!(f, "bars:{length}"),
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
    Size "a size such as \"0.01\", \"100 USDT\" or \"2% equity\"",
    Feed "one of \"trades\", \"quotes\", \"bars:1s\"",
}
