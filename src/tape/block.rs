//! A block is many output records in one tape entry: one MCAP message each would cost more than
//! the decision it records.
//!
//! Layout: each record is its length as `u32`, little-endian, then its bytes. Nothing between,
//! before or after.

use super::entry::{Channel, Entry};
use super::error::{Result, TapeError};
use super::writer::ENTRY_BYTES_MAX;
use crate::domain::UnixNanos;

/// A block is due when it holds this many bytes.
const BLOCK_BYTES: usize = 64 * 1024;

/// Gathers output records until they are worth an entry.
///
/// ```text
/// block.append(seq, time, record)?;
/// if block.is_due() { tape.write(&block.entry())?; block.clear(); }
/// ```
#[derive(Clone, Debug, Default)]
pub struct OutputBlock {
    bytes: Vec<u8>,
    seq: u64,
    time: UnixNanos,
}

impl OutputBlock {
    /// Adds a record that the input `seq`, received at `time`, caused.
    pub fn append(&mut self, seq: u64, time: UnixNanos, record: &[u8]) -> Result<()> {
        self.append_with(seq, time, |bytes| bytes.extend_from_slice(record)).map(drop)
    }

    /// Adds the record that `write` appends to the buffer it is given, and returns its bytes: the
    /// record is never copied.
    pub fn append_with(
        &mut self,
        seq: u64,
        time: UnixNanos,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<&[u8]> {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&[0; size_of::<u32>()]);
        write(&mut self.bytes);
        let bytes = self.bytes.len();
        if bytes > ENTRY_BYTES_MAX {
            self.bytes.truncate(before);
            return Err(TapeError::EntryTooLarge { bytes, limit: ENTRY_BYTES_MAX });
        }
        (self.seq, self.time) = (seq, time);
        let written = self.bytes.get_mut(before..).and_then(<[u8]>::split_first_chunk_mut);
        let Some((length, record)) = written else { return Ok(&[]) };
        *length = u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes();
        Ok(record)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether it holds enough to be written.
    pub fn is_due(&self) -> bool {
        self.bytes.len() >= BLOCK_BYTES
    }

    /// The block as an entry, under the sequence number and time of its last record.
    pub fn entry(&self) -> Entry<'_> {
        Entry { channel: Channel::Output, seq: self.seq, time: self.time, bytes: &self.bytes }
    }

    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// A block ends within a record: it was not written by [`OutputBlock`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an output block ends within a record, {0} bytes before its end")]
pub struct BrokenBlock(pub usize);

/// The records of a block, in the order in which they were appended.
pub fn records(block: &[u8]) -> impl Iterator<Item = Result<&[u8], BrokenBlock>> {
    let mut rest = block;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((record, after)) = split_record(rest) else {
            return Some(Err(BrokenBlock(std::mem::take(&mut rest).len())));
        };
        rest = after;
        Some(Ok(record))
    })
}

fn split_record(block: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = block.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: the decisions of a backtest.
    #[test]
    fn records_come_back_as_they_were_appended() {
        let mut block = OutputBlock::default();
        let large = vec![7; 70_000];
        let written: [&[u8]; 4] = [b"first", b"", b"\0\xff", &large];
        for (seq, record) in (1..).zip(written) {
            block.append(seq, UnixNanos(seq * 10), record).unwrap();
        }
        assert!(block.is_due());
        let entry = block.entry();
        assert_eq!((entry.seq, entry.time, entry.channel), (4, UnixNanos(40), Channel::Output));
        let read: Result<Vec<_>, _> = records(entry.bytes).collect();
        assert_eq!(read.unwrap(), written);
    }

    /// Lost if broken: silence about records that are gone.
    #[test]
    fn a_cut_block_says_so_once() {
        let mut block = OutputBlock::default();
        block.append(1, UnixNanos(1), b"whole").unwrap();
        block.append(1, UnixNanos(1), b"cut").unwrap();
        let bytes = block.entry().bytes;
        let read: Vec<_> = records(&bytes[..bytes.len() - 1]).collect();
        assert_eq!(read, [Ok(b"whole".as_slice()), Err(BrokenBlock(6))]);
    }

    /// Lost if broken: a tape that its own reader refuses.
    #[test]
    fn a_block_never_outgrows_an_entry() {
        let mut block = OutputBlock::default();
        let error = block.append(1, UnixNanos(1), &vec![0; ENTRY_BYTES_MAX]).unwrap_err();
        assert!(matches!(error, TapeError::EntryTooLarge { .. }));
        assert!(block.is_empty());
    }
}
