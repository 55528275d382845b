//! Events of strategies themselves: that one took other rules, or decides nothing.

use super::Told;
use crate::domain::{Nanos, StrategyId};
use crate::strategy::RuleTexts;
use crate::telemetry::line::Line;
use crate::telemetry::name::EventName;
use crate::telemetry::names::Scope;

/// Something about a strategy.
#[derive(Clone, Copy, Debug)]
pub enum StrategyEvent<'a> {
    /// It took other rules.
    Revised {
        /// Which strategy.
        strategy: StrategyId,
        /// Its rules until now.
        before: &'a RuleTexts,
        /// Its rules from here.
        after: &'a RuleTexts,
    },
    /// It decided nothing for longer than is normal.
    Idle {
        /// Which strategy.
        strategy: StrategyId,
        /// How long.
        age: Nanos,
        /// The limit.
        limit: Nanos,
    },
    /// It decides again.
    Decides {
        /// Which strategy.
        strategy: StrategyId,
        /// How long it decided nothing.
        silent: Nanos,
    },
}

impl StrategyEvent<'_> {
    fn strategy(&self) -> StrategyId {
        match self {
            Self::Revised { strategy, .. }
            | Self::Idle { strategy, .. }
            | Self::Decides { strategy, .. } => *strategy,
        }
    }
}

impl Told for StrategyEvent<'_> {
    fn name(&self) -> EventName {
        match self {
            Self::Revised { .. } => EventName::StrategyRevised,
            Self::Idle { .. } => EventName::StrategyIdle,
            Self::Decides { .. } => EventName::StrategyDecides,
        }
    }

    fn message(&self, scope: &Scope) -> String {
        let name = scope.strategy(self.strategy());
        match self {
            Self::Revised { before, after, .. } => {
                format!("{name}: rules changed: {}", changes(before, after))
            }
            Self::Idle { age, limit, .. } => {
                let (age, limit) = (age / 1_000_000, limit / 1_000_000);
                format!("{name} decided nothing for {age} ms, limit {limit} ms")
            }
            Self::Decides { silent, .. } => {
                format!("{name} decides again after {} ms", silent / 1_000_000)
            }
        }
    }

    fn fields(&self, scope: &Scope, line: &mut Line) {
        line.text("strategy", scope.strategy(self.strategy()));
        match self {
            Self::Revised { before, after, .. } => {
                for (name, rules) in [("before", before), ("after", after)] {
                    line.list(name, rules.iter(), |line, (key, text)| {
                        line.text("key", key);
                        line.text("rule", text);
                    });
                }
            }
            Self::Idle { age, limit, .. } => {
                line.unsigned("age_us", age / 1_000);
                line.unsigned("limit_us", limit / 1_000);
            }
            Self::Decides { silent, .. } => line.unsigned("silent_us", silent / 1_000),
        }
    }
}

/// What is other in rules, in words.
fn changes(before: &RuleTexts, after: &RuleTexts) -> String {
    let changed = after.iter().filter(|rule| !before.iter().any(|old| old == *rule));
    let changed: Vec<_> = changed.map(|(key, text)| format!("{key} = {text}")).collect();
    let gone = before.iter().filter(|(key, _)| !after.iter().any(|(new, _)| new == *key));
    let gone: Vec<_> = gone.map(|(key, _)| format!("no {key}")).collect();
    [changed, gone].concat().join("; ")
}
