//! What a run answers over HTTP beside its metrics: decisions and what became of them, as JSON, and
//! one decision as a page for people. Read only.
//!
//! It is served on the telemetry server's thread from the store of decisions and from published
//! views; nothing here reaches the core. `openapi.json` describes every route.

mod answer;
mod decisions;
mod openapi;
mod page;
mod query;
mod strategies;
#[cfg(test)]
mod tests;
mod trades;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{Html, Response};
use axum::routing::get;
use tokio::sync::Semaphore;

use self::answer::Refused;
use self::query::Given;
use super::decision::{Document, Store};
use crate::engine::view::EngineView;

/// Ids looked up in the recording at a time; further ones wait.
const RECALLS: usize = 2;

/// The routes and what each is for; the index lists them.
const ROUTES: [(&str, &str); 9] = [
    ("/decisions", "decisions held in memory, newest first"),
    ("/decisions/{id}", "one decision: from its event to the position it left"),
    ("/orders", "orders, newest first"),
    ("/fills", "fills, newest first"),
    ("/positions", "positions as they are now"),
    ("/strategies", "strategies"),
    ("/strategies/{name}", "one strategy: parameters, rules, counters, what blocks it"),
    ("/openapi.json", "this interface, for programs"),
    ("/", "this list"),
];

/// Finds a decision that is in memory no more. It may take its time: it is called on a thread for
/// such things, and twice at a time at most.
pub type Recall = Arc<dyn Fn(&str) -> Option<Document> + Send + Sync>;

/// What is served.
#[derive(Clone)]
pub struct Served {
    /// Decisions in memory.
    pub store: Arc<Store>,
    /// The newest published view.
    pub view: Arc<ArcSwap<EngineView>>,
    /// Where decisions are that memory has let go.
    pub recall: Recall,
    /// How others reach this server, without a slash at the end; empty for links without a host.
    pub public_url: String,
}

/// A server's state.
#[derive(Clone)]
struct Shared {
    served: Served,
    recalls: Arc<Semaphore>,
}

/// The routes of a run.
pub fn router(served: Served) -> Router {
    let shared = Shared { served, recalls: Arc::new(Semaphore::new(RECALLS)) };
    Router::new()
        .route("/", get(index))
        .route("/decisions", get(list_decisions))
        .route("/decisions/{id}", get(one_decision))
        .route("/orders", get(list_orders))
        .route("/fills", get(list_fills))
        .route("/positions", get(list_positions))
        .route("/strategies", get(list_strategies))
        .route("/strategies/{name}", get(one_strategy))
        .route("/openapi.json", get(describe))
        .fallback(nothing)
        .with_state(shared)
}

impl Shared {
    /// Answers on a thread where it may take milliseconds: no other connection waits for it.
    async fn answer(
        self,
        respond: impl FnOnce(&Served) -> Result<Response, Refused> + Send + 'static,
    ) -> Response {
        let work = move || respond(&self.served).unwrap_or_else(Refused::response);
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| answer::failed())
    }
}

async fn list_decisions(State(shared): State<Shared>, given: Given) -> Response {
    shared.answer(move |served| decisions::list(served, &given)).await
}

async fn one_decision(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let as_page = answer::prefers_html(&headers);
    if let Some(found) = shared.served.store.find(&id) {
        return shared.answer(move |served| Ok(decisions::one(served, &found, as_page))).await;
    }
    let Ok(place) = Arc::clone(&shared.recalls).acquire_owned().await else {
        return answer::failed();
    };
    let respond = move |served: &Served| {
        let recalled = (served.recall)(&id);
        drop(place);
        Ok(decisions::recalled(served, &id, recalled, as_page))
    };
    shared.answer(respond).await
}

async fn list_orders(State(shared): State<Shared>, given: Given) -> Response {
    shared.answer(move |served| trades::orders(served, &given)).await
}

async fn list_fills(State(shared): State<Shared>, given: Given) -> Response {
    shared.answer(move |served| trades::fills(served, &given)).await
}

async fn list_positions(State(shared): State<Shared>, given: Given) -> Response {
    shared.answer(move |served| trades::positions(served, &given)).await
}

async fn list_strategies(State(shared): State<Shared>, given: Given) -> Response {
    shared.answer(move |served| strategies::list(served, &given)).await
}

async fn one_strategy(State(shared): State<Shared>, Path(name): Path<String>) -> Response {
    shared.answer(move |served| strategies::one(served, &name)).await
}

async fn describe(State(shared): State<Shared>) -> Response {
    answer::json(&openapi::document(&shared.served.public_url))
}

async fn index(State(shared): State<Shared>) -> Html<String> {
    Html(page::index(&shared.served.public_url))
}

async fn nothing(uri: Uri) -> Response {
    let nearest = query::nearest(uri.path(), ROUTES.iter().map(|(path, _)| *path));
    Refused::missing(format!("nothing is at {}", query::shown(uri.path())), nearest).response()
}
