//! The market's mood: how fast orders come, how far the price wanders and where it leans.

use super::draw::Draw;

/// What the market is like for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Regime {
    Calm,
    Rising,
    Falling,
    Burst,
    Quiet,
    /// The price stands; only a script asks for it.
    Still,
}

/// The numbers behind a regime.
pub(super) struct Mood {
    /// Mean time between waves of orders.
    pub gap_us: u64,
    /// Of the instrument's own volatility.
    pub volatility_permille: u64,
    /// Per second, of the instrument's own volatility.
    pub drift_permille: i64,
    /// How many waves bring a taker.
    pub taker_permille: u64,
    /// How many of the takers buy.
    pub buyer_permille: u64,
    /// Mean length.
    pub length_ms: u64,
}

impl Regime {
    pub fn mood(self) -> Mood {
        let calm = Mood {
            gap_us: 15_000,
            volatility_permille: 800,
            drift_permille: 0,
            taker_permille: 160,
            buyer_permille: 500,
            length_ms: 2_000,
        };
        let trend = Mood { gap_us: 12_000, taker_permille: 190, length_ms: 2_200, ..calm };
        match self {
            Self::Calm => calm,
            Self::Rising => Mood { drift_permille: 1_600, buyer_permille: 680, ..trend },
            Self::Falling => Mood { drift_permille: -1_600, buyer_permille: 320, ..trend },
            Self::Burst => Mood {
                gap_us: 2_200,
                volatility_permille: 2_200,
                taker_permille: 260,
                length_ms: 1_200,
                ..calm
            },
            Self::Quiet => {
                Mood { gap_us: 45_000, volatility_permille: 350, length_ms: 3_000, ..calm }
            }
            Self::Still => Mood { volatility_permille: 0, taker_permille: 0, ..calm },
        }
    }

    /// What comes after it. `above_permille` is how far the price has left where it began: the
    /// farther, the likelier the next trend leads back.
    pub fn next(self, draw: &mut Draw, above_permille: i64) -> Self {
        let lean = u64::try_from((above_permille * 10 + 500).clamp(50, 950)).unwrap_or(500);
        match (self, draw.below(100)) {
            (Self::Calm | Self::Quiet, 0..14) => Self::Burst,
            (Self::Calm, 14..25) => Self::Quiet,
            (Self::Calm | Self::Quiet, _) if draw.chance(lean) => Self::Falling,
            (Self::Calm | Self::Quiet, _) => Self::Rising,
            (Self::Rising, 0..80) => Self::Falling,
            (Self::Falling, 0..80) => Self::Rising,
            _ => Self::Calm,
        }
    }
}
