//! The matching engine: resting orders by price, then by time, in whole ticks and lots.

use std::collections::VecDeque;
use std::mem;

use crate::domain::Side;

/// A price in price steps.
pub(super) type Ticks = u64;
/// A quantity in quantity steps.
pub(super) type Lots = u64;

/// Every order resting at one price.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub price: Ticks,
    /// The sum of the orders.
    pub lots: Lots,
    /// First come, first matched; each above zero.
    orders: VecDeque<Lots>,
}

impl Queue {
    /// How many orders wait here.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Matches the first order with up to `lots`.
    fn fill_first(&mut self, lots: Lots) -> Lots {
        let Some(first) = self.orders.front_mut() else { return 0 };
        let filled = lots.min(*first);
        *first -= filled;
        self.lots -= filled;
        if *first == 0 {
            self.orders.pop_front();
        }
        filled
    }
}

/// A match of a resting order with a taker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Match {
    pub price: Ticks,
    pub lots: Lots,
}

/// The resting orders of one side, worst price first, best last.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    side: Side,
    queues: Vec<Queue>,
    /// Prices whose quantity changed since the last depth message.
    changed: Vec<Ticks>,
}

impl Ladder {
    fn new(side: Side) -> Self {
        Self { side, queues: Vec::new(), changed: Vec::new() }
    }

    /// True when an order of this side at `price` would trade before one at `than`.
    pub fn is_better(&self, price: Ticks, than: Ticks) -> bool {
        match self.side {
            Side::Buy => price > than,
            Side::Sell => price < than,
        }
    }

    fn position(&self, price: Ticks) -> usize {
        self.queues.partition_point(|queue| self.is_better(price, queue.price))
    }

    /// The best price's queue.
    pub fn best(&self) -> Option<&Queue> {
        self.queues.last()
    }

    /// Levels from the best outwards.
    pub fn iter(&self) -> impl Iterator<Item = &Queue> {
        self.queues.iter().rev()
    }

    /// How many prices have orders.
    pub fn len(&self) -> usize {
        self.queues.len()
    }

    fn lots_at(&self, price: Ticks) -> Lots {
        self.queues.get(self.position(price)).filter(|q| q.price == price).map_or(0, |q| q.lots)
    }

    /// Every price that changed since the last call, best first, with its quantity now.
    fn take_changes(&mut self) -> Vec<(Ticks, Lots)> {
        let mut prices = mem::take(&mut self.changed);
        prices.sort_unstable();
        prices.dedup();
        if self.side == Side::Buy {
            prices.reverse();
        }
        prices.into_iter().map(|price| (price, self.lots_at(price))).collect()
    }

    fn rest(&mut self, price: Ticks, lots: Lots) {
        let at = self.position(price);
        match self.queues.get_mut(at) {
            Some(queue) if queue.price == price => {
                queue.lots += lots;
                queue.orders.push_back(lots);
            }
            _ => self.queues.insert(at, Queue { price, lots, orders: [lots].into() }),
        }
        self.changed.push(price);
    }
}

/// Both sides, and the venue's count of what changed in them.
#[derive(Clone, Debug)]
pub(super) struct Book {
    pub bids: Ladder,
    pub asks: Ladder,
    /// Grows by one with every change of a price's quantity.
    pub update_id: u64,
}

impl Book {
    pub fn new(update_id: u64) -> Self {
        Self { bids: Ladder::new(Side::Buy), asks: Ladder::new(Side::Sell), update_id }
    }

    /// The side where orders of `side` rest.
    pub fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Places a limit order: what crosses is matched, the rest rests.
    pub fn limit(&mut self, side: Side, price: Ticks, lots: Lots, matches: &mut Vec<Match>) {
        let rest = self.take(side, price, lots, matches);
        if rest > 0 && price > 0 {
            self.ladder_mut(side).rest(price, rest);
            self.update_id += 1;
        }
    }

