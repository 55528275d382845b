//! The simple moving average: the mean of the last values.

use serde::{Deserialize, Serialize};

use super::window::{Merge, Window};
use super::{finite, float};

/// A sum of some values.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Sum(f64);

impl Merge for Sum {
    fn merge(self, later: Self) -> Self {
        Self(self.0 + later.0)
    }
}

/// Simple moving average; missing until `length` values came. Its sum is folded anew as the window
/// moves (nothing is ever subtracted), so it does not drift however long it runs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Sma {
    length: f64,
    window: Window<Sum>,
}

impl Sma {
    /// Over `length` values, at least one.
    pub fn new(length: usize) -> Self {
        Self { length: float(length), window: Window::new(length) }
    }

    /// Values after which it is what it says.
    pub fn warm_up(&self) -> usize {
        self.window.length()
    }

    /// Takes the next value.
    pub fn push(&mut self, input: f64) -> Option<f64> {
        let sum = self.window.push(Sum(finite(input)?))?;
        finite(sum.0 / self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    /// An average that differs from every charting tool misleads whoever compares.
    #[test]
    fn equals_the_independent_implementation() {
        let mut sma = Sma::new(20);
        reference::check("sma_20", |row| sma.push(row.close));
    }

    /// One absurd print must leave no trace once it left the window: a running sum keeps its error.
    #[test]
    fn a_huge_value_leaves_no_trace() {
        let mut sma = Sma::new(3);
        for input in [1.0, 1e300, 1.0, 2.0] {
            sma.push(input);
        }
        assert_eq!(sma.push(3.0), Some(2.0));
    }
}
