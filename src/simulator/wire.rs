//! The venue's JSON as the exchange writes it. Every number of the market is a string with eight
//! decimals, whatever the tick size.

use std::fmt::Write;

use super::history::{Interval, Kline, Print};
use super::market::{Level, Listing, Snapshot};

/// The `data` of a `trade` message.
pub(super) fn trade(symbol: &str, print: &Print) -> String {
    let Print { id, price, quantity, time_ms, buyer_is_maker } = print;
    format!(
        r#"{{"e":"trade","E":{time_ms},"s":"{symbol}","t":{id},"p":"{price}","q":"{quantity}","T":{time_ms},"m":{buyer_is_maker},"M":true}}"#
    )
}

/// The `data` of a `bookTicker` message: it has no time of its own.
pub(super) fn book_ticker(symbol: &str, update_id: u64, bid: Level, ask: Level) -> String {
    format!(
        r#"{{"u":{update_id},"s":"{symbol}","b":"{}","B":"{}","a":"{}","A":"{}"}}"#,
        bid.price, bid.quantity, ask.price, ask.quantity
    )
}

/// Changed levels between two update ids, both included.
pub(super) struct DepthUpdate {
    pub time_ms: u64,
    pub first_update_id: u64,
    pub last_update_id: u64,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

/// The `data` of a `depth` message.
pub(super) fn depth_update(symbol: &str, update: &DepthUpdate) -> String {
    let mut out = format!(
        r#"{{"e":"depthUpdate","E":{},"s":"{symbol}","U":{},"u":{},"b":"#,
        update.time_ms, update.first_update_id, update.last_update_id
    );
    push_levels(&mut out, &update.bids);
    out.push_str(r#","a":"#);
    push_levels(&mut out, &update.asks);
    out.push('}');
    out
}

/// The answer of `depth`.
pub(super) fn snapshot(snapshot: &Snapshot) -> String {
    let mut out = format!(r#"{{"lastUpdateId":{},"bids":"#, snapshot.last_update_id);
    push_levels(&mut out, &snapshot.bids);
    out.push_str(r#","asks":"#);
    push_levels(&mut out, &snapshot.asks);
    out.push('}');
    out
}

fn push_levels(out: &mut String, levels: &[Level]) {
    push_list(out, levels, |out, Level { price, quantity }| {
        write!(out, r#"["{price}","{quantity}"]"#)
    });
}

/// `[a,b,c]`.
fn push_list<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut String, T) -> std::fmt::Result,
) {
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        // Writing into a string cannot fail.
        push(out, item).unwrap_or_default();
    }
    out.push(']');
}

/// The answer of `trades` and `historicalTrades`.
pub(super) fn trades<'a>(prints: impl IntoIterator<Item = &'a Print>) -> String {
    let mut out = String::new();
    push_list(&mut out, prints, |out, print| {
        let Print { id, price, quantity, time_ms, buyer_is_maker } = print;
        let notional = price.times(*quantity);
        write!(
            out,
            r#"{{"id":{id},"price":"{price}","qty":"{quantity}","quoteQty":"{notional}","time":{time_ms},"isBuyerMaker":{buyer_is_maker},"isBestMatch":true}}"#
        )
    });
    out
}

/// The answer of `klines`.
pub(super) fn klines(klines: &[Kline], interval: Interval) -> String {
    let mut out = String::new();
    push_list(&mut out, klines, |out, kline| {
        let Kline { open_ms, open, high, low, close, volume, quote_volume, trades, .. } = kline;
        let close_ms = open_ms + interval.length_ms() - 1;
        write!(
            out,
            r#"[{open_ms},"{open}","{high}","{low}","{close}","{volume}",{close_ms},"{quote_volume}",{trades},"{}","{}","0"]"#,
            kline.taker_volume, kline.taker_quote_volume
        )
    });
    out
}

/// The answer of `exchangeInfo`.
pub(super) fn exchange_info<'a>(
    now_ms: u64,
    listings: impl IntoIterator<Item = &'a Listing>,
) -> String {
    let mut out = format!(
        r#"{{"timezone":"UTC","serverTime":{now_ms},"rateLimits":[{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000}}],"exchangeFilters":[],"symbols":"#
    );
    push_list(&mut out, listings, push_listing);
    out.push('}');
    out
}

