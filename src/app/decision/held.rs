//! What the store holds: the records of decisions, numbered as they came, within a number of bytes.
//!
//! Decisions that want an order have half of the bytes to themselves, so that a busy market's many
//! evaluations do not push out the few that became orders; what one half leaves the other may use.
//! Within each, the oldest goes first. The last evaluation of a strategy in an instrument stays.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::app::outputs::copied_records;
use crate::domain::{DecisionId, InstrumentId, Order, OrderEventKind, OrderId, StrategyId};
use crate::engine::codec::{decode, encode};
use crate::engine::viewer::resolve::outcome_word;
use crate::engine::{Evaluation, Record, Resumed};
use crate::strategy::Form;

/// What a decision takes besides the bytes of its records: its places in the tables below.
const PLACE_BYTES: usize = 192;

/// The records of one decision.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Whose, and the how-manieth; of an order left open by the run before, the decision there.
    pub id: DecisionId,
    /// For which instrument.
    pub instrument: InstrumentId,
    /// The outcome in one word or two; empty of an order left open by the run before.
    pub outcome: &'static str,
    /// Encoded records, each after its length.
    records: Vec<u8>,
    /// Numbers of its orders and fills.
    numbers: Vec<u64>,
}

impl Entry {
    /// The records from the evaluation on.
    pub fn decoded(&self) -> Vec<Record> {
        // What the engine encoded, this build decodes.
        copied_records(&self.records).filter_map(|record| decode(record).ok()).collect()
    }

    /// Only the evaluation.
    pub fn evaluation(&self) -> Option<Evaluation> {
        match decode(copied_records(&self.records).next()?) {
            Ok(Record::Evaluation(evaluation)) => Some(evaluation),
            _ => None,
        }
    }

    /// True of a decision of this run.
    pub fn is_decision(&self) -> bool {
        !self.outcome.is_empty()
    }

    /// What it takes.
    fn bytes(&self) -> usize {
        self.records.len() + PLACE_BYTES
    }

    /// Which half it belongs to.
    fn half(&self) -> Half {
        match self.outcome {
            "" | "signal" => Half::Wishes,
            _ => Half::Evaluations,
        }
    }
}

/// The halves of the memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Half {
    /// Nothing followed.
    Evaluations = 0,
    /// An order was wanted, or left open by the run before.
    Wishes = 1,
}

/// Numbers of entries in the order of their going, and their bytes.
#[derive(Debug, Default)]
struct Queue {
    numbers: VecDeque<u64>,
    bytes: usize,
}

/// The last evaluation of a strategy in an instrument.
#[derive(Clone, Copy, Debug)]
struct Last {
    number: u64,
    /// It should have gone, and goes when another comes.
    overdue: bool,
}

/// What is held, and what has gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extent {
    /// Decisions held.
    pub decisions: u64,
    /// Bytes they take.
    pub bytes: u64,
    /// Bytes they may take.
    pub limit: u64,
    /// Decisions that have gone.
    pub evicted: u64,
}

/// Decisions by number: the how-manieth thing of the run that was numbered. Orders and fills have
/// numbers of the same count, so one kind of cursor serves all.
#[derive(Debug)]
pub(super) struct Held {
    limit: usize,
    next: u64,
    evicted: u64,
    /// Forms by their numbers.
    pub forms: Arc<Vec<Form>>,
    /// By number.
    pub entries: BTreeMap<u64, Arc<Entry>>,
    /// Numbers of decisions.
    pub ids: BTreeMap<DecisionId, u64>,
    /// Number of the entry that an order belongs to.
    pub owners: BTreeMap<OrderId, u64>,
    /// Orders by number.
    pub orders: BTreeMap<u64, OrderId>,
    /// Fills by number: of which order, and the how-manieth of it from 0.
    pub fills: BTreeMap<u64, (OrderId, usize)>,
    lasts: BTreeMap<(StrategyId, InstrumentId), Last>,
    halves: [Queue; 2],
}

