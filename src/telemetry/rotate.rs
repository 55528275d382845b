//! A rotating writer: log segments in a folder, written so that no loss goes uncounted.
//!
//! It decides nothing: the lane says in the stream itself where a segment begins (`MARK`, the
//! file's name, a newline), so that a file's first and last lines are part of the lane's numbers.
//! It never gives an error back, because nobody behind a queue could act on it: it counts, keeps
//! what it could not write in a bounded buffer, and tries again with growing pauses.
//!
//! A file that somebody moved away is written to its end, which the lane is asked for; one that was
//! removed is made anew, because what goes into it would be nowhere.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use super::account::LaneAccount;
use super::pack::Packer;
use super::word::{LaneName, LossReason, WriteOperation};
use crate::domain::{Nanos, UnixNanos};

/// Reads the time; handed in by the app, the only reader of the clock.
pub type Clock = Arc<dyn Fn() -> UnixNanos + Send + Sync>;

/// What begins a segment, before its name. Cleaned text cannot contain it.
pub(super) const MARK: u8 = 0x1e;

/// What the names of segments end with.
pub(super) const SUFFIX: &str = ".jsonl";
/// And once they are packed.
pub(super) const PACKED: &str = ".jsonl.gz";
/// Bytes collected before they go to the file, if nobody flushes earlier.
const BATCH: usize = 64 * 1024;
/// Bytes kept while the file cannot be written.
const RETRY_LIMIT: usize = 4 * 1024 * 1024;
/// The first pause after a failure, and the longest.
const PAUSES: (Nanos, Nanos) = (100_000_000, 5_000_000_000);

/// Where a segment's file is, as far as its name goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Under its name.
    Here,
    /// Under another one.
    Moved,
    /// Nowhere: what is written to it is lost with it.
    Removed,
}

/// The file of a segment.
pub(super) trait SegmentFile: Write + Send {
    /// Where it is now.
    fn place(&self) -> Place {
        Place::Here
    }
}

/// Where segments are kept.
pub(super) trait Shelf: Send {
    /// Opens a segment for appending.
    fn open(&mut self, name: &str) -> io::Result<Box<dyn SegmentFile>>;
    /// Removes what is no longer to be kept; `current` stays.
    fn prune(&mut self, current: &str) -> io::Result<()>;
    /// Packs a segment that is closed.
    fn pack(&mut self, _closed: &str) -> io::Result<()> {
        Ok(())
    }
}

/// Makes the shelf of a lane, which counts for this account.
pub(super) type MakeShelf<'a> = &'a dyn Fn(LaneName, &Arc<LaneAccount>) -> Box<dyn Shelf>;

/// A file, and the name that it was opened by.
struct NamedFile {
    file: File,
    path: PathBuf,
}

impl Write for NamedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl SegmentFile for NamedFile {
    fn place(&self) -> Place {
        let Ok(ours) = self.file.metadata() else { return Place::Here };
        match fs::metadata(&self.path) {
            Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => Place::Here,
            _ if ours.nlink() == 0 => Place::Removed,
            _ => Place::Moved,
        }
    }
}

/// A folder of segments, of which the newest are kept.
pub(super) struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// What the names of its segments start with.
    pub prefix: String,
    /// Segments kept at most.
    pub keep_segments: usize,
    /// Bytes kept at most, the current segment not counted.
    pub keep_bytes: u64,
    /// Segments that are closed are packed.
    pub compress: bool,
    /// Where it is counted that one could not be.
    pub account: Arc<LaneAccount>,
    /// What packs them, once there is one.
    pub packer: Option<Packer>,
}

impl Shelf for Folder {
    fn open(&mut self, name: &str) -> io::Result<Box<dyn SegmentFile>> {
        // Logs show positions and money: nobody else on the machine reads them.
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        let mut options = OpenOptions::new();
        let path = self.path.join(name);
        let file = options.create(true).append(true).mode(0o600).open(&path)?;
        Ok(Box::new(NamedFile { file, path }))
    }

    fn prune(&mut self, current: &str) -> io::Result<()> {
        let (mut segments, mut bytes) = (1, 0);
        for (name, size) in self.others(current)? {
            segments += 1;
            bytes += size;
            if segments > self.keep_segments || bytes > self.keep_bytes {
                match fs::remove_file(self.path.join(name)) {
                    // It was packed just now, and its other name is found the next time.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    removed => removed?,
                }
            }
        }
        Ok(())
    }

    fn pack(&mut self, closed: &str) -> io::Result<()> {
        if !self.compress {
            return Ok(());
        }
        if self.packer.is_none() {
            self.packer = Some(Packer::start(Arc::clone(&self.account))?);
        }
        if let Some(packer) = &self.packer {
            packer.pack(self.path.join(closed));
        }
        Ok(())
    }
}

impl Folder {
    /// Names and sizes of all segments but one, newest first: names sort by time.
    fn others(&self, current: &str) -> io::Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let is_segment = name.starts_with(&self.prefix)
                && (name.ends_with(SUFFIX) || name.ends_with(PACKED));
            if is_segment && name != current {
                found.push((name, entry.metadata()?.len()));
            }
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found)
    }
}

