//! Recovering: the state at the end of the account's last run, whatever ended it.

use std::path::{Path, PathBuf};

use super::books::{Books, Session};
use crate::app::build::Plan;
use crate::app::error::{AppError, Exit};
use crate::app::pipeline::{Estate, Inheritance, Pipeline, TapeInput};
use crate::domain::{RunId, UnixNanos};
use crate::ledger::{Batch, Checkpoint, Ledger, SessionRow};
use crate::strategy::StrategyKind;
use crate::tape::{self, Channel, Reader, TapeError};

/// An account at the end of its last run.
pub struct Recovered {
    /// Its ledger, brought to that end.
    pub ledger: Ledger,
    /// What a run takes over; nothing for an account without a run.
    pub inheritance: Option<Inheritance>,
    /// Fills that the last run had still to hear of, which belong into the ledger with the next one.
    pub settled: Batch,
    /// The engine time of that end.
    pub time: UnixNanos,
    /// What somebody should know.
    pub notes: Vec<String>,
}

/// Reads what the account's last run recorded after its last commit, commits it, and says what it
/// left for a run of the plan `next`. Nothing else is written: the run may yet not begin.
pub fn recover(
    ledger: Ledger,
    next: &Plan,
    registry: &[StrategyKind],
) -> Result<Recovered, AppError> {
    let mut notes = Vec::new();
    let nothing = |ledger, notes| Recovered {
        ledger,
        inheritance: None,
        settled: Batch::default(),
        time: UnixNanos::default(),
        notes,
    };
    match reach_end(ledger, registry, &mut notes)? {
        Reached::Nothing(ledger) => Ok(nothing(ledger, notes)),
        Reached::Ledger(ledger, last) => {
            let Checkpoint { run: from, time, standing, .. } = last;
            notes.push(format!("session {from} is of another program: strategies begin anew"));
            let inheritance = Some(Inheritance { from, estate: Estate::Standing(standing) });
            Ok(Recovered { inheritance, time, ..nothing(ledger, notes) })
        }
        Reached::Books(books) => inherit(*books, next, notes),
    }
}

/// What brought-up books leave to a run of the plan `next`.
fn inherit(books: Books, next: &Plan, notes: Vec<String>) -> Result<Recovered, AppError> {
    let failed = |error: String| AppError::new(Exit::Failed, error);
    let (from, time) = (books.run().clone(), books.pipeline().engine().now());
    if books.continue_in(next) {
        let state = books.pipeline().save().map_err(|error| failed(error.to_string()))?;
        let inheritance = Some(Inheritance { from, estate: Estate::Whole(state) });
        let (ledger, settled) = (books.into_ledger(), Batch::default());
        return Ok(Recovered { ledger, inheritance, settled, time, notes });
    }
    let (ledger, standing, settled) = books.settle();
    let json = serde_json::to_string(&standing).map_err(|error| failed(error.to_string()))?;
    let inheritance = Some(Inheritance { from, estate: Estate::Standing(json) });
    Ok(Recovered { ledger, inheritance, settled, time, notes })
}

/// Brings an account's ledger to the end of its last tape, as far as this program can read it.
pub fn bring_up(ledger: Ledger, registry: &[StrategyKind]) -> Result<Ledger, AppError> {
    Ok(match reach_end(ledger, registry, &mut Vec::new())? {
        Reached::Nothing(ledger) | Reached::Ledger(ledger, _) => ledger,
        Reached::Books(books) => books.into_ledger(),
    })
}

/// What is known of an account's last run.
enum Reached {
    /// There was none.
    Nothing(Ledger),
    /// What the ledger says, and there is no more: this program cannot read on.
    Ledger(Ledger, Checkpoint),
    /// All of it, committed.
    Books(Box<Books>),
}

fn reach_end(
    ledger: Ledger,
    registry: &[StrategyKind],
    notes: &mut Vec<String>,
) -> Result<Reached, AppError> {
    let last = ledger.last()?;
    let sessions = ledger.sessions()?;
    let (session, at) = match (begun_since(&sessions)?, &last) {
        (Some(session), _) => (session, None),
        (None, Some(last)) => (session_of(last), Some(last)),
        (None, None) => return Ok(Reached::Nothing(ledger)),
    };
    let from = session.run.clone();
    match (Books::reopen(ledger, session, at, registry), at) {
        (Ok(mut books), _) => {
            read_on(&mut books, &sessions, notes)?;
            Ok(Reached::Books(Box::new(books)))
        }
        // Another version, or strategies that are not in this binary: what the account has is known
        // all the same, unless the tape tells more.
        (Err((ledger, _)), Some(last)) if !has_more(last)? => {
            Ok(Reached::Ledger(ledger, last.clone()))
        }
        (Err((_, reason)), _) => {
            let text = format!(
                "session {from} ended without a last word, and this program cannot read on where \
                 its ledger ends ({reason}): start the one that ran it, or begin anew with --fresh"
            );
            Err(AppError::new(Exit::Different, text))
        }
    }
}

