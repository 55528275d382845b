//! The protocol: a line of JSON each way, and after the answer to `attach` frames of views.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::done::Done;
use super::patch::Patch;

/// The version of requests and answers. They are few and simple so that it hardly ever changes.
pub const PROTOCOL: u32 = 1;

/// The version of frames. Raise it whenever an [`EngineView`](crate::engine::view::EngineView) or a
/// patch is encoded otherwise; a test compares the encoding of a view with a known one.
pub const VIEWS: u32 = 1;

/// Most bytes of a request or an answer.
pub const LINE_BYTES_MAX: u64 = 64 * 1024;

/// Most bytes of a frame; the first view of a long run has about a megabyte.
pub const FRAME_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// What a process asks of a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// [`PROTOCOL`].
    pub tickscope: u32,
    /// The process that asks, for the record.
    pub pid: u32,
    /// Where a person gave the command.
    pub by: By,
    /// What it asks.
    pub ask: Ask,
}

/// Where a person gave a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum By {
    /// The run's own screen.
    #[serde(rename = "screen")]
    Screen,
    /// A command of its own.
    #[serde(rename = "command line")]
    CommandLine,
    /// A screen that is attached.
    #[serde(rename = "attached screen")]
    AttachedScreen,
}

impl By {
    /// As it stands in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Screen => "screen",
            Self::CommandLine => "command line",
            Self::AttachedScreen => "attached screen",
        }
    }
}

/// What is asked. Strategies are meant by name: only the run knows its numbers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Stop all trading, cancel every open order.
    Halt,
    /// Cancel every open order, close every position, open none until resumed.
    Flatten,
    /// Cancel every open order.
    CancelAll,
    /// Stop a strategy's entries.
    Pause(String),
    /// Let a strategy enter again; without a name leave a halt or end flattening.
    Resume(Option<String>),
    /// Send views from now on.
    Attach {
        /// [`VIEWS`].
        views: u32,
        /// Views a second at most.
        fps: u16,
        /// The screen offers no commands.
        read_only: bool,
    },
}

/// What the run answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// [`PROTOCOL`].
    pub tickscope: u32,
    /// The exit code that it amounts to: 0 when it was done.
    pub code: u8,
    /// What was done, or why not, in one sentence.
    pub text: String,
    /// The same counted; absent when nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Done>,
}

impl Answer {
    /// Not done, and why.
    pub fn refusal(code: u8, text: impl Into<String>) -> Self {
        Self { tickscope: PROTOCOL, code, text: text.into(), done: None }
    }
}

/// What follows an accepted `attach`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Frame {
    /// What changed since the view before.
    View(Box<Patch>),
    /// The run ended.
    Ended {
        /// With this exit code.
        code: u8,
        /// For this reason.
        reason: String,
    },
}

/// Writes a request or an answer as one line.
pub fn write_line(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Reads one line of at most [`LINE_BYTES_MAX`] bytes, byte by byte: what follows belongs to frames.
pub fn read_line(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    for byte in from.take(LINE_BYTES_MAX).bytes() {
        match byte? {
            b'\n' => return Ok(line),
            byte => line.push(byte),
        }
    }
    let cut = (line.len() as u64) < LINE_BYTES_MAX;
    let why = if cut { "it ends in the middle of a line" } else { "its line is too long" };
    Err(io::Error::new(io::ErrorKind::InvalidData, why))
}

/// Reads a request. Another protocol is named rather than guessed at.
pub fn parse_request(line: &[u8]) -> Result<Request, String> {
    let value: serde_json::Value =
        serde_json::from_slice(line).map_err(|error| format!("the request is no JSON: {error}"))?;
    expect_protocol(&value)?;
    serde_json::from_value(value).map_err(|error| format!("the request is not known: {error}"))
}

/// Reads an answer.
pub fn parse_answer(line: &[u8]) -> Result<Answer, String> {
    let value: serde_json::Value =
        serde_json::from_slice(line).map_err(|error| format!("the answer is no JSON: {error}"))?;
    expect_protocol(&value)?;
    serde_json::from_value(value).map_err(|error| format!("the answer is not known: {error}"))
}

fn expect_protocol(value: &serde_json::Value) -> Result<(), String> {
    match value.get("tickscope").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(PROTOCOL) => Ok(()),
        Some(version) => Err(format!(
            "the other side speaks control protocol {version}, this is tickscope {} with protocol \
             {PROTOCOL}: use the same version",
            env!("CARGO_PKG_VERSION")
        )),
        None => Err("the other side is no tickscope".to_owned()),
    }
}

/// A frame as bytes: length as `u32`, little-endian, then postcard.
pub fn encode_frame(frame: &Frame) -> io::Result<Vec<u8>> {
    let invalid = |error: postcard::Error| io::Error::new(io::ErrorKind::InvalidData, error);
    let bytes = postcard::to_extend(frame, vec![0_u8; size_of::<u32>()]).map_err(invalid)?;
    let length = u32::try_from(bytes.len() - size_of::<u32>()).unwrap_or(u32::MAX);
    let mut bytes = bytes;
    if let Some(head) = bytes.first_chunk_mut() {
        *head = length.to_le_bytes();
    }
    Ok(bytes)
}

/// Reads one frame; `None` at the end of the stream. Takes no more memory than bytes arrive.
pub fn read_frame(from: &mut impl Read) -> io::Result<Option<Frame>> {
    let mut head = [0; size_of::<u32>()];
    match from.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes(head);
    if length > FRAME_BYTES_MAX {
        let why = format!("a frame of {length} bytes is too long");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let mut bytes = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut bytes)?;
    if bytes.len() < length as usize {
        return Ok(None);
    }
    let invalid = |error: postcard::Error| io::Error::new(io::ErrorKind::InvalidData, error);
    postcard::from_bytes(&bytes).map(Some).map_err(invalid)
}
