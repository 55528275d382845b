//! A position: the fold of one strategy's fills in one instrument.
//!
//! The cost basis is stored, not an average price, and a reduction never rounds it: what is left
//! is computed from the basis as it stood when the position last grew. So a fill split into any
//! parts gives the same position, digit for digit.

use serde::{Deserialize, Serialize};

use super::decimal::{Num, NumError};
use super::id::AssetId;
use super::money::{Price, Quantity, Signed};
use super::order::{Fill, Side};
use super::time::UnixNanos;

/// Fractional digits of a cost that had to be divided. With all 28 that a number has, the next sum
/// would round again, differently for each way of cutting a fill into parts.
const COST_DIGITS: u32 = 14;

/// What a strategy holds in an instrument, and what it made of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Position {
    /// Held now; negative is short.
    pub quantity: Signed,
    /// Unsigned quantity when the position last grew.
    basis_quantity: Quantity,
    /// Value paid (long) or received (short) for `basis_quantity`, in quote asset.
    basis_cost: Num,
    /// Value of what was closed since the position last grew, in quote asset.
    closed_value: Num,
    /// Realised before the position last grew, in quote asset, fees not counted.
    settled: Num,
    /// All fees ever paid, valued in quote asset at the price of their fill.
    pub fees: Num,
    /// Fills folded so far.
    pub fills: u64,
    /// Value traded so far, in quote asset.
    pub turnover: Num,
    /// When the position last left flat.
    pub opened: UnixNanos,
}

impl Position {
    /// Folds one fill of `side`. `base` is the instrument's base asset: a fee taken in it shrinks
    /// what was received.
    pub fn apply(
        &mut self,
        fill: &Fill,
        side: Side,
        base: AssetId,
        now: UnixNanos,
    ) -> Result<(), NumError> {
        let mut next = *self;
        next.take(fill, side, base, now)?;
        *self = next;
        Ok(())
    }

    fn take(
        &mut self,
        fill: &Fill,
        side: Side,
        base: AssetId,
        now: UnixNanos,
    ) -> Result<(), NumError> {
        let in_base = fill.fee.asset == base;
        let fee_value =
            if in_base { fill.fee.amount.mul(fill.price.num())? } else { fill.fee.amount };
        // What changes hands: a buyer who pays in base receives less, a seller gives more.
        let fee_base = if in_base { fill.fee.amount } else { Num::ZERO };
        let moved = match side {
            Side::Buy => Quantity::new(fill.quantity.num().sub(fee_base)?)?,
            Side::Sell => Quantity::new(fill.quantity.num().add(fee_base)?)?,
        };
        self.fees = self.fees.add(fee_value)?;
        self.fills += 1;
        self.turnover = self.turnover.add(fill.price.notional(fill.quantity)?)?;
        match self.quantity.side() {
            None => {
                self.opened = now;
                self.grow(fill.price, moved, side)
            }
            Some(held) if held == side => self.grow(fill.price, moved, side),
            Some(_) if moved <= self.quantity.magnitude() => self.reduce(fill.price, moved, side),
            Some(_) => {
                let rest = moved.sub(self.quantity.magnitude())?;
                self.reduce(fill.price, self.quantity.magnitude(), side)?;
                self.opened = now;
                self.grow(fill.price, rest, side)
            }
        }
    }

    fn grow(&mut self, price: Price, quantity: Quantity, side: Side) -> Result<(), NumError> {
        let cost = self.cost()?.add(price.notional(quantity)?)?;
        self.settled = self.realised()?;
        self.quantity = self.quantity.add(quantity.signed(side))?;
        self.basis_quantity = self.quantity.magnitude();
        self.basis_cost = cost;
        self.closed_value = Num::ZERO;
        Ok(())
    }

    fn reduce(&mut self, price: Price, quantity: Quantity, side: Side) -> Result<(), NumError> {
        self.closed_value = self.closed_value.add(price.notional(quantity)?)?;
        self.quantity = self.quantity.add(quantity.signed(side))?;
        if self.quantity.is_zero() {
            let was_long = side == Side::Sell;
            self.settled = self.settled.add(self.closed_gain(Num::ZERO, was_long)?)?;
            self.basis_quantity = Quantity::ZERO;
            self.basis_cost = Num::ZERO;
            self.closed_value = Num::ZERO;
        }
        Ok(())
    }

    /// Gain of what was closed since the position last grew, when `cost` is left.
    fn closed_gain(&self, cost: Num, long: bool) -> Result<Num, NumError> {
        let gain = self.closed_value.sub(self.basis_cost.sub(cost)?)?;
        Ok(if long { gain } else { gain.neg() })
    }

