//! The exchange put together: one port, one market, its driver and its sessions.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::serve::Listener;
use tokio::sync::watch;
use tokio::time::timeout;

use super::driver::{self, Anchor};
use super::hub::Hub;
use super::listener::Loopback;
use super::market::{FRAMES_AT_ONCE, Frame, Market};
use super::session::Liveness;
use super::synthetic::Synthetic;
use super::tape::Tape;
use super::{Config, SimulatorError, Source, Speed, rest};
use crate::domain::UnixNanos;

/// How long connections may take to say goodbye.
const GOODBYE_MAX: Duration = Duration::from_millis(1_500);

/// What the driver, the HTTP answers and the sessions share.
pub(super) struct Exchange {
    /// Locked for microseconds only, and never across an await.
    market: Mutex<Box<dyn Market>>,
    pub hub: Arc<Hub>,
    pub liveness: Liveness,
    /// Turns true when the exchange stops; every session holds a receiver while it lives.
    pub stop: watch::Sender<bool>,
    /// Turns true when the market has ended.
    pub finished: watch::Sender<bool>,
}

impl Exchange {
    /// An exchange whose market has not moved.
    pub fn new(market: Box<dyn Market>, hub: Hub, liveness: Liveness) -> Self {
        Self {
            market: Mutex::new(market),
            hub: Arc::new(hub),
            liveness,
            stop: watch::Sender::new(false),
            finished: watch::Sender::new(false),
        }
    }

    pub fn market(&self) -> MutexGuard<'_, Box<dyn Market>> {
        self.market.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The venue's time in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.market().now().millis()
    }

    /// Lets market time pass; gives back when the next thing happens.
    pub fn advance(&self, until: UnixNanos, frames: &mut Vec<Frame>) -> Option<UnixNanos> {
        let mut market = self.market();
        market.advance(until, frames);
        self.hub.counts.unusable_frames.store(market.unusable(), Ordering::Relaxed);
        market.next_due()
    }
}

/// An exchange that has its port and its market, and is ready to run.
pub struct Server {
    exchange: Arc<Exchange>,
    listener: Loopback,
    address: SocketAddr,
    opened: Anchor,
    speed: Speed,
}

impl Server {
    /// See [`bind`](super::bind).
    pub(super) async fn bind(config: Config) -> Result<Self, SimulatorError> {
        config.speed.check()?;
        let bind_error = |source| SimulatorError::Bind { port: config.port, source };
        let listener = Loopback::bind(config.port, config.tls).await.map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let mut opened = Anchor::now();
        if let Source::Synthetic(synthetic) = &config.source {
            match synthetic.epoch {
                Some(epoch) => opened.market = epoch,
                None => opened = opened.at_whole_second(),
            }
        }
        let epoch = opened.market;
        // Living through the history takes a while, and so may reading a tape ahead.
        let market = tokio::task::spawn_blocking(move || open(config.source, epoch)).await?;
        let liveness =
            Liveness { ping_interval: config.ping_interval, pong_timeout: config.pong_timeout };
        let hub = Hub::new(config.queue_frames.max(2 * FRAMES_AT_ONCE), config.faults);
        let exchange = Arc::new(Exchange::new(market, hub, liveness));
        Ok(Self { exchange, listener, address, opened, speed: config.speed })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A view of its counts that outlives the run.
    pub fn monitor(&self) -> Monitor {
        Monitor { exchange: Arc::clone(&self.exchange) }
    }

    /// Serves until `stop` is done, then says goodbye to its clients within a second.
    ///
    /// After the end of a tape it goes on answering; [`Monitor::finished`] tells.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut stopping = self.exchange.stop.subscribe();
        let stopped = async move { stopping.wait_for(|stop| *stop).await.map_or((), drop) };
        let router = rest::router(Arc::clone(&self.exchange));
        let serve = axum::serve(self.listener, router).with_graceful_shutdown(stopped);
        let drive = driver::drive(Arc::clone(&self.exchange), self.opened, self.speed);
        tokio::select! {
            () = stop => {}
            _ = async { tokio::join!(serve.into_future(), drive) } => {}
        }
        self.exchange.stop.send_replace(true);
        // Every session holds a receiver until it has ended; one that will not end is left behind.
        timeout(GOODBYE_MAX, self.exchange.stop.closed()).await.unwrap_or_default();
    }
}

fn open(source: Source, epoch: UnixNanos) -> Box<dyn Market> {
    match source {
        Source::Synthetic(config) => Box::new(Synthetic::new(&config, epoch)),
        Source::Tape(frames) => Box::new(Tape::new(frames)),
    }
}

/// Shows how a running exchange is doing.
#[derive(Clone)]
pub struct Monitor {
    exchange: Arc<Exchange>,
}

impl Monitor {
    /// Messages handed to sessions, each session counted.
    pub fn frames_sent(&self) -> u64 {
        self.exchange.hub.counts.frames_sent.load(Ordering::Relaxed)
    }

    /// WebSocket connections so far.
    pub fn sessions_opened(&self) -> u64 {
        self.exchange.hub.counts.sessions_opened.load(Ordering::Relaxed)
    }

    /// Connections cut off because their reader fell too far behind.
    pub fn sessions_cut_off(&self) -> u64 {
        self.exchange.hub.counts.sessions_cut_off.load(Ordering::Relaxed)
    }

    /// Configured faults that have fired, each counted once.
    pub fn faults_fired(&self) -> u64 {
        self.exchange.hub.counts.faults_fired.load(Ordering::Relaxed)
    }

    /// Recorded messages that could not be served or not be understood.
    pub fn unusable_frames(&self) -> u64 {
        self.exchange.hub.counts.unusable_frames.load(Ordering::Relaxed)
    }

    /// True after the last message of a tape. A synthetic market never ends.
    pub fn is_finished(&self) -> bool {
        *self.exchange.finished.borrow()
    }

    /// Waits for the last message of a tape to be handed out.
    pub async fn finished(&self) {
        // It fails only when the sender is gone, and the exchange behind this monitor holds it.
        self.exchange.finished.subscribe().wait_for(|finished| *finished).await.ok();
    }
}
