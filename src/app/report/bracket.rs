//! A bracket: the same run under the conservative and the optimistic queue model. What a venue would
//! have done lies between the two, as far as it is a question of queues.

use std::fmt;

use serde::Serialize;

use super::table::{money, table};
use crate::app::backtest::{self, Request};
use crate::app::error::AppError;
use crate::app::result::RunResult;
use crate::domain::Num;
use crate::strategy::StrategyKind;

/// A run under both queue models.
#[derive(Clone, Debug, Serialize)]
pub struct Bracket {
    /// Resting orders wait for everybody before them.
    pub conservative: Bound,
    /// A trade at its price fills a resting order; absent when no order rested, because then it is
    /// the same run.
    pub optimistic: Option<Bound>,
}

/// One side of a bracket.
#[derive(Clone, Debug, Serialize)]
pub struct Bound {
    /// The session that holds its records.
    pub session: String,
    /// Orders that waited in the book.
    pub rested: u64,
    /// Fills.
    pub fills: u64,
    /// Round trips.
    pub trades: u64,
    /// Fees, valued in quote asset.
    pub fees: Num,
    /// Realised and unrealised PnL less fees.
    pub pnl: Num,
}

impl Bound {
    /// What a run came to.
    fn of(result: &RunResult) -> Self {
        let report = result.report.as_ref();
        Self {
            session: result.session.clone(),
            rested: report.map_or(0, |report| report.rested),
            fills: result.fills,
            trades: report.map_or(0, |report| report.total.trades),
            fees: result.fees,
            pnl: result.pnl,
        }
    }
}

/// Runs a backtest under both models; the result is that of the conservative one.
pub fn run(request: &Request, registry: &[StrategyKind]) -> Result<RunResult, AppError> {
    let under = |queue| backtest::run(&Request { queue: Some(queue), ..request.clone() }, registry);
    let mut result = under("conservative")?;
    let conservative = Bound::of(&result);
    let optimistic = if conservative.rested > 0 { Some(under("optimistic")?) } else { None };
    if let Some(report) = &mut result.report {
        let optimistic = optimistic.as_ref().map(Bound::of);
        report.bracket = Some(Bracket { conservative, optimistic });
    }
    Ok(result)
}

impl fmt::Display for Bracket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(optimistic) = &self.optimistic else {
            return write!(
                f,
                "bracket      one line, because no order rested: no queue model decides about it"
            );
        };
        let mut columns = table(["queue", "conservative", "optimistic"]);
        let mut row = |name: &str, of: &dyn Fn(&Bound) -> String| {
            columns.add_row([name.to_owned(), of(&self.conservative), of(optimistic)]);
        };
        row("rested", &|bound| bound.rested.to_string());
        row("fills", &|bound| bound.fills.to_string());
        row("trades", &|bound| bound.trades.to_string());
        row("fees", &|bound| money(bound.fees));
        row("PnL", &|bound| money(bound.pnl));
        row("session", &|bound| bound.session.clone());
        write!(f, "{columns}")
    }
}
