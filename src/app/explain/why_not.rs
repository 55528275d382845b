//! `whynot`: why a strategy did not trade in an instrument for a while: how often and how long each
//! thing stopped it, how near it came, and what would have been enough.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::find::slot;
use super::miss::{self, Miss, Threshold};
use super::wanted::moment_of;
use crate::app::cli::WhyNotArgs;
use crate::app::command::{print, print_json};
use crate::app::error::{AppError, Exit};
use crate::app::past::{Change, Recording};
use crate::app::words;
use crate::domain::{InstrumentId, StrategyId, UnixNanos};
use crate::engine::view::EvaluationView;
use crate::engine::viewer::resolve::{blocker_name, check_text, leaf_numbers, number, refusal};
use crate::engine::{Evaluation, Nobody, Outcome, Outlet, Record, Refusal};
use crate::strategy::{Form, StrategyKind};

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
    /// What stopped the others, the most frequent first.
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

/// A miss.
#[derive(Clone, Debug, Serialize)]
pub struct MissRow {
    /// The decision.
    pub id: String,
    /// When.
    pub time: String,
    /// What would have held: `enter_long`.
    pub rule: String,
    /// What failed, with its numbers.
    pub failed: String,
    /// How far it was, as a ratio.
    pub distance: f64,
    /// What would have been enough: `rsi_max ≥ 31.2`; null where no configured number decides it.
    pub would_have_signalled_if: Option<String>,
    /// The change that was tried: `strategies.trend.rsi_max=31.3`.
    pub set: Option<String>,
    /// What that change would have done at that evaluation, through risk and sizing: `BUY 0.010`, or
    /// what refused it; null where it could not be tried.
    pub tried: Option<Tried>,
}

/// What a change would have done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tried {
    /// An order would have been sent.
    WouldHaveTraded(String),
    /// It would have signalled, and risk would have refused.
    Refused(String),
    /// Even so it would not have signalled.
    NoSignal,
}

/// Looks at a while.
pub fn run(args: &WhyNotArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let recording = Recording::open(args.session.as_deref().unwrap_or("last"), registry)?;
    let found = look(&recording, args)?;
    if args.json {
        print_json(&found)?;
    } else {
        print(&found.text());
    }
    Ok(Exit::Done)
}

/// Gathers the evaluations of one strategy in one instrument.
struct Gather {
    of: (StrategyId, InstrumentId),
    from: UnixNanos,
    forms: Vec<Form>,
    evaluations: u64,
    signals: u64,
    blockers: BTreeMap<String, (u64, u64)>,
    /// What stands since the last evaluation, and since when.
    stands: Option<(String, UnixNanos)>,
    last: Option<Evaluation>,
}

impl Gather {
    fn stop(&mut self, at: UnixNanos) {
        if let Some((blocker, since)) = self.stands.take() {
            self.blockers.entry(blocker).or_default().1 += at.since(since);
        }
    }

    fn evaluated(&mut self, evaluation: &Evaluation) {
        self.stop(evaluation.time);
        self.evaluations += 1;
        if matches!(evaluation.outcome, Outcome::Signal { .. }) {
            self.signals += 1;
            return;
        }
        let form = self.forms.get(usize::from(evaluation.form));
        let blocker = form.map(|form| blocker_name(evaluation, form)).unwrap_or_default();
        self.blockers.entry(blocker.clone()).or_default().0 += 1;
        self.stands = Some((blocker, evaluation.time));
        self.last = Some(evaluation.clone());
    }
}

impl Outlet for Gather {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Form { body, .. } => self.forms.push(body.clone()),
            Record::Evaluation(evaluation)
                if (evaluation.id.strategy, evaluation.instrument) == self.of
                    && evaluation.time >= self.from =>
            {
                self.evaluated(evaluation);
            }
            _ => {}
        }
    }
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
    let mut gather = Gather {
        of,
        from,
        forms: cursor.rerun.engine().forms(),
        evaluations: 0,
        signals: 0,
        blockers: BTreeMap::new(),
        stands: None,
        last: None,
    };
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
    gather.stop(until.min(to));
    let tried = trials(recording, &nearest, &strategy, of)?;
    let mut blockers: Vec<BlockerRow> = gather
        .blockers
        .into_iter()
        .map(|(blocker, (count, nanos))| BlockerRow { blocker, count, seconds: seconds(nanos) })
        .collect();
    blockers.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.blocker.cmp(&b.blocker)));
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
        blockers,
        nearest: tried,
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

/// Tries each miss: the run up to the evaluation, and that one input under the changed number.
fn trials(
    recording: &Recording,
    nearest: &[Candidate],
    strategy: &str,
    of: (StrategyId, InstrumentId),
) -> Result<Vec<MissRow>, AppError> {
    let mut rows = Vec::new();
    for (miss, evaluation) in nearest {
        let trial = miss.threshold.as_ref().and_then(|t| trial(recording, strategy, of.0, miss, t));
        let (set, tried) = match trial {
            Some((set, change)) => {
                (Some(set), Some(try_at(recording, evaluation.seq, &change, of)?))
            }
            None => (None, None),
        };
        rows.push(MissRow {
            id: evaluation.id.clone(),
            time: words::moment(evaluation.time),
            rule: miss.rule.clone(),
            failed: format!("{}: {}", miss.text, leaf_numbers(&miss.leaf)),
            distance: miss.distance,
            would_have_signalled_if: miss.threshold.as_ref().map(|t| t.sentence(number)),
            set,
            tried,
        });
    }
    Ok(rows)
}