    /// The cost basis of what is held, in quote asset, never negative.
    pub fn cost(&self) -> Result<Num, NumError> {
        let held = self.quantity.magnitude();
        if held == self.basis_quantity {
            return Ok(self.basis_cost);
        }
        let cost = self.basis_cost.mul(held.num())?.div(self.basis_quantity.num())?;
        Ok(cost.round_dp(COST_DIGITS))
    }

    /// Realised PnL in quote asset, fees not counted.
    pub fn realised(&self) -> Result<Num, NumError> {
        match self.quantity.side() {
            None => Ok(self.settled),
            Some(side) => self.settled.add(self.closed_gain(self.cost()?, side == Side::Buy)?),
        }
    }

    /// Unrealised PnL in quote asset at a mark price.
    pub fn unrealised(&self, mark: Price) -> Result<Num, NumError> {
        let value = mark.notional(self.quantity.magnitude())?;
        match self.quantity.side() {
            None => Ok(Num::ZERO),
            Some(Side::Buy) => value.sub(self.cost()?),
            Some(Side::Sell) => self.cost()?.sub(value),
        }
    }

    /// Average entry price; `None` when flat.
    pub fn average_entry(&self) -> Option<Price> {
        self.basis_cost.div(self.basis_quantity.num()).ok().map(Price::new)
    }

    /// True when nothing is held.
    pub fn is_flat(&self) -> bool {
        self.quantity.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Liquidity, Money, OrderId};

    const BASE: AssetId = AssetId(0);
    const QUOTE: AssetId = AssetId(1);

    fn fill(price: i64, quantity: &str, fee: &str, asset: AssetId) -> Fill {
        Fill {
            order: OrderId::default(),
            trade_id: 0,
            price: Price::new(Num::from(price)),
            quantity: quantity.parse().unwrap(),
            liquidity: Liquidity::Taker,
            fee: Money::new(fee.parse().unwrap(), asset),
        }
    }

    fn fold(fills: &[(i64, i64, bool)], parts: i64) -> Position {
        let mut position = Position::default();
        for (price, quantity, buy) in fills {
            let side = if *buy { Side::Buy } else { Side::Sell };
            for _ in 0..parts {
                let part = Num::from(*quantity).div(Num::from(parts)).unwrap().to_string();
                let fill = fill(*price, &part, "0", QUOTE);
                position.apply(&fill, side, BASE, UnixNanos(1)).unwrap();
            }
        }
        position
    }

    proptest! {
        /// PnL that depends on how the venue chopped a fill cannot be reconciled.
        #[test]
        fn any_chunking_gives_the_same_position(
            fills in prop::collection::vec((1_i64..100_000, 1_i64..50, any::<bool>()), 1..20),
        ) {
            let (whole, halves) = (fold(&fills, 1), fold(&fills, 2));
            prop_assert_eq!(whole.quantity, halves.quantity);
            prop_assert_eq!(whole.realised(), halves.realised());
            let mark = Price::new(Num::from(777));
            prop_assert_eq!(whole.unrealised(mark), halves.unrealised(mark));
        }

        /// Cash spent plus holdings at mark is what the PnL says.
        #[test]
        fn pnl_equals_cash_plus_holdings(
            fills in prop::collection::vec((1_i64..100_000, 1_i64..50, any::<bool>()), 1..20),
        ) {
            let position = fold(&fills, 1);
            let cash = fills.iter().map(|(p, q, buy)| if *buy { -p * q } else { p * q }).sum::<i64>();
            let held = fills.iter().map(|(_, q, buy)| if *buy { *q } else { -*q }).sum::<i64>();
            let mark = 500;
            let pnl = position.realised().unwrap()
                .add(position.unrealised(Price::new(Num::from(mark))).unwrap()).unwrap();
            let difference = pnl.sub(Num::from(cash + held * mark)).unwrap().abs();
            prop_assert!(difference < Num::new(1, 12).unwrap(), "{pnl} against {}", cash + held * mark);
        }
    }

    #[test]
    fn a_fee_in_base_shrinks_what_is_held() {
        let mut position = Position::default();
        position.apply(&fill(100, "0.01", "0.00001", BASE), Side::Buy, BASE, UnixNanos(1)).unwrap();
        assert_eq!(position.quantity.to_string(), "0.00999");
        assert_eq!(position.fees.to_string(), "0.001");
        assert_eq!(position.average_entry().unwrap().to_string(), "100");
    }

    #[test]
    fn a_flip_realises_the_old_side_and_opens_the_new() {
        let position = fold(&[(100, 1, true), (110, 3, false)], 1);
        assert_eq!(position.quantity.to_string(), "-2");
        assert_eq!(position.realised().unwrap().to_string(), "10");
        assert_eq!(position.average_entry().unwrap().to_string(), "110");
    }
}
