//! Finding a decision in a recording: the checkpoint before it, then the run from there on until the
//! decision is made and what it led to has ended.

use std::sync::Arc;

use super::wanted::{Wanted, moment_of};
use crate::app::decision::Document;
use crate::app::error::{AppError, Exit};
use crate::app::past::{Cursor, Happened, Happening, Proof, Recording};
use crate::app::words;
use crate::domain::{DecisionId, InstrumentId, OrderId, StrategyId, UnixNanos};
use crate::engine::view::{DecisionView, EngineView, EvaluationView};
use crate::engine::{Evaluation, Nobody, Outlet, Record};
use crate::tape::TapeEnd;
use crate::tui::Chain;

/// Inputs after a decision within which most orders end; a later end is looked up.
const SOON: u64 = 20_000;

/// A decision, and the screen of the moment at which all of it was known.
pub struct Found {
    /// The decision.
    pub chain: Chain,
    /// The screen.
    pub view: EngineView,
    /// How far the run is proven up to there.
    pub proof: Proof,
    /// Where a torn recording ends.
    pub torn: Option<String>,
    /// Another thing was asked for than what was found.
    pub instead: Option<&'static str>,
}

impl Found {
    /// As the document that programs read.
    pub fn document(&self) -> Document {
        match &self.chain.decision {
            Some(row) => Document::from(&**row),
            None => Document::from(&*self.chain.evaluation),
        }
    }

    /// How far the answer can be relied on, in one line.
    pub fn proof_line(&self) -> String {
        let Proof { records, marks, parted } = self.proof;
        let line = match parted {
            Some((recorded, _)) => format!(
                "NOT PROVEN up to input {} this program does something else than what was recorded",
                recorded.seq
            ),
            None if marks == 0 => "decided again from the recording".to_owned(),
            None => format!("decided again from the recording, equal up to record {records}"),
        };
        match &self.torn {
            Some(torn) => format!("{line}; {torn}"),
            None => line,
        }
    }
}

/// Keeps the evaluation of a decision.
struct Catch {
    wanted: DecisionId,
    caught: Option<Evaluation>,
}

impl Outlet for Catch {
    fn record(&mut self, record: &Record) {
        if let Record::Evaluation(evaluation) = record
            && evaluation.id == self.wanted
        {
            self.caught = Some(evaluation.clone());
        }
    }
}

/// Keeps the decision that an order came from.
struct CatchOrder {
    wanted: OrderId,
    caught: Option<DecisionId>,
}

impl Outlet for CatchOrder {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Order { request, .. } if request.id == self.wanted => {
                self.caught = Some(request.decision);
            }
            Record::Risk(report) if report.order == self.wanted => {
                self.caught = Some(report.decision);
            }
            _ => {}
        }
    }
}

/// Keeps the last evaluation of a strategy in an instrument up to a moment.
struct CatchUntil {
    of: (StrategyId, InstrumentId),
    until: UnixNanos,
    caught: Option<Evaluation>,
}

impl Outlet for CatchUntil {
    fn record(&mut self, record: &Record) {
        if let Record::Evaluation(evaluation) = record
            && (evaluation.id.strategy, evaluation.instrument) == self.of
            && evaluation.time <= self.until
        {
            self.caught = Some(evaluation.clone());
        }
    }
}

/// Finds what is wanted.
pub fn find(recording: &Recording, wanted: &Wanted) -> Result<Found, AppError> {
    match wanted {
        Wanted::Decision(_, id) => decision(recording, *id),
        Wanted::Order(_, id, fill) => order(recording, *id, *fill),
        Wanted::Number(number) => by_number(recording, *number),
        Wanted::At { time, strategy, instrument } => {
            let time = moment_of(time, recording.began()?)?;
            let slot = slot(recording, strategy.as_deref(), instrument.as_deref())?;
            at(recording, time, (&slot.0, &slot.1))
        }
        Wanted::Last => last(recording),
    }
}

/// The run right after what an id is of: the input at which a decision was made, or an order sent.
pub fn reach(recording: &Recording, wanted: &Wanted) -> Result<Cursor, AppError> {
    match wanted {
        Wanted::Decision(_, id) => made(recording, *id).map(|(cursor, _)| cursor),
        Wanted::Order(_, id, _) => sent(recording, *id).map(|(cursor, _)| cursor),
        _ => Err(AppError::new(Exit::Usage, "that is no id of a decision or an order")),
    }
}

