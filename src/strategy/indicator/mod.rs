//! Indicators: floats computed from prices with + − × ÷ and √ only, in a fixed order, so that
//! every machine computes the same bits.
//!
//! What holds for all of them:
//! - `push` takes the next value and gives the indicator, or `None` while it is warming up.
//! - An input that is not a finite number gives `None` and is ignored: the next good input goes on
//!   as if the bad one had never come. A result that is not finite is `None` too.
//! - A push costs O(1), amortised, and allocates nothing once warm.
//! - The fields are the whole state; serde saves and restores it.
//!
//! Each is tested against an independent implementation, row by row: see
//! `tests/payloads/indicators`.

mod atr;
mod bollinger;
mod donchian;
mod ema;
#[cfg(test)]
mod reference;
mod rsi;
mod sma;
mod vwap;
mod wilder;
mod window;

pub use atr::Atr;
pub use bollinger::{Bands, Bollinger};
pub use donchian::{Channel, Donchian};
pub use ema::Ema;
pub use rsi::Rsi;
pub use sma::Sma;
pub use vwap::Vwap;

/// The number, unless it is infinite or not a number.
fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

/// A window length as a float, at least one.
#[expect(clippy::cast_precision_loss, reason = "a window length is far below 2^53")]
fn float(length: usize) -> f64 {
    length.max(1) as f64
}
