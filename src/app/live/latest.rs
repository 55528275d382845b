//! The latest: what an input led to, for the clock that says how fast.

use crate::app::outputs::Outputs;
use crate::domain::DecisionId;
use crate::engine::{Outlet, Record};

/// What the last input led to.
#[derive(Debug, Default)]
pub struct Latest {
    /// The last decision of each strategy that made one.
    pub decisions: Vec<DecisionId>,
    /// Those that led to an order.
    pub ordered: Vec<DecisionId>,
}

impl Latest {
    /// Before the next input.
    pub fn clear(&mut self) {
        self.decisions.clear();
        self.ordered.clear();
    }
}

/// Notes what a record says of that, and hands it on.
pub struct Noting<'a>(pub &'a mut Latest, pub &'a mut Outputs);

impl Outlet for Noting<'_> {
    fn record(&mut self, record: &Record) {
        let Self(Latest { decisions, ordered }, next) = self;
        match record {
            Record::Evaluation(evaluation) => {
                let id = evaluation.id;
                match decisions.iter_mut().find(|last| last.strategy == id.strategy) {
                    Some(last) => *last = id,
                    None => decisions.push(id),
                }
            }
            Record::Order { request, .. } => ordered.push(request.decision),
            _ => {}
        }
        next.record(record);
    }
}
