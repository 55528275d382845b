//! History in files: the same data gives the same decisions however it is packed, and what a
//! configuration cannot have of it is said before anything runs.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::Value;

use super::home::Home;

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/history.toml");
/// 2025-01-01, in microseconds.
pub const START: u64 = 1_735_689_600_000_000;
pub const MINUTE: u64 = 60_000_000;
/// What must be the same of two runs over the same data.
const SAME: [&str; 9] = [
    "output_hash",
    "frames",
    "events",
    "evaluations",
    "signals",
    "orders",
    "fills",
    "pnl",
    "equity",
];

/// Trades of a walk: id, cents, hundred-thousandths, microseconds, buyer is maker.
pub fn walk(seed: u64, minutes: u64) -> Vec<(u64, u64, u64, u64, bool)> {
    let mut state = seed;
    let mut draw = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut at, mut price, mut id) = (START, 9_000_000 + seed, 100);
    let mut trades = Vec::new();
    while at < START + minutes * MINUTE {
        trades.push((id, price, 1 + draw(100_000), at, draw(2) == 0));
        at += 1 + draw(20_000_000);
        price = price + draw(8_001) - 4_000;
        id += 1;
    }
    trades
}

pub fn decimal(number: u64, digits: u32) -> String {
    let power = 10_u64.pow(digits);
    format!("{}.{:0width$}", number / power, number % power, width = digits as usize)
}

/// As Binance's spot `trades`: no header, microseconds.
pub fn trades_csv(rows: &[(u64, u64, u64, u64, bool)]) -> String {
    rows.iter().fold(String::new(), |mut text, (id, price, quantity, at, maker)| {
        let flag = if *maker { "True" } else { "False" };
        let value = decimal(price * quantity, 7);
        let (price, quantity) = (decimal(*price, 2), decimal(*quantity, 5));
        writeln!(text, "{id},{price},{quantity},{value},{at},{flag},True").unwrap();
        text
    })
}

/// As tickscope's own ticks.
fn ticks_csv(rows: &[(u64, u64, u64, u64, bool)]) -> String {
    let head = "ts_ns,id,price,qty,side\n".to_owned();
    rows.iter().fold(head, |mut text, (id, price, quantity, at, maker)| {
        let side = if *maker { -1 } else { 1 };
        let (price, quantity) = (decimal(*price, 2), decimal(*quantity, 5));
        writeln!(text, "{at}000,{id},{price},{quantity},{side}").unwrap();
        text
    })
}

/// As Binance's spot `klines` of a minute; the first trade of a minute is all of it.
fn klines_csv(seed: u64, minutes: u64) -> String {
    let mut text = String::new();
    let mut price = 9_000_000;
    for (minute, (_, close, volume, _, _)) in (0..minutes).zip(walk(seed, minutes)) {
        let (open, at) = (price, START + minute * MINUTE);
        price = close;
        let (low, high) = (open.min(close), open.max(close));
        let value = decimal(low * volume, 7);
        let [open, high, low, close] = [open, high, low, close].map(|cents| decimal(cents, 2));
        let (volume, end) = (decimal(volume, 5), at + MINUTE - 1);
        writeln!(text, "{at},{open},{high},{low},{close},{volume},{end},{value},3,0,0,0").unwrap();
    }
    text
}

fn zip(home: &Home, name: &str, inner: &str, text: &str) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(home.path(name)).unwrap());
    zip.start_file(inner, zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(text.as_bytes()).unwrap();
    zip.finish().unwrap();
}

/// A backtest with the configuration for history, of which these are more words.
fn backtest<'a>(home: &Home, words: &[&'a str]) -> Value {
    let all: Vec<&'a str> =
        ["backtest", "--config", CONFIG, "--json"].iter().chain(words).copied().collect();
    home.succeed(&all).json()
}

fn expect_same(one: &Value, other: &Value) {
    for key in SAME {
        assert_eq!(one[key], other[key], "{key}");
    }
}

