//! A holding: what one strategy has in one instrument, beside the market that values it. For whoever
//! follows a run's money from outside.

use super::core::Engine;
use super::market::Market;
use crate::domain::{Instrument, InstrumentId, Num, NumError, Position, Price, StrategyId};

/// What one strategy has in one instrument.
#[derive(Clone, Copy, Debug)]
pub struct Holding<'a> {
    /// Whose.
    pub strategy: StrategyId,
    /// In which instrument.
    pub id: InstrumentId,
    /// What its fills made.
    pub position: &'a Position,
    market: &'a Market,
}

impl<'a> Holding<'a> {
    /// What the venue accepts.
    pub fn instrument(&self) -> &'a Instrument {
        &self.market.instrument
    }

    /// The prices of the first trade and of the last one; `None` before any.
    pub fn first_and_last(&self) -> Option<(Price, Price)> {
        Some((self.market.first_price?, self.market.last_trade?.price))
    }

    /// Realised and unrealised PnL less fees, in quote asset. Without a mark price only what was
    /// realised counts.
    pub fn pnl(&self) -> Result<Num, NumError> {
        let net = self.position.realised()?.sub(self.position.fees)?;
        match self.market.reference() {
            Some(mark) if !self.position.is_flat() => net.add(self.position.unrealised(mark)?),
            _ => Ok(net),
        }
    }
}

impl Engine {
    /// Every strategy's holding in each of its instruments, in the order of the configuration.
    pub fn holdings(&self) -> impl Iterator<Item = Holding<'_>> {
        self.slots.iter().filter_map(|slot| {
            let market = self.markets.get(slot.instrument.index())?;
            let (strategy, id) = (slot.strategy, slot.instrument);
            Some(Holding { strategy, id, position: &slot.position, market })
        })
    }
}
