//! Several files as one history: merged by time while they are read, duplicates dropped.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::error::HistoryError;
use super::file::{HistoryFile, Kind};
use super::{Dataset, Fact};
use crate::domain::{Nanos, UnixNanos};

/// How files are to be understood.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The instrument of all files, where the user names one.
    pub instrument: Option<String>,
    /// The instruments of the configuration. Where it has one only, a file whose name says
    /// nothing is of that one; ticks are of the first.
    pub configured: Vec<String>,
    /// What the files must hold: any of these; nothing means anything.
    pub datasets: Vec<Dataset>,
    /// What to say of a file that holds something else, after what that is.
    pub otherwise: String,
}

/// What a history has of one instrument.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    /// The instrument, as the venue names it.
    pub symbol: String,
    /// What its files hold.
    pub dataset: Dataset,
    /// The length of its bars, if it has bars.
    pub bars: Option<Nanos>,
    /// The first of its files.
    pub file: PathBuf,
}

/// A fact of one of the streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The stream's place in [`History::streams`].
    pub stream: usize,
    /// What happened.
    pub fact: Fact,
}

/// What came of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FileReport {
    /// Where it is.
    pub path: String,
    /// The instrument.
    pub instrument: String,
    /// What was found in it, in words.
    pub format: String,
    /// Rows used.
    pub rows: u64,
    /// Exact duplicates of the row before, dropped.
    pub duplicates: u64,
}

/// Files of history, as one stream of facts in order of time.
pub struct History {
    streams: Vec<Stream>,
    parts: Vec<Part>,
    heads: BinaryHeap<Reverse<Head>>,
    /// The fact of each stream that was given last, with its part and row.
    last: Vec<Option<(Fact, usize, u64)>>,
    bytes: u64,
    read: Arc<AtomicU64>,
}

/// One of the files. It is open only while its turn lasts: a year of daily files is 365 of them.
struct Part {
    path: PathBuf,
    stream: usize,
    kind: Kind,
    file: Option<HistoryFile>,
    rows: u64,
    duplicates: u64,
}

/// The next fact of a part.
struct Head {
    order: (UnixNanos, usize, u64, usize),
    fact: Fact,
    row: u64,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

impl Head {
    fn new(fact: Fact, row: u64, (stream, part): (usize, usize)) -> Self {
        let (time, id) = fact.key();
        Self { order: (time, stream, id, part), fact, row }
    }
}

impl History {
    /// Looks into every file, which must have a row, and sees what it holds.
    pub fn open(files: &[PathBuf], options: &Options) -> Result<Self, HistoryError> {
        let mut history = Self {
            streams: Vec::new(),
            parts: Vec::new(),
            heads: BinaryHeap::new(),
            last: Vec::new(),
            bytes: 0,
            read: Arc::default(),
        };
        for path in files {
            history.add(path, options)?;
        }
        history.last = vec![None; history.streams.len()];
        Ok(history)
    }

    fn add(&mut self, path: &Path, options: &Options) -> Result<(), HistoryError> {
        let refuse = |problem: String| HistoryError::of_file(path, problem);
        let mut file = HistoryFile::open(path, &Arc::default())?;
        if !options.datasets.is_empty() && !options.datasets.contains(&file.kind().dataset) {
            return Err(refuse(format!("holds {}{}", file.kind().dataset, options.otherwise)));
        }
        let symbol = symbol_of(&file, options).map_err(refuse)?;
        let fact =
            file.next_fact()?.ok_or_else(|| refuse("has a header and no rows".to_owned()))?;
        let kind = file.kind();
        let stream = self.stream(path, symbol, kind).map_err(refuse)?;
        let at = self.parts.len();
        self.heads.push(Reverse(Head::new(fact, file.row(), (stream, at))));
        self.bytes += path.metadata().map_or(0, |meta| meta.len());
        let path = path.to_owned();
        self.parts.push(Part { path, stream, kind, file: None, rows: 0, duplicates: 0 });
        Ok(())
    }

    /// The stream that a file belongs to.
    fn stream(&mut self, path: &Path, symbol: String, kind: Kind) -> Result<usize, String> {
        let (dataset, bars) = (kind.dataset, kind.bars);
        let Some(at) = self.streams.iter().position(|stream| stream.symbol == symbol) else {
            self.streams.push(Stream { symbol, dataset, bars, file: path.to_owned() });
            return Ok(self.streams.len() - 1);
        };
        match self.streams.get(at) {
            Some(known) if (known.dataset, known.bars) != (dataset, bars) => Err(format!(
                "has {kind} of {symbol}, and {} has {}: an instrument has one of them",
                known.file.display(),
                Kind { dataset: known.dataset, bars: known.bars, parquet: false }
            )),
            _ => Ok(at),
        }
    }

    /// The instruments, in the order of their first files.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// What came of each file so far.
    pub fn files(&self) -> Vec<FileReport> {
        let report = |part: &Part| FileReport {
            path: part.path.display().to_string(),
            instrument: self.streams.get(part.stream).map(|s| s.symbol.clone()).unwrap_or_default(),
            format: part.kind.to_string(),
            rows: part.rows,
            duplicates: part.duplicates,
        };
        self.parts.iter().map(report).collect()
    }

