//! Bars against a naive recomputation, with holes, repairs and restarts at random places.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::domain::{Candle, Nanos, Num, Price, Quantity, Side, Trade, UnixNanos};
use crate::strategy::{Bar, BarKind, Bars, Quality};

const SECOND: Nanos = UnixNanos::SECOND;

/// Kinds that are made at once, as several strategies on one instrument do.
fn kinds() -> [BarKind; 6] {
    [
        BarKind::Time(10 * SECOND),
        BarKind::Time(60 * SECOND),
        BarKind::Time(7 * SECOND),
        BarKind::Ticks(7),
        BarKind::Volume("11".parse().unwrap()),
        BarKind::Notional(Num::from(900)),
    ]
}

fn bars() -> Bars {
    let mut bars = Bars::default();
    for kind in kinds() {
        bars.make(kind);
    }
    bars
}

/// Trades with contiguous ids, `step` milliseconds after the one before.
fn trades() -> impl Strategy<Value = Vec<Trade>> {
    let row = (0_u64..9_000, 1_i64..20_000, 1_i64..500);
    prop::collection::vec(row, 2..150).prop_map(|rows| {
        let mut ms = 1_723_161_255_342;
        let trade = |(id, (step, price, quantity))| {
            ms += step;
            Trade {
                id,
                ts_venue: UnixNanos::from_millis(ms),
                price: Price::new(Num::new(price, 2).unwrap()),
                quantity: Quantity::new(Num::new(quantity, 2).unwrap()).unwrap(),
                aggressor: Side::Buy,
            }
        };
        (500..).zip(rows).map(trade).collect()
    })
}

/// The closed bars of a kind, in order.
fn of(closed: &[Bar], kind: BarKind) -> Vec<Bar> {
    closed.iter().filter(|bar| bar.kind == kind).copied().collect()
}

/// The same bars, whatever is said about how they came.
fn plain(bars: Vec<Bar>) -> Vec<Bar> {
    bars.into_iter().map(|bar| Bar { quality: Quality::Complete, ..bar }).collect()
}

/// All bars that the whole stream closes.
fn whole(trades: &[Trade]) -> Vec<Bar> {
    let (mut bars, mut closed) = (bars(), Vec::new());
    for trade in trades {
        bars.take(trade, &mut closed);
    }
    closed
}

/// Open, high, low, close, volume, turnover, count and ids of some trades, the long way.
fn sum(kind: BarKind, open_time: UnixNanos, trades: &[Trade]) -> Bar {
    let prices = || trades.iter().map(|trade| trade.price);
    let mut volume = Quantity::ZERO;
    let mut turnover = Num::ZERO;
    for trade in trades {
        volume = volume.add(trade.quantity).unwrap();
        turnover = turnover.add(trade.price.notional(trade.quantity).unwrap()).unwrap();
    }
    let last = trades.last().unwrap();
    Bar {
        kind,
        open_time,
        length: kind.interval().unwrap_or(last.ts_venue.since(open_time)),
        open: prices().next().unwrap(),
        high: prices().max().unwrap(),
        low: prices().min().unwrap(),
        close: last.price,
        volume,
        turnover,
        trades: trades.len() as u64,
        first_trade_id: trades[0].id,
        last_trade_id: last.id,
        quality: Quality::Complete,
    }
}

/// Time bars by grouping, flat ones between them; the last interval is open.
fn naive_time(trades: &[Trade], length: Nanos) -> Vec<Bar> {
    let kind = BarKind::Time(length);
    let mut groups: BTreeMap<u64, Vec<Trade>> = BTreeMap::new();
    for trade in trades {
        groups.entry(trade.ts_venue.0 / length).or_default().push(*trade);
    }
    let (first, last) = (*groups.keys().next().unwrap(), *groups.keys().last().unwrap());
    let mut bars: Vec<Bar> = Vec::new();
    for at in first..last {
        let open_time = UnixNanos(at * length);
        bars.push(match (groups.get(&at), bars.last()) {
            (Some(trades), _) => sum(kind, open_time, trades),
            (None, before) => {
                let before = *before.unwrap();
                Bar {
                    open_time,
                    open: before.close,
                    high: before.close,
                    low: before.close,
                    volume: Quantity::ZERO,
                    turnover: Num::ZERO,
                    trades: 0,
                    first_trade_id: before.last_trade_id + 1,
                    ..before
                }
            }
        });
    }
    bars
}

