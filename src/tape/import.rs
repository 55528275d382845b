//! Import turns a text of raw messages, one per line after its receive time in nanoseconds, into
//! a tape.
//!
//! What a message says is for its venue to know: the caller brings a function that tells the few
//! facts needed here. A book snapshot was asked for by REST, and often does not say of which
//! instrument it is; the update ids of the book streams around it do.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::entry::{Channel, Entry};
use super::error::{Result, TapeError};
use super::writer::{ENTRY_BYTES_MAX, Writer};
use crate::domain::UnixNanos;

/// How many lines, and how many bytes of them, wait for a snapshot's instrument to become known.
const WAITING_LINES_MAX: usize = 50_000;
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a raw message is, as far as importing it goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RawMessage<'a> {
    /// An update of an instrument's book that covers the update ids `first..=last`.
    BookUpdate {
        /// The venue's name of the instrument.
        symbol: Cow<'a, str>,
        /// The first update id.
        first: u64,
        /// The last update id.
        last: u64,
    },
    /// A REST snapshot of a book after the update `last`, which does not name its instrument.
    BookSnapshot {
        /// The last update id in it.
        last: u64,
    },
    /// Any other message of a stream.
    Other,
}

/// Why a line was not imported.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refusal {
    /// Longer than an entry of a tape may be.
    TooLong,
    /// Not UTF-8.
    NotText,
    /// No receive time at its beginning.
    NoTime,
    /// Its message is not one of the venue's.
    NotAMessage,
    /// A book snapshot whose update id no book stream around it has.
    UnknownSnapshot,
}

impl Refusal {
    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::TooLong => "longer than an entry may be",
            Self::NotText => "not UTF-8",
            Self::NoTime => "no receive time in nanoseconds at the beginning",
            Self::NotAMessage => "not a message of the venue",
            Self::UnknownSnapshot => "a book snapshot that no book stream around it explains",
        }
    }
}

/// The lines refused for one reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RefusedLines {
    /// How many.
    pub count: u64,
    /// The number of the first one, from 1.
    pub first_line: u64,
}

/// What an import did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImportReport {
    /// Lines read.
    pub lines: u64,
    /// Stream messages written.
    pub messages: u64,
    /// REST answers written.
    pub answers: u64,
    /// Lines whose time lay before that of the line above: time on a tape never goes back, so
    /// they got the time of the line above.
    pub times_raised: u64,
    /// Lines refused, by reason.
    pub refused: BTreeMap<Refusal, RefusedLines>,
}

/// Imports a text, plain or compressed with zstd, and finishes the tape. Refused lines are counted
/// in the report; a text without a single valid line is an error.
pub fn import_raw(
    source: &Path,
    writer: Writer,
    classify: impl Fn(&str) -> Option<RawMessage<'_>>,
) -> Result<ImportReport> {
    let mut reader = open(source).map_err(TapeError::io("open", source))?;
    let mut import = Import::new(writer);
    let mut line = Vec::new();
    while read_line(&mut reader, &mut line).map_err(TapeError::io("read", source))? {
        import.line(&line, &classify)?;
    }
    import.finish(source)
}

fn open(source: &Path) -> io::Result<Box<dyn BufRead>> {
    const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
    let mut file = BufReader::new(File::open(source)?);
    if !file.fill_buf()?.starts_with(&ZSTD_MAGIC) {
        return Ok(Box::new(file));
    }
    Ok(Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(file)?)))
}

/// Reads a line without its end; false at the end of the text. Of a line that is too long, one
/// byte more than allowed is kept.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let limit = ENTRY_BYTES_MAX as u64 + 1;
    if reader.by_ref().take(limit).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() != Some(&b'\n') {
        reader.skip_until(b'\n')?;
    }
    let text = line.trim_ascii_end().len();
    line.truncate(text);
    Ok(true)
}

