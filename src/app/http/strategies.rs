//! `/strategies`.

use axum::response::Response;
use serde::Serialize;

use super::Served;
use super::answer::{self, Refused};
use super::query::{self, Given};
use crate::app::decision::Document;
use crate::domain::clean;
use crate::engine::view::StrategyView;

/// Longest text of a rule or a name, in characters.
const TEXT_MAX: usize = 4_096;

/// Every strategy.
#[derive(Serialize)]
struct Strategies {
    strategies: Vec<Strategy>,
}

/// A strategy as it is now.
#[derive(Serialize)]
struct Strategy {
    name: String,
    kind: String,
    feed: String,
    paused: bool,
    parameters: Vec<Parameter>,
    rules: Vec<RuleText>,
    evaluations: u64,
    signals: u64,
    /// Signals whose rules all have operands: a bare boolean explains nothing.
    explained: u64,
    /// What stopped it first, most frequent first.
    blockers: Vec<Count>,
    /// The last evaluation for each of its instruments.
    last: Vec<Document>,
}

/// A configured parameter.
#[derive(Serialize)]
struct Parameter {
    name: String,
    value: f64,
}

/// A rule as it is configured.
#[derive(Serialize)]
struct RuleText {
    key: String,
    text: String,
}

/// How often something was the first blocker.
#[derive(Serialize)]
struct Count {
    name: String,
    count: u64,
}

impl Strategy {
    fn of(view: &StrategyView, served: &Served) -> Self {
        let text = |text: &str| clean(text, TEXT_MAX);
        let last = view.last.iter().map(|evaluation| {
            let found = served.store.find(&evaluation.id);
            found.map_or_else(|| Document::from(&**evaluation), |found| found.document)
        });
        Self {
            name: text(&view.name),
            kind: text(&view.kind),
            feed: view.feed.clone(),
            paused: view.paused,
            parameters: view
                .params
                .iter()
                .map(|(name, value)| Parameter { name: text(name), value: *value })
                .collect(),
            rules: view
                .rules
                .iter()
                .map(|(key, rule)| RuleText { key: text(key), text: text(rule) })
                .collect(),
            evaluations: view.evaluations,
            signals: view.signals,
            explained: view.explained.0,
            blockers: view
                .blockers
                .iter()
                .map(|(name, count)| Count { name: text(name), count: *count })
                .collect(),
            last: last.collect(),
        }
    }
}

/// `GET /strategies`.
pub fn list(served: &Served, given: &Given) -> Result<Response, Refused> {
    given.nothing()?;
    let view = served.view.load();
    let strategies = view.strategies.iter().map(|view| Strategy::of(view, served)).collect();
    Ok(answer::json(&Strategies { strategies }))
}

/// `GET /strategies/{name}`.
pub fn one(served: &Served, name: &str) -> Result<Response, Refused> {
    let view = served.view.load();
    if let Some(strategy) = view.strategies.iter().find(|strategy| strategy.name == name) {
        return Ok(answer::json(&Strategy::of(strategy, served)));
    }
    let error = format!("no strategy is called {}", query::shown(name));
    let names = view.strategies.iter().map(|strategy| strategy.name.as_str());
    Err(Refused::missing(error, query::nearest(name, names)))
}
