//! Commands from another process: what they do, which run they mean, and what they cannot break.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;

use super::home::{Home, LOOK, Running, address_of, busy, number, process_of, wait_for};
use super::logs::{events, lane};
use super::terminal::Terminal;

/// A headless run that trades, with the socket that it names.
pub fn trading(home: &Home) -> (Running, PathBuf) {
    let running = home.start(&["run", "--headless", "--config", busy()]);
    let socket = home.address("control").into();
    wait_for("a fill", || {
        let decisions = lane(&home.sessions()[0], "decisions");
        (!events(&decisions, "order.filled").is_empty()).then_some(())
    });
    (running, socket)
}

/// A command that succeeds, as JSON.
fn ask(home: &Home, words: &[&str]) -> Value {
    let words = [words, &["--json"]].concat();
    home.succeed(&words).json()
}

/// What the newest line of an event says.
fn newest(home: &Home, event: &str) -> Option<Value> {
    events(&lane(&home.sessions()[0], "decisions"), event).last().map(|line| (*line).clone())
}

/// Orders sent so far.
fn orders(home: &Home) -> usize {
    events(&lane(&home.sessions()[0], "decisions"), "order.submitted").len()
}

/// Lost if broken: the stop button, where there is no screen.
#[test]
fn a_headless_run_is_stopped_flattened_paused_and_resumed_from_outside() {
    let home = Home::new();
    let (running, socket) = trading(&home);
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
    assert_eq!((mode(&socket), mode(&home.session())), (0o600, 0o700));

    let text = wait_for("a position to close", || {
        let told = ask(&home, &["flatten"]);
        if told["closing"].as_array().unwrap().is_empty() {
            ask(&home, &["resume"]);
            return None;
        }
        Some(told["text"].as_str().unwrap().to_owned())
    });
    for words in ["no entries until resumed", "to close", "USDT +0.", " of busy"] {
        assert!(text.contains(words), "{text}");
    }
    wait_for("that everything is closed", || {
        let told = ask(&home, &["flatten"]);
        let rest = number(&told, "held") + number(&told, "canceled");
        (rest.abs() < 1e-9).then_some(())
    });
    // The log tells an operator's line after the orders that it is about.
    wait_for("the last word about it", || {
        let told = newest(&home, "operator.command")?;
        told["done"].as_str().unwrap().contains("no position to close").then_some(())
    });
    let (before, seen) = (orders(&home), lane(&home.session(), "decisions").len());
    // The strategy goes on wishing, on every trade.
    wait_for("a refusal", || {
        let lines = lane(&home.session(), "decisions");
        let refused = lines[seen..].iter().any(|line| {
            line["event"] == "risk.checked"
                && line["msg"].as_str().unwrap().contains("trading_state")
        });
        refused.then_some(())
    });
    assert_eq!(orders(&home), before, "it entered while flat");

    let resumed = ask(&home, &["resume"]);
    assert_eq!((&resumed["trading"], &resumed["command"]), (&"active".into(), &"resume".into()));
    wait_for("an order after resuming", || (orders(&home) > before).then_some(()));

    assert_eq!(ask(&home, &["pause", "busy"])["paused"], serde_json::json!(["busy"]));
    let changed = wait_for("the pause in the log", || newest(&home, "strategy.state_changed"));
    assert_eq!(changed["state"], "paused");
    assert_eq!(ask(&home, &["pause", "busy"])["unchanged"], true);
    assert_eq!(ask(&home, &["resume", "busy"])["paused"], serde_json::json!([]));
    assert_eq!(ask(&home, &["cancel-all"])["trading"], "active");
    let halted = home.succeed(&["halt"]).stdout;
    assert!(halted.contains(": trading is halted; "), "{halted}");

    let metrics = home.address("metrics");
    let ended = running.terminate().expect_code(0);
    assert!(ended.stderr.is_empty(), "{metrics} {}", ended.stderr);
    assert!(!socket.exists(), "the socket outlives the run");
    expect_told(&home);
}

