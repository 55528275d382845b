//! The books: a pipeline that does after the recording what the core did before it, and writes what
//! came of it into the ledger.

use std::path::{Path, PathBuf};

use super::rows::Rows;
use crate::app::build::{self, Filters, Plan};
use crate::app::error::{AppError, Exit};
use crate::app::past::{Testimony, Witness};
use crate::app::pipeline::{Given, Pipeline, TapeInput};
use crate::app::setup;
use crate::app::source::Inputs;
use crate::domain::{RunId, UnixNanos};
use crate::engine::{Outlet, Record, Standing};
use crate::ledger::{Batch, Checkpoint, Ledger};
use crate::strategy::StrategyKind;
use crate::tape::{Channel, Entry};

/// How hard a state is compressed: it is written every half minute.
const STATE_LEVEL: i32 = 1;

/// Which run the books are of.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its name.
    pub run: RunId,
    /// Where its tape is.
    pub directory: PathBuf,
    /// The configuration that it began with, as its tape holds it.
    pub config: String,
}

/// A run's books.
pub struct Books {
    ledger: Ledger,
    session: Session,
    pipeline: Pipeline,
    /// Where its market is.
    market: Option<String>,
    inputs: Inputs,
    rows: Rows,
    /// Who compares with the core and keeps checkpoints, of a run that is live.
    witness: Option<Witness>,
    /// What that one has to tell.
    testimony: Option<Testimony>,
    seq: u64,
    time: UnixNanos,
    /// The last input that is in the ledger.
    committed: u64,
}

impl Books {
    /// The books of a run that begins.
    pub fn begin(ledger: Ledger, session: Session, pipeline: Pipeline, plan: &Plan) -> Self {
        Self {
            rows: Rows::new(session.run.clone(), &plan.engine, pipeline.engine().forms()),
            market: plan.market.clone(),
            ledger,
            session,
            pipeline,
            inputs: Inputs::default(),
            witness: None,
            testimony: None,
            seq: 0,
            time: UnixNanos::default(),
            committed: 0,
        }
    }

    /// The books of a run that was recorded, from its begin, or from its last commit `at`. Why not,
    /// with the ledger, when this program cannot read them.
    pub fn reopen(
        ledger: Ledger,
        session: Session,
        at: Option<&Checkpoint>,
        registry: &[StrategyKind],
    ) -> Result<Self, (Ledger, String)> {
        let rebuilt = || -> Result<(Pipeline, Plan), AppError> {
            let (mut pipeline, plan) = recorded(&session.config, registry)?;
            if let Some(at) = at {
                let restored = state_of(at).map(|state| pipeline.restore(&state));
                restored?.map_err(|error| AppError::new(Exit::Different, error.to_string()))?;
            }
            Ok((pipeline, plan))
        };
        match rebuilt() {
            Ok((pipeline, plan)) => {
                let mut books = Self::begin(ledger, session, pipeline, &plan);
                if let Some(at) = at {
                    (books.seq, books.time, books.committed) = (at.seq, at.time, at.seq);
                }
                Ok(books)
            }
            Err(error) => Err((ledger, error.to_string())),
        }
    }

    /// Lets somebody stand beside them from the begin of the run.
    pub fn with_witness(mut self, witness: Witness) -> Self {
        self.witness = Some(witness);
        self
    }

    /// What the witness has to tell.
    pub fn take_testimony(&mut self) -> Option<Testimony> {
        self.testimony.take()
    }

    /// Takes an entry of the run's tape; an input that is in the books already changes nothing.
    pub fn take(&mut self, entry: &Entry<'_>) -> Result<(), AppError> {
        if entry.channel == Channel::Mark
            && let Some(witness) = &mut self.witness
        {
            let testimony = witness.mark(entry.bytes)?;
            self.testimony = self.testimony.take().or(testimony);
        }
        if !entry.channel.is_input() || entry.seq <= self.seq {
            return Ok(());
        }
        let (seq, time) = (entry.seq, entry.time);
        let broken = |text: String| AppError::new(Exit::Different, text);
        let Self { inputs, pipeline, rows, witness, .. } = self;
        rows.seq = seq;
        if let Some(given) = inputs.read(entry).map_err(broken)?.given() {
            if let Some(witness) = witness {
                let line = match given {
                    Given::Other(TapeInput::Line(event)) => Some(*event),
                    _ => None,
                };
                witness.begin(seq, time, line);
            }
            pipeline.take(seq, time, given, &mut Beside { rows, witness: witness.as_mut() });
        }
        pipeline.discard_wishes();
        (self.seq, self.time) = (seq, time);
        if let Some(witness) = &mut self.witness {
            let testimony = witness.end(&self.pipeline, time)?;
            self.testimony = self.testimony.take().or(testimony);
        }
        match self.pipeline.fault() {
            Some(fault) => Err(broken(fault.to_owned())),
            None => Ok(()),
        }
    }

