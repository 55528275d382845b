//! Book sync against a venue that loses, doubles, swaps and garbles what it sends.

use proptest::prelude::*;

use super::*;
use crate::domain::{Num, OrderBook, Price, Quantity};

const NOW: UnixNanos = UnixNanos(1_000 * UnixNanos::SECOND);

fn level(price: u64, quantity: u64) -> Level {
    let num = |value| Num::from(i64::try_from(value).unwrap());
    Level { price: Price::new(num(price)), quantity: Quantity::new(num(quantity)).unwrap() }
}

/// The venue: update n sets one level, in a fixed pattern that sets, changes and deletes.
#[derive(Default)]
struct Venue;

impl Venue {
    /// True for a bid, and the level.
    fn update(n: u64) -> (bool, Level) {
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let is_bid = mixed.is_multiple_of(2);
        let price = if is_bid { 1 } else { 20 } + mixed / 2 % 10;
        (is_bid, level(price, mixed / 32 % 4))
    }

    /// What updates `first` to `last` left behind, bids and asks.
    fn changes(first: u64, last: u64) -> [Vec<Level>; 2] {
        let mut sides = [Vec::<Level>::new(), Vec::new()];
        for (is_bid, level) in (first..=last).map(Self::update) {
            let side = &mut sides[usize::from(!is_bid)];
            side.retain(|known| known.price != level.price);
            side.push(level);
        }
        sides
    }

    /// The true book at an update.
    fn book(update_id: u64) -> OrderBook {
        let [bids, asks] = Self::changes(1, update_id);
        let mut book = OrderBook::default();
        book.load(update_id, &bids, &asks);
        book
    }
}

/// A sync, and the book of somebody who believes what it tells.
#[derive(Default)]
struct Client {
    sync: BookSync,
    book: OrderBook,
    trusted: bool,
    losses: Vec<BookLoss>,
}

impl Client {
    fn with(&mut self, act: impl FnOnce(&mut BookSync, &mut Tell<'_>)) {
        let Self { sync, book, trusted, losses } = self;
        act(sync, &mut |event| match event {
            MarketEvent::BookSnapshot { update_id, bids, asks } => {
                book.load(update_id, bids, asks);
                *trusted = true;
            }
            MarketEvent::BookDelta { update_id, bids, asks, .. } => {
                assert!(*trusted, "a change of a book that is not known");
                book.apply(update_id, bids, asks);
            }
            MarketEvent::BookLost(loss) => {
                *trusted = false;
                losses.push(loss);
            }
            other => panic!("{other:?}"),
        });
    }

    fn event(&mut self, first: u64, last: u64) {
        let [bids, asks] = Venue::changes(first, last);
        let ts_venue = UnixNanos::from_millis(last * 20);
        let event = DepthEvent { first, last, ts_venue, bids: &bids, asks: &asks };
        self.with(|sync, tell| sync.event(&event, NOW, tell));
    }

    fn snapshot(&mut self, update_id: u64) {
        let [bids, asks] = Venue::changes(1, update_id);
        self.with(|sync, tell| {
            sync.snapshot(update_id, &bids, &asks, NOW, tell);
        });
    }

    fn check(&self) {
        assert_eq!(self.sync.is_synced(), self.trusted);
        if self.trusted {
            let truth = Venue::book(self.book.update_id);
            assert_eq!(self.book, truth, "a wrong book is trusted");
        }
    }
}

#[test]
fn a_snapshot_inside_an_event_joins_it() {
    let mut client = Client::default();
    for (first, last) in [(10, 12), (13, 20), (21, 22)] {
        client.event(first, last);
    }
    assert_eq!(client.sync.ask.due(), Some(NOW));
    client.snapshot(15);
    assert_eq!((client.trusted, client.book.update_id), (true, 22));
    client.check();
    client.event(23, 25);
    client.check();
    assert_eq!((client.book.update_id, client.sync.ask.due()), (25, None));
}

#[test]
fn a_snapshot_older_than_what_was_kept_is_asked_for_again() {
    let mut client = Client::default();
    client.event(10, 12);
    client.snapshot(8);
    assert!(!client.trusted && client.sync.ask.due() > Some(NOW));
    client.snapshot(9);
    assert_eq!((client.trusted, client.book.update_id), (true, 12));
    client.check();
}

#[test]
fn a_gap_discards_the_book_and_the_next_snapshot_heals_it() {
    let mut client = Client::default();
    client.event(1, 5);
    client.snapshot(5);
    client.event(8, 9);
    assert_eq!(client.losses, [BookLoss::Gap { expected: 6, received: 8 }]);
    client.event(10, 11);
    client.snapshot(9);
    client.check();
    assert_eq!((client.trusted, client.book.update_id), (true, 11));
}

#[test]
fn copies_of_old_events_change_nothing() {
    let mut client = Client::default();
    client.event(1, 5);
    client.snapshot(5);
    client.event(6, 9);
    client.event(6, 9);
    client.event(1, 5);
    client.check();
    assert_eq!((client.trusted, client.losses.len()), (true, 0));
}

/// A venue that counts anew would otherwise leave an old book trusted for ever.
#[test]
fn ids_that_begin_anew_are_a_gap() {
    let mut client = Client::default();
    client.event(1_000, 1_005);
    client.snapshot(1_005);
    client.event(1_006, 1_007);
    let event = DepthEvent {
        first: 1,
        last: 3,
        ts_venue: UnixNanos::from_millis(1_007 * 20 + 1_001),
        bids: &[],
        asks: &[],
    };
    client.with(|sync, tell| sync.event(&event, NOW, tell));
    assert_eq!(client.losses, [BookLoss::Gap { expected: 1_008, received: 1 }]);
}

#[test]
fn a_snapshot_that_does_not_come_is_said_and_asked_for_later() {
    let mut client = Client::default();
    client.event(1, 5);
    client.with(|sync, tell| sync.no_snapshot(NOW, tell));
    assert_eq!(client.losses, [BookLoss::NoSnapshot]);
    assert_eq!(client.sync.ask.due(), Some(NOW.plus(UnixNanos::SECOND / 2)));
}

#[test]
fn a_venue_that_never_answers_costs_bounded_memory() {
    let mut client = Client::default();
    let limit = u64::try_from(EVENTS_MAX).unwrap();
    let event = |n| DepthEvent { first: n, last: n, ts_venue: NOW, bids: &[], asks: &[] };
    for n in 1..=limit + 10 {
        client.with(|sync, tell| sync.event(&event(n), NOW, tell));
    }
    assert!(matches!(&client.sync.phase, Phase::Collecting(kept) if kept.len() == 10));
    let wide = vec![Level::default(); LEVELS_MAX + 1];
    let event = DepthEvent { bids: &wide, ..event(limit + 11) };
    client.with(|sync, tell| sync.event(&event, NOW, tell));
    assert!(matches!(&client.sync.phase, Phase::Collecting(kept) if kept.len() == 1));
}

/// What happens to what the venue sends next.
#[derive(Clone, Debug)]
enum Step {
    Event { updates: u64, overlap: u64 },
    Drop { updates: u64 },
    Swap { updates: u64 },
    Copy { back: usize },
    Unreadable { updates: u64 },
    Snapshot { age: u64 },
    NoSnapshot,
    Down,
    Distrust,
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (1..6_u64, 0..3_u64).prop_map(|(updates, overlap)| Step::Event { updates, overlap }),
        1 => (1..6_u64).prop_map(|updates| Step::Drop { updates }),
        1 => (1..6_u64).prop_map(|updates| Step::Swap { updates }),
        1 => (0..9_usize).prop_map(|back| Step::Copy { back }),
        1 => (1..6_u64).prop_map(|updates| Step::Unreadable { updates }),
        5 => (0..20_u64).prop_map(|age| Step::Snapshot { age }),
        1 => Just(Step::NoSnapshot),
        1 => Just(Step::Down),
        1 => Just(Step::Distrust),
        1 => Just(Step::Restore),
    ]
}

