//! What a tick costs, from a trade to its record encoded and hashed: the same-work case of
//! `config/bench-ema.toml`, ten thousand ticks an iteration, records into memory. `backtest --ticks`
//! times the same with a file. Beside it, what recording adds: three strategies on every tick, with
//! records that nobody takes and with records that are encoded, hashed, copied and written as in a
//! live run; a third of the difference is the price of one evaluation's record.

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tickscope::app::build::{self, Filters, Plan};
use tickscope::app::outputs::{EntrySink, Outputs, TapeStopped, Written};
use tickscope::app::setup;
use tickscope::domain::UnixNanos;
use tickscope::domain::{Cause, InstrumentId, MarketEvent, Num, Price, Quantity, Side, Trade};
use tickscope::engine::{Engine, Event, Input, Outlet, Record, StrategyConfig};
use tickscope::strategy;
use tickscope::tape::Entry;

const TICKS: u64 = 10_000;
/// A live core hands copies over every 25 ms: so many ticks at 10,000 a second.
const COPIES_TAKEN: u64 = 250;

/// Looks at what would go to the tape.
struct Nowhere;

impl EntrySink for Nowhere {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), TapeStopped> {
        black_box(entry.bytes.len());
        Ok(())
    }
}

/// Takes no record.
struct Nobody;

impl Outlet for Nobody {
    fn record(&mut self, record: &Record) {
        black_box(record);
    }
}

fn plan() -> Plan {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/config/bench-ema.toml"));
    let loaded = setup::load(Some(file), &[], &strategy::built_in()).expect("a valid file");
    build::plan(&loaded, Filters::Open).expect("a plan")
}

/// A walk of a cent a step that turns often enough to cross as much as the reference data.
fn ticks() -> Vec<Trade> {
    let mut seed = 42_u64;
    let mut price = 6_000_000_i64;
    (1..=TICKS)
        .map(|id| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            price += if seed >> 63 == 0 { 1 } else { -1 };
            Trade {
                id,
                ts_venue: UnixNanos(1_700_000_000_000_000_000 + id * 100_000_000),
                price: Price::new(Num::new(price, 2).expect("a price")),
                quantity: Quantity::new(Num::new(1_000, 5).expect("a size")).expect("a size"),
                aggressor: Side::Buy,
            }
        })
        .collect()
}

fn run((mut engine, mut outputs): (Engine, Outputs), ticks: &[Trade]) -> u64 {
    for trade in ticks {
        if trade.id % COPIES_TAKEN == 0 {
            black_box(outputs.take_copies());
        }
        outputs.begin(trade.id, trade.ts_venue);
        let event =
            Event::Market { instrument: InstrumentId(0), event: MarketEvent::Trade(*trade) };
        let cause = Cause { seq: trade.id, index: 0 };
        engine.step(&Input { cause, time: trade.ts_venue, event }, &mut outputs);
        outputs.end(&mut Nowhere).expect("nowhere is never full");
    }
    outputs.hash_mark().hash
}

fn tick(criterion: &mut Criterion) {
    let (plan, ticks) = (plan(), ticks());
    let fresh = || {
        let mut engine = Engine::new(plan.engine.clone(), &strategy::built_in()).expect("built in");
        let mut outputs = Outputs::new(Written::All);
        let event = Event::Start(&plan.start);
        let (cause, time) = (Cause { seq: 0, index: 0 }, UnixNanos::default());
        engine.step(&Input { cause, time, event }, &mut outputs);
        (engine, outputs)
    };
    let mut group = criterion.benchmark_group("tick");
    group.throughput(Throughput::Elements(TICKS));
    group.bench_function("decided and recorded", |bencher| {
        bencher.iter_batched(fresh, |bench| run(bench, &ticks), BatchSize::LargeInput);
    });
}

fn record(criterion: &mut Criterion) {
    let (mut plan, ticks) = (plan(), ticks());
    let one = plan.engine.strategies.first().cloned().expect("a strategy");
    // Averages so long that they hardly cross: the price of an evaluation, not of orders and checks.
    let params = [("fast".to_owned(), 2_000.0), ("slow".to_owned(), 3_000.0)];
    plan.engine.strategies = ["first", "second", "third"]
        .map(|name| {
            let params = params.clone().into_iter().collect();
            StrategyConfig { name: name.to_owned(), params, ..one.clone() }
        })
        .into();
    let engine = || {
        let mut engine = Engine::new(plan.engine.clone(), &strategy::built_in()).expect("built in");
        let event = Event::Start(&plan.start);
        let (cause, time) = (Cause { seq: 0, index: 0 }, UnixNanos::default());
        engine.step(&Input { cause, time, event }, &mut Nobody);
        engine
    };
    let recorded = || {
        let mut outputs = Outputs::new(Written::Changes);
        outputs.keep_copies();
        (engine(), outputs)
    };
    let mut group = criterion.benchmark_group("three strategies");
    group.throughput(Throughput::Elements(TICKS));
    group.bench_function("decided", |bencher| {
        bencher.iter_batched(engine, |bench| decide(bench, &ticks), BatchSize::LargeInput);
    });
    group.bench_function("decided and recorded", |bencher| {
        bencher.iter_batched(recorded, |bench| run(bench, &ticks), BatchSize::LargeInput);
    });
}

fn decide(mut engine: Engine, ticks: &[Trade]) -> Engine {
    for trade in ticks {
        let event =
            Event::Market { instrument: InstrumentId(0), event: MarketEvent::Trade(*trade) };
        let cause = Cause { seq: trade.id, index: 0 };
        engine.step(&Input { cause, time: trade.ts_venue, event }, &mut Nobody);
    }
    engine
}

criterion_group!(benches, tick, record);
criterion_main!(benches);