    /// When it begins.
    pub fn start(&self) -> UnixNanos {
        self.heads.peek().map_or(UnixNanos::default(), |Reverse(head)| head.order.0)
    }

    /// Puts the next rows into `batch`, at most `most`; none at the end.
    pub fn next_batch(&mut self, batch: &mut Vec<Row>, most: usize) -> Result<(), HistoryError> {
        batch.clear();
        while batch.len() < most
            && let Some((fact, part, row)) = self.take()?
        {
            let Some(stream) = self.parts.get(part).map(|part| part.stream) else { break };
            if self.is_new(&fact, stream, part, row)? {
                batch.push(Row { stream, fact });
            }
        }
        Ok(())
    }

    /// Takes the first of all facts, and lets the next one of its file stand in its place.
    fn take(&mut self) -> Result<Option<(Fact, usize, u64)>, HistoryError> {
        let Some(mut head) = self.heads.peek_mut() else { return Ok(None) };
        let Reverse(Head { order, fact, row }) = &mut *head;
        let (stream, at) = (order.1, order.3);
        let taken = (*fact, at, *row);
        let Some(part) = self.parts.get_mut(at) else { return Ok(None) };
        let next = part.next(&self.read)?;
        if let Some((fact, row)) = next {
            *head = Reverse(Head::new(fact, row, (stream, at)));
        } else {
            part.file = None;
            PeekMut::pop(head);
        }
        Ok(Some(taken))
    }

    /// False for an exact duplicate; an error for a fact that contradicts the one before it.
    fn is_new(
        &mut self,
        fact: &Fact,
        stream: usize,
        at: usize,
        row: u64,
    ) -> Result<bool, HistoryError> {
        let Some(last) = self.last.get_mut(stream) else { return Ok(false) };
        let Some(of) = self.streams.get(stream) else { return Ok(false) };
        if let Some((before, before_at, before_row)) = last.as_ref() {
            let verdict = follows(of.dataset, before, fact);
            if verdict == Ok(false) {
                if let Some(part) = self.parts.get_mut(at) {
                    part.duplicates += 1;
                }
                return Ok(false);
            }
            if let Err(problem) = verdict {
                let place = |at: usize, row| {
                    self.parts.get(at).map(|part| part.place(row)).unwrap_or_default()
                };
                let other = place(*before_at, *before_row);
                return Err(HistoryError::of_row(place(at, row), format!("{problem} {other}")));
            }
        }
        *last = Some((*fact, at, row));
        if let Some(part) = self.parts.get_mut(at) {
            part.rows += 1;
        }
        Ok(true)
    }
}

impl Part {
    /// The next fact after the one that stands in the heap: opens the file, whose first fact that
    /// is, when its turn begins.
    fn next(&mut self, read: &Arc<AtomicU64>) -> Result<Option<(Fact, u64)>, HistoryError> {
        let file = match &mut self.file {
            Some(file) => file,
            slot => {
                let mut file = HistoryFile::open(&self.path, read)?;
                file.next_fact()?;
                slot.insert(file)
            }
        };
        Ok(file.next_fact()?.map(|fact| (fact, file.row())))
    }

    fn place(&self, row: u64) -> String {
        let path = self.path.display();
        if self.kind.parquet { format!("{path}, row {row}") } else { format!("{path}:{row}") }
    }
}

/// Whether a fact may come after another one of its instrument: true when it is new, false when it
/// is the same again, else the beginning of a sentence that ends with the other's place.
fn follows(dataset: Dataset, before: &Fact, after: &Fact) -> Result<bool, String> {
    if before == after {
        return Ok(false);
    }
    match (before, after) {
        (Fact::Trade(_), Fact::Trade(_)) if dataset == Dataset::Ticks => Ok(true),
        (Fact::Trade(before), Fact::Trade(after)) if after.id == before.id => {
            Err(format!("trade {} has other values than in", after.id))
        }
        (Fact::Trade(before), Fact::Trade(after)) if after.id < before.id => {
            Err(format!("trade {} comes after trade {} of", after.id, before.id))
        }
        (Fact::Candle(before), Fact::Candle(after)) if after.open_time == before.open_time => {
            Err("the bar has other values than in".to_owned())
        }
        (Fact::Candle(before), Fact::Candle(after)) if after.open_time < before.close_time() => {
            Err("the bar overlaps the one of".to_owned())
        }
        _ => Ok(true),
    }
}

/// The instrument of a file: what the user says, else what its name says.
fn symbol_of(file: &HistoryFile, options: &Options) -> Result<String, String> {
    match (&options.instrument, file.symbol()) {
        (Some(given), Some(named)) if given != named => {
            Err(format!("is of {named} by its name, and --instrument says {given}"))
        }
        (Some(symbol), _) => Ok(symbol.clone()),
        (None, Some(symbol)) => Ok(symbol.to_owned()),
        (None, None) => match options.configured.as_slice() {
            [only] => Ok(only.clone()),
            [first, ..] if file.kind().dataset == Dataset::Ticks => Ok(first.clone()),
            _ => Err("does not say its instrument in its name (BTCUSDT-1m-2025-01.zip does): use \
                      --instrument"
                .to_owned()),
        },
    }
}
