//! The decoder on real frames, on garbled ones, and on the recorded tape.

use proptest::prelude::*;

use super::*;
use crate::domain::{AssetId, BookLoss, Quote, Side, Trade};
use crate::venue::DownReason;

const TRADE: &str = include_str!("../../../tests/payloads/binance/trade.json");
const BOOK_TICKER: &str = include_str!("../../../tests/payloads/binance/book_ticker.json");
const DEPTH: &str = include_str!("../../../tests/payloads/binance/depth.json");
/// Cut to twenty levels a side.
const SNAPSHOT: &str = include_str!("../../../tests/payloads/binance/depth_snapshot.json");
/// Two symbols, in the documented form.
const EXCHANGE_INFO: &str = include_str!("../../../tests/payloads/binance/exchange_info.json");

/// A whole candle of a minute and an unfinished one.
const KLINES: &str = r#"[[1723161240000,"61830.00","61840.00","61820.00","61837.63","12.50",1723161299999,"772970.37",1045,"6.10","377209.54","0"],[1723161300000,"61830.00","61840.00","61820.00","61837.63","12.50",1723161359999,"772970.37",1,"6.10","377209.54","0"]]"#;
const PAST_TRADES: &str = r#"[{"id":7,"price":"61837.63","qty":"0.02","quoteQty":"1236.7526","time":1723161299999,"isBuyerMaker":true,"isBestMatch":true},{"id":8,"price":"61837.64","qty":"0.01","quoteQty":"618.3764","time":1723161300500,"isBuyerMaker":false,"isBestMatch":true}]"#;

const BTC: InstrumentId = InstrumentId(0);
const STREAM: Source = Source::Stream { connection: 1 };
const UP: LineEvent = LineEvent::Up { connection: 1 };
const DOWN: LineEvent = LineEvent::Down { connection: 1, reason: DownReason::Closed };

fn at(seconds: u64) -> UnixNanos {
    UnixNanos(seconds * UnixNanos::SECOND)
}

pub(in super::super) fn decoder() -> BinanceDecoder {
    let instrument =
        |symbol: &str| Instrument::unfiltered(symbol, "binance", AssetId(0), AssetId(1));
    BinanceDecoder::new(vec![instrument("BTCUSDT"), instrument("ETHUSDT")])
}

/// What was told, one line each.
#[derive(Default)]
struct Heard(Vec<String>);

impl Listener for Heard {
    fn told(&mut self, told: Told<'_>) {
        self.0.push(match told {
            Told::Market { event: MarketEvent::BookSnapshot { update_id, bids, asks }, .. } => {
                format!("snapshot {update_id} {}x{}", bids.len(), asks.len())
            }
            Told::Market {
                event: MarketEvent::BookDelta { update_id, bids, asks, .. }, ..
            } => {
                format!("delta {update_id} {}x{}", bids.len(), asks.len())
            }
            Told::Market { event: MarketEvent::BookLost(loss), .. } => format!("lost {loss:?}"),
            Told::Market { event: MarketEvent::Trade(trade), .. } => format!("trade {}", trade.id),
            Told::Market { event: MarketEvent::Quote(_), .. } => "quote".into(),
            Told::Instrument { id, instrument } => {
                format!("instrument {} {}", id.0, instrument.tick_size)
            }
            Told::Live { instrument, channel } => format!("live {} {channel:?}", instrument.0),
            Told::History { history, .. } => format!("history {history:?}"),
            Told::TradeGap { expected, received, .. } => format!("gap {expected} {received}"),
            Told::Unusable { channel, reason } => format!("unusable {channel:?} {reason:?}"),
            Told::ShutdownAnnounced => "shutdown".into(),
        });
    }
}

fn frame(decoder: &mut BinanceDecoder, source: &Source, seconds: u64, text: &str) -> Vec<String> {
    let mut heard = Heard::default();
    let frame = Frame { source, received: at(seconds), bytes: text.as_bytes() };
    decoder.frame(&frame, &mut heard);
    heard.0
}

fn stream(decoder: &mut BinanceDecoder, text: &str) -> Vec<String> {
    frame(decoder, &STREAM, 1, text)
}

fn line(decoder: &mut BinanceDecoder, event: LineEvent, seconds: u64) -> Vec<String> {
    let mut heard = Heard::default();
    decoder.line(event, at(seconds), &mut heard);
    heard.0
}

fn depth_request() -> Request {
    Request::Depth { symbol: "BTCUSDT".into() }
}

fn answer(request: Request, status: u16) -> Source {
    Source::Answer { request, status }
}

/// A trade of BTCUSDT at a venue time in milliseconds.
fn trade(id: u64, ms: u64) -> String {
    format!(
        r#"{{"stream":"btcusdt@trade","data":{{"s":"BTCUSDT","t":{id},"p":"1","q":"1","T":{ms},"m":true}}}}"#
    )
}