/// A decision by its number, and what it led to.
pub(super) fn decision(recording: &Recording, id: DecisionId) -> Result<Found, AppError> {
    let (cursor, evaluation) = made(recording, id)?;
    led_to(recording, cursor, &evaluation)
}

/// The run right after a decision, and the decision.
fn made(recording: &Recording, id: DecisionId) -> Result<(Cursor, Evaluation), AppError> {
    let at = id.strategy.index();
    recording.plan.engine.strategies.get(at).ok_or_else(|| no_such_strategy(recording, at))?;
    let counted = |cursor: &Cursor| {
        cursor.rerun.engine().counters().get(at).map_or(0, |counters| counters.evaluations)
    };
    let mut cursor = recording
        .before(|head| head.counters.get(at).is_some_and(|counters| counters.evaluations < id.n))?;
    let mut catch = Catch { wanted: id, caught: None };
    while counted(&cursor) < id.n && cursor.take(&mut catch)? {}
    let Some(evaluation) = catch.caught else {
        let name = recording.run.decision(id);
        let nearest = match counted(&cursor) {
            0 => "that strategy decided nothing in it".to_owned(),
            last if last < id.n => {
                let last = DecisionId { n: last, ..id };
                format!("its last decision is {}", recording.run.decision(last))
            }
            _ => format!("its first decision is {}", first_decision(recording, id)?),
        };
        return Err(unknown(format!("{} has no decision {name}: {nearest}", recording.name)));
    };
    Ok((cursor, evaluation))
}

/// The first decision of a strategy in a run whose account had run before.
fn first_decision(recording: &Recording, like: DecisionId) -> Result<String, AppError> {
    let mut cursor = recording.begin()?;
    let at = like.strategy.index();
    let counted = |cursor: &Cursor| cursor.rerun.engine().counters().get(at).map(|c| c.evaluations);
    // The first inputs are the start and what is taken over.
    let mut before = counted(&cursor);
    for _ in 0..2 {
        cursor.take(&mut Nobody)?;
        before = counted(&cursor);
    }
    let first = DecisionId { n: before.unwrap_or_default() + 1, ..like };
    Ok(recording.run.decision(first))
}

/// Follows what a decision led to, to its end or to the end of the recording.
fn led_to(
    recording: &Recording,
    mut cursor: Cursor,
    evaluation: &Evaluation,
) -> Result<Found, AppError> {
    let id = recording.run.decision(evaluation.id);
    let is_pending = |cursor: &mut Cursor| {
        let row = cursor.rerun.viewer().decision(&id);
        row.is_some_and(|row| row.signal.is_some() && is_under_way(&row))
    };
    let made = cursor.rerun.seq();
    while is_pending(&mut cursor) && cursor.rerun.seq() < made + SOON {
        if !cursor.take(&mut Nobody)? {
            break;
        }
    }
    if is_pending(&mut cursor)
        && let Some(row) = cursor.rerun.viewer().decision(&id)
        && let Some(order) = &row.order
        && let Some(last) = last_of(recording, &order.id).filter(|seq| *seq > cursor.rerun.seq())
    {
        cursor = recording.at_input(last)?;
    }
    finish(cursor, evaluation)
}

/// A wish of which nothing is known yet, or an order that has not ended.
pub(super) fn is_under_way(row: &DecisionView) -> bool {
    match &row.order {
        Some(order) => !order.state.is_terminal(),
        None => row.refusal.is_empty(),
    }
}

/// The last input at which something happened to an order, as far as checkpoints tell.
fn last_of(recording: &Recording, order: &str) -> Option<u64> {
    let is_its = |happened: &&Happened| match happened.what {
        Happening::Filled(id, _) | Happening::Ended(id) => recording.run.order(id) == order,
        _ => false,
    };
    recording.happened().rev().find(is_its).map(|happened| happened.seq)
}

fn finish(mut cursor: Cursor, evaluation: &Evaluation) -> Result<Found, AppError> {
    let viewer = cursor.rerun.viewer();
    let Some(resolved) = viewer.evaluation_view(evaluation) else {
        return Err(AppError::new(Exit::Different, "the decision's form is not on the tape"));
    };
    let row = viewer.decision(&resolved.id);
    let chain = Chain { evaluation: Arc::new(resolved), decision: row };
    Ok(found(cursor, chain))
}

