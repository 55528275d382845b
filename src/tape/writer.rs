//! The tape writer appends entries to MCAP segments and starts a new segment before one grows
//! too large or too long to handle.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::entry::{Channel, Entry};
use super::error::{Result, TapeError};
use super::segment_writer::SegmentWriter;
use crate::domain::{Nanos, UnixNanos};

/// The largest payload of one entry, in bytes.
pub const ENTRY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Payload bytes between two looks at the size of the segment's file.
const SIZE_CHECK_BYTES: u64 = 1024 * 1024;

/// How the chunks of a tape are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compression {
    /// As they are: the fastest to write and to read.
    None,
    /// Smaller for little.
    Lz4,
    /// Smallest; the level is zstd's own, 1 to 22.
    Zstd(u32),
}

/// How a tape is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WriterOptions {
    /// How chunks are stored.
    pub compression: Compression,
    /// A chunk ends when it holds this many uncompressed bytes. What an unflushed chunk holds is
    /// what a crash loses.
    pub chunk_bytes: u64,
    /// A new segment starts when the file reaches this many bytes.
    pub segment_bytes: u64,
    /// A new segment starts when this much tape time has passed.
    pub segment_span: Nanos,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            compression: Compression::Zstd(1),
            chunk_bytes: 1024 * 1024,
            segment_bytes: 256 * 1024 * 1024,
            segment_span: 3_600 * UnixNanos::SECOND,
        }
    }
}

/// What a writer has written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Raw messages and answers of venues.
    pub frames: u64,
    /// Other inputs.
    pub inputs: u64,
    /// Output blocks.
    pub outputs: u64,
    /// Output hash marks.
    pub marks: u64,
    /// Timings.
    pub timings: u64,
    /// Payload bytes, before compression.
    pub bytes: u64,
    /// Segments begun.
    pub segments: u32,
}

impl Written {
    fn count(&mut self, entry: &Entry<'_>) {
        let counter = match entry.channel {
            Channel::Stream { .. } | Channel::Answer { .. } => &mut self.frames,
            Channel::Input => &mut self.inputs,
            Channel::Output => &mut self.outputs,
            Channel::Mark => &mut self.marks,
            Channel::Timing => &mut self.timings,
        };
        *counter += 1;
        self.bytes += entry.bytes.len() as u64;
    }
}

/// Where the segments go.
#[derive(Debug)]
enum Place {
    /// One file, however large.
    File,
    /// `tape-0001.mcap`, `tape-0002.mcap` … in a directory.
    Directory(PathBuf),
}

/// Appends entries to a tape. Dropping it without [`Writer::finish`] leaves a readable tape, but
/// loses the error if its last chunk could not be written.
pub struct Writer {
    place: Place,
    options: WriterOptions,
    segment: SegmentWriter,
    /// The first entry's time and the last entry's sequence number of the current segment.
    begun: Option<(UnixNanos, u64)>,
    written: Written,
    /// The value of `written.bytes` at which the file's size is looked at next.
    size_check_at: u64,
}

impl Writer {
    /// Starts a tape of numbered segments in a directory, which is made (mode 0700) if need be.
    /// An existing tape is never overwritten.
    pub fn in_directory(directory: &Path, options: WriterOptions) -> Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(TapeError::io("create", directory))?;
        let segment = SegmentWriter::create(&segment_path(directory, 1), options)?;
        let writer = Self::with(Place::Directory(directory.to_owned()), options, segment);
        writer.sync_directory()?;
        Ok(writer)
    }

    /// Starts a tape that is one file. An existing file is never overwritten.
    pub fn in_file(path: &Path, options: WriterOptions) -> Result<Self> {
        Ok(Self::with(Place::File, options, SegmentWriter::create(path, options)?))
    }

    fn with(place: Place, options: WriterOptions, segment: SegmentWriter) -> Self {
        let written = Written { segments: 1, ..Written::default() };
        Self { place, options, segment, begun: None, written, size_check_at: 0 }
    }

    /// Appends an entry. It is on disk after [`Writer::flush`], safe after [`Writer::sync`].
    pub fn write(&mut self, entry: &Entry<'_>) -> Result<()> {
        if entry.bytes.len() > ENTRY_BYTES_MAX {
            let bytes = entry.bytes.len();
            return Err(TapeError::EntryTooLarge { bytes, limit: ENTRY_BYTES_MAX });
        }
        if self.is_rotation_due(entry.time)? {
            self.rotate()?;
        }
        if let Some((_, last)) = self.begun {
            refuse_seq_jump(last, entry.seq)?;
        } else {
            self.segment.begin(self.written.segments, entry.seq, entry.time)?;
        }
        self.segment.append(entry)?;
        let first = self.begun.map_or(entry.time, |(first, _)| first);
        self.begun = Some((first, entry.seq));
        self.written.count(entry);
        Ok(())
    }

    /// Ends the chunk and hands everything to the operating system: a crash of this process
    /// loses nothing of it.
    pub fn flush(&mut self) -> Result<()> {
        self.segment.flush()
    }

    /// Flushes, then waits until the disk has it: a crash of the machine loses nothing of it.
    pub fn sync(&mut self) -> Result<()> {
        self.segment.flush()?;
        self.segment.sync()
    }

    /// What has been written so far.
    pub fn written(&self) -> Written {
        self.written
    }

    /// Ends the tape with its index and waits until the disk has it.
    pub fn finish(mut self) -> Result<Written> {
        self.segment.finish()?;
        self.segment.sync()?;
        Ok(self.written)
    }

    fn is_rotation_due(&mut self, now: UnixNanos) -> Result<bool> {
        let (Place::Directory(_), Some((first, _))) = (&self.place, self.begun) else {
            return Ok(false);
        };
        if now.since(first) >= self.options.segment_span {
            return Ok(true);
        }
        if self.written.bytes < self.size_check_at {
            return Ok(false);
        }
        let pause = SIZE_CHECK_BYTES.min(self.options.segment_bytes);
        self.size_check_at = self.written.bytes + pause;
        Ok(self.segment.size()? >= self.options.segment_bytes)
    }

    fn rotate(&mut self) -> Result<()> {
        let Place::Directory(directory) = &self.place else { return Ok(()) };
        self.segment.finish()?;
        self.segment.sync()?;
        let next = self.written.segments + 1;
        self.segment = SegmentWriter::create(&segment_path(directory, next), self.options)?;
        self.written.segments = next;
        self.begun = None;
        self.sync_directory()
    }

    /// Makes the directory remember a new segment's name.
    fn sync_directory(&self) -> Result<()> {
        let Place::Directory(directory) = &self.place else { return Ok(()) };
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(TapeError::io("sync", directory))
    }
}

/// The path of a directory's n-th segment.
pub(super) fn segment_path(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("tape-{number:04}.mcap"))
}

/// A segment stores the lower half of each number: the reader finds the upper half only if
/// neighbours are near each other.
fn refuse_seq_jump(last: u64, seq: u64) -> Result<()> {
    const NEIGHBOURHOOD: u64 = 1 << 31;
    if last.abs_diff(seq) < NEIGHBOURHOOD { Ok(()) } else { Err(TapeError::SeqJump { last, seq }) }
}
