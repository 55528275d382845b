//! The witness: does after a live run what its core did, says at once if that is something else, and
//! keeps a checkpoint now and then. It has the books thread's pipeline and stands beside its rows.

use serde::{Deserialize, Serialize};

use super::head::{Happening, Head, VERSION};
use super::retold::{Proof, Retold};
use crate::app::error::{AppError, Exit};
use crate::app::pipeline::Pipeline;
use crate::domain::UnixNanos;
use crate::engine::codec::{HashMark, LINK_INPUTS};
use crate::engine::{Outlet, Record, Viewer};
use crate::tape::{CheckpointWriter, TapeError};
use crate::venue::LineEvent;

/// Inputs between two checkpoints: what has to be run again for any moment, a tenth of a second of
/// work at most.
const EVERY: u64 = 32 * LINK_INPUTS;
/// How hard a state is compressed.
const LEVEL: i32 = 1;

/// A state as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    pub pipeline: Vec<u8>,
    pub viewer: Vec<u8>,
}

impl State {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(&zstd::stream::decode_all(bytes).ok()?).ok()
    }
}

/// What stands beside a run's books.
pub struct Witness {
    retold: Retold,
    /// Where checkpoints go; `None` since they could not be written.
    checkpoints: Option<CheckpointWriter>,
    /// That the run parted was told.
    told: bool,
}

/// Something of which the run must hear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Testimony {
    /// The core did something else than the same inputs do.
    Parted(String),
    /// No more checkpoints are kept.
    NotKept(String),
}

impl Witness {
    /// Of a run that begins.
    pub fn new(viewer: Viewer, checkpoints: CheckpointWriter) -> Self {
        let retold = Retold::new(viewer, HashMark::default());
        Self { retold, checkpoints: Some(checkpoints), told: false }
    }

    /// Announces an input.
    pub fn begin(&mut self, seq: u64, time: UnixNanos, line: Option<LineEvent>) {
        self.retold.begin(seq, time);
        if let Some(line) = line {
            self.retold.note(Happening::of_line(line));
        }
    }

    /// After an input: keeps a checkpoint when it is time.
    pub fn end(
        &mut self,
        pipeline: &Pipeline,
        time: UnixNanos,
    ) -> Result<Option<Testimony>, AppError> {
        self.retold.end()?;
        let is_due = self.retold.hash().seq.is_multiple_of(EVERY);
        if is_due { self.keep(pipeline, time) } else { Ok(None) }
    }

    /// Keeps a checkpoint of the state now: at the end of a run, so that its last words are at hand.
    pub fn keep(
        &mut self,
        pipeline: &Pipeline,
        time: UnixNanos,
    ) -> Result<Option<Testimony>, AppError> {
        let Some(mut checkpoints) = self.checkpoints.take() else { return Ok(None) };
        let failed = |error: String| AppError::new(Exit::Failed, error);
        let head = Head {
            version: VERSION,
            time,
            mark: self.retold.hash(),
            counters: pipeline.engine().counters().to_vec(),
            happened: self.retold.take_happened(),
        };
        let state = State {
            pipeline: pipeline.save().map_err(|error| failed(error.to_string()))?,
            viewer: self.retold.viewer().save().map_err(|error| failed(error.to_string()))?,
        };
        let kept = write(&mut checkpoints, &head, &state)?;
        if kept.is_ok() {
            self.checkpoints = Some(checkpoints);
        }
        // The run goes on: what is asked of the past then takes longer, that is all.
        Ok(kept.err().map(|error| Testimony::NotKept(error.to_string())))
    }

    /// Takes a mark of the recording; what it says is told once.
    pub fn mark(&mut self, bytes: &[u8]) -> Result<Option<Testimony>, AppError> {
        self.retold.mark(bytes)?;
        let Proof { parted: Some((core, here)), .. } = self.retold.proof() else { return Ok(None) };
        let first = !std::mem::replace(&mut self.told, true);
        Ok(first.then(|| {
            Testimony::Parted(format!(
                "up to input {} the core made {} records with hash {:016x}, the same inputs make {} \
                 with {:016x}",
                core.seq, core.records, core.hash, here.records, here.hash
            ))
        }))
    }

    /// How far the run is proven.
    pub fn proof(&self) -> Proof {
        self.retold.proof()
    }
}

impl Outlet for Witness {
    fn record(&mut self, record: &Record) {
        self.retold.record(record);
    }
}

fn write(
    checkpoints: &mut CheckpointWriter,
    head: &Head,
    state: &State,
) -> Result<Result<(), TapeError>, AppError> {
    let failed = |error: String| AppError::new(Exit::Failed, error);
    let head = postcard::to_stdvec(head).map_err(|error| failed(error.to_string()))?;
    let state = postcard::to_stdvec(state).map_err(|error| failed(error.to_string()))?;
    let state = zstd::bulk::compress(&state, LEVEL).map_err(|error| failed(error.to_string()))?;
    Ok(checkpoints.append(&head, &state))
}
