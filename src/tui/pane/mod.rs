//! The panes: one file each, all of them plain functions from a scene and a rectangle to cells.

mod blotter;
mod book;
mod chart;
mod decisions;
mod health;
mod log;
mod strategy;
mod watch;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw::Scene;
use super::ink;
use super::model::Pane;
use super::row::{self, Row};
use super::table::{self, Cell, Column};

pub(super) use decisions::state_style;
pub(super) use strategy::{Outlined, node_pieces, outline};

/// Draws what is inside of a pane's box.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>, pane: Pane) {
    if area.is_empty() {
        return;
    }
    match pane {
        Pane::Watch => watch::draw(buffer, area, scene),
        Pane::Book => book::draw(buffer, area, scene),
        Pane::Chart => chart::draw(buffer, area, scene),
        Pane::Positions => blotter::positions(buffer, area, scene),
        Pane::Orders => blotter::orders(buffer, area, scene),
        Pane::Decisions => decisions::draw(buffer, area, scene),
        Pane::Log => log::draw(buffer, area, scene),
        Pane::Strategy => strategy::draw(buffer, area, scene),
        Pane::Health => health::draw(buffer, area, scene),
    }
}

/// Draws what follows the pane's name in its title.
pub(super) fn draw_title(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>, pane: Pane) {
    match pane {
        Pane::Chart => chart::title(buffer, area, scene),
        Pane::Book => book::title(buffer, area, scene),
        Pane::Decisions => decisions::title(buffer, area, scene),
        _ => {}
    }
}

/// Draws the rows of a pane as a table; only visible rows are made into cells.
fn table_of_rows(
    buffer: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    pane: Pane,
    columns: &[Column],
    empty: &str,
    cells: impl Fn(&Row<'_>) -> Vec<Cell>,
) {
    let rows = row::rows(scene.model, scene.view, pane);
    if rows.is_empty() {
        let filtered = !scene.model.filter_of(pane).is_empty();
        let text = if filtered { "nothing matches the filter (Esc clears it)" } else { empty };
        ink::put(buffer, area.x + 1, area.y, text, area.width.saturating_sub(1), scene.theme.dim());
        return;
    }
    let focused = scene.model.focus == pane;
    let chosen = scene.model.selected_in(pane);
    let at = row::place(&rows, chosen);
    let first = table::first_visible(at, rows.len(), table::capacity(area));
    let visible: Vec<Vec<Cell>> =
        rows.iter().skip(first).take(table::capacity(area)).map(cells).collect();
    let selected =
        (focused || chosen.is_some() || pane == Pane::Watch).then_some((at - first, focused));
    table::draw(buffer, area, scene.theme, columns, &visible, selected);
}
