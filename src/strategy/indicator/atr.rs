//! The average true range: how far the price moves in one step, gaps included.

use serde::{Deserialize, Serialize};

use super::finite;
use super::wilder::Wilder;

/// Wilder's average true range, in quote asset per unit; missing until `length` bars came. The
/// first bar has no close before it: its range is high − low (as Wilder and TradingView, while
/// TA-Lib starts with the second bar).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Atr {
    previous_close: Option<f64>,
    average: Wilder,
}

impl Atr {
    /// Over `length` bars, at least one.
    pub fn new(length: usize) -> Self {
        Self { previous_close: None, average: Wilder::new(length) }
    }

    /// Bars after which the first ones weigh less than a thousandth.
    pub fn warm_up(&self) -> usize {
        self.average.warm_up()
    }

    /// Takes the next bar's prices.
    pub fn push(&mut self, high: f64, low: f64, close: f64) -> Option<f64> {
        finite(close)?;
        let before = self.previous_close.unwrap_or(close);
        // Where the first bar's own close stands in, it lies between low and high.
        let range = finite(finite(high)?.max(before) - finite(low)?.min(before))?;
        self.previous_close = Some(close);
        self.average.push(range).and_then(finite)
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    /// A stop of "1.5 atr" must be as wide as the author measured it elsewhere.
    #[test]
    fn equals_the_independent_implementation() {
        let mut atr = Atr::new(14);
        reference::check("atr_14", |row| atr.push(row.high, row.low, row.close));
    }
}
