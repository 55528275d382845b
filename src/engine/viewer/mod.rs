//! The viewer folds records into what a screen shows, and builds an [`EngineView`] on demand.
//!
//! Pure like the engine. A plain evaluation costs it a comparison with the one before; names are
//! resolved only for what is shown.

mod chain;
pub mod resolve;
mod single;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::config::Config;
use super::core::Engine;
use super::exit::is_dust;
use super::guard::Guard;
use super::record::{Evaluation, Outcome, Outlet, Record};
use super::slot::Slot;
use super::state::StateError;
use super::view::{
    AccountView, DecisionView, EngineView, EvaluationView, InstrumentView, Marker, Mode, OrderView,
    PositionView, RunView, StrategyView,
};
use crate::domain::{InstrumentId, Num, RunId, StrategyId, UnixNanos};
use crate::strategy::{Bar, Feed, Form, RuleTexts};

pub use single::Single;

/// Decisions kept for the screen.
const DECISIONS_KEPT: usize = 500;
/// Ended orders kept for the screen.
const ORDERS_KEPT: usize = 50;
/// Chart markers kept per instrument.
const MARKERS_KEPT: usize = 200;
/// Book levels shown per side.
const LEVELS_SHOWN: usize = 20;
/// A strategy in an instrument.
type SlotKey = (StrategyId, InstrumentId);

/// What the viewer must know of the run.
#[derive(Clone, Debug)]
pub struct RunInfo {
    /// The run's id.
    pub id: RunId,
    /// The badge.
    pub mode: Mode,
    /// `synthetic market`, `binance`.
    pub market: String,
    /// When the run began.
    pub started: UnixNanos,
}

/// Folds records into a screen's state.
#[derive(Clone)]
pub struct Viewer {
    run: RunInfo,
    config: Config,
    forms: Vec<Form>,
    last: BTreeMap<SlotKey, Seen>,
    decisions: VecDeque<Arc<DecisionView>>,
    orders: VecDeque<Arc<OrderView>>,
    blockers: BTreeMap<StrategyId, BTreeMap<String, u64>>,
    markers: Vec<VecDeque<Marker>>,
    charts: Vec<(u64, Arc<Vec<Bar>>)>,
    /// Inputs that led to a signal, and how long they took; their rows come with their records.
    timed: VecDeque<(u64, u64)>,
    tally: Tally,
    version: u64,
}

/// What was last seen of a slot: the same again only counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Seen {
    outcome: Outcome,
    form: u16,
    /// The row that counts repetitions, and how many.
    row: String,
    repeated: u64,
    /// Text of the blocker, without its numbers: the key of the blocker counts.
    blocker: String,
}

/// Counts of the run.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Tally {
    /// Rows of decisions.
    rows: u64,
    evaluations: u64,
    signals: u64,
    orders: u64,
    refusals: u64,
    fills: u64,
}

/// What a viewer has folded so far. The bars of charts are the engine's.
#[derive(Serialize, Deserialize)]
struct Folded {
    forms: Vec<Form>,
    last: BTreeMap<SlotKey, Seen>,
    decisions: VecDeque<Arc<DecisionView>>,
    orders: VecDeque<Arc<OrderView>>,
    blockers: BTreeMap<StrategyId, BTreeMap<String, u64>>,
    markers: Vec<VecDeque<Marker>>,
    tally: Tally,
    /// What each strategy's rules are now.
    rules: Vec<RuleTexts>,
}

impl Viewer {
    /// What it has folded so far, for a viewer that goes on from here.
    pub fn save(&self) -> Result<Vec<u8>, StateError> {
        let folded = Folded {
            forms: self.forms.clone(),
            last: self.last.clone(),
            decisions: self.decisions.clone(),
            orders: self.orders.clone(),
            blockers: self.blockers.clone(),
            markers: self.markers.clone(),
            tally: self.tally,
            rules: self.config.strategies.iter().map(|strategy| strategy.rules.clone()).collect(),
        };
        postcard::to_stdvec(&folded).map_err(|error| StateError::Damaged(error.to_string()))
    }

