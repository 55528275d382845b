//! A lane: one stream of numbered log lines into rotating files.
//!
//! Numbers are given under the lane's lock, where the line also enters the queue, so a file is in
//! the order of its numbers and a number that is missing is a line that was lost. The lane also
//! decides where a segment ends, so `log.closed` and `log.opened` have numbers like any line.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::account::LaneAccount;
use super::alert::{Heard, Listener, alert_of};
use super::event::{LogEvent, Told};
use super::line::{Head, Line};
use super::metrics::Metrics;
use super::names::Scope;
use super::rotate::{Clock, MARK, RotatingWriter, SUFFIX, Shelf};
use super::transport::Transport;
use super::word::{LaneName, LossReason, RotationCause, Word};
use crate::domain::UnixNanos;

const DAY: u64 = 86_400 * UnixNanos::SECOND;
/// How often a shutdown looks whether the queue is empty.
const POLL: Duration = Duration::from_millis(1);

/// One lane.
pub(super) struct Lane {
    name: LaneName,
    segment_bytes: u64,
    scope: Arc<Scope>,
    metrics: Arc<Metrics>,
    /// What became of its lines.
    pub account: Arc<LaneAccount>,
    state: Mutex<State>,
}

struct State {
    next_seq: u64,
    line: Line,
    /// The lines of the message being built.
    message: Vec<u8>,
    lines: u64,
    segment: Segment,
    lost: Option<Lost>,
    /// `None` after the end.
    transport: Option<Transport>,
}

/// The segment that lines go to.
#[derive(Clone, Copy, Default)]
struct Segment {
    number: u32,
    day: u64,
    bytes: u64,
}

/// Lines that did not fit into the queue since the last one that did.
#[derive(Clone, Copy)]
struct Lost {
    count: u64,
    first_seq: u64,
    last_seq: u64,
}

/// What a lane is made of.
pub(super) struct LaneParts {
    /// Its name.
    pub name: LaneName,
    /// Size at which a segment ends.
    pub segment_bytes: u64,
    /// Messages its queue holds.
    pub capacity: usize,
    /// Names and run.
    pub scope: Arc<Scope>,
    /// Where its lines are counted by event.
    pub metrics: Arc<Metrics>,
    /// Where they are counted by fate.
    pub account: Arc<LaneAccount>,
    /// Where its files are kept.
    pub shelf: Box<dyn Shelf>,
    /// The time.
    pub clock: Clock,
}

