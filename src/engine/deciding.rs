//! Deciding: an event reaches the strategies that asked for it, each makes one decision, and the
//! decision is recorded whether or not anything came of it.

use super::core::Engine;
use super::guarding::unexplained;
use super::market::Market;
use super::news::{Digest, News};
use super::record::{
    Blocker, Evaluation, Fault, Outcome, Outlet, Record, Signal, Sizing, Suppression,
};
use super::slot::{Runner, Slot};
use super::trace::is_traced;
use crate::domain::{
    Cause, DecisionId, InstrumentId, Num, OrderKind, OrderState, Quantity, Side, StrategyId,
    UnixNanos,
};
use crate::strategy::{
    Decision, Draft, Exits, Facts, Feed, FlatRules, Form, Intent, Quality, RuleTexts, Trigger,
};

/// An order that a decision wants, after sizing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub slot: usize,
    pub decision: DecisionId,
    pub side: Side,
    pub kind: OrderKind,
    /// As wished.
    pub wanted: Quantity,
    /// After flooring to the lot.
    pub quantity: Quantity,
    pub reduce_only: bool,
    /// The exits of what it opens, every distance measured; `None` when one cannot be.
    pub exits: Option<Exits>,
    /// Who closes, if it is not the strategy that wants it.
    pub by: By,
    /// How the quantity came about.
    pub sizing: Sizing,
}

/// Whose wish it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    /// The strategy's own.
    Strategy,
    /// The engine closes because an exit was reached.
    Exit,
    /// An operator closes: limits on new risk do not hold it back.
    Operator,
}

impl Wish {
    /// A market order that closes what a slot holds.
    pub fn closing(
        slot: usize,
        decision: DecisionId,
        side: Side,
        wanted: Quantity,
        by: By,
    ) -> Self {
        let (kind, exits) = (OrderKind::Market, Some(Exits::default()));
        let (quantity, reduce_only) = (wanted, true);
        let sizing = Sizing::closing(wanted, Quantity::ZERO);
        Self { slot, decision, side, kind, wanted, quantity, reduce_only, exits, by, sizing }
    }
}

/// True for a bar that is not known whole.
fn is_partial(trigger: &Trigger) -> bool {
    matches!(trigger, Trigger::Bar(bar) if bar.quality == Quality::Partial)
}

/// What a slot's strategy may know besides the event.
fn facts<'a>(now: UnixNanos, market: &'a Market, slot: &Slot) -> Facts<'a> {
    Facts {
        now,
        instrument: &market.instrument,
        position: slot.position.quantity,
        average_entry: slot.average_entry,
        last_price: market.last_trade.map(|trade| trade.price),
        quote: market.best(),
        last_signal: slot.last_signal,
        closed: &market.closed,
    }
}

impl Engine {
    /// Lets every strategy of an instrument that listens to `feed` decide.
    pub(super) fn evaluate_all(
        &mut self,
        instrument: InstrumentId,
        feed: Feed,
        trigger: &Trigger,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        for n in 0.. {
            let Some(at) = self.slot_of(instrument, n) else { break };
            if self.slots.get(at).is_some_and(|slot| slot.feed == feed) {
                self.evaluate(at, trigger, cause, out);
            }
        }
    }

    /// Shows an event to every strategy of an instrument that listens to `feed`, without asking for
    /// a decision: nothing is recorded, and no rule holds.
    pub(super) fn show_all(&mut self, instrument: InstrumentId, feed: Feed, trigger: &Trigger) {
        let Some(market) = self.markets.get(instrument.index()) else { return };
        for &at in self.routes.get(instrument.index()).map_or(&[][..], Vec::as_slice) {
            let Some(slot) = self.slots.get_mut(at).filter(|slot| slot.feed == feed) else {
                continue;
            };
            let facts = facts(self.now, market, slot);
            slot.draft.clear();
            slot.draft.withhold();
            slot.ask(self.shield, facts, trigger);
        }
    }

