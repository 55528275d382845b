//! Lets market time pass as wall time does, or as fast as the readers read. The only file of the
//! exchange that reads a clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::Speed;
use super::market::FRAMES_AT_ONCE;
use super::server::Exchange;
use crate::domain::UnixNanos;

/// The shortest sleep: what comes due within it goes out together.
const SLEEP_MIN: Duration = Duration::from_millis(1);
/// How long the fastest drive waits for a reader that does not read.
const PATIENCE: Duration = Duration::from_secs(10);

/// A moment at which wall time and market time agree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchor {
    pub wall: Instant,
    pub market: UnixNanos,
}

impl Anchor {
    /// Now, on the machine's clock.
    #[expect(clippy::disallowed_methods, reason = "an exchange stamps its messages with its own")]
    pub fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let nanos = since_epoch.map_or(0, nanos);
        Self { wall: Instant::now(), market: UnixNanos(nanos) }
    }

    /// The same agreement, told by the last whole second. A market that begins there has the same
    /// bars of whole seconds whenever it is started.
    pub fn at_whole_second(self) -> Self {
        let fraction = self.market.0 % UnixNanos::SECOND;
        let wall = self.wall.checked_sub(Duration::from_nanos(fraction));
        wall.map_or(self, |wall| Self { wall, market: UnixNanos(self.market.0 - fraction) })
    }

    /// The market time at wall time `now`.
    fn market_at(&self, now: Instant, speed: f64) -> UnixNanos {
        let elapsed = now.saturating_duration_since(self.wall).as_secs_f64() * speed;
        let elapsed = Duration::try_from_secs_f64(elapsed).unwrap_or(Duration::MAX);
        self.market.plus(nanos(elapsed))
    }

    /// The wall time of market time `at`.
    fn wall_at(&self, at: UnixNanos, speed: f64) -> Instant {
        let elapsed = Duration::from_nanos(at.since(self.market)).as_secs_f64() / speed;
        let elapsed = Duration::try_from_secs_f64(elapsed).unwrap_or(Duration::MAX);
        self.wall.checked_add(elapsed).unwrap_or(self.wall)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Drives the market to its end, which a synthetic one never reaches. `opened` is when the exchange
/// opened; a market that waits for its first subscriber begins with it instead.
pub(super) async fn drive(exchange: Arc<Exchange>, opened: Anchor, speed: Speed) {
    let anchor = if exchange.market().waits_for_subscriber() {
        exchange.hub.subscription().await;
        let market = exchange.market();
        let first = market.next_due().unwrap_or_else(|| market.now());
        Anchor { wall: Instant::now(), market: first }
    } else {
        opened
    };
    exchange.hub.start(anchor.market);
    match speed {
        Speed::Times(factor) => drive_paced(&exchange, anchor, factor).await,
        Speed::Max => drive_flat_out(&exchange).await,
    }
    exchange.finished.send_replace(true);
}

async fn drive_paced(exchange: &Exchange, anchor: Anchor, speed: f64) {
    let mut frames = Vec::new();
    loop {
        let until = anchor.market_at(Instant::now(), speed);
        let next = exchange.advance(until, &mut frames);
        exchange.hub.publish(&mut frames);
        let now = Instant::now();
        let Some(next) = next else { break };
        if anchor.wall_at(next, speed) <= now {
            // Behind its time: it goes on as fast as it can, but not alone.
            yield_now().await;
        } else {
            sleep_until(anchor.wall_at(next, speed).max(now + SLEEP_MIN)).await;
        }
    }
}

async fn drive_flat_out(exchange: &Exchange) {
    let mut frames = Vec::new();
    let mut next = exchange.market().next_due();
    while let Some(due) = next {
        next = exchange.advance(due, &mut frames);
        if frames.len() >= FRAMES_AT_ONCE || next.is_none() {
            exchange.hub.subscription().await;
            exchange.hub.room(frames.len(), PATIENCE).await;
            exchange.hub.publish(&mut frames);
            // With subscribers to nothing that exists, nothing above ever waits.
            yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn market_time_and_wall_time_map_to_each_other() {
        let anchor = Anchor { wall: Instant::now(), market: UnixNanos(5_000_000_000) };
        let at = anchor.market_at(anchor.wall + Duration::from_millis(100), 20.0);
        assert_eq!(at, UnixNanos(7_000_000_000));
        assert_eq!(anchor.wall_at(at, 20.0), anchor.wall + Duration::from_millis(100));
        assert_eq!(anchor.wall_at(UnixNanos(0), 1.0), anchor.wall);
    }

    #[test]
    fn a_whole_second_agrees_as_the_moment_did() {
        let wall = Instant::now() + Duration::from_secs(2);
        let anchor = Anchor { wall, market: UnixNanos(5_400_000_000) };
        let whole = anchor.at_whole_second();
        assert_eq!(whole.market, UnixNanos(5_000_000_000));
        assert_eq!(whole.market_at(wall, 1.0), anchor.market);
    }
}
