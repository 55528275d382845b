//! The exponential moving average: each value counts α, what came before counts 1 − α.

use serde::{Deserialize, Serialize};

use super::{finite, float};

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
        Self { length, alpha: 2.0 / (float(length) + 1.0), count: 0, value: 0.0 }
    }

    /// Values after which the first one weighs less than a thousandth.
    pub fn warm_up(&self) -> usize {
        self.length.saturating_mul(4)
    }

    /// Takes the next value.
    pub fn push(&mut self, input: f64) -> Option<f64> {
        finite(input)?;
        self.value = if self.count == 0 {
            input
        } else {
            self.alpha * input + (1.0 - self.alpha) * self.value
        };
        self.count = self.count.saturating_add(1);
        (self.count >= self.length).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    /// An average that differs from every charting tool crosses at other bars than they show.
    #[test]
    fn equals_the_independent_implementation() {
        let mut ema = Ema::new(12);
        reference::check("ema_12", |row| ema.push(row.close));
    }
}
