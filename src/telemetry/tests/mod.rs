//! What holds for telemetry as a whole.

mod documents;
mod lanes;
mod records;
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::*;
use crate::domain::RunId;
use crate::engine::view::Mode;

/// 2026-11-22T20:40:00Z
const START: u64 = 1_795_380_000 * UnixNanos::SECOND;
const PATIENCE: Duration = Duration::from_secs(5);

/// A clock that moves a microsecond with each reading.
fn clock() -> Clock {
    let now = AtomicU64::new(START);
    Arc::new(move || UnixNanos(now.fetch_add(1_000, Ordering::Relaxed)))
}

fn names() -> Names {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Names {
        venue: "binance".to_owned(),
        instruments: own(&["BTCUSDT", "ETHUSDT"]),
        strategies: own(&["ema", "reversion"]),
        assets: own(&["BTC", "USDT", "ETH"]),
    }
}

fn run() -> RunInfo {
    RunInfo {
        run_id: RunId("20261122T204000-k7f3".to_owned()),
        mode: Mode::Paper,
        account: "paper".to_owned(),
        version: "0.1.0".to_owned(),
        revision: "abc".to_owned(),
        profile: "debug".to_owned(),
        config_hash: "00ff".to_owned(),
        pid: 7,
    }
}

fn start(directory: &Path, log: LogConfig) -> Telemetry {
    let config = Config { directory: directory.to_owned(), log, clock: clock() };
    Telemetry::start(&config, names(), run()).unwrap()
}

/// Starts on shelves of one's own, for files that fail or hang.
fn start_on(shelf: MakeShelf<'_>, queue_lines: usize) -> Telemetry {
    let log = LogConfig { queue_lines, ..LogConfig::default() };
    let config = Config { directory: "nowhere".into(), log, clock: clock() };
    Telemetry::start_on(shelf, &config, Scope { names: names(), run: run() }).unwrap()
}

fn command_of(command: &str) -> ProcessEvent<'_> {
    ProcessEvent::Command { command, strategy: "", by: "screen", pid: 0, done: "trading is halted" }
}

fn command(telemetry: &Telemetry, command: &str) {
    telemetry.emit(&Event::Process(command_of(command)));
}

fn connecting(telemetry: &Telemetry, attempt: u32) {
    telemetry.emit(&Event::Feed(FeedEvent::Connecting { attempt }));
}

/// A JSON object that refuses a key that comes twice, as DuckDB does.
#[derive(Debug, PartialEq)]
struct Strict(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Strict;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    assert!(fields.insert(key.clone(), value).is_none(), "{key} comes twice");
                }
                Ok(Strict(fields))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// Every line of a lane, file by file, in the order of the names.
fn files(directory: &Path, lane: &str) -> Vec<(String, Vec<Strict>)> {
    let mut found: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(lane))
        .collect();
    found.sort();
    let parse = |name: String| {
        let text = fs::read_to_string(directory.join(&name)).unwrap();
        assert!(text.ends_with('\n'), "{name} ends in a torn line");
        (name, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    };
    found.into_iter().map(parse).collect()
}

fn lines(directory: &Path, lane: &str) -> Vec<Strict> {
    files(directory, lane).into_iter().flat_map(|(_, lines)| lines).collect()
}

fn seqs(lines: &[Strict]) -> Vec<u64> {
    lines.iter().map(|line| line.0["seq"].as_u64().unwrap()).collect()
}

fn of_event<'a>(lines: &'a [Strict], event: &str) -> Vec<&'a Strict> {
    lines.iter().filter(|line| line.0["event"] == event).collect()
}

/// The value of one sample of `/metrics`.
fn sample(telemetry: &Telemetry, name: &str, labels: &[(&str, &str)]) -> f64 {
    let text = telemetry.metrics_text().unwrap();
    let has = |line: &&str| {
        line.starts_with(name)
            && line[name.len()..].starts_with(['{', ' '])
            && labels.iter().all(|(key, value)| line.contains(&format!("{key}=\"{value}\"")))
    };
    let line = text.lines().find(has).unwrap_or_else(|| panic!("no {name} {labels:?} in\n{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
