//! A guard: the exits of what one slot holds, as prices and a moment, and how far one has come.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::Levels;
use super::slot::Slot;
use crate::domain::{
    Cause, DecisionId, Instrument, Nanos, Num, OrderId, Price, Quantity, Side, UnixNanos,
};
use crate::strategy::indicator::Atr;
use crate::strategy::{Bar, Draft, ExitKind, Exits, Rule, Value, ValueKind};

/// From a failed exit to the next try; doubles with each failure.
pub(super) const AGAIN_FIRST: Nanos = UnixNanos::SECOND;
/// The longest time to the next try.
const AGAIN_MOST: Nanos = 60 * UnixNanos::SECOND;
/// From one record of a trailing stop's movement to the next.
const MOVES_TOLD_EVERY: Nanos = UnixNanos::SECOND;

/// What the engine watches for one slot.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Guard {
    /// Over the bars of the slot's feed.
    atr: Atr,
    /// Its last value, in quote asset; `None` while it warms up. It becomes an exact number where an
    /// order needs it: that costs more than the rest of a bar.
    range: Option<f64>,
    /// What entries asked for, with every distance measured.
    pub(super) plans: BTreeMap<OrderId, Exits>,
    /// What the newest entry that filled asked for.
    plan: Exits,
    pub(super) armed: Option<Armed>,
}

/// The guard of a position that is held.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Armed {
    /// The side that is held: buy is long.
    pub side: Side,
    /// The average entry price that the levels were measured from.
    pub entry: Price,
    /// When there was something to guard: dust of the position before does not count.
    pub opened: UnixNanos,
    /// Where it is closed.
    pub levels: Levels,
    /// The best trade since the entry.
    best: Price,
    /// The fill that armed it.
    pub(super) cause: Cause,
    pub(super) attempt: Attempt,
    /// Exits in a row that achieved nothing.
    failures: u32,
    /// The exit on its way closed something.
    progress: bool,
    /// Its timer is not looked at before.
    pub(super) snooze: UnixNanos,
    /// When its levels were last recorded.
    told: UnixNanos,
    /// The last try failed on old data: fresh data is a reason to try again.
    pub(super) stale: bool,
}

/// Fractional digits of an average true range: the smallest ticks have ten.
const RANGE_DIGITS: u32 = 16;

/// How far an exit has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Attempt {
    /// Nothing is reached.
    Watching,
    /// Decided; resting orders that would close the same are being canceled.
    Waiting(DecisionId),
    /// An order is on its way.
    Sent(OrderId),
    /// The last one failed; not before this moment.
    Again(UnixNanos),
}

impl Guard {
    /// A guard of nothing, whose average true range has this many bars.
    pub fn new(atr_length: usize) -> Self {
        Self {
            atr: Atr::new(atr_length.max(1)),
            range: None,
            plans: BTreeMap::new(),
            plan: Exits::default(),
            armed: None,
        }
    }

    /// The guard of what is held; `None` when nothing is held that has exits.
    pub fn armed(&self) -> Option<&Armed> {
        self.armed.as_ref()
    }

    /// What outlives the run: an exit on its way is watched for again.
    pub(super) fn carried(&self) -> (Exits, Option<Armed>) {
        let armed = self.armed.map(|armed| Armed { attempt: Attempt::Watching, ..armed });
        (self.plan, armed)
    }

    /// True when it has neither distances nor levels.
    pub(super) fn is_bare(&self) -> bool {
        self.armed.is_none() && self.plan.is_empty()
    }

    /// Takes over what [`Guard::carried`] gave.
    pub(super) fn carry(&mut self, plan: Exits, armed: Option<Armed>) {
        (self.plan, self.armed) = (plan, armed);
    }

    /// An order's exits with every distance measured; `None` when one cannot be.
    pub fn resolve(&self, exits: Exits) -> Option<Exits> {
        exits.resolve(self.range.and_then(|range| Num::from_f64_at(range, RANGE_DIGITS)))
    }

    /// Takes a closed bar of the slot's feed.
    pub(super) fn push(&mut self, bar: &Bar) {
        let [high, low, close] = [bar.high, bar.low, bar.close].map(Price::to_f64);
        self.range = self.atr.push(high, low, close);
    }

    /// Takes over what an entry that filled asked for; `stays` when it only adds to what is held.
    pub(super) fn adopt(&mut self, order: OrderId, configured: Exits, stays: bool) {
        self.plan = match self.plans.get(&order) {
            Some(plan) if !(stays && plan.is_empty()) => *plan,
            // A fill of an order that was forgotten must not be without its exits.
            None if !stays => self.resolve(configured).unwrap_or(self.plan),
            _ => self.plan,
        };
    }

