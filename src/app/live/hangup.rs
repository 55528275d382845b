//! Hang-up: what becomes of a run whose terminal has gone away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use super::core::Control;
use crate::app::platform::{self, StopSignal};
use crate::config::section::OnHangup;
use crate::telemetry::{ProcessEvent, Telemetry};
use crate::tui;

/// Decides about the end of a run whose screen has ended.
pub struct Hangup {
    policy: OnHangup,
    control: mpsc::Sender<Control>,
    /// A signal said that the terminal is gone, and the run goes on.
    outlived: Arc<AtomicBool>,
}

impl Hangup {
    /// Follows the configuration.
    pub fn new(policy: OnHangup, control: mpsc::Sender<Control>) -> Self {
        Self { policy, control, outlived: Arc::default() }
    }

    /// Asks the core to end for every signal but a hang-up that the run outlives.
    pub fn watcher(&self) -> impl Fn(StopSignal) -> bool + Send + 'static {
        let (policy, control) = (self.policy, self.control.clone());
        let outlived = Arc::clone(&self.outlived);
        move |signal| {
            let goes_on = signal == StopSignal::HangUp && policy == OnHangup::Continue;
            if goes_on {
                outlived.store(true, Ordering::SeqCst);
            } else {
                // A full queue means that the core is about to take one anyway.
                let _ = control.try_send(Control::Quit);
            }
            goes_on
        }
    }

    /// The screen has ended: so does the run, unless the terminal is gone and it shall outlive that.
    pub fn after_screen(&self, exit: tui::Exit, telemetry: &Telemetry) {
        let lost = exit == tui::Exit::Hangup || self.outlived.load(Ordering::SeqCst);
        if lost && self.policy == OnHangup::Continue {
            platform::leave_terminal();
            telemetry.emit(&ProcessEvent::ScreenLost.into());
        } else {
            // The core may have ended by itself, and then nobody takes it.
            let _ = self.control.try_send(Control::Quit);
        }
    }
}
