//! `ema_cross`: buys when a fast average crosses above a slow one, closes when it crosses below.
//!
//! ```text
//! enter_long  ✗ all
//!               ✓ ema_fast 64,012.31   crosses above  ema_slow 64,010.02
//!               ✗ rsi 74.20            <              rsi_max 70            ◄ first blocker
//!               ✓ since_signal_s 312   >=             cooldown_s 60
//!               ✓ position 0           =              0
//! exit_long   ✗ all
//!               ✗ ema_fast 64,012.31   crosses below  ema_slow 64,010.02    ◄ first blocker
//!               ✗ position 0           >              0
//! ```
//!
//! A cross that comes while the entry is blocked is missed; the next one counts. With
//! `reverse = 1` it is always in the market, long while the fast average is above the slow one and
//! short otherwise, without RSI and cooldown:
//!
//! ```text
//! enter_long  ✓ all
//!               ✓ ema_fast 64,012.31   >              ema_slow 64,010.02
//!               ✓ position -0.01       <=             0
//! enter_short ✗ all
//!               ✗ ema_fast 64,012.31   <=             ema_slow 64,010.02    ◄ first blocker
//!               ✗ position -0.01       >=             0
//! ```

use serde::{Deserialize, Serialize};

use super::indicator::{Ema, Rsi};
use super::{
    Context, ParamSpec, Params, Prices, Strategy, StrategyError, Value, all, cross_down, cross_up,
};
use crate::domain::Side;

/// See the [module](self).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EmaCross {
    fast: Ema,
    slow: Ema,
    mode: Mode,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
enum Mode {
    /// Long or flat, with a filter on entries.
    LongOnly { rsi: Rsi, rsi_max: f64, cooldown_s: f64 },
    /// Long or short.
    Reverse,
}

/// Stands on the side of the fast average.
fn follow(ctx: &mut Context<'_>, fast: Value, slow: Value) {
    let position = ctx.position().value();
    let flat = ctx.facts.position.is_zero();
    if ctx.decide("enter_long", all([fast.gt(slow), position.le(0.0)])) {
        if flat {
            ctx.buy();
        } else {
            ctx.reverse(Side::Buy);
        }
    }
    if ctx.decide("enter_short", all([fast.le(slow), position.ge(0.0)])) {
        if flat {
            ctx.sell();
        } else {
            ctx.reverse(Side::Sell);
        }
    }
}

impl Strategy for EmaCross {
    const KIND: &'static str = "ema_cross";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec {
            name: "fast",
            default: 12.0,
            min: 1.0,
            max: 10_000.0,
            about: "length of the fast average, in events of the feed; below slow",
        },
        ParamSpec {
            name: "slow",
            default: 26.0,
            min: 2.0,
            max: 10_000.0,
            about: "length of the slow average, in events of the feed",
        },
        ParamSpec {
            name: "rsi_length",
            default: 14.0,
            min: 1.0,
            max: 10_000.0,
            about: "length of the RSI, in events of the feed; unused with reverse = 1",
        },
        ParamSpec {
            name: "rsi_max",
            default: 70.0,
            min: 0.0,
            max: 101.0,
            about: "buys only while the RSI is below this (0 to 100; 101 always allows)",
        },
        ParamSpec {
            name: "reverse",
            default: 0.0,
            min: 0.0,
            max: 1.0,
            about: "0: long or flat; 1: always in the market, long or short (margin account)",
        },
        ParamSpec {
            name: "cooldown_s",
            default: 0.0,
            min: 0.0,
            max: 86_400.0,
            about: "seconds to wait after a signal before the next entry; unused with reverse = 1",
        },
    ];

    fn new(params: &Params) -> Result<Self, StrategyError> {
        let (fast, slow) = (params.length("fast")?, params.length("slow")?);
        if fast >= slow {
            return Err(params.error("fast", format!("must be below slow = {slow}")));
        }
        let mode = if params.switch("reverse")? {
            Mode::Reverse
        } else {
            Mode::LongOnly {
                rsi: Rsi::new(params.length("rsi_length")?),
                rsi_max: params.get("rsi_max"),
                cooldown_s: params.get("cooldown_s"),
            }
        };
        Ok(Self { fast: Ema::new(fast), slow: Ema::new(slow), mode })
    }

    fn warm_up(&self) -> usize {
        let rsi = match &self.mode {
            Mode::LongOnly { rsi, .. } => rsi.warm_up(),
            Mode::Reverse => 0,
        };
        self.slow.warm_up().max(rsi)
    }

    fn on_prices(&mut self, ctx: &mut Context<'_>, prices: Prices) {
        let fast = ctx.value("ema_fast", self.fast.push(prices.close));
        let slow = ctx.value("ema_slow", self.slow.push(prices.close));
        match &mut self.mode {
            Mode::Reverse => follow(ctx, fast, slow),
            Mode::LongOnly { rsi, rsi_max, cooldown_s } => {
                let rsi = ctx.value("rsi", rsi.push(prices.close));
                let rsi_max = ctx.param("rsi_max", *rsi_max);
                let cooldown = ctx.param("cooldown_s", *cooldown_s);
                let rested = ctx.since_signal().ge(cooldown);
                let enter = [cross_up(fast, slow), rsi.lt(rsi_max), rested];
                ctx.long_or_flat(enter, [cross_down(fast, slow)]);
            }
        }
    }
}
