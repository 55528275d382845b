//! Setting a run up: its configuration, its session directory, and what identifies both.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use xxhash_rust::xxh3::Xxh3;

use super::build::{self, Plan};
use super::error::{AppError, Exit};
use super::pipeline::TapeInput;
use crate::config::{self, Layers, Loaded};
use crate::domain::UnixNanos;
use crate::engine::view::Mode;
use crate::strategy::StrategyKind;
use crate::tape::{self, Channel, InputTape, Manifest, Reader, Runtime, Session, StrategyIdentity};

/// Entries of a tape looked at when asking what it begins with.
const HEAD_ENTRIES: usize = 4_096;

/// The wall clock, read once per run to anchor its time, and for names of files.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> UnixNanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixNanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Reads and checks the configuration of a process.
pub fn load(
    file: Option<PathBuf>,
    set: &[String],
    registry: &[StrategyKind],
) -> Result<Loaded, AppError> {
    let layers = Layers::of_process(file, set.to_vec(), std::env::vars_os());
    Ok(config::load(&layers, &build::config_kinds(registry))?)
}

/// The configuration for a run over a tape: a file where one is named, else what the tape's own
/// run was configured with, else that of the process.
pub fn load_for_tape(
    path: &Path,
    file: Option<PathBuf>,
    set: &[String],
    registry: &[StrategyKind],
) -> Result<Loaded, AppError> {
    match (file, recorded_config(path)?) {
        (None, Some(text)) => load_text(&text, set, registry),
        (file, _) => load(file, set, registry),
    }
}

/// A configuration as a tape holds it.
pub fn load_text(
    text: &str,
    set: &[String],
    registry: &[StrategyKind],
) -> Result<Loaded, AppError> {
    let layers = Layers { text: Some(text.to_owned()), set: set.to_vec(), ..Layers::default() };
    Ok(config::load(&layers, &build::config_kinds(registry))?)
}

/// The configuration that a tape's first input holds.
pub fn recorded_config(path: &Path) -> Result<Option<String>, AppError> {
    let mut reader = Reader::open(path)?;
    for _ in 0..HEAD_ENTRIES {
        let Some(entry) = reader.next()? else { break };
        if entry.channel == Channel::Input
            && let Ok(TapeInput::Start { config, .. }) = postcard::from_bytes(entry.bytes)
        {
            return Ok(Some(config));
        }
    }
    Ok(None)
}

/// True when a tape holds the venue's own list of instruments.
pub fn holds_instruments(path: &Path) -> Result<bool, AppError> {
    let mut reader = Reader::open(path)?;
    for _ in 0..HEAD_ENTRIES {
        let Some(entry) = reader.next()? else { break };
        if matches!(entry.channel, Channel::Answer { request: "exchangeInfo", .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Where the run of a session writes its log: where its configuration says, else in the session.
pub fn logs_of(config: &config::section::Config, session: &Path) -> PathBuf {
    let configured = &config.log.directory;
    if configured.as_os_str().is_empty() { tape::logs_of(session) } else { configured.clone() }
}

/// Makes the session directory of a run.
pub fn create_session(
    loaded: &Loaded,
    plan: &Plan,
    mode: Mode,
    input: Option<InputTape>,
    started: UnixNanos,
) -> Result<Session, AppError> {
    let root = tape::default_root()?;
    let salt = started.0 ^ u64::from(std::process::id()).rotate_left(32);
    let run_id = tape::run_id(started, xxhash_rust::xxh3::xxh3_64(&salt.to_le_bytes()));
    let manifest = Manifest {
        prefix: run_id.prefix().to_owned(),
        run_id,
        mode: match mode {
            Mode::Demo => tape::Mode::Demo,
            Mode::Backtest => tape::Mode::Backtest,
            Mode::Live => tape::Mode::Live,
            Mode::Paper | Mode::Replay => tape::Mode::Paper,
        },
        account: Some(plan.start.account.name.clone()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        binary_hash: binary_hash(),
        config_hash: format!("{:016x}", loaded.hash),
        fill_model: plan.engine.paper.describe(),
        schemas: vec![
            format!("tickscope.input/{}", build::SCHEMA_VERSION),
            format!("tickscope.record/{}", crate::engine::codec::RECORD_VERSION),
        ],
        started,
        ending: None,
        input,
        strategies: plan.engine.strategies.iter().map(identity).collect(),
    };
    let runtime = Runtime { pid: std::process::id(), addresses: BTreeMap::default() };
    Ok(Session::create(&root, manifest, loaded.canonical(), &runtime)?)
}

fn identity(strategy: &crate::engine::StrategyConfig) -> StrategyIdentity {
    let params = strategy.params.iter().map(|(name, value)| format!("{name}={value}"));
    let rules = strategy.rules.iter().map(|(key, text)| format!("{key}={text:?}"));
    let params: Vec<String> = params.chain(rules).collect();
    StrategyIdentity {
        name: strategy.name.clone(),
        kind: strategy.kind.clone(),
        params_hash: format!("{:016x}", xxhash_rust::xxh3::xxh3_64(params.join("\n").as_bytes())),
    }
}

/// A hash of the binary that runs; of nothing where it cannot be read.
pub fn binary_hash() -> String {
    let hash = std::env::current_exe().ok().and_then(|path| hash_path(&path).ok());
    hash.unwrap_or_else(|| "unknown".to_owned())
}

/// A hash over a file's bytes, or over those of a directory's tape segments.
pub fn hash_path(path: &Path) -> Result<String, AppError> {
    hash_files(&files(path))
}

/// A hash over the bytes of files, in their order.
pub fn hash_files(files: &[PathBuf]) -> Result<String, AppError> {
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 256 * 1024];
    for file in files {
        let fail = |error: std::io::Error| {
            AppError::new(Exit::Failed, format!("cannot read {}: {error}", file.display()))
        };
        let mut reader = File::open(file).map_err(fail)?;
        loop {
            let read = reader.read(&mut buffer).map_err(fail)?;
            if read == 0 {
                break;
            }
            hash.update(buffer.get(..read).unwrap_or_default());
        }
    }
    Ok(format!("{:016x}", hash.digest()))
}

/// Bytes of a tape's files.
pub fn tape_bytes(path: &Path) -> Result<u64, AppError> {
    Ok(files(path).iter().filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum())
}

fn files(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "mcap"))
        .collect();
    files.sort();
    files
}
