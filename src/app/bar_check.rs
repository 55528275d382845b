//! The bar check: the bars that a tape's trades make, compared digit for digit with the venue's own
//! candles: those among the tape's answers, and those in files.

use std::collections::BTreeMap;
use std::path::Path;

use super::build::{self, Plan};
use super::error::{AppError, Exit};
use super::pipeline::{Given, Pipeline};
use super::source::{Inputs, Replayed, request_of};
use crate::domain::{Candle, InstrumentId, UnixNanos};
use crate::engine::Nobody;
use crate::strategy::{Bar, BarKind, Quality, StrategyKind};
use crate::tape::{Channel, Reader};
use crate::venue::Request;
use crate::venue::binance::past;

/// Bars kept of each kind: a month of seconds.
const BARS_KEPT: usize = 2_600_000;

/// The venue's candles of one instrument and length, by open time.
type Candles = BTreeMap<UnixNanos, Candle>;
/// By symbol and length.
type AllCandles = BTreeMap<(String, u64), Candles>;

/// What the check found for one instrument and length.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BarCheck {
    /// The venue's symbol.
    pub symbol: String,
    /// Which bars.
    pub kind: BarKind,
    /// Candles within the time of our bars, where our bar is not partial.
    pub compared: usize,
    /// Those that equal our bar in every digit.
    pub agreed: usize,
    /// Bars that say of themselves that they are not whole.
    pub partial: usize,
    /// The first candle that our bar does not equal, and our bar.
    pub difference: Option<(Candle, Option<Bar>)>,
}

impl BarCheck {
    /// One line for a person.
    pub fn line(&self) -> String {
        let Self { symbol, kind, agreed, compared, partial, .. } = self;
        let partial = match partial {
            0 => String::new(),
            partial => format!(", {partial} partial"),
        };
        format!("{symbol} {agreed} of {compared} {kind}{partial}")
    }
}

/// Reads `SYMBOL=FILE` and the file: an answer of the venue's `klines`.
pub fn read_file(argument: &str) -> Result<(String, Vec<Candle>), AppError> {
    let (symbol, path) = argument.split_once('=').ok_or_else(|| {
        let text = format!("--klines {argument:?}: expected SYMBOL=FILE, as in BTCUSDT=btc.json");
        AppError::new(Exit::Usage, text)
    })?;
    let fail = |problem: String| {
        AppError::new(Exit::Failed, format!("cannot read candles from {path}: {problem}"))
    };
    let bytes = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
    let candles = past::candles(&bytes).map_err(|problem| {
        fail(format!("it is no answer of the venue's klines ({problem:?})").to_lowercase())
    })?;
    Ok((symbol.to_ascii_uppercase(), candles))
}

/// Checks every instrument of a plan over a tape.
pub fn check(
    path: &Path,
    plan: &Plan,
    registry: &[StrategyKind],
    files: Vec<(String, Vec<Candle>)>,
) -> Result<Vec<BarCheck>, AppError> {
    let mut candles = AllCandles::new();
    for (symbol, answer) in files {
        add(&mut candles, &symbol, answer);
    }
    collect(path, &mut candles)?;
    let id = |symbol: &str| {
        let at = plan.engine.instruments.iter().position(|known| known.symbol == symbol)?;
        u16::try_from(at).ok().map(InstrumentId)
    };
    let mut pipeline = build::pipeline(plan, registry)?;
    for (symbol, length) in candles.keys() {
        if let Some(id) = id(symbol) {
            pipeline.engine_mut().make_bars(id, BarKind::Time(*length), BARS_KEPT);
        }
    }
    run(path, &mut pipeline)?;
    let check = |((symbol, length), candles): (&(String, u64), &Candles)| {
        let kind = BarKind::Time(*length);
        let bars = pipeline.engine().closed_bars(id(symbol)?, kind);
        Some(compare(symbol, kind, &bars, candles))
    };
    Ok(candles.iter().filter_map(check).collect())
}

/// The last candle of an answer is unfinished.
fn add(candles: &mut AllCandles, symbol: &str, mut answer: Vec<Candle>) {
    answer.pop();
    for candle in answer {
        let of = candles.entry((symbol.to_owned(), candle.length)).or_default();
        of.insert(candle.open_time, candle);
    }
}

/// Gathers the candles among a tape's answers.
fn collect(path: &Path, candles: &mut AllCandles) -> Result<(), AppError> {
    let mut reader = Reader::open(path)?;
    while let Some(entry) = reader.next()? {
        let Channel::Answer { request, status: 200 } = entry.channel else { continue };
        if let Some(Request::Candles { symbol, .. }) = request_of(request)
            && let Ok(answer) = past::candles(entry.bytes)
        {
            add(candles, &symbol, answer);
        }
    }
    Ok(())
}

fn run(path: &Path, pipeline: &mut Pipeline) -> Result<(), AppError> {
    let mut reader = Reader::open(path)?;
    let mut inputs = Inputs::default();
    while let Some(entry) = reader.next()? {
        let (seq, time) = (entry.seq, entry.time);
        let read = inputs.read(&entry).map_err(|text| AppError::new(Exit::Different, text))?;
        match read {
            Replayed::Stream(source, bytes) => {
                pipeline.take(seq, time, Given::Frame { source, bytes }, &mut Nobody);
            }
            Replayed::Answer(source, bytes) => {
                pipeline.take(seq, time, Given::Frame { source: &source, bytes }, &mut Nobody);
            }
            Replayed::Other(input) => pipeline.take(seq, time, Given::Other(&input), &mut Nobody),
            Replayed::Output(_) | Replayed::Mark(_) | Replayed::Timing(_) => {}
        }
    }
    Ok(())
}

/// Bars that the venue told whole are its own candles: only those with trades of ours are compared.
fn compare(symbol: &str, kind: BarKind, bars: &[Bar], candles: &Candles) -> BarCheck {
    let own: BTreeMap<UnixNanos, &Bar> = bars
        .iter()
        .skip_while(|bar| bar.first_trade_id == 0)
        .map(|bar| (bar.open_time, bar))
        .collect();
    let mut check = BarCheck {
        symbol: symbol.to_owned(),
        kind,
        compared: 0,
        agreed: 0,
        partial: own.values().filter(|bar| bar.quality == Quality::Partial).count(),
        difference: None,
    };
    let (Some(first), Some(last)) = (own.keys().next(), own.keys().next_back()) else {
        return check;
    };
    for (open_time, candle) in candles.range(*first..=*last) {
        let bar = own.get(open_time).copied();
        if bar.is_some_and(|bar| bar.quality == Quality::Partial) {
            continue;
        }
        check.compared += 1;
        if bar.is_some_and(|bar| equals(bar, candle)) {
            check.agreed += 1;
        } else if check.difference.is_none() {
            check.difference = Some((*candle, bar.copied()));
        }
    }
    check
}

fn equals(bar: &Bar, candle: &Candle) -> bool {
    (bar.open, bar.high, bar.low, bar.close) == (candle.open, candle.high, candle.low, candle.close)
        && (bar.volume, bar.turnover, bar.trades) == (candle.volume, candle.turnover, candle.trades)
}
