//! What can go wrong with a tape. Every error names the path and the operation.

use std::io;
use std::path::{Path, PathBuf};

/// A result of this folder.
pub type Result<T, E = TapeError> = std::result::Result<T, E>;

/// Why a tape or a session could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The file system refused: see [`TapeError::is_disk_full`].
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: `create`, `append to`.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The MCAP writer refused: more channels than MCAP can number, or a write after a failure.
    #[error("cannot append to {}: {reason}", path.display())]
    Refused {
        /// The segment.
        path: PathBuf,
        /// What the writer said.
        reason: String,
    },
    /// The operating system gives no thread for the recorder.
    #[error("cannot start the recorder: {0}")]
    Thread(io::Error),
    /// An entry is larger than a tape holds.
    #[error("an entry of {bytes} bytes is larger than the {limit} that a tape holds")]
    EntryTooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The largest allowed.
        limit: usize,
    },
    /// An entry's sequence number is further from the last one than a tape can express.
    #[error("input {seq} cannot follow input {last} on one tape")]
    SeqJump {
        /// The last sequence number written.
        last: u64,
        /// The one refused.
        seq: u64,
    },
    /// Bytes in the middle of a tape are not what was written. What came before is intact.
    #[error("{} is damaged at byte {at_byte}: {damage}", path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where the first record that cannot be trusted begins.
        at_byte: u64,
        /// What is wrong with it.
        damage: String,
    },
    /// Nothing was flushed before the writer was killed, or nothing has been yet.
    #[error(
        "{} is empty: no tape, or that of a run that was killed before its first second was on disk",
        path.display()
    )]
    Empty {
        /// The first segment.
        path: PathBuf,
    },
    /// A segment in the middle of a tape is not there.
    #[error("{} lacks segment {number} of its tape", directory.display())]
    MissingSegment {
        /// The session directory.
        directory: PathBuf,
        /// The segment's number.
        number: u32,
    },
    /// The file is an MCAP file of somebody else, or of a newer tickscope.
    #[error(
        "{} has a channel `{topic}` with schema `{schema}`, which this version does not read",
        path.display()
    )]
    UnknownSchema {
        /// The segment.
        path: PathBuf,
        /// The channel's MCAP topic.
        topic: String,
        /// Its schema.
        schema: String,
    },
    /// The file or directory holds no tape.
    #[error("{} is not a tape: {reason}", path.display())]
    NotATape {
        /// The path.
        path: PathBuf,
        /// What was found instead.
        reason: &'static str,
    },
    /// No file, directory or recorded session answers to this name.
    #[error("there is no tape or session `{argument}` (looked for a file and in {})", root.display())]
    NoSuchTape {
        /// What was asked for.
        argument: String,
        /// Where sessions are kept.
        root: PathBuf,
    },
    /// `last` was asked for, and all that was recorded here are backtests.
    #[error(
        "`last` is the newest session that received its own market data, and there are only \
         backtests: name one, the newest is `{newest}`"
    )]
    OnlyBacktests {
        /// What to type for the newest session.
        newest: String,
    },
    /// A session's own description cannot be read or written.
    #[error("cannot {operation} {}: {reason}", path.display())]
    Description {
        /// `read` or `write`.
        operation: &'static str,
        /// `manifest.toml` or `runtime.toml`.
        path: PathBuf,
        /// What the TOML library said.
        reason: String,
    },
    /// Neither `XDG_STATE_HOME` nor `HOME` says where sessions belong.
    #[error("neither XDG_STATE_HOME nor HOME is set, so there is no place for sessions")]
    NoStateHome,
    /// A text to be imported is empty.
    #[error("nothing to import: {} is empty", path.display())]
    EmptyText {
        /// The text's file.
        path: PathBuf,
    },
    /// A text to be imported held no line that could be read.
    #[error(
        "nothing to import in {}: {lines} lines, none of them valid; line {line}: {reason}",
        path.display()
    )]
    NothingToImport {
        /// The text's file.
        path: PathBuf,
        /// Lines read.
        lines: u64,
        /// The first one refused, from 1.
        line: u64,
        /// Why.
        reason: &'static str,
    },
}

impl TapeError {
    /// Whether the disk has no room left.
    pub fn is_disk_full(&self) -> bool {
        let Self::Io { source, .. } = self else { return false };
        matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// Names the operation and the path of a file system error.
    pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }

    /// Names the segment of an error of the MCAP writer.
    pub(super) fn append(path: &Path) -> impl FnOnce(mcap::McapError) -> Self {
        move |error| match error {
            mcap::McapError::Io(source) => Self::io("append to", path)(source),
            other => Self::Refused { path: path.to_owned(), reason: other.to_string() },
        }
    }
}
