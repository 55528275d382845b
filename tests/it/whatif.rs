//! What if: a session again with something changed, and with one value after the other.

use std::fs;

use serde_json::Value;

use super::home::{Home, busy};

/// A home with a session of a busy market, and the beginning of a question about it.
fn recorded() -> Home {
    let home = Home::new();
    let run = ["run", "--headless", "--for", "4s", "--config", busy()];
    home.succeed(&[&run[..], &["--set", "venue.simulator.speed=10"]].concat());
    home
}

/// What if, of the session that was recorded: `last` is what was backtested since.
fn ask(home: &Home, set: &[&str]) -> Value {
    let session = home.sessions()[0].display().to_string();
    let sets = set.iter().flat_map(|set| ["--set", set]);
    let words: Vec<&str> = ["whatif", &session, "--json"].into_iter().chain(sets).collect();
    home.succeed(&words).json()
}

/// The numbers of a backtest of the last session, as a run of `whatif` has them.
fn backtest(home: &Home, set: &str) -> Value {
    home.succeed(&["backtest", "--tape", "last", "--json", "--set", set]).json()
}

fn count(found: &Value, what: &str) -> usize {
    found["decisions"][what].as_array().unwrap().len()
}

/// Lost if broken: the trust that a difference comes of the change, and is all that comes of it.
#[test]
fn a_change_differs_and_no_change_does_not() {
    let home = recorded();
    let same = ask(&home, &["strategies.busy.slow=4"]);
    assert!(same["before"]["signals"].as_u64().unwrap() > 3, "{same}");
    assert_eq!(same["before"], same["after"]);
    assert_eq!(same["decisions"]["same"], same["before"]["signals"]);
    assert_eq!(same["changed"].as_array().unwrap().len(), 0);
    assert!(["appeared", "vanished", "moved"].iter().all(|what| count(&same, what) == 0));

    let other = ask(&home, &["strategies.busy.slow=9"]);
    assert_eq!(other["before"], same["before"]);
    assert_ne!(other["before"]["output_hash"], other["after"]["output_hash"]);
    assert_eq!(other["changed"].as_array().unwrap().len(), 1, "{other}");
    let signals = |of: &str| usize::try_from(other[of]["signals"].as_u64().unwrap()).unwrap();
    let same = usize::try_from(other["decisions"]["same"].as_u64().unwrap()).unwrap();
    let moved = count(&other, "moved");
    assert_eq!(signals("before"), same + moved + count(&other, "vanished"), "{other}");
    assert_eq!(signals("after"), same + moved + count(&other, "appeared"), "{other}");
    assert!(signals("after") != same, "{other}");

    // Each side is the backtest of its configuration, to the last record.
    for (side, slow) in [("before", 4), ("after", 9)] {
        let run = backtest(&home, &format!("strategies.busy.slow={slow}"));
        for key in ["output_hash", "signals", "orders", "fills", "fees", "pnl", "equity"] {
            assert_eq!(other[side][key], run[key], "{side} {key}");
        }
    }
    let gone = other["decisions"]["vanished"].as_array().unwrap();
    let prefix = home.sessions()[0].display().to_string().rsplit('-').next().unwrap().to_owned();
    let moved = other["decisions"]["moved"].as_array().unwrap().iter().map(|m| &m["from"]);
    for decision in gone.iter().chain(moved) {
        let id = decision["id"].as_str().unwrap();
        assert!(id.starts_with(&format!("{prefix}-0-")), "{decision}");
        home.succeed(&["explain", id]);
    }
    let said = home.succeed(&["whatif", "--set", "strategies.busy.slow=9"]).stdout;
    for words in ["what if strategies.busy.slow=9", "before", "difference", "appeared", "bracket"] {
        assert!(said.contains(words), "no {words} in {said}");
    }
}

/// Lost if broken: a sweep, whose rows must be what each value does on its own; whether the values
/// share a decoder or, needing another past, each have their own.
#[test]
fn each_row_of_a_sweep_is_a_run_of_its_own() {
    let home = recorded();
    for (key, values) in
        [("slow", "3..8"), ("slow", "5,40,300"), ("feed", "bars:1s,bars:5s,bars:2s")]
    {
        let key = format!("strategies.busy.{key}");
        let found = ask(&home, &[&format!("{key}={values}")]);
        let rows = found["rows"].as_array().unwrap();
        assert!(rows.len() >= 3, "{found}");
        for row in rows {
            let value = row["values"][0].as_str().unwrap();
            let run = backtest(&home, &format!("{key}={value}"));
            for key in ["output_hash", "evaluations", "signals", "fills", "fees", "pnl", "equity"] {
                assert_eq!(row["numbers"][key], run[key], "{key} of {values} at {value}");
            }
        }
        let pnl =
            |row: &Value| row["numbers"]["pnl"].to_string().trim_matches('"').parse().unwrap();
        let best = usize::try_from(found["best"].as_u64().unwrap()).unwrap();
        let most = rows.iter().map(pnl).fold(f64::MIN, f64::max);
        assert!((pnl(&rows[best]) - most).abs() < 1e-12, "{found}");
    }
    // A value that the strategy does not take costs its own row only.
    let found = ask(&home, &["strategies.busy.fast=2..5"]);
    let rows = found["rows"].as_array().unwrap();
    assert!(rows[..2].iter().all(|row| row["numbers"].is_object()), "{found}");
    assert!(rows[2..].iter().all(|row| row["invalid"].is_string()), "{found}");
    let grid = ["strategies.busy.fast=2..3", "strategies.busy.slow=6..8"];
    assert_eq!(ask(&home, &grid)["rows"].as_array().unwrap().len(), 6);
    let said = home.succeed(&["whatif", "--set", grid[0], "--set", grid[1]]).stdout;
    assert!(
        said.contains("6 runs") && said.contains("best") && said.contains("as it was"),
        "{said}"
    );
}