    fn evaluate(&mut self, at: usize, trigger: &Trigger, cause: Cause, out: &mut dyn Outlet) {
        let now = self.now;
        let Some(slot) = self.slots.get_mut(at) else { return };
        let Some(market) = self.markets.get(slot.instrument.index()) else { return };
        slot.draft.clear();
        if is_partial(trigger) {
            slot.draft.withhold();
        }
        let facts = facts(now, market, slot);
        match &mut slot.runner {
            Runner::Native(_) => {
                slot.ask(self.shield, facts, trigger);
                self.conclude(at, trigger, cause, out);
            }
            Runner::External { awaiting: Some(_) } => {
                let outcome = Outcome::Suppressed(Suppression::AwaitingReply);
                self.note(at, trigger, cause, outcome, out);
            }
            Runner::External { awaiting } => {
                *awaiting = Some((cause, *trigger));
                let (strategy, instrument) = (slot.strategy, slot.instrument);
                out.record(&Record::Ask { strategy, instrument, cause, trigger: *trigger });
            }
        }
    }

    /// An external runner answers; an answer to anything but the last question is ignored.
    pub(super) fn reply(
        &mut self,
        strategy: StrategyId,
        instrument: InstrumentId,
        asked: Cause,
        decision: &Decision,
        out: &mut dyn Outlet,
    ) {
        let found = self
            .slots
            .iter()
            .position(|slot| slot.strategy == strategy && slot.instrument == instrument);
        let Some((at, slot)) = found.and_then(|at| Some((at, self.slots.get_mut(at)?))) else {
            return;
        };
        let Runner::External { awaiting } = &mut slot.runner else { return };
        if awaiting.as_ref().is_none_or(|(cause, _)| *cause != asked) {
            return;
        }
        let Some((cause, trigger)) = awaiting.take() else { return };
        if is_partial(&trigger) {
            slot.draft.withhold();
        }
        slot.draft.load(decision.clone());
        self.conclude(at, &trigger, cause, out);
    }

    /// Lets a strategy's parameter be something else wherever it is compared: to ask what would have
    /// been. It is no input: a run never does this.
    pub fn override_parameter(&mut self, whose: StrategyId, name: &str, value: f64) {
        for slot in self.slots.iter_mut().filter(|slot| slot.strategy == whose) {
            slot.draft.override_parameter(name, value);
        }
    }

    /// A strategy takes other rules; what it holds and has ordered stays. Rules that do not read
    /// were refused before they became an input, and change nothing here.
    pub(super) fn revise(&mut self, whose: StrategyId, rules: &RuleTexts, out: &mut dyn Outlet) {
        let mut before = None;
        for slot in self.slots.iter_mut().filter(|slot| slot.strategy == whose) {
            let Runner::Native(strategy) = &mut slot.runner else { continue };
            let Ok(revised) = strategy.revise(rules) else { continue };
            slot.draft.forget_all_but(&revised.kept);
            before.get_or_insert(revised.before);
        }
        if before.is_some()
            && let Some(config) = self.config.strategies.get_mut(whose.index())
        {
            config.rules.clone_from(rules);
        }
        if let Some(before) = before.filter(|before| before != rules) {
            let (time, after) = (self.now, rules.clone());
            out.record(&Record::Revised { strategy: whose, time, before, after });
        }
    }

    /// The draft is complete: record it, then act on what it wants.
    fn conclude(&mut self, at: usize, trigger: &Trigger, cause: Cause, out: &mut dyn Outlet) {
        let fault = self.slots.get_mut(at).and_then(Slot::take_fault);
        let panicked = matches!(fault, Some(Fault::Panicked(_)));
        let outcome = fault.map_or_else(|| self.outcome(at, trigger), Outcome::Error);
        let wants = outcome.is_signal();
        let Some(decision) = self.note(at, trigger, cause, outcome, out) else { return };
        if wants {
            self.act(at, decision, cause, out);
        } else if panicked {
            self.pause_failed(decision, cause, out);
        }
    }

