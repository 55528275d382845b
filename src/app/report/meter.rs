//! The meter: stands between an engine and a run's outputs, and folds what it sees of money.

use std::collections::BTreeMap;

use super::curve::Curve;
use super::round_trip::{RoundTrip, Step, Tally, Trips};
use crate::app::build::Plan;
use crate::domain::{
    Account, AssetId, DecisionId, Fill, InstrumentId, Liquidity, Nanos, Num, OrderEvent,
    OrderEventKind, OrderId, OrderKind, OrderRequest, Position, Quantity, StrategyId, TimeInForce,
    UnixNanos,
};
use crate::engine::{Engine, Outlet, Record};

/// An order on its way.
#[derive(Clone, Copy, Debug)]
struct Placed {
    decision: DecisionId,
    left: Quantity,
    /// It can wait in the book.
    can_rest: bool,
    /// It was accepted, and no fill of it was a maker's.
    is_untouched: bool,
}

impl Placed {
    fn of(request: &OrderRequest) -> Self {
        let can_rest = matches!(
            request.kind,
            OrderKind::LimitMaker { .. } | OrderKind::Limit { time_in_force: TimeInForce::Gtc, .. }
        );
        let (decision, left) = (request.decision, request.quantity);
        Self { decision, left, can_rest, is_untouched: false }
    }
}

/// A position that a fill moved.
#[derive(Clone, Copy, Debug)]
struct Moved {
    strategy: StrategyId,
    instrument: InstrumentId,
    step: Step,
}

/// What is known of a strategy in an instrument.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    strategy: StrategyId,
    instrument: InstrumentId,
    /// Its fills up to the one that is open.
    pub trips: Trips,
    /// Its round trips.
    pub tally: Tally,
}

/// Follows a run's money.
#[derive(Debug)]
pub struct Meter {
    pub(super) start: Account,
    pub(super) reporting: AssetId,
    pub(super) lines: Vec<Desk>,
    /// Every round trip with its line, where a file of them was asked for.
    pub(super) kept: Option<Vec<(usize, RoundTrip)>>,
    orders: BTreeMap<OrderId, Placed>,
    last: Option<Fill>,
    moved: Vec<Moved>,
    pub(super) curve: Option<Curve>,
    pub(super) began: UnixNanos,
    pub(super) now: UnixNanos,
    /// Lines with a position, since when there is one, and how long there was before.
    open: usize,
    open_since: UnixNanos,
    exposed: Nanos,
    pub(super) rested: u64,
    pub(super) uncounted: u64,
}

/// Hands records on to a run's outputs, and shows them to a meter.
pub struct Metered<'a, O> {
    meter: &'a mut Meter,
    outputs: &'a mut O,
}

impl<O: Outlet> Outlet for Metered<'_, O> {
    fn record(&mut self, record: &Record) {
        self.meter.see(record);
        self.outputs.record(record);
    }
}

impl Meter {
    /// A meter for a run of this plan. Only where it keeps round trips its memory grows with them.
    pub fn new(plan: &Plan, keeps_trips: bool) -> Self {
        let ids = (0..).map(StrategyId);
        let strategies = plan.engine.strategies.iter().zip(ids);
        let lines = strategies.flat_map(|(config, strategy)| {
            config.instruments.iter().map(move |instrument| Desk {
                strategy,
                instrument: *instrument,
                trips: Trips::default(),
                tally: Tally::default(),
            })
        });
        Self {
            start: plan.start.account.clone(),
            reporting: plan.engine.reporting,
            lines: lines.collect(),
            kept: keeps_trips.then(Vec::new),
            orders: BTreeMap::new(),
            last: None,
            moved: Vec::new(),
            curve: None,
            began: UnixNanos::default(),
            now: UnixNanos::default(),
            open: 0,
            open_since: UnixNanos::default(),
            exposed: 0,
            rested: 0,
            uncounted: 0,
        }
    }

    /// The outlet of a step.
    pub fn beside<'a, O: Outlet>(&'a mut self, outputs: &'a mut O) -> Metered<'a, O> {
        Metered { meter: self, outputs }
    }

