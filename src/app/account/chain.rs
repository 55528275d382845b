//! The chain of an account's runs, checked: all their inputs, one run after the other, through one
//! pipeline that is never stopped. What each run began with must be what that pipeline has then,
//! byte for byte, and what the ledger says must be what it has in the end.

use serde::Serialize;

use super::books::{recorded, state_of};
use super::recover::place;
use crate::app::error::{AppError, Exit};
use crate::app::pipeline::{Estate, Given, Inheritance, Pipeline, TapeInput};
use crate::app::source::{Inputs, Replayed};
use crate::domain::{Num, RunId, UnixNanos};
use crate::engine::{Nobody, Standing};
use crate::ledger::{Checkpoint, DayRow, SessionRow};
use crate::strategy::StrategyKind;
use crate::tape::{Entry, Reader, TapeError};

/// What the check found.
#[derive(Debug, Default, Serialize)]
pub struct Chain {
    /// Runs read.
    pub runs: usize,
    /// Their inputs.
    pub inputs: u64,
    /// Times that a run began with the very state that the run before had.
    pub equal: usize,
    /// Runs that went on under another configuration, with what the account had.
    pub reconfigured: usize,
    /// Runs whose sessions were removed.
    pub gone: usize,
    /// Where it parts, in words.
    pub difference: Option<String>,
}

impl Chain {
    /// The one line that says it.
    pub fn line(&self) -> String {
        let Self { runs, inputs, equal, reconfigured, gone, difference } = self;
        let gone = if *gone > 0 { format!("; removed sessions: {gone}") } else { String::new() };
        match difference {
            Some(difference) => format!("DIFFERENT: {difference}"),
            None => format!(
                "{runs} runs, {inputs} inputs: {equal} went on with the very state of an \
                 uninterrupted run, {reconfigured} under another configuration; the ledger \
                 agrees{gone}"
            ),
        }
    }
}

/// The fold of an account's fills against the sums of its days.
fn day_that_differs(standing: &Standing, days: &[DayRow]) -> Option<String> {
    standing.positions.iter().find_map(|held| {
        let is_its =
            |day: &&DayRow| day.strategy == held.strategy && day.instrument == held.instrument;
        let (mut fills, mut fees) = (0, Num::ZERO);
        for day in days.iter().filter(is_its) {
            fills += day.fills;
            fees = fees.add(day.fees).unwrap_or(fees);
        }
        let position = &held.position;
        let (strategy, instrument) = (&held.strategy, &held.instrument);
        (fills != position.fills || fees != position.fees).then(|| {
            format!(
                "the days of {strategy} in {instrument} have {fills} fills and fees of {fees}, its \
                 position {} and {}",
                position.fills, position.fees
            )
        })
    })
}

/// The next entry; a recording that was ended before its first flush has none.
fn next(reader: &mut Reader) -> Result<Option<Entry<'_>>, AppError> {
    match reader.next() {
        Err(TapeError::Empty { .. }) => Ok(None),
        entry => Ok(entry?),
    }
}

/// Reads every run of an account and compares.
pub fn verify(
    sessions: &[SessionRow],
    last: &Checkpoint,
    days: &[DayRow],
    registry: &[StrategyKind],
) -> Result<Chain, AppError> {
    let mut walk = Walk { registry, chain: Chain::default(), at: None };
    // Those that began after the last commit are in the ledger with the next one.
    let known = sessions.iter().rposition(|session| session.run == last.run);
    for session in sessions.iter().take(known.map_or(0, |at| at + 1)) {
        walk.session(session, last)?;
        if walk.chain.difference.is_some() {
            return Ok(walk.chain);
        }
    }
    if let Some((pipeline, _)) = &walk.at {
        let failed = |error: String| AppError::new(Exit::Failed, error);
        let state = pipeline.save().map_err(|error| failed(error.to_string()))?;
        if state != state_of(last)? {
            let text = "what the ledger holds is not what the tapes lead to";
            walk.chain.difference = Some(text.to_owned());
        }
        let standing = pipeline.engine().standing();
        walk.chain.difference =
            walk.chain.difference.take().or_else(|| day_that_differs(&standing, days));
    }
    Ok(walk.chain)
}

struct Walk<'a> {
    registry: &'a [StrategyKind],
    chain: Chain,
    /// The pipeline that is never stopped, and its configuration.
    at: Option<(Pipeline, String)>,
}

