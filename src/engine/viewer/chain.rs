//! The chain of a decision: evaluation, signal, risk, order, fills, position, put together as the
//! records come.

use std::sync::Arc;

use super::resolve::{self, blocker_name};
use super::{DECISIONS_KEPT, MARKERS_KEPT, ORDERS_KEPT, Seen, Viewer};
use crate::domain::{
    DecisionId, Fill, InstrumentId, Num, Order, OrderEvent, OrderEventKind, OrderRequest,
    OrderState, Position, Price, Quote, Side, UnixNanos,
};
use crate::engine::record::{
    Evaluation, Outcome, Record, RiskReport, Signal, Suppression, reject_text,
};
use crate::engine::view::{DecisionView, FillView, Marker, MarkerKind, OrderView, SignalView};

impl Viewer {
    pub(super) fn take(&mut self, record: &Record) {
        match record {
            Record::Form { body, .. } => self.forms.push(body.clone()),
            Record::Resumed(resumed) => self.resumed(&resumed.orders),
            Record::Evaluation(evaluation) => self.evaluation(evaluation),
            Record::Signal(signal) => self.signal(signal),
            Record::Risk(report) => self.risk(report),
            Record::Order { request, time, arrival, .. } => self.order(request, *time, *arrival),
            Record::OrderEvent(event) => self.order_event(event),
            Record::Position { order, before, after, .. } => {
                let id = self.run.id.order(*order);
                self.position(&id, before, after);
            }
            Record::Revised { strategy, after, .. } => {
                if let Some(config) = self.config.strategies.get_mut(strategy.index()) {
                    config.rules.clone_from(after);
                }
            }
            Record::Started(_)
            | Record::Ask { .. }
            | Record::Account(_)
            | Record::Trading { .. }
            | Record::Paused { .. }
            | Record::BookSynced { .. }
            | Record::BookLost { .. }
            | Record::Joined { .. }
            | Record::BarClosed { .. }
            | Record::LateTrade { .. }
            | Record::Summary(_)
            | Record::Trace { .. }
            | Record::Exit(_) => {}
        }
    }

    /// Orders that were open when the run before ended.
    fn resumed(&mut self, orders: &[Order]) {
        for order in orders {
            let mut view = self.order_view(&order.request, order.created, None);
            view.state = order.state;
            view.filled = order.filled;
            view.average_price = order.average_price();
            view.venue_order_id = order.venue_order_id;
            self.orders.push_back(Arc::new(view));
        }
    }

    /// The same outcome as before only counts; anything new becomes a row.
    fn evaluation(&mut self, evaluation: &Evaluation) {
        self.tally.evaluations += 1;
        let key = (evaluation.id.strategy, evaluation.instrument);
        let wants = matches!(evaluation.outcome, Outcome::Signal { .. });
        if let Some(seen) = self.last.get_mut(&key)
            && !wants
            && seen.outcome.is_like(&evaluation.outcome)
            && seen.form == evaluation.form
        {
            seen.repeated += 1;
            return;
        }
        let Some(form) = self.forms.get(usize::from(evaluation.form)) else { return };
        let blocker = blocker_name(evaluation, form);
        let names = self.names(evaluation.id.strategy, evaluation.instrument);
        let view = resolve::evaluation(evaluation, form, names);
        let seen = Seen {
            outcome: evaluation.outcome.clone(),
            form: evaluation.form,
            row: view.id.clone(),
            repeated: 1,
            blocker,
        };
        self.count_repetitions();
        if let Some(old) = self.last.insert(key, seen)
            && !old.blocker.is_empty()
        {
            let counts = self.blockers.entry(key.0).or_default();
            *counts.entry(old.blocker).or_default() += old.repeated;
        }
        self.push_row(DecisionView {
            state: state_of(&evaluation.outcome).to_owned(),
            evaluation: Arc::new(view),
            signal: None,
            checks: Vec::new(),
            refusal: String::new(),
            order: None,
            position: None,
            average_entry: None,
            realised: None,
            decided_after: None,
            repeated: 1,
        });
    }

    fn push_row(&mut self, row: DecisionView) {
        self.tally.rows += 1;
        if self.decisions.len() >= DECISIONS_KEPT {
            // What is under way is kept until it has ended.
            let is_over =
                |row: &Arc<DecisionView>| row.order.as_ref().is_none_or(|o| o.state.is_terminal());
            let oldest = self.decisions.iter().position(is_over).unwrap_or_default();
            self.decisions.remove(oldest);
        }
        self.decisions.push_back(Arc::new(row));
    }

