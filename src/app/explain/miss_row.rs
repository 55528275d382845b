//! A miss as it is told: what failed, what would have been enough, and what that would have done.

use serde::Serialize;

use super::miss::Miss;
use super::trial::{self, Tried, Whose};
use crate::app::error::AppError;
use crate::app::past::Recording;
use crate::app::words;
use crate::engine::view::EvaluationView;
use crate::engine::viewer::resolve::leaf_numbers;

/// A miss.
#[derive(Clone, Debug, Serialize)]
pub struct MissRow {
    /// The decision.
    pub id: String,
    /// When.
    pub time: String,
    /// What would have held: `enter_long`.
    pub rule: String,
    /// What failed, with its numbers.
    pub failed: String,
    /// How far it was, as a ratio.
    pub distance: f64,
    /// What would have been enough: `rsi_max > 31.2`, or of a number in a rule "12 in `rsi(7) < 12`
    /// were > 12.1"; null where no configured number decides it.
    pub would_have_signalled_if: Option<String>,
    /// The change that was tried: `strategies.trend.rsi_max=31.3`; null for a number in a strategy's
    /// code, and for one whose comparison stands more than once in its rule.
    pub set: Option<String>,
    /// What that change would have done at that evaluation, through risk and sizing: `BUY 0.010`, or
    /// what refused it; null where it could not be tried.
    pub tried: Option<Tried>,
}

impl MissRow {
    /// Tells a miss, and tries what would have been enough.
    pub(super) fn of(
        recording: &Recording,
        whose: &Whose<'_>,
        miss: &Miss,
        evaluation: &EvaluationView,
    ) -> Result<Self, AppError> {
        let threshold = miss.threshold.as_ref();
        let trial = threshold.map(|it| trial::of(recording, whose, (miss, it), evaluation));
        let (enough, tried) = match trial.transpose()? {
            Some(trial) => (Some(trial.enough), trial.tried),
            None => (None, None),
        };
        let (set, tried) = tried.unzip();
        Ok(Self {
            id: evaluation.id.clone(),
            time: words::moment(evaluation.time),
            rule: miss.rule.clone(),
            failed: format!("{}: {}", miss.text, leaf_numbers(&miss.leaf)),
            distance: miss.distance,
            would_have_signalled_if: enough,
            set,
            tried,
        })
    }

    /// What would have been enough, for a person; `session` is how a command names it.
    pub(super) fn verdict(&self, session: &str) -> Vec<String> {
        let Some(enough) = &self.would_have_signalled_if else { return Vec::new() };
        let tried = match &self.tried {
            Some(Tried::WouldHaveTraded(order)) => {
                format!("would have signalled if {enough}, and would have traded: {order}")
            }
            Some(Tried::Refused(check)) => {
                format!("would have signalled if {enough}, and risk would have refused: {check}")
            }
            Some(Tried::NoSignal) => format!("would not have signalled even if {enough}"),
            None => format!(
                "would have signalled if {enough} (not tried: no parameter, and no number that stands \
                 once in a rule of the configuration)"
            ),
        };
        let mut lines = vec![format!("    {tried}")];
        if let Some(set) = &self.set {
            lines.push(format!("    tickscope whatif {session} --set '{set}'"));
        }
        lines
    }
}
