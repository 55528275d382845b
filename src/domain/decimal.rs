//! `Num`: an exact decimal number, the representation behind [`Price`](super::Price),
//! [`Quantity`](super::Quantity) and [`Money`](super::Money).
//!
//! The representation is private: a mantissa and a scale in two machine words, which travel in
//! registers. Mantissas of 64 bits, which is nearly all of them, are computed here; the rest, and
//! every division, is left to `rust_decimal`, whose range (96 bits, 28 digits) is the range of a
//! number. Arithmetic is checked: an overflow is an error value, never a panic and never a wrap.
//! Text with up to eight fractional digits (what venues send) is stored at the canonical scale of
//! eight, so that comparing two venue numbers is one integer comparison.
//!
//! In compact formats a number is a varint mantissa and a scale byte (`rust_decimal`'s own serde
//! needs a self-describing format); in human-readable formats it is a string, never a float.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The canonical number of fractional digits.
const SCALE: u32 = 8;

/// The largest mantissa: 96 bits.
const MANTISSA_MAX: i128 = (1 << 96) - 1;

/// Bits of a packed number that hold its scale.
const SCALE_BITS: u32 = 8;

/// In compact formats, the bit of the scale byte that says that a 128-bit mantissa follows.
const LONG: u8 = 0x80;

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

/// An exact signed decimal number: mantissa / 10^scale.
#[derive(Clone, Copy, Eq, Default)]
pub struct Num {
    /// The mantissa's lower 64 bits.
    low: u64,
    /// The mantissa's upper bits with its sign, then eight bits of scale.
    rest: i64,
}

impl Num {
    /// Zero.
    pub const ZERO: Self = Self::pack(0, 0);
    /// One.
    pub const ONE: Self = Self::pack(1, 0);
    /// The smallest number.
    pub const MIN: Self = Self::pack(-MANTISSA_MAX, 0);
    /// The largest number.
    pub const MAX: Self = Self::pack(MANTISSA_MAX, 0);

    /// `mantissa / 10^scale`, for constants and tests; a scale above 28 is an error.
    pub fn new(mantissa: i64, scale: u32) -> Result<Self, NumError> {
        if scale > Decimal::MAX_SCALE { Err(NumError::TooLong) } else { Ok(short(mantissa, scale)) }
    }

