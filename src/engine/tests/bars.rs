//! Bars in the engine: what strategies see of the past, of partial bars and of other lengths, and
//! when time closes a bar.

#![expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "small whole numbers")]

use super::*;
use crate::strategy::{Quality, Truth};

const SECOND: u64 = 1_000 * MS;

/// Always wants to buy, and names the newest closed bar of five seconds: what a strategy sees of a
/// longer length.
#[derive(Serialize, Deserialize)]
struct Peek {
    seen: u64,
}

impl Native for Peek {
    const KIND: &'static str = "peek";
    const PARAMS: &'static [ParamSpec] = &[];

    fn new(_: &Params) -> Result<Self, StrategyError> {
        Ok(Self { seen: 0 })
    }

    fn warm_up(&self) -> usize {
        3
    }

    fn reads(&self) -> Vec<(BarKind, usize)> {
        vec![(BarKind::Time(5 * SECOND), 2)]
    }

    fn on_bar(&mut self, ctx: &mut Context<'_>, bar: &Bar) {
        self.seen += 1;
        let seconds = |at: UnixNanos| (at.0 / MS) as f64 / 1_000.0;
        let longer = ctx.bars(BarKind::Time(5 * SECOND)).next().copied();
        let own = ctx.value("own_end", seconds(bar.close_time()));
        ctx.value("longer_end", longer.map(|bar| seconds(bar.close_time())));
        ctx.value("longer_close", longer.map(|bar| bar.close.to_f64()));
        ctx.value("seen", self.seen as f64);
        if ctx.decide("enter", own.gt(0.0)) {
            ctx.buy();
        }
    }
}

fn peeking() -> Config {
    let feed = Feed::Bars(BarKind::Time(SECOND));
    let peek = StrategyConfig {
        kind: "peek".to_owned(),
        instruments: vec![BTC],
        ..strategy("peek", feed, false)
    };
    let bars =
        BarsConfig { chart: BarKind::Time(SECOND), chart_history: 20, ..BarsConfig::default() };
    Config { strategies: vec![peek], bars, ..config() }
}

/// A rig whose venue's clock is `offset` behind ours.
struct Desk {
    rig: Rig,
    offset: u64,
    next_id: u64,
}

impl Desk {
    fn new(offset: u64) -> Self {
        let engine = Engine::new(peeking(), &[StrategyKind::of::<Peek>()]).unwrap();
        let mut rig = Rig { engine, seq: 0, now: EPOCH, records: Vec::new() };
        let account = account(AccountKind::Cash, "10000");
        rig.input(Event::Start(&StartState { account, version: 1 }));
        rig.sync(BTC);
        Self { rig, offset, next_id: 1 }
    }

    fn venue(&self, ms: u64) -> UnixNanos {
        UnixNanos(EPOCH + ms * MS - self.offset)
    }

    fn past_trade(&mut self, ms: u64, at: &str) -> Trade {
        self.next_id += 1;
        Trade {
            id: self.next_id - 1,
            ts_venue: self.venue(ms),
            price: price(at),
            quantity: quantity("1"),
            aggressor: Side::Buy,
        }
    }

    /// A trade of the stream, so many milliseconds after the epoch.
    fn trade(&mut self, ms: u64, at: &str) {
        self.rig.now = EPOCH + ms * MS;
        let trade = self.past_trade(ms, at);
        self.rig.market(BTC, MarketEvent::Trade(trade));
    }

    fn tell(&mut self, history: History) {
        self.rig.history(BTC, history);
    }

    fn candle(&mut self, from_ms: u64, seconds: u64) {
        let open = price("100");
        let candle = Candle {
            open_time: self.venue(from_ms),
            length: seconds * SECOND,
            open,
            high: open,
            low: open,
            close: open,
            volume: quantity("1"),
            turnover: num("100"),
            trades: 1,
        };
        self.tell(History::Candle(candle));
    }

    /// Of each evaluation: when in milliseconds after the epoch, a named value, what came of it.
    fn evaluations(&self, value: usize) -> Vec<(u64, f64, Outcome)> {
        let of = |record: &Record| match record {
            Record::Evaluation(e) => {
                Some(((e.time.0 - EPOCH) / MS, e.values[value], e.outcome.clone()))
            }
            _ => None,
        };
        self.rig.records.iter().filter_map(of).collect()
    }
}

const WANTS: Outcome = Outcome::Signal { intents: 1 };
const INCOMPLETE: Outcome = Outcome::NoSignal(Blocker::BarIncomplete);

/// Two clocks that differ by years must not close bars early, or never.
#[test]
fn time_closes_a_bar_by_the_venues_clock() {
    for offset in [0, 70_000_000 * SECOND] {
        let mut desk = Desk::new(offset);
        desk.trade(100, "100");
        assert_eq!(desk.rig.engine.next_due(), Some(UnixNanos(EPOCH + 3 * SECOND)));
        desk.rig.wait(2_899 * MS);
        assert_eq!(desk.evaluations(0).len(), 0, "lateness is not over");
        desk.rig.wait(10 * SECOND);
        let closed: Vec<_> = desk.evaluations(0).iter().map(|(ms, ..)| *ms).collect();
        let expected: Vec<u64> = (3..=12).map(|second| second * 1_000).collect();
        assert_eq!(closed, expected, "each at its own time, the silent ones flat");
    }
}

