//! Pace: when the next REST call may go, so that the venue's weight limit is never reached.

use std::time::{Duration, Instant};

/// A budget of request weight: half of Binance's 6,000 a minute, with a third of that at once.
/// Others behind the same address use the same limit.
#[derive(Debug, Default)]
pub struct Pace {
    /// When all weight spent so far is paid for.
    paid: Option<Instant>,
    /// The venue wants silence until then.
    banned: Option<Instant>,
}

/// One unit of weight is paid for in this time: 3,000 a minute.
const PER_WEIGHT: Duration = Duration::from_millis(20);
/// So much may be spent in advance: a weight of 1,000, twenty book snapshots.
const ADVANCE: Duration = Duration::from_secs(20);

impl Pace {
    /// Reserves a call of this weight: how long it has to wait, `None` while the venue wants
    /// silence.
    pub fn reserve(&mut self, now: Instant, weight: u32) -> Option<Duration> {
        if self.banned.is_some_and(|until| now < until) {
            return None;
        }
        let paid = self.paid.map_or(now, |paid| paid.max(now)) + PER_WEIGHT * weight;
        self.paid = Some(paid);
        Some(paid.duration_since(now).saturating_sub(ADVANCE))
    }

    /// The venue wants silence for this long.
    pub fn ban(&mut self, now: Instant, silence: Duration) {
        let until = now + silence;
        self.banned = Some(self.banned.map_or(until, |banned| banned.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forty books at once after a reconnect would exceed the limit and ban the address.
    #[test]
    fn forty_snapshots_are_spread_below_the_limit() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let waits: Vec<_> = (0..40).map(|_| pace.reserve(start, 50).unwrap()).collect();
        assert!(waits.iter().take(20).all(Duration::is_zero));
        assert_eq!(waits[39], Duration::from_secs(20));
        assert!(pace.reserve(start + Duration::from_secs(60), 50).unwrap().is_zero());
    }

    #[test]
    fn nothing_is_asked_during_a_ban() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.ban(start, Duration::from_secs(120));
        pace.ban(start, Duration::from_secs(5));
        assert_eq!(pace.reserve(start + Duration::from_secs(119), 1), None);
        assert!(pace.reserve(start + Duration::from_secs(120), 1).is_some());
    }
}
