//! The quantities of a trade, one type each: [`Price`], [`Quantity`] (unsigned), [`Signed`]
//! (a signed quantity: + long, − short) and [`Money`] (an amount of one asset).
//!
//! Only arithmetic that means something exists: a price times a quantity is a notional, two
//! amounts of different assets do not add.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::decimal::{Num, NumError};
use super::id::AssetId;
use super::order::Side;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Num);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(Num::ZERO);

            /// The plain number.
            pub fn num(self) -> Num {
                self.0
            }

            /// True for zero.
            pub fn is_zero(self) -> bool {
                self.0.is_zero()
            }

            /// The nearest float: for indicators, pixels and gauges only.
            pub fn to_f64(self) -> f64 {
                self.0.to_f64()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number! {
    /// A price in quote asset per unit of base asset, above zero for every spot instrument.
    Price
}
number! {
    /// An unsigned amount of base asset.
    Quantity
}
number! {
    /// A signed amount of base asset: positive long, negative short.
    Signed
}

impl Price {
    /// Any number is a price arithmetically; venues' filters decide what may be sent.
    pub const fn new(value: Num) -> Self {
        Self(value)
    }

    /// Reads venue text.
    pub fn parse(text: &[u8]) -> Result<Self, NumError> {
        Num::parse(text).map(Self)
    }

    /// Price × quantity, in quote asset.
    pub fn notional(self, quantity: Quantity) -> Result<Num, NumError> {
        self.0.mul(quantity.0)
    }

    /// The price halfway between two.
    pub fn mid(self, other: Self) -> Result<Self, NumError> {
        const HALF: i64 = 5;
        self.0.add(other.0)?.mul(Num::new(HALF, 1)?).map(Self)
    }
}

impl Quantity {
    /// A quantity is never negative: a negative number is refused as [`NumError::Overflow`].
    pub fn new(value: Num) -> Result<Self, NumError> {
        if value.is_negative() { Err(NumError::Overflow) } else { Ok(Self(value)) }
    }

    /// Reads venue text; a minus sign is not a quantity.
    pub fn parse(text: &[u8]) -> Result<Self, NumError> {
        if text.first() == Some(&b'-') {
            return Err(NumError::NotANumber);
        }
        Num::parse(text).map(Self)
    }

    /// Sum.
    pub fn add(self, other: Self) -> Result<Self, NumError> {
        self.0.add(other.0).map(Self)
    }

    /// Difference; below zero is refused as [`NumError::Overflow`].
    pub fn sub(self, other: Self) -> Result<Self, NumError> {
        Self::new(self.0.sub(other.0)?)
    }

    /// Difference, or zero where it would be negative.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        self.sub(other).unwrap_or(Self::ZERO)
    }

    /// The largest whole number of lots not above this.
    pub fn floor_to(self, lot: Self) -> Result<Self, NumError> {
        self.0.floor_to(lot.0).map(Self)
    }

    /// With the sign of a side: buy +, sell −.
    pub fn signed(self, side: Side) -> Signed {
        match side {
            Side::Buy => Signed(self.0),
            Side::Sell => Signed(self.0.neg()),
        }
    }
}

impl Signed {
    /// A signed quantity from a plain number.
    pub const fn new(value: Num) -> Self {
        Self(value)
    }

    /// Sum.
    pub fn add(self, other: Self) -> Result<Self, NumError> {
        self.0.add(other.0).map(Self)
    }

    /// Without the sign.
    pub fn magnitude(self) -> Quantity {
        Quantity(self.0.abs())
    }

    /// The side that increases this position; `None` when flat.
    pub fn side(self) -> Option<Side> {
        if self.0.is_positive() {
            Some(Side::Buy)
        } else if self.0.is_negative() {
            Some(Side::Sell)
        } else {
            None
        }
    }
}

impl FromStr for Price {
    type Err = NumError;
    fn from_str(text: &str) -> Result<Self, NumError> {
        Self::parse(text.as_bytes())
    }
}

impl FromStr for Quantity {
    type Err = NumError;
    fn from_str(text: &str) -> Result<Self, NumError> {
        Self::parse(text.as_bytes())
    }
}

/// An amount of one asset.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Money {
    /// How much; may be negative.
    pub amount: Num,
    /// Of what.
    pub asset: AssetId,
}

impl Money {
    /// `amount` of `asset`.
    pub const fn new(amount: Num, asset: AssetId) -> Self {
        Self { amount, asset }
    }

    /// Sum of two amounts of the same asset; `None` across assets or on overflow.
    pub fn add(self, other: Self) -> Option<Self> {
        (self.asset == other.asset)
            .then(|| self.amount.add(other.amount).ok())
            .flatten()
            .map(|amount| Self { amount, asset: self.asset })
    }
}
