//! Seeking: where in a segment to read on from a moment, found without reading what comes before.
//!
//! Only the heads of chunks and of their indexes are looked at. A chunk before the moment must be
//! read all the same when it announces a channel: the index of the first chunk with messages on a
//! channel names it, and the announcement is in that chunk or at the end of the one before.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use mcap::MAGIC;
use mcap::records::op;

use crate::domain::UnixNanos;

/// Opcode and length before each record.
const HEAD: u64 = 9;

/// What of a segment is read from a moment on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Plan {
    /// Where chunks begin that announce channels.
    pub announcing: Vec<u64>,
    /// Where to read on.
    pub from: u64,
}

/// What is in a chunk that was only looked at.
struct Chunk {
    at: u64,
    until: UnixNanos,
    channels: BTreeSet<u16>,
}

/// Finds where the entries received at `time` or later begin.
pub(super) fn plan(file: &File, time: UnixNanos) -> io::Result<Plan> {
    let (mut known, mut plan) = (BTreeSet::new(), Plan::default());
    let file = &Segment::of(file)?;
    let mut before = None;
    let mut at = MAGIC.len() as u64;
    while let Some((chunk, next)) = next_chunk(file, &mut at)? {
        let reached = chunk.until >= time;
        if !chunk.channels.is_subset(&known) {
            plan.announcing.extend(before.filter(|at| plan.announcing.last() != Some(at)));
            if !reached {
                plan.announcing.push(chunk.at);
            }
            known.extend(&chunk.channels);
        }
        if reached {
            plan.from = chunk.at;
            return Ok(plan);
        }
        before = Some(chunk.at);
        at = next;
    }
    plan.from = at;
    Ok(plan)
}

/// When the first entry of a segment was received; `None` where there is none yet.
pub(super) fn begins(path: &Path) -> io::Result<Option<UnixNanos>> {
    let file = File::open(path)?;
    let file = Segment::of(&file)?;
    let mut at = MAGIC.len() as u64;
    while let Some((opcode, size)) = head(&file, at)? {
        if opcode == op::CHUNK {
            let time: Option<[u8; 8]> = file.bytes(at + HEAD)?;
            return Ok(time.map(|time| UnixNanos(u64::from_le_bytes(time))));
        }
        at += size;
    }
    Ok(None)
}

/// The first chunk from `at` on, and where what follows its indexes begins. `at` is left where the
/// chunk begins, or where the segment holds no more of them.
fn next_chunk(file: &Segment<'_>, at: &mut u64) -> io::Result<Option<(Chunk, u64)>> {
    while let Some((opcode, size)) = head(file, *at)? {
        match opcode {
            op::HEADER => *at += size,
            op::CHUNK => {
                let until: Option<[u8; 8]> = file.bytes(*at + HEAD + 8)?;
                let Some(until) = until else { return Ok(None) };
                let until = UnixNanos(u64::from_le_bytes(until));
                let (channels, next) = indexed(file, *at + size)?;
                return Ok(Some((Chunk { at: *at, until, channels }, next)));
            }
            _ => break,
        }
    }
    Ok(None)
}

/// The channels that the indexes from `at` on name, and where these end.
fn indexed(file: &Segment<'_>, mut at: u64) -> io::Result<(BTreeSet<u16>, u64)> {
    let mut channels = BTreeSet::new();
    while let Some((op::MESSAGE_INDEX, size)) = head(file, at)? {
        let Some(channel) = file.bytes(at + HEAD)? else { break };
        channels.insert(u16::from_le_bytes(channel));
        at += size;
    }
    Ok((channels, at))
}

/// The kind of the record at `at`, and its size with its head; `None` when it is not there whole.
fn head(file: &Segment<'_>, at: u64) -> io::Result<Option<(u8, u64)>> {
    let Some([opcode, length @ ..]) = file.bytes::<9>(at)? else { return Ok(None) };
    let size = u64::from_le_bytes(length).saturating_add(HEAD);
    let is_whole = at.checked_add(size).is_some_and(|end| end <= file.length);
    Ok(is_whole.then_some((opcode, size)))
}

/// A segment's file, and its length when it was opened: one that is still written grows.
struct Segment<'a> {
    file: &'a File,
    length: u64,
}

impl<'a> Segment<'a> {
    fn of(file: &'a File) -> io::Result<Self> {
        Ok(Self { file, length: file.metadata()?.len() })
    }

    /// Bytes at a place; `None` where the file ends before them.
    fn bytes<const N: usize>(&self, at: u64) -> io::Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        match self.file.read_exact_at(&mut bytes, at) {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}
