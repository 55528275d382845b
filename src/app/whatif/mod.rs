//! `whatif`: a recorded session again, with something changed. It is run twice over its own inputs,
//! without the change and with it, under the same model of fills: fills that a venue made are never
//! held against fills that a model made.
//!
//! With several values it is a sweep: one run for each, over a tape that is decoded once.

mod decisions;
mod fan;
mod runner;
mod shared;
mod single;
mod subject;
mod sweep;
#[cfg(test)]
mod tests;
mod values;

use std::io::IsTerminal;

use self::subject::Subject;
use self::values::Set;
use super::cli::WhatIfArgs;
use super::command::{print, print_json};
use super::error::{AppError, Exit};
use crate::strategy::StrategyKind;

pub use single::WhatIf;
pub use sweep::Sweep;

/// The command.
pub fn run(args: &WhatIfArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let sets = args.set.iter().map(|text| Set::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let session = args.session.as_deref().unwrap_or("last");
    let subject = Subject::find(session, args.config.clone())?;
    let quiet = !std::io::stderr().is_terminal();
    if sets.iter().any(|set| set.swept) {
        let found = sweep::sweep(&subject, &sets, quiet, registry)?;
        tell(&found, args.json)?;
    } else {
        let within = u64::try_from(args.within.as_nanos()).unwrap_or(u64::MAX);
        let found = single::ask(&subject, &args.set, within, quiet, registry)?;
        tell(&found, args.json)?;
    }
    Ok(Exit::Done)
}

fn tell(found: &(impl serde::Serialize + ToString), json: bool) -> Result<(), AppError> {
    if json {
        return print_json(found);
    }
    print(&found.to_string());
    Ok(())
}
