//! A session's description of itself: what ran, on what, and how it ended.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{Result, TapeError};
use crate::domain::{RunId, UnixNanos};

/// What a session was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The synthetic market of the first run. Only so many of these are kept.
    Demo,
    /// Paper trading on a live venue.
    Paper,
    /// Real orders.
    Live,
    /// A strategy over a recorded tape, or history in files.
    Backtest,
    /// Recording without trading.
    Record,
}

/// `manifest.toml`: written when the session starts and again when it ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The session's name.
    pub run_id: RunId,
    /// What marks its ids on screen and in logs: the run id's last four characters.
    pub prefix: String,
    /// What it was for.
    pub mode: Mode,
    /// Whose it is; absent in those of versions that did not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The version of tickscope that ran.
    pub version: String,
    /// A hash of the binary that ran.
    pub binary_hash: String,
    /// A hash of the configuration, whose text is `config.toml` beside this.
    pub config_hash: String,
    /// The fill model of simulated orders, in words: part of every result.
    pub fill_model: String,
    /// Every payload schema of its tape, with version.
    pub schemas: Vec<String>,
    /// When it started.
    #[serde(with = "instant")]
    pub started: UnixNanos,
    /// How it ended; absent while it runs and after a kill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// What a backtest read instead of recording it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputTape>,
    /// The strategies that ran.
    #[serde(default)]
    pub strategies: Vec<StrategyIdentity>,
}

/// How a session ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ending {
    /// When.
    #[serde(with = "instant")]
    pub at: UnixNanos,
    /// Why not cleanly; absent if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it counted: frames, decisions, orders, fills …
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
}

/// What a backtest read, by paths and hash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InputTape {
    /// Where it was; the first of several files.
    pub path: String,
    /// The other files, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<String>,
    /// A hash of the bytes of all.
    pub hash: String,
    /// What it is.
    #[serde(default)]
    pub kind: InputKind,
    /// The instrument of files whose names do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<String>,
    /// It was run under another configuration, without what an operator did in it.
    #[serde(default)]
    pub own_config: bool,
}

/// What a backtest can read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// A tape, or a session's directory.
    #[default]
    Tape,
    /// Files of trades.
    Ticks,
    /// Files of bars.
    Bars,
}

/// Which strategy really ran.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StrategyIdentity {
    /// The name given to it in the configuration.
    pub name: String,
    /// The strategy's own name: `ema_cross`.
    pub kind: String,
    /// A hash of its parameters.
    pub params_hash: String,
}

/// `runtime.toml`: there while the session runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Runtime {
    /// The process.
    pub pid: u32,
    /// The addresses it listens on, by name: `metrics`, `venue`.
    #[serde(default)]
    pub addresses: BTreeMap<String, String>,
}

/// A moment as text that a person can read, to the nanosecond.
mod instant {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::UnixNanos;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
    pub fn serialize<S: Serializer>(at: &UnixNanos, serializer: S) -> Result<S::Ok, S::Error> {
        let moment = jiff::Timestamp::from_nanosecond(i128::from(at.0))
            .map_err(serde::ser::Error::custom)?;
        serializer.collect_str(&moment)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UnixNanos, D::Error> {
        let moment: jiff::Timestamp =
            String::deserialize(from)?.parse().map_err(D::Error::custom)?;
        u64::try_from(moment.as_nanosecond()).map(UnixNanos).map_err(D::Error::custom)
    }
}

/// Reads a description.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).map_err(TapeError::io("read", path))?;
    toml::from_str(&text).map_err(|error| TapeError::Description {
        operation: "read",
        path: path.to_owned(),
        reason: error.message().to_owned(),
    })
}

/// Writes a description so that a crash leaves the old one or the new one.
pub(super) fn write<T: Serialize>(path: &Path, description: &T) -> Result<()> {
    let text = toml::to_string(description).map_err(|error| TapeError::Description {
        operation: "write",
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    let draft = path.with_extension("toml.new");
    write_private(&draft, &text).inspect_err(|_| {
        // On a full disk half a draft is in the way; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&draft);
    })?;
    fs::rename(&draft, path).map_err(TapeError::io("write", path))
}

/// Writes a file that nobody else may read, and waits until the disk has it.
pub(super) fn write_private(path: &Path, text: &str) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_data()))
        .map_err(TapeError::io("write", path))
}
