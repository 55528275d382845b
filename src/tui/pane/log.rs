//! Pane 7, the log: newest first, each line with the id of the decision or order that it is about.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::draw::Scene;
use super::super::model::Pane;
use super::super::row::Row;
use super::super::table::{self, Cell, cell};
use crate::engine::view::LogView;

pub(super) fn draw(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let columns = [
        table::left("TIME", 5),
        table::left("LEVEL", 6),
        table::left("EVENT", 3),
        table::rest_of("MESSAGE", 40),
        table::left("ID", 2),
    ];
    super::table_of_rows(buffer, area, scene, Pane::Log, &columns, "no log line yet", |row| {
        match row {
            Row::Line(line) => cells(scene, line, area.width),
            _ => Vec::new(),
        }
    });
}

fn cells(scene: &Scene<'_>, line: &LogView, width: u16) -> Vec<Cell> {
    let theme = scene.theme;
    let level = match line.level.as_str() {
        "ERROR" => theme.error(),
        "WARN" => theme.warn(),
        "DEBUG" | "TRACE" => theme.dim(),
        _ => theme.text(),
    };
    let time = match width {
        ..100 => scene.clock.second(line.time),
        _ => scene.clock.time(line.time),
    };
    vec![
        cell(time, theme.dim()),
        cell(line.level.clone(), level),
        cell(line.event.clone(), theme.text()),
        cell(line.message.clone(), theme.text()),
        cell(line.id.clone(), theme.dim()),
    ]
}
