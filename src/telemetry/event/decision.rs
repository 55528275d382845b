//! Events of decisions: what a strategy evaluated, and why nothing came of it.

use super::Told;
use crate::domain::{Cause, DecisionId, InstrumentId, StrategyId, UnixNanos};
use crate::engine::{Evaluation, News, Outcome, Summary};
use crate::strategy::{Form, LogLevel, LogLine, Trigger};
use crate::telemetry::engine_word::{OutcomeWord, TruthWord};
use crate::telemetry::line::Line;
use crate::telemetry::metrics::{Metrics, RuleCounters};
use crate::telemetry::name::EventName;
use crate::telemetry::names::Scope;
use crate::telemetry::why;
use crate::telemetry::word::{Level, Word};

/// Something about a decision.
#[derive(Clone, Copy)]
pub enum DecisionEvent<'a> {
    /// A strategy evaluated an event.
    Evaluated(Evaluated<'a>),
    /// What was evaluated but not written.
    Suppressed(Summed<'a>),
    /// Every evaluation of an instrument is written for a while, or no longer.
    Trace {
        /// Which instrument.
        instrument: InstrumentId,
        /// Until when; `None` where it ends.
        until: Option<UnixNanos>,
        /// How many evaluations were written in it.
        evaluations: u64,
    },
    /// An external runner is asked.
    Asked {
        /// Which strategy.
        strategy: StrategyId,
        /// For which instrument.
        instrument: InstrumentId,
        /// About which input.
        cause: Cause,
    },
    /// A strategy logged a line.
    Logged {
        /// Beside which decision.
        decision: DecisionId,
        /// For which instrument.
        instrument: InstrumentId,
        /// What.
        line: &'a LogLine,
    },
}

/// An evaluation with the form that names its numbers.
#[derive(Clone, Copy)]
pub struct Evaluated<'a> {
    pub(in crate::telemetry) evaluation: &'a Evaluation,
    pub(in crate::telemetry) form: &'a Form,
    /// Counters by node of the form; `None` for inner nodes.
    pub(in crate::telemetry) rules: &'a [Option<RuleCounters>],
    pub(in crate::telemetry) telling: Telling,
}

/// A summary with the words for what it counts.
#[derive(Clone, Copy)]
pub struct Summed<'a> {
    pub(in crate::telemetry) summary: &'a Summary,
    /// How often each blocker came first.
    pub(in crate::telemetry) blockers: &'a [(String, u64)],
    /// The form of the nearest miss.
    pub(in crate::telemetry) form: Option<&'a Form>,
}

/// Whether an evaluation is written, and what was not written before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Telling {
    /// It is news.
    News {
        /// How often the state before was seen, or the same one so far.
        repeated: u64,
        /// Since when that state held.
        since: UnixNanos,
    },
    /// It is none: metrics only.
    Repeats,
}

