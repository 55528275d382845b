//! The Donchian channel: the highest high and the lowest low of the last bars.

use serde::{Deserialize, Serialize};

use super::finite;
use super::window::{Merge, Window};

/// Highest high and lowest low.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Channel {
    /// The highest high.
    pub high: f64,
    /// The lowest low.
    pub low: f64,
}

impl Merge for Channel {
    fn merge(self, later: Self) -> Self {
        Self { high: self.high.max(later.high), low: self.low.min(later.low) }
    }
}

/// Donchian channel; missing until `length` bars came.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Donchian {
    window: Window<Channel>,
}

impl Donchian {
    /// Over `length` bars, at least one.
    pub fn new(length: usize) -> Self {
        Self { window: Window::new(length) }
    }

    /// Bars after which it is what it says.
    pub fn warm_up(&self) -> usize {
        self.window.length()
    }

    /// Takes the next bar's prices.
    pub fn push(&mut self, high: f64, low: f64) -> Option<Channel> {
        self.window.push(Channel { high: finite(high)?, low: finite(low)? })
    }

    /// The channel of the bars so far. Asked before a push it is the one that the next bar breaks
    /// out of.
    pub fn channel(&self) -> Option<Channel> {
        self.window.fold()
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    /// A breakout one bar early or late is another trade.
    #[test]
    fn equals_the_independent_implementation() {
        let mut donchian = Donchian::new(20);
        reference::check("donchian_high_20", |row| {
            donchian.push(row.high, row.low).map(|channel| channel.high)
        });
        let mut donchian = Donchian::new(20);
        reference::check("donchian_low_20", |row| {
            donchian.push(row.high, row.low).map(|channel| channel.low)
        });
    }
}
