//! A line: how a connection to a venue is made, watched and made again.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg32;
use rustls::pki_types::CertificateDer;

/// How one connection is made and how long its silence is borne.
#[derive(Clone, Debug)]
pub struct LineConfig {
    /// The WebSocket's address, with its path.
    pub url: String,
    /// Messages to send once it is open, at most four a second.
    pub subscriptions: Vec<String>,
    /// Given up when it is not open by then.
    pub connect_timeout: Duration,
    /// Taken for dead after this long without a byte, although asked with a ping at a quarter.
    pub inactivity: Duration,
    /// Renewed after this long: Binance cuts at 24 hours.
    pub lifetime: Duration,
    /// Certificates trusted beside the public roots.
    pub roots: Vec<CertificateDer<'static>>,
}

impl LineConfig {
    /// A line to this address with the usual limits: 10 s to connect, 10 s of silence, 23 h 50 min
    /// of life.
    pub fn new(url: String, subscriptions: Vec<String>) -> Self {
        Self {
            url,
            subscriptions,
            connect_timeout: Duration::from_secs(10),
            inactivity: Duration::from_secs(10),
            lifetime: Duration::from_secs((23 * 60 + 50) * 60),
            roots: Vec::new(),
        }
    }
}

/// How long to wait before connecting again.
///
/// The mean delay doubles from the shortest to the longest; a delay is drawn anywhere from zero to
/// twice its mean, so that clients cut off together do not come back together.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    attempts: u32,
    random: Pcg32,
}

impl Backoff {
    /// A connection that lived this long was healthy: the delays begin anew.
    pub const HEALTHY: Duration = Duration::from_secs(60);

    /// Mean delays from `min` to `max`, drawn from `seed`.
    pub fn new(min: Duration, max: Duration, seed: u64) -> Self {
        Self { min, max, attempts: 0, random: Pcg32::seed_from_u64(seed) }
    }

    /// The usual delays: 0.5 s to 30 s, about 120 attempts in an hour of refusals.
    pub fn usual(seed: u64) -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(30), seed)
    }

    /// Draws the delay before the next attempt, after a connection that lived for `lived` (zero
    /// when none was made).
    pub fn next_delay(&mut self, lived: Duration) -> Duration {
        if lived >= Self::HEALTHY {
            self.attempts = 0;
        }
        let mean = self.min.saturating_mul(1 << self.attempts.min(16)).min(self.max);
        self.attempts = self.attempts.saturating_add(1);
        mean.saturating_mul(2).mul_f64(f64::from(self.random.next_u32()) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thirty thousand attempts in five minutes is a banned address.
    #[test]
    fn an_hour_of_refusals_costs_at_most_150_attempts() {
        for seed in 0..50 {
            let mut backoff = Backoff::usual(seed);
            let (mut waited, mut attempts) = (Duration::ZERO, 0);
            while waited < Duration::from_secs(3_600) {
                let delay = backoff.next_delay(Duration::ZERO);
                assert!(delay <= Duration::from_secs(60));
                waited += delay;
                attempts += 1;
            }
            assert!((80..=150).contains(&attempts), "{attempts} with seed {seed}");
        }
    }

    #[test]
    fn a_healthy_connection_is_restored_within_a_second() {
        let mut backoff = Backoff::usual(1);
        for _ in 0..20 {
            backoff.next_delay(Duration::from_secs(1));
        }
        assert!(backoff.next_delay(Backoff::HEALTHY) <= Duration::from_secs(1));
    }

    #[test]
    fn the_same_seed_draws_the_same_delays() {
        let draw = |seed| {
            let mut backoff = Backoff::usual(seed);
            (0..9).map(|_| backoff.next_delay(Duration::ZERO)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
