//! A rerun: the pipeline of a recorded run, at some input of it, taking what comes next on its tape.

use super::head::{Happened, Happening};
use super::retold::{Proof, Retold};
use crate::app::error::{AppError, Exit};
use crate::app::pipeline::{Given, Pipeline, TapeInput};
use crate::app::source::{Inputs, Replayed};
use crate::domain::{StrategyId, UnixNanos};
use crate::engine::view::EngineView;
use crate::engine::{Engine, Nobody, Outlet, Record, Viewer};
use crate::strategy::RuleTexts;
use crate::tape::{Entry, Timing};

/// A run, run again up to an input.
pub struct Rerun {
    pipeline: Pipeline,
    inputs: Inputs,
    retold: Retold,
    seq: u64,
    time: UnixNanos,
    begun: bool,
}

/// A rerun's state at a moment, to go back to.
#[derive(Clone)]
pub struct Moment {
    /// The last input before it.
    pub seq: u64,
    /// When that was received.
    pub time: UnixNanos,
    /// An input was taken, which may have the number 0.
    begun: bool,
    pipeline: Vec<u8>,
    retold: Retold,
}

/// A change of what a strategy compares with; its memory stays.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// A parameter, wherever it is compared by its name.
    Parameter(StrategyId, String, f64),
    /// The rules.
    Rules(StrategyId, RuleTexts),
}

/// What an entry of the tape was to a rerun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// An input, which was taken.
    Input,
    /// A mark, which was compared.
    Mark,
    /// What the engine said then.
    Nothing,
}

/// A record goes to two.
struct Both<'a>(&'a mut Retold, &'a mut dyn Outlet);

impl Outlet for Both<'_> {
    fn record(&mut self, record: &Record) {
        self.0.record(record);
        self.1.record(record);
    }
}

impl Rerun {
    /// A pipeline that has taken the input `seq`, or none when that is 0, and what was made of its
    /// records.
    pub(super) fn new(pipeline: Pipeline, retold: Retold, seq: u64, time: UnixNanos) -> Self {
        Self { pipeline, inputs: Inputs::default(), retold, seq, time, begun: seq > 0 }
    }

    /// Takes what comes next on the tape; `beside` hears every record.
    pub fn entry(&mut self, entry: &Entry<'_>, beside: &mut dyn Outlet) -> Result<Taken, AppError> {
        let broken = |text: String| AppError::new(Exit::Different, text);
        let mut inputs = std::mem::take(&mut self.inputs);
        if let Some(timing) = Timing::of(entry) {
            self.retold.viewer().timed(entry.seq, timing.total);
        }
        let taken = match inputs.read(entry).map_err(broken)? {
            Replayed::Mark(bytes) => self.retold.mark(bytes).map(|()| Taken::Mark),
            read => match read.given() {
                Some(given) => {
                    self.take(entry.seq, entry.time, given, beside).map(|()| Taken::Input)
                }
                None => Ok(Taken::Nothing),
            },
        };
        self.inputs = inputs;
        taken
    }

    /// Takes an input.
    pub fn take(
        &mut self,
        seq: u64,
        time: UnixNanos,
        given: Given<'_>,
        beside: &mut dyn Outlet,
    ) -> Result<(), AppError> {
        self.retold.begin(seq, time);
        if let Given::Other(TapeInput::Line(event)) = given {
            self.retold.note(Happening::of_line(*event));
        }
        self.pipeline.take(seq, time, given, &mut Both(&mut self.retold, beside));
        self.pipeline.discard_wishes();
        if let Some(fault) = self.pipeline.fault() {
            let text = format!("the run went on with a state that cannot be taken over: {fault}");
            return Err(AppError::new(Exit::Different, text));
        }
        (self.seq, self.time, self.begun) = (seq, time, true);
        self.retold.end()
    }

    /// Compares with a mark that was recorded after the input just taken.
    pub(super) fn mark(&mut self, bytes: &[u8]) -> Result<(), AppError> {
        self.retold.mark(bytes)
    }

    /// The last input taken.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// True once an input was taken, which may have the number 0.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// When it was received.
    pub fn time(&self) -> UnixNanos {
        self.time
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.pipeline.engine()
    }

    /// The folded records.
    pub fn viewer(&mut self) -> &mut Viewer {
        self.retold.viewer()
    }

    /// How far the run is proven.
    pub fn proof(&self) -> Proof {
        self.retold.proof()
    }

    /// What happened since the last call.
    pub fn take_happened(&mut self) -> Vec<Happened> {
        self.retold.take_happened()
    }

    /// What a screen shows now.
    pub fn view(&mut self) -> EngineView {
        let mut view = self.retold.viewer().build(self.pipeline.engine(), self.seq);
        view.now = self.time;
        view
    }

    /// The state now.
    pub fn moment(&self) -> Result<Moment, AppError> {
        let pipeline = self.pipeline.save().map_err(|error| state_error(&error))?;
        let (retold, begun) = (self.retold.clone(), self.begun);
        Ok(Moment { seq: self.seq, time: self.time, begun, pipeline, retold })
    }

    /// Changes what a strategy compares with from here on.
    pub(super) fn change(&mut self, change: &Change) {
        match change {
            Change::Parameter(strategy, name, value) => {
                self.pipeline.engine_mut().override_parameter(*strategy, name, *value);
            }
            Change::Rules(strategy, rules) => {
                let revise = TapeInput::Revise { strategy: *strategy, rules: rules.clone() };
                self.pipeline.take(self.seq, self.time, Given::Other(&revise), &mut Nobody);
            }
        }
    }

    /// Goes to a moment of the same run.
    pub fn go_to(&mut self, moment: &Moment) -> Result<(), AppError> {
        self.pipeline.restore(&moment.pipeline).map_err(|error| state_error(&error))?;
        self.retold = moment.retold.clone();
        (self.seq, self.time, self.begun) = (moment.seq, moment.time, moment.begun);
        Ok(())
    }
}

impl Moment {
    /// Where its inputs go on; `None` before the first one.
    pub(super) fn place(&self) -> Option<(u64, UnixNanos)> {
        self.begun.then_some((self.seq, self.time))
    }

    /// About how many bytes it holds.
    pub fn size(&self) -> usize {
        // A viewer's rows are shared between moments.
        self.pipeline.len() + 64 * 1024
    }
}

fn state_error(error: &crate::engine::StateError) -> AppError {
    AppError::new(Exit::Different, error.to_string())
}
