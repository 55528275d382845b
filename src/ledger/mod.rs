//! The ledger of an account: its fills, what it has, and how far its last run came, in one SQLite
//! file.
//!
//! Whoever runs on the account writes it in transactions of a few seconds; each holds the fills up
//! to an input of the run's tape, and the state after that input. So what is committed is true of
//! one moment, and the tape tells what came after it. Amounts are text with every digit; views make
//! the account readable with any SQLite tool.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod rows;
mod schema;
#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use thiserror::Error;

pub use rows::{Batch, BlockerRow, Checkpoint, DayRow, EquityRow, FillRow, SessionRow};

use crate::domain::{RunId, UnixNanos};

/// The version of the tables that this build writes.
pub const LEDGER_VERSION: i64 = 1;

/// Why a ledger cannot be used.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// It was written by a later version of tickscope.
    #[error(
        "{} is a ledger of version {version}, this tickscope reads up to {LEDGER_VERSION}: use a \
         newer tickscope, or another account.name",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// The file cannot be made or opened.
    #[error("the ledger {} cannot be opened: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// SQLite cannot read or write it.
    #[error("the ledger {} cannot be used: {reason}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: rusqlite::Error,
    },
    /// It holds something that this program did not write.
    #[error("the ledger {} holds {what} that cannot be read", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        what: String,
    },
}

/// What a ledger call returns.
pub type Result<T> = std::result::Result<T, LedgerError>;

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    db: Connection,
}

impl Ledger {
    /// Opens the ledger in a file, and makes it if there is none.
    pub fn open(path: &Path) -> Result<Self> {
        // For the owner's eyes only; SQLite gives the files beside it the same mode.
        let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        made.map_err(|reason| LedgerError::File { path: path.to_owned(), reason })?;
        let db = Connection::open(path).map_err(|reason| sqlite(path, reason))?;
        let mut ledger = Self { path: path.to_owned(), db };
        ledger.prepare()?;
        Ok(ledger)
    }

    fn prepare(&mut self) -> Result<()> {
        let version: i64 = self
            .db
            .query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0))
            .map_err(|reason| sqlite(&self.path, reason))?;
        if version > LEDGER_VERSION {
            return Err(LedgerError::Newer { path: self.path.clone(), version });
        }
        // FULL: what was committed is on the disk, whatever happens to the machine.
        self.db
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            .map_err(|reason| sqlite(&self.path, reason))?;
        if version < LEDGER_VERSION {
            self.write(|transaction| transaction.execute_batch(schema::TABLES))?;
        }
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A run begins on the account; `settled` is what the run before it had still to hear of.
    pub fn begin(&mut self, session: &SessionRow, settled: &Batch) -> Result<()> {
        self.write(|transaction| {
            for fill in &settled.fills {
                rows::insert_fill(transaction, fill)?;
            }
            transaction
                .execute(
                    "INSERT INTO sessions (run, directory, started, heir_of)
                     VALUES (?1, ?2, ?3, ?4)",
                    params![
                        session.run.0,
                        session.directory,
                        nanos(session.started),
                        session.heir_of.as_ref().map(|run| &run.0),
                    ],
                )
                .map(drop)
        })
    }

    /// Writes what happened up to an input, and the state after it: all or nothing.
    pub fn commit(&mut self, batch: &Batch, checkpoint: &Checkpoint) -> Result<()> {
        self.write(|transaction| {
            for fill in &batch.fills {
                rows::insert_fill(transaction, fill)?;
            }
            for blocker in &batch.blockers {
                rows::add_blocker(transaction, blocker)?;
            }
            if let Some(equity) = &batch.equity {
                rows::note_equity(transaction, equity)?;
            }
            transaction.execute(
                "INSERT OR REPLACE INTO checkpoint
                 (one, run, directory, seq, time, config, state, standing)
                 VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    checkpoint.run.0,
                    checkpoint.directory,
                    rows::number(checkpoint.seq),
                    nanos(checkpoint.time),
                    checkpoint.config,
                    checkpoint.state,
                    checkpoint.standing,
                ],
            )?;
            transaction
                .execute(
                    "UPDATE sessions SET seq = ?2, until = ?3 WHERE run = ?1",
                    params![checkpoint.run.0, rows::number(checkpoint.seq), nanos(checkpoint.time)],
                )
                .map(drop)
        })
    }

    /// How far the last run came, if there was one.
    pub fn last(&self) -> Result<Option<Checkpoint>> {
        let query = "SELECT run, directory, seq, time, config, state, standing FROM checkpoint";
        self.db
            .query_row(query, [], |row| {
                Ok(Checkpoint {
                    run: RunId(row.get(0)?),
                    directory: row.get(1)?,
                    seq: row.get::<_, i64>(2)?.unsigned_abs(),
                    time: UnixNanos(row.get::<_, i64>(3)?.unsigned_abs()),
                    config: row.get(4)?,
                    state: row.get(5)?,
                    standing: row.get(6)?,
                })
            })
            .optional()
            .map_err(|reason| sqlite(&self.path, reason))
    }

    /// The runs on the account, oldest first.
    pub fn sessions(&self) -> Result<Vec<SessionRow>> {
        // In the order in which they began, whatever the clock said.
        let query = "SELECT run, directory, started, heir_of, seq, ended FROM sessions
                     ORDER BY rowid";
        self.list(query, |row| {
            Ok(SessionRow {
                run: RunId(row.get(0)?),
                directory: row.get(1)?,
                started: UnixNanos(row.get::<_, i64>(2)?.unsigned_abs()),
                heir_of: row.get::<_, Option<String>>(3)?.map(RunId),
                seq: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
                ended: row.get(5)?,
            })
        })
    }

    /// Its days by strategy and instrument, oldest first.
    pub fn days(&self) -> Result<Vec<DayRow>> {
        self.list(
            "SELECT day, strategy, instrument, fills, realised, fees, turnover FROM days
             ORDER BY day, strategy, instrument",
            |row| {
                Ok(DayRow {
                    day: row.get(0)?,
                    strategy: row.get(1)?,
                    instrument: row.get(2)?,
                    fills: row.get::<_, i64>(3)?.unsigned_abs(),
                    realised: rows::amount(row, 4)?,
                    fees: rows::amount(row, 5)?,
                    turnover: rows::amount(row, 6)?,
                })
            },
        )
    }

    fn list<T>(
        &self,
        query: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.db.prepare(query).map_err(|reason| sqlite(&self.path, reason))?;
        let rows = statement.query_map([], read).map_err(|reason| sqlite(&self.path, reason))?;
        rows.collect::<rusqlite::Result<_>>().map_err(|reason| sqlite(&self.path, reason))
    }

    fn write(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>) -> Result<()> {
        let path = &self.path;
        let done = self.db.transaction().and_then(|transaction| {
            work(&transaction)?;
            transaction.commit()
        });
        done.map_err(|reason| sqlite(path, reason))
    }
}

fn sqlite(path: &Path, reason: rusqlite::Error) -> LedgerError {
    match reason {
        rusqlite::Error::FromSqlConversionFailure(column, ..) => LedgerError::Damaged {
            path: path.to_owned(),
            what: format!("an amount (column {column})"),
        },
        reason => LedgerError::Sqlite { path: path.to_owned(), reason },
    }
}

/// SQLite's integers are signed.
fn nanos(time: UnixNanos) -> i64 {
    rows::number(time.0)
}