impl Held {
    /// Nothing, with room for so many bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            next: 1,
            evicted: 0,
            forms: Arc::default(),
            entries: BTreeMap::new(),
            ids: BTreeMap::new(),
            owners: BTreeMap::new(),
            orders: BTreeMap::new(),
            fills: BTreeMap::new(),
            lasts: BTreeMap::new(),
            halves: Default::default(),
        }
    }

    /// How much is held.
    pub fn extent(&self) -> Extent {
        let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Extent {
            decisions: wide(self.ids.len()),
            bytes: wide(self.bytes()),
            limit: wide(self.limit),
            evicted: self.evicted,
        }
    }

    fn bytes(&self) -> usize {
        self.halves.iter().map(|queue| queue.bytes).sum()
    }

    /// Takes a record with its bytes. What belongs to no decision that is held is left out.
    pub fn take(&mut self, record: &Record, bytes: &[u8]) {
        match record {
            Record::Form { form, body, .. } => self.form(*form, body),
            Record::Evaluation(evaluation) => self.evaluation(evaluation, bytes),
            Record::Resumed(resumed) => {
                for order in &resumed.orders {
                    let one =
                        Record::Resumed(Resumed { orders: vec![order.clone()], ..resumed.clone() });
                    self.left_open(order, &one);
                }
            }
            Record::Signal(signal) => self.append(self.ids.get(&signal.decision).copied(), bytes),
            Record::Risk(report) => self.append(self.ids.get(&report.decision).copied(), bytes),
            Record::Order { request, .. } => {
                let Some(owner) = self.ids.get(&request.decision).copied() else { return };
                self.owners.insert(request.id, owner);
                self.number_order(owner, request.id);
                self.append(Some(owner), bytes);
            }
            Record::OrderEvent(event) => {
                let owner = self.owners.get(&event.order).copied();
                if let (Some(owner), OrderEventKind::Filled(_)) = (owner, &event.kind) {
                    self.number_fill(owner, event.order);
                }
                self.append(owner, bytes);
            }
            Record::Position { order, .. } => {
                self.append(self.owners.get(order).copied(), bytes);
            }
            _ => return,
        }
        self.make_room();
    }

    fn form(&mut self, number: u16, body: &Form) {
        let forms = Arc::make_mut(&mut self.forms);
        let at = usize::from(number);
        if forms.len() <= at {
            forms.resize(at + 1, Form::default());
        }
        if let Some(form) = forms.get_mut(at) {
            form.clone_from(body);
        }
    }

    fn evaluation(&mut self, evaluation: &Evaluation, bytes: &[u8]) {
        let key = (evaluation.id.strategy, evaluation.instrument);
        let entry = Entry {
            id: evaluation.id,
            instrument: evaluation.instrument,
            outcome: outcome_word(&evaluation.outcome),
            records: framed(bytes),
            numbers: Vec::new(),
        };
        let number = self.insert(entry);
        self.ids.insert(evaluation.id, number);
        let last = self.lasts.insert(key, Last { number, overdue: false });
        if let Some(Last { number, overdue: true }) = last {
            self.remove(number);
        }
    }

    fn left_open(&mut self, order: &Order, one: &Record) {
        let mut bytes = Vec::new();
        if !encode(one, &mut bytes) {
            return;
        }
        let owner = self.insert(Entry {
            id: order.request.decision,
            instrument: order.request.instrument,
            outcome: "",
            records: framed(&bytes),
            numbers: Vec::new(),
        });
        self.owners.insert(order.request.id, owner);
        self.number_order(owner, order.request.id);
    }

    fn insert(&mut self, entry: Entry) -> u64 {
        let number = self.number();
        let queue = self.queue(entry.half());
        queue.numbers.push_back(number);
        queue.bytes += entry.bytes();
        self.entries.insert(number, Arc::new(entry));
        number
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    fn number_order(&mut self, owner: u64, order: OrderId) {
        let number = self.number();
        self.orders.insert(number, order);
        self.remember(owner, number);
    }

    fn number_fill(&mut self, owner: u64, order: OrderId) {
        let number = self.number();
        let of_order = |number: &u64| self.fills.get(number).is_some_and(|fill| fill.0 == order);
        let entry = self.entries.get(&owner);
        let before = entry.map_or(0, |entry| entry.numbers.iter().filter(|n| of_order(n)).count());
        self.fills.insert(number, (order, before));
        self.remember(owner, number);
    }

    fn remember(&mut self, owner: u64, number: u64) {
        if let Some(entry) = self.entries.get_mut(&owner) {
            Arc::make_mut(entry).numbers.push(number);
        }
    }

    fn append(&mut self, owner: Option<u64>, bytes: &[u8]) {
        let Some(entry) = owner.and_then(|owner| self.entries.get_mut(&owner)) else { return };
        let entry = Arc::make_mut(entry);
        let (half, before) = (entry.half(), entry.bytes());
        entry.records.extend_from_slice(&framed(bytes));
        let grown = entry.bytes() - before;
        self.queue(half).bytes += grown;
    }

    fn queue(&mut self, half: Half) -> &mut Queue {
        let [evaluations, wishes] = &mut self.halves;
        match half {
            Half::Evaluations => evaluations,
            Half::Wishes => wishes,
        }
    }

    /// Lets the oldest go until the rest fits.
    fn make_room(&mut self) {
        while self.bytes() > self.limit {
            let more = self.halves[1].bytes > self.limit / 2;
            let (first, then) = if more {
                (Half::Wishes, Half::Evaluations)
            } else {
                (Half::Evaluations, Half::Wishes)
            };
            if !self.let_go(first) && !self.let_go(then) {
                return;
            }
        }
    }

    /// Lets the oldest of a half go; false when there is none.
    fn let_go(&mut self, half: Half) -> bool {
        let Some(number) = self.queue(half).numbers.pop_front() else { return false };
        let key = self.entries.get(&number).map(|entry| (entry.id.strategy, entry.instrument));
        let last = key.and_then(|key| self.lasts.get_mut(&key));
        match last.filter(|last| last.number == number) {
            Some(last) => last.overdue = true,
            None => self.remove(number),
        }
        true
    }

    fn remove(&mut self, number: u64) {
        let Some(entry) = self.entries.remove(&number) else { return };
        let queue = self.queue(entry.half());
        queue.bytes = queue.bytes.saturating_sub(entry.bytes());
        for number in &entry.numbers {
            self.fills.remove(number);
            if let Some(order) = self.orders.remove(number) {
                self.owners.remove(&order);
            }
        }
        if entry.is_decision() {
            self.ids.remove(&entry.id);
            self.evicted += 1;
        }
    }
}

/// A record after its length, as copies have it.
fn framed(record: &[u8]) -> Vec<u8> {
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    [&length.to_le_bytes(), record].concat()
}
