//! Wilder's average: the mean of the first values, then each new one counts 1 / length.

use serde::{Deserialize, Serialize};

use super::float;

/// Wilder's smoothing, as RSI and ATR use it. Inputs are finite: who calls has checked.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Wilder {
    length: usize,
    count: usize,
    /// The sum of the first `length` values, then the average.
    value: f64,
}

impl Wilder {
    /// Over `length` values, at least one.
    pub fn new(length: usize) -> Self {
        Self { length: length.max(1), count: 0, value: 0.0 }
    }

    /// Values after which the first ones weigh less than a thousandth.
    pub fn warm_up(&self) -> usize {
        self.length.saturating_mul(8)
    }

    /// Takes the next value; missing until `length` values came.
    pub fn push(&mut self, input: f64) -> Option<f64> {
        let length = float(self.length);
        if self.count >= self.length {
            self.value = (self.value * (length - 1.0) + input) / length;
            return Some(self.value);
        }
        self.count += 1;
        self.value += input;
        if self.count < self.length {
            return None;
        }
        self.value /= length;
        Some(self.value)
    }
}
