//! The engine's whole state as bytes: saved at any input, restored into an engine built from the
//! same configuration, it goes on as if nothing had happened.
//!
//! A restart is no more than that: the state of the run before, and a line that was down.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::core::{Counters, Engine};
use super::guard::Guard;
use super::market::Market;
use super::news::Digest;
use super::paper::Paper;
use super::portfolio::Portfolio;
use super::record::{Fault, Outlet, Record, Resumed, TradingState};
use super::slot::{Runner, Slot};
use super::trace::Trace;
use crate::domain::{Cause, InstrumentId, Order, OrderId, Position, StrategyId, UnixNanos};
use crate::strategy::{Draft, DraftState, Form, RuleTexts, StrategyError, Trigger};

/// The version of the saved form.
pub const STATE_VERSION: u16 = 7;

/// Words of the venue that may be on their way when an account is settled.
const HEARD_MAX: usize = 100_000;

/// Why a state could not be saved or restored.
#[derive(Clone, PartialEq, Debug, Error)]
pub enum StateError {
    /// It was saved by another version.
    #[error("the state has version {0}, this engine reads {STATE_VERSION}")]
    Version(u16),
    /// It belongs to another configuration.
    #[error("the state belongs to another configuration")]
    OtherConfig,
    /// The bytes are damaged.
    #[error("the state is damaged: {0}")]
    Damaged(String),
    /// A strategy does not take its state.
    #[error(transparent)]
    Strategy(#[from] StrategyError),
}

#[derive(Serialize, Deserialize)]
struct State {
    version: u16,
    now: UnixNanos,
    markets: Vec<Market>,
    slots: Vec<SlotState>,
    guards: Vec<Guard>,
    counters: Vec<Counters>,
    forms: Vec<(StrategyId, Form)>,
    orders: BTreeMap<OrderId, Order>,
    canceled: VecDeque<Order>,
    portfolio: Portfolio,
    paper: Paper,
    trading: TradingState,
    ending: bool,
    paused: Vec<bool>,
    traces: Vec<Trace>,
    sent: VecDeque<UnixNanos>,
    /// What each strategy's rules are now: they may have been changed since the configuration.
    rules: Vec<RuleTexts>,
}

#[derive(Serialize, Deserialize)]
struct SlotState {
    native: Option<Vec<u8>>,
    awaiting: Option<(Cause, Trigger)>,
    draft: DraftState,
    form: Option<u16>,
    position: Position,
    last_signal: Option<UnixNanos>,
    last: Option<Record>,
    digest: Digest,
    fault: Option<Fault>,
    close_after: UnixNanos,
}

impl Engine {
    /// The whole state.
    pub fn save(&self) -> Result<Vec<u8>, StateError> {
        let mut slots = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let (native, awaiting) = match &slot.runner {
                Runner::Native(strategy) => (Some(strategy.save()?), None),
                Runner::External { awaiting } => (None, *awaiting),
            };
            slots.push(SlotState {
                native,
                awaiting,
                draft: slot.draft.save(),
                form: slot.form,
                position: slot.position,
                last_signal: slot.last_signal,
                last: slot.last.clone(),
                digest: slot.digest.clone(),
                fault: slot.fault.clone(),
                close_after: slot.close_after,
            });
        }
        let state = State {
            version: STATE_VERSION,
            now: self.now,
            markets: self.markets.clone(),
            slots,
            guards: self.guards.clone(),
            counters: self.counters.clone(),
            forms: self.forms.clone(),
            orders: self.orders.clone(),
            canceled: self.canceled.clone(),
            portfolio: self.portfolio.clone(),
            paper: self.paper.clone(),
            trading: self.trading,
            ending: self.ending,
            paused: self.paused.clone(),
            traces: self.traces.clone(),
            sent: self.sent.clone(),
            rules: self.config.strategies.iter().map(|strategy| strategy.rules.clone()).collect(),
        };
        postcard::to_stdvec(&state).map_err(|error| StateError::Damaged(error.to_string()))
    }

