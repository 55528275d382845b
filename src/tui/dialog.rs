//! Dialogs over the panes: the help, and the question before something serious.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw::Scene;
use super::ink::{self, Span, span};
use super::keymap::{ACTIONS, Action, Binding, Section, Stage};
use super::model::{Attached, Question};
use super::number;
use super::theme::Theme;
use super::update::help_lines;

/// Every key with a hint, as pieces of the last line.
pub(super) fn hints(theme: Theme, attached: Option<Attached>) -> Vec<Vec<Span>> {
    // Where leaving needs more words, two keys that every screen has give way to them.
    let left_out: &[Action] = match attached {
        None => &[],
        Some(Attached::Commands) => &[Action::Filter, Action::Freeze],
        Some(Attached::ReadOnly) => &[Action::Filter, Action::Freeze, Action::Halt],
    };
    let stage = if attached.is_some() { Stage::Attached } else { Stage::Run };
    hinted(theme, stage, |action| !left_out.contains(&action))
}

/// The hints of some keys on a stage.
pub(super) fn hints_of(theme: Theme, stage: Stage, wanted: &[Action]) -> Vec<Vec<Span>> {
    hinted(theme, stage, |action| wanted.contains(&action))
}

fn hinted(theme: Theme, stage: Stage, is_wanted: impl Fn(Action) -> bool) -> Vec<Vec<Span>> {
    let has_hint = |binding: &&Binding| !binding.hint.is_empty() && is_wanted(binding.action);
    let hint_of = |binding: &Binding| {
        let key = binding.keys(stage).first()?.label();
        Some(vec![
            span(format!(" {key} "), theme.bold()),
            span(format!("{} ", hint(binding, stage)), theme.dim()),
        ])
    };
    ACTIONS.iter().filter(has_hint).filter_map(hint_of).collect()
}

/// Leaving a run of another process or a living one's past ends nothing, and the hint says so.
fn hint(binding: &Binding, stage: Stage) -> &'static str {
    match (binding.action, stage) {
        (Action::Quit, Stage::Attached) => "leave, the run goes on",
        (Action::Quit, Stage::Beside) => "back",
        _ => binding.hint,
    }
}

/// Keys that mean something only here.
pub(super) fn plain_hints(theme: Theme, keys: &[(&str, &str)]) -> Vec<Vec<Span>> {
    keys.iter()
        .map(|(key, text)| {
            vec![span(format!(" {key} "), theme.bold()), span(format!("{text} "), theme.dim())]
        })
        .collect()
}

/// A box in the middle of `area`; returns its inside.
pub(super) fn boxed(
    buffer: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    size: (u16, u16),
    title: &str,
) -> Rect {
    let (width, height) = (size.0.min(area.width), size.1.min(area.height));
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    ink::clear(buffer, place);
    let inside = ink::boxed(buffer, place, true, scene.theme.border(true));
    let room = place.width.saturating_sub(2);
    ink::put(buffer, place.x + 1, place.y, title, room, scene.theme.bold());
    Rect {
        x: inside.x + u16::from(inside.width > 2),
        width: inside.width.saturating_sub(2),
        ..inside
    }
}

const KEYS_WIDTH: u16 = 10;
const COLUMN_WIDTH: u16 = 58;

