//! The core: decides on the thread that reads the socket. It takes one input at a time, records
//! it, steps the pipeline, and publishes a view now and then. It never waits for disk, screen or
//! a lock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, sleep_until};

use super::absence::Absence;
use super::clock::Clock;
use super::latest::{Latest, Noting};
use super::lints::{Lint, Thresholds};
use super::operator::Asked;
use super::questions::{Answered, Questions};
use super::teller::{Teller, Tidings};
use super::turns::Turns;
use super::upkeep::Standing;
use super::watchers::Watchers;
use crate::app::outputs::{EntrySink, Outputs, TapeStopped, copied_records};
use crate::app::pipeline::{Given, Notice, Pipeline, TapeInput};
use crate::app::source::request_name;
use crate::domain::{StrategyId, UnixNanos};
use crate::engine::codec::decode;
use crate::engine::view::{ConnectionView, EngineView};
use crate::engine::{Command, Outlet, StopReason, TradingState, Viewer};
use crate::strategy::RuleTexts;
use crate::tape::{Channel, Entry, RecorderHandle, Timing};
use crate::tui::Notifier;
use crate::venue::line::{Backoff, LineConfig};
use crate::venue::socket::{ConnectError, Connection, Received};
use crate::venue::{DownReason, LineEvent, Source};

/// Market data that never pauses may hold a view back for so many times its interval.
const PUBLISH_PATIENCE: u32 = 4;
/// One of so many inputs is timed by stage: a clock costs as much as decoding a quote.
pub(super) const TIMED: u64 = 16;
/// How long cancellations may take when the run ends.
const FAREWELL: Duration = Duration::from_millis(300);

/// What others ask of the core.
pub enum Control {
    /// An operator's command.
    Command(Asked),
    /// A strategy's rules were changed on disk.
    Revise(StrategyId, RuleTexts),
    /// End the run.
    Quit,
}

/// Why the core ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// It was asked to, or its time was up.
    Asked,
    /// A risk rule halted trading, and nobody is at a screen to resume it.
    Halted,
    /// The recording could not be written.
    TapeStopped,
}

impl EntrySink for RecorderHandle {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), TapeStopped> {
        self.push(entry).map_err(|_| TapeStopped)
    }
}

/// The connection's state.
enum Line {
    Waiting(Instant),
    Connecting(oneshot::Receiver<Result<Connection, ConnectError>>),
    Open(Box<Connection>, Instant),
}

/// What the core takes next.
enum Step {
    Control(Option<Control>),
    TimeUp,
    Publish,
    Due,
    Answered(Option<Answered>),
    Received(Received),
    Connected(Box<Result<Connection, ConnectError>>),
    Connect,
}

/// Everything the core owns.
pub struct Core {
    /// Decoder and engine.
    pub pipeline: Pipeline,
    /// Where records go.
    pub outputs: Outputs,
    /// What the last input led to.
    pub latest: Latest,
    /// The recording.
    pub tape: RecorderHandle,
    /// The time.
    pub clock: Clock,
    /// REST.
    pub questions: Questions,
    /// How the venue is reached.
    pub line: LineConfig,
    /// When to try again.
    pub backoff: Backoff,
    /// What others ask.
    pub control: mpsc::Receiver<Control>,
    /// End when a risk rule halts trading: there is no screen to resume it at.
    pub ends_when_halted: bool,
    /// A halt that the run began with does not end it: it waits to be resumed.
    pub began_halted: bool,
    /// When the run ends by itself.
    pub deadline: Option<Instant>,
    /// Who looks at published views.
    pub watchers: Watchers,
    /// Where views are published.
    pub view: Arc<ArcSwap<EngineView>>,
    /// When this thread wakes and sleeps.
    pub turns: Turns,
    /// What is wrong with the configuration on disk, or what of it needs a restart.
    pub on_disk: Arc<ArcSwapOption<String>>,
    /// What the upkeep warns of.
    pub standing: Standing,
    /// Why the account's ledger is not kept.
    pub unkept: Arc<ArcSwapOption<String>>,
    /// Where the same inputs, run again behind it, made something else.
    pub parted: Arc<ArcSwapOption<String>>,
    /// What tells logs and metrics.
    pub teller: Teller,
    /// Folds records into what is visible.
    pub viewer: Viewer,
    /// What is worth a lint.
    pub thresholds: Thresholds,
    /// Watches for absence of data.
    pub absence: Absence,
    /// When a view was published last.
    pub published: Instant,
    /// Inputs so far.
    pub seq: u64,
    /// Connections so far.
    pub connections: u32,
    /// Attempts to connect since the last success.
    pub attempts: u32,
    /// Connected now.
    pub up: bool,
}

