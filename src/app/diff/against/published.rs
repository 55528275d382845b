//! What the venue published: files of history read against what was received, and where they differ.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::received::{Received, instrument_of};
use crate::app::error::{AppError, Exit};
use crate::domain::{Candle, InstrumentId, Nanos, Trade, UnixNanos};
use crate::history::{Dataset, Fact, History, Options, moment};

/// Rows read at a time.
const BATCH: usize = 4_096;

/// How a trade differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Published with other numbers than received.
    Altered {
        /// As it came.
        received: Trade,
        /// As it was published.
        published: Trade,
    },
    /// Published and never received.
    Missing(Trade),
    /// Received and not published: the file lacks it.
    Extra(Trade),
}

impl Change {
    /// When it happened, by what there is of it.
    pub fn time(&self) -> UnixNanos {
        match self {
            Self::Altered { received: trade, .. } | Self::Missing(trade) | Self::Extra(trade) => {
                trade.ts_venue
            }
        }
    }
}

/// What was published of one instrument, as far as it bears on what was received.
#[derive(Debug, Default)]
pub struct Published {
    /// Trades that differ, by id.
    pub changes: BTreeMap<u64, Change>,
    /// Candles within the time of the session, by length and open time.
    pub candles: BTreeMap<Nanos, BTreeMap<UnixNanos, Candle>>,
}

/// What came of a file.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// Where it is.
    pub path: String,
    /// The instrument.
    pub instrument: String,
    /// What it holds: `trades`, `klines of 1m`.
    pub holds: String,
    /// Its rows within the time of the session.
    pub within: u64,
    /// Its rows.
    pub rows: u64,
}

/// Reads files one after the other. Each must be of an instrument and of a time of the session.
pub fn read(
    files: &[PathBuf],
    instrument: Option<&String>,
    symbols: &[String],
    received: &[Received],
    session: &str,
) -> Result<(Vec<Published>, Vec<FileReport>), AppError> {
    let mut all: Vec<Published> = symbols.iter().map(|_| Published::default()).collect();
    let mut reports = Vec::new();
    for path in files {
        let options = Options {
            instrument: instrument.cloned(),
            configured: symbols.to_vec(),
            datasets: vec![Dataset::Trades, Dataset::Klines],
            otherwise: ", which cannot be compared one by one: give trades or klines".to_owned(),
        };
        let mut history = History::open(std::slice::from_ref(path), &options)?;
        let Some(stream) = history.streams().first().cloned() else { continue };
        let Some(id) = instrument_of(symbols, &stream.symbol) else {
            return Err(AppError::new(
                Exit::Usage,
                format!(
                    "{} is of {}, and {session} received {}",
                    path.display(),
                    stream.symbol,
                    symbols.join(", ")
                ),
            ));
        };
        let (Some(of), Some(into)) = (received.get(id.index()), all.get_mut(id.index())) else {
            continue;
        };
        let mut reading = Reading::new(of, into);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            history.next_batch(&mut batch, BATCH)?;
            if batch.is_empty() {
                break;
            }
            for row in &batch {
                reading.take(&row.fact);
            }
        }
        if reading.within == 0 {
            return Err(of_another_time(path, &stream.symbol, &reading, session));
        }
        let holds = stream.bars.map_or_else(
            || stream.dataset.to_string(),
            |length| format!("{} of {}", stream.dataset, crate::history::span(length)),
        );
        reports.push(FileReport {
            path: path.display().to_string(),
            instrument: stream.symbol,
            holds,
            within: reading.within,
            rows: reading.rows,
        });
    }
    Ok((all, reports))
}