impl Told for DecisionEvent<'_> {
    fn name(&self) -> EventName {
        match self {
            Self::Evaluated(_) => EventName::DecisionEvaluated,
            Self::Suppressed(_) => EventName::DecisionSuppressedSummary,
            Self::Asked { .. } => EventName::DecisionAsked,
            Self::Logged { .. } => EventName::StrategyLogged,
            Self::Trace { until: Some(_), .. } => EventName::TraceStarted,
            Self::Trace { until: None, .. } => EventName::TraceEnded,
        }
    }

    fn level(&self) -> Level {
        match self {
            Self::Logged { line, .. } => match line.level {
                LogLevel::Debug => Level::Debug,
                LogLevel::Info => Level::Info,
                LogLevel::Warn => Level::Warn,
            },
            Self::Evaluated(Evaluated { evaluation, .. })
                if matches!(evaluation.outcome, Outcome::Error(_)) =>
            {
                Level::Error
            }
            _ => self.name().level(),
        }
    }

    fn id(&self, scope: &Scope) -> String {
        match self {
            Self::Evaluated(evaluated) => scope.decision(evaluated.evaluation.id),
            Self::Logged { decision, .. } => scope.decision(*decision),
            Self::Suppressed(_) | Self::Trace { .. } | Self::Asked { .. } => String::new(),
        }
    }

    fn message(&self, scope: &Scope) -> String {
        let (strategy, instrument) = self.pair();
        let instrument = scope.instrument(instrument);
        let who =
            strategy.map_or_else(String::new, |id| format!("{} {instrument}", scope.strategy(id)));
        match self {
            Self::Trace { until: Some(_), .. } => {
                format!("{instrument}: every evaluation is written for a while")
            }
            Self::Trace { until: None, evaluations, .. } => {
                format!("{instrument}: no longer every evaluation is written, {evaluations} were")
            }
            Self::Evaluated(evaluated) => {
                format!("{who}: {}", why::sentence(evaluated.form, evaluated.evaluation))
            }
            Self::Suppressed(summed) => {
                let Summary { evaluations, repeats, .. } = summed.summary;
                let nearest = summed.nearest().map(|leaf| leaf.text_with_numbers());
                let nearest = nearest.map(|text| format!(", nearest miss {text}"));
                format!(
                    "{who}: {evaluations} evaluations, {repeats} without a change{}",
                    nearest.unwrap_or_default()
                )
            }
            Self::Asked { .. } => format!("{who}: asked"),
            Self::Logged { line, .. } => format!("{who}: {}", line.text),
        }
    }

    fn fields(&self, scope: &Scope, line: &mut Line) {
        let (strategy, instrument) = self.pair();
        line.text("venue", &scope.names.venue);
        line.text("instrument", scope.instrument(instrument));
        if let Some(strategy) = strategy {
            line.text("strategy", scope.strategy(strategy));
        }
        match self {
            Self::Trace { until, evaluations, .. } => {
                if let Some(until) = until {
                    line.time("until", *until);
                }
                line.unsigned("evaluations", *evaluations);
            }
            Self::Evaluated(evaluated) => evaluated.fields(scope, line),
            Self::Suppressed(summed) => summed.fields(scope, line),
            Self::Asked { cause, .. } => line.unsigned("cause_seq", cause.seq),
            Self::Logged { decision, .. } => line.text("decision_id", &scope.decision(*decision)),
        }
    }

    fn count(&self, metrics: &Metrics, time: UnixNanos) {
        if let Self::Evaluated(Evaluated { evaluation, rules, .. }) = self {
            let (strategy, instrument) = (evaluation.id.strategy, evaluation.instrument);
            let outcome = OutcomeWord::from(&evaluation.outcome);
            metrics.decisions.evaluated(strategy, instrument, outcome, time);
            for (counters, truth) in rules.iter().zip(&evaluation.truths) {
                if let Some(by_truth) = counters {
                    by_truth.get((*truth).into()).inc();
                }
            }
        }
    }

    fn is_suppressed(&self) -> bool {
        matches!(self, Self::Evaluated(Evaluated { telling: Telling::Repeats, .. }))
    }
}

impl DecisionEvent<'_> {
    /// Whose, if it is of one strategy, and in which instrument.
    fn pair(&self) -> (Option<StrategyId>, InstrumentId) {
        match self {
            Self::Evaluated(Evaluated { evaluation, .. }) => {
                (Some(evaluation.id.strategy), evaluation.instrument)
            }
            Self::Suppressed(summed) => (Some(summed.summary.strategy), summed.summary.instrument),
            Self::Asked { strategy, instrument, .. } => (Some(*strategy), *instrument),
            Self::Trace { instrument, .. } => (None, *instrument),
            Self::Logged { decision, instrument, .. } => (Some(decision.strategy), *instrument),
        }
    }
}

