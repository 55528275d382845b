//! The loop of the screen: one thread reads keys, one draws. Both only ever wait for the terminal,
//! nobody ever waits for them.
//!
//! Keys are drained before each frame, frames are drawn only after a change and at most so many
//! times a second; while nothing happens the drawing thread wakes once a second and draws nothing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use crossterm::event::Event;
use jiff::tz::TimeZone;

use super::bell::Bell;
use super::input::{self, read_input};
use super::keymap;
use super::model::{Attached, Intent, Message, Model};
use super::terminal::{Screen, TuiError};
use super::theme::{Palette, Theme};
use super::update::update;
use crate::engine::view::EngineView;

/// Hears how fast the screen is.
pub trait Meter: Send + Sync + fmt::Debug {
    /// A frame was drawn in so many nanoseconds.
    fn drew(&self, nanos: u64);
    /// A key was answered by a frame after so long.
    fn answered(&self, nanos: u64);
    /// A view was replaced by a newer one before it was drawn.
    fn skipped(&self);
}

/// How the screen behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Frames a second at most, 1 to 60.
    pub fps: u16,
    /// Colours and characters.
    pub theme: Theme,
    /// Report the mouse.
    pub mouse: bool,
    /// Hide money from the start.
    pub private: bool,
    /// Ask the terminal to show whole frames only.
    pub synchronised: bool,
    /// The zone that `T` switches to.
    pub zone: TimeZone,
    /// The run is that of another process.
    pub attached: Option<Attached>,
    /// Event and level of the log lines that ring the bell.
    pub rings: Vec<(String, String)>,
    /// Who hears how fast it is.
    pub meter: Option<Arc<dyn Meter>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            fps: 30,
            theme: Theme::default(),
            mouse: true,
            private: false,
            synchronised: true,
            zone: TimeZone::UTC,
            attached: None,
            rings: Vec::new(),
            meter: None,
        }
    }
}

impl Config {
    /// What the environment asks for: `NO_COLOR` that is not empty, and the system's time zone.
    #[must_use]
    pub fn from_environment() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let palette = if plain { Palette::Plain } else { Palette::default() };
        let theme = Theme { palette, ..Theme::default() };
        Self { theme, zone: TimeZone::system(), ..Self::default() }
    }
}

/// How the screen ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// The user said so.
    Quit,
    /// [`Notifier::stop`] was called, or the terminal was given back by somebody else.
    Stopped,
    /// The terminal has gone away.
    Hangup,
}

pub(super) enum Wake {
    View,
    Notice(String),
    /// When it was read.
    Input(Event, Instant),
    InputLost,
    Stop,
}

/// Keys that may wait to be handled; beyond that the input thread waits.
const WAITING_INPUTS: usize = 256;

/// Tells the screen that something changed. Never waits; clones tell the same screen.
#[derive(Clone)]
pub struct Notifier {
    sender: SyncSender<Wake>,
    /// A wake-up is under way, so another one would tell nothing new.
    pending: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
}

impl Notifier {
    /// A new view was published, of the run or of the past.
    pub fn view_changed(&self) {
        if !self.pending.swap(true, Ordering::SeqCst) && self.sender.try_send(Wake::View).is_err() {
            // Full of keys: the loop is awake and looks at the view anyway.
            self.pending.store(false, Ordering::SeqCst);
        }
    }

    /// Shows a sentence in the last line; lost when the screen is too busy to look.
    pub fn notice(&self, text: impl Into<String>) {
        let _ = self.sender.try_send(Wake::Notice(text.into()));
    }

    /// The screen shall end.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        // A full queue has woken the loop already, which looks at the flag.
        let _ = self.sender.try_send(Wake::Stop);
    }
}

/// The screen's side of its [`Notifier`].
pub struct Inbox {
    receiver: Receiver<Wake>,
    notifier: Notifier,
}

/// A notifier and the inbox that it wakes.
pub fn channel() -> (Notifier, Inbox) {
    let (sender, receiver) = sync_channel(WAITING_INPUTS);
    let notifier = Notifier {
        sender,
        pending: Arc::new(AtomicBool::new(false)),
        stopped: Arc::new(AtomicBool::new(false)),
    };
    (notifier.clone(), Inbox { receiver, notifier })
}

