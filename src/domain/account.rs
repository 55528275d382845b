//! An account: balances per asset, and what it allows.

use serde::{Deserialize, Serialize};

use super::decimal::{Num, NumError};
use super::id::AssetId;
use super::instrument::Instrument;
use super::money::Money;
use super::order::{Fill, Side};

/// What an account may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// Holds what it paid for: sells only what it has, refuses what the balance does not cover.
    #[default]
    Cash,
    /// Signed positions and a balance below zero are allowed.
    Margin,
}

/// One amount per asset, in the order of the assets. A missing asset is zero.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Balances(Vec<(AssetId, Num)>);

impl Balances {
    /// How much of an asset there is.
    pub fn get(&self, asset: AssetId) -> Num {
        let found = self.0.iter().find(|(known, _)| *known == asset);
        found.map_or(Num::ZERO, |(_, amount)| *amount)
    }

    /// Adds an amount, which may be negative.
    pub fn add(&mut self, money: Money) -> Result<(), NumError> {
        match self.0.binary_search_by_key(&money.asset, |(asset, _)| *asset) {
            Ok(at) => {
                if let Some((_, amount)) = self.0.get_mut(at) {
                    *amount = amount.add(money.amount)?.trimmed();
                }
            }
            Err(at) => self.0.insert(at, (money.asset, money.amount.trimmed())),
        }
        Ok(())
    }

    /// Moves what a fill of `side` exchanges: base against quote, and its fee.
    pub fn settle(
        &mut self,
        fill: &Fill,
        side: Side,
        instrument: &Instrument,
    ) -> Result<(), NumError> {
        let value = fill.price.notional(fill.quantity)?;
        let (base, quote) = match side {
            Side::Buy => (fill.quantity.num(), value.neg()),
            Side::Sell => (fill.quantity.num().neg(), value),
        };
        self.add(Money::new(base, instrument.base))?;
        self.add(Money::new(quote, instrument.quote))?;
        self.add(Money::new(fill.fee.amount.neg(), fill.fee.asset))
    }

    /// Assets and amounts, by asset id.
    pub fn iter(&self) -> impl Iterator<Item = Money> + '_ {
        self.0.iter().map(|(asset, amount)| Money::new(*amount, *asset))
    }
}

/// Who holds the money.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Account {
    /// Its name: `demo`, `paper`.
    pub name: String,
    /// What it allows.
    pub kind: AccountKind,
    /// What it holds.
    pub balances: Balances,
    /// What open orders hold back, part of `balances`.
    pub locked: Balances,
}

impl Account {
    /// What of an asset an order may use.
    pub fn available(&self, asset: AssetId) -> Result<Num, NumError> {
        self.balances.get(asset).sub(self.locked.get(asset))
    }
}