    /// Reads venue text: digits with at most one point and an optional leading minus.
    ///
    /// No exponent, no spaces, no plus: venues do not send them, and a typo must not pass.
    pub fn parse(text: &[u8]) -> Result<Self, NumError> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        if digits.is_empty() || digits.len() > 19 {
            return Self::parse_long(text);
        }
        let mut parts = digits.splitn(2, |byte| *byte == b'.');
        let whole = parts.next().unwrap_or_default();
        let fraction = parts.next().unwrap_or_default();
        if whole.is_empty() && fraction.is_empty() {
            return Err(NumError::NotANumber);
        }
        let mantissa = append(0, whole).and_then(|start| append(start, fraction));
        let mantissa = i128::from(mantissa.ok_or(NumError::NotANumber)?);
        // At most eighteen digits beside a point.
        let scale = u32::try_from(fraction.len()).unwrap_or_default();
        Ok(canonical(if negative { -mantissa } else { mantissa }, scale))
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
        Decimal::from_str_exact(text).map(Self::of).map_err(|_| NumError::NotANumber)
    }

    /// Sum; an overflow is an error.
    #[inline]
    pub fn add(self, other: Self) -> Result<Self, NumError> {
        let scale = self.scale().max(other.scale());
        if let (Some(left), Some(right)) = (self.short_at(scale), other.short_at(scale))
            && let Some(sum) = left.checked_add(right)
        {
            return Ok(short(sum, scale));
        }
        self.wide_sum(other, scale).map_or_else(|| self.long_sum(other), Ok)
    }

    /// The sum of what does not fit 64 bits, such as an account's money at sixteen digits.
    fn wide_sum(self, other: Self, scale: u32) -> Option<Self> {
        long(self.wide_at(scale)?.checked_add(other.wide_at(scale)?)?, scale)
    }

    /// Difference; an overflow is an error.
    #[inline]
    pub fn sub(self, other: Self) -> Result<Self, NumError> {
        self.add(other.neg())
    }

    /// Product; an overflow is an error.
    #[inline]
    pub fn mul(self, other: Self) -> Result<Self, NumError> {
        let scale = self.scale() + other.scale();
        let product = || long(i128::from(self.short()?) * i128::from(other.short()?), scale);
        product().map_or_else(|| self.long_product(other), Ok)
    }

    #[cold]
    fn long_sum(self, other: Self) -> Result<Self, NumError> {
        self.decimal().checked_add(other.decimal()).map(Self::of).ok_or(NumError::Overflow)
    }

    #[cold]
    fn long_product(self, other: Self) -> Result<Self, NumError> {
        self.decimal().checked_mul(other.decimal()).map(Self::of).ok_or(NumError::Overflow)
    }

    /// Quotient, rounded half to even at the 28th digit.
    pub fn div(self, other: Self) -> Result<Self, NumError> {
        if other.is_zero() {
            return Err(NumError::DivisionByZero);
        }
        self.decimal().checked_div(other.decimal()).map(Self::of).ok_or(NumError::Overflow)
    }

    /// The negated number.
    #[must_use]
    #[inline]
    pub fn neg(self) -> Self {
        Self::pack(-self.mantissa(), self.scale())
    }

    /// The absolute value.
    #[must_use]
    pub fn abs(self) -> Self {
        if self.is_negative() { self.neg() } else { self }
    }

    /// True for zero.
    #[inline]
    pub fn is_zero(self) -> bool {
        self.low == 0 && self.high() == 0
    }

    /// True below zero.
    #[inline]
    pub fn is_negative(self) -> bool {
        self.rest < 0
    }

    /// True above zero.
    #[inline]
    pub fn is_positive(self) -> bool {
        !self.is_negative() && !self.is_zero()
    }

    /// The largest multiple of `step` not above `self` in magnitude; `self` when `step` is zero.
    pub fn floor_to(self, step: Self) -> Result<Self, NumError> {
        if step.is_zero() {
            return Ok(self);
        }
        self.sub(self.rest_of(step)?)
    }

    /// True when `self` is a whole number of `step`s; a zero step allows everything.
    pub fn is_multiple_of(self, step: Self) -> bool {
        step.is_zero() || self.rest_of(step).is_ok_and(Self::is_zero)
    }

    /// What is left of `self` after taking as many whole `step`s as fit; `step` is not zero.
    fn rest_of(self, step: Self) -> Result<Self, NumError> {
        let scale = self.scale().max(step.scale());
        let rest = || self.short_at(scale)?.checked_rem(step.short_at(scale)?);
        let long = || self.decimal().checked_rem(step.decimal()).map(Self::of);
        rest().map(|rest| short(rest, scale)).or_else(long).ok_or(NumError::Overflow)
    }

    /// Rounded half to even to `digits` fractional digits, for display.
    #[must_use]
    pub fn round_dp(self, digits: u32) -> Self {
        let half_even = RoundingStrategy::MidpointNearestEven;
        Self::of(self.decimal().round_dp_with_strategy(digits, half_even))
    }

    /// The same number without the zeros behind its canonical scale. What is computed with again and
    /// again is kept like this: products of long numbers leave the fast path.
    #[must_use]
    pub fn trimmed(self) -> Self {
        let (mut mantissa, mut scale) = (self.mantissa(), self.scale());
        while scale > SCALE && mantissa % 10 == 0 {
            (mantissa, scale) = (mantissa / 10, scale - 1);
            if let Ok(mut mantissa) = i64::try_from(mantissa) {
                while scale > SCALE && mantissa % 10 == 0 {
                    (mantissa, scale) = (mantissa / 10, scale - 1);
                }
                return short(mantissa, scale);
            }
        }
        Self::pack(mantissa, scale)
    }

    /// Fractional digits after removing trailing zeros: 0.01000 has two.
    pub fn significant_scale(self) -> u32 {
        self.decimal().normalize().scale()
    }

    /// The nearest float: for indicators, pixels and gauges only.
    #[inline]
    pub fn to_f64(self) -> f64 {
        const POWERS: [f64; 19] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
            1e16, 1e17, 1e18,
        ];
        // Both operands are exact below 2^53, so one division rounds correctly.
        match (self.short(), POWERS.get(self.scale() as usize)) {
            #[expect(clippy::cast_precision_loss, reason = "checked to be below 2^53")]
            (Some(mantissa), Some(power)) if mantissa.unsigned_abs() < 1 << 53 => {
                mantissa as f64 / power
            }
            // The way through text is slow and rounds correctly: a level with many digits and a price
            // that equals it are the same float, however many zeros each has.
            _ => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// The exact decimal nearest to a finite float, rounded to the canonical scale; `None` for NaN
    /// and infinities. Only a size computed from an indicator comes this way.
    pub fn from_f64(value: f64) -> Option<Self> {
        Self::from_f64_at(value, SCALE)
    }

    /// The same with so many fractional digits: a range of a coin that costs a few ticks needs more.
    pub fn from_f64_at(value: f64, digits: u32) -> Option<Self> {
        Decimal::from_f64_retain(value).map(|decimal| Self::of(decimal.round_dp(digits)))
    }

    /// Scale and mantissa, as compact formats hold them; `None` for the few longer ones.
    #[inline]
    pub fn compact(self) -> Option<(u8, i64)> {
        Some((self.scale_byte(), self.short()?))
    }

    /// From a mantissa and a scale within the range.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "two halves of the mantissa")]
    #[expect(clippy::cast_sign_loss, reason = "the lower half has no sign")]
    const fn pack(mantissa: i128, scale: u32) -> Self {
        Self { low: mantissa as u64, rest: ((mantissa >> 64) as i64) << SCALE_BITS | scale as i64 }
    }

    fn of(decimal: Decimal) -> Self {
        Self::pack(decimal.mantissa(), decimal.scale())
    }

    /// For everything that is rare. Mantissa and scale are within its range: nothing else is packed.
    fn decimal(self) -> Decimal {
        Decimal::try_from_i128_with_scale(self.mantissa(), self.scale()).unwrap_or_default()
    }

    #[inline]
    fn mantissa(self) -> i128 {
        (i128::from(self.high()) << 64) | i128::from(self.low)
    }

    /// The mantissa's upper bits.
    #[inline]
    fn high(self) -> i64 {
        self.rest >> SCALE_BITS
    }

    #[inline]
    fn scale(self) -> u32 {
        self.scale_byte().into()
    }

    #[inline]
    fn scale_byte(self) -> u8 {
        let [scale, ..] = self.rest.to_le_bytes();
        scale
    }

    /// The mantissa, when it fits 64 bits: nearly always.
    #[inline]
    fn short(self) -> Option<i64> {
        let low = self.low.cast_signed();
        (self.high() == low >> 63).then_some(low)
    }

    /// The short mantissa at a scale not below the number's own; `None` when it does not fit.
    #[inline]
    fn short_at(self, scale: u32) -> Option<i64> {
        let mantissa = self.short()?;
        if self.scale() == scale {
            return Some(mantissa);
        }
        mantissa.checked_mul(power(scale, self.scale())?)
    }

    /// The mantissa at a scale not below the number's own; `None` when it does not fit 128 bits.
    fn wide_at(self, scale: u32) -> Option<i128> {
        self.mantissa().checked_mul(power(scale, self.scale())?.into())
    }
}

