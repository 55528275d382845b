//! Events of the commands that alerts run: only what went wrong is told, success is counted.

use super::Told;
use crate::telemetry::alert::AlertKind;
use crate::telemetry::line::Line;
use crate::telemetry::name::EventName;
use crate::telemetry::names::Scope;
use crate::telemetry::word::Word;

/// Something about the command of an alert.
#[derive(Clone, Copy, Debug)]
pub enum AlertEvent<'a> {
    /// It failed, for the first time since it succeeded.
    Failed {
        /// For which alert.
        kind: AlertKind,
        /// Which command.
        command: &'a str,
        /// How it ended, in words.
        problem: &'a str,
        /// The beginning of what it said on standard error, cleaned.
        stderr: &'a str,
    },
    /// It was not run, for the first time for this kind of alert.
    Dropped {
        /// For which alert.
        kind: AlertKind,
        /// Why, in words.
        reason: &'a str,
    },
}

impl Told for AlertEvent<'_> {
    fn name(&self) -> EventName {
        match self {
            Self::Failed { .. } => EventName::AlertFailed,
            Self::Dropped { .. } => EventName::AlertDropped,
        }
    }

    fn message(&self, _scope: &Scope) -> String {
        match self {
            Self::Failed { kind, command, problem, stderr } => {
                let said = if stderr.is_empty() { "" } else { &format!(": {stderr}") };
                format!("alert of {}: {command} {problem}{said}", kind.as_str())
            }
            Self::Dropped { kind, reason } => {
                format!("alerts of {} are left out: {reason}", kind.as_str())
            }
        }
    }

    fn fields(&self, _scope: &Scope, line: &mut Line) {
        match self {
            Self::Failed { kind, command, problem, stderr } => {
                line.text("alert", kind.as_str());
                line.text("command", command);
                line.text("problem", problem);
                line.text("stderr", stderr);
            }
            Self::Dropped { kind, reason } => {
                line.text("alert", kind.as_str());
                line.text("reason", reason);
            }
        }
    }
}
