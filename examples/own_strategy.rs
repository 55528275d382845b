//! A strategy of one's own, as a crate of one's own would have it: the whole of tickscope with one
//! more `kind` to configure.
//!
//! ```text
//! cargo run --release --example own_strategy -- run --config examples/own_strategy.toml
//! cargo test --example own_strategy
//! ```

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use tickscope::domain::Side;
use tickscope::strategies;
use tickscope::strategy::indicator::Ema;
use tickscope::strategy::{
    Bar, Context, ParamSpec, Params, Strategy, StrategyError, all, built_in,
};

/// Buys when the close is far enough above its average, and sells when it is below.
#[derive(Serialize, Deserialize)]
struct AboveAverage {
    average: Ema,
    margin: f64,
}

impl Strategy for AboveAverage {
    const KIND: &'static str = "above_average";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec { name: "length", default: 20.0, min: 1.0, max: 1_000.0, about: "bars" },
        ParamSpec { name: "margin", default: 0.0, min: 0.0, max: 1e6, about: "quote asset" },
    ];

    fn new(params: &Params) -> Result<Self, StrategyError> {
        let average = Ema::new(params.length("length")?);
        Ok(Self { average, margin: params.get("margin") })
    }

    fn warm_up(&self) -> usize {
        self.average.warm_up()
    }

    fn on_bar(&mut self, ctx: &mut Context<'_>, bar: &Bar) {
        // Naming a value is what makes it visible; comparing it is what makes it explained.
        let price = bar.close.to_f64();
        let average = self.average.push(price);
        let above = ctx.value("above_average", average.map(|average| price - average));
        let margin = ctx.param("margin", self.margin);
        let position = ctx.position();
        if ctx.decide("enter_long", all([above.gt(margin), position.is_flat()])) {
            // The configured size; a stop of its own; everything else as configured.
            ctx.buy().stop_percent(0.5);
        }
        if ctx.decide("exit_long", all([above.lt(0.0), position.is_long()])) {
            ctx.close(Side::Sell);
        }
    }
}

fn main() -> ExitCode {
    let mut strategies = built_in();
    strategies.extend(strategies![AboveAverage]);
    tickscope::run(strategies)
}

#[cfg(test)]
mod tests {
    use tickscope::strategy::testing::Bench;

    use super::*;

    /// Lost if broken: it buys at the average, or sells what it has not.
    #[test]
    fn it_buys_above_its_average_and_sells_below() {
        let mut bench = Bench::<AboveAverage>::new(&[("length", 3.0), ("margin", 1.0)]).unwrap();
        bench.closes(&[100.0, 100.0, 100.0]);
        assert!(bench.close(101.0).is_quiet(), "0.5 above the average are not enough");
        let decided = bench.close(110.0);
        assert!(decided.holds("enter_long") && decided.buys());
        bench.hold(0.5, 110.0);
        assert!(bench.close(90.0).sells());
        bench.hold(0.0, 0.0);
        assert!(bench.close(80.0).is_quiet(), "nothing is held");
    }
}
