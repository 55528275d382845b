//! Events of strategies themselves: that one took other rules.

use super::Told;
use crate::domain::StrategyId;
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
}

impl Told for StrategyEvent<'_> {
    fn name(&self) -> EventName {
        EventName::StrategyRevised
    }

    fn message(&self, scope: &Scope) -> String {
        let Self::Revised { strategy, before, after } = self;
        let changed = after.iter().filter(|rule| !before.iter().any(|old| old == *rule));
        let changed: Vec<_> = changed.map(|(key, text)| format!("{key} = {text}")).collect();
        let gone = before.iter().filter(|(key, _)| !after.iter().any(|(new, _)| new == *key));
        let gone: Vec<_> = gone.map(|(key, _)| format!("no {key}")).collect();
        let what = [changed, gone].concat().join("; ");
        format!("{}: rules changed: {what}", scope.strategy(*strategy))
    }

    fn fields(&self, scope: &Scope, line: &mut Line) {
        let Self::Revised { strategy, before, after } = self;
        line.text("strategy", scope.strategy(*strategy));
        for (name, rules) in [("before", before), ("after", after)] {
            line.list(name, rules.iter(), |line, (key, text)| {
                line.text("key", key);
                line.text("rule", text);
            });
        }
    }
}
