//! Events of exits: what would close a position by itself, and what became of it.

use super::Told;
use crate::domain::UnixNanos;
use crate::engine::{ExitChange, ExitReport, Levels};
use crate::strategy::ExitKind;
use crate::telemetry::line::Line;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::name::EventName;
use crate::telemetry::names::Scope;

/// The exits of a position changed, or one is reached.
#[derive(Clone, Copy, Debug)]
pub struct ExitTold<'a>(pub &'a ExitReport);

impl Told for ExitTold<'_> {
    fn name(&self) -> EventName {
        match self.0.change {
            ExitChange::Armed => EventName::ExitArmed,
            ExitChange::Moved => EventName::ExitMoved,
            ExitChange::Triggered { .. } => EventName::ExitTriggered,
            ExitChange::Postponed { .. } => EventName::ExitPostponed,
            ExitChange::Disarmed => EventName::ExitDisarmed,
        }
    }

    fn id(&self, scope: &Scope) -> String {
        match self.0.change {
            ExitChange::Triggered { decision, .. } => scope.decision(decision),
            _ => String::new(),
        }
    }

    fn message(&self, scope: &Scope) -> String {
        let ExitReport { strategy, instrument, change, levels, .. } = self.0;
        let of = format!("{} {}", scope.strategy(*strategy), scope.instrument(*instrument));
        match change {
            ExitChange::Armed => format!("{of} exits armed: {}", words(levels)),
            ExitChange::Moved => format!("{of} exits moved: {}", words(levels)),
            ExitChange::Triggered { kind, .. } => {
                let at = levels.price(*kind).map(|price| format!(" {price}")).unwrap_or_default();
                format!("{of} reached its {}{at} and closes", kind.as_str().replace('_', " "))
            }
            ExitChange::Postponed { until } => {
                format!("{of} exit failed, the next try is not before {until}")
            }
            ExitChange::Disarmed => format!("{of} exits disarmed, nothing is held to sell"),
        }
    }

    fn fields(&self, scope: &Scope, line: &mut Line) {
        let ExitReport { strategy, instrument, cause, change, levels, .. } = self.0;
        line.text("venue", &scope.names.venue);
        line.text("instrument", scope.instrument(*instrument));
        line.text("strategy", scope.strategy(*strategy));
        line.unsigned("cause_seq", cause.seq);
        match change {
            ExitChange::Triggered { kind, decision } => {
                line.text("decision_id", &scope.decision(*decision));
                line.text("exit", kind.as_str());
            }
            ExitChange::Postponed { until } => line.time("until", *until),
            ExitChange::Armed | ExitChange::Moved | ExitChange::Disarmed => {}
        }
        line.exact_or_null("stop", levels.stop);
        line.exact_or_null("trailing_stop", levels.trailing_stop);
        line.exact_or_null("take_profit", levels.take_profit);
        match levels.deadline {
            Some(deadline) => line.time("deadline", deadline),
            None => line.null("deadline"),
        }
    }

    fn count(&self, metrics: &Metrics, _time: UnixNanos) {
        if let ExitChange::Triggered { kind, .. } = self.0.change {
            metrics.money.exit(self.0.strategy, kind);
        }
    }
}

/// The levels that are set: `stop 61810, take profit 62900`.
fn words(levels: &Levels) -> String {
    let prices = ExitKind::ALL.into_iter().filter_map(|kind| {
        Some(format!("{} {}", kind.as_str().replace('_', " "), levels.price(kind)?))
    });
    let deadline = levels.deadline.map(|deadline| format!("until {deadline}"));
    prices.chain(deadline).collect::<Vec<_>>().join(", ")
}
