//! Backfill against a venue that has the whole past: whoever joins late must have the same bars.

use proptest::prelude::*;

use super::super::join::PAGE;
use super::*;
use crate::domain::{Num, Price, Quantity, Side};
use crate::strategy::{Bar, BarKind, Bars, Quality};

const SECOND: Nanos = UnixNanos::SECOND;
const MINUTE: Nanos = 60 * SECOND;
/// 00:00 of some day, in milliseconds.
const DAY_MS: u64 = 1_723_161_600_000;

/// A venue with a trade every `step` milliseconds.
struct Venue {
    trades: Vec<Trade>,
    now: UnixNanos,
    asked: Vec<Request>,
}

impl Venue {
    fn new(steps: &[u64]) -> Self {
        let mut ms = DAY_MS;
        let trade = |(id, step): (u64, &u64)| {
            ms += step;
            Trade {
                id,
                ts_venue: UnixNanos::from_millis(ms),
                price: Price::new(Num::from(i64::try_from(100 + id % 7 * (step % 5)).unwrap())),
                quantity: Quantity::new(Num::new(i64::try_from(id % 9 + 1).unwrap(), 2).unwrap())
                    .unwrap(),
                aggressor: Side::Sell,
            }
        };
        let trades: Vec<Trade> = (1_000..).zip(steps).map(trade).collect();
        Self { trades, now: UnixNanos::MAX, asked: Vec::new() }
    }

    fn past(&self) -> impl DoubleEndedIterator<Item = &Trade> {
        self.trades.iter().filter(|trade| trade.ts_venue <= self.now)
    }

    /// Every candle up to now, the unfinished one included.
    fn candles(&self, length: Nanos) -> Vec<Candle> {
        let (mut bars, mut closed) = (Bars::default(), Vec::new());
        bars.make(BarKind::Time(length));
        for trade in self.past() {
            bars.take(trade, &mut closed);
        }
        bars.close_until(self.now.floor_to(length), &mut closed);
        closed.extend(bars.open_bar(BarKind::Time(length)));
        closed.iter().skip(1).map(candle).collect()
    }

    /// Answers a question.
    fn answer(&mut self, request: &Request, backfill: &mut Backfill, told: &mut Vec<History>) {
        self.asked.push(request.clone());
        let tell = &mut |history| told.push(history);
        match request {
            Request::Candles { interval, limit, before_ms, .. } => {
                let length = super::super::past::interval(interval).unwrap();
                let mut candles = self.candles(length);
                candles.retain(|c| before_ms.is_none_or(|ms| c.open_time.millis() < ms));
                let skipped = candles.len().saturating_sub(usize::from(*limit));
                let page = candles.split_off(skipped);
                backfill.candles(interval, *before_ms, page, self.now, tell);
            }
            Request::Trades { .. } => {
                let mut newest: Vec<Trade> = self.past().rev().take(PAGE).copied().collect();
                newest.reverse();
                backfill.trades(None, newest, self.now, tell);
            }
            Request::TradesFrom { id, .. } => {
                let from = self.past().filter(|trade| trade.id >= *id);
                backfill.trades(Some(*id), from.take(PAGE).copied().collect(), self.now, tell);
            }
            other => panic!("{other:?}"),
        }
    }

    /// Asks and answers until nothing is wanted.
    fn answer_all(&mut self, backfill: &mut Backfill, told: &mut Vec<History>) {
        for _ in 0..100 {
            let mut requests = Vec::new();
            backfill.take(self.now, "BTCUSDT", &mut |request| requests.push(request));
            if requests.is_empty() {
                return;
            }
            for request in requests {
                self.answer(&request, backfill, told);
                *backfill = postcard::from_bytes(&postcard::to_stdvec(backfill).unwrap()).unwrap();
            }
        }
        panic!("it asks for ever");
    }
}

fn candle(bar: &Bar) -> Candle {
    Candle {
        open_time: bar.open_time,
        length: bar.length,
        open: bar.open,
        high: bar.high,
        low: bar.low,
        close: bar.close,
        volume: bar.volume,
        turnover: bar.turnover,
        trades: bar.trades,
    }
}

fn need(intervals: &[(Nanos, usize)], trades: usize) -> HistoryNeed {
    HistoryNeed { intervals: intervals.to_vec(), trades }
}

fn tell(bars: &mut Bars, told: Vec<History>, closed: &mut Vec<Bar>) {
    for history in told {
        match history {
            History::Wanted => bars.expect_history(),
            History::Hole { expected, received } => bars.expect_repair(expected, received, closed),
            History::Candle(candle) => bars.candle(&candle, closed),
            History::Trade(trade) => bars.repair(&trade, closed),
            History::Ended => bars.give_up(closed),
        }
    }
}

