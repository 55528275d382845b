//! A decoder that tells what was published in the place of what was received, so that the same
//! strategies see the market as it was.
//!
//! Altered trades have their published numbers. Missing ones come before the next trade, and nobody
//! is told of a hole that they fill. What the file lacks stays as it was received.

use std::collections::BTreeMap;

use super::published::{Change, Published};
use crate::domain::{History, InstrumentId, MarketEvent, Trade, UnixNanos};
use crate::venue::{Decoder, Frame, LineEvent, Listener, Request, Told};

/// What is still to be put right of one instrument.
#[derive(Clone, Debug, Default)]
pub struct Corrections {
    altered: BTreeMap<u64, Trade>,
    missing: BTreeMap<u64, Trade>,
    /// Holes that only in part are filled by what was published: the rest is asked for.
    holes: Vec<(u64, u64)>,
}

impl Corrections {
    /// The corrections that published trades make.
    pub fn of(published: &Published) -> Self {
        let mut corrections = Self::default();
        for (id, change) in &published.changes {
            match change {
                Change::Altered { received, published } => {
                    // The session's own unit of time, where both mean the same moment.
                    let same = received.ts_venue.millis() == published.ts_venue.millis();
                    let ts_venue = if same { received.ts_venue } else { published.ts_venue };
                    corrections.altered.insert(*id, Trade { ts_venue, ..*published });
                }
                Change::Missing(trade) => {
                    corrections.missing.insert(*id, *trade);
                }
                Change::Extra(_) => {}
            }
        }
        corrections
    }

    /// A trade as it was published.
    pub fn put_right(&self, trade: Trade) -> Trade {
        self.altered.get(&trade.id).copied().unwrap_or(trade)
    }

    /// Takes the missing trades before a trade of the stream.
    pub fn before(&mut self, id: u64) -> Vec<Trade> {
        let is_due = |missing: &u64| {
            !self.holes.iter().any(|(expected, received)| (*expected..*received).contains(missing))
        };
        let due: Vec<u64> =
            self.missing.range(..id).map(|(id, _)| *id).filter(|id| is_due(id)).collect();
        due.iter().filter_map(|id| self.missing.remove(id)).collect()
    }

    /// Takes the missing trades before a trade that was asked for, or all in open holes.
    fn asked_before(&mut self, id: Option<u64>) -> Vec<Trade> {
        let last = self.holes.iter().map(|(_, received)| *received).max().unwrap_or(0);
        let later = self.missing.split_off(&id.unwrap_or(last));
        std::mem::replace(&mut self.missing, later).into_values().collect()
    }

    /// True when what was published fills a hole wholly.
    fn fills(&self, expected: u64, received: u64) -> bool {
        let missing = self.missing.range(expected..received.max(expected)).count() as u64;
        received > expected && missing == received - expected
    }
}

/// See the [module](self).
pub struct Corrected {
    inner: Box<dyn Decoder>,
    corrections: Vec<Corrections>,
}

impl Corrected {
    /// Stands around a decoder with the corrections of each instrument.
    pub fn around(inner: Box<dyn Decoder>, corrections: Vec<Corrections>) -> Self {
        Self { inner, corrections }
    }
}

impl Decoder for Corrected {
    fn frame(&mut self, frame: &Frame<'_>, listener: &mut dyn Listener) {
        let corrections = &mut self.corrections;
        self.inner.frame(frame, &mut Correcting { corrections, listener });
    }

    fn line(&mut self, event: LineEvent, now: UnixNanos, listener: &mut dyn Listener) {
        let corrections = &mut self.corrections;
        self.inner.line(event, now, &mut Correcting { corrections, listener });
    }

    fn distrust(&mut self, instrument: InstrumentId, now: UnixNanos) {
        self.inner.distrust(instrument, now);
    }

    fn ask_again(&mut self, now: UnixNanos) {
        self.inner.ask_again(now);
    }

    fn next_request(&mut self) -> Option<Request> {
        self.inner.next_request()
    }

    fn save(&self) -> Vec<u8> {
        self.inner.save()
    }

    fn restore(&mut self, state: &[u8]) -> bool {
        self.inner.restore(state)
    }
}

/// Puts right what a decoder tells on its way to whoever listens.
struct Correcting<'a> {
    corrections: &'a mut Vec<Corrections>,
    listener: &'a mut dyn Listener,
}

impl Listener for Correcting<'_> {
    fn told(&mut self, told: Told<'_>) {
        match told {
            Told::Market { instrument, event: MarketEvent::Trade(trade) } => {
                let Some(corrections) = self.corrections.get_mut(instrument.index()) else {
                    return self.listener.told(told);
                };
                let trades = corrections.before(trade.id).into_iter();
                for trade in trades.chain([corrections.put_right(trade)]) {
                    let event = MarketEvent::Trade(trade);
                    self.listener.told(Told::Market { instrument, event });
                }
            }
            Told::History { instrument, history } => self.history(instrument, history),
            Told::TradeGap { instrument, expected, received }
                if self.is_filled(instrument, expected, received) => {}
            told => self.listener.told(told),
        }
    }
}