/// A connection that is down says nothing about what was traded.
#[test]
fn no_bar_is_closed_while_the_feed_is_down() {
    let mut desk = Desk::new(0);
    desk.trade(100, "100");
    desk.rig.input(Event::Feed { instrument: BTC, live: false });
    desk.rig.wait(10 * SECOND);
    assert_eq!(desk.evaluations(0).len(), 0);
}

#[test]
fn a_trade_after_its_bar_is_told_and_not_applied() {
    let mut desk = Desk::new(0);
    desk.trade(100, "100");
    desk.rig.wait(3 * SECOND);
    desk.rig.now -= SECOND;
    let late = desk.past_trade(900, "150");
    desk.rig.market(BTC, MarketEvent::Trade(late));
    let told = desk
        .rig
        .records
        .iter()
        .any(|record| matches!(record, Record::LateTrade { trade, .. } if *trade == late.id));
    assert!(told);
    assert_eq!(desk.rig.engine.markets[0].bars.late_trades, 1);
    let bars = desk.rig.engine.closed_bars(BTC, BarKind::Time(SECOND));
    assert!(bars.iter().all(|bar| bar.high == price("100")));
}

/// A bot that starts without history trades on averages of nothing, or waits for hours.
#[test]
fn the_past_is_seen_before_the_first_decision_and_decides_nothing() {
    let mut desk = Desk::new(0);
    desk.rig.now = EPOCH + 10_100 * MS;
    desk.tell(History::Wanted);
    desk.trade(10_200, "100");
    assert_eq!(desk.evaluations(0).len(), 0);
    for second in 0..10 {
        desk.candle(second * 1_000, 1);
    }
    desk.next_id = 7;
    let past = [desk.past_trade(9_900, "100"), desk.past_trade(10_100, "100")];
    for trade in &past {
        desk.tell(History::Trade(*trade));
    }
    assert_eq!(desk.evaluations(0).len(), 0);
    desk.tell(History::Ended);
    let evaluations = desk.evaluations(3);
    assert_eq!(evaluations, [(10_200, 10.0, WANTS)], "nine were shown, on the tenth it decides");
    let joined =
        desk.rig.records.iter().any(|r| matches!(r, Record::Joined { bars: 12, whole: true, .. }));
    assert!(joined);
    let signals = desk.rig.records.iter().filter(|r| matches!(r, Record::Signal(_))).count();
    assert_eq!(signals, 1);
}

#[test]
fn a_past_that_does_not_come_in_time_is_given_up_and_the_bar_is_not_decided_on() {
    let mut desk = Desk::new(0);
    desk.tell(History::Wanted);
    desk.trade(300, "100");
    desk.trade(1_100, "100");
    desk.rig.wait(10 * SECOND);
    let joined = desk.rig.records.iter().find_map(|record| match record {
        Record::Joined { time, bars, whole, .. } => Some(((time.0 - EPOCH) / MS, *bars, *whole)),
        _ => None,
    });
    assert_eq!(joined, Some((10_000, 1, false)));
    assert_eq!(desk.evaluations(0)[0].2, INCOMPLETE);
}

/// A venue that counts anew while the past is told: what was told would be lost without a word.
#[test]
fn ids_that_jump_back_end_the_past_and_lose_none_of_it() {
    let mut desk = Desk::new(0);
    desk.rig.now = EPOCH + 10_100 * MS;
    desk.tell(History::Wanted);
    desk.next_id = 50;
    desk.trade(10_200, "100");
    for second in 0..10 {
        desk.candle(second * 1_000, 1);
    }
    desk.tell(History::Hole { expected: 51, received: 3 });
    let joined = desk.rig.records.iter().find_map(|record| match record {
        Record::Joined { bars, whole, .. } => Some((*bars, *whole)),
        _ => None,
    });
    assert!(joined.is_some_and(|(bars, whole)| bars >= 10 && !whole), "{joined:?}");
    desk.next_id = 3;
    for ms in [10_300, 11_100, 12_100, 13_100] {
        desk.trade(ms, "100");
    }
    let outcomes = desk.evaluations(3);
    assert!(outcomes.iter().any(|(_, _, outcome)| *outcome == WANTS), "{outcomes:?}");
}