/// One symbol of `exchangeInfo`, with the filters that orders are checked against.
fn push_listing(out: &mut String, listing: &Listing) -> std::fmt::Result {
    let Listing { symbol, base, quote, tick, lot, min_notional } = listing;
    write!(
        out,
        concat!(
            r#"{{"symbol":"{symbol}","status":"TRADING","baseAsset":"{base}","#,
            r#""baseAssetPrecision":8,"quoteAsset":"{quote}","quotePrecision":8,"#,
            r#""quoteAssetPrecision":8,"orderTypes":["LIMIT","LIMIT_MAKER","MARKET"],"#,
            r#""isSpotTradingAllowed":true,"isMarginTradingAllowed":false,"filters":["#,
            r#"{{"filterType":"PRICE_FILTER","minPrice":"{tick}","#,
            r#""maxPrice":"1000000.00000000","tickSize":"{tick}"}},"#,
            r#"{{"filterType":"LOT_SIZE","minQty":"{lot}","#,
            r#""maxQty":"9000.00000000","stepSize":"{lot}"}},"#,
            r#"{{"filterType":"NOTIONAL","minNotional":"{min_notional}","#,
            r#""applyMinToMarket":true,"maxNotional":"9000000.00000000","#,
            r#""applyMaxToMarket":false,"avgPriceMins":5}}],"permissions":["SPOT"]}}"#,
        ),
        symbol = symbol,
        base = base,
        quote = quote,
        tick = tick,
        lot = lot,
        min_notional = min_notional,
    )
}

/// An error payload, as HTTP answers and WebSocket replies carry it.
pub(super) fn error(code: i32, message: &str) -> String {
    serde_json::json!({ "code": code, "msg": message }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::market::Fixed;

    fn level(price: u64, quantity: u64) -> Level {
        Level { price: Fixed(price), quantity: Fixed(quantity) }
    }

    #[test]
    fn messages_have_the_bytes_that_the_venue_sends() {
        let print = Print {
            id: 3_735_683_259,
            price: Fixed(6_183_763_000_000),
            quantity: Fixed(2_000_000),
            time_ms: 1_723_161_255_343,
            buyer_is_maker: true,
        };
        assert_eq!(
            trade("BTCUSDT", &print),
            r#"{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255343,"m":true,"M":true}"#
        );
        assert_eq!(
            book_ticker("BTCUSDT", 7, level(6_183_763_000_000, 378_826_000), level(1, 2)),
            r#"{"u":7,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"0.00000001","A":"0.00000002"}"#
        );
        let update = DepthUpdate {
            time_ms: 5,
            first_update_id: 1,
            last_update_id: 2,
            bids: vec![level(3, 0), level(2, 1)],
            asks: vec![],
        };
        assert_eq!(
            depth_update("X", &update),
            r#"{"e":"depthUpdate","E":5,"s":"X","U":1,"u":2,"b":[["0.00000003","0.00000000"],["0.00000002","0.00000001"]],"a":[]}"#
        );
    }

    #[test]
    fn what_is_listed_is_valid_json_with_its_filters() {
        let text = exchange_info(1, &[Listing::of("BTCUSDT"), Listing::of("ABCEUR")]);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let symbols = value["symbols"].as_array().unwrap();
        assert_eq!(symbols[0]["filters"][0]["tickSize"], "0.01000000");
        assert_eq!(symbols[0]["filters"][1]["stepSize"], "0.00001000");
        assert_eq!(symbols[0]["filters"][2]["minNotional"], "5.00000000");
        assert_eq!(
            (&symbols[1]["baseAsset"], &symbols[1]["quoteAsset"]),
            (&"ABC".into(), &"EUR".into())
        );
    }
}