fn of_another_time(path: &Path, symbol: &str, reading: &Reading<'_>, session: &str) -> AppError {
    let between =
        |(from, to): (UnixNanos, UnixNanos)| format!("{} to {}", moment(from), moment(to));
    let file = reading.span.map_or_else(|| "of no time".to_owned(), between);
    let text = match reading.received.span() {
        Some(_) if reading.holds_trades && reading.ids.is_none() => {
            format!("{} holds trades, and {session} received candles only", path.display())
        }
        Some(span) => format!(
            "{} is of {symbol} from {file}, and {session} received it from {}",
            path.display(),
            between(span)
        ),
        None => format!("{} is of {symbol}, of which {session} received nothing", path.display()),
    };
    AppError::new(Exit::Usage, text)
}

/// One file being read.
struct Reading<'a> {
    received: &'a Received,
    into: &'a mut Published,
    /// The ids that trades are looked for within: what came before and after is no loss.
    ids: Option<(u64, u64)>,
    /// The last trade of the file within those.
    last_id: Option<u64>,
    span: Option<(UnixNanos, UnixNanos)>,
    holds_trades: bool,
    within: u64,
    rows: u64,
}

impl<'a> Reading<'a> {
    fn new(received: &'a Received, into: &'a mut Published) -> Self {
        let first = received.trades.keys().next().copied();
        let ids = first.zip(received.trades.keys().next_back().copied());
        Self {
            received,
            into,
            ids,
            last_id: None,
            span: None,
            holds_trades: false,
            within: 0,
            rows: 0,
        }
    }

    fn take(&mut self, fact: &Fact) {
        self.rows += 1;
        let from = match fact {
            Fact::Trade(trade) => trade.ts_venue,
            Fact::Candle(candle) => candle.open_time,
        };
        self.span = Some((self.span.map_or(from, |(first, _)| first), fact.time()));
        match fact {
            Fact::Trade(trade) => self.trade(trade),
            Fact::Candle(candle) => self.candle(candle),
        }
    }

    fn trade(&mut self, trade: &Trade) {
        self.holds_trades = true;
        let Some((first, last)) = self.ids else { return };
        if !(first..=last).contains(&trade.id) {
            return;
        }
        self.within += 1;
        if let Some(last) = self.last_id.replace(trade.id) {
            // The file goes on behind them: what was received between two of its rows, it lacks.
            let between = self.received.trades.range(last.saturating_add(1)..trade.id);
            self.into.changes.extend(between.map(|(id, extra)| (*id, Change::Extra(*extra))));
        }
        let change = match self.received.trades.get(&trade.id) {
            Some(received) if is_same(received, trade) => return,
            Some(received) => Change::Altered { received: *received, published: *trade },
            None => Change::Missing(*trade),
        };
        self.into.changes.insert(trade.id, change);
    }

    fn candle(&mut self, candle: &Candle) {
        let Some((from, to)) = self.received.span() else { return };
        if candle.close_time() <= from || candle.open_time > to {
            return;
        }
        self.within += 1;
        let candles = self.into.candles.entry(candle.length).or_default();
        candles.insert(candle.open_time, *candle);
    }
}

/// True when a published trade says what was received. Streams tell milliseconds, files since 2025
/// microseconds.
fn is_same(received: &Trade, published: &Trade) -> bool {
    let of =
        |trade: &Trade| (trade.price, trade.quantity, trade.aggressor, trade.ts_venue.millis());
    of(received) == of(published)
}

/// Candles that may stand in the place of a session's bars: not those that it joined in the middle.
pub fn whole<'a>(
    candles: &'a BTreeMap<UnixNanos, Candle>,
    received: &Received,
) -> impl Iterator<Item = Candle> + 'a {
    // Of the bar that the first trade is in, what came before it is not known.
    let after_trade = received.first_trade().map(|trade| UnixNanos(trade.0.saturating_add(1)));
    let from = [received.first_candle, after_trade].into_iter().flatten().min();
    candles.range(from.unwrap_or(UnixNanos::MAX)..).map(|(_, candle)| *candle)
}

/// An instrument's place, for lists in the order of instruments.
pub fn ids(count: usize) -> impl Iterator<Item = InstrumentId> {
    (0..count).filter_map(|at| u16::try_from(at).ok()).map(InstrumentId)
}
