//! The same session twice, side by side: once with what was received, once with what was published.
//! Each evaluation of one is held against that of the other which was asked about the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use super::corrected::{Corrected, Corrections};
use super::published::{Published, ids, whole};
use super::received::Received;
use super::subject::Subject;
use crate::app::build;
use crate::app::error::{AppError, Exit};
use crate::app::history;
use crate::app::pipeline::{Given, Pipeline, TapeInput};
use crate::domain::{DecisionId, InstrumentId, Nanos, Num, RunId, StrategyId, Trade, UnixNanos};
use crate::engine::viewer::resolve;
use crate::engine::{Evaluation, Outcome, Outlet, Record};
use crate::history::Fact;
use crate::strategy::{Bar, BarKind, Feed, Form, Quality, StrategyKind, Trigger};

/// Bars kept of each kind: a month of seconds.
const BARS_KEPT: usize = 2_600_000;
/// Decisions told one by one; more are counted.
const TOLD: usize = 1_000;
/// What stands for a decision that was not made.
const NOT_ASKED: &str = "not asked";

/// A decision that the published market changes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Decision {
    /// As it is shown everywhere: `k7f3-0-0412`; empty for one that only the published market asks.
    pub id: String,
    /// The strategy's name.
    pub strategy: String,
    /// The venue's symbol.
    pub instrument: String,
    /// When it was made.
    pub time: String,
    /// What came of it.
    pub decided: String,
    /// What would have come of it.
    pub would_be: String,
    /// That is another outcome, or another order.
    pub changed: bool,
    /// The first named value that differs: its name, as it was, as it would have been, both as a
    /// person reads them.
    pub value: Option<(String, String, String)>,
    /// The moment that was decided on, to find its bar by.
    #[serde(skip)]
    pub on: (InstrumentId, On),
}

/// What a decision was asked about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum On {
    /// A trade: its id and time.
    Trade(u64, UnixNanos),
    /// A bar of time, by its start; of another kind, by its number.
    Bar(BarKind, u64),
    /// A quote of this input.
    Quote(u64),
    /// A moment that the engine waited for.
    Due(UnixNanos),
    /// A command of this input.
    Operator(u64),
}

/// What the second run would have changed.
#[derive(Debug, Default)]
pub struct Effect {
    /// Decisions that were asked about something wrong.
    pub direct: Vec<Decision>,
    /// Decisions asked about something right, whose outcome what came before it changed.
    pub later: Vec<Decision>,
    /// All decisions of the session.
    pub decisions: u64,
    /// All that were asked about something wrong.
    pub asked_wrong: u64,
    /// All whose outcome would have been another.
    pub changed: u64,
    /// All others whose numbers would have been others.
    pub other_numbers: u64,
    /// Closed bars of time by instrument, length and start: received and published.
    pub bars: BTreeMap<(InstrumentId, Nanos), (Bars, Bars)>,
    /// Equity at the end, received and published.
    pub equity: (Option<Num>, Option<Num>),
}

/// Bars by their start.
pub type Bars = BTreeMap<UnixNanos, Bar>;

/// Runs the session of a subject both ways.
pub fn run(
    subject: &Subject,
    registry: &[StrategyKind],
    received: &[Received],
    published: &[Published],
) -> Result<Effect, AppError> {
    let corrections: Vec<Corrections> = published.iter().map(Corrections::of).collect();
    let of_decoder = corrections.clone();
    let was = build::pipeline(&subject.plan, registry)?;
    let would_be = build::pipeline_behind(&subject.plan, registry, |decoder| {
        Box::new(Corrected::around(decoder, of_decoder))
    })?;
    let mut files = InFiles { corrections, published, listed: Vec::new() };
    let lengths = lengths(&was, published);
    let mut twice = Twice {
        subject,
        sides: [Side::new(was), Side::new(would_be)],
        lengths,
        waiting: BTreeMap::new(),
        effect: Effect::default(),
    };
    twice.make_bars();
    for (id, (published, received)) in ids(published.len()).zip(published.iter().zip(received)) {
        // The shortest candles say most.
        if let Some(candles) = published.candles.values().next() {
            twice.sides[1].pipeline.engine_mut().supersede_bars(id, whole(candles, received));
        }
    }
    subject.each_input(&mut |seq, time, given| {
        twice.take(seq, time, given, &mut files);
        match twice.sides.iter().find_map(|side| side.pipeline.fault()) {
            Some(fault) => Err(AppError::new(Exit::Different, fault.to_owned())),
            None => Ok(()),
        }
    })?;
    Ok(twice.end())
}

