//! A file of history: what it holds, and its rows in order.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::bytes::{self, Content};
use super::columnar::Columnar;
use super::error::{HistoryError, quoted};
use super::layout::{Cells, Dataset, Layout, is_header};
use super::name::{self, Named};
use super::row::Rows;
use super::text::Lines;
use super::{Fact, span};
use crate::domain::Nanos;

/// What facts a file gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// The columns it has.
    pub dataset: Dataset,
    /// The length of its bars, if it has bars.
    pub bars: Option<Nanos>,
    /// Packed in columns.
    pub parquet: bool,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interval = self.bars.map(|length| format!(" of {}", span(length))).unwrap_or_default();
        let packing = if self.parquet { ", Parquet" } else { "" };
        write!(f, "{}{interval}{packing}", self.dataset)
    }
}

/// Where rows come from.
enum Source {
    Text { lines: Lines, first: bool },
    Columns(Columnar),
}

/// A file whose rows are read one after the other.
pub struct HistoryFile {
    path: PathBuf,
    source: Source,
    layout: Layout,
    rows: Rows,
    named: Named,
    /// The fact just read, with its row's number.
    last: Option<(Fact, u64)>,
}

impl HistoryFile {
    /// Opens a file and finds out what it holds; what is read of it is added to `read`.
    pub fn open(path: &Path, read: &Arc<AtomicU64>) -> Result<Self, HistoryError> {
        let opened = bytes::open(path, read)?;
        let mut named = name::read(path);
        if named.symbol.is_none()
            && let Some(inner) = &opened.inner
        {
            named = name::read(Path::new(inner));
        }
        let refuse = |problem: String| HistoryError::of_file(path, problem);
        let (source, layout) = match opened.content {
            Content::Parquet(file) => {
                let columns = Columnar::open(file, Arc::clone(read)).map_err(refuse)?;
                let layout = columns.layout().clone();
                (Source::Columns(columns), layout)
            }
            Content::Text(reader) => text(path, Lines::new(reader))?,
        };
        if layout.dataset == Dataset::Klines
            && let Some(interval) = &named.uneven
        {
            return Err(refuse(format!(
                "has bars of {interval}, which are not of one length or start on no multiple of \
                 it: use bars of 1d"
            )));
        }
        let length = named.length.filter(|_| layout.dataset == Dataset::Klines);
        let rows = Rows::new(layout.dataset, length);
        Ok(Self { path: path.to_owned(), source, layout, rows, named, last: None })
    }

    /// The instrument that its name says.
    pub fn symbol(&self) -> Option<&str> {
        self.named.symbol.as_deref()
    }

    /// What it holds; the length of bars is known from its first row on.
    pub fn kind(&self) -> Kind {
        let parquet = matches!(self.source, Source::Columns(_));
        Kind { dataset: self.layout.dataset, bars: self.rows.length(), parquet }
    }

    /// The number of the row just read: of its line in a text.
    pub fn row(&self) -> u64 {
        match &self.source {
            Source::Text { lines, .. } => lines.number(),
            Source::Columns(columns) => columns.number(),
        }
    }

    /// The place of a row in words.
    pub fn place(&self, row: u64) -> String {
        match &self.source {
            Source::Text { .. } => format!("{}:{row}", self.path.display()),
            Source::Columns(_) => format!("{}, row {row}", self.path.display()),
        }
    }

    /// Reads the next row; `None` at the end. Rows never go back in time.
    pub fn next_fact(&mut self) -> Result<Option<Fact>, HistoryError> {
        if !self.advance()? {
            return Ok(None);
        }
        let fact = self.read()?;
        let row = self.row();
        if let Some((last, at)) = &self.last
            && fact.time() < last.time()
        {
            let (place, last) = (self.place(row), self.place(*at));
            return Err(HistoryError::of_row(place, format!("goes back in time behind {last}")));
        }
        self.last = Some((fact, row));
        Ok(Some(fact))
    }

    fn advance(&mut self) -> Result<bool, HistoryError> {
        match &mut self.source {
            Source::Text { first: first @ true, .. } => {
                *first = false;
                Ok(true)
            }
            Source::Text { lines, .. } => {
                lines.advance().map_err(|error| unreadable(&self.path, lines, &error))
            }
            Source::Columns(columns) => {
                columns.advance().map_err(|problem| HistoryError::of_file(&self.path, problem))
            }
        }
    }

    fn read(&mut self) -> Result<Fact, HistoryError> {
        let mut cells = Cells::default();
        let fact = match &self.source {
            Source::Text { lines, .. } => {
                let found = self.layout.place(lines.line(), &mut cells);
                if found == self.layout.columns() {
                    self.rows.read(&cells)
                } else {
                    Err(cut(lines.line(), found, self.layout.columns()))
                }
            }
            Source::Columns(columns) => self.rows.read(&columns.cells()),
        };
        fact.map_err(|problem| HistoryError::of_row(self.place(self.row()), problem))
    }
}

/// A text at its first row, and what it holds.
fn text(path: &Path, mut lines: Lines) -> Result<(Source, Layout), HistoryError> {
    let advance =
        |lines: &mut Lines| lines.advance().map_err(|error| unreadable(path, lines, &error));
    if !advance(&mut lines)? {
        return Err(HistoryError::of_file(path, "is empty"));
    }
    let line = lines.line();
    if std::str::from_utf8(line).is_err() {
        let problem = "is neither text in UTF-8 nor Parquet nor a zip";
        return Err(HistoryError::of_row(format!("{}:1", path.display()), problem));
    }
    let header = is_header(line);
    let cells = line.split(|byte| *byte == b',');
    let layout = if header { Layout::of_names(cells) } else { Layout::of_first_row(cells) };
    let layout =
        layout.map_err(|problem| HistoryError::of_row(format!("{}:1", path.display()), problem))?;
    Ok((Source::Text { lines, first: !header }, layout))
}

fn unreadable(path: &Path, lines: &Lines, error: &io::Error) -> HistoryError {
    let place = format!("{}:{}", path.display(), lines.number().max(1));
    HistoryError::of_row(place, error)
}

/// A row with more or fewer columns than the file began with.
fn cut(line: &[u8], found: usize, expected: usize) -> String {
    let columns = if found == 1 { "column" } else { "columns" };
    if std::str::from_utf8(line).is_err() {
        return "is not text in UTF-8".to_owned();
    }
    format!("has {found} {columns} where the file has {expected}: {}", quoted(line))
}
