//! The meter: what the recorder and the screen measure of themselves becomes metrics.

use std::fmt;

use crate::tape::Watch;
use crate::telemetry::{Stage, Telemetry};
use crate::tui;

/// Hears what is measured, for a run's telemetry.
pub struct Meter(pub Telemetry);

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}

impl Watch for Meter {
    fn wrote(&mut self, nanos: u64) {
        self.0.stage(Stage::Tape, nanos);
    }

    fn synced(&mut self, nanos: u64) {
        self.0.tape_synced(Some(nanos));
    }

    fn nothing_to_sync(&mut self) {
        self.0.tape_synced(None);
    }
}

impl tui::Meter for Meter {
    fn drew(&self, nanos: u64) {
        self.0.frame(nanos);
    }

    fn answered(&self, nanos: u64) {
        self.0.metrics().key_answered(nanos);
    }

    fn skipped(&self) {
        self.0.metrics().frame_skipped();
    }
}
