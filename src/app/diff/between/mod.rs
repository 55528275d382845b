//! `diff A B`: two runs again, side by side, to the first record in which they part.
//!
//! Nothing is compared that was only written: both runs are run again from their recorded inputs, so
//! that every evaluation takes part, written or not. The hash marks of both tapes say whether that
//! is what was recorded.
//!
//! Two runs of the same inputs go in step ([`step`]); any others are compared by decision ([`loose`]).
//!
//! What does not count: the name of the account that a run begins with, the prefix of its ids, and
//! what a backtest does after its market's end to bring orders on their way to their end.

mod chained;
mod config;
mod decisions;
mod heard;
mod input;
mod loose;
mod report;
mod rule;
mod side;
mod step;

use std::path::PathBuf;

use self::loose::Loose;
pub use self::report::Report;
use self::side::Side;
use self::step::Steps;
use crate::app::error::{AppError, Exit};
use crate::app::past::Recording;
use crate::app::setup;
use crate::strategy::StrategyKind;
use crate::tape::{self, TapeError};

/// Sessions that are named where one does not exist.
const NEAREST: usize = 3;

/// What is compared.
#[derive(Clone, Debug)]
pub struct Request {
    /// A session, its prefix, a tape, or `last`.
    pub a: String,
    /// Another one; where there is none, the same under another configuration.
    pub b: Option<String>,
    /// Settings of the second run.
    pub set: Vec<String>,
    /// The configuration of the second run.
    pub config: Option<PathBuf>,
    /// Columns of the text.
    pub width: u16,
}

/// Compares two runs.
pub fn check(request: &Request, registry: &[StrategyKind]) -> Result<Report, AppError> {
    let under = request.under();
    let [a, b] = request.open(registry)?;
    let settings = config::settings(&a.recording.loaded, &b.recording.loaded);
    let is_strict = loose::is_of_same_inputs(&a.recording, &b.recording);
    let mut steps = Steps::new([a, b]);
    if is_strict {
        steps.walk()?;
    } else if steps.walk_loose(Loose::Moment)? == 0 {
        // They share no moment of a market: what is left is the order of their decisions.
        steps = Steps::new(request.open(registry)?);
        steps.walk_loose(Loose::Number)?;
    }
    Ok(Report::of(steps, settings, under, request.width))
}

impl Request {
    fn is_changed(&self) -> bool {
        !self.set.is_empty() || self.config.is_some()
    }

    /// What B is under, in words.
    fn under(&self) -> Option<String> {
        let file = self.config.iter().map(|file| file.display().to_string());
        let all: Vec<String> = file.chain(self.set.iter().cloned()).collect();
        self.is_changed().then(|| all.join(", "))
    }

    /// Both runs before their first input.
    fn open(&self, registry: &[StrategyKind]) -> Result<[Side; 2], AppError> {
        let a = open(&self.a, registry)?;
        let b = match &self.b {
            Some(b) => open(b, registry)?,
            None if self.is_changed() => open(&self.a, registry)?,
            None => {
                let text = "compare with what? Give a second session, a change (--set, --config-b), \
                            or --against files of the venue's history";
                return Err(AppError::new(Exit::Usage, text));
            }
        };
        if !self.is_changed() {
            return Ok([Side::of(a)?, Side::of(b)?]);
        }
        let loaded = match &self.config {
            Some(file) => setup::load(Some(file.clone()), &self.set, registry)?,
            None => setup::load_text(b.loaded.canonical(), &self.set, registry)?,
        };
        let changed = b.under(loaded)?;
        Ok([Side::of(a)?, Side::changed(b, changed)?])
    }
}

/// Opens a session; where there is none of this name, says which there are.
fn open(argument: &str, registry: &[StrategyKind]) -> Result<Recording, AppError> {
    let root = tape::default_root()?;
    let found = match tape::resolve(argument, &root) {
        Err(error @ TapeError::NoSuchTape { .. }) => {
            let mut names: Vec<String> =
                tape::list(&root)?.iter().map(|known| known.run_id.to_string()).collect();
            // The nearest first; of those that are equally near, the newest.
            names.sort_by_cached_key(|name| {
                let short = name.rsplit('-').next().unwrap_or(name);
                let near = [name.as_str(), short].map(|name| strsim::levenshtein(name, argument));
                (near.into_iter().min(), std::cmp::Reverse(name.clone()))
            });
            names.truncate(NEAREST);
            let there = match names.as_slice() {
                [] => "there are no sessions yet".to_owned(),
                names => format!("the nearest are {}", names.join(", ")),
            };
            return Err(AppError::new(Exit::Failed, format!("{error}; {there}")));
        }
        found => found?,
    };
    Recording::of(found, registry)
}