/// Bars that something counted ends.
fn naive_counted(trades: &[Trade], kind: BarKind) -> Vec<Bar> {
    let (mut bars, mut from) = (Vec::new(), 0);
    for at in 0..trades.len() {
        let own = &trades[from..=at];
        let bar = sum(kind, own[0].ts_venue, own);
        let full = match kind {
            BarKind::Ticks(count) => bar.trades >= count,
            BarKind::Volume(quantity) => bar.volume >= quantity,
            BarKind::Notional(amount) => bar.turnover >= amount,
            BarKind::Time(_) => false,
        };
        if full {
            bars.push(bar);
            from = at + 1;
        }
    }
    bars
}

fn naive(trades: &[Trade], kind: BarKind) -> Vec<Bar> {
    match kind {
        BarKind::Time(length) => naive_time(trades, length),
        kind => naive_counted(trades, kind),
    }
}

/// A hole in the stream: trades from an index on, and how many trades come before the repair does.
#[derive(Clone, Copy, Debug)]
struct Hole {
    from: usize,
    length: usize,
    repaired_after: usize,
}

fn hole() -> impl Strategy<Value = Hole> {
    (1_usize..140, 1_usize..30, 1_usize..30).prop_map(|(from, length, repaired_after)| Hole {
        from,
        length,
        repaired_after,
    })
}

/// The stream with a hole, repaired or not, as a decoder tells it. Saved and restored at `restart`.
fn with_hole(trades: &[Trade], hole: Hole, repair: bool, restart: usize) -> Vec<Bar> {
    let (mut bars, mut closed) = (bars(), Vec::new());
    bars.expect_history();
    bars.give_up(&mut closed);
    let to = hole.from + hole.length;
    for (at, trade) in trades.iter().enumerate() {
        if at == restart {
            bars = postcard::from_bytes(&postcard::to_stdvec(&bars).unwrap()).unwrap();
        }
        if (hole.from..to).contains(&at) {
            continue;
        }
        if at == to {
            bars.expect_repair(trades[hole.from].id, trade.id, &mut closed);
        }
        if at == to + hole.repaired_after {
            end(&mut bars, trades, hole, repair, &mut closed);
        }
        bars.take(trade, &mut closed);
    }
    end(&mut bars, trades, hole, repair, &mut closed);
    closed
}

fn end(bars: &mut Bars, trades: &[Trade], hole: Hole, repair: bool, closed: &mut Vec<Bar>) {
    if !bars.is_waiting() {
        return;
    }
    if repair {
        for trade in &trades[hole.from..hole.from + hole.length] {
            bars.repair(trade, closed);
        }
    }
    bars.give_up(closed);
}

/// The first bar of a run that cannot ask for the past is never known whole.
fn without_joining(bars: &[Bar]) -> Vec<Bar> {
    bars.iter().filter(|bar| bar.quality != Quality::Partial).copied().collect()
}