    /// The recording has ended: the last state is kept.
    pub fn end(&mut self) -> Result<(), AppError> {
        if let Some(witness) = &mut self.witness {
            let testimony = witness.keep(&self.pipeline, self.time)?;
            self.testimony = self.testimony.take().or(testimony);
        }
        Ok(())
    }

    /// Closes them for a run that cannot take over the whole state: what the account has once the
    /// venue's last words were heard, and the fills among these, which are on no tape of their own.
    pub fn settle(mut self) -> (Ledger, Standing, Batch) {
        let standing = self.pipeline.settle_up(&mut self.rows);
        let batch = self.rows.batch(&standing, self.time);
        (self.ledger, standing, batch)
    }

    /// Writes what came since the last commit, and the state now; `ends` with the recording.
    pub fn commit(&mut self, ends: bool) -> Result<(), AppError> {
        if self.seq == self.committed && !ends {
            return Ok(());
        }
        let failed = |error: String| AppError::new(Exit::Failed, error);
        let standing = self.pipeline.engine().standing();
        let state = self.pipeline.save().map_err(|error| failed(error.to_string()))?;
        let checkpoint = Checkpoint {
            run: self.session.run.clone(),
            directory: self.session.directory.display().to_string(),
            seq: self.seq,
            time: self.time,
            config: self.session.config.clone(),
            state: zstd::bulk::compress(&state, STATE_LEVEL).map_err(|e| failed(e.to_string()))?,
            standing: serde_json::to_string(&standing)
                .map_err(|error| failed(error.to_string()))?,
        };
        let batch = Batch { ends, ..self.rows.batch(&standing, self.time) };
        self.ledger.commit(&batch, &checkpoint)?;
        self.rows.clear();
        self.committed = self.seq;
        Ok(())
    }

    /// True when fills wait to be written.
    pub fn has_fills(&self) -> bool {
        self.rows.has_fills()
    }

    /// True when a run of the plan `next` can go on with the whole state: the same strategies on
    /// the same market.
    pub fn continue_in(&self, next: &Plan) -> bool {
        let engine = self.pipeline.engine();
        self.market.is_some()
            && next.market == self.market
            && next.start.account.kind == engine.account().kind
            && next.engine.continues(engine.config())
    }

    /// What is in the books.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The last input in them.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Which run they are of.
    pub fn run(&self) -> &RunId {
        &self.session.run
    }

    /// Where the run's tape is.
    pub fn directory(&self) -> &Path {
        &self.session.directory
    }

    /// Closes them; the ledger stays open.
    pub fn into_ledger(self) -> Ledger {
        self.ledger
    }
}

/// Rows hear every record, and whoever stands beside them.
struct Beside<'a> {
    rows: &'a mut Rows,
    witness: Option<&'a mut Witness>,
}

impl Outlet for Beside<'_> {
    fn record(&mut self, record: &Record) {
        self.rows.record(record);
        if let Some(witness) = &mut self.witness {
            witness.record(record);
        }
    }
}

/// A pipeline of the configuration that a tape holds.
pub fn recorded(config: &str, registry: &[StrategyKind]) -> Result<(Pipeline, Plan), AppError> {
    let loaded = setup::load_text(config, &[], registry)?;
    let plan = build::plan(&loaded, Filters::FromVenue)?;
    Ok((build::pipeline(&plan, registry)?, plan))
}

/// The state that a checkpoint holds.
pub fn state_of(checkpoint: &Checkpoint) -> Result<Vec<u8>, AppError> {
    zstd::stream::decode_all(checkpoint.state.as_slice())
        .map_err(|error| AppError::new(Exit::Different, format!("the state is damaged: {error}")))
}
