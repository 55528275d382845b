//! Files of history joined with a run: what there is against what the configuration wants, and
//! facts as the inputs that the engine takes, from files and from a tape alike.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::build::{self, Plan};
use super::error::AppError;
use super::pipeline::{Listed, TapeInput};
use crate::domain::{InstrumentId, Nanos};
use crate::engine::FillModel;
use crate::history::{Dataset, Fact, FileReport, Gaps, History, Options, Row, Stream, span};
use crate::strategy::expression::Around;
use crate::strategy::{BarKind, Feed, StrategyKind, rules};
use crate::tape::{Channel, Reader};

/// Files named in full in a result that a person reads.
const SHOWN: usize = 4;

/// What a run had of history: part of its result.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The files with what was found in each; none for a tape.
    pub files: Vec<FileReport>,
    /// Exact duplicates of a row before, dropped.
    pub duplicates: u64,
    /// What was missing.
    pub gaps: Gaps,
    /// Instruments of strategies that there was nothing of.
    pub without_data: Vec<String>,
}

impl Summary {
    /// Of files, after the last row of them.
    pub fn new(files: Vec<FileReport>, gaps: Gaps, without_data: Vec<String>) -> Self {
        let duplicates = files.iter().map(|file| file.duplicates).sum();
        Self { files, duplicates, gaps, without_data }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in self.files.iter().take(SHOWN) {
            writeln!(
                f,
                "history      {}: {} of {}, {} rows, {} duplicates dropped",
                file.path, file.format, file.instrument, file.rows, file.duplicates
            )?;
        }
        if let Some(more) = self.files.get(SHOWN..).filter(|more| !more.is_empty()) {
            let rows: u64 = more.iter().map(|file| file.rows).sum();
            let duplicates: u64 = more.iter().map(|file| file.duplicates).sum();
            let more = more.len();
            writeln!(
                f,
                "history      and {more} more: {rows} rows, {duplicates} duplicates dropped"
            )?;
        }
        let (count, missing) = (self.gaps.count, self.gaps.missing);
        write!(f, "missing      {missing} rows in {count} gaps")?;
        for gap in self.gaps.first.iter().take(SHOWN) {
            let missing = gap.missing.map_or_else(String::new, |count| format!(" ({count})"));
            write!(f, "\n             {} {} to {}{missing}", gap.instrument, gap.from, gap.to)?;
        }
        if !self.without_data.is_empty() {
            write!(f, "\nno data      {}", self.without_data.join(", "))?;
        }
        Ok(())
    }
}

/// What a history is of, as a tape says it.
pub fn listed(streams: &[Stream]) -> Vec<Listed> {
    let listed = |stream: &Stream| Listed {
        symbol: stream.symbol.clone(),
        dataset: stream.dataset,
        bars: stream.bars,
    };
    streams.iter().map(listed).collect()
}

/// Gaps to be noted in what is listed.
pub fn gaps(listed: &[Listed]) -> Gaps {
    Gaps::watch(listed.iter().map(|listed| (listed.symbol.as_str(), listed.dataset)))
}

/// What a tape that was made of files is of; `None` for any other tape.
pub fn listed_on(path: &Path) -> Result<Option<Vec<Listed>>, AppError> {
    let mut reader = Reader::open(path)?;
    let Some(entry) = reader.next()? else { return Ok(None) };
    Ok(match (entry.channel, postcard::from_bytes(entry.bytes)) {
        (Channel::Input, Ok(TapeInput::Listed(listed))) => Some(listed),
        _ => None,
    })
}

/// A row as an input.
pub fn input(row: &Row) -> TapeInput {
    let of = u16::try_from(row.stream).unwrap_or(u16::MAX);
    match row.fact {
        Fact::Trade(trade) => TapeInput::Trade { of, trade },
        Fact::Candle(candle) => TapeInput::Candle { of, candle },
    }
}

/// An input as a row; `None` for inputs that are no history.
pub fn row(input: &TapeInput) -> Option<Row> {
    match input {
        TapeInput::Trade { of, trade } => {
            Some(Row { stream: usize::from(*of), fact: Fact::Trade(*trade) })
        }
        TapeInput::Candle { of, candle } => {
            Some(Row { stream: usize::from(*of), fact: Fact::Candle(*candle) })
        }
        _ => None,
    }
}

