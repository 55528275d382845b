//! Bars end to end: against the exchange's own candles, across holes, and from the first second on.

use std::path::PathBuf;

use super::home::{Home, Running, number};
use super::logs::{events, lane};
use super::metrics::get;
use super::venue::serve;

const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

/// An exchange ten times as fast as the clock, with these faults.
fn exchange(home: &Home, faults: &[&str]) -> (Running, String) {
    let mut arguments = vec!["--port", "0", "--speed", "10", "--instruments", "BTCUSDT,ETHUSDT"];
    for fault in faults {
        arguments.extend(["--fault", fault]);
    }
    serve(home, &arguments)
}

/// A run of the demo's strategies on bars of a second.
fn trade(home: &Home, url: &str, more: &[&str]) -> serde_json::Value {
    let run = ["run", "--headless", "--json", "--for", "4s", "--venue-url", url];
    let metrics = ["--set", "metrics.port=0"];
    home.succeed(&[&run[..], &metrics, more].concat()).json()
}

/// The exchange's candles of a second and of a minute, as `--klines` takes them.
fn candles(home: &Home, url: &str) -> Vec<String> {
    let address = url.strip_prefix("http://").unwrap();
    let mut klines = Vec::new();
    for symbol in SYMBOLS {
        for interval in ["1s", "1m"] {
            let path = format!("/api/v3/klines?symbol={symbol}&interval={interval}&limit=1000");
            let (status, body) = get(address, &path);
            assert_eq!(status, 200);
            let file: PathBuf = home.write(&format!("{symbol}.{interval}.json"), body);
            klines.push(format!("{symbol}={}", file.display()));
        }
    }
    klines
}

fn verify(home: &Home, klines: &[String]) -> String {
    let mut arguments = vec!["tape", "verify", "last", "--bars"];
    for file in klines {
        arguments.extend(["--klines", file]);
    }
    home.succeed(&arguments).stdout
}

/// Lost if broken: a trader compares with the venue in the first hour, finds one wrong bar, and
/// leaves.
#[test]
fn bars_equal_the_venues_across_a_repaired_hole() {
    let home = Home::new();
    let (exchange, url) = exchange(&home, &["drop-trade=60x20"]);
    let result = trade(&home, &url, &[]);
    let klines = candles(&home, &url);
    exchange.terminate().expect_code(0);
    assert_eq!((&result["partial_bars"], &result["bar_incomplete"]), (&0.into(), &0.into()));
    assert!(number(&result, "repaired_bars") > 0.0, "{result}");
    let diagnostics = lane(&home.session(), "diagnostics");
    assert!(!events(&diagnostics, "feed.trade_gap").is_empty());
    let said = verify(&home, &klines);
    for symbol in SYMBOLS {
        let line = said.lines().find(|line| line.starts_with(symbol)).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[1], words[3], "{said}");
        assert!(words[1].parse::<u32>().unwrap() > 20, "{said}");
    }
    let verdict = home.succeed(&["replay", "last", "--verify"]).stdout;
    assert!(verdict.contains(": equal, "), "{verdict}");
    // Candles of the run; what came after it while a slow machine ended it is not compared.
    let file = klines[0].split_once('=').unwrap().1;
    let text = std::fs::read_to_string(file).unwrap();
    let mut rows: Vec<Vec<serde_json::Value>> = serde_json::from_str(&text).unwrap();
    let bars =
        said.lines().find_map(|line| line.strip_prefix(SYMBOLS[0])?.split_whitespace().next());
    let bars: usize = bars.unwrap().parse().unwrap();
    let from = rows.len().saturating_sub(bars + 60);
    rows.iter_mut().skip(from).for_each(|row| row[5] = "0.00000001".into());
    std::fs::write(file, serde_json::to_string(&rows).unwrap()).unwrap();
    let wrong = ["tape", "verify", "last", "--bars", "--klines", &klines[0]];
    let finished = home.run(&wrong).expect_code(5);
    assert!(finished.stdout.contains("first difference"), "{}", finished.stdout);
}

