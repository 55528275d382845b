//! Bad input: each mistake ends with its own code and a sentence that says what to do.

use std::net::TcpListener;

use super::home::Home;

/// Lost if broken: the hint for whoever runs it in a pipe or a service.
#[test]
fn without_a_terminal_it_says_what_to_use() {
    Home::new().run(&[]).expect_code(2).expect_stderr(&["use --headless"]);
}

/// Lost if broken: an evening spent on a limit that was never in force.
#[test]
fn a_misspelled_key_is_shown_with_place_and_meaning() {
    let home = Home::new();
    let file = home.write("typo.toml", "[risk]\nmax_dialy_loss = 100\n");
    let file = file.to_str().unwrap();
    let words = ["typo.toml:2:1", "max_dialy_loss", "max_daily_loss"];
    for command in [&["check", "--config", file][..], &["run", "--headless", "--config", file]] {
        home.run(command).expect_code(3).expect_stderr(&words);
    }
    assert!(home.sessions().is_empty(), "a run that never was left a session");
    home.run(&["check", "--set", "risk.max_dialy_loss=1"]).expect_code(3);
}

/// Lost if broken: metrics that nobody serves while everybody believes so.
#[test]
fn a_taken_port_ends_a_headless_run() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let set = format!("metrics.port={}", taken.local_addr().unwrap().port());
    let run = ["run", "--headless", "--for", "1s", "--set", &set];
    home.run(&run).expect_code(4).expect_stderr(&[&address, "in use", "port 0"]);
}

/// Lost if broken: a run that trades without a recording.
#[test]
fn a_state_directory_that_cannot_be_written_ends_the_run() {
    let home = Home::new();
    home.write("file", "");
    let mut command = home.command(&["run", "--headless", "--for", "1s"]);
    command.env("XDG_STATE_HOME", home.path("file/state"));
    home.start_command(command).finish().expect_code(7).expect_stderr(&["file/state"]);
}

/// Lost if broken: the difference between a wrong name and a broken tape.
#[test]
fn a_tape_that_is_not_there_is_named() {
    let home = Home::new();
    for command in [
        &["replay", "no-such", "--verify"][..],
        &["tape", "info", "no-such"],
        &["backtest", "--tape", "no-such"],
    ] {
        let sentence = "there is no tape or session `no-such`";
        home.run(command).expect_code(1).expect_stderr(&[sentence]);
    }
    home.write("text.mcap", "this is no tape");
    home.run(&["tape", "verify", "text.mcap"]).expect_code(1).expect_stderr(&["text.mcap"]);
    let listed = home.succeed(&["sessions"]).stdout;
    assert!(listed.contains("no sessions yet"), "{listed}");
}

/// Lost if broken: the line of the file that has to be looked at.
#[test]
fn a_broken_file_of_ticks_is_shown_with_its_line() {
    let home = Home::new();
    let ticks = "ts_ns,id,price,qty,side\n1,1,100.5,0.1,1\n2,2,abc,0.1,-1\n";
    home.write("ticks.csv", ticks);
    let set = "paper.fills=last_trade";
    let run = ["backtest", "--ticks", "ticks.csv", "--set", set];
    home.run(&run).expect_code(1).expect_stderr(&["ticks.csv:3: price \"abc\" is not"]);
}

/// Lost if broken: trust in a command that does nothing and says that all is well.
#[test]
fn what_can_do_nothing_is_refused() {
    let home = Home::new();
    home.write("noise.mcap", [7; 500]);
    home.write("header.csv", "ts_ns,id,price,qty,side\n");
    home.write("empty.raw", "");
    let sim = ["sim", "--port", "0", "--for", "1s"];
    for (code, words, command) in [
        (2, "more than 0", &["run", "--headless", "--for", "0s"][..]),
        (2, "no instrument", &[&sim[..], &["--instruments", "btcusdt"]].concat()),
        (2, "no instrument", &[&sim[..], &["--instruments", ""]].concat()),
        (2, "named twice", &[&sim[..], &["--instruments", "BTCUSDT,BTCUSDT"]].concat()),
        (
            2,
            "no stream solusd@trade",
            &[&sim[..], &["--fault", "silence=solusd@trade@1s"]].concat(),
        ),
        (2, "is no speed", &[&sim[..], &["--speed", "0"]].concat()),
        (1, "noise.mcap is not a tape", &[&sim[..], &["--tape", "noise.mcap"]].concat()),
        (1, "noise.mcap is not a tape", &["tape", "info", "noise.mcap"]),
        (1, "header.csv: has a header and no rows", &["backtest", "--ticks", "header.csv"]),
        (1, "empty.raw: is empty", &["tape", "import", "empty.raw", "-o", "out.mcap"]),
    ] {
        home.run(command).expect_code(code).expect_stderr(&[words]);
    }
    assert!(!home.path("out.mcap").exists(), "an empty tape is left");
    let escape = home.run(&["replay", "a\u{1b}[2Jb"]).expect_code(1).stderr;
    assert!(!escape.contains('\u{1b}'), "{escape:?}");
    let fault = ["run", "--headless", "--set", "venue.simulator.faults=earthquake"];
    home.run(&fault).expect_code(3).expect_stderr(&["venue.simulator.faults", "earthquake"]);
    let market = "[venue]\ninstruments = [\"BTCUSDT\"]\n[venue.simulator]\n";
    home.write("late.toml", format!("{market}faults = [\"drop-depth=ETHUSDT@20s\"]\n"));
    let words = ["late.toml:4:11", "ethusdt@depth@100ms; there are", "· ", "─────"];
    home.run(&["check", "--config", "late.toml"]).expect_code(3).expect_stderr(&words);
    let logs = ["run", "--headless", "--set", "log.directory=/proc/none"];
    home.run(&logs).expect_code(7).expect_stderr(&["/proc/none"]);
    assert!(home.sessions().iter().all(|session| session.join("tape-0001.mcap").exists()));
}

/// Lost if broken: a copy that claims to lack what it never had.
#[test]
fn an_input_that_is_not_there_cannot_be_left_out() {
    let home = Home::new();
    home.succeed(&["run", "--headless", "--for", "1s"]);
    let cut = ["tape", "cut", "last", "--drop", "4000000000", "-o", "cut.mcap"];
    home.run(&cut).expect_code(1).expect_stderr(&["no input 4000000000"]);
    assert!(!home.path("cut.mcap").exists());
}

/// Lost if broken: an hour of a run that never saw the market.
#[test]
fn a_venue_that_was_never_reached_is_said() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let run = ["run", "--headless", "--for", "1s", "--venue-url", &url];
    home.run(&run).expect_code(0).expect_stderr(&["never connected", &free.to_string()]);
}

/// Lost if broken: usage that answers instead of doing something else.
#[test]
fn wrong_words_are_usage() {
    let home = Home::new();
    for command in [
        &["rum"][..],
        &["run", "--headless", "--for", "soon"],
        &["run", "--json"],
        &["backtest"],
        &["sim", "--port", "0", "--fault", "earthquake"],
    ] {
        home.run(command).expect_code(2);
    }
}