impl Core {
    /// Runs until it is asked to end. The first inputs are the start, and what the account's last
    /// run left.
    pub async fn run(mut self, start: Vec<TapeInput>, screen: Option<Notifier>) -> (Self, End) {
        let mut line = Line::Waiting(Instant::now());
        let mut every = self.watchers.pace();
        let mut publish = interval(every);
        let started = start.iter().try_for_each(|input| self.other(input));
        let mut end = started.err().map(|_| End::TapeStopped);
        self.began_halted = self.is_halted_by_risk();
        while end.is_none() {
            if every != self.watchers.pace() {
                every = self.watchers.pace();
                publish = interval(every);
            }
            let late = self.published.elapsed() > every * PUBLISH_PATIENCE;
            let step = if late { Step::Publish } else { self.next(&mut line, &mut publish).await };
            let published = matches!(step, Step::Publish);
            end = match self.handle(step, &mut line) {
                Ok(None) => None,
                Ok(Some(end)) => Some(end),
                Err(TapeStopped) => Some(End::TapeStopped),
            };
            if let (true, Some(screen)) = (published, &screen) {
                screen.view_changed();
            }
        }
        let end = end.unwrap_or(End::Asked);
        if end != End::TapeStopped && self.farewell().await.is_err() {
            return (self, End::TapeStopped);
        }
        if let Line::Open(connection, _) = line {
            connection.close().await;
        }
        self.publish();
        (self, end)
    }

    /// Waits for what comes first: operator before time before answers before market data, which
    /// never ends. A view can wait for a pause in it.
    async fn next(&mut self, line: &mut Line, publish: &mut tokio::time::Interval) -> Step {
        let due = self.pipeline.engine().next_due().map(|at| self.clock.instant(at));
        let deadline = self.deadline;
        tokio::select! {
            biased;
            control = self.control.recv() => Step::Control(control),
            () = until(deadline) => Step::TimeUp,
            () = until(due) => Step::Due,
            answered = self.questions.answer() => Step::Answered(answered),
            step = next_of_line(line) => step,
            _ = publish.tick() => Step::Publish,
        }
    }

    fn handle(&mut self, step: Step, line: &mut Line) -> Result<Option<End>, TapeStopped> {
        if let Some(took) = self.turns.take() {
            self.teller.turn(took);
        }
        match step {
            Step::Control(None | Some(Control::Quit)) | Step::TimeUp => {
                return Ok(Some(End::Asked));
            }
            Step::Control(Some(Control::Command(asked))) => self.obey(asked)?,
            Step::Control(Some(Control::Revise(strategy, rules))) => {
                self.other(&TapeInput::Revise { strategy, rules })?;
            }
            Step::Publish => {
                self.outputs.flush(&mut self.tape)?;
                self.publish();
                self.began_halted &= self.is_halted_by_risk();
                if self.ends_when_halted && !self.began_halted && self.is_halted_by_risk() {
                    return Ok(Some(End::Halted));
                }
            }
            Step::Due => self.other(&TapeInput::Clock)?,
            Step::Answered(Some(answered)) => self.answered(&answered)?,
            Step::Answered(None) => {}
            Step::Received(Received::Frame(bytes)) => self.frame(&bytes, line)?,
            Step::Received(Received::Down(reason)) => self.down(reason, line)?,
            Step::Connect => self.connect(line),
            Step::Connected(result) => match *result {
                Ok(connection) => self.connected(connection, line)?,
                Err(error) => self.refused(&error, line),
            },
        }
        Ok(None)
    }

