//! A headless run: what it prints, what it leaves behind, and how others live beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use super::home::{Home, address_of, busy, number, wait_for};
use super::logs::{events, expect_gapless, lane};

/// Every path below a directory, itself included, with its permissions.
fn permissions(directory: &Path, into: &mut Vec<(String, bool, u32)>) {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    into.push((directory.display().to_string(), true, mode(directory)));
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            permissions(&path, into);
        } else {
            into.push((path.display().to_string(), false, mode(&path)));
        }
    }
}

/// Lost if broken: scripts that read the result, and everything that explains a run afterwards.
#[test]
fn a_run_ends_by_itself_with_one_line_of_json_and_a_whole_session() {
    let home = Home::new();
    let run = ["run", "--headless", "--for", "6s", "--json", "--config", busy()];
    let result = home.succeed(&run).json();
    for key in
        ["events", "evaluations", "signals", "orders", "fills", "fees", "equity", "tape_bytes"]
    {
        assert!(number(&result, key) > 0.0, "{key} in {result}");
    }
    for key in ["gaps", "reconnects"] {
        assert!(number(&result, key).abs() < 1e-9, "{key} in {result}");
    }
    for key in ["count", "p50_us", "p90_us", "p99_us", "p999_us", "max_us"] {
        assert!(number(&result["latency"], key) > 0.0, "latency.{key} in {result}");
    }
    for key in ["pnl", "output_hash", "fill_model", "ev_per_s_cpu", "run_wall_s", "peak_rss_mb"] {
        assert!(result.get(key).is_some(), "{key} in {result}");
    }

    let session = home.session();
    assert!(session.ends_with(result["session"].as_str().unwrap()));
    let manifest: toml::Table =
        fs::read_to_string(session.join("manifest.toml")).unwrap().parse().unwrap();
    let ending = &manifest["ending"];
    assert!(ending.get("error").is_none(), "{manifest}");
    let fills = ending["counts"]["fills"].as_integer().unwrap();
    assert_eq!(Some(fills), result["fills"].as_i64());
    assert!(session.join("tape-0001.mcap").is_file() && session.join("config.toml").is_file());
    assert!(!session.join("runtime.toml").exists(), "it still says that it runs");

    let mut found = Vec::new();
    permissions(&home.path("state/tickscope"), &mut found);
    // A Prometheus of another user reads where to scrape, and nothing else is said there.
    let is_private = |(path, ..): &(String, bool, u32)| !path.contains("/tickscope/prometheus");
    for (path, is_directory, mode) in found.into_iter().filter(is_private) {
        assert_eq!(mode, if is_directory { 0o700 } else { 0o600 }, "{path}");
    }
    expect_logs_match(&session, &result);
}

/// The lanes are gapless and tell the same story as the result.
fn expect_logs_match(session: &Path, result: &Value) {
    let decisions = lane(session, "decisions");
    let diagnostics = lane(session, "diagnostics");
    expect_gapless(&decisions);
    expect_gapless(&diagnostics);
    for (event, key) in [("signal.emitted", "signals"), ("order.submitted", "orders")] {
        let told = events(&decisions, event).len() as u64;
        assert_eq!(Some(told), result[key].as_u64(), "{event}");
    }
    let stopped = events(&diagnostics, "process.stopped");
    assert_eq!(stopped.len(), 1);
    assert_eq!(stopped[0]["exit_code"], 0);
}

/// Lost if broken: `docker stop` and Ctrl-C, which would look like failures.
#[test]
fn signals_end_a_headless_run_cleanly() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let home = Home::new();
        let running = home.start(&["run", "--headless", "--json"]);
        home.address("metrics");
        let connected = || {
            let lines = lane(&home.session(), "diagnostics");
            (!events(&lines, "feed.connected").is_empty()).then_some(())
        };
        wait_for("a connection", connected);
        running.signal(signal);
        let result = running.finish().expect_code(0).json();
        assert!(number(&result, "frames") > 0.0, "{signal:?}");
    }
}

/// Lost if broken: whoever is to be told that a limit ended the trading.
#[test]
fn a_run_that_its_limits_halted_says_so_at_the_end() {
    let home = Home::new();
    let run = ["run", "--headless", "--for", "4s", "--config", busy()];
    let limit = ["--set", "risk.max_daily_loss=0.01"];
    let said = home.run(&[&run[..], &limit].concat()).expect_code(6).stdout;
    assert!(said.starts_with("recorded "), "{said}");
    let decisions = lane(&home.session(), "decisions");
    let changed = events(&decisions, "trading.state_changed");
    assert!(changed.iter().any(|line| line["state"] == "halted"), "{changed:?}");
}

/// Lost if broken: two runs that write into one another's money.
#[test]
fn a_second_run_beside_the_first_has_its_own_session_and_account() {
    let home = Home::new();
    let first = home.start(&["run", "--headless", "--json"]);
    home.address("metrics");
    let second = home.start(&["run", "--headless", "--json"]);
    let sessions = wait_for("a second session", || {
        let sessions = home.sessions();
        let up = sessions.iter().all(|session| address_of(session, "metrics").is_some());
        (sessions.len() == 2 && up).then_some(sessions)
    });
    // Two runs of one second have names in any order.
    let mut accounts: Vec<_> = sessions
        .iter()
        .map(|session| {
            let started = || lane(session, "diagnostics").first().cloned();
            wait_for("the log's first line", started)["account"].clone()
        })
        .collect();
    accounts.sort_by_key(ToString::to_string);
    assert_eq!(accounts, ["demo", "demo-2"]);
    let addresses: Vec<_> = sessions.iter().map(|s| address_of(s, "metrics")).collect();
    assert_ne!(addresses[0], addresses[1]);
    for running in [first, second] {
        running.terminate().expect_code(0);
    }
    let listed = home.succeed(&["sessions"]).stdout;
    assert_eq!(listed.matches("clean").count(), 2, "{listed}");
}
