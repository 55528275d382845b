//! Time as data: nanoseconds since the Unix epoch. Nobody below `app` reads a clock.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A span in nanoseconds.
pub type Nanos = u64;

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixNanos(pub u64);

impl UnixNanos {
    /// The last representable moment.
    pub const MAX: Self = Self(u64::MAX);
    /// Nanoseconds in a second.
    pub const SECOND: Nanos = 1_000_000_000;

    /// From venue milliseconds.
    pub fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Whole milliseconds.
    pub fn millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Later by `span`, saturating.
    #[must_use]
    pub fn plus(self, span: Nanos) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// Nanoseconds from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0)
    }

    /// Signed nanoseconds from `other` to here: negative when `other` is later.
    pub fn delta(self, other: Self) -> i64 {
        let wide = i128::from(self.0) - i128::from(other.0);
        i64::try_from(wide).unwrap_or(if wide < 0 { i64::MIN } else { i64::MAX })
    }

    /// The start of the interval of `length` nanoseconds that holds this moment.
    #[must_use]
    pub fn floor_to(self, length: Nanos) -> Self {
        if length == 0 { self } else { Self(self.0 - self.0 % length) }
    }

    /// Hours, minutes, seconds and milliseconds of the UTC day.
    pub fn time_of_day(self) -> (u64, u64, u64, u64) {
        let millis = self.millis() % 86_400_000;
        (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60, millis % 1_000)
    }
}

impl fmt::Display for UnixNanos {
    /// The UTC time of day with milliseconds, `17:04:12.345`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds, millis) = self.time_of_day();
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}.{millis:03}")
    }
}
