//! What cannot be is refused, with its line.

use super::*;

/// What is said of a text must hold this.
fn check(text: &str, expected: &str) {
    let name = if text.starts_with("17") { "BTCUSDT-1m-2025-01.csv" } else { "BTCUSDT.csv" };
    let said = facts(name, text).unwrap_err();
    assert!(said.contains(expected), "{said}\nfor {text}");
}

/// Lost if broken: the sentence that says where a file is broken, or the file that passes as whole.
#[test]
fn what_cannot_be_is_refused_with_its_line() {
    let row = |trade: &str| format!("{TWO_TRADES}{trade}\n");
    check("", "BTCUSDT.csv: is empty");
    check("\n\n", "BTCUSDT.csv: is empty");
    check(TRADES, "BTCUSDT.csv: has a header and no rows");
    check("1,2,3\n", "BTCUSDT.csv:1: a row has 7 columns of trades");
    // Cut off, or glued together.
    check(&row("9,100.5,1.0,100.5,17356"), "BTCUSDT.csv:3: has 5 columns where the file has 7");
    check(
        &row("9,100.5,1.0,100.5,1735689600000003,True,Tr"),
        ":3: is_best_match \"Tr\" is not True or",
    );
    check(&row(TWO_BARS), "BTCUSDT.csv:3: has 12 columns where the file has 7");
    check(&row(TRADES), "BTCUSDT.csv:3: price \"price\" is not a plain decimal number");
    check(&format!("{TWO_TRADES}\n{TWO_TRADES}"), ":4: line 3 is empty, and rows follow");
    // Columns in another order.
    check(
        "7,100,200,2,1735689600000001,True,True\n",
        ":1: quote_qty \"2\" is not price 100 times qty 200",
    );
    check(
        "7,100,2,79,70,1735689600000001,True,True\n",
        ":1: first_trade_id 79 is after last_trade_id 70",
    );
    check(
        &TWO_BARS.replace("102.0,99.0", "99.0,102.0"),
        ":1: open 100 is not between low 102 and high 99",
    );
    check(
        &TWO_BARS.replace("1005.0,4,3.0,301.5", "3.0,4,1005.0,301.5"),
        ":1: quote_volume 3 is no sum",
    );
    check(&TWO_BARS.replace("10.0,", "0.0,"), ":1: 4 trades and a volume of 0");
    check(&TWO_BARS.replace(",3.0,301", ",30.0,301"), ":1: taker_buy_volume is above volume 10");
    check("1,100,2,200,77,True,True\n", ":1: time 77 is no time of 2001 to 2099");
}

/// Lost if broken: a backtest that bought at a price of nothing.
#[test]
fn numbers_and_times_that_are_none_are_refused() {
    let row = |trade: &str| format!("{TWO_TRADES}{trade}\n");
    // Numbers that are none.
    for (price, quantity, expected) in [
        ("0", "1", "price 0 is not above zero"),
        ("-5", "1", "price -5 is not above zero"),
        ("NaN", "1", "price \"NaN\" is not a plain decimal number"),
        ("1e5", "1", "price \"1e5\" is not a plain"),
        ("", "1", "price \"\" is not a plain"),
        ("100", "0.000", "qty 0 is not above zero"),
        ("100", "-1", "qty -1 is not above zero"),
        ("100", "nan", "qty \"nan\" is not a plain"),
    ] {
        check(&row(&format!("9,{price},{quantity},100,1735689600000003,True,True")), expected);
    }
    check(&row("-9,100,1,100,1735689600000003,True,True"), "id \"-9\" is not a whole number");
    // Times.
    check(
        &row("9,100,1,100,1735689600001,True,True"),
        ":3: time 1735689600001 is in milliseconds, and the rows above are in microseconds",
    );
    check(
        &row("9,100,1,100,1735689600000000,True,True"),
        ":3: goes back in time behind BTCUSDT.csv:2",
    );
    check(
        &row("6,100,1,100,1735689600000002,True,True"),
        ":3: trade 6 comes after trade 8 of BTCUSDT.csv:2",
    );
    check(
        &row("8,100,1,100,1735689600000002,True,True"),
        ":3: trade 8 has other values than in BTCUSDT.csv:2",
    );
    check(&TWO_BARS.replace("719999", "959999"), ":2: is a bar of 5m, and the file's are 1m");
    check(&TWO_BARS.replace("659999", "660000"), ":1: close_time is 60 s after open_time");
    let shifted = TWO_BARS.replace("689600000", "689610000").replace("659999", "669999");
    check(&shifted, ":1: bars of 1m do not start on multiples of 1m here");
    let twice =
        TWO_BARS.replace("1735689660000,101.0", "1735689600000,101.0").replace("719999", "659999");
    check(&twice, ":2: the bar has other values than in BTCUSDT-1m-2025-01.csv:1");
    let hours = facts("BTCUSDT-1h-2025-01.csv", TWO_BARS).unwrap_err();
    assert_eq!(hours, "BTCUSDT-1h-2025-01.csv:1: is a bar of 1m, and the file's are 1h");
    let weeks = facts("BTCUSDT-1w-2025-01.csv", TWO_BARS).unwrap_err();
    assert!(weeks.contains("has bars of 1w, which are not of one length"), "{weeks}");
}

/// Lost if broken: a sentence instead of noise, for what is no table at all.
#[test]
fn bytes_that_are_no_text_are_refused() {
    let broken = [TWO_TRADES.as_bytes(), b"9,\xFF\xFE,1,100,1735689600000003,True,True\n"].concat();
    let said = facts("BTCUSDT.csv", broken).unwrap_err();
    assert_eq!(said, "BTCUSDT.csv:3: price is not text in UTF-8");
    let said = facts("BTCUSDT.csv", b"\xFF\xFEi\0d\0").unwrap_err();
    assert_eq!(said, "BTCUSDT.csv:1: is neither text in UTF-8 nor Parquet nor a zip");
    assert_eq!(facts("x.mcap", b"\x89MCAP0\r\n").unwrap_err(), "x.mcap: is a tape: use --tape");
    let said = facts("BTCUSDT.csv", "1".repeat(5_000)).unwrap_err();
    assert!(said.contains("longer than 4096 bytes"), "{said}");
    assert!(facts("nameless.csv", TWO_TRADES).unwrap_err().contains("use --instrument"));
}
