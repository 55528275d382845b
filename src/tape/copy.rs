//! A copy of a tape that lacks some entries: to see whether the one that was taken out is missed.

use std::path::Path;

use super::entry::Entry;
use super::error::Result;
use super::reader::{Reader, TapeEnd};
use super::writer::{Writer, Written};

/// What was copied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copied {
    /// What the copy holds.
    pub written: Written,
    /// Entries left out.
    pub left_out: u64,
    /// How the original ended. The copy ends finished.
    pub end: TapeEnd,
}

/// Copies a tape but for the entries that `leave_out` picks. Sequence numbers stay as they are.
/// Damage in the original ends the copy with its error.
pub fn copy_without(
    original: &Path,
    mut copy: Writer,
    mut leave_out: impl FnMut(&Entry<'_>) -> bool,
) -> Result<Copied> {
    let mut reader = Reader::open(original)?;
    let mut left_out = 0;
    while let Some(entry) = reader.next()? {
        if leave_out(&entry) {
            left_out += 1;
        } else {
            copy.write(&entry)?;
        }
    }
    let end = reader.end().cloned().unwrap_or(TapeEnd::Finished);
    Ok(Copied { written: copy.finish()?, left_out, end })
}

#[cfg(test)]
mod tests {
    use super::super::WriterOptions;
    use super::super::tests::{read_all, sample, write_all};
    use super::*;

    /// Lost if broken: the proof that a missing trade is noticed.
    #[test]
    fn a_copy_lacks_exactly_what_was_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let [original, copy] = ["a.mcap", "b.mcap"].map(|name| directory.path().join(name));
        let writer = |path: &Path| Writer::in_file(path, WriterOptions::default()).unwrap();
        let mut entries = sample(50);
        write_all(writer(&original), &entries);
        let copied = copy_without(&original, writer(&copy), |entry| entry.seq == 17).unwrap();
        assert_eq!((copied.left_out, copied.end), (1, TapeEnd::Finished));
        entries.remove(16);
        assert_eq!(read_all(&copy).0, entries);
    }
}
