//! The relative strength index: what share of the recent movement was upwards.

use serde::{Deserialize, Serialize};

use super::finite;
use super::wilder::Wilder;

/// Wilder's relative strength index, 0 to 100; missing until `length` changes, so `length` + 1
/// values, came. A market that has not moved at all is at 50: neither side was stronger.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rsi {
    previous: Option<f64>,
    gains: Wilder,
    losses: Wilder,
}

impl Rsi {
    /// Over `length` changes, at least one.
    pub fn new(length: usize) -> Self {
        Self { previous: None, gains: Wilder::new(length), losses: Wilder::new(length) }
    }

    /// Values after which the first changes weigh less than a thousandth.
    pub fn warm_up(&self) -> usize {
        self.gains.warm_up().saturating_add(1)
    }

    /// Takes the next value.
    pub fn push(&mut self, input: f64) -> Option<f64> {
        let Some(previous) = self.previous else {
            self.previous = finite(input);
            return None;
        };
        let change = finite(input - previous)?;
        self.previous = Some(input);
        let gain = self.gains.push(change.max(0.0));
        let loss = self.losses.push((-change).max(0.0));
        let (gain, loss) = (gain?, loss?);
        let moved = gain + loss;
        if moved == 0.0 { Some(50.0) } else { finite(100.0 * gain / moved) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    /// "RSI below 30" must mean what it means in every other tool.
    #[test]
    fn equals_the_independent_implementation() {
        let mut rsi = Rsi::new(14);
        reference::check("rsi_14", |row| rsi.push(row.close));
    }

    /// A dead market is not oversold: an index of 0 here would buy it.
    #[test]
    fn a_market_that_does_not_move_is_neutral() {
        let mut rsi = Rsi::new(2);
        assert_eq!((rsi.push(5.0), rsi.push(5.0)), (None, None));
        assert_eq!(rsi.push(5.0), Some(50.0));
        assert!(rsi.push(6.0) > Some(99.0));
    }
}
