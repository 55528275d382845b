//! Time travel: a moment of a run's past on the screen that shows it living. The run itself is neither
//! paused nor asked.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use arc_swap::ArcSwapOption;

use super::playback::{self, Audience};
use crate::app::past::Recording;
use crate::domain::RunId;
use crate::engine::view::EngineView;
use crate::strategy::StrategyKind;
use crate::tape::TapePath;
use crate::tui::{Intent, Notifier, Playback};

/// Opens moments of one session.
pub struct Traveller {
    found: TapePath,
    registry: Vec<StrategyKind>,
    past: Arc<ArcSwapOption<EngineView>>,
    notifier: Notifier,
    orders: Option<SyncSender<Playback>>,
}

/// The place on the screen that lies over the living run; empty again when nobody is in the past.
struct Over {
    past: Arc<ArcSwapOption<EngineView>>,
    notifier: Notifier,
}

impl Audience for Over {
    fn show(&mut self, view: EngineView) {
        self.past.store(Some(Arc::new(view)));
        self.notifier.view_changed();
    }

    fn say(&mut self, sentence: String) {
        self.notifier.notice(sentence);
    }
}

impl Drop for Over {
    fn drop(&mut self) {
        self.past.store(None);
        self.notifier.view_changed();
    }
}

impl Traveller {
    /// Of the session in this directory, for the screen that is told by this notifier.
    pub fn new(
        directory: PathBuf,
        run: RunId,
        registry: &[StrategyKind],
        notifier: Notifier,
    ) -> Self {
        let found = TapePath { path: directory, session: Some(run) };
        let (registry, past) = (registry.to_vec(), Arc::default());
        Self { found, registry, past, notifier, orders: None }
    }

    /// What the screen shows of the past.
    pub fn past(&self) -> Arc<ArcSwapOption<EngineView>> {
        Arc::clone(&self.past)
    }

    /// Takes what is about the past; `None` for any other intent. Never waits.
    pub fn take(&mut self, intent: &Intent) -> Option<bool> {
        match intent {
            Intent::TimeTravel(input) => Some(self.open(*input)),
            Intent::Playback(order) => Some(self.order(order.clone())),
            _ => None,
        }
    }

    fn open(&mut self, input: u64) -> bool {
        if self.order(Playback::GoTo(format!("@{input}"))) {
            return true;
        }
        let over = Over { past: Arc::clone(&self.past), notifier: self.notifier.clone() };
        let (found, registry) = (self.found.clone(), self.registry.clone());
        let open = move || Recording::of(found.clone(), &registry);
        self.orders = playback::start_beside(open, input, Box::new(over)).ok();
        self.orders.is_some()
    }

    /// Hands an order over; false when nobody is in the past.
    fn order(&mut self, order: Playback) -> bool {
        let leaves = order == Playback::Leave;
        let Some(orders) = &self.orders else { return false };
        let sent = orders.try_send(order);
        let is_gone = matches!(sent, Err(TrySendError::Disconnected(_)));
        if leaves || is_gone {
            self.orders = None;
        }
        sent.is_ok()
    }
}
