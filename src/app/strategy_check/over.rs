//! Over what a check runs: a recorded run as it was, a backtest's too, or a market under another
//! configuration.

use super::Verdict;
use super::census::Census;
use crate::app::backtest::is_by_operator;
use crate::app::build;
use crate::app::cli::StrategyCheckArgs;
use crate::app::error::{AppError, Exit};
use crate::app::history::{self, Wanted};
use crate::app::market::{Market, Opened, Source};
use crate::app::past::Recording;
use crate::app::pipeline::{Given, Pipeline, TapeInput};
use crate::app::setup;
use crate::app::source::Inputs;
use crate::config::Loaded;
use crate::domain::{RunId, UnixNanos};
use crate::strategy::StrategyKind;
use crate::tape::{self, Manifest, Reader, TapePath};

/// Rows of files read at a time.
const BATCH: usize = 1_024;

/// Runs the strategies over the tape.
pub fn check(args: &StrategyCheckArgs, registry: &[StrategyKind]) -> Result<Verdict, AppError> {
    let found = tape::resolve_run(&args.tape, &tape::default_root()?)?;
    let input = found.session.as_ref().and_then(|_| tape::manifest_of(&found.path).ok());
    let input = input.and_then(|Manifest { input, .. }| input);
    let is_run = input.is_some() || setup::recorded_config(&found.path)?.is_some();
    if is_run && args.config.config.is_none() && args.config.set.is_empty() {
        return recorded(found, args.all, registry);
    }
    let market = match (&input, &found.session) {
        (Some(input), Some(run)) => match Market::again(run, input)? {
            // What its operator did belongs to its own configuration.
            Market::Tape { path, .. } => Market::Tape { path, own_config: true },
            files @ Market::Files { .. } => files,
        },
        _ => Market::Tape { path: found.path.clone(), own_config: true },
    };
    let (config, set) = (args.config.config.clone(), &args.config.set);
    let loaded = match (&config, &input) {
        (None, Some(_)) => setup::load_text(&tape::config_of(&found.path)?, set, registry)?,
        _ => setup::load_for_tape(&found.path, config, set, registry)?,
    };
    let shares = over_market(&market, &loaded, args.all, registry)?;
    let named = shares.iter().any(|share| !share.unexplained.is_empty());
    let next = named.then(|| {
        format!(
            "{}, which keeps these decisions; then `tickscope strategy check` names each by its id",
            backtest_of(&found, &market, args)
        )
    });
    Ok(Verdict { tape: name_of(&found), strategies: shares, next })
}

/// Runs a recorded run again, as it was: its decisions have ids.
fn recorded(found: TapePath, all: bool, registry: &[StrategyKind]) -> Result<Verdict, AppError> {
    let tape = name_of(&found);
    let run = found.session.clone();
    let recording = Recording::of(found, registry)?;
    let mut census = Census::new(run, &recording.plan.engine, all);
    let mut cursor = recording.begin()?;
    while cursor.take(&mut census)? {}
    let strategies = census.shares();
    let first = strategies.iter().flat_map(|share| &share.unexplained).next();
    let next = first.map(|first| match &first.decision {
        Some(id) => format!("tickscope explain {id}"),
        None => format!("tickscope replay {tape} --at @{}", first.input),
    });
    Ok(Verdict { tape, strategies, next })
}

/// Runs a market under a configuration that no run of it had.
fn over_market(
    market: &Market,
    loaded: &Loaded,
    all: bool,
    registry: &[StrategyKind],
) -> Result<Vec<super::Share>, AppError> {
    let (plan, opened) = market.open(loaded, registry)?;
    let mut bench = Bench {
        pipeline: build::pipeline(&plan, registry)?,
        census: Census::new(None, &plan.engine, all),
        place: (0, UnixNanos::default()),
    };
    let config = loaded.canonical().to_owned();
    let start = TapeInput::Start { state: plan.start.clone(), config };
    bench.take(0, UnixNanos::default(), Given::Other(&start));
    bench.over(opened)?;
    // Orders on their way come to their end, as in a backtest: a fill may be what panics.
    while let Some(due) = bench.pipeline.engine().next_order_due() {
        let (seq, time) = bench.place;
        bench.take(seq + 1, due.max(time), Given::Other(&TapeInput::Clock));
    }
    Ok(bench.census.shares())
}

/// A pipeline and what hears it.
struct Bench {
    pipeline: Pipeline,
    census: Census,
    place: (u64, UnixNanos),
}

impl Bench {
    fn take(&mut self, seq: u64, time: UnixNanos, given: Given<'_>) {
        self.place = (seq, time);
        self.pipeline.take(seq, time, given, &mut self.census);
        self.pipeline.discard_wishes();
    }

    fn over(&mut self, opened: Opened) -> Result<(), AppError> {
        match opened.source {
            Source::Tape { path, .. } => {
                let mut reader = Reader::open(&path)?;
                let mut inputs = Inputs::default();
                while let Some(entry) = reader.next()? {
                    let (seq, time) = (entry.seq, entry.time);
                    let read = inputs.read(&entry);
                    let read = read.map_err(|text| AppError::new(Exit::Different, text))?;
                    match read.given() {
                        // What the recorded run began with, and what its operator did.
                        Some(Given::Other(TapeInput::Start { .. } | TapeInput::Resume(_))) => {}
                        Some(Given::Other(input)) if is_by_operator(input) => {}
                        Some(given) => self.take(seq, time, given),
                        None => {}
                    }
                }
            }
            Source::Files(mut past) => {
                self.take(1, past.start(), Given::Other(&TapeInput::Listed(opened.listed)));
                let mut rows = Vec::new();
                loop {
                    past.next_batch(&mut rows, BATCH)?;
                    if rows.is_empty() {
                        break;
                    }
                    for row in &rows {
                        let seq = self.place.0 + 1;
                        self.take(seq, row.fact.time(), Given::Other(&history::input(row)));
                    }
                }
            }
        }
        Ok(())
    }
}

fn name_of(found: &TapePath) -> String {
    found.session.as_ref().map_or_else(|| found.path.display().to_string(), RunId::to_string)
}

/// The backtest that makes the same decisions and keeps them.
fn backtest_of(found: &TapePath, market: &Market, args: &StrategyCheckArgs) -> String {
    let mut words = vec!["tickscope backtest".to_owned()];
    match market {
        Market::Tape { path, .. } => match &found.session {
            Some(run) if found.path == *path => words.push(format!("--tape {}", run.prefix())),
            _ => words.push(format!("--tape {}", path.display())),
        },
        Market::Files { files, wanted, instrument } => {
            words.push(match wanted {
                Wanted::Ticks => "--ticks".to_owned(),
                Wanted::Bars => "--bars".to_owned(),
            });
            words.extend(files.iter().map(|file| file.display().to_string()));
            words.extend(instrument.iter().map(|symbol| format!("--instrument {symbol}")));
        }
    }
    words.extend(args.config.config.iter().map(|file| format!("--config {}", file.display())));
    words.extend(args.config.set.iter().map(|set| format!("--set '{set}'")));
    words.join(" ")
}
