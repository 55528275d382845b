//! A run retold: what is made of the records of a run that is run again. Their hash, which is held
//! against the marks on its tape, and what a screen shows.

use super::head::{Happened, Happening};
use crate::app::error::{AppError, Exit};
use crate::app::outputs::{Nowhere, Outputs, Written};
use crate::domain::UnixNanos;
use crate::engine::codec::HashMark;
use crate::engine::{Outlet, Record, Viewer};

/// How far a run that was run again is proven equal to its recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Proof {
    /// Records that equal marks cover, written or not.
    pub records: u64,
    /// Marks that were equal.
    pub marks: u64,
    /// The first mark that was not: as recorded, and as it is now.
    pub parted: Option<(HashMark, HashMark)>,
}

/// What is made of records.
#[derive(Clone)]
pub struct Retold {
    outputs: Outputs,
    viewer: Viewer,
    proof: Proof,
    happened: Vec<Happened>,
    seq: u64,
    time: UnixNanos,
}

impl Retold {
    /// Of a run that has not begun, or goes on after a link of its hash.
    pub fn new(viewer: Viewer, after: HashMark) -> Self {
        Self {
            outputs: Outputs::after(Written::All, after),
            viewer,
            proof: Proof { records: after.records, ..Proof::default() },
            happened: Vec::new(),
            seq: after.seq,
            time: UnixNanos::default(),
        }
    }

    /// Announces the input that the next records belong to.
    pub fn begin(&mut self, seq: u64, time: UnixNanos) {
        (self.seq, self.time) = (seq, time);
        self.outputs.begin(seq, time);
    }

    /// After an input.
    pub fn end(&mut self) -> Result<(), AppError> {
        let ended = self.outputs.end(&mut Nowhere).and_then(|()| self.outputs.flush(&mut Nowhere));
        ended.map_err(|_| AppError::new(Exit::Failed, "a record could not be encoded"))
    }

    /// Takes a mark of the tape, which stands after the input that it is of.
    pub fn mark(&mut self, bytes: &[u8]) -> Result<(), AppError> {
        let recorded: HashMark = postcard::from_bytes(bytes).map_err(|error| {
            AppError::new(Exit::Different, format!("mark after input {}: {error}", self.seq))
        })?;
        let now = self.outputs.hash_mark();
        if self.proof.parted.is_some() || recorded.seq != now.seq {
            return Ok(());
        }
        if recorded == now {
            self.proof.records = now.records;
            self.proof.marks += 1;
        } else {
            self.proof.parted = Some((recorded, now));
        }
        Ok(())
    }

    /// Notes something that is no record.
    pub fn note(&mut self, what: Happening) {
        self.happened.push(Happened { seq: self.seq, time: self.time, what });
    }

    /// Takes what happened since the last call.
    pub fn take_happened(&mut self) -> Vec<Happened> {
        std::mem::take(&mut self.happened)
    }

    /// How far it is proven.
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// The hash over all records so far.
    pub fn hash(&self) -> HashMark {
        self.outputs.hash_mark()
    }

    /// What a screen shows.
    pub fn viewer(&mut self) -> &mut Viewer {
        &mut self.viewer
    }
}

impl Outlet for Retold {
    fn record(&mut self, record: &Record) {
        self.outputs.record(record);
        self.viewer.record(record);
        if let Some(what) = Happening::of(record) {
            self.note(what);
        }
    }
}
