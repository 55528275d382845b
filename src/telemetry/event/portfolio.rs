//! Events of the portfolio: positions, the account, and what trading allows.

use super::Told;
use crate::domain::{
    Account, DecisionId, InstrumentId, Money, OrderId, Position, StrategyId, UnixNanos,
};
use crate::engine::{AccountState, Resumed, TradingState};
use crate::telemetry::engine_word::{StopWord, TradingWord};
use crate::telemetry::line::Line;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::name::EventName;
use crate::telemetry::names::Scope;
use crate::telemetry::word::{Level, Word};

/// Something about what is held.
#[derive(Clone, Copy, Debug)]
pub enum PortfolioEvent<'a> {
    /// The run starts with this account.
    Started(&'a Account),
    /// It goes on where the account's last run ended.
    Resumed(&'a Resumed),
    /// A position changed by a fill.
    Position {
        /// Whose.
        strategy: StrategyId,
        /// In which instrument.
        instrument: InstrumentId,
        /// Which order filled.
        order: OrderId,
        /// Before the fill.
        before: &'a Position,
        /// After the fill.
        after: &'a Position,
    },
    /// The account's balances changed.
    Account(&'a AccountState),
    /// Trading became active, reduce-only, halted or flattening.
    Trading(TradingState),
    /// A strategy is paused by an operator or because it panicked, or goes on.
    Paused {
        /// Which one.
        strategy: StrategyId,
        /// It opens nothing more.
        paused: bool,
        /// The decision in which it panicked.
        failed: Option<DecisionId>,
    },
}

impl Told for PortfolioEvent<'_> {
    fn name(&self) -> EventName {
        match self {
            Self::Started(_) => EventName::RunStarted,
            Self::Resumed(_) => EventName::AccountResumed,
            Self::Position { .. } => EventName::PositionChanged,
            Self::Account(_) => EventName::AccountChanged,
            Self::Trading(_) => EventName::TradingStateChanged,
            Self::Paused { .. } => EventName::StrategyStateChanged,
        }
    }

    fn level(&self) -> Level {
        match self {
            Self::Trading(TradingState::Active) | Self::Paused { paused: false, .. } => Level::Info,
            Self::Paused { failed: Some(_), .. } => Level::Error,
            _ => self.name().level(),
        }
    }

    fn id(&self, scope: &Scope) -> String {
        match self {
            Self::Position { order, .. } => scope.order(*order),
            Self::Paused { failed: Some(decision), .. } => scope.decision(*decision),
            _ => String::new(),
        }
    }

    fn message(&self, scope: &Scope) -> String {
        match self {
            Self::Started(account) => format!("run starts with account {}", account.name),
            Self::Position { strategy, instrument, before, after, .. } => format!(
                "{} {} position {} -> {}",
                scope.strategy(*strategy),
                scope.instrument(*instrument),
                before.quantity,
                after.quantity,
            ),
            Self::Resumed(resumed) => format!(
                "the account goes on after {}: {} positions, {} open orders",
                span(resumed.time.since(resumed.from)),
                resumed.positions,
                resumed.orders.len(),
            ),
            Self::Account(AccountState { equity: Some(equity), .. }) => format!("equity {equity}"),
            Self::Account(_) => "equity is unknown: a conversion is missing".to_owned(),
            Self::Trading(state) => match stop_reason(*state) {
                Some(reason) => {
                    format!("trading is {}: {}", trading_word(*state), reason.as_str())
                }
                None => "trading is active".to_owned(),
            },
            Self::Paused { strategy, paused, failed } => {
                let because = failed.map_or("", |_| ": it panicked");
                format!("{} is {}{because}", scope.strategy(*strategy), strategy_word(*paused))
            }
        }
    }

    fn fields(&self, scope: &Scope, line: &mut Line) {
        match self {
            Self::Started(account) => {
                line.text("account", &account.name);
                balances("balances", account.balances.iter(), scope, line);
            }
            Self::Position { strategy, instrument, order, before, after } => {
                line.text("venue", &scope.names.venue);
                line.text("instrument", scope.instrument(*instrument));
                line.text("strategy", scope.strategy(*strategy));
                line.text("order_id", &scope.order(*order));
                line.exact("quantity_before", before.quantity);
                line.exact("quantity", after.quantity);
                line.exact_or_null("average_entry", after.average_entry());
                line.exact_or_null("realised_before", before.realised().ok());
                line.exact_or_null("realised", after.realised().ok());
                line.exact("fees", after.fees);
                line.unsigned("fills", after.fills);
            }
            Self::Resumed(resumed) => {
                line.text("account", &scope.run.account);
                line.unsigned("offline_ns", resumed.time.since(resumed.from));
                line.unsigned("positions", resumed.positions.into());
                line.unsigned("open_orders", resumed.orders.len() as u64);
                line.exact_or_null("equity", resumed.state.equity);
                line.exact_or_null("day_start", resumed.day_start);
                line.exact_or_null("peak", resumed.peak);
                balances("balances", resumed.state.balances.iter().copied(), scope, line);
                balances("locked", resumed.state.locked.iter().copied(), scope, line);
            }
            Self::Account(state) => {
                line.text("account", &scope.run.account);
                line.exact_or_null("equity", state.equity);
                balances("balances", state.balances.iter().copied(), scope, line);
                balances("locked", state.locked.iter().copied(), scope, line);
            }
            Self::Trading(state) => {
                line.text("state", trading_word(*state));
                line.text("reason", stop_reason(*state).map_or("", Word::as_str));
            }
            Self::Paused { strategy, paused, failed } => {
                if let Some(decision) = failed {
                    line.text("decision_id", &scope.decision(*decision));
                }
                line.text("strategy", scope.strategy(*strategy));
                line.text("state", strategy_word(*paused));
            }
        }
    }

    fn count(&self, metrics: &Metrics, _time: UnixNanos) {
        match self {
            Self::Trading(state) => {
                metrics.orders.trading((*state).into(), stop_reason(*state));
            }
            Self::Paused { strategy, paused, failed } => {
                metrics.decisions.paused(*strategy, *paused);
                if failed.is_some() {
                    metrics.decisions.panicked(*strategy);
                }
            }
            _ => {}
        }
    }
}

/// A span in words: `3.2 s`, `2 h 5 min`.
fn span(nanos: u64) -> String {
    let seconds = nanos / UnixNanos::SECOND;
    match (seconds / 3_600, seconds / 60 % 60) {
        (0, 0) => format!("{}.{} s", seconds, nanos % UnixNanos::SECOND / 100_000_000),
        (0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

fn strategy_word(paused: bool) -> &'static str {
    if paused { "paused" } else { "running" }
}

fn trading_word(state: TradingState) -> &'static str {
    TradingWord::from(state).as_str()
}

fn stop_reason(state: TradingState) -> Option<StopWord> {
    match state {
        TradingState::Active => None,
        TradingState::ReduceOnly(reason) | TradingState::Halted(reason) => Some(reason.into()),
        TradingState::Flattening => Some(StopWord::Operator),
    }
}

fn balances(
    key: &'static str,
    amounts: impl Iterator<Item = Money>,
    scope: &Scope,
    line: &mut Line,
) {
    line.list(key, amounts, |line, money| {
        line.text("asset", scope.asset(money.asset));
        line.exact("amount", money.amount);
    });
}
