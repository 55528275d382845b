//! Alerts: the command that is run for an event, whatever becomes of it, and the bell.

use std::fs;
use std::time::Instant;

use rustix::process::{Pid, test_kill_process};
use serde_json::Value;

use super::home::{Home, busy, number, wait_for};
use super::logs::{events, expect_gapless, lane};
use super::terminal::Terminal;

const MEDIUM: (u16, u16) = (120, 40);

/// A headless run of some seconds that runs a command for alerts of a kind.
fn run<'a>(seconds: &'a str, on_event: &'a str, events: &'a str) -> Vec<&'a str> {
    let run = ["run", "--headless", "--json", "--for", seconds, "--config", busy()];
    [&run[..], &["--set", on_event, "--set", events]].concat()
}

/// The lines of a file, each of them JSON.
fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Lost if broken: the fill that somebody hears of while it is fresh, with all that is known of it.
#[test]
fn a_command_gets_the_log_line_of_each_fill() {
    let home = Home::new();
    let command = r#"alert.on_event=["sh", "-c", "cat >>got.jsonl; echo \"$0|$TICKSCOPE_SESSION\" >>text", "{kind}: {text}"]"#;
    let result = home.succeed(&run("5s", command, r#"alert.events=["fill"]"#)).json();
    let got = json_lines(&fs::read_to_string(home.path("got.jsonl")).unwrap());
    let decisions = lane(&home.session(), "decisions");
    let fills = events(&decisions, "fill.received");
    assert!(!got.is_empty() && got.len() <= fills.len(), "{} of {}", got.len(), fills.len());
    // On a machine that is too busy some are left out.
    assert!(got.iter().all(|line| fills.contains(&line)), "not the lines of the log: {got:?}");
    assert!(got.is_sorted_by_key(|line| line["seq"].as_u64()), "{got:?}");
    let text = fs::read_to_string(home.path("text")).unwrap();
    let session = result["session"].as_str().unwrap();
    let first = format!("fill: {}|{session}", got[0]["msg"].as_str().unwrap());
    assert_eq!(text.lines().next(), Some(first.as_str()));
    let diagnostics = lane(&home.session(), "diagnostics");
    for failed in events(&diagnostics, "alert.failed") {
        assert_eq!(failed["problem"], "was killed: the run has ended");
    }
}

/// Lost if broken: a run, to a command that never ends; or the machine, to hundreds of them.
#[test]
fn a_command_that_hangs_is_killed_and_the_run_goes_on() {
    let home = Home::new();
    let command = r#"alert.on_event=["sh", "-c", "echo $$ >>pids; sleep 600"]"#;
    let hanging = run("5s", command, r#"alert.events=["fill"]"#);
    let began = Instant::now();
    let result = home.succeed(&[&hanging[..], &["--set", "alert.deadline=1s"]].concat()).json();
    assert!(began.elapsed().as_secs() < 30, "it waited: {:?}", began.elapsed());
    assert!(number(&result, "fills") > 5.0, "{result}");
    let pids = fs::read_to_string(home.path("pids")).unwrap();
    for pid in pids.lines().map(|line| Pid::from_raw(line.parse().unwrap()).unwrap()) {
        assert!(test_kill_process(pid).is_err(), "{pid:?} is alive");
    }
    let diagnostics = lane(&home.session(), "diagnostics");
    expect_gapless(&diagnostics);
    let failed = events(&diagnostics, "alert.failed");
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["problem"], "was killed: it took longer than 1000 ms");
    // Fills come faster than once a second: what did not fit is told once.
    assert_eq!(events(&diagnostics, "alert.dropped").len(), 1);
}

/// Lost if broken: the log, to a command that does not exist; or that somebody learns of it.
#[test]
fn a_command_that_does_not_exist_is_told_once() {
    let home = Home::new();
    let command = r#"alert.on_event=["no-such-program", "secret"]"#;
    let result = home.succeed(&run("4s", command, r#"alert.events=["fill"]"#)).json();
    assert!(number(&result, "fills") > 1.0, "{result}");
    let diagnostics = lane(&home.session(), "diagnostics");
    let failed = events(&diagnostics, "alert.failed");
    assert_eq!(failed.len(), 1, "{failed:?}");
    let message = failed[0]["msg"].as_str().unwrap();
    assert!(message.starts_with("alert of fill: no-such-program cannot be started: "), "{message}");
    assert!(!failed[0].to_string().contains("secret"));
}

/// Lost if broken: the call that says why nothing trades any more, because the run ends with it.
#[test]
fn the_alert_of_what_ends_a_run_is_given_a_moment() {
    let home = Home::new();
    let command = r#"alert.on_event=["sh", "-c", "cat >>got.jsonl"]"#;
    let run = run("20s", command, r#"alert.events=["halt"]"#);
    let limit = ["--set", "risk.max_daily_loss=0.01"];
    home.run(&[&run[..], &limit].concat()).expect_code(6);
    let got = json_lines(&fs::read_to_string(home.path("got.jsonl")).unwrap());
    assert!(got.iter().any(|line| line["state"] == "halted"), "{got:?}");
}

/// Lost if broken: the account of whoever looks into a folder that somebody else made.
#[test]
fn a_command_in_the_file_of_a_folder_is_refused_unless_it_is_asked_for() {
    let home = Home::new();
    home.write("tickscope.toml", "[alert]\non_event = [\"touch\", \"owned\"]\n");
    let refused = home.run(&["run", "--headless", "--for", "2s"]).expect_code(3);
    refused.expect_stderr(&["tickscope.toml:2", "alert.on_event", "--config"]);
    home.run(&["check"]).expect_code(3);
    home.succeed(&[
        "check",
        "--config",
        "tickscope.toml",
        "--set",
        "venue.instruments=[\"BTCUSDT\"]",
    ]);
    assert!(!home.path("owned").exists());
}

/// Lost if broken: the sound that calls somebody to the screen, the run's own or an attached one.
#[test]
fn the_bell_rings_in_the_terminal_and_in_an_attached_one() {
    let home = Home::new();
    let fills = ["run", "--config", busy(), "--set", r#"alert.bell=["fill", "halt"]"#];
    let began = Instant::now();
    let mut terminal = Terminal::start(&home, MEDIUM, &fills, &[]);
    terminal.wait_bells(2);
    assert!(terminal.bells() as u64 <= began.elapsed().as_secs() + 1, "more than once a second");
    let mut attached = Terminal::start(&home, MEDIUM, &["attach"], &[]);
    attached.wait_bells(1);
    attached.press("q");
    assert_eq!(attached.finish().0, 0);
    terminal.press("q");
    assert_eq!(terminal.finish().0, 0);

    // As it is without a word about it: a halt rings, a fill does not.
    let home = Home::new();
    let default = ["run", "--config", busy(), "--set", "tape.warn_free=0B"];
    let mut terminal = Terminal::start(&home, MEDIUM, &default, &[]);
    terminal.wait_text("FILLED");
    wait_for("a fill in the log", || {
        (!events(&lane(&home.session(), "decisions"), "fill.received").is_empty()).then_some(())
    });
    assert_eq!(terminal.bells(), 0);
    home.succeed(&["halt"]);
    terminal.wait_bells(1);
    terminal.press("q");
    assert_eq!(terminal.finish().0, 0);
}
