//! `tape` and `sessions`: import, look at, check and cut recordings.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::bar_check;
use super::book_check;
use super::build::{self, Filters, Plan};
use super::cli::{SessionsArgs, TapeCommand};
use super::command::{print, print_json};
use super::error::{AppError, Exit};
use super::history;
use super::import;
use super::platform::is_alive;
use super::setup;
use crate::config::Layers;
use crate::domain::UnixNanos;
use crate::strategy::StrategyKind;
use crate::tape::{
    self, Channel, Contents, Reader, SessionSummary, TapeEnd, Writer, WriterOptions,
};

/// Messages looked at to find a tape's instruments.
const HEAD_MESSAGES: usize = 20_000;

/// Runs a `tape` command.
pub fn run(command: &TapeCommand, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    match command {
        TapeCommand::Import { format, files, instrument, output } => {
            import::run(*format, files, instrument.as_ref(), output)
        }
        TapeCommand::Info { tape, json } => info(&resolve(tape)?, *json),
        TapeCommand::Verify { tape, book, bars, klines } => {
            let path = resolve(tape)?;
            if (*book || *bars) && history::listed_on(&path)?.is_some() {
                let problem = "the tape was made of files of history: it holds no messages of the \
                               venue to rebuild books or bars from";
                return Err(AppError::new(Exit::Failed, problem));
            }
            let exits = [
                whole(&path)?,
                if *book { verify_book(&path, registry)? } else { Exit::Done },
                if *bars { verify_bars(&path, klines, registry)? } else { Exit::Done },
            ];
            let fails = exits.iter().any(|exit| *exit != Exit::Done);
            Ok(if fails { Exit::Different } else { Exit::Done })
        }
        TapeCommand::Cut { tape, drop, output } => cut(&resolve(tape)?, drop, output),
    }
}

fn resolve(argument: &str) -> Result<std::path::PathBuf, AppError> {
    Ok(tape::resolve(argument, &tape::default_root()?)?.path)
}

fn info(path: &Path, as_json: bool) -> Result<Exit, AppError> {
    let contents = Contents::of(path)?;
    let listed = history::listed_on(path)?.unwrap_or_default();
    let end = match &contents.end {
        Ok(TapeEnd::Finished) => "finished".to_owned(),
        Ok(TapeEnd::Torn { at_byte, .. }) => format!("torn off at byte {at_byte}"),
        Err(error) => error.to_string(),
    };
    let total = &contents.all;
    let time = |moment: Option<(u64, UnixNanos)>| moment.map_or(UnixNanos::default(), |m| m.1);
    let (first, last) = (time(total.first), time(total.last));
    let seconds = last.since(first) / UnixNanos::SECOND;
    if as_json {
        let channels: Vec<_> = contents
            .channels
            .iter()
            .map(|channel| {
                json!({
                    "name": channel.name, "schema": channel.schema,
                    "entries": channel.extent.entries, "bytes": channel.extent.bytes,
                })
            })
            .collect();
        print_json(&json!({
            "path": path, "segments": contents.segments.len(), "entries": total.entries,
            "bytes": total.bytes, "seconds": seconds, "first_ns": first.0,
            "last_ns": last.0, "end": end, "channels": channels, "history": listed,
        }))?;
    } else {
        print(&format!(
            "{}: {} segments, {} entries, {} bytes, {seconds} s, {end}",
            path.display(),
            contents.segments.len(),
            total.entries,
            total.bytes
        ));
        for listed in &listed {
            print(&format!("history of {}: {listed}", listed.symbol));
        }
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(["channel", "schema", "entries", "bytes"]);
        for channel in &contents.channels {
            table.add_row([
                channel.name.clone(),
                channel.schema.to_owned(),
                channel.extent.entries.to_string(),
                channel.extent.bytes.to_string(),
            ]);
        }
        print(&table.to_string());
    }
    Ok(if contents.end.is_err() { Exit::Different } else { Exit::Done })
}

fn whole(path: &Path) -> Result<Exit, AppError> {
    let contents = Contents::of(path)?;
    match contents.end {
        Ok(TapeEnd::Finished) => print(&format!("whole: {} entries", contents.all.entries)),
        Ok(TapeEnd::Torn { at_byte, .. }) => print(&format!(
            "torn off at byte {at_byte}: {} entries before it are whole",
            contents.all.entries
        )),
        Err(error) => return Err(error.into()),
    }
    Ok(Exit::Done)
}

/// A plan that only watches the instruments of a tape.
pub(super) fn watching(path: &Path, registry: &[StrategyKind]) -> Result<Plan, AppError> {
    let symbols = symbols(path)?;
    let layers =
        Layers { text: Some(format!("[venue]\ninstruments = {symbols:?}\n")), ..Layers::default() };
    let loaded = crate::config::load(&layers, &build::config_kinds(registry))?;
    build::plan(&loaded, Filters::AsRecorded)
}

