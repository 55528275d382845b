//! The state machine itself: what it is built from, and one step.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::calling::{Shield, catch};
use super::config::{Config, FillModel};
use super::guard::Guard;
use super::input::{Event, Input, StartState};
use super::market::{Change, Market};
use super::news::Digest;
use super::paper::{Due, Paper};
use super::portfolio::{MoneySummary, Portfolio};
use super::record::{Outlet, Record, StopReason, TradingState};
use super::slot::{Runner, Slot};
use super::trace::Trace;
use crate::domain::{
    BookLoss, Candle, Cause, InstrumentId, MarketEvent, Num, Order, OrderBook, OrderId, StrategyId,
    Trade, UnixNanos,
};
use crate::strategy::{Bar, Draft, Feed, Form, Params, StrategyError, StrategyKind, Trigger};

/// Counters of one strategy: the source of its ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Evaluations so far.
    pub evaluations: u64,
    /// Signals so far: wishes for an order.
    pub signals: u64,
    /// Orders so far, refused ones included.
    pub orders: u64,
    /// Signals that the decided trees explain: see [`guarding`](super::guarding).
    pub explained: u64,
}

/// The engine. See the [module](super).
pub struct Engine {
    pub(super) config: Config,
    pub(super) now: UnixNanos,
    /// How strategies are called.
    pub(super) shield: Shield,
    pub(super) markets: Vec<Market>,
    pub(super) slots: Vec<Slot>,
    /// What closes each slot's position by itself, by slot.
    pub(super) guards: Vec<Guard>,
    /// When the first of them is due.
    pub(super) exits_due: Option<UnixNanos>,
    pub(super) counters: Vec<Counters>,
    /// Every form seen, by number, with whose it is.
    pub(super) forms: Vec<(StrategyId, Form)>,
    /// Orders that have not ended.
    pub(super) orders: BTreeMap<OrderId, Order>,
    /// The newest canceled orders, oldest first: a late fill still counts.
    pub(super) canceled: VecDeque<Order>,
    pub(super) portfolio: Portfolio,
    pub(super) paper: Paper,
    pub(super) trading: TradingState,
    /// The run ends: time closes no bar any more, so that nothing new is wanted.
    pub(super) ending: bool,
    /// Which strategies an operator paused.
    pub(super) paused: Vec<bool>,
    /// Instruments of which every evaluation is news.
    pub(super) traces: Vec<Trace>,
    /// When orders were sent within the last second.
    pub(super) sent: VecDeque<UnixNanos>,
    /// Slots by instrument, so that an event finds its strategies without a search.
    pub(super) routes: Vec<Vec<usize>>,
    /// Books that the engine found wrong and whose source does not know yet.
    pub(super) distrusted: Vec<InstrumentId>,
    /// Candles that stand in the place of bars, by instrument; no part of the state.
    pub(super) superseding: Vec<BTreeMap<UnixNanos, Candle>>,
    /// Bars that the current trade closed; kept for its memory.
    pub(super) closed: Vec<Bar>,
    /// When something about an instrument's bars is due, by instrument: each step looks at all.
    pub(super) bar_dues: Vec<UnixNanos>,
}

impl Engine {
    /// Builds an engine with the strategies of `registry`; their parameters are checked.
    pub fn new(config: Config, registry: &[StrategyKind]) -> Result<Self, StrategyError> {
        let mut markets: Vec<Market> = config
            .instruments
            .iter()
            .map(|instrument| Market::new(instrument.clone(), config.bars.chart))
            .collect();
        let slots = build_slots(&config, registry)?;
        let mut routes = vec![Vec::new(); markets.len()];
        for (at, slot) in slots.iter().enumerate() {
            if let Some(route) = routes.get_mut(slot.instrument.index()) {
                route.push(at);
            }
            if let Some(market) = markets.get_mut(slot.instrument.index()) {
                for (kind, most) in slot.bars() {
                    market.make_bars(kind, most);
                }
            }
        }
        let guards = slots.iter().map(|slot| {
            let config = config.strategies.get(slot.strategy.index());
            Guard::new(config.map_or(1, |config| config.atr_length))
        });
        Ok(Self {
            guards: guards.collect(),
            exits_due: None,
            now: UnixNanos::default(),
            shield: catch,
            counters: vec![Counters::default(); config.strategies.len()],
            forms: Vec::new(),
            orders: BTreeMap::new(),
            canceled: VecDeque::new(),
            portfolio: Portfolio::default(),
            paper: Paper::new(config.paper.clone()),
            trading: TradingState::Active,
            ending: false,
            paused: vec![false; config.strategies.len()],
            traces: Vec::new(),
            sent: VecDeque::new(),
            distrusted: Vec::new(),
            superseding: vec![BTreeMap::new(); markets.len()],
            closed: Vec::new(),
            bar_dues: vec![UnixNanos::MAX; markets.len()],
            markets,
            slots,
            routes,
            config,
        })
    }

