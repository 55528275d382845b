//! Playback: the thread that moves in a recording as a screen asks, and publishes what is seen there.
//! It owns a pipeline of its own: beside a living run it reads that run's tape and touches nothing of
//! it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use super::break_on::Breaks;
use super::landmarks::Landmarks;
use super::timeline::{Timeline, To};
use crate::app::error::{AppError, Exit};
use crate::app::explain::{self, Wanted};
use crate::app::past::{Proof, Recording};
use crate::app::setup;
use crate::domain::UnixNanos;
use crate::engine::view::{EngineView, ReplayMark, ReplayView};
use crate::telemetry::KeptLog;
use crate::tui::Playback;

/// From one published view to the next while it plays.
const FRAME: Duration = Duration::from_millis(33);
/// How long it plays as fast as possible before it looks for a key.
const SLICE: Duration = Duration::from_millis(20);
/// The fastest that a factor says; the next one is as fast as possible.
const FASTEST: u32 = 1_024;

/// Lines of the log that are shown.
const LINES: usize = 300;
/// Orders that may wait.
const ORDERS: usize = 64;
/// A living run's tape is flushed once a second.
const FLUSH: Duration = Duration::from_millis(300);
const FLUSHES: u32 = 8;

/// Who gets what is seen, and what is to be said in the last line.
pub trait Audience: Send {
    /// A view to draw.
    fn show(&mut self, view: EngineView);
    /// A sentence.
    fn say(&mut self, sentence: String);
}

/// Where playback begins.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// A time, an id, or an input's number; the begin where there is none.
    pub at: Option<String>,
    /// It plays at once.
    pub plays: bool,
    /// How many times as fast as it was; 0 as fast as possible.
    pub speed: u32,
    /// It stands beside its living run.
    pub beside_live: bool,
}

/// Starts the thread. Dropping the sender ends it.
pub fn start(
    recording: Recording,
    beginning: &Beginning,
    audience: Box<dyn Audience>,
) -> Result<SyncSender<Playback>, AppError> {
    let (orders, taken) = sync_channel(ORDERS);
    let player = Player::new(recording, beginning, audience)?;
    spawn(move || player.run(&taken))?;
    Ok(orders)
}

/// The same beside a living run: even opening its recording is done on the thread, which waits a
/// little for an input that is not on the tape yet.
pub fn start_beside(
    open: impl Fn() -> Result<Recording, AppError> + Send + 'static,
    input: u64,
    mut audience: Box<dyn Audience>,
) -> Result<SyncSender<Playback>, AppError> {
    let (orders, taken) = sync_channel(ORDERS);
    let beginning =
        Beginning { at: Some(format!("@{input}")), plays: false, speed: 1, beside_live: true };
    spawn(move || {
        for _ in 0..FLUSHES {
            match open().and_then(|recording| Player::place(recording, &beginning)) {
                Ok(placed) if placed.timeline.seq() >= input => {
                    return placed.with(audience).run(&taken);
                }
                Ok(_) => std::thread::sleep(FLUSH),
                Err(error) => return audience.say(error.to_string()),
            }
        }
        audience.say(format!("input {input} is not on the tape"));
    })?;
    Ok(orders)
}

/// The thread ends with its channel; nobody waits for it.
fn spawn(run: impl FnOnce() + Send + 'static) -> Result<(), AppError> {
    let spawned = std::thread::Builder::new().name("replay".to_owned()).spawn(run);
    spawned.map(drop).map_err(|error| AppError::new(Exit::Failed, error.to_string()))
}

struct Player {
    timeline: Timeline,
    landmarks: Landmarks,
    marks: Arc<Vec<ReplayMark>>,
    log: KeptLog,
    breaks: Breaks,
    audience: Option<Box<dyn Audience>>,
    began: UnixNanos,
    playing: bool,
    speed: u32,
    /// When playing began or changed its speed, and the time of the recording then.
    since: (Instant, UnixNanos),
    stopped_by: String,
    beside_live: bool,
}

impl Player {
    fn new(
        recording: Recording,
        beginning: &Beginning,
        audience: Box<dyn Audience>,
    ) -> Result<Self, AppError> {
        Ok(Self::place(recording, beginning)?.with(audience))
    }

    fn with(self, audience: Box<dyn Audience>) -> Self {
        Self { audience: Some(audience), ..self }
    }

