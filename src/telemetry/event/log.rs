//! Events of the log itself: what opens and closes a segment, and what was lost.

use super::Told;
use crate::telemetry::line::Line;
use crate::telemetry::name::EventName;
use crate::telemetry::names::Scope;
use crate::telemetry::word::{LaneName, RotationCause, Word};

/// Version of the line schema.
pub const SCHEMA_VERSION: u64 = 1;

/// Something about a lane.
#[derive(Clone, Copy, Debug)]
pub(in crate::telemetry) enum LogEvent<'a> {
    /// A segment begins with this line.
    Opened {
        /// Of which lane.
        lane: LaneName,
        /// This line's number: the first of the segment.
        first_seq: u64,
    },
    /// A segment ends with this line.
    Closed {
        /// Of which lane.
        lane: LaneName,
        /// This line's number: the last of the segment.
        last_seq: u64,
    },
    /// The segment before ended for this reason.
    Rotated {
        /// Of which lane.
        lane: LaneName,
        /// Why.
        cause: RotationCause,
        /// Bytes emitted to it.
        bytes: u64,
    },
    /// Lines were lost because the queue was full.
    Dropped {
        /// Of which lane.
        lane: LaneName,
        /// How many.
        count: u64,
        /// Number of the first that is missing.
        first_seq: u64,
        /// Number of the last that is missing.
        last_seq: u64,
    },
    /// A lane's file cannot be written.
    WriteFailed {
        /// Of which lane.
        lane: LaneName,
        /// Why.
        error: &'a str,
    },
}

impl LogEvent<'_> {
    fn lane(&self) -> LaneName {
        match self {
            Self::Opened { lane, .. }
            | Self::Closed { lane, .. }
            | Self::Rotated { lane, .. }
            | Self::Dropped { lane, .. }
            | Self::WriteFailed { lane, .. } => *lane,
        }
    }
}

impl Told for LogEvent<'_> {
    fn name(&self) -> EventName {
        match self {
            Self::Opened { .. } => EventName::LogOpened,
            Self::Closed { .. } => EventName::LogClosed,
            Self::Rotated { .. } => EventName::LogRotated,
            Self::Dropped { .. } => EventName::LogDropped,
            Self::WriteFailed { .. } => EventName::LogWriteFailed,
        }
    }

    fn message(&self, _scope: &Scope) -> String {
        let lane = self.lane().as_str();
        match self {
            Self::Opened { .. } => format!("{lane} log opened"),
            Self::Closed { .. } => format!("{lane} log closed"),
            Self::Rotated { cause, .. } => format!("{lane} log rotated by {}", cause.as_str()),
            Self::Dropped { count, .. } => format!("{count} lines of the {lane} log were lost"),
            Self::WriteFailed { error, .. } => format!("{lane}: {error}"),
        }
    }

    fn fields(&self, scope: &Scope, line: &mut Line) {
        line.text("lane", self.lane().as_str());
        match self {
            Self::Opened { first_seq, .. } => {
                line.unsigned("schema_version", SCHEMA_VERSION);
                line.unsigned("first_seq", *first_seq);
                line.text("version", &scope.run.version);
                line.text("revision", &scope.run.revision);
                line.text("mode", scope.run.mode_word());
                line.text("account", &scope.run.account);
                line.text("config_hash", &scope.run.config_hash);
                line.unsigned("pid", u64::from(scope.run.pid));
            }
            Self::Closed { last_seq, .. } => line.unsigned("last_seq", *last_seq),
            Self::Rotated { cause, bytes, .. } => {
                line.text("cause", cause.as_str());
                line.unsigned("bytes", *bytes);
            }
            Self::Dropped { count, first_seq, last_seq, .. } => {
                line.unsigned("count", *count);
                line.unsigned("first_seq", *first_seq);
                line.unsigned("last_seq", *last_seq);
            }
            Self::WriteFailed { error, .. } => line.text("error", error),
        }
    }
}