    /// The guard of a slot after a fill of `order`; `None` when it holds nothing to guard.
    pub(super) fn renewed(
        &self,
        slot: &Slot,
        instrument: &Instrument,
        order: OrderId,
        cause: Cause,
        now: UnixNanos,
    ) -> Option<Armed> {
        let lots = slot.position.quantity.magnitude().floor_to(instrument.lot_size);
        if self.plan.is_empty() || lots.is_ok_and(Quantity::is_zero) {
            return None;
        }
        let tick = instrument.tick_size.num();
        let mut next = Armed::new(slot, &self.plan, tick, cause, now)?;
        let Some(before) = self.armed else { return Some(next) };
        if before.side == next.side {
            next = Armed { entry: next.entry, ..before };
            next.measure(&self.plan, tick);
        } else if let Attempt::Sent(_) = before.attempt {
            next.attempt = before.attempt;
        }
        next.progress |= next.attempt == Attempt::Sent(order);
        Some(next)
    }

    /// Takes a trade. The levels when a movement of the trailing stop is to be recorded.
    pub(super) fn follow(&mut self, price: Price, tick: Num, now: UnixNanos) -> Option<Levels> {
        let armed = self.armed.as_mut()?;
        let moved = armed.follow(price, &self.plan, tick);
        let tells = moved && now.since(armed.told) >= MOVES_TOLD_EVERY;
        tells.then(|| {
            armed.told = now;
            armed.levels
        })
    }

    /// When its timer is due.
    pub(super) fn due(&self) -> Option<UnixNanos> {
        let armed = self.armed.as_ref()?;
        let at = match armed.attempt {
            Attempt::Watching => armed.levels.deadline?,
            Attempt::Again(at) => at,
            Attempt::Waiting(_) | Attempt::Sent(_) => return None,
        };
        Some(at.max(armed.snooze))
    }
}

impl Armed {
    fn new(slot: &Slot, plan: &Exits, tick: Num, cause: Cause, now: UnixNanos) -> Option<Self> {
        let (side, entry) = (slot.position.quantity.side()?, slot.average_entry?);
        let mut armed = Self {
            side,
            entry,
            opened: now,
            levels: Levels::default(),
            best: entry,
            cause,
            attempt: Attempt::Watching,
            failures: 0,
            progress: false,
            snooze: UnixNanos::default(),
            told: now,
            stale: false,
        };
        armed.measure(plan, tick);
        Some(armed)
    }

    /// Sets the levels after the entry; a trailing stop never moves away.
    fn measure(&mut self, plan: &Exits, tick: Num) {
        let entry = self.entry;
        let stop = plan.stop.and_then(|distance| distance.from(entry));
        let target = plan.take_profit.and_then(|distance| distance.from(entry));
        self.levels.stop = stop.and_then(|far| offset(entry, far, self.side.opposite(), tick));
        self.levels.take_profit = target.and_then(|far| offset(entry, far, self.side, tick));
        self.levels.deadline = plan.max_holding.map(|span| self.opened.plus(span));
        if plan.trailing_stop.is_none() {
            self.levels.trailing_stop = None;
        }
        self.best = self.better(entry);
        self.trail(plan, tick);
    }

    /// The better of the best price so far and this one.
    fn better(&self, price: Price) -> Price {
        match self.side {
            Side::Buy => self.best.max(price),
            Side::Sell => self.best.min(price),
        }
    }

    /// Moves the trailing stop after the best price. True when it moved.
    fn trail(&mut self, plan: &Exits, tick: Num) -> bool {
        let far = plan.trailing_stop.and_then(|distance| distance.from(self.best));
        let back = self.side.opposite();
        let Some(level) = far.and_then(|far| offset(self.best, far, back, tick)) else {
            return false;
        };
        let nearer = self.levels.trailing_stop.is_none_or(|old| match self.side {
            Side::Buy => level > old,
            Side::Sell => level < old,
        });
        if nearer {
            self.levels.trailing_stop = Some(level);
        }
        nearer
    }

    /// Takes a trade. True when the trailing stop moved.
    fn follow(&mut self, price: Price, plan: &Exits, tick: Num) -> bool {
        let best = self.better(price);
        best != self.best && {
            self.best = best;
            self.trail(plan, tick)
        }
    }