    /// Takes what [`save`](Self::save) gave.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let folded: Folded =
            postcard::from_bytes(bytes).map_err(|error| StateError::Damaged(error.to_string()))?;
        if folded.markers.len() != self.markers.len() {
            return Err(StateError::OtherConfig);
        }
        let Folded { forms, last, decisions, orders, blockers, markers, tally, rules } = folded;
        (self.forms, self.last, self.decisions) = (forms, last, decisions);
        (self.orders, self.blockers, self.markers) = (orders, blockers, markers);
        self.tally = tally;
        for (strategy, rules) in self.config.strategies.iter_mut().zip(rules) {
            strategy.rules = rules;
        }
        self.charts.iter_mut().for_each(|chart| *chart = (0, Arc::default()));
        Ok(())
    }

    /// A viewer of a run that has not begun.
    pub fn new(run: RunInfo, config: Config) -> Self {
        let instruments = config.instruments.len();
        Self {
            run,
            config,
            forms: Vec::new(),
            last: BTreeMap::new(),
            decisions: VecDeque::new(),
            orders: VecDeque::new(),
            blockers: BTreeMap::new(),
            markers: vec![VecDeque::new(); instruments],
            charts: vec![(0, Arc::default()); instruments],
            timed: VecDeque::new(),
            tally: Tally::default(),
            version: 0,
        }
    }

    /// A row of the decisions by its id as shown, as long as it is kept.
    pub fn decision(&self, id: &str) -> Option<Arc<DecisionView>> {
        self.decisions.iter().rev().find(|row| row.evaluation.id == id).cloned()
    }

    /// Rows of decisions made so far, those that are no longer kept included.
    pub fn rows_made(&self) -> u64 {
        self.tally.rows
    }

    /// The last input before `seq` that made a row which is kept.
    pub fn last_row_before(&self, seq: u64) -> Option<u64> {
        self.decisions.iter().rev().map(|row| row.evaluation.seq).find(|row| *row < seq)
    }

    /// An evaluation of the run with its names resolved; `None` when its form is not known.
    pub fn evaluation_view(&self, evaluation: &Evaluation) -> Option<EvaluationView> {
        let form = self.forms.get(usize::from(evaluation.form))?;
        let names = self.names(evaluation.id.strategy, evaluation.instrument);
        Some(resolve::evaluation(evaluation, form, names))
    }

    /// Takes how long the input `seq` took, in nanoseconds. It is no record: a replay has none.
    pub fn timed(&mut self, seq: u64, nanos: u64) {
        if self.timed.len() == DECISIONS_KEPT {
            self.timed.pop_front();
        }
        self.timed.push_back((seq, nanos));
        // A recording tells it after the records of the input.
        for row in self.decisions.iter_mut().rev().take_while(|row| row.evaluation.seq >= seq) {
            if row.evaluation.seq == seq && row.signal.is_some() {
                Arc::make_mut(row).decided_after = Some(nanos);
            }
        }
    }

    /// The screen's state now. `inputs` is how many inputs the engine took.
    pub fn build(&mut self, engine: &Engine, inputs: u64) -> EngineView {
        self.version += 1;
        self.count_repetitions();
        EngineView {
            version: self.version,
            now: engine.now,
            run: self.run_view(engine, inputs),
            account: self.account_view(engine),
            instruments: (0..engine.markets.len())
                .filter_map(|at| self.instrument_view(engine, at))
                .map(Arc::new)
                .collect(),
            strategies: (0..self.config.strategies.len())
                .filter_map(|at| self.strategy_view(engine, at))
                .map(Arc::new)
                .collect(),
            positions: engine
                .slots
                .iter()
                .zip(&engine.guards)
                .filter(|(slot, _)| slot.position.fills > 0)
                .filter_map(|(slot, guard)| self.position_view(engine, slot, guard))
                .collect(),
            orders: self.order_views(),
            decisions: self.decisions.iter().cloned().collect(),
            ..EngineView::default()
        }
    }

    fn run_view(&self, engine: &Engine, inputs: u64) -> RunView {
        RunView {
            id: self.run.id.to_string(),
            prefix: self.run.id.prefix().to_owned(),
            mode: self.run.mode,
            market: self.run.market.clone(),
            trading: engine.trading,
            started: self.run.started,
            inputs,
            evaluations: self.tally.evaluations,
            signals: self.tally.signals,
            orders: self.tally.orders,
            refusals: self.tally.refusals,
            fills: self.tally.fills,
            fill_model: self.config.paper.describe(),
        }
    }

    fn account_view(&self, engine: &Engine) -> AccountView {
        let portfolio = &engine.portfolio;
        let (mut realised, mut unrealised, mut fees) = (Num::ZERO, Num::ZERO, Num::ZERO);
        let mut gross = Num::ZERO;
        for slot in &engine.slots {
            let position = &slot.position;
            add(&mut realised, position.realised().ok());
            add(&mut fees, Some(position.fees));
            let mark = engine
                .markets
                .get(slot.instrument.index())
                .and_then(super::market::Market::reference);
            add(&mut unrealised, mark.and_then(|mark| position.unrealised(mark).ok()));
            let value = mark.and_then(|mark| mark.notional(position.quantity.magnitude()).ok());
            add(&mut gross, value);
        }
        AccountView {
            name: portfolio.account.name.clone(),
            asset: self.asset(portfolio.reporting.index()),
            equity: portfolio.equity,
            day_start: portfolio.day_start,
            peak: portfolio.peak,
            drawdown: portfolio.drawdown(),
            realised,
            unrealised,
            fees,
            gross_exposure: gross,
            max_gross_exposure: self.config.risk.max_gross_notional,
            order_rate: (
                u32::try_from(engine.sent.len()).unwrap_or(u32::MAX),
                self.config.risk.max_orders_per_second.unwrap_or(u32::MAX),
            ),
            balances: portfolio
                .account
                .balances
                .iter()
                .map(|money| {
                    let locked = portfolio.account.locked.get(money.asset);
                    (self.asset(money.asset.index()), money.amount, locked)
                })
                .collect(),
        }
    }

    fn asset(&self, at: usize) -> String {
        self.config.assets.get(at).map_or_else(|| "?".to_owned(), |asset| asset.0.clone())
    }

    fn instrument_view(&mut self, engine: &Engine, at: usize) -> Option<InstrumentView> {
        let market = engine.markets.get(at)?;
        let chart = self.charts.get_mut(at)?;
        let kind = self.config.bars.chart;
        if chart.0 != market.closed.count(kind) {
            let bars = market.closed.of(kind).rev().copied().collect();
            *chart = (market.closed.count(kind), Arc::new(bars));
        }
        let shown = if market.synced { LEVELS_SHOWN } else { 0 };
        Some(InstrumentView {
            symbol: market.instrument.symbol.clone(),
            price_digits: market.instrument.price_digits(),
            quantity_digits: market.instrument.quantity_digits(),
            last: market.last_trade.map(|trade| trade.price),
            last_side: market.last_trade.map(|trade| trade.aggressor),
            first: market.first_price,
            turnover: market.turnover,
            bids: market.book.bids.iter().take(shown).collect(),
            asks: market.book.asks.iter().take(shown).collect(),
            synced: market.synced,
            live: market.live,
            update_id: market.book.update_id,
            age_ns: market.age(engine.now),
            last_event: market.last_event,
            trades: market
                .recent_trades
                .iter()
                .map(|t| (t.ts_venue, t.aggressor, t.quantity, t.price))
                .collect(),
            bars: chart.1.clone(),
            open_bar: market.bars.open_bar(kind).copied(),
            bar_kind: Some(kind),
            late_trades: market.bars.late_trades,
            markers: self.markers.get(at)?.iter().cloned().collect(),
            gaps: market.books_lost,
        })
    }

    fn strategy_view(&self, engine: &Engine, at: usize) -> Option<StrategyView> {
        let config = self.config.strategies.get(at)?;
        let id = StrategyId(u16::try_from(at).ok()?);
        let counters = engine.counters.get(at)?;
        let mut blockers: Vec<(String, u64)> = self
            .blockers
            .get(&id)
            .map(|counts| counts.iter().map(|(text, n)| (text.clone(), *n)).collect())
            .unwrap_or_default();
        for ((strategy, _), seen) in &self.last {
            if *strategy == id && !seen.blocker.is_empty() {
                match blockers.iter_mut().find(|(text, _)| *text == seen.blocker) {
                    Some((_, count)) => *count += seen.repeated,
                    None => blockers.push((seen.blocker.clone(), seen.repeated)),
                }
            }
        }
        blockers.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let mine = engine.slots.iter().filter(|slot| slot.strategy == id);
        Some(StrategyView {
            name: config.name.clone(),
            kind: config.kind.clone(),
            feed: feed_text(config.feed),
            params: config.params.iter().map(|(name, value)| (name.clone(), *value)).collect(),
            rules: config
                .rules
                .iter()
                .map(|(key, text)| (key.to_owned(), text.to_owned()))
                .collect(),
            evaluations: counters.evaluations,
            signals: counters.signals,
            explained: (counters.explained, counters.signals),
            blockers,
            last: mine.filter_map(|slot| self.last_evaluation(slot)).map(Arc::new).collect(),
            paused: engine.is_paused(id),
        })
    }

    fn last_evaluation(&self, slot: &Slot) -> Option<EvaluationView> {
        let Some(Record::Evaluation(evaluation)) = &slot.last else { return None };
        self.evaluation_view(evaluation)
    }

    fn names(&self, strategy: StrategyId, instrument: InstrumentId) -> resolve::Names<'_> {
        let strategy = self.config.strategies.get(strategy.index());
        let instrument = self.config.instruments.get(instrument.index());
        resolve::Names {
            run: &self.run.id,
            strategy: strategy.map_or("?", |strategy| strategy.name.as_str()),
            symbol: instrument.map_or("?", |instrument| instrument.symbol.as_str()),
        }
    }

    fn position_view(&self, engine: &Engine, slot: &Slot, guard: &Guard) -> Option<PositionView> {
        let market = engine.markets.get(slot.instrument.index())?;
        let position = &slot.position;
        let names = self.names(slot.strategy, slot.instrument);
        let held = position.quantity.magnitude();
        let mark = market.reference();
        let sellable = held.floor_to(market.instrument.lot_size).unwrap_or(held);
        Some(PositionView {
            strategy: names.strategy.to_owned(),
            symbol: names.symbol.to_owned(),
            quantity: position.quantity,
            average_entry: position.average_entry(),
            mark,
            unrealised: mark.and_then(|mark| position.unrealised(mark).ok()),
            realised: position.realised().unwrap_or_default(),
            fees: position.fees,
            // Dust of the position before keeps it from flat; its guard knows when it began.
            opened: guard.armed().map_or(position.opened, |armed| armed.opened),
            dust: !position.is_flat() && is_dust(market, sellable),
            fills: position.fills,
            exits: guard.armed().map(|armed| armed.levels).unwrap_or_default(),
        })
    }

    /// Open orders first, then the newest ended ones.
    fn order_views(&self) -> Vec<Arc<OrderView>> {
        let open = |order: &&Arc<OrderView>| !order.state.is_terminal();
        let ended = |order: &&Arc<OrderView>| order.state.is_terminal();
        let newest_first = || self.orders.iter().rev();
        newest_first()
            .filter(open)
            .chain(newest_first().filter(ended).take(ORDERS_KEPT))
            .cloned()
            .collect()
    }
}

impl Outlet for Viewer {
    fn record(&mut self, record: &Record) {
        self.take(record);
    }
}

fn add(sum: &mut Num, value: Option<Num>) {
    if let Some(total) = value.and_then(|value| sum.add(value).ok()) {
        *sum = total;
    }
}

/// A feed as it is configured: `bars:1s`, `trades`.
pub fn feed_text(feed: Feed) -> String {
    match feed {
        Feed::Trades => "trades".to_owned(),
        Feed::Quotes => "quotes".to_owned(),
        Feed::Bars(kind) => kind.to_string(),
    }
}
