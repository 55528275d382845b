//! The teller: what the core noticed becomes log lines and metrics, on a thread of its own. The
//! core hands over bytes and goes on; it never formats and never waits.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use super::latest::Latest;
use super::lints::Lint;
use super::operator::Told;
use super::stages::Stages;
use crate::app::decision::Store;
use crate::app::decision::store::Extent;
use crate::app::error::{AppError, Exit};
use crate::app::outputs::copied_records;
use crate::app::pipeline::Notice;
use crate::domain::{InstrumentId, Nanos, StrategyId, UnixNanos};
use crate::engine::codec::decode;
use crate::engine::view::{HealthView, LogView, QueueView};
use crate::tape::{RING_BYTES, RecorderState};
use crate::telemetry::{
    Channel, DecisionMemory, DecodeFailure, DisconnectReason, FeedEvent, ProcessEvent, QueueName,
    QueueState, RecordKind, Stage, StrategyEvent, Telemetry, Timing, Timings,
};
use crate::venue::{self, DownReason, Unusable};

/// Batches that may wait to be told.
const WAITING: usize = 1_024;
/// Bytes of records kept back while the telling thread is behind; then they are counted as lost.
const HELD_BYTES: usize = 32 << 20;
/// Bytes of an unusable frame that are told.
const EXCERPT: usize = 200;

/// One thing to tell.
#[derive(Debug)]
pub enum Tidings {
    /// Copies of records.
    Records(Vec<u8>),
    /// The pipeline noticed something.
    Notice(Notice, UnixNanos),
    /// A frame could not be used.
    Unusable(Option<venue::Channel>, Unusable, Vec<u8>, UnixNanos),
    /// A connection is being made: the how-manieth since the last success.
    Connecting(u32, UnixNanos),
    /// A connection is open.
    Up(u32, UnixNanos),
    /// A connection is down.
    Down(u32, DownReason, u64, UnixNanos),
    /// Nothing came for an instrument for this long, the limit being that.
    Stale(InstrumentId, Nanos, Nanos, UnixNanos),
    /// Data comes again after this long.
    Recovered(InstrumentId, Nanos, UnixNanos),
    /// A stream brought nothing for this long, the limit being that.
    Starved(InstrumentId, venue::Channel, Nanos, Nanos, UnixNanos),
    /// It brings again after this long.
    Fed(InstrumentId, venue::Channel, Nanos, UnixNanos),
    /// A strategy decided nothing for this long, the limit being that.
    Idle(StrategyId, Nanos, Nanos, UnixNanos),
    /// It decides again after this long.
    Decides(StrategyId, Nanos, UnixNanos),
    /// An operator did something.
    Operator(Box<Told>, UnixNanos),
}

/// The core's end.
pub struct Teller {
    to: SyncSender<Tidings>,
    telemetry: Telemetry,
    timings: Option<Timings>,
    tape: Arc<RecorderState>,
    held: Vec<u8>,
    lost_batches: u64,
    rate: Rate,
    stages: Stages,
    metrics_address: String,
}

/// Messages a second, over the last whole second.
struct Rate {
    since: Instant,
    messages: u64,
    per_second: f64,
}

impl Teller {
    /// Starts the telling thread.
    pub fn start(
        telemetry: &Telemetry,
        tape: Arc<RecorderState>,
        metrics_address: String,
        store: Arc<Store>,
    ) -> Result<(Self, JoinHandle<()>), AppError> {
        let (to, tidings) = sync_channel(WAITING);
        let telling = telemetry.clone();
        let join = std::thread::Builder::new()
            .name("teller".to_owned())
            .spawn(move || tell_all(&telling, &store, &tidings))
            .map_err(|error| AppError::new(Exit::Failed, error.to_string()))?;
        let teller = Self {
            to,
            timings: telemetry.take_timings(),
            telemetry: telemetry.clone(),
            tape,
            held: Vec::new(),
            lost_batches: 0,
            rate: Rate { since: Instant::now(), messages: 0, per_second: 0.0 },
            stages: Stages::new(),
            metrics_address,
        };
        Ok((teller, join))
    }

