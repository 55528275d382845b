//! The screen, as somebody sees it who sits before it.

use std::net::TcpListener;

use rustix::process::Signal;

use super::home::{Home, LOOK, busy};
use super::terminal::{Terminal, expect_restored};

const MEDIUM: (u16, u16) = (120, 40);

/// The busy market in a terminal, with a decision on screen.
fn trading(home: &Home, environment: &[(&str, &str)]) -> Terminal {
    let mut terminal = Terminal::start(home, MEDIUM, &["run", "--config", busy()], environment);
    terminal.wait_text("FILLED");
    terminal
}

/// Lost if broken: everything a user sees in the first minute.
#[test]
fn every_view_opens_and_closes_and_quitting_leaves_the_terminal_as_it_was() {
    let home = Home::new();
    let mut terminal = trading(&home, &[]);
    for text in ["DEMO", "synthetic market", "Watch", "BTCUSDT", "busy"] {
        terminal.wait_text(text);
    }

    terminal.press("?");
    terminal.wait_text("Keys (type to find one");
    terminal.press("\x1b");
    terminal.wait_gone("Keys (type to find one");

    terminal.press("6\r");
    for text in ["Why ", "EVENT", "RULES", "ema_fast"] {
        terminal.wait_text(text);
    }
    terminal.press("\x1b");
    terminal.wait_gone("RULES");
    terminal.press("w");
    terminal.wait_text("last evaluation of every strategy");
    terminal.press("\x1b");
    terminal.wait_gone("last evaluation of every strategy");

    terminal.press(" ");
    terminal.wait_text("FROZEN");
    terminal.wait_text("trading goes on");
    terminal.press(" ");
    terminal.wait_gone("FROZEN");

    terminal.press("q");
    let (code, screen) = terminal.finish();
    let text = screen.contents();
    assert_eq!(code, 0, "{text}");
    expect_restored(&screen);
    for word in ["recorded ", "money ", "replay ", "explain "] {
        assert_eq!(text.lines().filter(|line| line.starts_with(word)).count(), 1, "{text}");
    }
}

/// Lost if broken: the second key of somebody who types faster than terminals can tell apart.
#[test]
fn escape_and_a_key_in_one_breath_are_both_taken() {
    let home = Home::new();
    let mut terminal = trading(&home, &[]);
    terminal.press("?");
    terminal.wait_text("Keys (type to find one");
    terminal.press("\x1bw");
    terminal.wait_text("last evaluation of every strategy");
    terminal.press("\x1bq");
    let (code, screen) = terminal.finish();
    assert_eq!(code, 0, "{}", screen.contents());
    expect_restored(&screen);
}

/// Lost if broken: the program, whenever a window is moved to another monitor.
#[test]
fn it_follows_the_window_from_small_to_wide() {
    let home = Home::new();
    let mut terminal = trading(&home, &[]);
    for (columns, rows) in [(80, 24), (200, 50), (20, 5), (1, 1), (120, 40)] {
        terminal.resize(columns, rows);
        let last_row_is_drawn = move |screen: &vt100::Screen| {
            let bottom = screen.contents_between(rows - 1, 0, rows - 1, columns);
            rows < 24 || bottom.contains("quit")
        };
        terminal.wait("the hint line", last_row_is_drawn);
    }
    terminal.wait_text("DEMO");
    // A key that follows a new size is taken at once, and not with the next one.
    terminal.press("?");
    terminal.wait_text("Keys (type to find one");
    terminal.resize(110, 36);
    terminal.wait("the new size", |screen| {
        screen.contents_between(35, 0, 35, 110).contains("Esc back")
    });
    terminal.press("\x1b");
    terminal.wait_gone("Keys (type to find one");
    // The habit of the hand: the first one asks, the second one ends.
    terminal.press("\x03");
    terminal.wait_text("Ctrl-C again ends the run");
    terminal.press("\x03");
    let (code, screen) = terminal.finish();
    assert_eq!(code, 0, "{}", screen.contents());
    expect_restored(&screen);
}

/// Lost if broken: the shell, after the run was ended from outside.
#[test]
fn signals_end_the_run_and_leave_the_terminal_as_it_was() {
    for signal in [Signal::TERM, Signal::HUP] {
        let home = Home::new();
        let mut terminal = Terminal::start(&home, MEDIUM, &[], &[]);
        terminal.wait_text("BTCUSDT");
        terminal.signal(signal);
        let (code, screen) = terminal.finish();
        assert_eq!(code, 0, "{signal:?}\n{}", screen.contents());
        expect_restored(&screen);
    }
}

/// Lost if broken: typing in the shell afterwards.
#[test]
fn the_settings_of_the_terminal_are_the_same_before_and_after() {
    let home = Home::new();
    let mut fresh = Terminal::start(&home, MEDIUM, &["--version"], &[]);
    let before = fresh.settings();
    fresh.finish();
    let mut terminal = Terminal::start(&home, MEDIUM, &[], &[]);
    terminal.wait_text("BTCUSDT");
    assert_ne!(terminal.settings(), before, "it does not read single keys");
    terminal.press("q");
    terminal.wait("the shell's screen", |screen| !screen.alternate_screen());
    let after = terminal.settings();
    assert_eq!(terminal.finish().0, 0);
    assert_eq!(after, before);
}

/// Lost if broken: the way out, when the terminal no longer takes what is drawn.
#[test]
fn a_stalled_terminal_cannot_keep_the_run_from_ending() {
    let home = Home::new();
    let mut terminal = Terminal::start(&home, (200, 50), &["run", "--config", busy()], &[]);
    let settings = Terminal::start(&home, MEDIUM, &["--version"], &[]).settings();
    terminal.wait_text("BTCUSDT");
    terminal.stall(true);
    // Whole screens, until the terminal's buffer is full and drawing blocks. Another pane with each
    // key: two keys that are taken before one frame must not undo each other.
    terminal.press("z");
    for pane in (1..=9).cycle().take(90) {
        terminal.press(&pane.to_string());
        std::thread::sleep(LOOK * 2);
    }
    terminal.signal(Signal::TERM);
    let (code, screen) = terminal.finish();
    assert_eq!(code, 143, "{}", screen.contents());
    assert_eq!(terminal.settings(), settings);
}

/// Lost if broken: the screen for whoever cannot or will not see colours.
#[test]
fn without_colours_no_cell_has_one() {
    let home = Home::new();
    let mut terminal = trading(&home, &[("NO_COLOR", "1")]);
    terminal.wait("a screen", |screen| {
        let (rows, columns) = screen.size();
        for (row, column) in
            (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)))
        {
            let cell = screen.cell(row, column).unwrap();
            let colours = [cell.fgcolor(), cell.bgcolor()];
            assert_eq!(colours, [vt100::Color::Default; 2], "{row},{column}: {cell:?}");
        }
        true
    });
    terminal.press("q");
    assert_eq!(terminal.finish().0, 0);
}

/// Lost if broken: a second screen beside the first, for want of a port.
#[test]
fn a_taken_metrics_port_is_no_reason_not_to_trade() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut terminal = Terminal::start(&home, MEDIUM, &[], &[("TICKSCOPE_METRICS__PORT", &port)]);
    terminal.wait_text("BTCUSDT");
    assert!(!home.address("metrics").ends_with(&format!(":{port}")));
    terminal.press("q");
    assert_eq!(terminal.finish().0, 0);
}
