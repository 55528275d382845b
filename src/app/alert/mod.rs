//! Alerts: the configured command is run for the events that are worth one. Events come from where
//! log lines are written, through a bounded queue; one thread runs one command at a time. Nobody
//! ever waits for it: not the core, not the log, not the screen, and the end of a run not for long.

mod hook;
mod queue;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::hook::{Hook, Outcome};
use self::queue::{Alert, Dropped, Next, Queue};
use crate::app::error::{AppError, Exit};
use crate::config::section;
use crate::telemetry::{AlertEvent, AlertKind, AlertOutcome, Heard, Telemetry, lines_of};

/// How long alerts that wait may still be told when the run ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// The alerts of a run that has a command for them.
pub struct Alerts {
    queue: Arc<Queue>,
    /// Gone once it was waited for.
    join: Option<JoinHandle<()>>,
}

impl Alerts {
    /// Listens from here on; `None` when there is no command, or nothing to run it for.
    pub fn start(
        config: &section::Alert,
        session: &str,
        telemetry: &Telemetry,
    ) -> Result<Option<Self>, AppError> {
        let Some(hook) = Hook::of(config, session).filter(|_| !config.events.is_empty()) else {
            return Ok(None);
        };
        let queue = Arc::new(Queue::new(config.per_minute));
        let (adding, wanted) = (Arc::clone(&queue), kinds(&config.events));
        telemetry.listen(Arc::new(move |heard: Heard<'_>| {
            if wanted.contains(&heard.kind) {
                let Heard { kind, event, line } = heard;
                adding.add(Alert { kind, event, line: line.to_vec() }, Instant::now());
            }
        }));
        let caller = Caller {
            hook,
            queue: Arc::clone(&queue),
            telemetry: telemetry.clone(),
            is_failing: false,
            complained: BTreeSet::new(),
        };
        let join = std::thread::Builder::new()
            .name("alerts".to_owned())
            .spawn(move || caller.run())
            .map_err(|error| AppError::new(Exit::Failed, error.to_string()))?;
        Ok(Some(Self { queue, join: Some(join) }))
    }

    /// Tells what waits, for a moment, then ends what still runs.
    pub fn stop(alerts: Option<Self>) {
        let Some(mut alerts) = alerts else { return };
        alerts.queue.end(Instant::now() + FAREWELL);
        let _ = alerts.join.take().map(JoinHandle::join);
    }
}

/// A run that never begins leaves no thread.
impl Drop for Alerts {
    fn drop(&mut self) {
        self.queue.end(Instant::now());
    }
}

/// Runs the command for one alert after the other.
struct Caller {
    hook: Hook,
    queue: Arc<Queue>,
    telemetry: Telemetry,
    /// The last command did not end well.
    is_failing: bool,
    /// Kinds of which was told that some are left out.
    complained: BTreeSet<AlertKind>,
}

impl Caller {
    fn run(mut self) {
        loop {
            match self.queue.next() {
                Next::Tell(alert) => self.call(&alert),
                Next::Count(kind, why, count) => self.count(kind, why, count),
                Next::End => return,
            }
        }
    }

    fn call(&mut self, alert: &Alert) {
        let kind = alert.kind;
        let (outcome, failure) = match self.hook.run(alert, || self.queue.ends()) {
            Outcome::Done => (AlertOutcome::Done, None),
            Outcome::Failed(problem, said) => (AlertOutcome::Failed, Some((problem, said))),
            Outcome::Killed(problem, said) => (AlertOutcome::Killed, Some((problem, said))),
        };
        self.telemetry.metrics().alert(kind, outcome, 1);
        let was_failing = std::mem::replace(&mut self.is_failing, failure.is_some());
        if let Some((problem, stderr)) = failure.filter(|_| !was_failing) {
            let (command, problem, stderr) = (self.hook.program(), &problem, &stderr);
            let event = AlertEvent::Failed { kind, command, problem, stderr };
            self.telemetry.emit(&event.into());
        }
    }

    fn count(&mut self, kind: AlertKind, why: Dropped, count: u64) {
        self.telemetry.metrics().alert(kind, AlertOutcome::Dropped, count);
        if self.complained.insert(kind) {
            let reason = match why {
                Dropped::Budget => "there are more of them a minute than alert.per_minute",
                Dropped::Full => "they come faster than the command ends",
                Dropped::Ended => "the run has ended",
            };
            self.telemetry.emit(&AlertEvent::Dropped { kind, reason }.into());
        }
    }
}

fn kinds(words: &[section::AlertKind]) -> Vec<AlertKind> {
    use section::AlertKind as Word;
    let kind = |word: &Word| match word {
        Word::Halt => AlertKind::Halt,
        Word::Disk => AlertKind::Disk,
        Word::Stale => AlertKind::Stale,
        Word::Restart => AlertKind::Restart,
        Word::Refusal => AlertKind::Refusal,
        Word::Fill => AlertKind::Fill,
        Word::Panic => AlertKind::Panic,
    };
    words.iter().map(kind).collect()
}

/// The log lines, by event and level, that ring the bell of a screen.
pub fn rings(config: &section::Alert) -> Vec<(String, String)> {
    let lines = kinds(&config.bell).into_iter().flat_map(lines_of);
    lines.map(|(event, level)| (event.to_owned(), level.to_owned())).collect()
}