    fn frame(&mut self, bytes: &[u8], line: &mut Line) -> Result<(), TapeStopped> {
        let Line::Open(connection, _) = line else { return Ok(()) };
        let number = connection.number;
        let source = Source::Stream { connection: number };
        let channel = Channel::Stream { connection: number };
        self.take(channel, bytes, Given::Frame { source: &source, bytes })?;
        self.teller.frame(bytes);
        if let Some(sent) = self.pipeline.sent() {
            self.teller.transit(self.outputs.time(), sent);
        }
        if !self.latest.decisions.is_empty() {
            let woken = self.turns.woken();
            self.teller.decided(&self.latest, self.clock.now().0.saturating_sub(woken));
        }
        Ok(())
    }

    fn answered(&mut self, answered: &Answered) -> Result<(), TapeStopped> {
        let name = request_name(&answered.request);
        let status = answered.answer.status;
        let source = Source::Answer { request: answered.request.clone(), status };
        let channel = Channel::Answer { request: &name, status };
        let bytes = answered.answer.body.as_slice();
        self.take(channel, bytes, Given::Frame { source: &source, bytes })
    }

    pub(super) fn other(&mut self, input: &TapeInput) -> Result<(), TapeStopped> {
        let bytes = postcard::to_stdvec(input).map_err(|_| TapeStopped)?;
        self.take(Channel::Input, &bytes, Given::Other(input))
    }

    /// Records one input and lets the pipeline take it.
    fn take(
        &mut self,
        channel: Channel<'_>,
        bytes: &[u8],
        given: Given<'_>,
    ) -> Result<(), TapeStopped> {
        self.seq += 1;
        let (seq, time) = (self.seq, self.clock.now());
        let signals = self.outputs.tally.signals;
        self.tape.entry(&Entry { channel, seq, time, bytes })?;
        self.outputs.begin(seq, time);
        self.latest.clear();
        let mut out = Noting(&mut self.latest, &mut self.outputs);
        if seq.is_multiple_of(TIMED) {
            let clock = self.clock;
            let read = move || clock.now().0;
            let began = read();
            let engine = self.pipeline.take_timed((seq, time), given, &mut out, Some(&read));
            self.teller.stages(read().saturating_sub(began).saturating_sub(engine), engine);
        } else {
            self.pipeline.take(seq, time, given, &mut out);
        }
        if self.outputs.tally.signals > signals {
            self.time(seq, time)?;
        }
        self.outputs.end(&mut self.tape)?;
        while let Some(request) = self.pipeline.next_request() {
            if !self.questions.ask(request) {
                break;
            }
        }
        for notice in self.pipeline.drain_notices() {
            match notice {
                Notice::Unusable(channel, reason) => {
                    self.teller.unusable(channel, reason, bytes, time);
                }
                notice => self.teller.tell(Tidings::Notice(notice, time)),
            }
        }
        Ok(())
    }

    /// Writes how long an input took that led to a signal, beside what is compared.
    fn time(&mut self, seq: u64, taken: UnixNanos) -> Result<(), TapeStopped> {
        let (readable, decided) = (self.turns.woken(), self.clock.now());
        let timing = Timing::between(readable, taken.0, decided.0);
        self.viewer.timed(seq, timing.total);
        let (channel, bytes) = (Channel::Timing, timing.to_bytes());
        self.tape.entry(&Entry { channel, seq, time: taken, bytes: &bytes })
    }

    fn connect(&mut self, line: &mut Line) {
        self.connections += 1;
        let number = self.connections;
        self.attempts += 1;
        self.teller.tell(Tidings::Connecting(self.attempts, self.clock.now()));
        let (done, connecting) = oneshot::channel();
        let config = self.line.clone();
        tokio::spawn(async move {
            // Nobody waits for it any more once the run has ended.
            let _ = done.send(Connection::connect(&config, number).await);
        });
        *line = Line::Connecting(connecting);
    }

    fn connected(&mut self, connection: Connection, line: &mut Line) -> Result<(), TapeStopped> {
        let number = connection.number;
        *line = Line::Open(Box::new(connection), Instant::now());
        self.up = true;
        self.attempts = 0;
        self.teller.tell(Tidings::Up(number, self.clock.now()));
        self.other(&TapeInput::Line(LineEvent::Up { connection: number }))
    }

    fn refused(&mut self, error: &ConnectError, line: &mut Line) {
        let wait = self.backoff.next_delay(Duration::ZERO);
        let (number, reason) = (self.connections, error.reason());
        self.teller.tell(Tidings::Down(number, reason, nanos(wait), self.clock.now()));
        *line = Line::Waiting(Instant::now() + wait);
    }

