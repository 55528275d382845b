//! The names of a run: inside things are indices, in logs and metrics they have names.

use crate::domain::{
    AssetId, DecisionId, InstrumentId, Money, OrderId, Price, Quantity, RunId, StrategyId,
};
use crate::engine::view::Mode;

/// Names by index, as configured. They are labels, so their number is bounded by configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    /// The venue.
    pub venue: String,
    /// Symbols by [`InstrumentId`].
    pub instruments: Vec<String>,
    /// Strategies by [`StrategyId`].
    pub strategies: Vec<String>,
    /// Assets by [`AssetId`].
    pub assets: Vec<String>,
}

/// Which run this is; in the first line of every log file and in the info metrics.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RunInfo {
    /// The run.
    pub run_id: RunId,
    /// What kind of run.
    pub mode: Mode,
    /// The account's name.
    pub account: String,
    /// The program's version.
    pub version: String,
    /// The source revision it was built from; empty when not known.
    pub revision: String,
    /// `release` or `debug`.
    pub profile: String,
    /// Hash of the configuration.
    pub config_hash: String,
    /// The process id.
    pub pid: u32,
}

impl RunInfo {
    /// The mode as logs and labels say it.
    pub(super) fn mode_word(&self) -> &'static str {
        match self.mode {
            Mode::Demo => "demo",
            Mode::Paper => "paper",
            Mode::Replay => "replay",
            Mode::Backtest => "backtest",
            Mode::Live => "live",
        }
    }
}

/// What an index without a name is called.
const NAMELESS: &str = "other";

/// Names and run together: what is needed to say anything.
#[derive(Debug)]
pub(super) struct Scope {
    pub names: Names,
    pub run: RunInfo,
}

impl Scope {
    pub(super) fn strategy(&self, id: StrategyId) -> &str {
        self.names.strategies.get(id.index()).map_or(NAMELESS, String::as_str)
    }

    pub(super) fn instrument(&self, id: InstrumentId) -> &str {
        self.names.instruments.get(id.index()).map_or(NAMELESS, String::as_str)
    }

    pub(super) fn asset(&self, id: AssetId) -> &str {
        self.names.assets.get(id.index()).map_or(NAMELESS, String::as_str)
    }

    /// `k7f3-1-0412`
    pub(super) fn decision(&self, id: DecisionId) -> String {
        self.run.run_id.decision(id)
    }

    /// `k7f3-1-o0007`
    pub(super) fn order(&self, id: OrderId) -> String {
        self.run.run_id.order(id)
    }

    /// `0.0012 USDT`
    pub(super) fn money(&self, money: Money) -> String {
        format!("{} {}", money.amount, self.asset(money.asset))
    }

    /// `0.01 BTCUSDT at 64123.5`, or at market.
    pub(super) fn deal(
        &self,
        quantity: Quantity,
        instrument: InstrumentId,
        price: Option<Price>,
    ) -> String {
        let symbol = self.instrument(instrument);
        match price {
            Some(price) => format!("{quantity} {symbol} at {price}"),
            None => format!("{quantity} {symbol} at market"),
        }
    }
}
