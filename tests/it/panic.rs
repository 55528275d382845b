//! What a defect leaves behind: a program of its own, whose strategy panics, in a real terminal.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use tickscope::strategies;
use tickscope::strategy::{Context, ParamSpec, Params, Prices, Strategy, StrategyError};

use super::home::Home;
use super::terminal::{Terminal, expect_restored};

/// The configuration of the program below; without it the program below is an empty test.
const CONFIG: &str = "TICKSCOPE_TEST_PANIC";

/// Panics some trades after the thousand of the past that it is shown: a busy machine has drawn its
/// screen by then.
#[derive(Serialize, Deserialize)]
struct Careless {
    left: u16,
}

impl Strategy for Careless {
    const KIND: &'static str = "careless";
    const PARAMS: &'static [ParamSpec] = &[];

    fn new(_: &Params) -> Result<Self, StrategyError> {
        Ok(Self { left: 1_020 })
    }

    fn on_prices(&mut self, _: &mut Context<'_>, _: Prices) {
        self.left -= 1;
        assert!(self.left > 0, "a strategy that divides by its last trade");
    }
}

/// The program: started again by the test below, as a crate of a user's own would be.
#[test]
fn program_of_a_careless_user() {
    let Ok(config) = std::env::var(CONFIG) else { return };
    let arguments = ["careless", "run", "--config", &config].map(Into::into);
    let exit = tickscope::run_with(arguments, strategies![Careless]);
    // The harness would make any exit a zero.
    std::process::exit(i32::from(exit == ExitCode::from(1)) * 33);
}

/// Lost if broken: the shell after a defect, and the recording that shows how it came about.
#[test]
fn a_panic_gives_the_terminal_back_and_keeps_the_recording() {
    let home = Home::new();
    let config = home.write(
        "careless.toml",
        "[venue]\nname = \"loopback\"\nkind = \"loopback\"\ninstruments = [\"BTCUSDT\"]\n\
         [account]\nbalances = { USDT = 10000 }\n\
         [[strategy]]\nname = \"mine\"\nkind = \"careless\"\nfeed = \"trades\"\nsize = \"10 USDT\"\n",
    );
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "panic::program_of_a_careless_user", "--nocapture"];
    let environment = [(CONFIG, config.to_str().unwrap())];
    let mut terminal =
        Terminal::start_program(&program, &home, (120, 40), &arguments, &environment);
    terminal.wait("the screen", vt100::Screen::alternate_screen);
    let (code, screen) = terminal.finish();
    let text = screen.contents();
    assert_eq!(code, 33, "{text}");
    expect_restored(&screen);
    for words in ["divides by its last trade", "this is a defect", "is recorded in"] {
        assert!(text.replace('\n', "").contains(words), "no {words:?} in\n{text}");
    }
    let session = home.session();
    let manifest = std::fs::read_to_string(session.join("manifest.toml")).unwrap();
    assert!(manifest.contains("[ending]") && manifest.contains("panicked"), "{manifest}");
    let whole = home.succeed(&["tape", "verify", session.to_str().unwrap()]).stdout;
    assert!(whole.starts_with("whole: "), "{whole}");
}
