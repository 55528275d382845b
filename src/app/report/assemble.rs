//! The end of a meter: from what it followed to a report.

use super::curve::{self, Curve, HOUR, MINUTE};
use super::line::{Facts, Hold, Line};
use super::meter::{Desk, Meter};
use super::round_trip::{RoundTrip, Tally};
use super::{Report, sum};
use crate::app::build::Plan;
use crate::domain::{AssetId, Nanos, Num, UnixNanos};
use crate::engine::Engine;
use crate::engine::holding::Holding;

/// A run longer than this has returns of an hour.
const LONG: Nanos = 48 * HOUR;

/// What all lines have in common.
struct Frame {
    curve: Curve,
    end: UnixNanos,
    length: Nanos,
    period: Nanos,
}

impl Frame {
    /// Facts of a line of the curve; what only fills say is missing.
    fn facts(&self, line: usize, capital: Option<Num>, pnl: Num) -> Facts {
        let samples = self.curve.line(line).iter().enumerate();
        let points = samples.map(|(at, pnl)| (self.curve.time(at), *pnl));
        let points = points.chain(std::iter::once((self.end, pnl)));
        Facts {
            tally: Tally::default(),
            open: 0,
            fills: 0,
            fees: Num::ZERO,
            turnover: Num::ZERO,
            exposed: 0,
            buy_and_hold: None,
            pnl,
            capital,
            length: self.length,
            drawdown: curve::drawdown(capital.unwrap_or_default(), points),
            points: self.curve.every(line, self.period),
            period: self.period,
        }
    }

    /// Facts of a strategy in an instrument.
    fn of(&self, line: usize, desk: &Desk, holding: &Holding<'_>, capital: Option<Num>) -> Facts {
        let open = desk.trips.open_since();
        let prices = capital.zip(holding.first_and_last());
        Facts {
            tally: desk.tally,
            open: u64::from(open.is_some()),
            fills: holding.position.fills,
            fees: holding.position.fees,
            turnover: holding.position.turnover,
            exposed: desk.tally.held + open.map_or(0, |since| self.end.since(since)),
            buy_and_hold: prices
                .and_then(|(capital, (first, last))| Hold::of(capital, first.num(), last.num())),
            ..self.facts(line, capital, holding.pnl().unwrap_or_default())
        }
    }
}

impl Meter {
    /// What came of it all.
    pub fn report(&self, engine: &Engine, plan: &Plan) -> Report {
        let curve = self.curve.clone().unwrap_or_default();
        let length = self.now.since(self.began);
        let period = if length > LONG { HOUR } else { MINUTE };
        let frame = Frame { curve, end: self.now, length, period };
        let capital = self.capital(engine);
        let holdings: Vec<Holding<'_>> = engine.holdings().collect();
        let is_reported = |holding: &Holding<'_>| holding.instrument().quote == self.reporting;
        let desks = self.lines.iter().zip(&holdings).enumerate();
        let facts: Vec<Facts> = desks
            .map(|(at, (desk, holding))| {
                frame.of(at, desk, holding, capital.filter(|_| is_reported(holding)))
            })
            .collect();
        let reported = || facts.iter().zip(&holdings).filter(|(_, held)| is_reported(held));
        let mut tally = Tally::default();
        reported().for_each(|(facts, _)| tally.merge(&facts.tally));
        let total = Facts {
            tally,
            open: reported().map(|(facts, _)| facts.open).sum(),
            fills: reported().map(|(facts, _)| facts.fills).sum(),
            fees: sum(reported().map(|(facts, _)| facts.fees)),
            turnover: sum(reported().map(|(facts, _)| facts.turnover)),
            exposed: self.exposed(),
            buy_and_hold: hold_all(reported()),
            ..frame.facts(facts.len(), capital, sum(reported().map(|(facts, _)| facts.pnl)))
        };
        let (total, facts) = (Line::of(&total), facts.iter().zip(&holdings));
        let lines = facts.map(|(facts, holding)| {
            let strategy = plan.engine.strategies.get(holding.strategy.index());
            let quote = holding.instrument().quote;
            Line {
                strategy: strategy.map(|strategy| strategy.name.clone()).unwrap_or_default(),
                instrument: holding.instrument().symbol.clone(),
                asset: (quote != self.reporting).then(|| asset(plan, quote)),
                ..Line::of(facts)
            }
        });
        Report {
            asset: asset(plan, self.reporting),
            capital,
            from_ns: self.began,
            to_ns: self.now,
            sample_s: frame.curve.interval() / UnixNanos::SECOND,
            period_s: period / UnixNanos::SECOND,
            periods: frame.curve.every(0, period).len().saturating_sub(1),
            rested: self.rested,
            uncounted: self.uncounted,
            lines: lines.collect(),
            total,
            bracket: None,
            trips: self.trips(),
            curve: frame.curve,
        }
    }

    /// The round trips that were kept, by their ends.
    fn trips(&self) -> Vec<(usize, RoundTrip)> {
        let mut trips = self.kept.clone().unwrap_or_default();
        trips.sort_by_key(|(at, trip)| (trip.left, *at));
        trips
    }

    /// What the account began with, in the reporting asset at the first prices.
    fn capital(&self, engine: &Engine) -> Option<Num> {
        let mut capital = Num::ZERO;
        for money in self.start.balances.iter().filter(|money| !money.amount.is_zero()) {
            let price = if money.asset == self.reporting {
                Num::ONE
            } else {
                let sells = |holding: &Holding<'_>| {
                    let instrument = holding.instrument();
                    instrument.base == money.asset && instrument.quote == self.reporting
                };
                engine.holdings().find(sells)?.first_and_last()?.0.num()
            };
            capital = capital.add(money.amount.mul(price).ok()?).ok()?;
        }
        Some(capital)
    }
}

/// Holding every instrument in equal parts, each once however many strategies trade it.
fn hold_all<'a>(lines: impl Iterator<Item = (&'a Facts, &'a Holding<'a>)>) -> Option<Hold> {
    let mut seen = Vec::new();
    let parts: Option<Vec<Hold>> = lines
        .filter(|(_, holding)| {
            let is_new = !seen.contains(&holding.id);
            seen.push(holding.id);
            is_new
        })
        .map(|(facts, _)| facts.buy_and_hold)
        .collect();
    Hold::of_all(&parts?)
}

fn asset(plan: &Plan, id: AssetId) -> String {
    plan.engine.assets.get(id.index()).map(|asset| asset.0.clone()).unwrap_or_default()
}