/// Refuses a run whose configuration asks for more than there is. `places` are where what is
/// listed comes from.
pub fn check(
    plan: &Plan,
    registry: &[StrategyKind],
    listed: &[Listed],
    places: &[String],
) -> Result<(), AppError> {
    let pipeline = build::pipeline(plan, registry)?;
    let known: Vec<&str> =
        plan.engine.instruments.iter().map(|known| known.symbol.as_str()).collect();
    for (listed, place) in listed.iter().zip(places) {
        let Some(at) = known.iter().position(|known| *known == listed.symbol) else {
            return Err(AppError::invalid(format!(
                "{place} is of {}, which the configuration does not have: venue.instruments is {}",
                listed.symbol,
                known.join(", ")
            )));
        };
        let at = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
        for (strategy, feed) in pipeline.engine().feeds(at) {
            check_feed(feed, listed).map_err(|problem| {
                AppError::invalid(format!("strategy {strategy:?} needs {problem}"))
            })?;
        }
    }
    check_rules(plan)?;
    let place = places.first().map_or("history", String::as_str);
    let lacks = match plan.engine.paper.fills {
        FillModel::Book => "an order book",
        FillModel::Touch => "quotes",
        FillModel::LastTrade => return Ok(()),
    };
    Err(AppError::invalid(format!(
        "paper.fills = \"{}\" needs {lacks}, and {place} has none: \"last_trade\" works (--set \
         paper.fills=last_trade)",
        plan.engine.paper.fills.as_str()
    )))
}

/// Refuses rules on a book or quotes: they would never hold.
fn check_rules(plan: &Plan) -> Result<(), AppError> {
    for strategy in &plan.engine.strategies {
        let bars = matches!(strategy.feed, Feed::Bars(_));
        let around = Around { bars, trades: true, quotes: false };
        for (key, text) in strategy.rules.iter() {
            rules::check(text, around).map_err(|mistake| {
                let name = &strategy.name;
                AppError::invalid(format!(
                    "strategy {name:?}, {key} = {text:?}: {}; history in files has none",
                    mistake.message
                ))
            })?;
        }
    }
    Ok(())
}

/// Whether what is listed can feed a strategy.
fn check_feed(feed: Feed, listed: &Listed) -> Result<(), String> {
    let Listed { symbol, bars, .. } = listed;
    let wants = match (feed, *bars) {
        (Feed::Quotes, _) => {
            return Err(format!("quotes, which history of {symbol} in files does not have"));
        }
        (Feed::Trades | Feed::Bars(_), None) => return Ok(()),
        (Feed::Trades, Some(has)) => return Err(needs_trades("trades", symbol, has)),
        (Feed::Bars(kind), Some(has)) => match kind {
            BarKind::Time(wants) => (wants, has),
            counted => {
                return Err(needs_trades(&format!("{counted}, made of trades"), symbol, has));
            }
        },
    };
    match wants {
        (wants, has) if wants < has => Err(format!(
            "bars of {}, and the history of {symbol} is bars of {}, of which shorter ones cannot \
             be made: use \"bars:{}\" or longer, or give trades with --ticks",
            span(wants),
            span(has),
            span(has)
        )),
        (wants, has) if !wants.is_multiple_of(has) => Err(format!(
            "bars of {}, which are not made of whole bars of {}, the history of {symbol}",
            span(wants),
            span(has)
        )),
        _ => Ok(()),
    }
}

fn needs_trades(what: &str, symbol: &str, has: Nanos) -> String {
    let has = span(has);
    format!(
        "{what}, and the history of {symbol} is bars of {has}: use \"bars:{has}\", or give trades \
         with --ticks"
    )
}

/// Instruments that strategies want and nothing is listed of.
pub fn without_data(plan: &Plan, listed: &[Listed]) -> Vec<String> {
    let wanted = |id: &InstrumentId| {
        let mut all = plan.engine.strategies.iter().flat_map(|strategy| &strategy.instruments);
        all.any(|wanted| wanted == id)
    };
    (0..)
        .map(InstrumentId)
        .zip(&plan.engine.instruments)
        .filter(|(id, _)| wanted(id))
        .map(|(_, instrument)| instrument.symbol.clone())
        .filter(|symbol| listed.iter().all(|listed| listed.symbol != *symbol))
        .collect()
}

/// What `--ticks` and `--bars` take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Files of trades.
    Ticks,
    /// Files of bars.
    Bars,
}

