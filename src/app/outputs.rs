//! Outputs: where a run's records go. Each is encoded once; the hash covers all of them, the tape
//! gets those that the policy writes.

use std::collections::BTreeMap;

use crate::domain::{InstrumentId, StrategyId, UnixNanos};
use crate::engine::codec::{HashMark, OutputHash, encode};
use crate::engine::{Evaluation, Outcome, Outlet, Record};
use crate::strategy::Truth;
use crate::tape::{Channel, Entry, OutputBlock};

/// Inputs between two hash marks on the tape.
const MARK_EVERY: u64 = 1_024;

/// Which evaluations are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// Every one.
    All,
    /// Signals, and those whose truths or outcome changed.
    Changes,
}

/// What takes entries of a tape.
pub trait EntrySink {
    /// Takes one entry.
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), TapeStopped>;
}

/// The tape took nothing: the run must stop, the reason is with the tape.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the tape could not be written")]
pub struct TapeStopped;

/// Counts of a run's records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Evaluations.
    pub evaluations: u64,
    /// Evaluations that were not written.
    pub suppressed: u64,
    /// Wishes for an order.
    pub signals: u64,
    /// Refused by risk.
    pub refusals: u64,
    /// Sent to the venue.
    pub orders: u64,
    /// Rejected by the venue.
    pub rejects: u64,
    /// Fills.
    pub fills: u64,
    /// Books lost.
    pub gaps: u64,
}

/// Encodes, hashes, counts and gathers records.
pub struct Outputs {
    policy: Written,
    hash: OutputHash,
    scratch: Vec<u8>,
    block: OutputBlock,
    seen: BTreeMap<(StrategyId, InstrumentId), Seen>,
    seq: u64,
    time: UnixNanos,
    failed: bool,
    /// Counts so far.
    pub tally: Tally,
    /// Copies of every record, for whoever tells it.
    copies: Option<Vec<u8>>,
}

#[derive(Default)]
struct Seen {
    form: u16,
    truths: Vec<Truth>,
    outcome: Option<Outcome>,
}

impl Outputs {
    /// Outputs of a run that has not begun.
    pub fn new(policy: Written) -> Self {
        Self {
            policy,
            hash: OutputHash::default(),
            scratch: Vec::new(),
            block: OutputBlock::default(),
            seen: BTreeMap::new(),
            seq: 0,
            time: UnixNanos::default(),
            failed: false,
            tally: Tally::default(),
            copies: None,
        }
    }

    /// Announces the input that the next records belong to.
    pub fn begin(&mut self, seq: u64, time: UnixNanos) {
        (self.seq, self.time) = (seq, time);
    }

    /// After an input: writes the block when it is due, and a mark when it is time.
    pub fn end(&mut self, sink: &mut dyn EntrySink) -> Result<(), TapeStopped> {
        if self.failed {
            return Err(TapeStopped);
        }
        if self.seq.is_multiple_of(MARK_EVERY) {
            self.mark(sink)
        } else if self.block.is_due() {
            self.flush(sink)
        } else {
            Ok(())
        }
    }

    /// Writes what is gathered, if anything is.
    pub fn flush(&mut self, sink: &mut dyn EntrySink) -> Result<(), TapeStopped> {
        if !self.block.is_empty() {
            let entry = self.block.entry();
            sink.entry(&entry)?;
            self.block.clear();
        }
        Ok(())
    }

    /// Writes what is gathered and the hash over all records so far.
    pub fn mark(&mut self, sink: &mut dyn EntrySink) -> Result<(), TapeStopped> {
        self.flush(sink)?;
        let mark = postcard::to_stdvec(&self.hash_mark()).map_err(|_| TapeStopped)?;
        let (seq, time) = (self.seq, self.time);
        sink.entry(&Entry { channel: Channel::Mark, seq, time, bytes: &mark })
    }

    /// The hash over all records so far.
    pub fn hash_mark(&self) -> HashMark {
        self.hash.mark(self.seq)
    }

    /// Keeps a copy of every record from here on.
    pub fn keep_copies(&mut self) {
        self.copies = Some(Vec::new());
    }

    /// Takes the copies made since the last call; [`copied_records`] reads them.
    pub fn take_copies(&mut self) -> Vec<u8> {
        self.copies.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// How many bytes of copies there are: a place for [`copies_since`](Self::copies_since).
    pub fn copied(&self) -> usize {
        self.copies.as_ref().map_or(0, Vec::len)
    }

    /// The copies made since a place, without taking them.
    pub fn copies_since(&self, place: usize) -> &[u8] {
        self.copies.as_ref().and_then(|copies| copies.get(place..)).unwrap_or_default()
    }

    fn count(&mut self, record: &Record) {
        use crate::domain::OrderEventKind as Kind;
        let tally = &mut self.tally;
        match record {
            Record::Evaluation(_) => tally.evaluations += 1,
            Record::Signal(_) => tally.signals += 1,
            Record::Risk(report) => tally.refusals += u64::from(report.refusal.is_some()),
            Record::Order { .. } => tally.orders += 1,
            Record::OrderEvent(event) => {
                tally.fills += u64::from(matches!(event.kind, Kind::Filled(_)));
                tally.rejects += u64::from(matches!(event.kind, Kind::Rejected(_)));
            }
            Record::BookLost { .. } => tally.gaps += 1,
            _ => {}
        }
    }

    /// Whether an evaluation is written: always under `All`, else when it says something new.
    fn is_news(&mut self, evaluation: &Evaluation) -> bool {
        if self.policy == Written::All {
            return true;
        }
        let seen = self.seen.entry((evaluation.id.strategy, evaluation.instrument)).or_default();
        let wants = matches!(evaluation.outcome, Outcome::Signal { .. });
        let same = seen.form == evaluation.form
            && seen.truths == evaluation.truths
            && seen.outcome.as_ref() == Some(&evaluation.outcome);
        if same && !wants {
            return false;
        }
        seen.form = evaluation.form;
        seen.truths.clone_from(&evaluation.truths);
        seen.outcome = Some(evaluation.outcome.clone());
        true
    }
}

impl Outlet for Outputs {
    fn record(&mut self, record: &Record) {
        self.count(record);
        let written = match record {
            Record::Evaluation(evaluation) => self.is_news(evaluation),
            _ => true,
        };
        let mut encoded = true;
        let bytes = if written {
            let write = |buffer: &mut Vec<u8>| encoded = encode(record, buffer);
            self.block.append_with(self.seq, self.time, write)
        } else {
            self.tally.suppressed += 1;
            self.scratch.clear();
            encoded = encode(record, &mut self.scratch);
            Ok(self.scratch.as_slice())
        };
        self.failed |= !encoded || bytes.is_err();
        let bytes = bytes.unwrap_or_default();
        self.hash.add(bytes);
        if let Some(copies) = &mut self.copies {
            copy_record(copies, bytes);
        }
    }
}

/// A copy: length as `u32`, little-endian, then the record.
fn copy_record(copies: &mut Vec<u8>, record: &[u8]) {
    let Ok(length) = u32::try_from(record.len()) else { return };
    copies.extend_from_slice(&length.to_le_bytes());
    copies.extend_from_slice(record);
}

/// The records of copies.
pub fn copied_records(mut copies: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = copies.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (record, rest) = rest.split_at_checked(length)?;
        copies = rest;
        Some(record)
    })
}
