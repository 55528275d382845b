//! `replay` with a terminal: the same screens on the past.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};

use super::playback::{self, Audience, Beginning};
use crate::app::cli::ReplayArgs;
use crate::app::error::{AppError, Exit};
use crate::app::live::screen::{Ui, watch_signals};
use crate::app::past::Recording;
use crate::app::setup;
use crate::engine::view::EngineView;
use crate::strategy::StrategyKind;
use crate::tape;
use crate::tui::{Intent, Notifier};

/// How long the screen may take to end after a signal before it is left behind.
const END_PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// A screen that is shown nothing else.
struct Whole {
    view: Arc<ArcSwap<EngineView>>,
    notifier: Notifier,
}

impl Audience for Whole {
    fn show(&mut self, view: EngineView) {
        self.view.store(Arc::new(view));
        self.notifier.view_changed();
    }

    fn say(&mut self, sentence: String) {
        self.notifier.notice(sentence);
    }
}

/// Opens the screens on a recording until the user leaves.
pub fn run(args: &ReplayArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let recording = Recording::open(&args.tape, registry)?;
    let look = match setup::recorded_config(&recording.path)? {
        Some(text) => setup::load_text(&text, &[], registry)?.config,
        None => setup::load_text(&tape::config_of(&recording.path)?, &[], registry)?.config,
    };
    let ui = Ui::open(&look, None)?;
    let notifier = ui.notifier();
    let view = Arc::new(ArcSwap::from_pointee(EngineView::default()));
    let audience = Whole { view: Arc::clone(&view), notifier: notifier.clone() };
    let beginning = Beginning {
        at: args.at.clone(),
        plays: !args.pause && args.at.is_none(),
        speed: args.speed,
        beside_live: false,
    };
    let orders = playback::start(recording, &beginning, Box::new(audience))?;
    let guard = watch_signals(Some(&ui), END_PATIENCE, |_| false, || {})?;
    ui.run(&view, &ArcSwapOption::empty(), &mut |intent| match intent {
        Intent::Playback(order) => orders.try_send(order).is_ok(),
        Intent::Quit | Intent::Copy(_) | Intent::Mouse(_) | Intent::Redraw => true,
        _ => false,
    })?;
    guard.release();
    Ok(Exit::Done)
}
