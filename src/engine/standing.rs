//! A standing: what an account has, by name and not by number, so that a run with another
//! configuration, or another version of tickscope, can go on with it.
//!
//! It is less than the engine's whole [state](super::state): indicators, bars and open orders are
//! not part of it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::config::Config;
use super::core::{Counters, Engine};
use super::guard::Armed;
use super::portfolio::Worth;
use super::record::TradingState;
use crate::domain::{
    AssetId, Balances, InstrumentId, Money, Num, NumError, Position, StrategyId, UnixNanos,
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
    /// What it was worth.
    pub worth: Worth,
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
    /// The fold of its fills.
    pub position: Position,
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
                    Held {
                        strategy: strategy(slot.strategy),
                        instrument: symbol(slot.instrument),
                        position: slot.position,
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
            trading: self.trading,
            venue: self.paper.numbers(),
        }
    }

    /// Takes over what an account has, after its start. On an error the engine must not be used.
    pub fn take_over(&mut self, standing: &Standing) -> Result<(), StandingError> {
        self.now = self.now.max(standing.time);
        let balances = balances(&standing.balances, &self.config)?;
        self.portfolio.take_over(balances, standing.worth);
        self.paper.take_over(&self.portfolio.account, standing.venue);
        for held in &standing.positions {
            let at = self.slots.iter().position(|slot| {
                let strategy = self.config.strategies.get(slot.strategy.index());
                let instrument = self.config.instruments.get(slot.instrument.index());
                strategy.is_some_and(|it| it.name == held.strategy)
                    && instrument.is_some_and(|it| it.symbol == held.instrument)
            });
            let found = at.and_then(|at| Some((self.slots.get_mut(at)?, self.guards.get_mut(at)?)));
            match found {
                Some((slot, guard)) => {
                    slot.set_position(held.position);
                    slot.last_signal = held.last_signal;
                    guard.carry(held.plan, held.armed);
                }
                None if held.position.is_flat() => {}
                None => {
                    return Err(StandingError::Unnamed {
                        strategy: held.strategy.clone(),
                        instrument: held.instrument.clone(),
                        quantity: held.position.quantity.to_string(),
                    });
                }
            }
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
        Ok(())
    }
}

fn balances(amounts: &[(String, Num)], config: &Config) -> Result<Balances, StandingError> {
    let mut balances = Balances::default();
    for (name, amount) in amounts.iter().filter(|(_, amount)| !amount.is_zero()) {
        let known = config.assets.iter().position(|asset| asset.0 == *name);
        let id = known.and_then(|at| u16::try_from(at).ok()).map(AssetId);
        let unknown = || StandingError::UnknownAsset { asset: name.clone(), amount: *amount };
        balances.add(Money::new(*amount, id.ok_or_else(unknown)?))?;
    }
    Ok(balances)
}
