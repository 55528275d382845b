//! A side: one of the two runs that are compared, run again from its first input.

use super::heard::Heard;
use super::input::Given;
use crate::app::error::{AppError, Exit};
use crate::app::past::{Cursor, Proof, Recording};
use crate::app::pipeline::{Estate, Inheritance, TapeInput};
use crate::domain::{Num, UnixNanos};
use crate::engine::view::{EngineView, EvaluationView};
use crate::engine::{Evaluation, Nobody};
use crate::tape::TapeEnd;
use crate::tui::Chain;

/// A run that is run again.
pub struct Side {
    /// The run.
    pub recording: Recording,
    /// What it said since both sides agreed.
    pub heard: Heard,
    /// The input that comes next.
    next: Option<Given>,
    /// The last input taken.
    pub last: Given,
    /// How its inputs ended, once they have.
    end: Option<End>,
    cursor: Cursor,
    /// It is another run under a change: what that began with, and what it took over.
    original: Option<Box<Recording>>,
}

/// How a side's inputs ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// As they should.
    Finished,
    /// The writer was killed, or still writes.
    Torn(String),
    /// What follows cannot be read.
    Damaged(String),
}

impl Side {
    /// A recording before its first input.
    pub fn of(recording: Recording) -> Result<Self, AppError> {
        let cursor = recording.begin()?;
        Ok(Self {
            recording,
            heard: Heard::default(),
            next: None,
            last: Given::default(),
            end: None,
            cursor,
            original: None,
        })
    }

    /// The inputs of `original` under another configuration.
    pub fn changed(original: Recording, changed: Recording) -> Result<Self, AppError> {
        let mut side = Self::of(changed)?;
        side.original = Some(Box::new(original));
        Ok(side)
    }

    /// The next input, none at the end.
    pub fn peek(&mut self) -> Result<Option<&Given>, AppError> {
        if self.next.is_none() && self.end.is_none() {
            match self.cursor.peek() {
                Ok(Some((seq, time))) => {
                    self.next = self.cursor.look().map(|look| Given::of(seq, time, look));
                }
                Ok(None) => {
                    self.end = Some(match self.cursor.end() {
                        Some(TapeEnd::Torn { at_byte, .. }) => End::Torn(format!(
                            "{} was torn off and ends at byte {at_byte}",
                            self.recording.name
                        )),
                        _ => End::Finished,
                    });
                }
                Err(error) if error.exit() == Exit::Different => {
                    let name = &self.recording.name;
                    self.end = Some(End::Damaged(format!("{name} is damaged: {error}")));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(self.next.as_ref())
    }

    /// Takes the next input.
    pub fn take(&mut self) -> Result<(), AppError> {
        let Some(given) = self.next.take() else { return Ok(()) };
        self.heard.begin(given.seq);
        match self.instead_of(&given)? {
            Some(other) => self.cursor.take_instead(&other, &mut self.heard)?,
            None => self.cursor.take(&mut self.heard)?,
        };
        self.last = given;
        Ok(())
    }

    /// What a changed configuration begins with in the place of what was recorded.
    fn instead_of(&self, given: &Given) -> Result<Option<TapeInput>, AppError> {
        let Some(original) = &self.original else { return Ok(None) };
        Ok(match given.own() {
            Some(TapeInput::Start { .. }) => Some(TapeInput::Start {
                state: self.recording.plan.start.clone(),
                config: self.recording.loaded.canonical().to_owned(),
            }),
            Some(TapeInput::Resume(Inheritance { from, estate: estate @ Estate::Whole(_) })) => {
                // Another configuration takes over what the account has, not the whole state.
                let failed = |text: String| AppError::new(Exit::Different, text);
                let mut pipeline = original.pipeline()?;
                pipeline.inherit(&estate).map_err(failed)?;
                let standing = serde_json::to_string(&pipeline.settle_up(&mut Nobody))
                    .map_err(|error| AppError::new(Exit::Failed, error.to_string()))?;
                let estate = Estate::Standing(standing);
                Some(TapeInput::Resume(Inheritance { from, estate }))
            }
            _ => None,
        })
    }

    /// How its inputs ended.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// How far the run is proven; nothing of one under a change was recorded.
    pub fn proof(&self) -> Option<Proof> {
        self.original.is_none().then(|| self.cursor.rerun.proof())
    }

    /// It is a recorded run under a change.
    pub fn is_changed(&self) -> bool {
        self.original.is_some()
    }

    /// What it made or lost, fees included.
    pub fn pnl(&self) -> Num {
        self.cursor.rerun.engine().money().pnl
    }

    /// Its time.
    pub fn time(&self) -> UnixNanos {
        self.cursor.rerun.time()
    }

    /// The names of its strategies.
    pub fn strategies(&self) -> Vec<String> {
        self.recording.plan.engine.strategies.iter().map(|s| s.name.clone()).collect()
    }

    /// The symbols of its instruments.
    pub fn symbols(&self) -> Vec<String> {
        self.recording.plan.engine.instruments.iter().map(|i| i.symbol.clone()).collect()
    }

    /// An evaluation with its names.
    pub fn resolve(&mut self, evaluation: &Evaluation) -> Option<EvaluationView> {
        self.cursor.rerun.viewer().evaluation_view(evaluation)
    }

    /// An evaluation and what is known now of what came of it.
    pub fn chain(&mut self, evaluation: EvaluationView) -> Chain {
        let decision = self.cursor.rerun.viewer().decision(&evaluation.id);
        Chain { evaluation: evaluation.into(), decision }
    }

    /// What a screen shows now.
    pub fn view(&mut self) -> EngineView {
        self.cursor.rerun.view()
    }
}
