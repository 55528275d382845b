//! Records as bytes: postcard, one after the other, and the running hash over all of them.
//!
//! The hash covers every record in order, written or not, so that two runs with equal hashes did
//! the same things.

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

/// Hashes records as they come.
#[derive(Clone, Default)]
pub struct OutputHash {
    state: Xxh3,
    records: u64,
}

impl OutputHash {
    /// Takes the bytes of one record.
    pub fn add(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.records += 1;
    }

    /// The hash so far.
    pub fn mark(&self, seq: u64) -> HashMark {
        HashMark { seq, records: self.records, hash: self.state.digest() }
    }
}
