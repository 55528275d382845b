//! A chain of one side, followed until what the decision led to has ended.

use super::heard::What;
use super::side::Side;
use crate::app::decision::Document;
use crate::domain::UnixNanos;
use crate::engine::Evaluation;
use crate::engine::view::{DecisionView, EngineView};
use crate::tui::{self, Chain};

/// A minute after a decision its order is taken to stay open.
const PATIENCE: u64 = 60 * UnixNanos::SECOND;

/// A decision of a side, and the screen of the moment at which all of it was known.
pub struct Chained {
    /// It is B's.
    pub is_b: bool,
    /// The decision.
    pub chain: Chain,
    /// When it was made.
    made: UnixNanos,
    /// The screen; `None` while more may come.
    view: Option<EngineView>,
}

impl Chained {
    /// A decision that was just made.
    pub fn of(side: &mut Side, evaluation: &Evaluation, is_b: bool) -> Option<Self> {
        let made = evaluation.time;
        let chain = side.resolve(evaluation).map(|evaluation| side.chain(evaluation))?;
        let mut chained = Self { is_b, chain, made, view: None };
        chained.look(side);
        Some(chained)
    }

    /// After more inputs of its side.
    pub fn follow(&mut self, side: &mut Side) {
        let is_news = |what: What| matches!(what, What::Decision(_) | What::Order(_));
        let is_late = side.time().since(self.made) > PATIENCE;
        if self.view.is_none() && (is_late || side.heard.items().iter().any(|i| is_news(i.what))) {
            self.chain = side.chain((*self.chain.evaluation).clone());
            self.look(side);
            if is_late {
                self.end(side);
            }
        }
    }

    /// At the end of its side.
    pub fn end(&mut self, side: &mut Side) {
        if self.view.is_none() {
            self.view = Some(side.view());
        }
    }

    fn look(&mut self, side: &mut Side) {
        let under_way = |row: &DecisionView| match &row.order {
            Some(order) => !order.state.is_terminal(),
            None => row.signal.is_some() && row.refusal.is_empty(),
        };
        if !self.chain.decision.as_deref().is_some_and(under_way) {
            self.end(side);
        }
    }

    /// As the screen draws it.
    pub fn text(&self, width: u16) -> String {
        let view = self.view.clone().unwrap_or_default();
        tui::chain_text(&view, &self.chain, width)
    }

    /// For programs.
    pub fn document(&self) -> Document {
        match &self.chain.decision {
            Some(row) => Document::from(&**row),
            None => Document::from(&*self.chain.evaluation),
        }
    }
}
