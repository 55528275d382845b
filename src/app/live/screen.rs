//! The screen's place in a run: opened before anything can go wrong on it, run on the main thread,
//! and given back whatever happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::core::Control;
use crate::app::error::{AppError, Exit};
use crate::app::platform;
use crate::config::Loaded;
use crate::config::section;
use crate::engine::Command;
use crate::engine::view::EngineView;
use crate::tui::{self, Intent, Palette, Theme};
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
    pub fn open(loaded: &Loaded) -> Result<Self, AppError> {
        let ui = &loaded.config.ui;
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
            ..environment
        };
        let screen = Screen::open(config.mouse, config.synchronised).map_err(terminal)?;
        let (notifier, inbox) = tui::channel();
        Ok(Self { screen, config, notifier, inbox })
    }

    /// Tells the screen that a view was published.
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// Draws until the user quits or the run ends.
    pub fn run(
        self,
        view: &ArcSwap<EngineView>,
        control: &mpsc::Sender<Control>,
    ) -> Result<(), AppError> {
        let mut take = |intent: Intent| {
            let asked = match intent {
                Intent::Quit => Control::Quit,
                Intent::Halt => Control::Command(Command::Halt),
                Intent::Resume => Control::Command(Command::Resume),
                // These are the screen's own business.
                Intent::Copy(_) | Intent::Mouse(_) | Intent::Redraw => return true,
            };
            control.try_send(asked).is_ok()
        };
        tui::run(self.screen, &self.config, view, self.inbox, &mut take).map(drop).map_err(terminal)
    }
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

/// Starts the thread that waits for a signal: it asks core and screen to end, and ends the process
/// by force when they do not.
pub fn watch_signals(
    control: mpsc::Sender<Control>,
    ui: Option<&Ui>,
    patience: Duration,
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
            runtime.block_on(platform::asked_to_stop());
            // A full queue means that the core is about to take one anyway.
            let _ = control.try_send(Control::Quit);
            if let Some(notifier) = notifier {
                notifier.stop();
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