/// The `--set` that changes the number, a parameter of the strategy or a number in its rule, and the
/// change itself.
fn trial(
    recording: &Recording,
    strategy: &str,
    id: StrategyId,
    miss: &Miss,
    threshold: &Threshold,
) -> Option<(String, Change)> {
    let value = threshold.value();
    let name = &threshold.name;
    if !threshold.is_literal {
        let set = format!("strategies.{strategy}.{name}={value}");
        return Some((set, Change::Parameter(id, name.clone(), value)));
    }
    let config = recording.plan.engine.strategies.iter().find(|known| known.name == strategy)?;
    let (key, text) = config.rules.iter().find(|(key, _)| *key == miss.rule)?;
    let text = with_number(text, name, value)?;
    let mut rules = config.rules.clone();
    let set = match key {
        "exit" => format!("strategies.{strategy}.exit.when={text:?}"),
        key => format!("strategies.{strategy}.{key}={text:?}"),
    };
    *match key {
        "enter" => &mut rules.enter,
        "exit" => &mut rules.exit,
        "enter_short" => &mut rules.enter_short,
        _ => &mut rules.exit_short,
    } = Some(text);
    Some((set, Change::Rules(id, rules)))
}

/// A rule with another number in the place of one that stands once in it: only then it is surely the
/// one that is meant.
fn with_number(text: &str, number: &str, value: f64) -> Option<String> {
    let outside = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_digit() && c != '.');
    let mut places = text.match_indices(number).filter(|(at, found)| {
        let (before, after) = (text.get(..*at), text.get(at + found.len()..));
        outside(before.and_then(|before| before.chars().next_back()))
            && outside(after.and_then(|after| after.chars().next()))
    });
    let (at, found) = places.next()?;
    if places.next().is_some() {
        return None;
    }
    let (before, after) = (text.get(..at)?, text.get(at + found.len()..)?);
    Some(format!("{before}{value}{after}"))
}

/// What an evaluation would have led to under a change.
fn try_at(
    recording: &Recording,
    seq: u64,
    change: &Change,
    of: (StrategyId, InstrumentId),
) -> Result<Tried, AppError> {
    let mut before = recording.before(|head| head.mark.seq < seq)?;
    while before.peek()?.is_some_and(|(next, _)| next < seq) {
        before.take(&mut Nobody)?;
    }
    let mut changed = recording.changed_at(&before.rerun.moment()?, change)?;
    let mut hear = Hear { of, heard: Tried::NoSignal };
    changed.take(&mut hear)?;
    Ok(hear.heard)
}

/// Hears what one strategy in one instrument does.
struct Hear {
    of: (StrategyId, InstrumentId),
    heard: Tried,
}

impl Outlet for Hear {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Risk(report)
                if (report.decision.strategy, report.instrument) == self.of
                    && self.heard == Tried::NoSignal =>
            {
                self.heard = match &report.refusal {
                    Some(Refusal::Check(check)) => Tried::Refused(check_text(check)),
                    Some(other) => Tried::Refused(refusal(other)),
                    None => {
                        let side = report.side.as_str();
                        Tried::WouldHaveTraded(format!("{side} {}", report.quantity))
                    }
                };
            }
            _ => {}
        }
    }
}

fn seconds(nanos: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown to the millisecond")]
    let seconds = nanos as f64 / 1e9;
    seconds
}

impl WhyNot {
    /// For a person.
    fn text(&self) -> String {
        let Self { strategy, instrument, from, to, evaluations, signals, .. } = self;
        let without = evaluations - signals;
        let mut lines = vec![
            format!("{strategy} in {instrument}, {from} to {to}"),
            format!("{evaluations} evaluations, {signals} wanted an order, {without} did not"),
        ];
        if !self.blockers.is_empty() {
            lines.push(String::new());
            lines.push(format!("{:>9} {:>10} {:>7}  STOPPED BY", "TIMES", "FOR", "SHARE"));
        }
        for row in &self.blockers {
            #[expect(clippy::cast_precision_loss, reason = "a share")]
            let share = row.count as f64 / without.max(1) as f64 * 100.0;
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

impl MissRow {
    fn verdict(&self, session: &str) -> Vec<String> {
        let Some(enough) = &self.would_have_signalled_if else { return Vec::new() };
        let tried = match &self.tried {
            Some(Tried::WouldHaveTraded(order)) => {
                format!("would have signalled if {enough}, and would have traded: {order}")
            }
            Some(Tried::Refused(check)) => {
                format!("would have signalled if {enough}, and risk would have refused: {check}")
            }
            Some(Tried::NoSignal) => format!("{enough} alone would not have been enough"),
            None => format!("would have signalled if {enough} (not tried)"),
        };
        let mut lines = vec![format!("    {tried}")];
        if let Some(set) = &self.set {
            lines.push(format!("    tickscope whatif {session} --set '{set}'"));
        }
        lines
    }
}

fn span(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.1}s"),
        ..7_200.0 => format!("{:.0}m{:02.0}s", (seconds / 60.0).floor(), seconds % 60.0),
        _ => format!("{:.0}h{:02.0}m", (seconds / 3_600.0).floor(), seconds % 3_600.0 / 60.0),
    }
}
