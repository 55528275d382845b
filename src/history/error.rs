//! What is wrong with a file of history: one sentence with the file and the row.

use std::fmt;
use std::path::Path;

use thiserror::Error;

/// A file that cannot be used, and why.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{place}: {problem}")]
pub struct HistoryError {
    place: String,
    problem: String,
}

impl HistoryError {
    /// Something about a file as a whole.
    pub fn of_file(path: &Path, problem: impl fmt::Display) -> Self {
        Self { place: path.display().to_string(), problem: problem.to_string() }
    }

    /// Something about a row, whose place is `file:line` or `file, row n`.
    pub fn of_row(place: String, problem: impl fmt::Display) -> Self {
        Self { place, problem: problem.to_string() }
    }
}

/// A cell of a file in a sentence: cleaned, and no longer than a line.
pub fn quoted(cell: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(cell).chars().take(60).collect();
    format!("\"{}\"", text.escape_debug())
}
