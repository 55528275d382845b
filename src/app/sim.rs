//! `sim`: the loopback exchange as a program of its own, and inside the default run.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::cli::SimArgs;
use super::command::print;
use super::error::{AppError, Exit};
use super::source::request_of;
use crate::config::Loaded;
use crate::config::section::{Script, Venue};
use crate::simulator::{
    self, Fault, Monitor, Source, Speed, TapeFrame, TapeFrameKind, TapeFrames, synthetic,
};
use crate::tape::{self, Reader};
use crate::venue::binance::requests;
use crate::venue::{Channel, Request};

/// The kinds of stream that a made-up market has.
const STREAMS: [Channel; 3] = [Channel::Trade, Channel::Quote, Channel::Depth];

/// Runs `sim` until it is told to stop.
pub fn run(args: &SimArgs) -> Result<Exit, AppError> {
    let source = match &args.tape {
        Some(tape) => {
            let path = tape::resolve(tape, &tape::default_root()?)?.path;
            if super::history::listed_on(&path)?.is_some() {
                return Err(AppError::new(
                    Exit::Failed,
                    format!(
                        "{} was made of files and holds no messages to serve: use `tickscope \
                         backtest --tape`",
                        path.display()
                    ),
                ));
            }
            Source::Tape(Box::new(RecordedFrames::open(&path)?))
        }
        None => synthetic_source(args.seed, &checked(&args.instruments)?, Script::None),
    };
    let made_up = args.tape.is_none().then_some(args.instruments.as_slice());
    let faults = args.fault.iter().map(|text| fault(text, made_up));
    let config = simulator::Config {
        port: args.port,
        source,
        speed: args.speed.parse().map_err(usage)?,
        faults: faults.collect::<Result<_, _>>().map_err(usage)?,
        ..simulator::Config::default()
    };
    let exchange = Exchange::start(config)?;
    let address = exchange.address;
    print(&format!(
        "serving http://{address} (market data of Binance spot's protocol)\n\
         try: tickscope run --venue-url http://{address}"
    ));
    wait(args.duration)?;
    let monitor = exchange.stop();
    print(&format!(
        "served {} messages to {} connections, {} cut off, {} faults fired",
        monitor.frames_sent(),
        monitor.sessions_opened(),
        monitor.sessions_cut_off(),
        monitor.faults_fired()
    ));
    Ok(Exit::Done)
}

/// A market made up from a seed.
pub fn synthetic_source(seed: u64, symbols: &[String], script: Script) -> Source {
    let instruments = symbols.iter().map(|symbol| synthetic::Instrument::of(symbol)).collect();
    let script = match script {
        Script::None => synthetic::Script::None,
        Script::FirstMinute => synthetic::Script::FirstMinute,
    };
    let rest = synthetic::Config::default();
    Source::Synthetic(synthetic::Config { seed, instruments, script, ..rest })
}

/// Symbols that a market can be made up for: capitals and digits, each once.
fn checked(symbols: &[String]) -> Result<Vec<String>, AppError> {
    let fits = |symbol: &str| {
        let fitting = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        (1..=20).contains(&symbol.len()) && symbol.bytes().all(fitting)
    };
    for (at, symbol) in symbols.iter().enumerate() {
        if !fits(symbol) {
            return Err(usage(format!("{symbol:?} is no instrument: give such as BTCUSDT")));
        }
        if symbols.iter().take(at).any(|other| other == symbol) {
            return Err(usage(format!("{symbol} is named twice")));
        }
    }
    Ok(symbols.to_vec())
}

/// Reads a fault as it is typed. A stream must be one of those of the symbols, where they are known:
/// a fault that never fires tests nothing.
fn fault(text: &str, symbols: Option<&[String]>) -> Result<Fault, String> {
    let served = symbols.map(|symbols| requests::streams(symbols, &STREAMS));
    let fault: Fault = text.parse().map_err(|error: simulator::FaultError| error.to_string())?;
    match (fault.stream(), &served) {
        (Some(stream), Some(served)) if !served.iter().any(|other| other == stream) => {
            Err(format!("{text:?}: no stream {stream}; there are {}", served.join(", ")))
        }
        _ => Ok(fault),
    }
}

