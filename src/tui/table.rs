//! A table: aligned columns that give way whole.
//!
//! A column is as wide as its widest cell. When the columns do not fit, the least important ones
//! are left out; no number is ever cut. One column of words may take what is left, and is elided.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::ink;
use super::theme::Theme;

/// A column.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub title: &'static str,
    pub align: Align,
    /// The higher, the longer it stays when space is short.
    pub weight: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
    /// Words that take what is left, and claim so many cells, or two fifths of the table; one column
    /// at most.
    Rest(Option<u16>),
}

pub(super) const fn left(title: &'static str, weight: u8) -> Column {
    Column { title, align: Align::Left, weight }
}

pub(super) const fn right(title: &'static str, weight: u8) -> Column {
    Column { title, align: Align::Right, weight }
}

pub(super) const fn rest(title: &'static str) -> Column {
    Column { title, align: Align::Rest(None), weight: u8::MAX }
}

/// Words that claim so many cells before columns beside them give way.
pub(super) const fn rest_of(title: &'static str, claim: u16) -> Column {
    Column { title, align: Align::Rest(Some(claim)), weight: u8::MAX }
}

/// A cell.
pub(super) struct Cell {
    pub text: String,
    pub style: Style,
}

pub(super) fn cell(text: impl Into<String>, style: Style) -> Cell {
    Cell { text: text.into(), style }
}

/// The narrowest column of words.
const REST_AT_LEAST: u16 = 12;

/// How many rows fit below the titles.
pub(super) fn capacity(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1))
}

/// The first row to draw, so that the selected one is seen.
pub(super) fn first_visible(selected: usize, rows: usize, capacity: usize) -> usize {
    let last_start = rows.saturating_sub(capacity);
    selected.saturating_sub(capacity.saturating_sub(1) / 2).min(last_start)
}

/// Draws titles and rows; `selected` is a place in `rows`, `focused` inverts it.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    theme: Theme,
    columns: &[Column],
    rows: &[Vec<Cell>],
    selected: Option<(usize, bool)>,
) {
    if area.is_empty() {
        return;
    }
    let widths = widths(columns, rows, area.width.saturating_sub(1));
    let titles: Vec<Cell> = columns.iter().map(|c| cell(c.title, theme.dim())).collect();
    draw_row(buffer, area, columns, &widths, &titles);
    for (index, row) in rows.iter().enumerate().take(capacity(area)) {
        let offset = u16::try_from(index).unwrap_or(u16::MAX).saturating_add(1);
        let line = Rect { y: area.y.saturating_add(offset), height: 1, ..area };
        draw_row(buffer, line, columns, &widths, row);
        if let Some((_, focused)) = selected.filter(|(at, _)| *at == index) {
            ink::put_char(buffer, line.x, line.y, '▸', theme.bold());
            if focused {
                ink::invert(buffer, line);
            }
        }
    }
}

fn draw_row(buffer: &mut Buffer, area: Rect, columns: &[Column], widths: &[u16], row: &[Cell]) {
    let mut x = area.x + 1;
    for ((column, width), cell) in columns.iter().zip(widths).zip(row) {
        if *width == 0 {
            continue;
        }
        let room = area.right().saturating_sub(x).min(*width);
        match column.align {
            Align::Right if ink::width(&cell.text) <= room => {
                ink::put_right(buffer, x + room, area.y, &cell.text, cell.style);
            }
            _ if ink::width(&cell.text) <= room => {
                ink::put(buffer, x, area.y, &cell.text, room, cell.style);
            }
            _ => {
                ink::put(buffer, x, area.y, &ink::elide_words(&cell.text, room), room, cell.style);
            }
        }
        x = x.saturating_add(*width + 1);
    }
}

/// The width of each column; zero when it is left out.
fn widths(columns: &[Column], rows: &[Vec<Cell>], available: u16) -> Vec<u16> {
    let mut widths: Vec<u16> =
        columns.iter().enumerate().map(|(i, c)| natural(c, rows, i, available)).collect();
    let total = |widths: &[u16]| -> u16 {
        widths.iter().filter(|w| **w > 0).fold(0, |sum: u16, w| sum.saturating_add(*w + 1))
    };
    while total(&widths) > available + 1 {
        let shown = widths.iter().filter(|width| **width > 0).count();
        let least = (0..columns.len())
            .filter(|index| widths.get(*index).is_some_and(|width| *width > 0))
            .min_by_key(|index| columns.get(*index).map_or(0, |column| column.weight));
        match least.and_then(|index| widths.get_mut(index)) {
            Some(width) if shown > 1 => *width = 0,
            _ => break,
        }
    }
    let left = (available + 1).saturating_sub(total(&widths));
    let grows = columns.iter().position(|column| matches!(column.align, Align::Rest(_)));
    if let Some(width) = grows.and_then(|index| widths.get_mut(index)) {
        *width += left;
    }
    widths
}

fn natural(column: &Column, rows: &[Vec<Cell>], index: usize, available: u16) -> u16 {
    let cells = rows.iter().filter_map(|row| row.get(index)).map(|cell| ink::width(&cell.text));
    let widest = cells.max().unwrap_or(0);
    if let Align::Rest(claim) = column.align {
        return widest.min(claim.unwrap_or(available / 5 * 2)).max(REST_AT_LEAST);
    }
    // A column that nobody fills in has nothing to say.
    if widest == 0 && !rows.is_empty() { 0 } else { widest.max(ink::width(column.title)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_does_not_fit_is_left_out_and_never_cut() {
        let columns = [left("SYM", 9), right("QTY", 5), rest("WHY")];
        let text = |text: &str| cell(text, Style::new());
        let rows = vec![vec![text("BTCUSDT"), text("0.00012345"), text("a long reason for it")]];
        assert_eq!(widths(&columns, &rows, 40), [7, 10, 21]);
        assert_eq!(widths(&columns, &rows, 24), [7, 0, 16]);
    }

    #[test]
    fn words_that_say_more_than_the_columns_beside_them_keep_their_room() {
        let columns = [left("EVENT", 3), rest_of("MESSAGE", 30)];
        let text = |text: &str| cell(text, Style::new());
        let rows = vec![vec![text("decision.evaluated"), text(&"word ".repeat(20))]];
        assert_eq!(widths(&columns, &rows, 60), [18, 41]);
        assert_eq!(widths(&columns, &rows, 40), [0, 40]);
    }

    #[test]
    fn the_selected_row_is_always_visible() {
        for selected in 0..30 {
            let first = first_visible(selected, 30, 7);
            assert!((first..first + 7).contains(&selected));
        }
    }
}
