//! Rules in the configuration: from an empty file to a backtest without a compiler, and changed
//! while they run.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::home::{Home, number, wait_for};
use super::logs::{events, lane};
use super::terminal::Terminal;

/// The first block of TOML under a heading of the README.
fn readme_block(heading: &str) -> String {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, section) = readme.split_once(&format!("\n## {heading}\n")).expect(heading);
    let (_, block) = section.split_once("```toml\n").expect("a block of TOML");
    block.split_once("```").unwrap().0.to_owned()
}

/// Lost if broken: the first minute of whoever does not write Rust.
#[test]
fn the_ten_lines_of_the_readme_trade_the_session_just_recorded() {
    let home = Home::new();
    let text = readme_block("A strategy without a compiler");
    assert!(text.lines().count() <= 10, "{text}");
    home.write("mine.toml", &text);
    let said = home.succeed(&["check", "--config", "mine.toml"]).stdout;
    assert!(said.starts_with("valid: 1 strategies on 1 instruments"), "{said}");
    // The market of a minute and a half in the time of a test.
    let fast = ["--set", "venue.simulator.speed=10"];
    home.succeed(&[&["run", "--headless", "--for", "9s"][..], &fast].concat());
    let backtest = ["backtest", "--tape", "last", "--config", "mine.toml", "--json"];
    let result = home.succeed(&backtest).json();
    for key in ["evaluations", "signals", "orders", "fills"] {
        assert!(number(&result, key) > 0.0, "{key} in {result}");
    }
}

/// A strategy that decides on every trade, by these rules.
fn config(enter: &str, max_daily_loss: u32) -> String {
    format!(
        "[venue]\ninstruments = [\"BTCUSDT\"]\n\n[risk]\nmax_daily_loss = {max_daily_loss}\n\n\
         [[strategy]]\nname = \"mine\"\nkind = \"rules\"\nfeed = \"trades\"\nsize = \"100 USDT\"\n\
         enter = \"{enter}\"\nexit = \"holding > 1s or loss > 1%\"\n"
    )
}

/// Waits for a line of an event in a lane.
fn told(session: &Path, name: &str, event: &str) -> Value {
    wait_for(event, || events(&lane(session, name), event).first().map(|line| (*line).clone()))
}

/// Lost if broken: the strategy that somebody believes to have changed, and the proof of what it
/// did before and after.
#[test]
fn saving_the_file_changes_the_rules_of_a_running_strategy() {
    let home = Home::new();
    home.write("mine.toml", config("price < 1 and ema(3) > 1", 500));
    let running = home.start(&["run", "--headless", "--json", "--config", "mine.toml"]);
    home.address("metrics");
    let session = home.session();
    told(&session, "decisions", "decision.evaluated");

    home.write("mine.toml", config("price > 1 and emma(3) > 1", 500));
    let refused = told(&session, "diagnostics", "config.refused");
    let error = refused["error"].as_str().unwrap();
    let place = "mine.toml:12:24: strategy[0].enter: no value or indicator is called `emma`";
    assert!(error.contains(place), "{error}");

    home.write("mine.toml", config("price > 1 and ema(3) > 1", 400));
    let revised = told(&session, "decisions", "strategy.revised");
    let rule = |side: &str| revised[side][0]["rule"].as_str().map(str::to_owned);
    assert_eq!(rule("before").as_deref(), Some("price < 1 and ema(3) > 1"));
    assert_eq!(rule("after").as_deref(), Some("price > 1 and ema(3) > 1"));
    let restart = told(&session, "diagnostics", "config.needs_restart");
    assert_eq!(restart["keys"], "risk.max_daily_loss");
    told(&session, "decisions", "order.filled");
    let live = running.terminate().expect_code(0).json();
    expect_first_signal_after(&session, &revised);

    let name = live["session"].as_str().unwrap();
    let verdict = home.succeed(&["replay", name, "--verify"]).stdout;
    assert!(verdict.contains(": equal, "), "{verdict}");
    let again = home.succeed(&["backtest", "--tape", name, "--json"]).json();
    assert_eq!(again["output_hash"], live["output_hash"], "the change is part of the tape");
    home.write("still.toml", config("price < 1 and ema(3) > 1", 500));
    let own = ["backtest", "--tape", name, "--json", "--config", "still.toml"];
    let own = home.succeed(&own).json();
    assert_eq!(own["signals"], 0, "a configuration of one's own is not changed by the tape: {own}");
}

fn expect_first_signal_after(session: &Path, revised: &Value) {
    let decisions = lane(session, "decisions");
    let signals = events(&decisions, "signal.emitted");
    let first = signals.first().expect("a signal")["seq"].as_u64();
    assert!(first > revised["seq"].as_u64(), "it traded before it was told to");
}

/// Lost if broken: the place of a typo, and the word that was meant.
#[test]
fn a_typo_in_a_rule_is_shown_with_place_and_meaning() {
    let home = Home::new();
    home.write("mine.toml", config("price > 1 and emma(3) > 1", 500));
    let words = ["mine.toml:12:24", "emma", "did you mean `ema`?", "bollinger_upper"];
    for command in [&["check"][..], &["run", "--headless"]] {
        let command = [command, &["--config", "mine.toml"]].concat();
        home.run(&command).expect_code(3).expect_stderr(&words);
    }
    assert!(home.sessions().is_empty(), "a run that never was left a session");
}

/// Lost if broken: the belief that what was saved is in force.
#[test]
fn what_is_wrong_with_the_saved_file_stays_on_screen_until_it_is_right() {
    let home = Home::new();
    let good = config("price < 1", 500);
    home.write("mine.toml", &good);
    let run = ["run", "--config", "mine.toml"];
    let mut terminal = Terminal::start(&home, (120, 40), &run, &[]);
    terminal.wait_text("BTCUSDT");
    terminal.press("8z");
    terminal.wait_text("enter = price < 1");
    home.write("mine.toml", config("price < 2", 500));
    terminal.wait_text("enter = price < 2");
    terminal.press("z9z");
    for (text, shown) in [
        (config("prize < 1", 500), "mine.toml:12:10:"),
        (config("price < 1", 400), "restart: risk.max_daily_loss"),
        // Over another feed a rule is another rule.
        (config("close < 1", 500).replace("trades", "bars:1s"), "restart: strategy[0].enter,"),
    ] {
        home.write("mine.toml", text);
        terminal.wait_text(shown);
        home.write("mine.toml", &good);
        terminal.wait_gone(shown);
    }
    terminal.press("q");
    let (code, screen) = terminal.finish();
    assert_eq!(code, 0, "{}", screen.contents());
}
