//! Lookahead: decisions that know what came later are found, and those that do not pass.

use std::path::PathBuf;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tickscope::app::lookahead::{self, Request};
use tickscope::domain::Trade;
use tickscope::strategy::{
    Context, ParamSpec, Params, Strategy, StrategyError, StrategyKind, all, built_in,
};

use super::home::{Home, busy};

/// What every run of this process has seen: the contract gives no way to read ahead, a static does.
static SEEN: Mutex<Vec<f64>> = Mutex::new(Vec::new());

/// Decides by the next price, once it has been seen.
#[derive(Serialize, Deserialize)]
struct Peek {
    trades: usize,
}

impl Strategy for Peek {
    const KIND: &'static str = "peek";
    const PARAMS: &'static [ParamSpec] = &[];

    fn new(_: &Params) -> Result<Self, StrategyError> {
        Ok(Self { trades: 0 })
    }

    fn on_trade(&mut self, ctx: &mut Context<'_>, trade: &Trade) {
        let mut seen = SEEN.lock().unwrap();
        self.trades += 1;
        let now = trade.price.to_f64();
        if seen.len() < self.trades {
            seen.push(now);
        }
        let next = seen.get(self.trades).copied().unwrap_or(now);
        let (price, next) = (ctx.value("price", now), ctx.value("next_price", next));
        ctx.long_or_flat([next.gt(price)], [next.lt(price)]);
        ctx.decide("never", all([price.lt(0.0)]));
    }
}

fn check(home: &Home, kind: &str, registry: &[StrategyKind]) -> lookahead::Verdict {
    let config = format!(
        "[venue]\ninstruments = [\"BTCUSDT\"]\n\n[[strategy]]\nname = \"mine\"\nkind = \"{kind}\"\n\
         feed = \"trades\"\nsize = \"100 USDT\"\n"
    );
    let config = Some(home.write(&format!("{kind}.toml"), config));
    let tape = home.session().display().to_string();
    lookahead::check(&Request { tape, config, set: Vec::new(), cuts: 7 }, registry).unwrap()
}

/// Lost if broken: months of trading on a backtest that knew the future.
#[test]
fn a_planted_peek_is_found_and_named() {
    let home = Home::new();
    home.succeed(&["run", "--headless", "--for", "3s", "--config", busy()]);
    let verdict = check(&home, "peek", &[StrategyKind::of::<Peek>()]);
    assert_eq!((verdict.cuts, verdict.equal > 1), (7, false), "{verdict:?}");
    let line = verdict.line();
    let peek = verdict.difference.expect("it knew the next price");
    // Among the values, or among those before when the evaluation before is not on record.
    assert_eq!(peek.kind, "evaluation");
    assert!(peek.field.ends_with("[1] (next_price)"), "{peek:?}");
    assert!(peek.subject.as_ref().unwrap().starts_with("mine "), "{peek:?}");
    assert!(peek.input <= peek.cut_after, "{peek:?}");
    let (whole, cut): (f64, f64) = (peek.whole.parse().unwrap(), peek.cut.parse().unwrap());
    assert!(whole > 0.0 && cut > 0.0 && whole.to_bits() != cut.to_bits());
    for words in ["DIFFERS at input ", " of mine ", "on the whole tape", "on the tape cut after"] {
        assert!(line.contains(words), "no {words} in {line}");
    }
    let honest = check(&home, "ema_cross", &built_in());
    assert_eq!((honest.equal, honest.cuts), (7, 7), "{}", honest.line());
}

/// Lost if broken: the trust that the strategies which come with it do not cheat.
#[test]
fn the_demo_does_not_look_ahead() {
    let home = Home::new();
    home.succeed(&["run", "--headless", "--for", "4s", "--set", "venue.simulator.speed=10"]);
    let said = home.succeed(&["lookahead", "--tape", "last"]).stdout;
    assert!(said.starts_with("equal at 20 of 20 cuts: "), "{said}");
    let json = home.succeed(&["lookahead", "--json", "--cuts", "3", "--config", busy()]).json();
    assert_eq!((&json["cuts"], &json["equal"]), (&3.into(), &3.into()));
    assert!(json["compared"].as_u64().unwrap() > 100 && json["difference"].is_null(), "{json}");
    home.run(&["lookahead", "--cuts", "0"]).expect_code(2);
    home.run(&["lookahead", "--tape", "none.mcap"]).expect_code(1).expect_stderr(&["none.mcap"]);
}

/// The same over recorded traffic of a venue.
#[test]
#[ignore = "needs TICKSCOPE_TAPES"]
fn the_built_in_strategies_do_not_look_ahead_on_recorded_traffic() {
    let tapes = PathBuf::from(std::env::var_os("TICKSCOPE_TAPES").expect("TICKSCOPE_TAPES"));
    let raw = tapes.join("binance_spot_btcusdt_ethusdt_first300s.raw.zst");
    let home = Home::new();
    let import = ["tape", "import", "--format", "raw", raw.to_str().unwrap(), "-o", "real.mcap"];
    home.succeed(&import);
    let kinds = ["ema_cross", "mean_reversion", "breakout"].map(|kind| {
        format!(
            "[[strategy]]\nname = \"{kind}\"\nkind = \"{kind}\"\nfeed = \"bars:1s\"\nsize = \"100 USDT\"\n"
        )
    });
    let rules = "[[strategy]]\nname = \"rules\"\nkind = \"rules\"\nfeed = \"trades\"\n\
        size = \"100 USDT\"\nenter = \"rsi(5) < 40\"\nexit = \"rsi(5) > 60 or loss > 1%\"\n";
    let venue = "[venue]\ninstruments = [\"BTCUSDT\", \"ETHUSDT\"]\n";
    home.write("all.toml", format!("{venue}{}{rules}", kinds.concat()));
    let said = home.succeed(&["lookahead", "--tape", "real.mcap", "--config", "all.toml"]).stdout;
    assert!(said.starts_with("equal at 20 of 20 cuts: "), "{said}");
}
