//! Lints: what is wrong with a run, each with its name and in a sentence. The name is that of the
//! alert about the same, and of its section in `docs/runbook.md`; the limits are those of the alerts,
//! `dashboards/thresholds.toml`.

use std::collections::VecDeque;

use serde::Deserialize;

use crate::app::words;
use crate::domain::{Nanos, Num, OrderState, UnixNanos};
use crate::engine::TradingState;
use crate::engine::view::{EngineView, LintView};

/// The limits of the alerts that a view can be held against.
const THRESHOLDS: &str = include_str!("../../../dashboards/thresholds.toml");

/// How long lost lines are worth a lint: the window of the alert.
const LOST_WINDOW: Nanos = 600 * UnixNanos::SECOND;

/// What can be wrong; each is named as its alert and its page of the runbook.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lint {
    /// An instrument is silent.
    FeedStale,
    /// And something is held in it.
    OpenPositionOnStaleData,
    /// A stream brings nothing.
    StreamStarved,
    /// A strategy decides nothing.
    StrategySilent,
    /// Nothing is traded, or only closed.
    KillSwitchEngaged,
    /// What became of an order is not known.
    OrderStateUnknown,
    /// The account has fallen far.
    Drawdown,
    /// The run cannot be reproduced.
    ReplayDivergence,
    /// Lines of the log were lost.
    LogLinesLost,
    /// The log cannot be written.
    LogWriterStuck,
    /// A queue is nearly full.
    QueueSaturated,
    /// Decisions are slow.
    DecisionLatencyHigh,
    /// The disk is nearly full.
    DiskLow,
    /// The session is large.
    SessionOversized,
    /// The account's ledger is not kept.
    LedgerNotKept,
    /// The configuration on disk is another one.
    ConfigOnDisk,
}

impl Lint {
    /// It, in a sentence.
    pub fn says(self, sentence: impl Into<String>) -> LintView {
        LintView { name: format!("{self:?}"), sentence: sentence.into() }
    }
}

/// The limits of the alerts, as far as a view is held against them.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Thresholds {
    drawdown: Ratio,
    queue_saturated: Ratio,
    decision_latency_high: Latency,
    /// Lost lines, each time that there were more, as far back as the alert looks.
    #[serde(skip)]
    lost: VecDeque<(UnixNanos, u64)>,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
struct Ratio {
    ratio: f64,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
struct Latency {
    p99_seconds: f64,
}

impl Default for Thresholds {
    /// Those that were built in; a test holds that they can be read.
    fn default() -> Self {
        let never = || Ratio { ratio: f64::INFINITY };
        toml::from_str(THRESHOLDS).unwrap_or_else(|_| Self {
            drawdown: never(),
            queue_saturated: never(),
            decision_latency_high: Latency { p99_seconds: f64::INFINITY },
            lost: VecDeque::new(),
        })
    }
}

impl Thresholds {
    /// What is wrong with what a view shows.
    pub fn look(&mut self, view: &EngineView) -> Vec<LintView> {
        let mut found = Vec::new();
        if let TradingState::Halted(_) | TradingState::ReduceOnly(_) = view.run.trading {
            let only = matches!(view.run.trading, TradingState::ReduceOnly(_));
            let what = if only { "positions are only reduced" } else { "trading is halted" };
            found.push(Lint::KillSwitchEngaged.says(format!("{what} until `tickscope resume`")));
        }
        for order in view.orders.iter().filter(|order| order.state == OrderState::Unknown) {
            let text = format!("what became of {} is not known: it may have filled", order.id);
            found.push(Lint::OrderStateUnknown.says(text));
        }
        let drawdown = view.account.drawdown.map_or(0.0, Num::to_f64);
        if drawdown > self.drawdown.ratio {
            let (is, limit) = (drawdown * 100.0, self.drawdown.ratio * 100.0);
            let text = format!("equity is {is:.2} % below its peak, limit {limit:.2} %");
            found.push(Lint::Drawdown.says(text));
        }
        self.look_at_health(view, &mut found);
        found
    }

