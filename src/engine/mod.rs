//! The engine: a synchronous state machine that maps each input to records.
//!
//! Floor 2: imports `domain` and `strategy`. It owns its state, never logs, waits, reads a clock
//! or draws entropy; time is a field of the input. What happened leaves through an [`Outlet`].

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod calling;
mod candle;
mod check;
mod closing;
pub mod codec;
pub mod config;
mod core;
mod deciding;
mod exit;
mod guard;
pub mod guarding;
pub mod holding;
pub mod input;
mod levels;
pub mod market;
pub mod news;
mod operator;
mod packer;
mod paper;
pub mod portfolio;
pub mod record;
mod resting;
mod risk;
mod sizing;
mod slot;
mod standing;
mod state;
mod summary;
#[cfg(test)]
mod tests;
pub mod trace;
mod trading;
pub mod view;
pub mod viewer;

pub use config::{
    BarsConfig, Config, FeeAsset, FillModel, OrderSize, PaperConfig, QueueModel, RiskConfig,
    StrategyConfig,
};
pub use core::{Counters, Engine};
pub use input::{Command, Event, Input, StartState};
pub use news::News;
pub use operator::Closable;
pub use portfolio::Worth;
pub use record::{
    AccountState, Blocked, Blocker, Check, CheckKind, Evaluation, ExitChange, ExitReport, Fault,
    Levels, Miss, Nobody, Outcome, Outlet, Record, Refusal, Resumed, RiskReport, Signal, SizeRule,
    Sizing, StopReason, Summary, Suppression, TradingState,
};
pub use standing::{Held, Numbered, Standing, StandingError};
pub use state::{STATE_VERSION, StateError};
pub use viewer::{RunInfo, Viewer};
