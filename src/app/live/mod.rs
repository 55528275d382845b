//! `run`: a live run from its first thread to its last line.
//!
//! ```text
//! main       the screen, or waiting      exchange  the synthetic market of the demo
//! core       socket, decoder, engine     rest      REST questions
//! tape       writes the recording        teller    log lines and metrics of records
//! signals    asks everybody to stop      metrics   serves /metrics
//! ```

mod account;
pub mod clock;
pub mod core;
mod hangup;
pub mod operator;
pub mod questions;
pub mod screen;
mod serving;
mod silence;
mod summary;
pub mod teller;
pub mod watchers;

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use self::account::OwnedAccount;
use self::clock::Clock;
use self::core::{Control, Core, End};
use self::hangup::Hangup;
use self::questions::Questions;
use self::screen::Ui;
use self::serving::{serve, strategies};
use self::silence::Silence;
use self::summary::LiveResult;
use self::teller::Teller;
use super::build::{self, Filters, Plan};
use super::cli::RunArgs;
use super::control::{self as socket, server};
use super::error::{AppError, Exit};
use super::outputs::Outputs;
use super::pipeline::TapeInput;
use super::{platform, setup, sim};
use crate::config::section::VenueKind;
use crate::config::{self, Layers, Loaded};
use crate::domain::RunId;
use crate::engine::view::{EngineView, Mode};
use crate::engine::{self, Viewer};
use crate::simulator;
use crate::strategy::StrategyKind;
use crate::tape::{self, Compression, RING_BYTES, Recorder, RecorderResult, Runtime, Session};
use crate::tape::{Writer, WriterOptions};
use crate::telemetry::http::{self, MetricsConfig, Taken};
use crate::telemetry::{self, LogConfig, Names, ProcessEvent, Telemetry};
use crate::venue::Channel;
use crate::venue::binance::requests;
use crate::venue::line::{Backoff, LineConfig};
use crate::venue::rest::Rest;

/// Commands that may wait for the core.
const CONTROLS: usize = 64;
/// How long log writers may take to write what is queued when the run ends.
const LOG_PATIENCE: Duration = Duration::from_secs(2);
/// How long the core may take to end after a signal before it is left behind.
const END_PATIENCE: Duration = Duration::from_secs(3);

/// Runs until the user, a signal, or the clock ends it.
pub fn run(args: &RunArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if !args.headless && !is_terminal {
        let text = "there is no terminal to draw on: use --headless";
        return Err(AppError::new(Exit::Usage, text));
    }
    let loaded = load(args, registry)?;
    let run = Run::prepare(args, loaded, registry)?;
    run.live(args)
}

fn load(args: &RunArgs, registry: &[StrategyKind]) -> Result<Loaded, AppError> {
    let config = args.config.config.clone();
    let mut layers = Layers::of_process(config, args.config.set.clone(), std::env::vars_os());
    if let Some(url) = &args.venue_url {
        layers = layers.with_venue_url(url);
    }
    Ok(config::load(&layers, &build::config_kinds(registry))?)
}

/// Everything that a run holds besides its threads.
struct Run {
    loaded: Loaded,
    plan: Plan,
    mode: Mode,
    session: Session,
    account: OwnedAccount,
    telemetry: Telemetry,
    metrics: Metrics,
    exchange: Option<sim::Exchange>,
    core: Core,
    start: TapeInput,
    view: Arc<ArcSwap<EngineView>>,
    control: mpsc::Sender<Control>,
    server: server::Server,
    recorder: JoinHandle<RecorderResult>,
    teller: JoinHandle<()>,
    rest: JoinHandle<()>,
}

/// The metrics server's thread.
struct Metrics {
    address: String,
    stop: tokio::sync::oneshot::Sender<()>,
    join: JoinHandle<()>,
}

