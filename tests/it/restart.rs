//! Restarts: an account goes on where its last run ended, whatever ended it.

use std::time::Duration;

use serde_json::Value;

use super::home::{Home, Running, busy, wait_for};
use super::logs::{events, lane};
use super::venue::serve;

/// A market that goes on while no run listens.
fn market(home: &Home) -> (Running, String) {
    serve(home, &["--port", "0", "--instruments", "BTCUSDT,ETHUSDT"])
}

/// The arguments of a run on the account `mine`.
fn run<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let run = ["run", "--headless", "--config", busy(), "--set", "account.name=mine"];
    [&run[..], &["--venue-url", url], more].concat()
}

/// The newest session has so many fills in its log, and some of its recording is on the disk: a
/// kill loses its last second.
fn wait_fills(home: &Home, sessions: usize, fills: usize) {
    wait_for("fills", || {
        let found = home.sessions();
        let newest = found.last().filter(|_| found.len() == sessions)?;
        let written = std::fs::metadata(newest.join("tape-0001.mcap")).ok()?.len();
        let told = events(&lane(newest, "decisions"), "fill.received").len();
        (told >= fills && written > 20_000).then_some(())
    });
}

fn statement(home: &Home) -> Value {
    home.succeed(&["account", "mine", "--json"]).json()
}

/// Lost if broken: the position that the bot held when its machine died.
#[test]
fn a_killed_run_goes_on_with_the_very_state_it_had() {
    let home = Home::new();
    let (_market, url) = market(&home);
    for killed in 1..=3 {
        let running = home.start(&run(&url, &[]));
        wait_fills(&home, killed, 2);
        running.kill();
    }
    home.succeed(&run(&url, &["--for", "2s"]));
    let said = home.succeed(&["account", "mine", "--verify", "--json"]).json();
    assert_eq!(said["chain"]["difference"], Value::Null, "{said}");
    assert_eq!((&said["chain"]["equal"], &said["runs"]), (&3.into(), &4.into()), "{said}");
    for session in home.sessions() {
        let verdict = home.succeed(&["replay", session.to_str().unwrap(), "--verify"]).stdout;
        assert!(verdict.contains(": equal, "), "{verdict}");
    }
    let decisions = lane(home.sessions().last().unwrap(), "decisions");
    let resumed = events(&decisions, "account.resumed");
    assert_eq!(resumed.len(), 1);
    assert!(resumed[0]["offline_ns"].as_u64().unwrap() > 0, "{resumed:?}");
}

