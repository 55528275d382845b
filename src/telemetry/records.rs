//! The record teller: tells the engine's records, in order, with the names they leave out.
//!
//! It writes an evaluation only when the engine says that it is [`News`], and counts the others. It
//! reads nothing but the records, so a replay tells the same.

use std::collections::BTreeMap;

use super::Telemetry;
use super::engine_word::OrderWord;
use super::event::{
    DecisionEvent, Evaluated, Event, ExitTold, FeedEvent, OrderTold, PortfolioEvent, StrategyEvent,
    Summed, Telling, TripTold,
};
use super::metrics::RuleCounters;
use super::why;
use crate::domain::{
    Cause, DecisionId, InstrumentId, Num, OrderEvent, OrderEventKind, OrderId, OrderRequest,
    Position, Quantity, Quote, Side, StrategyId, UnixNanos,
};
use crate::engine::{Evaluation, News, Record, Summary};
use crate::strategy::Form;

/// Rules of a strategy that are counted one by one; further ones count as `other`.
const RULES_PER_STRATEGY: usize = 32;
/// Orders remembered: an event of an older one is told without what was asked.
const ORDERS: usize = 4_096;

/// Tells records to log and metrics. One thread calls it, with every record.
pub struct RecordTeller {
    telemetry: Telemetry,
    forms: BTreeMap<u16, KnownForm>,
    rules: BTreeMap<StrategyId, Vec<String>>,
    pairs: BTreeMap<(StrategyId, InstrumentId), Pair>,
    orders: BTreeMap<OrderId, OrderNote>,
    trips: BTreeMap<(StrategyId, InstrumentId), Trip>,
}

/// A form and the counters of its rules.
struct KnownForm {
    form: Form,
    /// By node; empty until the first evaluation, which shows the literals.
    counters: Vec<Option<RuleCounters>>,
}

/// How long a strategy's state in an instrument has been the same.
struct Pair {
    repeated: u64,
    since: UnixNanos,
}

/// An order on its way.
struct OrderNote {
    request: OrderRequest,
    submitted: UnixNanos,
    arrival: Option<Quote>,
    filled: Quantity,
}

/// A position that was opened in this run.
struct Trip {
    side: Side,
    entry: Option<DecisionId>,
    opened: UnixNanos,
    /// Realised before it, and fees.
    realised: Num,
    fees: Num,
}

impl RecordTeller {
    pub(super) fn new(telemetry: Telemetry) -> Self {
        Self {
            telemetry,
            forms: BTreeMap::new(),
            rules: BTreeMap::new(),
            pairs: BTreeMap::new(),
            orders: BTreeMap::new(),
            trips: BTreeMap::new(),
        }
    }

    /// Tells one record.
    pub fn record(&mut self, record: &Record) {
        match record {
            // Before the first record with a time of its own, only the clock has one.
            Record::Started(account) => {
                self.telemetry.emit(&PortfolioEvent::Started(account).into());
            }
            Record::Resumed(resumed) => {
                for order in &resumed.orders {
                    let (request, submitted, filled) = (order.request, order.created, order.filled);
                    let note = OrderNote { request, submitted, arrival: None, filled };
                    self.orders.insert(request.id, note);
                }
                self.tell(PortfolioEvent::Resumed(resumed), resumed.time);
            }
            Record::Form { form, body, .. } => {
                let known = KnownForm { form: body.clone(), counters: Vec::new() };
                self.forms.insert(*form, known);
            }
            Record::Evaluation(evaluation) => self.evaluation(evaluation),
            Record::Signal(signal) => self.tell(OrderTold::Signal(signal), signal.time),
            Record::Ask { strategy, instrument, cause, .. } => {
                let (strategy, instrument, cause) = (*strategy, *instrument, *cause);
                let asked = DecisionEvent::Asked { strategy, instrument, cause };
                self.telemetry.emit(&asked.into());
            }
            Record::Revised { strategy, time, before, after } => {
                let strategy = *strategy;
                self.tell(StrategyEvent::Revised { strategy, before, after }, *time);
            }
            Record::Risk(report) => self.tell(OrderTold::Risk(report), report.time),
            Record::Order { request, time, cause, arrival } => {
                self.submitted(*request, *time, *cause, *arrival);
            }
            Record::OrderEvent(event) => self.order_event(event),
            Record::Position { strategy, instrument, order, time, before, after } => {
                let (strategy, instrument, order) = (*strategy, *instrument, *order);
                let event = PortfolioEvent::Position { strategy, instrument, order, before, after };
                self.tell(event, *time);
                self.position((strategy, instrument), order, (before, after), *time);
            }
            Record::Account(state) => self.tell(PortfolioEvent::Account(state), state.time),
            Record::Trading { time, state } => self.tell(PortfolioEvent::Trading(*state), *time),
            Record::Paused { time, strategy, paused, failed } => {
                let (strategy, paused, failed) = (*strategy, *paused, *failed);
                self.tell(PortfolioEvent::Paused { strategy, paused, failed }, *time);
            }
            Record::BookSynced { instrument, time, update_id } => {
                let (instrument, update_id) = (*instrument, *update_id);
                self.tell(FeedEvent::Resynced { instrument, update_id }, *time);
            }
            Record::Joined { instrument, time, bars, whole } => {
                let (instrument, bars, whole) = (*instrument, *bars, *whole);
                self.tell(FeedEvent::HistoryLoaded { instrument, bars, whole }, *time);
            }
            Record::BarClosed { instrument, time, bar } => {
                self.tell(FeedEvent::BarClosed { instrument: *instrument, bar }, *time);
            }
            Record::LateTrade { instrument, time, trade, ts_venue } => {
                let (instrument, trade, ts_venue) = (*instrument, *trade, *ts_venue);
                self.tell(FeedEvent::LateTrade { instrument, trade, ts_venue }, *time);
            }
            Record::BookLost { instrument, time, reason } => {
                let (instrument, reason) = (*instrument, *reason);
                self.tell(FeedEvent::BookLost { instrument, reason }, *time);
            }
            Record::Exit(report) => self.tell(ExitTold(report), report.time),
            Record::Summary(summary) => self.summary(summary),
            Record::Trace { time, instrument, until, evaluations } => {
                let (instrument, until, evaluations) = (*instrument, *until, *evaluations);
                self.tell(DecisionEvent::Trace { instrument, until, evaluations }, *time);
            }
        }
    }

