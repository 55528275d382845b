//! The store: recent decisions in memory, for whoever asks from outside.
//!
//! The telling thread feeds it the records that the core encoded; the core knows nothing of it.
//! Records are kept as bytes and become a chain only when somebody asks. Everything that it lists
//! is in the order of arrival, newest first, by number: a page goes on below the number where the
//! one before ended, so what arrives meanwhile moves nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::document::{Document, Fill, Order};
use super::held::{Entry, Held};
use super::ids::{self, Named};
use crate::domain::{DecisionId, InstrumentId, OrderId, RunId, StrategyId};
use crate::engine::view::DecisionView;
use crate::engine::viewer::Single;
use crate::engine::viewer::resolve::blocker_name;
use crate::engine::{Config, Record, RunInfo, Viewer};
use crate::strategy::Form;

pub use super::held::Extent;

/// Entries looked at under one lock.
const LOOKED_AT: usize = 512;
/// Ids that are named for one that does not exist.
const NEAREST: usize = 3;

/// Recent decisions.
pub struct Store {
    run: RunInfo,
    config: Config,
    held: Mutex<Held>,
}

/// Which decisions are wanted; an empty text is any.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Whose: the strategy's name.
    pub strategy: String,
    /// For what: the venue's symbol.
    pub instrument: String,
    /// With which outcome: `signal`, `no_signal`, `not_ready`, `suppressed`, `error`.
    pub outcome: String,
    /// A part of the name of what stopped it, or of the check that refused it.
    pub blocked_by: String,
}

/// One page of a list, newest first.
#[derive(Clone, PartialEq, Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The number below which the next page begins; none on the last one.
    pub next: Option<u64>,
}

/// A decision and its place among others.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// The decision.
    pub document: Document,
    /// The one before it of the same strategy and instrument.
    pub previous: Option<String>,
    /// The one after it.
    pub next: Option<String>,
}

impl Store {
    /// A store of a run that has not begun, for so many bytes.
    pub fn new(run: RunInfo, config: Config, bytes: u64) -> Self {
        let limit = usize::try_from(bytes).unwrap_or(usize::MAX);
        Self { run, config, held: Mutex::new(Held::new(limit)) }
    }

    /// Takes a record with its bytes.
    pub fn take(&self, record: &Record, bytes: &[u8]) {
        self.lock().take(record, bytes);
    }

    /// How much is held.
    pub fn extent(&self) -> Extent {
        self.lock().extent()
    }

    /// The run whose decisions these are.
    pub fn run(&self) -> &RunId {
        &self.run.id
    }

    /// Names of the run's strategies.
    pub fn strategies(&self) -> Vec<String> {
        self.config.strategies.iter().map(|strategy| strategy.name.clone()).collect()
    }

    /// Symbols of the run's instruments.
    pub fn instruments(&self) -> Vec<String> {
        self.config.instruments.iter().map(|instrument| instrument.symbol.clone()).collect()
    }

    /// The decision that an id names: its own, or that of an order or a fill.
    pub fn find(&self, id: &str) -> Option<Found> {
        let (number, entry, forms) = {
            let held = self.lock();
            let number = match ids::parse(&self.run.id, id)? {
                Named::Decision(id) => held.ids.get(&id),
                Named::Order(id) => held.owners.get(&id),
            };
            let number = *number?;
            (number, Arc::clone(held.entries.get(&number)?), Arc::clone(&held.forms))
        };
        let decision = single(&mut self.viewer(&forms), &entry).decision?;
        let (previous, next) = self.neighbours(number, &entry);
        Some(Found { document: Document::from(&*decision), previous, next })
    }

    fn neighbours(&self, number: u64, entry: &Entry) -> (Option<String>, Option<String>) {
        let held = self.lock();
        let beside = |other: &&Arc<Entry>| {
            other.is_decision()
                && other.id.strategy == entry.id.strategy
                && other.instrument == entry.instrument
        };
        let shown = |other: &Arc<Entry>| self.run.id.decision(other.id);
        let before = held.entries.range(..number).rev().map(|(_, other)| other).find(beside);
        let after = held.entries.range(number + 1..).map(|(_, other)| other).find(beside);
        (before.map(shown), after.map(shown))
    }