/// The venue's side of a run: how far it is and what it sent.
#[derive(Default)]
struct Run {
    client: Client,
    at: u64,
    sent: Vec<(u64, u64)>,
}

impl Run {
    /// The next event: its first and last update id.
    fn advance(&mut self, updates: u64, overlap: u64) -> (u64, u64) {
        let first = (self.at + 1).saturating_sub(overlap).max(1);
        self.at += updates;
        self.sent.push((first, self.at));
        (first, self.at)
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Event { updates, overlap } => {
                let (first, last) = self.advance(updates, overlap);
                self.client.event(first, last);
            }
            Step::Drop { updates } => drop(self.advance(updates, 0)),
            Step::Swap { updates } => {
                let (early, late) = (self.advance(updates, 0), self.advance(updates, 0));
                self.client.event(late.0, late.1);
                self.client.event(early.0, early.1);
            }
            Step::Copy { back } => {
                if let Some(&(first, last)) = self.sent.iter().rev().nth(back) {
                    self.client.event(first, last);
                }
            }
            Step::Unreadable { updates } => {
                self.advance(updates, 0);
                self.client.with(BookSync::unreadable);
            }
            Step::Snapshot { age } => self.client.snapshot(self.at.saturating_sub(age)),
            Step::NoSnapshot => self.client.with(|sync, tell| sync.no_snapshot(NOW, tell)),
            Step::Down => self.client.with(BookSync::disconnected),
            Step::Distrust => {
                self.client.sync.discard();
                self.client.trusted = false;
            }
            Step::Restore => {
                let saved = postcard::to_stdvec(&self.client.sync).unwrap();
                self.client.sync = postcard::from_bytes(&saved).unwrap();
            }
        }
    }
}

proptest! {
    /// Whatever is lost, doubled, swapped or garbled: a book that is trusted is the venue's.
    #[test]
    fn a_trusted_book_is_the_venues_book(steps in prop::collection::vec(step(), 0..120)) {
        let mut run = Run::default();
        for step in &steps {
            run.take(step);
            run.client.check();
        }
        // However it went, it heals.
        run.take(&Step::Drop { updates: 1 });
        run.take(&Step::Event { updates: 1, overlap: 0 });
        run.take(&Step::Snapshot { age: 0 });
        run.take(&Step::Event { updates: 1, overlap: 0 });
        prop_assert!(run.client.trusted);
        run.client.check();
        prop_assert_eq!(run.client.book.update_id, run.at);
    }
}
