//! A patch: what makes the next view out of the one before.
//!
//! Most of a view is history that only grows: decisions, orders, log lines, bars, marks. Of that a
//! patch has the new part alone, so that sending thirty views a second costs next to nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::view::{DecisionView, EngineView, InstrumentView, LogView, Marker, OrderView};
use crate::strategy::Bar;

/// Most items of any list of a view; what would have more is no view.
const ITEMS_MAX: usize = 65_536;

/// A patch that does not fit the view before: the stream is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a view does not follow from the one before")]
pub struct Misfit;

/// What makes the next view.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Patch {
    /// The next view without its histories.
    rest: EngineView,
    orders: Vec<Part<OrderView>>,
    decisions: Vec<Part<DecisionView>>,
    log: Vec<Part<LogView>>,
    charts: Vec<Chart>,
}

/// A stretch of a list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
enum Part<T> {
    /// As many items of the list before, from this index on.
    Same { from: u32, count: u32 },
    /// A new item.
    New(Arc<T>),
}

/// The histories of an instrument.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Chart {
    bars: Tail<Bar>,
    markers: Tail<Marker>,
}

/// A list that loses items at its beginning and gains some at its end.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Tail<T> {
    dropped: u32,
    added: Vec<T>,
}

impl Patch {
    /// What makes `new` out of `old`.
    pub fn between(old: &EngineView, new: &EngineView) -> Self {
        let nothing = InstrumentView::default();
        let charts = new.instruments.iter().enumerate().map(|(at, new)| {
            let old = old.instruments.get(at).map_or(&nothing, AsRef::as_ref);
            Chart {
                bars: if Arc::ptr_eq(&old.bars, &new.bars) {
                    Tail { dropped: 0, added: Vec::new() }
                } else {
                    Tail::between(&old.bars, &new.bars)
                },
                markers: Tail::between(&old.markers, &new.markers),
            }
        });
        Self {
            orders: parts(&old.orders, &new.orders),
            decisions: parts(&old.decisions, &new.decisions),
            log: parts(&old.log, &new.log),
            charts: charts.collect(),
            rest: without_histories(new),
        }
    }

    /// The view that follows `old`.
    pub fn apply(self, old: &EngineView) -> Result<EngineView, Misfit> {
        let mut view = self.rest;
        view.orders = joined(&old.orders, self.orders)?;
        view.decisions = joined(&old.decisions, self.decisions)?;
        view.log = joined(&old.log, self.log)?;
        if view.instruments.len() != self.charts.len() {
            return Err(Misfit);
        }
        let nothing = InstrumentView::default();
        for (at, (instrument, chart)) in view.instruments.iter_mut().zip(self.charts).enumerate() {
            let old = old.instruments.get(at).map_or(&nothing, AsRef::as_ref);
            let instrument = Arc::make_mut(instrument);
            instrument.bars = if chart.bars.is_nothing() {
                Arc::clone(&old.bars)
            } else {
                Arc::new(chart.bars.apply(&old.bars)?)
            };
            instrument.markers = chart.markers.apply(&old.markers)?;
        }
        Ok(view)
    }
}

fn without_histories(view: &EngineView) -> EngineView {
    let bare = |instrument: &Arc<InstrumentView>| {
        Arc::new(InstrumentView {
            bars: Arc::default(),
            markers: Vec::new(),
            ..(**instrument).clone()
        })
    };
    EngineView {
        instruments: view.instruments.iter().map(bare).collect(),
        orders: Vec::new(),
        decisions: Vec::new(),
        log: Vec::new(),
        version: view.version,
        now: view.now,
        run: view.run.clone(),
        account: view.account.clone(),
        strategies: view.strategies.clone(),
        positions: view.positions.clone(),
        health: view.health.clone(),
        replay: view.replay.clone(),
    }
}

