//! The floors of the house: who may import whom, and what pure code never contains. Losing this
//! loses replay: one clock read in the engine, and a recording no longer reproduces.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of the floors below the app, and the folders of ours that each may import.
const FLOORS: [(&str, &[&str]); 11] = [
    ("domain", &[]),
    ("strategy", &["domain"]),
    ("engine", &["domain", "strategy"]),
    ("config", &["domain"]),
    ("tape", &["domain"]),
    ("history", &["domain"]),
    ("ledger", &["domain"]),
    ("venue", &["domain"]),
    ("telemetry", &["domain", "strategy", "engine"]),
    ("tui", &["domain", "strategy", "engine"]),
    // A loopback exchange speaks the protocol that the venue's decoder reads.
    ("simulator", &["domain", "venue::binance"]),
];

/// The floors that import everything: the app, and what calls it.
const TOP: [&str; 3] = ["app", "main", "lib"];

/// What pure code never contains, and why.
const BANNED: [(&str, &str); 16] = [
    ("tokio", "it waits"),
    ("async", "it waits"),
    ("tracing", "it logs"),
    ("prometheus", "it counts elsewhere"),
    ("ratatui", "it draws"),
    ("reqwest", "it opens sockets"),
    ("std::net", "it opens sockets"),
    ("std::fs", "it reads files"),
    ("std::io", "it reads files"),
    ("std::env", "it reads the environment"),
    ("std::thread", "it spawns"),
    ("Instant", "it reads a clock"),
    ("SystemTime", "it reads a clock"),
    ("thread_rng", "it draws entropy"),
    ("HashMap", "its order is not reproducible"),
    ("HashSet", "its order is not reproducible"),
];

/// Folders that a replay runs.
const PURE: [&str; 4] = ["domain/", "strategy/", "engine/", "venue/binance/"];

/// Code of the product: no comments, nothing of a test module at the end.
fn production(text: &str) -> Vec<&str> {
    let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    product.lines().map(|line| line.split("//").next().unwrap_or("")).collect()
}

/// The paths of ours that code names; each of `use crate::{a, b}` is one.
fn imports(code: &[&str]) -> BTreeSet<String> {
    let text = code.join(" ");
    let mut found = BTreeSet::new();
    for (at, root) in text.match_indices("crate::") {
        let rest = &text[at + root.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let group = &group[..group.find(';').unwrap_or(group.len())];
            found.extend(group.split([',', '{', '}']).map(|path| path.trim().to_owned()));
        } else {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            found.insert(rest[..end.unwrap_or(rest.len())].to_owned());
        }
    }
    found
}

/// True where `line` has `word` and not only a longer one.
fn names(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        !part(line[..at].chars().next_back()) && !part(line[at + word.len()..].chars().next())
    })
}

/// What is wrong with a file of `src/`, a sentence each.
fn sins(path: &str, text: &str) -> Vec<String> {
    let code = production(text);
    let own = path.split(['/', '.']).next().unwrap_or(path);
    if TOP.contains(&own) {
        return Vec::new();
    }
    let Some((_, allowed)) = FLOORS.iter().find(|(folder, _)| *folder == own) else {
        return vec![format!("{path} is on no floor")];
    };
    let mut sins = Vec::new();
    for import in imports(&code) {
        let target = import.split("::").next().unwrap_or(&import);
        let is_ours = TOP.contains(&target) || FLOORS.iter().any(|(folder, _)| *folder == target);
        if is_ours && target != own && !allowed.iter().any(|allowed| import.starts_with(allowed)) {
            sins.push(format!("{path} imports {import}"));
        }
    }
    if PURE.iter().any(|pure| path.starts_with(pure)) {
        for (word, reason) in BANNED {
            let lines = code.iter().filter(|line| names(line, word));
            sins.extend(lines.map(|line| format!("{path}, {word}, {reason}: {}", line.trim())));
        }
    }
    sins
}

/// Every file of `src/`, by its path there, with its text; those of tests left out.
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.sort();
    let named = found.iter().map(|file| {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        (path, fs::read_to_string(file).unwrap())
    });
    named.filter(|(path, _)| !path.contains("/tests/") && !path.ends_with("tests.rs")).collect()
}

#[test]
fn no_import_climbs_and_pure_code_stays_pure() {
    let found: Vec<_> = sources().iter().flat_map(|(path, text)| sins(path, text)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let sources = sources();
    assert!(sources.len() > 100, "the sources were not found");
    let silent: Vec<_> = sources.iter().filter(|(_, text)| !text.starts_with("//!")).collect();
    assert!(silent.is_empty(), "no `//!` at the top of {silent:?}");
}

#[test]
fn the_program_itself_is_short() {
    assert!(sources().iter().any(|(path, text)| path == "main.rs" && text.lines().count() <= 40));
}

#[test]
fn a_planted_sin_is_seen() {
    for (path, text) in [
        ("domain/order.rs", "use crate::engine::Record;"),
        ("strategy/mod.rs", "use crate::{domain::Num, engine};"),
        ("engine/core.rs", "fn f() { crate::telemetry::emit(); }"),
        ("tape/reader.rs", "use crate::venue::Frame;"),
        ("history/file.rs", "use crate::strategy::Bar;"),
        ("simulator/rest.rs", "use crate::venue::rest::Rest;"),
        ("tui/run.rs", "use crate::{\n    domain::Num,\n    tape::Reader,\n};"),
        ("config/read.rs", "use crate::app::error::AppError;"),
        ("engine/core.rs", "use std::collections::{BTreeMap, HashMap};"),
        ("domain/time.rs", "let now = std::time::Instant::now();"),
        ("venue/binance/decode.rs", "pub async fn decode() {}"),
        ("somewhere/new.rs", "use crate::domain::Num;"),
    ] {
        assert_eq!(sins(path, text).len(), 1, "{path}: {text}");
    }
}

#[test]
fn what_is_allowed_passes() {
    for (path, text) in [
        ("engine/core.rs", "use crate::{domain::Num, strategy::Decision};\nlet instantiate = 1;"),
        ("simulator/wire.rs", "use crate::venue::binance::wire::Message;"),
        ("app/live/mod.rs", "use crate::{tape, tui, venue::binance};"),
        ("tui/run.rs", "use crate::tui::theme::Theme; // not crate::app"),
        ("engine/core.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::app;\n}"),
    ] {
        assert_eq!(sins(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}
