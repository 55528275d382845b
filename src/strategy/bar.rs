//! A bar: what trades did in one interval of venue time, and the builder that makes bars.

use serde::{Deserialize, Serialize};

use crate::domain::{Candle, Nanos, Num, Price, Quantity, Trade, UnixNanos};

/// Open, high, low, close and volume of one interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bar {
    /// Start of the interval, a multiple of `length` in venue time.
    pub open_time: UnixNanos,
    /// Length of the interval in nanoseconds.
    pub length: Nanos,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Sum of quantities, in base asset.
    pub volume: Quantity,
    /// Sum of price × quantity, in quote asset.
    pub turnover: Num,
    /// How many trades.
    pub trades: u64,
    /// Id of the first trade.
    pub first_trade_id: u64,
    /// Id of the last trade.
    pub last_trade_id: u64,
}

impl Bar {
    fn open(trade: &Trade, length: Nanos) -> Self {
        Self {
            open_time: trade.ts_venue.floor_to(length),
            length,
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: trade.quantity,
            turnover: trade.price.notional(trade.quantity).unwrap_or_default(),
            trades: 1,
            first_trade_id: trade.id,
            last_trade_id: trade.id,
        }
    }

    fn add(&mut self, trade: &Trade) {
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.volume = self.volume.add(trade.quantity).unwrap_or(self.volume);
        let notional = trade.price.notional(trade.quantity);
        self.turnover =
            notional.and_then(|value| self.turnover.add(value)).unwrap_or(self.turnover);
        self.trades += 1;
        self.last_trade_id = trade.id;
    }

    /// A bar of `length` that begins with a candle. The venue does not say which trades are in it.
    fn begun(candle: &Candle, length: Nanos) -> Self {
        Self {
            open_time: candle.open_time.floor_to(length),
            length,
            open: candle.open,
            high: candle.high,
            low: candle.low,
            close: candle.close,
            volume: candle.volume,
            turnover: candle.turnover,
            trades: candle.trades,
            first_trade_id: 0,
            last_trade_id: 0,
        }
    }

    /// Adds the next candle of the same interval.
    fn join(&mut self, candle: &Candle) {
        // Without trades it repeats a price that may be older than the interval.
        if candle.trades > 0 {
            if self.trades == 0 {
                (self.open, self.high, self.low) = (candle.open, candle.high, candle.low);
            }
            self.high = self.high.max(candle.high);
            self.low = self.low.min(candle.low);
            self.close = candle.close;
        }
        self.volume = self.volume.add(candle.volume).unwrap_or(self.volume);
        self.turnover = self.turnover.add(candle.turnover).unwrap_or(self.turnover);
        self.trades += candle.trades;
    }

    /// Where the interval ends.
    pub fn close_time(&self) -> UnixNanos {
        self.open_time.plus(self.length)
    }
}

/// Makes bars of one length from trades, keyed by venue time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BarBuilder {
    length: Nanos,
    current: Option<Bar>,
    /// How much of the open bar's interval its candles cover.
    covered: Nanos,
    /// Trades that came for an interval already closed: counted, never applied.
    pub late_trades: u64,
    /// Bars of candles of which one was missing: counted, never given.
    pub incomplete: u64,
}

impl BarBuilder {
    /// A builder of bars of `length` nanoseconds, at least one millisecond.
    pub fn new(length: Nanos) -> Self {
        let length = length.max(1_000_000);
        Self { length, current: None, covered: 0, late_trades: 0, incomplete: 0 }
    }

    /// The interval's length in nanoseconds.
    pub fn length(&self) -> Nanos {
        self.length
    }

    /// The bar that is still open.
    pub fn current(&self) -> Option<&Bar> {
        self.current.as_ref()
    }

    /// Takes a trade; returns the bar that it closed, when it is the first of a later interval.
    pub fn push(&mut self, trade: &Trade) -> Option<Bar> {
        match &mut self.current {
            Some(bar) if bar.open_time > trade.ts_venue => {
                self.late_trades += 1;
                None
            }
            Some(bar) if trade.ts_venue < bar.close_time() => {
                bar.add(trade);
                None
            }
            _ => self.current.replace(Bar::open(trade, self.length)),
        }
    }

