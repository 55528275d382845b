//! `strategy check`: whether every order of the configured strategies can be explained. They are run
//! over a tape, and each order that no recorded rule guards is named.

use serde::Serialize;

use super::backtest::is_by_operator;
use super::build;
use super::cli::StrategyCheckArgs;
use super::command;
use super::error::{AppError, Exit};
use super::market::Market;
use super::pipeline::{Given, Pipeline, TapeInput};
use super::setup;
use super::source::{Inputs, Replayed};
use crate::domain::{RunId, UnixNanos};
use crate::engine::guarding::unexplained;
use crate::engine::{Evaluation, Outlet, Record};
use crate::strategy::{Form, StrategyKind};
use crate::tape::{self, Reader};

/// Orders named for each strategy; further ones are counted.
const NAMED: usize = 3;

/// What a check found.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The session, or the file.
    pub tape: String,
    /// One for each configured strategy.
    pub strategies: Vec<Share>,
}

/// A strategy's share of explained orders.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Share {
    /// Its configured name.
    pub strategy: String,
    /// Orders that it wanted, refused ones included.
    pub orders: u64,
    /// Those that the rules which held explain.
    pub explained: u64,
    /// The first ones that they do not.
    pub unexplained: Vec<Unguarded>,
}

/// An order that no recorded rule guards.
#[derive(Clone, Debug, Serialize)]
pub struct Unguarded {
    /// The decision that wanted it.
    pub decision: String,
    /// Engine time.
    pub time: String,
    /// What it rests on instead.
    pub because: String,
}

impl Verdict {
    /// True when no order is left unexplained.
    pub fn is_whole(&self) -> bool {
        self.strategies.iter().all(|share| share.explained == share.orders)
    }

    /// A line for each strategy, and one for each order that is named.
    pub fn text(&self) -> String {
        let mut lines = vec![self.tape.clone()];
        for Share { strategy, orders, explained, unexplained } in &self.strategies {
            let line = match orders {
                0 => format!("  {strategy}: no orders on this tape, so nothing to explain"),
                _ => format!(
                    "  {strategy}: explained {}, {explained} of {orders} orders",
                    share(*explained, *orders)
                ),
            };
            lines.push(line);
            for Unguarded { decision, time, because } in unexplained {
                lines.push(format!("    {decision}  {time}  {because}"));
            }
            let more = (orders - explained).saturating_sub(unexplained.len() as u64);
            if more > 0 {
                lines.push(format!("    and {more} more"));
            }
        }
        lines.join("\n")
    }
}

/// A share in percent; only all of it is 100 %.
fn share(part: u64, whole: u64) -> String {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    format!("{percent} %")
}

/// The command.
pub fn run(args: &StrategyCheckArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let verdict = check(args, registry)?;
    if args.json {
        command::print_json(&verdict)?;
    } else {
        command::print(&verdict.text());
    }
    Ok(if verdict.is_whole() { Exit::Done } else { Exit::Invalid })
}

/// Runs the strategies over the tape.
pub fn check(args: &StrategyCheckArgs, registry: &[StrategyKind]) -> Result<Verdict, AppError> {
    let found = tape::resolve(&args.tape, &tape::default_root()?)?;
    let (config, set) = (args.config.config.clone(), &args.config.set);
    let own_config = config.is_some() || !set.is_empty();
    let loaded = setup::load_for_tape(&found.path, config, set, registry)?;
    let market = Market::Tape { path: found.path.clone(), own_config };
    let plan = market.open(&loaded, registry)?.0;
    let mut pipeline = build::pipeline(&plan, registry)?;
    let names = plan.engine.strategies.iter().map(|strategy| strategy.name.clone());
    let run = found.session.clone().unwrap_or_default();
    let mut census = Census::new(run, names);
    let config = loaded.canonical().to_owned();
    let start = TapeInput::Start { state: plan.start.clone(), config };
    take(&mut pipeline, 0, UnixNanos::default(), Given::Other(&start), &mut census);
    let mut reader = Reader::open(&found.path)?;
    let mut inputs = Inputs::default();
    while let Some(entry) = reader.next()? {
        let (seq, time) = (entry.seq, entry.time);
        let read = inputs.read(&entry).map_err(|text| AppError::new(Exit::Different, text))?;
        if let Replayed::Other(input) = &read
            && (matches!(**input, TapeInput::Start { .. } | TapeInput::Resume(_))
                || own_config && is_by_operator(input))
        {
            continue;
        }
        if let Some(given) = read.given() {
            take(&mut pipeline, seq, time, given, &mut census);
        }
    }
    let tape = found.session.map_or_else(|| found.path.display().to_string(), |id| id.to_string());
    Ok(Verdict { tape, strategies: census.shares })
}

fn take(pipeline: &mut Pipeline, seq: u64, time: UnixNanos, given: Given<'_>, census: &mut Census) {
    pipeline.take(seq, time, given, census);
    pipeline.discard_wishes();
}

/// Counts orders by whether they are explained.
struct Census {
    run: RunId,
    forms: Vec<Form>,
    /// The newest evaluation: a signal follows its own.
    last: Option<Evaluation>,
    shares: Vec<Share>,
}

impl Census {
    fn new(run: RunId, names: impl Iterator<Item = String>) -> Self {
        let share = |strategy| Share { strategy, ..Share::default() };
        Self { run, forms: Vec::new(), last: None, shares: names.map(share).collect() }
    }

    fn because(&self) -> String {
        let last = self.last.as_ref();
        let form = last.and_then(|last| self.forms.get(usize::from(last.form)));
        let Some((evaluation, form)) = last.zip(form) else { return String::new() };
        let roots = form.sites.iter().map(|site| site.root);
        let lacks = unexplained(&form.nodes, &evaluation.truths, roots);
        lacks.map(|lacks| lacks.describe(form)).unwrap_or_default()
    }
}

impl Outlet for Census {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Form { body, .. } => self.forms.push(body.clone()),
            Record::Evaluation(evaluation) if evaluation.outcome.is_signal() => {
                self.last = Some(evaluation.clone());
            }
            Record::Signal(signal) => {
                let because = if signal.explained { String::new() } else { self.because() };
                let decision = self.run.decision(signal.decision);
                let Some(share) = self.shares.get_mut(signal.decision.strategy.index()) else {
                    return;
                };
                share.orders += 1;
                if signal.explained {
                    share.explained += 1;
                } else if share.unexplained.len() < NAMED {
                    let time = signal.time.to_string();
                    share.unexplained.push(Unguarded { decision, time, because });
                }
            }
            _ => {}
        }
    }
}
