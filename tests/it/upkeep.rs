//! The upkeep of a run: old sessions go, the newest of an account stays, and a disk that fills up
//! is told before anything stops.

use std::fs;
use std::path::PathBuf;

use super::home::{Home, address_of, busy, number, wait_for};
use super::logs::{events, lane};
use super::metrics::{get, sum};
use super::terminal::Terminal;

/// Leaves a session that ended in 2020, of this name, mode and account.
fn old_session(home: &Home, name: &str, mode: &str, account: &str) -> PathBuf {
    let directory = home.path("state/tickscope/sessions").join(name);
    fs::create_dir_all(directory.join("logs")).unwrap();
    let manifest = format!(
        "run_id = '{name}'\nprefix = 'aaaa'\nmode = '{mode}'\naccount = '{account}'\n\
         version = '0.1.0'\nbinary_hash = ''\nconfig_hash = ''\nfill_model = ''\nschemas = []\n\
         started = '2020-01-01T00:00:00Z'\n[ending]\nat = '2020-01-01T01:00:00Z'\n"
    );
    fs::write(directory.join("manifest.toml"), manifest).unwrap();
    fs::write(directory.join("logs/decisions.jsonl"), "x".repeat(2_000)).unwrap();
    directory
}

/// What goes and what stays: two of an account, a backtest, and one that was killed just now.
fn old_sessions(home: &Home) -> ([PathBuf; 2], [PathBuf; 2]) {
    let first = old_session(home, "20200101-000000-aaaa", "paper", "alpha");
    let newest = old_session(home, "20200102-000000-aaaa", "paper", "alpha");
    let backtest = old_session(home, "20200103-000000-aaaa", "backtest", "alpha");
    let torn = old_session(home, "20200104-000000-aaaa", "record", "alpha");
    let manifest = torn.join("manifest.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(manifest, text.split("[ending]").next().unwrap()).unwrap();
    ([first, backtest], [newest, torn])
}

/// Lost if broken: the disk of a run of months, or the session that an account goes on from.
#[test]
fn a_run_removes_old_sessions_when_it_starts_and_tells_it() {
    let home = Home::new();
    let (go, stay) = old_sessions(&home);
    let running = home.start(&["run", "--headless", "--config", busy()]);
    wait_for("the old sessions to go", || go.iter().all(|gone| !gone.exists()).then_some(()));
    let own = wait_for("the run's own session", || {
        home.sessions().into_iter().find(|session| address_of(session, "metrics").is_some())
    });
    let told = wait_for("a word about it", || {
        let lines = lane(&own, "diagnostics");
        events(&lines, "sessions.pruned").first().map(|line| (*line).clone())
    });
    assert_eq!(told["count"], 2, "{told}");
    assert_eq!(told["sessions"], "20200101-000000-aaaa 20200103-000000-aaaa");
    assert!(number(&told, "bytes") > 4_000.0, "{told}");
    let (_, metrics) = get(&address_of(&own, "metrics").unwrap(), "/metrics");
    for (family, least) in
        [("tickscope_sessions_pruned_total", 2.0), ("tickscope_sessions_pruned_bytes_total", 4e3)]
    {
        assert!(sum(&metrics, family) >= least, "{family} in\n{metrics}");
    }
    running.terminate().expect_code(0);
    assert!(stay.iter().all(|session| session.exists()) && own.exists());
}

/// Lost if broken: recordings, to a look at what would be removed.
#[test]
fn pruning_says_what_would_go_then_does_it() {
    let home = Home::new();
    let none = home.succeed(&["sessions", "prune"]).stdout;
    assert_eq!(none, "nothing to remove\n");
    let (go, stay) = old_sessions(&home);
    let said = home.succeed(&["sessions", "prune", "--dry-run"]).stdout;
    for words in [
        "20200101-000000-aaaa",
        "backtest",
        "ended more than 14 days ago",
        "would remove 2 sessions, ",
    ] {
        assert!(said.contains(words), "no {words:?} in\n{said}");
    }
    let all = || go.iter().chain(&stay).all(|session| session.exists());
    assert!(all() && !said.contains("20200102"), "{said}");
    // A limit of one's own: all but the newest two, of which one is the torn one.
    let asked = ["sessions", "prune", "--keep", "2", "--dry-run", "--json"];
    let counted = home.succeed(&asked).json();
    assert_eq!(counted["removed"].as_array().unwrap().len(), 1, "{counted}");
    assert_eq!(counted["removed"][0]["reason"], "not among the newest 2");
    assert!(all());
    home.run(&["sessions", "prune", "--keep", "2", "--days", "3"]).expect_code(2);

    let done = home.succeed(&["sessions", "prune", "--json"]).json();
    assert_eq!((&done["dry_run"], done["removed"].as_array().unwrap().len()), (&false.into(), 2));
    assert!(go.iter().all(|session| !session.exists()));
    assert!(stay.iter().all(|session| session.exists()));
    let listed = home.succeed(&["sessions"]).stdout;
    assert!(listed.contains("20200102-000000-aaaa") && !listed.contains("20200101"), "{listed}");
}

/// Lost if broken: the demo, whose sessions would fill the disk, or its newest ones.
#[test]
fn five_sessions_of_the_demo_stay_also_after_a_run() {
    let home = Home::new();
    for day in 1..=9 {
        let directory = old_session(&home, &format!("2020010{day}-000000-aaaa"), "demo", "demo");
        // They end now: only their number is against them.
        let manifest = directory.join("manifest.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(manifest, text.replace("at = '2020", "at = '2100")).unwrap();
    }
    home.succeed(&["run", "--headless", "--for", "1s", "--config", busy()]);
    let sessions = home.sessions();
    assert_eq!(sessions.len(), 5, "{sessions:?}");
    assert!(sessions[4].join("tape-0001.mcap").exists(), "{sessions:?}");
    assert!(sessions[0].ends_with("20200106-000000-aaaa"), "{sessions:?}");
}

/// Lost if broken: the hours between a warning and a disk that stops the trading.
#[test]
fn little_room_stands_on_the_screen_and_in_the_log_once() {
    let home = Home::new();
    let set = ["--set", "tape.warn_free=4000TiB", "--set", "tape.keep.size=1KiB"];
    let run = [&["run", "--config", busy()][..], &set].concat();
    let mut terminal = Terminal::start(&home, (120, 40), &run, &[]);
    terminal.wait_text("⚠ 2 warnings");
    terminal.press("9");
    for text in ["the disk of the recording has", "stops when it is full: make room"] {
        terminal.wait_text(text);
    }
    terminal.press("q");
    assert_eq!(terminal.finish().0, 0);
    let diagnostics = lane(&home.session(), "diagnostics");
    for event in ["disk.low", "session.oversized"] {
        let told = events(&diagnostics, event);
        assert_eq!(told.len(), 1, "{told:?}");
    }
    let low = events(&diagnostics, "disk.low")[0];
    assert!(number(low, "free_bytes") > 0.0 && low["full_in_s"].is_null(), "{low}");
    assert!(events(&diagnostics, "disk.recovered").is_empty());
}