/// The joining bar, and a bar with a hole: acting on them is acting on a lie.
#[test]
fn a_rule_on_a_partial_bar_is_unknown() {
    let mut desk = Desk::new(0);
    desk.trade(100, "100");
    desk.trade(1_100, "100");
    desk.tell(History::Hole { expected: 3, received: 9 });
    desk.next_id = 9;
    desk.trade(1_900, "100");
    desk.trade(2_100, "100");
    assert_eq!(desk.evaluations(0).len(), 1, "the bar waits for its trades");
    desk.rig.wait(6 * SECOND);
    let evaluations = desk.evaluations(0);
    assert_eq!(evaluations[0].2, WANTS);
    assert_eq!(
        (evaluations[1].0, &evaluations[1].2),
        (6_100, &INCOMPLETE),
        "five seconds after the hole"
    );
    let unknown = desk.rig.records.iter().any(|record| match record {
        Record::Evaluation(e) if e.outcome == INCOMPLETE => {
            e.truths.iter().all(|truth| *truth == Truth::Unknown) && !e.truths.is_empty()
        }
        _ => false,
    });
    assert!(unknown);
    let told = desk.rig.records.iter().any(
        |record| matches!(record, Record::BarClosed { bar, .. } if bar.quality == Quality::Partial),
    );
    assert!(told);
}

#[test]
fn a_repaired_bar_is_decided_on_like_any_other() {
    let mut desk = Desk::new(0);
    desk.trade(100, "100");
    desk.trade(1_100, "100");
    desk.tell(History::Hole { expected: 3, received: 4 });
    let missing = desk.past_trade(1_500, "107");
    desk.trade(2_100, "100");
    desk.tell(History::Trade(missing));
    desk.tell(History::Ended);
    assert_eq!(desk.evaluations(0).len(), 2);
    assert_ne!(desk.evaluations(0)[1].2, INCOMPLETE);
    let bars = desk.rig.engine.closed_bars(BTC, BarKind::Time(SECOND));
    assert_eq!((bars[1].high, bars[1].quality), (price("107"), Quality::Repaired));
}

/// What was repaired long after it was over is shown to indicators; a signal on it would be old.
#[test]
fn an_old_bar_is_seen_and_not_acted_on() {
    let mut desk = Desk::new(0);
    desk.trade(100, "100");
    desk.rig.input(Event::Feed { instrument: BTC, live: false });
    desk.trade(60_100, "100");
    let evaluations = desk.evaluations(3);
    assert_eq!(
        evaluations.len(),
        8,
        "a second, two of lateness, five of patience: {evaluations:?}"
    );
    assert_eq!(evaluations.last().map(|(_, seen, _)| *seen), Some(60.0));
}

/// A longer bar that is visible before its end would make every backtest with it a lie.
#[test]
fn a_longer_bar_is_visible_from_its_end_on_and_never_before() {
    let mut desk = Desk::new(0);
    // EPOCH is a multiple of five seconds.
    for second in 0..16_u32 {
        desk.trade(u64::from(second) * 1_000 + 100, &format!("{}", 100 + second));
    }
    // In one burst, as after a repair: the order of the ends still holds.
    desk.rig.input(Event::Feed { instrument: BTC, live: false });
    desk.trade(22_100, "200");
    let own = desk.evaluations(0);
    let longer = desk.evaluations(1);
    let close = desk.evaluations(2);
    assert_eq!(own.len(), 22);
    let start = EPOCH as f64 / SECOND as f64;
    for ((own, longer), close) in own.iter().zip(&longer).zip(&close) {
        let newest = ((own.1 - start) / 5.0).floor() * 5.0;
        if newest == 0.0 {
            assert!(longer.1.is_nan());
        } else {
            assert_eq!(longer.1 - start, newest, "at {}", own.1 - start);
            let expected = if newest > 15.0 { 115.0 } else { 100.0 + newest - 1.0 };
            assert_eq!(close.1, expected);
        }
    }
}

/// The same, while the past is told: candles of the longer length come first.
#[test]
fn the_past_is_shown_in_the_order_of_its_ends() {
    let mut desk = Desk::new(0);
    desk.tell(History::Wanted);
    desk.candle(0, 5);
    desk.candle(5_000, 5);
    for second in 0..12 {
        desk.candle(second * 1_000, 1);
    }
    let past = [desk.past_trade(11_900, "100"), desk.past_trade(12_100, "100")];
    for trade in &past {
        desk.tell(History::Trade(*trade));
    }
    desk.tell(History::Ended);
    let (seen, longer) = (desk.evaluations(3), desk.evaluations(1));
    assert_eq!((seen.len(), seen[0].1), (1, 12.0));
    assert_eq!(longer[0].1, (EPOCH / SECOND + 10) as f64);
}

#[test]
fn what_strategies_declare_is_what_is_asked_for() {
    let engine = Engine::new(peeking(), &[StrategyKind::of::<Peek>()]).unwrap();
    let needs = engine.history_needs();
    assert_eq!(needs[0].intervals, [(SECOND, 20), (SECOND, 0), (5 * SECOND, 2), (SECOND, 3)]);
    assert_eq!(needs[1].intervals, [(SECOND, 20)]);
    let mut config = peeking();
    config.strategies[0].feed = Feed::Bars(BarKind::Ticks(50));
    let engine = Engine::new(config, &[StrategyKind::of::<Peek>()]).unwrap();
    assert_eq!(engine.history_needs()[0].trades, 150);
}
