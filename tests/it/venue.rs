//! The venue as a program of its own, over real sockets: faults, silence, and coming back.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::home::{Home, Running, busy, number, wait_for};
use super::logs::{events, expect_gapless, lane};

/// Starts the loopback exchange and waits for its address.
fn exchange(home: &Home, port: &str, faults: &[&str]) -> (Running, String) {
    let mut arguments = vec!["--port", port, "--instruments", "BTCUSDT,ETHUSDT"];
    for fault in faults {
        arguments.extend(["--fault", fault]);
    }
    serve(home, &arguments)
}

/// The same with other arguments.
pub fn serve(home: &Home, arguments: &[&str]) -> (Running, String) {
    let mut running = home.start(&[&["sim"], arguments].concat());
    let said = running.wait_stdout("serving http://127.0.0.1:");
    let address = said.split_whitespace().nth(1).unwrap().to_owned();
    (running, address)
}

/// Waits until a lane has this many lines of an event.
fn wait_events(session: &Path, name: &str, event: &str, count: usize) {
    wait_for(&format!("{count} {event}"), || {
        (events(&lane(session, name), event).len() >= count).then_some(())
    });
}

/// Lost if broken: every venue but the one inside the process.
#[test]
fn a_run_against_the_exchange_trades_without_a_gap() {
    let home = Home::new();
    let (exchange, url) = exchange(&home, "0", &[]);
    let run = ["run", "--headless", "--for", "4s", "--json", "--config", busy()];
    let result = home.succeed(&[&run[..], &["--venue-url", &url]].concat()).json();
    assert!(number(&result, "fills") > 0.0 && result["gaps"] == 0, "{result}");
    let served = exchange.terminate().expect_code(0).stdout;
    assert!(served.contains("to 1 connections"), "{served}");
    let verdict = home.succeed(&["replay", "last", "--verify"]).stdout;
    assert!(verdict.contains(": equal, "), "{verdict}");
}

/// Lost if broken: recorded days that can be traded again, through the same sockets.
#[test]
fn a_recorded_market_can_be_traded_again() {
    let home = Home::new();
    let run = ["run", "--headless", "--json", "--config", busy(), "--for"];
    home.succeed(&[&run[..], &["3s"]].concat());
    let (exchange, url) = serve(&home, &["--port", "0", "--tape", "last"]);
    let result = home.succeed(&[&run[..], &["5s", "--venue-url", &url]].concat()).json();
    assert!(number(&result, "fills") > 0.0 && result["gaps"] == 0, "{result}");
    exchange.terminate().expect_code(0);
}

/// Lost if broken: books that quietly lack an update, and signals computed from them.
#[test]
fn a_lost_depth_message_is_one_gap_and_one_resync() {
    let home = Home::new();
    let (_exchange, url) = exchange(&home, "0", &["drop-depth=25"]);
    let run = ["run", "--headless", "--for", "6s", "--json", "--config", busy()];
    let result = home.succeed(&[&run[..], &["--venue-url", &url]].concat()).json();
    assert_eq!(result["gaps"], 1, "{result}");
    let diagnostics = lane(&home.session(), "diagnostics");
    expect_gapless(&diagnostics);
    let lost = events(&diagnostics, "feed.sequence_gap");
    assert_eq!(lost.len(), 1, "{lost:?}");
    let synced = events(&diagnostics, "feed.resynced");
    let again = synced.iter().filter(|line| line["instrument"] == lost[0]["instrument"]).count();
    assert_eq!((synced.len(), again), (3, 2), "{synced:?}");
    assert_eq!(events(&diagnostics, "feed.disconnected").len(), 0);
}

/// Lost if broken: orders priced from a book that stopped moving while trades go on.
#[test]
fn a_silent_book_stops_orders() {
    let home = Home::new();
    let faults = ["silence=btcusdt@depth@100ms@3s", "silence=btcusdt@bookTicker@3s"];
    let (_exchange, url) = exchange(&home, "0", &faults);
    let silent = Instant::now() + Duration::from_millis(4500);
    let mut run = vec!["run", "--headless", "--json", "--config", busy(), "--venue-url", &url];
    run.extend(["--set", "risk.max_silence=500ms"]);
    run.extend(["--set", "strategy.busy.instruments=[\"BTCUSDT\"]"]);
    let run = home.start(&run);
    home.address("metrics");
    let session = home.session();
    let is_refused = |line: &&Value| line["refused_by"] == "data_silence";
    // A run that was slow to start finds no book at all, which stops its signals as well.
    let is_distrusted = |line: &&Value| line["blocked_by"] == "book_not_trusted";
    wait_for("orders that are stopped", || {
        let lines = lane(&session, "decisions");
        let refused = events(&lines, "risk.checked").into_iter().filter(is_refused).count();
        let evaluated = events(&lines, "decision.evaluated");
        // Every run begins without a book, and soon orders with one.
        let is_silent = Instant::now() > silent;
        let is_stopped = refused > 2 || evaluated.into_iter().any(|line| is_distrusted(&line));
        (is_silent && is_stopped).then_some(())
    });
    let orders = || events(&lane(&session, "decisions"), "order.submitted").len();
    let before = orders();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(orders(), before);
    run.terminate().expect_code(0);
}

/// Lost if broken: the warning about an instrument that looks calm and is cut off.
#[test]
fn a_silent_instrument_is_told_and_the_other_is_not() {
    let home = Home::new();
    let faults = ["trade", "bookTicker", "depth@100ms"].map(|s| format!("silence=ethusdt@{s}@5s"));
    let (_exchange, url) = exchange(&home, "0", &faults.each_ref().map(String::as_str));
    let mut run = vec!["run", "--headless", "--json", "--config", busy(), "--venue-url", &url];
    run.extend(["--set", "risk.max_silence=1500ms"]);
    let run = home.start(&run);
    home.address("metrics");
    wait_events(&home.session(), "diagnostics", "feed.stale", 1);
    run.terminate().expect_code(0);
    let diagnostics = lane(&home.session(), "diagnostics");
    let stale = events(&diagnostics, "feed.stale");
    assert!(stale.iter().all(|line| line["instrument"] == "ETHUSDT"), "{stale:?}");
}

/// Lost if broken: a run that has to be started again by hand whenever the venue goes away.
#[test]
fn a_run_comes_back_when_its_venue_does() {
    let home = Home::new();
    let (first, url) = exchange(&home, "0", &[]);
    let port = url.rsplit(':').next().unwrap().to_owned();
    let run = home.start(&["run", "--headless", "--json", "--config", busy(), "--venue-url", &url]);
    home.address("metrics");
    let session = home.session();
    wait_events(&session, "diagnostics", "feed.resynced", 2);
    first.terminate().expect_code(0);
    wait_events(&session, "diagnostics", "feed.disconnected", 1);
    let _second = exchange(&home, &port, &[]);
    wait_events(&session, "diagnostics", "feed.resynced", 4);
    let result = run.terminate().expect_code(0).json();
    assert!(number(&result, "reconnects") > 0.0, "{result}");
    let diagnostics = lane(&session, "diagnostics");
    expect_gapless(&diagnostics);
    assert_eq!(events(&diagnostics, "feed.connected").len(), 2);
    let verdict = home.succeed(&["replay", "last", "--verify"]).stdout;
    assert!(verdict.contains(": equal, "), "{verdict}");
}
