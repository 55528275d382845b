//! The app joins the islands: the only bridge, the only spawner, the only reader of the clock.

pub mod backtest;
pub mod build;
pub mod cli;
pub mod command;
pub mod error;
pub mod outputs;
pub mod pipeline;
pub mod platform;
pub mod replay;
pub mod result;
pub mod setup;
pub mod source;
pub mod ticks;

pub use command::run;
