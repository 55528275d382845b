//! `sessions prune`: removes old sessions, and says which and why before it does.

use serde_json::json;

use super::cli::PruneArgs;
use super::command::{print, print_json};
use super::error::{AppError, Exit};
use super::retention::{self, Round};
use super::{setup, words};
use crate::config::section::Keep;
use crate::tape::{self, Doomed, Limits};

/// Removes what is beyond the limits.
pub fn run(args: &PruneArgs) -> Result<Exit, AppError> {
    let sessions = retention::survey(&tape::default_root()?)?;
    let now = setup::now();
    let doomed = match limits(args) {
        Some(limits) => tape::doomed(&sessions, &limits, now),
        None => retention::doomed(&sessions, None, now),
    };
    if !args.json {
        say(&doomed);
    }
    let round = if args.dry_run {
        Round { removed: doomed, failed: Vec::new() }
    } else {
        retention::remove(doomed)
    };
    report(args, &round)?;
    // One failure is enough to say how it ends; all of them were told.
    round.failed.into_iter().next().map_or(Ok(Exit::Done), |(_, error)| Err(error.into()))
}

/// The limit of one's own, which holds for all sessions at once.
fn limits(args: &PruneArgs) -> Option<Limits> {
    let PruneArgs { keep, days, size, .. } = *args;
    let given = keep.is_some() || days.is_some() || size.is_some();
    let torn_days = days.unwrap_or(Keep::default().days);
    let bytes = size.map(|size| size.0);
    given.then_some(Limits { days, bytes, sessions: keep, torn_days })
}

fn say(doomed: &[Doomed]) {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["session", "mode", "size", "goes because"]);
    for Doomed { session, reason } in doomed {
        let size = words::bytes(session.bytes);
        table.add_row([session.run_id.0.clone(), mode(session), size, retention::why(*reason)]);
    }
    if !doomed.is_empty() {
        print(&table.to_string());
    }
}

fn report(args: &PruneArgs, round: &Round) -> Result<(), AppError> {
    let Round { removed, failed } = round;
    let bytes: u64 = removed.iter().map(|doomed| doomed.session.bytes).sum();
    if args.json {
        let rows = removed.iter().map(|Doomed { session, reason }| {
            let reason = retention::why(*reason);
            json!({
                "session": session.run_id.0, "mode": mode(session), "bytes": session.bytes,
                "reason": reason, "directory": session.directory,
            })
        });
        let failed = failed
            .iter()
            .map(|(session, error)| json!({ "session": session.0, "error": error.to_string() }));
        return print_json(&json!({
            "dry_run": args.dry_run, "removed": rows.collect::<Vec<_>>(), "bytes": bytes,
            "failed": failed.collect::<Vec<_>>(),
        }));
    }
    let done = if args.dry_run { "would remove" } else { "removed" };
    let sessions = words::count(removed.len(), "session");
    print(&match removed.len() {
        0 => "nothing to remove".to_owned(),
        _ => format!("{done} {sessions}, {}", words::bytes(bytes)),
    });
    for (_, error) in failed.iter().skip(1) {
        super::command::say(&error.to_string());
    }
    Ok(())
}

fn mode(session: &tape::Kept) -> String {
    session.mode.map_or_else(|| "-".to_owned(), |mode| format!("{mode:?}").to_lowercase())
}