/// Lost if broken: any conclusion from a backtest, if it depended on how the data was packed.
#[test]
fn a_csv_of_binance_and_its_tape_give_the_same_decisions() {
    let home = Home::new();
    let both = r#"venue.instruments=["BTCUSDT","ETHUSDT"]"#;
    for (name, seed) in [("BTCUSDT", 1), ("ETHUSDT", 2)] {
        let (trades, bars) = (trades_csv(&walk(seed, 900)), klines_csv(seed, 900));
        home.write(&format!("{name}-trades-2025-01-01.csv"), &trades);
        home.write(&format!("{name}-1m-2025-01-01.csv"), &bars);
        zip(&home, &format!("{name}-trades-2025-01-01.zip"), "a.csv", &trades);
        zip(&home, &format!("{name}-1m-2025-01-01.zip"), "a.csv", &bars);
    }
    for (word, kind) in [("--ticks", "trades"), ("--bars", "1m")] {
        let file = |name: &str, packing: &str| format!("{name}-{kind}-2025-01-01.{packing}");
        let csv = [file("BTCUSDT", "csv"), file("ETHUSDT", "csv")];
        let files = backtest(&home, &["--set", both, word, &csv[0], &csv[1]]);
        assert!(files["fills"].as_u64() > Some(10), "{files}");
        assert_eq!(
            files["fill_model"].as_str().map(|model| &model[..16]),
            Some("fills=last_trade")
        );
        let zips = [file("BTCUSDT", "zip"), file("ETHUSDT", "zip")];
        expect_same(&files, &backtest(&home, &["--set", both, word, &zips[0], &zips[1]]));
        let tape = format!("{kind}.mcap");
        let said = home.succeed(&["tape", "import", &csv[0], &zips[1], "-o", &tape]).stdout;
        assert!(
            said.contains(&format!("{}: ", csv[0])) && said.contains("0 rows in 0 gaps"),
            "{said}"
        );
        let taped = backtest(&home, &["--set", both, "--tape", &tape]);
        expect_same(&files, &taped);
        assert_eq!(files["history"]["gaps"], taped["history"]["gaps"]);
    }
    // A decision's record is its values and rules, not where they came from.
    home.write("BTCUSDT.csv", ticks_csv(&walk(1, 900)));
    let own = backtest(&home, &["--ticks", "BTCUSDT.csv"]);
    expect_same(&own, &backtest(&home, &["--ticks", "BTCUSDT-trades-2025-01-01.csv"]));
}

/// Lost if broken: a result over a year of which a day was never there.
#[test]
fn what_was_dropped_and_what_was_missing_is_part_of_the_result() {
    let home = Home::new();
    let lines: Vec<String> = klines_csv(1, 300).lines().map(|line| format!("{line}\r\n")).collect();
    let holed = [&lines[..100], &lines[99..100], &lines[160..]].concat().concat();
    home.write("BTCUSDT-1m-2025-01.csv", format!("\u{feff}{holed}"));
    let run = ["--bars", "BTCUSDT-1m-2025-01.csv", "--set", "strategy.trend.feed=bars:1h"];
    let result = backtest(&home, &run);
    let history = &result["history"];
    assert_eq!(history["duplicates"], 1);
    assert_eq!(history["files"][0]["format"], "klines of 1m");
    let gap = &history["gaps"]["first"][0];
    assert_eq!((&gap["instrument"], &gap["missing"]), (&"BTCUSDT".into(), &60.into()));
    assert_eq!(gap["from"], "2025-01-01T01:40:00Z");
    assert_eq!(gap["to"], "2025-01-01T02:40:00Z");
    // Five hours, of which the second and the third lack minutes.
    assert_eq!((&result["evaluations"], &result["partial_bars"]), (&5.into(), &2.into()));
    assert_eq!(result["bar_incomplete"], 2, "no rule holds on half an hour");
    let text = home.succeed(&[&["backtest", "--config", CONFIG][..], &run].concat()).stdout;
    for words in
        ["klines of 1m of BTCUSDT, 240 rows, 1 duplicates", "60 rows in 1 gaps", "01:40:00Z to"]
    {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
}

/// Lost if broken: an evening, to a configuration that quietly did nothing or something else.
#[test]
fn what_files_do_not_have_is_refused_with_what_works() {
    let home = Home::new();
    home.write("BTCUSDT-1m-2025-01.csv", klines_csv(1, 30));
    home.write("BTCUSDT-trades-2025-01.csv", trades_csv(&walk(1, 30)));
    home.write("SOLUSDT-trades-2025-01.csv", trades_csv(&walk(1, 30)));
    let (bars, trades) =
        (["--bars", "BTCUSDT-1m-2025-01.csv"], ["--ticks", "BTCUSDT-trades-2025-01.csv"]);
    let refuses = |code: i32, from: [&str; 2], set: &str, words: &[&str]| {
        let all = ["backtest", "--config", CONFIG, from[0], from[1], "--set", set];
        home.run(&all).expect_code(code).expect_stderr(words);
    };
    let works = "\"last_trade\" works";
    refuses(3, trades, "paper.fills=book", &["needs an order book", works]);
    refuses(3, bars, "paper.fills=touch", &["needs quotes", works]);
    refuses(
        3,
        bars,
        "strategy.trend.feed=bars:1s",
        &["bars of 1s", "bars of 1m, of which shorter"],
    );
    refuses(3, bars, "strategy.trend.feed=bars:90s", &["not made of whole bars of 1m"]);
    refuses(3, bars, "strategy.trend.feed=trades", &["use \"bars:1m\"", "--ticks"]);
    for feed in ["ticks:100", "volume:10", "notional:100000"] {
        let set = format!("strategy.trend.feed={feed}");
        refuses(3, bars, &set, &[feed, "made of trades", "--ticks"]);
    }
    refuses(3, trades, "strategy.trend.feed=quotes", &["quotes, which"]);
    let sol = ["--ticks", "SOLUSDT-trades-2025-01.csv"];
    refuses(3, sol, "run.name=x", &["is of SOLUSDT", "venue.instruments is BTCUSDT"]);
    refuses(1, ["--ticks", bars[1]], "run.name=x", &["holds klines: use --bars"]);
    refuses(1, ["--bars", trades[1]], "run.name=x", &["holds trades: use --ticks"]);
    assert!(home.sessions().is_empty(), "a run that never was left a session");
    home.run(&["backtest", bars[0], bars[1], trades[0], trades[1]]).expect_code(2);
    let import = ["tape", "import", "--format", "trades", bars[1], "-o", "x.mcap"];
    home.run(&import).expect_code(1).expect_stderr(&["holds klines, not trades"]);
    home.succeed(&["tape", "import", bars[1], "-o", "bars.mcap"]);
    let served = ["sim", "--tape", "bars.mcap", "--port", "0", "--for", "1s"];
    home.run(&served).expect_code(1).expect_stderr(&["holds no messages to serve"]);
    let shorter = ["backtest", "--tape", "bars.mcap", "--config", CONFIG, "--set"];
    let words = ["of which shorter ones cannot be made"];
    home.run(&[&shorter[..], &["strategy.trend.feed=bars:1s"]].concat())
        .expect_code(3)
        .expect_stderr(&words);
}

/// Lost if broken: the row to look at, and a word in the session that its run did not end well.
#[test]
fn a_row_that_cannot_be_ends_the_run_and_leaves_no_tape() {
    let home = Home::new();
    let whole = klines_csv(1, 6_000);
    home.write("BTCUSDT-1m-2025-01.csv", &whole[..whole.len() - 30]);
    let words = ["BTCUSDT-1m-2025-01.csv:6000: has "];
    let run = ["backtest", "--config", CONFIG, "--bars", "BTCUSDT-1m-2025-01.csv"];
    home.run(&run).expect_code(1).expect_stderr(&words);
    let listed = home.succeed(&["sessions"]).stdout;
    assert!(listed.contains("BTCUSDT-1m-2025-01.csv:6000: has "), "{listed}");
    let import = ["tape", "import", "BTCUSDT-1m-2025-01.csv", "-o", "x.mcap"];
    home.run(&import).expect_code(1).expect_stderr(&words);
    assert!(!home.path("x.mcap").exists(), "half a tape was left");
    let kept = home.write("kept.mcap", "a tape of last year");
    for source in ["BTCUSDT-1m-2025-01.csv", "nosuch.csv"] {
        assert_ne!(home.run(&["tape", "import", source, "-o", "kept.mcap"]).code, Some(0));
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "a tape of last year");
    }
}

