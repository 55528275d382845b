//! A standing: what an account has, by name and not by number, so that a run with another
//! configuration, or another version of tickscope, can go on with it.
//!
//! It is less than the engine's whole [state](super::state): indicators, bars and open orders are
//! not part of it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::config::Config;
use super::core::{Counters, Engine};
use super::exit::is_dust;
use super::guard::Armed;
use super::market::Market;
use super::portfolio::Worth;
use super::record::TradingState;
use crate::domain::{
    AccountKind, AssetId, Balances, InstrumentId, Money, Num, NumError, Position, StrategyId,
    UnixNanos,
};
use crate::strategy::Exits;

/// What an account has.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Standing {
    /// The last engine time.
    pub time: UnixNanos,
    /// What it holds, by asset.
    pub balances: Vec<(String, Num)>,
    /// What strategies hold or have held.
    pub positions: Vec<Held>,
    /// Numbers that the next ids follow.
    pub strategies: Vec<Numbered>,
    /// What it was worth, in the asset `reporting`.
    pub worth: Worth,
    /// The asset that it was reported in.
    pub reporting: String,
    /// What trading allows.
    pub trading: TradingState,
    /// Orders and trades that the paper venue has numbered.
    pub venue: (u64, u64),
}

/// What one strategy holds in one instrument.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Held {
    /// The strategy's name.
    pub strategy: String,
    /// The instrument's symbol.
    pub instrument: String,
    /// The instrument's base asset.
    pub base: String,
    /// The fold of its fills.
    pub position: Position,
    /// It is too little to be sold.
    pub dust: bool,
    /// When it last wanted an order.
    pub last_signal: Option<UnixNanos>,
    /// The distances of its exits.
    pub plan: Exits,
    /// Where it is closed by itself.
    pub armed: Option<Armed>,
}

/// What one strategy has numbered.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Numbered {
    /// The strategy's name.
    pub strategy: String,
    /// Its numbers.
    pub counters: Counters,
    /// An operator paused it.
    pub paused: bool,
}

/// Why an engine cannot go on with a standing.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum StandingError {
    /// Something is held that its configuration does not name.
    #[error("{strategy} holds {quantity} of {instrument}, and the configuration has no such pair")]
    Unnamed {
        /// Whose.
        strategy: String,
        /// In what.
        instrument: String,
        /// Signed.
        quantity: String,
    },
    /// A debt would come into a cash account.
    #[error("it owes {} {asset}, which a cash account cannot", amount.neg())]
    Debt {
        /// Of which asset.
        asset: String,
        /// How much it has; below zero.
        amount: Num,
    },
    /// An asset is held that no configured instrument trades.
    #[error("it holds {amount} {asset}, which no configured instrument trades")]
    UnknownAsset {
        /// Which.
        asset: String,
        /// How much.
        amount: Num,
    },
    /// An amount is too large.
    #[error(transparent)]
    Number(#[from] NumError),
}

impl Engine {
    /// What the account has.
    pub fn standing(&self) -> Standing {
        let asset = |at: AssetId| self.config.assets.get(at.index());
        let strategy = |at: StrategyId| {
            self.config.strategies.get(at.index()).map_or_else(String::new, |it| it.name.clone())
        };
        let symbol = |at: InstrumentId| {
            self.config.instruments.get(at.index()).map_or_else(String::new, |it| it.symbol.clone())
        };
        let balances = self.portfolio.account.balances.iter();
        let held = self.slots.iter().zip(&self.guards).filter(|(slot, _)| slot.position.fills > 0);
        let numbered = self.counters.iter().zip(&self.paused);
        Standing {
            time: self.now,
            balances: balances
                .filter_map(|money| Some((asset(money.asset)?.0.clone(), money.amount)))
                .collect(),
            positions: held
                .map(|(slot, guard)| {
                    let (plan, armed) = guard.carried();
                    let market = self.markets.get(slot.instrument.index());
                    Held {
                        strategy: strategy(slot.strategy),
                        instrument: symbol(slot.instrument),
                        base: market
                            .and_then(|market| asset(market.instrument.base))
                            .map_or_else(String::new, |base| base.0.clone()),
                        position: slot.position,
                        dust: market.is_some_and(|market| is_remnant(market, &slot.position)),
                        last_signal: slot.last_signal,
                        plan,
                        armed,
                    }
                })
                .collect(),
            strategies: (0..)
                .map(StrategyId)
                .zip(numbered)
                .map(|(at, (counters, paused))| Numbered {
                    strategy: strategy(at),
                    counters: *counters,
                    paused: *paused,
                })
                .collect(),
            worth: self.portfolio.worth_so_far(),
            reporting: asset(self.portfolio.reporting).map_or_else(String::new, |it| it.0.clone()),
            trading: self.trading,
            venue: self.paper.numbers(),
        }
    }

