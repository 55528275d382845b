//! Recordings: that they reproduce, that they say when they do not, and what a kill leaves.

use std::fs;

use super::home::{Home, busy, wait_for};
use super::logs::{events, lane};

/// A home with one recorded session that traded.
fn recorded() -> Home {
    let home = Home::new();
    home.succeed(&["run", "--headless", "--for", "3s", "--config", busy()]);
    home
}

/// Lost if broken: the proof that a decision was what the log says.
#[test]
fn a_session_replays_equal_twice_and_is_listed() {
    let home = recorded();
    for _ in 0..2 {
        let verdict = home.succeed(&["replay", "last", "--verify"]).stdout;
        assert!(verdict.contains(": equal, ") && !verdict.contains("torn"), "{verdict}");
    }
    let name = home.session().file_name().unwrap().to_string_lossy().into_owned();
    let listed = home.succeed(&["sessions"]).stdout;
    assert!(listed.contains(&name) && listed.contains("clean"), "{listed}");
    let info = home.succeed(&["tape", "info", "last"]).stdout;
    for word in ["finished", "stream/1", "answer/exchangeInfo", "output", "mark"] {
        assert!(info.contains(word), "no {word} in\n{info}");
    }
    let whole = home.succeed(&["tape", "verify", "last"]).stdout;
    assert!(whole.starts_with("whole: "), "{whole}");
    let books = home.succeed(&["tape", "verify", "--book", "last"]).stdout;
    assert!(books.contains("BTCUSDT ") && books.contains("0 gaps, crossed 0 times"), "{books}");
}

/// Lost if broken: any comparison between two backtests, and between a backtest and the run.
#[test]
fn a_backtest_gives_the_hash_of_the_run_every_time() {
    let home = Home::new();
    let run = ["run", "--headless", "--for", "3s", "--json", "--config", busy()];
    let live = home.succeed(&run).json();
    let session = live["session"].as_str().unwrap();
    let backtest = || home.succeed(&["backtest", "--tape", session, "--json"]).json();
    let (first, second) = (backtest(), backtest());
    for key in ["output_hash", "fills", "fees", "pnl", "equity", "evaluations"] {
        assert_eq!(first[key], second[key], "{key}");
        assert_eq!(first[key], live[key], "{key}, live and backtest");
    }
    assert_ne!(first["session"], second["session"]);
}

/// Lost if broken: everything up to the moment of a power cut.
#[test]
fn what_a_kill_leaves_is_recovered_verified_and_called_torn() {
    let home = Home::new();
    let running = home.start(&["run", "--headless", "--config", busy()]);
    home.address("metrics");
    wait_for("a fill", || {
        (!events(&lane(&home.session(), "decisions"), "order.filled").is_empty()).then_some(())
    });
    // What the recorder holds for a second at most before it flushes would be lost.
    let tape = home.session().join("tape-0001.mcap");
    let flushed = || (fs::metadata(&tape).unwrap().len() > 4_096).then_some(());
    wait_for("a flush of the tape", flushed);
    running.kill();
    let verdict = home.succeed(&["replay", "last", "--verify"]).stdout;
    assert!(verdict.contains(": equal, ") && verdict.contains("torn"), "{verdict}");
    let listed = home.succeed(&["sessions"]).stdout;
    assert!(listed.contains("torn") && !listed.contains("running"), "{listed}");
    let verified = home.succeed(&["tape", "verify", "last"]).stdout;
    assert!(verified.starts_with("torn off at byte "), "{verified}");
}

