//! REST answers about the past: candles (`klines`) and trades.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::domain::{Candle, Nanos, Num, Price, Quantity, Side, Trade, UnixNanos};
use crate::venue::Unusable;

const MINUTE: Nanos = 60 * UnixNanos::SECOND;
const HOUR: Nanos = 60 * MINUTE;

/// The candles that the venue makes, longest first. Longer ones do not begin at multiples of their
/// length since 1970, or have no fixed length.
pub const INTERVALS: [(&str, Nanos); 13] = [
    ("1d", 24 * HOUR),
    ("12h", 12 * HOUR),
    ("8h", 8 * HOUR),
    ("6h", 6 * HOUR),
    ("4h", 4 * HOUR),
    ("2h", 2 * HOUR),
    ("1h", HOUR),
    ("30m", 30 * MINUTE),
    ("15m", 15 * MINUTE),
    ("5m", 5 * MINUTE),
    ("3m", 3 * MINUTE),
    ("1m", MINUTE),
    ("1s", UnixNanos::SECOND),
];

/// The length of an interval by the venue's word.
pub fn interval(word: &str) -> Option<Nanos> {
    INTERVALS.iter().find(|(name, _)| *name == word).map(|(_, length)| *length)
}

/// A candle of `klines`: open time, open, high, low, close, volume, close time, turnover, trades,
/// taker volume, taker turnover, unused. Times are in milliseconds.
///
/// ```json
/// [1723161240000,"61830.00","61840.00","61820.00","61837.63","12.50",1723161299999,
///  "772970.37",1045,"6.10","377209.54","0"]
/// ```
#[derive(Deserialize)]
struct Row<'a>(
    u64,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    u64,
    &'a str,
    u64,
    IgnoredAny,
    IgnoredAny,
    IgnoredAny,
);

impl Row<'_> {
    fn candle(&self) -> Option<Candle> {
        let Self(open_ms, open, high, low, close, volume, close_ms, turnover, trades, ..) = *self;
        let price =
            |text: &str| Price::parse(text.as_bytes()).ok().filter(|p| p.num().is_positive());
        Some(Candle {
            open_time: UnixNanos::from_millis(open_ms),
            length: UnixNanos::from_millis(close_ms.checked_sub(open_ms)?.checked_add(1)?).0,
            open: price(open)?,
            high: price(high)?,
            low: price(low)?,
            close: price(close)?,
            volume: Quantity::parse(volume.as_bytes()).ok()?,
            turnover: Num::parse(turnover.as_bytes()).ok()?,
            trades,
        })
    }
}

/// Reads an answer of `klines`, oldest first.
pub fn candles(bytes: &[u8]) -> Result<Vec<Candle>, Unusable> {
    let rows: Vec<Row<'_>> = serde_json::from_slice(bytes).map_err(|_| Unusable::Malformed)?;
    let candles: Option<Vec<Candle>> = rows.iter().map(Row::candle).collect();
    let candles = candles.ok_or(Unusable::BadNumber)?;
    if candles.is_sorted_by(|a, b| a.open_time < b.open_time) {
        Ok(candles)
    } else {
        Err(Unusable::OutOfOrder)
    }
}

/// A trade of `trades` or `historicalTrades`.
///
/// ```json
/// {"id":3735683259,"price":"61837.63000000","qty":"0.02000000","quoteQty":"1236.75260000",
///  "time":1723161255342,"isBuyerMaker":true,"isBestMatch":true}
/// ```
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PastTrade<'a> {
    id: u64,
    price: &'a str,
    qty: &'a str,
    time: u64,
    is_buyer_maker: bool,
}

impl PastTrade<'_> {
    fn trade(&self) -> Option<Trade> {
        let price = Price::parse(self.price.as_bytes()).ok();
        let quantity = Quantity::parse(self.qty.as_bytes()).ok();
        Some(Trade {
            id: self.id,
            ts_venue: UnixNanos::from_millis(self.time),
            price: price.filter(|price| price.num().is_positive())?,
            quantity: quantity.filter(|quantity| !quantity.is_zero())?,
            aggressor: if self.is_buyer_maker { Side::Sell } else { Side::Buy },
        })
    }
}

/// Reads an answer of `trades` or `historicalTrades`, by rising id.
pub fn trades(bytes: &[u8]) -> Result<Vec<Trade>, Unusable> {
    let rows: Vec<PastTrade<'_>> =
        serde_json::from_slice(bytes).map_err(|_| Unusable::Malformed)?;
    let trades: Option<Vec<Trade>> = rows.iter().map(PastTrade::trade).collect();
    let trades = trades.ok_or(Unusable::BadNumber)?;
    if trades.is_sorted_by(|a, b| a.id < b.id) { Ok(trades) } else { Err(Unusable::OutOfOrder) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candle_is_read_as_the_venue_means_it() {
        let text = br#"[[1723161240000,"61830.00","61840.00","61820.00","61837.63","12.50",1723161299999,"772970.37",1045,"6.10","377209.54","0"]]"#;
        let candles = candles(text).unwrap();
        assert_eq!(candles.len(), 1);
        let candle = candles[0];
        assert_eq!((candle.open_time.millis(), candle.length), (1_723_161_240_000, MINUTE));
        assert_eq!((candle.high, candle.trades), ("61840".parse().unwrap(), 1_045));
        assert_eq!(candle.turnover, "772970.37".parse().unwrap());
    }

    #[test]
    fn a_past_trade_is_the_trade_that_the_stream_told() {
        let text = br#"[{"id":7,"price":"61837.63000000","qty":"0.02000000","quoteQty":"1","time":1723161255342,"isBuyerMaker":true,"isBestMatch":true}]"#;
        let trade = trades(text).unwrap()[0];
        assert_eq!((trade.id, trade.aggressor), (7, Side::Sell));
        assert_eq!(trade.ts_venue.millis(), 1_723_161_255_342);
    }

    /// A bar of a number that is none would be traded on.
    #[test]
    fn what_cannot_be_read_is_refused_whole() {
        let row = |price: &str, open: u64| {
            format!(r#"[{open},"{price}","1","1","1","1",{},"1",1,"1","1","0"]"#, open + 999)
        };
        let refused = |text: String| candles(text.as_bytes()).unwrap_err();
        assert_eq!(refused(format!("[{}]", row("-1", 0))), Unusable::BadNumber);
        assert_eq!(refused(format!("[{},{}]", row("1", 1_000), row("1", 0))), Unusable::OutOfOrder);
        assert_eq!(
            refused(r#"{"code":-1121,"msg":"Invalid symbol."}"#.to_owned()),
            Unusable::Malformed
        );
        assert_eq!(trades(b"[{}]").unwrap_err(), Unusable::Malformed);
    }
}