fn depth(first: u64, last: u64) -> String {
    format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"E":1,"s":"BTCUSDT","U":{first},"u":{last},"b":[["1","1"]],"a":[]}}}}"#
    )
}

/// A decoder whose BTCUSDT book is in step up to update 10.
fn synced() -> BinanceDecoder {
    let mut decoder = decoder();
    stream(&mut decoder, &depth(5, 10));
    let body = r#"{"lastUpdateId":10,"bids":[["1","1"]],"asks":[]}"#;
    assert_eq!(frame(&mut decoder, &answer(depth_request(), 200), 1, body), ["snapshot 10 1x0"]);
    while decoder.next_request().is_some() {}
    decoder
}

/// A decoder that has asked for the past of BTCUSDT.
fn joining() -> BinanceDecoder {
    let need = HistoryNeed { intervals: vec![(60 * UnixNanos::SECOND, 9)], trades: 0 };
    let mut decoder = decoder().with_history(vec![need]);
    assert_eq!(line(&mut decoder, UP, 1), ["history Wanted"]);
    decoder
}

/// The first questions of [`joining`].
fn past_requests() -> [Request; 2] {
    let symbol = || "BTCUSDT".to_owned();
    let candles =
        Request::Candles { symbol: symbol(), interval: "1m".into(), limit: 15, before_ms: None };
    [candles, Request::Trades { symbol: symbol() }]
}