    /// Takes over what an account has, after its start, and says what of it is left out: what is too
    /// little to be sold is no reason not to begin. On an error the engine must not be used.
    pub fn take_over(&mut self, standing: &Standing) -> Result<Vec<String>, StandingError> {
        let mut left_out = Vec::new();
        self.now = self.now.max(standing.time);
        let balances = balances(standing, &self.config, &mut left_out)?;
        let owed = standing.balances.iter().find(|(_, amount)| amount.is_negative());
        if let (Some((asset, amount)), AccountKind::Cash) = (owed, self.portfolio.account.kind) {
            return Err(StandingError::Debt { asset: asset.clone(), amount: *amount });
        }
        let mut worth = standing.worth;
        let reporting = self.config.assets.get(self.config.reporting.index());
        if let Some(asset) = reporting.filter(|asset| asset.0 != standing.reporting) {
            worth = Worth::default();
            left_out.push(format!("the day's loss and the peak begin anew, in {}", asset.0));
        }
        self.portfolio.take_over(balances, worth);
        self.portfolio.measure_floor(&self.config.risk);
        self.paper.take_over(&self.portfolio.account, standing.venue);
        for held in &standing.positions {
            self.take_position(held, &mut left_out)?;
        }
        for numbered in &standing.strategies {
            let names = self.config.strategies.iter().map(|strategy| &strategy.name);
            let all = names.zip(&mut self.counters).zip(&mut self.paused);
            for ((_, counters), paused) in all.filter(|((name, _), _)| **name == numbered.strategy)
            {
                (*counters, *paused) = (numbered.counters, numbered.paused);
            }
        }
        self.trading = standing.trading;
        self.schedule_exits();
        Ok(left_out)
    }

    fn take_position(
        &mut self,
        held: &Held,
        left_out: &mut Vec<String>,
    ) -> Result<(), StandingError> {
        let (strategy, instrument) = (&held.strategy, &held.instrument);
        let at = self.slots.iter().position(|slot| {
            let known = self.config.strategies.get(slot.strategy.index());
            let market = self.config.instruments.get(slot.instrument.index());
            known.is_some_and(|it| it.name == *strategy)
                && market.is_some_and(|it| it.symbol == *instrument)
        });
        let found = at.and_then(|at| Some((self.slots.get_mut(at)?, self.guards.get_mut(at)?)));
        match found {
            Some((slot, guard)) => {
                slot.set_position(held.position);
                slot.last_signal = held.last_signal;
                guard.carry(held.plan, held.armed);
            }
            None if held.position.is_flat() => {}
            None if held.dust => left_out.push(format!(
                "{} of {instrument} that {strategy} held: too little to be sold",
                held.position.quantity
            )),
            None => {
                return Err(StandingError::Unnamed {
                    strategy: strategy.clone(),
                    instrument: instrument.clone(),
                    quantity: held.position.quantity.to_string(),
                });
            }
        }
        Ok(())
    }
}

/// True when something is held, and too little to be sold.
fn is_remnant(market: &Market, position: &Position) -> bool {
    let held = position.quantity.magnitude();
    let sellable = held.floor_to(market.instrument.lot_size).unwrap_or(held);
    !position.is_flat() && is_dust(market, sellable)
}

fn balances(
    standing: &Standing,
    config: &Config,
    left_out: &mut Vec<String>,
) -> Result<Balances, StandingError> {
    let mut balances = Balances::default();
    for (name, amount) in &standing.balances {
        let known = config.assets.iter().position(|asset| asset.0 == *name);
        if let Some(id) = known.and_then(|at| u16::try_from(at).ok()).map(AssetId) {
            balances.add(Money::new(*amount, id))?;
            continue;
        }
        let mut held = standing.positions.iter().filter(|held| held.base == *name).peekable();
        let is_dust = held.peek().is_some() && held.all(|it| it.dust || it.position.is_flat());
        if amount.is_zero() {
            continue;
        }
        if !is_dust {
            return Err(StandingError::UnknownAsset { asset: name.clone(), amount: *amount });
        }
        left_out.push(format!("{amount} {name}, which no configured instrument trades"));
    }
    Ok(balances)
}