fn short(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Items are known by where they lie: both views are held, so that no place is used twice.
fn parts<T>(old: &[Arc<T>], new: &[Arc<T>]) -> Vec<Part<T>> {
    let mut parts = Vec::new();
    let mut expected = 0;
    for item in new {
        let is_item = |other: &Arc<T>| Arc::ptr_eq(other, item);
        let found = if old.get(expected).is_some_and(is_item) {
            Some(expected)
        } else {
            old.iter().position(is_item)
        };
        // A changed item stands where its former self stood.
        expected = found.unwrap_or(expected) + 1;
        match (found, parts.last_mut()) {
            (Some(at), Some(Part::Same { from, count })) if *from + *count == short(at) => {
                *count += 1;
            }
            (Some(at), _) => parts.push(Part::Same { from: short(at), count: 1 }),
            (None, _) => parts.push(Part::New(Arc::clone(item))),
        }
    }
    parts
}

fn joined<T>(old: &[Arc<T>], parts: Vec<Part<T>>) -> Result<Vec<Arc<T>>, Misfit> {
    let mut items = Vec::new();
    for part in parts {
        match part {
            Part::New(item) => items.push(item),
            Part::Same { from, count } => {
                let (from, count) = (from as usize, count as usize);
                let end = from.checked_add(count).ok_or(Misfit)?;
                items.extend_from_slice(old.get(from..end).ok_or(Misfit)?);
            }
        }
        if items.len() > ITEMS_MAX {
            return Err(Misfit);
        }
    }
    Ok(items)
}

impl<T: Clone + PartialEq> Tail<T> {
    fn between(old: &[T], new: &[T]) -> Self {
        let follows = |dropped: &usize| {
            let kept = old.get(*dropped..).unwrap_or_default();
            new.get(..kept.len()) == Some(kept)
        };
        let dropped = (0..old.len()).find(follows).unwrap_or(old.len());
        let kept = old.len() - dropped;
        Self { dropped: short(dropped), added: new.get(kept..).unwrap_or_default().to_vec() }
    }

    fn is_nothing(&self) -> bool {
        self.dropped == 0 && self.added.is_empty()
    }

    fn apply(self, old: &[T]) -> Result<Vec<T>, Misfit> {
        let mut items = old.get(self.dropped as usize..).ok_or(Misfit)?.to_vec();
        items.extend(self.added);
        if items.len() > ITEMS_MAX { Err(Misfit) } else { Ok(items) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Price, Side, UnixNanos};
    use crate::engine::view::MarkerKind;

    fn line(text: u8) -> Arc<LogView> {
        let text = text.to_string();
        let (level, event) = ("INFO".to_owned(), text.clone());
        Arc::new(LogView { time: UnixNanos(1), level, event, message: text, id: String::new() })
    }

    fn marker(at: u8) -> Marker {
        let (price, side) = (Price::default(), Side::Buy);
        let kind = MarkerKind::Fill;
        Marker { time: UnixNanos(at.into()), price, kind, side, decision: at.to_string() }
    }

    /// What happens to a history between two views: items leave, one changes, items come.
    fn changed(old: &EngineView, drop: usize, change: Option<usize>, come: &[u8]) -> EngineView {
        let mut new = old.clone();
        new.version += 1;
        new.log.drain(..drop.min(new.log.len()));
        if let Some(log) = change.and_then(|at| new.log.get_mut(at)) {
            *log = line(255);
        }
        new.log.extend(come.iter().map(|text| line(*text)));
        let instrument = Arc::make_mut(&mut new.instruments[0]);
        instrument.markers.drain(..drop.min(instrument.markers.len()));
        instrument.markers.extend(come.iter().map(|at| marker(*at)));
        new
    }

    proptest! {
        /// Lost if broken: that an attached screen shows what the run's own would.
        #[test]
        fn every_view_arrives_as_it_was(
            steps in prop::collection::vec(
                (0_usize..4, prop::option::of(0_usize..6), prop::collection::vec(0_u8..4, 0..5)),
                1..12,
            ),
        ) {
            let mut sent = EngineView {
                instruments: vec![Arc::default(), Arc::default()], ..EngineView::default()
            };
            let mut shown = EngineView::default();
            shown = Patch::between(&shown, &sent).apply(&shown).unwrap();
            for (drop, change, come) in steps {
                let next = changed(&sent, drop, change, &come);
                let bytes = postcard::to_stdvec(&Patch::between(&sent, &next)).unwrap();
                let patch: Patch = postcard::from_bytes(&bytes).unwrap();
                shown = patch.apply(&shown).unwrap();
                prop_assert_eq!(&shown, &next);
                sent = next;
            }
        }
    }

    /// Lost if broken: a core's worth of time for each screen.
    #[test]
    fn what_did_not_change_is_not_sent() {
        let mut view = EngineView { instruments: vec![Arc::default()], ..EngineView::default() };
        let empty = postcard::to_stdvec(&Patch::between(&view, &view)).unwrap().len();
        view = changed(&view, 0, None, &[7; 200]);
        let again = postcard::to_stdvec(&Patch::between(&view, &view)).unwrap().len();
        assert!(again < empty + 8, "{again} bytes instead of {empty}");
    }

    /// Lost if broken: the memory of whoever attaches to something that is no run.
    #[test]
    fn a_patch_that_does_not_fit_is_refused() {
        let full = changed(
            &EngineView { instruments: vec![Arc::default()], ..EngineView::default() },
            0,
            None,
            &[1; 50],
        );
        let patch = Patch::between(&full, &full);
        assert_eq!(patch.apply(&EngineView::default()), Err(Misfit));
        let part = || Part::Same { from: 0, count: 50 };
        let patch =
            Patch { log: (0..10_000).map(|_| part()).collect(), ..Patch::between(&full, &full) };
        assert_eq!(patch.apply(&full), Err(Misfit));
    }
}
