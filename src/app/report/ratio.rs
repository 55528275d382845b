//! Ratios of returns: Sharpe and Sortino, annual, over a risk-free rate of zero. Floats, because
//! they measure and do not count.

use crate::domain::{Nanos, Num, UnixNanos};

/// Fewer returns say nothing.
pub const RETURNS_LEAST: usize = 30;
/// A year of a market that never closes, in nanoseconds.
const YEAR: Nanos = 365 * 86_400 * UnixNanos::SECOND;

/// What returns are measured by.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Ratios {
    /// Mean over standard deviation (of a sample, n − 1).
    pub sharpe: Option<f64>,
    /// Mean over downside deviation: the root of the mean square of the returns below zero, all
    /// returns counted.
    pub sortino: Option<f64>,
}

/// The ratios of PnL over a capital, a point at the end of each `period`. `None` where there are too
/// few periods, where equity is not above zero or where nothing varies.
#[expect(clippy::cast_precision_loss, reason = "counts of periods")]
pub fn ratios(capital: Num, points: &[Num], period: Nanos) -> Ratios {
    let equity = points.iter().map(|pnl| capital.add(*pnl).unwrap_or_default().to_f64());
    let equity: Vec<f64> = equity.collect();
    if equity.len() <= RETURNS_LEAST || equity.iter().any(|equity| *equity <= 0.0) {
        return Ratios::default();
    }
    let returns: Vec<f64> = equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let square = |value: f64| value * value;
    let spread = returns.iter().map(|r| square(r - mean)).sum::<f64>() / (count - 1.0);
    let below = returns.iter().map(|r| square(r.min(0.0))).sum::<f64>() / count;
    let annual = (YEAR as f64 / period as f64).sqrt();
    let over = |square: f64| (square > 0.0).then(|| mean / square.sqrt() * annual);
    Ratios { sharpe: over(spread), sortino: over(below) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: a ratio that is made of too little, or of nothing.
    #[test]
    fn what_says_nothing_is_not_a_number() {
        let flat = vec![Num::ZERO; 100];
        assert_eq!(ratios(Num::from(100), &flat, YEAR), Ratios::default());
        let few: Vec<Num> = (0..30).map(|n| Num::from(n % 3)).collect();
        assert_eq!(ratios(Num::from(100), &few, YEAR), Ratios::default());
        let enough: Vec<Num> = (0..31).map(|n| Num::from(n % 3)).collect();
        assert!(ratios(Num::from(100), &enough, YEAR).sharpe.is_some());
        assert_eq!(ratios(Num::ZERO, &enough, YEAR), Ratios::default(), "no return on nothing");
    }

    /// Lost if broken: comparing with anybody else's ratio.
    #[test]
    fn ratios_are_annual_and_by_their_formulas() {
        // Equity doubles and halves: returns of 1 and -1/2, 20 of each; mean 1/4.
        let points: Vec<Num> = (0..41).map(|n| Num::from(100 * (n % 2))).collect();
        let found = ratios(Num::from(100), &points, YEAR / 4);
        let close = |found: Option<f64>, expected: f64| {
            assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?} {expected}");
        };
        close(found.sharpe, 0.25 / (0.5625_f64 * 40.0 / 39.0).sqrt() * 2.0);
        close(found.sortino, 0.25 / 0.125_f64.sqrt() * 2.0);
    }
}
