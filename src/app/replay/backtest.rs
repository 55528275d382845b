//! A recorded backtest again. Its session holds no market data but names what it read: that is
//! read again, if it is still there and still the same.

use std::path::Path;

use super::comparison::Comparison;
use super::{Verdict, torn};
use crate::app::backtest::Bench;
use crate::app::error::AppError;
use crate::app::market::Market;
use crate::app::outputs::{EntrySink, TapeStopped};
use crate::app::setup;
use crate::domain::RunId;
use crate::strategy::StrategyKind;
use crate::tape::{self, Channel, Entry, InputTape, Reader};

/// Replays the backtest of a session and compares.
pub fn verify(
    directory: &Path,
    run: &RunId,
    input: &InputTape,
    registry: &[StrategyKind],
) -> Result<Verdict, AppError> {
    let market = Market::again(run, input)?;
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
