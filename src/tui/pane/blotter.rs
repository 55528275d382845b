//! Panes 4 and 5, the blotter: positions and orders.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::draw::Scene;
use super::super::model::Pane;
use super::super::number;
use super::super::row::Row;
use super::super::table::{self, Cell, cell};
use crate::domain::{OrderKind, OrderState, Price, Side};
use crate::engine::Levels;
use crate::engine::view::{OrderView, PositionView};

pub(super) fn positions(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let columns = [
        table::left("SYMBOL", 13),
        table::left("STRATEGY", 8),
        table::right("QUANTITY", 12),
        table::right("ENTRY", 10),
        table::right("MARK", 5),
        table::right("uPnL", 11),
        table::right("STOP", 9),
        table::right("TARGET", 7),
        table::right("LEFT", 4),
        table::right("rPnL", 6),
        table::right("FEES", 3),
        table::right("AGE", 2),
    ];
    let empty = "no position yet";
    super::table_of_rows(buffer, area, scene, Pane::Positions, &columns, empty, |row| match row {
        Row::Position(position) => position_cells(scene, position),
        _ => Vec::new(),
    });
}

fn position_cells(scene: &Scene<'_>, position: &PositionView) -> Vec<Cell> {
    let theme = scene.theme;
    let (price_digits, quantity_digits) = scene.digits(&position.symbol);
    let flat = position.quantity.is_zero();
    let side = position.quantity.side().map_or(theme.text(), |side| theme.side(side));
    let stale =
        scene.instrument(&position.symbol).is_none_or(|i| super::watch::is_stale(scene.view, i));
    let mark = number::price_or_missing(position.mark, price_digits);
    let mark = if stale { cell(format!("~{mark}"), theme.dim()) } else { cell(mark, theme.text()) };
    let unrealised = position.unrealised.map_or_else(
        || cell(number::MISSING, theme.dim()),
        |profit| cell(scene.money(number::profit(profit)), theme.profit(profit)),
    );
    // What is too small to be sold has no stop.
    let stop = if position.dust {
        cell("dust", theme.blocked())
    } else {
        cell(stop_text(position, price_digits), theme.text())
    };
    let age =
        if flat { String::new() } else { number::span(scene.view.now.since(position.opened)) };
    vec![
        cell(position.symbol.clone(), theme.bold()),
        cell(position.strategy.clone(), theme.text()),
        cell(scene.money(number::signed_quantity(position.quantity, quantity_digits)), side),
        cell(number::average_or_missing(position.average_entry, price_digits), theme.text()),
        mark,
        unrealised,
        stop,
        cell(price_or_blank(position.exits.take_profit, price_digits), theme.text()),
        cell(left_text(scene, position), theme.text()),
        cell(scene.money(number::profit(position.realised)), theme.profit(position.realised)),
        cell(scene.money(number::money(position.fees)), theme.text()),
        cell(age, theme.dim()),
    ]
}

/// The stop that would be reached first; `t` says that it trails.
fn stop_text(position: &PositionView, digits: u32) -> String {
    let Levels { stop, trailing_stop, .. } = position.exits;
    let trails = match (stop, trailing_stop, position.quantity.side()) {
        (Some(stop), Some(trailing), Some(Side::Sell)) => trailing < stop,
        (Some(stop), Some(trailing), _) => trailing > stop,
        (stop, _, _) => stop.is_none(),
    };
    match trailing_stop.filter(|_| trails) {
        Some(trailing) => format!("{}t", number::price(trailing, digits)),
        None => price_or_blank(stop, digits),
    }
}

fn price_or_blank(price: Option<Price>, digits: u32) -> String {
    price.map(|price| number::price(price, digits)).unwrap_or_default()
}

/// How long it may still be held.
fn left_text(scene: &Scene<'_>, position: &PositionView) -> String {
    let left = position.exits.deadline.map(|deadline| deadline.since(scene.view.now));
    left.map(number::span).unwrap_or_default()
}

pub(super) fn orders(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let columns = [
        table::left("ORDER", 4),
        table::left("SYMBOL", 9),
        table::left("SIDE", 10),
        table::right("QUANTITY", 8),
        table::right("FILLED", 6),
        table::left("TYPE", 2),
        table::right("PRICE", 7),
        table::left("STATE", 9),
        table::right("AGE", 3),
        table::left("DECISION", 1),
    ];
    super::table_of_rows(buffer, area, scene, Pane::Orders, &columns, "no order yet", |row| {
        match row {
            Row::Order(order) => order_cells(scene, order),
            _ => Vec::new(),
        }
    });
}

fn order_cells(scene: &Scene<'_>, order: &OrderView) -> Vec<Cell> {
    let theme = scene.theme;
    let (price_digits, quantity_digits) = scene.digits(&order.symbol);
    let price = order.average_price.or(order.kind.price());
    let state = match order.state {
        OrderState::Filled => theme.up(),
        OrderState::Rejected | OrderState::Denied | OrderState::Unknown => theme.error(),
        state if state.is_terminal() => theme.dim(),
        _ => theme.bold(),
    };
    vec![
        cell(order.id.clone(), theme.text()),
        cell(order.symbol.clone(), theme.bold()),
        cell(order.side.as_str(), theme.side(order.side)),
        cell(scene.money(number::quantity(order.quantity, quantity_digits)), theme.text()),
        cell(scene.money(number::quantity(order.filled, quantity_digits)), theme.text()),
        cell(kind_text(order.kind), theme.text()),
        cell(number::average_or_missing(price, price_digits), theme.text()),
        cell(order.state.as_str(), state),
        cell(number::span(scene.view.now.since(order.created)), theme.dim()),
        cell(order.decision.clone(), theme.dim()),
    ]
}

fn kind_text(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "MARKET",
        OrderKind::Limit { .. } => "LIMIT",
        OrderKind::LimitMaker { .. } => "MAKER",
    }
}
