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

/// What pure code never contains, and why. A path stands for all below it.
const BANNED: [(&str, &str); 43] = [
    ("tokio", "it waits"),
    ("async", "it waits"),
    ("tracing", "it logs"),
    ("prometheus", "it counts elsewhere"),
    ("ratatui", "it draws"),
    ("reqwest", "it opens sockets"),
    ("std::net", "it opens sockets"),
    ("std::fs", "it reads files"),
    ("std::io", "it reads files"),
    ("std::os", "it differs by system"),
    ("std::env", "it reads the environment"),
    ("std::process", "it differs by process"),
    ("std::thread", "it spawns"),
    ("thread_local", "it differs by thread"),
    ("std::sync::mpsc", "it waits"),
    ("Mutex", "it waits, and shares state between runs"),
    ("RwLock", "it waits, and shares state between runs"),
    ("OnceLock", "it shares state between runs"),
    ("LazyLock", "it shares state between runs"),
    ("std::sync::atomic", "it shares state between runs"),
    ("static mut", "it shares state between runs"),
    ("std::time", "it reads a clock"),
    ("Instant", "it reads a clock"),
    ("SystemTime", "it reads a clock"),
    ("jiff", "it reads a clock and time zones"),
    ("chrono", "it reads a clock and time zones"),
    ("rand::rng", "it draws entropy"),
    ("thread_rng", "it draws entropy"),
    ("OsRng", "it draws entropy"),
    ("SysRng", "it draws entropy"),
    ("getrandom", "it draws entropy"),
    ("from_entropy", "it draws entropy"),
    ("from_os_rng", "it draws entropy"),
    ("RandomState", "it draws entropy"),
    ("HashMap", "its order is not reproducible"),
    ("HashSet", "its order is not reproducible"),
    ("hash_map", "its order is not reproducible"),
    ("hash_set", "its order is not reproducible"),
    ("DefaultHasher", "it may change with the compiler"),
    ("type_name", "it may change with the compiler"),
    ("debug_assertions", "a debug build would decide otherwise than a release build"),
    ("target_pointer_width", "another machine would decide otherwise"),
    ("target_arch", "another machine would decide otherwise"),
];

/// What makes a number of an address, which is another one in every process.
const ADDRESSES: [&str; 7] =
    [":p}", ":#p}", "as_ptr(", "as *const", "as *mut", "addr_of", "std::ptr"];

/// Methods of floats that are not rounded exactly: another machine, library or optimisation gives
/// another last digit. `+ - * / sqrt` and roundings to whole numbers are exact.
const INEXACT: [&str; 28] = [
    "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sin_cos", "sinh", "cosh", "tanh",
    "asinh", "acosh", "atanh", "exp", "exp2", "exp_m1", "ln", "ln_1p", "log", "log2", "log10",
    "powf", "powi", "cbrt", "hypot", "mul_add", "gamma",
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

/// The paths that `use std::{a, b::{c}}` names, joined to `std::a std::b::c`; nothing for other
/// lines. A group may go over several lines.
fn grouped(code: &[&str]) -> Vec<String> {
    let text = code.join(" ");
    let mut found = Vec::new();
    for (at, root) in text.match_indices("std::").chain(text.match_indices("core::")) {
        let mut path = vec![String::new()];
        let mut depth = 0_usize;
        for c in text[at + root.len()..].chars() {
            match c {
                '{' => {
                    depth += 1;
                    path.push(String::new());
                }
                '}' | ',' | ';' if depth > 0 => {
                    found.push(format!("std::{}", path.concat()));
                    if c == '}' {
                        depth -= 1;
                        path.pop();
                    }
                    path.last_mut().unwrap().clear();
                    if depth == 0 || c == ';' {
                        break;
                    }
                }
                c if depth == 0 && !(c.is_alphanumeric() || c == '_' || c == ':') => break,
                c if c.is_whitespace() => {}
                c => path.last_mut().unwrap().push(c),
            }
        }
    }
    found
}

/// True where `line` calls a method, as `x.sin(` or `f64::sin`.
fn calls(line: &str, method: &str) -> bool {
    line.match_indices(method).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + method.len()..]);
        let ends = !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        (before.ends_with('.') && after.starts_with(['(', ':']))
            || (ends && (before.ends_with("f64::") || before.ends_with("f32::")))
    })
}

/// What of a file of pure code is not pure, a sentence each.
fn impurities(path: &str, code: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let say =
        |what: &str, reason: &str, line: &str| format!("{path}, {what}, {reason}: {}", line.trim());
    for line in code {
        let banned = BANNED.iter().filter(|(word, _)| names(line, word));
        found.extend(banned.map(|(word, reason)| say(word, reason, line)));
        let addresses = ADDRESSES.iter().filter(|text| line.contains(**text));
        found.extend(addresses.map(|text| say(text, "it tells an address", line)));
        let inexact = INEXACT.iter().filter(|method| calls(line, method));
        found.extend(inexact.map(|method| say(method, "it is not rounded exactly", line)));
    }
    for path in grouped(code) {
        // Words without a path were found in their own lines.
        let paths = BANNED.iter().filter(|(word, _)| word.contains("::"));
        let banned = paths.filter(|(word, _)| names(&path, word));
        found.extend(banned.map(|(word, reason)| say(word, reason, &path)));
    }
    found
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
        sins.extend(impurities(path, &code));
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
        ("domain/time.rs", "let now = Instant::now();"),
        ("venue/binance/decode.rs", "pub async fn decode() {}"),
        ("somewhere/new.rs", "use crate::domain::Num;"),
    ] {
        assert_eq!(sins(path, text).len(), 1, "{path}: {text}");
    }
}

/// A guard that sees nothing is worse than none: one of each kind, in each place that replay runs.
#[test]
fn every_planted_impurity_is_seen() {
    let planted = BANNED.map(|(word, _)| format!("let x = {word}::new();"));
    let addresses = ADDRESSES.map(|text| format!("let x = y {text} z;"));
    let inexact = INEXACT.map(|method| format!("let x = y.{method}(z);"));
    let by_path = INEXACT.map(|method| format!("let f = f64::{method};"));
    for text in [&planted[..], &addresses, &inexact, &by_path].concat() {
        for path in ["domain/num.rs", "strategy/ema.rs", "engine/core.rs", "venue/binance/wire.rs"]
        {
            let found = sins(path, &format!("fn f() {{\n    {text}\n}}"));
            assert!(!found.is_empty(), "{path}: {text} passes");
        }
    }
    for text in [
        "use std::{env, fmt};",
        "use std::{\n    fmt,\n    collections::BTreeMap,\n    time::Duration,\n};",
        "use std::{fmt::{self, Write}, sync::{Arc, atomic::AtomicU64}};",
        "use core::{time::Duration};",
        "println!(\"{self:p}\");",
        "let x = y.powi(2).sqrt();",
        "let x = f64::mul_add(a, b, c);",
        "fn f() { if cfg!(debug_assertions) { g() } }",
    ] {
        assert!(!sins("engine/core.rs", text).is_empty(), "{text} passes");
    }
    for text in [
        "use std::{collections::BTreeMap, fmt::{self, Write}, sync::Arc};\nlet time = 1;",
        "let x = (a * b / c).sqrt().floor().abs(); let exp = log.sin; ctx.log_line(a);",
        "let cosine = lines.cos_like(); let tanner = x.tangent();",
        "fn exp(self) {} // x.exp() and SystemTime",
    ] {
        assert_eq!(sins("engine/core.rs", text), Vec::<String>::new(), "{text}");
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
