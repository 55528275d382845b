//! The long past of an instrument: trades before its book began, drawn from the seed without anybody
//! matching them. Their price walks to where the book opens.

use super::Instrument;
use super::draw::Draw;
use crate::domain::UnixNanos;
use crate::simulator::history::Print;
use crate::simulator::market::Fixed;

/// Ids begin high, as those of a venue that has been open for years.
pub(super) const FIRST_TRADE_ID: u64 = 3_000_000_000;
/// Mean time between two trades.
const GAP_MS: u64 = 2_000;
/// Another stream of the seed than those of the books.
const STREAMS: u64 = 1 << 32;

/// When the past was.
pub(super) struct Past {
    pub seed: u64,
    pub seconds: u64,
    /// The books begin here.
    pub until: UnixNanos,
}

impl Past {
    /// The trades of an instrument, the `index`-th.
    pub fn prints(&self, instrument: &Instrument, index: u64) -> Vec<Print> {
        let mut draw = Draw::new(self.seed, STREAMS + index);
        let walk = self.walk(instrument, &mut draw);
        let end = walk.last().map_or(0, |(_, ticks)| *ticks);
        let tick = instrument.listing.tick.0.max(1);
        let home = i64::try_from(instrument.price.0 / tick).unwrap_or(i64::MAX / 2);
        (FIRST_TRADE_ID + index..)
            .zip(walk)
            .map(|(id, (time_ms, ticks))| {
                let ticks = u64::try_from(home + ticks - end).unwrap_or(1).max(1);
                let lots = draw.exponential(instrument.order_lots).max(1);
                Print {
                    id,
                    price: Fixed(ticks.saturating_mul(tick)),
                    quantity: Fixed(lots.saturating_mul(instrument.listing.lot.0.max(1))),
                    time_ms,
                    buyer_is_maker: draw.chance(500),
                }
            })
            .collect()
    }

    /// Times in milliseconds, and how far the price has wandered by then, in price steps.
    fn walk(&self, instrument: &Instrument, draw: &mut Draw) -> Vec<(u64, i64)> {
        let until_ms = self.until.millis();
        let mut time_ms = until_ms.saturating_sub(self.seconds.saturating_mul(1_000));
        let (mut walk, mut thousandths) = (Vec::new(), 0_i64);
        loop {
            let gap_ms = draw.exponential(GAP_MS).max(1);
            time_ms = time_ms.saturating_add(gap_ms);
            if time_ms >= until_ms {
                return walk;
            }
            let deviation = instrument.volatility_ticks.saturating_mul((gap_ms * 1_000).isqrt());
            let deviation = i64::try_from(deviation / 1_000).unwrap_or(0);
            thousandths = thousandths.saturating_add(deviation.saturating_mul(draw.bell()));
            walk.push((time_ms, thousandths / 1_000));
        }
    }
}
