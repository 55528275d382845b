//! A run is built: what may be refused first, then what is on disk, then its threads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::mpsc;

use super::absence::Absence;
use super::clock::Clock;
use super::core::Core;
use super::crash;
use super::latest::Latest;
use super::lints::Thresholds;
use super::meter::Meter;
use super::metrics::Bound;
use super::questions::Questions;
use super::serving::{answer, serve};
use super::turns::Turns;
use super::upkeep::Upkeep;
use super::{Held, Run};
use crate::app::account::{self, Books, Kept, OwnedAccount, Recovered};
use crate::app::alert::Alerts;
use crate::app::build::{self, Filters, Plan};
use crate::app::cli::RunArgs;
use crate::app::command;
use crate::app::control as socket;
use crate::app::error::{AppError, Exit};
use crate::app::outputs::Outputs;
use crate::app::past::{Testimony, Witness};
use crate::app::pipeline::{Inheritance, Pipeline, TapeInput};
use crate::app::{setup, sim};
use crate::config::section::VenueKind;
use crate::config::{self, Loaded};
use crate::domain::{RunId, UnixNanos};
use crate::engine::view::{EngineView, Mode};
use crate::engine::{self, Viewer};
use crate::ledger::{Batch, Ledger, SessionRow};
use crate::simulator;
use crate::strategy::{Feed, StrategyKind};
use crate::tape::{
    self, CheckpointWriter, Compression, Followed, RING_BYTES, Recorder, RecorderResult, Runtime,
    Session,
};
use crate::tape::{Writer, WriterOptions};
use crate::telemetry::{self, LogConfig, Names, ProcessEvent, Telemetry};
use crate::venue::Channel;
use crate::venue::binance::requests;
use crate::venue::line::{Backoff, LineConfig};
use crate::venue::rest::Rest;

/// Commands that may wait for the core.
const CONTROLS: usize = 64;

/// What a run has before anything of it is on disk.
struct Parts {
    loaded: Loaded,
    plan: Plan,
    pipeline: Pipeline,
    mode: Mode,
    account: OwnedAccount,
    recovered: Recovered,
    /// Does after the recording what the core does before it.
    shadow: Pipeline,
    bound: Bound,
    exchange: Option<sim::Exchange>,
    stream: String,
    rest: Rest,
    clock: Clock,
}

/// Builds a run up to the point where its core can begin. One that cannot leaves no session.
pub(super) fn prepare(
    args: &RunArgs,
    loaded: Loaded,
    registry: &[StrategyKind],
) -> Result<Run, AppError> {
    let parts = Parts::gather(args, loaded, registry)?;
    let Parts { loaded, plan, mode, clock, .. } = &parts;
    let session = setup::create_session(loaded, plan, *mode, None, clock.now())?;
    let directory = session.directory().to_owned();
    parts.run(args, registry, session).inspect_err(|_| tape::discard(&directory))
}

impl Parts {
    fn gather(args: &RunArgs, loaded: Loaded, registry: &[StrategyKind]) -> Result<Self, AppError> {
        // A second provider in the process is no harm: the first one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut plan = build::plan(&loaded, Filters::FromVenue)?;
        let pipeline = build::pipeline(&plan, registry)?;
        let mode = match loaded.config.venue.kind {
            VenueKind::Loopback => Mode::Demo,
            VenueKind::Binance => Mode::Paper,
        };
        let account = OwnedAccount::take(&loaded.config.account.name)?;
        plan.start.account.name.clone_from(&account.name);
        // What may be refused comes first: a run that does not begin leaves the account as it was.
        let bound = Bound::take(&loaded, args.headless)?;
        let clock = Clock::start();
        if args.fresh {
            begin_anew(&account, registry, clock)?;
        }
        let recovered = account::recover(Ledger::open(&account.ledger())?, &plan, registry)?;
        let clock = look_at(&recovered, &mut build::pipeline(&plan, registry)?, clock, &account)?;
        let shadow = build::pipeline(&plan, registry)?;
        let exchange = exchange(&loaded)?;
        let (stream, rest) = addresses(&loaded, exchange.as_ref());
        let rest = Rest::new(&rest, &[])
            .map_err(|error| AppError::new(Exit::Connection, error.to_string()))?;
        Ok(Self {
            loaded,
            plan,
            pipeline,
            mode,
            account,
            recovered,
            shadow,
            bound,
            exchange,
            stream,
            rest,
            clock,
        })
    }