    /// A player that nobody looks at yet.
    fn place(recording: Recording, beginning: &Beginning) -> Result<Self, AppError> {
        let landmarks = Landmarks::of(&recording)?;
        let (run, began) = (recording.run.clone(), recording.began()?);
        let Beginning { at, plays, speed, beside_live } = beginning.clone();
        let mut player = Self {
            log: KeptLog::new(
                setup::logs_of(&recording.loaded.config, &recording.path),
                run.clone(),
            ),
            timeline: Timeline::new(recording)?,
            marks: Arc::new(landmarks.marks()),
            breaks: Breaks::new(run, landmarks.values.clone(), Vec::new()),
            landmarks,
            audience: None,
            began,
            playing: plays,
            speed,
            since: (Instant::now(), began),
            stopped_by: String::new(),
            beside_live,
        };
        match at {
            Some(at) => player.go_to(&at)?,
            None => {
                player.timeline.forward(&mut player.breaks)?;
            }
        }
        player.anchor();
        Ok(player)
    }

    fn run(mut self, orders: &Receiver<Playback>) {
        loop {
            self.publish();
            let order = if self.playing {
                self.play(orders).unwrap_or_else(|error| {
                    self.pause(&error.to_string());
                    None
                })
            } else {
                // Nobody can ask for anything any more.
                Some(orders.recv().unwrap_or(Playback::Leave))
            };
            match order {
                Some(Playback::Leave) => return,
                Some(order) => {
                    if let Err(error) = self.obey(order) {
                        self.say(error.to_string());
                    }
                }
                None => {}
            }
        }
    }

    /// Plays until it is time for a view, something ends it, or an order comes.
    fn play(&mut self, orders: &Receiver<Playback>) -> Result<Option<Playback>, AppError> {
        let began = Instant::now();
        while began.elapsed() < if self.speed == 0 { SLICE } else { FRAME } {
            let Some((_, next)) = self.timeline.cursor().peek()? else {
                self.pause("the end");
                return Ok(None);
            };
            let wait = self.wait_for(next);
            if !wait.is_zero() {
                let left = FRAME.saturating_sub(began.elapsed());
                match orders.recv_timeout(wait.min(left)) {
                    Ok(order) => return Ok(Some(order)),
                    Err(RecvTimeoutError::Disconnected) => return Ok(Some(Playback::Leave)),
                    Err(RecvTimeoutError::Timeout) => continue,
                }
            }
            self.forward()?;
            if let Some(hit) = self.breaks.take_hit() {
                self.pause(&hit);
                return Ok(None);
            }
        }
        match orders.try_recv() {
            Ok(order) => Ok(Some(order)),
            Err(TryRecvError::Disconnected) => Ok(Some(Playback::Leave)),
            Err(TryRecvError::Empty) => Ok(None),
        }
    }

    /// How long until an input of this time is due.
    fn wait_for(&self, next: UnixNanos) -> Duration {
        if self.speed == 0 {
            return Duration::ZERO;
        }
        let due = Duration::from_nanos(next.since(self.since.1) / u64::from(self.speed));
        due.saturating_sub(self.since.0.elapsed())
    }

    fn forward(&mut self) -> Result<bool, AppError> {
        let taken = self.timeline.forward(&mut self.breaks)?;
        for happened in self.timeline.cursor().rerun.take_happened() {
            self.breaks.happened(&happened);
            self.landmarks.met(&happened);
        }
        let rerun = &self.timeline.cursor().rerun;
        self.landmarks.last = self.landmarks.last.max((rerun.seq(), rerun.time()));
        Ok(taken)
    }

    fn obey(&mut self, order: Playback) -> Result<(), AppError> {
        match order {
            Playback::Toggle if self.playing => self.pause(""),
            Playback::Toggle => {
                self.playing = true;
                self.stopped_by.clear();
                self.anchor();
            }
            Playback::Step(inputs) => {
                self.pause("");
                self.step(inputs)?;
            }
            Playback::Decision(next) => {
                self.pause("");
                if next { self.go_to_next_row()? } else { self.go_to_row_before()? }
            }
            Playback::Faster(faster) => self.change_speed(faster),
            Playback::GoTo(text) => {
                self.pause("");
                self.go_to(&text)?;
            }
            Playback::Break(kind) => {
                if !self.breaks.toggle(&kind) {
                    self.say(format!("nothing is called {kind:?}"));
                }
            }
            Playback::Expression(text) => {
                if let Err(sentence) = self.breaks.set_expression(&text) {
                    self.say(sentence);
                }
            }
            Playback::Leave => {}
        }
        Ok(())
    }

    fn pause(&mut self, why: &str) {
        self.playing = false;
        why.clone_into(&mut self.stopped_by);
    }

    /// Time passes from here on.
    fn anchor(&mut self) {
        self.since = (Instant::now(), self.timeline.cursor().rerun.time().max(self.began));
    }