    /// Carries the counted repetitions over to their rows.
    pub(super) fn count_repetitions(&mut self) {
        for seen in self.last.values().filter(|seen| seen.repeated > 1) {
            let row = self.decisions.iter_mut().rev().find(|row| row.evaluation.id == seen.row);
            if let Some(row) = row
                && row.repeated != seen.repeated
            {
                Arc::make_mut(row).repeated = seen.repeated;
            }
        }
    }

    fn row(&mut self, decision: &str) -> Option<&mut DecisionView> {
        self.decisions.iter_mut().rev().find(|row| row.evaluation.id == decision).map(Arc::make_mut)
    }

    fn signal(&mut self, signal: &Signal) {
        self.tally.signals += 1;
        let id = self.run.id.decision(signal.decision);
        let seq = self.row(&id).map(|row| row.evaluation.seq);
        let timed = self.timed.iter().rev().find(|(timed, _)| Some(*timed) == seq);
        let decided_after = timed.map(|(_, nanos)| *nanos);
        if let Some(row) = self.row(&id) {
            row.decided_after = decided_after;
            let Signal { side, wanted, quantity, sizing, .. } = *signal;
            row.signal = Some(SignalView { side, wanted, quantity, sizing });
        }
        self.mark(signal.instrument, signal.decision, signal.side, MarkerKind::Signal, None);
    }

    fn risk(&mut self, report: &RiskReport) {
        let id = self.run.id.decision(report.decision);
        let refusal = report.refusal.as_ref().map(resolve::refusal);
        self.tally.refusals += u64::from(refusal.is_some());
        if let Some(row) = self.row(&id) {
            row.checks.clone_from(&report.checks);
            if let Some(text) = &refusal {
                row.refusal.clone_from(text);
                "REFUSED".clone_into(&mut row.state);
            }
        }
        if refusal.is_some() {
            let price = report.price;
            let (instrument, side) = (report.instrument, report.side);
            self.mark(instrument, report.decision, side, MarkerKind::Blocked, price);
        }
    }

    fn order(&mut self, request: &OrderRequest, time: UnixNanos, arrival: Option<Quote>) {
        self.tally.orders += 1;
        let order = self.order_view(request, time, arrival);
        let ended = self.orders.iter().position(|order| order.state.is_terminal());
        if self.orders.len() >= 2 * ORDERS_KEPT
            && let Some(at) = ended
        {
            self.orders.remove(at);
        }
        self.orders.push_back(Arc::new(order));
    }

    fn order_view(
        &self,
        request: &OrderRequest,
        time: UnixNanos,
        arrival: Option<Quote>,
    ) -> OrderView {
        let names = self.names(request.id.strategy, request.instrument);
        OrderView {
            id: self.run.id.order(request.id),
            decision: self.run.id.decision(request.decision),
            strategy: names.strategy.to_owned(),
            symbol: names.symbol.to_owned(),
            side: request.side,
            kind: request.kind,
            quantity: request.quantity,
            filled: crate::domain::Quantity::ZERO,
            average_price: None,
            state: OrderState::Created,
            venue_order_id: None,
            arrival: arrival.map(|quote| (quote.bid.price, quote.ask.price)),
            created: time,
            acknowledged: None,
            updated: time,
            fills: Vec::new(),
            reject: String::new(),
        }
    }

    fn order_event(&mut self, event: &OrderEvent) {
        let id = self.run.id.order(event.order);
        let fee_asset = |viewer: &Self, fill: &Fill| viewer.asset(fill.fee.asset.index());
        let fill = match &event.kind {
            OrderEventKind::Filled(fill) => Some((*fill, fee_asset(self, fill))),
            _ => None,
        };
        let Some(at) = self.orders.iter().rposition(|order| order.id == id) else { return };
        let Some(order) = self.orders.get_mut(at) else { return };
        let view = Arc::make_mut(order);
        apply(view, event, fill.as_ref());
        let shared = order.clone();
        let decision = shared.decision.clone();
        if let Some((fill, _)) = fill {
            self.tally.fills += 1;
            self.mark_fill(&shared, fill.price);
        }
        if let Some(row) = self.row(&decision) {
            shared.state.as_str().clone_into(&mut row.state);
            row.order = Some(shared);
        }
    }

    fn position(&mut self, order: &str, before: &Position, after: &Position) {
        let found = self.orders.iter().rev().find(|view| view.id == order);
        let Some(decision) = found.map(|view| view.decision.clone()) else { return };
        let Some(row) = self.row(&decision) else { return };
        let first = row.position.map_or(before.quantity, |(first, _)| first);
        row.position = Some((first, after.quantity));
        row.average_entry = after.average_entry();
        let made = after.realised().and_then(|after| after.sub(before.realised()?));
        let sum = row.realised.unwrap_or(Num::ZERO).add(made.unwrap_or_default());
        row.realised = sum.ok();
    }

