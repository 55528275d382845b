//! Results: what a trader reads of a backtest, and files of it.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tickscope::app::backtest::Bench;
use tickscope::app::history::Wanted;
use tickscope::app::market::Market;
use tickscope::app::outputs::Nowhere;
use tickscope::app::report::Report;
use tickscope::app::setup;
use tickscope::domain::{OrderKind, Side, Trade};
use tickscope::strategies;
use tickscope::strategy::{
    Context, Exits, Intent, ParamSpec, Params, Size, Strategy, StrategyError, all,
};

use super::home::{Home, number};

/// Rows of ticks: seconds, price, quantity, side of the aggressor.
fn ticks(rows: impl IntoIterator<Item = (u64, String, &'static str, i8)>) -> String {
    let rows = rows.into_iter().enumerate().map(|(id, (at, price, quantity, side))| {
        format!(
            "{},{id},{price},{quantity},{side}\n",
            1_700_000_000_000_000_000 + at * 1_000_000_000
        )
    });
    format!("ts_ns,id,price,qty,side\n{}", rows.collect::<String>())
}

const BENCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/bench-ema.toml");
const MONEY: [&str; 2] = ["--set", "account.balances={ USDT = 10000 }"];

/// A home with an hour and a half of a market that goes up and down.
fn waves() -> Home {
    let home = Home::new();
    let wave = |n: u64| 100 + (n / 100 % 2) * (n % 100) + (1 - n / 100 % 2) * (100 - n % 100);
    home.write("ticks.csv", ticks((0..6_000).map(|n| (n, wave(n).to_string(), "0.5", 1))));
    home
}

fn backtest(home: &Home, more: &[&str]) -> Value {
    let command = ["backtest", "--ticks", "ticks.csv", "--config", BENCH, "--json"];
    home.succeed(&[&command[..], &MONEY, more].concat()).json()
}

fn rows(home: &Home, name: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(home.path(name)).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// Lost if broken: a result that says one thing and a file that says another.
#[test]
fn the_report_the_trades_and_the_equity_of_a_backtest_are_one_story() {
    let home = waves();
    let result = backtest(&home, &["--trades", "trades.csv", "--equity", "equity.csv"]);
    let report = &result["report"];
    let (line, total) = (&report["lines"][0], &report["total"]);
    assert_eq!((&line["strategy"], &line["instrument"]), (&"ema".into(), &"BTCUSDT".into()));
    for key in ["trades", "fills", "pnl", "fees", "net", "max_drawdown", "sharpe", "exposure"] {
        assert_eq!(line[key], total[key], "one line is all: {key}");
    }
    assert_eq!((&total["pnl"], &total["fees"]), (&result["pnl"], &result["fees"]));
    assert_eq!(total["fills"], result["fills"]);

    let trades = rows(&home, "trades.csv");
    assert!(trades.len() > 20, "{}", trades.len());
    assert_eq!(total["trades"].as_u64().unwrap() + 1, trades.len() as u64);
    let column = |name: &str| trades[0].iter().position(|column| column == name).unwrap();
    let sum = |name: &str| {
        trades[1..].iter().map(|row| row[column(name)].parse::<f64>().unwrap()).sum::<f64>()
    };
    assert!((sum("net") - number(total, "net")).abs() < 1e-6);
    assert!((sum("gross") - sum("fees") - sum("net")).abs() < 1e-6);
    for row in &trades[1..] {
        let exit: u64 = row[column("exit_time_ns")].parse().unwrap();
        assert!(exit > row[column("entry_time_ns")].parse().unwrap());
        let decision = &row[column("exit_decision")];
        assert!(
            decision.starts_with(result["session"].as_str().unwrap().rsplit('-').next().unwrap())
        );
    }

    let equity = rows(&home, "equity.csv");
    assert_eq!(equity[0], ["time_ns", "total", "ema BTCUSDT"]);
    assert_eq!(equity[1][1], "10000");
    let end: f64 = equity.last().unwrap()[1].parse().unwrap();
    assert!((end - number(&result, "equity")).abs() < 1e-9);
    // Valued every minute, because it lasts longer than an hour: the first, 99 full ones, the end.
    assert_eq!((&report["sample_s"], equity.len() - 2), (&60.into(), 101));
}

/// Lost if broken: the work of a night, overwritten by the run of a minute.
#[test]
fn a_file_that_is_there_is_not_overwritten_and_a_failed_run_leaves_none() {
    let home = waves();
    home.write("trades.csv", "mine");
    let command = ["backtest", "--ticks", "ticks.csv", "--config", BENCH];
    let run = |more: &[&str]| home.run(&[&command[..], more].concat());
    let words = ["trades.csv", "not overwritten"];
    run(&["--equity", "equity.csv", "--trades", "trades.csv"]).expect_code(7).expect_stderr(&words);
    assert_eq!(fs::read_to_string(home.path("trades.csv")).unwrap(), "mine");
    run(&["--trades", "no/such/folder.csv"]).expect_code(7).expect_stderr(&["folder.csv"]);
    home.write("ticks.csv", "ts_ns,id,price,qty,side\n1,1,x,1,1\n");
    run(&["--trades", "new.csv"]).expect_code(1).expect_stderr(&["ticks.csv:2"]);
    assert!(!home.path("new.csv").exists(), "half a result");
    assert!(!home.path("equity.csv").exists(), "an empty one");
}

/// Lost if broken: the table, and that a bracket of market orders is known to be none.
#[test]
fn the_table_says_what_its_numbers_stand_on() {
    let home = waves();
    let command = ["backtest", "--ticks", "ticks.csv", "--config", BENCH, "--bracket"];
    let said = home.succeed(&[&command[..], &MONEY].concat()).stdout;
    for words in [
        "ema BTCUSDT",
        "total",
        "capital      10000 USDT, valued every 1 min",
        "returns of 1 min",
        "without fees",
        "bracket      one line, because no order rested",
    ] {
        assert!(said.contains(words), "no {words:?} in\n{said}");
    }
    assert_eq!(home.sessions().len(), 1, "what would be the same is not run twice");
    let without = ["backtest", "--ticks", "ticks.csv", "--config", BENCH, "--json"];
    let result = home.succeed(&without).json();
    let total = &result["report"]["total"];
    for key in ["sharpe", "sortino", "max_drawdown_ratio", "pnl_ratio"] {
        assert!(total[key].is_null(), "{key} of no capital: {total}");
    }
}

/// Bids a unit at 99 when it holds nothing, and sells at the market from 105 on.
#[derive(Serialize, Deserialize)]
struct Bidder {
    has_bid: bool,
}

impl Strategy for Bidder {
    const KIND: &'static str = "bidder";
    const PARAMS: &'static [ParamSpec] = &[];

    fn new(_: &Params) -> Result<Self, StrategyError> {
        Ok(Self { has_bid: false })
    }

    fn on_trade(&mut self, ctx: &mut Context<'_>, trade: &Trade) {
        let price = ctx.value("price", trade.price.to_f64());
        let position = ctx.position();
        if !self.has_bid && ctx.decide("bid", all([position.is_flat()])) {
            self.has_bid = true;
            ctx.intend(Intent::Order {
                side: Side::Buy,
                kind: OrderKind::LimitMaker { price: "99".parse().unwrap() },
                size: Size::Quantity("1".parse().unwrap()),
                reduce_only: false,
                exits: Exits::default(),
            });
        }
        if ctx.decide("sell", all([price.gt(104.0), position.is_long()])) {
            ctx.close(Side::Sell);
        }
    }
}

/// The configuration of a bidder, and the six trades that it sees.
fn bidding() -> (Home, String) {
    let home = Home::new();
    let rows =
        [("100", "1", 1), ("100", "1", 1), ("99", "0.25", -1), ("100", "1", 1), ("105", "1", 1)];
    let rows = rows.map(|(price, quantity, side)| (price.to_owned(), quantity, side));
    let rows = (0..).zip(rows).map(|(at, (price, quantity, side))| (at, price, quantity, side));
    let last = (9, "105".to_owned(), "1", 1);
    home.write("ticks.csv", ticks(rows.chain([last])));
    let config = fs::read_to_string(BENCH).unwrap().replace("= {} ", "= { USDT = 10000 } ");
    let config = config.split("[[strategy]]").next().unwrap().to_owned()
        + "[[strategy]]\nname = \"bidder\"\nkind = \"bidder\"\nfeed = \"trades\"\nsize = \"1\"\n";
    home.write("bidder.toml", &config);
    (home, config)
}

fn bidder(home: &Home, config: &str, queue: &str) -> Report {
    let registry = strategies![Bidder];
    let set = [format!("paper.queue={queue:?}")];
    let loaded = setup::load_text(config, &set, &registry).unwrap();
    let files = vec![home.path("ticks.csv")];
    let market = Market::Files { files, wanted: Wanted::Ticks, instrument: None };
    let (plan, opened) = market.open(&loaded, &registry).unwrap();
    let mut nowhere = Nowhere;
    let mut bench = Bench::new(&plan, &registry, false, &mut nowhere).unwrap();
    bench.run(loaded.canonical(), opened, true).unwrap();
    bench.report(&plan)
}

/// Lost if broken: the question whether a result is the strategy's or the queue model's.
#[test]
fn a_resting_order_is_worth_what_its_queue_lets_it() {
    let (home, config) = bidding();
    let (low, high) =
        (bidder(&home, &config, "conservative"), bidder(&home, &config, "optimistic"));
    assert_eq!((low.rested, high.rested), (1, 1));
    // Bought at 99, sold at 105, five basis points of both.
    let of = |report: &Report| {
        let total = &report.total;
        (total.trades, total.gross.to_string(), total.fees.to_string())
    };
    assert_eq!(of(&low), (1, "1.5".to_owned(), "0.0255".to_owned()), "a quarter traded there");
    assert_eq!(of(&high), (1, "6".to_owned(), "0.102".to_owned()));
    assert_eq!(high.total.holding_s, Some(2.0));
    assert_eq!(high.total.buy_and_hold.unwrap().pnl.to_string(), "500");
}

/// Lost if broken: both columns, and that each can be replayed. No built-in strategy rests orders:
/// this test is also the program that has one, when it is started by itself.
#[test]
fn a_bracket_shows_both_columns() {
    const ARGUMENTS: &str = "TICKSCOPE_TEST_ARGUMENTS";
    if let Some(arguments) = std::env::var_os(ARGUMENTS) {
        let arguments = arguments.into_string().unwrap();
        let words = arguments.split(' ').map(OsString::from);
        let _ = tickscope::run_with(words, strategies![Bidder]);
        return;
    }
    let (home, _) = bidding();
    let program = |arguments: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["results::a_bracket_shows_both_columns", "--exact", "--nocapture"]);
        command.env_clear().envs(home.environment()).env(ARGUMENTS, arguments);
        command.current_dir(home.path("."));
        home.start_command(command).finish().expect_code(0).stdout
    };
    let said = program("tickscope backtest --ticks ticks.csv --config bidder.toml --bracket");
    let row = |name: &str| {
        let mut rows = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.find(|words| words.first() == Some(&name))
            .unwrap_or_else(|| panic!("{name} in {said}"))
    };
    assert_eq!(row("queue"), ["queue", "conservative", "optimistic"]);
    assert_eq!(row("rested"), ["rested", "1", "1"]);
    assert_eq!(row("PnL"), ["PnL", "1.47", "5.90"]);
    assert_eq!(row("fees"), ["fees", "0.03", "0.10"]);
    for queue in &row("session")[1..] {
        let verdict = program(&format!("tickscope replay {queue} --verify"));
        assert!(verdict.contains(": equal, "), "{verdict}");
    }
    assert_eq!(home.sessions().len(), 2);
}
