//! Ink: the only way text reaches the screen's buffer.
//!
//! Every character passes [`put`], so a control, bidirectional or zero-width character that slipped
//! through upstream becomes U+FFFD here and can neither move the cursor nor reorder a row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A piece of text in one style.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    pub text: String,
    pub style: Style,
}

/// A piece of text in one style.
pub(super) fn span(text: impl Into<String>, style: Style) -> Span {
    Span { text: text.into(), style }
}

impl Span {
    pub fn width(&self) -> u16 {
        width(&self.text)
    }
}

/// The cells that a text occupies.
pub(super) fn width(text: &str) -> u16 {
    let cells = if text.is_ascii() { text.len() } else { text.width() };
    u16::try_from(cells).unwrap_or(u16::MAX)
}

/// Writes text from `x` on, at most `max` cells and never outside the buffer; returns where it ended.
pub(super) fn put(buffer: &mut Buffer, x: u16, y: u16, text: &str, max: u16, style: Style) -> u16 {
    let end = x.saturating_add(max).min(buffer.area.right());
    if y < buffer.area.top() || y >= buffer.area.bottom() || x < buffer.area.left() {
        return x;
    }
    let mut at = x;
    for character in text.chars() {
        let (shown, cells) = shown(character);
        if at.saturating_add(cells) > end {
            break;
        }
        put_char(buffer, at, y, shown, style);
        for hidden in at + 1..at + cells {
            if let Some(cell) = buffer.cell_mut((hidden, y)) {
                cell.reset();
            }
        }
        at += cells;
    }
    at
}

/// Writes one character of width one.
pub(super) fn put_char(buffer: &mut Buffer, x: u16, y: u16, character: char, style: Style) {
    if let Some(cell) = buffer.cell_mut((x, y)) {
        cell.set_char(character).set_style(style);
    }
}

/// What is drawn for a character, and its cells.
fn shown(character: char) -> (char, u16) {
    if (' '..='~').contains(&character) {
        return (character, 1);
    }
    match character.width() {
        Some(1) => (character, 1),
        Some(2) => (character, 2),
        _ => (char::REPLACEMENT_CHARACTER, 1),
    }
}

/// Writes spans one after the other; returns where they ended.
pub(super) fn put_spans(buffer: &mut Buffer, x: u16, y: u16, spans: &[Span], max: u16) -> u16 {
    let end = x.saturating_add(max);
    spans
        .iter()
        .fold(x, |at, span| put(buffer, at, y, &span.text, end.saturating_sub(at), span.style))
}

/// Writes text that ends at the cell before `right`.
pub(super) fn put_right(buffer: &mut Buffer, right: u16, y: u16, text: &str, style: Style) {
    let cells = width(text);
    put(buffer, right.saturating_sub(cells), y, text, cells, style);
}

/// Text cut to `max` cells; a cut shows as `…`. Only for words: numbers are never cut.
pub(super) fn elide(text: &str, max: u16) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let room = usize::from(max.saturating_sub(1));
    let mut taken = 0;
    let mut short: String = text
        .chars()
        .take_while(|character| {
            taken += character.width().unwrap_or(1);
            taken <= room
        })
        .collect();
    if max > 0 {
        short.push('…');
    }
    short
}

/// The fewest cells of words that still say what numbers are about.
const WORDS_AT_LEAST: u16 = 6;

/// Text cut to `max` cells. Where it ends with numbers that were compared, `price > high: 3 < 4`,
/// the words before them give way, so that both stay.
pub(super) fn elide_words(text: &str, max: u16) -> String {
    let Some((words, numbers)) = compared(text).filter(|_| width(text) > max) else {
        return elide(text, max);
    };
    let room = max.saturating_sub(width(numbers).saturating_add(1));
    if room < WORDS_AT_LEAST {
        elide(text, max)
    } else {
        format!("{} {numbers}", elide(words, room))
    }
}

/// The words of a text and the one comparison of two numbers behind them.
fn compared(text: &str) -> Option<(&str, &str)> {
    let is_number = |token: &str| {
        token.trim_start_matches(['-', '+']).starts_with(|first: char| first.is_ascii_digit())
    };
    let starts = |(at, _): (usize, &str)| Some((text.get(..at)?, text.get(at + 1..)?));
    let mut parts = text.match_indices(' ').filter_map(starts);
    let (words, numbers) = parts.find(|(_, rest)| is_number(rest))?;
    if words.contains(':') && !words.ends_with(':') {
        return None; // A sentence, of which the numbers are only the end.
    }
    match numbers.split(' ').collect::<Vec<_>>().as_slice() {
        [_, "<" | ">" | "=" | "<=" | ">=", last] if is_number(last) => Some((words, numbers)),
        _ => None,
    }
}

