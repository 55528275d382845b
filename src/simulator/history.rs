//! What an instrument traded: the last trades and the candles made of them.

use std::collections::VecDeque;

use super::market::Fixed;
use crate::venue::binance::past::INTERVALS;

/// Trades kept for `trades` and `historicalTrades`.
const TRADES_KEPT: usize = 20_000;
/// Candles kept per interval: three answers full.
const KLINES_KEPT: usize = 3_000;

/// One trade.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Print {
    pub id: u64,
    pub price: Fixed,
    pub quantity: Fixed,
    pub time_ms: u64,
    /// True when the seller crossed the spread.
    pub buyer_is_maker: bool,
}

/// A candle interval that the venue has, by its place in the venue's list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Interval(usize);

impl Interval {
    /// Reads the venue's text.
    pub fn parse(text: &str) -> Option<Self> {
        INTERVALS.iter().position(|(word, _)| *word == text).map(Self)
    }

    pub fn length_ms(self) -> u64 {
        INTERVALS.get(self.0).map_or(1, |(_, length)| length / 1_000_000)
    }
}

/// A candle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Kline {
    pub open_ms: u64,
    pub open: Fixed,
    pub high: Fixed,
    pub low: Fixed,
    pub close: Fixed,
    /// In base asset.
    pub volume: Fixed,
    /// In quote asset.
    pub quote_volume: Fixed,
    pub trades: u64,
    /// The part of `volume` that buyers took.
    pub taker_volume: Fixed,
    /// The part of `quote_volume` that buyers took.
    pub taker_quote_volume: Fixed,
}

impl Kline {
    /// A candle without trades, at the last price.
    fn flat(open_ms: u64, price: Fixed) -> Self {
        Self { open_ms, open: price, high: price, low: price, close: price, ..Self::default() }
    }

    fn add(&mut self, print: &Print) {
        let notional = print.price.times(print.quantity);
        if self.trades == 0 {
            // The venue's rule: a candle opens at its own first trade.
            (self.open, self.high, self.low) = (print.price, print.price, print.price);
        }
        self.high = self.high.max(print.price);
        self.low = self.low.min(print.price);
        self.close = print.price;
        self.volume = self.volume.plus(print.quantity);
        self.quote_volume = self.quote_volume.plus(notional);
        self.trades += 1;
        if !print.buyer_is_maker {
            self.taker_volume = self.taker_volume.plus(print.quantity);
            self.taker_quote_volume = self.taker_quote_volume.plus(notional);
        }
    }
}

/// The candles of one interval, oldest first, without holes.
#[derive(Debug)]
struct Series {
    interval: Interval,
    klines: VecDeque<Kline>,
}

impl Series {
    /// Adds flat candles until the one that holds `now_ms`.
    fn roll(&mut self, now_ms: u64) {
        let length = self.interval.length_ms();
        let current = now_ms - now_ms % length;
        let Some(last) = self.klines.back().copied() else { return };
        let kept = length * KLINES_KEPT as u64;
        let mut open_ms = (last.open_ms + length).max((current + length).saturating_sub(kept));
        while open_ms <= current {
            self.push(Kline::flat(open_ms, last.close));
            open_ms += length;
        }
    }

    fn push(&mut self, kline: Kline) {
        if self.klines.len() == KLINES_KEPT {
            self.klines.pop_front();
        }
        self.klines.push_back(kline);
    }

    fn add(&mut self, print: &Print) {
        self.roll(print.time_ms);
        if self.klines.is_empty() {
            let open_ms = print.time_ms - print.time_ms % self.interval.length_ms();
            self.push(Kline::flat(open_ms, print.price));
        }
        if let Some(kline) = self.klines.back_mut() {
            kline.add(print);
        }
    }
}

/// Which candles are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct KlineQuery {
    pub interval: Interval,
    pub start_ms: Option<u64>,
    pub end_ms: Option<u64>,
    pub limit: usize,
}

/// The trades and candles of one instrument.
#[derive(Debug)]
pub(super) struct History {
    trades: VecDeque<Print>,
    /// One for each interval.
    series: Vec<Series>,
    /// When the first trade was; a candle that began before it lacks what came before.
    first_ms: Option<u64>,
}

impl Default for History {
    fn default() -> Self {
        let series = |interval| Series { interval: Interval(interval), klines: VecDeque::new() };
        let series = (0..INTERVALS.len()).map(series).collect();
        Self { trades: VecDeque::new(), series, first_ms: None }
    }
}

