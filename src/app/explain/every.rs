//! Every evaluation or every order of a session as one line of JSON each: what a whole replay decides,
//! written or not. An evaluation's line is the document that `explain ID --json` gives, with what it
//! led to: it waits until its order has ended, and the lines behind it wait with it.

use std::collections::VecDeque;
use std::io::{BufWriter, Write};

use serde::Serialize;

use super::find;
use crate::app::cli::ExplainArgs;
use crate::app::decision::{Document, document};
use crate::app::error::{AppError, Exit};
use crate::app::past::{Cursor, Recording};
use crate::domain::{DecisionId, OrderRequest, UnixNanos};
use crate::engine::{Evaluation, Outlet, Record};
use crate::strategy::StrategyKind;
use crate::tape;

/// Lines that wait; an order that rests for longer is looked up.
const WAITING: usize = 16_384;

/// Keeps what an input made.
#[derive(Default)]
struct Kept {
    evaluations: Vec<Evaluation>,
    orders: Vec<(UnixNanos, OrderRequest)>,
}

impl Outlet for Kept {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Evaluation(evaluation) => self.evaluations.push(evaluation.clone()),
            Record::Order { request, time, .. } => self.orders.push((*time, *request)),
            _ => {}
        }
    }
}

/// An order and where it came from.
#[derive(Serialize)]
struct Sent {
    id: String,
    decision: String,
    time: String,
    instrument: String,
}

/// A line that is written once all before it are.
enum Line {
    /// As it is written.
    Ready(String),
    /// A wish whose end has not come: its decision, and that as it is shown.
    Open(DecisionId, String),
}

/// Writes them to standard output, until somebody does not want any more.
pub fn run(args: &ExplainArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let session = args.session.as_deref().unwrap_or("last");
    let found = tape::resolve_run(session, &tape::default_root()?)?;
    let recording = Recording::of(found, registry)?;
    let mut cursor = recording.begin()?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut kept = Kept::default();
    let mut lines = VecDeque::new();
    while cursor.take(&mut kept)? {
        for evaluation in kept.evaluations.drain(..).filter(|_| args.every) {
            lines.extend(told(&mut cursor, &evaluation)?);
        }
        for (time, request) in kept.orders.drain(..).filter(|_| args.orders) {
            lines.push_back(Line::Ready(sent(&recording, time, &request)?));
        }
        if !write_ready(&mut out, &mut cursor, &recording, &mut lines, WAITING)? {
            return Ok(Exit::Done);
        }
    }
    // The recording ends before some orders do: they are told as they are.
    if write_ready(&mut out, &mut cursor, &recording, &mut lines, 0)? {
        // Whoever closed it early does not want it.
        let _ = out.flush();
    }
    Ok(Exit::Done)
}

/// Writes lines whose end is known, and the first ones while more than `most` wait; false when nobody
/// wants any more.
fn write_ready(
    out: &mut impl Write,
    cursor: &mut Cursor,
    recording: &Recording,
    lines: &mut VecDeque<Line>,
    most: usize,
) -> Result<bool, AppError> {
    while let Some(first) = lines.front() {
        let line = match first {
            Line::Ready(line) => line.clone(),
            Line::Open(decision, id) => {
                match cursor.rerun.viewer().decision(id) {
                    Some(row) if !find::is_under_way(&row) => text(&Document::from(&*row))?,
                    Some(row) if most == 0 => text(&Document::from(&*row))?,
                    Some(_) if lines.len() <= most => return Ok(true),
                    // It waits for too long, or its row had to give way to newer ones.
                    _ => text(&find::decision(recording, *decision)?.document())?,
                }
            }
        };
        lines.pop_front();
        if writeln!(out, "{line}").is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The line of an evaluation that was just made; none whose form is not known.
fn told(cursor: &mut Cursor, evaluation: &Evaluation) -> Result<Option<Line>, AppError> {
    let viewer = cursor.rerun.viewer();
    let Some(view) = viewer.evaluation_view(evaluation) else { return Ok(None) };
    Ok(Some(match viewer.decision(&view.id) {
        Some(row) if row.signal.is_some() && find::is_under_way(&row) => {
            Line::Open(evaluation.id, view.id)
        }
        Some(row) => Line::Ready(text(&Document::from(&*row))?),
        None => Line::Ready(text(&Document::from(&view))?),
    }))
}

fn text(value: &impl Serialize) -> Result<String, AppError> {
    serde_json::to_string(value).map_err(|error| AppError::new(Exit::Failed, error.to_string()))
}

fn sent(
    recording: &Recording,
    time: UnixNanos,
    request: &OrderRequest,
) -> Result<String, AppError> {
    let instrument = recording.plan.engine.instruments.get(request.instrument.index());
    text(&Sent {
        id: recording.run.order(request.id),
        decision: recording.run.decision(request.decision),
        time: document::timestamp(time),
        instrument: instrument.map_or_else(String::new, |it| it.symbol.clone()),
    })
}
