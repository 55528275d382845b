//! A decision by itself: its own records, kept apart from all others, folded into its chain.

use std::sync::Arc;

use super::{RunInfo, Viewer};
use crate::engine::config::Config;
use crate::engine::record::Record;
use crate::engine::view::{DecisionView, OrderView};
use crate::strategy::Form;

/// What the records of one decision say.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Single {
    /// The decision; `None` of an order that the run before had left open.
    pub decision: Option<Arc<DecisionView>>,
    /// Every order of it, oldest first.
    pub orders: Vec<Arc<OrderView>>,
}

impl Viewer {
    /// A viewer that knows the run's forms already, by their numbers.
    pub fn with_forms(run: RunInfo, config: Config, forms: Vec<Form>) -> Self {
        Self { forms, ..Self::new(run, config) }
    }

    /// Folds the records of one decision, from its evaluation on; what was folded before is
    /// forgotten, but for the forms.
    pub fn single<'r>(&mut self, records: impl IntoIterator<Item = &'r Record>) -> Single {
        self.last.clear();
        self.decisions.clear();
        self.orders.clear();
        self.blockers.clear();
        for markers in &mut self.markers {
            markers.clear();
        }
        for record in records {
            self.take(record);
        }
        Single { decision: self.decisions.pop_back(), orders: self.orders.drain(..).collect() }
    }
}
