//! Alerts: the few events that somebody wants to be told of at once, wherever they are, and what
//! they are called in the configuration.

use std::sync::Arc;

use super::name::EventName;
use super::word::{Level, Word};

words! {
    /// What an alert is about; the most urgent first.
    AlertKind {
        /// A strategy or the program itself panicked.
        Panic => "panic",
        /// Trading halted, became reduce-only or is being flattened.
        Halt => "halt",
        /// The disk of the recording is nearly full.
        Disk => "disk",
        /// No data came for longer than the limit.
        Stale => "stale",
        /// The run goes on with an account that ran before.
        Restart => "restart",
        /// A risk check or the venue refused an order.
        Refusal => "refusal",
        /// An order, or a part of it, was executed.
        Fill => "fill",
    }
}

words! {
    /// What became of the command of an alert.
    AlertOutcome {
        /// It ended well.
        Done => "done",
        /// It could not be started, or ended otherwise.
        Failed => "failed",
        /// It was killed at its deadline.
        Killed => "killed",
        /// It was never started.
        Dropped => "dropped",
    }
}

/// Which events are which alerts, from how loud on: an approved risk check is none.
const KINDS: [(&str, Level, AlertKind); 10] = [
    ("process.panicked", Level::Error, AlertKind::Panic),
    ("strategy.state_changed", Level::Error, AlertKind::Panic),
    ("trading.state_changed", Level::Warn, AlertKind::Halt),
    ("disk.low", Level::Warn, AlertKind::Disk),
    ("ledger.write_failed", Level::Error, AlertKind::Disk),
    ("feed.stale", Level::Warn, AlertKind::Stale),
    ("account.resumed", Level::Info, AlertKind::Restart),
    ("risk.checked", Level::Warn, AlertKind::Refusal),
    ("order.rejected", Level::Warn, AlertKind::Refusal),
    ("fill.received", Level::Info, AlertKind::Fill),
];

/// The alert that an event is.
pub fn alert_of(event: EventName, level: Level) -> Option<AlertKind> {
    let is = |(name, least, _): &&(&str, Level, _)| *name == event.as_str() && level >= *least;
    KINDS.iter().find(is).map(|(.., kind)| *kind)
}

/// The names and levels of the log lines that are alerts of a kind.
pub fn lines_of(kind: AlertKind) -> impl Iterator<Item = (&'static str, &'static str)> {
    let of = move |entry: &&(_, _, AlertKind)| entry.2 == kind;
    KINDS.iter().filter(of).flat_map(|(name, least, _)| {
        let loud = Level::ALL.iter().filter(move |level| *level >= least);
        loud.map(move |level| (*name, level.as_str()))
    })
}

/// An event as a listener gets it, when its line is written.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// What it is.
    pub kind: AlertKind,
    /// Its name.
    pub event: EventName,
    /// Its log line: one JSON object and a newline.
    pub line: &'a [u8],
}

/// Whoever wants to hear of alerts. It is called where log lines are written, and must not wait.
pub type Listener = Arc<dyn Fn(Heard<'_>) + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: the alert whose event was renamed, silently.
    #[test]
    fn every_alert_is_an_event_that_can_happen() {
        for (name, least, kind) in KINDS {
            let event = EventName::ALL.iter().find(|event| event.as_str() == name).expect(name);
            assert_eq!(alert_of(*event, least), Some(kind));
            assert_eq!(alert_of(*event, Level::Error), Some(kind));
            assert_eq!(alert_of(*event, Level::Debug), None);
        }
        for kind in AlertKind::ALL {
            assert!(lines_of(*kind).count() > 0, "{kind:?}");
        }
        assert_eq!(alert_of(EventName::RiskChecked, Level::Info), None);
        let refusals: Vec<_> = lines_of(AlertKind::Refusal).collect();
        assert_eq!(refusals[..2], [("risk.checked", "WARN"), ("risk.checked", "ERROR")]);
    }
}
