//! What can go wrong at the top, each with the sentence a person reads and its exit code.

use std::process::ExitCode;

use thiserror::Error;

use crate::config::ConfigError;
use crate::history::HistoryError;
use crate::ledger::LedgerError;
use crate::tape::TapeError;

/// How a command ends. The numbers are documented in the README and are never reused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done.
    Done,
    /// Any other failure.
    Failed,
    /// Wrong usage, or no terminal.
    Usage,
    /// The configuration or a strategy is not valid.
    Invalid,
    /// A connection or a port could not be had.
    Connection,
    /// A replay differs from its recording, or a tape is damaged.
    Different,
    /// A risk rule or the operator halted the run, and that ended it.
    Halted,
    /// The tape or the session cannot be written.
    NotWritable,
    /// The terminal stopped and the run was ended by force on a signal.
    Forced,
}

impl Exit {
    /// The process exit status.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::Connection => 4,
            Self::Different => 5,
            Self::Halted => 6,
            Self::NotWritable => 7,
            Self::Forced => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command failed.
#[derive(Debug, Error)]
pub enum AppError {
    /// The configuration does not pass.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tape or the session directory.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// A file of history.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// An account's ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Anything else, with its exit code.
    #[error("{message}")]
    Other {
        /// One sentence that says what to do.
        message: String,
        /// How the process ends.
        exit: Exit,
    },
}

/// What cannot be written stops trading; what cannot be trusted is a difference.
fn tape_exit(error: &TapeError) -> Exit {
    match error {
        TapeError::Io { operation: "open" | "read" | "list" | "examine", .. }
        | TapeError::NoSuchTape { .. }
        | TapeError::OnlyBacktests { .. }
        | TapeError::NotATape { .. } => Exit::Failed,
        TapeError::Io { .. } | TapeError::Refused { .. } | TapeError::NoStateHome => {
            Exit::NotWritable
        }
        TapeError::Damaged { .. }
        | TapeError::Empty { .. }
        | TapeError::MissingSegment { .. }
        | TapeError::UnknownSchema { .. } => Exit::Different,
        _ => Exit::Failed,
    }
}

impl AppError {
    /// An error with its exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self::Other { message: message.into(), exit }
    }

    /// Something in the configuration or a strategy is not valid.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, message)
    }

    /// How the process ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) => Exit::Invalid,
            Self::Tape(error) => tape_exit(error),
            Self::Ledger(LedgerError::File { .. } | LedgerError::Sqlite { .. }) => {
                Exit::NotWritable
            }
            Self::Ledger(_) => Exit::Different,
            Self::History(_) => Exit::Failed,
            Self::Other { exit, .. } => *exit,
        }
    }
}