/// Lost if broken: the alarm when a recording is not what happened.
#[test]
fn a_missing_trade_is_named() {
    let home = recorded();
    let decisions = lane(&home.session(), "decisions");
    let evaluated = events(&decisions, "decision.evaluated");
    let signal = evaluated.iter().find(|line| line["outcome"] == "signal").expect("a signal");
    let input = signal["cause_seq"].as_u64().unwrap().to_string();
    let cut = home.path("cut.mcap");
    let cut = cut.to_str().unwrap();
    let said = home.succeed(&["tape", "cut", "last", "--drop", &input, "-o", cut]).stdout;
    assert!(said.contains("1 entries left out"), "{said}");
    let verdict = home.run(&["replay", cut, "--verify"]).expect_code(5).stdout;
    // What was recorded for the missing input stands against what came of the next one.
    for words in ["DIFFERENT at input ", "recorded: ", "replayed: ", &format!(r#""seq":{input}"#)] {
        assert!(verdict.contains(words), "no {words} in\n{verdict}");
    }
    // The field comes first: nobody compares two records by eye.
    let field = verdict.lines().nth(1).unwrap();
    let is_field = field.contains(": recorded ") && field.contains(", replayed ");
    // Where one side has no record at all, there is no field.
    assert!(is_field || verdict.contains("nothing"), "{verdict}");
    let head = verdict.lines().next().unwrap();
    assert!(head.contains(" of busy ") || head.contains(", account"), "{verdict}");
}

/// Lost if broken: the proof of a backtest, and the warning that its data is not what it was.
#[test]
fn a_backtest_replays_from_the_data_that_it_names() {
    let home = recorded();
    let copy = home.path("copy.mcap");
    fs::copy(home.session().join("tape-0001.mcap"), &copy).unwrap();
    let session = |arguments: &[&str]| {
        let result = home.succeed(arguments).json();
        result["session"].as_str().unwrap().to_owned()
    };
    let verify = |session: &str| home.run(&["replay", session, "--verify"]);
    let over_tape = session(&["backtest", "--tape", "copy.mcap", "--json"]);
    let said = verify(&over_tape).expect_code(0).stdout;
    assert!(said.contains(": equal, ") && !said.contains(" 0 records"), "{said}");

    let rows = (0..3_000).map(|n| format!("{n}000000000,{n},{},0.01,1\n", 100 + n % 40));
    let ticks = format!("ts_ns,id,price,qty,side\n{}", rows.collect::<String>());
    home.write("ticks.csv", ticks);
    let bench = concat!(env!("CARGO_MANIFEST_DIR"), "/config/bench-ema.toml");
    let over_ticks = session(&["backtest", "--ticks", "ticks.csv", "--config", bench, "--json"]);
    let said = verify(&over_ticks).expect_code(0).stdout;
    assert!(said.contains(": equal, 3002 inputs") && !said.contains(" 0 records"), "{said}");

    home.write("ticks.csv", "ts_ns,id,price,qty,side\n");
    verify(&over_ticks).expect_code(5).expect_stderr(&["ticks.csv", "has changed"]);
    fs::remove_file(&copy).unwrap();
    verify(&over_tape).expect_code(1).expect_stderr(&["copy.mcap", "no longer there"]);
}

/// Lost if broken: what to think of a session that was killed in its first second.
#[test]
fn a_kill_before_the_first_flush_is_said_in_a_sentence() {
    let home = recorded();
    fs::write(home.session().join("tape-0001.mcap"), "").unwrap();
    let name = home.session().file_name().unwrap().to_string_lossy().into_owned();
    for command in [
        &["replay", &name, "--verify"][..],
        &["tape", "info", &name],
        &["tape", "verify", &name],
        &["backtest", "--tape", &name],
    ] {
        home.run(command).expect_code(5).expect_stderr(&["is empty", "killed before"]);
    }
}

/// Lost if broken: trust in a tape that a bad disk has changed.
#[test]
fn a_damaged_tape_is_refused_with_the_place() {
    let home = recorded();
    let tape = home.session().join("tape-0001.mcap");
    let mut bytes = fs::read(&tape).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&tape, bytes).unwrap();
    for command in [&["tape", "verify", "last"][..], &["replay", "last", "--verify"]] {
        home.run(command).expect_code(5).expect_stderr(&["tape-0001.mcap", "damaged at byte "]);
    }
}