/// The bars of a client that joins at trade `at` and whose answers come `delay` trades later.
fn joined(
    venue: &mut Venue,
    need: HistoryNeed,
    kind: BarKind,
    at: usize,
    delay: usize,
) -> Vec<Bar> {
    let (mut bars, mut closed) = (Bars::default(), Vec::new());
    bars.make(kind);
    let mut backfill = Backfill::new(need);
    let mut told = Vec::new();
    backfill.connected(venue.trades[at].ts_venue, &mut |history| told.push(history));
    tell(&mut bars, std::mem::take(&mut told), &mut closed);
    let trades = venue.trades.clone();
    for (n, trade) in trades.iter().enumerate().skip(at) {
        venue.now = trade.ts_venue;
        backfill.streamed(trade.id);
        bars.take(trade, &mut closed);
        if n == at + delay {
            venue.answer_all(&mut backfill, &mut told);
            assert_eq!(told.last(), Some(&History::Ended));
            tell(&mut bars, std::mem::take(&mut told), &mut closed);
        }
    }
    closed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A trader compares the first bar with the venue's: it must be the same one.
    #[test]
    fn who_joins_late_has_the_venues_bars(
        steps in prop::collection::vec(0_u64..4_000, 300..700),
        at in 100_usize..250,
        delay in 0_usize..20,
        seconds in prop::sample::select(vec![1_u64, 5, 7, 60, 90, 300]),
    ) {
        let mut venue = Venue::new(&steps);
        let length = seconds * SECOND;
        let closed = joined(&mut venue, need(&[(length, 5)], 0), BarKind::Time(length), at, delay);
        venue.now = UnixNanos::MAX;
        let (mut whole, mut wanted) = (Bars::default(), Vec::new());
        whole.make(BarKind::Time(length));
        for trade in &venue.trades {
            whole.take(trade, &mut wanted);
        }
        // Candles leave out the venue's first, which began before its first trade.
        let first = closed.first().map_or(UnixNanos::MAX, |bar| bar.open_time);
        let wanted: Vec<Candle> =
            wanted.iter().filter(|bar| bar.open_time >= first).map(candle).collect();
        prop_assert_eq!(closed.iter().map(candle).collect::<Vec<_>>(), wanted);
        let reaches = venue.trades[at].ts_venue.floor_to(length) > venue.trades[0].ts_venue;
        let partial = closed.iter().filter(|bar| bar.quality == Quality::Partial).count();
        prop_assert!(!reaches || partial == 0, "{} partial", partial);
    }
}

#[test]
fn more_than_a_page_is_asked_for_page_by_page() {
    let mut venue = Venue::new(&vec![500; 6_000]);
    let kind = BarKind::Time(10 * SECOND);
    let closed = joined(&mut venue, need(&[(10 * SECOND, 200)], 0), kind, 5_900, 0);
    assert!(closed.len() >= 200, "{}", closed.len());
    let pages = venue.asked.iter().filter(|request| matches!(request, Request::Candles { .. }));
    assert_eq!(pages.count(), 3, "2,015 candles of a second: {:?}", venue.asked);
}

#[test]
fn bars_that_trades_end_are_made_of_past_trades() {
    let mut venue = Venue::new(&vec![500; 6_000]);
    let kind = BarKind::Ticks(100);
    let closed = joined(&mut venue, need(&[], 2_500), kind, 5_900, 0);
    assert_eq!(closed.len(), 30, "3,000 past trades, and one of a hundred from the stream");
    assert!(closed.windows(2).all(|pair| pair[0].last_trade_id + 1 == pair[1].first_trade_id));
}

/// A stream that left trades out between REST's last and its own first.
#[test]
fn what_the_answer_does_not_reach_is_asked_for() {
    let mut venue = Venue::new(&vec![500; 3_000]);
    let mut backfill = Backfill::new(need(&[(MINUTE, 2)], 0));
    let mut told = Vec::new();
    backfill.connected(UnixNanos(0), &mut |history| told.push(history));
    // The answers are old: the stream is already 1,500 trades further.
    venue.now = venue.trades[1_000].ts_venue;
    backfill.streamed(venue.trades[2_500].id);
    let mut requests = Vec::new();
    backfill.take(venue.now, "BTCUSDT", &mut |request| requests.push(request));
    for request in &requests {
        venue.answer(request, &mut backfill, &mut told);
    }
    assert_ne!(told.last(), Some(&History::Ended));
    venue.now = UnixNanos::MAX;
    venue.answer_all(&mut backfill, &mut told);
    assert_eq!(told.last(), Some(&History::Ended));
    let ids: Vec<u64> = told
        .iter()
        .filter_map(|history| match history {
            History::Trade(trade) => Some(trade.id),
            _ => None,
        })
        .collect();
    assert!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    assert_eq!(ids.last(), Some(&(venue.trades[2_500].id - 1)));
}

