//! The crash file: what a panic leaves behind in the session, so that a defect can be reported without
//! being there. It says what went wrong and what was decided last; it holds no configuration, and so
//! no secret.

use std::backtrace::Backtrace;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::app::{setup, shield, words};
use crate::domain::{RunId, clean};
use crate::engine::view::{DecisionView, EngineView};
use crate::telemetry::{ProcessEvent, Telemetry};

/// Decisions and log lines that it holds.
const DECISIONS: usize = 20;
const LINES: usize = 50;
/// Characters of a panic's message.
const MESSAGE: usize = 2_000;
/// How long the log may take for its line: the thread that panicked may hold what it needs.
const PATIENCE: Duration = Duration::from_millis(200);

/// The thread that tells the log of it: if it panics itself, nobody is told any more.
const TELLING: &str = "crash";
/// Files of one run: a panic that comes again and again says nothing new.
const FILES: u32 = 16;

/// What is known of the run.
struct Run {
    id: RunId,
    directory: PathBuf,
    view: Arc<ArcSwap<EngineView>>,
    telemetry: Telemetry,
    left: AtomicU32,
}

/// From here on a panic of this process leaves a file in the session's directory and a line in its log.
pub(super) fn watch(
    id: &RunId,
    directory: &Path,
    view: &Arc<ArcSwap<EngineView>>,
    telemetry: &Telemetry,
) {
    let run = Run {
        id: id.clone(),
        directory: directory.to_owned(),
        view: Arc::clone(view),
        telemetry: telemetry.clone(),
        left: AtomicU32::new(0),
    };
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !shield::is_calling() {
            run.leave(info);
        }
        previous(info);
    }));
}

impl Run {
    fn leave(&self, info: &PanicHookInfo<'_>) {
        let thread = std::thread::current().name().unwrap_or("nameless").to_owned();
        if thread == TELLING || self.left.fetch_add(1, Ordering::Relaxed) >= FILES {
            return;
        }
        let message = clean(words_of(info), MESSAGE);
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        // The file first: it needs no lock that the thread may hold.
        let _ = self.write(&thread, &message, &place);
        self.tell(thread, message, place);
    }

    fn write(&self, thread: &str, message: &str, place: &str) -> std::io::Result<()> {
        let stamp = setup::now();
        let path = self.directory.join(format!("crash-{}-{thread}.txt", stamp.0 / 1_000_000));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
        let view = self.view.load();
        let mut text = format!(
            "tickscope {} panicked at {}\nrun      {}\nthread   {thread}\nat       {place}\n\
             says     {message}\ninput    {}\n",
            env!("CARGO_PKG_VERSION"),
            words::moment(stamp),
            self.id,
            view.run.inputs,
        );
        text.push_str("\nThe last decisions, newest last:\n");
        for decision in newest(&view.decisions, DECISIONS) {
            let _ = writeln!(text, "  {}", line(decision));
        }
        text.push_str("\nThe last lines of the log:\n");
        for line in newest(&view.log, LINES) {
            let _ =
                writeln!(text, "  {} {} {} {}", line.time, line.level, line.event, line.message);
        }
        let _ = write!(text, "\nBacktrace:\n{}", Backtrace::force_capture());
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    fn tell(&self, thread: String, message: String, place: String) {
        let (done, waiting) = sync_channel::<()>(0);
        let telemetry = self.telemetry.clone();
        let telling = move || {
            let (thread, message, location) = (&*thread, &*message, &*place);
            telemetry.emit(&ProcessEvent::Panicked { thread, message, location }.into());
            drop(done);
        };
        if std::thread::Builder::new().name(TELLING.to_owned()).spawn(telling).is_ok() {
            let _ = waiting.recv_timeout(PATIENCE);
        }
    }
}

/// What a panic says: a text, or a text made of parts.
fn words_of<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}

fn newest<T>(all: &[T], most: usize) -> &[T] {
    all.get(all.len().saturating_sub(most)..).unwrap_or_default()
}

fn line(decision: &DecisionView) -> String {
    let evaluation = &decision.evaluation;
    format!(
        "{} {} {} in {}: {}",
        evaluation.time, evaluation.id, evaluation.strategy, evaluation.symbol, decision.state
    )
}
