//! Events of the process: its start and end, its session, and what it cannot write or serve.

use super::Told;
use crate::domain::UnixNanos;
use crate::telemetry::line::Line;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::name::EventName;
use crate::telemetry::names::Scope;
use crate::telemetry::word::Level;

/// Something about the process.
#[derive(Clone, Copy, Debug)]
pub enum ProcessEvent<'a> {
    /// It is up.
    Started,
    /// It ends.
    Stopped {
        /// The exit code it ends with.
        exit_code: u8,
        /// Why it ends.
        reason: &'a str,
    },
    /// A thread panicked.
    Panicked {
        /// The thread's name.
        thread: &'a str,
        /// What the panic said.
        message: &'a str,
        /// File and line.
        location: &'a str,
    },
    /// The configuration was read and checked.
    ConfigLoaded {
        /// Where it came from: a file, or `built in`.
        source: &'a str,
    },
    /// The configuration was changed on disk to something that is not valid.
    ConfigRefused {
        /// What is wrong, with file, line and column.
        error: &'a str,
    },
    /// The configuration was changed on disk in what only a restart takes.
    ConfigNeedsRestart {
        /// Which keys, separated by commas.
        keys: &'a str,
    },
    /// The session's folder is there.
    SessionOpened {
        /// The folder.
        path: &'a str,
    },
    /// The log writers live.
    Heartbeat {
        /// Log lines lost so far, in both lanes.
        lost_lines: u64,
    },
    /// A library that we use logged something.
    LibraryLogged {
        /// How loud.
        level: Level,
        /// Which part of which library.
        target: &'a str,
        /// What it said.
        message: &'a str,
    },
    /// The tape cannot be written.
    TapeWriteFailed {
        /// Why.
        error: &'a str,
    },
    /// The wanted port is in use.
    PortTaken {
        /// The wanted port.
        wanted: u16,
        /// The port taken instead; `None` when none was.
        bound: Option<u16>,
    },
    /// An operator did something.
    Command {
        /// What: `halt`, `resume`, `quit`.
        command: &'a str,
    },
}

impl Told for ProcessEvent<'_> {
    fn name(&self) -> EventName {
        match self {
            Self::Started => EventName::ProcessStarted,
            Self::Stopped { .. } => EventName::ProcessStopped,
            Self::Panicked { .. } => EventName::ProcessPanicked,
            Self::ConfigLoaded { .. } => EventName::ConfigLoaded,
            Self::ConfigRefused { .. } => EventName::ConfigRefused,
            Self::ConfigNeedsRestart { .. } => EventName::ConfigNeedsRestart,
            Self::SessionOpened { .. } => EventName::SessionOpened,
            Self::Heartbeat { .. } => EventName::Heartbeat,
            Self::LibraryLogged { .. } => EventName::LibraryLogged,
            Self::TapeWriteFailed { .. } => EventName::TapeWriteFailed,
            Self::PortTaken { .. } => EventName::MetricsPortTaken,
            Self::Command { .. } => EventName::TuiCommand,
        }
    }

    fn level(&self) -> Level {
        match self {
            Self::LibraryLogged { level, .. } => *level,
            _ => self.name().level(),
        }
    }

    fn message(&self, scope: &Scope) -> String {
        match self {
            Self::Started => {
                format!("tickscope {} started, mode {}", scope.run.version, scope.run.mode_word())
            }
            Self::Stopped { exit_code, reason } => format!("stopped with {exit_code}: {reason}"),
            Self::Panicked { thread, message, location } => {
                format!("thread {thread} panicked at {location}: {message}")
            }
            Self::ConfigLoaded { source } => format!("configuration loaded from {source}"),
            Self::ConfigRefused { error } => {
                format!("the changed configuration is not valid, the old one goes on: {error}")
            }
            Self::ConfigNeedsRestart { keys } => {
                format!("the configuration was changed in what needs a restart: {keys}")
            }
            Self::SessionOpened { path } => format!("session opened in {path}"),
            Self::Heartbeat { lost_lines: 0 } => "alive".to_owned(),
            Self::Heartbeat { lost_lines } => format!("alive, {lost_lines} log lines lost so far"),
            Self::LibraryLogged { target, message, .. } => format!("{target}: {message}"),
            Self::TapeWriteFailed { error } => format!("the tape cannot be written: {error}"),
            Self::PortTaken { wanted, bound: Some(bound) } => {
                format!("port {wanted} is in use, metrics are served on {bound}")
            }
            Self::PortTaken { wanted, bound: None } => {
                format!("port {wanted} is in use, metrics are not served")
            }
            Self::Command { command } => format!("operator: {command}"),
        }
    }

    fn fields(&self, scope: &Scope, line: &mut Line) {
        match self {
            Self::Started => {
                line.text("version", &scope.run.version);
                line.text("mode", scope.run.mode_word());
                line.unsigned("pid", u64::from(scope.run.pid));
            }
            Self::Stopped { exit_code, reason } => {
                line.unsigned("exit_code", u64::from(*exit_code));
                line.text("reason", reason);
            }
            Self::Panicked { thread, message, location } => {
                line.text("thread", thread);
                line.text("panic", message);
                line.text("location", location);
            }
            Self::ConfigLoaded { source } => {
                line.text("source", source);
                line.text("config_hash", &scope.run.config_hash);
            }
            Self::ConfigRefused { error } => line.text("error", error),
            Self::ConfigNeedsRestart { keys } => line.text("keys", keys),
            Self::SessionOpened { path } => line.text("path", path),
            Self::Heartbeat { lost_lines } => line.unsigned("lost_lines", *lost_lines),
            Self::LibraryLogged { target, .. } => line.text("target", target),
            Self::TapeWriteFailed { error } => line.text("error", error),
            Self::PortTaken { wanted, bound } => {
                line.unsigned("wanted_port", u64::from(*wanted));
                if let Some(port) = bound {
                    line.unsigned("bound_port", u64::from(*port));
                }
            }
            Self::Command { command } => line.text("command", command),
        }
    }

    fn count(&self, metrics: &Metrics, _time: UnixNanos) {
        if matches!(self, Self::TapeWriteFailed { .. }) {
            metrics.tape_write_errors.inc();
        }
    }
}
