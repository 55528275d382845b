//! The page about strategies: what it shows is compiled, read and typed, so that whoever has read
//! nothing else gets there.

use std::fmt::Write as _;
use std::process::Command;

use super::home::{Home, PROGRAM};

const PAGE: &str = include_str!("../../docs/strategies.md");
const OWN: &str = include_str!("../../examples/own_strategy.rs");
const OWN_CONFIG: &str = include_str!("../../examples/own_strategy.toml");
/// Files whose doc comments are doc tests.
const DOCUMENTED: [&str; 2] =
    [include_str!("../../src/strategy/mod.rs"), include_str!("../../src/strategy/exit.rs")];

/// The page's blocks of a language, without their fences.
fn blocks(language: &str) -> Vec<&'static str> {
    let mut pieces = PAGE.split("```");
    // Text and blocks take turns.
    let mut found = Vec::new();
    while let (Some(_), Some(block)) = (pieces.next(), pieces.next()) {
        found.extend(block.strip_prefix(language).and_then(|rest| rest.strip_prefix('\n')));
    }
    assert!(!found.is_empty(), "no block of {language}");
    found
}

/// Three days of minutes, as the venue publishes them.
fn history() -> String {
    let cents = |cents: i64| format!("{}.{:02}000000", cents / 100, cents % 100);
    let value = |cents: i64, tenths: i64| {
        let parts = cents * tenths;
        format!("{}.{:04}0000", parts / 2_000, parts % 2_000 * 5)
    };
    let (mut close, mut seed, mut at) = (6_000_000_i64, 7_i64, 1_735_689_600_000_i64);
    let mut next = || {
        seed = (seed * 1_103_515_245 + 12_345) % (1 << 31);
        seed >> 8
    };
    let mut rows = String::new();
    for _ in 0..3 * 1_440 {
        let open = close;
        close += next() % 4_001 - 2_000;
        let (high, low) = (open.max(close) + next() % 500, open.min(close) - next() % 500);
        let (turnover, taken) = (value(open + close, 15), value(open + close, 7));
        let prices = [open, high, low, close].map(cents).join(",");
        let end = at + 59_999;
        writeln!(rows, "{at},{prices},1.5,{end},{turnover},100,0.7,{taken},0").unwrap();
        at += 60_000;
    }
    rows
}

/// Lost if broken: code that a reader copies and that does not compile.
#[test]
fn the_code_on_the_page_is_code_that_is_compiled() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = |file: &str| {
        file.lines()
            .map(|line| line.trim_start().trim_start_matches("///"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let known: Vec<String> = std::iter::once(OWN.to_owned())
        .chain(DOCUMENTED.iter().map(|file| bare(file)))
        .map(|text| words(&text))
        .collect();
    for block in blocks("rust") {
        let block = words(block);
        assert!(known.iter().any(|text| text.contains(&block)), "not compiled: {block}");
    }
    let own = blocks("toml").into_iter().find(|block| block.starts_with("# mine.toml")).unwrap();
    assert!(OWN_CONFIG.contains(own.split_once('\n').unwrap().1));
}

/// Lost if broken: the way from an empty folder to the first explained decision.
#[test]
fn the_commands_on_the_page_do_what_it_says() {
    let home = Home::new();
    home.write("BTCUSDT-1m-2025-01.csv", history());
    let mut whole = String::new();
    for block in blocks("toml") {
        block.parse::<toml::Table>().unwrap_or_else(|error| panic!("{error} in {block}"));
        if let Some(text) = block.strip_prefix("# dip.toml\n") {
            text.clone_into(&mut whole);
            home.write("dip.toml", text);
        }
    }
    // What stands in a table of its own is read as part of the whole file.
    let (file, _) = whole.split_once("exit = ").unwrap();
    for (nth, block) in
        blocks("toml").iter().filter(|block| block.starts_with("[strategy.exit]")).enumerate()
    {
        let name = format!("exit-{nth}.toml");
        home.write(&name, format!("{file}\n{block}"));
        home.succeed(&["check", "--config", &name]);
    }
    for line in blocks("sh").into_iter().flat_map(str::lines) {
        let typed = line.replace("tickscope", PROGRAM).replace(".zip", ".csv");
        let mut shell = Command::new("sh");
        shell.args(["-c", &typed]).env_clear().envs(home.environment());
        shell.env("PATH", "/usr/bin:/bin").current_dir(home.path(""));
        let done = shell.output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success(), "{line}\n{said}{}", String::from_utf8_lossy(&done.stderr));
        let expected = match line.split_whitespace().nth(1).unwrap() {
            "check" => "valid: 1 strategies",
            "backtest" => "orders ",
            "strategy" => "dip: explained 100 %",
            "lookahead" => "equal at 20 of 20 cuts",
            "whynot" => "would have signalled if 30 in `rsi(14) < 30` were > ",
            "explain" => "FILLED",
            "whatif" => "what if strategies.dip.enter=",
            _ => "",
        };
        assert!(said.contains(expected), "{line}\n{said}");
    }
}

/// Lost if broken: a reader who puts the loss into the entry and waits for it to hold.
#[test]
fn what_can_never_hold_is_said() {
    let home = Home::new();
    let dip = blocks("toml").into_iter().find(|block| block.starts_with("# dip.toml")).unwrap();
    let dip = dip.replace("and close > ema(200)\"", "and loss > 1%\"");
    home.write("dip.toml", dip);
    let said = home.succeed(&["check", "--config", "dip.toml"]).stdout;
    assert!(said.contains("in `enter` `loss > 1%` is unknown"), "{said}");
}