fn session_of(last: &Checkpoint) -> Session {
    let directory = place(&last.run, &last.directory);
    Session { run: last.run.clone(), directory, config: last.config.clone() }
}

/// Where a session is: where sessions are now, or where it was.
pub fn place(run: &RunId, recorded: &str) -> PathBuf {
    let here = tape::default_root().ok().map(|root| root.join(&run.0));
    here.filter(|here| here.exists()).unwrap_or_else(|| PathBuf::from(recorded))
}

/// The newest run that was ended before its own first commit, if its recording says what it began
/// with. One that was ended even before that did nothing.
fn begun_since(sessions: &[SessionRow]) -> Result<Option<Session>, AppError> {
    for session in sessions.iter().rev().take_while(|session| session.seq.is_none()) {
        let directory = place(&session.run, &session.directory);
        if let Some(config) = began_with(&directory, session.heir_of.is_some())? {
            return Ok(Some(Session { run: session.run.clone(), directory, config }));
        }
    }
    Ok(None)
}

/// The configuration of a run whose first inputs are on its tape.
fn began_with(directory: &Path, is_heir: bool) -> Result<Option<String>, AppError> {
    let mut reader = match open(directory, 0) {
        Ok(Some(reader)) => reader,
        Ok(None) | Err(AppError::Tape(TapeError::NotATape { .. } | TapeError::Empty { .. })) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut config = None;
    loop {
        let entry = match reader.next() {
            Ok(Some(entry)) if entry.channel == Channel::Input => entry,
            Ok(_) | Err(TapeError::Empty { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match postcard::from_bytes(entry.bytes) {
            Ok(TapeInput::Start { config: text, .. }) if is_heir => config = Some(text),
            Ok(TapeInput::Start { config: text, .. }) => return Ok(Some(text)),
            Ok(TapeInput::Resume(_)) => return Ok(config),
            _ => return Ok(None),
        }
    }
}

/// Takes what the tape holds beyond the books, and commits it. Where the books were closed there is
/// nothing more.
fn read_on(
    books: &mut Books,
    sessions: &[SessionRow],
    notes: &mut Vec<String>,
) -> Result<(), AppError> {
    if sessions.iter().any(|row| row.run == *books.run() && row.ended) {
        return Ok(());
    }
    let Some(mut reader) = open(books.directory(), books.seq())? else {
        notes.push(format!(
            "session {} is gone: what it recorded after input {} is lost",
            books.run(),
            books.seq()
        ));
        return books.commit(false);
    };
    loop {
        match reader.next() {
            Ok(Some(entry)) => books.take(&entry)?,
            Ok(None) => return books.commit(true),
            Err(error) => return Err(unreadable(books, &error)),
        }
    }
}

/// What happened after a damage is not known, and nobody may guess it.
fn unreadable(books: &Books, error: &TapeError) -> AppError {
    let text = format!(
        "{error}: what the account did after input {} of {} is not known; remove that session to go \
         on with what the ledger holds, or begin anew with --fresh",
        books.seq(),
        books.run(),
    );
    AppError::new(Exit::Different, text)
}

/// True when a run recorded inputs after its last commit.
fn has_more(last: &Checkpoint) -> Result<bool, AppError> {
    let directory = place(&last.run, &last.directory);
    let Some(mut reader) = open(&directory, last.seq)? else { return Ok(false) };
    while let Some(entry) = reader.next()? {
        if entry.channel.is_input() && entry.seq > last.seq {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A run's recording from somewhere before the input after `seq`; `None` for one that is gone.
fn open(directory: &Path, seq: u64) -> Result<Option<Reader>, AppError> {
    let exists = directory.exists();
    Ok(if exists { Some(Reader::open_after(directory, seq)?) } else { None })
}

/// What is left out when a pipeline takes an estate over; an error in words when it cannot.
pub fn check(
    estate: &Estate,
    pipeline: &mut Pipeline,
    account: &str,
) -> Result<Vec<String>, AppError> {
    pipeline.inherit(estate).map_err(|reason| {
        let text = format!(
            "account {account} cannot go on with this configuration: {reason}; name it again, choose \
             another account.name, or begin anew with --fresh"
        );
        AppError::invalid(text)
    })
}
