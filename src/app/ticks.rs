//! A file of ticks: CSV with the columns `ts_ns,id,price,qty,side`, side 1 for an aggressive
//! buyer and -1 for an aggressive seller. Read in batches, so that memory does not grow with it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::error::{AppError, Exit};
use crate::domain::{Price, Quantity, Side, Trade, UnixNanos};

/// Rows per batch.
const BATCH: usize = 4_096;
/// The columns, as the first line names them.
const HEADER: &str = "ts_ns,id,price,qty,side";

/// Reads ticks in order.
pub struct Ticks {
    path: PathBuf,
    reader: BufReader<File>,
    line: Vec<u8>,
    lines: u64,
    bytes: u64,
    size: u64,
    batch: Vec<Trade>,
    last: UnixNanos,
}

impl Ticks {
    /// Opens a file and checks its header.
    pub fn open(path: &Path) -> Result<Self, AppError> {
        let fail = |problem: String| {
            AppError::new(Exit::Failed, format!("cannot read {}: {problem}", path.display()))
        };
        let file = File::open(path).map_err(|error| fail(error.to_string()))?;
        let size = file.metadata().map_or(0, |meta| meta.len());
        let mut ticks = Self {
            path: path.to_owned(),
            reader: BufReader::with_capacity(256 * 1024, file),
            line: Vec::new(),
            lines: 0,
            bytes: 0,
            size,
            batch: Vec::with_capacity(BATCH),
            last: UnixNanos::default(),
        };
        if !ticks.read_line()? || ticks.line.trim_ascii() != HEADER.as_bytes() {
            return Err(fail(format!("the first line must be {HEADER}")));
        }
        Ok(ticks)
    }

    /// The file's size in bytes.
    pub fn file_bytes(&self) -> u64 {
        self.size
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// The next rows; empty at the end.
    pub fn next_batch(&mut self) -> Result<&[Trade], AppError> {
        self.batch.clear();
        while self.batch.len() < BATCH && self.read_line()? {
            let row = self.line.trim_ascii_end();
            if row.is_empty() {
                continue;
            }
            let trade = parse(row).ok_or_else(|| self.fault("is no tick"))?;
            if trade.ts_venue < self.last {
                return Err(self.fault("goes back in time"));
            }
            self.last = trade.ts_venue;
            self.batch.push(trade);
        }
        Ok(&self.batch)
    }

    fn read_line(&mut self) -> Result<bool, AppError> {
        self.line.clear();
        let read = self.reader.read_until(b'\n', &mut self.line).map_err(|error| {
            AppError::new(Exit::Failed, format!("cannot read {}: {error}", self.path.display()))
        })?;
        self.lines += 1;
        self.bytes += read as u64;
        Ok(read > 0)
    }

    fn fault(&self, what: &str) -> AppError {
        let line: String = String::from_utf8_lossy(&self.line).chars().take(80).collect();
        let line = line.escape_debug();
        let message = format!("{}:{}: {what}: {line}", self.path.display(), self.lines);
        AppError::new(Exit::Failed, message)
    }
}

/// One row.
fn parse(row: &[u8]) -> Option<Trade> {
    let mut fields = row.split(|byte| *byte == b',');
    let ts_venue = UnixNanos(integer(fields.next()?)?);
    let id = integer(fields.next()?)?;
    let price = Price::parse(fields.next()?).ok().filter(|price| price.num().is_positive())?;
    let quantity = Quantity::parse(fields.next()?).ok()?;
    let aggressor = match fields.next()? {
        b"1" => Side::Buy,
        b"-1" => Side::Sell,
        _ => return None,
    };
    fields.next().is_none().then_some(Trade { id, ts_venue, price, quantity, aggressor })
}

fn integer(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