    /// What comes of a complete draft, and what keeps its wish from being acted on.
    fn outcome(&self, at: usize, trigger: &Trigger) -> Outcome {
        let Some(slot) = self.slots.get(at) else { return Outcome::NoSignal(Blocker::NoRule) };
        let needs_book = self.needs_book();
        let synced = self.markets.get(slot.instrument.index()).is_some_and(|market| market.synced);
        match slot.outcome() {
            _ if is_partial(trigger) => Outcome::NoSignal(Blocker::BarIncomplete),
            Outcome::Signal { .. } if needs_book && !synced => {
                Outcome::Suppressed(Suppression::BookNotTrusted)
            }
            Outcome::Signal { .. }
                if slot.wants_orders()
                    && (self.is_exiting(at) || self.has_order_in_flight(slot)) =>
            {
                Outcome::Suppressed(Suppression::OrderInFlight)
            }
            Outcome::Signal { .. } if self.is_paused(slot.strategy) && slot.only_enters() => {
                Outcome::Suppressed(Suppression::Paused)
            }
            outcome => outcome,
        }
    }

    /// True while the venue has not said what became of an order of this slot: until then its
    /// position is not what it will be. An order of unknown outcome is for the risk checks: it may
    /// stay so for long, and what is held must remain sellable.
    fn has_order_in_flight(&self, slot: &Slot) -> bool {
        self.orders.values().any(|order| {
            let undecided = order.state == OrderState::Submitting
                || (order.is_open() && order.request.kind == OrderKind::Market);
            undecided
                && order.state != OrderState::Unknown
                && order.request.id.strategy == slot.strategy
                && order.request.instrument == slot.instrument
        })
    }

    /// Records the evaluation under a new decision id.
    fn note(
        &mut self,
        at: usize,
        trigger: &Trigger,
        cause: Cause,
        outcome: Outcome,
        out: &mut dyn Outlet,
    ) -> Option<DecisionId> {
        self.name_form(at, out);
        let slot = self.slots.get_mut(at)?;
        let counters = self.counters.get_mut(slot.strategy.index())?;
        counters.evaluations += 1;
        let id = DecisionId { strategy: slot.strategy, n: counters.evaluations };
        slot.write_evaluation(id, cause, self.now, trigger, outcome);
        if let Some(Record::Evaluation(last)) = &mut slot.last {
            let traced = is_traced(&mut self.traces, slot.instrument);
            last.news = news(&mut slot.digest, last, &self.forms, traced, out);
        }
        out.record(slot.last.as_ref()?);
        Some(id)
    }

    /// Records an evaluation that was made in the strategy's place.
    pub(super) fn tell_decided(
        &mut self,
        at: usize,
        mut evaluation: Evaluation,
        out: &mut dyn Outlet,
    ) {
        if let Some(slot) = self.slots.get_mut(at) {
            let traced = is_traced(&mut self.traces, slot.instrument);
            evaluation.news = news(&mut slot.digest, &evaluation, &self.forms, traced, out);
        }
        out.record(&Record::Evaluation(evaluation));
    }

    /// Makes sure that the draft's form has a number, and records it on first use.
    fn name_form(&mut self, at: usize, out: &mut dyn Outlet) {
        let Some(slot) = self.slots.get_mut(at) else { return };
        if slot.form.is_some() && slot.draft.has_kept_shape() {
            return;
        }
        slot.draft.keep_shape();
        slot.form = Some(form_number(&mut self.forms, slot.strategy, &slot.draft, out));
    }