    fn mark_fill(&mut self, order: &OrderView, price: Price) {
        let at = self.config.instruments.iter().position(|i| i.symbol == order.symbol);
        let Some(instrument) = at.and_then(|at| u16::try_from(at).ok()) else { return };
        let (side, decision) = (order.side, order.decision.clone());
        let marker = Marker { time: order.updated, price, kind: MarkerKind::Fill, side, decision };
        self.push_marker(InstrumentId(instrument), marker);
    }

    fn mark(
        &mut self,
        instrument: InstrumentId,
        decision: DecisionId,
        side: Side,
        kind: MarkerKind,
        price: Option<Price>,
    ) {
        let id = self.run.id.decision(decision);
        let Some(row) = self.decisions.iter().rev().find(|row| row.evaluation.id == id) else {
            return;
        };
        let (time, at_trigger) = trigger_point(&row.evaluation.trigger, row.evaluation.time);
        let Some(price) = price.or(at_trigger) else { return };
        self.push_marker(instrument, Marker { time, price, kind, side, decision: id });
    }

    fn push_marker(&mut self, instrument: InstrumentId, marker: Marker) {
        if let Some(markers) = self.markers.get_mut(instrument.index()) {
            if markers.len() == MARKERS_KEPT {
                markers.pop_front();
            }
            markers.push_back(marker);
        }
    }
}

/// Venue time and price of what was evaluated.
fn trigger_point(trigger: &crate::strategy::Trigger, now: UnixNanos) -> (UnixNanos, Option<Price>) {
    use crate::strategy::Trigger;
    match trigger {
        Trigger::Trade(trade) => (trade.ts_venue, Some(trade.price)),
        Trigger::Bar(bar) => (bar.close_time(), Some(bar.close)),
        Trigger::Quote(quote) => (now, quote.bid.price.mid(quote.ask.price).ok()),
        Trigger::Due(at) => (*at, None),
        Trigger::Operator => (now, None),
    }
}

fn state_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Signal { .. } => "SIGNAL",
        Outcome::NoSignal(_) => "BLOCKED",
        Outcome::NotReady { .. } => "WARMING",
        Outcome::Suppressed(Suppression::Paused) => "PAUSED",
        Outcome::Suppressed(_) => "UNTRUSTED",
        Outcome::Error(_) => "ERROR",
    }
}

/// Moves an order's view by one event; the state follows the drawing in `domain::order`.
fn apply(view: &mut OrderView, event: &OrderEvent, fill: Option<&(Fill, String)>) {
    use OrderEventKind as E;
    let resting = |view: &OrderView| {
        if view.filled.is_zero() { OrderState::Working } else { OrderState::PartiallyFilled }
    };
    view.updated = event.time;
    match event.kind {
        E::Denied => view.state = OrderState::Denied,
        E::Submitted => view.state = OrderState::Submitting,
        E::Accepted { venue_order_id } => {
            view.venue_order_id = Some(venue_order_id);
            view.acknowledged = Some(event.time);
            view.state = resting(view);
        }
        E::Rejected(reason) => {
            view.state = OrderState::Rejected;
            reject_text(reason).clone_into(&mut view.reject);
        }
        E::CancelRequested => view.state = OrderState::CancelPending,
        E::CancelRejected => view.state = resting(view),
        E::Canceled => view.state = OrderState::Canceled,
        E::Expired => view.state = OrderState::Expired,
        E::OutcomeUnknown => view.state = OrderState::Unknown,
        E::Filled(_) => {
            if let Some((fill, asset)) = fill {
                take_fill(view, fill, asset, event.time);
            }
        }
    }
}

fn take_fill(view: &mut OrderView, fill: &Fill, fee_asset: &str, time: UnixNanos) {
    view.fills.push(FillView {
        time,
        trade_id: fill.trade_id,
        price: fill.price,
        quantity: fill.quantity,
        liquidity: fill.liquidity,
        fee: fill.fee.amount,
        fee_asset: fee_asset.to_owned(),
    });
    view.filled = view.filled.add(fill.quantity).unwrap_or(view.filled);
    let value = view.fills.iter().try_fold(Num::ZERO, |sum, fill| {
        fill.price.notional(fill.quantity).and_then(|value| sum.add(value))
    });
    view.average_price = value.and_then(|value| value.div(view.filled.num())).ok().map(Price::new);
    let complete = view.filled >= view.quantity;
    view.state = match view.state {
        OrderState::Canceled => OrderState::Canceled,
        _ if complete => OrderState::Filled,
        OrderState::CancelPending => OrderState::CancelPending,
        _ => OrderState::PartiallyFilled,
    };
}
