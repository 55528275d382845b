//! Pane 6, the decisions: what every strategy wanted, and what stopped it when nothing came of it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::chain;
use super::super::draw::Scene;
use super::super::ink;
use super::super::model::Pane;
use super::super::number;
use super::super::row::Row;
use super::super::table::{self, Cell, cell};
use super::super::theme::Theme;
use crate::engine::view::DecisionView;

/// How many were evaluated, and whether only blockers are shown.
pub(super) fn title(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let total = number::count(scene.view.run.evaluations);
    let text = format!("{total} evaluations ");
    let mut x = area.x;
    if scene.model.blockers_only {
        x = ink::put(buffer, x, area.y, "blockers only (b) ", area.width, scene.theme.warn());
    }
    let room = area.right().saturating_sub(x);
    if ink::width(&text) <= room {
        ink::put_right(buffer, area.right(), area.y, &text, scene.theme.dim());
    }
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    // Whose decision it is counts for more than the last words of the reason.
    let why = "WHY / FIRST BLOCKER";
    let why = if area.width < 100 { table::rest_of(why, 24) } else { table::rest(why) };
    let columns = [
        table::left("TIME", 8),
        table::left("ID", 4),
        table::left("STRATEGY", 6),
        table::left("SYMBOL", 7),
        table::left("DECISION", 10),
        table::left("STATE", 9),
        why,
        table::right("TIMES", 1),
        table::left("ORDER", 2),
        table::right("TO FILL", 3),
    ];
    let empty = "no decision yet: strategies are warming up";
    super::table_of_rows(buffer, area, scene, Pane::Decisions, &columns, empty, |row| match row {
        Row::Decision(decision) => cells(scene, decision, area.width),
        _ => Vec::new(),
    });
}

fn cells(scene: &Scene<'_>, decision: &DecisionView, width: u16) -> Vec<Cell> {
    let theme = scene.theme;
    let evaluation = &decision.evaluation;
    let (_, quantity_digits) = scene.digits(&evaluation.symbol);
    let side = decision.signal.map_or(theme.dim(), |signal| theme.side(signal.side));
    let order = decision.order.as_ref();
    let filled = order.filter(|order| !order.fills.is_empty());
    let to_fill = filled.map(|order| number::span(order.updated.since(evaluation.time)));
    let times =
        if decision.repeated > 1 { number::count(decision.repeated) } else { String::new() };
    let time = match width {
        ..100 => scene.clock.second(evaluation.time),
        _ => scene.clock.time(evaluation.time),
    };
    vec![
        cell(time, theme.text()),
        cell(evaluation.id.clone(), theme.dim()),
        cell(evaluation.strategy.clone(), theme.text()),
        cell(evaluation.symbol.clone(), theme.text()),
        cell(chain::action(decision, quantity_digits), side),
        cell(decision.state.clone(), state_style(theme, &decision.state)),
        cell(chain::reason(decision), theme.text()),
        cell(times, theme.dim()),
        cell(order.map_or_else(String::new, |order| order.id.clone()), theme.dim()),
        cell(to_fill.unwrap_or_default(), theme.text()),
    ]
}

/// The style of a decision's state.
pub(in super::super) fn state_style(theme: Theme, state: &str) -> Style {
    match state {
        "FILLED" => theme.up(),
        "REFUSED" | "REJECTED" | "DENIED" | "UNKNOWN" => theme.error(),
        "BLOCKED" | "PAUSED" => theme.blocked(),
        "WARMING" | "SUPPRESSED" => theme.dim(),
        _ => theme.signal(),
    }
}
