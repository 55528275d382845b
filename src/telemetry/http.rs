//! The telemetry server: `/metrics`, `/healthz` and `/readyz`, on the loopback address; the app adds
//! what else it serves there.
//!
//! It shows positions and PnL to whoever can reach it, so it binds 127.0.0.1 unless told otherwise.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Telemetry;
use super::account::nanos_to_seconds;
use super::open_metrics;

/// Connections served at a time; further ones wait.
const CONNECTIONS: usize = 32;
/// How long a client may take to send its request head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may last: a scraper that keeps it open connects again now and then.
const LIFETIME: Duration = Duration::from_secs(600);
/// Ports tried after the wanted one.
const NEXT_PORTS: u16 = 32;
/// Pause after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where metrics are served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// The address to bind.
    pub address: IpAddr,
    /// The port; 0 takes any that is free.
    pub port: u16,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 9746 }
    }
}

/// What to do when the port is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Take the next free one: somebody looks at a screen that says which.
    NextFree,
    /// Fail: nobody would notice that the metrics are elsewhere.
    Fail,
}

/// Why metrics cannot be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The port is in use, and so are the next ones when those were allowed.
    #[error("{0} is in use; choose another port, or port 0 for any that is free")]
    Taken(SocketAddr),
    /// The address cannot be bound for another reason.
    #[error("cannot bind {0}: {1}")]
    Bind(SocketAddr, #[source] io::Error),
}

/// Binds the wanted port, or another one if `taken` allows that.
pub fn bind(config: MetricsConfig, taken: Taken) -> Result<StdListener, ServeError> {
    let wanted = SocketAddr::new(config.address, config.port);
    let last = match taken {
        Taken::Fail => config.port,
        Taken::NextFree => config.port.saturating_add(NEXT_PORTS),
    };
    for port in config.port..=last {
        let address = SocketAddr::new(config.address, port);
        match StdListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(ServeError::Bind(address, error)),
        }
    }
    Err(ServeError::Taken(wanted))
}

/// What every request must bear, where there is such a thing.
pub type Token = Arc<str>;

/// Serves until `stop` is ready, `more` beside what is served here. Needs a tokio runtime.
pub async fn serve(
    listener: StdListener,
    telemetry: Telemetry,
    more: Router,
    token: Option<Token>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let mut router = router(telemetry).merge(more);
    if let Some(token) = token {
        router = router.layer(from_fn_with_state(token, guard));
    }
    tokio::select! {
        biased;
        () = stop => Ok(()),
        () = accept_all(&listener, router) => Ok(()),
    }
}

/// Lets a request through that bears the token.
async fn guard(State(token): State<Token>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let given = given.and_then(|given| given.strip_prefix(b"Bearer ")).unwrap_or_default();
    if is_same(given, token.as_bytes()) {
        next.run(request).await
    } else {
        let asks = [(header::WWW_AUTHENTICATE, "Bearer")];
        (StatusCode::UNAUTHORIZED, asks, "metrics.token_file names the token\n").into_response()
    }
}

/// Compares in a time that says nothing of where two differ.
fn is_same(given: &[u8], token: &[u8]) -> bool {
    let differs = given.iter().zip(token).fold(0, |differs, (a, b)| differs | (a ^ b));
    given.len() == token.len() && differs == 0
}

async fn accept_all(listener: &TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = serve_connection(stream, router.clone());
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(LIFETIME, connection).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router) {
    // A client that hangs up or talks nonsense is no news.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
}

fn router(telemetry: Telemetry) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(readiness))
        .with_state(telemetry)
}

async fn readiness(State(telemetry): State<Telemetry>) -> Response {
    match telemetry.unready() {
        None => "ready\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

/// Gathering takes milliseconds, which no other task should wait for.
async fn metrics(State(telemetry): State<Telemetry>, headers: HeaderMap) -> Response {
    let asked = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let is_open = asked.is_some_and(|asked| asked.contains(open_metrics::MEDIA_TYPE));
    let text = tokio::task::spawn_blocking(move || {
        let since = (telemetry.0.clock)();
        let text = if is_open {
            Ok((open_metrics::CONTENT_TYPE, telemetry.open_metrics_text()))
        } else {
            telemetry.metrics_text().map(|text| (prometheus::TEXT_FORMAT, text))
        };
        let nanos = (telemetry.0.clock)().since(since);
        telemetry.metrics().scrape.observe(nanos_to_seconds(nanos));
        text
    });
    match text.await {
        Ok(Ok((kind, text))) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
