//! The layouts: which columns a dataset has, and which of them stand where in a file.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::quoted;

/// Most columns of any dataset.
pub const ROLES: usize = 12;
/// More columns than this are no market data.
const COLUMNS_MAX: usize = 64;

/// The cells of a row by role, a column's place in [`Dataset::columns`]; empty where a file does
/// not have the column.
pub type Cells<'a> = [&'a [u8]; ROLES];

/// What a file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dataset {
    /// tickscope's own table of trades.
    Ticks,
    /// Binance's `trades`.
    Trades,
    /// Binance's `aggTrades`.
    AggTrades,
    /// Binance's `klines`.
    Klines,
}

impl Dataset {
    /// All, in the order in which a header is compared with them.
    const ALL: [Self; 4] = [Self::Trades, Self::AggTrades, Self::Klines, Self::Ticks];

    /// Its name, as Binance and `--format` have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ticks => "ticks",
            Self::Trades => "trades",
            Self::AggTrades => "aggTrades",
            Self::Klines => "klines",
        }
    }

    /// Its columns in the order of files without a header.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Ticks => &["ts_ns", "id", "price", "qty", "side"],
            Self::Trades => {
                &["id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"]
            }
            Self::AggTrades => &[
                "agg_trade_id",
                "price",
                "quantity",
                "first_trade_id",
                "last_trade_id",
                "transact_time",
                "is_buyer_maker",
                "is_best_match",
            ],
            Self::Klines => &[
                "open_time",
                "open",
                "high",
                "low",
                "close",
                "volume",
                "close_time",
                "quote_volume",
                "count",
                "taker_buy_volume",
                "taker_buy_quote_volume",
                "ignore",
            ],
        }
    }

    /// Whether a fact cannot be read without a column. The others are checked where they are.
    fn is_required(self, role: usize) -> bool {
        match self {
            Self::Ticks => true,
            Self::Trades => !matches!(role, 3 | 6),
            Self::AggTrades => !matches!(role, 3 | 4 | 7),
            Self::Klines => role < 9,
        }
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A dataset, and the role of each column of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// What the file holds.
    pub dataset: Dataset,
    roles: Vec<Option<usize>>,
}

impl Layout {
    /// From the names of a file's columns, in any order and with others between them.
    pub fn of_names<'a>(names: impl Iterator<Item = &'a [u8]>) -> Result<Self, String> {
        let names: Vec<&[u8]> = names.take(COLUMNS_MAX + 1).collect();
        if names.len() > COLUMNS_MAX {
            return Err(format!("has more than {COLUMNS_MAX} columns: no market data"));
        }
        let fits = |dataset: Dataset| {
            let role =
                |name: &&[u8]| dataset.columns().iter().position(|column| is_named(name, column));
            let roles: Vec<Option<usize>> = names.iter().map(role).collect();
            let lacks = (0..dataset.columns().len())
                .find(|role| dataset.is_required(*role) && !roles.contains(&Some(*role)));
            (Self { dataset, roles }, lacks)
        };
        let mut nearest: Option<(usize, Dataset, usize)> = None;
        for dataset in Dataset::ALL {
            let (layout, lacks) = fits(dataset);
            let Some(lacks) = lacks else { return layout.without_twins() };
            let known = layout.roles.iter().flatten().count();
            if known > nearest.map_or(1, |(most, ..)| most) {
                nearest = Some((known, dataset, lacks));
            }
        }
        Err(match nearest {
            Some((_, dataset, lacks)) => format!(
                "has no column {}, which {dataset} need",
                dataset.columns().get(lacks).copied().unwrap_or_default()
            ),
            None => {
                "is a header of no dataset that is read: ticks, trades, aggTrades, klines".into()
            }
        })
    }

    /// From the first row of a file without a header: the columns in Binance's order.
    pub fn of_first_row<'a>(cells: impl Iterator<Item = &'a [u8]>) -> Result<Self, String> {
        let cells: Vec<&[u8]> = cells.take(COLUMNS_MAX + 1).collect();
        let is_flag = |at: usize| {
            cells.get(at).is_some_and(|cell| flag(cell).is_some_and(|_| cell.len() > 1))
        };
        let dataset = match cells.len() {
            12 => Dataset::Klines,
            8 => Dataset::AggTrades,
            7 if !is_flag(5) => Dataset::AggTrades,
            6 | 7 => Dataset::Trades,
            5 => {
                return Err(format!(
                    "ticks begin with a header: {}",
                    Dataset::Ticks.columns().join(",")
                ));
            }
            count => {
                return Err(format!(
                    "a row has 7 columns of trades, 8 of aggTrades or 12 of klines, not {count}: {}",
                    quoted(&cells.join(&b','))
                ));
            }
        };
        Ok(Self { dataset, roles: (0..cells.len()).map(Some).collect() })
    }

    /// How many columns every row has.
    pub fn columns(&self) -> usize {
        self.roles.len()
    }

    /// The role of each column that has one, by the column's place.
    pub fn roles(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.roles.iter().enumerate().filter_map(|(at, role)| Some((at, (*role)?)))
    }

    /// Puts the cells of a row where they belong; how many there were.
    pub fn place<'a>(&self, row: &'a [u8], cells: &mut Cells<'a>) -> usize {
        let mut count = 0;
        for cell in row.split(|byte| *byte == b',') {
            if let Some(Some(role)) = self.roles.get(count)
                && let Some(place) = cells.get_mut(*role)
            {
                *place = cell;
            }
            count += 1;
        }
        count
    }

    fn without_twins(self) -> Result<Self, String> {
        let twice =
            |role: &usize| self.roles.iter().flatten().filter(|other| *other == role).count() > 1;
        match self.roles.iter().flatten().find(|role| twice(role)) {
            Some(role) => Err(format!(
                "has two columns {}",
                self.dataset.columns().get(*role).copied().unwrap_or_default()
            )),
            None => Ok(self),
        }
    }
}

/// True when a name is a column's, whatever its case and underscores: `isBuyerMaker` is, too.
fn is_named(name: &[u8], column: &str) -> bool {
    let plain = |bytes: &'_ [u8]| -> Vec<u8> {
        let kept = bytes.iter().filter(|byte| byte.is_ascii_alphanumeric());
        kept.map(u8::to_ascii_lowercase).collect()
    };
    plain(name) == plain(column.as_bytes())
}

/// True when the first line of a text names columns instead of being a row.
pub fn is_header(line: &[u8]) -> bool {
    line.first().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'"'))
}

/// A flag as Binance and others write it.
pub fn flag(cell: &[u8]) -> Option<bool> {
    match cell {
        b"True" | b"true" | b"TRUE" | b"1" => Some(true),
        b"False" | b"false" | b"FALSE" | b"0" => Some(false),
        _ => None,
    }
}
