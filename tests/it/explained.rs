//! The explained share: an order that no recorded rule guards is found, counted and named.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tickscope::app::cli::{ConfigArgs, StrategyCheckArgs};
use tickscope::app::strategy_check::{self, Verdict};
use tickscope::domain::Fill;
use tickscope::strategy::{
    Context, ParamSpec, Params, Prices, Strategy, StrategyError, StrategyKind, all,
};

use super::home::{Home, busy};

/// Asks a bare flag and then nobody at all, in turn.
#[derive(Serialize, Deserialize)]
struct Mute {
    trades: u64,
}

impl Strategy for Mute {
    const KIND: &'static str = "mute";
    const PARAMS: &'static [ParamSpec] = &[];

    fn new(_: &Params) -> Result<Self, StrategyError> {
        Ok(Self { trades: 0 })
    }

    fn on_prices(&mut self, ctx: &mut Context<'_>, _: Prices) {
        self.trades += 1;
        if self.trades.is_multiple_of(2) {
            ctx.buy();
            return;
        }
        let lucky = ctx.flag("lucky", true);
        if ctx.decide("enter_long", lucky) {
            ctx.buy();
        }
    }
}

/// Decides an empty rule; after its first fill it says once that it cannot, after its third it panics.
#[derive(Serialize, Deserialize)]
struct Hollow {
    fills: u64,
    said: bool,
}

impl Strategy for Hollow {
    const KIND: &'static str = "hollow";
    const PARAMS: &'static [ParamSpec] = &[];

    fn new(_: &Params) -> Result<Self, StrategyError> {
        Ok(Self { fills: 0, said: false })
    }

    fn on_prices(&mut self, ctx: &mut Context<'_>, _: Prices) {
        match self.fills {
            3 => panic!("after the third fill"),
            1 if !self.said => {
                self.said = true;
                ctx.fail("no funding rate yet");
            }
            _ if ctx.decide("enter_long", all([])) => {
                ctx.buy();
            }
            _ => {}
        }
    }

    fn on_fill(&mut self, _: &Fill) {
        self.fills += 1;
    }
}

fn config(home: &Home, kind: &str) -> PathBuf {
    let config = format!(
        "[venue]\ninstruments = [\"BTCUSDT\"]\n\n[[strategy]]\nname = \"mine\"\nkind = \"{kind}\"\n\
         feed = \"trades\"\nsize = \"100 USDT\"\n"
    );
    home.write(&format!("{kind}.toml"), config)
}

fn check(home: &Home, kind: &str, all: bool, registry: &[StrategyKind]) -> Verdict {
    let tape = home.session().display().to_string();
    let config = ConfigArgs { config: Some(config(home, kind)), set: Vec::new() };
    let args = StrategyCheckArgs { tape, config, all, json: false };
    strategy_check::check(&args, registry).unwrap()
}

/// Lost if broken: an order about which nobody can ever say why.
#[test]
fn an_order_that_no_rule_guards_is_named() {
    let home = Home::new();
    home.succeed(&["run", "--headless", "--for", "3s", "--config", busy()]);
    let mute = [StrategyKind::of::<Mute>()];
    let verdict = check(&home, "mute", false, &mute);
    let mine = &verdict.strategies[0];
    assert!(!verdict.is_whole() && mine.orders > 3 && mine.explained == 0, "{verdict:?}");
    assert_eq!(mine.unexplained.len(), 3);
    let because: Vec<_> = mine.unexplained.iter().map(|order| order.because.as_str()).collect();
    assert!(because.contains(&"enter_long rests on the bare flag lucky"), "{because:?}");
    assert!(because.contains(&"no rule was decided"), "{because:?}");
    let text = verdict.text();
    assert!(text.contains("mine: explained 0 %, 0 of ") && text.contains(" more"), "{text}");
    // No session has these decisions: what an order was, and how to get at one, stands in their place.
    let first = &mine.unexplained[0];
    assert_eq!(first.decision, None);
    assert!(first.input > 0 && first.instrument == "BTCUSDT", "{first:?}");
    assert!(text.contains("BUY 0.00") && text.contains("  input "), "{text}");
    assert!(text.contains("next: tickscope backtest --tape ") && !text.contains(" -0-"), "{text}");
    let every = check(&home, "mute", true, &mute);
    let (named, mine) = (every.strategies[0].unexplained.len() as u64, &every.strategies[0]);
    assert_eq!(named, mine.orders - mine.explained + mine.refused - mine.refused_explained);
}

/// Lost if broken: a rule that always holds and compares nothing passes for a reason; a strategy that
/// broke down after its first orders passes for a quiet one.
#[test]
fn an_empty_rule_explains_nothing_and_faults_are_told() {
    let home = Home::new();
    home.succeed(&["run", "--headless", "--for", "3s", "--config", busy()]);
    let verdict = check(&home, "hollow", false, &[StrategyKind::of::<Hollow>()]);
    let mine = &verdict.strategies[0];
    assert!(mine.orders > 0 && mine.explained == 0, "{verdict:?}");
    assert_eq!((mine.panics.count > 0, mine.failures.count), (true, 1), "{verdict:?}");
    let text = verdict.text();
    assert!(text.contains(", first in BTCUSDT at "), "{text}");
    assert!(
        text.contains("after the third fill") && text.contains("no funding rate yet"),
        "{text}"
    );
}

/// Lost if broken: a check of a backtest that runs something else, and counts what no other command
/// counts.
#[test]
fn a_backtest_is_checked_as_it_was_and_counted_as_it_counts() {
    let home = Home::new();
    home.succeed(&["run", "--headless", "--for", "4s", "--config", busy()]);
    // What a second order would hold exceeds the limit: it is refused.
    let limit = "risk.max_position_notional=150";
    let ran = ["backtest", "--tape", "last", "--set", limit, "--json"];
    let ran = home.succeed(&ran).json();
    let found = home.succeed(&["strategy", "check", "--json"]).json();
    assert_eq!(found["tape"], ran["session"], "{found}");
    let sum = |key: &str| -> u64 {
        let shares = found["strategies"].as_array().unwrap();
        shares.iter().map(|share| share[key].as_u64().unwrap()).sum()
    };
    assert_eq!(sum("orders"), ran["orders"].as_u64().unwrap(), "{found} {ran}");
    assert_eq!(sum("refused"), ran["refusals"].as_u64().unwrap(), "{found} {ran}");
    // Under a configuration of its own it reads what the backtest read.
    let again = home.succeed(&["strategy", "check", "--json", "--set", limit]).json();
    assert_eq!(again["strategies"], found["strategies"]);
}

/// Lost if broken: the promise that the strategies which come with it keep.
#[test]
fn the_built_in_strategies_explain_every_order() {
    let home = Home::new();
    home.succeed(&["run", "--headless", "--for", "4s", "--set", "venue.simulator.speed=10"]);
    let said = home.succeed(&["strategy", "check"]).stdout;
    assert!(said.contains("explained 100 %") || said.contains("no orders on this tape"), "{said}");
    let json = home.succeed(&["strategy", "check", "--json", "--config", busy()]).json();
    let shares = json["strategies"].as_array().unwrap();
    assert!(shares.iter().all(|share| share["orders"] == share["explained"]), "{json}");
    home.run(&["strategy", "check", "--tape", "none.mcap"]).expect_code(1);
}