/// The instruments that the configured market has.
pub fn configured_symbols(venue: &Venue) -> &[String] {
    let own = &venue.simulator.instruments;
    if own.is_empty() { &venue.instruments } else { own }
}

/// The faults of a configuration; what is none is underlined where it is written.
pub fn configured_faults(loaded: &Loaded) -> Result<Vec<Fault>, AppError> {
    let venue = &loaded.config.venue;
    let symbols = configured_symbols(venue);
    let read = |(at, text): (usize, &String)| {
        fault(text, Some(symbols)).map_err(|error| {
            let message = format!("is no fault here: {error}");
            loaded.complaint("venue.simulator.faults", at, &message).into()
        })
    };
    venue.simulator.faults.iter().enumerate().map(read).collect()
}

/// A speed as it is typed.
pub fn speed(times: f64) -> Speed {
    Speed::Times(times)
}

fn usage(error: impl std::fmt::Display) -> AppError {
    AppError::new(Exit::Usage, error.to_string())
}

/// Waits for a signal, or until the time is up.
fn wait(duration: Option<Duration>) -> Result<(), AppError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| AppError::new(Exit::Failed, error.to_string()))?;
    runtime.block_on(async {
        let up = async {
            match duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = up => {}
            () = super::platform::asked_to_stop() => {}
        }
    });
    Ok(())
}

/// A loopback exchange on a thread of its own.
pub struct Exchange {
    /// Where it listens.
    pub address: SocketAddr,
    monitor: Monitor,
    stop: oneshot::Sender<()>,
    join: JoinHandle<()>,
}

impl Exchange {
    /// Binds the port and begins to serve.
    pub fn start(config: simulator::Config) -> Result<Self, AppError> {
        let failed = |error: std::io::Error| AppError::new(Exit::Failed, error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let server = runtime
            .block_on(simulator::bind(config))
            .map_err(|error| AppError::new(Exit::Connection, error.to_string()))?;
        let (address, monitor) = (server.address(), server.monitor());
        let (stop, stopped) = oneshot::channel::<()>();
        let join = std::thread::Builder::new().name("exchange".to_owned()).spawn(move || {
            // A dropped sender asks to stop as well as a used one.
            runtime.block_on(server.run(async move { stopped.await.unwrap_or_default() }));
        });
        Ok(Self { address, monitor, stop, join: join.map_err(failed)? })
    }

    /// Says goodbye to its clients and ends; returns its counts.
    pub fn stop(self) -> Monitor {
        // The server may have ended by itself; then nobody hears this.
        let _ = self.stop.send(());
        let _ = self.join.join();
        self.monitor
    }
}

/// A tape's frames as the exchange serves them.
struct RecordedFrames {
    path: PathBuf,
    reader: Reader,
}

impl RecordedFrames {
    /// Opens a tape that holds market data.
    fn open(path: &Path) -> Result<Self, AppError> {
        let mut probe = Reader::open(path)?;
        loop {
            match probe.next()?.map(|entry| entry.channel) {
                Some(tape::Channel::Stream { .. }) => break,
                Some(_) => {}
                None => {
                    let text = format!("{} holds no market data to serve", path.display());
                    return Err(AppError::new(Exit::Failed, text));
                }
            }
        }
        Ok(Self { path: path.to_owned(), reader: Reader::open(path)? })
    }
}

impl TapeFrames for RecordedFrames {
    fn next(&mut self) -> Option<TapeFrame> {
        loop {
            let entry = match self.reader.next() {
                Ok(entry) => entry?,
                Err(error) => {
                    let mut stderr = std::io::stderr().lock();
                    // Nobody may be listening to standard error; the tape ends here either way.
                    let _ = std::io::Write::write_fmt(
                        &mut stderr,
                        format_args!("tickscope: {}: {error}\n", self.path.display()),
                    );
                    return None;
                }
            };
            let kind = match entry.channel {
                tape::Channel::Stream { .. } => TapeFrameKind::Stream,
                tape::Channel::Answer { request, status: 200 } => match request_of(request) {
                    Some(Request::Depth { symbol }) => TapeFrameKind::Snapshot { symbol },
                    _ => continue,
                },
                _ => continue,
            };
            return Some(TapeFrame { received: entry.time, bytes: entry.bytes.to_vec(), kind });
        }
    }
}
