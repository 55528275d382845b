//! `attach`: the screens of a run in another process. Views come over its socket, keys go back as
//! commands of their own; leaving ends nothing.

use std::io::IsTerminal;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::cli::AttachArgs;
use super::command::print;
use super::control::client::Instance;
use super::control::protocol::{Ask, By, Frame, VIEWS, read_frame};
use super::error::{AppError, Exit};
use super::live::screen::{Ui, watch_signals};
use super::replay::travel::Traveller;
use super::setup;
use crate::config::section;
use crate::engine::view::EngineView;
use crate::strategy::StrategyKind;
use crate::tape;
use crate::tui::{Attached, Intent, Notifier};

/// A running core publishes several views a second: a longer silence is told.
const SILENCE: Duration = Duration::from_secs(2);
/// How long the first view may take.
const FIRST_VIEW: Duration = Duration::from_secs(5);
/// How long a run that closed its socket may take to say in its session how it ended.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// How long the screen may take to end after a signal before it is left behind.
const END_PATIENCE: Duration = Duration::from_secs(1);
/// Commands that may wait for their answer.
const COMMANDS: usize = 8;

/// How a run was left by its viewer.
#[derive(Clone, PartialEq, Eq, Debug)]
enum End {
    /// It ended, for this reason.
    Ended(String),
    /// The connection broke, for this reason.
    Broke(String),
}

/// Shows a run until the user leaves or the run ends.
pub fn run(args: &AttachArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(AppError::new(Exit::Usage, "there is no terminal to draw on"));
    }
    let instance = Instance::choose(args.session.as_deref())?;
    let look = look(&instance, registry);
    let ask = Ask::Attach { views: VIEWS, fps: look.ui.fps.into(), read_only: args.read_only };
    let (answer, stream) = instance.open(By::AttachedScreen, ask)?;
    if answer.code != 0 {
        return Err(AppError::new(Exit::Failed, answer.text));
    }
    let mut views = Views { stream, last: EngineView::default() };
    let first = views.first()?;
    let view = Arc::new(ArcSwap::from_pointee(first));
    let attached = if args.read_only { Attached::ReadOnly } else { Attached::Commands };
    let ui = Ui::open(&look, Some(attached))?;
    let notifier = ui.notifier();
    let end = Arc::new(Mutex::new(None));
    follow(views, Arc::clone(&view), notifier.clone(), Arc::clone(&end))?;
    let commands = commander(instance.clone(), notifier)?;
    let guard = watch_signals(Some(&ui), END_PATIENCE, |_| false, || {})?;
    let (directory, run) = (instance.directory.clone(), instance.run_id.clone());
    let mut traveller = Traveller::new(directory, run, registry, ui.notifier());
    let past = traveller.past();
    ui.run(&view, &past, &mut |intent| {
        let travelled = traveller.take(&intent);
        travelled.unwrap_or_else(|| take(intent, &commands))
    })?;
    guard.release();
    let end = end.lock().unwrap_or_else(PoisonError::into_inner).clone();
    say(&instance, end)
}

/// What the run itself was configured with, so that its screen looks and sounds the same; without it
/// the usual.
fn look(instance: &Instance, registry: &[StrategyKind]) -> section::Config {
    let text = std::fs::read_to_string(instance.directory.join("config.toml")).ok();
    let loaded = text.and_then(|text| setup::load_text(&text, &[], registry).ok());
    loaded.map(|loaded| loaded.config).unwrap_or_default()
}

/// The last line of a viewer: that the run goes on, or how it ended.
fn say(instance: &Instance, end: Option<End>) -> Result<Exit, AppError> {
    let run = instance.run_id.prefix();
    match end {
        None => print(&format!(
            "left; the run {run} goes on: `tickscope attach --session {run}` shows it again"
        )),
        Some(End::Ended(reason)) => print(&format!("the run {run} has ended: {reason}")),
        Some(End::Broke(reason)) => {
            let broke = || format!("the connection to the run {run} broke: {reason}");
            let words = last_words(instance).ok_or_else(|| AppError::new(Exit::Failed, broke()))?;
            print(&format!("the run {run} has ended: {words}"));
        }
    }
    Ok(Exit::Done)
}

