//! Outputs: where a run's records go. Each is encoded once; the hash covers all of them, the tape
//! gets those that the policy writes.

use std::collections::BTreeMap;

use crate::domain::{InstrumentId, UnixNanos};
use crate::engine::codec::{HashMark, LINK_INPUTS, OutputHash, encode};
use crate::engine::{Blocker, News, Outcome, Outlet, Record};
use crate::strategy::Quality;
use crate::tape::{Channel, Entry, OutputBlock};

/// Which evaluations are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// Every one.
    All,
    /// Those that are [`News`].
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

/// A sink that keeps nothing: what matters is the hash, or who hears the records.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

impl EntrySink for Nowhere {
    fn entry(&mut self, _: &Entry<'_>) -> Result<(), TapeStopped> {
        Ok(())
    }
}

/// What a run did in one instrument.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InstrumentTally {
    /// Wishes for an order.
    pub signals: u64,
    /// The input of the last one.
    pub last_signal: Option<u64>,
    /// Sent to the venue.
    pub orders: u64,
    /// Fills.
    pub fills: u64,
    /// Times its book was lost.
    pub gaps: u64,
    /// Its book at the end; `None` when it never had one.
    pub book: Option<BookState>,
}

/// Whether a book is trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BookState {
    /// In sync since this input.
    Synced(u64),
    /// Lost at this input, and not in sync since.
    Lost(u64),
}

/// Counts of a run's records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
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
    /// Bars closed with trades that were asked for.
    pub repaired_bars: u64,
    /// Bars closed that are not known whole.
    pub partial_bars: u64,
    /// Evaluations whose bar was partial.
    pub bar_incomplete: u64,
    /// Trades that came after their bar was closed.
    pub late_trades: u64,
    /// The same by instrument, as far as something happened in it.
    pub instruments: BTreeMap<InstrumentId, InstrumentTally>,
}

impl Tally {
    fn of(&mut self, instrument: InstrumentId) -> &mut InstrumentTally {
        self.instruments.entry(instrument).or_default()
    }

    /// Counts a record of the input `seq`. Evaluations are most of all records: they are counted
    /// as a whole only.
    fn count(&mut self, seq: u64, record: &Record) {
        use crate::domain::OrderEventKind as Kind;
        match record {
            Record::Evaluation(evaluation) => {
                let is_partial =
                    matches!(evaluation.outcome, Outcome::NoSignal(Blocker::BarIncomplete));
                self.evaluations += 1;
                self.bar_incomplete += u64::from(is_partial);
            }
            Record::BarClosed { bar, .. } if bar.quality == Quality::Partial => {
                self.partial_bars += 1;
            }
            Record::BarClosed { .. } => self.repaired_bars += 1,
            Record::LateTrade { .. } => self.late_trades += 1,
            Record::Signal(signal) => {
                self.signals += 1;
                let tally = self.of(signal.instrument);
                tally.signals += 1;
                tally.last_signal = Some(seq);
            }
            Record::Risk(report) => self.refusals += u64::from(report.refusal.is_some()),
            Record::Order { request, .. } => {
                self.orders += 1;
                self.of(request.instrument).orders += 1;
            }
            Record::OrderEvent(event) => {
                self.fills += u64::from(matches!(event.kind, Kind::Filled(_)));
                self.rejects += u64::from(matches!(event.kind, Kind::Rejected(_)));
            }
            // One for each fill, and it knows the instrument.
            Record::Position { instrument, .. } => self.of(*instrument).fills += 1,
            Record::BookSynced { instrument, .. } => {
                self.of(*instrument).book = Some(BookState::Synced(seq));
            }
            Record::BookLost { instrument, .. } => {
                self.gaps += 1;
                let tally = self.of(*instrument);
                tally.gaps += 1;
                tally.book = Some(BookState::Lost(seq));
            }
            _ => {}
        }
    }
}

/// Encodes, hashes, counts and gathers records.
#[derive(Clone)]
pub struct Outputs {
    policy: Written,
    hash: OutputHash,
    scratch: Vec<u8>,
    block: OutputBlock,
    seq: u64,
    time: UnixNanos,
    failed: bool,
    /// Counts so far.
    pub tally: Tally,
    /// Copies of every record, for whoever tells it.
    copies: Option<Vec<u8>>,
}

impl Outputs {
    /// Outputs of a run that has not begun.
    pub fn new(policy: Written) -> Self {
        Self::after(policy, HashMark::default())
    }

    /// Outputs that go on after a link of the hash.
    pub fn after(policy: Written, link: HashMark) -> Self {
        Self {
            policy,
            hash: OutputHash::after(link),
            scratch: Vec::new(),
            block: OutputBlock::default(),
            seq: link.seq,
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

    /// When the input at hand was received.
    pub fn time(&self) -> UnixNanos {
        self.time
    }

    /// After an input: writes the block when it is due, and a mark when it is time.
    pub fn end(&mut self, sink: &mut dyn EntrySink) -> Result<(), TapeStopped> {
        if self.failed {
            return Err(TapeStopped);
        }
        if self.seq.is_multiple_of(LINK_INPUTS) {
            self.mark(sink)?;
            // A backtest begins with an input 0 of its own, a live run with an input 1: both have
            // the same links.
            if self.seq > 0 {
                self.hash.link(self.seq);
            }
            Ok(())
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

    /// The same from the begin.
    #[must_use]
    pub fn keeping_copies(mut self) -> Self {
        self.keep_copies();
        self
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
}

impl Outlet for Outputs {
    fn record(&mut self, record: &Record) {
        self.tally.count(self.seq, record);
        let written = match record {
            Record::Evaluation(evaluation) => {
                self.policy == Written::All || evaluation.news != News::Repeats
            }
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
