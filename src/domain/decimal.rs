//! `Num`: an exact decimal number, the representation behind [`Price`](super::Price),
//! [`Quantity`](super::Quantity) and [`Money`](super::Money).
//!
//! It wraps `rust_decimal` privately, so that the representation can change when a profile asks
//! for it. Arithmetic is checked: an overflow is an error value, never a panic and never a wrap.
//! Text with up to eight fractional digits (what venues send) is stored at the canonical scale of
//! eight, so that comparing two venue numbers is one integer comparison.
//!
//! In compact formats a number is a varint mantissa and a scale byte (`rust_decimal`'s own serde
//! needs a self-describing format); in human-readable formats it is a string, never a float.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The canonical number of fractional digits.
const SCALE: u32 = 8;

/// Powers of ten.
const POWERS: [i64; 19] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
    10_000_000_000_000,
    100_000_000_000_000,
    1_000_000_000_000_000,
    10_000_000_000_000_000,
    100_000_000_000_000_000,
    1_000_000_000_000_000_000,
];

/// Why a number could not be read or computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum NumError {
    /// The text is not a plain decimal number (digits, at most one point, an optional minus).
    #[error("not a decimal number")]
    NotANumber,
    /// More digits than an exact number holds (28).
    #[error("more digits than an exact number holds")]
    TooLong,
    /// The result of an operation does not fit.
    #[error("number overflow")]
    Overflow,
    /// Division by zero.
    #[error("division by zero")]
    DivisionByZero,
}

/// An exact signed decimal number.
#[derive(Clone, Copy, Eq, Default)]
pub struct Num(Decimal);

impl Num {
    /// Zero.
    pub const ZERO: Self = Self(Decimal::ZERO);
    /// One.
    pub const ONE: Self = Self(Decimal::ONE);
    /// The smallest number.
    pub const MIN: Self = Self(Decimal::MIN);
    /// The largest number.
    pub const MAX: Self = Self(Decimal::MAX);

    /// `mantissa / 10^scale`, for constants and tests; a scale above 28 is an error.
    pub fn new(mantissa: i64, scale: u32) -> Result<Self, NumError> {
        Decimal::try_new(mantissa, scale).map(Self).map_err(|_| NumError::TooLong)
    }

