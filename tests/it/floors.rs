//! The floors: who may import whom, and what the pure ones must not contain. Read from the source
//! text, so that a wrong arrow fails here and not in a review.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders with their floor; an arrow may only go down, and never between two of one floor.
const FLOORS: [(&str, u8); 11] = [
    ("domain", 0),
    ("strategy", 1),
    ("engine", 2),
    ("venue", 3),
    ("simulator", 3),
    ("tape", 3),
    ("telemetry", 3),
    ("tui", 3),
    ("config", 3),
    ("app", 4),
    ("main", 5),
];

/// The one bridge between islands: the exchange speaks the protocol that the venue reads.
const BRIDGE: (&str, &str) = ("simulator", "venue::binance");

/// What pure code never says: it would do IO, wait, read a clock, draw entropy or depend on the
/// order of a hash.
const BANNED: [&str; 20] = [
    "tokio",
    "tracing",
    "prometheus",
    "ratatui",
    "crossterm",
    "reqwest",
    "axum",
    "arc_swap",
    "std::fs",
    "std::io",
    "std::net",
    "std::env",
    "std::thread",
    "Instant",
    "SystemTime",
    "rand::rng",
    "thread_rng",
    "HashMap",
    "HashSet",
    "async fn",
];

/// Decoders are pure as well, because a replay runs them.
const PURE: [&str; 4] = ["domain/", "strategy/", "engine/", "venue/binance/"];

fn floor(folder: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == folder).map(|(_, floor)| *floor)
}

/// True where a file is compiled into tests only.
fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.contains("/tests/") || name == "tests.rs" || name.ends_with("_tests.rs")
}

/// The lines that are code of the product: no comments, nothing behind `#[cfg(test)] mod … {`.
fn code(text: &str) -> Vec<&str> {
    let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let lines = product.lines().map(|line| line.split("//").next().unwrap_or(""));
    lines.filter(|line| !line.trim().is_empty()).collect()
}

/// The paths of ours that a text names: `domain::Price`, also each of `use crate::{a, b}`.
fn imports(code: &[&str]) -> BTreeSet<String> {
    let text: String = code.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = BTreeSet::new();
    for root in ["crate::", "tickscope::"] {
        for (at, _) in text.match_indices(root) {
            let rest = &text[at + root.len()..];
            match rest.strip_prefix('{') {
                Some(group) => {
                    let end = group.find(';').unwrap_or(group.len());
                    found.extend(group[..end].split([',', '{', '}']).map(|s| s.trim().to_owned()));
                }
                None => {
                    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
                    found.insert(rest[..end.unwrap_or(rest.len())].to_owned());
                }
            }
        }
    }
    found
}

/// What is wrong with a file, one sentence each.
fn faults(path: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let folder = path.split(['/', '.']).next().unwrap_or(path);
    let Some(own) = floor(folder) else {
        return if folder == "lib" { vec![] } else { vec![format!("{path}: on no floor")] };
    };
    let mut faults = Vec::new();
    for import in imports(&code) {
        let target = import.split("::").next().unwrap_or(&import);
        let bridge = folder == BRIDGE.0 && import.starts_with(BRIDGE.1);
        match floor(target) {
            Some(other) if target != folder && other >= own && !bridge => {
                faults.push(format!("{path}: {folder} may not import {import}"));
            }
            _ => {}
        }
    }
    if PURE.iter().any(|pure| path.starts_with(pure)) {
        for (banned, line) in BANNED.iter().flat_map(|b| code.iter().map(move |l| (b, l))) {
            if line.contains(banned) {
                faults.push(format!("{path}: pure code says {banned}: {}", line.trim()));
            }
        }
    }
    faults
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_arrow_climbs_and_pure_code_stays_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    assert!(found.len() > 100, "the sources were not found");
    let mut wrong = Vec::new();
    for file in found {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{path} does not say what it is");
        if !is_test(path) {
            wrong.extend(faults(path, &text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_wrong_import_is_seen() {
    for (path, text) in [
        ("domain/order.rs", "use crate::engine::Record;"),
        ("strategy/mod.rs", "use crate::{domain::Num, engine};"),
        ("engine/core.rs", "fn f() { crate::telemetry::emit(); }"),
        ("tape/reader.rs", "use crate::venue::Frame;"),
        ("simulator/rest.rs", "use crate::venue::rest::Rest;"),
        ("tui/run.rs", "use crate::{\n    domain::Num,\n    tape::Reader,\n};"),
        ("config/read.rs", "use crate::app::error::AppError;"),
        ("engine/core.rs", "use std::collections::{BTreeMap, HashMap};"),
        ("domain/time.rs", "let now = std::time::Instant::now();"),
        ("venue/binance/decode.rs", "pub async fn decode() {}"),
        ("somewhere/new.rs", "use crate::domain::Num;"),
    ] {
        assert_eq!(faults(path, text).len(), 1, "{path}: {text}");
    }
}

#[test]
fn a_right_import_passes() {
    for (path, text) in [
        ("engine/core.rs", "use crate::{domain::Num, strategy::Decision};"),
        ("simulator/wire.rs", "use crate::venue::binance::wire::Message;"),
        ("app/live/mod.rs", "use crate::{tape, tui, venue::binance};"),
        ("tui/run.rs", "use crate::tui::theme::Theme; // not crate::app"),
        ("engine/core.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::app;\n}"),
    ] {
        assert_eq!(faults(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}
