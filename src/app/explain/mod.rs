//! `explain`: why a decision was made, or why none was, from a recording.

mod every;
mod find;
mod gather;
mod miss;
mod miss_row;
mod trial;
mod wanted;
pub mod why_not;

use std::sync::Arc;

use self::find::Found;
use super::cli::ExplainArgs;
use super::command::{print, print_json, say};
use super::error::{AppError, Exit};
use super::http::Recall;
use super::past::Recording;
use crate::strategy::StrategyKind;
use crate::{tape, tui};

pub use find::{find, reach};
pub use wanted::{Wanted, moment_of};

/// Columns of the text where nobody says how many there are.
const WIDTH: u16 = 110;

/// Explains what was asked for.
pub fn run(args: &ExplainArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    if args.every || args.orders {
        return every::run(args, registry);
    }
    let wanted = Wanted::of(args)?;
    let recording = recording_of(&wanted, args.session.as_deref(), registry)?;
    let found = find(&recording, &wanted)?;
    if let Some(instead) = found.instead {
        say(&format!("{}: {instead}", recording.name));
    }
    if args.json {
        print_json(&found.document())?;
    } else {
        print(&text(&found));
    }
    Ok(Exit::Done)
}

/// The recording that knows of what is wanted: what the id says, else the session that was named,
/// else the newest that decided anything.
pub fn recording_of(
    wanted: &Wanted,
    session: Option<&str>,
    registry: &[StrategyKind],
) -> Result<Recording, AppError> {
    let session = wanted.session().or(session).unwrap_or("last");
    Recording::of(tape::resolve_run(session, &tape::default_root()?)?, registry)
}

/// Explains an id of any recorded session to whoever answers over HTTP; nothing where it cannot.
pub fn recall(registry: &[StrategyKind]) -> Recall {
    let registry = registry.to_vec();
    Arc::new(move |id| {
        let wanted = Wanted::of_id(id).ok()?;
        let recording = Recording::open(wanted.session()?, &registry).ok()?;
        Some(find(&recording, &wanted).ok()?.document())
    })
}

/// The chain as the screen draws it, and how far it is proven.
fn text(found: &Found) -> String {
    let width = terminal_width().unwrap_or(WIDTH);
    let mut text = tui::chain_text(&found.view, &found.chain, width);
    text.push('\n');
    text.push_str(&found.proof_line());
    text
}

/// Columns of the terminal, where standard output is one.
pub fn terminal_width() -> Option<u16> {
    use std::io::IsTerminal;
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    rustix::termios::tcgetwinsize(&stdout)
        .ok()
        .map(|size| size.ws_col)
        .filter(|columns| *columns > 0)
}
