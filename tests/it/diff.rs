//! Two sessions against each other: what is equal passes, and what differs is named with its cause.

use serde_json::Value;

use super::home::{Home, busy};

/// A home with one recorded session that traded, and that session.
fn recorded() -> (Home, String) {
    let home = Home::new();
    let fast = "venue.simulator.speed=10";
    let run = ["run", "--headless", "--for", "4s", "--json", "--config", busy(), "--set", fast];
    let session = session(&home, &run);
    (home, session)
}

fn session(home: &Home, arguments: &[&str]) -> String {
    home.succeed(arguments).json()["session"].as_str().unwrap().to_owned()
}

fn differs(home: &Home, arguments: &[&str]) -> Value {
    let all: Vec<&str> = ["diff"].iter().chain(arguments).chain(&["--json"]).copied().collect();
    home.run(&all).expect_code(5).json()
}

/// Lost if broken: the promise that a backtest decides as the run did, and the name of what a
/// backtest lacks.
#[test]
fn a_run_is_equal_to_its_backtest_and_a_missing_trade_is_named() {
    let (home, live) = recorded();
    let again = session(&home, &["backtest", "--tape", &live, "--json"]);
    let said = home.succeed(&["diff", &live, &again]).stdout;
    assert!(said.starts_with(&format!("equal: {live} and {again}, ")), "{said}");
    let json = home.succeed(&["diff", &again, &live, "--json"]).json();
    assert_eq!((&json["equal"], &json["compared_by"]), (&true.into(), &"input".into()), "{json}");
    assert!(json["compared"].as_u64().unwrap() > 100, "{json}");
    for side in ["a", "b"] {
        assert!(json[side]["marks"].as_u64().unwrap() > 0, "{json}");
        assert!(json[side]["not_proven_at"].is_null(), "{json}");
    }

    // A trade on which an order was wanted.
    let changed = differs(&home, &[&live, "--set", "strategies.busy.fast=3"]);
    let seq = &changed["decisions"]["first"][0]["input"];
    home.succeed(&["tape", "cut", &live, "--drop", &seq.to_string(), "-o", "cut.mcap"]);
    let cut = session(&home, &["backtest", "--tape", "cut.mcap", "--json"]);
    for (a, b, whose, only) in [(&live, &cut, "only_a", "A"), (&cut, &live, "only_b", "B")] {
        let json = differs(&home, &[a, b]);
        let unlike = &json["inputs"]["first"][0];
        assert_eq!((&unlike["input"], &unlike["whose"]), (seq, &whose.into()), "{json}");
        assert_eq!((&json["first"]["input"]["input"], &json["inputs"][whose]), (seq, &1.into()));
        let trade = unlike["trade"]["id"].as_u64().expect("a trade");
        let cause = json["first"]["cause"].as_str().unwrap();
        assert!(cause.contains(&format!("is only in {only}: trade {trade} of ")), "{cause}");
    }
    let said = home.run(&["diff", &live, &cut]).expect_code(5).stdout;
    for words in ["DIFFERENT at input ", "caused by: input ", " only in A", "nothing was asked at "]
    {
        assert!(said.contains(words), "no {words} in\n{said}");
    }
    // A tape that lies alone is a run as well.
    let said = home.succeed(&["diff", "cut.mcap", &cut]).stdout;
    assert!(said.starts_with("equal: ") && said.contains("NOT what was recorded"), "{said}");
}

/// Lost if broken: the question what a parameter changes, and where first.
#[test]
fn a_changed_parameter_is_told_by_the_first_rule_and_both_values() {
    let (home, live) = recorded();
    let change = ["diff", &live, "--set", "strategies.busy.fast=3"];
    let said = home.run(&change).expect_code(5).stdout;
    for words in [
        "DIFFERENT at input ",
        "; the configuration differs: strategy.busy.params.fast 2 against 3",
        "first rule: enter_long: ema_fast ",
        "decisions that want an order: ",
        " │ Why ",
        "PnL",
    ] {
        assert!(said.contains(words), "no {words} in\n{said}");
    }
    let json = differs(&home, &change[1..]);
    let rule = &json["rule"];
    assert_eq!((&rule["operand"], &rule["rule"]), (&"ema_fast".into(), &"enter_long".into()));
    assert!(rule["a"] != rule["b"], "{rule}");
    assert_eq!(json["settings"][0]["key"], "strategy.busy.params.fast");
    assert!(json["decision"]["a"]["rules"].is_array() && json["b"]["marks"].is_null(), "{json}");
    assert_eq!(json["inputs"]["only_a"].as_u64(), Some(0));
    let same = home.succeed(&["diff", &live, "--set", "strategy.busy.params.fast=2"]).stdout;
    assert!(same.starts_with("equal: "), "{same}");

    // A run of its own has other inputs: what both were asked about is held against each other.
    let other = session(
        &home,
        &["run", "--headless", "--for", "2s", "--json", "--fresh", "--config", busy()],
    );
    let all = ["diff", &live, &other, "--json"];
    let json = home.run(&all).json();
    assert_ne!(json["compared_by"], "input", "{json}");
}

/// Lost if broken: a way out of a typing mistake, and everything before a damage.
#[test]
fn what_cannot_be_compared_is_said() {
    let (home, live) = recorded();
    let near = format!("{}x", &live[..live.len() - 1]);
    home.run(&["diff", &live, &near]).expect_code(1).expect_stderr(&["the nearest are", &live]);
    home.run(&["diff", &live]).expect_code(2).expect_stderr(&["--set", "--config-b", "--against"]);
    home.run(&["diff", &live, "last", "--against", "x.csv"]).expect_code(2);
    let unknown = ["diff", &live, "--set", "strategies.busy.fats=3"];
    home.run(&unknown).expect_code(3).expect_stderr(&["fats"]);

    let mut bytes = std::fs::read(home.session().join("tape-0001.mcap")).unwrap();
    home.write("torn.mcap", &bytes[..bytes.len() * 2 / 3]);
    let said = home.succeed(&["diff", &live, "torn.mcap"]).stdout;
    assert!(
        said.contains("compared up to there: torn.mcap was torn off and ends at byte"),
        "{said}"
    );
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xa5);
    home.write("damaged.mcap", &bytes);
    let said = home.run(&["diff", &live, "damaged.mcap"]).expect_code(5).stdout;
    assert!(said.contains("compared up to there: damaged.mcap is damaged: "), "{said}");
}