/// The lengths of bars to be looked at, of each instrument: those that its strategies use, those of
/// the candles, a minute where there are none.
fn lengths(pipeline: &Pipeline, published: &[Published]) -> Vec<BTreeSet<Nanos>> {
    let of = |(id, published): (InstrumentId, &Published)| {
        let feeds = pipeline.engine().feeds(id).filter_map(|(_, feed)| match feed {
            Feed::Bars(kind) => kind.interval(),
            Feed::Trades | Feed::Quotes => None,
        });
        let mut lengths: BTreeSet<Nanos> = feeds.chain(published.candles.keys().copied()).collect();
        if lengths.is_empty() {
            lengths.insert(60 * UnixNanos::SECOND);
        }
        lengths
    };
    ids(published.len()).zip(published).map(of).collect()
}

/// A tape that was made of files has no decoder to put right.
struct InFiles<'a> {
    corrections: Vec<Corrections>,
    published: &'a [Published],
    listed: Vec<Option<InstrumentId>>,
}

impl InFiles<'_> {
    /// The inputs that stand in the place of one.
    fn put_right(&mut self, input: &TapeInput) -> Vec<TapeInput> {
        let Some(row) = history::row(input) else { return vec![input.clone()] };
        let Some(Some(id)) = self.listed.get(row.stream).copied() else {
            return vec![input.clone()];
        };
        let of = u16::try_from(row.stream).unwrap_or(u16::MAX);
        match row.fact {
            Fact::Trade(trade) => {
                let Some(corrections) = self.corrections.get_mut(id.index()) else {
                    return vec![input.clone()];
                };
                let trades: Vec<Trade> = corrections.before(trade.id);
                let trades = trades.into_iter().chain([corrections.put_right(trade)]);
                trades.map(|trade| TapeInput::Trade { of, trade }).collect()
            }
            Fact::Candle(candle) => {
                let published = self.published.get(id.index());
                let told = published
                    .and_then(|published| published.candles.get(&candle.length))
                    .and_then(|candles| candles.get(&candle.open_time));
                vec![TapeInput::Candle { of, candle: told.copied().unwrap_or(candle) }]
            }
        }
    }
}

/// One of the two runs.
struct Side {
    pipeline: Pipeline,
    told: Told,
    /// Bars that no clock ends, counted by whose they are.
    counted: BTreeMap<(StrategyId, InstrumentId, BarKind), u64>,
}

/// What a run told of one input.
#[derive(Default)]
struct Told {
    forms: Vec<Form>,
    evaluations: Vec<Evaluation>,
    /// What each decision that wants something wants, in words.
    wants: BTreeMap<DecisionId, Vec<String>>,
}

impl Outlet for Told {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Form { body, .. } => self.forms.push(body.clone()),
            Record::Evaluation(evaluation) => self.evaluations.push(evaluation.clone()),
            Record::Signal(signal) => {
                let side = signal.side.as_str().to_lowercase();
                let wants = self.wants.entry(signal.decision).or_default();
                wants.push(format!("{side} {}", signal.quantity));
            }
            _ => {}
        }
    }
}

impl Side {
    fn new(pipeline: Pipeline) -> Self {
        Self { pipeline, told: Told::default(), counted: BTreeMap::new() }
    }

    fn take(&mut self, seq: u64, time: UnixNanos, given: Given<'_>) {
        self.pipeline.take(seq, time, given, &mut self.told);
        self.pipeline.discard_wishes();
        if matches!(given, Given::Other(TapeInput::Resume(_))) {
            self.told.forms = self.pipeline.engine().forms();
        }
    }

    /// What an evaluation was asked about.
    fn on(&mut self, evaluation: &Evaluation) -> On {
        match &evaluation.trigger {
            Trigger::Trade(trade) => On::Trade(trade.id, trade.ts_venue),
            Trigger::Quote(_) => On::Quote(evaluation.cause.seq),
            Trigger::Due(moment) => On::Due(*moment),
            Trigger::Operator => On::Operator(evaluation.cause.seq),
            Trigger::Bar(bar) if bar.kind.interval().is_some() => {
                On::Bar(bar.kind, bar.open_time.0)
            }
            Trigger::Bar(bar) => {
                let whose = (evaluation.id.strategy, evaluation.instrument, bar.kind);
                let count = self.counted.entry(whose).or_default();
                *count += 1;
                On::Bar(bar.kind, *count)
            }
        }
    }

    fn form(&self, evaluation: &Evaluation) -> Option<&Form> {
        self.told.forms.get(usize::from(evaluation.form))
    }