    /// Counts a message of a stream.
    pub fn frame(&mut self, bytes: &[u8]) {
        self.rate.messages += 1;
        self.telemetry.metrics().message(channel_of(bytes), bytes.len());
    }

    /// This was decided and ordered so long after the socket became readable.
    pub fn decided(&mut self, latest: &Latest, nanos: u64) {
        let Some(timings) = &mut self.timings else { return };
        for decision in &latest.decisions {
            timings.record(Timing::TickToDecision(*decision), nanos);
        }
        for decision in &latest.ordered {
            timings.record(Timing::TickToOrder(*decision), nanos);
        }
    }

    /// The stages of one input.
    pub fn stages(&mut self, decode: u64, engine: u64) {
        self.time(Timing::Stage(Stage::Decode), decode);
        self.time(Timing::Stage(Stage::Engine), engine);
    }

    /// One turn of the core thread.
    pub fn turn(&mut self, nanos: u64) {
        self.time(Timing::EventLoop, nanos);
    }

    /// A view was built and published.
    pub fn published(&mut self, nanos: u64) {
        self.time(Timing::Stage(Stage::Publish), nanos);
    }

    /// A message that the venue sent at one moment was received at another.
    pub fn transit(&mut self, received: UnixNanos, sent: UnixNanos) {
        let transit = received.delta(sent);
        self.time(Timing::Transit { early: transit < 0 }, transit.unsigned_abs());
    }

    fn time(&mut self, timing: Timing, nanos: u64) {
        if let Some(timings) = &mut self.timings {
            timings.record(timing, nanos);
        }
    }

    /// Tells something; what does not fit is counted.
    pub fn tell(&mut self, tidings: Tidings) {
        if self.to.try_send(tidings).is_err() {
            self.lost_batches += 1;
        }
    }

    /// An unusable frame, with the beginning of its bytes.
    pub fn unusable(
        &mut self,
        channel: Option<venue::Channel>,
        reason: Unusable,
        bytes: &[u8],
        now: UnixNanos,
    ) {
        let excerpt = bytes.get(..EXCERPT).unwrap_or(bytes).to_vec();
        self.tell(Tidings::Unusable(channel, reason, excerpt, now));
    }

    /// Hands over copies of records. They wait here while the thread is behind, so that the
    /// decisions lane loses none.
    pub fn records(&mut self, copies: Vec<u8>) {
        if self.held.is_empty() {
            self.held = copies;
        } else {
            self.held.extend_from_slice(&copies);
        }
        match self.to.try_send(Tidings::Records(std::mem::take(&mut self.held))) {
            Ok(()) => {}
            Err(TrySendError::Full(Tidings::Records(held))) if held.len() < HELD_BYTES => {
                self.held = held;
            }
            Err(_) => self.lost_batches += 1,
        }
    }

    /// The newest log lines.
    pub fn log_tail(&self) -> Vec<Arc<LogView>> {
        self.telemetry.log_tail().as_ref().clone()
    }

