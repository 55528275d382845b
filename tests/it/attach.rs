//! The line that drops: a run that outlives its terminal, and screens of other processes that come
//! and go without its noticing.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use super::control::trading;
use super::home::{Home, busy, wait_for};
use super::logs::{events, lane};
use super::terminal::{Terminal, expect_restored};

const MEDIUM: (u16, u16) = (120, 40);

fn attach(home: &Home, arguments: &[&str]) -> Terminal {
    let mut terminal = Terminal::start(home, MEDIUM, &[&["attach"], arguments].concat(), &[]);
    terminal.wait_text("attached");
    terminal
}

/// Names of a process's threads.
fn threads(pid: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .collect()
}

/// Evaluations so far, from the log's own words.
fn decided(home: &Home) -> usize {
    events(&lane(&home.session(), "decisions"), "decision.evaluated").len()
}

fn wait_for_decisions(home: &Home) {
    let before = decided(home);
    wait_for("more decisions", || (decided(home) > before + 5).then_some(()));
}

fn told(home: &Home, event: &str) -> Vec<Value> {
    let diagnostics = lane(&home.session(), "diagnostics");
    events(&diagnostics, event).into_iter().cloned().collect()
}

fn expect_equal_replay(home: &Home) {
    let verdict = home.succeed(&["replay", "last", "--verify"]).stdout;
    assert!(verdict.contains(": equal, "), "{verdict}");
}

/// Lost if broken: the positions of whoever's ssh line drops.
#[test]
fn with_continue_the_run_outlives_its_terminal_and_is_found_trading() {
    let home = Home::new();
    let run = ["run", "--config", busy(), "--set", "run.on_hangup=continue"];
    let mut terminal = Terminal::start(&home, MEDIUM, &run, &[]);
    terminal.wait_text("FILLED");
    let pid = terminal.pid();
    terminal.hang_up();
    wait_for("that it says so", || told(&home, "screen.lost").pop());
    // Nobody reads a dead terminal, least of all without a pause.
    assert!(!threads(pid).iter().any(|name| name == "tui-input"), "{:?}", threads(pid));
    wait_for_decisions(&home);

    let mut viewer = attach(&home, &[]);
    viewer.wait_text("FILLED");
    viewer.wait_text("DEMO");
    viewer.press("6\r");
    viewer.wait_text("RULES");
    viewer.press("\x1b");
    viewer.press("q");
    let (code, screen) = viewer.finish();
    assert_eq!(code, 0, "{}", screen.contents());
    expect_restored(&screen);
    assert!(screen.contents().contains("goes on"), "{}", screen.contents());
    wait_for_decisions(&home);

    terminal.signal(Signal::TERM);
    assert_eq!(terminal.finish().0, 0);
    assert!(!home.session().join("runtime.toml").exists());
    expect_equal_replay(&home);
}

/// Lost if broken: a clean end where the run shall not outlive its terminal.
#[test]
fn without_continue_it_ends_with_its_terminal() {
    let home = Home::new();
    let mut terminal = Terminal::start(&home, MEDIUM, &["run", "--config", busy()], &[]);
    terminal.wait_text("FILLED");
    terminal.hang_up();
    assert_eq!(terminal.finish().0, 0);
    assert!(!home.session().join("runtime.toml").exists());
    expect_equal_replay(&home);
}