/// What the session says about how the run ended, once it says it. A viewer that was frozen when
/// the run ended has missed its word.
fn last_words(instance: &Instance) -> Option<String> {
    let root = tape::default_root().ok()?;
    let began = Instant::now();
    while began.elapsed() < LAST_WORDS {
        let session = tape::list(&root).ok()?.into_iter().find(|s| s.run_id == instance.run_id)?;
        if let Some(ending) = session.manifest.ok().and_then(|manifest| manifest.ending) {
            return Some(ending.error.unwrap_or_else(|| "asked to".to_owned()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}

/// Views as they come.
struct Views {
    stream: UnixStream,
    last: EngineView,
}

impl Views {
    fn first(&mut self) -> Result<EngineView, AppError> {
        let failed = |error: std::io::Error| AppError::new(Exit::Failed, error.to_string());
        self.stream.set_read_timeout(Some(FIRST_VIEW)).map_err(failed)?;
        match self.next() {
            Ok(()) => Ok(self.last.clone()),
            Err(End::Ended(reason) | End::Broke(reason)) => {
                Err(AppError::new(Exit::Failed, format!("the run sent no view: {reason}")))
            }
        }
    }

    /// Waits for the next view.
    fn next(&mut self) -> Result<(), End> {
        let broke = |error: &dyn std::fmt::Display| End::Broke(error.to_string());
        match read_frame(&mut self.stream) {
            Ok(Some(Frame::View(patch))) => {
                self.last = patch.apply(&self.last).map_err(|error| broke(&error))?;
                Ok(())
            }
            Ok(Some(Frame::Ended { reason, .. })) => Err(End::Ended(reason)),
            Ok(None) => Err(broke(&"it ended without a word")),
            Err(error) => Err(broke(&error)),
        }
    }

    /// Waits until something has come; tells a long silence each time.
    fn wait(&mut self, notifier: &Notifier) -> std::io::Result<()> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let patience = Timespec::try_from(SILENCE).ok();
        loop {
            let mut fds = [PollFd::new(&self.stream, PollFlags::IN)];
            match poll(&mut fds, patience.as_ref()) {
                Ok(0) => notifier.notice("no view for 2 s: the run is stopped, stuck or very busy"),
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Starts the thread that takes views and publishes them to the screen.
fn follow(
    mut views: Views,
    view: Arc<ArcSwap<EngineView>>,
    notifier: Notifier,
    end: Arc<Mutex<Option<End>>>,
) -> Result<(), AppError> {
    let failed = |error: std::io::Error| AppError::new(Exit::Failed, error.to_string());
    views.stream.set_read_timeout(None).map_err(failed)?;
    let following = move || {
        let how = loop {
            if let Err(error) = views.wait(&notifier) {
                break End::Broke(error.to_string());
            }
            match views.next() {
                Ok(()) => {
                    view.store(Arc::new(views.last.clone()));
                    notifier.view_changed();
                }
                Err(end) => break end,
            }
        };
        *end.lock().unwrap_or_else(PoisonError::into_inner) = Some(how);
        notifier.stop();
    };
    let spawned = std::thread::Builder::new().name("views".to_owned()).spawn(following);
    spawned.map(drop).map_err(failed)
}

/// Hands a key's command over; false when too many wait already.
fn take(intent: Intent, commands: &SyncSender<Ask>) -> bool {
    let ask = match intent {
        Intent::Halt => Ask::Halt,
        Intent::Resume => Ask::Resume(None),
        Intent::Flatten => Ask::Flatten,
        Intent::Pause(strategy) => Ask::Pause(strategy),
        Intent::ResumeStrategy(strategy) => Ask::Resume(Some(strategy)),
        // Leaving is the screen's own business.
        Intent::Quit | Intent::Copy(_) | Intent::Mouse(_) | Intent::Redraw => return true,
        Intent::Playback(_) | Intent::TimeTravel(_) => return false,
    };
    commands.try_send(ask).is_ok()
}

/// Starts the thread that asks the run, so that the screen never waits for an answer.
fn commander(instance: Instance, notifier: Notifier) -> Result<SyncSender<Ask>, AppError> {
    let (commands, asked): (_, Receiver<Ask>) = sync_channel(COMMANDS);
    let asking = move || {
        while let Ok(ask) = asked.recv() {
            let told = match instance.ask(By::AttachedScreen, ask) {
                Ok(answer) => answer.text,
                Err(error) => error.to_string(),
            };
            notifier.notice(told);
        }
    };
    std::thread::Builder::new()
        .name("commands".to_owned())
        .spawn(asking)
        .map(|_| commands)
        .map_err(|error| AppError::new(Exit::Failed, error.to_string()))
}
