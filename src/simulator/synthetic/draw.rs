//! Seeded randomness in whole numbers: the same seed gives the same draws on every machine, which
//! a float's logarithm does not promise.

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// A stream of draws.
#[derive(Clone, Debug)]
pub(super) struct Draw(Pcg64Mcg);

impl Draw {
    /// The draws of one instrument: another `stream` of the same seed is independent of it.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed ^ (stream + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Evenly from 0 to below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(end);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// An index into a list of `length`.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    /// True `permille` times in a thousand.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
    }

    /// Memoryless, with the given mean: gaps between arrivals, order sizes, distances.
    ///
    /// The logarithm is the bit length with straight lines between the powers of two.
    pub fn exponential(&mut self, mean: u64) -> u64 {
        let bits = self.0.next_u64() | 1;
        let zeros = bits.leading_zeros();
        let fraction = ((bits << zeros) << 1) >> 48;
        let halvings = (u64::from(zeros) + 1) * 65_536 - fraction;
        // Such a logarithm of a fraction is one and a half halvings on average.
        let drawn = (u128::from(mean) * u128::from(halvings)) >> 16;
        u64::try_from(drawn).unwrap_or(u64::MAX / 2).saturating_mul(2) / 3
    }

    /// Bell-shaped around zero with a standard deviation of 1,000.
    pub fn bell(&mut self) -> i64 {
        let ones = self.0.next_u64().count_ones() + self.0.next_u64().count_ones();
        (i64::from(ones) - 64) * 177
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(draws: impl Iterator<Item = u64>) -> u64 {
        let all: Vec<_> = draws.collect();
        all.iter().sum::<u64>() / all.len() as u64
    }

    #[test]
    fn draws_have_the_means_they_promise() {
        let mut draw = Draw::new(1, 0);
        assert!((9_800..10_200).contains(&mean((0..100_000).map(|_| draw.exponential(10_000)))));
        assert!((490..510).contains(&mean((0..100_000).map(|_| draw.below(1_000)))));
        let squares = (0..100_000).map(|_| draw.bell().unsigned_abs().pow(2));
        assert!((980_000..1_020_000).contains(&mean(squares)));
    }

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let first = |stream| Draw::new(7, stream).below(u64::MAX);
        assert_eq!(first(0), first(0));
        assert_ne!(first(0), first(1));
    }
}
