//! Answers: JSON, a page, or a refusal that says what there is instead.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Nothing but the page's own style: no script, no frame, no request to anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// Why a request is not answered as asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    status: StatusCode,
    said: Said,
}

/// The body of a refusal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Said {
    /// What is wrong, in one sentence.
    error: String,
    /// What exists and may have been meant.
    nearest: Vec<String>,
}

impl Refused {
    /// 404: there is no such thing.
    pub fn missing(error: String, nearest: Vec<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, said: Said { error, nearest } }
    }

    /// 400: a parameter cannot be what it is; `nearest` is what it may be.
    pub fn wrong(error: String, nearest: Vec<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, said: Said { error, nearest } }
    }

    /// As JSON.
    pub fn response(self) -> Response {
        (self.status, json(&self.said)).into_response()
    }

    /// As a page.
    pub fn page(self, body: String) -> Response {
        (self.status, page(body)).into_response()
    }

    /// What is wrong.
    pub fn error(&self) -> &str {
        &self.said.error
    }

    /// What may have been meant.
    pub fn nearest(&self) -> &[String] {
        &self.said.nearest
    }
}

/// A value as JSON. Positions and money: nobody on the way keeps a copy.
pub fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, "no-store"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::VARY, "accept"),
            ];
            (headers, body).into_response()
        }
        Err(_) => failed(),
    }
}

/// A page that may do nothing but be read.
pub fn page(body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::VARY, "accept"),
    ];
    (headers, body).into_response()
}

/// 500: a defect of ours.
pub fn failed() -> Response {
    let error = "the answer could not be made: this is a defect".to_owned();
    let said = Said { error, nearest: Vec::new() };
    let body = serde_json::to_string(&said).unwrap_or_default();
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::INTERNAL_SERVER_ERROR, kind, body).into_response()
}

/// True for a browser: it accepts HTML by name, and nothing that is JSON more than that.
pub fn prefers_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT);
    let accepted: Vec<(String, u16)> =
        values.iter().filter_map(text).flat_map(|value| value.split(',').map(range)).collect();
    let weight = |names: &[&str]| {
        let of = |(name, weight): &(String, u16)| names.contains(&name.as_str()).then_some(*weight);
        accepted.iter().filter_map(of).max().unwrap_or(0)
    };
    let html = weight(&["text/html", "application/xhtml+xml"]);
    html > 0 && html >= weight(&["application/json"])
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// A media range and its weight in thousandths.
fn range(text: &str) -> (String, u16) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q="));
    (name, quality.map_or(1_000, thousandths))
}

/// `0.8` as 800, without a float.
fn thousandths(quality: &str) -> u16 {
    let (whole, part) = quality.split_once('.').unwrap_or((quality, ""));
    let digits: String = part.chars().chain("000".chars()).take(3).collect();
    let part: u16 = digits.parse().unwrap_or(0);
    if whole == "0" { part } else { 1_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: a browser sees JSON, or a script gets a page.
    #[test]
    fn browsers_get_pages_and_programs_json() {
        for (accept, html) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("*/*", false),
            ("application/json", false),
            ("", false),
            ("text/html;q=0.5, application/json", false),
            ("application/json;q=0.5, text/html;q=0.9", true),
            ("text/html;q=0", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(prefers_html(&headers), html, "{accept}");
        }
        assert!(!prefers_html(&HeaderMap::new()));
    }
}
