//! A row: its cells read as a fact, and refused when they cannot be one.
//!
//! A file without a header only has the order of its columns to go by. So everything that its
//! numbers say about each other is checked, also what is not used otherwise.

use super::error::quoted;
use super::layout::{Cells, Dataset, flag};
use super::{Fact, span};
use crate::domain::{Candle, Nanos, Num, NumError, Price, Quantity, Side, Trade, UnixNanos};

/// Nanoseconds of the units that times are written in, with the first and the last number that is
/// one: years 2001 to 2099.
const UNITS: [(Nanos, &str, u64, u64); 3] = [
    (1_000_000, "milliseconds", 1_000_000_000_000, 4_102_444_800_000),
    (1_000, "microseconds", 1_000_000_000_000_000, 4_102_444_800_000_000),
    (1, "nanoseconds", 1_000_000_000_000_000_000, 4_102_444_800_000_000_000),
];
const SECOND: Nanos = UnixNanos::SECOND;

/// Reads the rows of one file.
#[derive(Clone, Debug)]
pub struct Rows {
    dataset: Dataset,
    /// The unit of the file's times, with where it was seen first.
    unit: Option<(Nanos, &'static str)>,
    /// The length of the file's bars.
    length: Option<Nanos>,
}

type Refused<T> = Result<T, String>;

impl Rows {
    /// Rows of a dataset; bars of `length`, if it is known beforehand.
    pub fn new(dataset: Dataset, length: Option<Nanos>) -> Self {
        Self { dataset, unit: None, length }
    }

    /// The length of the file's bars, once one was read.
    pub fn length(&self) -> Option<Nanos> {
        self.length
    }

    /// Reads a row; a sentence about the one that is none.
    pub fn read(&mut self, cells: &Cells<'_>) -> Refused<Fact> {
        match self.dataset {
            Dataset::Ticks => tick(cells).map(Fact::Trade),
            Dataset::Trades => self.trade(cells).map(Fact::Trade),
            Dataset::AggTrades => self.aggregate(cells).map(Fact::Trade),
            Dataset::Klines => self.kline(cells).map(Fact::Candle),
        }
    }

    fn trade(&mut self, cells: &Cells<'_>) -> Refused<Trade> {
        let [id, price, quantity, value, time, buyer_maker, best, ..] = *cells;
        let (price, quantity) = (read_price("price", price)?, positive("qty", quantity)?);
        if !value.is_empty() && !is_near(number("quote_qty", value)?, price.notional(quantity)) {
            return Err(format!(
                "quote_qty {} is not price {price} times qty {quantity}{IN_ORDER}",
                quoted(value)
            ));
        }
        optional_flag("is_best_match", best)?;
        let (id, ts_venue) = (integer("id", id)?, self.time("time", time)?);
        let aggressor = aggressor(buyer_maker)?;
        Ok(Trade { id, ts_venue, price, quantity, aggressor })
    }

    fn aggregate(&mut self, cells: &Cells<'_>) -> Refused<Trade> {
        let [id, price, quantity, first, last, time, buyer_maker, best, ..] = *cells;
        let (price, quantity) = (read_price("price", price)?, positive("quantity", quantity)?);
        if !first.is_empty() && !last.is_empty() {
            let (first, last) =
                (integer("first_trade_id", first)?, integer("last_trade_id", last)?);
            if first > last {
                return Err(format!(
                    "first_trade_id {first} is after last_trade_id {last}{IN_ORDER}"
                ));
            }
        }
        optional_flag("is_best_match", best)?;
        let (id, ts_venue) = (integer("agg_trade_id", id)?, self.time("transact_time", time)?);
        let aggressor = aggressor(buyer_maker)?;
        Ok(Trade { id, ts_venue, price, quantity, aggressor })
    }

    fn kline(&mut self, cells: &Cells<'_>) -> Refused<Candle> {
        let [opens, open, high, low, close, volume, closes, turnover, count, taken, ..] = *cells;
        let (open_time, closes) =
            (self.time("open_time", opens)?, self.time("close_time", closes)?);
        let length = self.interval(open_time, closes)?;
        let bar = Candle {
            open_time,
            length,
            open: read_price("open", open)?,
            high: read_price("high", high)?,
            low: read_price("low", low)?,
            close: read_price("close", close)?,
            volume: quantity("volume", volume)?,
            turnover: number("quote_volume", turnover)?,
            trades: integer("count", count)?,
        };
        check_prices(&bar)?;
        check_amounts(&bar)?;
        if !taken.is_empty() && quantity("taker_buy_volume", taken)? > bar.volume {
            return Err(format!("taker_buy_volume is above volume {}{IN_ORDER}", bar.volume));
        }
        Ok(bar)
    }

    /// The length of a bar from its two times. It is that of the whole file, and bars start on its
    /// multiples.
    fn interval(&mut self, open_time: UnixNanos, close_time: UnixNanos) -> Refused<Nanos> {
        // A bar closes on the last moment of its interval, in whatever unit it was written.
        let lasts = close_time.since(open_time);
        let length = lasts.div_ceil(SECOND) * SECOND;
        if lasts == 0 || length - lasts > 1_000_000 || length == lasts {
            return Err(format!(
                "close_time is {} s after open_time, and a bar ends just before its interval does",
                lasts / SECOND
            ));
        }
        let known = *self.length.get_or_insert(length);
        if known != length {
            return Err(format!(
                "is a bar of {}, and the file's are {}",
                span(length),
                span(known)
            ));
        }
        if open_time.floor_to(length) != open_time {
            let length = span(length);
            return Err(format!(
                "bars of {length} do not start on multiples of {length} here: use shorter ones"
            ));
        }
        Ok(length)
    }

