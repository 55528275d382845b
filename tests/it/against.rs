//! A session against the venue's published history: what is equal passes, what differs is named
//! with its bar and with the decisions that it changed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use super::history::{MINUTE, START, decimal, trades_csv, walk};
use super::home::Home;

/// A trade: id, cents, hundred-thousandths, microseconds, buyer is maker.
type Row = (u64, u64, u64, u64, bool);

const CONFIG: &str = r#"
[venue]
instruments = ["BTCUSDT"]

[account]
balances = { USDT = 100000 }

[paper]
fills = "last_trade"

[risk]
max_data_age = "1h"
max_silence = "1h"

[[strategy]]
name = "minutes"
kind = "rules"
feed = "bars:1m"
size = "100 USDT"
enter = "close > sma(3)"

[strategy.exit]
when = "close < sma(3)"
"#;

/// A stream's messages, as they are recorded.
fn raw(rows: &[Row]) -> String {
    rows.iter().fold(String::new(), |mut text, (id, price, quantity, at, maker)| {
        let (price, quantity, at) = (decimal(*price, 2), decimal(*quantity, 5), at / 1_000);
        writeln!(
            text,
            r#"{at}000000 {{"stream":"btcusdt@trade","data":{{"e":"trade","E":{at},"s":"BTCUSDT","t":{id},"p":"{price}","q":"{quantity}","T":{at},"m":{maker},"M":true}}}}"#
        )
        .unwrap();
        text
    })
}

/// Binance's `klines` of a minute, of these trades.
fn klines(rows: &[Row]) -> Vec<String> {
    let mut minutes: BTreeMap<u64, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        minutes.entry(row.3 / MINUTE).or_default().push(row);
    }
    let mut last = None;
    let mut lines = Vec::new();
    for minute in START / MINUTE..=rows.last().unwrap().3 / MINUTE {
        let within = minutes.remove(&minute).unwrap_or_default();
        let prices = || within.iter().map(|row| row.1);
        let before = last.unwrap_or_default();
        let open = prices().next().unwrap_or(before);
        let close = prices().next_back().unwrap_or(before);
        last = Some(close);
        let (high, low) = (prices().max().unwrap_or(before), prices().min().unwrap_or(before));
        let volume: u64 = within.iter().map(|row| row.2).sum();
        let value: u64 = within.iter().map(|row| row.1 * row.2).sum();
        let [open, high, low, close] = [open, high, low, close].map(|cents| decimal(cents, 2));
        let (volume, value, count) = (decimal(volume, 5), decimal(value, 7), within.len());
        let at = minute * MINUTE;
        lines.push(format!(
            "{at},{open},{high},{low},{close},{volume},{},{value},{count},0,0,0\n",
            at + MINUTE - 1
        ));
    }
    lines
}

/// A backtest over a tape of these trades; its session.
fn session(home: &Home, name: &str, rows: &[Row]) -> String {
    home.write(&format!("{name}.raw"), raw(rows));
    home.write("minutes.toml", CONFIG);
    let tape = format!("{name}.mcap");
    home.succeed(&["tape", "import", "--format", "raw", &format!("{name}.raw"), "-o", &tape]);
    let run = ["backtest", "--tape", &tape, "--config", "minutes.toml", "--json"];
    let result = home.succeed(&run).json();
    assert!(result["fills"].as_u64() > Some(3), "{result}");
    result["session"].as_str().unwrap().to_owned()
}