/// Lost if broken: half a bar passes for a whole one.
#[test]
fn a_hole_that_stays_is_told_and_decides_nothing() {
    let home = Home::new();
    let (exchange, url) = exchange(&home, &["drop-trade=60x20", "refuse-history"]);
    let result = trade(&home, &url, &[]);
    let klines = candles(&home, &url);
    exchange.terminate().expect_code(0);
    assert!(number(&result, "partial_bars") > 0.0, "{result}");
    let session = home.session();
    let decisions = lane(&session, "decisions");
    let blocked: Vec<_> =
        decisions.iter().filter(|line| line["outcome"] == "bar_incomplete").collect();
    assert!(!blocked.is_empty() && number(&result, "bar_incomplete") > 0.0);
    assert!(!events(&lane(&session, "diagnostics"), "feed.bar_partial").is_empty());
    assert!(verify(&home, &klines).contains(" partial"));
    let verdict = home.succeed(&["replay", "last", "--verify"]).stdout;
    assert!(verdict.contains(": equal, "), "{verdict}");
}

/// Lost if broken: a run waits 200 minutes before it can decide.
#[test]
fn a_slow_average_decides_from_the_start() {
    let home = Home::new();
    let slow = [
        "strategy.trend.feed=\"bars:1m\"",
        "strategy.trend.params.fast=50",
        "strategy.trend.params.slow=200",
    ];
    let mut arguments = vec!["run", "--headless", "--for", "3s", "--set", "metrics.port=0"];
    for key in &slow {
        arguments.extend(["--set", key]);
    }
    home.succeed(&arguments);
    let decisions = lane(&home.session(), "decisions");
    let first = events(&decisions, "decision.evaluated")
        .into_iter()
        .find(|line| line["strategy"] == "trend")
        .expect("it has decided");
    assert_ne!(first["outcome"], "not_ready", "{first}");
    assert_ne!(first["outcome"], "bar_incomplete", "{first}");
}

/// Lost if broken: bars that trades end instead of the clock.
#[test]
fn every_kind_of_bar_is_decided_on_from_the_start_and_replays() {
    for feed in ["ticks:20", "volume:0.5", "notional:20000"] {
        let home = Home::new();
        let feed = format!("strategy.trend.feed=\"{feed}\"");
        let run = ["run", "--headless", "--for", "3s", "--set", "metrics.port=0", "--set", &feed];
        home.succeed(&run);
        let decisions = lane(&home.session(), "decisions");
        let outcomes: Vec<_> = events(&decisions, "decision.evaluated")
            .into_iter()
            .filter(|line| line["strategy"] == "trend")
            .map(|line| line["outcome"].as_str().unwrap().to_owned())
            .collect();
        assert!(!outcomes.is_empty(), "{feed} made no bar");
        assert!(outcomes.iter().all(|outcome| outcome != "not_ready"), "{feed}: {outcomes:?}");
        let verdict = home.succeed(&["replay", "last", "--verify"]).stdout;
        assert!(verdict.contains(": equal, "), "{feed}: {verdict}");
    }
}

#[test]
fn candles_that_are_none_are_named() {
    let home = Home::new();
    home.succeed(&["run", "--headless", "--for", "1s", "--set", "metrics.port=0"]);
    let file = home.write("klines.json", "{\"code\":-1121,\"msg\":\"Invalid symbol.\"}");
    let file = format!("BTCUSDT={}", file.display());
    let verify = |file: &str| home.run(&["tape", "verify", "last", "--bars", "--klines", file]);
    verify(&file).expect_code(1).expect_stderr(&["klines.json", "no answer of the venue's klines"]);
    verify("BTCUSDT=nowhere.json").expect_code(1).expect_stderr(&["nowhere.json"]);
    verify("nowhere.json").expect_code(2).expect_stderr(&["SYMBOL=FILE"]);
    let nothing = home.run(&["tape", "verify", "last", "--bars"]).expect_code(5);
    assert!(nothing.stdout.contains("no candle"), "{}", nothing.stdout);
}
