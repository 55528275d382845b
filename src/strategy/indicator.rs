//! Indicators: floats computed from prices with + − × ÷ and √ only, in a fixed order.

use serde::{Deserialize, Serialize};

/// Exponential moving average with α = 2 / (length + 1), seeded with the first value; missing
/// until `length` values came.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Ema {
    length: usize,
    alpha: f64,
    count: usize,
    value: f64,
}

impl Ema {
    /// Over `length` values, at least one.
    pub fn new(length: usize) -> Self {
        let length = length.max(1);
        #[expect(clippy::cast_precision_loss, reason = "a window length")]
        Self { length, alpha: 2.0 / (length as f64 + 1.0), count: 0, value: 0.0 }
    }

    /// Takes the next value.
    pub fn push(&mut self, input: f64) -> Option<f64> {
        self.value = if self.count == 0 {
            input
        } else {
            self.alpha * input + (1.0 - self.alpha) * self.value
        };
        self.count += 1;
        (self.count >= self.length).then_some(self.value)
    }
}