fn at(row: &Row) -> String {
    let minutes = (row.3 - START) / MINUTE;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The last trade of a minute in the middle, by its place: the close of its bar.
fn closing(rows: &[Row]) -> usize {
    let middle = rows.len() / 2;
    let ends = |at: &usize| rows[*at].3 / MINUTE < rows[*at + 1].3 / MINUTE;
    (middle..rows.len() - 1).find(ends).unwrap()
}

/// Lost if broken: the reason to trust any bar that a decision was made on.
#[test]
fn what_was_received_is_what_was_published() {
    let home = Home::new();
    let rows = walk(1, 120);
    let session = session(&home, "whole", &rows);
    home.write("BTCUSDT-trades-2025-01-01.csv", trades_csv(&rows));
    home.write("BTCUSDT-1m-2025-01-01.csv", klines(&rows).concat());
    let files = ["BTCUSDT-trades-2025-01-01.csv", "BTCUSDT-1m-2025-01-01.csv"];
    let said = home.succeed(&["diff", &session, "--against", files[0], files[1]]).stdout;
    assert!(said.contains(&format!("equal: {session}, {} trades and ", rows.len())), "{said}");
    let json = home.succeed(&["diff", &session, "--json", "--against", files[1]]).json();
    assert_eq!((&json["equal"], &json["bars_differ"]), (&true.into(), &0.into()));
    assert!(json["bars_compared"].as_u64() > Some(115), "{json}");
    // The tape alone is market data without a run.
    home.succeed(&["diff", "whole.mcap", "--against", files[0], files[1]]);
}

/// Lost if broken: that a wrong close, and the trade made on it, are ever found.
#[test]
fn an_altered_trade_names_its_bar_and_the_decision_on_it() {
    let home = Home::new();
    let rows = walk(1, 120);
    let session = session(&home, "whole", &rows);
    let place = closing(&rows);
    let mut altered = rows.clone();
    // Far enough to turn every comparison with it around.
    let received = rows[place].1;
    altered[place].1 = if received > rows[place - 1].1 { received / 2 } else { received * 2 };
    home.write("BTCUSDT-trades.csv", trades_csv(&altered));
    let finished = home.run(&["diff", &session, "--against", "BTCUSDT-trades.csv"]).expect_code(5);
    let said = finished.stdout;
    let bar = format!("BTCUSDT bar {} close ", at(&rows[place]));
    for words in ["1 altered, 0 not published", &format!("altered: {}, ", rows[place].0), &bar] {
        assert!(said.contains(words), "no {words} in\n{said}");
    }
    let prefix = session.rsplit('-').next().unwrap();
    let below = said.lines().skip_while(|line| !line.starts_with(&bar)).nth(1).unwrap();
    assert!(below.starts_with(&format!("  {prefix}-0-")) && below.contains(" minutes: "), "{said}");
    assert!(below.contains("as published: ") && below.contains("instead of "), "{said}");
    assert!(said.contains("equity at the end "), "{said}");
}

/// Lost if broken: the bar to look at after an outage.
#[test]
fn a_missing_trade_names_its_bar() {
    let home = Home::new();
    let rows = walk(1, 120);
    let place = closing(&rows);
    let received: Vec<Row> = rows.iter().copied().filter(|row| row.0 != rows[place].0).collect();
    let session = session(&home, "holed", &received);
    home.write("BTCUSDT-trades.csv", trades_csv(&rows));
    let against = ["diff", &session, "--json", "--against", "BTCUSDT-trades.csv"];
    let json = home.run(&against).expect_code(5).json();
    assert_eq!(json["trades"][0]["missing"], Value::from(vec![rows[place].0]));
    let bar = &json["bars"][0];
    assert_eq!((&bar["missing"], &bar["field"]), (&1.into(), &"close".into()));
    assert_eq!(bar["open_time"], format!("2025-01-01T{}:00Z", at(&rows[place])));
    let decision = &bar["decisions"][0];
    assert!(decision["decided"].as_str().unwrap().contains("incomplete"), "{json}");
    assert!(!decision["would_be"].as_str().unwrap().contains("incomplete"), "{json}");
    let text = home.run(&["diff", &session, "--against", "BTCUSDT-trades.csv"]).expect_code(5);
    assert!(text.stdout.contains(" trades, 1 missing) against "), "{}", text.stdout);
    // And the other way round: a file that lacks what came.
    let session = self::session(&home, "whole", &rows);
    home.write("BTCUSDT-trades.csv", trades_csv(&received));
    let said = home.run(&["diff", &session, "--against", "BTCUSDT-trades.csv"]).expect_code(5);
    let words = format!("not published: {}", rows[place].0);
    assert!(said.stdout.contains(&words), "{}", said.stdout);
}

/// Lost if broken: the same for whoever has candles only.
#[test]
fn an_altered_candle_names_its_bar_and_the_decision_on_it() {
    let home = Home::new();
    let rows = walk(1, 120);
    let session = session(&home, "whole", &rows);
    let mut lines = klines(&rows);
    let place = lines.len() / 2;
    let mut cells: Vec<String> = lines[place].split(',').map(str::to_owned).collect();
    let (high, low, close) = (cells[2].clone(), cells[3].clone(), cells[4].clone());
    cells[4] = if close == high { low } else { high };
    lines[place] = cells.join(",");
    home.write("BTCUSDT-1m-2025-01-01.csv", lines.concat());
    let against = ["diff", &session, "--against", "BTCUSDT-1m-2025-01-01.csv"];
    let said = home.run(&against).expect_code(5).stdout;
    let bar = format!("BTCUSDT bar {:02}:{:02} close ", place / 60, place % 60);
    assert!(said.contains(&bar), "no {bar} in\n{said}");
    let below = said.lines().skip_while(|line| !line.starts_with(&bar)).nth(1).unwrap();
    assert!(below.contains("-0-") && below.contains(" minutes: "), "{said}");
    assert_eq!(said.matches("BTCUSDT bar ").count(), 1, "{said}");
}

/// Lost if broken: an evening with the file of another day.
#[test]
fn a_file_of_something_else_is_refused_with_both_named() {
    let home = Home::new();
    let rows = walk(1, 30);
    let session = session(&home, "whole", &rows);
    home.write("SOLUSDT-trades-2025-01-01.csv", trades_csv(&rows));
    let day: Vec<Row> = rows
        .iter()
        .map(|(id, price, quantity, at, maker)| {
            (id + 10_000, *price, *quantity, at + 1_440 * MINUTE, *maker)
        })
        .collect();
    home.write("BTCUSDT-trades-2025-01-02.csv", trades_csv(&day));
    let aggregates: Vec<String> =
        trades_csv(&rows).lines().map(|line| format!("{line},True\n")).collect();
    home.write("BTCUSDT-aggTrades-2025-01-01.csv", aggregates.concat());
    let refuses = |file: &str, code: i32, words: &[&str]| {
        home.run(&["diff", &session, "--against", file]).expect_code(code).expect_stderr(words);
    };
    refuses("SOLUSDT-trades-2025-01-01.csv", 2, &["is of SOLUSDT", &session, "BTCUSDT"]);
    let both = ["from 2025-01-02T", "received it from 2025-01-01T"];
    refuses("BTCUSDT-trades-2025-01-02.csv", 2, &both);
    refuses("nosuch.csv", 1, &["nosuch.csv"]);
    home.run(&["diff", &session]).expect_code(2);
    home.run(&["diff", "none", "--against", "SOLUSDT-trades-2025-01-01.csv"]).expect_code(1);
}

/// The same over recorded traffic of a venue.
#[test]
#[ignore = "needs TICKSCOPE_TAPES"]
fn recorded_traffic_equals_its_own_history() {
    let tapes = PathBuf::from(std::env::var_os("TICKSCOPE_TAPES").expect("TICKSCOPE_TAPES"));
    let raw = tapes.join("binance_spot_btcusdt_ethusdt_first300s.raw.zst");
    let home = Home::new();
    let import = ["tape", "import", "--format", "raw", raw.to_str().unwrap(), "-o", "real.mcap"];
    home.succeed(&import);
    let rows = published(&home);
    let result = home.succeed(&["backtest", "--tape", "real.mcap", "--json"]).json();
    let session = result["session"].as_str().unwrap();
    let write = |rows: &[Vec<String>]| {
        let lines: Vec<String> = rows.iter().map(|cells| cells.join(",") + "\n").collect();
        let head = "id,price,qty,time,is_buyer_maker\n";
        home.write("BTCUSDT-trades-2024-08-09.csv", head.to_owned() + &lines.concat());
    };
    let diff = ["diff", session, "--against", "BTCUSDT-trades-2024-08-09.csv"];
    write(&rows);
    let said = home.succeed(&diff).stdout;
    assert!(said.contains(&format!("{0} of {0} rows", rows.len())), "{said}");
    let mut altered = rows.clone();
    altered[rows.len() / 2][1] = "61000.5".to_owned();
    write(&altered);
    let said = home.run(&diff).expect_code(5).stdout;
    assert!(said.contains("1 altered") && said.contains("BTCUSDT bar "), "{said}");
}

/// The trades of a tape as a file of Binance's.
fn published(home: &Home) -> Vec<Vec<String>> {
    let mut reader = tickscope::tape::Reader::open(&home.path("real.mcap")).unwrap();
    let mut rows = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        let Ok(message) = serde_json::from_slice::<Value>(entry.bytes) else { continue };
        let data = &message["data"];
        if data["e"] == "trade" && data["s"] == "BTCUSDT" {
            let text = |key: &str| data[key].as_str().unwrap().to_owned();
            let flag = if data["m"] == true { "True" } else { "False" };
            let (id, time) = (data["t"].to_string(), data["T"].to_string());
            rows.push(vec![id, text("p"), text("q"), time, flag.to_owned()]);
        }
    }
    rows
}
