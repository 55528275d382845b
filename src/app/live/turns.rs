//! Turns of the core thread: it wakes, does what there is to do, and sleeps. When it woke is when the
//! clock of a decision starts; how long a turn took says whether the thread keeps up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::clock::Clock;

/// When the thread woke last, and how long the turn before took.
#[derive(Clone, Debug)]
pub struct Turns {
    woken: Arc<AtomicU64>,
    took: Arc<AtomicU64>,
    /// The wake-up before which a turn was told last.
    told: u64,
}

impl Turns {
    /// Of a thread that is awake.
    pub fn new(clock: Clock) -> Self {
        let now = clock.now().0;
        Self { woken: Arc::new(AtomicU64::new(now)), took: Arc::default(), told: now }
    }

    /// When the thread woke last.
    pub fn woken(&self) -> u64 {
        self.woken.load(Ordering::Relaxed)
    }

    /// How long the turn took that ended before this one began; once for each.
    pub fn take(&mut self) -> Option<u64> {
        let woken = self.woken();
        let is_new = woken != std::mem::replace(&mut self.told, woken);
        is_new.then(|| self.took.load(Ordering::Relaxed))
    }

    /// What the runtime calls when the thread wakes, and before it sleeps.
    pub fn hooks(&self, clock: Clock) -> (impl Fn() + use<>, impl Fn() + use<>) {
        let (woken, took, since) =
            (Arc::clone(&self.woken), Arc::clone(&self.took), Arc::clone(&self.woken));
        let wakes = move || woken.store(clock.now().0, Ordering::Relaxed);
        let sleeps = move || {
            let turn = clock.now().0.saturating_sub(since.load(Ordering::Relaxed));
            took.store(turn, Ordering::Relaxed);
        };
        (wakes, sleeps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: the first number to look at when everything is late.
    #[test]
    fn a_turn_is_told_once_and_ends_where_the_thread_sleeps() {
        let clock = Clock::start();
        let mut turns = Turns::new(clock);
        let (wakes, sleeps) = turns.hooks(clock);
        assert_eq!(turns.take(), None);
        std::thread::sleep(std::time::Duration::from_millis(5));
        sleeps();
        wakes();
        let took = turns.take().unwrap();
        assert!((5_000_000..5_000_000_000).contains(&took), "{took}");
        assert_eq!(turns.take(), None);
    }
}
