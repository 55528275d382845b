//! The census: counts orders, refused wishes and faults of a run by strategy, and names the orders
//! that nothing explains.

use std::collections::BTreeMap;

use super::{FirstFault, NAMED, Refusals, Share, Unguarded};
use crate::app::words;
use crate::domain::{InstrumentId, RunId};
use crate::engine::guarding::unexplained;
use crate::engine::{Config, Evaluation, Fault, Outcome, Outlet, Record, Refusal, Signal};
use crate::strategy::Form;

/// Counts what it hears.
pub(super) struct Census {
    /// The run whose decisions these are; `None` where no session has them.
    run: Option<RunId>,
    instruments: Vec<String>,
    all: bool,
    forms: Vec<Form>,
    /// The newest evaluation that signals: a signal follows its own.
    last: Option<Evaluation>,
    /// The newest signal: a verdict follows its own.
    signal: Option<Signal>,
    tallies: Vec<Tally>,
}

/// What is counted of a strategy.
#[derive(Default)]
struct Tally {
    share: Share,
    refused: Vec<Unguarded>,
    refusals: BTreeMap<&'static str, u64>,
}

impl Census {
    /// A census that names all orders that lack a rule, or the first ones.
    pub fn new(run: Option<RunId>, config: &Config, all: bool) -> Self {
        let tally = |strategy: String| {
            let share = Share { strategy, ..Share::default() };
            Tally { share, ..Tally::default() }
        };
        Self {
            run,
            instruments: config.instruments.iter().map(|it| it.symbol.clone()).collect(),
            all,
            forms: Vec::new(),
            last: None,
            signal: None,
            tallies: config.strategies.iter().map(|it| tally(it.name.clone())).collect(),
        }
    }

    /// What was counted.
    pub fn shares(self) -> Vec<Share> {
        let named = if self.all { usize::MAX } else { NAMED };
        let share = |tally: Tally| {
            let Tally { mut share, refused, refusals } = tally;
            let row = |(check, count): (&str, u64)| Refusals { check: check.to_owned(), count };
            share.refusals = refusals.into_iter().map(row).collect();
            share.refusals.sort_by_key(|row| std::cmp::Reverse(row.count));
            share.unexplained.extend(refused);
            share.unexplained.truncate(named);
            share
        };
        self.tallies.into_iter().map(share).collect()
    }

    fn symbol(&self, instrument: InstrumentId) -> String {
        self.instruments.get(instrument.index()).cloned().unwrap_or_default()
    }

    fn because(&self) -> String {
        let last = self.last.as_ref();
        let form = last.and_then(|last| self.forms.get(usize::from(last.form)));
        let Some((evaluation, form)) = last.zip(form) else { return String::new() };
        let roots = form.sites.iter().map(|site| site.root);
        let lacks = unexplained(&form.nodes, &evaluation.truths, roots);
        lacks.map(|lacks| lacks.describe(form)).unwrap_or_default()
    }

    /// What became of the newest signal: an order, or what refused it.
    fn decided(&mut self, refusal: Option<&Refusal>) {
        let Some(signal) = self.signal.take() else { return };
        let refused_by = refusal.map(name_of);
        let unguarded = (!signal.explained).then(|| Unguarded {
            decision: self.run.as_ref().map(|run| run.decision(signal.decision)),
            time: words::moment(signal.time),
            input: self.last.as_ref().map_or(0, |last| last.cause.seq),
            instrument: self.symbol(signal.instrument),
            side: signal.side,
            quantity: signal.quantity,
            refused_by: refused_by.map(str::to_owned),
            because: self.because(),
        });
        let most = if self.all { usize::MAX } else { NAMED };
        let Some(tally) = self.tallies.get_mut(signal.decision.strategy.index()) else { return };
        let share = &mut tally.share;
        let (all, explained, named) = match refused_by {
            None => (&mut share.orders, &mut share.explained, &mut share.unexplained),
            Some(check) => {
                *tally.refusals.entry(check).or_default() += 1;
                (&mut share.refused, &mut share.refused_explained, &mut tally.refused)
            }
        };
        *all += 1;
        *explained += u64::from(signal.explained);
        named.extend(unguarded.filter(|_| named.len() < most));
    }

    fn went_wrong(&mut self, evaluation: &Evaluation, fault: &Fault) {
        let instrument = self.symbol(evaluation.instrument);
        let Some(tally) = self.tallies.get_mut(evaluation.id.strategy.index()) else { return };
        let (faults, text) = match fault {
            Fault::Panicked(text) => (&mut tally.share.panics, text),
            Fault::Failed(text) => (&mut tally.share.failures, text),
        };
        faults.count += 1;
        faults.first.get_or_insert_with(|| FirstFault {
            time: words::moment(evaluation.time),
            input: evaluation.cause.seq,
            instrument,
            text: text.clone(),
        });
    }
}

/// The name of what refused.
fn name_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Check(check) => check.kind.as_str(),
        Refusal::NothingToTrade => "nothing_to_trade",
    }
}

impl Outlet for Census {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Form { body, .. } => self.forms.push(body.clone()),
            Record::Evaluation(evaluation) => match &evaluation.outcome {
                Outcome::Signal { .. } => self.last = Some(evaluation.clone()),
                Outcome::Error(fault) => self.went_wrong(evaluation, fault),
                _ => {}
            },
            Record::Signal(signal) => self.signal = Some(*signal),
            Record::Risk(report) => self.decided(report.refusal.as_ref()),
            _ => {}
        }
    }
}
