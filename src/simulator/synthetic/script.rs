//! A script: the moods that an instrument goes through from the epoch on, until the seed decides
//! again.
//!
//! It says how the market moves, never what a strategy makes of it: every price is drawn from the
//! seed as without a script, and matched like any other.

use super::regime::Regime::{self, Falling, Quiet, Rising, Still};

/// A script that a market may begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Script {
    /// The seed decides from the start.
    #[default]
    None,
    /// The demo's first minute. Nothing that matters comes within eight seconds, so that a slow
    /// machine sees all of it.
    FirstMinute,
}

/// A mood, and when it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act {
    pub regime: Regime,
    /// After the epoch.
    pub until_ms: u64,
}

const fn act(regime: Regime, until_ms: u64) -> Act {
    Act { regime, until_ms }
}

/// A fall and a calm, then two rallies: averages cross in the first, the second goes on above it.
///
/// The price stands for half a second where they cross, so that an order finds the market that it
/// saw even where a machine delays it: the README prints what it paid.
const BTCUSDT: &[Act] = &[
    act(Falling, 4_000),
    act(Quiet, 8_000),
    act(Rising, 11_040),
    act(Still, 11_540),
    act(Rising, 14_000),
    act(Falling, 16_000),
    act(Rising, 23_000),
    act(Falling, 28_000),
    act(Quiet, 33_000),
    act(Falling, 40_000),
];

/// A calm, and later one more: what rises out of it rises from hardly any movement, so that its
/// relative strength is near the limit where averages cross.
const ETHUSDT: &[Act] = &[
    act(Quiet, 16_000),
    act(Rising, 20_000),
    act(Falling, 24_000),
    act(Quiet, 29_500),
    act(Rising, 34_500),
    act(Falling, 38_500),
];

impl Script {
    /// What it has for an instrument.
    pub(super) fn acts(self, symbol: &str) -> &'static [Act] {
        match (self, symbol) {
            (Self::FirstMinute, "BTCUSDT") => BTCUSDT,
            (Self::FirstMinute, "ETHUSDT") => ETHUSDT,
            _ => &[],
        }
    }
}
