//! The run's clock: monotonic, anchored to UTC once. Time read here never goes back, whatever the
//! system's clock does meanwhile.

use std::time::Instant;

use crate::app::setup;
use crate::domain::UnixNanos;

/// A clock that only runs forward.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    anchor: UnixNanos,
    since: Instant,
}

impl Clock {
    /// A clock anchored to the system's time now.
    pub fn start() -> Self {
        Self { anchor: setup::now(), since: Instant::now() }
    }

    /// The same, but not before a moment: the system's clock may have been set back since.
    #[must_use]
    pub fn not_before(self, moment: UnixNanos) -> Self {
        let behind = moment.since(self.now());
        Self { anchor: self.anchor.plus(behind), ..self }
    }

    /// Now.
    pub fn now(&self) -> UnixNanos {
        self.anchor.plus(u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// The instant of a moment; one in the past is now.
    pub fn instant(&self, moment: UnixNanos) -> Instant {
        self.since + std::time::Duration::from_nanos(moment.since(self.anchor))
    }
}