#[test]
fn the_past_is_asked_for_when_the_first_connection_is_up_and_told_when_it_is_whole() {
    let mut decoder = joining();
    let asked: Vec<Request> = std::iter::from_fn(|| decoder.next_request()).collect();
    assert!(past_requests().iter().all(|request| asked.contains(request)), "{asked:?}");
    let told = frame(&mut decoder, &answer(past_requests()[1].clone(), 200), 2, PAST_TRADES);
    assert!(told.is_empty(), "{told:?}");
    frame(&mut decoder, &answer(past_requests()[0].clone(), 200), 2, KLINES);
    let seconds = Request::Candles {
        symbol: "BTCUSDT".into(),
        interval: "1s".into(),
        limit: 65,
        before_ms: None,
    };
    assert!(asked.contains(&seconds));
    let told = frame(&mut decoder, &answer(seconds, 400), 2, r#"{"code":-1120,"msg":"no"}"#);
    assert!(told[0].starts_with("history Candle") && told[1].starts_with("history Trade"));
    assert_eq!(told[3..], ["history Ended", "unusable Some(Rest) VenueError"]);
    // The second connection joins what the first one left.
    line(&mut decoder, DOWN, 3);
    assert!(line(&mut decoder, LineEvent::Up { connection: 2 }, 4).is_empty());
    let told = stream(&mut decoder, &trade(12, 1_723_161_300_900));
    assert_eq!(told[1..], ["gap 9 12", "history Hole { expected: 9, received: 12 }", "trade 12"]);
}

/// Keeps the last market events in full.
#[derive(Default)]
struct Facts {
    trade: Option<Trade>,
    quote: Option<Quote>,
}

impl Listener for Facts {
    fn told(&mut self, told: Told<'_>) {
        match told {
            Told::Market { event: MarketEvent::Trade(trade), .. } => self.trade = Some(trade),
            Told::Market { event: MarketEvent::Quote(quote), .. } => self.quote = Some(quote),
            _ => {}
        }
    }
}

/// `m` true means that the buyer rested: a side mistaken here turns every flow signal around.
#[test]
fn recorded_frames_become_exact_facts() {
    let (mut decoder, mut facts) = (decoder(), Facts::default());
    for text in [TRADE, BOOK_TICKER] {
        let frame = Frame { source: &STREAM, received: at(1), bytes: text.as_bytes() };
        decoder.frame(&frame, &mut facts);
    }
    assert_eq!(
        facts.trade,
        Some(Trade {
            id: 3_735_683_259,
            ts_venue: UnixNanos::from_millis(1_723_161_255_342),
            price: "61837.63".parse().unwrap(),
            quantity: "0.02".parse().unwrap(),
            aggressor: Side::Sell,
        })
    );
    let quote = facts.quote.unwrap();
    assert_eq!(quote.update_id, 50_093_239_212);
    assert_eq!(quote.bid, depth::level(b"61837.63", b"3.78826").unwrap());
    assert_eq!(quote.ask, depth::level(b"61837.64", b"1.54698").unwrap());
}

#[test]
fn a_stream_is_live_once_per_connection_and_only_after_data() {
    let mut decoder = decoder();
    assert!(line(&mut decoder, UP, 1).is_empty());
    assert_eq!(stream(&mut decoder, BOOK_TICKER), ["live 0 Quote", "quote"]);
    assert_eq!(stream(&mut decoder, BOOK_TICKER), ["quote"]);
    line(&mut decoder, DOWN, 2);
    line(&mut decoder, UP, 3);
    assert_eq!(stream(&mut decoder, BOOK_TICKER), ["live 0 Quote", "quote"]);
}

#[test]
fn recorded_depth_and_snapshot_make_a_book() {
    let mut decoder = decoder();
    assert_eq!(stream(&mut decoder, DEPTH), ["live 0 Depth"]);
    assert_eq!(decoder.next_request(), Some(depth_request()));
    assert_eq!(decoder.next_request(), None);
    let told = frame(&mut decoder, &answer(depth_request(), 200), 1, SNAPSHOT);
    assert_eq!(told, ["snapshot 50093239218 20x20"]);
    assert_eq!(
        stream(&mut decoder, &depth(50_093_239_208, 50_093_239_224)),
        ["delta 50093239224 1x0"]
    );
}

#[test]
fn a_gap_loses_the_book_and_asks_for_another() {
    let mut decoder = synced();
    let told = frame(&mut decoder, &STREAM, 9, &depth(12, 13));
    assert_eq!(told, ["lost Gap { expected: 11, received: 12 }"]);
    assert_eq!(decoder.next_request(), Some(depth_request()));
}

#[test]
fn a_down_line_loses_the_book_but_not_while_another_line_carries_on() {
    let mut decoder = synced();
    line(&mut decoder, UP, 1);
    line(&mut decoder, LineEvent::Up { connection: 2 }, 2);
    assert!(line(&mut decoder, DOWN, 3).is_empty());
    let refused = LineEvent::Down { connection: 3, reason: DownReason::Refused };
    assert!(line(&mut decoder, refused, 3).is_empty());
    let down = LineEvent::Down { connection: 2, reason: DownReason::Expiring };
    assert_eq!(line(&mut decoder, down, 4), ["lost Disconnected"]);
}

#[test]
fn a_failed_answer_is_counted_and_asked_again_after_a_delay() {
    let mut decoder = decoder();
    stream(&mut decoder, &depth(5, 10));
    assert_eq!(decoder.next_request(), Some(depth_request()));
    for (status, body, reason) in [
        (0, "", "VenueError"),
        (429, r#"{"code":-1003,"msg":"Too many requests."}"#, "VenueError"),
        (200, r#"{"lastUpdateId":1"#, "Malformed"),
        (200, r#"{"lastUpdateId":10,"bids":[["-1","1"]],"asks":[]}"#, "BadNumber"),
    ] {
        let told = frame(&mut decoder, &answer(depth_request(), status), 1, body);
        assert_eq!(told, ["lost NoSnapshot".to_owned(), format!("unusable Some(Rest) {reason}")]);
    }
    assert_eq!(decoder.next_request(), None);
    frame(&mut decoder, &STREAM, 9, BOOK_TICKER);
    assert_eq!(decoder.next_request(), Some(depth_request()));
}

#[test]
fn a_distrusted_book_is_asked_for_anew() {
    let mut decoder = synced();
    decoder.distrust(BTC, at(5));
    assert!(frame(&mut decoder, &STREAM, 5, &depth(11, 12)).is_empty());
    assert_eq!(decoder.next_request(), Some(depth_request()));
}

#[test]
fn the_venues_filters_are_asked_for_and_told() {
    let mut decoder = decoder();
    line(&mut decoder, UP, 1);
    assert_eq!(decoder.next_request(), Some(Request::Instruments));
    let told = frame(&mut decoder, &answer(Request::Instruments, 200), 1, EXCHANGE_INFO);
    assert_eq!(told, ["instrument 0 0.01", "instrument 1 0.01"]);
    let told = frame(&mut decoder, &answer(Request::Instruments, 200), 1, r#"{"symbols":[]}"#);
    assert_eq!(told, ["unusable Some(Rest) UnknownInstrument"]);
}

/// A bar built over missing trades must not pass for a whole one.
#[test]
fn missing_doubled_and_renumbered_trades_are_told_apart() {
    let mut decoder = decoder();
    assert_eq!(stream(&mut decoder, &trade(7, 100)), ["live 0 Trade", "trade 7"]);
    assert_eq!(stream(&mut decoder, &trade(8, 100)), ["trade 8"]);
    assert_eq!(stream(&mut decoder, &trade(8, 100)), ["unusable Some(Trade) OutOfOrder"]);
    assert_eq!(stream(&mut decoder, &trade(11, 100)), ["gap 9 11", "trade 11"]);
    assert_eq!(stream(&mut decoder, &trade(1, 1_101)), ["gap 12 1", "trade 1"]);
    assert_eq!(stream(&mut decoder, &trade(2, 1_101)), ["trade 2"]);
}

#[test]
fn what_cannot_be_used_is_told_by_reason() {
    let cases = [
        ("{", "None Malformed"),
        (r#"{"stream":"btcusdt@trade","data":{"s":"BTCUSDT"}}"#, "Some(Trade) Malformed"),
        (
            r#"{"stream":"btcusdt@trade","data":{"s":"BTCUSDT","t":1,"p":"0","q":"1","T":1,"m":true}}"#,
            "Some(Trade) BadNumber",
        ),
        (
            r#"{"stream":"btcusdt@trade","data":{"s":"BTCUSDT","t":1,"p":"1","q":"0.0","T":1,"m":true}}"#,
            "Some(Trade) BadNumber",
        ),
        (
            r#"{"stream":"xxx@trade","data":{"s":"XXX","t":1,"p":"1","q":"1","T":1,"m":true}}"#,
            "Some(Trade) UnknownInstrument",
        ),
        (
            r#"{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"NaN","B":"1","a":"1","A":"1"}}"#,
            "Some(Quote) BadNumber",
        ),
        (r#"{"stream":"btcusdt@kline_1m","data":{}}"#, "None UnknownType"),
        (r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#, "Some(Control) VenueError"),
    ];
    for (text, expected) in cases {
        assert_eq!(stream(&mut decoder(), text), [format!("unusable {expected}")], "{text}");
    }
    let large = " ".repeat(FRAME_BYTES_MAX + 1);
    assert_eq!(stream(&mut decoder(), &large), ["unusable None Oversized"]);
    assert!(stream(&mut decoder(), r#"{"result":null,"id":1}"#).is_empty());
    assert_eq!(stream(&mut decoder(), r#"{"e":"serverShutdown","E":1}"#), ["shutdown"]);
}

/// Up to the next event such a book would pass for the venue's.
#[test]
fn a_depth_event_that_cannot_be_read_loses_the_book_at_once() {
    for text in [
        &depth(11, 12).replace("[[\"1\"", "[[\"x\""),
        &depth(11, 12).replace("\"u\"", "\"v\""),
        &depth(11, 12).replace("\"a\"", "\"c\""),
        &depth(11, 12)[..90],
        &depth(12, 11),
    ] {
        let told = stream(&mut synced(), text);
        assert_eq!(told[0], format!("lost {:?}", BookLoss::Gap { expected: 11, received: 0 }));
        assert!(told[1].starts_with("unusable Some(Depth)"));
    }
}

#[test]
fn a_saved_decoder_goes_on_where_it_was() {
    let mut first = synced();
    stream(&mut first, &trade(7, 1));
    let mut second = decoder();
    assert!(second.restore(&first.save()));
    for text in [trade(9, 1), depth(11, 12), depth(20, 21), BOOK_TICKER.into()] {
        assert_eq!(stream(&mut first, &text), stream(&mut second, &text));
    }
    assert_eq!(first.save(), second.save());
}

#[test]
fn a_state_that_does_not_fit_is_refused_and_changes_nothing() {
    let mut decoder = synced();
    let before = decoder.save();
    let other = BinanceDecoder::new(Vec::new()).save();
    let longer = [before.clone(), vec![0]].concat();
    for state in [&[][..], &[9], &before[..before.len() / 2], &other, &longer] {
        assert!(!decoder.restore(state));
    }
    assert_eq!(decoder.save(), before);
}

fn restores(state: &[u8]) -> bool {
    decoder().restore(state)
}

proptest! {
    /// One garbled frame must not end a session.
    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>(), which in 0..7_usize) {
        let [candles, trades] = past_requests();
        let source = [STREAM, answer(depth_request(), 200), answer(Request::Instruments, 200), answer(depth_request(), 0), answer(candles, 200), answer(trades.clone(), 200), answer(trades, 403)];
        let frame = Frame { source: &source[which], received: at(1), bytes: &bytes };
        joining().frame(&frame, &mut Heard::default());
    }

    #[test]
    fn no_mutation_of_a_real_frame_panics(
        which in 0..7_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..8),
    ) {
        let text = [TRADE, BOOK_TICKER, DEPTH, SNAPSHOT, EXCHANGE_INFO, KLINES, PAST_TRADES][which];
        let mut bytes = text.as_bytes().to_vec();
        for (index, byte, edit) in edits {
            let at = index.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match edit {
                _ if bytes.is_empty() => {}
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        let source = match which {
            3 => answer(depth_request(), 200),
            4 => answer(Request::Instruments, 200),
            5 => answer(past_requests()[0].clone(), 200),
            6 => answer(past_requests()[1].clone(), 200),
            _ => STREAM,
        };
        let mut decoder = if which > 4 { joining() } else { synced() };
        decoder.frame(&Frame { source: &source, received: at(1), bytes: &bytes }, &mut Heard::default());
        prop_assert!(restores(&decoder.save()));
    }
}
