//! tickscope: an observability-first terminal trading client whose every decision explains itself
//! and can be reproduced bit for bit.
//!
//! See ARCHITECTURE.md for the house and its floors.

#![cfg_attr(test, allow(clippy::disallowed_macros, reason = "a test logs as a library does"))]
pub mod app;
pub mod config;
pub mod domain;
pub mod engine;
pub mod history;
pub mod ledger;
pub mod simulator;
pub mod strategy;
pub mod tape;
pub mod telemetry;
pub mod tui;
pub mod venue;

pub use app::{run, run_with};
