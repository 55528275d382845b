//! A report as a person reads it: two tables with a row for each line, and what they stand on.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};

use super::ratio::RETURNS_LEAST;
use super::{Hold, Line, Report};
use crate::domain::Num;

/// A table without lines, its first column to the left and all others to the right.
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut trades = table([
            "", "trades", "won", "factor", "PnL", "fees", "of gross", "av. win", "av. loss",
            "worst",
        ]);
        let mut time = table([
            "", "drawdown", "", "lasted", "exposed", "turnover", "held", "Sharpe", "Sortino",
            "hold",
        ]);
        for line in self.lines.iter().chain([&self.total]) {
            trades.add_row(trades_row(line));
            time.add_row(time_row(line));
        }
        writeln!(f, "{trades}\n\n{time}\n")?;
        let capital = self.capital.map_or("unknown".to_owned(), |c| c.round_dp(2).to_string());
        writeln!(f, "capital      {capital} {}, valued every {}", self.asset, span(self.sample_s))?;
        write!(f, "ratios       annual, of {} returns of {}", self.periods, span(self.period_s))?;
        if self.periods < RETURNS_LEAST {
            write!(f, ": n/a below {RETURNS_LEAST}")?;
        }
        write!(
            f,
            "\nhold         the same capital from the first trade to the last, without fees"
        )?;
        if self.total.open > 0 {
            write!(f, "\nopen         {} at the end, in PnL at mark", self.total.open)?;
        }
        if self.uncounted > 0 {
            write!(
                f,
                "\nmissing      {} fills in the trades: no number holds them",
                self.uncounted
            )?;
        }
        match &self.bracket {
            Some(bracket) => write!(f, "\n\n{bracket}"),
            None => Ok(()),
        }
    }
}

fn name(line: &Line) -> String {
    match &line.asset {
        _ if line.strategy.is_empty() => "total".to_owned(),
        Some(asset) => format!("{} {} in {asset}", line.strategy, line.instrument),
        None => format!("{} {}", line.strategy, line.instrument),
    }
}

fn trades_row(line: &Line) -> [String; 10] {
    [
        name(line),
        line.trades.to_string(),
        percent(line.win_rate),
        plain(line.profit_factor),
        money(line.pnl),
        money(line.fees),
        percent(line.fees_of_gross_profit),
        amount(line.average_win),
        amount(line.average_loss),
        amount(line.largest_loss),
    ]
}

fn time_row(line: &Line) -> [String; 10] {
    let lasted = match (line.max_drawdown.is_zero(), line.drawdown_recovered) {
        (true, _) => "-".to_owned(),
        (false, true) => lasting(line.drawdown_s),
        (false, false) => format!("{}+", lasting(line.drawdown_s)),
    };
    [
        name(line),
        money(line.max_drawdown),
        percent(line.max_drawdown_ratio),
        lasted,
        percent(line.exposure),
        money(line.turnover),
        line.holding_s.map_or("n/a".to_owned(), lasting),
        plain(line.sharpe),
        plain(line.sortino),
        percent(line.buy_and_hold.map(|Hold { ratio, .. }| ratio)),
    ]
}

/// Money to the hundredth.
pub fn money(amount: Num) -> String {
    format!("{:.2}", amount.round_dp(2).to_f64())
}

fn amount(amount: Option<Num>) -> String {
    amount.map_or("n/a".to_owned(), money)
}

fn plain(ratio: Option<f64>) -> String {
    ratio.map_or("n/a".to_owned(), |ratio| format!("{ratio:.2}"))
}

fn percent(ratio: Option<f64>) -> String {
    ratio.map_or("n/a".to_owned(), |ratio| format!("{:.2} %", ratio * 100.0))
}

fn span(seconds: u64) -> String {
    match seconds {
        3_600 => "1 h".to_owned(),
        60 => "1 min".to_owned(),
        _ => format!("{seconds} s"),
    }
}

/// A time as a person says it, in its two largest units.
fn lasting(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3_600.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), (s % 60.0).floor()),
        s if s < 86_400.0 => {
            format!("{:.0} h {:.0} min", (s / 3_600.0).floor(), (s % 3_600.0 / 60.0).floor())
        }
        s => format!("{:.0} d {:.0} h", (s / 86_400.0).floor(), (s % 86_400.0 / 3_600.0).floor()),
    }
}
