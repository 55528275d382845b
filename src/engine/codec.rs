//! Records as bytes: postcard, one after the other, and the running hash over all of them.
//!
//! The hash covers every record in order, written or not, so that two runs with equal hashes did
//! the same things. It is a chain of links: each link begins with the hash of the one before, so
//! that a comparison can begin at any link and still stands for all that came before it.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::packer::{self, Append};
use super::record::Record;

/// The version of the encoding; part of every tape's channel.
pub const RECORD_VERSION: u16 = 1;

/// Appends a record's bytes to `buffer`. False when it cannot be encoded, which no record can
/// cause: every field has a fixed schema.
pub fn encode(record: &Record, buffer: &mut Vec<u8>) -> bool {
    match record {
        Record::Evaluation(evaluation) => packer::evaluation(evaluation, buffer),
        record => postcard::serialize_with_flavor(record, Append(buffer)).is_ok(),
    }
}

/// Reads one record.
pub fn decode(bytes: &[u8]) -> Result<Record, postcard::Error> {
    postcard::from_bytes(bytes)
}

/// The output hash at a point of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HashMark {
    /// The last input that it covers.
    pub seq: u64,
    /// Records so far.
    pub records: u64,
    /// The 64-bit hash over all of them.
    pub hash: u64,
}

/// Inputs in a link of the hash's chain, and between two marks on the tape.
pub const LINK_INPUTS: u64 = 1_024;

/// Hashes records as they come.
#[derive(Clone, Default)]
pub struct OutputHash {
    state: Xxh3,
    records: u64,
    /// Where the last link ended.
    link: HashMark,
}

impl OutputHash {
    /// A hash that goes on where a link ended.
    pub fn after(link: HashMark) -> Self {
        Self { state: Xxh3::with_seed(link.hash), records: link.records, link }
    }

    /// Ends a link, and begins the next one.
    pub fn link(&mut self, seq: u64) -> HashMark {
        let link = self.mark(seq);
        *self = Self::after(link);
        link
    }

    /// Takes the bytes of one record.
    pub fn add(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.records += 1;
    }

    /// The hash so far.
    pub fn mark(&self, seq: u64) -> HashMark {
        let is_link = self.records == self.link.records && self.records > 0;
        let hash = if is_link { self.link.hash } else { self.state.digest() };
        HashMark { seq, records: self.records, hash }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: a replay that begins at a checkpoint and still proves what came before it.
    #[test]
    fn a_hash_goes_on_at_any_link_and_depends_on_all_before_it() {
        let run = |records: &[&[u8]]| {
            let (mut whole, mut links) = (OutputHash::default(), Vec::new());
            for (seq, record) in (1..).zip(records) {
                whole.add(record);
                links.push(whole.link(seq));
            }
            links
        };
        let links = run(&[b"a", b"b", b"c"]);
        let mut resumed = OutputHash::after(links[1]);
        assert_eq!(resumed.mark(2), links[1], "nothing was added since");
        resumed.add(b"c");
        assert_eq!(resumed.mark(3), links[2]);
        assert_ne!(run(&[b"x", b"b", b"c"])[2].hash, links[2].hash);
    }
}
