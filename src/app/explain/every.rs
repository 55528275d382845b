//! Every evaluation or every order of a session as one line of JSON each: what a whole replay decides,
//! written or not.

use std::io::{BufWriter, Write};

use serde::Serialize;
use serde_json::Value;

use crate::app::cli::ExplainArgs;
use crate::app::decision::{Document, document};
use crate::app::error::{AppError, Exit};
use crate::app::past::{Cursor, Recording};
use crate::domain::{OrderRequest, UnixNanos};
use crate::engine::{Evaluation, Outlet, Record};
use crate::strategy::StrategyKind;

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

/// Writes them to standard output, until somebody does not want any more.
pub fn run(args: &ExplainArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let recording = Recording::open(args.session.as_deref().unwrap_or("last"), registry)?;
    let mut cursor = recording.begin()?;
    let mut lines = BufWriter::new(std::io::stdout().lock());
    let mut kept = Kept::default();
    while cursor.take(&mut kept)? {
        let (evaluations, orders) = (kept.evaluations.drain(..), kept.orders.drain(..));
        let found: Vec<Result<Value, _>> = if args.every {
            evaluations.filter_map(|evaluation| told(&mut cursor, &evaluation)).collect()
        } else {
            orders.map(|(time, request)| sent(&recording, time, &request)).collect()
        };
        for line in found {
            let line = line.map_err(|error| AppError::new(Exit::Failed, error.to_string()))?;
            if writeln!(lines, "{line}").is_err() {
                return Ok(Exit::Done);
            }
        }
    }
    // Whoever closed it early does not want it.
    let _ = lines.flush();
    Ok(Exit::Done)
}

fn told(cursor: &mut Cursor, evaluation: &Evaluation) -> Option<serde_json::Result<Value>> {
    let view = cursor.rerun.viewer().evaluation_view(evaluation)?;
    Some(serde_json::to_value(Document::from(&view)))
}

fn sent(
    recording: &Recording,
    time: UnixNanos,
    request: &OrderRequest,
) -> serde_json::Result<Value> {
    let instrument = recording.plan.engine.instruments.get(request.instrument.index());
    serde_json::to_value(Sent {
        id: recording.run.order(request.id),
        decision: recording.run.decision(request.decision),
        time: document::timestamp(time),
        instrument: instrument.map_or_else(String::new, |it| it.symbol.clone()),
    })
}
