//! `diff A B`: two runs again, side by side, to the first record in which they part.
//!
//! Nothing is compared that was only written: both runs are run again from their recorded inputs, so
//! that every evaluation takes part, written or not. The hash marks of both tapes say whether that
//! is what was recorded.
//!
//! What does not count: the name of the account that a run begins with, the prefix of its ids, and
//! what a backtest does after its market's end to bring orders on their way to their end.

mod chained;
mod config;
mod decisions;
mod heard;
mod input;
mod report;
mod rule;
mod side;
mod step;

use std::path::PathBuf;

pub use self::report::Report;
use self::side::Side;
use self::step::Steps;
use crate::app::error::{AppError, Exit};
use crate::app::past::Recording;
use crate::app::setup;
use crate::strategy::StrategyKind;

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
    let a = Recording::open(&request.a, registry)?;
    let is_changed = !request.set.is_empty() || request.config.is_some();
    let b = match &request.b {
        Some(b) => Recording::open(b, registry)?,
        None if is_changed => Recording::open(&request.a, registry)?,
        None => {
            let text = "compare with what? Give a second session, a change (--set, --config-b), or \
                        --against files of the venue's history";
            return Err(AppError::new(Exit::Usage, text));
        }
    };
    let (b, under) = if is_changed {
        let set: Vec<String> = request.set.iter().map(|change| config::spelled(change)).collect();
        let loaded = match &request.config {
            Some(file) => setup::load(Some(file.clone()), &set, registry)?,
            None => setup::load_text(b.loaded.canonical(), &set, registry)?,
        };
        let file = request.config.iter().map(|file| file.display().to_string());
        let under = file.chain(request.set.iter().cloned()).collect::<Vec<_>>().join(", ");
        let changed = b.under(loaded)?;
        (Side::changed(b, changed)?, Some(under))
    } else {
        (Side::of(b)?, None)
    };
    let a = Side::of(a)?;
    let settings = config::settings(&a.recording.loaded, &b.recording.loaded);
    let mut steps = Steps::new([a, b]);
    steps.walk()?;
    Ok(Report::of(steps, settings, under, request.width))
}
