//! A window: the last `length` values, folded into one, without ever taking a value out again.
//!
//! A running sum that adds what comes and subtracts what leaves gathers rounding errors for ever.
//! This window only merges. The ring is cut into blocks of `length`; the folded value of a window
//! is the fold of the old block's tail and of the new block's head:
//!
//! ```text
//!          old block                new block
//!   [ a   b   c │ d   e ]     [ f   g   h ]  ·  ·
//!                 tails: d+e, e      head: f+g+h
//! ```
//!
//! The head grows by one merge per value. When a block is full its tails are computed in place,
//! once per `length` values, so a push costs O(1) amortised and the error of a sum is never older
//! than two blocks.

use serde::{Deserialize, Serialize};

/// Values that fold: merging is associative.
pub(super) trait Merge: Copy {
    /// The fold of `self` and of what came after it.
    fn merge(self, later: Self) -> Self;
}

/// The last `length` values.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Window<T> {
    length: usize,
    /// Before `next`: values of the new block. From `next` on: tails of the old block.
    ring: Vec<T>,
    next: usize,
    /// The fold of the new block so far.
    head: Option<T>,
}

impl<T: Merge> Window<T> {
    /// Over `length` values, at least one.
    pub fn new(length: usize) -> Self {
        Self { length: length.max(1), ring: Vec::new(), next: 0, head: None }
    }

    /// How many values it holds.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Takes the next value; gives the fold of the last `length` once there are that many.
    pub fn push(&mut self, value: T) -> Option<T> {
        match self.ring.get_mut(self.next) {
            Some(slot) => *slot = value,
            None => self.ring.push(value),
        }
        self.next += 1;
        self.head = Some(self.head.map_or(value, |head| head.merge(value)));
        if self.next >= self.length {
            self.start_block();
        }
        self.fold()
    }

    /// The fold of the last `length` values, once there are that many.
    pub fn fold(&self) -> Option<T> {
        if self.ring.len() < self.length {
            return None;
        }
        let tail = self.ring.get(self.next).copied()?;
        Some(self.head.map_or(tail, |head| tail.merge(head)))
    }

    fn start_block(&mut self) {
        let mut tail: Option<T> = None;
        for slot in self.ring.iter_mut().rev() {
            *slot = tail.map_or(*slot, |tail| slot.merge(tail));
            tail = Some(*slot);
        }
        self.next = 0;
        self.head = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// First and last value of a range: shows order and extent of a fold.
    impl Merge for (u32, u32) {
        fn merge(self, later: Self) -> Self {
            assert_eq!(self.1 + 1, later.0, "merged out of order");
            (self.0, later.1)
        }
    }

    proptest! {
        /// A window that holds one value too many or too few is another indicator.
        #[test]
        fn folds_exactly_the_last_values_in_order(length in 1_u32..12, count in 0_u32..60) {
            let mut window = Window::new(length as usize);
            for n in 0..count {
                let expected = (n + 1 >= length).then(|| (n + 1 - length, n));
                prop_assert_eq!(window.push((n, n)), expected);
                prop_assert_eq!(window.fold(), expected);
            }
        }
    }
}
