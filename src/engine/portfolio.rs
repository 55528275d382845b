//! The portfolio: an account's balances, its strategies' positions, and what it is all worth.

use serde::{Deserialize, Serialize};

use super::config::RiskConfig;
use super::market::Market;
use crate::domain::{
    Account, AssetId, Balances, Fill, Instrument, Money, Nanos, Num, NumError, Price, Side,
    UnixNanos,
};

/// A UTC day in nanoseconds.
const DAY: Nanos = 86_400 * UnixNanos::SECOND;

/// Balances and their value over time.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Portfolio {
    /// The account.
    pub account: Account,
    /// The asset that everything is valued in.
    pub reporting: AssetId,
    /// Everything at mark; `None` while a conversion is missing.
    pub equity: Option<Num>,
    /// Equity when the UTC day began, or at the first valuation.
    pub day_start: Option<Num>,
    /// Highest equity so far.
    pub peak: Option<Num>,
    day: UnixNanos,
    /// Above this equity no loss limit is reached; `None` before it was computed.
    floor: Option<Num>,
}

/// An account's value over time, in the reporting asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Worth {
    /// Everything at mark; `None` while a conversion is missing.
    pub equity: Option<Num>,
    /// The UTC day of the last valuation.
    pub day: UnixNanos,
    /// Equity when that day began.
    pub day_start: Option<Num>,
    /// Highest equity so far.
    pub peak: Option<Num>,
}

impl Portfolio {
    /// An account before its first valuation.
    pub fn new(account: Account, reporting: AssetId) -> Self {
        Self { account, reporting, ..Self::default() }
    }

    /// What it was worth so far.
    pub fn worth_so_far(&self) -> Worth {
        let Self { equity, day, day_start, peak, .. } = *self;
        Worth { equity, day, day_start, peak }
    }

    /// Takes over what an account holds and was worth. Its equity is known again with the first
    /// price.
    pub fn take_over(&mut self, balances: Balances, worth: Worth) {
        self.account.balances = balances;
        (self.day, self.day_start, self.peak) = (worth.day, worth.day_start, worth.peak);
        (self.equity, self.floor) = (None, None);
    }

    /// The limits may be others than they were.
    pub fn measure_floor(&mut self, limits: &RiskConfig) {
        self.floor = self.day_start.and_then(|_| self.loss_floor(limits).ok());
    }

    /// Moves balances by one fill.
    pub fn settle(
        &mut self,
        fill: &Fill,
        side: Side,
        instrument: &Instrument,
    ) -> Result<(), NumError> {
        self.account.balances.settle(fill, side, instrument)
    }

    /// Values everything at mark and moves day start and peak.
    pub fn value(&mut self, markets: &[Market], limits: &RiskConfig, now: UnixNanos) {
        self.equity = self.worth(markets);
        let Some(equity) = self.equity else { return };
        let begins = self.day_start.is_none() || self.is_new_day(now);
        if begins {
            self.day_start = Some(equity);
            self.day = now.floor_to(DAY);
        }
        if begins || self.peak.is_none_or(|peak| equity > peak) {
            self.peak = Some(self.peak.map_or(equity, |peak| peak.max(equity)));
            self.floor = self.loss_floor(limits).ok();
        }
    }

    /// True when the equity is so high that no loss limit can be reached. Most valuations end
    /// here, with one comparison.
    pub fn is_above_floor(&self) -> bool {
        self.equity.zip(self.floor).is_some_and(|(equity, floor)| equity > floor)
    }

    /// The highest equity at which a loss limit acts; the day's start and the peak decide it.
    fn loss_floor(&self, limits: &RiskConfig) -> Result<Num, NumError> {
        let first = limits.reduce_only_at.min(limits.halt_at);
        let (start, peak) = (self.day_start.unwrap_or_default(), self.peak.unwrap_or_default());
        let mut floor = Num::MIN;
        if let Some(limit) = limits.max_daily_loss {
            floor = floor.max(start.sub(limit.mul(first)?)?);
        }
        if let Some(limit) = limits.max_drawdown {
            // Without a positive peak the drawdown is zero, which only a limit of zero reaches.
            let ratio = limit.mul(first)?;
            if peak.is_positive() {
                floor = floor.max(peak.sub(peak.mul(ratio)?)?);
            } else if !ratio.is_positive() {
                floor = Num::MAX;
            }
        }
        Ok(floor)
    }

    fn worth(&self, markets: &[Market]) -> Option<Num> {
        let mut sum = Num::ZERO;
        for Money { amount, asset } in self.account.balances.iter() {
            if amount.is_zero() {
                continue;
            }
            let value = if asset == self.reporting {
                amount
            } else {
                amount.mul(self.conversion(asset, markets)?.num()).ok()?
            };
            sum = sum.add(value).ok()?;
        }
        Some(sum)
    }

    /// The price of an asset in the reporting asset, by the instrument that trades the two.
    fn conversion(&self, asset: AssetId, markets: &[Market]) -> Option<Price> {
        markets
            .iter()
            .find(|m| m.instrument.base == asset && m.instrument.quote == self.reporting)?
            .reference()
    }

    /// True when the UTC day of the last valuation is over: the day's loss begins anew.
    pub fn is_new_day(&self, now: UnixNanos) -> bool {
        now.since(self.day) >= DAY
    }

    /// Loss since the day began, in reporting asset; a gain is negative. Zero before the first
    /// valuation, `None` while a conversion is missing.
    pub fn day_loss(&self) -> Option<Num> {
        let Some(start) = self.day_start else { return Some(Num::ZERO) };
        start.sub(self.equity?).ok()
    }

    /// Fall from the peak as a ratio. Zero without a positive peak, `None` while a conversion is
    /// missing.
    pub fn drawdown(&self) -> Option<Num> {
        let Some(peak) = self.peak.filter(|peak| peak.is_positive()) else {
            return Some(Num::ZERO);
        };
        peak.sub(self.equity?).ok()?.div(peak).ok()
    }
}

/// A run's money in a few numbers, in the reporting asset.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct MoneySummary {
    /// Fees, valued in quote asset.
    pub fees: Num,
    /// Realised and unrealised PnL less fees.
    pub pnl: Num,
    /// Everything at mark.
    pub equity: Option<Num>,
}
