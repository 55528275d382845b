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
    /// The account's ledger is no longer kept.
    LedgerFailed {
        /// Why.
        error: &'a str,
    },
    /// The account's ledger is kept again.
    LedgerKept,
    /// The same inputs, run again, made something else of them than the core did.
    Parted {
        /// What, and up to where.
        difference: &'a str,
    },
    /// No more checkpoints are kept.
    CheckpointsStopped {
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
        /// What: `halt`, `flatten`, `pause`.
        command: &'a str,
        /// The strategy that it names; empty for a command that concerns all.
        strategy: &'a str,
        /// From where: `screen`, `command line`, `attached screen`.
        by: &'a str,
        /// The process that asked; 0 for the run itself.
        pid: u32,
        /// What was done, in one line.
        done: &'a str,
    },
    /// A screen of another process is attached, or left.
    Viewer {
        /// Attached, or gone.
        attached: bool,
        /// Its process.
        pid: u32,
        /// It offers no commands.
        read_only: bool,
        /// So many are attached now.
        viewers: u32,
    },
    /// The terminal is gone, and the run goes on without it.
    ScreenLost,
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
            Self::LedgerFailed { .. } => EventName::LedgerFailed,
            Self::LedgerKept => EventName::LedgerKept,
            Self::Parted { .. } => EventName::SessionParted,
            Self::CheckpointsStopped { .. } => EventName::CheckpointsStopped,
            Self::PortTaken { .. } => EventName::MetricsPortTaken,
            Self::Command { .. } => EventName::OperatorCommand,
            Self::Viewer { attached: true, .. } => EventName::ViewerAttached,
            Self::Viewer { attached: false, .. } => EventName::ViewerLeft,
            Self::ScreenLost => EventName::ScreenLost,
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
            Self::LedgerFailed { error } => format!("the account's ledger is not kept: {error}"),
            Self::LedgerKept => "the account's ledger is kept again".to_owned(),
            Self::Parted { difference } => {
                format!("this run cannot be reproduced, which is a defect: {difference}")
            }
            Self::CheckpointsStopped { error } => {
                format!("no more checkpoints, so answers about this run take longer: {error}")
            }
            Self::PortTaken { wanted, bound: Some(bound) } => {
                format!("port {wanted} is in use, metrics are served on {bound}")
            }
            Self::PortTaken { wanted, bound: None } => {
                format!("port {wanted} is in use, metrics are not served")
            }
            Self::Command { command, strategy, by, done, .. } => {
                let strategy = if strategy.is_empty() { "" } else { &format!(" {strategy}") };
                format!("operator: {command}{strategy} ({by}): {done}")
            }
            Self::Viewer { attached: true, pid, .. } => format!("process {pid} shows the run"),
            Self::Viewer { attached: false, pid, .. } => {
                format!("process {pid} no longer shows the run")
            }
            Self::ScreenLost => {
                "the terminal is gone, the run goes on: `tickscope attach` shows it".to_owned()
            }
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
            Self::TapeWriteFailed { error }
            | Self::LedgerFailed { error }
            | Self::CheckpointsStopped { error } => {
                line.text("error", error);
            }
            Self::Parted { difference } => line.text("difference", difference),
            Self::LedgerKept => {}
            Self::PortTaken { wanted, bound } => {
                line.unsigned("wanted_port", u64::from(*wanted));
                if let Some(port) = bound {
                    line.unsigned("bound_port", u64::from(*port));
                }
            }
            Self::Command { command, strategy, by, pid, done } => {
                line.text("command", command);
                if !strategy.is_empty() {
                    line.text("strategy", strategy);
                }
                line.text("by", by);
                if *pid != 0 {
                    line.unsigned("by_pid", u64::from(*pid));
                }
                line.text("done", done);
            }
            Self::Viewer { pid, read_only, viewers, .. } => {
                line.unsigned("viewer_pid", u64::from(*pid));
                line.text("access", if *read_only { "read only" } else { "commands" });
                line.unsigned("viewers", u64::from(*viewers));
            }
            Self::ScreenLost => {}
        }
    }

    fn count(&self, metrics: &Metrics, _time: UnixNanos) {
        match self {
            Self::TapeWriteFailed { .. } => metrics.tape_write_errors.inc(),
            Self::Parted { .. } => metrics.parted(),
            Self::Viewer { viewers, .. } => metrics.viewers(*viewers),
            _ => {}
        }
    }
}
