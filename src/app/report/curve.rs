//! A curve: PnL at the end of every interval of a run, one line for each strategy and instrument, and
//! what is read from it: drawdown and returns.
//!
//! Valued at the boundaries of an interval of the clock (UTC), by what was known before the first
//! input at or after the boundary. The interval grows with the run, so that a run of any length is
//! held in bounded memory: one second up to an hour, a minute up to two years, then an hour.

use crate::domain::{Nanos, Num, UnixNanos};

/// A minute.
pub const MINUTE: Nanos = 60 * UnixNanos::SECOND;
/// An hour.
pub const HOUR: Nanos = 60 * MINUTE;
/// Intervals, each with the most samples that it is used for.
const INTERVALS: [(Nanos, usize); 3] =
    [(UnixNanos::SECOND, 3_600), (MINUTE, 2 * 366 * 1_440), (HOUR, usize::MAX)];

/// PnL over time.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    level: usize,
    /// A multiple of the interval: the first sample, before anything was traded.
    start: UnixNanos,
    /// When the next sample is due.
    next: UnixNanos,
    /// By line, then by sample.
    lines: Vec<Vec<Num>>,
}

impl Curve {
    /// A curve of so many lines, which begins at `time` with no PnL.
    pub fn begin(time: UnixNanos, lines: usize) -> Self {
        let interval = INTERVALS[0].0;
        let start = time.floor_to(interval);
        let next = start.plus(interval);
        Self { level: 0, start, next, lines: vec![vec![Num::ZERO]; lines] }
    }

    /// True when a sample is due before an input of this time.
    pub fn is_due(&self, time: UnixNanos) -> bool {
        time >= self.next
    }

    /// Takes the PnL of each line for every boundary up to `time`.
    pub fn sample(&mut self, time: UnixNanos, now: &[Num]) {
        while self.is_due(time) && self.next < UnixNanos::MAX {
            for (line, pnl) in self.lines.iter_mut().zip(now) {
                line.push(*pnl);
            }
            if self.lines.first().is_some_and(|line| line.len() > INTERVALS[self.level].1) {
                self.thin();
            }
            self.next = self.time(self.samples());
        }
    }

    /// Goes over to the next longer interval.
    fn thin(&mut self) {
        let length = INTERVALS[self.level + 1].0;
        let lines = (0..self.lines.len()).map(|line| self.every(line, length)).collect();
        self.start = self.start.floor_to(length);
        self.level += 1;
        self.lines = lines;
    }

    /// Between two samples, in nanoseconds.
    pub fn interval(&self) -> Nanos {
        INTERVALS[self.level].0
    }

    /// Samples so far.
    pub fn samples(&self) -> usize {
        self.lines.first().map_or(0, Vec::len)
    }

    /// When a sample was taken.
    pub fn time(&self, sample: usize) -> UnixNanos {
        self.start.plus(self.interval().saturating_mul(sample as u64))
    }

    /// The samples of a line.
    pub fn line(&self, line: usize) -> &[Num] {
        self.lines.get(line).map_or(&[], Vec::as_slice)
    }

    /// The samples of a line at the boundaries of a longer interval, the first one zero: the run
    /// began within it.
    pub fn every(&self, line: usize, length: Nanos) -> Vec<Num> {
        let start = self.start.floor_to(length);
        let samples = self.line(line).iter().enumerate();
        let kept = samples.filter(|(at, _)| {
            let time = self.time(*at);
            time > start && time.0.is_multiple_of(length)
        });
        std::iter::once(Num::ZERO).chain(kept.map(|(_, pnl)| *pnl)).collect()
    }
}

/// How far equity fell from its peak.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Drawdown {
    /// The largest fall, in quote asset.
    pub amount: Num,
    /// The largest fall as a share of its peak; `None` where a peak is not above zero.
    pub ratio: Option<f64>,
    /// From the last moment at the peak before the largest fall until equity is there again, or to
    /// the end.
    pub lasted: Nanos,
    /// Equity came back to that peak.
    pub recovered: bool,
}