proptest! {
    /// A trade in two bars or in none makes every indicator on bars wrong.
    #[test]
    fn bars_equal_a_naive_recomputation(trades in trades()) {
        let closed = whole(&trades);
        for kind in kinds() {
            prop_assert_eq!(of(&closed, kind), naive(&trades, kind), "{}", kind);
        }
    }

    /// A bar with a repaired hole that differs from the venue's own would be traded on.
    #[test]
    fn a_repaired_hole_leaves_no_trace(
        trades in trades(), hole in hole(), restart in 0_usize..150,
    ) {
        prop_assume!(hole.from + hole.length < trades.len());
        let repaired = with_hole(&trades, hole, true, restart);
        for kind in kinds() {
            let (found, wanted) = (of(&repaired, kind), naive(&trades, kind));
            prop_assert_eq!(plain(found.clone()), wanted, "{}", kind);
            let partial = found.iter().filter(|bar| bar.quality == Quality::Partial).count();
            prop_assert!(partial <= usize::from(kind.interval().is_some()), "only the first");
        }
    }

    /// A bar that lacks a trade and does not say so is a lie.
    #[test]
    fn what_is_not_partial_lacks_nothing(
        trades in trades(), hole in hole(), restart in 0_usize..150,
    ) {
        prop_assume!(hole.from + hole.length < trades.len());
        let holed = with_hole(&trades, hole, false, restart);
        for kind in kinds() {
            let wanted = naive(&trades, kind);
            let timed = kind.interval().is_some();
            for bar in without_joining(&of(&holed, kind)) {
                prop_assert!(bar.last_trade_id + 1 - bar.first_trade_id == bar.trades);
                prop_assert!(!timed || wanted.contains(&bar), "{} {:?}", kind, bar);
            }
            let lost: Vec<u64> =
                trades[hole.from..hole.from + hole.length].iter().map(|trade| trade.id).collect();
            // Every closed bar that should hold a lost trade is partial.
            for bar in of(&holed, kind).iter().filter(|bar| timed && bar.trades > 0) {
                let whole = wanted.iter().find(|whole| whole.open_time == bar.open_time);
                let lacks = whole.is_some_and(|whole| {
                    lost.iter().any(|id| (whole.first_trade_id..=whole.last_trade_id).contains(id))
                });
                prop_assert!(!lacks || bar.quality == Quality::Partial, "{} {:?}", kind, bar);
            }
        }
    }

    /// Whoever joins in the middle of a bar must end up with the bar of somebody who was there
    /// from its first trade.
    #[test]
    fn a_joining_bar_is_stitched_from_candles_and_trades(
        trades in trades(), joined in 3_usize..140, overlap in 0_usize..5, behind in 2_usize..20,
    ) {
        prop_assume!(joined < trades.len());
        let length = 10 * SECOND;
        let kind = BarKind::Time(length);
        let (mut bars, mut closed) = (Bars::default(), Vec::new());
        bars.make(kind);
        bars.expect_history();
        for trade in trades[joined..].iter().take(overlap) {
            bars.take(trade, &mut closed);
        }
        // Finished candles of a second up to the trades that are told.
        let past = &trades[..(joined + overlap).min(trades.len())];
        let told = past.len().saturating_sub(behind);
        let covered = past[told].ts_venue.floor_to(SECOND);
        for candle in candles(past, SECOND).iter().filter(|c| c.close_time() <= covered) {
            bars.candle(candle, &mut closed);
        }
        for trade in &past[told.saturating_sub(1)..] {
            bars.repair(trade, &mut closed);
        }
        bars.give_up(&mut closed);
        for trade in trades.iter().skip(past.len()) {
            bars.take(trade, &mut closed);
        }
        let wanted = naive(&trades, kind);
        for bar in without_joining(&closed) {
            let same = wanted.iter().find(|whole| whole.open_time == bar.open_time).unwrap();
            let ids = (same.first_trade_id, same.last_trade_id);
            let ids = if bar.first_trade_id == 0 { (0, bar.last_trade_id) } else { ids };
            let first = if bar.first_trade_id > ids.0 { bar.first_trade_id } else { ids.0 };
            let seen = Bar { quality: Quality::Complete, ..bar };
            let expected = Bar { first_trade_id: first, last_trade_id: bar.last_trade_id, ..*same };
            prop_assert_eq!(seen, expected);
        }
    }

    /// An hour made of minutes that differs from the hour of the trades makes every backtest on
    /// public data wrong; one that lacks a minute and does not say so, worse.
    #[test]
    fn bars_of_candles_are_those_of_the_trades(
        trades in trades(), lost in 0_usize..400, length in 0_usize..40, restart in 0_usize..400,
    ) {
        let all = candles(&trades, SECOND);
        let is_lost = |at: usize| (lost..lost + length).contains(&at);
        let (mut bars, mut closed) = (bars(), Vec::new());
        for (at, candle) in all.iter().enumerate().filter(|(at, _)| !is_lost(*at)) {
            if at == restart {
                bars = postcard::from_bytes(&postcard::to_stdvec(&bars).unwrap()).unwrap();
            }
            bars.take_candle(candle, &mut closed);
            prop_assert_eq!(bars.due(), None, "time closes nothing of which nobody tells");
        }
        let told = |at: usize| all.get(at).is_some_and(|_| !is_lost(at));
        let first = all.iter().enumerate().find(|(at, _)| told(*at)).map(|(_, c)| c.open_time);
        let last = all.iter().enumerate().rfind(|(at, _)| told(*at)).map(|(_, c)| c.close_time());
        let (Some(first), Some(last)) = (first, last) else {
            prop_assert!(closed.is_empty());
            return Ok(());
        };
        for kind in kinds() {
            let Some(span) = kind.interval() else {
                prop_assert!(of(&closed, kind).is_empty());
                continue;
            };
            let made = of(&closed, kind);
            let begins = first.floor_to(span);
            let count = last.floor_to(span).since(begins) / span;
            prop_assert_eq!(made.len() as u64, count, "{} leaves no interval out", kind);
            let wanted = naive(&trades, kind);
            for (n, bar) in (0..).zip(&made) {
                prop_assert_eq!(bar.open_time, begins.plus(n * span));
                let inside = |at: &UnixNanos| *at >= bar.open_time && *at < bar.close_time();
                let mut seconds = (0..span / SECOND).map(|n| bar.open_time.plus(n * SECOND));
                let whole = seconds.all(|second| {
                    all.iter().enumerate().any(|(at, c)| c.open_time == second && told(at))
                });
                prop_assert_eq!(bar.quality == Quality::Complete, whole, "{:?}", bar);
                if whole {
                    let same = wanted.iter().find(|same| inside(&same.open_time)).unwrap();
                    let expected = Bar { first_trade_id: 0, last_trade_id: 0, ..*same };
                    prop_assert_eq!(*bar, expected);
                }
            }
        }
    }
}