/// A line whose turn has not come: a snapshot before it is not yet explained.
struct Waiting {
    line: u64,
    time: UnixNanos,
    message: Box<str>,
    /// The last update id, if it is a snapshot.
    snapshot: Option<u64>,
}

struct Import {
    writer: Writer,
    report: ImportReport,
    seq: u64,
    time: UnixNanos,
    /// The unbroken run of update ids seen last on each book stream.
    books: BTreeMap<String, (u64, u64)>,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
}

impl Import {
    fn new(writer: Writer) -> Self {
        Self {
            writer,
            report: ImportReport::default(),
            seq: 0,
            time: UnixNanos::default(),
            books: BTreeMap::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        }
    }

    fn line(
        &mut self,
        line: &[u8],
        classify: impl Fn(&str) -> Option<RawMessage<'_>>,
    ) -> Result<()> {
        self.report.lines += 1;
        if line.is_empty() {
            return Ok(());
        }
        let (time, message) = match split(line) {
            Ok(parts) => parts,
            Err(refusal) => {
                self.refuse(refusal, self.report.lines);
                return Ok(());
            }
        };
        match classify(message) {
            None => self.refuse(Refusal::NotAMessage, self.report.lines),
            Some(RawMessage::Other) => self.pass(time, message)?,
            Some(RawMessage::BookUpdate { symbol, first, last }) => {
                self.learn(&symbol, first, last);
                self.pass(time, message)?;
                self.settle(false)?;
            }
            Some(RawMessage::BookSnapshot { last }) => {
                self.wait(time, message, Some(last));
                self.settle(false)?;
            }
        }
        Ok(())
    }

    fn finish(mut self, source: &Path) -> Result<ImportReport> {
        self.settle(true)?;
        if self.report.messages + self.report.answers == 0 {
            let path = source.to_owned();
            let first = self.report.refused.iter().min_by_key(|(_, lines)| lines.first_line);
            return Err(match first {
                None => TapeError::EmptyText { path },
                Some((refusal, lines)) => TapeError::NothingToImport {
                    path,
                    lines: self.report.lines,
                    line: lines.first_line,
                    reason: refusal.describe(),
                },
            });
        }
        self.writer.finish()?;
        Ok(self.report)
    }

    /// Writes a stream message, or lets it wait behind an unexplained snapshot.
    fn pass(&mut self, time: UnixNanos, message: &str) -> Result<()> {
        if self.waiting.is_empty() {
            return self.write(time, message, None);
        }
        self.wait(time, message, None);
        Ok(())
    }

    fn wait(&mut self, time: UnixNanos, message: &str, snapshot: Option<u64>) {
        self.waiting_bytes += message.len();
        let line = self.report.lines;
        self.waiting.push_back(Waiting { line, time, message: message.into(), snapshot });
    }

    /// Writes what need not wait any longer. A snapshot that too much waits for, or that the text
    /// has ended without explaining, is refused.
    fn settle(&mut self, at_end: bool) -> Result<()> {
        while let Some(first) = self.waiting.front() {
            let symbol = first.snapshot.map(|last| self.explain(last));
            let too_many =
                self.waiting.len() > WAITING_LINES_MAX || self.waiting_bytes > WAITING_BYTES_MAX;
            if symbol == Some(None) && !at_end && !too_many {
                return Ok(());
            }
            let Some(first) = self.waiting.pop_front() else { return Ok(()) };
            self.waiting_bytes -= first.message.len();
            match symbol {
                None => self.write(first.time, &first.message, None)?,
                Some(Some(symbol)) => {
                    let request = format!("depth/{symbol}");
                    self.write(first.time, &first.message, Some(&request))?;
                }
                Some(None) => self.refuse(Refusal::UnknownSnapshot, first.line),
            }
        }
        Ok(())
    }

    /// Extends the run of update ids of a book stream, or begins another after a gap.
    fn learn(&mut self, symbol: &str, first: u64, last: u64) {
        match self.books.get_mut(symbol) {
            Some((_, known)) if first <= known.saturating_add(1) => *known = last.max(*known),
            Some(run) => *run = (first, last),
            None => drop(self.books.insert(symbol.to_owned(), (first, last))),
        }
    }

