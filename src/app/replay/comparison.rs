//! The comparison of what a replay does with what was recorded, record by record. It holds what
//! was replayed until the recording confirms it.

use std::collections::VecDeque;

use super::difference::{Difference, Naming};
use crate::app::build::Plan;
use crate::app::error::{AppError, Exit};
use crate::app::outputs::{EntrySink, TapeStopped};
use crate::domain::RunId;
use crate::engine::codec::HashMark;
use crate::tape::{self, Channel, Entry};

/// Compares; takes the replay's own entries as a sink.
#[derive(Default)]
pub struct Comparison {
    naming: Naming,
    records: VecDeque<(u64, Vec<u8>)>,
    replayed_marks: VecDeque<HashMark>,
    /// The newest of the replay's own marks.
    pub latest: HashMark,
    /// Records compared byte for byte.
    pub compared: u64,
    /// Hash marks compared.
    pub marks: u64,
    /// The first difference, in sentences.
    pub difference: Option<String>,
}

impl EntrySink for Comparison {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), TapeStopped> {
        match entry.channel {
            Channel::Output => {
                for record in tape::records(entry.bytes) {
                    let record = record.map_err(|_| TapeStopped)?;
                    self.naming.learn(record);
                    self.records.push_back((entry.seq, record.to_vec()));
                }
            }
            Channel::Mark => {
                let mark = postcard::from_bytes(entry.bytes).map_err(|_| TapeStopped)?;
                self.replayed_marks.push_back(mark);
                self.latest = mark;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Comparison {
    /// A comparison with a recording of `run`, which was built from `plan`.
    pub fn of(run: RunId, plan: &Plan) -> Self {
        let strategies = plan.engine.strategies.iter().map(|s| s.name.clone()).collect();
        Self { naming: Naming::new(run, strategies), ..Self::default() }
    }

    /// Takes a recorded block of records, written after input `seq`.
    pub fn recorded_block(&mut self, seq: u64, block: &[u8]) -> Result<(), AppError> {
        for recorded in tape::records(block) {
            let recorded =
                recorded.map_err(|error| AppError::new(Exit::Different, error.to_string()))?;
            match self.records.pop_front() {
                Some((_, replayed)) if replayed == recorded => self.compared += 1,
                Some((at, replayed)) => {
                    self.differs(at, Some(recorded), Some(&replayed));
                    return Ok(());
                }
                None => {
                    self.differs(seq, Some(recorded), None);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Takes a recorded mark. Where the replay made none at the same input, its hash so far, `now`,
    /// is what stands against it.
    pub fn recorded_mark(&mut self, seq: u64, bytes: &[u8], now: HashMark) -> Result<(), AppError> {
        let recorded: HashMark = postcard::from_bytes(bytes).map_err(|error| {
            AppError::new(Exit::Different, format!("mark after input {seq}: {error}"))
        })?;
        while self.replayed_marks.front().is_some_and(|mark| mark.seq < recorded.seq) {
            self.replayed_marks.pop_front();
        }
        let replayed = match self.replayed_marks.front() {
            Some(mark) if mark.seq == recorded.seq => *mark,
            _ => now,
        };
        self.marks += 1;
        if replayed.hash != recorded.hash || replayed.records != recorded.records {
            self.difference = Some(format!(
                "input {}: the hash over {} recorded records is {:016x}, over {} replayed ones {:016x}",
                recorded.seq, recorded.records, recorded.hash, replayed.records, replayed.hash
            ));
        }
        Ok(())
    }

    /// A finished recording confirms everything that the replay did.
    pub fn expect_nothing_more(&mut self) {
        if self.difference.is_none()
            && let Some((seq, replayed)) = self.records.pop_front()
        {
            self.differs(seq, None, Some(&replayed));
        }
    }

    fn differs(&mut self, seq: u64, recorded: Option<&[u8]>, replayed: Option<&[u8]>) {
        self.difference =
            Some(Difference::between(&self.naming, seq, recorded, replayed).to_string());
    }
}
