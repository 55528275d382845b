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