    fn look_at_health(&mut self, view: &EngineView, found: &mut Vec<LintView>) {
        let health = &view.health;
        for queue in &health.queues {
            #[expect(clippy::cast_precision_loss, reason = "a ratio")]
            let used = queue.depth as f64 / queue.capacity.max(1) as f64;
            if used > self.queue_saturated.ratio {
                let (is, limit) = (used * 100.0, self.queue_saturated.ratio * 100.0);
                let text =
                    format!("the queue {} is {is:.0} % full, limit {limit:.0} %", queue.name);
                found.push(Lint::QueueSaturated.says(text));
            }
        }
        let p99 = health.recent_p99_us.map_or(0.0, |p99| p99 / 1e6);
        let limit = self.decision_latency_high.p99_seconds;
        if p99 > limit {
            let text = format!(
                "one decision in a hundred takes more than {:.1} ms, limit {:.1} ms",
                p99 * 1e3,
                limit * 1e3
            );
            found.push(Lint::DecisionLatencyHigh.says(text));
        }
        if health.log_dropped > self.lost_before(view.now, health.log_dropped) {
            let lines = words::count(usize::try_from(health.log_dropped).unwrap_or(0), "line");
            found.push(Lint::LogLinesLost.says(format!("{lines} of the log were lost")));
        }
    }

    /// How many lines were lost when the window of the alert began.
    fn lost_before(&mut self, now: UnixNanos, lost: u64) -> u64 {
        let is_new = self.lost.back().is_none_or(|(_, known)| *known != lost);
        if is_new {
            self.lost.push_back((now, lost));
        }
        while self.lost.get(1).is_some_and(|(at, _)| now.since(*at) >= LOST_WINDOW) {
            self.lost.pop_front();
        }
        // What was lost first is lost in this run: there was none before.
        let (at, first) = self.lost.front().copied().unwrap_or((now, lost));
        if now.since(at) >= LOST_WINDOW { first } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::StopReason;
    use crate::engine::view::{AccountView, HealthView, QueueView, RunView};

    /// Lost if broken: an alert that the screen of the same run knows nothing of.
    #[test]
    fn the_limits_of_the_alerts_are_those_of_the_screen() {
        let mut thresholds = Thresholds::default();
        assert!(thresholds.drawdown.ratio < 1.0 && thresholds.queue_saturated.ratio < 1.0);
        let mut view = EngineView::default();
        assert!(thresholds.look(&view).is_empty());
        view.run = RunView { trading: TradingState::Halted(StopReason::Operator), ..view.run };
        view.account = AccountView { drawdown: "0.09".parse().ok(), ..view.account };
        let queue = QueueView {
            name: "tape".to_owned(),
            depth: 95,
            capacity: 100,
            high_water: 95,
            dropped: 0,
        };
        view.health = HealthView {
            queues: vec![queue],
            recent_p99_us: Some(25_000.0),
            log_dropped: 3,
            ..HealthView::default()
        };
        let said: Vec<_> = thresholds.look(&view).into_iter().map(|lint| lint.sentence).collect();
        assert_eq!(
            said,
            [
                "trading is halted until `tickscope resume`",
                "equity is 9.00 % below its peak, limit 5.00 %",
                "the queue tape is 95 % full, limit 80 %",
                "one decision in a hundred takes more than 25.0 ms, limit 10.0 ms",
                "3 lines of the log were lost",
            ]
        );
    }

    /// Lost if broken: the section that says what to do.
    #[test]
    fn every_lint_has_its_section_in_the_runbook() {
        let runbook = include_str!("../../../docs/runbook.md");
        for lint in [
            Lint::FeedStale,
            Lint::OpenPositionOnStaleData,
            Lint::StreamStarved,
            Lint::StrategySilent,
            Lint::KillSwitchEngaged,
            Lint::OrderStateUnknown,
            Lint::Drawdown,
            Lint::ReplayDivergence,
            Lint::LogLinesLost,
            Lint::LogWriterStuck,
            Lint::QueueSaturated,
            Lint::DecisionLatencyHigh,
            Lint::DiskLow,
            Lint::SessionOversized,
            Lint::LedgerNotKept,
            Lint::ConfigOnDisk,
        ] {
            assert!(runbook.contains(&format!("\n## {lint:?}\n")), "{lint:?}");
        }
    }
}