    /// The level that the price meets first on its way from one price to another, if it meets one.
    pub(super) fn met(&self, from: Price, to: Price) -> Option<Price> {
        let levels = [self.levels.stop, self.levels.trailing_stop, self.levels.take_profit];
        let met = |level: &Price| from.min(to) <= *level && *level <= from.max(to);
        let met = levels.into_iter().flatten().filter(met);
        if to < from { met.max() } else { met.min() }
    }

    /// The first exit that is reached.
    pub(super) fn reached(&self, last: Option<Price>, now: UnixNanos) -> Option<ExitKind> {
        let fallen = |level: Option<Price>| is_reached(last, level, self.side.opposite());
        let risen = |level: Option<Price>| is_reached(last, level, self.side);
        ExitKind::ALL.into_iter().find(|kind| match kind {
            ExitKind::Stop => fallen(self.levels.stop),
            ExitKind::TrailingStop => fallen(self.levels.trailing_stop),
            ExitKind::TakeProfit => risen(self.levels.take_profit),
            ExitKind::MaxHolding => self.levels.deadline.is_some_and(|deadline| now >= deadline),
        })
    }

    /// The exit on its way ended and something is still held.
    pub(super) fn ended(&mut self, now: UnixNanos) -> Option<UnixNanos> {
        if self.progress {
            self.attempt(Attempt::Watching);
            self.failures = 0;
            return None;
        }
        Some(self.postpone(now))
    }

    /// An exit failed: the next try comes later each time.
    pub(super) fn postpone(&mut self, now: UnixNanos) -> UnixNanos {
        let wait = AGAIN_FIRST.saturating_mul(1 << self.failures.min(6));
        let until = now.plus(wait.min(AGAIN_MOST));
        self.failures = self.failures.saturating_add(1);
        self.attempt = Attempt::Again(until);
        until
    }

    /// A failed exit may be tried again at once.
    pub(super) fn retry(&mut self, now: UnixNanos) {
        if let Attempt::Again(at) = &mut self.attempt {
            *at = now;
            (self.failures, self.snooze, self.stale) = (0, now, false);
        }
    }

    /// An exit is decided, or its order is on its way.
    pub(super) fn attempt(&mut self, attempt: Attempt) {
        (self.attempt, self.progress) = (attempt, false);
    }

    /// Names every level and compares it, as a strategy would.
    pub(super) fn decide(&self, draft: &mut Draft, last: Option<Price>, now: UnixNanos) {
        let number = |price: Option<Price>| price.map_or(f64::NAN, Price::to_f64);
        draft.value("entry", ValueKind::Computed, self.entry.to_f64());
        let last = draft.value("last", ValueKind::Computed, number(last));
        for kind in ExitKind::ALL {
            let towards = match kind {
                ExitKind::TakeProfit => self.side,
                _ => self.side.opposite(),
            };
            let rule = match self.levels.price(kind) {
                Some(price) => {
                    let name = kind.as_str();
                    let level = draft.value(name, ValueKind::Computed, price.to_f64());
                    beyond(last, level, towards)
                }
                None if kind == ExitKind::MaxHolding => match self.held(draft, now) {
                    Some(rule) => rule,
                    None => continue,
                },
                None => continue,
            };
            draft.decide(kind.label(), &rule);
        }
    }

    fn held(&self, draft: &mut Draft, now: UnixNanos) -> Option<Rule> {
        let most = self.levels.deadline?.since(self.opened);
        let held = draft.value("held_s", ValueKind::Computed, seconds(now.since(self.opened)));
        let most = draft.value("max_holding_s", ValueKind::Parameter, seconds(most));
        Some(held.ge(most))
    }
}

/// `far` away from `price`, upwards for a buy; rounded back to the tick.
fn offset(price: Price, far: Num, side: Side, tick: Num) -> Option<Price> {
    let level = match side {
        Side::Buy => price.num().add(far).ok()?.floor_to(tick).ok()?,
        Side::Sell => {
            let exact = price.num().sub(far).ok()?;
            let floor = exact.floor_to(tick).ok()?;
            if floor < exact { floor.add(tick).ok()? } else { floor }
        }
    };
    Some(Price::new(level))
}

/// The last price is at the level or beyond it: above it for `Buy`.
fn is_reached(last: Option<Price>, level: Option<Price>, side: Side) -> bool {
    last.zip(level).is_some_and(|(last, level)| match side {
        Side::Buy => last >= level,
        Side::Sell => last <= level,
    })
}

/// The same as a rule.
fn beyond(last: Value, level: Value, side: Side) -> Rule {
    match side {
        Side::Buy => last.ge(level),
        Side::Sell => last.le(level),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a span shown in seconds")]
fn seconds(span: Nanos) -> f64 {
    span as f64 / UnixNanos::SECOND as f64
}
