//! The engine: a synchronous state machine that maps each input to records.
//!
//! Floor 2: imports `domain` and `strategy`. It owns its state, never logs, waits, reads a clock
//! or draws entropy; time is a field of the input. What happened leaves through an [`Outlet`].

pub mod input;
pub mod record;
pub mod view;

pub use input::{Command, Event, Input, StartState};
pub use record::{
    AccountState, Blocker, Check, CheckKind, Evaluation, Outcome, Outlet, Record, Refusal,
    RiskReport, Signal, TradingState,
};
