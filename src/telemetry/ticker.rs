//! The ticker: what happens four times a second, off every hot path.
//!
//! It drains the timing ring, sets the gauges that mirror the engine, looks after the log lanes,
//! and writes the heartbeat.

use std::time::Duration;

use super::event::{Event, LogEvent, ProcessEvent};
use super::metrics::QueueState;
use super::word::{LaneName, QueueName};
use super::{Telemetry, lock};

/// How often gauges are set and rings are drained.
pub(super) const TICK: Duration = Duration::from_millis(250);
/// Ticks from one heartbeat to the next: 10 s.
const HEARTBEAT: u32 = 40;

/// What it remembers from tick to tick.
#[derive(Default)]
pub(super) struct Ticker {
    ticks: u32,
    /// Most lines seen in the queue of each lane.
    high_water: [u64; 2],
    /// Lanes that could not write at the tick before.
    in_trouble: [bool; 2],
}

impl Ticker {
    pub(super) fn tick(&mut self, telemetry: &Telemetry) {
        let shared = &*telemetry.0;
        telemetry.measure();
        let views = lock(&shared.views).clone();
        if let Some(views) = views {
            telemetry.mirror(&views());
        }
        self.look_after(telemetry, 0, LaneName::Decisions, QueueName::Decisions);
        self.look_after(telemetry, 1, LaneName::Diagnostics, QueueName::Diagnostics);
        self.ticks = (self.ticks + 1) % HEARTBEAT;
        if self.ticks == 0 {
            let lost_lines = telemetry.log_lines_lost();
            telemetry.emit(&Event::Process(ProcessEvent::Heartbeat { lost_lines }));
        }
    }

    /// Queue gauges of a lane, and `log.write_failed` when it begins to fail.
    fn look_after(&mut self, telemetry: &Telemetry, at: usize, lane: LaneName, queue: QueueName) {
        let shared = &*telemetry.0;
        let account = match lane {
            LaneName::Decisions => &shared.decisions.account,
            LaneName::Diagnostics => &shared.diagnostics.account,
        };
        let (depth, trouble) = (account.queued(), account.trouble());
        let (Some(high_water), Some(was_in_trouble)) =
            (self.high_water.get_mut(at), self.in_trouble.get_mut(at))
        else {
            return;
        };
        *high_water = depth.max(*high_water);
        let (capacity, dropped) = (shared.queue_lines, account.lost_lines());
        let state = QueueState { depth, capacity, high_water: *high_water, dropped };
        shared.metrics.queue(queue, state);
        if let Some(error) = trouble.as_deref().filter(|_| !*was_in_trouble) {
            telemetry.tell(&LogEvent::WriteFailed { lane, error }, (shared.clock)());
        }
        *was_in_trouble = trouble.is_some();
    }
}
