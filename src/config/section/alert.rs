//! `[alert]`: what is worth an alert, and how it is given.

use serde::{Deserialize, Serialize};

use crate::config::unit::TimeSpan;

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// An order, or a part of it, was executed.
    Fill,
    /// A risk check or the venue refused an order.
    Refusal,
    /// Trading halted, became reduce-only or is being flattened.
    Halt,
    /// No data came for longer than the limit.
    Stale,
    /// The run goes on with an account that ran before.
    Restart,
    /// The disk of the recording is nearly full.
    Disk,
    /// A strategy or the program itself panicked.
    Panic,
}

/// `[alert]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alert {
    /// What rings the terminal's bell, at most once a second. Default `["halt", "disk", "panic"]`.
    pub bell: Vec<AlertKind>,
    /// A command and its arguments, run without a shell; `{kind}`, `{event}` and `{text}` in an
    /// argument are replaced. Not taken from `./tickscope.toml`. Default none.
    pub on_event: Vec<String>,
    /// What the command is run for. Default everything.
    pub events: Vec<AlertKind>,
    /// A command that takes longer is killed. Default `"10s"`.
    pub deadline: TimeSpan,
    /// Most commands a minute for each kind; more are left out and counted. Default 30.
    pub per_minute: u32,
}

/// What may stand in braces in an argument of `on_event`.
pub const PLACEHOLDERS: [&str; 3] = ["kind", "event", "text"];

impl Default for Alert {
    fn default() -> Self {
        use AlertKind::{Disk, Fill, Halt, Panic, Refusal, Restart, Stale};
        Self {
            bell: vec![Halt, Disk, Panic],
            on_event: Vec::new(),
            events: vec![Fill, Refusal, Halt, Stale, Restart, Disk, Panic],
            deadline: TimeSpan::seconds(10),
            per_minute: 30,
        }
    }
}