    fn change_speed(&mut self, faster: bool) {
        self.speed = match (self.speed, faster) {
            (0, true) => 0,
            (0, false) => FASTEST,
            (speed, true) if speed >= FASTEST => 0,
            (speed, true) => speed * 2,
            (speed, false) => (speed / 2).max(1),
        };
        self.anchor();
    }

    fn step(&mut self, inputs: i64) -> Result<(), AppError> {
        let mut edge = false;
        for _ in 0..inputs.unsigned_abs() {
            let moved = if inputs > 0 { self.forward()? } else { self.timeline.back()? };
            edge |= !moved;
        }
        if edge {
            self.pause(if inputs > 0 { "the end" } else { "the begin" });
        }
        if inputs < 0 {
            self.moved();
        }
        // A single step is no playing: it ends by itself.
        self.breaks.take_hit();
        Ok(())
    }

    fn moved(&mut self) {
        let forms = self.timeline.cursor().rerun.engine().forms();
        self.breaks.moved(forms);
        self.timeline.cursor().rerun.take_happened();
    }

    /// To the next input that made a row of the decisions.
    fn go_to_next_row(&mut self) -> Result<(), AppError> {
        let before = self.timeline.cursor().rerun.viewer().rows_made();
        while self.timeline.cursor().rerun.viewer().rows_made() == before {
            if !self.forward()? {
                self.pause("the end");
                break;
            }
        }
        self.breaks.take_hit();
        Ok(())
    }

    /// Back to the last input that made a row before this place.
    fn go_to_row_before(&mut self) -> Result<(), AppError> {
        let here = self.timeline.cursor().rerun.seq();
        let before = self.timeline.cursor().rerun.viewer().last_row_before(here);
        if let Some(seq) = before {
            self.timeline.go(To::Input(seq))?;
        } else {
            self.timeline.go(To::Before(0))?;
            self.pause("the begin");
        }
        self.moved();
        Ok(())
    }

    /// To a time, an id or the number of an input.
    fn go_to(&mut self, text: &str) -> Result<(), AppError> {
        let text = text.trim();
        let number = text.trim_start_matches('@').replace([',', '_'], "");
        if text.starts_with('@') || text.parse::<u64>().is_ok() {
            let seq = number.parse().map_err(|_| no_place(text))?;
            self.timeline.go(To::Input(seq))?;
        } else if let Ok(wanted) = Wanted::of_id(text) {
            // Gone to, not put there: on the way moments are kept, for the steps back.
            let seq = explain::reach(self.timeline.recording(), &wanted)?.rerun.seq();
            self.timeline.go(To::Input(seq))?;
        } else {
            let time = explain::moment_of(text, self.began).map_err(|_| no_place(text))?;
            self.timeline.go(To::Time(time))?;
        }
        self.moved();
        Ok(())
    }

    fn say(&mut self, sentence: String) {
        if let Some(audience) = &mut self.audience {
            audience.say(sentence);
        }
    }

    fn publish(&mut self) {
        // Marks after the last input stand before the next one.
        let at_end = self.timeline.cursor().peek().is_ok_and(|next| next.is_none());
        let rerun = &mut self.timeline.cursor().rerun;
        let (mut view, proof) = (rerun.view(), rerun.proof());
        if self.marks.len() != self.landmarks.happened.len() {
            self.marks = Arc::new(self.landmarks.marks());
        }
        let Proof { records, marks, parted } = proof;
        let (last_seq, ends) = self.landmarks.last;
        view.log = self.log.until(view.now, LINES);
        view.replay = Some(Arc::new(ReplayView {
            session: self.timeline.recording().name.clone(),
            playing: self.playing,
            speed: self.speed,
            seq: view.run.inputs,
            last_seq,
            began: self.began,
            ends,
            next_decision: self.landmarks.next_signal(view.now).map(|at| at.since(view.now)),
            proven: (records, marks),
            parted: parted.map_or_else(String::new, |(recorded, _)| {
                format!("this program decides otherwise up to input {}", recorded.seq)
            }),
            marks: Arc::clone(&self.marks),
            breaks: self.breaks.kinds(),
            expression: self.breaks.expression().to_owned(),
            stopped_by: if at_end && !self.playing && self.stopped_by.is_empty() {
                "the end".to_owned()
            } else {
                self.stopped_by.clone()
            },
            beside_live: self.beside_live,
        }));
        if let Some(audience) = &mut self.audience {
            audience.show(view);
        }
    }
}

fn no_place(text: &str) -> AppError {
    let text = format!("{text:?} is no time, no id and no number of an input (@63313)");
    AppError::new(Exit::Usage, text)
}
