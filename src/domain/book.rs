//! The order book of one instrument: levels by price, best first.
//!
//! Each side is one sorted vector with the best level at its end, because nearly every change is
//! near the best: a change moves a few elements of contiguous memory and allocates nothing.

use serde::{Deserialize, Serialize};

use super::money::{Price, Quantity};
use super::order::Side;

/// A price and the quantity displayed there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Level {
    /// At this price.
    pub price: Price,
    /// This much is displayed; zero deletes the level in a change.
    pub quantity: Quantity,
}

/// One side of a book.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BookSide {
    side: Side,
    /// Worst first, best last.
    levels: Vec<Level>,
}

impl BookSide {
    fn new(side: Side) -> Self {
        Self { side, levels: Vec::new() }
    }

    /// True when `a` is a worse price than `b` on this side.
    fn is_worse(&self, a: Price, b: Price) -> bool {
        match self.side {
            Side::Buy => a < b,
            Side::Sell => a > b,
        }
    }

    /// Where `price` stands or would stand.
    fn position(&self, price: Price) -> usize {
        let near = self.levels.len().saturating_sub(8);
        let tail = self.levels.get(near..).unwrap_or_default();
        if tail.first().is_some_and(|level| self.is_worse(level.price, price)) {
            near + tail.partition_point(|level| self.is_worse(level.price, price))
        } else {
            self.levels.partition_point(|level| self.is_worse(level.price, price))
        }
    }

    /// Sets the quantity at a price; zero deletes. Deleting an unknown level is normal.
    pub fn set(&mut self, change: Level) {
        let at = self.position(change.price);
        match self.levels.get_mut(at) {
            Some(level) if level.price == change.price => {
                if change.quantity.is_zero() {
                    self.levels.remove(at);
                } else {
                    level.quantity = change.quantity;
                }
            }
            _ if change.quantity.is_zero() => {}
            _ => self.levels.insert(at, change),
        }
    }

    fn replace(&mut self, levels: &[Level]) {
        self.levels.clear();
        for level in levels {
            self.set(*level);
        }
    }

    /// The best level.
    pub fn best(&self) -> Option<Level> {
        self.levels.last().copied()
    }

    /// The quantity displayed at a price; zero where there is no level.
    pub fn quantity_at(&self, price: Price) -> Quantity {
        self.levels
            .get(self.position(price))
            .filter(|level| level.price == price)
            .map_or(Quantity::ZERO, |level| level.quantity)
    }

    /// Levels from the best outwards.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Level> + '_ {
        self.levels.iter().rev().copied()
    }

    /// How many levels are known.
    pub fn len(&self) -> usize {
        self.levels.len()
    }

    /// True without any level.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }
}

/// Both sides of an instrument's book.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderBook {
    /// Bids.
    pub bids: BookSide,
    /// Asks.
    pub asks: BookSide,
    /// The venue's last update id that is applied.
    pub update_id: u64,
}

impl Default for OrderBook {
    fn default() -> Self {
        Self { bids: BookSide::new(Side::Buy), asks: BookSide::new(Side::Sell), update_id: 0 }
    }
}

impl OrderBook {
    /// The side that an order of `side` would rest on.
    pub fn side(&self, side: Side) -> &BookSide {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// Replaces the whole book.
    pub fn load(&mut self, update_id: u64, bids: &[Level], asks: &[Level]) {
        self.bids.replace(bids);
        self.asks.replace(asks);
        self.update_id = update_id;
    }

    /// Applies changed levels.
    pub fn apply(&mut self, update_id: u64, bids: &[Level], asks: &[Level]) {
        for level in bids {
            self.bids.set(*level);
        }
        for level in asks {
            self.asks.set(*level);
        }
        self.update_id = update_id;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.load(0, &[], &[]);
    }

    /// True when the best bid is at or above the best ask: such a book is not to be traded on.
    pub fn is_crossed(&self) -> bool {
        matches!((self.bids.best(), self.asks.best()), (Some(bid), Some(ask)) if bid.price >= ask.price)
    }

    /// The mid price, when both sides have a level.
    pub fn mid(&self) -> Option<Price> {
        self.bids.best()?.price.mid(self.asks.best()?.price).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::Num;

    fn level(price: i64, quantity: i64) -> Level {
        Level {
            price: Price::new(Num::from(price)),
            quantity: Quantity::new(Num::from(quantity)).unwrap(),
        }
    }

    proptest! {
        /// A book that differs from the venue's trades at prices that do not exist.
        #[test]
        fn a_side_equals_a_plain_map(
            changes in prop::collection::vec((1_i64..60, 0_i64..5), 0..400),
            buy in any::<bool>(),
        ) {
            let mut side = BookSide::new(if buy { Side::Buy } else { Side::Sell });
            let mut model = BTreeMap::new();
            for (price, quantity) in changes {
                side.set(level(price, quantity));
                if quantity == 0 { model.remove(&price); } else { model.insert(price, quantity); }
            }
            let mut expected: Vec<_> = model.iter().map(|(p, q)| level(*p, *q)).collect();
            if buy { expected.reverse(); }
            prop_assert_eq!(side.iter().collect::<Vec<_>>(), expected);
        }
    }
}