fn found(mut cursor: Cursor, chain: Chain) -> Found {
    // The mark after the input stands next on the tape.
    let ended = cursor.peek().is_ok_and(|next| next.is_none());
    let torn = match cursor.end() {
        Some(TapeEnd::Torn { at_byte, .. }) if ended => {
            Some(format!("the recording was torn off at byte {at_byte}"))
        }
        _ => None,
    };
    let (view, proof) = (cursor.rerun.view(), cursor.rerun.proof());
    Found { chain, view, proof, torn, instead: None }
}

/// The run right after an order was sent or refused, and the decision that it came from.
fn sent(recording: &Recording, id: OrderId) -> Result<(Cursor, DecisionId), AppError> {
    let at = id.strategy.index();
    recording.plan.engine.strategies.get(at).ok_or_else(|| no_such_strategy(recording, at))?;
    let counted = |cursor: &Cursor| {
        cursor.rerun.engine().counters().get(at).map_or(0, |counters| counters.orders)
    };
    let mut cursor = recording
        .before(|head| head.counters.get(at).is_some_and(|counters| counters.orders < id.n))?;
    let mut catch = CatchOrder { wanted: id, caught: None };
    while counted(&cursor) < id.n && cursor.take(&mut catch)? {}
    if let Some(by) = catch.caught {
        return Ok((cursor, by));
    }
    let last = OrderId { n: counted(&cursor), ..id };
    let nearest = match last.n {
        0 => "that strategy sent none in it".to_owned(),
        n if n < id.n => format!("its last order is {}", recording.run.order(last)),
        _ => "it was sent by an earlier run of the account".to_owned(),
    };
    let name = recording.run.order(id);
    Err(unknown(format!("{} has no order {name}: {nearest}", recording.name)))
}

/// An order's decision.
fn order(recording: &Recording, id: OrderId, fill: Option<usize>) -> Result<Found, AppError> {
    let (_, by) = sent(recording, id)?;
    let found = decision(recording, by)?;
    let order = found.chain.decision.as_ref().and_then(|row| row.order.as_ref());
    let fills = order.map_or(0, |order| order.fills.len());
    match fill {
        Some(nth) if nth > fills => {
            let name = recording.run.order(id);
            Err(unknown(format!("the order {name} has {fills} fills")))
        }
        _ => Ok(found),
    }
}

/// What the venue's number is of: an order, else a trade that filled one.
fn by_number(recording: &Recording, number: u64) -> Result<Found, AppError> {
    let is_order = |what: &Happening| match what {
        Happening::Accepted(order, venue) if *venue == number => Some(*order),
        _ => None,
    };
    let is_trade = |what: &Happening| match what {
        Happening::Filled(order, trade) if *trade == number => Some(*order),
        _ => None,
    };
    let mut end = recording.before(|_| true)?;
    while end.take(&mut Nobody)? {}
    let tail = end.rerun.take_happened();
    let all = || recording.happened().chain(&tail);
    let found =
        all().find_map(|h| is_order(&h.what)).or_else(|| all().find_map(|h| is_trade(&h.what)));
    if let Some(id) = found {
        return order(recording, id, None);
    }
    let venue_ids = all().filter_map(|happened| match happened.what {
        Happening::Accepted(_, venue) => Some(venue),
        _ => None,
    });
    let nearest = venue_ids.min_by_key(|id| id.abs_diff(number)).map_or_else(
        || "the venue took no order in it".to_owned(),
        |id| format!("the nearest of an order is {id}"),
    );
    let name = &recording.name;
    let text =
        format!("{name} knows no order and no fill with the venue's number {number}: {nearest}");
    Err(unknown(text))
}