    /// The instrument whose stream continues a snapshot: its run holds the update id, or begins
    /// right after it. None if two do: a guess would give a book to the wrong instrument.
    fn explain(&self, snapshot: u64) -> Option<String> {
        let continues = |&(_, &(first, last)): &(&String, &(u64, u64))| {
            first <= snapshot.saturating_add(1) && snapshot <= last
        };
        let mut found = self.books.iter().filter(continues);
        match (found.next(), found.next()) {
            (Some((symbol, _)), None) => Some(symbol.clone()),
            _ => None,
        }
    }

    fn write(&mut self, time: UnixNanos, message: &str, request: Option<&str>) -> Result<()> {
        self.report.times_raised += u64::from(time < self.time);
        self.time = self.time.max(time);
        self.seq += 1;
        let (channel, counter) = match request {
            Some(request) => (Channel::Answer { request, status: 200 }, &mut self.report.answers),
            None => (Channel::Stream { connection: 1 }, &mut self.report.messages),
        };
        *counter += 1;
        let bytes = message.as_bytes();
        self.writer.write(&Entry { channel, seq: self.seq, time: self.time, bytes })
    }

    fn refuse(&mut self, refusal: Refusal, line: u64) {
        let first = RefusedLines { count: 0, first_line: line };
        self.report.refused.entry(refusal).or_insert(first).count += 1;
    }
}

/// Receive time and message of a line.
fn split(line: &[u8]) -> Result<(UnixNanos, &str), Refusal> {
    if line.len() > ENTRY_BYTES_MAX {
        return Err(Refusal::TooLong);
    }
    let line = str::from_utf8(line).map_err(|_| Refusal::NotText)?;
    let (time, message) = line.split_once(' ').ok_or(Refusal::NoTime)?;
    let time = time.parse().map_err(|_| Refusal::NoTime)?;
    Ok((UnixNanos(time), message))
}

#[cfg(test)]
mod tests {
    use super::super::WriterOptions;
    use super::super::tests::{Kept, read_all};
    use super::*;

    fn update(symbol: &str, first: u64, last: u64) -> String {
        format!("update {symbol} {first} {last}")
    }

    fn snapshot(last: u64) -> String {
        format!("snapshot {last}")
    }

