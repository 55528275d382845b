//! What would be lost with a ledger: money, or the trust in it.

use super::*;
use crate::domain::{Liquidity, Num, Price, Quantity, Side};

fn num(text: &str) -> Num {
    text.parse().unwrap()
}

fn checkpoint(seq: u64, balance: &str) -> Checkpoint {
    Checkpoint {
        run: RunId("20261126-170412-k7f3".to_owned()),
        directory: "/sessions/20261126-170412-k7f3".to_owned(),
        seq,
        time: UnixNanos(1_764_176_652_000_000_001),
        config: "[run]\n".to_owned(),
        state: vec![0, 1, 255],
        standing: format!(
            r#"{{"balances":[["USDT","{balance}"]],"positions":[{{"strategy":"trend",
            "instrument":"BTCUSDT","position":{{"quantity":"0.01","fees":"0.6","fills":1}}}}]}}"#
        ),
    }
}

fn fill(trade: u64) -> FillRow {
    FillRow {
        trade,
        run: RunId("20261126-170412-k7f3".to_owned()),
        seq: 41,
        time: UnixNanos(1_764_176_651_000_000_000),
        strategy: "trend".to_owned(),
        instrument: "BTCUSDT".to_owned(),
        order: 3,
        side: Side::Buy,
        price: Price::new(num("61659.48")),
        quantity: Quantity::new(num("0.01")).unwrap(),
        liquidity: Liquidity::Taker,
        fee: num("0.00001"),
        fee_asset: "BTC".to_owned(),
        day: day("0.1"),
    }
}

fn day(fees: &str) -> DayRow {
    DayRow {
        day: "2026-11-26".to_owned(),
        strategy: "trend".to_owned(),
        instrument: "BTCUSDT".to_owned(),
        fills: 1,
        realised: num("-0.1"),
        fees: num(fees),
        turnover: num("616.5948"),
    }
}

fn batch(trade: u64) -> Batch {
    let blocker = BlockerRow {
        day: "2026-11-26".to_owned(),
        strategy: "trend".to_owned(),
        blocker: "rsi < 30".to_owned(),
        count: 7,
    };
    let equity =
        EquityRow { day: "2026-11-26".to_owned(), equity: num("9999.9"), peak: num("10000") };
    Batch { fills: vec![fill(trade)], blockers: vec![blocker], equity: Some(equity), ends: false }
}

/// Lost if broken: a fill counted twice after a restart, or cents in a sum of floats.
#[test]
fn commits_add_up_exactly_and_a_fill_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let mut ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.last().unwrap(), None);
    ledger.commit(&batch(1), &checkpoint(41, "9383.4")).unwrap();
    for trade in 2..=3 {
        ledger.commit(&batch(trade), &checkpoint(40 + trade, "9383.41")).unwrap();
    }
    drop(ledger);
    let mut ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.last().unwrap(), Some(checkpoint(43, "9383.41")));
    let days = ledger.days().unwrap();
    assert_eq!((days.len(), days[0].fills, days[0].fees), (1, 3, num("0.3")));
    assert_eq!(days[0].realised, num("-0.3"));
    let count = |ledger: &Ledger, of: &str| -> i64 {
        let query = format!("SELECT {of}");
        ledger.db.query_row(&query, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&ledger, "count FROM blockers WHERE day = '2026-11-26'"), 21);
    let again = Batch { fills: vec![fill(3)], ..Batch::default() };
    ledger.commit(&again, &checkpoint(44, "9383.41")).unwrap();
    assert_eq!(count(&ledger, "count(*) FROM fills WHERE fee = '0.00001'"), 3);
    assert_eq!(ledger.days().unwrap()[0].fills, 3, "a fill that is there adds nothing to its day");
}

/// Lost if broken: the answer of any SQLite tool to "what do I hold?".
#[test]
fn views_read_the_standing() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(&folder.path().join("ledger.db")).unwrap();
    ledger.commit(&Batch::default(), &checkpoint(1, "10000.50")).unwrap();
    let held = ledger.db.query_row("SELECT asset, amount FROM balances", [], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    });
    assert_eq!(held.unwrap(), ("USDT".to_owned(), "10000.50".to_owned()));
    let held = ledger.db.query_row("SELECT quantity FROM positions", [], |row| row.get(0));
    assert_eq!(held, Ok("0.01".to_owned()));
}

/// Lost if broken: an account that an older program writes over.
#[test]
fn a_ledger_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path).unwrap();
    ledger.db.execute_batch("PRAGMA user_version = 7;").unwrap();
    drop(ledger);
    let error = Ledger::open(&path).unwrap_err().to_string();
    assert!(error.contains("a ledger of version 7, this tickscope reads up to 1"), "{error}");
}

/// Lost if broken: a sentence in place of a panic when the file is something else.
#[test]
fn a_file_that_is_no_ledger_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    std::fs::write(&path, "this is no database, and long enough to be looked at".repeat(99))
        .unwrap();
    let error = Ledger::open(&path).unwrap_err().to_string();
    assert!(error.contains("ledger.db cannot be used"), "{error}");
}

/// Lost if broken: the newest run, to an older one, because a clock was set back.
#[test]
fn runs_are_in_the_order_in_which_they_began() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(&folder.path().join("ledger.db")).unwrap();
    for (name, started) in [("20261126-170412-zzzz", 9), ("20261126-160412-aaaa", 5)] {
        let row = SessionRow {
            run: RunId(name.to_owned()),
            directory: String::new(),
            started: UnixNanos(started),
            heir_of: None,
            seq: None,
            ended: false,
        };
        ledger.begin(&row, &Batch::default()).unwrap();
    }
    let names: Vec<_> = ledger.sessions().unwrap().into_iter().map(|row| row.run.0).collect();
    assert_eq!(names, ["20261126-170412-zzzz", "20261126-160412-aaaa"]);
}