    /// A time, in the unit of the file's first one.
    fn time(&mut self, column: &str, cell: &[u8]) -> Refused<UnixNanos> {
        let time = integer(column, cell)?;
        let found = UNITS.iter().find(|(_, _, first, last)| (*first..=*last).contains(&time));
        let Some((unit, name, ..)) = found else {
            return Err(format!(
                "{column} {time} is no time of 2001 to 2099 in milliseconds, microseconds or \
                 nanoseconds{IN_ORDER}"
            ));
        };
        match self.unit {
            Some((known, before)) if known != *unit => {
                Err(format!("{column} {time} is in {name}, and the rows above are in {before}"))
            }
            _ => {
                self.unit = Some((*unit, name));
                Ok(UnixNanos(time.saturating_mul(*unit)))
            }
        }
    }
}

/// Said when numbers contradict each other.
const IN_ORDER: &str = ": are the columns in Binance's order?";

fn tick(cells: &Cells<'_>) -> Refused<Trade> {
    let [time, id, price, quantity, side, ..] = *cells;
    Ok(Trade {
        ts_venue: UnixNanos(integer("ts_ns", time)?),
        id: integer("id", id)?,
        price: read_price("price", price)?,
        quantity: positive("qty", quantity)?,
        aggressor: match side {
            b"1" => Side::Buy,
            b"-1" => Side::Sell,
            _ => return Err(format!("side {} is neither 1 nor -1", quoted(side))),
        },
    })
}

/// The buyer was the maker: the seller crossed the spread.
fn aggressor(buyer_maker: &[u8]) -> Refused<Side> {
    match flag(buyer_maker) {
        Some(true) => Ok(Side::Sell),
        Some(false) => Ok(Side::Buy),
        None => Err(not_a("is_buyer_maker", buyer_maker, "True or False")),
    }
}

fn optional_flag(column: &str, cell: &[u8]) -> Refused<()> {
    if cell.is_empty() || flag(cell).is_some() {
        Ok(())
    } else {
        Err(not_a(column, cell, "True or False"))
    }
}

fn integer(column: &str, cell: &[u8]) -> Refused<u64> {
    let digits = !cell.is_empty() && cell.iter().all(u8::is_ascii_digit);
    let number =
        std::str::from_utf8(cell).ok().filter(|_| digits).and_then(|text| text.parse().ok());
    number.ok_or_else(|| not_a(column, cell, "a whole number"))
}

fn number(column: &str, cell: &[u8]) -> Refused<Num> {
    Num::parse(cell).map_err(|_| not_a(column, cell, "a plain decimal number"))
}

fn read_price(column: &str, cell: &[u8]) -> Refused<Price> {
    above_zero(column, number(column, cell)?).map(Price::new)
}

fn positive(column: &str, cell: &[u8]) -> Refused<Quantity> {
    let number = above_zero(column, number(column, cell)?)?;
    Quantity::new(number).map_err(|error| error.to_string())
}

fn quantity(column: &str, cell: &[u8]) -> Refused<Quantity> {
    Quantity::parse(cell).map_err(|_| not_a(column, cell, "a plain decimal number, zero or above"))
}

fn above_zero(column: &str, number: Num) -> Refused<Num> {
    if number.is_positive() {
        Ok(number)
    } else {
        Err(format!("{column} {number} is not above zero"))
    }
}

fn not_a(column: &str, cell: &[u8], what: &str) -> String {
    if std::str::from_utf8(cell).is_err() {
        return format!("{column} is not text in UTF-8");
    }
    format!("{column} {} is not {what}", quoted(cell))
}

fn check_prices(bar: &Candle) -> Refused<()> {
    let inner = [("open", bar.open), ("close", bar.close)];
    match inner.iter().find(|(_, price)| *price < bar.low || *price > bar.high) {
        Some((name, price)) => Err(format!(
            "{name} {price} is not between low {} and high {}{IN_ORDER}",
            bar.low, bar.high
        )),
        None if bar.low > bar.high => {
            Err(format!("low {} is above high {}{IN_ORDER}", bar.low, bar.high))
        }
        None => Ok(()),
    }
}

/// Nothing is traded without trades, and every trade was between low and high.
fn check_amounts(bar: &Candle) -> Refused<()> {
    if bar.volume.is_zero() != (bar.trades == 0) {
        return Err(format!("{} trades and a volume of {}{IN_ORDER}", bar.trades, bar.volume));
    }
    let least = bar.low.notional(bar.volume).unwrap_or(Num::MIN);
    let most = bar.high.notional(bar.volume).unwrap_or(Num::MAX);
    let value = bar.turnover;
    if (value < least && !is_near(value, Ok(least))) || (value > most && !is_near(value, Ok(most)))
    {
        return Err(format!(
            "quote_volume {value} is no sum of volume {} at prices of {} to {}{IN_ORDER}",
            bar.volume, bar.low, bar.high
        ));
    }
    Ok(())
}

/// True when two values differ by what rounding explains: a millionth of them, or of one.
fn is_near(value: Num, other: Result<Num, NumError>) -> bool {
    if other == Ok(value) {
        return true;
    }
    let near = other.and_then(|other| {
        let most = Num::ONE.add(other.abs())?.mul(Num::new(1, 6)?)?;
        Ok(value.sub(other)?.abs() <= most)
    });
    near.unwrap_or(false)
}