/// Lines made of pieces that are never broken: a piece that does not fit opens the next line, which
/// begins `indent` cells in.
pub(super) fn flow(pieces: Vec<Vec<Span>>, indent: u16, width: u16) -> Vec<Vec<Span>> {
    let mut lines: Vec<Vec<Span>> = vec![Vec::new()];
    let mut used = 0;
    for piece in pieces {
        let cells: u16 = piece.iter().map(Span::width).sum();
        if used > indent && used.saturating_add(cells) > width {
            lines.push(vec![span(" ".repeat(usize::from(indent)), Style::new())]);
            used = indent;
        }
        used = used.saturating_add(cells);
        if let Some(line) = lines.last_mut() {
            line.extend(piece);
        }
    }
    lines
}

/// Empties an area.
pub(super) fn clear(buffer: &mut Buffer, area: Rect) {
    let area = area.intersection(buffer.area);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
}

/// Inverts a row: the selection.
pub(super) fn invert(buffer: &mut Buffer, area: Rect) {
    buffer.set_style(area.intersection(buffer.area), Style::new().add_modifier(Modifier::REVERSED));
}

/// Draws a box and returns what is inside of it; a focused box has double lines, so that focus is
/// seen without colour.
pub(super) fn boxed(buffer: &mut Buffer, area: Rect, focused: bool, style: Style) -> Rect {
    let area = area.intersection(buffer.area);
    if area.width < 2 || area.height < 2 {
        return Rect::new(area.x, area.y, 0, 0);
    }
    let [horizontal, vertical, corners @ ..] = if focused {
        ['═', '║', '╔', '╗', '╚', '╝']
    } else {
        ['─', '│', '┌', '┐', '└', '┘']
    };
    let (right, bottom) = (area.right() - 1, area.bottom() - 1);
    for x in area.x + 1..right {
        put_char(buffer, x, area.y, horizontal, style);
        put_char(buffer, x, bottom, horizontal, style);
    }
    for y in area.y + 1..bottom {
        put_char(buffer, area.x, y, vertical, style);
        put_char(buffer, right, y, vertical, style);
    }
    let places = [(area.x, area.y), (right, area.y), (area.x, bottom), (right, bottom)];
    for ((x, y), corner) in places.into_iter().zip(corners) {
        put_char(buffer, x, y, corner, style);
    }
    Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_steer_the_terminal() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 1));
        put(&mut buffer, 0, 0, "a\u{1b}[31m\u{202e}b\u{200b}c\t日", 20, Style::new());
        let row: String = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(row.trim_end(), "a\u{fffd}[31m\u{fffd}b\u{fffd}c\u{fffd}日");
    }

    /// Lost if broken: the limit, behind the words that name it.
    #[test]
    fn two_numbers_that_were_compared_stay_when_words_give_way() {
        let refused = "position notional 447.08 > 400";
        assert_eq!(elide_words(refused, 30), refused);
        assert_eq!(elide_words(refused, 24), "position n… 447.08 > 400");
        assert_eq!(elide_words("rsi < rsi_max: 86.12 > 85", 20), "rsi < rs… 86.12 > 85");
        // Too little would be left of the words, or nothing was compared.
        assert_eq!(elide_words(refused, 17), "position notiona…");
        assert_eq!(elide_words("rsi is 14 of 20 bars old", 12), "rsi is 14 o…");
        let sentence = "dip BTCUSDT: no signal, rsi 86 > 85";
        assert_eq!(elide_words(sentence, 20), "dip BTCUSDT: no sig…");
        let crossing = "fast crosses above slow: was 3 > 2 already";
        assert_eq!(elide_words(crossing, 20), "fast crosses above …");
    }

    #[test]
    fn a_piece_is_never_broken_over_two_lines() {
        let piece = |text: &str| vec![span(text, Style::new())];
        let lines = flow(vec![piece("limit "), piece("64,012.50 "), piece("BTCUSDT")], 2, 16);
        let text: Vec<String> =
            lines.iter().map(|l| l.iter().map(|s| s.text.as_str()).collect()).collect();
        assert_eq!(text, ["limit 64,012.50 ", "  BTCUSDT"]);
    }
}
