//! The past: any decision, order or moment of a session explains itself, and the session can be
//! walked through in both directions.

use serde_json::Value;

use super::home::{Home, busy};
use super::terminal::Terminal;

/// A finished session, quick and busy.
fn session() -> Home {
    let home = Home::new();
    home.succeed(&["run", "--config", busy(), "--headless", "--for", "4s"]);
    home
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn explain(home: &Home, arguments: &[&str]) -> Value {
    let words: Vec<&str> = ["explain", "--json"].iter().chain(arguments).copied().collect();
    home.succeed(&words).json()
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// Lost if broken: the reason of an order that lost money.
#[test]
fn every_order_has_a_chain_without_a_hole_under_any_of_its_ids() {
    let home = session();
    let orders = lines(&home.succeed(&["explain", "--orders"]).stdout);
    assert!(!orders.is_empty());
    for order in orders.iter().take(12) {
        let chain = explain(&home, &[word(order, "id")]);
        assert_eq!(chain["id"], order["decision"]);
        assert_eq!(chain["order"]["id"], order["id"]);
        assert_eq!(
            (word(&chain, "outcome"), chain["checks"].as_array().unwrap().len()),
            ("signal", 20)
        );
        let holds = |rule: &Value| rule["tree"]["result"] == "true";
        assert!(chain["rules"].as_array().unwrap().iter().any(holds), "{chain}");
        assert!(!chain["signal"]["sizing"].as_str().unwrap().is_empty());
        if let Some(fill) = chain["order"]["fills"].get(0) {
            assert!(!chain["position"].is_null(), "{chain}");
            let same = [
                word(fill, "id").to_owned(),
                chain["order"]["venue_order_id"].to_string(),
                word(order, "decision").to_owned(),
            ];
            for id in same {
                assert_eq!(explain(&home, &[&id])["id"], chain["id"], "by {id}");
            }
        }
    }
    let last = explain(&home, &["--last"]);
    assert!(word(&last, "time") >= word(orders.last().unwrap(), "time"));
}

/// Lost if broken: why it did not buy at 14:03, when nothing was written at 14:03.
#[test]
fn any_moment_is_explained_as_a_whole_replay_decides_it() {
    let home = session();
    let every = lines(&home.succeed(&["explain", "--every"]).stdout);
    let slot = |d: &Value| (word(d, "strategy").to_owned(), word(d, "instrument").to_owned());
    for decision in every.iter().step_by((every.len() / 12).max(1)) {
        let (strategy, instrument) = slot(decision);
        let time = word(decision, "time");
        let said =
            explain(&home, &["--at", time, "--strategy", &strategy, "--instrument", &instrument]);
        let by_then = |other: &&Value| slot(other) == slot(decision) && word(other, "time") <= time;
        let expected = every.iter().rev().find(by_then).unwrap();
        for key in ["id", "time", "cause", "outcome", "blocked_by", "values", "rules"] {
            assert_eq!(said[key], expected[key], "{key} at {time}");
        }
    }
    // What it led to is told of every one, as by its id.
    let wanted: Vec<_> = every.iter().filter(|line| line["outcome"] == "signal").collect();
    assert!(!wanted.is_empty());
    for decision in wanted.iter().step_by((wanted.len() / 8).max(1)) {
        assert_eq!(**decision, explain(&home, &[word(decision, "id")]));
        assert!(
            !decision["signal"].is_null() && !decision["checks"].as_array().unwrap().is_empty()
        );
    }
    let (strategy, instrument) = slot(&every[0]);
    let looked =
        home.succeed(&["whynot", "--json", "--strategy", &strategy, "--instrument", &instrument]);
    let looked = looked.json();
    let counts =
        looked["blockers"].as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap());
    let (all, wanted) =
        (looked["evaluations"].as_u64().unwrap(), looked["signals"].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), all - wanted + looked["refused"].as_u64().unwrap());
    let decided = every.iter().filter(|d| slot(d) == slot(&every[0])).count();
    assert_eq!(usize::try_from(all).unwrap(), decided);
}