impl Summed<'_> {
    fn nearest(&self) -> Option<why::Leaf<'_>> {
        why::missed(self.form?, self.summary.nearest.as_ref()?)
    }

    fn fields(&self, scope: &Scope, line: &mut Line) {
        let Summary { from, evaluations, repeats, other_blockers, nearest, .. } = self.summary;
        line.time("from", *from);
        line.unsigned("evaluations", *evaluations);
        line.unsigned("suppressed", *repeats);
        line.list("blockers", self.blockers, |line, (blocker, count)| {
            line.text("blocked_by", blocker);
            line.unsigned("count", *count);
        });
        line.unsigned("other_blockers", *other_blockers);
        if let (Some(miss), Some(leaf)) = (nearest, self.nearest()) {
            line.text("nearest_decision_id", &scope.decision(miss.decision));
            line.text("nearest_rule", &format!("{}: {}", leaf.rule, leaf.text()));
            line.float("nearest_left", leaf.left.now);
            line.float("nearest_right", leaf.right.now);
            line.float("nearest_margin", leaf.left.now - leaf.right.now);
            line.float("nearest_ratio", miss.ratio);
        }
    }
}

fn news_word(news: News) -> &'static str {
    match news {
        News::Repeats => "repeats",
        News::Changed => "changed",
        News::NearMiss => "near_miss",
        News::Traced => "traced",
    }
}

impl Evaluated<'_> {
    /// The wide line: everything that is needed to see why, without a second source.
    fn fields(&self, scope: &Scope, line: &mut Line) {
        let Self { evaluation, form, telling, .. } = *self;
        line.text("decision_id", &scope.decision(evaluation.id));
        line.unsigned("cause_seq", evaluation.cause.seq);
        line.unsigned("cause_index", u64::from(evaluation.cause.index));
        line.text("outcome", OutcomeWord::from(&evaluation.outcome).as_str());
        line.text("blocked_by", &why::blocked_by(form, evaluation));
        line.text("news", news_word(evaluation.news));
        if let Telling::News { repeated, since } = telling {
            line.unsigned("repeated", repeated);
            line.time("since", since);
        }
        trigger_fields(&evaluation.trigger, line);
        let values = form.values.iter().zip(&evaluation.values);
        line.list("values", values.zip(&evaluation.previous), |line, ((value, now), previous)| {
            line.text("name", &value.name);
            line.float("value", *now);
            line.float("previous", *previous);
        });
        line.list("decided", &form.sites, |line, site| {
            let truth = evaluation.truths.get(usize::from(site.root));
            line.text("rule", &site.label);
            line.text("result", truth.map_or("unknown", |truth| TruthWord::from(*truth).as_str()));
        });
        line.list("rules", why::leaves(form, evaluation), |line, leaf| leaf_fields(line, &leaf));
    }
}

fn leaf_fields(line: &mut Line, leaf: &why::Leaf<'_>) {
    line.text("rule", leaf.rule);
    line.text("left", &leaf.left.name);
    line.float("left_value", leaf.left.now);
    line.float("left_previous", leaf.left.previous);
    line.text("op", leaf.op.as_str());
    line.text("right", &leaf.right.name);
    line.float("right_value", leaf.right.now);
    line.float("right_previous", leaf.right.previous);
    line.text("result", TruthWord::from(leaf.truth).as_str());
}

fn trigger_fields(trigger: &Trigger, line: &mut Line) {
    match trigger {
        Trigger::Trade(trade) => {
            line.text("trigger", "trade");
            line.time("ts_venue", trade.ts_venue);
            line.unsigned("trade_id", trade.id);
            line.exact("price", trade.price);
            line.exact("quantity", trade.quantity);
        }
        Trigger::Quote(quote) => {
            line.text("trigger", "quote");
            line.unsigned("update_id", quote.update_id);
            line.exact("bid", quote.bid.price);
            line.exact("ask", quote.ask.price);
        }
        Trigger::Bar(bar) => {
            line.text("trigger", "bar");
            line.time("ts_venue", bar.open_time);
            line.unsigned("length_us", bar.length / 1_000);
            line.exact("open", bar.open);
            line.exact("high", bar.high);
            line.exact("low", bar.low);
            line.exact("close", bar.close);
            line.exact("volume", bar.volume);
        }
        Trigger::Due(at) => {
            line.text("trigger", "due");
            line.time("due", *at);
        }
        Trigger::Operator => line.text("trigger", "operator"),
    }
}
