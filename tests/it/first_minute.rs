//! The demo's first minute, as somebody sees it who runs the program for the first time; and the
//! decision of it that the README prints.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::home::{Home, wait_for};
use super::logs::{events, lane};
use super::terminal::Terminal;

const README: &str = include_str!("../../README.md");
/// All of it is seen within so long.
const MINUTE: Duration = Duration::from_secs(45);

/// The lines of the README's decision, as they are drawn. A line of its own `…` stands for lines that
/// are left out, any other `…` for what the clock decides.
fn printed() -> Vec<&'static str> {
    let block = README.split("```").find(|block| block.contains("EVENT      bar closed"));
    let lines = block.expect("the README prints a decision").lines().skip(1);
    lines.map(str::trim_end).filter(|line| !line.is_empty()).collect()
}

/// True when a line of the screen is a line of the README.
fn is_drawn(printed: &str, drawn: &str) -> bool {
    let mut parts = printed.split('…');
    let Some(mut rest) = drawn.strip_prefix(parts.next().unwrap_or("")) else { return false };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = if part.is_empty() { "" } else { behind };
    }
    rest.trim().is_empty()
}

/// Fails unless the screen shows the README's lines in their order.
fn expect_drawn(printed: &[&str], screen: &str) {
    let inside = |line: &str| line.trim_matches(['║', '╔', '╗', '═', ' ']).to_owned();
    let drawn: Vec<String> = screen.lines().map(inside).collect();
    let mut left = drawn.as_slice();
    let mut skips = true;
    for line in printed {
        if *line == "…" {
            skips = true;
            continue;
        }
        let at = left.iter().position(|drawn| is_drawn(line.trim_start(), drawn));
        let at = at.filter(|at| skips || *at == 0);
        let at = at.unwrap_or_else(|| panic!("not on the screen: {line}\n{screen}"));
        left = &left[at + 1..];
        skips = false;
    }
}

/// Fails unless the record has the README's numbers: the engine's own, before anybody draws them.
fn expect_recorded(printed: &[&str], decisions: &[Value]) {
    let text = printed.join("\n").replace(',', "");
    let signals = events(decisions, "decision.evaluated");
    let entry = signals.into_iter().find(|line| line["outcome"] == "signal").unwrap();
    assert_eq!((&entry["strategy"], &entry["instrument"]), (&"trend".into(), &"BTCUSDT".into()));
    for value in entry["values"].as_array().unwrap().iter().take(3) {
        for key in ["value", "previous"] {
            let number = format!(" {:.2}", value[key].as_f64().unwrap());
            assert!(text.contains(&number), "{value}: no{number} in\n{text}");
        }
    }
    let ours = |line: &&Value| line["decision_id"] == entry["decision_id"];
    let fill = events(decisions, "fill.received").into_iter().find(ours).unwrap();
    let filled = format!("{} @ {}", exact(&fill["quantity"]), exact(&fill["price"]));
    assert!(text.contains(&filled), "{filled} is not in\n{text}");
}

fn exact(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Whether the logs have what the screen showed.
fn told(home: &Home, name: &str, event: &str, passes: impl Fn(&Value) -> bool) -> bool {
    events(&lane(&home.session(), name), event).into_iter().any(passes)
}

/// Lost if broken: the reason to look a second minute. And the README's word: what it prints must be
/// what everybody sees.
#[test]
fn a_newcomer_is_coached_and_sees_the_decision_that_the_readme_prints() {
    let home = Home::new();
    let began = Instant::now();
    let mut terminal = Terminal::start(&home, (80, 24), &[], &[]);
    terminal.wait_text("Enter: why · w: why not");
    terminal.wait_text("1 Watch");
    terminal.wait_row(&["trend", "BTCUSDT", "BUY", "FILLED", "ema_fast crosses above"]);

    terminal.press("/filled\rG\r");
    terminal.wait_text("EVENT");
    terminal.resize(80, 60);
    terminal.wait_text("PROVE IT");
    let printed = printed();
    expect_drawn(&printed, &terminal.text());
    terminal.press("\x1b");
    terminal.wait_gone("EVENT");
    terminal.press("\x1b");
    terminal.resize(80, 24);
    terminal.wait_row(&[" w: why not", "? help"]);
    // The newest row again.
    terminal.press("g");

    terminal.wait_row(&["breakout", "BTCUSDT", "REFUSED", "> 400"]);
    terminal.wait_row(&["gaps", "1 resynced"]);
    terminal.wait_row(&["trend", "ETHUSDT", "BLOCKED", "rsi < rsi_max: 81.2133 > 80"]);
    assert!(began.elapsed() < MINUTE, "it took {:?}", began.elapsed());
    terminal.press("w");
    terminal.wait_text("last evaluation of every strategy");
    terminal.press("\x1b");
    terminal.wait_text("w why not  / filter");

    wait_for("everything in the logs", || {
        let decisions = lane(&home.session(), "decisions");
        let is_all = told(&home, "diagnostics", "feed.sequence_gap", |_| true)
            && told(&home, "decisions", "risk.checked", |l| l["refused_by"] == "position_notional")
            && !events(&decisions, "fill.received").is_empty();
        is_all.then_some(())
    });
    expect_recorded(&printed, &lane(&home.session(), "decisions"));
    terminal.press("q");
    assert_eq!(terminal.finish().0, 0);
}

#[test]
fn a_line_of_the_readme_is_drawn_when_all_but_the_clock_is_the_same() {
    assert!(is_drawn("a … b", "a 12ms b"));
    assert!(is_drawn("a …", "a 12ms"));
    assert!(!is_drawn("a … b", "a 12ms c"));
    assert!(!is_drawn("a 1", "a 12"));
}