impl Run {
    fn prepare(
        args: &RunArgs,
        loaded: Loaded,
        registry: &[StrategyKind],
    ) -> Result<Self, AppError> {
        // A second provider in the process is no harm: the first one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut plan = build::plan(&loaded, Filters::FromVenue)?;
        let pipeline = build::pipeline(&plan, registry)?;
        let venue = &loaded.config.venue;
        let mode = match venue.kind {
            VenueKind::Loopback => Mode::Demo,
            VenueKind::Binance => Mode::Paper,
        };
        let account = OwnedAccount::take(&loaded.config.account.name)?;
        plan.start.account.name.clone_from(&account.name);
        let clock = Clock::start();
        let session = setup::create_session(&loaded, &plan, mode, None, clock.now())?;
        let (tape, recorder) = recorder(&loaded, &session)?;
        let telemetry = telemetry(&loaded, &plan, &session, mode, clock)?;
        let metrics = Metrics::start(&loaded, &telemetry, args.headless)?;
        let exchange = exchange(&loaded)?;
        let (stream, rest) = addresses(&loaded, exchange.as_ref());
        let rest = Rest::new(&rest, &[])
            .map_err(|error| AppError::new(Exit::Connection, error.to_string()))?;
        let (questions, rest) = Questions::start(rest, venue.instruments.clone())?;
        let view = Arc::new(ArcSwap::from_pointee(EngineView::default()));
        let (told, teller) = Teller::start(&telemetry, tape.state(), metrics.address.clone())?;
        let (control, controls) = mpsc::channel(CONTROLS);
        let server = serve(&session, &plan, (&control, &view), &telemetry)?;
        let start =
            TapeInput::Start { state: plan.start.clone(), config: loaded.canonical().to_owned() };
        let mut core = Core {
            pipeline,
            outputs: Outputs::new(plan.written),
            viewer: viewer(&plan, &session, mode, &loaded, clock),
            silence: Silence::new(plan.engine.instruments.len(), loaded.config.risk.max_silence.0),
            ends_when_halted: args.headless,
            published: Instant::now(),
            tape,
            clock,
            questions,
            line: line(&loaded, stream),
            backoff: backoff(&loaded, clock),
            control: controls,
            deadline: args.duration.map(|duration| Instant::now() + duration),
            watchers: server.watchers(),
            view: Arc::clone(&view),
            woken: Arc::new(AtomicU64::new(clock.now().0)),
            teller: told,
            seq: 0,
            connections: 0,
            attempts: 0,
            up: false,
        };
        core.outputs.keep_copies();
        let run = Self {
            loaded,
            plan,
            mode,
            session,
            account,
            telemetry,
            metrics,
            exchange,
            core,
            start,
            view,
            control,
            server,
            recorder,
            teller,
            rest,
        };
        run.announce()?;
        Ok(run)
    }

    /// Tells logs and the session's directory what is where.
    fn announce(&self) -> Result<(), AppError> {
        let view = Arc::clone(&self.view);
        self.telemetry.follow(Arc::new(move || view.load_full()));
        let path = self.session.directory().display().to_string();
        let source = if self.mode == Mode::Demo { "built in" } else { "files" };
        self.telemetry.emit(&ProcessEvent::Started.into());
        self.telemetry.emit(&ProcessEvent::ConfigLoaded { source }.into());
        self.telemetry.emit(&ProcessEvent::SessionOpened { path: &path }.into());
        let mut addresses = std::collections::BTreeMap::new();
        addresses.insert("metrics".to_owned(), self.metrics.address.clone());
        if let Some(exchange) = &self.exchange {
            addresses.insert("venue".to_owned(), exchange.address.to_string());
        }
        let path = self.server.path().display().to_string();
        addresses.insert(socket::CONTROL.to_owned(), path);
        let runtime = Runtime { pid: std::process::id(), addresses };
        Ok(self.session.update_runtime(&runtime)?)
    }

    /// Runs the core beside the screen, then ends everything in order.
    fn live(self, args: &RunArgs) -> Result<Exit, AppError> {
        let Self { core, start, view, control, .. } = self;
        let began = (Instant::now(), platform::process_cpu());
        let ui = if args.headless { None } else { Some(Ui::open(&self.loaded.config.ui, None)?) };
        let watching = ui.as_ref().map(|_| core.watchers.enter());
        let published = ui.as_ref().map(Ui::notifier);
        let core = spawn_core(core, start, published)?;
        let hangup = Hangup::new(self.loaded.config.run.on_hangup, control.clone());
        let guard = screen::watch_signals(ui.as_ref(), END_PATIENCE, hangup.watcher())?;
        if let Some(ui) = ui {
            let (strategies, notifier) = (strategies(&self.plan), ui.notifier());
            let exit = ui.run(&view, &mut |intent| {
                screen::take_intent(&intent, &control, &strategies, &notifier)
            })?;
            drop(watching);
            hangup.after_screen(exit, &self.telemetry);
        }
        let (core, end) = core.join().map_err(|_| panicked("core"))?;
        guard.release();
        let ending = Ending {
            loaded: self.loaded,
            plan: self.plan,
            session: self.session,
            account: self.account,
            telemetry: self.telemetry,
            metrics: self.metrics,
            exchange: self.exchange,
            server: self.server,
            recorder: self.recorder,
            teller: self.teller,
            rest: self.rest,
        };
        ending.finish(core, &end, began, args)
    }
}