    fn down(&mut self, reason: DownReason, line: &mut Line) -> Result<(), TapeStopped> {
        let Line::Open(connection, since) = line else { return Ok(()) };
        let number = connection.number;
        let wait = self.backoff.next_delay(since.elapsed());
        *line = Line::Waiting(Instant::now() + wait);
        self.up = false;
        self.teller.tell(Tidings::Down(number, reason, nanos(wait), self.clock.now()));
        self.other(&TapeInput::Line(LineEvent::Down { connection: number, reason }))
    }

    /// Cancels what is open, waits a moment for the venue's word, and closes the recording.
    async fn farewell(&mut self) -> Result<(), TapeStopped> {
        self.other(&TapeInput::Command(Command::Stop))?;
        let latest = Instant::now() + FAREWELL;
        while let Some(due) = self.pipeline.engine().next_order_due() {
            let at = self.clock.instant(due);
            if at > latest {
                break;
            }
            sleep_until(at.into()).await;
            self.other(&TapeInput::Clock)?;
        }
        self.outputs.mark(&mut self.tape)
    }

    /// Folds what was recorded since the last time, publishes what is visible now, and hands the
    /// records to the teller. None of this is on the way from a frame to its decision.
    pub(super) fn publish(&mut self) {
        let now = self.clock.now();
        self.published = Instant::now();
        let copies = self.outputs.take_copies();
        for record in copied_records(&copies) {
            // What the engine encoded, this build decodes.
            if let Ok(record) = decode(record) {
                self.viewer.record(&record);
            }
        }
        if !copies.is_empty() {
            self.teller.records(copies);
        }
        let mut view = self.viewer.build(self.pipeline.engine(), self.seq);
        view.now = now;
        view.log = self.teller.log_tail();
        view.health = self.teller.health();
        view.health.warnings.extend(self.thresholds.look(&view));
        for (lint, sentence) in [
            (Lint::ConfigOnDisk, &self.on_disk),
            (Lint::LedgerNotKept, &self.unkept),
            (Lint::ReplayDivergence, &self.parted),
        ] {
            let sentence = sentence.load();
            let said = sentence.as_deref().map(|sentence| lint.says(sentence.as_str()));
            view.health.warnings.extend(said);
        }
        view.health.warnings.extend(self.standing.load().iter().cloned());
        let state = if self.up { "up" } else { "connecting" };
        view.health.connections = vec![ConnectionView {
            name: "market data".to_owned(),
            up: self.up,
            state: state.to_owned(),
            reconnects: u64::from(self.connections.saturating_sub(1)),
        }];
        let delivered = |instrument, channel| self.pipeline.delivered(instrument, channel);
        self.absence.watch(&mut view, delivered, &mut self.teller);
        self.view.store(Arc::new(view));
        self.teller.published(self.clock.now().since(now));
    }

    /// True when a risk rule halted trading.
    fn is_halted_by_risk(&self) -> bool {
        matches!(
            self.pipeline.engine().trading(),
            TradingState::Halted(reason) if reason != StopReason::Operator
        )
    }

    /// The newest engine time.
    pub fn now(&self) -> UnixNanos {
        self.clock.now()
    }
}

/// What says when a view is to be published.
fn interval(every: Duration) -> tokio::time::Interval {
    let mut publish = tokio::time::interval(every);
    publish.set_missed_tick_behavior(MissedTickBehavior::Delay);
    publish
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Sleeps until an instant; for ever without one.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// What the connection gives next. Dropping the wait loses nothing.
async fn next_of_line(line: &mut Line) -> Step {
    match line {
        Line::Waiting(at) => {
            sleep_until((*at).into()).await;
            Step::Connect
        }
        Line::Connecting(connecting) => Step::Connected(Box::new(match connecting.await {
            Ok(result) => result,
            // The task that connects never ends without an answer, unless it panicked.
            Err(_) => Err(ConnectError::Refused {
                url: String::new(),
                reason: "the connecting task ended".to_owned(),
            }),
        })),
        Line::Open(connection, _) => Step::Received(connection.next().await),
    }
}