    fn tell<'a>(&self, event: impl Into<Event<'a>>, time: UnixNanos) {
        self.telemetry.emit_at(&event.into(), time);
    }

    fn evaluation(&mut self, evaluation: &Evaluation) {
        let strategy = evaluation.id.strategy;
        // An evaluation whose form never came is told without names.
        let known = self
            .forms
            .entry(evaluation.form)
            .or_insert_with(|| KnownForm { form: Form::default(), counters: Vec::new() });
        if known.counters.is_empty() {
            let rules = self.rules.entry(strategy).or_default();
            known.count_rules(&self.telemetry, rules, evaluation);
        }
        let key = (strategy, evaluation.instrument);
        let new = Pair { repeated: 0, since: evaluation.time };
        let telling = self.pairs.entry(key).or_insert(new).take(evaluation);
        let (form, rules) = (&known.form, known.counters.as_slice());
        let event = DecisionEvent::Evaluated(Evaluated { evaluation, form, rules, telling });
        self.telemetry.emit_at(&Event::Decision(event), evaluation.time);
        for line in &evaluation.logs {
            let (decision, instrument) = (evaluation.id, evaluation.instrument);
            self.tell(DecisionEvent::Logged { decision, instrument, line }, evaluation.time);
        }
    }

    fn summary(&self, summary: &Summary) {
        let form = |number: u16| self.forms.get(&number).map(|known| &known.form);
        let mut blockers: Vec<(String, u64)> = Vec::new();
        for blocked in &summary.blockers {
            let text = form(blocked.form).map(|form| why::blocked_by_counted(form, blocked));
            let text = text.unwrap_or_default();
            // Forms differ by what else was evaluated: one blocker may be in several.
            match blockers.iter_mut().find(|(known, _)| *known == text) {
                Some((_, count)) => *count += blocked.count,
                None => blockers.push((text, blocked.count)),
            }
        }
        let form = summary.nearest.as_ref().and_then(|miss| form(miss.form));
        let summed = Summed { summary, blockers: &blockers, form };
        self.tell(DecisionEvent::Suppressed(summed), summary.until);
    }

    fn submitted(
        &mut self,
        request: OrderRequest,
        submitted: UnixNanos,
        cause: Cause,
        arrival: Option<Quote>,
    ) {
        self.tell(OrderTold::Submitted { request: &request, cause, arrival }, submitted);
        if self.orders.len() >= ORDERS {
            self.forget_oldest_order();
        }
        let note = OrderNote { request, submitted, arrival, filled: Quantity::ZERO };
        self.orders.insert(request.id, note);
    }

    /// Follows a position from flat to flat, or to the other side. One that was carried over from an
    /// earlier run is not told: what it cost there is not known here.
    fn position(
        &mut self,
        pair: (StrategyId, InstrumentId),
        order: OrderId,
        (before, after): (&Position, &Position),
        time: UnixNanos,
    ) {
        let side = |position: &Position| position.quantity.side();
        let decision = self.orders.get(&order).map(|note| note.request.decision);
        if side(before) == side(after) {
            return;
        }
        let realised = after.realised().unwrap_or_default();
        if let Some(trip) = self.trips.remove(&pair) {
            let Trip { side, entry, opened, .. } = trip;
            let told = TripTold {
                strategy: pair.0,
                instrument: pair.1,
                side,
                entry,
                exit: decision,
                opened,
                closed: time,
                realised: realised.sub(trip.realised).unwrap_or_default(),
                fees: after.fees.sub(trip.fees).unwrap_or_default(),
            };
            self.tell(told, time);
        }
        if let Some(side) = side(after) {
            // The fee of the fill that opens it is its own; one that turns a position around closes.
            let fees = if before.is_flat() { before.fees } else { after.fees };
            let trip = Trip { side, entry: decision, opened: time, realised, fees };
            self.trips.insert(pair, trip);
        }
    }

    fn forget_oldest_order(&mut self) {
        let oldest = self.orders.iter().min_by_key(|(_, note)| note.submitted).map(|(id, _)| *id);
        if let Some(id) = oldest {
            self.orders.remove(&id);
        }
    }

    fn order_event(&mut self, event: &OrderEvent) {
        let mut note = self.orders.get_mut(&event.order);
        if let (OrderEventKind::Filled(fill), Some(note)) = (&event.kind, note.as_deref_mut()) {
            note.filled = note.filled.add(fill.quantity).unwrap_or(note.filled);
            let told = OrderTold::Fill {
                request: &note.request,
                fill,
                arrival: note.arrival,
                cause: event.cause,
            };
            self.telemetry.emit_at(&Event::Order(told), event.time);
        }
        let Some(word) = order_word(&event.kind, note.as_deref()) else { return };
        let note = note.as_deref();
        let told = OrderTold::Happened {
            request: note.map(|note| &note.request),
            event,
            word,
            after: note.map_or(0, |note| event.time.since(note.submitted)),
            filled: note.map_or(Quantity::ZERO, |note| note.filled),
        };
        self.telemetry.emit_at(&Event::Order(told), event.time);
    }
}