    /// True for what closes a position by itself: no strategy was asked.
    fn is_exit(&self, evaluation: &Evaluation) -> bool {
        let site = self.form(evaluation).and_then(|form| form.sites.first());
        site.is_some_and(|site| site.label.starts_with("exit_"))
    }

    /// What came of an evaluation, in words.
    fn words(&self, evaluation: &Evaluation) -> String {
        let word = resolve::outcome_word(&evaluation.outcome);
        if let Outcome::Signal { .. } = evaluation.outcome {
            let wants = self.told.wants.get(&evaluation.id);
            return wants.map_or_else(
                || word.to_owned(),
                |wants| format!("{word} to {}", wants.join(", ")),
            );
        }
        let blocker = self.form(evaluation).map(|form| resolve::blocker_text(evaluation, form));
        format!("{word}, {}", blocker.unwrap_or_default())
    }
}

/// Whose, about what, and whether an exit or the strategy itself.
type Key = (StrategyId, InstrumentId, On, bool);

/// An evaluation that waits for the other side's.
type Waiting = (usize, Evaluation);

struct Twice<'a> {
    subject: &'a Subject,
    sides: [Side; 2],
    lengths: Vec<BTreeSet<Nanos>>,
    waiting: BTreeMap<Key, VecDeque<Waiting>>,
    effect: Effect,
}