/// Lost if broken: the ledger that says the same after a clean end, and counts nothing twice.
#[test]
fn a_clean_end_and_a_new_begin_add_up() {
    let home = Home::new();
    let (_market, url) = market(&home);
    home.succeed(&run(&url, &["--for", "3s"]));
    let before = statement(&home);
    let alert = [r#"alert.on_event=["sh", "-c", "cat >restarts"]"#, r#"alert.events=["restart"]"#];
    let again = ["--for", "3s", "--set", alert[0], "--set", alert[1]];
    home.succeed(&run(&url, &again));
    let after = statement(&home);
    let restarts = std::fs::read_to_string(home.path("restarts")).unwrap();
    assert!(restarts.contains("account.resumed"), "{restarts}");
    let fills = |said: &Value| -> u64 {
        said["days"].as_array().unwrap().iter().map(|day| day["fills"].as_u64().unwrap()).sum()
    };
    let held = |said: &Value| -> u64 {
        let positions = said["standing"]["positions"].as_array().unwrap();
        positions.iter().map(|held| held["position"]["fills"].as_u64().unwrap()).sum()
    };
    assert!(fills(&before) > 0 && fills(&after) > fills(&before), "{before} {after}");
    assert_eq!((fills(&before), fills(&after)), (held(&before), held(&after)));
    assert_eq!(before["standing"]["worth"]["day_start"], after["standing"]["worth"]["day_start"]);
    let peak = |said: &Value| -> f64 {
        said["standing"]["worth"]["peak"].as_str().unwrap().parse().unwrap()
    };
    assert!(peak(&after) >= peak(&before));
}

/// Lost if broken: a limit changed over night, and with it the position.
#[test]
fn another_configuration_goes_on_with_what_the_account_has() {
    let home = Home::new();
    let (_market, url) = market(&home);
    let running = home.start(&run(&url, &[]));
    wait_fills(&home, 1, 3);
    running.kill();
    let before = statement(&home);
    // Other limits take the whole state over; another strategy parameter what the account has.
    home.succeed(&run(&url, &["--for", "2s", "--set", "risk.max_daily_loss=400"]));
    let slower = ["--for", "2s", "--set", "strategy.busy.params.slow=6"];
    home.succeed(&run(&url, &slower));
    let said = home.succeed(&["account", "mine", "--verify", "--json"]).json();
    let chain = &said["chain"];
    assert_eq!(chain["difference"], Value::Null, "{said}");
    assert_eq!((&chain["equal"], &chain["reconfigured"]), (&1.into(), &1.into()), "{said}");
    let fees = |said: &Value| {
        let fees = said["standing"]["positions"][0]["position"]["fees"].as_str().unwrap();
        fees.parse::<f64>().unwrap()
    };
    assert!(fees(&said) >= fees(&before), "{before} {said}");
    let gone = ["--for", "1s", "--set", "venue.instruments=[\"ETHUSDT\"]"];
    let only = ["--set", "strategy.busy.instruments=[\"ETHUSDT\"]"];
    let running = home.start(&run(&url, &slower[2..]));
    wait_fills(&home, 4, 1);
    running.kill();
    let before = statement(&home);
    let holds = |said: &Value| {
        let held = said["standing"]["positions"].as_array().unwrap().iter();
        held.filter(|held| held["instrument"] == "BTCUSDT").any(|held| held["dust"] == false)
    };
    let tried = home.run(&run(&url, &[&gone[..], &only].concat()));
    if holds(&before) {
        let refused = tried.expect_code(3);
        assert!(refused.stderr.contains("account mine cannot go on"), "{}", refused.stderr);
        // A start that is refused changes nothing.
        assert_eq!(statement(&home), before);
    } else {
        tried.expect_code(0).expect_stderr(&["too little to be sold"]);
    }
    let chain = home.succeed(&["account", "mine", "--verify", "--json"]).json();
    assert_eq!(chain["chain"]["difference"], Value::Null, "{chain}");
}

/// Lost if broken: a halt that was answered, to a crash a moment later.
#[test]
fn a_halt_that_was_answered_outlives_a_kill() {
    let home = Home::new();
    let (_market, url) = market(&home);
    let running = home.start(&run(&url, &[]));
    wait_fills(&home, 1, 1);
    home.succeed(&["halt"]);
    running.kill();
    assert_eq!(statement(&home)["standing"]["trading"], serde_json::json!({"halted": "operator"}));
    let result = home.succeed(&run(&url, &["--for", "3s", "--json"])).json();
    assert_eq!(result["orders"], 0, "{result}");
}

/// Lost if broken: two runs that trade one account, and a newer ledger overwritten.
#[test]
fn an_account_in_use_and_a_newer_ledger_are_refused_with_a_sentence() {
    let home = Home::new();
    let (_market, url) = market(&home);
    let running = home.start(&run(&url, &[]));
    wait_fills(&home, 1, 1);
    let refused = home.run(&run(&url, &["--for", "1s"])).expect_code(1);
    refused.expect_stderr(&["account mine is in use by another run", "account.name"]);
    // What it has can be read meanwhile, once there is something.
    wait_for("a statement", || (home.run(&["account", "mine"]).code == Some(0)).then_some(()));
    assert_eq!(statement(&home)["runs"], 1);
    running.terminate().expect_code(0);
    let ledger = home.path("state/tickscope/accounts/mine/ledger.db");
    let mut bytes = std::fs::read(&ledger).unwrap();
    // The user version of an SQLite file is at byte 60.
    bytes[60..64].copy_from_slice(&7_u32.to_be_bytes());
    std::fs::write(&ledger, bytes).unwrap();
    let refused = home.run(&run(&url, &["--for", "1s"])).expect_code(5);
    refused.expect_stderr(&["a ledger of version 7", "use a newer tickscope"]);
    home.run(&["account", "nobody"]).expect_code(1).expect_stderr(&["there is no account nobody"]);
}

/// Lost if broken: the way back to an empty account, and what was before it.
#[test]
fn fresh_puts_the_ledger_aside_and_begins_anew() {
    let home = Home::new();
    let (_market, url) = market(&home);
    home.succeed(&run(&url, &["--for", "3s"]));
    let said = home.succeed(&run(&url, &["--for", "2s", "--fresh"])).stderr;
    assert!(said.contains("account mine begins anew"), "{said}");
    assert_eq!(statement(&home)["runs"], 1);
    let kept = std::fs::read_dir(home.path("state/tickscope/accounts/mine")).unwrap();
    let kept = kept.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("ledger-2")
    });
    assert!(kept.count() >= 1);
    // The demo is a fresh account each time.
    for _ in 0..2 {
        let demo = home.start(&["run", "--headless", "--for", "2s"]);
        std::thread::sleep(Duration::from_millis(10));
        demo.finish().expect_code(0);
    }
    assert_eq!(home.succeed(&["account", "demo", "--json"]).json()["runs"], 1);
}