/// 10 to the power of the digits that a scale has more than another; `None` for too many of them.
#[inline]
fn power(to: u32, from: u32) -> Option<i64> {
    POWERS.get(to.checked_sub(from)? as usize).copied()
}

/// A number from a mantissa of 64 bits and a scale within the range.
#[inline]
const fn short(mantissa: i64, scale: u32) -> Num {
    Num { low: mantissa.cast_unsigned(), rest: (mantissa >> 63) << SCALE_BITS | scale as i64 }
}

/// A number from its parts; `None` when it has more than 96 bits or 28 fractional digits.
#[inline]
fn long(mantissa: i128, scale: u32) -> Option<Num> {
    let fits = mantissa.unsigned_abs() >> 96 == 0 && scale <= Decimal::MAX_SCALE;
    fits.then(|| Num::pack(mantissa, scale))
}

/// A mantissa with these ASCII digits behind it; `None` when one of them is no digit.
#[inline]
fn append(mantissa: u64, digits: &[u8]) -> Option<u64> {
    // What stands behind the point, as venues send it.
    if let Ok(digits) = <[u8; 8]>::try_from(digits) {
        return Some(mantissa * 100_000_000 + eight(digits)?);
    }
    digits.iter().try_fold(mantissa, |mantissa, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| mantissa * 10 + u64::from(digit))
    })
}