    /// The messages of a venue that speaks in words.
    fn classify(message: &str) -> Option<RawMessage<'_>> {
        let words: Vec<&str> = message.split_whitespace().collect();
        let id = |at: usize| words.get(at)?.parse().ok();
        match *words.first()? {
            "update" => {
                let symbol = Cow::Borrowed(*words.get(1)?);
                Some(RawMessage::BookUpdate { symbol, first: id(2)?, last: id(3)? })
            }
            "snapshot" => Some(RawMessage::BookSnapshot { last: id(1)? }),
            "other" => Some(RawMessage::Other),
            _ => None,
        }
    }

    fn import(text: &[u8]) -> (Vec<Kept>, Result<ImportReport>) {
        let directory = tempfile::tempdir().unwrap();
        let [source, tape] = ["source.raw", "tape.mcap"].map(|name| directory.path().join(name));
        std::fs::write(&source, text).unwrap();
        let writer = Writer::in_file(&tape, WriterOptions::default()).unwrap();
        let report = import_raw(&source, writer, classify);
        (read_all(&tape).0, report)
    }

    /// The requests of the answers on a tape, a dash for each stream message.
    fn requests(entries: &[Kept]) -> Vec<&str> {
        fn request(kept: &Kept) -> &str {
            match kept.entry().channel {
                Channel::Answer { request, status: 200 } => request,
                Channel::Stream { connection: 1 } => "-",
                other => panic!("{other:?}"),
            }
        }
        entries.iter().map(request).collect()
    }

    /// Lost if broken: the books of an imported tape, which start from these snapshots.
    #[test]
    fn snapshots_find_their_instrument_whether_seen_before_or_after() {
        let messages = [
            update("BTCUSDT", 100, 110),
            update("ETHUSDT", 50, 60),
            snapshot(105), // inside an event seen before
            snapshot(75),  // explained two lines on
            update("BTCUSDT", 111, 120),
            update("ETHUSDT", 61, 80),
            snapshot(120), // ends exactly where the stream is
        ];
        let lines: Vec<String> =
            (1..).zip(&messages).map(|(n, message)| format!("{n} {message}")).collect();
        let text = lines.join("\n");
        for bytes in [text.clone().into_bytes(), zstd::encode_all(text.as_bytes(), 1).unwrap()] {
            let (entries, report) = import(&bytes);
            let report = report.unwrap();
            assert_eq!((report.lines, report.messages, report.answers), (7, 4, 3));
            assert!(report.refused.is_empty());
            let expected = ["-", "-", "depth/BTCUSDT", "depth/ETHUSDT", "-", "-", "depth/BTCUSDT"];
            assert_eq!(requests(&entries), expected);
            for ((n, message), kept) in (1..).zip(&messages).zip(&entries) {
                let entry = kept.entry();
                assert_eq!((entry.seq, entry.time), (n, UnixNanos(n)));
                assert_eq!(entry.bytes, message.as_bytes());
            }
        }
    }

    /// Lost if broken: a recording of hours, because of one bad line.
    #[test]
    fn bad_lines_are_counted_by_reason_and_left_out() {
        let update = update("BTCUSDT", 1, 5);
        let lines = [
            format!("9 {update}"),
            "no time".to_owned(),
            "11 cut".to_owned(),
            format!("12 {}", snapshot(777)),
            String::new(),
            format!("8 {update}\r"),
            format!("x {update}"),
        ];
        let bytes = [lines.join("\n").as_bytes(), b"\n13 other \xff\n"].concat();
        let (entries, report) = import(&bytes);
        let report = report.unwrap();
        assert_eq!((report.lines, report.messages, report.answers), (8, 2, 0));
        assert_eq!(report.times_raised, 1);
        let refused =
            report.refused.iter().map(|(reason, lines)| (*reason, lines.count, lines.first_line));
        let expected = [
            (Refusal::NotText, 1, 8),
            (Refusal::NoTime, 2, 2),
            (Refusal::NotAMessage, 1, 3),
            (Refusal::UnknownSnapshot, 1, 4),
        ];
        assert_eq!(refused.collect::<Vec<_>>(), expected);
        assert_eq!(entries[1].entry().time, UnixNanos(9));
        assert_eq!(entries[1].entry().bytes, update.as_bytes());
    }

    /// Lost if broken: a word about having given the wrong file.
    #[test]
    fn a_text_without_a_valid_line_is_an_error() {
        let error = import(b"time,price\n1,2\n").1.unwrap_err().to_string();
        let expected = "source.raw: 2 lines, none of them valid; line 1: no receive time";
        assert!(error.contains(expected), "{error}");
        let error = import(b"").1.unwrap_err().to_string();
        assert!(error.ends_with("source.raw is empty"), "{error}");
    }

    /// Lost if broken: memory, to a file that is one endless line.
    #[test]
    fn a_line_is_read_within_bounds() {
        let long = vec![b'x'; ENTRY_BYTES_MAX + 100];
        let text: Vec<u8> = [&long, b"\nnext".as_slice()].concat();
        let (mut reader, mut line) = (text.as_slice(), Vec::new());
        assert!(read_line(&mut reader, &mut line).unwrap());
        assert_eq!(split(&line), Err(Refusal::TooLong));
        assert!(read_line(&mut reader, &mut line).unwrap());
        assert_eq!(line, b"next");
        assert!(!read_line(&mut reader, &mut line).unwrap());
    }
}
