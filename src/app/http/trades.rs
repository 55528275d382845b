//! `/orders`, `/fills` and `/positions`.

use axum::response::Response;
use serde::Serialize;

use super::Served;
use super::answer::{self, Refused};
use super::query::{Given, List};
use crate::app::decision::document::{Fill, Holding, Order};
use crate::domain::Side;

/// A page of orders.
#[derive(Serialize)]
struct Orders {
    orders: Vec<Order>,
    /// The cursor of the next page; none on the last one.
    next: Option<String>,
}

/// A page of fills.
#[derive(Serialize)]
struct Fills {
    fills: Vec<Filled>,
    /// The cursor of the next page; none on the last one.
    next: Option<String>,
}

/// A fill and what it belongs to.
#[derive(Serialize)]
struct Filled {
    order: String,
    decision: String,
    strategy: String,
    instrument: String,
    side: Side,
    #[serde(flatten)]
    fill: Fill,
}

/// Every position that is held or traded.
#[derive(Serialize)]
struct Positions {
    positions: Vec<Holding>,
}

/// `GET /orders`.
pub fn orders(served: &Served, given: &Given) -> Result<Response, Refused> {
    let run = served.store.run();
    let paging = given.list(List::Orders, run, &[])?;
    let page = served.store.orders(paging.below, paging.limit);
    let next = page.next.map(|below| List::Orders.cursor(run, below));
    Ok(answer::json(&Orders { orders: page.items, next }))
}

/// `GET /fills`.
pub fn fills(served: &Served, given: &Given) -> Result<Response, Refused> {
    let run = served.store.run();
    let paging = given.list(List::Fills, run, &[])?;
    let page = served.store.fills(paging.below, paging.limit);
    let next = page.next.map(|below| List::Fills.cursor(run, below));
    let filled = page.items.into_iter().map(|(order, fill)| Filled {
        order: order.id,
        decision: order.decision,
        strategy: order.strategy,
        instrument: order.instrument,
        side: order.side,
        fill,
    });
    Ok(answer::json(&Fills { fills: filled.collect(), next }))
}

/// `GET /positions`.
pub fn positions(served: &Served, given: &Given) -> Result<Response, Refused> {
    given.nothing()?;
    let view = served.view.load();
    Ok(answer::json(&Positions { positions: view.positions.iter().map(Holding::from).collect() }))
}
