//! A report: what a trader reads of a run. A meter stands beside a run's outputs and folds its fills
//! into round trips and its PnL into a curve; the report is made of the two at the end.
//!
//! Money is exact; only ratios are floats. docs/results.md defines every number.

mod assemble;
pub mod bracket;
pub mod csv;
pub mod curve;
mod line;
pub mod meter;
pub mod ratio;
pub mod round_trip;
pub(super) mod table;

use serde::Serialize;

use self::bracket::Bracket;
use self::curve::Curve;
use self::round_trip::RoundTrip;
use crate::domain::{Num, UnixNanos};

pub use line::{Facts, Hold, Line};
pub use meter::Meter;

/// What a trader reads of a run. Times are seconds unless their name says otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The asset of capital, totals and of every line that names no other.
    pub asset: String,
    /// What the account began with, at the first prices; absent when one of its assets has no price.
    pub capital: Option<Num>,
    /// The first input, in nanoseconds since the epoch.
    pub from_ns: UnixNanos,
    /// The last input.
    pub to_ns: UnixNanos,
    /// Between two valuations: drawdown is measured at them.
    pub sample_s: u64,
    /// The period of the returns that Sharpe and Sortino measure.
    pub period_s: u64,
    /// Periods that ended.
    pub periods: usize,
    /// Orders that waited in the book: what a queue model decides about.
    pub rested: u64,
    /// Fills that no number could hold; they are missing in the trades.
    pub uncounted: u64,
    /// Each strategy in each of its instruments, in the order of the configuration.
    pub lines: Vec<Line>,
    /// All lines in the reporting asset together.
    pub total: Line,
    /// The same under both queue models, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bracket: Option<Bracket>,
    /// Every round trip with its line, by its end; empty unless they were kept.
    #[serde(skip)]
    pub trips: Vec<(usize, RoundTrip)>,
    /// PnL over time: the lines, then the total.
    #[serde(skip)]
    pub curve: Curve,
}

/// A sum of amounts. None is so large that it would not fit.
fn sum(amounts: impl Iterator<Item = Num>) -> Num {
    amounts.fold(Num::ZERO, |sum, amount| sum.add(amount).unwrap_or(sum))
}
