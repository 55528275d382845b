//! Recovering: the state at the end of the account's last run, whatever ended it.

use std::path::{Path, PathBuf};

use super::books::{Books, Session};
use crate::app::build::Plan;
use crate::app::error::{AppError, Exit};
use crate::app::pipeline::{Estate, Inheritance, Pipeline, TapeInput};
use crate::ledger::{Checkpoint, Ledger, SessionRow};
use crate::strategy::StrategyKind;
use crate::tape::{Channel, Reader, TapeError};

/// Reads what the account's last run recorded after its last commit, commits it, and says what it
/// left for a run of the plan `next`. Nothing for an account without a run.
pub fn recover(
    ledger: Ledger,
    next: &Plan,
    registry: &[StrategyKind],
) -> Result<(Ledger, Option<Inheritance>), AppError> {
    let mut books = match reach_end(ledger, registry)? {
        Reached::Nothing(ledger) => return Ok((ledger, None)),
        Reached::Ledger(ledger, last) => {
            let estate = Estate::Standing(last.standing);
            return Ok((ledger, Some(Inheritance { from: last.run, estate })));
        }
        Reached::Books(books) => books,
    };
    let failed = |error: String| AppError::new(Exit::Failed, error);
    let estate = if books.continue_in(next) {
        Estate::Whole(books.pipeline().save().map_err(|error| failed(error.to_string()))?)
    } else {
        books.settle();
        let standing = books.pipeline().engine().standing();
        Estate::Standing(serde_json::to_string(&standing).map_err(|e| failed(e.to_string()))?)
    };
    books.commit()?;
    let from = books.run().clone();
    Ok((books.into_ledger(), Some(Inheritance { from, estate })))
}

/// Brings an account's ledger to the end of its last tape, as far as this program can read it.
pub fn bring_up(ledger: Ledger, registry: &[StrategyKind]) -> Result<Ledger, AppError> {
    Ok(match reach_end(ledger, registry)? {
        Reached::Nothing(ledger) | Reached::Ledger(ledger, _) => ledger,
        Reached::Books(mut books) => {
            books.commit()?;
            books.into_ledger()
        }
    })
}

/// What is known of an account's last run.
enum Reached {
    /// There was none.
    Nothing(Ledger),
    /// What the ledger says, and there is no more: this program cannot read on.
    Ledger(Ledger, Checkpoint),
    /// All of it.
    Books(Box<Books>),
}

fn reach_end(ledger: Ledger, registry: &[StrategyKind]) -> Result<Reached, AppError> {
    let last = ledger.last()?;
    let (session, at) = match (begun_since(&ledger, last.as_ref())?, &last) {
        (Some(session), _) => (session, None),
        (None, Some(last)) => (session_of(last), Some(last)),
        (None, None) => return Ok(Reached::Nothing(ledger)),
    };
    let from = session.run.clone();
    match (Books::reopen(ledger, session, at, registry), at) {
        (Ok(mut books), _) => {
            read_on(&mut books)?;
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
            Err(AppError::new(Exit::Failed, text))
        }
    }
}

fn session_of(last: &Checkpoint) -> Session {
    let directory = PathBuf::from(&last.directory);
    Session { run: last.run.clone(), directory, config: last.config.clone() }
}

/// The newest run that began after the one of the last commit and was ended before its own first
/// commit, if its recording says what it began with. One that was ended even before that did
/// nothing.
fn begun_since(ledger: &Ledger, last: Option<&Checkpoint>) -> Result<Option<Session>, AppError> {
    let sessions = ledger.sessions()?;
    let is_newer = |session: &&SessionRow| last.is_none_or(|last| session.run != last.run);
    for session in sessions.iter().rev().take_while(is_newer) {
        let directory = PathBuf::from(&session.directory);
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

/// Takes what the tape holds beyond the books. A session that was removed holds nothing more.
fn read_on(books: &mut Books) -> Result<(), AppError> {
    let Some(mut reader) = open(books.directory(), books.seq())? else { return Ok(()) };
    loop {
        match reader.next() {
            Ok(Some(entry)) => books.take(&entry)?,
            Ok(None) => return Ok(()),
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
    let Some(mut reader) = open(Path::new(&last.directory), last.seq)? else { return Ok(false) };
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

/// An error in words, when a pipeline cannot take an estate over.
pub fn check(estate: &Estate, pipeline: &mut Pipeline, account: &str) -> Result<(), AppError> {
    pipeline.inherit(estate).map_err(|reason| {
        let text = format!(
            "account {account} cannot go on with this configuration: {reason}; name it again, choose \
             another account.name, or begin anew with --fresh"
        );
        AppError::invalid(text)
    })
}
