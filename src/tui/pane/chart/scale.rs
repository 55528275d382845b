//! Where a chart puts things: which bars make which candle, and which row is which price.

use ratatui::layout::Rect;

use super::super::super::model::Model;
use crate::domain::{Price, UnixNanos};
use crate::engine::view::InstrumentView;
use crate::strategy::{Bar, BarKind};

/// One or several bars in one column.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Candle {
    pub x: u16,
    pub from: UnixNanos,
    to: UnixNanos,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: f64,
}

impl Candle {
    fn of(bars: &[&Bar], x: u16) -> Option<Self> {
        let (first, last) = (bars.first()?, bars.last()?);
        let high = bars.iter().map(|bar| bar.high).max()?;
        let low = bars.iter().map(|bar| bar.low).min()?;
        Some(Self {
            x,
            from: first.open_time,
            to: last.close_time(),
            open: first.open.to_f64(),
            high: high.to_f64(),
            low: low.to_f64(),
            close: last.close.to_f64(),
            volume: bars.iter().map(|bar| bar.volume.to_f64()).sum(),
        })
    }

    /// True when it closed at the price at which it opened.
    #[expect(clippy::float_cmp, reason = "both come from exact prices")]
    pub fn is_flat(&self) -> bool {
        self.open == self.close
    }

    /// True when this moment of venue time belongs to the candle.
    pub fn covers(&self, time: UnixNanos) -> bool {
        (self.from..self.to).contains(&time)
    }
}

/// The candles that are seen, oldest at the left, the newest at the right edge.
pub(super) struct Window {
    pub candles: Vec<Candle>,
    /// Columns of a candle's body.
    pub body: u16,
    /// Times at the axis are multiples of this many nanoseconds.
    pub time_step: u64,
}

/// Columns per candle and bars per candle of a zoom step.
fn step(zoom: i8) -> (u16, usize) {
    match zoom {
        2.. => (4, 1),
        1 => (2, 1),
        0 => (1, 1),
        -1 => (1, 2),
        -2 => (1, 5),
        _ => (1, 10),
    }
}

impl Window {
    pub fn new(instrument: &InstrumentView, model: &Model, width: u16) -> Self {
        let bars: Vec<&Bar> = instrument.bars.iter().chain(&instrument.open_bar).collect();
        let zoom = model.chart_zoom.unwrap_or_else(|| widest(bars.len(), width));
        let (columns, per_candle) = step(zoom);
        let fitting = usize::from(width / columns).max(1);
        let end = bars.len().saturating_sub(model.chart_back).max(bars.len().min(fitting));
        let mut chunks: Vec<&[&Bar]> = bars.get(..end).unwrap_or(&[]).rchunks(per_candle).collect();
        chunks.truncate(fitting);
        let mut candles: Vec<Candle> = chunks
            .iter()
            .zip(1_u16..)
            .filter_map(|(chunk, from_right)| {
                let offset = width.checked_sub(from_right.saturating_mul(columns))?;
                Candle::of(chunk, offset)
            })
            .collect();
        candles.reverse();
        let interval = instrument.bar_kind.and_then(BarKind::interval);
        let length = interval.unwrap_or(UnixNanos::SECOND).max(1);
        let ten = length.saturating_mul(10).saturating_mul(per_candle as u64);
        Self { candles, body: columns.saturating_sub(1).max(1), time_step: ten.max(1) }
    }

    /// Moves the candles to where the plot begins.
    pub fn at(mut self, left: u16) -> Self {
        self.candles.iter_mut().for_each(|candle| candle.x += left);
        self
    }
}

/// The widest zoom at which all bars fit, one column at least.
fn widest(bars: usize, width: u16) -> i8 {
    let fits = |zoom: &i8| bars * usize::from(step(*zoom).0) <= usize::from(width);
    [2, 1].into_iter().find(fits).unwrap_or(0)
}

/// Prices to rows.
pub(super) struct Scale {
    top: f64,
    bottom: f64,
    plot: Rect,
}

