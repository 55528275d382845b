//! `mean_reversion`: buys what fell below its Bollinger band while oversold, closes it when the
//! price is back above the mean.
//!
//! ```text
//! enter_long  ✗ all
//!               ✓ price 63,871.20      <  bollinger_lower 63,890.44
//!               ✗ rsi 33.10            <  rsi_min 30                ◄ first blocker
//!               ✓ position 0           =  0
//! exit_long   ✗ all
//!               ✗ price 63,871.20      >  bollinger_middle 63,951.07 ◄ first blocker
//!               ✗ position 0           >  0
//! ```
//!
//! `price` is that of the trade, the middle of the quote, or the close of the bar.

use serde::{Deserialize, Serialize};

use super::indicator::{Bollinger, Rsi};
use super::{Context, ParamSpec, Params, Prices, Strategy, StrategyError};

/// See the [module](self).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MeanReversion {
    bollinger: Bollinger,
    rsi: Rsi,
    rsi_min: f64,
}

impl Strategy for MeanReversion {
    const KIND: &'static str = "mean_reversion";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec {
            name: "length",
            default: 20.0,
            min: 2.0,
            max: 10_000.0,
            about: "length of the Bollinger bands, in events of the feed",
        },
        ParamSpec {
            name: "width",
            default: 2.0,
            min: 0.0,
            max: 10.0,
            about: "distance of the bands from the mean, in standard deviations",
        },
        ParamSpec {
            name: "rsi_length",
            default: 14.0,
            min: 1.0,
            max: 10_000.0,
            about: "length of the RSI, in events of the feed",
        },
        ParamSpec {
            name: "rsi_min",
            default: 30.0,
            min: 0.0,
            max: 101.0,
            about: "buys only while the RSI is below this (0 to 100; 101 always allows)",
        },
    ];

    fn new(params: &Params) -> Result<Self, StrategyError> {
        Ok(Self {
            bollinger: Bollinger::new(params.length("length")?, params.get("width")),
            rsi: Rsi::new(params.length("rsi_length")?),
            rsi_min: params.get("rsi_min"),
        })
    }

    fn warm_up(&self) -> usize {
        self.bollinger.warm_up().max(self.rsi.warm_up())
    }

    fn on_prices(&mut self, ctx: &mut Context<'_>, prices: Prices) {
        let bands = self.bollinger.push(prices.close);
        let price = ctx.value("price", prices.close);
        let lower = ctx.value("bollinger_lower", bands.map(|bands| bands.lower));
        let middle = ctx.value("bollinger_middle", bands.map(|bands| bands.middle));
        let rsi = ctx.value("rsi", self.rsi.push(prices.close));
        let rsi_min = ctx.param("rsi_min", self.rsi_min);
        ctx.long_or_flat([price.lt(lower), rsi.lt(rsi_min)], [price.gt(middle)]);
    }
}
