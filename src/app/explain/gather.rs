//! Gathering: what stopped a strategy in an instrument, evaluation by evaluation, and for how long.

use std::collections::BTreeMap;

use super::why_not::BlockerRow;
use crate::domain::{InstrumentId, StrategyId, UnixNanos};
use crate::engine::viewer::resolve::blocker_name;
use crate::engine::{Evaluation, Outcome, Outlet, Record, Refusal, RiskReport};
use crate::strategy::Form;

/// Gathers the evaluations of one strategy in one instrument.
pub(super) struct Gather {
    of: (StrategyId, InstrumentId),
    from: UnixNanos,
    forms: Vec<Form>,
    /// Evaluations so far.
    pub evaluations: u64,
    /// Those that wanted an order.
    pub signals: u64,
    /// Those of them whose orders were all refused.
    pub refused: u64,
    blockers: BTreeMap<String, (u64, u64)>,
    /// What stands since the last evaluation, and since when.
    stands: Option<(String, UnixNanos)>,
    /// The newest evaluation that wanted an order, and what became of that.
    wanted: Option<(Evaluation, Became)>,
    /// The newest evaluation that did not, until it is looked at.
    pub last: Option<Evaluation>,
}

/// What became of a wish.
enum Became {
    /// Nothing yet.
    Open,
    /// An order.
    Order,
    /// It was refused, by what.
    Refused(&'static str),
}

impl Gather {
    /// Gathers from a moment on; `forms` are those that were recorded before it.
    pub fn new(of: (StrategyId, InstrumentId), from: UnixNanos, forms: Vec<Form>) -> Self {
        Self {
            of,
            from,
            forms,
            evaluations: 0,
            signals: 0,
            refused: 0,
            blockers: BTreeMap::new(),
            stands: None,
            wanted: None,
            last: None,
        }
    }

    /// What stopped it until a moment, the most frequent first.
    pub fn end(&mut self, until: UnixNanos) -> Vec<BlockerRow> {
        self.settle();
        self.stop(until);
        let row =
            |(blocker, (count, nanos))| BlockerRow { blocker, count, seconds: seconds(nanos) };
        let mut rows: Vec<BlockerRow> =
            std::mem::take(&mut self.blockers).into_iter().map(row).collect();
        rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.blocker.cmp(&b.blocker)));
        rows
    }

    /// Nothing more becomes of the last wish: refused, it is what stood since.
    fn settle(&mut self) {
        if let Some((evaluation, Became::Refused(by))) = self.wanted.take() {
            self.refused += 1;
            self.stood(format!("refused: {by}"), evaluation.time);
        }
    }

    fn stood(&mut self, blocker: String, since: UnixNanos) {
        self.blockers.entry(blocker.clone()).or_default().0 += 1;
        self.stands = Some((blocker, since));
    }

    fn stop(&mut self, at: UnixNanos) {
        if let Some((blocker, since)) = self.stands.take() {
            self.blockers.entry(blocker).or_default().1 += at.since(since);
        }
    }

    fn evaluated(&mut self, evaluation: &Evaluation) {
        self.settle();
        self.stop(evaluation.time);
        self.evaluations += 1;
        if matches!(evaluation.outcome, Outcome::Signal { .. }) {
            self.signals += 1;
            self.wanted = Some((evaluation.clone(), Became::Open));
            return;
        }
        let form = self.forms.get(usize::from(evaluation.form));
        let blocker = form.map(|form| blocker_name(evaluation, form)).unwrap_or_default();
        self.stood(blocker, evaluation.time);
        self.last = Some(evaluation.clone());
    }

    /// One order of several is enough.
    fn assessed(&mut self, report: &RiskReport) {
        let Some((evaluation, became)) = &mut self.wanted else { return };
        if evaluation.id != report.decision || matches!(became, Became::Order) {
            return;
        }
        *became = match &report.refusal {
            None => Became::Order,
            Some(Refusal::Check(check)) => Became::Refused(check.kind.as_str()),
            Some(Refusal::NothingToTrade) => Became::Refused("nothing_to_trade"),
        };
    }
}

impl Outlet for Gather {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Form { body, .. } => self.forms.push(body.clone()),
            Record::Evaluation(evaluation)
                if (evaluation.id.strategy, evaluation.instrument) == self.of
                    && evaluation.time >= self.from =>
            {
                self.evaluated(evaluation);
            }
            Record::Risk(report) => self.assessed(report),
            _ => {}
        }
    }
}

fn seconds(nanos: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown to the millisecond")]
    let seconds = nanos as f64 / 1e9;
    seconds
}
