//! Watchers: who looks at the published views. While nobody does, the core builds few of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Between two published views for the run's own screen.
const OWN_SCREEN: Duration = Duration::from_millis(25);
/// Between two for screens of other processes: half the work, and no eye sees it.
const ATTACHED: Duration = Duration::from_millis(50);
/// Between two when only gauges are set from them.
const NOBODY: Duration = Duration::from_millis(250);

/// Who looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// The run's own screen.
    OwnScreen,
    /// A screen of another process.
    Attached,
}

/// How many look; clones count the same.
#[derive(Clone, Debug, Default)]
pub struct Watchers(Arc<[AtomicU32; 2]>);

/// One that looks, until it is dropped.
#[derive(Debug)]
pub struct Watching {
    watchers: Watchers,
    who: Who,
}

impl Watchers {
    /// One more looks.
    pub fn enter(&self, who: Who) -> Watching {
        self.of(who).fetch_add(1, Ordering::Relaxed);
        Watching { watchers: self.clone(), who }
    }

    /// How often views are published.
    pub fn pace(&self) -> Duration {
        let looks = |who| self.of(who).load(Ordering::Relaxed) > 0;
        match (looks(Who::OwnScreen), looks(Who::Attached)) {
            (true, _) => OWN_SCREEN,
            (false, true) => ATTACHED,
            (false, false) => NOBODY,
        }
    }

    fn of(&self, who: Who) -> &AtomicU32 {
        let [own, attached] = &*self.0;
        match who {
            Who::OwnScreen => own,
            Who::Attached => attached,
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.watchers.of(self.who).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: a core that draws for nobody, or a screen that stutters.
    #[test]
    fn views_come_as_often_as_somebody_looks() {
        let watchers = Watchers::default();
        assert_eq!(watchers.pace(), NOBODY);
        let attached = watchers.enter(Who::Attached);
        assert_eq!(watchers.pace(), ATTACHED);
        let screen = watchers.clone().enter(Who::OwnScreen);
        assert_eq!(watchers.pace(), OWN_SCREEN);
        drop(screen);
        assert_eq!(watchers.pace(), ATTACHED);
        drop(attached);
        assert_eq!(watchers.pace(), NOBODY);
    }
}