    /// Reads venue text: digits with at most one point and an optional leading minus.
    ///
    /// No exponent, no spaces, no plus: venues do not send them, and a typo must not pass.
    pub fn parse(text: &[u8]) -> Result<Self, NumError> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let mut mantissa: u64 = 0;
        let mut scale: Option<u32> = None;
        if digits.is_empty() || digits.len() > 19 {
            return Self::parse_long(text);
        }
        for &byte in digits {
            match byte {
                b'0'..=b'9' => {
                    mantissa = mantissa * 10 + u64::from(byte - b'0');
                    scale = scale.map(|s| s + 1);
                }
                b'.' if scale.is_none() => scale = Some(0),
                _ => return Err(NumError::NotANumber),
            }
        }
        if digits.len() == 1 && scale.is_some() {
            return Err(NumError::NotANumber);
        }
        let scale = scale.unwrap_or(0);
        Ok(Self(canonical(negative, u128::from(mantissa), scale)))
    }

    /// The rare long form: more than 18 digits, or empty.
    #[cold]
    fn parse_long(text: &[u8]) -> Result<Self, NumError> {
        let text = std::str::from_utf8(text).map_err(|_| NumError::NotANumber)?;
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
        if text.is_empty() || !plain {
            return Err(NumError::NotANumber);
        }
        if text.bytes().filter(u8::is_ascii_digit).count() > 29 {
            return Err(NumError::TooLong);
        }
        Decimal::from_str_exact(text).map(Self).map_err(|_| NumError::NotANumber)
    }

    /// Sum; an overflow is an error.
    pub fn add(self, other: Self) -> Result<Self, NumError> {
        self.short_sum(other).map_or_else(|| self.long_sum(other), Ok)
    }

    /// Difference; an overflow is an error.
    pub fn sub(self, other: Self) -> Result<Self, NumError> {
        self.add(other.neg())
    }

    /// Product; an overflow is an error.
    pub fn mul(self, other: Self) -> Result<Self, NumError> {
        self.short_product(other).map_or_else(|| self.long_product(other), Ok)
    }

    /// The sum by plain integer arithmetic: what every tick needs several times. `None` for a
    /// number that is too long for it.
    #[inline]
    fn short_sum(self, other: Self) -> Option<Self> {
        let scale = self.0.scale().max(other.0.scale());
        match (self.short_at(scale), other.short_at(scale)) {
            (Some(left), Some(right)) => match left.checked_add(right) {
                Some(sum) => Some(from_short(sum, scale)),
                None => from_mantissa(i128::from(left) + i128::from(right), scale),
            },
            _ => from_mantissa(self.mantissa_at(scale)? + other.mantissa_at(scale)?, scale),
        }
    }

    /// The mantissa, when it fits 63 bits: nearly always.
    #[inline]
    fn short(self) -> Option<i64> {
        let parts = self.0.unpack();
        if parts.hi != 0 || parts.mid >> 31 != 0 {
            return None;
        }
        let magnitude = (i64::from(parts.mid) << 32) | i64::from(parts.lo);
        Some(if parts.negative { -magnitude } else { magnitude })
    }

    /// The short mantissa at a scale not below the number's own; `None` when it does not fit.
    #[inline]
    fn short_at(self, scale: u32) -> Option<i64> {
        let mantissa = self.short()?;
        if self.0.scale() == scale {
            return Some(mantissa);
        }
        mantissa.checked_mul(*POWERS.get(scale.checked_sub(self.0.scale())? as usize)?)
    }

    /// The mantissa at a scale not below the number's own; `None` when it is too long for plain
    /// integer arithmetic.
    fn mantissa_at(self, scale: u32) -> Option<i128> {
        let mantissa = self.0.mantissa();
        if self.0.scale() == scale {
            return Some(mantissa);
        }
        let power = *POWERS.get(scale.checked_sub(self.0.scale())? as usize)?;
        Some(i128::from(i64::try_from(mantissa).ok()?) * i128::from(power))
    }

    #[cold]
    fn long_sum(self, other: Self) -> Result<Self, NumError> {
        self.0.checked_add(other.0).map(Self).ok_or(NumError::Overflow)
    }

    /// The product by plain integer arithmetic; see [`Num::short_sum`].
    #[inline]
    fn short_product(self, other: Self) -> Option<Self> {
        let scale = self.0.scale() + other.0.scale();
        from_mantissa(i128::from(self.short()?) * i128::from(other.short()?), scale)
    }

    #[cold]
    fn long_product(self, other: Self) -> Result<Self, NumError> {
        self.0.checked_mul(other.0).map(Self).ok_or(NumError::Overflow)
    }

    /// Quotient, rounded half to even at the 28th digit.
    pub fn div(self, other: Self) -> Result<Self, NumError> {
        if other.0.is_zero() {
            return Err(NumError::DivisionByZero);
        }
        self.0.checked_div(other.0).map(Self).ok_or(NumError::Overflow)
    }

    /// The negated number.
    #[must_use]
    pub fn neg(self) -> Self {
        Self(-self.0)
    }

    /// The absolute value.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// True for zero.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// True below zero.
    pub fn is_negative(self) -> bool {
        self.0.is_sign_negative() && !self.0.is_zero()
    }

    /// True above zero.
    pub fn is_positive(self) -> bool {
        self.0.is_sign_positive() && !self.0.is_zero()
    }

    /// The largest multiple of `step` not above `self` in magnitude; `self` when `step` is zero.
    pub fn floor_to(self, step: Self) -> Result<Self, NumError> {
        if step.is_zero() {
            return Ok(self);
        }
        self.sub(self.rest(step)?)
    }

    /// True when `self` is a whole number of `step`s; a zero step allows everything.
    pub fn is_multiple_of(self, step: Self) -> bool {
        step.is_zero() || self.rest(step).is_ok_and(Self::is_zero)
    }

    /// What is left of `self` after taking as many whole `step`s as fit; `step` is not zero.
    fn rest(self, step: Self) -> Result<Self, NumError> {
        let short = || {
            let scale = self.0.scale().max(step.0.scale());
            let rest = self.short_at(scale)?.checked_rem(step.short_at(scale)?)?;
            Some(from_short(rest, scale))
        };
        short().map_or_else(|| self.0.checked_rem(step.0).map(Self).ok_or(NumError::Overflow), Ok)
    }

    /// Rounded half to even to `digits` fractional digits, for display.
    #[must_use]
    pub fn round_dp(self, digits: u32) -> Self {
        Self(self.0.round_dp_with_strategy(digits, RoundingStrategy::MidpointNearestEven))
    }

    /// Fractional digits after removing trailing zeros: 0.01000 has two.
    pub fn significant_scale(self) -> u32 {
        self.0.normalize().scale()
    }

    /// Scale and mantissa, as compact formats hold them; `None` for the few longer ones.
    #[inline]
    pub fn compact(self) -> Option<(u8, i64)> {
        Some((self.scale_byte(), self.short()?))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a scale is at most 28")]
    fn scale_byte(self) -> u8 {
        self.0.scale() as u8
    }

    /// The nearest float: for indicators, pixels and gauges only.
    pub fn to_f64(self) -> f64 {
        const POWERS: [f64; 19] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
            1e16, 1e17, 1e18,
        ];
        // Both operands are exact below 2^53, so one division rounds correctly.
        match (self.short(), POWERS.get(self.0.scale() as usize)) {
            #[expect(clippy::cast_precision_loss, reason = "checked to be below 2^53")]
            (Some(mantissa), Some(power)) if mantissa.unsigned_abs() < 1 << 53 => {
                mantissa as f64 / power
            }
            _ => self.0.to_f64().unwrap_or(f64::NAN),
        }
    }

    /// The exact decimal nearest to a finite float, rounded to the canonical scale; `None` for NaN
    /// and infinities. Only a size computed from an indicator comes this way.
    pub fn from_f64(value: f64) -> Option<Self> {
        let decimal = Decimal::from_f64_retain(value)?;
        Some(Self(decimal.round_dp(SCALE)))
    }
}