/// All keys that match what was typed, in as many columns as fit.
pub(super) fn help(
    buffer: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    filter: &str,
    selected: usize,
) {
    let stage = scene.model.stage();
    let lines: Vec<_> = help_lines(filter, stage).collect();
    let columns = (area.width / COLUMN_WIDTH).clamp(1, 2);
    let per_column = lines.len().div_ceil(columns.into()).max(1);
    let height = u16::try_from(per_column).unwrap_or(u16::MAX).saturating_add(3);
    let size = (columns * COLUMN_WIDTH + 4, height);
    let title = "Keys (type to find one, ⏎ runs it) ";
    let inside = boxed(buffer, area, scene, size, title);
    if inside.is_empty() {
        return;
    }
    let prompt = [
        span("> ", scene.theme.dim()),
        span(filter, scene.theme.bold()),
        span("▏", scene.theme.dim()),
    ];
    ink::put_spans(buffer, inside.x, inside.y, &prompt, inside.width);
    let visible = usize::from(inside.height.saturating_sub(1)).max(1);
    let skipped = (selected + 1).saturating_sub(visible * usize::from(columns));
    for (index, binding) in lines.iter().enumerate().skip(skipped) {
        let place = index - skipped;
        let column = u16::try_from(place / visible.min(per_column)).unwrap_or(u16::MAX);
        let row = u16::try_from(place % visible.min(per_column)).unwrap_or(u16::MAX);
        if column >= columns {
            break;
        }
        let line = Rect {
            x: inside.x + column * COLUMN_WIDTH,
            y: inside.y + 1 + row,
            width: COLUMN_WIDTH.min(inside.width),
            height: 1,
        };
        let style = match binding.section {
            Section::Dangerous => scene.theme.error(),
            _ => scene.theme.text(),
        };
        ink::put(buffer, line.x, line.y, &binding.label(stage), KEYS_WIDTH, scene.theme.bold());
        let room = line.width.saturating_sub(KEYS_WIDTH);
        let text = ink::elide(binding.help(stage), room);
        ink::put(buffer, line.x + KEYS_WIDTH, line.y, &text, room, style);
        if index == selected {
            ink::invert(buffer, line);
        }
    }
}

/// A question that repeats what will happen and wants its word typed. It is about the living run,
/// whatever is drawn below it.
pub(super) fn confirm(
    buffer: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    question: &Question,
    typed: &str,
) {
    let view = &scene.model.latest;
    let open = view.orders.iter().filter(|order| !order.state.is_terminal()).count();
    let held = view.positions.iter().filter(|p| !p.quantity.is_zero()).count();
    let strategies = view.strategies.len();
    let account = format!("{} account {}", view.run.mode.badge(), view.account.name);
    let counted = |n: usize, word: &str| {
        format!("{} {word}{}", number::count(n as u64), if n == 1 { "" } else { "s" })
    };
    let sentences = match question {
        Question::Halt => vec![
            format!("Stop all trading of the {account}:"),
            format!("  {} may send no more orders,", counted(strategies, "strategy")),
            format!("  {} will be canceled,", counted(open, "open order")),
            format!("  {} will stay open.", counted(held, "position")),
            "Data, recording and this screen go on.".to_owned(),
        ],
        Question::Resume => vec![
            format!("Let the {account} trade again:"),
            format!("  {} may send orders from now on.", counted(strategies, "strategy")),
        ],
        Question::Flatten => vec![
            format!("Close everything of the {account}:"),
            format!("  {} will be canceled,", counted(open, "open order")),
            format!("  {} will be closed at market,", counted(held, "position")),
            format!("  {} may open none until resumed.", counted(strategies, "strategy")),
            "Where data is stale, closing waits until it is back.".to_owned(),
        ],
        Question::Pause(strategy) => vec![
            format!("Pause {strategy} of the {account}:"),
            "  it opens nothing more, its open entry orders are canceled,".to_owned(),
            "  its exits go on working.".to_owned(),
        ],
        Question::ResumeStrategy(strategy) => vec![
            format!("Let {strategy} of the {account} enter again:"),
            "  it may open positions from now on.".to_owned(),
        ],
        Question::Quit => vec![
            format!("End the run of the {account}:"),
            format!("  {} will be canceled,", counted(open, "open order")),
            format!("  {} will stay open.", counted(held, "position")),
        ],
    };
    let height = u16::try_from(sentences.len()).unwrap_or(u16::MAX).saturating_add(4);
    let inside = boxed(buffer, area, scene, (62, height), &format!("{} ", question.word()));
    let mut lines: Vec<Vec<Span>> =
        sentences.into_iter().map(|text| vec![span(text, scene.theme.text())]).collect();
    lines.push(Vec::new());
    lines.push(vec![
        span("Type ", scene.theme.text()),
        span(question.word(), scene.theme.error()),
        span(" and ⏎:  ", scene.theme.text()),
        span(typed, scene.theme.bold()),
        span("▏", scene.theme.dim()),
    ]);
    let skipped = lines.len().saturating_sub(inside.height.into());
    for (y, line) in (inside.y..inside.bottom()).zip(lines.iter().skip(skipped)) {
        ink::put_spans(buffer, inside.x, y, line, inside.width);
    }
}
