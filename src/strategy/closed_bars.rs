//! The newest closed bars of an instrument, of every kind that somebody reads. A bar is here from
//! the moment at which it is closed, never before: whoever looks sees nothing of the future.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::bar::{Bar, BarKind};

/// See the [module](self).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ClosedBars(BTreeMap<BarKind, Kept>);

/// The newest bars of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Kept {
    most: usize,
    bars: VecDeque<Bar>,
    /// Closed so far.
    count: u64,
}

impl ClosedBars {
    /// Keeps at least so many bars of a kind.
    pub fn keep(&mut self, kind: BarKind, most: usize) {
        let kept = self.0.entry(kind).or_default();
        kept.most = kept.most.max(most);
    }

    /// Takes a bar that was closed.
    pub fn push(&mut self, bar: Bar) {
        let Some(kept) = self.0.get_mut(&bar.kind) else { return };
        kept.count += 1;
        if kept.most == 0 {
            return;
        }
        while kept.bars.len() >= kept.most {
            kept.bars.pop_front();
        }
        kept.bars.push_back(bar);
    }

    /// Bars of a kind, the newest first.
    pub fn of(&self, kind: BarKind) -> impl DoubleEndedIterator<Item = &Bar> + ExactSizeIterator {
        const NONE: &VecDeque<Bar> = &VecDeque::new();
        self.0.get(&kind).map_or(NONE, |kept| &kept.bars).iter().rev()
    }

    /// How many bars of a kind were closed so far.
    pub fn count(&self, kind: BarKind) -> u64 {
        self.0.get(&kind).map_or(0, |kept| kept.count)
    }
}
