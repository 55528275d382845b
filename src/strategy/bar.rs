//! A bar: what trades did in one stretch, and whether that is known whole.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{Candle, Nanos, Num, Price, Quantity, Trade, UnixNanos};

/// Units of time that lengths are shown in, in nanoseconds, largest first.
const UNITS: [(&str, Nanos); 5] = [
    ("d", 86_400 * UnixNanos::SECOND),
    ("h", 3_600 * UnixNanos::SECOND),
    ("m", 60 * UnixNanos::SECOND),
    ("s", UnixNanos::SECOND),
    ("ms", UnixNanos::SECOND / 1_000),
];

/// What ends a bar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarKind {
    /// An interval of this many nanoseconds of venue time is over. Intervals without trades have a
    /// flat bar, as the venue's own candles do.
    Time(Nanos),
    /// It holds this many trades.
    Ticks(u64),
    /// It holds at least this much base asset; the trade that gets there belongs to it whole.
    Volume(Quantity),
    /// It holds at least this much quote asset; likewise.
    Notional(Num),
}

impl BarKind {
    /// The interval's length; `None` for bars that no clock ends.
    pub fn interval(self) -> Option<Nanos> {
        match self {
            Self::Time(length) => Some(length),
            _ => None,
        }
    }
}

impl fmt::Display for BarKind {
    /// As it is configured: `bars:1m`, `ticks:100`, `volume:10`, `notional:100000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(length) => {
                let fits = |unit: &&(&str, Nanos)| length.is_multiple_of(unit.1);
                match UNITS.iter().find(fits) {
                    Some((unit, size)) => write!(f, "bars:{}{unit}", length / size),
                    None => write!(f, "bars:{length}ns"),
                }
            }
            Self::Ticks(trades) => write!(f, "ticks:{trades}"),
            Self::Volume(quantity) => write!(f, "volume:{quantity}"),
            Self::Notional(amount) => write!(f, "notional:{amount}"),
        }
    }
}

/// Whether a bar holds every trade of its stretch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// All of them, as they came: their ids leave nothing out.
    #[default]
    Complete,
    /// All of them; some were asked for over REST.
    Repaired,
    /// Some are missing, or it is not known that none is: no rule on it is true or false.
    Partial,
}

impl Quality {
    /// Its name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Repaired => "repaired",
            Self::Partial => "partial",
        }
    }
}

/// Open, high, low, close and volume of one stretch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bar {
    /// What ends it.
    pub kind: BarKind,
    /// Start of the interval, a multiple of its length in venue time; of a bar that no clock ends,
    /// the time of its first trade.
    pub open_time: UnixNanos,
    /// Length of the interval in nanoseconds; of a bar that no clock ends, from its first trade to
    /// its last.
    pub length: Nanos,
    /// First price; of a bar without trades, the close before it.
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
    /// Id of the first trade that came as a trade; without trades, the id that is due next. 0 when
    /// the venue told only a candle.
    pub first_trade_id: u64,
    /// Id of the last trade; one less than `first_trade_id` without trades.
    pub last_trade_id: u64,
    /// Whether it holds all of them.
    pub quality: Quality,
}

impl Bar {
    /// A bar that begins with a trade.
    pub(super) fn open(trade: &Trade, kind: BarKind) -> Self {
        Self {
            kind,
            open_time: trade.ts_venue.floor_to(kind.interval().unwrap_or(0)),
            length: kind.interval().unwrap_or(0),
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: trade.quantity,
            turnover: trade.price.notional(trade.quantity).unwrap_or_default(),
            trades: 1,
            first_trade_id: trade.id,
            last_trade_id: trade.id,
            quality: Quality::Complete,
        }
    }

    /// A bar of `length` nanoseconds that begins with a candle.
    pub(super) fn begun(candle: &Candle, length: Nanos) -> Self {
        Self {
            kind: BarKind::Time(length),
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
            quality: Quality::Complete,
        }
    }