/// Lost if broken: the command that `whynot` prints, copied.
#[test]
fn what_whynot_advises_is_accepted() {
    let home = Home::new();
    home.succeed(&["run", "--headless", "--for", "6s", "--set", "venue.simulator.speed=10"]);
    let mut advised = 0;
    for (strategy, instrument) in
        [("trend", "BTCUSDT"), ("trend", "ETHUSDT"), ("reversion", "ETHUSDT")]
    {
        let of = ["whynot", "--json", "--strategy", strategy, "--instrument", instrument];
        let found = home.succeed(&of).json();
        for set in found["nearest"].as_array().unwrap().iter().filter_map(|row| row["set"].as_str())
        {
            let changed = ask(&home, &[set]);
            assert_eq!(changed["changed"].as_array().unwrap().len(), 1, "{set}: {changed}");
            advised += 1;
        }
    }
    assert!(advised > 0, "nothing was advised");
}

/// Lost if broken: the same for a strategy without a compiler, whose numbers stand in its rules; and a
/// refused wish that is among neither those which were stopped nor the orders.
#[test]
fn what_whynot_advises_of_a_rule_is_accepted_and_what_it_counts_adds_up() {
    let home = Home::new();
    let config = home.write(
        "dip.toml",
        "[venue]\nkind = \"loopback\"\ninstruments = [\"BTCUSDT\"]\n\n[venue.simulator]\nspeed = 10\n\n\
         [account]\nbalances = { USDT = 10000 }\n\n[[strategy]]\nname = \"dip\"\nkind = \"rules\"\n\
         feed = \"bars:1s\"\nsize = \"700 USDT\"\nenter = \"rsi(3) < 12 and spread < 5%\"\n\
         exit = \"rsi(3) > 60 or holding > 90s or loss > 1%\"\n\n\
         [risk]\nmax_position_notional = 900\n",
    );
    let config = config.display().to_string();
    home.succeed(&["run", "--headless", "--for", "6s", "--config", &config]);
    let found = home.succeed(&["whynot", "--json"]).json();
    let nearest = found["nearest"].as_array().unwrap();
    let of = |rule: &str| nearest.iter().find(|row| row["rule"] == rule);
    let enter = of("enter_long").expect("a dip that was not deep enough");
    let enough = enter["would_have_signalled_if"].as_str().unwrap();
    assert!(enough.starts_with("12 in `rsi(3) < 12` were > "), "{enough}");
    assert!(enter["tried"].get("would_have_traded").is_some(), "{enter}");
    for set in nearest.iter().filter_map(|row| row["set"].as_str()) {
        let changed = ask(&home, &[set]);
        assert_eq!(changed["changed"].as_array().unwrap().len(), 1, "{set}: {changed}");
    }
    let wishes = ["strategies.dip.enter=\"rsi(3) < 90\"", "strategies.dip.size=\"950 USDT\""];
    let larger = ["backtest", "--tape", "last", "--json", "--set", wishes[0], "--set", wishes[1]];
    let ran = home.succeed(&larger).json();
    assert!(ran["refusals"].as_u64() > Some(0), "{ran}");
    let found = home.succeed(&["whynot", "--json"]).json();
    assert_eq!(found["refused"], ran["refusals"], "{found}");
    let rows = found["blockers"].as_array().unwrap();
    let refused = rows.iter().find(|row| row["blocker"] == "refused: position_notional");
    assert_eq!(refused.expect("its own line")["count"], ran["refusals"], "{found}");
    let stopped: u64 = rows.iter().map(|row| row["count"].as_u64().unwrap()).sum();
    let orders = ran["orders"].as_u64().unwrap();
    assert_eq!(stopped + orders, found["evaluations"].as_u64().unwrap(), "{found}");
}

/// Lost if broken: a mistake that costs an hour, because it is not said.
#[test]
fn mistakes_are_named() {
    let home = recorded();
    let ask =
        |words: &[&str], code| home.run(&[&["whatif"], words].concat()).expect_code(code).stderr;
    let said = ask(&["--set", "strategies.busy.fsat=3"], 3);
    assert!(said.contains("fsat") && said.contains("fast"), "{said}");
    let said = ask(&["--set", "strategies.busy.fsat=3..5"], 3);
    assert!(said.contains("fsat") && said.contains("fast"), "{said}");
    let said = ask(&["--set", "strategies.busy.fast=9..3"], 2);
    assert!(said.contains("the range is empty"), "{said}");
    let said = ask(&["nosuch", "--set", "risk.kill_switch=true"], 1);
    assert!(said.contains("nosuch"), "{said}");
    ask(&[], 2);

    let session = home.session();
    let segment = fs::read_dir(&session).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.filter(|path| path.extension().is_some_and(|end| end == "mcap")).min();
    let segment = segment.unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xaa);
    fs::write(&segment, bytes).unwrap();
    let said = ask(&["--set", "risk.kill_switch=true"], 5);
    assert!(said.contains("is damaged at byte"), "{said}");
}
