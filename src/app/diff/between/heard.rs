//! What a side said since both last agreed: its records as bytes, with what they are about.

use std::ops::Range;

use serde::Serialize;

use crate::domain::{Cause, DecisionId, InstrumentId, OrderEventKind, OrderId, StrategyId};
use crate::engine::codec::{decode, encode};
use crate::engine::{Evaluation, Outlet, Record, Signal};

/// Records of a few inputs.
#[derive(Debug, Default)]
pub struct Heard {
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// The input that the next records belong to.
    seq: u64,
    counts: Counts,
}

/// One record.
#[derive(Clone, Debug)]
pub struct Item {
    /// The input that caused it.
    pub seq: u64,
    /// What it is about.
    pub what: What,
    range: Range<usize>,
}

/// What a record is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// An evaluation, and whether it wants orders.
    Evaluation(StrategyId, InstrumentId, bool),
    /// Another step of a decision.
    Decision(DecisionId),
    /// An order that is known already.
    Order(OrderId),
    /// The run itself, a book, a bar.
    Else,
}

/// How much a side did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counts {
    /// Evaluations.
    pub evaluations: u64,
    /// Wishes for an order.
    pub signals: u64,
    /// Refused by risk.
    pub refusals: u64,
    /// Orders sent.
    pub orders: u64,
    /// Fills.
    pub fills: u64,
}

impl Outlet for Heard {
    fn record(&mut self, record: &Record) {
        let what = What::of(record);
        self.counts.count(record);
        let start = self.bytes.len();
        // No record can fail to be encoded.
        encode(record, &mut self.bytes);
        self.items.push(Item { seq: self.seq, what, range: start..self.bytes.len() });
    }
}

impl Heard {
    /// Announces an input.
    pub fn begin(&mut self, seq: u64) {
        self.seq = seq;
    }

    /// The records since the last [`clear`](Self::clear).
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The bytes of a record.
    pub fn bytes(&self, item: &Item) -> &[u8] {
        self.bytes.get(item.range.clone()).unwrap_or_default()
    }

    /// A record.
    pub fn read(&self, item: &Item) -> Option<Record> {
        decode(self.bytes(item)).ok()
    }

    /// An evaluation.
    pub fn evaluation(&self, item: &Item) -> Option<Evaluation> {
        match self.read(item)? {
            Record::Evaluation(evaluation) => Some(evaluation),
            _ => None,
        }
    }

    /// What a decision wants.
    pub fn signals(&self, of: DecisionId) -> Vec<Signal> {
        let of_it = self.items.iter().filter(|item| item.what == What::Decision(of));
        let signal = |item| match self.read(item)? {
            Record::Signal(signal) => Some(signal),
            _ => None,
        };
        of_it.filter_map(signal).collect()
    }

    /// All that the side did so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Forgets the records, not their counts.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }
}

impl What {
    fn of(record: &Record) -> Self {
        match record {
            Record::Evaluation(evaluation) => Self::Evaluation(
                evaluation.id.strategy,
                evaluation.instrument,
                evaluation.outcome.is_signal(),
            ),
            Record::Signal(signal) => Self::Decision(signal.decision),
            Record::Risk(report) => Self::Decision(report.decision),
            Record::Order { request, .. } => Self::Decision(request.decision),
            Record::OrderEvent(event) => Self::Order(event.order),
            Record::Position { order, .. } => Self::Order(*order),
            _ => Self::Else,
        }
    }
}

impl Counts {
    fn count(&mut self, record: &Record) {
        match record {
            Record::Evaluation(_) => self.evaluations += 1,
            Record::Signal(_) => self.signals += 1,
            Record::Risk(report) => self.refusals += u64::from(report.refusal.is_some()),
            Record::Order { .. } => self.orders += 1,
            Record::OrderEvent(event) => {
                self.fills += u64::from(matches!(event.kind, OrderEventKind::Filled(_)));
            }
            _ => {}
        }
    }
}

/// What of two records does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Apart {
    /// The name of the account that a run begins with.
    Names,
    /// And which input it was: where only one side had an input, what is due at that moment comes
    /// with it there and with the next one here.
    Causes,
    /// And the number of the decision: once one side has made a decision more.
    Numbers,
}

/// True when two records say the same but for what does not count.
pub fn is_same(a: &[u8], b: &[u8], apart: Apart) -> bool {
    a == b || without(a, apart).is_some_and(|a| Some(a) == without(b, apart))
}

fn without(bytes: &[u8], apart: Apart) -> Option<Vec<u8>> {
    let mut record = decode(bytes).ok()?;
    let no_cause = apart != Apart::Names;
    match &mut record {
        Record::Started(account) => account.name.clear(),
        Record::Evaluation(evaluation) if no_cause => {
            evaluation.cause = NO_CAUSE;
            if apart == Apart::Numbers {
                evaluation.id.n = 0;
            }
        }
        Record::Order { cause, .. } | Record::Ask { cause, .. } if no_cause => *cause = NO_CAUSE,
        Record::OrderEvent(event) if no_cause => event.cause = NO_CAUSE,
        _ => {}
    }
    let mut bytes = Vec::new();
    encode(&record, &mut bytes).then_some(bytes)
}

const NO_CAUSE: Cause = Cause { seq: 0, index: 0 };
