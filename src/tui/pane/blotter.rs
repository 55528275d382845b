//! Panes 4 and 5, the blotter: positions and orders.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::draw::Scene;
use super::super::model::Pane;
use super::super::number;
use super::super::row::Row;
use super::super::table::{self, Cell, cell};
use crate::domain::{OrderKind, OrderState};
use crate::engine::view::{OrderView, PositionView};

pub(super) fn positions(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let columns = [
        table::left("SYMBOL", 10),
        table::left("STRATEGY", 8),
        table::right("QUANTITY", 9),
        table::right("ENTRY", 6),
        table::right("MARK", 5),
        table::right("uPnL", 9),
        table::right("rPnL", 7),
        table::right("FEES", 3),
        table::right("AGE", 2),
        table::left("", 9),
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
    let age =
        if flat { String::new() } else { number::span(scene.view.now.since(position.opened)) };
    vec![
        cell(position.symbol.clone(), theme.bold()),
        cell(position.strategy.clone(), theme.text()),
        cell(scene.money(number::signed_quantity(position.quantity, quantity_digits)), side),
        cell(number::average_or_missing(position.average_entry, price_digits), theme.text()),
        mark,
        unrealised,
        cell(scene.money(number::profit(position.realised)), theme.profit(position.realised)),
        cell(scene.money(number::money(position.fees)), theme.text()),
        cell(age, theme.dim()),
        cell(if position.dust { "dust" } else { "" }, theme.blocked()),
    ]
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