/// The drawdown of a line of PnL over a capital; each point has its time.
pub fn drawdown(capital: Num, points: impl Iterator<Item = (UnixNanos, Num)>) -> Drawdown {
    let mut found = Drawdown { ratio: Some(0.0), recovered: true, ..Drawdown::default() };
    let mut peak: Option<(UnixNanos, Num)> = None;
    // The largest fall from it so far: only a larger one can be a larger share of it.
    let mut deepest = Num::ZERO;
    // The largest fall was from the peak that still stands.
    let mut is_deepest = false;
    let mut last = UnixNanos::default();
    for (time, pnl) in points {
        last = time;
        let equity = capital.add(pnl).unwrap_or(capital);
        let Some((since, high)) = peak.filter(|(_, high)| equity < *high) else {
            if let (true, Some((since, _))) = (is_deepest, peak) {
                (found.lasted, found.recovered, is_deepest) = (time.since(since), true, false);
            }
            peak = Some((time, equity));
            deepest = Num::ZERO;
            continue;
        };
        let fall = high.sub(equity).unwrap_or_default();
        if fall > deepest {
            deepest = fall;
            let ratio = high.is_positive().then(|| fall.to_f64() / high.to_f64());
            found.ratio = found.ratio.zip(ratio).map(|(most, ratio)| most.max(ratio));
        }
        if fall > found.amount {
            (found.amount, found.recovered, is_deepest) = (fall, false, true);
            found.lasted = last.since(since);
        }
    }
    if let (true, Some((since, _))) = (is_deepest, peak) {
        found.lasted = last.since(since);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn num(text: &str) -> Num {
        text.parse().unwrap()
    }

    fn points(pnl: &[i64]) -> impl Iterator<Item = (UnixNanos, Num)> {
        let second = |at| UnixNanos(at * UnixNanos::SECOND);
        (0..).map(second).zip(pnl.iter().map(|pnl| Num::from(*pnl)))
    }

    /// Lost if broken: how deep a strategy has been under water, and for how long.
    #[test]
    fn a_drawdown_lasts_from_its_peak_to_its_recovery() {
        let found = drawdown(num("100"), points(&[0, 10, 5, 10, 20, -10, 0, 20, 19]));
        assert_eq!((found.amount, found.ratio), (num("30"), Some(0.25)));
        assert_eq!((found.lasted / UnixNanos::SECOND, found.recovered), (3, true));
        let open = drawdown(num("100"), points(&[0, 10, 0, 9, 9]));
        assert_eq!((open.lasted / UnixNanos::SECOND, open.recovered), (3, false));
        let rising = drawdown(num("100"), points(&[0, 1, 2]));
        assert_eq!((rising.amount, rising.ratio, rising.lasted), (Num::ZERO, Some(0.0), 0));
        let broke = drawdown(Num::ZERO, points(&[0, -1]));
        assert_eq!((broke.amount, broke.ratio), (num("1"), None), "no share of nothing");
    }

    /// Lost if broken: numbers of a long run that are those of the same run, sampled more coarsely.
    #[test]
    fn a_curve_that_grew_coarse_holds_what_a_coarse_one_would() {
        let begin = UnixNanos(1_700_000_007 * UnixNanos::SECOND);
        let mut curve = Curve::begin(begin, 1);
        let at = |second: u64| begin.plus(second * UnixNanos::SECOND);
        for second in 0..10_000_u64 {
            if curve.is_due(at(second)) {
                // Known before this second: the number of the one before.
                curve.sample(at(second), &[Num::from(i64::try_from(second).unwrap() - 1)]);
            }
        }
        assert_eq!(curve.interval(), MINUTE);
        assert_eq!(curve.line(0)[0], Num::ZERO);
        for (sample, pnl) in curve.line(0).iter().enumerate().skip(1) {
            let seconds = curve.time(sample).since(begin) / UnixNanos::SECOND;
            assert_eq!(pnl.add(Num::ONE), Ok(Num::from(i64::try_from(seconds).unwrap())));
            assert!(curve.time(sample).0.is_multiple_of(MINUTE));
        }
        // It begins 807 s into an hour and lasts 9,999 s.
        assert_eq!(curve.every(0, HOUR).len(), 1 + 3);
    }

    /// Lost if broken: a run over a file with one wrong year in it.
    #[test]
    fn a_hole_of_centuries_is_held() {
        let mut curve = Curve::begin(UnixNanos(5), 2);
        curve.sample(UnixNanos::MAX, &[Num::ONE, Num::ZERO]);
        assert_eq!(curve.interval(), HOUR);
        assert!(curve.samples() < 6_000_000);
    }
}
