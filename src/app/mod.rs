//! The app joins the islands: the only bridge, the only spawner, the only reader of the clock.

mod account;
mod alert;
pub mod attach;
pub mod backtest;
pub mod bar_check;
mod book_check;
pub mod build;
pub mod cli;
pub mod command;
pub mod control;
pub mod diff;
pub mod error;
mod help;
pub mod history;
mod import;
pub mod live;
pub mod lookahead;
pub mod market;
pub mod outputs;
pub mod pipeline;
pub mod platform;
mod prune_command;
pub mod replay;
pub mod report;
pub mod result;
mod retention;
pub mod selftest;
pub mod setup;
pub mod sim;
pub mod source;
mod tape_command;
mod words;

pub use command::{run, run_with};
