//! What telemetry costs: a message on the core thread, a line of the log from the event to the file,
//! and one answer of `/metrics`.

#![expect(clippy::print_stdout, reason = "what a bench says besides its figures")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tickscope::domain::{RunId, UnixNanos};
use tickscope::engine::view::Mode;
use tickscope::telemetry::{
    Channel, Config, FeedEvent, LogConfig, Names, ProcessEvent, RunInfo, Stage, Telemetry, Timing,
};

/// Lines of an iteration: several batches of the writer.
const LINES: u64 = 100_000;
/// One of so many messages is timed by stage.
const TIMED: u64 = 16;

fn telemetry(directory: &Path) -> Telemetry {
    let began = Instant::now();
    let now = move || UnixNanos(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
    let config = Config {
        directory: directory.to_owned(),
        log: LogConfig { segment_bytes: 1 << 40, ..LogConfig::default() },
        clock: Arc::new(now),
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let names = Names {
        venue: "binance".to_owned(),
        instruments: names(&["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"]),
        strategies: names(&["trend", "reversion", "breakout"]),
        assets: names(&["USDT", "BTC", "ETH", "SOL", "XRP"]),
    };
    let run = RunInfo {
        run_id: RunId("20261122-204000-k7f3".to_owned()),
        mode: Mode::Paper,
        ..RunInfo::default()
    };
    Telemetry::start(&config, names, run).expect("telemetry starts")
}

fn a_message(c: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a folder");
    let telemetry = telemetry(directory.path());
    let mut timings = telemetry.take_timings().expect("the core's end");
    let mut n = 0_u64;
    c.bench_function("a message told by the core thread", |b| {
        b.iter(|| {
            n += 1;
            telemetry.metrics().message(Channel::Trade, black_box(180));
            timings.record(Timing::Transit { early: false }, 12_000_000 + n % 1_000);
            if n.is_multiple_of(TIMED) {
                timings.record(Timing::Stage(Stage::Decode), 400);
                timings.record(Timing::Stage(Stage::Engine), 900);
            }
        });
    });
}

fn lines(c: &mut Criterion) {
    let mut group = c.benchmark_group("the log, from the event to the file");
    group.throughput(Throughput::Elements(LINES)).sample_size(10);
    let command = ProcessEvent::Command {
        command: "pause",
        strategy: "trend",
        by: "screen",
        pid: 0,
        done: "trend opens nothing more",
    };
    let frame = br#"{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT"}}"#;
    let failed = FeedEvent::DecodeFailed {
        channel: Channel::Trade,
        reason: tickscope::telemetry::DecodeFailure::Malformed,
        frame,
    };
    for (name, event) in [("decisions, which wait", command.into()), ("diagnostics", failed.into())]
    {
        group.bench_function(name, |b| {
            b.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    let directory = tempfile::tempdir().expect("a folder");
                    let telemetry = telemetry(directory.path());
                    let began = Instant::now();
                    for _ in 0..LINES {
                        telemetry.emit(&event);
                    }
                    telemetry.shutdown(Duration::from_secs(10));
                    spent += began.elapsed();
                    if name == "decisions, which wait" {
                        assert_eq!(telemetry.log_lines_lost(), 0);
                    }
                }
                spent
            });
        });
    }
    group.finish();
}

fn a_scrape(c: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a folder");
    let telemetry = telemetry(directory.path());
    let text = telemetry.open_metrics_text();
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    println!("one scrape has {samples} samples, {} bytes", text.len());
    let mut group = c.benchmark_group("a scrape");
    group.throughput(Throughput::Elements(samples as u64));
    group.bench_function("OpenMetrics", |b| b.iter(|| black_box(telemetry.open_metrics_text())));
    group.bench_function("text 0.0.4", |b| {
        b.iter(|| black_box(telemetry.metrics_text().expect("a text")));
    });
    group.finish();
}

criterion_group!(benches, a_message, lines, a_scrape);
criterion_main!(benches);
