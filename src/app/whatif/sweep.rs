//! A sweep: the session once for each value of a key, or for each pair of values of two.

use std::fmt;

use serde::Serialize;

use super::fan::{Track, Variant};
use super::runner::Numbers;
use super::single::Without;
use super::subject::Subject;
use super::values::{self, Set};
use crate::app::error::AppError;
use crate::app::report::table::{money, table};
use crate::strategy::StrategyKind;

/// A session under many values.
#[derive(Clone, Debug, Serialize)]
pub struct Sweep {
    /// The session, or the tape's file.
    pub session: String,
    /// The keys that were swept.
    pub keys: Vec<String>,
    /// What else was changed, in every row.
    pub set: Vec<String>,
    /// How orders were filled.
    pub fill_model: String,
    /// What of the recorded run is in none of them.
    #[serde(flatten)]
    pub left_out: Without,
    /// As it was configured.
    pub before: Numbers,
    /// One for each combination of values, in the order of the values.
    pub rows: Vec<Row>,
    /// The row with the largest PnL, from 0; the first of them.
    pub best: usize,
}

/// A run of a sweep.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The value of each key.
    pub values: Vec<String>,
    /// What came of it; null where the values are not valid.
    pub numbers: Option<Numbers>,
    /// Why they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
}

/// Runs a sweep.
pub fn sweep(
    subject: &Subject,
    sets: &[Set],
    quiet: bool,
    registry: &[StrategyKind],
) -> Result<Sweep, AppError> {
    let combinations = values::combinations(sets)?;
    let mut variants = vec![subject.variant(&[], registry)?];
    let (mut rows, mut first_error) = (Vec::new(), None);
    for combination in combinations {
        let pairs = sets.iter().zip(&combination);
        let set: Vec<String> = pairs.clone().map(|(set, value)| set.with(value)).collect();
        let values = pairs.filter(|(set, _)| set.swept).map(|(_, value)| value.clone()).collect();
        let invalid = match checked(subject, &set, registry) {
            Ok(variant) => {
                variants.push(variant);
                None
            }
            Err(error) => {
                let text = reason(&error);
                first_error.get_or_insert(error);
                Some(text)
            }
        };
        rows.push(Row { values, numbers: None, invalid });
    }
    // A key that does not exist is a mistake, one value too many a row.
    if let (1, Some(error)) = (variants.len(), first_error) {
        return Err(error);
    }
    let track = Track { market: &subject.market, registry, quiet };
    let (outcomes, left_out) = track.run(&variants)?;
    let mut found = outcomes.into_iter().map(|outcome| outcome.numbers);
    let before = found.next().unwrap_or_default();
    for row in rows.iter_mut().filter(|row| row.invalid.is_none()) {
        row.numbers = found.next();
    }
    let fixed = sets.iter().filter(|set| !set.swept);
    Ok(Sweep {
        session: subject.name.clone(),
        keys: sets.iter().filter(|set| set.swept).map(|set| set.key.clone()).collect(),
        set: fixed.filter_map(|set| set.values.first().map(|value| set.with(value))).collect(),
        fill_model: variants.first().map(|v| v.plan.engine.paper.describe()).unwrap_or_default(),
        left_out: Without::of(&left_out),
        before,
        best: best(&rows),
        rows,
    })
}

/// A variant that an engine can be built of.
fn checked(
    subject: &Subject,
    set: &[String],
    registry: &[StrategyKind],
) -> Result<Variant, AppError> {
    let variant = subject.variant(set, registry)?;
    crate::app::build::pipeline(&variant.plan, registry)?;
    Ok(variant)
}

/// The first line of an error's text that says something.
fn reason(error: &AppError) -> String {
    let text = match error {
        AppError::Config(error) => error.render(false, 100),
        other => other.to_string(),
    };
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

fn best(rows: &[Row]) -> usize {
    let pnl = |row: &Row| row.numbers.as_ref().map(|numbers| numbers.pnl);
    let mut best = 0;
    for (at, row) in rows.iter().enumerate() {
        if pnl(row) > rows.get(best).and_then(pnl) {
            best = at;
        }
    }
    best
}

impl Sweep {
    fn rows(&self) -> String {
        let columns = ["signals", "orders", "fills", "fees", "PnL", "drawdown", ""];
        let mut out = table([""; 0]);
        let head = self.keys.iter().map(String::as_str).chain(columns);
        out.set_header(head);
        let cells = |numbers: &Numbers| {
            [
                numbers.signals.to_string(),
                numbers.orders.to_string(),
                numbers.fills.to_string(),
                money(numbers.fees),
                money(numbers.pnl),
                money(numbers.max_drawdown),
            ]
        };
        let names = |first: &str| {
            let rest = self.keys.len().saturating_sub(1);
            std::iter::once(first.to_owned()).chain(std::iter::repeat_n(String::new(), rest))
        };
        out.add_row(names("as it was").chain(cells(&self.before)));
        for (at, row) in self.rows.iter().enumerate() {
            let values = row.values.iter().cloned();
            match &row.numbers {
                Some(numbers) => {
                    let mark = if at == self.best { "best" } else { "" };
                    out.add_row(values.chain(cells(numbers)).chain([mark.to_owned()]));
                }
                None => {
                    out.add_row(values.chain(["not valid".to_owned()]));
                }
            }
        }
        for column in out.column_iter_mut().skip(self.keys.len()) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
        out.to_string()
    }

    /// PnL by the values of two keys.
    fn grid(&self) -> Option<String> {
        let [down, across] = self.keys.as_slice() else { return None };
        let width = self.rows.iter().take_while(|row| row.values[0] == self.rows[0].values[0]);
        let width = width.count().max(1);
        let mut out = table([""; 0]);
        let first = self.rows.iter().take(width);
        let corner = format!("PnL, {down} by {across}");
        out.set_header(std::iter::once(corner).chain(first.map(|row| row.values[1].clone())));
        for (line, rows) in self.rows.chunks(width).enumerate() {
            let cells = rows.iter().enumerate().map(|(at, row)| {
                let star = if line * width + at == self.best { "*" } else { "" };
                let pnl = row.numbers.as_ref().map_or("-".to_owned(), |n| money(n.pnl));
                format!("{star}{pnl}")
            });
            out.add_row(rows.first().map(|row| row.values[0].clone()).into_iter().chain(cells));
        }
        for column in out.column_iter_mut().skip(1) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
        Some(out.to_string())
    }
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} runs", self.session, self.rows.len())?;
        if !self.set.is_empty() {
            write!(f, ", all with {}", self.set.join(" and "))?;
        }
        writeln!(f, "\n\n{}\n", self.rows())?;
        if let Some(grid) = self.grid() {
            writeln!(f, "{grid}\n")?;
        }
        let mut reasons: Vec<&String> =
            self.rows.iter().filter_map(|row| row.invalid.as_ref()).collect();
        reasons.dedup();
        for (n, reason) in reasons.iter().enumerate().take(3) {
            writeln!(f, "{:<12} {reason}", if n == 0 { "not valid" } else { "" })?;
        }
        write!(f, "fill model   {}", self.fill_model)?;
        for line in self.left_out.lines() {
            write!(f, "\n{line}")?;
        }
        Ok(())
    }
}