    /// Takes a state that [`Engine::save`] gave. On an error the engine must not be used.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let damaged = |error: postcard::Error| StateError::Damaged(error.to_string());
        let (version, _) = postcard::take_from_bytes::<u16>(bytes).map_err(damaged)?;
        if version != STATE_VERSION {
            return Err(StateError::Version(version));
        }
        let state: State = postcard::from_bytes(bytes).map_err(damaged)?;
        let slots = self.slots.len();
        if [state.slots.len(), state.guards.len()] != [slots, slots]
            || state.markets.len() != self.markets.len()
            || state.paused.len() != self.paused.len()
        {
            return Err(StateError::OtherConfig);
        }
        for (slot, saved) in self.slots.iter_mut().zip(state.slots) {
            match (&mut slot.runner, saved.native) {
                (Runner::Native(strategy), Some(bytes)) => strategy.restore(&bytes)?,
                (Runner::External { awaiting }, None) => *awaiting = saved.awaiting,
                _ => return Err(StateError::OtherConfig),
            }
            slot.draft = Draft::restore(saved.draft);
            slot.form = saved.form;
            slot.set_position(saved.position);
            slot.last_signal = saved.last_signal;
            slot.last = saved.last;
            slot.digest = saved.digest;
            slot.fault = saved.fault;
            slot.close_after = saved.close_after;
        }
        self.now = state.now;
        self.markets = state.markets;
        for at in (0..).map(InstrumentId).take(self.markets.len()) {
            self.note_bars_due(at);
        }
        self.counters = state.counters;
        self.forms = state.forms;
        self.orders = state.orders;
        self.canceled = state.canceled;
        self.portfolio = state.portfolio;
        self.paper = state.paper;
        self.trading = state.trading;
        self.ending = state.ending;
        self.paused = state.paused;
        self.traces = state.traces;
        self.sent = state.sent;
        for (strategy, rules) in self.config.strategies.iter_mut().zip(state.rules) {
            strategy.rules = rules;
        }
        // These two may be configured otherwise than when the state was saved.
        self.paper.configure(self.config.paper.clone());
        self.portfolio.measure_floor(&self.config.risk);
        self.restore_guards(state.guards);
        Ok(())
    }

    /// Hears what the venue did already, and forgets every order that is left: for a run that cannot
    /// take orders over. The same engine gives the same every time.
    pub fn settle_up(&mut self, out: &mut dyn Outlet) {
        self.ending = true;
        for _ in 0..HEARD_MAX {
            self.paper.abandon();
            let Some(due) = self.paper.next_due() else { break };
            self.fire(due, out);
        }
        self.orders.clear();
    }

    /// Goes on where another run ended, in a state that was just restored or that it has: the line
    /// is down, the run is not ending, and whoever reads records is told what was there before.
    pub fn go_on(&mut self, now: UnixNanos, out: &mut dyn Outlet) {
        self.ending = false;
        // What is news to the tape of the run before is not yet on this one.
        self.slots.iter_mut().for_each(|slot| slot.digest = Digest::default());
        self.traces.clear();
        for at in (0..).map(InstrumentId).take(self.markets.len()) {
            if let Some(market) = self.markets.get_mut(at.index()) {
                market.set_live(false);
                market.forget_book();
            }
            self.paper.forget(at);
            self.note_bars_due(at);
        }
        for (form, (strategy, body)) in (0..).zip(&self.forms) {
            out.record(&Record::Form { strategy: *strategy, form, body: body.clone() });
        }
        let held = |slot: &&Slot| !slot.position.is_flat();
        out.record(&Record::Resumed(Resumed {
            time: now,
            from: self.now,
            state: self.account_state(now),
            day_start: self.portfolio.day_start,
            peak: self.portfolio.peak,
            positions: u32::try_from(self.slots.iter().filter(held).count()).unwrap_or(u32::MAX),
            orders: self.orders.values().cloned().collect(),
        }));
        if self.trading != TradingState::Active {
            out.record(&Record::Trading { time: now, state: self.trading });
        }
        for (strategy, paused) in (0..).map(StrategyId).zip(&self.paused) {
            if *paused {
                out.record(&Record::Paused { time: now, strategy, paused: true, failed: None });
            }
        }
    }
}
