//! A timing: how long the stages of one input took, for inputs that led to a signal. It is beside
//! the outputs: no hash covers it, no replay makes it, and none compares it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::entry::{Channel, Entry};
use super::error::Result;
use super::reader::Reader;

/// The stages of one input, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Timing {
    /// From when its thread woke because something could be read until it was numbered.
    pub readable_to_taken: u64,
    /// From there until the engine's step was over: every record of it is made.
    pub taken_to_decided: u64,
    /// Both.
    pub total: u64,
}

impl Timing {
    /// From three moments of one clock.
    pub fn between(readable: u64, taken: u64, decided: u64) -> Self {
        Self {
            readable_to_taken: taken.saturating_sub(readable),
            taken_to_decided: decided.saturating_sub(taken),
            total: decided.saturating_sub(readable),
        }
    }

    /// Its bytes on the tape.
    pub fn to_bytes(self) -> Vec<u8> {
        // Three integers always have bytes.
        postcard::to_stdvec(&self).unwrap_or_default()
    }

    /// The timing that an entry holds, if it holds one.
    pub fn of(entry: &Entry<'_>) -> Option<Self> {
        let holds = entry.channel == Channel::Timing;
        holds.then(|| postcard::from_bytes(entry.bytes).ok()).flatten()
    }

    /// The timing of the input `seq` on a tape; `None` when it led to no signal, or was recorded
    /// without.
    pub fn find(path: &Path, seq: u64) -> Result<Option<Self>> {
        let mut reader = Reader::open(path)?;
        while let Some(entry) = reader.next()? {
            if entry.seq == seq
                && let Some(timing) = Self::of(&entry)
            {
                return Ok(Some(timing));
            }
            if entry.seq > seq {
                break;
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::write_all;
    use super::super::{Writer, WriterOptions};
    use super::*;
    use crate::domain::UnixNanos;

    /// Lost if broken: the answer to "how fast was this one?" once the run is over.
    #[test]
    fn a_timing_is_found_by_its_input() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("timed.mcap");
        let timing = Timing::between(1_000, 4_000, 61_000);
        assert_eq!((timing.readable_to_taken, timing.total), (3_000, 60_000));
        let bytes = timing.to_bytes();
        let entry = |seq, channel, bytes| Entry { channel, seq, time: UnixNanos(seq), bytes };
        let entries = [
            entry(1, Channel::Input, b"one".as_slice()),
            entry(2, Channel::Input, b"two".as_slice()),
            entry(2, Channel::Timing, bytes.as_slice()),
            entry(3, Channel::Input, b"three".as_slice()),
        ];
        let kept: Vec<_> = entries.into_iter().map(Into::into).collect();
        write_all(Writer::in_file(&path, WriterOptions::default()).unwrap(), &kept);
        assert_eq!(Timing::find(&path, 2).unwrap(), Some(timing));
        assert_eq!(Timing::find(&path, 1).unwrap(), None);
        assert_eq!(Timing::find(&path, 9).unwrap(), None);
    }
}