/// What is left to end once the core has ended.
struct Ending {
    loaded: Loaded,
    plan: Plan,
    session: Session,
    account: OwnedAccount,
    telemetry: Telemetry,
    metrics: Metrics,
    exchange: Option<sim::Exchange>,
    server: server::Server,
    recorder: JoinHandle<RecorderResult>,
    teller: JoinHandle<()>,
    rest: JoinHandle<()>,
}

impl Ending {
    fn finish(
        self,
        core: Core,
        end: &End,
        began: (Instant, f64),
        args: &RunArgs,
    ) -> Result<Exit, AppError> {
        let mut result = LiveResult::collect(&core, &self.plan, &self.session, began);
        drop(core);
        let recorded = self.recorder.join().map_err(|_| panicked("tape"))?;
        let _ = (self.teller.join(), self.rest.join());
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
        let stopped = ProcessEvent::Stopped { exit_code: exit.code(), reason: &reason };
        self.telemetry.emit(&stopped.into());
        self.telemetry.shutdown(LOG_PATIENCE);
        self.metrics.stop();
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
        prune(&self.loaded);
        drop(self.account);
        summary::print(&result, &directory, args)?;
        if exit == Exit::NotWritable {
            return Err(AppError::new(exit, format!("trading stopped: {reason}")));
        }
        ended?;
        Ok(exit)
    }
}

/// Keeps the newest demo sessions; what cannot be removed is not worth a failure.
fn prune(loaded: &Loaded) {
    let keep = loaded.config.tape.keep.sessions as usize;
    if let Ok(root) = tape::default_root() {
        let alive = |session: &tape::SessionSummary| {
            session.runtime.as_ref().is_some_and(|runtime| platform::is_alive(runtime.pid))
        };
        let _ = tape::prune(&root, keep, alive);
    }
}

fn panicked(thread: &str) -> AppError {
    AppError::new(Exit::Failed, format!("the {thread} thread panicked: this is a defect"))
}