/// Lost if broken: trading, whenever somebody looks. Frozen, killed or resized, a viewer changes no
/// decision: the run's replay, which has no viewers, is equal.
#[test]
fn a_viewer_that_is_frozen_killed_or_resized_holds_up_nobody() {
    let home = Home::new();
    let (running, _) = trading(&home);
    let mut frozen = attach(&home, &["--read-only"]);
    let mut other = attach(&home, &["--read-only"]);
    frozen.wait_text("FILLED");
    frozen.signal(Signal::STOP);
    // Enough views that the socket's buffer is full.
    for _ in 0..6 {
        wait_for_decisions(&home);
    }
    for (columns, rows) in [(80, 24), (20, 5), (200, 50), MEDIUM] {
        other.resize(columns, rows);
        other.wait("the hint line", move |screen| {
            rows < 24 || screen.contents_between(rows - 1, 0, rows - 1, columns).contains("leave")
        });
    }
    frozen.kill();
    wait_for("that it left", || told(&home, "viewer.left").pop());
    wait_for_decisions(&home);
    assert_eq!(running.terminate().expect_code(0).stderr, "");
    let (code, screen) = other.finish();
    assert_eq!(code, 0, "{}", screen.contents());
    expect_restored(&screen);
    assert!(screen.contents().contains("has ended: asked to"), "{}", screen.contents());
    assert_eq!(told(&home, "viewer.attached").len(), 2);
    expect_equal_replay(&home);
}

/// Lost if broken: the end of a run, or of its viewer, while one of them is frozen.
#[test]
fn a_run_ends_though_a_viewer_is_frozen_and_the_viewer_says_so_when_it_goes_on() {
    let home = Home::new();
    let (running, _) = trading(&home);
    let mut viewer = attach(&home, &[]);
    viewer.signal(Signal::STOP);
    for _ in 0..6 {
        wait_for_decisions(&home);
    }
    running.terminate().expect_code(0);
    viewer.signal(Signal::CONT);
    let (code, screen) = viewer.finish();
    assert_eq!(code, 0, "{}", screen.contents());
    assert!(screen.contents().contains("has ended: asked to"), "{}", screen.contents());
}

/// Lost if broken: the buttons of an attached screen, and that a read-only one has none.
#[test]
fn an_attached_screen_commands_and_a_read_only_one_does_not() {
    let home = Home::new();
    let (running, _) = trading(&home);
    let mut looks = attach(&home, &["--read-only"]);
    looks.wait_text("read-only");
    looks.press("\x1b[20~");
    looks.wait_text("this screen is read-only");
    looks.press("q");
    assert_eq!(looks.finish().0, 0);

    let mut commands = attach(&home, &[]);
    commands.press("8p");
    commands.wait_text("Pause busy of the");
    commands.press("PAUSE\r");
    commands.wait_text("PAUSED: busy");
    commands.wait_text("busy is paused: no entries, exits work");
    commands.press("\x1b[20~");
    commands.wait_text("Stop all trading");
    commands.press("HALT\r");
    commands.wait_text("HALTED: operator");
    commands.press("\x1b[19~");
    commands.wait_text("Close everything");
    commands.press("FLATTEN\r");
    commands.wait_text("FLAT: operator");
    // A run that stands still must not look alive.
    running.signal(Signal::STOP);
    commands.wait_text("no view for 2 s");
    running.signal(Signal::CONT);
    commands.press("q");
    assert_eq!(commands.finish().0, 0);
    assert_eq!(running.terminate().expect_code(0).stderr, "");
    let decisions = lane(&home.session(), "decisions");
    let by: Vec<_> = events(&decisions, "operator.command")
        .iter()
        .map(|line| (line["command"].clone(), line["by"].clone()))
        .collect();
    let expected =
        ["pause", "halt", "flatten"].map(|command| (command.into(), "attached screen".into()));
    assert_eq!(by, expected);
    expect_equal_replay(&home);
}

/// Lost if broken: a sentence, where there is nothing to attach to or to draw on.
#[test]
fn what_cannot_be_attached_to_is_said() {
    let home = Home::new();
    home.run(&["attach"]).expect_code(2).expect_stderr(&["no terminal"]);
    let mut terminal = Terminal::start(&home, MEDIUM, &["attach"], &[]);
    let (code, screen) = terminal.finish();
    assert_eq!(code, 4);
    assert!(screen.contents().contains("no run is active"), "{}", screen.contents());
}