impl History {
    /// Takes a trade in; ids and times never go back.
    pub fn record(&mut self, print: Print) {
        if self.trades.len() == TRADES_KEPT {
            self.trades.pop_front();
        }
        self.trades.push_back(print);
        self.first_ms.get_or_insert(print.time_ms);
        for series in &mut self.series {
            series.add(&print);
        }
    }

    /// The last `limit` trades, or `limit` trades from an id on; oldest first.
    pub fn trades(&self, from_id: Option<u64>, limit: usize) -> impl Iterator<Item = &Print> {
        let start = match from_id {
            Some(id) => self.trades.partition_point(|print| print.id < id),
            None => self.trades.len().saturating_sub(limit),
        };
        self.trades.iter().skip(start).take(limit)
    }

    /// The candles of a query, oldest first, the unfinished one included. Those that began before
    /// the first trade are not whole, and left out.
    pub fn klines(&mut self, query: KlineQuery, now_ms: u64) -> Vec<Kline> {
        let Some(series) = self.series.iter_mut().find(|s| s.interval == query.interval) else {
            return Vec::new();
        };
        series.roll(now_ms);
        let start_ms = query.start_ms.unwrap_or(0).max(self.first_ms.unwrap_or(0));
        let end_ms = query.end_ms.unwrap_or(u64::MAX);
        let found: Vec<_> = (series.klines.iter().copied())
            .filter(|kline| (start_ms..=end_ms).contains(&kline.open_ms))
            .collect();
        // With a start the venue answers from there on, without one it answers with the latest.
        let skipped = match query.start_ms {
            Some(_) => 0,
            None => found.len().saturating_sub(query.limit),
        };
        found.into_iter().skip(skipped).take(query.limit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Interval = Interval(INTERVALS.len() - 1);
    const MINUTE: Interval = Interval(INTERVALS.len() - 2);

    fn print(id: u64, time_ms: u64, price: u64) -> Print {
        let (price, quantity) = (Fixed::whole(price), Fixed::whole(2));
        Print { id, price, quantity, time_ms, buyer_is_maker: id.is_multiple_of(2) }
    }

    fn query(interval: Interval, start_ms: Option<u64>, limit: usize) -> KlineQuery {
        KlineQuery { interval, start_ms, end_ms: None, limit }
    }

    #[test]
    fn a_silent_second_has_a_flat_candle_and_not_a_hole() {
        let mut history = History::default();
        history.record(print(0, 9_999, 4));
        history.record(print(1, 10_100, 5));
        history.record(print(2, 10_900, 7));
        history.record(print(3, 13_000, 6));
        let klines = history.klines(query(SECOND, None, 10), 14_500);
        let opens: Vec<_> = klines.iter().map(|kline| kline.open_ms).collect();
        assert_eq!(opens, [10_000, 11_000, 12_000, 13_000, 14_000]);
        assert_eq!((klines[0].open, klines[0].close), (Fixed::whole(5), Fixed::whole(7)));
        assert_eq!((klines[1].close, klines[1].trades), (Fixed::whole(7), 0));
        assert_eq!(klines[3].open, Fixed::whole(6));
        assert_eq!((klines[0].volume, klines[0].taker_volume), (Fixed::whole(4), Fixed::whole(2)));
        assert_eq!(klines[0].quote_volume, Fixed::whole(24));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut history = History::default();
        for id in 0..21_000 {
            history.record(print(id, id * 1_000, 5));
        }
        assert_eq!(history.trades(None, 30_000).count(), TRADES_KEPT);
        assert_eq!(
            history.trades(Some(20_998), 10).map(|p| p.id).collect::<Vec<_>>(),
            [20_998, 20_999]
        );
        assert_eq!(history.klines(query(SECOND, None, 5_000), 21_000_000).len(), KLINES_KEPT);
        // A long silence is filled from its end, not by millions of candles.
        let klines = history.klines(query(SECOND, None, 1_000), 60_000_000_000);
        assert_eq!(klines.last().map(|kline| kline.open_ms), Some(60_000_000_000));
        assert_eq!(klines.len(), 1_000);
    }

    #[test]
    fn a_start_pages_forward() {
        let mut history = History::default();
        history.record(print(1, 0, 5));
        let klines = history.klines(query(MINUTE, Some(60_000), 2), 600_000);
        assert_eq!(klines.iter().map(|k| k.open_ms).collect::<Vec<_>>(), [60_000, 120_000]);
    }
}
