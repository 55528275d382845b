//! `[record]`, `[tape]`, `[metrics]`, `[log]` and `[ui]`: what a run leaves behind and shows.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::unit::{ByteSize, TimeSpan};

/// Which evaluations are written. The output hash covers all of them either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evaluations {
    /// Those that differ from the one before in a rule's truth, and those that led to a signal.
    #[default]
    Changes,
    /// Every one.
    All,
}

/// `[record]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Record {
    /// Which evaluations are written. Default `"changes"`.
    pub evaluations: Evaluations,
    /// Memory for recent decisions, which `/decisions` serves. Default `"16MiB"`.
    pub memory: ByteSize,
}

impl Default for Record {
    fn default() -> Self {
        Self { evaluations: Evaluations::Changes, memory: ByteSize::mebi(16) }
    }
}

/// How chunks of a tape are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Small.
    #[default]
    Zstd,
    /// Fast.
    Lz4,
    /// As received.
    None,
}

/// `[tape]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tape {
    /// How chunks are compressed. Default `"zstd"`.
    pub compression: Compression,
    /// A segment is closed at this size. Default `"256MiB"`.
    pub segment_bytes: ByteSize,
    /// A segment is closed after this time. Default `"1h"`.
    pub segment_span: TimeSpan,
    /// Which past sessions stay.
    pub keep: Keep,
    /// Less room on the disk than this is warned about, and so is a disk that is full within an
    /// hour. Default `"2GiB"`.
    pub warn_free: ByteSize,
}

impl Default for Tape {
    fn default() -> Self {
        Self {
            compression: Compression::Zstd,
            segment_bytes: ByteSize::mebi(256),
            segment_span: TimeSpan::seconds(3_600),
            keep: Keep::default(),
            warn_free: ByteSize::mebi(2 * 1_024),
        }
    }
}

/// `tape.keep`: a session of the account beyond any of these goes, oldest first. The account's newest
/// one stays, and so does whatever runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// Days since a session ended. Default 14.
    pub days: u32,
    /// Bytes of all sessions of the account together, logs included. Default `"20GiB"`.
    pub size: ByteSize,
    /// Number of sessions, of the demo only. Default 5.
    pub sessions: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { days: 14, size: ByteSize::mebi(20 * 1_024), sessions: 5 }
    }
}

/// `[metrics]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Address that metrics and health are served on. Default `"127.0.0.1"`.
    #[serde(deserialize_with = "address")]
    pub bind: IpAddr,
    /// Port; 0 takes a free one. Default 9746.
    pub port: u16,
    /// How others reach this server, such as a proxy's `"https://desk.example/tickscope"`: links of
    /// its pages and answers begin with it. Empty: with the path alone. Default empty.
    pub public_url: String,
    /// A file whose first line is a token that every request must bear, as `Authorization: Bearer …`.
    /// Needed where `bind` is an address that others reach. Default empty.
    pub token_file: PathBuf,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| Error::custom(format!("{text:?} is not an address such as \"127.0.0.1\"")))
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 9746,
            public_url: String::new(),
            token_file: PathBuf::new(),
        }
    }
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// What failed.
    Error,
    /// And what may fail soon.
    Warn,
    /// And what happened.
    #[default]
    Info,
    /// And how.
    Debug,
    /// And every step.
    Trace,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// How much is logged. Default `"info"`.
    pub level: Level,
    /// Folder of the log files; empty means `logs/` in the session. Default empty.
    pub directory: PathBuf,
    /// A file is closed at this size, and at the end of the UTC day. Default `"64MiB"`.
    pub max_file_bytes: ByteSize,
    /// Number of closed files that stay, for each lane. Default 14.
    pub keep_files: u32,
    /// Bytes of closed files that stay, for each lane. Default `"1GiB"`.
    pub keep_bytes: ByteSize,
    /// Closed files are packed: `.jsonl.gz`. Default true.
    pub compress: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: Level::Info,
            directory: PathBuf::new(),
            max_file_bytes: ByteSize::mebi(64),
            keep_files: 14,
            keep_bytes: ByteSize::mebi(1_024),
            compress: true,
        }
    }
}

/// What charts are drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Marker {
    /// 2x4 dots a cell.
    #[default]
    Braille,
    /// 1x2 blocks a cell.
    Half,
    /// One dot a cell.
    Dot,
    /// Plain ASCII.
    Ascii,
}

/// The colours of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// The terminal's own sixteen colours.
    #[default]
    Terminal,
    /// Orange and blue, told apart by everyone.
    ColorBlind,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Even so.
    Always,
    /// Not at all.
    Never,
}

/// The colour of a rising price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpColor {
    /// Green up, red down.
    #[default]
    Green,
    /// Red up, green down, as in East Asia.
    Red,
}

/// `[ui]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ui {
    /// Most frames a second, 1 to 30; nothing is drawn when nothing changed. Default 30.
    pub fps: u8,
    /// What charts are drawn with. Default `"braille"`.
    pub marker: Marker,
    /// Which colours. Default `"terminal"`.
    pub theme: Theme,
    /// When colours are used. Default `"auto"`.
    pub color: Color,
    /// The colour of a rising price. Default `"green"`.
    pub up_color: UpColor,
    /// Whether the mouse works; off, the terminal selects text. Default true.
    pub mouse: bool,
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            fps: 30,
            marker: Marker::Braille,
            theme: Theme::Terminal,
            color: Color::Auto,
            up_color: UpColor::Green,
            mouse: true,
        }
    }
}
