//! Bollinger bands: the mean of the last values and a band around it, as wide as they scatter.

use serde::{Deserialize, Serialize};

use super::window::{Merge, Window};
use super::{finite, float};

/// The lower band, the mean and the upper band.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Bands {
    /// Mean − width × standard deviation.
    pub lower: f64,
    /// The mean.
    pub middle: f64,
    /// Mean + width × standard deviation.
    pub upper: f64,
}

/// Count, mean and squared distance from the mean of some values. Merged as Chan, Golub and LeVeque
/// do: no difference of large squares, so a flat market has exactly no scatter.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(value: f64) -> Self {
        Self { count: 1.0, mean: value, squares: 0.0 }
    }
}

impl Merge for Moments {
    fn merge(self, later: Self) -> Self {
        let count = self.count + later.count;
        let distance = later.mean - self.mean;
        Self {
            count,
            mean: self.mean + distance * later.count / count,
            squares: self.squares
                + later.squares
                + distance * distance * self.count * later.count / count,
        }
    }
}

/// Bollinger bands with the population standard deviation (as TradingView and TA-Lib); missing
/// until `length` values came.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Bollinger {
    length: f64,
    width: f64,
    window: Window<Moments>,
}

impl Bollinger {
    /// Over `length` values, at least one, `width` standard deviations to each side.
    pub fn new(length: usize, width: f64) -> Self {
        Self { length: float(length), width, window: Window::new(length) }
    }

    /// Values after which they are what they say.
    pub fn warm_up(&self) -> usize {
        self.window.length()
    }

    /// Takes the next value.
    pub fn push(&mut self, input: f64) -> Option<Bands> {
        let moments = self.window.push(Moments::of(finite(input)?))?;
        let half = self.width * (moments.squares / self.length).sqrt();
        Some(Bands {
            lower: finite(moments.mean - half)?,
            middle: moments.mean,
            upper: finite(moments.mean + half)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;

    /// "Below the lower band" must name the same bars as in every other tool.
    #[test]
    fn equals_the_independent_implementation() {
        for (column, band) in [
            ("bollinger_lower_20_2", (|b| b.lower) as fn(Bands) -> f64),
            ("bollinger_middle_20_2", |b| b.middle),
            ("bollinger_upper_20_2", |b| b.upper),
        ] {
            let mut bollinger = Bollinger::new(20, 2.0);
            reference::check(column, |row| bollinger.push(row.close).map(band));
        }
    }

    /// A flat market at a large price has no width: a rounding ghost would let "close < lower" fire.
    #[test]
    fn a_flat_market_has_no_width() {
        let mut bollinger = Bollinger::new(7, 2.0);
        let price = 64_012.37;
        let bands = (0..40).filter_map(|_| bollinger.push(price)).last().unwrap();
        assert_eq!(bands, Bands { lower: price, middle: price, upper: price });
    }
}
