//! The volume-weighted average price of the session: what the day's average unit cost.

use serde::{Deserialize, Serialize};

use super::finite;
use crate::domain::{Nanos, UnixNanos};

const DAY: Nanos = 86_400 * UnixNanos::SECOND;

/// Volume-weighted average price, anchored at midnight UTC; missing until the session has volume.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Vwap {
    session: UnixNanos,
    turnover: f64,
    volume: f64,
}

impl Vwap {
    /// Before the first session.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a trade's price and quantity, or a bar's typical price (high + low + close) / 3 and
    /// volume, at venue time `ts_venue`. What comes late from a session that is over is ignored,
    /// and so is a negative volume.
    pub fn push(&mut self, ts_venue: UnixNanos, price: f64, volume: f64) -> Option<f64> {
        let session = ts_venue.floor_to(DAY);
        if session < self.session || volume < 0.0 {
            return None;
        }
        let fresh = session > self.session;
        let (turnover, sum) = if fresh { (0.0, 0.0) } else { (self.turnover, self.volume) };
        let turnover = finite(turnover + price * volume)?;
        let sum = finite(sum + volume)?;
        *self = Self { session, turnover, volume: sum };
        finite(turnover / sum)
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    /// The fixture spans four days: a session that did not restart would be off from day two.
    #[test]
    fn equals_the_independent_implementation() {
        let mut vwap = Vwap::new();
        reference::check("vwap_utc_day", |row| {
            vwap.push(row.open_time, (row.high + row.low + row.close) / 3.0, row.volume)
        });
    }

    /// A late print of yesterday must not restart today's average.
    #[test]
    fn yesterday_is_over() {
        let mut vwap = Vwap::new();
        assert_eq!(vwap.push(UnixNanos(DAY), 10.0, 0.0), None);
        assert_eq!(vwap.push(UnixNanos(DAY), 10.0, 1.0), Some(10.0));
        assert_eq!(vwap.push(UnixNanos(DAY - 1), 99.0, 1.0), None);
        assert_eq!(vwap.push(UnixNanos(DAY + 1), 20.0, 1.0), Some(15.0));
    }
}