/// The writer of one lane.
pub(super) struct RotatingWriter {
    shelf: Box<dyn Shelf>,
    account: Arc<LaneAccount>,
    clock: Clock,
    name: String,
    file: Option<Box<dyn SegmentFile>>,
    /// Whole lines that are not in the file yet, but for the part of the first that is.
    pending: Vec<u8>,
    failures: u32,
    retry_at: UnixNanos,
    /// The lane was asked for the end of this segment.
    asked: bool,
}

impl RotatingWriter {
    /// A writer without a segment: what it is given before the first mark waits for it.
    pub(super) fn new(shelf: Box<dyn Shelf>, account: Arc<LaneAccount>, clock: Clock) -> Self {
        Self {
            shelf,
            account,
            clock,
            name: String::new(),
            file: None,
            pending: Vec::new(),
            failures: 0,
            retry_at: UnixNanos::default(),
            asked: false,
        }
    }

    /// Takes lines, at most one beginning of a segment among them.
    fn take(&mut self, message: &[u8]) {
        let Some(mark) = message.iter().position(|byte| *byte == MARK) else {
            return self.keep(message);
        };
        let (before, after) = message.split_at(mark);
        let name_end = after.iter().position(|byte| *byte == b'\n').unwrap_or(after.len() - 1);
        let (name, lines) = after.split_at(name_end);
        self.keep(before);
        self.push_out();
        self.begin(&String::from_utf8_lossy(name.get(1..).unwrap_or_default()));
        self.keep(lines.get(1..).unwrap_or_default());
    }

    /// From here on lines go to the segment `name`. What could not be written until now goes there
    /// too: in another file is better than nowhere.
    fn begin(&mut self, name: &str) {
        let closed = std::mem::replace(&mut self.name, name.to_owned());
        (self.file, self.asked) = (None, false);
        self.retry_at = UnixNanos::default();
        if self.open() && self.shelf.prune(name).is_err() {
            self.account.failed(WriteOperation::Remove);
        }
        if !closed.is_empty() && self.shelf.pack(&closed).is_err() {
            self.account.failed(WriteOperation::Pack);
        }
    }

    fn keep(&mut self, lines: &[u8]) {
        if self.account.is_abandoned() {
            self.account.lost(LossReason::Shutdown, count_lines(lines));
        } else if self.pending.len() + lines.len() > RETRY_LIMIT {
            self.account.lost(LossReason::IoError, count_lines(lines));
        } else {
            self.pending.extend_from_slice(lines);
        }
        if self.pending.len() >= BATCH {
            self.push_out();
        }
    }

    /// Writes what is pending, as far as that is possible now.
    fn push_out(&mut self) {
        if self.account.is_abandoned() {
            self.account.lost(LossReason::Shutdown, count_lines(&self.pending));
            self.pending.clear();
        }
        if !self.pending.is_empty() {
            self.look_at_place();
        }
        while !self.pending.is_empty() && (self.file.is_some() || self.open()) {
            let Some(file) = &mut self.file else { return };
            match file.write(&self.pending) {
                Ok(0) => return self.failed(WriteOperation::Write, "nothing was taken"),
                Ok(taken) => self.written(taken),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.failed(WriteOperation::Write, &error.to_string()),
            }
        }
    }

    /// Asks for another segment when this one's file is no longer where it was.
    fn look_at_place(&mut self) {
        let place = self.file.as_ref().map_or(Place::Here, |file| file.place());
        if place == Place::Removed {
            self.file = None;
        }
        if place != Place::Here && !std::mem::replace(&mut self.asked, true) {
            self.account.ask_reopen();
        }
    }

    fn written(&mut self, bytes: usize) {
        let lines = count_lines(self.pending.get(..bytes).unwrap_or(&self.pending));
        self.pending.drain(..bytes.min(self.pending.len()));
        self.failures = 0;
        self.account.written(lines, bytes, (self.clock)());
    }

    /// Opens the current segment, unless a pause after a failure is not over.
    fn open(&mut self) -> bool {
        let must_pause = !self.account.is_hurried() && (self.clock)() < self.retry_at;
        if self.name.is_empty() || must_pause {
            return false;
        }
        match self.shelf.open(&self.name) {
            Ok(file) => self.file = Some(file),
            Err(error) => self.failed(WriteOperation::Open, &error.to_string()),
        }
        self.file.is_some()
    }

    fn failed(&mut self, operation: WriteOperation, error: &str) {
        let pause = PAUSES.0.saturating_mul(1 << self.failures.min(10)).min(PAUSES.1);
        self.failures += 1;
        self.retry_at = (self.clock)().plus(pause);
        self.file = None;
        self.account.failed(operation);
        self.account.set_trouble(Some(format!("{}: {error}", operation_text(operation))));
    }
}

impl Write for RotatingWriter {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        self.take(message);
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.push_out();
        Ok(())
    }
}

fn operation_text(operation: WriteOperation) -> &'static str {
    match operation {
        WriteOperation::Open => "cannot open the log file",
        WriteOperation::Write => "cannot write the log file",
        WriteOperation::Remove => "cannot remove an old log file",
        WriteOperation::Pack => "cannot pack a log file",
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.split(|byte| *byte == b'\n').skip(1).count() as u64
}
