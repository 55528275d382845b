//! The server of a run's metrics and decisions, and its thread.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::thread::JoinHandle;

use super::target::Target;
use crate::app::error::{AppError, Exit};
use crate::app::http::{Served, router};
use crate::config::Loaded;
use crate::domain::RunId;
use crate::telemetry::http::{self, MetricsConfig, Taken, Token};
use crate::telemetry::{ProcessEvent, Telemetry};

/// An address that is taken before anything of the run is on disk: a run that cannot have it leaves
/// nothing behind.
pub(super) struct Bound {
    listener: TcpListener,
    address: std::net::SocketAddr,
    wanted: u16,
    token: Option<Token>,
}

impl Bound {
    /// Takes the configured address. With a screen, the next free port will do.
    pub(super) fn take(loaded: &Loaded, headless: bool) -> Result<Self, AppError> {
        let wanted = &loaded.config.metrics;
        let taken = if headless { Taken::Fail } else { Taken::NextFree };
        let config = MetricsConfig { address: wanted.bind, port: wanted.port };
        let listener = http::bind(config, taken)
            .map_err(|error| AppError::new(Exit::Connection, format!("metrics: {error}")))?;
        let address = listener.local_addr().map_err(failed)?;
        let token = token(&wanted.token_file)?;
        Ok(Self { listener, address, wanted: wanted.port, token })
    }
}

/// The server while it runs.
pub(super) struct Metrics {
    /// Where it answers: `127.0.0.1:9746`.
    pub(super) address: String,
    stop: tokio::sync::oneshot::Sender<()>,
    join: JoinHandle<()>,
    /// Says where it answers, until it is dropped.
    target: Option<Target>,
}

impl Metrics {
    /// Serves on the bound address.
    pub(super) fn serve(
        bound: Bound,
        telemetry: &Telemetry,
        (run, account): (&RunId, &str),
        served: Served,
    ) -> Result<Self, AppError> {
        let Bound { listener, address, wanted, token } = bound;
        if wanted != 0 && address.port() != wanted {
            let event = ProcessEvent::PortTaken { wanted, bound: Some(address.port()) };
            telemetry.emit(&event.into());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let telemetry = telemetry.clone();
        let join = std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            let stopped = async move { stopped.await.unwrap_or_default() };
            // Whoever scrapes sees that nothing answers; trading goes on.
            let more = router(served);
            let _ = runtime.block_on(http::serve(listener, telemetry, more, token, stopped));
        });
        let address = address.to_string();
        let target = Target::tell(run, account, &address);
        Ok(Self { address, stop, join: join.map_err(failed)?, target })
    }

    /// Stops serving. Whoever scrapes shall notice when something is `open`.
    pub(super) fn stop(mut self, open: bool) {
        if let Some(target) = self.target.take().filter(|_| open) {
            target.stay();
        }
        // It may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.join.join();
    }
}

/// The token that a file names; a file that is none, or holds none, is a mistake in the configuration.
fn token(file: &Path) -> Result<Option<Token>, AppError> {
    if file.as_os_str().is_empty() {
        return Ok(None);
    }
    let wrong = |problem: String| {
        let text = format!("metrics.token_file: {}: {problem}", file.display());
        AppError::new(Exit::Invalid, text)
    };
    let text = fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    match text.lines().next().map(str::trim).filter(|token| !token.is_empty()) {
        Some(token) => Ok(Some(token.into())),
        None => Err(wrong("its first line is empty".to_owned())),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err calls")]
fn failed(error: std::io::Error) -> AppError {
    AppError::new(Exit::Failed, error.to_string())
}
