//! What a ledger keeps of a run's records: fills, and sums by day.

use std::collections::BTreeMap;

use crate::domain::{
    Fill, InstrumentId, Num, OrderEventKind, OrderId, Position, RunId, Side, StrategyId, UnixNanos,
};
use crate::engine::viewer::resolve::blocker_name;
use crate::engine::{Config, Evaluation, Outcome, Outlet, Record, Standing};
use crate::ledger::{Batch, BlockerRow, DayRow, EquityRow, FillRow};
use crate::strategy::Form;

/// A day, a strategy, what stopped it.
type StopKey = (String, StrategyId, String);

/// Gathers rows from records.
pub struct Rows {
    /// The input that records belong to.
    pub seq: u64,
    run: RunId,
    strategies: Vec<String>,
    instruments: Vec<String>,
    assets: Vec<String>,
    forms: Vec<Form>,
    /// A fill that was heard of and whose position comes next.
    heard: Option<Fill>,
    fills: Vec<FillRow>,
    blockers: BTreeMap<StopKey, u64>,
    last: BTreeMap<(StrategyId, InstrumentId), Stop>,
}

/// What stopped a strategy at its last evaluation, and how often in a row.
struct Stop {
    form: u16,
    outcome: Outcome,
    day: u64,
    text: String,
    count: u64,
}

impl Rows {
    /// No rows yet; names and forms are those of the run so far.
    pub fn new(run: RunId, config: &Config, forms: Vec<Form>) -> Self {
        Self {
            seq: 0,
            run,
            strategies: config.strategies.iter().map(|strategy| strategy.name.clone()).collect(),
            instruments: config.instruments.iter().map(|it| it.symbol.clone()).collect(),
            assets: config.assets.iter().map(|asset| asset.0.clone()).collect(),
            forms,
            heard: None,
            fills: Vec::new(),
            blockers: BTreeMap::new(),
            last: BTreeMap::new(),
        }
    }

    /// What was gathered, and what the account is worth now.
    pub fn batch(&mut self, standing: &Standing, now: UnixNanos) -> Batch {
        for ((strategy, _), stop) in std::mem::take(&mut self.last) {
            self.note(strategy, stop);
        }
        let blockers = self.blockers.iter().map(|((day, strategy, blocker), count)| BlockerRow {
            day: day.clone(),
            strategy: name(&self.strategies, strategy.index()),
            blocker: blocker.clone(),
            count: *count,
        });
        let worth = standing.worth;
        Batch {
            fills: self.fills.clone(),
            blockers: blockers.collect(),
            equity: worth.equity.map(|equity| EquityRow {
                day: day_of(now),
                equity,
                peak: worth.peak.unwrap_or(equity),
            }),
            ends: false,
        }
    }

    /// True when fills wait to be written.
    pub fn has_fills(&self) -> bool {
        !self.fills.is_empty()
    }

    /// They are written.
    pub fn clear(&mut self) {
        self.fills.clear();
        self.blockers.clear();
    }

    /// Most evaluations are stopped by what stopped the one before.
    fn evaluation(&mut self, evaluation: &Evaluation) {
        let key = (evaluation.id.strategy, evaluation.instrument);
        let day = evaluation.time.0 / DAY;
        if let Some(stop) = self.last.get_mut(&key)
            && stop.form == evaluation.form
            && stop.outcome == evaluation.outcome
            && stop.day == day
        {
            stop.count += 1;
            return;
        }
        let form = self.forms.get(usize::from(evaluation.form));
        let stop = Stop {
            form: evaluation.form,
            outcome: evaluation.outcome.clone(),
            day,
            text: form.map_or_else(String::new, |form| blocker_name(evaluation, form)),
            count: 1,
        };
        if let Some(before) = self.last.insert(key, stop) {
            self.note(key.0, before);
        }
    }

    fn note(&mut self, strategy: StrategyId, stop: Stop) {
        if !stop.text.is_empty() {
            let day = day_of(UnixNanos(stop.day * DAY));
            *self.blockers.entry((day, strategy, stop.text)).or_default() += stop.count;
        }
    }

    fn filled(&mut self, of: Filled<'_>) {
        let Some(fill) = self.heard.take() else { return };
        let (strategy, instrument) = (
            name(&self.strategies, of.strategy.index()),
            name(&self.instruments, of.instrument.index()),
        );
        let delta = |before: Num, after: Num| after.sub(before).unwrap_or_default();
        let realised = |position: &Position| position.realised().unwrap_or_default();
        let day = DayRow {
            day: day_of(of.time),
            strategy: strategy.clone(),
            instrument: instrument.clone(),
            fills: 1,
            realised: delta(realised(of.before), realised(of.after)),
            fees: delta(of.before.fees, of.after.fees),
            turnover: delta(of.before.turnover, of.after.turnover),
        };
        let bought = of.after.quantity > of.before.quantity;
        self.fills.push(FillRow {
            trade: fill.trade_id,
            run: self.run.clone(),
            seq: self.seq,
            time: of.time,
            strategy,
            instrument,
            order: of.order.n,
            side: if bought { Side::Buy } else { Side::Sell },
            price: fill.price,
            quantity: fill.quantity,
            liquidity: fill.liquidity,
            fee: fill.fee.amount,
            fee_asset: name(&self.assets, fill.fee.asset.index()),
            day,
        });
    }
}

/// A position that a fill changed.
#[derive(Clone, Copy)]
struct Filled<'a> {
    strategy: StrategyId,
    instrument: InstrumentId,
    order: OrderId,
    time: UnixNanos,
    before: &'a Position,
    after: &'a Position,
}

impl Outlet for Rows {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Evaluation(evaluation) => self.evaluation(evaluation),
            Record::Form { form, body, .. } if usize::from(*form) == self.forms.len() => {
                self.forms.push(body.clone());
            }
            Record::OrderEvent(event) => {
                if let OrderEventKind::Filled(fill) = event.kind {
                    self.heard = Some(fill);
                }
            }
            Record::Position { strategy, instrument, order, time, before, after } => {
                let (strategy, instrument) = (*strategy, *instrument);
                let (order, time) = (*order, *time);
                self.filled(Filled { strategy, instrument, order, time, before, after });
            }
            _ => {}
        }
    }
}

fn name(names: &[String], at: usize) -> String {
    names.get(at).cloned().unwrap_or_default()
}

/// A UTC day in nanoseconds.
const DAY: u64 = 86_400 * UnixNanos::SECOND;

/// The UTC day of a moment: `2026-11-26`.
pub fn day_of(time: UnixNanos) -> String {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(time.0)).unwrap_or_default();
    moment.strftime("%Y-%m-%d").to_string()
}