    /// A bar as candles tell it, which make it up without a hole; `None` where they do not, or say
    /// the same. Its trades keep their ids.
    pub fn told(candles: &BTreeMap<UnixNanos, Candle>, bar: &Self) -> Option<Self> {
        let within = candles.range(bar.open_time..bar.close_time());
        let mut told: Option<Self> = None;
        let mut next = bar.open_time;
        for candle in within.map(|(_, candle)| candle).filter(|candle| candle.length > 0) {
            if candle.open_time != next || candle.close_time() > bar.close_time() {
                return None;
            }
            next = candle.close_time();
            match &mut told {
                Some(told) => told.add_candle(candle),
                None => told = Some(Self::begun(candle, bar.length)),
            }
        }
        let told = told.filter(|_| next == bar.close_time())?;
        let (first_trade_id, last_trade_id) = (bar.first_trade_id, bar.last_trade_id);
        let told = Self { first_trade_id, last_trade_id, ..told };
        (bar.quality == Quality::Partial || !told.says_the_same(bar)).then_some(told)
    }

    /// True when both have the same prices, amounts and count of trades.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let prices = |bar: &Self| (bar.open, bar.high, bar.low, bar.close);
        let amounts = |bar: &Self| (bar.volume, bar.turnover, bar.trades);
        prices(self) == prices(other) && amounts(self) == amounts(other)
    }

    /// The bar without trades that begins at `open_time`, after this one.
    pub(super) fn flat_after(&self, open_time: UnixNanos) -> Self {
        let next = if self.last_trade_id == 0 { 0 } else { self.last_trade_id + 1 };
        Self {
            open_time,
            open: self.close,
            high: self.close,
            low: self.close,
            volume: Quantity::ZERO,
            turnover: Num::ZERO,
            trades: 0,
            first_trade_id: next,
            quality: Quality::Complete,
            ..*self
        }
    }

    pub(super) fn add(&mut self, trade: &Trade) {
        if self.trades == 0 {
            let quality = self.quality;
            *self = Self {
                length: self.length,
                open_time: self.open_time,
                quality,
                ..Self::open(trade, self.kind)
            };
            return;
        }
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.volume = self.volume.add(trade.quantity).unwrap_or(self.volume);
        let notional = trade.price.notional(trade.quantity);
        self.turnover =
            notional.and_then(|value| self.turnover.add(value)).unwrap_or(self.turnover);
        self.trades += 1;
        if self.first_trade_id == 0 {
            self.first_trade_id = trade.id;
        }
        self.last_trade_id = trade.id;
        if self.kind.interval().is_none() {
            self.length = trade.ts_venue.since(self.open_time);
        }
    }

    /// Adds the next candle. One without trades repeats the price before it.
    pub(super) fn add_candle(&mut self, candle: &Candle) {
        if self.trades == 0 {
            (self.open, self.high, self.low) = (candle.open, candle.high, candle.low);
        }
        self.high = self.high.max(candle.high);
        self.low = self.low.min(candle.low);
        self.close = candle.close;
        self.volume = self.volume.add(candle.volume).unwrap_or(self.volume);
        self.turnover = self.turnover.add(candle.turnover).unwrap_or(self.turnover);
        self.trades += candle.trades;
    }

    /// True when it holds what ends a bar that no clock ends.
    pub(super) fn is_full(&self) -> bool {
        match self.kind {
            BarKind::Time(_) => false,
            BarKind::Ticks(trades) => self.trades >= trades,
            BarKind::Volume(quantity) => self.volume >= quantity,
            BarKind::Notional(amount) => self.turnover >= amount,
        }
    }

    /// It is at least as bad as this.
    pub(super) fn worsen(&mut self, quality: Quality) {
        self.quality = self.quality.max(quality);
    }

    /// Where the stretch ends.
    pub fn close_time(&self) -> UnixNanos {
        self.open_time.plus(self.length)
    }
}
