//! The tape reader yields the entries of a tape in the order in which they were written, over all
//! its segments, in memory that does not grow with the tape.

use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::error::{Result, TapeError};
use super::seek;
use super::segment_reader::{SegmentEnd, SegmentReader};
use super::writer::segment_path;
use crate::domain::UnixNanos;

/// How a tape ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TapeEnd {
    /// As its writer finished it.
    Finished,
    /// In mid-write: the writer was killed, or still writes. Every flushed entry was read.
    Torn {
        /// The last segment.
        path: PathBuf,
        /// Where in it the intact part ends.
        at_byte: u64,
    },
}

/// Reads a tape from its first entry to its last.
pub struct Reader {
    /// The segments not yet opened, in order, with their numbers.
    waiting: std::vec::IntoIter<(Option<u32>, PathBuf)>,
    segment: SegmentReader,
    end: Option<TapeEnd>,
    failed: bool,
    /// It has yielded an entry.
    begun: bool,
}

impl Reader {
    /// Opens a tape: a file, or a session directory with its segments.
    pub fn open(path: &Path) -> Result<Self> {
        Self::over(path, segments(path)?)
    }

    /// Opens a tape at the segment that holds the input after `seq`: what it yields first may be
    /// earlier, but not by more than a segment.
    pub fn open_after(path: &Path, seq: u64) -> Result<Self> {
        let mut found = segments(path)?;
        let begins_later = |(number, segment): &(Option<u32>, PathBuf)| -> Result<bool> {
            let mut reader = SegmentReader::open(segment, *number)?;
            while reader.advance_to_entry()? {
                if let Some(entry) = reader.entry().filter(|entry| entry.channel.is_input()) {
                    return Ok(entry.seq > seq.saturating_add(1));
                }
            }
            Ok(true)
        };
        let mut first = 0;
        for (at, segment) in found.iter().enumerate().skip(1).rev() {
            if !begins_later(segment)? {
                first = at;
                break;
            }
        }
        found.drain(..first);
        Self::over(path, found)
    }

    /// Opens a tape at the chunk that holds the first entry received at `time` or later, where time
    /// never went back: what it yields first may be earlier, but not by more than a chunk.
    pub fn open_at(path: &Path, time: UnixNanos) -> Result<Self> {
        let mut found = segments(path)?;
        let mut first = 0;
        for (at, (_, segment)) in found.iter().enumerate().skip(1).rev() {
            let begins = seek::begins(segment).map_err(TapeError::io("read", segment))?;
            if begins.is_some_and(|begins| begins < time) {
                first = at;
                break;
            }
        }
        found.drain(..first);
        let mut reader = Self::over(path, found.clone())?;
        if let Some((number, segment)) = found.first() {
            reader.segment = SegmentReader::open_at(segment, *number, time)?;
            // A seek to the end of a tape is no empty tape.
            reader.begun = true;
        }
        Ok(reader)
    }

    fn over(path: &Path, segments: Vec<(Option<u32>, PathBuf)>) -> Result<Self> {
        let mut waiting = segments.into_iter();
        let Some((number, first)) = waiting.next() else {
            let reason = "the directory holds no tape-0001.mcap";
            return Err(TapeError::NotATape { path: path.to_owned(), reason });
        };
        Ok(Self {
            waiting,
            segment: SegmentReader::open(&first, number)?,
            end: None,
            failed: false,
            begun: false,
        })
    }

    /// The next entry; none at the end of the tape: see [`Reader::end`].
    ///
    /// A tape whose writer was ended before its first flush is an error: nothing of it is there.
    /// Damage is an error that names segment and byte. What was yielded before it is intact;
    /// nothing is yielded after it.
    pub fn next(&mut self) -> Result<Option<Entry<'_>>> {
        let found = self.advance();
        self.failed |= found.is_err();
        Ok(if found? { self.segment.entry() } else { None })
    }

    /// The entry that [`next`](Self::next) yielded last.
    pub fn current(&self) -> Option<Entry<'_>> {
        if self.end.is_none() && !self.failed { self.segment.entry() } else { None }
    }

    fn advance(&mut self) -> Result<bool> {
        while self.end.is_none() && !self.failed {
            if self.segment.advance_to_entry()? {
                self.begun = true;
                return Ok(true);
            }
            self.next_segment()?;
        }
        Ok(false)
    }

    /// How the tape ended, once [`Reader::next`] has yielded none. None after damage.
    pub fn end(&self) -> Option<&TapeEnd> {
        self.end.as_ref()
    }

    /// The segment being read.
    pub fn segment(&self) -> &Path {
        self.segment.path()
    }

    fn next_segment(&mut self) -> Result<()> {
        let path = self.segment.path().to_owned();
        match (self.segment.end(), self.waiting.next()) {
            (Some(SegmentEnd::Torn { at_byte }), Some(_)) => {
                let damage = "it was not finished, yet another segment follows".to_owned();
                return Err(TapeError::Damaged { path, at_byte, damage });
            }
            (Some(SegmentEnd::Torn { .. }), None) if !self.begun => {
                return Err(TapeError::Empty { path });
            }
            (Some(SegmentEnd::Torn { at_byte }), None) => {
                self.end = Some(TapeEnd::Torn { path, at_byte });
            }
            (_, Some((number, next))) => self.segment = SegmentReader::open(&next, number)?,
            (_, None) => self.end = Some(TapeEnd::Finished),
        }
        Ok(())
    }
}

/// The segments of a tape in order, with the numbers that their names say. A file is its only
/// segment, whatever its number.
pub(super) fn segments(path: &Path) -> Result<Vec<(Option<u32>, PathBuf)>> {
    if !path.is_dir() {
        return Ok(vec![(None, path.to_owned())]);
    }
    let mut found = Vec::new();
    for item in std::fs::read_dir(path).map_err(TapeError::io("list", path))? {
        let segment = item.map_err(TapeError::io("list", path))?.path();
        found.extend(number_of(&segment).map(|number| (Some(number), segment)));
    }
    found.sort();
    for ((number, _), expected) in found.iter().zip(1..) {
        if *number != Some(expected) {
            let directory = path.to_owned();
            return Err(TapeError::MissingSegment { directory, number: expected });
        }
    }
    Ok(found)
}

/// The number in a segment's file name.
fn number_of(path: &Path) -> Option<u32> {
    let digits = path.file_name()?.to_str()?.strip_prefix("tape-")?.strip_suffix(".mcap")?;
    let number = digits.parse().ok()?;
    (segment_path(Path::new(""), number).file_name() == path.file_name()).then_some(number)
}
