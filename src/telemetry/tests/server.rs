//! What a scraper and a supervisor see.

use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use super::super::http::{MetricsConfig, ServeError, Taken, bind, serve};
use super::*;
use crate::domain::{DecisionId, StrategyId};
use crate::engine::view::{EngineView, InstrumentView};

fn free_port() -> MetricsConfig {
    MetricsConfig { port: 0, ..MetricsConfig::default() }
}

fn get(port: u16, path: &str) -> String {
    get_with(port, path, "")
}

fn get_with(port: u16, path: &str, head: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n{head}Connection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_taken_port_is_passed_over_or_told() {
    let first = bind(free_port(), Taken::Fail).unwrap();
    let port = first.local_addr().unwrap().port();
    let wanted = MetricsConfig { port, ..MetricsConfig::default() };
    let second = bind(wanted, Taken::NextFree).unwrap();
    assert_ne!(second.local_addr().unwrap().port(), port);
    let error = bind(wanted, Taken::Fail).unwrap_err();
    assert!(matches!(error, ServeError::Taken(address) if address.port() == port));
}

#[test]
fn the_pages_answer_and_readiness_gives_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig::default());
    let listener = bind(free_port(), Taken::Fail).unwrap();
    let port = listener.local_addr().unwrap().port();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.spawn(serve(
        listener,
        telemetry.clone(),
        axum::Router::new(),
        None,
        std::future::pending(),
    ));
    assert!(get(port, "/healthz").starts_with("HTTP/1.1 200"));
    let answer = get(port, "/readyz");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("no market data yet"));
    let instrument = |live, synced| {
        Arc::new(InstrumentView {
            symbol: "BTCUSDT".to_owned(),
            live,
            synced,
            ..Default::default()
        })
    };
    let view = |live, synced| EngineView {
        instruments: vec![instrument(live, synced)],
        ..Default::default()
    };
    telemetry.mirror(&view(true, false));
    assert!(get(port, "/readyz").contains("BTCUSDT: the order book is not in sync"));
    telemetry.mirror(&view(true, true));
    assert!(get(port, "/readyz").starts_with("HTTP/1.1 200"));
    let metrics = get(port, "/metrics");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("tickscope_feed_live{instrument=\"BTCUSDT\",venue=\"binance\"} 1\n"));
    assert!(get(port, "/nothing").starts_with("HTTP/1.1 404"));
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let open = get_with(port, "/metrics", accept);
    assert!(open.contains("content-type: application/openmetrics-text; version=1.0.0"), "{open}");
}

/// Lost if broken: positions and PnL, to whoever reaches the port.
#[test]
fn a_token_is_asked_of_every_request() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig::default());
    let listener = bind(free_port(), Taken::Fail).unwrap();
    let port = listener.local_addr().unwrap().port();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let more = axum::Router::new().route("/orders", axum::routing::get(|| async { "secret" }));
    let token = Some("correct horse".into());
    runtime.spawn(serve(listener, telemetry, more, token, std::future::pending()));
    for path in ["/metrics", "/healthz", "/orders", "/nothing"] {
        for head in
            ["", "Authorization: Bearer correct hors\r\n", "Authorization: correct horse\r\n"]
        {
            let answer = get_with(port, path, head);
            assert!(answer.starts_with("HTTP/1.1 401"), "{path} {head}: {answer}");
            assert!(!answer.contains("secret") && answer.contains("www-authenticate: Bearer"));
        }
    }
    let head = "Authorization: Bearer correct horse\r\n";
    assert!(get_with(port, "/metrics", head).starts_with("HTTP/1.1 200"));
    assert!(get_with(port, "/orders", head).ends_with("secret"));
}

#[test]
fn timings_reach_buckets_and_exact_percentiles() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig::default());
    let mut timings = telemetry.take_timings().unwrap();
    assert!(telemetry.take_timings().is_none() && telemetry.latency().is_none());
    for micros in 1..=100 {
        let decision = DecisionId { strategy: StrategyId(0), n: micros };
        timings.record(Timing::TickToDecision(decision), micros * 1_000);
        timings.record(Timing::Stage(Stage::Decode), 400);
    }
    telemetry.measure();
    let percentiles = telemetry.latency().unwrap();
    assert_eq!(percentiles.count, 100);
    assert!((50_000..=50_100).contains(&percentiles.p50), "{percentiles:?}");
    assert!((99_000..=99_200).contains(&percentiles.p99), "{percentiles:?}");
    let bucket = |le| {
        sample(
            &telemetry,
            "tickscope_tick_to_decision_seconds_bucket",
            &[("strategy", "ema"), ("le", le)],
        )
    };
    assert_eq!((bucket("0.00001"), bucket("0.00003")), (10.0, 30.0));
    let stage = [("stage", "decode")];
    assert_eq!(sample(&telemetry, "tickscope_stage_duration_seconds_count", &stage), 100.0);
}

