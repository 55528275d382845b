//! The description of the interface for programs: OpenAPI 3.1. The text is `openapi.json`; a test
//! holds it against the routes and against real answers.

use serde_json::{Value, json};

/// As it is written.
pub(super) const TEXT: &str = include_str!("openapi.json");

/// The description, with this version and where it is served.
pub fn document(public_url: &str) -> Value {
    // The text is checked by a test.
    let mut document: Value = serde_json::from_str(TEXT).unwrap_or_default();
    let url = if public_url.is_empty() { "/" } else { public_url };
    if let Some(object) = document.as_object_mut() {
        object.insert("servers".to_owned(), json!([{ "url": url }]));
    }
    if let Some(version) = document.pointer_mut("/info/version") {
        *version = json!(env!("CARGO_PKG_VERSION"));
    }
    document
}