    /// Calls strategies through `shield` from here on. What it tells of a panic is recorded, so every
    /// driver of a recording brings the same one.
    pub fn shield_with(&mut self, shield: Shield) {
        self.shield = shield;
    }

    /// Takes one input: fires what is due, applies the fact, lets strategies decide, and tells
    /// `out` everything that happened, in order.
    pub fn step(&mut self, input: &Input<'_>, out: &mut dyn Outlet) {
        let now = input.time.max(self.now);
        self.fire(now, out);
        self.now = now;
        let cause = input.cause;
        match input.event {
            Event::Start(start) => self.start(start, out),
            Event::Market { instrument, event } => {
                self.market(instrument, event, cause, out);
                self.note_bars_due(instrument);
                if self.trading == TradingState::Flattening {
                    self.close_in(instrument, cause, out);
                }
            }
            Event::Candle { instrument, candle } => {
                self.candle(instrument, candle, cause, out);
                if self.trading == TradingState::Flattening {
                    self.close_in(instrument, cause, out);
                }
            }
            Event::History { instrument, history } => {
                self.history(instrument, history, cause, out);
                self.note_bars_due(instrument);
            }
            Event::Instrument { id, instrument } => {
                if let Some(market) = self.markets.get_mut(id.index()) {
                    market.instrument = instrument.clone();
                    market.filters_known = true;
                }
                self.guard_taken_over(id, cause, out);
            }
            Event::Feed { instrument, live } => {
                if let Some(market) = self.markets.get_mut(instrument.index()) {
                    market.set_live(live);
                }
                self.note_bars_due(instrument);
            }
            Event::Reply { strategy, instrument, asked, decision } => {
                self.reply(strategy, instrument, asked, decision, out);
            }
            Event::Order(event) => self.hear(event, out),
            Event::Command(command) => self.command(command, cause, out),
            Event::Revise { strategy, rules } => self.revise(strategy, rules, out),
            Event::Clock => {}
        }
        self.fire(now, out);
    }

    /// The run's money so far. A position without a mark price counts what it realised.
    pub fn money(&self) -> MoneySummary {
        let mut summary = MoneySummary { equity: self.portfolio.equity, ..Default::default() };
        for slot in &self.slots {
            let mark = self.markets.get(slot.instrument.index()).and_then(Market::reference);
            let position = &slot.position;
            let unrealised = mark.and_then(|mark| position.unrealised(mark).ok());
            let pnl = position
                .realised()
                .and_then(|realised| realised.add(unrealised.unwrap_or_default()))
                .and_then(|gross| gross.sub(position.fees));
            summary.fees = summary.fees.add(position.fees).unwrap_or(summary.fees);
            let sum = pnl.and_then(|pnl| summary.pnl.add(pnl));
            summary.pnl = sum.unwrap_or(summary.pnl);
        }
        summary
    }

    /// Books that the engine found wrong since the last call: whoever makes them must start anew.
    pub fn take_distrusted(&mut self) -> Vec<InstrumentId> {
        std::mem::take(&mut self.distrusted)
    }

    /// The n-th slot of an instrument.
    pub(super) fn slot_of(&self, instrument: InstrumentId, n: usize) -> Option<usize> {
        self.routes.get(instrument.index())?.get(n).copied()
    }

    /// Exchanges its books, by instrument. Engines over one market keep one set of them: each has it
    /// while it takes an input, and whoever comes first applies what that changes. An input may hold
    /// several changes of one book only behind its snapshot, as decoders give them.
    pub fn exchange_books(&mut self, books: &mut [OrderBook]) {
        for (market, book) in self.markets.iter_mut().zip(books) {
            std::mem::swap(&mut market.book, book);
        }
    }

    /// What each strategy has counted so far, in the order of the configuration.
    pub fn counters(&self) -> &[Counters] {
        &self.counters
    }

    /// Every form seen, by number.
    pub fn forms(&self) -> Vec<Form> {
        self.forms.iter().map(|(_, form)| form.clone()).collect()
    }