/// Draws until the user quits or the notifier stops it. While there is a view in `past`, it stands
/// before those of the run. `take_intent` must not wait; it returns false when an intent cannot be
/// taken now, which the user is told.
pub fn run(
    screen: Screen,
    config: &Config,
    views: &ArcSwap<EngineView>,
    past: &ArcSwapOption<EngineView>,
    inbox: Inbox,
    take_intent: &mut dyn FnMut(Intent) -> bool,
) -> Result<Exit, TuiError> {
    let ended = Arc::new(AtomicBool::new(false));
    let (sender, input_ended) = (inbox.notifier.sender.clone(), Arc::clone(&ended));
    let input = thread::Builder::new()
        .name("tui-input".into())
        .spawn(move || read_input(&sender, &input_ended))
        .map_err(|source| TuiError::Terminal { operation: "start its input thread", source })?;
    let drawing = Loop::new(screen, config, views, past, inbox, take_intent);
    let result = drawing.and_then(|mut l| l.run());
    ended.store(true, Ordering::SeqCst);
    input::release();
    // The loop, and with it the channel's receiver, is gone: the thread cannot be waiting to send.
    drop(input.join());
    result
}

struct Loop<'a> {
    screen: Screen,
    model: Model,
    bell: Bell,
    views: &'a ArcSwap<EngineView>,
    past: &'a ArcSwapOption<EngineView>,
    inbox: Inbox,
    take_intent: &'a mut dyn FnMut(Intent) -> bool,
    meter: Option<Arc<dyn Meter>>,
    frame_time: Duration,
    drawn_at: Option<Instant>,
    /// When the oldest key was pressed that no frame has answered.
    asked_at: Option<Instant>,
    /// A view waits to be drawn.
    waits: bool,
    changed: bool,
    exit: Option<Exit>,
}

impl<'a> Loop<'a> {
    fn new(
        screen: Screen,
        config: &Config,
        views: &'a ArcSwap<EngineView>,
        past: &'a ArcSwapOption<EngineView>,
        inbox: Inbox,
        take_intent: &'a mut dyn FnMut(Intent) -> bool,
    ) -> Result<Self, TuiError> {
        let view = views.load_full();
        let bell = Bell::new(config.rings.clone(), &view.log);
        let model = Model::new(view, screen.size()?, config.theme)
            .with_local_zone(config.zone.clone())
            .with_privacy(config.private)
            .with_mouse(config.mouse)
            .with_attached(config.attached);
        let frame_time = Duration::from_secs(1) / u32::from(config.fps.clamp(1, 60));
        Ok(Self {
            screen,
            model,
            bell,
            views,
            past,
            inbox,
            take_intent,
            meter: config.meter.clone(),
            frame_time,
            drawn_at: None,
            asked_at: None,
            waits: false,
            changed: true,
            exit: None,
        })
    }

    fn run(&mut self) -> Result<Exit, TuiError> {
        loop {
            match self.turn() {
                Ok(()) => {}
                // Nobody can be shown what is wrong with a terminal that is gone.
                Err(_) if input::is_gone() => return Ok(Exit::Hangup),
                Err(error) => return Err(error),
            }
            if let Some(exit) = self.ended() {
                return Ok(exit);
            }
        }
    }

    fn turn(&mut self) -> Result<(), TuiError> {
        if let Some(wake) = self.wait() {
            self.handle(wake)?;
        }
        while let Ok(wake) = self.inbox.receiver.try_recv() {
            self.handle(wake)?;
        }
        if self.ended().is_none() && self.changed && self.until_next_frame().is_zero() {
            self.draw()?;
        }
        Ok(())
    }

    /// Sleeps until something happens, the next frame may be drawn, or a second went by: then a
    /// notice grows older, and a terminal that somebody else gave back is noticed.
    fn wait(&mut self) -> Option<Wake> {
        const TICK: Duration = Duration::from_secs(1);
        let patience = if self.changed { self.until_next_frame() } else { TICK };
        match self.inbox.receiver.recv_timeout(patience) {
            Ok(wake) => Some(wake),
            Err(RecvTimeoutError::Timeout) => {
                if !self.changed && self.model.wants_ticks() {
                    self.tell(Message::Tick);
                }
                None
            }
            Err(RecvTimeoutError::Disconnected) => Some(Wake::Stop),
        }
    }