/// What the exits of a strategy are set to.
const EXITS: [&str; 4] =
    ["--set", "strategy.trend.exit.stop=0.05%", "--set", "strategy.trend.exit.take_profit=0.05%"];

/// Lost if broken: that a stop of a backtest over bars closes anything.
#[test]
fn exits_close_within_bars_as_within_trades() {
    let home = Home::new();
    home.write("BTCUSDT-1m-2025-01.csv", klines_csv(1, 900));
    let run = ["--bars", "BTCUSDT-1m-2025-01.csv"];
    let plain = backtest(&home, &run);
    let guarded = backtest(&home, &[&run[..], &EXITS].concat());
    assert!(plain["fills"].as_u64() > Some(0), "{plain}");
    assert_ne!(guarded["pnl"], plain["pnl"]);
}

/// Lost if broken: the proof that a result over files is what their bytes give.
#[test]
fn a_backtest_over_files_replays_from_the_same_files_only() {
    let home = Home::new();
    let names = ["BTCUSDT-1m-2025-01.csv", "ETHUSDT-1m-2025-01.csv", "minutes.csv"];
    home.write(names[0], klines_csv(1, 600));
    home.write(names[1], klines_csv(2, 600));
    home.write(names[2], klines_csv(1, 600));
    let both = r#"venue.instruments=["BTCUSDT","ETHUSDT"]"#;
    let several = ["--set", both, "--bars", names[0], names[1]];
    let named = ["--set", both, "--bars", names[2], "--instrument", "BTCUSDT"];
    for run in [&several[..], &named] {
        let result = backtest(&home, &[run, &EXITS].concat());
        assert!(result["fills"].as_u64() > Some(0), "{result}");
        let session = result["session"].as_str().unwrap();
        let said = home.succeed(&["replay", session, "--verify"]).stdout;
        assert!(said.contains("equal, "), "{said}");
    }
    let result = backtest(&home, &several);
    let session = result["session"].as_str().unwrap();
    home.write(names[1], klines_csv(3, 600));
    let changed = ["ETHUSDT-1m-2025-01.csv, of which one has changed since"];
    home.run(&["replay", session]).expect_code(5).expect_stderr(&changed);
    std::fs::remove_file(home.path(names[1])).unwrap();
    let gone = ["ETHUSDT-1m-2025-01.csv, which is no longer there"];
    home.run(&["replay", session]).expect_code(1).expect_stderr(&gone);
    home.succeed(&["tape", "import", names[0], "-o", "bars.mcap"]);
    let taped = backtest(&home, &["--tape", "bars.mcap"]);
    home.succeed(&["replay", taped["session"].as_str().unwrap(), "--verify"]);
}