/// Bars are rebuilt as the recorded run made them: what it asked for depends on its strategies.
fn verify_bars(
    path: &Path,
    klines: &[String],
    registry: &[StrategyKind],
) -> Result<Exit, AppError> {
    let files = klines.iter().map(|file| bar_check::read_file(file)).collect::<Result<_, _>>()?;
    let plan = match setup::recorded_config(path)? {
        Some(config) => {
            build::plan(&setup::load_text(&config, &[], registry)?, Filters::FromVenue)?
        }
        None => watching(path, registry)?,
    };
    let checks = bar_check::check(path, &plan, registry, files)?;
    for check in checks.iter().filter(|check| check.compared + check.partial > 0) {
        print(&check.line());
        if let Some((candle, bar)) = &check.difference {
            print(&format!("  first difference: the venue has {candle:?}, we have {bar:?}"));
        }
    }
    let compared: usize = checks.iter().map(|check| check.compared).sum();
    if compared == 0 {
        print("no candle of the venue's to compare with: give one with --klines SYMBOL=FILE");
    }
    let agrees = checks.iter().all(|check| check.agreed == check.compared);
    Ok(if agrees && compared > 0 { Exit::Done } else { Exit::Different })
}

fn verify_book(path: &Path, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let plan = watching(path, registry)?;
    let checks = book_check::check(path, &plan)?;
    let (mut gaps, mut crossed) = (0, 0);
    for check in &checks {
        print(&format!("{} {} of {}", check.symbol, check.agreed, check.compared));
        gaps += check.gaps;
        crossed += check.crossed;
    }
    print(&format!("{gaps} gaps, crossed {crossed} times"));
    let passes = !checks.is_empty() && checks.iter().all(book_check::BookCheck::passes);
    Ok(if passes { Exit::Done } else { Exit::Different })
}

/// The symbols whose streams a tape holds, by first appearance.
fn symbols(path: &Path) -> Result<Vec<String>, AppError> {
    let mut symbols: Vec<String> = Vec::new();
    let mut reader = Reader::open(path)?;
    for _ in 0..HEAD_MESSAGES {
        let Some(entry) = reader.next()? else { break };
        if !matches!(entry.channel, Channel::Stream { .. }) {
            continue;
        }
        if let Some(symbol) = crate::venue::binance::symbol_of(entry.bytes)
            && !symbols.contains(&symbol)
        {
            symbols.push(symbol);
        }
    }
    symbols.sort();
    Ok(symbols)
}

fn cut(path: &Path, drop: &[u64], output: &Path) -> Result<Exit, AppError> {
    let writer = Writer::in_file(output, WriterOptions::default())?;
    let mut absent: BTreeSet<u64> = drop.iter().copied().collect();
    let copied = tape::copy_without(path, writer, |entry| {
        let leave_out = entry.channel.is_input() && drop.contains(&entry.seq);
        if leave_out {
            absent.remove(&entry.seq);
        }
        leave_out
    });
    let copied = copied.map_err(AppError::from).and_then(|copied| match absent.first() {
        Some(seq) => {
            let text = format!("{} has no input {seq} to leave out", path.display());
            Err(AppError::new(Exit::Failed, text))
        }
        None => Ok(copied),
    });
    if copied.is_err() {
        // A copy that is not what was asked for helps nobody.
        let _ = std::fs::remove_file(output);
    }
    print(&format!("{}: {} entries left out", output.display(), copied?.left_out));
    Ok(Exit::Done)
}

/// Lists the recorded sessions.
pub fn sessions(args: &SessionsArgs) -> Result<Exit, AppError> {
    let sessions = tape::list(&tape::default_root()?)?;
    if args.json {
        let rows: Vec<_> = sessions.iter().map(session_json).collect();
        print_json(&rows)?;
        return Ok(Exit::Done);
    }
    if sessions.is_empty() {
        print("no sessions yet: run `tickscope` to record one");
        return Ok(Exit::Done);
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["session", "mode", "ended", "orders", "fills", "bytes"]);
    for session in &sessions {
        table.add_row(session_row(session));
    }
    print(&table.to_string());
    Ok(Exit::Done)
}

fn session_json(session: &SessionSummary) -> serde_json::Value {
    let [name, mode, ended, ..] = session_row(session);
    json!({
        "session": name, "mode": mode, "ended": ended, "orders": counted(session, "orders"),
        "fills": counted(session, "fills"), "bytes": session.bytes, "directory": session.directory,
    })
}

/// What a session counted when it ended; `None` for one that did not.
fn counted(session: &SessionSummary, name: &str) -> Option<u64> {
    session.manifest.as_ref().ok()?.ending.as_ref()?.counts.get(name).copied()
}

/// True when a run was killed before anything was on disk.
fn is_empty(directory: &Path) -> bool {
    let first = Reader::open(directory).and_then(|mut reader| reader.next().map(|_| ()));
    matches!(first, Err(tape::TapeError::Empty { .. } | tape::TapeError::NotATape { .. }))
}

fn session_row(session: &SessionSummary) -> [String; 6] {
    let manifest = session.manifest.as_ref().ok();
    let ending = manifest.and_then(|manifest| manifest.ending.as_ref());
    let ended = match (manifest, ending) {
        (None, _) => "unreadable".to_owned(),
        (_, None) if session.runtime.as_ref().is_some_and(|runtime| is_alive(runtime.pid)) => {
            "running".to_owned()
        }
        (_, None) if is_empty(&session.directory) => "torn, nothing on tape".to_owned(),
        (_, None) => "torn".to_owned(),
        (_, Some(ending)) => ending.error.clone().unwrap_or_else(|| "clean".to_owned()),
    };
    let count = |name| counted(session, name).map_or_else(|| "-".to_owned(), |n| n.to_string());
    let mode = manifest.map_or_else(|| "-".to_owned(), |m| format!("{:?}", m.mode).to_lowercase());
    [
        session.run_id.to_string(),
        mode,
        ended,
        count("orders"),
        count("fills"),
        session.bytes.to_string(),
    ]
}
