//! Files of a report: its round trips and its equity over time, as comma-separated values.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::Report;
use crate::app::error::{AppError, Exit};
use crate::app::result::RunResult;
use crate::domain::{Num, RunId, UnixNanos};

/// The columns of the trades. Times are nanoseconds since the epoch, money is in quote asset.
const TRADES: &str = "strategy,instrument,side,entry_time_ns,exit_time_ns,entry_price,exit_price,\
    quantity,gross,fees,net,holding_s,entry_decision,exit_decision";

/// A file that is written at the end of a run. It is made at the beginning, so that a name that
/// cannot be is told before hours have passed; without an end it is removed.
#[derive(Debug)]
pub struct CsvFile {
    path: PathBuf,
    file: Option<File>,
}

impl CsvFile {
    /// A new file; one that is there already is not touched.
    pub fn create(path: &Path) -> Result<Self, AppError> {
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let file = file.map_err(|error| {
            let problem = match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    "it is there already and is not overwritten: name another file".to_owned()
                }
                _ => error.to_string(),
            };
            fault(path, &problem)
        })?;
        Ok(Self { path: path.to_owned(), file: Some(file) })
    }

    fn finish(mut self, lines: impl Iterator<Item = String>) -> Result<(), AppError> {
        if let Some(file) = &self.file {
            let written = write(file, lines);
            written.map_err(|error| fault(&self.path, &error.to_string()))?;
        }
        self.file = None;
        Ok(())
    }

    /// Writes one row for each round trip, by its end.
    pub fn trades(self, report: &Report, run: &RunId) -> Result<(), AppError> {
        let rows = report.trips.iter().filter_map(|(at, trip)| {
            let line = report.lines.get(*at)?;
            Some(format!(
                "{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
                field(&line.strategy),
                field(&line.instrument),
                trip.side.as_str().to_lowercase(),
                trip.entered.0,
                trip.left.0,
                trip.entry_price,
                trip.exit_price,
                trip.quantity,
                trip.gross,
                trip.fees,
                trip.net(),
                trip.seconds(),
                run.decision(trip.entry),
                run.decision(trip.exit),
            ))
        });
        self.finish(std::iter::once(TRADES.to_owned()).chain(rows))
    }

    /// Writes one row for each valuation, and the end: the time, all equity, then each line's.
    /// Where capital is not known it is PnL.
    pub fn equity(self, report: &Report) -> Result<(), AppError> {
        let names = report
            .lines
            .iter()
            .map(|line| field(&format!("{} {}", line.strategy, line.instrument)));
        let head: Vec<String> =
            ["time_ns".to_owned(), "total".to_owned()].into_iter().chain(names).collect();
        let total = report.lines.len();
        let columns: Vec<usize> = std::iter::once(total).chain(0..total).collect();
        let row = |time: UnixNanos, pnl: &dyn Fn(usize) -> Num| {
            let equity = columns.iter().map(|line| {
                let is_reported = report.lines.get(*line).is_none_or(|line| line.asset.is_none());
                let capital = report.capital.filter(|_| is_reported).unwrap_or_default();
                capital.add(pnl(*line)).unwrap_or_default().round_dp(12).to_string()
            });
            format!("{},{}", time.0, equity.collect::<Vec<_>>().join(","))
        };
        let curve = &report.curve;
        let samples = (0..curve.samples()).map(|at| {
            row(curve.time(at), &|line| curve.line(line).get(at).copied().unwrap_or_default())
        });
        let end = row(report.to_ns, &|line| report.lines.get(line).unwrap_or(&report.total).pnl);
        self.finish(std::iter::once(head.join(",")).chain(samples).chain(std::iter::once(end)))
    }
}

/// The files that were asked for.
#[derive(Debug, Default)]
pub struct Files {
    trades: Option<CsvFile>,
    equity: Option<CsvFile>,
}

impl Files {
    /// Makes them.
    pub fn create(trades: Option<&Path>, equity: Option<&Path>) -> Result<Self, AppError> {
        let create = |path: Option<&Path>| path.map(CsvFile::create).transpose();
        Ok(Self { trades: create(trades)?, equity: create(equity)? })
    }

    /// Writes them.
    pub fn write(self, result: &RunResult) -> Result<(), AppError> {
        let Some(report) = &result.report else { return Ok(()) };
        let run = RunId(result.session.clone());
        self.trades.map_or(Ok(()), |file| file.trades(report, &run))?;
        self.equity.map_or(Ok(()), |file| file.equity(report))
    }
}

impl Drop for CsvFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            // A file without an end says less than none; that it stays is no harm either.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn write(file: &File, lines: impl Iterator<Item = String>) -> std::io::Result<()> {
    let mut writer = BufWriter::new(file);
    for line in lines {
        writeln!(writer, "{line}")?;
    }
    writer.flush()
}

fn fault(path: &Path, problem: &str) -> AppError {
    AppError::new(Exit::NotWritable, format!("cannot write {}: {problem}", path.display()))
}

/// A text as one field: quoted where it would not be one.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