    /// Opens what is on disk and starts every thread but the core's.
    fn run(
        self,
        args: &RunArgs,
        registry: &[StrategyKind],
        session: Session,
    ) -> Result<Run, AppError> {
        let Self { loaded, plan, mode, clock, exchange, account, .. } = self;
        let (telemetry, logs) = telemetry(&loaded, &plan, &session, mode, clock)?;
        let (tape, recorder, followed) = recorder(&loaded, &session, &telemetry)?;
        let Recovered { ledger, inheritance, settled, .. } = self.recovered;
        let folds = viewer(&plan, &session, mode, &loaded, clock);
        let witness = Witness::new(folds.clone(), CheckpointWriter::create(session.directory())?);
        let books =
            books((ledger, &settled, self.shadow), inheritance.as_ref(), &loaded, &plan, &session)?;
        let (tell, unkept, parted) = tell_of(&telemetry, clock);
        let books = account::follow(books.with_witness(witness), followed, tell)?;
        let alerts = Alerts::start(&loaded.config.alert, &session.manifest().run_id.0, &telemetry)?;
        let upkeep = Upkeep::start(&session, (&loaded.config.tape, logs), &telemetry)?;
        let (questions, rest) =
            Questions::start(self.rest, loaded.config.venue.instruments.clone())?;
        let view = Arc::new(ArcSwap::from_pointee(EngineView::default()));
        let run = run_info(&session, mode, &loaded, clock);
        let seen = (&view, tape.state());
        let (metrics, told, teller) =
            answer(self.bound, &telemetry, (run, &plan), seen, (&loaded, registry))?;
        let (control, controls) = mpsc::channel(CONTROLS);
        let server = serve(&session, &plan, (&control, &view), &telemetry, tape.state())?;
        let start = first_inputs(&plan, &loaded, inheritance);
        let core = Core {
            pipeline: self.pipeline,
            outputs: Outputs::new(plan.written).keeping_copies(),
            latest: Latest::default(),
            viewer: folds,
            thresholds: Thresholds::default(),
            absence: Absence::new(&loaded.config, &feeds(&plan), clock.now()),
            ends_when_halted: args.headless,
            began_halted: false,
            published: Instant::now(),
            tape,
            clock,
            questions,
            line: line(&loaded, self.stream),
            backoff: backoff(&loaded, clock),
            control: controls,
            deadline: args.duration.map(|duration| Instant::now() + duration),
            watchers: server.watchers(),
            view: Arc::clone(&view),
            turns: Turns::new(clock),
            teller: told,
            on_disk: Arc::default(),
            unkept,
            parted,
            standing: upkeep.standing(),
            seq: 0,
            connections: 0,
            attempts: 0,
            up: false,
        };
        let held = Held {
            loaded,
            plan,
            session,
            account,
            registry: registry.to_vec(),
            telemetry,
            metrics,
            exchange,
            server,
            upkeep,
            alerts,
            recorder,
            teller,
            books,
            rest,
        };
        announce(&held, &view, mode).map(|()| Run { core, start, view, control, held })
    }
}

/// What a run begins with: its account, and what the account's last run left.
fn first_inputs(plan: &Plan, loaded: &Loaded, inheritance: Option<Inheritance>) -> Vec<TapeInput> {
    let start =
        TapeInput::Start { state: plan.start.clone(), config: loaded.canonical().to_owned() };
    std::iter::once(start).chain(inheritance.map(TapeInput::Resume)).collect()
}

/// Tells logs and the session's directory what is where.
fn announce(held: &Held, view: &Arc<ArcSwap<EngineView>>, mode: Mode) -> Result<(), AppError> {
    let manifest = held.session.manifest();
    crash::watch(&manifest.run_id, held.session.directory(), view, &held.telemetry);
    let view = Arc::clone(view);
    held.telemetry.follow(Arc::new(move || view.load_full()));
    let path = held.session.directory().display().to_string();
    let source = if mode == Mode::Demo { "built in" } else { "files" };
    held.telemetry.emit(&ProcessEvent::Started.into());
    held.telemetry.emit(&ProcessEvent::ConfigLoaded { source }.into());
    held.telemetry.emit(&ProcessEvent::SessionOpened { path: &path }.into());
    let mut addresses = BTreeMap::from([("metrics".to_owned(), held.metrics.address.clone())]);
    if let Some(exchange) = &held.exchange {
        addresses.insert("venue".to_owned(), exchange.address.to_string());
    }
    addresses.insert(socket::CONTROL.to_owned(), held.server.path().display().to_string());
    Ok(held.session.update_runtime(&Runtime { pid: std::process::id(), addresses })?)
}

/// Puts the account's ledger aside, with all that its last run recorded.
fn begin_anew(
    account: &OwnedAccount,
    registry: &[StrategyKind],
    clock: Clock,
) -> Result<(), AppError> {
    if account.ledger().exists() {
        // One that cannot be read on is no reason to keep it.
        let _ = Ledger::open(&account.ledger()).map(|ledger| account::bring_up(ledger, registry));
    }
    let stamp = tape::run_id(clock.now(), u64::from(std::process::id()));
    if let Some(aside) = account.put_aside(&stamp.0)? {
        let name = &account.name;
        command::say(&format!("account {name} begins anew; its ledger is now {}", aside.display()));
    }
    Ok(())
}

