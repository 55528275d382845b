//! `diff`: where a session parts from something that should be the same, and what that changed.

pub mod against;

use super::cli::DiffArgs;
use super::command::{print, print_json};
use super::error::{AppError, Exit};
use crate::strategy::StrategyKind;

/// The command.
pub fn run(args: &DiffArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let request = against::Request {
        session: args.a.clone(),
        files: args.against.clone(),
        instrument: args.instrument.clone(),
    };
    let report = against::check(&request, registry)?;
    if args.json {
        print_json(&report)?;
    } else {
        print(&report.to_string());
    }
    Ok(if report.equal { Exit::Done } else { Exit::Different })
}