fn spawn_core(
    core: Core,
    start: TapeInput,
    published: Option<crate::tui::Notifier>,
) -> Result<JoinHandle<(Core, End)>, AppError> {
    let failed = |error: std::io::Error| AppError::new(Exit::Failed, error.to_string());
    let (woken, clock) = (Arc::clone(&core.woken), core.clock);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_unpark(move || woken.store(clock.now().0, Ordering::Relaxed))
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

fn recorder(
    loaded: &Loaded,
    session: &Session,
) -> Result<(tape::RecorderHandle, JoinHandle<RecorderResult>), AppError> {
    let tape = &loaded.config.tape;
    let options = WriterOptions {
        compression: match tape.compression {
            config::section::Compression::Zstd => Compression::Zstd(1),
            config::section::Compression::Lz4 => Compression::Lz4,
            config::section::Compression::None => Compression::None,
        },
        segment_bytes: tape.segment_bytes.0,
        segment_span: tape.segment_span.0,
        ..WriterOptions::default()
    };
    let writer = Writer::in_directory(session.directory(), options)?;
    Ok(Recorder::spawn(writer, RING_BYTES)?)
}

fn telemetry(
    loaded: &Loaded,
    plan: &Plan,
    session: &Session,
    mode: Mode,
    clock: Clock,
) -> Result<Telemetry, AppError> {
    let log = &loaded.config.log;
    let directory =
        if log.directory.as_os_str().is_empty() { session.logs() } else { log.directory.clone() };
    let config = telemetry::Config {
        directory,
        log: LogConfig {
            segment_bytes: log.max_file_bytes.0,
            keep_segments: log.keep_files as usize,
            keep_bytes: log.keep_bytes.0,
            ..LogConfig::default()
        },
        clock: Arc::new(move || clock.now()),
    };
    let names = Names {
        venue: loaded.config.venue.name.clone(),
        instruments: loaded.config.venue.instruments.clone(),
        strategies: plan.engine.strategies.iter().map(|s| s.name.clone()).collect(),
        assets: plan.engine.assets.iter().map(|asset| asset.0.clone()).collect(),
    };
    let run = telemetry::RunInfo {
        run_id: session.manifest().run_id.clone(),
        mode,
        account: plan.start.account.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: String::new(),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
        config_hash: format!("{:016x}", loaded.hash),
        pid: std::process::id(),
    };
    let telemetry = Telemetry::start(&config, names, run)
        .map_err(|error| AppError::new(Exit::NotWritable, error.to_string()))?;
    {
        use tracing_subscriber::layer::SubscriberExt;
        let subscriber = tracing_subscriber::registry().with(telemetry::layer(telemetry.clone()));
        // A program that embeds tickscope may have a subscriber of its own: it keeps it.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
    Ok(telemetry)
}

impl Metrics {
    fn start(loaded: &Loaded, telemetry: &Telemetry, headless: bool) -> Result<Self, AppError> {
        let wanted = &loaded.config.metrics;
        let taken = if headless { Taken::Fail } else { Taken::NextFree };
        let config = MetricsConfig { address: wanted.bind, port: wanted.port };
        let listener = http::bind(config, taken)
            .map_err(|error| AppError::new(Exit::Connection, format!("metrics: {error}")))?;
        let failed = |error: std::io::Error| AppError::new(Exit::Failed, error.to_string());
        let address = listener.local_addr().map_err(failed)?;
        if wanted.port != 0 && address.port() != wanted.port {
            let bound = Some(address.port());
            let event = ProcessEvent::PortTaken { wanted: wanted.port, bound };
            telemetry.emit(&event.into());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let telemetry = telemetry.clone();
        let join = std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            let stopped = async move { stopped.await.unwrap_or_default() };
            // Whoever scrapes sees that nothing answers; trading goes on.
            let _ = runtime.block_on(http::serve(listener, telemetry, stopped));
        });
        Ok(Self { address: address.to_string(), stop, join: join.map_err(failed)? })
    }

    fn stop(self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.join.join();
    }
}

/// The embedded exchange of the demo.
fn exchange(loaded: &Loaded) -> Result<Option<sim::Exchange>, AppError> {
    let venue = &loaded.config.venue;
    if venue.kind != VenueKind::Loopback {
        return Ok(None);
    }
    let simulated = &venue.simulator;
    let symbols =
        if simulated.instruments.is_empty() { &venue.instruments } else { &simulated.instruments };
    let config = simulator::Config {
        source: sim::synthetic_source(simulated.seed, symbols),
        speed: sim::speed(simulated.speed.0.to_f64()),
        faults: sim::faults(&simulated.faults)?,
        ..simulator::Config::default()
    };
    sim::Exchange::start(config).map(Some)
}

/// Addresses of the streams and of REST.
fn addresses(loaded: &Loaded, exchange: Option<&sim::Exchange>) -> (String, String) {
    let venue = &loaded.config.venue;
    if let Some(exchange) = exchange {
        let endpoints = requests::Endpoints::at(&format!("http://{}", exchange.address));
        return (endpoints.stream, endpoints.rest);
    }
    let base = venue.ws_url.trim_end_matches('/').trim_end_matches("/stream");
    (format!("{base}/stream"), venue.rest_url.clone())
}

fn line(loaded: &Loaded, stream: String) -> LineConfig {
    use config::section::Stream;
    let venue = &loaded.config.venue;
    let channels: Vec<Channel> = venue
        .streams
        .iter()
        .map(|stream| match stream {
            Stream::Trade => Channel::Trade,
            Stream::BookTicker => Channel::Quote,
            Stream::Depth => Channel::Depth,
        })
        .collect();
    let streams = requests::streams(&venue.instruments, &channels);
    LineConfig {
        connect_timeout: Duration::from_nanos(venue.connect_deadline.0),
        inactivity: Duration::from_nanos(venue.silence_deadline.0),
        ..LineConfig::new(stream, requests::subscriptions(&streams))
    }
}

fn backoff(loaded: &Loaded, clock: Clock) -> Backoff {
    let venue = &loaded.config.venue;
    let (first, most) = (venue.reconnect_first.0, venue.reconnect_most.0);
    Backoff::new(Duration::from_nanos(first), Duration::from_nanos(most), clock.now().0)
}

fn viewer(plan: &Plan, session: &Session, mode: Mode, loaded: &Loaded, clock: Clock) -> Viewer {
    let id: RunId = session.manifest().run_id.clone();
    let market = match mode {
        Mode::Demo => "synthetic market".to_owned(),
        _ => loaded.config.venue.name.clone(),
    };
    Viewer::new(engine::RunInfo { id, mode, market, started: clock.now() }, plan.engine.clone())
}
