//! `/decisions`.

use axum::response::Response;
use serde::Serialize;

use super::answer::{self, Refused};
use super::query::{self, Given, shown};
use super::{Served, page};
use crate::app::decision::document::{Blocker, Document, Signal, timestamp};
use crate::app::decision::ids;
use crate::app::decision::store::{Found, Wanted};
use crate::engine::view::DecisionView;

/// The outcomes that can be asked for.
const OUTCOMES: [&str; 5] = ["signal", "no_signal", "not_ready", "suppressed", "error"];

/// A page of decisions.
#[derive(Serialize)]
struct List {
    #[serde(rename = "decisions")]
    rows: Vec<Row>,
    /// The cursor of the next page; none on the last one.
    next: Option<String>,
    /// Decisions in memory now.
    held: u64,
    /// Decisions that memory has let go: they are in the recording.
    evicted: u64,
}

/// A decision in a list.
#[derive(Serialize)]
struct Row {
    id: String,
    strategy: String,
    instrument: String,
    time: String,
    seq: u64,
    outcome: String,
    blocked_by: Option<Blocker>,
    signal: Option<Signal>,
    refusal: Option<String>,
    order: Option<String>,
    state: String,
    url: String,
}

impl Row {
    fn of(view: &DecisionView, base: &str) -> Self {
        // One place decides what a text looks like outside.
        let document = Document::from(&*view.evaluation);
        Self {
            url: format!("{base}/decisions/{}", document.id),
            time: timestamp(view.evaluation.time),
            seq: view.evaluation.seq,
            signal: view.signal.map(Signal::from),
            refusal: (!view.refusal.is_empty()).then(|| view.refusal.clone()),
            order: view.order.as_ref().map(|order| order.id.clone()),
            state: view.state.clone(),
            id: document.id,
            strategy: document.strategy,
            instrument: document.instrument,
            outcome: document.outcome,
            blocked_by: document.blocked_by,
        }
    }
}

/// `GET /decisions`.
pub fn list(served: &Served, given: &Given) -> Result<Response, Refused> {
    let store = &served.store;
    let extra = ["strategy", "instrument", "outcome", "blocked_by"];
    let paging = given.list(query::List::Decisions, store.run(), &extra)?;
    let outcomes = OUTCOMES.map(str::to_owned);
    let wanted = Wanted {
        strategy: paging.one_of("strategy", &store.strategies())?.to_owned(),
        instrument: paging.one_of("instrument", &store.instruments())?.to_owned(),
        outcome: paging.one_of("outcome", &outcomes)?.to_owned(),
        blocked_by: paging.other("blocked_by").to_owned(),
    };
    let page = store.decisions(&wanted, paging.below, paging.limit);
    let extent = store.extent();
    Ok(answer::json(&List {
        rows: page.items.iter().map(|view| Row::of(view, &served.public_url)).collect(),
        next: page.next.map(|below| query::List::Decisions.cursor(store.run(), below)),
        held: extent.decisions,
        evicted: extent.evicted,
    }))
}

/// `GET /decisions/{id}` of one in memory.
pub fn one(served: &Served, found: &Found, as_page: bool) -> Response {
    if as_page {
        answer::page(page::decision(found, &served.public_url))
    } else {
        answer::json(&found.document)
    }
}

/// The same of one that is not, with what the recording gave.
pub fn recalled(served: &Served, id: &str, recalled: Option<Document>, as_page: bool) -> Response {
    if let Some(document) = recalled {
        return one(served, &Found { document, previous: None, next: None }, as_page);
    }
    let is_id = ids::parse(served.store.run(), id).is_some() || looks_like_one(id);
    let error = if is_id {
        format!("{id} is not in memory; `tickscope explain {id}` finds it in the recording")
    } else {
        format!("{} is no id of a decision, an order or a fill", shown(id))
    };
    let refused = Refused::missing(error, served.store.nearest(id));
    if as_page {
        let body = page::missing(&refused, &served.public_url);
        refused.page(body)
    } else {
        refused.response()
    }
}

/// True for an id of another run: harmless to repeat in a command.
fn looks_like_one(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    id.contains('-') && id.len() <= 64 && !id.starts_with('-') && id.bytes().all(plain)
}