/// Candles as the venue makes them, from the first trade's on.
fn candles(trades: &[Trade], length: Nanos) -> Vec<Candle> {
    let candle = |bar: &Bar| Candle {
        open_time: bar.open_time,
        length,
        open: bar.open,
        high: bar.high,
        low: bar.low,
        close: bar.close,
        volume: bar.volume,
        turnover: bar.turnover,
        trades: bar.trades,
    };
    naive_time(trades, length).iter().map(candle).collect()
}

fn trade(id: u64, ms: u64) -> Trade {
    let one = Num::ONE;
    Trade {
        id,
        ts_venue: UnixNanos::from_millis(ms),
        price: Price::new(one),
        quantity: Quantity::new(one).unwrap(),
        aggressor: Side::Buy,
    }
}

fn one_second() -> Bars {
    let mut bars = Bars::default();
    bars.make(BarKind::Time(SECOND));
    bars
}

#[test]
fn time_closes_what_no_trade_does_and_later_trades_are_counted() {
    let (mut bars, mut closed) = (one_second(), Vec::new());
    bars.take(&trade(1, 1_500), &mut closed);
    assert_eq!((bars.due(), closed.len()), (Some(UnixNanos::from_millis(2_000)), 0));
    bars.close_until(UnixNanos::from_millis(2_000), &mut closed);
    assert_eq!((closed.len(), closed[0].trades), (1, 1));
    bars.take(&trade(2, 1_900), &mut closed);
    assert_eq!((bars.late_trades, bars.take_late().len(), closed.len()), (1, 1, 1));
    bars.take(&trade(3, 2_900), &mut closed);
    bars.take(&trade(4, 3_000), &mut closed);
    assert_eq!((closed[1].trades, closed[1].quality), (1, Quality::Complete));
}

/// The venue's own candles have flat bars; without them averages on our bars were others.
#[test]
fn a_silent_interval_has_a_flat_bar() {
    let (mut bars, mut closed) = (one_second(), Vec::new());
    bars.take(&trade(7, 1_500), &mut closed);
    bars.take(&trade(8, 4_000), &mut closed);
    let shape: Vec<_> = closed.iter().map(|bar| (bar.open_time.millis(), bar.trades)).collect();
    assert_eq!(shape, [(1_000, 1), (2_000, 0), (3_000, 0)]);
    assert_eq!((closed[1].first_trade_id, closed[1].last_trade_id), (8, 7));
}