/// Which strategy and instrument are meant where they are not named.
pub fn slot(
    recording: &Recording,
    strategy: Option<&str>,
    instrument: Option<&str>,
) -> Result<(String, String), AppError> {
    let config = &recording.plan.engine;
    let strategy = match (strategy, config.strategies.as_slice()) {
        (Some(name), _) => recording.strategy(name).map(|_| name.to_owned())?,
        (None, [only]) => only.name.clone(),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|s| s.name.as_str()).collect();
            let text = format!("which --strategy? There are {}", names.join(", "));
            return Err(AppError::new(Exit::Usage, text));
        }
    };
    let found = config.strategies.iter().find(|known| known.name == strategy);
    let its: Vec<&str> = found
        .iter()
        .flat_map(|strategy| &strategy.instruments)
        .filter_map(|id| config.instruments.get(id.index()))
        .map(|instrument| instrument.symbol.as_str())
        .collect();
    match (instrument, its.as_slice()) {
        (Some(symbol), its) if its.contains(&symbol) => Ok((strategy, symbol.to_owned())),
        (Some(symbol), its) => {
            recording.instrument(symbol)?;
            let text = format!("{strategy} does not trade {symbol}; it trades {}", its.join(", "));
            Err(AppError::new(Exit::Usage, text))
        }
        (None, [only]) => Ok((strategy, (*only).to_owned())),
        (None, several) => {
            let text = format!("which --instrument? {strategy} trades {}", several.join(", "));
            Err(AppError::new(Exit::Usage, text))
        }
    }
}

/// The last evaluation of a strategy in an instrument at or before a moment.
fn at(
    recording: &Recording,
    time: UnixNanos,
    (strategy, symbol): (&str, &str),
) -> Result<Found, AppError> {
    let mut cursor = recording.before(|head| head.time <= time)?;
    let its = |e: &EvaluationView| e.strategy == strategy && e.symbol == symbol;
    let before = last_in(&cursor.rerun.view(), its);
    let of = (recording.strategy(strategy)?, recording.instrument(symbol)?);
    let mut since = CatchUntil { of, until: time, caught: None };
    while cursor.peek()?.is_some_and(|(_, next)| next <= time) {
        cursor.take(&mut since)?;
    }
    // What was due by then, a bar closed by time for one, is decided with the next input.
    cursor.take(&mut since)?;
    let since = since.caught.and_then(|since| cursor.rerun.viewer().evaluation_view(&since));
    let Some(evaluation) = since.map(Arc::new).or(before) else {
        let began = words::moment(recording.began()?);
        let name = &recording.name;
        let text = format!("{strategy} had not evaluated {symbol} by then: {name} begins {began}");
        return Err(unknown(text));
    };
    let decision = cursor.rerun.viewer().decision(&evaluation.id);
    Ok(found(cursor, Chain { evaluation, decision }))
}

/// The last decision that wanted an order, else the last evaluation.
fn last(recording: &Recording) -> Result<Found, AppError> {
    let mut cursor = recording.at_end()?;
    let tail = cursor.rerun.take_happened();
    let signal = |happened: &Happened| match happened.what {
        Happening::Signal(decision) => Some(decision),
        _ => None,
    };
    let wanted = recording.happened().chain(&tail).rev().find_map(signal);
    let instead = wanted.is_none().then_some(
        "no decision of it wanted an order: this is the last evaluation (`tickscope whynot` says why)",
    );
    let chain = match wanted {
        Some(id) => match cursor.rerun.viewer().decision(&recording.run.decision(id)) {
            Some(row) => Chain { evaluation: Arc::clone(&row.evaluation), decision: Some(row) },
            None => return decision(recording, id),
        },
        None => match last_in(&cursor.rerun.view(), |_| true) {
            Some(evaluation) => {
                let decision = cursor.rerun.viewer().decision(&evaluation.id);
                Chain { evaluation, decision }
            }
            None => {
                return Err(unknown(format!("{}: no strategy decided anything", recording.name)));
            }
        },
    };
    Ok(Found { instead, ..found(cursor, chain) })
}

/// The newest of the last evaluations that are wanted.
fn last_in(
    view: &EngineView,
    is_wanted: impl Fn(&EvaluationView) -> bool,
) -> Option<Arc<EvaluationView>> {
    let own = view.strategies.iter().flat_map(|strategy| &strategy.last);
    // What an exit or an operator decided in a strategy's place is among the rows.
    let all = own.chain(view.decisions.iter().map(|row| &row.evaluation));
    all.filter(|evaluation| is_wanted(evaluation)).max_by_key(|e| (e.time, e.seq)).cloned()
}

fn no_such_strategy(recording: &Recording, at: usize) -> AppError {
    let many = recording.plan.engine.strategies.len();
    let last = many.saturating_sub(1);
    unknown(format!("{} has no strategy {at}: its {many} are numbered 0 to {last}", recording.name))
}

fn unknown(text: String) -> AppError {
    AppError::new(Exit::Failed, text)
}
