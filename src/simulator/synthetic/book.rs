//! The matching engine: resting orders by price, then by time, in whole ticks and lots.

use std::collections::{BTreeMap, VecDeque};
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

/// Best bid and ask, each with what rests there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Touch {
    pub bid: (Ticks, Lots),
    pub ask: (Ticks, Lots),
}

/// The resting orders of one side.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    side: Side,
    /// By rank: the best price first.
    queues: BTreeMap<u64, Queue>,
    /// Prices whose quantity changed since the last depth message.
    changed: Vec<Ticks>,
}

impl Ladder {
    fn new(side: Side) -> Self {
        Self { side, queues: BTreeMap::new(), changed: Vec::new() }
    }

    /// A number that is smaller for a better price.
    fn rank(&self, price: Ticks) -> u64 {
        match self.side {
            Side::Buy => Ticks::MAX - price,
            Side::Sell => price,
        }
    }

    /// The best price's queue.
    pub fn best(&self) -> Option<&Queue> {
        self.queues.first_key_value().map(|(_, queue)| queue)
    }

    /// Levels from the best outwards.
    pub fn iter(&self) -> impl Iterator<Item = &Queue> {
        self.queues.values()
    }

    /// How many prices have orders.
    pub fn len(&self) -> usize {
        self.queues.len()
    }

    fn lots_at(&self, price: Ticks) -> Lots {
        self.queues.get(&self.rank(price)).map_or(0, |queue| queue.lots)
    }

    /// Every price that changed since the last call, best first, with its quantity now.
    fn take_changes(&mut self) -> Vec<(Ticks, Lots)> {
        let mut prices = mem::take(&mut self.changed);
        prices.sort_unstable_by_key(|price| self.rank(*price));
        prices.dedup();
        prices.into_iter().map(|price| (price, self.lots_at(price))).collect()
    }

    fn rest(&mut self, price: Ticks, lots: Lots) {
        let none = || Queue { price, lots: 0, orders: VecDeque::new() };
        let queue = self.queues.entry(self.rank(price)).or_insert_with(none);
        queue.lots += lots;
        queue.orders.push_back(lots);
        self.changed.push(price);
    }

    /// Matches the best price with up to `lots`; gives back what is left of them.
    fn take_best(&mut self, lots: Lots, matches: &mut Vec<Match>) -> Lots {
        let Some(mut best) = self.queues.first_entry() else { return lots };
        let (queue, mut left) = (best.get_mut(), lots);
        while left > 0 && queue.lots > 0 {
            let filled = queue.fill_first(left);
            left -= filled;
            matches.push(Match { price: queue.price, lots: filled });
        }
        self.changed.push(queue.price);
        if queue.lots == 0 {
            best.remove();
        }
        left
    }

    /// Cancels one order at the best price that is not better than `price`; `nth` counts modulo the
    /// orders there. False when there is none.
    fn cancel(&mut self, price: Ticks, nth: usize) -> bool {
        let Some((&rank, queue)) = self.queues.range_mut(self.rank(price)..).next() else {
            return false;
        };
        let nth = nth.checked_rem(queue.orders.len()).unwrap_or_default();
        queue.lots -= queue.orders.remove(nth).unwrap_or_default();
        self.changed.push(queue.price);
        if queue.lots == 0 {
            self.queues.remove(&rank);
        }
        true
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

    /// The best prices, when both sides have one.
    pub fn touch(&self) -> Option<Touch> {
        let (bid, ask) = (self.bids.best()?, self.asks.best()?);
        Some(Touch { bid: (bid.price, bid.lots), ask: (ask.price, ask.lots) })
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
        let ladder = self.ladder_mut(side.opposite());
        let (limit, mut left, mut changes) = (ladder.rank(limit), lots, 0);
        while left > 0 && ladder.queues.first_key_value().is_some_and(|(rank, _)| *rank <= limit) {
            left = ladder.take_best(left, matches);
            changes += 1;
        }
        self.update_id += changes;
        left
    }

    /// Cancels one order at `price` or the next worse one; `nth` counts modulo the orders there.
    pub fn cancel(&mut self, side: Side, price: Ticks, nth: usize) {
        self.update_id += u64::from(self.ladder_mut(side).cancel(price, nth));
    }

    /// Cancels every order at `price` or better.
    pub fn pull(&mut self, side: Side, price: Ticks) {
        let ladder = self.ladder_mut(side);
        let worse = ladder.queues.split_off(&ladder.rank(price).saturating_add(1));
        let pulled = mem::replace(&mut ladder.queues, worse);
        ladder.changed.extend(pulled.values().map(|queue| queue.price));
        self.update_id += pulled.len() as u64;
    }

    /// Cancels the worst price's orders.
    pub fn trim(&mut self, side: Side) {
        let ladder = self.ladder_mut(side);
        if let Some((_, queue)) = ladder.queues.pop_last() {
            ladder.changed.push(queue.price);
            self.update_id += 1;
        }
    }

    /// Forgets what changed: nobody was told.
    pub fn forget_changes(&mut self) {
        self.bids.changed.clear();
        self.asks.changed.clear();
    }

    /// What changed since the last call: bids, then asks, with their quantities now.
    pub fn take_changes(&mut self) -> [Vec<(Ticks, Lots)>; 2] {
        [self.bids.take_changes(), self.asks.take_changes()]
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
        book.cancel(Side::Sell, 101, 1);
        book.pull(Side::Sell, 103);
        book.trim(Side::Buy);
        assert_eq!(book.update_id, before + 4);
        assert_eq!(book.take_changes(), [vec![(98, 0)], vec![(101, 0), (103, 0)]]);
        assert_eq!(book.asks.len(), 0);
    }
}
