//! `diff`: where a session parts from something that should be the same, and what that changed.

pub mod against;
pub mod between;

use super::cli::DiffArgs;
use super::command::{print, print_json};
use super::error::{AppError, Exit};
use super::explain::terminal_width;
use crate::strategy::StrategyKind;

/// Columns of the text where nobody says how many there are.
const WIDTH: u16 = 160;

/// The command.
pub fn run(args: &DiffArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    if args.against.is_empty() {
        return between(args, registry);
    }
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

fn between(args: &DiffArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let request = between::Request {
        a: args.a.clone(),
        b: args.b.clone(),
        set: args.set.clone(),
        config: args.config_b.clone(),
        width: terminal_width().unwrap_or(WIDTH),
    };
    let report = between::check(&request, registry)?;
    if args.json {
        print_json(&report)?;
    } else {
        print(report.to_string().trim_end());
    }
    Ok(if report.equal && !report.damaged { Exit::Done } else { Exit::Different })
}