impl Twice<'_> {
    /// Bars of every kind that is looked at. A state that is taken over forgets them.
    fn make_bars(&mut self) {
        for (id, lengths) in ids(self.lengths.len()).zip(&self.lengths) {
            for side in &mut self.sides {
                for length in lengths {
                    side.pipeline.engine_mut().make_bars(id, BarKind::Time(*length), BARS_KEPT);
                }
            }
        }
    }

    fn take(&mut self, seq: u64, time: UnixNanos, given: Given<'_>, files: &mut InFiles<'_>) {
        let [was, would_be] = &mut self.sides;
        was.take(seq, time, given);
        match given {
            Given::Other(input @ (TapeInput::Trade { .. } | TapeInput::Candle { .. })) => {
                for input in files.put_right(input) {
                    would_be.take(seq, time, Given::Other(&input));
                }
            }
            given => would_be.take(seq, time, given),
        }
        match given {
            Given::Other(TapeInput::Listed(listed)) => {
                let engine = was.pipeline.engine();
                files.listed =
                    listed.iter().map(|listed| engine.instrument(&listed.symbol)).collect();
            }
            Given::Other(TapeInput::Resume(_)) => self.make_bars(),
            _ => {}
        }
        self.pair();
    }

    /// Holds what both sides told of an input against each other.
    fn pair(&mut self) {
        for at in 0..self.sides.len() {
            let evaluations = std::mem::take(&mut self.sides[at].told.evaluations);
            for evaluation in evaluations {
                self.one(at, evaluation);
            }
        }
    }

    fn one(&mut self, at: usize, evaluation: Evaluation) {
        let side = &mut self.sides[at];
        let on = side.on(&evaluation);
        let key = (evaluation.id.strategy, evaluation.instrument, on, side.is_exit(&evaluation));
        let waiting = self.waiting.entry(key).or_default();
        if waiting.front().is_none_or(|(other, _)| *other == at) {
            return waiting.push_back((at, evaluation));
        }
        let other = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&key);
        }
        let Some((_, other)) = other else { return };
        let (was, would_be) = if at == 0 { (evaluation, other) } else { (other, evaluation) };
        self.compare(key, Some(&was), Some(&would_be));
    }

    /// Counts a pair, or one that has no partner, and tells it if it matters.
    fn compare(&mut self, key: Key, was: Option<&Evaluation>, would_be: Option<&Evaluation>) {
        self.effect.decisions += u64::from(was.is_some());
        let (wrong, changed, value) = match (was, would_be) {
            (Some(was), Some(would_be)) => (
                !same_trigger(was, would_be),
                self.outcome(0, was) != self.outcome(1, would_be),
                self.first_value(was, would_be),
            ),
            // What asked nobody decides nothing, and is no loss unless it would have been a signal.
            (was, would_be) => {
                let is_signal =
                    |evaluation: &Evaluation| matches!(evaluation.outcome, Outcome::Signal { .. });
                let asked = matches!(key.2, On::Trade(..) | On::Bar(..)) && !key.3;
                (asked, was.or(would_be).is_some_and(is_signal), None)
            }
        };
        self.effect.asked_wrong += u64::from(wrong && was.is_some());
        self.effect.changed += u64::from(changed);
        self.effect.other_numbers += u64::from(!changed && value.is_some());
        let into = if wrong { &self.effect.direct } else { &self.effect.later };
        if (wrong || changed)
            && into.len() < TOLD
            && let Some(decision) = self.decision(key, was, would_be, changed, value)
        {
            let into = if wrong { &mut self.effect.direct } else { &mut self.effect.later };
            into.push(decision);
        }
    }

    fn decision(
        &self,
        key: Key,
        was: Option<&Evaluation>,
        would_be: Option<&Evaluation>,
        changed: bool,
        value: Option<(String, String, String)>,
    ) -> Option<Decision> {
        let either = was.or(would_be)?;
        let words = |at: usize, evaluation: Option<&Evaluation>| {
            let words = evaluation.map(|evaluation| self.sides[at].words(evaluation));
            words.unwrap_or_else(|| NOT_ASKED.to_owned())
        };
        Some(Decision {
            id: was.map(|was| id(&self.subject.run, was.id)).unwrap_or_default(),
            strategy: self.strategy(key.0),
            instrument: self.symbol(key.1),
            time: crate::history::moment(either.time),
            decided: words(0, was),
            would_be: words(1, would_be),
            changed,
            value,
            on: (key.1, key.2),
        })
    }

    /// What came of an evaluation of a side: the word, and what it wants.
    fn outcome(&self, at: usize, evaluation: &Evaluation) -> (&'static str, Option<&Vec<String>>) {
        let wants = self.sides.get(at).and_then(|side| side.told.wants.get(&evaluation.id));
        (resolve::outcome_word(&evaluation.outcome), wants)
    }

    /// The first named value that differs.
    fn first_value(
        &self,
        was: &Evaluation,
        would_be: &Evaluation,
    ) -> Option<(String, String, String)> {
        let at = was.values.iter().zip(&would_be.values).position(|(was, would_be)| {
            was.to_bits() != would_be.to_bits() && !(was.is_nan() && would_be.is_nan())
        })?;
        let name = self.sides[0].form(was).and_then(|form| form.values.get(at));
        let text = |evaluation: &Evaluation| {
            let value = evaluation.values.get(at).copied().filter(|value| !value.is_nan());
            value.map_or_else(|| "missing".to_owned(), resolve::number)
        };
        let name = name.map(|name| name.name.clone()).unwrap_or_default();
        Some((name, text(was), text(would_be)))
    }

    fn strategy(&self, id: StrategyId) -> String {
        let known = self.subject.plan.engine.strategies.get(id.index());
        known.map(|known| known.name.clone()).unwrap_or_default()
    }

    fn symbol(&self, id: InstrumentId) -> String {
        let known = self.subject.plan.engine.instruments.get(id.index());
        known.map(|known| known.symbol.clone()).unwrap_or_default()
    }

    /// What is left has no partner.
    fn end(mut self) -> Effect {
        for (key, waiting) in std::mem::take(&mut self.waiting) {
            for (side, one) in waiting {
                let (was, would_be) =
                    if side == 0 { (Some(&one), None) } else { (None, Some(&one)) };
                self.compare(key, was, would_be);
            }
        }
        let bars = |side: &Side, id, length| -> Bars {
            let closed = side.pipeline.engine().closed_bars(id, BarKind::Time(length));
            closed.into_iter().map(|bar| (bar.open_time, bar)).collect()
        };
        for (id, lengths) in ids(self.lengths.len()).zip(&self.lengths) {
            for length in lengths {
                let [was, would_be] = &self.sides;
                let both = (bars(was, id, *length), bars(would_be, id, *length));
                self.effect.bars.insert((id, *length), both);
            }
        }
        let equity = |side: &Side| side.pipeline.engine().money().equity;
        self.effect.equity = (equity(&self.sides[0]), equity(&self.sides[1]));
        self.effect.direct.sort_by(|a, b| a.time.cmp(&b.time));
        self.effect.later.sort_by(|a, b| a.time.cmp(&b.time));
        self.effect
    }
}

/// An id as shown; on a tape that is no session's, without the run's prefix.
fn id(run: &RunId, decision: DecisionId) -> String {
    run.decision(decision).trim_start_matches('-').to_owned()
}

/// True when two evaluations were asked about the same numbers.
fn same_trigger(one: &Evaluation, other: &Evaluation) -> bool {
    match (&one.trigger, &other.trigger) {
        (Trigger::Bar(one), Trigger::Bar(other)) => {
            let partial = |bar: &Bar| bar.quality == Quality::Partial;
            one.says_the_same(other) && partial(one) == partial(other)
        }
        (one, other) => one == other,
    }
}
