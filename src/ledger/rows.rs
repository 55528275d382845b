//! What a ledger holds, row by row.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::domain::{Liquidity, Num, Price, Quantity, RunId, Side, UnixNanos};

/// A run on the account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRow {
    /// Its name.
    pub run: RunId,
    /// Where its tape is.
    pub directory: String,
    /// When it began.
    pub started: UnixNanos,
    /// The run that it goes on with; `None` for one that begins anew.
    pub heir_of: Option<RunId>,
    /// The last input that was committed; `None` while none was.
    pub seq: Option<u64>,
    /// Its recording was committed to its end.
    pub ended: bool,
}

/// The state after one input of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Which run.
    pub run: RunId,
    /// Where its tape is.
    pub directory: String,
    /// The last input that is in the state.
    pub seq: u64,
    /// When that came.
    pub time: UnixNanos,
    /// The configuration that the run began with, as its tape holds it.
    pub config: String,
    /// The whole state.
    pub state: Vec<u8>,
    /// What the account has, as JSON.
    pub standing: String,
}

/// What happened since the last commit.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Batch {
    /// Fills.
    pub fills: Vec<FillRow>,
    /// How often strategies were stopped, more than before.
    pub blockers: Vec<BlockerRow>,
    /// What the account is worth now.
    pub equity: Option<EquityRow>,
    /// The recording ends here.
    pub ends: bool,
}

/// A fill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FillRow {
    /// The venue's number of it, unique in the account.
    pub trade: u64,
    /// The run that heard of it.
    pub run: RunId,
    /// The input at which that was.
    pub seq: u64,
    /// When.
    pub time: UnixNanos,
    /// Whose.
    pub strategy: String,
    /// In what.
    pub instrument: String,
    /// The strategy's number of the order.
    pub order: u64,
    /// Buy or sell.
    pub side: Side,
    /// At which price.
    pub price: Price,
    /// How much base asset.
    pub quantity: Quantity,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// What it cost.
    pub fee: Num,
    /// In which asset.
    pub fee_asset: String,
    /// What it adds to its day.
    pub day: DayRow,
}

/// A strategy's day in an instrument.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DayRow {
    /// `2026-11-26`, UTC.
    pub day: String,
    /// Whose.
    pub strategy: String,
    /// In what.
    pub instrument: String,
    /// Fills.
    pub fills: u64,
    /// Realised PnL before fees, in quote asset.
    pub realised: Num,
    /// Fees, in quote asset.
    pub fees: Num,
    /// Value traded, in quote asset.
    pub turnover: Num,
}

/// How often something stopped a strategy on a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockerRow {
    /// UTC.
    pub day: String,
    /// Which strategy.
    pub strategy: String,
    /// What, in words.
    pub blocker: String,
    /// How often.
    pub count: u64,
}

/// What the account is worth at a moment of a day, in the reporting asset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EquityRow {
    /// UTC.
    pub day: String,
    /// Now.
    pub equity: Num,
    /// The highest ever.
    pub peak: Num,
}

/// A fill that is there already adds nothing: not to its day either.
pub(super) fn insert_fill(to: &Transaction<'_>, fill: &FillRow) -> rusqlite::Result<()> {
    let inserted = to
        .prepare(
            "INSERT OR IGNORE INTO fills
         (trade, run, seq, time, strategy, instrument, order_id, side, price, quantity, liquidity,
          fee, fee_asset)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            number(fill.trade),
            fill.run.0,
            number(fill.seq),
            number(fill.time.0),
            fill.strategy,
            fill.instrument,
            number(fill.order),
            match fill.side {
                Side::Buy => "buy",
                Side::Sell => "sell",
            },
            fill.price.to_string(),
            fill.quantity.to_string(),
            match fill.liquidity {
                Liquidity::Maker => "maker",
                Liquidity::Taker => "taker",
            },
            fill.fee.to_string(),
            fill.fee_asset,
        ])?;
    if inserted > 0 { add_day(to, &fill.day) } else { Ok(()) }
}

/// Sums of exact amounts are made here: SQLite would make them in floats.
fn add_day(to: &Transaction<'_>, day: &DayRow) -> rusqlite::Result<()> {
    let before = to
        .prepare(
            "SELECT fills, realised, fees, turnover FROM days
             WHERE day = ?1 AND strategy = ?2 AND instrument = ?3",
        )?
        .query_row(params![day.day, day.strategy, day.instrument], |row| {
            Ok((row.get::<_, i64>(0)?, amount(row, 1)?, amount(row, 2)?, amount(row, 3)?))
        })
        .optional()?
        .unwrap_or_default();
    let sum = |a: Num, b: Num| a.add(b).unwrap_or(a);
    to.prepare("INSERT OR REPLACE INTO days VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            day.day,
            day.strategy,
            day.instrument,
            before.0.saturating_add(number(day.fills)),
            sum(before.1, day.realised).to_string(),
            sum(before.2, day.fees).to_string(),
            sum(before.3, day.turnover).to_string(),
        ])
        .map(drop)
}

pub(super) fn add_blocker(to: &Transaction<'_>, blocker: &BlockerRow) -> rusqlite::Result<()> {
    to.prepare(
        "INSERT INTO blockers VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (day, strategy, blocker) DO UPDATE SET count = count + excluded.count",
    )?
    .execute(params![blocker.day, blocker.strategy, blocker.blocker, number(blocker.count)])
    .map(drop)
}

pub(super) fn note_equity(to: &Transaction<'_>, row: &EquityRow) -> rusqlite::Result<()> {
    let (equity, peak) = (row.equity.to_string(), row.peak.to_string());
    to.prepare(
        "INSERT INTO equity VALUES (?1, ?2, ?2, ?3)
         ON CONFLICT (day) DO UPDATE SET last = excluded.last, peak = excluded.peak",
    )?
    .execute(params![row.day, equity, peak])
    .map(drop)
}

/// An exact amount in a column.
pub(super) fn amount(row: &Row<'_>, column: usize) -> rusqlite::Result<Num> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// SQLite's integers are signed.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
