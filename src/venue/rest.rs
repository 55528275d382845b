//! REST: questions to a venue, paced below its limits; every question gets an answer, even if only
//! that none came.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, Url, redirect};
use rustls::pki_types::CertificateDer;
use thiserror::Error;
use tokio::time::sleep;

use super::endpoint::{EndpointError, rest_url};
use super::pace::Pace;
use super::tls;
use crate::domain::clean;

/// A call takes at most this long.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A longer answer is cut here; decoders refuse answers of half this length.
const BODY_BYTES_MAX: usize = 8 << 20;
/// The silence kept when the venue wants some without saying how much.
const SILENCE: Duration = Duration::from_secs(120);

/// Why there is no REST client.
#[derive(Debug, Error)]
pub enum RestError {
    /// The address is not to be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A certificate to trust cannot be read.
    #[error("cannot trust the certificate: {0}")]
    Roots(#[from] rustls::Error),
    /// The HTTP client cannot be set up.
    #[error("cannot set up HTTP: {0}")]
    Client(#[from] reqwest::Error),
}

/// A call: path, parameters and what it costs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// The path below the base, `/api/v3/depth`.
    pub path: &'static str,
    /// Names and values, not yet encoded.
    pub parameters: Vec<(&'static str, String)>,
    /// The venue's weight of it.
    pub weight: u32,
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The HTTP status; 0 when no answer came at all.
    pub status: u16,
    /// The body; with status 0, why none came.
    pub body: Vec<u8>,
}

impl Answer {
    fn none(reason: &str) -> Self {
        Self { status: 0, body: clean(reason, 300).into_bytes() }
    }
}

/// A venue's REST service.
pub struct Rest {
    client: Client,
    base: Url,
    pace: Mutex<Pace>,
}

impl Rest {
    /// A client of the service at `base`, trusting the public roots and these certificates.
    /// Redirects and proxies are not followed.
    pub fn new(base: &str, roots: &[CertificateDer<'static>]) -> Result<Self, RestError> {
        let base = rest_url(base)?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls::client_config(roots)?)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self { client, base, pace: Mutex::default() })
    }

    /// Puts a question when its turn has come. During a ban nothing is sent.
    pub async fn ask(&self, call: &Call) -> Answer {
        let Some(wait) = self.pace().reserve(Instant::now(), call.weight) else {
            return Answer::none("not asked: the venue wants silence");
        };
        sleep(wait).await;
        match self.client.get(self.url(call)).send().await {
            Ok(response) => self.read(response).await,
            Err(error) => Answer::none(&told_fully(&error)),
        }
    }

    fn url(&self, call: &Call) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), call.path));
        if !call.parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.parameters);
        }
        url
    }

    async fn read(&self, mut response: Response) -> Answer {
        let status = response.status().as_u16();
        if let 418 | 429 = status {
            self.pace().ban(Instant::now(), silence(&response));
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() < BODY_BYTES_MAX => body.extend_from_slice(&chunk),
                Ok(_) => return Answer { status, body },
                Err(error) => return Answer::none(&told_fully(&error)),
            }
        }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        // A budget is right after every statement, so a panic elsewhere cannot spoil it.
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the venue wants silence: its `Retry-After`, in seconds.
fn silence(response: &Response) -> Duration {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    seconds
        .and_then(|seconds| seconds.trim().parse().ok())
        .map_or(SILENCE, |seconds: u32| Duration::from_secs(seconds.into()))
}

/// An error with its causes: the outermost only says that a request failed.
fn told_fully(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