/// Lost if broken: a backtest's decisions, which the next command should be about, or an answer about
/// a wish that there was none of.
#[test]
fn last_is_the_backtest_that_was_just_made_and_an_answer_says_what_it_is() {
    let home = session();
    let never = ["backtest", "--tape", "last", "--set", "strategies.busy.rsi_max=1", "--json"];
    let ran = home.succeed(&never).json();
    assert_eq!(ran["signals"], 0, "{ran}");
    let looked = home.succeed(&["whynot", "--instrument", "BTCUSDT", "--json"]).json();
    assert_eq!(looked["session"], ran["session"]);
    let said = home.succeed(&["explain", "--last"]);
    said.expect_stderr(&["no decision of it wanted an order: this is the last evaluation"]);
    // A tape is still one with market data of its own, and where there is none that is said.
    home.succeed(&["backtest", "--tape", "last"]);
    std::fs::remove_dir_all(&home.sessions()[0]).unwrap();
    let newest = home.sessions().pop().unwrap().display().to_string();
    let newest = &newest[newest.len() - 4..];
    let last = home.run(&["backtest", "--tape", "last"]);
    last.expect_code(1).expect_stderr(&["there are only backtests", newest]);
    let named = home.run(&["backtest", "--tape", newest]);
    named.expect_code(2).expect_stderr(&["is a backtest and holds no market data"]);
}

/// Lost if broken: the way back from a mistyped id.
#[test]
fn what_is_not_there_is_told_with_what_is() {
    let home = session();
    let name = home.session().file_name().unwrap().to_str().unwrap().to_owned();
    let prefix = &name[name.len() - 4..];
    let ask = |id: &str| home.run(&["explain", id]);
    ask(&format!("{prefix}-0-99999999"))
        .expect_code(1)
        .expect_stderr(&["its last decision is", prefix]);
    ask(&format!("{prefix}-0-o99999999")).expect_code(1).expect_stderr(&["its last order is"]);
    ask(&format!("{prefix}-77-0001")).expect_code(1).expect_stderr(&["has no strategy 77"]);
    ask("987654321").expect_code(1).expect_stderr(&["the nearest of an order is"]);
    ask("zzzz-0-0001").expect_code(1).expect_stderr(&["there is no tape or session `zzzz`"]);
    ask("yesterday").expect_code(2).expect_stderr(&["is no id", "k7f3-0-0412"]);
    home.run(&["explain", "--at", "noon"]).expect_code(2).expect_stderr(&["is no time"]);
    let nobody = ["explain", "--at", "10:00", "--strategy", "nobody"];
    home.run(&nobody).expect_code(2).expect_stderr(&["no strategy \"nobody\"; it has"]);
}

/// Lost if broken: stepping to the moment before the mistake.
#[test]
fn the_replay_screen_goes_back_and_forth() {
    let home = session();
    let orders = lines(&home.succeed(&["explain", "--orders"]).stdout);
    let decision = word(&orders[orders.len() / 2], "decision").to_owned();
    let mut terminal =
        Terminal::start(&home, (120, 40), &["replay", "last", "--at", &decision], &[]);
    terminal.wait_text(&decision);
    terminal.wait_text("REPLAY");
    let here = input(&terminal.text()).unwrap();
    let before = terminal.text();
    terminal.press(",,,,,,,,,,");
    terminal.wait("ten inputs back", |screen| input(&screen.contents()) == Some(here - 10));
    terminal.press("..........");
    terminal.wait("ten inputs forward", |screen| input(&screen.contents()) == Some(here));
    terminal.wait("the same screen", |screen| screen.contents() == before);
    terminal.press("q");
    let (code, _) = terminal.finish();
    assert_eq!(code, 0);
}

/// The number of the input that the bar says.
fn input(screen: &str) -> Option<u64> {
    let (_, after) = screen.split_once("input ")?;
    let digits: String = after.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    digits.replace(',', "").parse().ok()
}
