//! The end of a run: every thread in order, then what is said and what is written down.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Held;
use super::core::{Core, End};
use super::summary::{self, LiveResult};
use crate::app::alert::Alerts;
use crate::app::cli::RunArgs;
use crate::app::error::{AppError, Exit};
use crate::app::{command, setup};
use crate::engine::view::EngineView;
use crate::tape;
use crate::telemetry::ProcessEvent;

/// How long log writers may take to write what is queued when the run ends.
const LOG_PATIENCE: Duration = Duration::from_secs(2);

impl Held {
    /// Ends what the core left, tells how it went, and how the process ends.
    pub(super) fn finish(
        self,
        core: Core,
        end: &End,
        began: (Instant, f64),
        args: &RunArgs,
    ) -> Result<Exit, AppError> {
        let mut result = LiveResult::collect(&core, &self.plan, &self.session, began);
        // Every attempt is one since the last success: there was none.
        let unreached = (core.attempts == core.connections).then(|| core.line.url.clone());
        let is_open = is_open(&core.view.load());
        drop(core);
        let recorded = self.recorder.join().map_err(|_| {
            AppError::new(Exit::Failed, "the thread that records panicked: this is a defect")
        })?;
        // The books hold what the recording holds; if they could not be kept, that was told.
        let _ = (self.teller.join(), self.rest.join(), self.books.join());
        self.telemetry.measure();
        result.latency = self.telemetry.latency();
        let exit = match (&recorded, end) {
            (Err(_), _) | (_, End::TapeStopped) => Exit::NotWritable,
            (_, End::Halted) => Exit::Halted,
            _ => Exit::Done,
        };
        let reason = match &recorded {
            Err(error) => format!("the recording stopped: {error}"),
            Ok(_) if *end == End::TapeStopped => "the recording could not keep up".to_owned(),
            Ok(_) if *end == End::Halted => "a risk rule halted trading".to_owned(),
            Ok(_) => "asked to".to_owned(),
        };
        self.server.end(exit.code(), &reason);
        self.upkeep.stop();
        Alerts::stop(self.alerts);
        let stopped = ProcessEvent::Stopped { exit_code: exit.code(), reason: &reason };
        self.telemetry.emit(&stopped.into());
        self.telemetry.shutdown(LOG_PATIENCE);
        self.metrics.stop(is_open || exit != Exit::Done);
        if let Some(exchange) = self.exchange {
            exchange.stop();
        }
        if let Ok(written) = &recorded {
            result.tape_bytes = written.bytes;
        }
        let mut ending = result.run.ending(setup::now());
        if exit == Exit::NotWritable {
            ending.error = Some(reason.clone());
        }
        let directory = self.session.directory().to_owned();
        // With a full disk this fails as well, and the first reason is the one to tell.
        let ended = self.session.end(ending);
        drop(self.account);
        summary::print(&result, &directory, args)?;
        if let Some(url) = unreached {
            let logs = directory.join("logs");
            let text = format!("never connected to {url}: {} says why", logs.display());
            command::say(&text);
        }
        if exit == Exit::NotWritable {
            return Err(AppError::new(exit, format!("trading stopped: {reason}")));
        }
        ended?;
        Ok(exit)
    }
}

impl Held {
    /// Ends what is left after the core panicked: its recording is the proof of what made it so.
    pub(super) fn abandon(self) -> AppError {
        let _ = (self.recorder.join(), self.teller.join(), self.rest.join(), self.books.join());
        let reason = "the thread that decides panicked: this is a defect";
        self.server.end(Exit::Failed.code(), reason);
        self.upkeep.stop();
        Alerts::stop(self.alerts);
        let stopped = ProcessEvent::Stopped { exit_code: Exit::Failed.code(), reason };
        self.telemetry.emit(&stopped.into());
        self.telemetry.shutdown(LOG_PATIENCE);
        self.metrics.stop(true);
        let directory = self.session.directory().display().to_string();
        let counts = BTreeMap::new();
        // The panic is the reason to tell, whatever else fails after it.
        let _ = self.session.end(tape::Ending {
            at: setup::now(),
            error: Some(reason.to_owned()),
            counts,
        });
        AppError::new(Exit::Failed, format!("{reason}; what led to it is recorded in {directory}"))
    }
}

/// True when a run leaves something behind that may still move money.
fn is_open(view: &EngineView) -> bool {
    view.positions.iter().any(|position| !position.quantity.is_zero() && !position.dust)
        || view.orders.iter().any(|order| !order.state.is_terminal())
}
