//! A store that is fed record by record, as the telling thread feeds it.

use proptest::prelude::*;

use super::*;
use crate::app::decision::document::Order;
use crate::domain::{
    AccountId, AssetId, Cause, Fill as OrderFill, Instrument, Liquidity, Money, Num, OrderEvent,
    OrderEventKind, OrderKind, OrderRequest, Position, Price, Quantity, Side, UnixNanos,
};
use crate::engine::codec::encode;
use crate::engine::record::{SizeRule, Sizing};
use crate::engine::view::Mode;
use crate::engine::{Blocker, CheckKind, Evaluation, News, Outcome, Refusal, RiskReport, Signal};
use crate::engine::{Check, OrderSize, StrategyConfig};
use crate::strategy::{Exits, ValueName};
use crate::strategy::{Feed, Node, Op, OperandRef, RuleTexts, Site, Trigger, Truth, ValueKind};

const BUSY: StrategyId = StrategyId(0);
const CALM: StrategyId = StrategyId(1);
const BTC: InstrumentId = InstrumentId(0);
const ETH: InstrumentId = InstrumentId(1);

fn num(text: &str) -> Num {
    text.parse().unwrap()
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

fn strategy(name: &str) -> StrategyConfig {
    StrategyConfig {
        name: name.to_owned(),
        kind: "rules".to_owned(),
        feed: Feed::Trades,
        instruments: vec![BTC, ETH],
        size: OrderSize::Base(quantity("0.01")),
        exits: Exits::default(),
        atr_length: 14,
        params: std::collections::BTreeMap::new(),
        rules: RuleTexts::default(),
        external: false,
    }
}

fn config() -> Config {
    let asset = |name: &str| crate::domain::Asset(name.to_owned());
    Config {
        assets: vec![asset("BTC"), asset("ETH"), asset("USDT")],
        instruments: vec![
            Instrument::unfiltered("BTCUSDT", "binance", AssetId(0), AssetId(2)),
            Instrument::unfiltered("ETHUSDT", "binance", AssetId(1), AssetId(2)),
        ],
        strategies: vec![strategy("busy"), strategy("calm")],
        ..Config::default()
    }
}

/// `price < 30`.
fn form() -> Record {
    let values = vec![ValueName { name: "price".to_owned(), kind: ValueKind::Computed }];
    let (left, right) = (OperandRef::Value(0), OperandRef::Literal(0));
    let body = Form {
        values,
        sites: vec![Site { label: "enter".to_owned(), root: 0 }],
        nodes: vec![Node::Compare { left, op: Op::Lt, right }],
    };
    Record::Form { strategy: BUSY, form: 0, body }
}

pub fn store(bytes: u64) -> Store {
    let run = RunInfo {
        id: RunId("20261122-204000-k7f3".to_owned()),
        mode: Mode::Demo,
        market: "synthetic market".to_owned(),
        started: UnixNanos::default(),
    };
    let store = Store::new(run, config(), bytes);
    put(&store, &form());
    store
}

fn put(store: &Store, record: &Record) {
    let mut bytes = Vec::new();
    assert!(encode(record, &mut bytes));
    store.take(record, &bytes);
}

fn id(n: u64) -> DecisionId {
    DecisionId { strategy: BUSY, n }
}

fn evaluation(id: DecisionId, instrument: InstrumentId, outcome: Outcome) -> Record {
    let holds = matches!(outcome, Outcome::Signal { .. });
    Record::Evaluation(Evaluation {
        id,
        instrument,
        cause: Cause { seq: 10 * id.n, index: 0 },
        time: UnixNanos(id.n * 1_000),
        trigger: Trigger::Operator,
        form: 0,
        values: vec![if holds { 29.5 } else { 31.5 }],
        previous: vec![31.0],
        literals: vec![30.0],
        truths: vec![Truth::from_bool(holds)],
        outcome,
        news: News::Changed,
        logs: Vec::new(),
    })
}

fn blocked(id: DecisionId, instrument: InstrumentId) -> Record {
    evaluation(id, instrument, Outcome::NoSignal(Blocker::Rule(0)))
}

fn wish(id: DecisionId, instrument: InstrumentId) -> Record {
    evaluation(id, instrument, Outcome::Signal { intents: 1 })
}

fn report(n: u64, refusal: Option<Refusal>) -> Record {
    Record::Risk(RiskReport {
        decision: id(n),
        order: OrderId { strategy: BUSY, n },
        instrument: BTC,
        time: UnixNanos(n * 1_000),
        side: Side::Buy,
        quantity: quantity("0.01"),
        price: None,
        checks: vec![],
        refusal,
    })
}

/// The n-th decision wants an order, gets it, and it fills in two parts.
fn filled(store: &Store, n: u64) {
    let order = OrderId { strategy: BUSY, n };
    put(store, &wish(id(n), BTC));
    let (wanted, size) = (quantity("0.0123"), quantity("0.01"));
    let (decision, time, side) = (id(n), UnixNanos(n * 1_000), Side::Buy);
    let signal = Signal {
        decision,
        instrument: BTC,
        time,
        side,
        wanted,
        quantity: size,
        reduce_only: false,
        explained: true,
        sizing: Sizing {
            rule: SizeRule::Base(wanted),
            configured: true,
            reverses: false,
            equity: None,
            unit: None,
            held: Quantity::ZERO,
            on_its_way: Quantity::ZERO,
        },
    };
    put(store, &Record::Signal(signal));
    put(store, &report(n, None));
    let request = OrderRequest {
        id: order,
        decision,
        account: AccountId(0),
        instrument: BTC,
        side,
        kind: OrderKind::Market,
        quantity: size,
        reduce_only: false,
    };
    let cause = Cause { seq: 10 * n, index: 0 };
    put(store, &Record::Order { request, time, cause, arrival: None });
    let event = |kind| Record::OrderEvent(OrderEvent { order, time, cause, kind });
    put(store, &event(OrderEventKind::Submitted));
    put(store, &event(OrderEventKind::Accepted { venue_order_id: 77 }));
    let mut position = Position::default();
    for part in ["0.004", "0.006"] {
        let fill = OrderFill {
            order,
            trade_id: n,
            price: "64012.10".parse::<Price>().unwrap(),
            quantity: quantity(part),
            liquidity: Liquidity::Taker,
            fee: Money { asset: AssetId(2), amount: num("0.000000001") },
        };
        put(store, &event(OrderEventKind::Filled(fill)));
        let before = position;
        position.apply(&fill, side, AssetId(0), time).unwrap();
        let (strategy, instrument, after) = (BUSY, BTC, position);
        put(store, &Record::Position { strategy, instrument, order, time, before, after });
    }
}

fn shown(store: &Store, page: &Page<Arc<DecisionView>>) -> Vec<String> {
    assert!(store.extent().decisions > 0);
    page.items.iter().map(|decision| decision.evaluation.id.clone()).collect()
}

/// Lost if broken: the answer to "what became of it", for an order, a fill, or the decision itself.
#[test]
fn a_chain_is_put_together_whole_however_it_is_asked_for() {
    let store = store(1 << 20);
    put(&store, &blocked(id(1), BTC));
    filled(&store, 2);
    put(&store, &blocked(id(3), BTC));
    let found = store.find("k7f3-0-0002").unwrap();
    assert_eq!(store.find("k7f3-0-o0002"), Some(found.clone()));
    assert_eq!(store.find("k7f3-0-o0002-f2"), Some(found.clone()));
    assert_eq!(found.previous.as_deref(), Some("k7f3-0-0001"));
    assert_eq!(found.next.as_deref(), Some("k7f3-0-0003"));
    let document = found.document;
    assert_eq!((&*document.state, document.cause.seq), ("FILLED", 20));
    assert_eq!(document.signal.unwrap().wanted, quantity("0.0123"));
    let order = document.order.unwrap();
    assert_eq!((order.venue_order_id, order.fills.len()), (Some(77), 2));
    assert_eq!(order.fills[1].id, "k7f3-0-o0002-f2");
    assert_eq!(document.position.unwrap().after.to_string(), "0.01");
    let blocker = store.find("k7f3-0-0003").unwrap().document.blocked_by.unwrap();
    assert_eq!((&*blocker.name, &*blocker.text), ("price < 30", "price < 30: 31.5 > 30"));
}

/// Lost if broken: a typing mistake ends the search for a cause.
#[test]
fn an_id_that_is_not_there_has_neighbours_that_are() {
    let store = store(1 << 20);
    for n in [1, 2, 3, 9] {
        put(&store, &blocked(id(n), BTC));
    }
    let other = DecisionId { strategy: CALM, n: 7 };
    put(&store, &blocked(other, ETH));
    assert_eq!(store.nearest("k7f3-0-0007"), ["k7f3-0-0009", "k7f3-0-0003", "k7f3-0-0002"]);
    assert_eq!(store.nearest("what"), ["k7f3-1-0007", "k7f3-0-0009", "k7f3-0-0003"]);
    assert_eq!(store.find("k7f3-0-0007"), None);
    assert_eq!(store.find("abcd-0-0001"), None);
}

/// Lost if broken: "show me all that this rule stopped".
#[test]
fn decisions_are_found_by_whose_they_are_and_by_what_stopped_them() {
    let store = store(8 << 20);
    for n in 1..=3_000 {
        put(&store, &blocked(id(n), if n % 2 == 0 { BTC } else { ETH }));
    }
    let calm = DecisionId { strategy: CALM, n: 1 };
    let missing = Outcome::NotReady { missing: Some(0) };
    put(&store, &evaluation(calm, ETH, missing));
    put(&store, &wish(id(3_001), BTC));
    let kind = CheckKind::PositionNotional;
    let (observed, limit) = (Some(num("5120")), Some(num("5000")));
    let check = Check { kind, observed, limit, passed: false };
    put(&store, &report(3_001, Some(Refusal::Check(check))));
    let find = |strategy: &str, instrument: &str, outcome: &str, blocked_by: &str| {
        let own = str::to_owned;
        let (strategy, instrument) = (own(strategy), own(instrument));
        let wanted =
            Wanted { strategy, instrument, outcome: own(outcome), blocked_by: own(blocked_by) };
        shown(&store, &store.decisions(&wanted, None, 5_000))
    };
    assert_eq!(find("", "", "", "").len(), 3_002);
    assert_eq!(find("", "ETHUSDT", "", "").len(), 1_501);
    assert_eq!(find("busy", "", "no_signal", "price <").len(), 3_000);
    assert_eq!(find("calm", "", "", ""), ["k7f3-1-0001"]);
    assert_eq!(find("", "", "signal", ""), ["k7f3-0-3001"]);
    assert_eq!(find("", "", "", "position_notional"), ["k7f3-0-3001"]);
    assert_eq!(find("", "", "", "price is not ready"), ["k7f3-1-0001"]);
    assert_eq!(find("nobody", "", "", ""), Vec::<String>::new());
}

/// Lost if broken: a day of a busy market fills the memory, or its noise drives out the orders.
#[test]
fn orders_outlive_the_noise_and_all_stays_within_its_bytes() {
    let store = store(64 << 10);
    filled(&store, 1);
    for n in 2..=5_000 {
        put(&store, &blocked(id(n), BTC));
    }
    let extent = store.extent();
    assert!(extent.bytes <= extent.limit && extent.decisions > 50, "{extent:?}");
    assert_eq!(extent.evicted + extent.decisions, 5_000);
    assert_eq!(store.find("k7f3-0-0001").unwrap().document.state, "FILLED");
    assert_eq!(store.find("k7f3-0-0002"), None);
    let orders: Vec<Order> = store.orders(None, 10).items;
    assert_eq!(orders.len(), 1);
    assert_eq!(store.fills(None, 10).items.len(), 2);
    for n in 5_001..=7_000 {
        filled(&store, n);
    }
    let extent = store.extent();
    assert!(extent.bytes <= extent.limit, "{extent:?}");
    assert_eq!(store.find("k7f3-0-0001"), None, "orders go too, oldest first");
    let held = store.orders(None, 5_000).items.len();
    assert_eq!(store.fills(None, 5_000).items.len(), 2 * held, "fills go with their orders");
}

/// Lost if broken: a list that shows an order twice, or hides one, while the market goes on.
#[test]
fn orders_and_fills_are_paged_like_decisions() {
    let store = store(1 << 20);
    (1..=5).for_each(|n| filled(&store, n));
    let (mut ids, mut below, mut next_id) = (Vec::new(), None, 6);
    loop {
        let page = store.fills(below, 3);
        ids.extend(page.items.iter().map(|(_, fill)| fill.id.clone()));
        filled(&store, next_id);
        next_id += 1;
        match page.next {
            Some(next) => below = Some(next),
            None => break,
        }
    }
    let expected: Vec<_> =
        (1..=5).rev().flat_map(|n| [2, 1].map(|f| format!("k7f3-0-o000{n}-f{f}"))).collect();
    assert_eq!(ids, expected);
    let first = store.orders(None, 1);
    assert_eq!(store.orders(first.next, 1).items.len(), 1);
}

/// Something that happens to a store.
#[derive(Clone, Copy, Debug)]
enum Step {
    Blocked(u16, u16),
    Filled,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let blocked = (0_u16..2, 0_u16..2).prop_map(|(strategy, at)| Step::Blocked(strategy, at));
    prop::collection::vec(prop_oneof![4 => blocked, 1 => Just(Step::Filled)], 1..120)
}

/// Takes a step and says the decision's id.
fn take(store: &Store, step: Step, n: u64) -> String {
    let decision = match step {
        Step::Blocked(strategy, instrument) => {
            let id = DecisionId { strategy: StrategyId(strategy), n };
            put(store, &blocked(id, InstrumentId(instrument)));
            id
        }
        Step::Filled => {
            filled(store, n);
            id(n)
        }
    };
    store.run.id.decision(decision)
}

proptest! {
    /// Lost if broken: a script that pages through decisions counts one twice or misses one.
    #[test]
    fn paging_meets_everything_once_while_more_arrives(
        before in steps(),
        meanwhile in steps(),
        limit in 1_usize..9,
    ) {
        let store = store(1 << 20);
        let mut n = 0;
        let mut next = |step| { n += 1; take(&store, step, n) };
        let mut expected: Vec<String> = before.into_iter().map(&mut next).collect();
        expected.reverse();
        let mut arriving = meanwhile.into_iter();
        let (mut seen, mut below) = (Vec::new(), None);
        loop {
            let page = store.decisions(&Wanted::default(), below, limit);
            seen.extend(shown(&store, &page));
            arriving.by_ref().take(3).for_each(|step| { next(step); });
            below = page.next;
            if below.is_none() { break; }
        }
        prop_assert_eq!(seen, expected);
    }

    /// Lost if broken: "why not now" for an instrument that is quiet, or the bound itself.
    #[test]
    fn the_last_evaluation_of_each_stays_and_the_rest_is_bounded(
        steps in steps(),
        bytes in 0_u64..4_000,
    ) {
        let store = store(bytes);
        let mut lasts = std::collections::BTreeMap::new();
        for (step, n) in steps.into_iter().zip(1..) {
            let id = take(&store, step, n);
            let slot = match step {
                Step::Blocked(strategy, instrument) => (strategy, instrument),
                Step::Filled => (0, 0),
            };
            lasts.insert(slot, id);
            let last: Vec<_> = lasts.values().map(|id| store.find(id)).collect();
            prop_assert!(last.iter().all(Option::is_some));
            let extent = store.extent();
            let only_lasts = extent.decisions == lasts.len() as u64;
            prop_assert!(extent.bytes <= bytes || only_lasts, "{:?}", extent);
        }
    }
}
