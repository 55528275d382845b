//! `diff SESSION --against FILES`: what was received against the venue's published history, bar by
//! bar and trade by trade, and which decisions the difference changed.

mod corrected;
mod decisions;
mod published;
mod received;
mod report;
mod subject;

use std::path::PathBuf;

use self::decisions::Effect;
pub use self::report::Report;
use self::subject::Subject;
use crate::app::error::AppError;
use crate::strategy::StrategyKind;

/// What is compared.
#[derive(Clone, Debug)]
pub struct Request {
    /// A session, its prefix, a tape, or `last`.
    pub session: String,
    /// Files of trades or klines.
    pub files: Vec<PathBuf>,
    /// The instrument of files whose names do not say it.
    pub instrument: Option<String>,
}

/// Compares a session with files. Where all is equal, nothing is run again but to make its bars.
pub fn check(request: &Request, registry: &[StrategyKind]) -> Result<Report, AppError> {
    let subject = Subject::open(&request.session, registry)?;
    let received = received::collect(&subject, registry)?;
    let (published, files) = published::read(
        &request.files,
        request.instrument.as_ref(),
        &subject.symbols(),
        &received,
        &subject.name,
    )?;
    let has_candles = published.iter().any(|published| !published.candles.is_empty());
    let has_changes = published.iter().any(|published| !published.changes.is_empty());
    let effect = if has_candles || has_changes {
        decisions::run(&subject, registry, &received, &published)?
    } else {
        Effect::default()
    };
    Ok(Report::new(&subject, files, &received, &published, effect))
}
