//! `breakout`: buys what rises above every high of the bars before it, closes it when it falls
//! below every low of half as many.
//!
//! ```text
//! enter_long  ✗ all
//!               ✗ price 64,012.50      >  donchian_high 64,090.00    ◄ first blocker
//!               ✓ atr 21.40            >  atr_min 5
//!               ✓ position 0           =  0
//! exit_long   ✗ all
//!               ✗ price 64,012.50      <  donchian_low 63,940.10     ◄ first blocker
//!               ✗ position 0           >  0
//! ```
//!
//! `price` is that of the trade, the middle of the quote, or the close of the bar. The channels end
//! with the event before this one: a price cannot rise above a high that it made itself.

use serde::{Deserialize, Serialize};

use super::indicator::{Atr, Donchian};
use super::{Context, ParamSpec, Params, Prices, Strategy, StrategyError};

/// See the [module](self).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Breakout {
    entry: Donchian,
    exit: Donchian,
    atr: Atr,
    atr_min: f64,
}

impl Strategy for Breakout {
    const KIND: &'static str = "breakout";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec {
            name: "length",
            default: 20.0,
            min: 2.0,
            max: 10_000.0,
            about: "events of the feed whose high is to be broken; half of them for the exit's low",
        },
        ParamSpec {
            name: "atr_length",
            default: 14.0,
            min: 1.0,
            max: 10_000.0,
            about: "length of the average true range, in events of the feed",
        },
        ParamSpec {
            name: "atr_min",
            default: 0.0,
            min: 0.0,
            max: 1e9,
            about: "buys only while the average true range is above this, in quote asset",
        },
    ];

    fn new(params: &Params) -> Result<Self, StrategyError> {
        let length = params.length("length")?;
        Ok(Self {
            entry: Donchian::new(length),
            exit: Donchian::new(length / 2),
            atr: Atr::new(params.length("atr_length")?),
            atr_min: params.get("atr_min"),
        })
    }

    fn warm_up(&self) -> usize {
        self.entry.warm_up().max(self.atr.warm_up())
    }

    fn on_prices(&mut self, ctx: &mut Context<'_>, prices: Prices) {
        let Prices { high, low, close } = prices;
        let price = ctx.value("price", close);
        let above = ctx.value("donchian_high", self.entry.channel().map(|channel| channel.high));
        let below = ctx.value("donchian_low", self.exit.channel().map(|channel| channel.low));
        let atr = ctx.value("atr", self.atr.push(high, low, close));
        let atr_min = ctx.param("atr_min", self.atr_min);
        self.entry.push(high, low);
        self.exit.push(high, low);
        ctx.long_or_flat([price.gt(above), atr.gt(atr_min)], [price.lt(below)]);
    }
}
