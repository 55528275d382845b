//! A recorded backtest again. Its session holds no market data but names what it read: that is
//! read again, if it is still there and still the same.

use std::path::{Path, PathBuf};

use super::comparison::Comparison;
use super::{Verdict, torn};
use crate::app::backtest::Bench;
use crate::app::error::{AppError, Exit};
use crate::app::history::Wanted;
use crate::app::market::Market;
use crate::app::outputs::{EntrySink, TapeStopped};
use crate::app::setup;
use crate::domain::RunId;
use crate::strategy::StrategyKind;
use crate::tape::{self, Channel, Entry, InputKind, InputTape, Reader};

/// Replays the backtest of a session and compares.
pub fn verify(
    directory: &Path,
    run: &RunId,
    input: &InputTape,
    registry: &[StrategyKind],
) -> Result<Verdict, AppError> {
    let market = market(run, input)?;
    let loaded = setup::load_text(&tape::config_of(directory)?, &[], registry)?;
    let (plan, opened) = market.open(&loaded, registry)?;
    let mut against = Against {
        recorded: Reader::open(directory)?,
        comparison: Comparison::of(run.clone(), &plan),
        over: false,
        error: None,
    };
    let mut bench = Bench::new(&plan, registry, false, &mut against)?;
    let ran = bench.run(loaded.canonical(), opened, true);
    let inputs = bench.inputs();
    if let Err(error) = ran
        && !against.over
    {
        return Err(against.error.take().unwrap_or(error));
    }
    against.catch_up()?;
    let torn = torn(&against.recorded);
    let mut comparison = against.comparison;
    if torn.is_none() {
        comparison.expect_nothing_more();
    }
    let ran = (inputs, comparison.latest);
    Ok(Verdict::new(run.to_string(), ran, comparison, torn))
}

/// What the backtest read, if it can be read again.
fn market(run: &RunId, input: &InputTape) -> Result<Market, AppError> {
    let paths = || std::iter::once(&input.path).chain(&input.more);
    if let Some(gone) = paths().find(|path| !Path::new(path).exists()) {
        return Err(AppError::new(
            Exit::Failed,
            format!(
                "the backtest {run} read {gone}, which is no longer there: put it back to replay"
            ),
        ));
    }
    let files: Vec<PathBuf> = paths().map(PathBuf::from).collect();
    let path = PathBuf::from(&input.path);
    let hash = match input.kind {
        InputKind::Tape => setup::hash_path(&path)?,
        InputKind::Ticks | InputKind::Bars => setup::hash_files(&files)?,
    };
    if hash != input.hash {
        let several = if input.more.is_empty() { "which has" } else { "of which one has" };
        let read = paths().map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(AppError::new(
            Exit::Different,
            format!(
                "the backtest {run} read {read}, {several} changed since: only the same bytes replay"
            ),
        ));
    }
    let instrument = input.instrument.clone();
    Ok(match input.kind {
        InputKind::Tape => Market::Tape { path, own_config: input.own_config },
        InputKind::Ticks => Market::Files { files, wanted: Wanted::Ticks, instrument },
        InputKind::Bars => Market::Files { files, wanted: Wanted::Bars, instrument },
    })
}

/// The recording that a backtest runs against, in the place of one that it writes.
struct Against {
    recorded: Reader,
    comparison: Comparison,
    /// Nothing is left to compare: a difference, or the end of a torn recording.
    over: bool,
    error: Option<AppError>,
}

impl EntrySink for Against {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), TapeStopped> {
        self.comparison.entry(entry)?;
        if entry.channel == Channel::Mark
            && let Err(error) = self.catch_up()
        {
            self.error = Some(error);
            return Err(TapeStopped);
        }
        if self.over { Err(TapeStopped) } else { Ok(()) }
    }
}

impl Against {
    /// Compares up to the next recorded mark, or the end.
    fn catch_up(&mut self) -> Result<(), AppError> {
        while !self.over {
            let Some(entry) = self.recorded.next()? else {
                self.over = true;
                break;
            };
            match entry.channel {
                Channel::Output => self.comparison.recorded_block(entry.seq, entry.bytes)?,
                Channel::Mark => {
                    let latest = self.comparison.latest;
                    self.comparison.recorded_mark(entry.seq, entry.bytes, latest)?;
                    self.over = self.comparison.difference.is_some();
                    break;
                }
                _ => {}
            }
            self.over = self.comparison.difference.is_some();
        }
        Ok(())
    }
}
