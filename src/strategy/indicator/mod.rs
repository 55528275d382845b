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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::domain::UnixNanos;

    /// Prices with now and then one that is none.
    fn series() -> impl Strategy<Value = Vec<f64>> {
        let bad = prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
        prop::collection::vec(prop_oneof![9 => 1.0..1e6_f64, 1 => bad], 1..60)
    }

    /// Runs it whole, saved and restored before input `at`, and without the bad inputs.
    fn check<T, O>(
        fresh: &T,
        series: &[f64],
        at: usize,
        push: fn(&mut T, f64) -> Option<O>,
    ) -> Result<(), TestCaseError>
    where
        T: Serialize + DeserializeOwned + Clone,
        O: PartialEq + std::fmt::Debug,
    {
        let (mut whole, mut torn, mut clean) = (fresh.clone(), fresh.clone(), fresh.clone());
        for (n, input) in series.iter().enumerate() {
            if n == at {
                torn = postcard::from_bytes(&postcard::to_stdvec(&torn).unwrap()).unwrap();
            }
            let output = push(&mut whole, *input);
            prop_assert_eq!(&output, &push(&mut torn, *input), "after a restart");
            let expected = if input.is_finite() { push(&mut clean, *input) } else { None };
            prop_assert_eq!(output, expected, "a bad input left a trace");
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// An indicator that forgets at a restart, or that one bad print poisons, trades blind.
        #[test]
        fn survive_restarts_and_bad_inputs(series in series(), at in 0_usize..60) {
            check(&Ema::new(5), &series, at, Ema::push)?;
            check(&Sma::new(5), &series, at, Sma::push)?;
            check(&Rsi::new(5), &series, at, Rsi::push)?;
            check(&Bollinger::new(5, 2.0), &series, at, Bollinger::push)?;
            check(&Atr::new(5), &series, at, |atr, x| atr.push(x + 1.0, x - 1.0, x))?;
            check(&Donchian::new(5), &series, at, |donchian, x| donchian.push(x, x))?;
            check(&Vwap::new(), &series, at, |vwap, x| vwap.push(UnixNanos(1), x, 2.0))?;
        }
    }
}