impl Lane {
    /// Opens the first segment, which proves that the folder can be written, and starts the thread.
    pub(super) fn start(parts: LaneParts) -> Result<Self, String> {
        let LaneParts { name, account, clock, .. } = parts;
        let now = clock();
        let mut writer = RotatingWriter::new(parts.shelf, account.clone(), clock.clone());
        let mut state = State {
            next_seq: 1,
            line: Line::default(),
            message: Vec::new(),
            lines: 0,
            segment: Segment::default(),
            lost: None,
            transport: None,
        };
        state.open(name, now, &parts.scope);
        account.emitted(state.lines);
        let _ = writer.write(&state.message).and_then(|_| writer.flush());
        if let Some(trouble) = account.trouble() {
            return Err(trouble);
        }
        parts.metrics.told(LogEvent::Opened { lane: name, first_seq: 1 }.name());
        state.transport = Some(match name {
            LaneName::Diagnostics => Transport::lossy(writer, parts.capacity),
            LaneName::Decisions => {
                Transport::blocking(writer, parts.capacity, account.clone(), clock)
                    .map_err(|error| error.to_string())?
            }
        });
        let (scope, metrics) = (parts.scope, parts.metrics);
        let segment_bytes = parts.segment_bytes;
        Ok(Self { name, segment_bytes, scope, metrics, account, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the line of an event. Whoever listens gets the same line if it is an alert, also when
    /// it is lost to the file.
    pub(super) fn tell(&self, told: &dyn Told, time: UnixNanos, listener: Option<&Listener>) {
        let mut state = self.lock();
        if state.transport.is_none() {
            self.account.emitted(1);
            return self.account.lost(LossReason::Shutdown, 1);
        }
        self.rotate_if_due(&mut state, time);
        self.tell_loss(&mut state, time);
        state.begin();
        state.push(told, time, &self.scope);
        if let Some(listener) = listener
            && let Some(kind) = alert_of(told.name(), told.level())
        {
            listener(Heard { kind, event: told.name(), line: &state.message });
        }
        if state.line.is_truncated() {
            self.account.truncated();
        }
        self.account.emitted(1);
        if !state.send() {
            self.account.lost(LossReason::QueueFull, 1);
            let seq = state.next_seq - 1;
            let lost = state.lost.get_or_insert(Lost { count: 0, first_seq: seq, last_seq: seq });
            lost.count += 1;
            lost.last_seq = seq;
        }
    }

    fn rotate_if_due(&self, state: &mut State, time: UnixNanos) {
        let cause = match state.segment {
            _ if self.account.take_reopen() => RotationCause::Reopened,
            Segment { bytes, .. } if bytes >= self.segment_bytes => RotationCause::Size,
            Segment { day, .. } if time.0 / DAY > day => RotationCause::Day,
            _ => return,
        };
        let (lane, before) = (self.name, state.segment);
        let (closed_seq, opened_seq) = (state.next_seq, state.next_seq + 1);
        let closed = LogEvent::Closed { lane, last_seq: closed_seq };
        let rotated = LogEvent::Rotated { lane, cause, bytes: before.bytes };
        state.begin();
        state.push(&closed, time, &self.scope);
        state.open(lane, time, &self.scope);
        state.push(&rotated, time, &self.scope);
        let opened = LogEvent::Opened { lane, first_seq: opened_seq };
        if self.send_whole(state, &[&closed, &opened, &rotated], closed_seq) {
            self.account.rotated(cause);
        } else {
            state.segment = before;
            if cause == RotationCause::Reopened {
                // The next line tries again.
                self.account.ask_reopen();
            }
        }
    }

    /// As soon as there is room again, says what was lost while there was none.
    fn tell_loss(&self, state: &mut State, time: UnixNanos) {
        let Some(Lost { count, first_seq, last_seq }) = state.lost else { return };
        let event = LogEvent::Dropped { lane: self.name, count, first_seq, last_seq };
        let seq = state.next_seq;
        state.begin();
        state.push(&event, time, &self.scope);
        if self.send_whole(state, &[&event], seq) {
            state.lost = None;
        }
    }

    /// Sends lines that the lane can say again later: if they do not fit, they were never told.
    fn send_whole(&self, state: &mut State, events: &[&dyn Told], first_seq: u64) -> bool {
        let sent = state.send();
        if sent {
            self.account.emitted(state.lines);
            for event in events {
                self.metrics.told(event.name());
            }
        } else {
            state.next_seq = first_seq;
        }
        sent
    }

    /// Ends the lane: writes what is queued and `log.closed`, for as long as `patience` lasts.
    /// What is left then is counted as lost. Lines that come later are lost, too.
    pub(super) fn close(&self, mut patience: Duration, now: UnixNanos) {
        let mut state = self.lock();
        let Some(transport) = &mut state.transport else { return };
        self.account.hurry();
        // Wakes a writer that pauses after a failure.
        transport.send(b"");
        self.drain(&mut patience);
        self.tell_loss(&mut state, now);
        let seq = state.next_seq;
        let closed = LogEvent::Closed { lane: self.name, last_seq: seq };
        state.begin();
        state.push(&closed, now, &self.scope);
        self.send_whole(&mut state, &[&closed], seq);
        self.drain(&mut patience);
        if self.account.queued() > 0 {
            self.account.abandon();
        }
        if let Some(transport) = state.transport.take() {
            transport.finish();
        }
        self.account.seal();
    }

    fn drain(&self, patience: &mut Duration) {
        while self.account.queued() > 0 && *patience > Duration::ZERO {
            thread::sleep(POLL);
            *patience = patience.saturating_sub(POLL);
        }
    }
}

impl State {
    fn begin(&mut self) {
        self.message.clear();
        self.lines = 0;
    }

    /// Adds the line of an event with the next number.
    fn push(&mut self, told: &dyn Told, time: UnixNanos, scope: &Scope) {
        self.line.start(&Head {
            time,
            seq: self.next_seq,
            level: told.level(),
            event: told.name().as_str(),
            message: &told.message(scope),
            run_id: &scope.run.run_id.0,
        });
        told.fields(scope, &mut self.line);
        self.message.extend_from_slice(self.line.finish().as_bytes());
        self.next_seq += 1;
        self.lines += 1;
    }

    /// Adds the beginning of a segment.
    fn open(&mut self, lane: LaneName, time: UnixNanos, scope: &Scope) {
        let number = self.segment.number + 1;
        let name = segment_name(lane, time, number);
        self.message.push(MARK);
        self.message.extend_from_slice(name.as_bytes());
        self.message.push(b'\n');
        self.segment = Segment { number, day: time.0 / DAY, bytes: 0 };
        self.push(&LogEvent::Opened { lane, first_seq: self.next_seq }, time, scope);
    }

    fn send(&mut self) -> bool {
        let sent = self.transport.as_mut().is_some_and(|transport| transport.send(&self.message));
        if sent {
            self.segment.bytes += self.message.len() as u64;
        }
        sent
    }
}

/// `decisions.20261122T204000Z.0001.jsonl`: names sort by time.
fn segment_name(lane: LaneName, time: UnixNanos, number: u32) -> String {
    format!("{}.{}.{number:04}{SUFFIX}", lane.as_str(), segment_stamp(time))
}

/// `20261122T204000Z`
pub(super) fn segment_stamp(time: UnixNanos) -> String {
    let start = jiff::Timestamp::from_nanosecond(i128::from(time.0)).unwrap_or_default();
    start.strftime("%Y%m%dT%H%M%SZ").to_string()
}