/// A number from a short mantissa at a scale that a number already has.
#[inline]
fn from_short(mantissa: i64, scale: u32) -> Num {
    let (low, middle, _) = words(u128::from(mantissa.unsigned_abs()));
    Num(Decimal::from_parts(low, middle, 0, mantissa < 0, scale))
}

/// A number from its parts; `None` when it has more than 96 bits or 28 fractional digits.
#[inline]
fn from_mantissa(mantissa: i128, scale: u32) -> Option<Num> {
    let magnitude = mantissa.unsigned_abs();
    if magnitude >> 96 != 0 || scale > Decimal::MAX_SCALE {
        return None;
    }
    let (low, middle, high) = words(magnitude);
    Some(Num(Decimal::from_parts(low, middle, high, mantissa < 0, scale)))
}

/// The three 32-bit words of a 96-bit number.
#[expect(clippy::cast_possible_truncation, reason = "each word is what is left of a shift")]
fn words(magnitude: u128) -> (u32, u32, u32) {
    (magnitude as u32, (magnitude >> 32) as u32, (magnitude >> 64) as u32)
}

/// Pads a short mantissa to the canonical scale.
fn canonical(negative: bool, mantissa: u128, scale: u32) -> Decimal {
    let (mantissa, scale) = match SCALE.checked_sub(scale) {
        Some(missing) => {
            let power = POWERS.get(missing as usize).copied().unwrap_or(1);
            (mantissa * u128::from(power.unsigned_abs()), SCALE)
        }
        None => (mantissa, scale),
    };
    let (low, middle, high) = words(mantissa);
    Decimal::from_parts(low, middle, high, negative && mantissa != 0, scale)
}

impl PartialEq for Num {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Hash for Num {
    /// Equal numbers hash alike, whatever their scale.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialOrd for Num {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Num {
    /// Numbers of one scale, as a venue sends them, compare as integers.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.0.scale().max(other.0.scale());
        match (self.short_at(scale), other.short_at(scale)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => self.0.cmp(&other.0),
        }
    }
}

impl FromStr for Num {
    type Err = NumError;

    fn from_str(text: &str) -> Result<Self, NumError> {
        Self::parse(text.as_bytes())
    }
}

impl From<i64> for Num {
    fn from(value: i64) -> Self {
        Self(Decimal::from(value))
    }
}

impl fmt::Display for Num {
    /// Without trailing zeros, unless a precision asks for them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.precision() {
            // A zero that was negated keeps its sign inside: nobody wants to read -0.00.
            Some(_) if self.is_zero() => fmt::Display::fmt(&Decimal::ZERO, f),
            Some(_) => fmt::Display::fmt(&self.0, f),
            None => fmt::Display::fmt(&self.0.normalize(), f),
        }
    }
}

impl fmt::Debug for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            match self.compact() {
                Some(short) => short.serialize(serializer),
                None => (self.scale_byte() | 0x80, self.0.mantissa()).serialize(serializer),
            }
        }
    }
}

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            deserializer.deserialize_tuple(2, CompactNum)
        }
    }
}