    /// Before an input: values what is held, when it is time. The first input is the start, which
    /// has no time.
    pub fn before(&mut self, seq: u64, time: UnixNanos, engine: &Engine) {
        if seq == 0 {
            return;
        }
        self.now = self.now.max(time);
        match &mut self.curve {
            None => {
                self.began = time;
                self.curve = Some(Curve::begin(time, self.lines.len() + 1));
            }
            Some(curve) if curve.is_due(self.now) => {
                curve.sample(self.now, &values(engine, self.reporting));
            }
            Some(_) => {}
        }
    }

    /// After an input: takes the fills that came of it.
    pub fn after(&mut self, engine: &Engine) {
        for at in 0..self.moved.len() {
            let Moved { strategy, instrument, step } = self.moved[at];
            self.now = self.now.max(step.time);
            let mut holdings = self.lines.iter_mut().zip(engine.holdings()).enumerate();
            let found =
                holdings.find(|(_, (l, _))| l.strategy == strategy && l.instrument == instrument);
            let Some((line_at, (line, holding))) = found else { continue };
            let was_open = line.trips.open_since().is_some();
            let lot = holding.instrument().lot_size.num();
            match line.trips.take(&step, lot) {
                Ok(Some(trip)) => {
                    line.tally.take(&trip);
                    self.kept.iter_mut().for_each(|kept| kept.push((line_at, trip)));
                }
                Ok(None) => {}
                Err(_) => self.uncounted += 1,
            }
            let is_open = line.trips.open_since().is_some();
            self.opened(was_open, is_open, step.time);
        }
        self.moved.clear();
    }

    /// How long at least one position was held.
    pub(super) fn exposed(&self) -> Nanos {
        let open = if self.open == 0 { 0 } else { self.now.since(self.open_since) };
        self.exposed + open
    }

    fn opened(&mut self, was: bool, is: bool, time: UnixNanos) {
        match (was, is) {
            (false, true) => {
                if self.open == 0 {
                    self.open_since = time;
                }
                self.open += 1;
            }
            (true, false) => {
                self.open -= 1;
                if self.open == 0 {
                    self.exposed += time.since(self.open_since);
                }
            }
            _ => {}
        }
    }

    fn see(&mut self, record: &Record) {
        match record {
            Record::Order { request, .. } => {
                self.orders.insert(request.id, Placed::of(request));
            }
            Record::OrderEvent(event) => self.hear(event),
            Record::Position { strategy, instrument, order, time, before, after } => {
                self.position(*strategy, *instrument, *order, *time, (*before, *after));
            }
            _ => {}
        }
    }

    fn hear(&mut self, event: &OrderEvent) {
        let Some(placed) = self.orders.get_mut(&event.order) else { return };
        match &event.kind {
            OrderEventKind::Accepted { .. } if placed.can_rest => {
                self.rested += 1;
                placed.is_untouched = true;
            }
            OrderEventKind::Filled(fill) => {
                placed.left = placed.left.saturating_sub(fill.quantity);
                placed.is_untouched &= fill.liquidity == Liquidity::Taker;
                // Filled at once and whole: it never waited.
                self.rested -= u64::from(placed.is_untouched && placed.left.is_zero());
                self.last = Some(*fill);
            }
            OrderEventKind::Rejected(_) | OrderEventKind::Expired => {
                self.orders.remove(&event.order);
            }
            _ => {}
        }
    }

    fn position(
        &mut self,
        strategy: StrategyId,
        instrument: InstrumentId,
        order: OrderId,
        time: UnixNanos,
        (before, after): (Position, Position),
    ) {
        let fill = self.last.take().filter(|fill| fill.order == order);
        let (Some(fill), Some(placed)) = (fill, self.orders.get(&order)) else {
            self.uncounted += 1;
            return;
        };
        let (price, decision) = (fill.price, placed.decision);
        if placed.left.is_zero() {
            self.orders.remove(&order);
        }
        let step = Step { time, price, decision, before, after };
        self.moved.push(Moved { strategy, instrument, step });
    }
}

/// The PnL of each line, then that of all in the reporting asset.
fn values(engine: &Engine, reporting: AssetId) -> Vec<Num> {
    let mut total = Num::ZERO;
    let mut values: Vec<Num> = engine
        .holdings()
        .map(|holding| {
            let pnl = holding.pnl().unwrap_or_default();
            if holding.instrument().quote == reporting {
                total = total.add(pnl).unwrap_or(total);
            }
            pnl
        })
        .collect();
    values.push(total);
    values
}
