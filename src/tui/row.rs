//! A row: something in a pane that can be selected, filtered and asked why.
//!
//! Rows are known by what they are about, never by their place, so that what is selected stays
//! selected while rows come and go.

use std::sync::Arc;

use super::chain;
use super::model::{Model, Pane};
use crate::domain::UnixNanos;
use crate::engine::view::{
    DecisionView, EngineView, EvaluationView, InstrumentView, LogView, Marker, MarkerKind,
    OrderView, PositionView,
};

/// What a row is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RowId {
    /// A symbol, an order id, a decision id.
    Name(String),
    /// A strategy and a symbol.
    Slot(String, String),
    /// A log line.
    Line(UnixNanos, String),
    /// A mark on the chart.
    Mark(String, MarkerKind, UnixNanos),
}

/// A row of a view.
#[derive(Clone, Copy, Debug)]
pub(super) enum Row<'v> {
    Instrument(&'v Arc<InstrumentView>),
    Mark(&'v Marker),
    Position(&'v PositionView),
    Order(&'v Arc<OrderView>),
    Decision(&'v Arc<DecisionView>),
    Line(&'v Arc<LogView>),
    Slot(&'v Arc<EvaluationView>),
}

impl Row<'_> {
    /// What it is about.
    pub fn id(&self) -> RowId {
        match self {
            Self::Instrument(i) => RowId::Name(i.symbol.clone()),
            Self::Mark(m) => RowId::Mark(m.decision.clone(), m.kind, m.time),
            Self::Position(p) => RowId::Slot(p.strategy.clone(), p.symbol.clone()),
            Self::Order(o) => RowId::Name(o.id.clone()),
            Self::Decision(d) => RowId::Name(d.evaluation.id.clone()),
            Self::Line(l) => RowId::Line(l.time, l.message.clone()),
            Self::Slot(e) => RowId::Slot(e.strategy.clone(), e.symbol.clone()),
        }
    }

    /// The id of its decision or order that a recording can be asked for; `None` without one.
    pub fn recorded_id(&self) -> Option<&str> {
        match self {
            Self::Instrument(_) | Self::Position(_) => None,
            Self::Mark(m) => Some(&m.decision),
            Self::Order(o) => Some(&o.id),
            Self::Decision(d) => Some(&d.evaluation.id),
            Self::Line(l) => Some(l.id.as_str()).filter(|id| !id.is_empty()),
            Self::Slot(e) => Some(&e.id),
        }
    }

    /// True when it is about `id`.
    pub fn is(&self, id: &RowId) -> bool {
        match (self, id) {
            (Self::Instrument(i), RowId::Name(name)) => i.symbol == *name,
            (Self::Order(o), RowId::Name(name)) => o.id == *name,
            (Self::Decision(d), RowId::Name(name)) => d.evaluation.id == *name,
            (Self::Position(p), RowId::Slot(s, y)) => p.strategy == *s && p.symbol == *y,
            (Self::Slot(e), RowId::Slot(s, y)) => e.strategy == *s && e.symbol == *y,
            (Self::Line(l), RowId::Line(time, text)) => l.time == *time && l.message == *text,
            (Self::Mark(m), RowId::Mark(decision, kind, time)) => {
                m.time == *time && m.kind == *kind && m.decision == *decision
            }
            _ => false,
        }
    }

    /// True when one of its words contains `needle`, which is lower case.
    fn contains(&self, needle: &str) -> bool {
        let any = |words: &[&str]| words.iter().any(|w| w.to_lowercase().contains(needle));
        match self {
            Self::Instrument(i) => any(&[&i.symbol]),
            Self::Mark(m) => any(&[&m.decision]),
            Self::Position(p) => any(&[&p.strategy, &p.symbol]),
            Self::Order(o) => any(&[
                &o.id,
                &o.decision,
                &o.strategy,
                &o.symbol,
                o.side.as_str(),
                o.state.as_str(),
                &o.reject,
            ]),
            Self::Decision(d) => {
                let e = &d.evaluation;
                let action = chain::action(d, 0);
                any(&[&e.id, &e.strategy, &e.symbol, &d.state, &action, &chain::reason(d)])
            }
            Self::Line(l) => any(&[&l.level, &l.event, &l.message, &l.id]),
            Self::Slot(e) => any(&[&e.strategy, &e.symbol, &e.outcome, &e.blocker]),
        }
    }
}

/// The rows of a pane in the order shown, filtered; empty for panes without rows.
pub(super) fn rows<'v>(model: &Model, view: &'v EngineView, pane: Pane) -> Vec<Row<'v>> {
    let needle = model.filter_of(pane).to_lowercase();
    let mut rows = all_rows(model, view, pane);
    if pane == Pane::Decisions && model.blockers_only {
        rows.retain(|row| matches!(row, Row::Decision(d) if d.order.is_none()));
    }
    if !needle.is_empty() {
        rows.retain(|row| row.contains(&needle));
    }
    rows
}

fn all_rows<'v>(model: &Model, view: &'v EngineView, pane: Pane) -> Vec<Row<'v>> {
    match pane {
        Pane::Watch => view.instruments.iter().map(Row::Instrument).collect(),
        Pane::Chart => model
            .instrument(view)
            .map(|i| i.markers.iter().rev().map(Row::Mark).collect())
            .unwrap_or_default(),
        Pane::Positions => view.positions.iter().map(Row::Position).collect(),
        Pane::Orders => view.orders.iter().map(Row::Order).collect(),
        Pane::Decisions => view.decisions.iter().rev().map(Row::Decision).collect(),
        Pane::Log => view.log.iter().rev().map(Row::Line).collect(),
        Pane::Strategy => {
            view.strategies.iter().flat_map(|s| s.last.iter()).map(Row::Slot).collect()
        }
        Pane::Book | Pane::Health => Vec::new(),
    }
}

/// The place of the selected row; the first when nothing is selected or it is gone.
pub(super) fn place(rows: &[Row<'_>], selected: Option<&RowId>) -> usize {
    selected.and_then(|id| rows.iter().position(|row| row.is(id))).unwrap_or(0)
}