/// Reads the compact form: a scale byte, whose high bit says that a 128-bit mantissa follows.
struct CompactNum;

impl<'de> serde::de::Visitor<'de> for CompactNum {
    type Value = Num;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scale and a mantissa")
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Num, A::Error> {
        use serde::de::Error;
        let short = || A::Error::custom("a number ends early");
        let scale: u8 = seq.next_element()?.ok_or_else(short)?;
        let mantissa = if scale & 0x80 == 0 {
            i128::from(seq.next_element::<i64>()?.ok_or_else(short)?)
        } else {
            seq.next_element::<i128>()?.ok_or_else(short)?
        };
        Decimal::try_from_i128_with_scale(mantissa, u32::from(scale & 0x7f))
            .map(Num)
            .map_err(|_| A::Error::custom("a number out of range"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn num(text: &str) -> Num {
        text.parse().unwrap()
    }

    #[test]
    fn what_a_venue_sends_is_read_exactly() {
        for (text, shown) in [
            ("61837.63000000", "61837.63"),
            ("0.00001000", "0.00001"),
            ("-12.5", "-12.5"),
            ("0.0000000001", "0.0000000001"),
            ("12345678901234567890.12345678", "12345678901234567890.12345678"),
            ("-0.00", "0"),
        ] {
            assert_eq!(num(text).to_string(), shown);
        }
    }

    #[test]
    fn what_no_venue_sends_is_refused() {
        for text in ["", ".", "-", "1e5", "+1", " 1", "1.2.3", "NaN", "inf", "0x1", "1,0", "--1"] {
            assert!(text.parse::<Num>().is_err(), "{text:?} passed");
        }
        assert_eq!("1".repeat(40).parse::<Num>(), Err(NumError::TooLong));
    }

    #[test]
    fn a_zero_has_no_sign() {
        let zero = num("0.5").sub(num("0.5")).unwrap().neg();
        assert_eq!((format!("{zero:.2}"), zero.to_string()), ("0.00".into(), "0".into()));
        assert_eq!(format!("{:.2}", num("-0.5")), "-0.50");
    }

    #[test]
    fn flooring_to_a_lot_never_exceeds_what_is_held() {
        assert_eq!(num("0.00999").floor_to(num("0.0001")).unwrap(), num("0.0099"));
        assert_eq!(num("5").floor_to(Num::ZERO).unwrap(), num("5"));
    }

    proptest! {
        /// A number that changes on its way through a tape would break replay.
        #[test]
        fn both_encodings_give_the_same_number_back(mantissa in any::<i64>(), scale in 0_u32..=18) {
            let value = Num::new(mantissa, scale).unwrap();
            let bytes = postcard::to_stdvec(&value).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Num>(&bytes).unwrap(), value);
            let json = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(serde_json::from_str::<Num>(&json).unwrap(), value);
        }

        /// The short arithmetic agrees with the library's own: a wrong sum is a wrong balance.
        #[test]
        fn arithmetic_agrees_with_rust_decimal(
            a in any::<i64>(), b in any::<i64>(), wide in any::<bool>(),
            scale_a in 0_u32..=20, scale_b in 0_u32..=20,
        ) {
            let widen = |value: i64| i128::from(value) * if wide { 1 << 30 } else { 1 };
            let left = Decimal::try_from_i128_with_scale(widen(a), scale_a).unwrap();
            let right = Decimal::try_from_i128_with_scale(widen(b), scale_b).unwrap();
            let (x, y) = (Num(left), Num(right));
            prop_assert_eq!(x.add(y).ok().map(|n| n.0), left.checked_add(right));
            prop_assert_eq!(x.sub(y).ok().map(|n| n.0), left.checked_sub(right));
            prop_assert_eq!(x.mul(y).ok().map(|n| n.0), left.checked_mul(right));
            prop_assert_eq!(x.cmp(&y), left.cmp(&right));
            prop_assert!(b == 0 || x.rest(y).ok().map(|n| n.0) == left.checked_rem(right));
        }

        /// The fast parser agrees with the library's own.
        #[test]
        fn parsing_agrees_with_rust_decimal(text in "-?[0-9]{1,12}(\\.[0-9]{1,12})?") {
            let expected = Decimal::from_str_exact(&text).unwrap();
            prop_assert_eq!(num(&text).0, expected);
        }
    }
}