    /// What trading allows now.
    pub fn trading(&self) -> TradingState {
        self.trading
    }

    /// When the driver must call again at the latest, because something is due.
    pub fn next_due(&self) -> Option<UnixNanos> {
        let bars = self.next_bars_due().map(|(at, _)| at);
        let exits = self.exits_due.filter(|_| !self.ending);
        [self.paper.next_due(), exits, bars, self.next_trace_due()].into_iter().flatten().min()
    }

    /// When something is due about an order; time alone closes bars for ever.
    pub fn next_order_due(&self) -> Option<UnixNanos> {
        self.paper.next_due()
    }

    fn is_due(&self, until: UnixNanos) -> bool {
        self.paper.next_due().is_some_and(|due| due <= until)
            || self.next_trace_due().is_some_and(|due| due <= until)
            || !self.ending
                && (self.exits_due.is_some_and(|due| due <= until)
                    || self.bar_dues.iter().any(|due| *due <= until))
    }

    /// Fires everything due at or before `until`, each at its own time; at the same time, the ends of
    /// traces before what the venue says or hears before what an exit waited for, and that before bars.
    /// A step begins with it: nothing is left to fire for a step at that time.
    pub fn fire(&mut self, until: UnixNanos, out: &mut dyn Outlet) {
        // Nearly always nothing is due, which costs a comparison each.
        while self.is_due(until)
            && let Some(due) = self.next_due().filter(|due| *due <= until)
        {
            self.now = self.now.max(due);
            if self.end_traces(due, out) {
                continue;
            }
            if let Some((at, cause, due)) = self.paper.pop_due(due) {
                self.fulfil(at, cause, due, out);
            } else if !self.ending && self.exits_due.is_some_and(|exits| exits <= due) {
                self.fire_exits(out);
            } else if let Some((_, instrument)) = self.next_bars_due() {
                self.fire_bars(instrument, out);
                self.note_bars_due(instrument);
            }
        }
    }

    pub(super) fn fulfil(&mut self, at: UnixNanos, cause: Cause, due: Due, out: &mut dyn Outlet) {
        match due {
            Due::Hear(event) => self.hear(&event, out),
            Due::Cancel(order) => self.paper.cancel(order, at, cause),
            Due::Arrive(request) => {
                if let Some(market) = self.markets.get(request.instrument.index()) {
                    self.paper.arrive(request, market, at, cause);
                }
            }
        }
    }

    fn start(&mut self, start: &StartState, out: &mut dyn Outlet) {
        self.portfolio = Portfolio::new(start.account.clone(), self.config.reporting);
        self.paper.open(start.account.clone());
        out.record(&Record::Started(start.account.clone()));
    }

    fn market(
        &mut self,
        instrument: InstrumentId,
        event: MarketEvent<'_>,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let now = self.now;
        let Some(market) = self.markets.get_mut(instrument.index()) else { return };
        match market.apply(event, now) {
            Change::Trade(trade) => self.traded(instrument, &trade, cause, out),
            Change::Quote(quote) => {
                self.revalue(instrument, cause, out);
                self.evaluate_all(instrument, Feed::Quotes, &Trigger::Quote(quote), cause, out);
            }
            Change::Levels => {
                if let MarketEvent::BookDelta { bids, asks, .. } = event {
                    self.paper.refreshed(instrument, bids, asks, market);
                }
                self.revalue(instrument, cause, out);
            }
            Change::Synced => {
                let update_id = market.book.update_id;
                self.paper.forget(instrument);
                out.record(&Record::BookSynced { instrument, time: now, update_id });
                self.revalue(instrument, cause, out);
                self.retry_exits(Some(instrument));
            }
            Change::Lost(reason) => {
                self.lost(instrument, reason, out);
                self.revalue(instrument, cause, out);
            }
            Change::Nothing => {}
        }
    }

    fn lost(&mut self, instrument: InstrumentId, reason: BookLoss, out: &mut dyn Outlet) {
        self.paper.forget(instrument);
        if matches!(reason, BookLoss::Crossed | BookLoss::Mismatch) {
            self.distrusted.push(instrument);
        }
        out.record(&Record::BookLost { instrument, time: self.now, reason });
    }

