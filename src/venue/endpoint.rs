//! An endpoint: a checked address of a venue. Plain text is spoken on loopback only.

use std::net::IpAddr;

use reqwest::Url;
use thiserror::Error;

use crate::domain::clean;

/// Why an address is not used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Not a URL with a host.
    #[error("{0:?} is no URL with a host")]
    NotAUrl(String),
    /// Another scheme than the wanted one.
    #[error("{0:?} must begin with {1}:// (or {2}:// on loopback)")]
    Scheme(String, &'static str, &'static str),
    /// Unencrypted to another machine.
    #[error("{0:?} is unencrypted: plain connections go to loopback addresses only")]
    Plain(String),
}

/// Checks the address of a WebSocket: `wss://`, or `ws://` on loopback.
pub fn socket_url(text: &str) -> Result<Url, EndpointError> {
    checked(text, "wss", "ws")
}

/// Checks the address of a REST service: `https://`, or `http://` on loopback.
pub fn rest_url(text: &str) -> Result<Url, EndpointError> {
    checked(text, "https", "http")
}

fn checked(text: &str, secure: &'static str, plain: &'static str) -> Result<Url, EndpointError> {
    let shown = || clean(text, 200);
    let url = Url::parse(text).map_err(|_| EndpointError::NotAUrl(shown()))?;
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| EndpointError::NotAUrl(shown()))?;
    if url.scheme() == secure || (url.scheme() == plain && is_loopback(host)) {
        Ok(url)
    } else if url.scheme() == plain {
        Err(EndpointError::Plain(shown()))
    } else {
        Err(EndpointError::Scheme(shown(), secure, plain))
    }
}

/// True for the addresses of this machine; `localhost` is one by RFC 6761.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a plain connection anybody on the way writes the prices we trade on.
    #[test]
    fn plain_text_stays_on_this_machine() {
        for url in
            ["ws://127.0.0.1:9080", "ws://localhost/stream", "ws://[::1]:1", "wss://a.example"]
        {
            assert!(socket_url(url).is_ok(), "{url}");
        }
        for url in
            ["ws://a.example", "ws://127.0.0.1.a.example", "ws://10.0.0.1", "ws://localhost.a"]
        {
            assert!(matches!(socket_url(url), Err(EndpointError::Plain(_))), "{url}");
        }
    }

    #[test]
    fn a_wrong_address_is_named() {
        assert!(matches!(rest_url("wss://a.example"), Err(EndpointError::Scheme(..))));
        assert!(matches!(rest_url("file:///etc"), Err(EndpointError::NotAUrl(_))));
        let error = rest_url("no\x1b[2Jurl").unwrap_err();
        assert_eq!(error.to_string(), "\"no·[2Jurl\" is no URL with a host");
    }
}