/// The log and the recording tell all of it.
fn expect_told(home: &Home) {
    let decisions = lane(&home.session(), "decisions");
    let told = events(&decisions, "operator.command");
    let commands: Vec<_> = told.iter().map(|line| line["command"].as_str().unwrap()).collect();
    for command in ["flatten", "resume", "pause", "cancel-all", "halt"] {
        assert!(commands.contains(&command), "{command} is not in {commands:?}");
    }
    assert!(told.iter().all(|line| line["by"] == "command line" && number(line, "by_pid") > 0.0));
    let closing = events(&decisions, "decision.evaluated").into_iter().any(|line| {
        line["trigger"] == "operator" && line["msg"].as_str().unwrap().contains("operator: flatten")
    });
    assert!(closing, "no decision says that the operator flattened");
    let verdict = home.succeed(&["replay", "last", "--verify"]).stdout;
    assert!(verdict.contains(": equal, "), "{verdict}");

    // A configuration of one's own was never halted; the recorded one was.
    let session = home.session();
    let backtest = ["backtest", "--json", "--tape", session.to_str().unwrap()];
    let refusals = |more: &[&str]| {
        let result = home.succeed(&[&backtest[..], more].concat()).json();
        number(&result, "refusals")
    };
    let (own, other) = (refusals(&[]), refusals(&["--config", busy()]));
    assert!(other < own, "{other} refusals of {own}");
}

/// Lost if broken: the wrong run stopped, or none, and not knowing it.
#[test]
fn the_run_that_is_meant_is_found_or_asked_for() {
    let home = Home::new();
    home.run(&["halt"]).expect_code(4).expect_stderr(&["no run is active", "tickscope run"]);
    let first = home.start(&["run", "--headless", "--config", busy()]);
    home.address("control");
    let other = ["--set", "account.name=other"];
    let second = home.start(&[&["run", "--headless", "--config", busy()][..], &other].concat());
    let mut sessions = wait_for("two sessions that listen", || {
        let listening = |path: &PathBuf| address_of(path, "control").is_some();
        Some(home.sessions()).filter(|found| found.len() == 2 && found.iter().all(listening))
    });
    // Names of one second come in any order.
    sessions.sort_by_key(|session| process_of(session) == Some(second.pid()));
    let names: Vec<_> =
        sessions.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    let asked = home.run(&["halt"]).expect_code(2);
    asked.expect_stderr(&["choose with --session", names[0], names[1]]);
    let prefix = names[1].rsplit('-').next().unwrap();
    let halted = home.succeed(&["halt", "--session", prefix]).stdout;
    assert!(halted.starts_with(prefix), "{halted}");
    home.run(&["halt", "--session", "zzzz"]).expect_code(2).expect_stderr(&["`zzzz`", names[0]]);
    home.run(&["pause", "bussy", "--session", names[0]]).expect_code(2).expect_stderr(&[
        "no strategy `bussy`",
        "did you mean `busy`",
        "The run has busy",
    ]);
    // A killed one leaves its files; it is not taken for a run.
    second.kill();
    assert!(sessions[1].join("control.sock").exists());
    home.succeed(&["halt"]);
    home.run(&["halt", "--session", names[1]]).expect_code(2).expect_stderr(&["has ended"]);
    first.terminate().expect_code(0);
}

/// Lost if broken: the stop button of whoever has a long home directory.
#[test]
fn a_long_path_is_no_obstacle() {
    let home = Home::new();
    let state = home.path(&"long/".repeat(40));
    let run = |words: &[&str]| {
        let mut command = home.command(words);
        command.env("XDG_STATE_HOME", &state);
        home.start_command(command)
    };
    let running = run(&["run", "--headless", "--config", busy()]);
    let said = wait_for("a halt", || {
        let halted = run(&["halt"]).finish();
        (halted.code == Some(0)).then_some(halted.stdout)
    });
    assert!(said.contains("trading is halted"), "{said}");
    running.terminate().expect_code(0);
}

