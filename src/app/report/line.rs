//! A line of a report: one strategy in one instrument, or all of them.

use serde::Serialize;

use super::curve::Drawdown;
use super::ratio::{Ratios, ratios};
use super::round_trip::Tally;
use super::sum;
use crate::domain::{Nanos, Num};

/// The numbers of a line. `None`, in JSON `null`, is a number that cannot be had: a rate of nothing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Line {
    /// Whose; empty for the total.
    pub strategy: String,
    /// The venue's symbol; empty for the total.
    pub instrument: String,
    /// Its money is in this asset and not part of the total; absent for the reporting asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
    /// Round trips.
    pub trades: u64,
    /// Positions that are open at the end.
    pub open: u64,
    /// Fills.
    pub fills: u64,
    /// Share of the trades that earned after fees.
    pub win_rate: Option<f64>,
    /// What winners earned over what losers lost, after fees.
    pub profit_factor: Option<f64>,
    /// What the trades made, fees not counted.
    pub gross: Num,
    /// What the trades made after fees.
    pub net: Num,
    /// All fees, those of open positions too.
    pub fees: Num,
    /// Fees over what the trades with a gross gain made.
    pub fees_of_gross_profit: Option<f64>,
    /// Realised and unrealised PnL less fees at the end: trades and open positions.
    pub pnl: Num,
    /// PnL over capital.
    pub pnl_ratio: Option<f64>,
    /// The largest fall of equity from its peak.
    pub max_drawdown: Num,
    /// The largest fall as a share of its peak.
    pub max_drawdown_ratio: Option<f64>,
    /// From the last moment at the peak before the largest fall to its recovery, or to the end.
    pub drawdown_s: f64,
    /// Equity came back to that peak.
    pub drawdown_recovered: bool,
    /// Share of the time in which a position was held.
    pub exposure: Option<f64>,
    /// Value of all fills.
    pub turnover: Num,
    /// Average time from entry to exit.
    pub holding_s: Option<f64>,
    /// Average of the trades that earned.
    pub average_win: Option<Num>,
    /// Average of those that lost; below zero.
    pub average_loss: Option<Num>,
    /// The worst of those that lost; below zero.
    pub largest_loss: Option<Num>,
    /// Annual Sharpe ratio.
    pub sharpe: Option<f64>,
    /// Annual Sortino ratio.
    pub sortino: Option<f64>,
    /// The same capital in the instrument from its first trade to its last, without fees.
    pub buy_and_hold: Option<Hold>,
}

/// What holding would have made.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Hold {
    /// In the reporting asset.
    pub pnl: Num,
    /// Over capital.
    pub ratio: f64,
}

/// What a line is made of.
#[derive(Debug)]
pub struct Facts {
    /// Its round trips.
    pub tally: Tally,
    /// Positions that are open at the end.
    pub open: u64,
    /// Fills.
    pub fills: u64,
    /// All fees.
    pub fees: Num,
    /// Value of all fills.
    pub turnover: Num,
    /// How long a position was held.
    pub exposed: Nanos,
    /// What holding would have made.
    pub buy_and_hold: Option<Hold>,
    /// PnL at the end.
    pub pnl: Num,
    /// `None` when it is not known, or in another asset.
    pub capital: Option<Num>,
    /// From the first input to the last.
    pub length: Nanos,
    /// Of equity.
    pub drawdown: Drawdown,
    /// PnL at the end of each period.
    pub points: Vec<Num>,
    /// The period of returns.
    pub period: Nanos,
}

impl Line {
    /// The line that these facts make, without a name.
    pub fn of(facts: &Facts) -> Self {
        let Facts { tally, drawdown, pnl, .. } = facts;
        let capital = facts.capital.filter(|capital| capital.is_positive());
        let Ratios { sharpe, sortino } =
            capital.map(|capital| ratios(capital, &facts.points, facts.period)).unwrap_or_default();
        Self {
            trades: tally.trades,
            open: facts.open,
            fills: facts.fills,
            win_rate: share(count(tally.wins), count(tally.trades)),
            profit_factor: share(tally.won.to_f64(), -tally.lost.to_f64()),
            gross: tally.gross.round_dp(12),
            net: tally.net.round_dp(12),
            fees: facts.fees.round_dp(12),
            fees_of_gross_profit: share(facts.fees.to_f64(), tally.gross_profit.to_f64()),
            pnl: pnl.round_dp(12),
            pnl_ratio: capital.map(|capital| pnl.to_f64() / capital.to_f64()),
            max_drawdown: drawdown.amount.round_dp(12),
            max_drawdown_ratio: drawdown.ratio.filter(|_| capital.is_some()),
            drawdown_s: seconds(drawdown.lasted),
            drawdown_recovered: drawdown.recovered,
            exposure: share(seconds(facts.exposed), seconds(facts.length)),
            turnover: facts.turnover.round_dp(12),
            holding_s: share(seconds(tally.held), count(tally.trades)),
            average_win: average(tally.won, tally.wins),
            average_loss: average(tally.lost, tally.losses),
            largest_loss: tally.largest_loss.map(|loss| loss.round_dp(12)),
            sharpe,
            sortino,
            buy_and_hold: facts.buy_and_hold,
            ..Self::default()
        }
    }
}

impl Hold {
    /// A capital that is worth `last` over `first` of itself at the end.
    pub fn of(capital: Num, first: Num, last: Num) -> Option<Self> {
        let pnl = capital.mul(last.sub(first).ok()?).ok()?.div(first).ok()?;
        let ratio = last.to_f64() / first.to_f64() - 1.0;
        Some(Self { pnl: pnl.round_dp(12), ratio })
    }

    /// A capital in equal parts in several.
    pub fn of_all(parts: &[Self]) -> Option<Self> {
        let many = i64::try_from(parts.len()).ok()?;
        let pnl = sum(parts.iter().map(|part| part.pnl)).div(Num::from(many)).ok()?;
        let ratio = share(parts.iter().map(|part| part.ratio).sum(), count(parts.len() as u64))?;
        Some(Self { pnl: pnl.round_dp(12), ratio })
    }
}

fn average(sum: Num, many: u64) -> Option<Num> {
    sum.div(Num::from(i64::try_from(many).ok()?)).ok().map(|average| average.round_dp(12))
}

/// A ratio; none over nothing.
fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[expect(clippy::cast_precision_loss, reason = "seconds to the microsecond")]
fn seconds(span: Nanos) -> f64 {
    span as f64 / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn count(many: u64) -> f64 {
    many as f64
}
