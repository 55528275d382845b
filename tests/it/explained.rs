//! The explained share: an order that no recorded rule guards is found, counted and named.

use serde::{Deserialize, Serialize};
use tickscope::app::cli::{ConfigArgs, StrategyCheckArgs};
use tickscope::app::strategy_check::{self, Verdict};
use tickscope::strategy::{
    Context, Op, ParamSpec, Params, Prices, Strategy, StrategyError, StrategyKind, compare,
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
        let lucky = ctx.value("lucky", 1.0);
        if ctx.decide("enter_long", compare(lucky, Op::Flag, 0.0)) {
            ctx.buy();
        }
    }
}

fn check(home: &Home, kind: &str, registry: &[StrategyKind]) -> Verdict {
    let config = format!(
        "[venue]\ninstruments = [\"BTCUSDT\"]\n\n[[strategy]]\nname = \"mine\"\nkind = \"{kind}\"\n\
         feed = \"trades\"\nsize = \"100 USDT\"\n"
    );
    let config = Some(home.write(&format!("{kind}.toml"), config));
    let tape = home.session().display().to_string();
    let config = ConfigArgs { config, set: Vec::new() };
    strategy_check::check(&StrategyCheckArgs { tape, config, json: false }, registry).unwrap()
}

/// Lost if broken: an order about which nobody can ever say why.
#[test]
fn an_order_that_no_rule_guards_is_named() {
    let home = Home::new();
    home.succeed(&["run", "--headless", "--for", "3s", "--config", busy()]);
    let verdict = check(&home, "mute", &[StrategyKind::of::<Mute>()]);
    let mine = &verdict.strategies[0];
    assert!(!verdict.is_whole() && mine.orders > 3 && mine.explained == 0, "{verdict:?}");
    assert_eq!(mine.unexplained.len(), 3);
    let because: Vec<_> = mine.unexplained.iter().map(|order| order.because.as_str()).collect();
    assert!(because.contains(&"enter_long rests on the bare flag lucky"), "{because:?}");
    assert!(because.contains(&"no rule was decided"), "{because:?}");
    let text = verdict.text();
    assert!(text.contains("mine: explained 0 %, 0 of ") && text.contains(" more"), "{text}");
    assert!(mine.unexplained[0].decision.contains("-0-"), "{text}");
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
