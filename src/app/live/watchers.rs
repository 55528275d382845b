//! Watchers: who looks at the published views. While nobody does, the core builds few of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many look; clones count the same.
#[derive(Clone, Debug, Default)]
pub struct Watchers(Arc<AtomicU32>);

/// One that looks, until it is dropped.
#[derive(Debug)]
pub struct Watching(Watchers);

impl Watchers {
    /// One more looks.
    pub fn enter(&self) -> Watching {
        self.0.fetch_add(1, Ordering::Relaxed);
        Watching(self.clone())
    }

    /// True while somebody looks.
    pub fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
