//! The screen's place in a run: opened before anything can go wrong on it, run on the main thread,
//! and given back whatever happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::mpsc;

use super::core::Control;
use super::operator::Asked;
use crate::app::alert;
use crate::app::control::done::Done;
use crate::app::control::protocol::By;
use crate::app::control::server::strategy;
use crate::app::error::{AppError, Exit};
use crate::app::platform::{StopSignal, StopSignals, UserSignal};
use crate::app::shield;
use crate::config::section;
use crate::engine::Command;
use crate::engine::view::EngineView;
use crate::tui::{self, Attached, Intent, Palette, Theme};
use crate::tui::{Inbox, Notifier, Restorer, Screen, TuiError};

/// A terminal that was taken over.
pub struct Ui {
    screen: Screen,
    config: tui::Config,
    notifier: Notifier,
    inbox: Inbox,
}

impl Ui {
    /// Takes the terminal over.
    pub fn open(of: &section::Config, attached: Option<Attached>) -> Result<Self, AppError> {
        let ui = &of.ui;
        let environment = tui::Config::from_environment();
        let palette = match (ui.color, ui.theme) {
            (section::Color::Never, _) => Palette::Plain,
            (section::Color::Auto, _) if environment.theme.palette == Palette::Plain => {
                Palette::Plain
            }
            (_, section::Theme::ColorBlind) => Palette::ColourBlind,
            (_, section::Theme::Terminal) => Palette::default(),
        };
        let config = tui::Config {
            fps: u16::from(ui.fps),
            mouse: ui.mouse,
            theme: Theme { palette, ..environment.theme },
            attached,
            rings: alert::rings(&of.alert),
            ..environment
        };
        let screen = Screen::open(config.mouse, config.synchronised, shield::is_calling)
            .map_err(terminal)?;
        let (notifier, inbox) = tui::channel();
        Ok(Self { screen, config, notifier, inbox })
    }

    /// The same, and somebody hears how fast it is.
    #[must_use]
    pub fn metered(mut self, meter: Arc<dyn tui::Meter>) -> Self {
        self.config.meter = Some(meter);
        self
    }

    /// Tells the screen that a view was published.
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// Draws until the user quits, the run ends or the terminal is gone; while there is a view in
    /// `past`, it is shown in front of the run. `take` must not wait.
    pub fn run(
        self,
        view: &ArcSwap<EngineView>,
        past: &ArcSwapOption<EngineView>,
        take: &mut dyn FnMut(Intent) -> bool,
    ) -> Result<tui::Exit, AppError> {
        tui::run(self.screen, &self.config, view, past, self.inbox, take).map_err(terminal)
    }
}

/// Hands a key's command to the core; false when it cannot take it now.
pub fn take_intent(
    intent: &Intent,
    control: &mpsc::Sender<Control>,
    strategies: &[String],
    notifier: &Notifier,
) -> bool {
    let named = |name: &str| strategy(name, strategies);
    let command = match intent {
        Intent::Quit => return control.try_send(Control::Quit).is_ok(),
        Intent::Halt => Command::Halt,
        Intent::Resume => Command::Resume,
        Intent::Flatten => Command::Flatten,
        Intent::Pause(name) => match named(name) {
            Ok(strategy) => Command::Pause(strategy),
            Err(_) => return false,
        },
        Intent::ResumeStrategy(name) => match named(name) {
            Ok(strategy) => Command::ResumeStrategy(strategy),
            Err(_) => return false,
        },
        // These are the screen's own business.
        Intent::Copy(_) | Intent::Mouse(_) | Intent::Redraw => return true,
        Intent::Playback(_) | Intent::TimeTravel(_) => return false,
    };
    let notifier = notifier.clone();
    let reply = Box::new(move |done: Done, _| notifier.notice(done.sentence()));
    let asked = Asked { command, by: By::Screen, pid: 0, reply };
    control.try_send(Control::Command(asked)).is_ok()
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err calls")]
fn terminal(error: TuiError) -> AppError {
    let exit = match error {
        TuiError::NoTerminal => Exit::Usage,
        TuiError::Terminal { .. } => Exit::Failed,
    };
    AppError::new(exit, error.to_string())
}

/// Says that the run has ended by itself, so that nobody needs to be forced.
pub struct Guard(Arc<AtomicBool>);

impl Guard {
    /// The core has ended.
    pub fn release(self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Starts the thread that waits for signals: the screen ends with the first, and the process is
/// ended by force when that takes too long. `goes_on` is told the signal, asks others to end, and
/// says whether the process shall outlive it. `reopen` is called at each SIGUSR1.
pub fn watch_signals(
    ui: Option<&Ui>,
    patience: Duration,
    goes_on: impl Fn(StopSignal) -> bool + Send + 'static,
    reopen: impl Fn() + Send + 'static,
) -> Result<Guard, AppError> {
    let failed = |error: std::io::Error| AppError::new(Exit::Failed, error.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(failed)?;
    let ended = Arc::new(AtomicBool::new(false));
    let guard = Guard(Arc::clone(&ended));
    let notifier = ui.map(Ui::notifier);
    let restorer: Option<Restorer> = ui.map(|ui| ui.screen.restorer());
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let (mut signals, mut user) =
                runtime.block_on(async { (StopSignals::listen(), UserSignal::listen()) });
            loop {
                let signal = runtime.block_on(async {
                    loop {
                        tokio::select! {
                            signal = signals.next() => break signal,
                            () = user.next() => reopen(),
                        }
                    }
                });
                let goes_on = goes_on(signal);
                if let Some(notifier) = &notifier {
                    notifier.stop();
                }
                if !goes_on {
                    break;
                }
            }
            std::thread::sleep(patience);
            if !ended.load(Ordering::SeqCst) || restorer.as_ref().is_some_and(|r| !r.is_released())
            {
                if let Some(restorer) = restorer {
                    restorer.restore_now();
                }
                std::process::exit(i32::from(Exit::Forced.code()));
            }
        })
        .map_err(failed)?;
    Ok(guard)
}