/// Looks whether a run can go on with what was recovered, says what somebody should know, and
/// sets the clock on to where the account is.
fn look_at(
    recovered: &Recovered,
    pipeline: &mut Pipeline,
    clock: Clock,
    account: &OwnedAccount,
) -> Result<Clock, AppError> {
    let name = &account.name;
    let left_out = match &recovered.inheritance {
        Some(inheritance) => account::check(&inheritance.estate, pipeline, name)?,
        None => Vec::new(),
    };
    for note in recovered.notes.iter().chain(&left_out) {
        command::say(&format!("account {name}: {note}"));
    }
    let behind = recovered.time.since(clock.now()) / UnixNanos::SECOND;
    if behind > 0 {
        command::say(&format!(
            "account {name}: this machine's clock is {behind} s behind the account's last run; the \
             run goes on from there, and its times are ahead by as much"
        ));
    }
    Ok(clock.not_before(recovered.time))
}

/// What each strategy decides on.
fn feeds(plan: &Plan) -> Vec<Feed> {
    plan.engine.strategies.iter().map(|strategy| strategy.feed).collect()
}

/// A warning that stands while it is there.
type Warning = Arc<ArcSwapOption<String>>;

/// What is told of the ledger, and the warnings that stand meanwhile: that it is not kept, and that
/// the run parted.
fn tell_of(telemetry: &Telemetry, clock: Clock) -> (account::Tell, Warning, Warning) {
    let (unkept, parted): (Warning, Warning) = (Arc::default(), Arc::default());
    let warnings = (Arc::clone(&unkept), Arc::clone(&parted));
    let telemetry = telemetry.clone();
    let tell = move |kept: Kept<'_>| match kept {
        Kept::Committed { input, again } => {
            telemetry.metrics().ledger(input, clock.now());
            if again {
                unkept.store(None);
                telemetry.emit(&ProcessEvent::LedgerKept.into());
            }
        }
        Kept::Failed(error) => {
            let error = error.to_string();
            unkept.store(Some(Arc::new(format!("the account's ledger is not kept: {error}"))));
            telemetry.emit(&ProcessEvent::LedgerFailed { error: &error }.into());
        }
        Kept::Found(Testimony::Parted(difference)) => {
            let text = format!("this run cannot be reproduced: {difference}");
            parted.store(Some(Arc::new(text)));
            telemetry.emit(&ProcessEvent::Parted { difference }.into());
        }
        Kept::Found(Testimony::NotKept(error)) => {
            telemetry.emit(&ProcessEvent::CheckpointsStopped { error }.into());
        }
    };
    (Box::new(tell), warnings.0, warnings.1)
}

/// Opens the books of the run that begins.
fn books(
    (mut ledger, settled, shadow): (Ledger, &Batch, Pipeline),
    inheritance: Option<&Inheritance>,
    loaded: &Loaded,
    plan: &Plan,
    session: &Session,
) -> Result<Books, AppError> {
    let manifest = session.manifest();
    let directory = session.directory().to_owned();
    let row = SessionRow {
        run: manifest.run_id.clone(),
        directory: directory.display().to_string(),
        started: manifest.started,
        heir_of: inheritance.map(|inheritance| inheritance.from.clone()),
        seq: None,
        ended: false,
    };
    ledger.begin(&row, settled)?;
    let config = loaded.canonical().to_owned();
    let session = account::Session { run: manifest.run_id.clone(), directory, config };
    Ok(Books::begin(ledger, session, shadow, plan))
}

fn recorder(
    loaded: &Loaded,
    session: &Session,
    telemetry: &Telemetry,
) -> Result<(tape::RecorderHandle, JoinHandle<RecorderResult>, Followed), AppError> {
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
    Ok(Recorder::spawn_followed(writer, RING_BYTES, Box::new(Meter(telemetry.clone())))?)
}

/// Starts the run's telemetry; beside it, the folder of its log.
fn telemetry(
    loaded: &Loaded,
    plan: &Plan,
    session: &Session,
    mode: Mode,
    clock: Clock,
) -> Result<(Telemetry, PathBuf), AppError> {
    let (log, directory) =
        (&loaded.config.log, setup::logs_of(&loaded.config, session.directory()));
    let config = telemetry::Config {
        directory: directory.clone(),
        log: LogConfig {
            segment_bytes: log.max_file_bytes.0,
            keep_segments: log.keep_files as usize,
            keep_bytes: log.keep_bytes.0,
            compress: log.compress,
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
    Ok((telemetry, directory))
}

/// The embedded exchange of the demo.
fn exchange(loaded: &Loaded) -> Result<Option<sim::Exchange>, AppError> {
    let venue = &loaded.config.venue;
    if venue.kind != VenueKind::Loopback {
        return Ok(None);
    }
    let simulated = &venue.simulator;
    let symbols = sim::configured_symbols(venue);
    let config = simulator::Config {
        source: sim::synthetic_source(simulated.seed, symbols, simulated.script),
        speed: sim::speed(simulated.speed.0.to_f64()),
        faults: sim::configured_faults(loaded)?,
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
    Viewer::new(run_info(session, mode, loaded, clock), plan.engine.clone())
}

fn run_info(session: &Session, mode: Mode, loaded: &Loaded, clock: Clock) -> engine::RunInfo {
    let id: RunId = session.manifest().run_id.clone();
    let market = match mode {
        Mode::Demo => "synthetic market".to_owned(),
        _ => loaded.config.venue.name.clone(),
    };
    engine::RunInfo { id, mode, market, started: clock.now() }
}