/// The value of eight ASCII digits, without eight steps that wait for each other: the eight make
/// four pairs, those make two fours, and those make one number.
#[inline]
fn eight(digits: [u8; 8]) -> Option<u64> {
    let digits = u64::from_le_bytes(digits) ^ 0x3030_3030_3030_3030;
    // The high bit of a byte tells that it is above nine.
    let wrong = (digits | digits.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080;
    let pairs = digits.wrapping_mul((10 << 8) | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul((100 << 16) | 1) >> 16 & 0x0000_ffff_0000_ffff;
    (wrong == 0).then_some(fours.wrapping_mul((10_000 << 32) | 1) >> 32)
}

/// Pads a short mantissa to the canonical scale.
#[inline]
fn canonical(mantissa: i128, scale: u32) -> Num {
    match SCALE.checked_sub(scale) {
        Some(missing) => {
            let power = POWERS.get(missing as usize).copied().unwrap_or(1);
            Num::pack(mantissa * i128::from(power), SCALE)
        }
        None => Num::pack(mantissa, scale),
    }
}

impl PartialEq for Num {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Hash for Num {
    /// Equal numbers hash alike, whatever their scale.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.decimal().hash(state);
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
        let scale = self.scale().max(other.scale());
        if let (Some(left), Some(right)) = (self.short_at(scale), other.short_at(scale)) {
            return left.cmp(&right);
        }
        match (self.wide_at(scale), other.wide_at(scale)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => self.decimal().cmp(&other.decimal()),
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
        short(value, 0)
    }
}

impl fmt::Display for Num {
    /// Without trailing zeros, unless a precision asks for them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.precision() {
            Some(_) => fmt::Display::fmt(&self.decimal(), f),
            None => fmt::Display::fmt(&self.decimal().normalize(), f),
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
            return serializer.collect_str(self);
        }
        match self.compact() {
            Some(short) => short.serialize(serializer),
            None => (self.scale_byte() | LONG, self.mantissa()).serialize(serializer),
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
        let early = || A::Error::custom("a number ends early");
        let scale: u8 = seq.next_element()?.ok_or_else(early)?;
        let mantissa = if scale & LONG == 0 {
            i128::from(seq.next_element::<i64>()?.ok_or_else(early)?)
        } else {
            seq.next_element::<i128>()?.ok_or_else(early)?
        };
        long(mantissa, u32::from(scale & !LONG))
            .ok_or_else(|| A::Error::custom("a number out of range"))
    }
}

#[cfg(test)]
#[path = "decimal_tests.rs"]
mod tests;