    fn traded(
        &mut self,
        instrument: InstrumentId,
        trade: &Trade,
        cause: Cause,
        out: &mut dyn Outlet,
    ) {
        let now = self.now;
        if let Some(market) = self.markets.get_mut(instrument.index()) {
            market.trade_cause = cause;
            self.paper.traded(instrument, trade, market, now, cause);
        }
        self.revalue(instrument, cause, out);
        self.watch_exits(instrument, trade, cause, out);
        // Where the past is still told, the trade waits and is shown at its end.
        let waits = self.is_joining(instrument);
        self.bar_trade(instrument, trade, cause, out);
        if !waits {
            self.evaluate_all(instrument, Feed::Trades, &Trigger::Trade(*trade), cause, out);
        }
    }

    /// Values the account when a price that it holds moved, and stops trading on too much loss.
    pub(super) fn revalue(&mut self, instrument: InstrumentId, cause: Cause, out: &mut dyn Outlet) {
        let Some(market) = self.markets.get(instrument.index()) else { return };
        let held = self.portfolio.account.balances.get(market.instrument.base);
        let due = self.portfolio.equity.is_none() || self.portfolio.is_new_day(self.now);
        if due || !held.is_zero() {
            self.value(cause, out);
        }
    }

    /// Values the account now.
    pub(super) fn value(&mut self, cause: Cause, out: &mut dyn Outlet) {
        let limits = &self.config.risk;
        self.portfolio.value(&self.markets, limits, self.now);
        if self.portfolio.is_above_floor() {
            return;
        }
        let losses = [
            (StopReason::DailyLoss, self.portfolio.day_loss(), limits.max_daily_loss),
            (StopReason::Drawdown, self.portfolio.drawdown(), limits.max_drawdown),
        ];
        let mut wanted = self.trading;
        for (reason, loss, limit) in losses {
            let (Some(loss), Some(limit)) = (loss, limit) else { continue };
            let reaches = |multiple: Num| limit.mul(multiple).is_ok_and(|limit| loss >= limit);
            if reaches(limits.halt_at) {
                wanted = worse(wanted, TradingState::Halted(reason));
            } else if reaches(limits.reduce_only_at) {
                wanted = worse(wanted, TradingState::ReduceOnly(reason));
            }
        }
        self.set_trading(wanted, cause, out);
    }

    /// Changes what trading allows; a halt cancels every open order.
    pub(super) fn set_trading(&mut self, state: TradingState, cause: Cause, out: &mut dyn Outlet) {
        if state == self.trading {
            return;
        }
        self.trading = state;
        out.record(&Record::Trading { time: self.now, state });
        match state {
            TradingState::Halted(_) => self.cancel_where(cause, out, |_| true),
            TradingState::Active => self.retry_exits(None),
            TradingState::ReduceOnly(_) | TradingState::Flattening => {}
        }
    }

    /// True when paper orders need a trusted book.
    pub(super) fn needs_book(&self) -> bool {
        self.config.paper.fills == FillModel::Book
    }
}

/// The more restrictive of two states; the first reason stays. A loss does not end flattening, which
/// lets in no new risk either.
fn worse(a: TradingState, b: TradingState) -> TradingState {
    let rank = |state: TradingState| match state {
        TradingState::Active => 0,
        TradingState::ReduceOnly(_) => 1,
        TradingState::Halted(_) => 2,
        TradingState::Flattening => 3,
    };
    if rank(b) > rank(a) { b } else { a }
}

fn build_slots(config: &Config, registry: &[StrategyKind]) -> Result<Vec<Slot>, StrategyError> {
    let mut slots = Vec::new();
    for (at, strategy) in config.strategies.iter().enumerate() {
        let kind = registry.iter().find(|kind| kind.name == strategy.kind);
        for instrument in &strategy.instruments {
            let runner = match kind {
                _ if strategy.external => Runner::External { awaiting: None },
                Some(kind) => {
                    let params = Params::new(kind.params, &strategy.params)?
                        .with_rules(strategy.rules.clone());
                    Runner::Native((kind.build)(&params)?)
                }
                None => return Err(StrategyError::UnknownKind(strategy.kind.clone())),
            };
            slots.push(Slot {
                strategy: StrategyId(u16::try_from(at).unwrap_or(u16::MAX)),
                instrument: *instrument,
                feed: strategy.feed,
                size: strategy.size,
                runner,
                draft: Draft::default(),
                form: None,
                position: crate::domain::Position::default(),
                average_entry: None,
                last_signal: None,
                last: None,
                digest: Digest::default(),
                fault: None,
                close_after: UnixNanos::default(),
            });
        }
    }
    Ok(slots)
}
