//! Where to go, what ends playing, and the last line of the past.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::BREAKS;
use crate::tui::dialog::{boxed, hints_of};
use crate::tui::draw::Scene;
use crate::tui::ink::{self, Span, span};
use crate::tui::keymap::Action;

/// What even a narrow screen has room for: the way out is always said.
const FIRST: [Action; 5] =
    [Action::Play, Action::InputOn, Action::DecisionOn, Action::Help, Action::Quit];

const SECOND: [Action; 3] = [Action::GoTo, Action::Breaks, Action::Why];

const REST: [Action; 4] = [Action::Faster, Action::WhyNot, Action::Filter, Action::NextPane];

/// The keys of the past for the last line, in pieces.
pub(in crate::tui) fn hints(scene: &Scene<'_>) -> Vec<Vec<Span>> {
    let stage = scene.model.stage();
    [&FIRST[..], &SECOND, &REST]
        .iter()
        .flat_map(|keys| hints_of(scene.theme, stage, keys))
        .collect()
}

/// The prompt for a time or an id.
pub(in crate::tui) fn go_to(
    buffer: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    text: &str,
    proposed: bool,
) {
    let inside = boxed(buffer, area, scene, (64, 5), "Go to ");
    let bold = scene.theme.bold();
    let style = if proposed { bold.add_modifier(Modifier::REVERSED) } else { bold };
    let lines = [
        vec![
            span("> ", scene.theme.dim()),
            span(end_of(text, inside.width.saturating_sub(3)), style),
            span("▏", scene.theme.dim()),
        ],
        Vec::new(),
        vec![span("a time (UTC), or the id of a decision or an order", scene.theme.dim())],
    ];
    put_lines(buffer, inside, &lines);
}

/// The menu of what ends playing.
pub(in crate::tui) fn breaks(
    buffer: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    selected: usize,
    typed: Option<&str>,
) {
    let theme = scene.theme;
    let inside = boxed(buffer, area, scene, (64, 9), "Playing ends at ");
    let Some(replay) = &scene.view.replay else { return };
    let mut lines: Vec<Vec<Span>> = Vec::with_capacity(BREAKS.len() + 2);
    for (name, what) in BREAKS {
        let is_on = replay.breaks.iter().any(|on| on == name);
        let style = if is_on { theme.bold() } else { theme.text() };
        lines.push(vec![
            span(format!("[{}] {name:<10} ", if is_on { 'x' } else { ' ' }), style),
            span(what, theme.dim()),
        ]);
    }
    let text = typed.unwrap_or(&replay.expression);
    let holds = !replay.expression.is_empty() && text == replay.expression;
    let room = inside.width.saturating_sub(6);
    let caret = if selected == BREAKS.len() { "▏" } else { "" };
    lines.push(vec![
        span(format!("[{}] ", if holds { 'x' } else { ' ' }), theme.text()),
        span(end_of(text, room), theme.bold()),
        span(caret, theme.dim()),
    ]);
    let hint = "    an expression: ema_fast > ema_slow and rsi < 30";
    lines.push(vec![span(hint, theme.dim())]);
    put_lines(buffer, inside, &lines);
    let y = inside.y.saturating_add(u16::try_from(selected).unwrap_or(u16::MAX));
    if y < inside.bottom() {
        ink::invert(buffer, Rect { y, height: 1, ..inside });
    }
}

/// As many lines as there is room for.
fn put_lines(buffer: &mut Buffer, area: Rect, lines: &[Vec<Span>]) {
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        ink::put_spans(buffer, area.x, y, line, area.width);
    }
}

/// The end of a text that is longer than there is room for: what is being typed stays in sight.
fn end_of(text: &str, max: u16) -> &str {
    let starts = text.char_indices().map(|(at, _)| text.get(at..).unwrap_or_default());
    starts.into_iter().find(|rest| ink::width(rest) <= max).unwrap_or_default()
}