    /// Ids of decisions that are held and nearest to one that is not; the newest for any other text.
    pub fn nearest(&self, id: &str) -> Vec<String> {
        let held = self.lock();
        let near = match ids::parse(&self.run.id, id) {
            Some(Named::Decision(id)) => nearest_of(&held, id),
            _ => Vec::new(),
        };
        let newest = held.entries.values().rev().filter(|entry| entry.is_decision());
        let ids: Vec<DecisionId> = match near {
            near if near.is_empty() => newest.map(|entry| entry.id).take(NEAREST).collect(),
            near => near,
        };
        ids.into_iter().map(|id| self.run.id.decision(id)).collect()
    }

    /// Decisions below a number, newest first, and of how many a page has at most.
    pub fn decisions(
        &self,
        wanted: &Wanted,
        below: Option<u64>,
        limit: usize,
    ) -> Page<Arc<DecisionView>> {
        let Some(wanted) = Checked::of(wanted, &self.config) else {
            return Page { items: Vec::new(), next: None };
        };
        let mut page = Page { items: Vec::new(), next: None };
        let mut below = below.unwrap_or(u64::MAX);
        let mut last = below;
        loop {
            let looked = self.look(&wanted, below);
            let mut viewer = self.viewer(&looked.forms);
            for (number, entry) in looked.found {
                if !wanted.holds(&entry, &looked.forms) {
                    continue;
                }
                let Some(decision) = single(&mut viewer, &entry).decision else { continue };
                if !wanted.names(&decision) {
                    continue;
                }
                if page.items.len() == limit {
                    page.next = Some(last);
                    return page;
                }
                page.items.push(decision);
                last = number;
            }
            match looked.end {
                Some(end) => below = end,
                None => return page,
            }
        }
    }

    /// Some entries below a number that may be wanted.
    fn look(&self, wanted: &Checked, below: u64) -> Looked {
        let held = self.lock();
        let mut found = Vec::new();
        let mut end = None;
        for (number, entry) in held.entries.range(..below).rev() {
            if wanted.may_be(entry) {
                found.push((*number, Arc::clone(entry)));
            }
            if found.len() == LOOKED_AT {
                end = Some(*number);
                break;
            }
        }
        Looked { found, forms: Arc::clone(&held.forms), end }
    }

    /// Orders below a number, newest first.
    pub fn orders(&self, below: Option<u64>, limit: usize) -> Page<Order> {
        let below = below.unwrap_or(u64::MAX);
        let (listed, owners, forms, more) = {
            let held = self.lock();
            let mut range = held.orders.range(..below).rev();
            let listed: Vec<_> = range.by_ref().take(limit).map(|(at, id)| (*at, *id)).collect();
            let owners: Vec<_> = listed.iter().map(|(_, id)| owner(&held, *id)).collect();
            (listed, owners, Arc::clone(&held.forms), range.next().is_some())
        };
        let mut viewer = self.viewer(&forms);
        let next = listed.last().filter(|_| more).map(|(number, _)| *number);
        let resolved = listed.iter().zip(owners).filter_map(|((_, id), entry)| {
            let id = self.run.id.order(*id);
            let orders = single(&mut viewer, &*entry?).orders;
            orders.iter().find(|order| order.id == id).map(|order| Order::from(&**order))
        });
        Page { items: resolved.collect(), next }
    }

    /// Fills below a number, newest first, each with its order.
    pub fn fills(&self, below: Option<u64>, limit: usize) -> Page<(Order, Fill)> {
        let below = below.unwrap_or(u64::MAX);
        let (listed, owners, forms, more) = {
            let held = self.lock();
            let mut range = held.fills.range(..below).rev();
            let listed: Vec<_> = range.by_ref().take(limit).map(|(at, of)| (*at, *of)).collect();
            let owners: Vec<_> = listed.iter().map(|(_, of)| owner(&held, of.0)).collect();
            (listed, owners, Arc::clone(&held.forms), range.next().is_some())
        };
        let mut viewer = self.viewer(&forms);
        let next = listed.last().filter(|_| more).map(|(number, _)| *number);
        let resolved = listed.iter().zip(owners).filter_map(|((_, (id, n)), entry)| {
            let id = self.run.id.order(*id);
            let orders = single(&mut viewer, &*entry?).orders;
            let order = Order::from(&**orders.iter().find(|order| order.id == id)?);
            let fill = order.fills.get(*n)?.clone();
            Some((order, fill))
        });
        Page { items: resolved.collect(), next }
    }

