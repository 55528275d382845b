//! The book of one recorded instrument at the position that is served.

use std::collections::{BTreeMap, VecDeque};

use serde::Deserialize;

use crate::simulator::market::{Fixed, Level, Snapshot};

/// Changes kept while no book is known: more than come while a snapshot is under way.
const BACKLOG_MAX: usize = 256;

/// A price and a quantity as text.
type LevelText<'a> = [&'a str; 2];

/// `{"lastUpdateId":1,"bids":[["61837.63000000","3.78826000"]],"asks":[]}`
#[derive(Deserialize)]
struct SnapshotText<'a> {
    #[serde(rename = "lastUpdateId")]
    last_update_id: u64,
    #[serde(borrow)]
    bids: Vec<LevelText<'a>>,
    #[serde(borrow)]
    asks: Vec<LevelText<'a>>,
}

/// `{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["61737.63","0.0"]],"a":[]}`
#[derive(Deserialize)]
struct ChangeText<'a> {
    #[serde(rename = "U")]
    first_update_id: u64,
    #[serde(rename = "u")]
    last_update_id: u64,
    #[serde(rename = "b", borrow)]
    bids: Vec<LevelText<'a>>,
    #[serde(rename = "a", borrow)]
    asks: Vec<LevelText<'a>>,
}

/// Reads a recorded snapshot; `None` if it is none.
pub(super) fn read_snapshot(bytes: &[u8]) -> Option<Snapshot> {
    let text: SnapshotText = serde_json::from_slice(bytes).ok()?;
    let (bids, asks) = (levels(&text.bids)?, levels(&text.asks)?);
    Some(Snapshot { last_update_id: text.last_update_id, bids, asks })
}

fn levels(texts: &[LevelText<'_>]) -> Option<Vec<Level>> {
    let level = |[price, quantity]: &LevelText<'_>| {
        Some(Level { price: Fixed::parse(price)?, quantity: Fixed::parse(quantity)? })
    };
    texts.iter().map(level).collect()
}

/// Changed levels between two update ids, both included.
#[derive(Debug)]
pub(super) struct Change {
    first_update_id: u64,
    last_update_id: u64,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Change {
    /// Reads the data of a depth message; `None` if it is none.
    pub fn read(data: &str) -> Option<Self> {
        let text: ChangeText = serde_json::from_str(data).ok()?;
        Some(Self {
            first_update_id: text.first_update_id,
            last_update_id: text.last_update_id,
            bids: levels(&text.bids)?,
            asks: levels(&text.asks)?,
        })
    }
}

/// A whole book.
#[derive(Debug)]
struct Known {
    update_id: u64,
    bids: BTreeMap<Fixed, Fixed>,
    asks: BTreeMap<Fixed, Fixed>,
}

/// The book, if one is known. A snapshot may lie ahead of the position that is served: then the
/// book waits for the changes to catch up with it.
#[derive(Debug, Default)]
pub(super) struct Book {
    known: Option<Known>,
    /// Changes since the book was lost, for the snapshot that will come.
    backlog: VecDeque<Change>,
}

impl Book {
    /// Takes a recorded snapshot, unless the book is at least as new.
    pub fn load(&mut self, snapshot: &Snapshot) {
        let update_id = snapshot.last_update_id;
        if self.known.as_ref().is_some_and(|known| known.update_id >= update_id) {
            return;
        }
        let side = |levels: &[Level]| levels.iter().map(|l| (l.price, l.quantity)).collect();
        let (bids, asks) = (side(&snapshot.bids), side(&snapshot.asks));
        self.known = Some(Known { update_id, bids, asks });
        for change in std::mem::take(&mut self.backlog) {
            self.apply(change);
        }
    }

    /// Applies a change by the venue's rule: old ones are ignored, after a gap the book is lost.
    pub fn apply(&mut self, change: Change) {
        let Some(known) = &mut self.known else { return self.keep(change) };
        if change.last_update_id <= known.update_id {
            return;
        }
        if change.first_update_id > known.update_id + 1 {
            self.known = None;
            return self.keep(change);
        }
        set(&mut known.bids, &change.bids);
        set(&mut known.asks, &change.asks);
        known.update_id = change.last_update_id;
    }

    fn keep(&mut self, change: Change) {
        if self.backlog.len() == BACKLOG_MAX {
            self.backlog.pop_front();
        }
        self.backlog.push_back(change);
    }

    /// True when a book is known.
    pub fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// The best `limit` levels a side.
    pub fn snapshot(&self, limit: usize) -> Option<Snapshot> {
        let known = self.known.as_ref()?;
        let level =
            |(price, quantity): (&Fixed, &Fixed)| Level { price: *price, quantity: *quantity };
        Some(Snapshot {
            last_update_id: known.update_id,
            bids: known.bids.iter().rev().take(limit).map(level).collect(),
            asks: known.asks.iter().take(limit).map(level).collect(),
        })
    }
}

fn set(side: &mut BTreeMap<Fixed, Fixed>, levels: &[Level]) {
    for Level { price, quantity } in levels {
        if *quantity == Fixed(0) {
            side.remove(price);
        } else {
            side.insert(*price, *quantity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(first: u64, last: u64, bid: &str) -> Change {
        let data = format!(
            r#"{{"e":"depthUpdate","E":1,"s":"X","U":{first},"u":{last},"b":[["5","{bid}"]],"a":[]}}"#
        );
        Change::read(&data).unwrap()
    }

    fn snapshot(id: u64) -> Snapshot {
        let text = format!(r#"{{"lastUpdateId":{id},"bids":[["4","1"]],"asks":[["6","1"]]}}"#);
        read_snapshot(text.as_bytes()).unwrap()
    }

    fn best_bid(book: &Book) -> (u64, String) {
        let snapshot = book.snapshot(1).unwrap();
        (snapshot.last_update_id, snapshot.bids[0].quantity.to_string())
    }

    #[test]
    fn a_snapshot_ahead_of_the_changes_waits_for_them() {
        let mut book = Book::default();
        book.load(&snapshot(10));
        book.apply(change(5, 8, "3"));
        assert_eq!(best_bid(&book), (10, "1.00000000".to_owned()));
        book.apply(change(9, 12, "3"));
        assert_eq!(best_bid(&book), (12, "3.00000000".to_owned()));
        book.load(&snapshot(11));
        assert_eq!(best_bid(&book).0, 12, "an older snapshot replaced a newer book");
    }

    #[test]
    fn a_gap_loses_the_book_until_a_snapshot_that_older_changes_continue() {
        let mut book = Book::default();
        book.load(&snapshot(10));
        book.apply(change(13, 14, "3"));
        assert!(!book.is_known());
        book.apply(change(15, 16, "7"));
        book.load(&snapshot(14));
        assert_eq!(best_bid(&book), (16, "7.00000000".to_owned()));
    }

    #[test]
    fn what_is_no_book_is_refused() {
        assert!(read_snapshot(b"{}").is_none());
        assert!(read_snapshot(br#"{"lastUpdateId":1,"bids":[["x","1"]],"asks":[]}"#).is_none());
        assert!(Change::read(r#"{"U":1}"#).is_none());
    }
}