/// Lost if broken: the dot in the latency panel that opens the decision behind it.
#[test]
fn a_bucket_names_the_decision_that_fell_into_it_last() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig::default());
    let mut timings = telemetry.take_timings().unwrap();
    for (n, micros) in [(1, 40), (2, 45), (3, 700_000)] {
        let decision = DecisionId { strategy: StrategyId(0), n };
        timings.record(Timing::TickToDecision(decision), micros * 1_000);
    }
    telemetry.measure();
    assert_eq!(telemetry.latency().unwrap().count, 3);
    assert!(telemetry.recent_latency().unwrap() >= 700_000_000);
    let text = telemetry.open_metrics_text();
    let line = |le: &str| {
        let head =
            format!("tickscope_tick_to_decision_seconds_bucket{{strategy=\"ema\",le=\"{le}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&head)).unwrap_or_else(|| panic!("{text}"))
    };
    let id = |n| telemetry.0.scope.decision(DecisionId { strategy: StrategyId(0), n });
    assert!(line("5e-5").starts_with(&format!("2 # {{decision_id=\"{}\"}} 0.000045 ", id(2))));
    assert_eq!((line("3e-5"), line("0.5")), ("0", "2"));
    assert!(line("+Inf").starts_with(&format!("3 # {{decision_id=\"{}\"}} 0.7 ", id(3))));
}

/// Lost if broken: every scrape of a Prometheus that asks for the newer format, which all do.
#[test]
fn open_metrics_says_the_same_as_the_older_format() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig::default());
    let (open, old) = (telemetry.open_metrics_text(), telemetry.metrics_text().unwrap());
    assert!(open.ends_with("# EOF\n") && open.matches("# EOF").count() == 1);
    assert!(open.contains("# TYPE tickscope_fills counter\n"), "a family has no suffix");
    assert!(open.contains("# UNIT tickscope_order_ack_seconds seconds\n"));
    let is_sample = |line: &&str| !line.starts_with('#') && !line.starts_with("process_");
    let series = |text: &str| {
        let lines = text.lines().filter(is_sample).filter_map(|line| line.rsplit_once(' '));
        lines.map(|(series, _)| series.split("le=").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(series(&open), series(&old));
}

#[test]
fn money_carries_mode_and_account_and_an_unknown_equity_is_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig::default());
    telemetry.mirror(&EngineView::default());
    let labels = [("mode", "paper"), ("account", "paper")];
    assert!(sample(&telemetry, "tickscope_equity", &labels).is_nan());
    let position = [labels[0], labels[1], ("strategy", "ema"), ("instrument", "ETHUSDT")];
    assert_eq!(sample(&telemetry, "tickscope_pnl_realised", &position), 0.0);
}

/// Lost if broken: a Prometheus that a large run fills by itself.
#[test]
fn the_largest_run_has_a_bounded_number_of_samples() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        Config { directory: folder.path().to_owned(), log: LogConfig::default(), clock: clock() };
    let numbered = |name: &str, count: usize| (0..count).map(|n| format!("{name}{n}")).collect();
    let names = Names {
        venue: "binance".to_owned(),
        instruments: numbered("INSTRUMENT", 64),
        strategies: numbered("strategy", 16),
        assets: numbered("ASSET", 65),
    };
    let telemetry = Telemetry::start(&config, names, run()).unwrap();
    let metrics = &telemetry.metrics().decisions;
    for (strategy, rule) in (0..16).flat_map(|strategy| (0..12).map(move |rule| (strategy, rule))) {
        metrics.rule(&format!("strategy{strategy}"), &format!("enter_long: a{rule} > b{rule}"));
    }
    let text = telemetry.metrics_text().unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    let mut by_family = BTreeMap::<&str, usize>::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        *by_family.entry(line.split(['{', ' ']).next().unwrap()).or_default() += 1;
    }
    // What grows with both is what matters: nothing else may come near.
    let mut largest: Vec<_> = by_family.into_iter().collect();
    largest.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    assert!(samples <= 20_000, "{samples} samples: {largest:?}");
    assert!(largest[0].1 <= 6_200, "{largest:?}");
}
