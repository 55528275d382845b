//! Events of the upkeep: old sessions that go, and the room that is left on the disk.

use super::Told;
use crate::domain::UnixNanos;
use crate::telemetry::line::Line;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::name::EventName;
use crate::telemetry::names::Scope;

/// Something about old sessions or the disk.
#[derive(Clone, Copy, Debug)]
pub enum UpkeepEvent<'a> {
    /// Old sessions were removed.
    Pruned {
        /// How many.
        count: u64,
        /// Their bytes.
        bytes: u64,
        /// Their names, separated by spaces.
        sessions: &'a str,
    },
    /// An old session could not be removed.
    PruneFailed {
        /// Why.
        error: &'a str,
    },
    /// The run's own session is larger than all may be together.
    Oversized {
        /// Its bytes.
        bytes: u64,
        /// What `tape.keep.size` allows.
        limit: u64,
        /// The same as a sentence.
        text: &'a str,
    },
    /// The disk is nearly full.
    DiskLow(Room<'a>),
    /// It has room again.
    DiskRecovered(Room<'a>),
}

/// How much room the disk has.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// Bytes that may still be written.
    pub free: u64,
    /// Bytes below which it is low.
    pub limit: u64,
    /// How fast the session grows.
    pub bytes_per_second: u64,
    /// When it is full at that rate, in seconds; `None` while it does not grow.
    pub full_in_s: Option<u64>,
    /// The same as a sentence.
    pub text: &'a str,
}

impl Told for UpkeepEvent<'_> {
    fn name(&self) -> EventName {
        match self {
            Self::Pruned { .. } => EventName::SessionsPruned,
            Self::PruneFailed { .. } => EventName::SessionsPruneFailed,
            Self::Oversized { .. } => EventName::SessionOversized,
            Self::DiskLow(_) => EventName::DiskLow,
            Self::DiskRecovered(_) => EventName::DiskRecovered,
        }
    }

    fn message(&self, _scope: &Scope) -> String {
        match self {
            Self::Pruned { count, bytes, .. } => {
                format!("{count} old sessions with {bytes} bytes were removed, as tape.keep says")
            }
            Self::PruneFailed { error } => format!("an old session stays: {error}"),
            Self::Oversized { text, .. } => (*text).to_owned(),
            Self::DiskLow(room) | Self::DiskRecovered(room) => room.text.to_owned(),
        }
    }

    fn fields(&self, _scope: &Scope, line: &mut Line) {
        match self {
            Self::Pruned { count, bytes, sessions } => {
                line.unsigned("count", *count);
                line.unsigned("bytes", *bytes);
                line.text("sessions", sessions);
            }
            Self::PruneFailed { error } => line.text("error", error),
            Self::Oversized { bytes, limit, .. } => {
                line.unsigned("bytes", *bytes);
                line.unsigned("limit_bytes", *limit);
            }
            Self::DiskLow(room) | Self::DiskRecovered(room) => {
                line.unsigned("free_bytes", room.free);
                line.unsigned("limit_bytes", room.limit);
                line.unsigned("bytes_per_second", room.bytes_per_second);
                match room.full_in_s {
                    Some(seconds) => line.unsigned("full_in_s", seconds),
                    None => line.null("full_in_s"),
                }
            }
        }
    }

    fn count(&self, metrics: &Metrics, _time: UnixNanos) {
        if let Self::Pruned { count, bytes, .. } = self {
            metrics.sessions_pruned(*count, *bytes);
        }
    }
}
