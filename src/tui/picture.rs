//! A picture of a frame: an SVG that looks the same with every font.
//!
//! Words are text with a fixed length; box lines and blocks are drawn as shapes, so that there are
//! no gaps between cells.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// A cell's size in the picture.
const WIDTH: u32 = 9;
const HEIGHT: u32 = 18;
const MARGIN: u32 = 9;
const BACKGROUND: &str = "#11151c";
const FOREGROUND: &str = "#d5dbe5";

/// What a cell looks like; neighbours that look alike are drawn as one.
#[derive(Clone, PartialEq)]
struct Look {
    front: String,
    back: String,
    bold: bool,
    dim: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let front = hex(cell.fg).unwrap_or_else(|| FOREGROUND.to_owned());
        let back = hex(cell.bg).unwrap_or_else(|| BACKGROUND.to_owned());
        let (front, back) =
            if cell.modifier.contains(Modifier::REVERSED) { (back, front) } else { (front, back) };
        Self {
            front,
            back,
            bold: cell.modifier.contains(Modifier::BOLD),
            dim: cell.modifier.contains(Modifier::DIM),
        }
    }

    fn attributes(&self) -> String {
        let weight = if self.bold { r#" font-weight="bold""# } else { "" };
        let opacity = if self.dim { r#" opacity="0.6""# } else { "" };
        format!("{weight}{opacity}")
    }
}

/// The frame as the text of an SVG file.
pub fn svg(buffer: &Buffer) -> String {
    let (columns, rows) = (u32::from(buffer.area.width), u32::from(buffer.area.height));
    let (width, height) = (columns * WIDTH + 2 * MARGIN, rows * HEIGHT + 2 * MARGIN);
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14"><rect width="100%" height="100%" rx="6" fill="{BACKGROUND}"/>"#
    );
    let cells = buffer.content().chunks(usize::from(buffer.area.width.max(1)));
    for (row, cells) in (0..rows).zip(cells) {
        let top = MARGIN + row * HEIGHT;
        for (from, run) in runs(cells, |cell| Look::of(cell).back) {
            background(&mut out, from, top, run);
        }
        for (from, run) in runs(cells, |cell| (Look::of(cell), shape(cell, 0, 0).is_some())) {
            foreground(&mut out, from, top, run);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Neighbouring cells with the same key, each run with the column it begins at.
fn runs<K: PartialEq>(cells: &[Cell], key: impl Fn(&Cell) -> K) -> Vec<(u32, &[Cell])> {
    let mut column = 0;
    let chunks = cells.chunk_by(|a, b| key(a) == key(b));
    chunks
        .map(|run| {
            let from = column;
            column += u32::try_from(run.len()).unwrap_or(0);
            (from, run)
        })
        .collect()
}

fn background(out: &mut String, from: u32, top: u32, run: &[Cell]) {
    let back = run.first().map(|cell| Look::of(cell).back).unwrap_or_default();
    if back == BACKGROUND {
        return;
    }
    let width = u32::try_from(run.len()).unwrap_or(0) * WIDTH;
    let left = MARGIN + from * WIDTH;
    push(
        out,
        format_args!(
            r#"<rect x="{left}" y="{top}" width="{width}" height="{HEIGHT}" fill="{back}"/>"#
        ),
    );
}

fn foreground(out: &mut String, from: u32, top: u32, run: &[Cell]) {
    let Some(first) = run.first() else { return };
    let look = Look::of(first);
    let (front, attributes) = (&look.front, look.attributes());
    let left = MARGIN + from * WIDTH;
    if shape(first, 0, 0).is_some() {
        let mut path = String::new();
        for (index, cell) in (0..).zip(run) {
            path.push_str(&shape(cell, left + index * WIDTH, top).unwrap_or_default());
        }
        push(out, format_args!(r#"<path d="{path}" fill="{front}"{attributes}/>"#));
        return;
    }
    let text: String = run.iter().map(Cell::symbol).collect();
    let shown = text.trim_end();
    if shown.trim_start().is_empty() {
        return;
    }
    let lead = u32::try_from(shown.chars().take_while(|c| *c == ' ').count()).unwrap_or(0);
    let cells = u32::from(super::ink::width(shown)) - lead;
    let (x, y) = (left + lead * WIDTH, top + HEIGHT - 5);
    let length = cells * WIDTH;
    let escaped = escape(shown.trim_start());
    push(
        out,
        format_args!(
            r#"<text x="{x}" y="{y}" textLength="{length}" lengthAdjust="spacingAndGlyphs" xml:space="preserve" fill="{front}"{attributes}>{escaped}</text>"#
        ),
    );
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A box line or a block as a path; `None` for a character that is text.
fn shape(cell: &Cell, x: u32, y: u32) -> Option<String> {
    let rect = |dx: u32, dy: u32, width: u32, height: u32| {
        format!("M{} {}h{width}v{height}h-{width}z", x + dx, y + dy)
    };
    let (middle, centre) = (WIDTH / 2, HEIGHT / 2);
    let arms = |left: bool, right: bool, up: bool, down: bool, thick: u32| {
        let mut path = String::new();
        let from = if left { 0 } else { middle };
        let to = if right { WIDTH } else { middle + thick };
        path.push_str(&rect(from, centre, to - from, thick));
        let above = if up { 0 } else { centre };
        let below = if down { HEIGHT } else { centre + thick };
        path.push_str(&rect(middle, above, thick, below - above));
        path
    };
    let eighth = |n: u32| rect(0, HEIGHT - HEIGHT * n / 8, WIDTH, HEIGHT * n / 8);
    Some(match cell.symbol().chars().next()? {
        '─' => rect(0, centre, WIDTH, 1),
        '│' => rect(middle, 0, 1, HEIGHT),
        '═' => rect(0, centre, WIDTH, 2),
        '║' => rect(middle, 0, 2, HEIGHT),
        '┌' => arms(false, true, false, true, 1),
        '┐' => arms(true, false, false, true, 1),
        '└' => arms(false, true, true, false, 1),
        '┘' => arms(true, false, true, false, 1),
        '╔' => arms(false, true, false, true, 2),
        '╗' => arms(true, false, false, true, 2),
        '╚' => arms(false, true, true, false, 2),
        '╝' => arms(true, false, true, false, 2),
        '█' => rect(0, 0, WIDTH, HEIGHT),
        '▒' => (0..HEIGHT / 3).map(|line| rect(0, line * 3, WIDTH, 2)).collect(),
        block @ '▁'..='▇' => eighth(u32::from(block) - u32::from('▁') + 1),
        _ => return None,
    })
}

/// A colour as `#rrggbb`; `None` for the terminal's own.
fn hex(colour: Color) -> Option<String> {
    let named = match colour {
        Color::Reset => return None,
        Color::Black => "#11151c",
        Color::Red | Color::LightRed => "#e06c75",
        Color::Green | Color::LightGreen => "#7fbf69",
        Color::Yellow | Color::LightYellow => "#e6b450",
        Color::Blue | Color::LightBlue => "#61afef",
        Color::Magenta | Color::LightMagenta => "#c678dd",
        Color::Cyan | Color::LightCyan => "#56c2c8",
        Color::Gray | Color::White => "#d5dbe5",
        Color::DarkGray => "#5a6374",
        Color::Rgb(red, green, blue) => return Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        Color::Indexed(index) => return Some(indexed(index)),
    };
    Some(named.to_owned())
}

/// A colour of the 6×6×6 cube or the grey ramp; the first sixteen are not used by any theme.
fn indexed(index: u8) -> String {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let level = |step: u8| LEVELS.get(usize::from(step % 6)).copied().unwrap_or(0);
    match index {
        0..16 => FOREGROUND.to_owned(),
        16..232 => {
            let cube = index - 16;
            format!("#{:02x}{:02x}{:02x}", level(cube / 36), level(cube / 6), level(cube))
        }
        grey => {
            let light = (grey - 232) * 10 + 8;
            format!("#{light:02x}{light:02x}{light:02x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn a_picture_has_the_words_the_colours_and_no_markup_of_others() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 0, "a<b>&c", Style::new().red().bold());
        buffer.set_string(0, 1, "──", Style::new());
        let picture = svg(&buffer);
        assert!(picture.contains("a&lt;b&gt;&amp;c") && picture.contains("font-weight=\"bold\""));
        assert!(picture.contains("#e06c75") && picture.contains("<path"));
        assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
    }
}