    fn ended(&self) -> Option<Exit> {
        let stopped = self.inbox.notifier.stopped.load(Ordering::SeqCst);
        let released = self.screen.restorer().is_released();
        self.exit.or((stopped || released).then_some(Exit::Stopped))
    }

    fn until_next_frame(&self) -> Duration {
        let waited = self.drawn_at.map_or(self.frame_time, |at| at.elapsed());
        self.frame_time.saturating_sub(waited)
    }

    fn handle(&mut self, wake: Wake) -> Result<(), TuiError> {
        let message = match wake {
            Wake::View => {
                self.inbox.notifier.pending.store(false, Ordering::SeqCst);
                return self.look();
            }
            Wake::Stop => {
                self.exit = Some(Exit::Stopped);
                return Ok(());
            }
            Wake::InputLost => {
                self.exit = Some(Exit::Hangup);
                return Ok(());
            }
            Wake::Notice(text) => Message::Notice(text),
            Wake::Input(Event::Key(key), at) => {
                self.asked_at.get_or_insert(at);
                return keymap::pressed(key).try_for_each(|key| self.take(Message::Key(key)));
            }
            Wake::Input(Event::Mouse(event), _) => Message::Mouse(event),
            Wake::Input(Event::Paste(text), _) => Message::Paste(text),
            Wake::Input(Event::Resize(width, height), _) => Message::Resize(width, height),
            Wake::Input(Event::FocusGained | Event::FocusLost, _) => return Ok(()),
        };
        self.take(message)
    }

    fn take(&mut self, message: Message) -> Result<(), TuiError> {
        match self.tell(message) {
            Some(intent) => self.carry_out(intent),
            None => Ok(()),
        }
    }

    /// Takes the newest views; a frozen screen does not change by them, but is heard all the same.
    fn look(&mut self) -> Result<(), TuiError> {
        let before = self.model.drawn();
        let changed = self.changed;
        let view = self.views.load_full();
        let rings = self.bell.listen(&view.log, Instant::now());
        self.tell(Message::View(view));
        let past = self.past.load_full();
        if self.model.is_other_past(past.as_ref()) {
            self.tell(Message::Past(past));
        }
        let is_new = before != self.model.drawn();
        if let Some(meter) = self.meter.as_ref().filter(|_| is_new && self.waits) {
            meter.skipped();
        }
        self.waits |= is_new;
        self.changed = changed || is_new;
        if rings { self.screen.ring() } else { Ok(()) }
    }

    fn tell(&mut self, message: Message) -> Option<Intent> {
        self.changed = true;
        update(&mut self.model, message)
    }

    fn carry_out(&mut self, intent: Intent) -> Result<(), TuiError> {
        match intent {
            Intent::Copy(text) => return self.screen.copy(&text),
            Intent::Mouse(on) => return self.screen.set_mouse(on),
            Intent::Redraw => return self.screen.redraw(&self.model),
            Intent::Quit => self.exit = Some(Exit::Quit),
            Intent::Halt
            | Intent::Resume
            | Intent::Flatten
            | Intent::Pause(_)
            | Intent::ResumeStrategy(_)
            | Intent::Playback(_)
            | Intent::TimeTravel(_) => {}
        }
        if !(self.take_intent)(intent) {
            self.model.notify("the engine is busy and did not take it: try again");
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<(), TuiError> {
        let began = Instant::now();
        self.screen.draw(&self.model)?;
        let nanos = |since: Instant| u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if let Some(meter) = &self.meter {
            meter.drew(nanos(began));
            if let Some(asked_at) = self.asked_at {
                meter.answered(nanos(asked_at));
            }
        }
        self.drawn_at = Some(Instant::now());
        (self.changed, self.waits, self.asked_at) = (false, false, None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telling_the_screen_never_waits_even_when_it_does_not_listen() {
        let (notifier, inbox) = channel();
        for _ in 0..10_000 {
            notifier.view_changed();
        }
        notifier.stop();
        assert!(matches!(inbox.receiver.try_recv(), Ok(Wake::View)));
        assert!(inbox.notifier.stopped.load(Ordering::SeqCst));
    }
}
