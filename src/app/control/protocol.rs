//! The protocol: a line of JSON each way, and after the answer to `attach` frames of views.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use super::done::Done;
use super::patch::Patch;

/// The version of requests and answers. They are few and simple so that it hardly ever changes.
pub const PROTOCOL: u32 = 1;

/// The version of frames: a fingerprint of the sources that say how a view is encoded, so that
/// nobody needs to remember to raise a number. Another build may differ by a comment alone; then
/// the program that started the run shows it.
pub const VIEWS: u64 = fingerprint(&[
    include_bytes!("../../domain/decimal.rs"),
    include_bytes!("../../domain/market.rs"),
    include_bytes!("../../domain/money.rs"),
    include_bytes!("../../domain/order.rs"),
    include_bytes!("../../domain/time.rs"),
    include_bytes!("../../engine/news.rs"),
    include_bytes!("../../engine/record.rs"),
    include_bytes!("../../engine/view.rs"),
    include_bytes!("../../strategy/bar.rs"),
    include_bytes!("../../strategy/decision.rs"),
    include_bytes!("../../strategy/mod.rs"),
    include_bytes!("../../strategy/rule.rs"),
    include_bytes!("patch.rs"),
    include_bytes!("protocol.rs"),
]);

/// FNV-1a over all texts, at compile time: none of them ends up in the program.
const fn fingerprint(mut texts: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    while let [text, rest @ ..] = texts {
        let mut left: &[u8] = text;
        while let [byte, after @ ..] = left {
            hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
            left = after;
        }
        texts = rest;
    }
    hash
}

/// Most bytes of a request or an answer.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

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
    /// Write every evaluation of an instrument for a while.
    Trace {
        /// The venue's symbol.
        instrument: String,
        /// For how long: 1 to 3,600.
        seconds: u64,
    },
    /// Send views from now on.
    Attach {
        /// [`VIEWS`].
        views: u64,
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
    let (mut line, mut byte) = (Vec::new(), [0]);
    let why = loop {
        if line.len() == LINE_BYTES_MAX {
            break "its line is too long";
        }
        let read = from.read(&mut byte);
        match (read, byte) {
            (Ok(0), _) => break "it ends in the middle of a line",
            (Ok(_), [b'\n']) => return Ok(line),
            (Ok(_), [byte]) => line.push(byte),
            (Err(error), _) if error.kind() == io::ErrorKind::Interrupted => {}
            (Err(error), _) => return Err(error),
        }
    };
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::view::EngineView;

    fn request(ask: Ask) -> Request {
        Request { tickscope: PROTOCOL, pid: 7, by: By::CommandLine, ask }
    }

    /// Lost if broken: stopping a run with another version of the program, or with `nc`.
    #[test]
    fn requests_stay_as_they_are() {
        for (ask, written) in [
            (Ask::Halt, r#""halt""#),
            (Ask::Flatten, r#""flatten""#),
            (Ask::CancelAll, r#""cancel-all""#),
            (Ask::Pause("trend".to_owned()), r#"{"pause":"trend"}"#),
            (Ask::Resume(None), r#"{"resume":null}"#),
            (
                Ask::Trace { instrument: "BTCUSDT".to_owned(), seconds: 60 },
                r#"{"trace":{"instrument":"BTCUSDT","seconds":60}}"#,
            ),
            (
                Ask::Attach { views: 1, fps: 30, read_only: true },
                r#"{"attach":{"views":1,"fps":30,"read_only":true}}"#,
            ),
        ] {
            let line = format!(r#"{{"tickscope":1,"pid":7,"by":"command line","ask":{written}}}"#);
            let mut bytes = Vec::new();
            write_line(&mut bytes, &request(ask.clone())).unwrap();
            assert_eq!(String::from_utf8_lossy(&bytes), format!("{line}\n"));
            assert_eq!(parse_request(line.as_bytes()), Ok(request(ask)));
        }
    }

    #[test]
    fn another_protocol_and_anything_else_is_named() {
        let refused = |line: &str| parse_request(line.as_bytes()).unwrap_err();
        let other = refused(r#"{"tickscope":2,"ask":"sell"}"#);
        assert!(other.starts_with("the other side speaks control protocol 2"), "{other}");
        assert_eq!(refused("{}"), "the other side is no tickscope");
        assert!(refused("GET / HTTP/1.1").starts_with("the request is no JSON"));
        let unknown = refused(r#"{"tickscope":1,"pid":1,"by":"screen","ask":"sell"}"#);
        assert!(unknown.contains("unknown variant `sell`"), "{unknown}");
    }

    #[test]
    fn a_line_is_bounded_and_must_end() {
        let endless = vec![b'a'; 2 * LINE_BYTES_MAX];
        let error = read_line(&mut endless.as_slice()).unwrap_err();
        assert_eq!(error.to_string(), "its line is too long");
        let error = read_line(&mut &b"{\"tick"[..]).unwrap_err();
        assert_eq!(error.to_string(), "it ends in the middle of a line");
        let mut two: &[u8] = b"one\ntwo\n";
        assert_eq!((read_line(&mut two).unwrap().as_slice(), two), (&b"one"[..], &b"two\n"[..]));
    }

    #[test]
    fn a_frame_is_bounded_and_a_torn_one_is_the_end() {
        let ended = Frame::Ended { code: 0, reason: "asked to".to_owned() };
        let bytes = encode_frame(&ended).unwrap();
        for cut in 0..bytes.len() {
            assert_eq!(read_frame(&mut &bytes[..cut]).unwrap(), None, "{cut}");
        }
        assert_eq!(read_frame(&mut bytes.as_slice()).unwrap(), Some(ended));
        let huge = (FRAME_BYTES_MAX + 1).to_le_bytes();
        let error = read_frame(&mut huge.as_slice()).unwrap_err();
        assert!(error.to_string().contains("is too long"), "{error}");
    }

    proptest! {
        /// Lost if broken: a run, by whoever writes anything to its socket; a viewer, by whatever
        /// answers it.
        #[test]
        fn hostile_bytes_are_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_request(&bytes);
            let _ = parse_answer(&bytes);
            let mut framed = u32::try_from(bytes.len()).unwrap().to_le_bytes().to_vec();
            framed.extend_from_slice(&bytes);
            let _ = read_frame(&mut framed.as_slice());
            if let Ok(Some(Frame::View(patch))) = read_frame(&mut framed.as_slice()) {
                let _ = patch.apply(&EngineView::default());
            }
        }
    }
}