#[test]
fn a_hole_that_the_venue_does_not_fill_ends() {
    let venue = Venue::new(&vec![500; 3_000]);
    let mut backfill = Backfill::new(need(&[(MINUTE, 2)], 0));
    let mut told = Vec::new();
    let now = UnixNanos(SECOND);
    backfill.gap(1_010..1_020, 0, now, &mut |history| told.push(history));
    let mut requests = Vec::new();
    backfill.take(now, "BTCUSDT", &mut |request| requests.push(request));
    assert_eq!(requests, [Request::TradesFrom { symbol: "BTCUSDT".into(), id: 1_010 }]);
    let mut again = backfill.clone();
    again.unanswered(&requests[0], false, now, &mut |history| told.push(history));
    assert_eq!(told, [History::Hole { expected: 1_010, received: 1_020 }], "asked again later");
    assert!(again.due().is_some_and(|due| due > now));
    backfill.unanswered(&requests[0], true, now, &mut |history| told.push(history));
    assert_eq!(told.last(), Some(&History::Ended));
    assert_eq!(backfill.due(), None);
    // Half of it.
    let mut backfill = Backfill::new(need(&[(MINUTE, 2)], 0));
    backfill.gap(1_010..1_020, 0, now, &mut |_| {});
    backfill.take(now, "BTCUSDT", &mut |_| {});
    told.clear();
    let half = venue.trades[10..15].to_vec();
    backfill.trades(Some(1_010), half, now, &mut |history| told.push(history));
    assert_eq!(told.len(), 5);
    backfill.take(now, "BTCUSDT", &mut |_| {});
    backfill.trades(Some(1_015), Vec::new(), now, &mut |history| told.push(history));
    assert_eq!(told.last(), Some(&History::Ended));
}

/// After an hour without a connection, a hundred thousand trades one by one would ban the address.
#[test]
fn after_a_long_silence_the_past_is_told_anew() {
    let mut backfill = Backfill::new(need(&[(MINUTE, 2)], 0));
    let mut told = Vec::new();
    backfill.gap(1_000..90_000, 0, UnixNanos(SECOND), &mut |history| told.push(history));
    assert_eq!(told, [History::Wanted]);
    let mut requests = Vec::new();
    backfill.take(UnixNanos(SECOND), "BTCUSDT", &mut |request| requests.push(request));
    assert_eq!(requests.len(), 3, "minutes, seconds, trades: {requests:?}");
}

/// An imported tape begins in the middle of a bar, and has nobody to ask.
#[test]
fn recorded_traffic_begins_with_a_bar_that_is_not_known_whole() {
    let mut backfill = Backfill::new(need(&[(MINUTE, 2)], 0));
    let mut told = Vec::new();
    backfill.recorded(&mut |history| told.push(history));
    backfill.recorded(&mut |history| told.push(history));
    assert_eq!(told, [History::Wanted, History::Ended]);
    assert_eq!(backfill.due(), None);
    Backfill::default().recorded(&mut |history| panic!("{history:?}, and nobody wants bars"));
}

/// A laptop that slept must not come back with averages that lack the time between.
#[test]
fn bars_go_on_across_a_long_silence() {
    let mut venue = Venue::new(&vec![10; 30_000]);
    let kind = BarKind::Time(SECOND);
    let (mut bars, mut closed) = (Bars::default(), Vec::new());
    bars.make(kind);
    let mut backfill = Backfill::new(need(&[(SECOND, 5)], 0));
    let mut told = Vec::new();
    let trades = venue.trades.clone();
    backfill.recorded(&mut |history| told.push(history));
    tell(&mut bars, std::mem::take(&mut told), &mut closed);
    for (n, trade) in trades.iter().enumerate() {
        // Away from the 1,000th to the 25,000th.
        if (1_000..25_000).contains(&n) {
            continue;
        }
        venue.now = trade.ts_venue;
        if n == 25_000 {
            let expected = trades[1_000].id;
            let silent = trade.ts_venue.since(trades[999].ts_venue);
            backfill.gap(expected..trade.id, silent, venue.now, &mut |history| told.push(history));
        }
        backfill.streamed(trade.id);
        tell(&mut bars, std::mem::take(&mut told), &mut closed);
        bars.take(trade, &mut closed);
        if n == 25_003 {
            venue.answer_all(&mut backfill, &mut told);
        }
    }
    let (mut whole, mut wanted) = (Bars::default(), Vec::new());
    whole.make(kind);
    for trade in &trades {
        whole.take(trade, &mut wanted);
    }
    let partial: Vec<_> = closed.iter().filter(|bar| bar.quality == Quality::Partial).collect();
    assert_eq!(partial.len(), 1, "only the first of all");
    let missing =
        wanted.iter().filter(|bar| closed.iter().all(|own| own.open_time != bar.open_time));
    assert_eq!(missing.count(), 0);
    assert_eq!(
        closed.iter().map(candle).collect::<Vec<_>>(),
        wanted.iter().map(candle).collect::<Vec<_>>()
    );
}
