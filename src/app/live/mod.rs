//! `run`: a live run from its first thread to its last line.
//!
//! ```text
//! main       the screen, or waiting      exchange  the synthetic market of the demo
//! core       socket, decoder, engine     rest      REST questions
//! tape       writes the recording        teller    log lines and metrics of records
//! signals    asks everybody to stop      metrics   serves /metrics
//! config     watches the configuration's files
//! upkeep     removes old sessions, watches the disk
//! alerts     runs the command of an alert
//! ```
//!
//! `prepare` builds it, this runs it, `ending` ends it.

mod absence;
pub mod clock;
pub mod core;
mod crash;
mod disk;
mod ending;
mod hangup;
mod latest;
mod lints;
mod meter;
mod metrics;
pub mod operator;
mod prepare;
pub mod questions;
mod reload;
pub mod screen;
mod serving;
mod stages;
mod summary;
mod target;
pub mod teller;
mod turns;
mod upkeep;
pub mod watchers;

use std::io::IsTerminal;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use self::core::{Control, Core, End};
use self::hangup::Hangup;
use self::meter::Meter;
use self::metrics::Metrics;
use self::reload::{Files, Reloader, Watched};
use self::screen::Ui;
use self::serving::strategies;
use self::upkeep::Upkeep;
use self::watchers::Who;
use super::account::OwnedAccount;
use super::alert::Alerts;
use super::build::{self, Plan};
use super::cli::RunArgs;
use super::control::server;
use super::error::{AppError, Exit};
use super::pipeline::TapeInput;
use super::replay::travel::Traveller;
use super::{platform, sim};
use crate::config::{self, Layers, Loaded};
use crate::engine::view::EngineView;
use crate::strategy::StrategyKind;
use crate::tape::{self, RecorderResult, Session};
use crate::telemetry::Telemetry;

/// How long the core may take to end after a signal before it is left behind.
const END_PATIENCE: Duration = Duration::from_secs(3);

/// Runs until the user, a signal, or the clock ends it.
pub fn run(args: &RunArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if !args.headless && !is_terminal {
        let text = "there is no terminal to draw on: use --headless";
        return Err(AppError::new(Exit::Usage, text));
    }
    let layers = layers(args);
    let files = Files::look(&layers);
    let loaded = config::load(&layers, &build::config_kinds(registry))?;
    let run = prepare::prepare(args, loaded, registry)?;
    let watched = Watched { layers, files, kinds: build::config_kinds(registry) };
    run.live(args, watched)
}

fn layers(args: &RunArgs) -> Layers {
    let config = args.config.config.clone();
    let layers = Layers::of_process(config, args.config.set.clone(), std::env::vars_os());
    match &args.venue_url {
        Some(url) => layers.with_venue_url(url),
        None => layers,
    }
}

/// Everything that a run holds: what its core begins with, and what outlives it.
struct Run {
    core: Core,
    start: Vec<TapeInput>,
    view: Arc<ArcSwap<EngineView>>,
    control: mpsc::Sender<Control>,
    held: Held,
}

/// What outlives the core and is ended after it.
struct Held {
    loaded: Loaded,
    plan: Plan,
    session: Session,
    account: OwnedAccount,
    registry: Vec<StrategyKind>,
    telemetry: Telemetry,
    metrics: Metrics,
    exchange: Option<sim::Exchange>,
    server: server::Server,
    upkeep: Upkeep,
    alerts: Option<Alerts>,
    recorder: JoinHandle<RecorderResult>,
    teller: JoinHandle<()>,
    books: JoinHandle<()>,
    rest: JoinHandle<()>,
}

impl Run {
    /// Runs the core beside the screen, then ends everything in order.
    fn live(self, args: &RunArgs, watched: Watched) -> Result<Exit, AppError> {
        let Self { core, start, view, control, held } = self;
        let (telemetry, trouble) = (held.telemetry.clone(), Arc::clone(&core.on_disk));
        let loaded = held.loaded.clone();
        let began = (Instant::now(), platform::process_cpu());
        // Nothing has happened yet: a screen that cannot be had leaves no session.
        let ui = (!args.headless).then(|| Ui::open(&held.loaded.config, None)).transpose();
        let ui = ui.inspect_err(|_| tape::discard(held.session.directory()))?;
        let ui = ui.map(|ui| ui.metered(Arc::new(Meter(held.telemetry.clone()))));
        let watching = ui.as_ref().map(|_| core.watchers.enter(Who::OwnScreen));
        let published = ui.as_ref().map(Ui::notifier);
        let reloader = Reloader::start(watched, loaded, control.clone(), telemetry, trouble)?;
        let hangup = Hangup::new(held.loaded.config.run.on_hangup, control.clone());
        let logs = held.telemetry.clone();
        let reopen = move || logs.reopen_logs();
        let guard = screen::watch_signals(ui.as_ref(), END_PATIENCE, hangup.watcher(), reopen)?;
        let core = spawn_core(core, start, published)?;
        let mut broken = None;
        if let Some(ui) = ui {
            let (strategies, notifier) = (strategies(&held.plan), ui.notifier());
            let session = &held.session;
            let (directory, run) =
                (session.directory().to_owned(), session.manifest().run_id.clone());
            let mut traveller = Traveller::new(directory, run, &held.registry, ui.notifier());
            let past = traveller.past();
            let exit = ui.run(&view, &past, &mut |intent| {
                let travelled = traveller.take(&intent);
                travelled.unwrap_or_else(|| {
                    screen::take_intent(&intent, &control, &strategies, &notifier)
                })
            });
            // A screen that cannot be drawn is a terminal that is gone: the run ends in order.
            let exit = exit.unwrap_or_else(|error| {
                broken = Some(error);
                crate::tui::Exit::Hangup
            });
            drop(watching);
            hangup.after_screen(exit, &held.telemetry);
        }
        let ended = core.join();
        guard.release();
        reloader.stop();
        let finished = match ended {
            Ok((core, end)) => held.finish(core, &end, began, args),
            Err(_) => Err(held.abandon()),
        };
        broken.map_or(finished, Err)
    }
}

fn spawn_core(
    core: Core,
    start: Vec<TapeInput>,
    published: Option<crate::tui::Notifier>,
) -> Result<JoinHandle<(Core, End)>, AppError> {
    let failed = |error: std::io::Error| AppError::new(Exit::Failed, error.to_string());
    let (wakes, sleeps) = core.turns.hooks(core.clock);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_unpark(wakes)
        .on_thread_park(sleeps)
        .build()
        .map_err(failed)?;
    std::thread::Builder::new()
        .name("core".to_owned())
        .spawn(move || {
            let ended = runtime.block_on(core.run(start, published.clone()));
            if let Some(screen) = published {
                screen.stop();
            }
            ended
        })
        .map_err(failed)
}
