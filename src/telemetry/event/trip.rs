//! The event of a round trip: a position that was opened in this run and is closed.

use super::Told;
use crate::domain::{DecisionId, InstrumentId, Num, Side, StrategyId, UnixNanos};
use crate::telemetry::engine_word::{ResultWord, SideWord};
use crate::telemetry::line::Line;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::name::EventName;
use crate::telemetry::names::Scope;
use crate::telemetry::word::Word;

/// A position from flat to flat, or to the other side.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TripTold {
    /// Whose.
    pub strategy: StrategyId,
    /// In which instrument.
    pub instrument: InstrumentId,
    /// Long or short, as the side that opened it.
    pub side: Side,
    /// The decision that opened it; `None` when its order is too old to be remembered.
    pub entry: Option<DecisionId>,
    /// The decision that closed it.
    pub exit: Option<DecisionId>,
    /// When it was opened.
    pub opened: UnixNanos,
    /// When it was closed.
    pub closed: UnixNanos,
    /// Realised PnL in quote asset, fees not counted.
    pub realised: Num,
    /// Fees paid, valued in quote asset.
    pub fees: Num,
}

impl TripTold {
    /// What is left after fees.
    fn net(&self) -> Num {
        self.realised.sub(self.fees).unwrap_or(self.realised)
    }

    fn result(&self) -> ResultWord {
        match self.net() {
            net if net.is_positive() => ResultWord::Win,
            net if net.is_zero() => ResultWord::Even,
            _ => ResultWord::Loss,
        }
    }
}

impl Told for TripTold {
    fn name(&self) -> EventName {
        EventName::TradeClosed
    }

    fn id(&self, scope: &Scope) -> String {
        self.exit.map(|exit| scope.decision(exit)).unwrap_or_default()
    }

    fn message(&self, scope: &Scope) -> String {
        let (seconds, nanos) = {
            let held = self.closed.since(self.opened);
            (held / UnixNanos::SECOND, held % UnixNanos::SECOND)
        };
        format!(
            "{} {} {} closed after {seconds}.{} s: {} after fees",
            scope.strategy(self.strategy),
            scope.instrument(self.instrument),
            if self.side == Side::Buy { "long" } else { "short" },
            nanos / 100_000_000,
            self.net(),
        )
    }

    fn fields(&self, scope: &Scope, line: &mut Line) {
        line.text("venue", &scope.names.venue);
        line.text("instrument", scope.instrument(self.instrument));
        line.text("strategy", scope.strategy(self.strategy));
        let id = |decision: Option<DecisionId>| decision.map(|decision| scope.decision(decision));
        line.exact_or_null("decision_id", id(self.exit));
        line.exact_or_null("entry_decision_id", id(self.entry));
        line.text("side", SideWord::from(self.side).as_str());
        line.time("opened", self.opened);
        line.unsigned("held_us", self.closed.since(self.opened) / 1_000);
        line.exact("realised", self.realised);
        line.exact("fees", self.fees);
        line.exact("net", self.net());
        line.text("result", self.result().as_str());
    }

    fn count(&self, metrics: &Metrics, _time: UnixNanos) {
        metrics.money.trip(self.strategy, self.result(), self.closed.since(self.opened));
    }
}