impl Scale {
    /// Covers all candles and the last price, with a row to spare for marks on both ends; and the
    /// levels that are no further away than half of that.
    pub fn new(candles: &[Candle], last: Option<Price>, levels: &[f64], plot: Rect) -> Self {
        let last = last.map(Price::to_f64);
        let highs = candles.iter().map(|candle| candle.high).chain(last);
        let lows = candles.iter().map(|candle| candle.low).chain(last);
        let high = highs.fold(f64::MIN, f64::max);
        let low = lows.fold(f64::MAX, f64::min);
        let around = (high - low) / 2.0;
        let near = || levels.iter().filter(|at| (low - around..=high + around).contains(*at));
        let (high, low) =
            (near().fold(high, |high, at| high.max(*at)), near().fold(low, |low, at| low.min(*at)));
        let rows = f64::from(plot.height.max(2));
        let spare = ((high - low) / rows).max(high.abs() * 1e-7).max(1e-9);
        Self { top: high + spare * 1.5, bottom: low - spare * 1.5, plot }
    }

    /// The row of a price; always inside of the plot.
    pub fn row(&self, price: f64) -> u16 {
        let rows = f64::from(self.plot.height.saturating_sub(1));
        let share = (self.top - price) / (self.top - self.bottom);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let row = (share * rows).round().clamp(0.0, rows) as u16;
        self.plot.y + row
    }

    /// True for a price above the plot, false for one below it, nothing inside.
    pub fn is_above(&self, price: f64) -> Option<bool> {
        (price > self.top).then_some(true).or((price < self.bottom).then_some(false))
    }

    /// Round prices about every four rows.
    pub fn labels(&self) -> Vec<f64> {
        let wanted = f64::from(self.plot.height / 4).max(1.0);
        let step = round_step((self.top - self.bottom) / wanted);
        let first = (self.bottom / step).ceil();
        let count = ((self.top - self.bottom) / step).floor().clamp(0.0, 100.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        let count = count as u32;
        (0..=count)
            .map(|index| (first + f64::from(index)) * step)
            .filter(|price| (self.bottom..self.top).contains(price))
            .collect()
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `raw`.
fn round_step(raw: f64) -> f64 {
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().map(|m| m * power).find(|step| *step >= raw);
    step.unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_labels_are_round_prices_inside_the_chart() {
        let candle = Candle {
            x: 0,
            from: UnixNanos(0),
            to: UnixNanos(1),
            open: 1.0,
            high: 64_140.0,
            low: 63_940.0,
            close: 1.0,
            volume: 0.0,
        };
        let scale = Scale::new(&[candle], None, &[], Rect::new(0, 0, 80, 20));
        assert_eq!(scale.labels(), [63_950.0, 64_000.0, 64_050.0, 64_100.0, 64_150.0]);
        assert!(scale.row(f64::MAX) == 0 && scale.row(f64::MIN) == 19);
    }

    /// A stop far away must not press the candles flat, and must not vanish either.
    #[test]
    fn near_levels_are_covered_and_far_ones_stand_at_the_edge() {
        let bar = |high, low| Candle {
            x: 0,
            from: UnixNanos(0),
            to: UnixNanos(1),
            open: low,
            high,
            low,
            close: high,
            volume: 0.0,
        };
        let scale = Scale::new(&[bar(110.0, 100.0)], None, &[96.0, 50.0], Rect::new(0, 0, 80, 20));
        let sides = [96.0, 50.0, 200.0].map(|price| scale.is_above(price));
        assert_eq!(sides, [None, Some(false), Some(true)]);
        assert_eq!((scale.row(50.0), scale.row(200.0)), (19, 0));
    }

    #[test]
    fn a_market_that_does_not_move_still_has_a_scale() {
        let scale = Scale::new(&[], Some("5".parse().unwrap()), &[], Rect::new(0, 0, 10, 9));
        assert_eq!(scale.row(5.0), 4);
    }
}