    /// Takes up to `lots` at `limit` or better, best price first; gives back what found no match.
    pub fn take(&mut self, side: Side, limit: Ticks, lots: Lots, matches: &mut Vec<Match>) -> Lots {
        let mut left = lots;
        let ladder = self.ladder_mut(side.opposite());
        let mut changes = 0;
        while left > 0 {
            let Some(mut queue) = ladder.queues.pop() else { break };
            let price = queue.price;
            if ladder.is_better(limit, price) {
                ladder.queues.push(queue);
                break;
            }
            while left > 0 && queue.lots > 0 {
                let filled = queue.fill_first(left);
                left -= filled;
                matches.push(Match { price, lots: filled });
            }
            if queue.lots > 0 {
                ladder.queues.push(queue);
            }
            ladder.changed.push(price);
            changes += 1;
        }
        self.update_id += changes;
        left
    }

    /// Cancels one order, `depth` prices behind the best; `nth` counts modulo the orders there.
    pub fn cancel(&mut self, side: Side, depth: usize, nth: usize) {
        let ladder = self.ladder_mut(side);
        let Some(at) = ladder.queues.len().checked_sub(depth + 1) else { return };
        let Some(queue) = ladder.queues.get_mut(at) else { return };
        let Some(nth) = nth.checked_rem(queue.orders.len()) else { return };
        queue.lots -= queue.orders.remove(nth).unwrap_or_default();
        ladder.changed.push(queue.price);
        if queue.lots == 0 {
            ladder.queues.remove(at);
        }
        self.update_id += 1;
    }

    /// Cancels every order at `price` or better.
    pub fn pull(&mut self, side: Side, price: Ticks) {
        let ladder = self.ladder_mut(side);
        let mut changes = 0;
        while let Some(queue) = ladder.queues.pop_if(|q| !is_better(side, price, q.price)) {
            ladder.changed.push(queue.price);
            changes += 1;
        }
        self.update_id += changes;
    }

    /// Cancels the worst price's orders.
    pub fn trim(&mut self, side: Side) {
        let ladder = self.ladder_mut(side);
        if ladder.queues.is_empty() {
            return;
        }
        let queue = ladder.queues.remove(0);
        ladder.changed.push(queue.price);
        self.update_id += 1;
    }

    /// What changed since the last call: bids, then asks, with their quantities now.
    pub fn take_changes(&mut self) -> [Vec<(Ticks, Lots)>; 2] {
        [self.bids.take_changes(), self.asks.take_changes()]
    }
}

/// True when an order of `side` at `price` would trade before one at `than`.
fn is_better(side: Side, price: Ticks, than: Ticks) -> bool {
    match side {
        Side::Buy => price > than,
        Side::Sell => price < than,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> Book {
        let mut book = Book::new(0);
        let mut none = Vec::new();
        for (side, price, lots) in [
            (Side::Buy, 99, 5),
            (Side::Buy, 98, 7),
            (Side::Sell, 101, 2),
            (Side::Sell, 101, 3),
            (Side::Sell, 103, 4),
        ] {
            book.limit(side, price, lots, &mut none);
        }
        assert!(none.is_empty());
        book.take_changes();
        book
    }

    #[test]
    fn the_best_price_trades_first_and_at_one_price_the_first_order() {
        let mut book = book();
        let mut matches = Vec::new();
        let left = book.take(Side::Buy, 103, 8, &mut matches);
        let expected = [(101, 2), (101, 3), (103, 3)].map(|(price, lots)| Match { price, lots });
        assert_eq!((left, matches.as_slice()), (0, expected.as_slice()));
        assert_eq!(book.take_changes(), [vec![], vec![(101, 0), (103, 1)]]);
    }

    #[test]
    fn a_crossing_limit_order_rests_with_what_is_left_and_the_book_stays_uncrossed() {
        let mut book = book();
        let mut matches = Vec::new();
        book.limit(Side::Buy, 101, 9, &mut matches);
        assert_eq!(matches.len(), 2);
        assert_eq!(book.bids.best().map(|q| (q.price, q.lots)), Some((101, 4)));
        assert_eq!(book.asks.best().map(|q| q.price), Some(103));
    }

    #[test]
    fn every_change_of_a_quantity_has_its_own_update_id() {
        let mut book = book();
        let before = book.update_id;
        book.cancel(Side::Sell, 0, 1);
        book.pull(Side::Sell, 103);
        book.trim(Side::Buy);
        assert_eq!(book.update_id, before + 4);
        assert_eq!(book.take_changes(), [vec![(98, 0)], vec![(101, 0), (103, 0)]]);
        assert_eq!(book.asks.len(), 0);
    }
}
