//! The strategies' metrics: are they alive, what do they decide, which rule blocks.

use prometheus::{Gauge, IntCounter};

use super::super::account::seconds;
use super::super::catalogue as names;
use super::super::engine_word::{ExplainedWord, OutcomeWord, SideWord, TruthWord};
use super::super::exemplar::{Exemplars, Exemplified};
use super::super::names::Names;
use super::super::registry::{Families, MetricError, Table};
use super::super::word::ByWord;
use crate::domain::{DecisionId, InstrumentId, Nanos, StrategyId, UnixNanos};

/// Results of one rule leaf, counted by truth.
pub(in super::super) type RuleCounters = ByWord<TruthWord, IntCounter>;

/// Makes the counters of a rule, by strategy and rule.
type MakeRule = Box<dyn Fn(&str, &str) -> Result<RuleCounters, MetricError> + Send + Sync>;

pub(in super::super) struct DecisionMetrics {
    strategies: Table<StrategyMetrics>,
    make_rule: MakeRule,
    rule_overflow: IntCounter,
}

struct StrategyMetrics {
    name: String,
    tick_to_decision: Exemplified,
    tick_to_order: Exemplified,
    last_evaluation: Gauge,
    paused: Gauge,
    panics: IntCounter,
    signals: ByWord<SideWord, IntCounter>,
    explained: ByWord<ExplainedWord, IntCounter>,
    instruments: Table<PairMetrics>,
}

/// One strategy in one instrument.
struct PairMetrics {
    evaluations: ByWord<OutcomeWord, IntCounter>,
}

impl DecisionMetrics {
    pub(super) fn new(families: &Families, of: &Names) -> Result<Self, MetricError> {
        let rules = families.counter(&names::RULE_EVALUATIONS)?;
        let overflow = families.counter(&names::LABEL_OVERFLOW)?;
        Ok(Self {
            strategies: families.table(&names::LAST_EVALUATION, &of.strategies, |strategy| {
                StrategyMetrics::new(families, of, strategy)
            })?,
            make_rule: Box::new(move |strategy, rule| {
                ByWord::new(|truth| rules.get(&[strategy, rule, truth]))
            }),
            rule_overflow: overflow.get(&[names::RULE_EVALUATIONS.name])?,
        })
    }

    /// Counters of a rule that was met for the first time.
    pub(in super::super) fn rule(&self, strategy: &str, rule: &str) -> Option<RuleCounters> {
        (self.make_rule)(strategy, rule).ok()
    }

    /// A strategy has more rules than are counted one by one.
    pub(in super::super) fn rule_overflow(&self) {
        self.rule_overflow.inc();
    }

    pub(in super::super) fn evaluated(
        &self,
        strategy: StrategyId,
        instrument: InstrumentId,
        outcome: OutcomeWord,
        time: UnixNanos,
    ) {
        let Some(strategy) = self.strategies.get(strategy.index()) else { return };
        strategy.last_evaluation.set(seconds(time));
        if let Some(pair) = strategy.instruments.get(instrument.index()) {
            pair.evaluations.get(outcome).inc();
        }
    }

    pub(super) fn tick_to_decision(&self, id: DecisionId, nanos: Nanos, time: UnixNanos) {
        if let Some(strategy) = self.strategies.get(id.strategy.index()) {
            strategy.tick_to_decision.observe(nanos, id, time);
        }
    }

    pub(super) fn tick_to_order(&self, id: DecisionId, nanos: Nanos, time: UnixNanos) {
        if let Some(strategy) = self.strategies.get(id.strategy.index()) {
            strategy.tick_to_order.observe(nanos, id, time);
        }
    }

    pub(super) fn exemplars(&self) -> Exemplars {
        let mut found = Exemplars::new();
        for StrategyMetrics { name, tick_to_decision, tick_to_order, .. } in self.strategies.iter()
        {
            tick_to_decision.gather(&names::TICK_TO_DECISION, name, &mut found);
            tick_to_order.gather(&names::TICK_TO_ORDER, name, &mut found);
        }
        found
    }

    pub(in super::super) fn paused(&self, strategy: StrategyId, paused: bool) {
        if let Some(strategy) = self.strategies.get(strategy.index()) {
            strategy.paused.set(if paused { 1.0 } else { 0.0 });
        }
    }

    pub(in super::super) fn panicked(&self, strategy: StrategyId) {
        if let Some(strategy) = self.strategies.get(strategy.index()) {
            strategy.panics.inc();
        }
    }

    pub(in super::super) fn signal(&self, strategy: StrategyId, side: SideWord, explained: bool) {
        let Some(strategy) = self.strategies.get(strategy.index()) else { return };
        let word = if explained { ExplainedWord::True } else { ExplainedWord::False };
        strategy.explained.get(word).inc();
        strategy.signals.get(side).inc();
    }
}

impl StrategyMetrics {
    fn new(families: &Families, of: &Names, strategy: &str) -> Result<Self, MetricError> {
        let evaluations = families.counter(&names::EVALUATIONS)?;
        let signals = families.counter(&names::SIGNALS)?;
        let explained = families.counter(&names::EXPLAINED_ORDERS)?;
        Ok(Self {
            name: strategy.to_owned(),
            tick_to_decision: Exemplified::new(families, &names::TICK_TO_DECISION, strategy)?,
            tick_to_order: Exemplified::new(families, &names::TICK_TO_ORDER, strategy)?,
            last_evaluation: families.gauge(&names::LAST_EVALUATION)?.get(&[strategy])?,
            panics: families.counter(&names::STRATEGY_PANICS)?.get(&[strategy])?,
            paused: families.gauge(&names::STRATEGY_PAUSED)?.get(&[strategy])?,
            signals: ByWord::new(|side| signals.get(&[strategy, side]))?,
            explained: ByWord::new(|word| explained.get(&[strategy, word]))?,
            instruments: families.table(&names::EVALUATIONS, &of.instruments, |symbol| {
                Ok(PairMetrics {
                    evaluations: ByWord::new(|word| evaluations.get(&[strategy, symbol, word]))?,
                })
            })?,
        })
    }
}