#[test]
fn a_hole_that_is_given_up_marks_every_bar_that_it_touches() {
    let (mut bars, mut closed) = (one_second(), Vec::new());
    bars.take(&trade(1, 1_100), &mut closed);
    bars.expect_repair(2, 5, &mut closed);
    bars.take(&trade(5, 3_100), &mut closed);
    bars.take(&trade(6, 4_100), &mut closed);
    assert_eq!((closed.len(), bars.due()), (0, None), "bars wait for the repair");
    bars.give_up(&mut closed);
    bars.take(&trade(7, 5_000), &mut closed);
    let qualities: Vec<_> = closed.iter().map(|bar| bar.quality).collect();
    let (partial, whole) = (Quality::Partial, Quality::Complete);
    assert_eq!(qualities, [partial, partial, partial, whole]);
    bars.repair(&trade(3, 2_000), &mut closed);
    assert_eq!(bars.late_trades, 1, "a repair that comes after all is counted, not applied");
}

/// A venue that counts anew must not stop the bars for ever.
#[test]
fn ids_that_begin_anew_are_a_hole_and_no_end() {
    let (mut bars, mut closed) = (one_second(), Vec::new());
    bars.take(&trade(900, 1_100), &mut closed);
    bars.expect_repair(901, 1, &mut closed);
    bars.take(&trade(1, 1_200), &mut closed);
    bars.take(&trade(2, 2_100), &mut closed);
    bars.take(&trade(3, 3_100), &mut closed);
    let qualities: Vec<_> = closed.iter().map(|bar| bar.quality).collect();
    assert_eq!(qualities, [Quality::Partial, Quality::Complete]);
}

/// A day without a trade in bars of a millisecond is no reason to make 86 million of them.
#[test]
fn a_long_silence_begins_anew_behind_it() {
    let (mut bars, mut closed) = (Bars::default(), Vec::new());
    bars.make(BarKind::Time(1_000_000));
    bars.take(&trade(1, 0), &mut closed);
    bars.take(&trade(2, 86_400_000), &mut closed);
    assert_eq!(closed.len(), 1);
    assert_eq!(bars.open_bar(BarKind::Time(1_000_000)).unwrap().trades, 1);
}

#[test]
fn a_kind_is_named_as_it_is_configured() {
    let names: Vec<String> = kinds().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["bars:10s", "bars:1m", "bars:7s", "ticks:7", "volume:11", "notional:900"]);
}

/// A candle of one second with as many trades.
fn second(open_ms: u64, trades: u64) -> Candle {
    let one = Price::new(Num::ONE);
    let volume = Quantity::new(Num::from(i64::try_from(trades).unwrap())).unwrap();
    Candle {
        open_time: UnixNanos::from_millis(open_ms),
        length: SECOND,
        open: one,
        high: one,
        low: one,
        close: one,
        volume,
        turnover: volume.num(),
        trades,
    }
}

/// The stream begins at trade 9 in the middle of a bar of five seconds.
fn joined(past: &[Trade]) -> Bar {
    let (mut bars, mut closed) = (Bars::default(), Vec::new());
    bars.make(BarKind::Time(5 * SECOND));
    bars.expect_history();
    bars.take(&trade(9, 13_900), &mut closed);
    for candle in [second(10_000, 4), second(11_000, 0), second(12_000, 3)] {
        bars.candle(&candle, &mut closed);
    }
    for trade in past {
        bars.repair(trade, &mut closed);
    }
    bars.give_up(&mut closed);
    bars.take(&trade(10, 15_000), &mut closed);
    assert_eq!(closed.len(), 1);
    closed[0]
}

#[test]
fn the_joining_bar_is_whole_when_trades_reach_back_to_the_candles() {
    let bar = joined(&[trade(7, 12_999), trade(8, 13_000)]);
    assert_eq!((bar.trades, bar.quality), (9, Quality::Repaired));
    assert_eq!((bar.first_trade_id, bar.last_trade_id), (8, 9));
    let bar = joined(&[trade(7, 12_500), trade(8, 12_999)]);
    assert_eq!((bar.trades, bar.quality), (8, Quality::Complete), "nothing was asked for");
}

/// Evaluating half a bar as if it were whole is what makes the first candle of a bot wrong.
#[test]
fn the_joining_bar_is_partial_when_its_beginning_is_not_proven() {
    for past in [&[][..], &[trade(8, 13_000)], &[trade(6, 12_999), trade(8, 13_000)]] {
        assert_eq!(joined(past).quality, Quality::Partial, "{past:?}");
    }
}