impl Walk<'_> {
    fn session(&mut self, session: &SessionRow, last: &Checkpoint) -> Result<(), AppError> {
        let Some(mut reader) = self.open(session)? else { return Ok(()) };
        let mut inputs = Inputs::default();
        self.chain.runs += 1;
        // A run begins anew unless its second input says otherwise.
        let mut started: Option<TapeInput> = None;
        while let Some(entry) = next(&mut reader)? {
            // Of a run that still runs, the ledger does not know the newest inputs.
            let is_beyond = session.run == last.run && entry.seq > last.seq;
            if !entry.channel.is_input() || is_beyond {
                continue;
            }
            self.chain.inputs += 1;
            let (seq, time) = (entry.seq, entry.time);
            let broken = |text: String| AppError::new(Exit::Different, text);
            let read = inputs.read(&entry).map_err(broken)?;
            match (&read, started.take()) {
                (Replayed::Other(input), _) if matches!(**input, TapeInput::Start { .. }) => {
                    started = Some((**input).clone());
                    continue;
                }
                (Replayed::Other(input), Some(start)) => match &**input {
                    TapeInput::Resume(inheritance) => {
                        self.resume(&session.run, &start, inheritance, (seq, time))?;
                        if self.chain.difference.is_some() {
                            return Ok(());
                        }
                        continue;
                    }
                    _ => self.at = Some(self.begin(&start, None, (seq, time))?),
                },
                (_, Some(start)) => self.at = Some(self.begin(&start, None, (seq, time))?),
                (_, None) => {}
            }
            if let (Some((pipeline, _)), Some(given)) = (&mut self.at, read.given()) {
                pipeline.take(seq, time, given, &mut Nobody);
                pipeline.discard_wishes();
            }
        }
        Ok(())
    }

    /// A pipeline at the begin of a run, with its configuration: with what the run takes over.
    fn begin(
        &self,
        start: &TapeInput,
        inheritance: Option<&Inheritance>,
        (seq, time): (u64, UnixNanos),
    ) -> Result<(Pipeline, String), AppError> {
        let config = config_of(start).to_owned();
        let (mut pipeline, _) = recorded(&config, self.registry)?;
        pipeline.take(1, time, Given::Other(start), &mut Nobody);
        if let Some(inheritance) = inheritance {
            let resume = TapeInput::Resume(inheritance.clone());
            pipeline.take(seq, time, Given::Other(&resume), &mut Nobody);
        }
        pipeline.discard_wishes();
        Ok((pipeline, config))
    }

    /// The recording of a run; `None` for one that is gone.
    fn open(&mut self, session: &SessionRow) -> Result<Option<Reader>, AppError> {
        let directory = place(&session.run, &session.directory);
        if directory.exists() {
            return match Reader::open(&directory) {
                // It was ended before it recorded anything.
                Err(TapeError::NotATape { .. } | TapeError::Empty { .. })
                    if session.seq.is_none() =>
                {
                    Ok(None)
                }
                opened => Ok(Some(opened?)),
            };
        }
        if session.seq.is_some() {
            self.chain.gone += 1;
            self.at = None;
        }
        Ok(None)
    }

    fn resume(
        &mut self,
        run: &RunId,
        start: &TapeInput,
        inheritance: &Inheritance,
        moment: (u64, UnixNanos),
    ) -> Result<(), AppError> {
        let failed = |error: String| AppError::new(Exit::Failed, error);
        let is_whole = match (&inheritance.estate, &mut self.at) {
            // The run before is gone: the chain begins with what this one took over.
            (_, None) => false,
            (Estate::Standing(recorded), Some((pipeline, _))) => {
                self.chain.reconfigured += 1;
                let standing = pipeline.settle_up(&mut Nobody);
                if serde_json::to_string(&standing).is_ok_and(|json| json != *recorded) {
                    let text = format!("{run} did not begin with what its account had");
                    self.chain.difference = Some(text);
                }
                false
            }
            (Estate::Whole(recorded), Some((pipeline, _))) => {
                let state = pipeline.save().map_err(|error| failed(error.to_string()))?;
                if state == *recorded {
                    self.chain.equal += 1;
                } else {
                    let text = format!("{run} did not begin with what the run before it left");
                    self.chain.difference = Some(text);
                }
                true
            }
        };
        match (is_whole, &mut self.at) {
            // It is the same pipeline that goes on.
            (true, Some((pipeline, config))) if config == config_of(start) => {
                pipeline.go_on(moment.0, moment.1, &mut Nobody);
                pipeline.discard_wishes();
            }
            _ => self.at = Some(self.begin(start, Some(inheritance), moment)?),
        }
        Ok(())
    }
}

/// The configuration that a run's first input holds.
fn config_of(start: &TapeInput) -> &str {
    match start {
        TapeInput::Start { config, .. } => config,
        _ => "",
    }
}