/// Opens the files of a backtest.
pub fn open(
    files: &[PathBuf],
    wanted: Wanted,
    instrument: Option<&String>,
    plan: &Plan,
) -> Result<History, AppError> {
    let (datasets, use_this) = match wanted {
        Wanted::Ticks => (vec![Dataset::Ticks, Dataset::Trades, Dataset::AggTrades], "--bars"),
        Wanted::Bars => (vec![Dataset::Klines], "--ticks"),
    };
    let configured = plan.engine.instruments.iter().map(|known| known.symbol.clone()).collect();
    let (instrument, otherwise) = (instrument.cloned(), format!(": use {use_this}"));
    Ok(History::open(files, &Options { instrument, configured, datasets, otherwise })?)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::app::build::Filters;
    use crate::app::setup;
    use crate::domain::UnixNanos;
    use crate::strategies;
    use crate::strategy::{Bar, Context, ParamSpec, Params, Strategy, StrategyError};

    const MINUTE: Nanos = 60 * UnixNanos::SECOND;

    /// Decides on minutes and looks at something else.
    #[derive(Serialize, Deserialize)]
    struct Looks(f64);

    impl Strategy for Looks {
        const KIND: &'static str = "looks";
        const PARAMS: &'static [ParamSpec] =
            &[ParamSpec { name: "at", default: 60.0, min: 0.0, max: 1e6, about: "seconds" }];

        fn new(params: &Params) -> Result<Self, StrategyError> {
            Ok(Self(params.get("at")))
        }

        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole seconds"
        )]
        fn reads(&self) -> Vec<(BarKind, usize)> {
            let kind = match self.0 as u64 {
                0 => BarKind::Ticks(100),
                seconds => BarKind::Time(seconds * UnixNanos::SECOND),
            };
            vec![(kind, 5)]
        }

        fn on_bar(&mut self, _: &mut Context<'_>, _: &Bar) {}
    }

    fn refusal(text: &str, dataset: Dataset, bars: Option<Nanos>) -> Option<String> {
        let registry: Vec<StrategyKind> =
            crate::strategy::built_in().into_iter().chain(strategies![Looks]).collect();
        let head = "[paper]\nfills = \"last_trade\"\n[venue]\ninstruments = [\"BTCUSDT\"]\n";
        let loaded = setup::load_text(&format!("{head}{text}"), &[], &registry).unwrap();
        let plan = build::plan(&loaded, Filters::Open).unwrap();
        let listed = Listed { symbol: "BTCUSDT".to_owned(), dataset, bars };
        let refused = check(&plan, &registry, &[listed], &["a.csv".to_owned()]);
        refused.err().map(|error| error.to_string())
    }

    /// A strategy that looks at bars which nobody makes decides nothing for a year.
    #[test]
    fn what_a_strategy_only_reads_must_be_there_too() {
        let looks = |seconds: u64| {
            format!(
                "[[strategy]]\nname = \"s\"\nkind = \"looks\"\nfeed = \"bars:1m\"\nsize = \"1\"\n\
                 [strategy.params]\nat = {seconds}\n"
            )
        };
        for (seconds, said) in [
            (60, None),
            (3_600, None),
            (1, Some("bars of 1s, and")),
            (90, Some("not made of whole bars of 1m")),
            (0, Some("ticks:100, made of trades")),
        ] {
            let refusal = refusal(&looks(seconds), Dataset::Klines, Some(MINUTE));
            assert_eq!(refusal.is_some(), said.is_some(), "{seconds}: {refusal:?}");
            assert!(refusal.unwrap_or_default().contains(said.unwrap_or_default()), "{seconds}");
        }
        for seconds in [0, 1, 60, 90] {
            assert_eq!(refusal(&looks(seconds), Dataset::Trades, None), None, "{seconds}");
        }
    }

    /// A rule on a spread that is never known never holds.
    #[test]
    fn a_rule_on_quotes_is_refused() {
        let rules = |enter: &str| {
            format!(
                "[[strategy]]\nname = \"s\"\nkind = \"rules\"\nfeed = \"bars:1m\"\nsize = \"1\"\n\
                 enter = \"{enter}\"\nexit = \"loss > 1%\"\n"
            )
        };
        assert_eq!(refusal(&rules("close > ema(5)"), Dataset::Klines, Some(MINUTE)), None);
        let refused = refusal(&rules("spread < 0.05%"), Dataset::Trades, None).unwrap();
        assert!(refused.contains("`spread` needs quotes"), "{refused}");
    }
}