    /// Queues, losses, rates.
    pub fn health(&mut self) -> HealthView {
        let elapsed = self.rate.since.elapsed().as_secs_f64();
        if elapsed >= 1.0 {
            #[expect(clippy::cast_precision_loss, reason = "a rate")]
            let per_second = self.rate.messages as f64 / elapsed;
            self.rate = Rate { since: Instant::now(), messages: 0, per_second };
        }
        let stats = self.tape.stats();
        let tape = QueueState {
            depth: stats.depth_bytes,
            capacity: RING_BYTES as u64,
            high_water: stats.high_water_bytes,
            dropped: 0,
        };
        self.telemetry.metrics().queue(QueueName::Tape, tape);
        let kinds = [
            RecordKind::Frame,
            RecordKind::Input,
            RecordKind::Output,
            RecordKind::Mark,
            RecordKind::Timing,
        ];
        for (kind, count) in kinds.into_iter().zip(stats.by_kind) {
            self.telemetry.metrics().tape_records(kind, count);
        }
        let trouble = self.telemetry.log_trouble();
        let latency = self.telemetry.latency();
        let latency =
            latency.map(|latency| (micros(latency.p50), micros(latency.p99), micros(latency.max)));
        HealthView {
            connections: Vec::new(),
            streams: Vec::new(),
            stages: self.stages.look(&self.telemetry),
            queues: vec![
                queue("tape", tape.depth, tape.capacity, tape.high_water, 0),
                queue("telling", self.held.len() as u64, HELD_BYTES as u64, 0, self.lost_batches),
            ],
            messages_per_second: self.rate.per_second,
            latency_us: latency,
            recent_p99_us: self.telemetry.recent_latency().map(micros),
            metrics_address: self.metrics_address.clone(),
            tape_bytes: stats.bytes,
            log_dropped: self.telemetry.log_lines_lost(),
            warnings: trouble
                .map(|trouble| Lint::LogWriterStuck.says(trouble))
                .into_iter()
                .collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown in microseconds")]
fn micros(nanos: Nanos) -> f64 {
    nanos as f64 / 1e3
}

fn queue(name: &str, depth: u64, capacity: u64, high_water: u64, dropped: u64) -> QueueView {
    QueueView { name: name.to_owned(), depth, capacity, high_water, dropped }
}

/// The kind of stream that a message belongs to, by its beginning.
fn channel_of(bytes: &[u8]) -> Channel {
    let head = bytes.get(..48).unwrap_or(bytes);
    let has = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
    if has(b"@trade") {
        Channel::Trade
    } else if has(b"@bookTicker") {
        Channel::Quote
    } else if has(b"@depth") {
        Channel::Depth
    } else {
        Channel::Control
    }
}

/// The telling thread: ends when the core's end is gone. The store comes first: it never waits.
fn tell_all(telemetry: &Telemetry, store: &Store, tidings: &Receiver<Tidings>) {
    let mut teller = telemetry.record_teller();
    while let Ok(tidings) = tidings.recv() {
        if let Tidings::Records(copies) = &tidings {
            let began = Instant::now();
            for bytes in copied_records(copies) {
                // What the engine encoded, this build decodes.
                if let Ok(record) = decode(bytes) {
                    store.take(&record, bytes);
                    teller.record(&record);
                }
            }
            let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            telemetry.stage(Stage::Tell, took);
            let Extent { decisions, bytes, limit, evicted } = store.extent();
            telemetry.metrics().decision_memory(DecisionMemory {
                decisions,
                bytes,
                limit,
                evicted,
            });
        } else {
            tell(telemetry, &tidings);
        }
    }
}

fn tell(telemetry: &Telemetry, tidings: &Tidings) {
    let (event, time) = match tidings {
        Tidings::Records(_) => return,
        Tidings::Notice(Notice::Live(instrument, channel), time) => {
            let (instrument, channel) = (*instrument, channel_word(Some(*channel)));
            (FeedEvent::Subscribed { instrument, channel }.into(), *time)
        }
        Tidings::Notice(Notice::Unusable(channel, reason), time) => {
            let (channel, reason) = (channel_word(*channel), failure(*reason));
            (FeedEvent::DecodeFailed { channel, reason, frame: &[] }.into(), *time)
        }
        Tidings::Notice(Notice::TradeGap(instrument, expected, received), time) => {
            let (instrument, expected, received) = (*instrument, *expected, *received);
            (FeedEvent::TradeGap { instrument, expected, received }.into(), *time)
        }
        Tidings::Notice(Notice::ShutdownAnnounced, _) => return,
        Tidings::Unusable(channel, reason, frame, time) => {
            let (channel, reason) = (channel_word(*channel), failure(*reason));
            (FeedEvent::DecodeFailed { channel, reason, frame }.into(), *time)
        }
        Tidings::Connecting(attempt, time) => {
            (FeedEvent::Connecting { attempt: *attempt }.into(), *time)
        }
        Tidings::Up(connection, time) => {
            (FeedEvent::Connected { connection: *connection }.into(), *time)
        }
        Tidings::Down(connection, reason, retry_after, time) => {
            let event = FeedEvent::Disconnected {
                connection: *connection,
                reason: down(*reason),
                retry_after: Some(*retry_after),
            };
            (event.into(), *time)
        }
        Tidings::Stale(instrument, age, limit, time) => {
            let (instrument, age, limit) = (*instrument, *age, *limit);
            (FeedEvent::Stale { instrument, age, limit }.into(), *time)
        }
        Tidings::Recovered(instrument, silent, time) => {
            let (instrument, silent) = (*instrument, *silent);
            (FeedEvent::Recovered { instrument, silent }.into(), *time)
        }
        Tidings::Starved(instrument, channel, age, limit, time) => {
            let channel = channel_word(Some(*channel));
            let (instrument, age, limit) = (*instrument, *age, *limit);
            (FeedEvent::Starved { instrument, channel, age, limit }.into(), *time)
        }
        Tidings::Fed(instrument, channel, silent, time) => {
            let channel = channel_word(Some(*channel));
            let (instrument, silent) = (*instrument, *silent);
            (FeedEvent::Fed { instrument, channel, silent }.into(), *time)
        }
        Tidings::Idle(strategy, age, limit, time) => {
            let (strategy, age, limit) = (*strategy, *age, *limit);
            (StrategyEvent::Idle { strategy, age, limit }.into(), *time)
        }
        Tidings::Decides(strategy, silent, time) => {
            let (strategy, silent) = (*strategy, *silent);
            (StrategyEvent::Decides { strategy, silent }.into(), *time)
        }
        Tidings::Operator(told, time) => return tell_command(telemetry, told, *time),
    };
    telemetry.emit_at(&event, time);
}

fn tell_command(telemetry: &Telemetry, told: &Told, time: UnixNanos) {
    let sentence = told.done.sentence();
    let event = ProcessEvent::Command {
        command: &told.done.command,
        strategy: &told.done.strategy,
        by: told.by.as_str(),
        pid: told.pid,
        done: &sentence,
    };
    telemetry.emit_at(&event.into(), time);
}

fn channel_word(channel: Option<venue::Channel>) -> Channel {
    match channel {
        Some(venue::Channel::Trade) => Channel::Trade,
        Some(venue::Channel::Quote) => Channel::Quote,
        Some(venue::Channel::Depth) => Channel::Depth,
        Some(venue::Channel::Rest) => Channel::Rest,
        Some(venue::Channel::Control) => Channel::Control,
        None => Channel::Unknown,
    }
}

fn failure(reason: Unusable) -> DecodeFailure {
    match reason {
        Unusable::Malformed => DecodeFailure::Malformed,
        Unusable::Oversized => DecodeFailure::Oversized,
        Unusable::UnknownType => DecodeFailure::UnknownType,
        Unusable::UnknownInstrument => DecodeFailure::UnknownInstrument,
        Unusable::BadNumber => DecodeFailure::BadNumber,
        Unusable::OutOfOrder => DecodeFailure::OutOfOrder,
        Unusable::VenueError => DecodeFailure::VenueError,
    }
}

fn down(reason: DownReason) -> DisconnectReason {
    match reason {
        DownReason::Refused => DisconnectReason::Refused,
        DownReason::Closed => DisconnectReason::Closed,
        DownReason::Inactive => DisconnectReason::Inactive,
        DownReason::Expiring => DisconnectReason::Expiring,
        DownReason::Protocol => DisconnectReason::Protocol,
        DownReason::Stopped => DisconnectReason::Stopped,
    }
}
