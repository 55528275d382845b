//! What a defect leaves behind: programs of their own, whose strategies panic, in a real terminal.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use tickscope::strategies;
use tickscope::strategy::{
    Context, ParamSpec, Params, Prices, Revised, RuleTexts, Strategy, StrategyError,
};

use super::home::Home;
use super::logs::lane;
use super::terminal::{Terminal, expect_restored};

/// The arguments of the program below, separated by blanks; without them it is an empty test.
const ARGUMENTS: &str = "TICKSCOPE_TEST_PANIC";

/// Panics at some trades after the thousand of the past that it is shown, and when its rules change.
#[derive(Serialize, Deserialize)]
struct Careless {
    left: u16,
}

impl Strategy for Careless {
    const KIND: &'static str = "careless";
    const PARAMS: &'static [ParamSpec] = &[];
    const RULES: bool = true;

    fn new(_: &Params) -> Result<Self, StrategyError> {
        Ok(Self { left: 1_020 })
    }

    fn on_prices(&mut self, ctx: &mut Context<'_>, prices: Prices) {
        ctx.value("last", prices.close);
        self.left = self.left.saturating_sub(1);
        assert!(self.left > 0, "a strategy that divides by its last trade");
    }

    fn revise(&mut self, _: &RuleTexts) -> Result<Revised, StrategyError> {
        panic!("rules that nobody expected")
    }
}

/// The program: started again by the tests below, as a crate of a user's own would be.
#[test]
fn program_of_a_careless_user() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    let arguments = std::iter::once("careless").chain(arguments.split(' '));
    let exit = tickscope::run_with(arguments.map(Into::into), strategies![Careless]);
    // The harness would make any exit a zero.
    std::process::exit(match exit {
        exit if exit == ExitCode::SUCCESS => 30,
        exit if exit == ExitCode::from(1) => 33,
        _ => 39,
    });
}

fn config(home: &Home, enter: &str) -> String {
    let config = home.write(
        "careless.toml",
        format!(
            "[venue]\nname = \"loopback\"\nkind = \"loopback\"\ninstruments = [\"BTCUSDT\"]\n\
             [account]\nbalances = {{ USDT = 10000 }}\n\
             [[strategy]]\nname = \"mine\"\nkind = \"careless\"\nfeed = \"trades\"\n\
             size = \"10 USDT\"\nenter = \"{enter}\"\nexit = \"rsi(14) > 99\"\n"
        ),
    );
    config.to_str().unwrap().to_owned()
}

fn start(home: &Home, arguments: &str) -> Terminal {
    let program = std::env::current_exe().unwrap();
    let harness = ["--exact", "panic::program_of_a_careless_user", "--nocapture"];
    Terminal::start_program(&program, home, (120, 40), &harness, &[(ARGUMENTS, arguments)])
}

/// Lost if broken: everything else that runs, by the mistake of one strategy; and what it was.
#[test]
fn a_panic_of_a_strategy_is_an_outcome_and_the_run_goes_on() {
    let home = Home::new();
    let config = config(&home, "rsi(14) < 30");
    let mut terminal = start(&home, &format!("run --config {config}"));
    terminal.wait("the pause", |screen| {
        screen.alternate_screen() && screen.contents().contains("PAUSED: mine")
    });
    assert!(!terminal.text().contains("panicked at"), "{}", terminal.text());
    terminal.press("q");
    let (code, screen) = terminal.finish();
    assert_eq!(code, 30, "{}", screen.contents());
    expect_restored(&screen);
    let log = lane(&home.session(), "decisions");
    let failed = log.iter().find(|line| line["outcome"] == "error").unwrap();
    let said = failed["msg"].as_str().unwrap();
    assert!(said.contains("panicked: a strategy that divides by its last trade"), "{said}");
    assert!(said.contains("panic.rs:"), "{said}");
    let verified = start(&home, "replay last --verify").finish();
    assert_eq!(verified.0, 30, "{}", verified.1.contents());
}

/// Lost if broken: the shell after a defect, and the recording that shows how it came about.
#[test]
fn a_panic_of_the_core_gives_the_terminal_back_and_keeps_the_recording() {
    let home = Home::new();
    let file = config(&home, "rsi(14) < 30");
    let mut terminal = start(&home, &format!("run --config {file}"));
    terminal.wait("the screen", vt100::Screen::alternate_screen);
    config(&home, "rsi(14) < 31");
    let (code, screen) = terminal.finish();
    let text = screen.contents();
    assert_eq!(code, 33, "{text}");
    expect_restored(&screen);
    for words in ["rules that nobody expected", "this is a defect", "is recorded in"] {
        assert!(text.replace('\n', "").contains(words), "no {words:?} in\n{text}");
    }
    let session = home.session();
    let manifest = std::fs::read_to_string(session.join("manifest.toml")).unwrap();
    assert!(manifest.contains("[ending]") && manifest.contains("panicked"), "{manifest}");
    let whole = home.succeed(&["tape", "verify", session.to_str().unwrap()]).stdout;
    assert!(whole.starts_with("whole: "), "{whole}");
    // For whoever reports it.
    let files = std::fs::read_dir(&session).unwrap().map(|entry| entry.unwrap().path());
    let is_crash = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("crash-") && name.ends_with("-core.txt")
    };
    let crash = std::fs::read_to_string(files.into_iter().find(is_crash).unwrap()).unwrap();
    for words in ["thread   core", "rules that nobody expected", "panic.rs:", "process.started"] {
        assert!(crash.contains(words), "no {words:?} in\n{crash}");
    }
    let told = lane(&session, "diagnostics");
    let is_it =
        |line: &&serde_json::Value| line["event"] == "process.panicked" && line["thread"] == "core";
    assert_eq!(told.iter().find(is_it).unwrap()["level"], "ERROR");
}