impl Correcting<'_> {
    fn is_filled(&self, instrument: InstrumentId, expected: u64, received: u64) -> bool {
        let corrections = self.corrections.get(instrument.index());
        corrections.is_some_and(|corrections| corrections.fills(expected, received))
    }

    fn history(&mut self, instrument: InstrumentId, history: History) {
        let Some(corrections) = self.corrections.get_mut(instrument.index()) else { return };
        let (missing, history) = match history {
            History::Hole { expected, received } if corrections.fills(expected, received) => return,
            History::Hole { expected, received } => {
                corrections.holes.push((expected, received));
                (Vec::new(), history)
            }
            History::Trade(trade) => {
                let right = corrections.put_right(trade);
                (corrections.asked_before(Some(trade.id)), History::Trade(right))
            }
            History::Ended => {
                let missing = corrections.asked_before(None);
                corrections.holes.clear();
                (missing, history)
            }
            other => (Vec::new(), other),
        };
        let missing = missing.into_iter().map(History::Trade);
        for history in missing.chain([history]) {
            self.listener.told(Told::History { instrument, history });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Price, Quantity, Side};

    const HERE: InstrumentId = InstrumentId(0);

    fn trade(id: u64, price: &str) -> Trade {
        Trade {
            id,
            ts_venue: UnixNanos(id * 1_000_000),
            price: Price::parse(price.as_bytes()).unwrap(),
            quantity: Quantity::parse(b"1").unwrap(),
            aggressor: Side::Buy,
        }
    }

    #[derive(Default)]
    struct Heard(Vec<String>);

    impl Listener for Heard {
        fn told(&mut self, told: Told<'_>) {
            self.0.push(match told {
                Told::Market { event: MarketEvent::Trade(trade), .. } => {
                    format!("{} at {}", trade.id, trade.price)
                }
                Told::History { history: History::Trade(trade), .. } => {
                    format!("asked {}", trade.id)
                }
                Told::History { history: History::Hole { expected, received }, .. } => {
                    format!("hole {expected}..{received}")
                }
                Told::TradeGap { expected, received, .. } => format!("gap {expected}..{received}"),
                Told::History { history: History::Ended, .. } => "ended".to_owned(),
                other => format!("{other:?}"),
            });
        }
    }

    fn heard(changes: &[Change], told: &[Told<'_>]) -> Vec<String> {
        let id = |change: &Change| match change {
            Change::Altered { published: trade, .. }
            | Change::Missing(trade)
            | Change::Extra(trade) => trade.id,
        };
        let changes = changes.iter().map(|change| (id(change), *change)).collect();
        let published = Published { changes, ..Published::default() };
        let mut corrections = vec![Corrections::of(&published)];
        let mut heard = Heard::default();
        for told in told {
            let corrections = &mut corrections;
            Correcting { corrections, listener: &mut heard }.told(*told);
        }
        heard.0
    }

    fn streamed(id: u64) -> Told<'static> {
        Told::Market { instrument: HERE, event: MarketEvent::Trade(trade(id, "5")) }
    }

    fn past(history: History) -> Told<'static> {
        Told::History { instrument: HERE, history }
    }

    /// Lost if broken: what a strategy would have done with the market as it was.
    #[test]
    fn trades_are_put_right_and_holes_that_are_filled_are_none() {
        let altered = Change::Altered { received: trade(2, "5"), published: trade(2, "7") };
        let changes = [altered, Change::Missing(trade(3, "6")), Change::Extra(trade(4, "5"))];
        let hole = History::Hole { expected: 3, received: 4 };
        let gap = Told::TradeGap { instrument: HERE, expected: 3, received: 4 };
        let told = [streamed(1), streamed(2), gap, past(hole), streamed(4)];
        assert_eq!(heard(&changes, &told), ["1 at 5", "2 at 7", "3 at 6", "4 at 5"]);
    }

    /// Of a hole that REST filled in part, each trade must come once and in the order of the ids:
    /// a bar takes no other.
    #[test]
    fn a_hole_that_is_half_filled_waits_for_what_was_asked() {
        let changes = [Change::Missing(trade(3, "6")), Change::Missing(trade(5, "6"))];
        let hole = History::Hole { expected: 3, received: 6 };
        let told = [
            past(hole),
            streamed(6),
            past(History::Trade(trade(4, "5"))),
            past(History::Ended),
            streamed(7),
        ];
        let expected = ["hole 3..6", "6 at 5", "asked 3", "asked 4", "asked 5", "ended", "7 at 5"];
        assert_eq!(heard(&changes, &told), expected);
    }
}