/// Lost if broken: an answer, when the run cannot give one.
#[test]
fn a_stopped_process_is_told_after_a_bounded_time() {
    let home = Home::new();
    let (running, _) = trading(&home);
    running.signal(Signal::STOP);
    let pid = running.pid().to_string();
    home.run(&["halt"]).expect_code(1).expect_stderr(&["has not answered within", &pid]);
    running.signal(Signal::CONT);
    // It was asked all the same, and does it when it goes on.
    wait_for("the late halt", || newest(&home, "operator.command"));
    running.terminate().expect_code(0);
}

/// Lost if broken: the stop button, when the terminal takes nothing any more.
#[test]
fn a_stuck_screen_is_no_obstacle() {
    let home = Home::new();
    let mut terminal = Terminal::start(&home, (200, 50), &["run", "--config", busy()], &[]);
    terminal.wait_text("FILLED");
    terminal.stall(true);
    // Whole screens, until the terminal's buffer is full and drawing blocks.
    for _ in 0..80 {
        terminal.press("z");
        std::thread::sleep(LOOK * 2);
    }
    assert_eq!(ask(&home, &["halt"])["trading"], "halted");
    terminal.stall(false);
    terminal.wait_text("HALTED: operator");
    terminal.press("q");
    assert_eq!(terminal.finish().0, 0);
}

/// Lost if broken: a run, by whatever writes to its socket.
#[test]
fn whatever_is_written_to_the_socket_the_run_goes_on() {
    let home = Home::new();
    let (running, socket) = trading(&home);
    let say = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        // A refused peer may be cut off in the middle of its sentence.
        let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\xff\xfe\x00\n", b"{}\n"] {
        let answer: Value = serde_json::from_str(&say(bytes)).unwrap();
        assert_eq!(answer["code"], 2, "{answer}");
    }
    let newer = say(b"{\"tickscope\":2,\"ask\":\"halt\"}\n");
    assert!(newer.contains("control protocol 2"), "{newer}");
    let other = say(
        b"{\"tickscope\":1,\"pid\":1,\"by\":\"attached screen\",\"ask\":{\"attach\":{\"views\":1,\
          \"fps\":1,\"read_only\":true}}}\n",
    );
    assert!(other.contains("another build"), "{other}");
    assert_eq!(say(b"{\"tickscope\":1"), "");
    assert_eq!(say(&vec![b'a'; 1 << 20]), "");
    assert_eq!(ask(&home, &["resume"])["unchanged"], true);
    running.terminate().expect_code(0);
}

/// Lost if broken: a look at everything, at the one moment when it matters; and the disk, if it did
/// not end. A replay must hear it too.
#[test]
fn a_trace_writes_everything_for_a_while_and_replays() {
    let home = Home::new();
    let (running, _) = trading(&home);
    let told = ask(&home, &["trace", "BTCUSDT", "1s"]);
    assert_eq!((&told["instrument"], &told["seconds"]), (&"BTCUSDT".into(), &1.into()));
    let text = told["text"].as_str().unwrap();
    assert!(text.contains("every evaluation of BTCUSDT is written for 1 s"), "{text}");
    let ended = wait_for("the trace to end", || newest(&home, "trace.ended"));
    home.run(&["trace", "BTCUSD"]).expect_code(2).expect_stderr(&["did you mean `BTCUSDT`?"]);
    home.run(&["trace", "BTCUSDT", "2h"]).expect_code(2).expect_stderr(&["1s to 1h"]);
    running.terminate().expect_code(0);
    let decisions = lane(&home.session(), "decisions");
    let seq = |event| events(&decisions, event)[0]["seq"].as_u64().unwrap();
    let between = seq("trace.started")..seq("trace.ended");
    let evaluated = events(&decisions, "decision.evaluated");
    let written = evaluated.iter().filter(|line| {
        line["instrument"] == "BTCUSDT" && between.contains(&line["seq"].as_u64().unwrap())
    });
    assert_eq!(written.count() as u64, ended["evaluations"].as_u64().unwrap());
    let said = home.succeed(&["replay", "last", "--verify"]).stdout;
    assert!(said.contains("equal"), "{said}");
}
