//! `whynot`: why a strategy did not trade in an instrument for a while: how often and how long each
//! thing stopped it, how near it came, and what would have been enough.

use std::sync::Arc;

use serde::Serialize;

use super::find::slot;
use super::gather::Gather;
use super::miss::{self, Miss};
use super::miss_row::MissRow;
use super::trial::Whose;
use super::wanted::moment_of;
use crate::app::cli::WhyNotArgs;
use crate::app::command::{print, print_json};
use crate::app::error::{AppError, Exit};
use crate::app::past::Recording;
use crate::app::words;
use crate::domain::UnixNanos;
use crate::engine::view::EvaluationView;
use crate::strategy::StrategyKind;
use crate::tape;

/// Misses that are told and tried.
const NEAREST: usize = 5;
/// Without a begin, so much of what came last is looked at.
const USUAL: u64 = 10 * 60 * UnixNanos::SECOND;

/// What was found.
#[derive(Debug, Serialize)]
pub struct WhyNot {
    /// The session.
    pub session: String,
    /// How a command names it.
    #[serde(skip)]
    typed: String,
    /// Whose.
    pub strategy: String,
    /// In which instrument.
    pub instrument: String,
    /// From when.
    pub from: String,
    /// To when.
    pub to: String,
    /// Evaluations in that time.
    pub evaluations: u64,
    /// Those that wanted an order.
    pub signals: u64,
    /// Those of them whose orders were all refused; they are among the blockers as `refused: CHECK`.
    pub refused: u64,
    /// What stopped every evaluation that led to no order, the most frequent first.
    pub blockers: Vec<BlockerRow>,
    /// The nearest misses, the nearest first.
    pub nearest: Vec<MissRow>,
}

/// Something that stopped it.
#[derive(Clone, Debug, Serialize)]
pub struct BlockerRow {
    /// What, without numbers.
    pub blocker: String,
    /// How often it came first.
    pub count: u64,
    /// How long it stood, in seconds: from each such evaluation to the next evaluation.
    pub seconds: f64,
}

/// Looks at a while.
pub fn run(args: &WhyNotArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let session = args.session.as_deref().unwrap_or("last");
    let recording = Recording::of(tape::resolve_run(session, &tape::default_root()?)?, registry)?;
    let found = look(&recording, args)?;
    if args.json {
        print_json(&found)?;
    } else {
        print(&found.text());
    }
    Ok(Exit::Done)
}

/// A miss with the evaluation that it is of.
type Candidate = (Miss, Arc<EvaluationView>);

/// What is found in a recording.
pub fn look(recording: &Recording, args: &WhyNotArgs) -> Result<WhyNot, AppError> {
    let (strategy, symbol) = slot(recording, args.strategy.as_deref(), args.instrument.as_deref())?;
    let began = recording.began()?;
    let (from, to) = range(recording, args, began)?;
    let of = (recording.strategy(&strategy)?, recording.instrument(&symbol)?);
    let mut cursor = recording.before(|head| head.time < from)?;
    let mut gather = Gather::new(of, from, cursor.rerun.engine().forms());
    let mut nearest: Vec<Candidate> = Vec::new();
    while cursor.peek()?.is_some_and(|(_, time)| time <= to) {
        cursor.take(&mut gather)?;
        if let Some(evaluation) = gather.last.take()
            && let Some(view) = cursor.rerun.viewer().evaluation_view(&evaluation)
        {
            keep_nearest(&mut nearest, view);
        }
    }
    let until = cursor.rerun.time().max(from);
    let blockers = gather.end(until.min(to));
    let whose = Whose { strategy: &strategy, of };
    let nearest = nearest.iter().map(|(miss, view)| MissRow::of(recording, &whose, miss, view));
    let nearest = nearest.collect::<Result<Vec<_>, _>>()?;
    Ok(WhyNot {
        session: recording.name.clone(),
        typed: match recording.run.prefix() {
            "" => recording.name.clone(),
            prefix => prefix.to_owned(),
        },
        strategy,
        instrument: symbol,
        from: words::moment(from),
        to: words::moment(to.min(until)),
        evaluations: gather.evaluations,
        signals: gather.signals,
        refused: gather.refused,
        blockers,
        nearest,
    })
}

/// The while that is looked at: what was asked for, else the last minutes.
fn range(
    recording: &Recording,
    args: &WhyNotArgs,
    began: UnixNanos,
) -> Result<(UnixNanos, UnixNanos), AppError> {
    let to = args.to.as_deref().map(|text| moment_of(text, began)).transpose()?;
    let from = args.from.as_deref().map(|text| moment_of(text, began)).transpose()?;
    let (from, to) = match (from, to) {
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) => (from, UnixNanos(u64::MAX)),
        (None, to) => {
            let end = recording.at_end()?.rerun.time();
            let to = to.unwrap_or(end);
            (UnixNanos(to.0.saturating_sub(USUAL)).max(began), to)
        }
    };
    if from > to {
        let text = format!("--from {} is after --to {}", words::moment(from), words::moment(to));
        return Err(AppError::new(Exit::Usage, text));
    }
    Ok((from, to))
}

/// One miss of each rule's comparison is enough, the nearest; and of those a few.
fn keep_nearest(nearest: &mut Vec<Candidate>, view: EvaluationView) {
    let view = Arc::new(view);
    for miss in miss::of(&view) {
        let is_same = |(kept, _): &&mut Candidate| kept.rule == miss.rule && kept.text == miss.text;
        match nearest.iter_mut().find(is_same) {
            Some(kept) if kept.0.distance <= miss.distance => continue,
            Some(kept) => *kept = (miss, Arc::clone(&view)),
            None => nearest.push((miss, Arc::clone(&view))),
        }
        nearest.sort_by(|a, b| a.0.distance.total_cmp(&b.0.distance));
        nearest.truncate(NEAREST);
    }
}

impl WhyNot {
    /// For a person.
    fn text(&self) -> String {
        let Self { strategy, instrument, from, to, evaluations, signals, refused, .. } = self;
        let without = evaluations - signals;
        let were_refused = match refused {
            0 => String::new(),
            refused => format!(" ({refused} refused)"),
        };
        let mut lines = vec![
            format!("{strategy} in {instrument}, {from} to {to}"),
            format!(
                "{evaluations} evaluations, {signals} wanted an order{were_refused}, {without} did not"
            ),
        ];
        if !self.blockers.is_empty() {
            lines.push(String::new());
            lines.push(format!("{:>9} {:>10} {:>7}  STOPPED BY", "TIMES", "FOR", "SHARE"));
        }
        for row in &self.blockers {
            #[expect(clippy::cast_precision_loss, reason = "a share")]
            let share = row.count as f64 / (without + refused).max(1) as f64 * 100.0;
            let BlockerRow { blocker, count, seconds } = row;
            lines.push(format!("{count:>9} {:>10} {share:>6.1}%  {blocker}", span(*seconds)));
        }
        if !self.nearest.is_empty() {
            lines.push(String::new());
            lines.push("NEAREST MISSES".to_owned());
        }
        for row in &self.nearest {
            lines.push(format!("  {}  {}  {}", row.id, row.time, row.rule));
            lines.push(format!("    {}", row.failed));
            lines.extend(row.verdict(&self.typed));
        }
        lines.join("\n")
    }
}

fn span(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.1}s"),
        ..7_200.0 => format!("{:.0}m{:02.0}s", (seconds / 60.0).floor(), seconds % 60.0),
        _ => format!("{:.0}h{:02.0}m", (seconds / 3_600.0).floor(), seconds % 3_600.0 / 60.0),
    }
}