    fn act(&mut self, at: usize, decision: DecisionId, cause: Cause, out: &mut dyn Outlet) {
        let Some(slot) = self.slots.get_mut(at) else { return };
        slot.last_signal = Some(self.now);
        let intents = std::mem::take(&mut slot.draft.intents);
        let FlatRules { nodes, truths, .. } = &slot.draft.rules;
        let explained = unexplained(nodes, truths, slot.draft.roots()).is_none();
        for intent in &intents {
            match intent {
                Intent::CancelAll => {
                    let (strategy, instrument) = self.owner(at);
                    self.cancel_where(cause, out, |order| {
                        order.request.id.strategy == strategy
                            && order.request.instrument == instrument
                    });
                }
                Intent::Order { side, kind, size, reduce_only, exits } => {
                    let wish = self.wish(at, decision, (*side, *kind), *reduce_only, *exits);
                    let wish = self.unless_paused(self.sized(wish, *size));
                    self.want(&wish, explained, cause, out);
                }
            }
        }
        if let Some(slot) = self.slots.get_mut(at) {
            slot.draft.intents = intents;
        }
    }

    pub(super) fn owner(&self, at: usize) -> (StrategyId, InstrumentId) {
        self.slots.get(at).map_or_else(Default::default, |slot| (slot.strategy, slot.instrument))
    }

    /// Floors a wish to the lot, records the signal, and hands it to risk.
    pub(super) fn want(
        &mut self,
        wish: &Wish,
        explained: bool,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let (strategy, instrument) = self.owner(wish.slot);
        let lot = self
            .markets
            .get(instrument.index())
            .map_or(Num::ZERO, |market| market.instrument.lot_size.num());
        let quantity = wish.wanted.num().floor_to(lot).and_then(Quantity::new);
        let quantity = quantity.unwrap_or(Quantity::ZERO);
        if let Some(counters) = self.counters.get_mut(strategy.index()) {
            counters.signals += 1;
            counters.explained += u64::from(explained);
        }
        out.record(&Record::Signal(Signal {
            decision: wish.decision,
            instrument,
            time: self.now,
            side: wish.side,
            wanted: wish.wanted,
            quantity,
            reduce_only: wish.reduce_only,
            explained,
            sizing: wish.sizing,
        }));
        self.assess(&Wish { quantity, ..*wish }, instrument, cause, out);
    }

    /// Engine time, for tests and drivers.
    pub fn now(&self) -> UnixNanos {
        self.now
    }
}

/// Whether an evaluation is news; before it, the summary of the minute that it ends.
fn news(
    digest: &mut Digest,
    evaluation: &Evaluation,
    forms: &[(StrategyId, Form)],
    traced: bool,
    out: &mut dyn Outlet,
) -> News {
    let whose = (evaluation.id.strategy, evaluation.instrument);
    if let Some(summary) = digest.due(whose, evaluation.time) {
        out.record(&Record::Summary(summary));
    }
    let known = forms.get(usize::from(evaluation.form));
    known.map_or(News::Changed, |(_, form)| digest.take(evaluation, form, traced))
}

/// The number of a draft's form; a form that was not seen before is recorded.
pub(super) fn form_number(
    forms: &mut Vec<(StrategyId, Form)>,
    strategy: StrategyId,
    draft: &Draft,
    out: &mut dyn Outlet,
) -> u16 {
    number_form(forms, strategy, |form| draft.has_form(form), || draft.form(), out)
}

/// The number of the form that `is_it` recognises; where none is known, `make` makes it and it is
/// recorded.
pub(super) fn number_form(
    forms: &mut Vec<(StrategyId, Form)>,
    strategy: StrategyId,
    is_it: impl Fn(&Form) -> bool,
    make: impl FnOnce() -> Form,
    out: &mut dyn Outlet,
) -> u16 {
    let number = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
    let known = forms.iter().position(|(whose, form)| *whose == strategy && is_it(form));
    known.map_or_else(
        || {
            let (form, body) = (number(forms.len()), make());
            forms.push((strategy, body.clone()));
            out.record(&Record::Form { strategy, form, body });
            form
        },
        number,
    )
}