    /// Takes a candle whose length divides this one's, in order of time; returns the bar that it
    /// completes. One that lacks a part passes for nothing and is counted.
    pub fn push_candle(&mut self, candle: &Candle) -> Option<Bar> {
        if self.current.as_ref().is_some_and(|open| candle.open_time < open.open_time) {
            self.late_trades += candle.trades;
            return None;
        }
        if self.current.as_ref().is_some_and(|open| candle.open_time >= open.close_time()) {
            self.give();
        }
        match &mut self.current {
            Some(open) => open.join(candle),
            open => *open = Some(Bar::begun(candle, self.length)),
        }
        self.covered = self.covered.saturating_add(candle.length);
        let is_last = |open: &Bar| open.close_time() == candle.close_time();
        if self.current.as_ref().is_some_and(is_last) { self.give() } else { None }
    }

    /// Ends the open bar, which is given if nothing of it is missing.
    fn give(&mut self) -> Option<Bar> {
        let whole = self.covered == self.length;
        self.covered = 0;
        self.incomplete += u64::from(!whole);
        self.current.take().filter(|_| whole)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Side;

    const LENGTH: Nanos = 60 * UnixNanos::SECOND;

    /// Trades numbered from 1, each `step` seconds after the one before.
    fn trades(steps: impl Strategy<Value = i64>) -> impl Strategy<Value = Vec<Trade>> {
        prop::collection::vec((steps, 1_i64..1_000_000, 1_i64..1_000_000), 1..80).prop_map(|rows| {
            let mut seconds = 1_000_000_i64;
            let trade = |(id, (step, price, quantity))| {
                seconds += step;
                Trade {
                    id,
                    ts_venue: UnixNanos(seconds.unsigned_abs() * UnixNanos::SECOND),
                    price: Price::new(Num::new(price, 2).unwrap()),
                    quantity: Quantity::new(Num::new(quantity, 5).unwrap()).unwrap(),
                    aggressor: Side::Buy,
                }
            };
            (1..).zip(rows).map(trade).collect()
        })
    }

    /// All bars, the open one last, and how many trades were late.
    fn build(trades: &[Trade]) -> (Vec<Bar>, u64) {
        let mut builder = BarBuilder::new(LENGTH);
        let mut bars: Vec<Bar> = trades.iter().filter_map(|trade| builder.push(trade)).collect();
        bars.extend(builder.current());
        (bars, builder.late_trades)
    }

    /// Bars for the minutes without a trade, too, as venues publish them: whole longer intervals.
    fn every_minute(bars: &[Bar], long: Nanos) -> Vec<Candle> {
        let (Some(first), Some(last)) = (bars.first(), bars.last()) else { return Vec::new() };
        let mut before = *first;
        let mut open_time = first.open_time.floor_to(long);
        let mut all = Vec::new();
        while open_time < last.open_time.floor_to(long).plus(long) {
            let traded = bars.iter().find(|bar| bar.open_time == open_time);
            let price = before.close;
            let bar = traded.copied().unwrap_or(Bar {
                open: price,
                high: price,
                low: price,
                volume: Quantity::ZERO,
                turnover: Num::ZERO,
                trades: 0,
                ..before
            });
            all.push(Candle {
                open_time,
                length: LENGTH,
                open: bar.open,
                high: bar.high,
                low: bar.low,
                close: bar.close,
                volume: bar.volume,
                turnover: bar.turnover,
                trades: bar.trades,
            });
            before = bar;
            open_time = open_time.plus(LENGTH);
        }
        all
    }

    /// What a bar says must be what exactly these trades did.
    fn check(bar: &Bar, trades: &[Trade]) -> Result<(), TestCaseError> {
        let prices = || trades.iter().map(|trade| trade.price);
        let volume = trades.iter().map(|t| t.quantity).reduce(|a, b| a.add(b).unwrap());
        let notional = |t: &Trade| t.price.notional(t.quantity).unwrap();
        let turnover = trades.iter().map(notional).reduce(|a, b| a.add(b).unwrap());
        prop_assert_eq!(Some(bar.open), prices().next());
        prop_assert_eq!(Some(bar.high), prices().max());
        prop_assert_eq!(Some(bar.low), prices().min());
        prop_assert_eq!(Some(bar.close), prices().next_back());
        prop_assert_eq!((Some(bar.volume), Some(bar.turnover)), (volume, turnover));
        prop_assert_eq!(bar.trades, trades.len() as u64);
        prop_assert_eq!(Some(bar.first_trade_id), trades.first().map(|trade| trade.id));
        prop_assert_eq!(Some(bar.last_trade_id), trades.last().map(|trade| trade.id));
        for trade in trades {
            prop_assert!(bar.open_time <= trade.ts_venue && trade.ts_venue < bar.close_time());
        }
        Ok(())
    }

    proptest! {
        /// A trade in two bars or in none makes every indicator on bars wrong.
        #[test]
        fn bars_partition_the_trades(trades in trades(0_i64..90)) {
            let (bars, late) = build(&trades);
            let mut rest = &trades[..];
            for bar in &bars {
                let count = usize::try_from(bar.trades).unwrap().min(rest.len());
                let (own, others) = rest.split_at(count);
                check(bar, own)?;
                rest = others;
            }
            prop_assert_eq!((rest.len(), late), (0, 0));
            prop_assert!(bars.is_sorted_by(|a, b| a.close_time() <= b.open_time));
        }

        /// A late trade must not change a bar that a strategy already acted on.
        #[test]
        fn late_trades_are_counted_never_applied(trades in trades(-60_i64..90)) {
            let mut newest = UnixNanos(0);
            let mut in_time = trades.clone();
            in_time.retain(|trade| {
                newest = newest.max(trade.ts_venue.floor_to(LENGTH));
                trade.ts_venue.floor_to(LENGTH) == newest
            });
            let (bars, late) = build(&trades);
            prop_assert_eq!(late, (trades.len() - in_time.len()) as u64);
            prop_assert_eq!(bars, build(&in_time).0);
        }

        /// An hour made of minutes that differs from the hour of the trades makes every backtest
        /// on public data wrong.
        #[test]
        fn longer_bars_of_shorter_ones_are_those_of_the_trades(
            trades in trades(0_i64..90), lost in prop::option::of(0_usize..100),
        ) {
            const LONG: Nanos = 5 * LENGTH;
            let (minutes, _) = build(&trades);
            let mut direct = BarBuilder::new(LONG);
            let mut expected: Vec<Bar> = trades.iter().filter_map(|t| direct.push(t)).collect();
            expected.extend(direct.current());
            let mut all = every_minute(&minutes, LONG);
            let minutes_in_all = all.len();
            let hole = lost.filter(|at| *at < all.len()).map(|at| all.remove(at).open_time.floor_to(LONG));
            expected.retain(|bar| Some(bar.open_time) != hole);
            for bar in &mut expected {
                (bar.first_trade_id, bar.last_trade_id) = (0, 0);
            }
            let mut longer = BarBuilder::new(LONG);
            let made: Vec<Bar> = all.iter().filter_map(|bar| longer.push_candle(bar)).collect();
            prop_assert!(made.is_sorted_by(|a, b| a.close_time() <= b.open_time));
            let traded: Vec<Bar> = made.iter().filter(|bar| bar.trades > 0).copied().collect();
            prop_assert_eq!(traded, expected);
            // Without its last minute, the last interval stays open.
            let counted = hole.is_some() && lost != Some(minutes_in_all - 1);
            prop_assert_eq!(longer.incomplete, u64::from(counted));
        }

        /// A restart in the middle of a bar must not lose its first half.
        #[test]
        fn an_open_bar_survives_a_restart(trades in trades(0_i64..90), at in 0_usize..80) {
            let mut builder = BarBuilder::new(LENGTH);
            let mut bars = Vec::new();
            for (n, trade) in trades.iter().enumerate() {
                if n == at {
                    let saved = postcard::to_stdvec(&builder).unwrap();
                    builder = postcard::from_bytes(&saved).unwrap();
                }
                bars.extend(builder.push(trade));
            }
            bars.extend(builder.current());
            prop_assert_eq!(bars, build(&trades).0);
        }
    }
}