    fn viewer(&self, forms: &Arc<Vec<Form>>) -> Viewer {
        Viewer::with_forms(self.run.clone(), self.config.clone(), forms.to_vec())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was found under one lock.
struct Looked {
    /// By number, newest first.
    found: Vec<(u64, Arc<Entry>)>,
    forms: Arc<Vec<Form>>,
    /// Where to go on, unless that was all.
    end: Option<u64>,
}

fn owner(held: &Held, order: OrderId) -> Option<Arc<Entry>> {
    held.entries.get(held.owners.get(&order)?).cloned()
}

fn single(viewer: &mut Viewer, entry: &Entry) -> Single {
    viewer.single(&entry.decoded())
}

/// The nearest by number of the same strategy, nearest first.
fn nearest_of(held: &Held, id: DecisionId) -> Vec<DecisionId> {
    let same = |other: &&DecisionId| other.strategy == id.strategy;
    let ids = &held.ids;
    let before = ids.range(..=id).rev().map(|(id, _)| id).take_while(same).take(NEAREST);
    let after = ids.range(id..).map(|(id, _)| id).take_while(same).take(NEAREST);
    let mut near: Vec<DecisionId> = before.chain(after).copied().collect();
    near.sort_by_key(|other| (other.n.abs_diff(id.n), other.n));
    near.dedup();
    near.truncate(NEAREST);
    near
}

/// What is wanted, in the run's own numbers.
struct Checked {
    strategy: Option<StrategyId>,
    instrument: Option<InstrumentId>,
    outcome: String,
    blocked_by: String,
}

impl Checked {
    /// `None` when a name is none of the run: then nothing is wanted.
    fn of(wanted: &Wanted, config: &Config) -> Option<Self> {
        let numbered = |at: usize| u16::try_from(at).ok();
        let strategy = match wanted.strategy.as_str() {
            "" => None,
            name => Some(config.strategies.iter().position(|strategy| strategy.name == name)?),
        };
        let instrument = match wanted.instrument.as_str() {
            "" => None,
            symbol => Some(config.instruments.iter().position(|other| other.symbol == symbol)?),
        };
        Some(Self {
            strategy: strategy.and_then(numbered).map(StrategyId),
            instrument: instrument.and_then(numbered).map(InstrumentId),
            outcome: wanted.outcome.replace('_', " "),
            blocked_by: wanted.blocked_by.clone(),
        })
    }

    /// By what an entry says without being decoded.
    fn may_be(&self, entry: &Entry) -> bool {
        entry.is_decision()
            && self.strategy.is_none_or(|strategy| strategy == entry.id.strategy)
            && self.instrument.is_none_or(|instrument| instrument == entry.instrument)
            && (self.outcome.is_empty() || self.outcome == entry.outcome)
    }

    /// By its evaluation alone. A wish may still be refused by the check that is asked for.
    fn holds(&self, entry: &Entry, forms: &[Form]) -> bool {
        if self.blocked_by.is_empty() || entry.outcome == "signal" {
            return true;
        }
        let Some(evaluation) = entry.evaluation() else { return false };
        let form = forms.get(usize::from(evaluation.form));
        form.is_some_and(|form| blocker_name(&evaluation, form).contains(&self.blocked_by))
    }

    /// By the whole chain: what was wanted was refused for it.
    fn names(&self, decision: &DecisionView) -> bool {
        decision.evaluation.outcome != "signal" || decision.refusal.contains(&self.blocked_by)
    }
}

#[cfg(test)]
mod tests;
