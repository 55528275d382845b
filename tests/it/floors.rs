//! The floors of the house: who may import whom, and what the lower floors never contain. Losing
//! this loses replay: one clock read in the engine, and a recording no longer reproduces.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders of the floors below the app, and the folders of ours that each may import.
const FLOORS: [(&str, &[&str]); 9] = [
    ("domain", &[]),
    ("strategy", &["domain"]),
    ("engine", &["domain", "strategy"]),
    ("config", &["domain"]),
    ("tape", &["domain"]),
    ("venue", &["domain", "strategy", "engine"]),
    ("telemetry", &["domain", "strategy", "engine"]),
    ("tui", &["domain", "strategy", "engine"]),
    ("simulator", &["domain", "venue::binance"]),
];

/// What the pure floors and the decoders never contain, and why.
const BANNED: [(&str, &str); 10] = [
    ("tokio", "it waits"),
    ("tracing", "it logs"),
    ("prometheus", "it counts elsewhere"),
    ("std::fs", "it reads files"),
    ("std::net", "it opens sockets"),
    ("std::thread", "it spawns"),
    ("Instant", "it reads a clock"),
    ("SystemTime", "it reads a clock"),
    ("HashMap", "its order is not reproducible"),
    ("HashSet", "its order is not reproducible"),
];

/// Folders and files that replay runs.
const PURE: [&str; 4] = ["domain", "strategy", "engine", "venue/binance"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Code without comments and without the tests at its end.
fn production(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines().enumerate();
    lines.map(|(at, line)| (at + 1, line.split("//").next().unwrap_or("")))
}

/// Imports of our own folders that `allowed` does not hold: line and folder.
fn climbing(text: &str, own: &str, allowed: &[&str]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, code) in production(text) {
        for (at, _) in code.match_indices("crate::") {
            let target = &code[at + "crate::".len()..];
            let name: String =
                target.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let is_ours = FLOORS.iter().any(|(floor, _)| *floor == name) || name == "app";
            let may = allowed.iter().any(|allowed| target.starts_with(allowed));
            if is_ours && name != own && !may {
                found.push((line, name));
            }
        }
    }
    found
}

fn banned(text: &str) -> Vec<(usize, &'static str, &'static str)> {
    let mut found = Vec::new();
    for (line, code) in production(text) {
        for (word, reason) in BANNED {
            let whole = |at: usize| {
                let before = code[..at].chars().next_back();
                let after = code[at + word.len()..].chars().next();
                let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                !part(before) && !part(after)
            };
            if code.match_indices(word).any(|(at, _)| whole(at)) {
                found.push((line, word, reason));
            }
        }
    }
    found
}

fn is_test(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.contains("/tests/") || name.ends_with("tests.rs") || name.contains("fixture")
}

#[test]
fn no_import_climbs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut problems = Vec::new();
    for (folder, allowed) in FLOORS {
        for file in sources(&root.join(folder)).iter().filter(|file| !is_test(file)) {
            let text = fs::read_to_string(file).unwrap();
            for (line, name) in climbing(&text, folder, allowed) {
                problems.push(format!("{}:{line} imports {name}", file.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_pure_floors_stay_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut problems = Vec::new();
    for folder in PURE {
        for file in sources(&root.join(folder)).iter().filter(|file| !is_test(file)) {
            let text = fs::read_to_string(file).unwrap();
            for (line, word, reason) in banned(&text) {
                problems.push(format!("{}:{line} names {word}: {reason}", file.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let silent: Vec<_> = sources(&root)
        .into_iter()
        .filter(|file| !fs::read_to_string(file).unwrap().starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "no `//!` at the top of {silent:?}");
}

#[test]
fn the_program_itself_is_short() {
    let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs");
    assert!(fs::read_to_string(main).unwrap().lines().count() <= 40);
}

#[test]
fn a_planted_sin_is_seen() {
    let sin = "use crate::domain::Num;\nuse crate::app::clock;\n// use crate::tui::x;\n";
    assert_eq!(climbing(sin, "engine", &["domain"]), [(2, "app".to_owned())]);
    let island = "fn f() { crate::tape::resolve(); }";
    assert_eq!(climbing(island, "tui", &["domain"]), [(1, "tape".to_owned())]);
    let wire = "use crate::venue::binance::wire;\nuse crate::venue::socket;\n";
    let allowed = ["domain", "venue::binance"];
    assert_eq!(climbing(wire, "simulator", &allowed), [(2, "venue".to_owned())]);
    let clock = "let now = std::time::Instant::now();\nlet instantiate = 1;\n";
    assert_eq!(banned(clock).len(), 1);
}