/// What an order event means for the order; `None` when it is told already.
fn order_word(kind: &OrderEventKind, note: Option<&OrderNote>) -> Option<OrderWord> {
    Some(match kind {
        // Told with the request, when it was approved.
        OrderEventKind::Submitted => return None,
        OrderEventKind::Denied => OrderWord::Denied,
        OrderEventKind::Accepted { .. } => OrderWord::Acked,
        OrderEventKind::Rejected(_) => OrderWord::Rejected,
        OrderEventKind::Filled(_) => match note {
            Some(note) if note.filled >= note.request.quantity => OrderWord::Filled,
            _ => OrderWord::PartiallyFilled,
        },
        OrderEventKind::CancelRequested => OrderWord::CancelRequested,
        OrderEventKind::CancelRejected => OrderWord::CancelRejected,
        OrderEventKind::Canceled => OrderWord::Canceled,
        OrderEventKind::Expired => OrderWord::Expired,
        OrderEventKind::OutcomeUnknown => OrderWord::Unknown,
    })
}

impl KnownForm {
    /// Makes the counters of every leaf. A literal is part of the rule's label as it is first
    /// seen, so a strategy that computes its literals makes no new series with each evaluation.
    fn count_rules(
        &mut self,
        telemetry: &Telemetry,
        known: &mut Vec<String>,
        evaluation: &Evaluation,
    ) {
        let metrics = &telemetry.metrics().decisions;
        let strategy = telemetry.0.scope.strategy(evaluation.id.strategy);
        self.counters = (0..self.form.nodes.len())
            .map(|node| {
                let leaf = why::leaf(&self.form, evaluation, node)?;
                let rule = format!("{}: {}", leaf.rule, leaf.text());
                if !known.contains(&rule) && known.len() >= RULES_PER_STRATEGY {
                    metrics.rule_overflow();
                    return metrics.rule(strategy, "other");
                }
                let counters = metrics.rule(strategy, &rule);
                if !known.contains(&rule) {
                    known.push(rule);
                }
                counters
            })
            .collect();
    }
}

impl Pair {
    /// Takes one evaluation and tells whether it is written.
    fn take(&mut self, evaluation: &Evaluation) -> Telling {
        let telling = match evaluation.news {
            News::Repeats => Telling::Repeats,
            _ => Telling::News { repeated: self.repeated, since: self.since },
        };
        if evaluation.news == News::Changed {
            (self.repeated, self.since) = (0, evaluation.time);
        }
        self.repeated += 1;
        telling
    }
}
