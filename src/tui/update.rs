//! The update: how a message changes the model, and what it asks of others. No IO, no clock.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::chain;
use super::command::{ask, ask_to_halt, ask_to_pause, type_answer};
use super::keymap::{self, Action, Key, Stage};
use super::layout::layout;
use super::model::{Chain, Filter, Intent, Message, Model, Overlay, Pane, Question};
use super::past;
use super::row::{self, Row, RowId};
use crate::engine::view::EngineView;

/// How far Page Down goes.
const PAGE: usize = 10;
const CHART_ZOOM: std::ops::RangeInclusive<i8> = -3..=2;

/// Changes the model by one message; at most one thing is asked of others.
pub fn update(model: &mut Model, message: Message) -> Option<Intent> {
    match message {
        Message::Key(key) if key.kind == KeyEventKind::Release => None,
        Message::Key(key) => on_key(model, key),
        Message::Mouse(event) => on_mouse(model, event),
        Message::Paste(text) => {
            if let Some(filter) = model.filter.as_mut().filter(|filter| filter.typing) {
                filter.text.extend(text.chars().filter(|c| !c.is_control()));
            } else {
                past::paste(model, &text);
            }
            None
        }
        Message::Resize(width, height) => {
            model.size = (width, height);
            None
        }
        Message::View(view) => {
            model.latest = view;
            refresh_chain(model);
            None
        }
        Message::Past(view) => {
            past::show(model, view);
            refresh_chain(model);
            None
        }
        Message::Notice(text) => {
            model.notify(text);
            None
        }
        Message::Tick => {
            if let Some(notice) = &mut model.notice {
                notice.ticks_left = notice.ticks_left.saturating_sub(1);
            }
            model.notice.take_if(|notice| notice.ticks_left == 0);
            None
        }
    }
}

/// An open chain shows what became of its decision meanwhile, unless the screen is frozen.
fn refresh_chain(model: &mut Model) {
    if model.frozen.is_some() {
        return;
    }
    let view = Arc::clone(model.view());
    if let Overlay::Why(chain) = &mut model.overlay
        && let Some(newer) = chain::by_id(&view, &chain.evaluation.id)
    {
        *chain = newer;
    }
}

fn on_key(model: &mut Model, key: KeyEvent) -> Option<Intent> {
    let action = keymap::action(key, model.stage());
    if action == Some(Action::Interrupt) {
        return interrupt(model);
    }
    model.interrupted = false;
    model.notice = None;
    if model.filter.as_ref().is_some_and(|filter| filter.typing) {
        type_filter(model, key);
        return None;
    }
    match model.overlay {
        Overlay::Help { .. } => type_in_help(model, key),
        Overlay::Confirm(..) => type_answer(model, key),
        Overlay::GoTo { .. } => past::type_place(model, key),
        Overlay::Breaks { .. } => past::type_break(model, key),
        _ => action.and_then(|action| run(model, action)),
    }
}

fn interrupt(model: &mut Model) -> Option<Intent> {
    if model.interrupted {
        return Some(Intent::Quit);
    }
    model.interrupted = true;
    model.notify(match (model.attached, model.stage()) {
        (Some(_), _) => "Ctrl-C again closes this screen; the run goes on",
        (None, Stage::Recording) => "Ctrl-C again ends the replay",
        (None, _) => "Ctrl-C again ends the run",
    });
    None
}

/// Appends or deletes a character; returns true when the key was a character or Backspace.
pub(super) fn edit(text: &mut String, key: KeyEvent) -> bool {
    match Key(key.code, key.modifiers - KeyModifiers::SHIFT) {
        Key(KeyCode::Char(character), KeyModifiers::NONE) => text.push(character),
        Key(KeyCode::Backspace, _) => drop(text.pop()),
        _ => return false,
    }
    true
}

fn type_filter(model: &mut Model, key: KeyEvent) {
    let Some(filter) = &mut model.filter else { return };
    match key.code {
        KeyCode::Esc => model.filter = None,
        KeyCode::Enter if filter.text.is_empty() => model.filter = None,
        KeyCode::Enter => filter.typing = false,
        _ => drop(edit(&mut filter.text, key)),
    }
}

fn type_in_help(model: &mut Model, key: KeyEvent) -> Option<Intent> {
    let stage = model.stage();
    let Overlay::Help { filter, selected } = &mut model.overlay else { return None };
    let found: Vec<Action> = help_lines(filter, stage).map(|binding| binding.action).collect();
    match key.code {
        KeyCode::Esc => model.overlay = Overlay::None,
        KeyCode::Down => *selected = (*selected + 1).min(found.len().saturating_sub(1)),
        KeyCode::Up => *selected = selected.saturating_sub(1),
        KeyCode::Enter => {
            let action = found.get(*selected).copied();
            model.overlay = Overlay::None;
            return action.and_then(|action| run(model, action));
        }
        _ => {
            if edit(filter, key) {
                *selected = 0;
            }
        }
    }
    None
}

/// The lines of the help on a stage that contain `filter`.
pub(super) fn help_lines(
    filter: &str,
    stage: Stage,
) -> impl Iterator<Item = &'static keymap::Binding> {
    keymap::ACTIONS.iter().filter(move |binding| binding.matches(filter, stage))
}

fn run(model: &mut Model, action: Action) -> Option<Intent> {
    match action {
        Action::Why => why(model),
        Action::WhyNot => why_not(model),
        Action::Filter => {
            model.overlay = Overlay::None;
            let pane = model.focus;
            model.filter = Some(Filter { pane, text: String::new(), typing: true });
        }
        Action::Freeze => {
            model.frozen =
                if model.frozen.is_none() { Some(Arc::clone(&model.latest)) } else { None };
        }
        Action::Zoom => model.zoomed = !model.zoomed,
        Action::NextPane => focus(model, neighbour(model.focus, 1)),
        Action::PreviousPane => focus(model, neighbour(model.focus, Pane::ALL.len() - 1)),
        Action::Focus(pane) => focus(model, pane),
        Action::Help => model.overlay = Overlay::Help { filter: String::new(), selected: 0 },
        Action::Quit if model.stage() == Stage::Beside => return Some(past::leave()),
        Action::Quit if model.must_ask_to_quit() => ask(model, Question::Quit),
        Action::Quit => return Some(Intent::Quit),
        Action::Halt => ask_to_halt(model),
        Action::Flatten => ask(model, Question::Flatten),
        Action::Pause => ask_to_pause(model),
        Action::Down => go(model, |at, _| at + 1),
        Action::Up => go(model, |at, _| at.saturating_sub(1)),
        Action::PageDown => go(model, |at, _| at + PAGE),
        Action::PageUp => go(model, |at, _| at.saturating_sub(PAGE)),
        Action::First => first(model),
        Action::Last => go(model, |_, last| last),
        Action::EarlierDecision => step_decision(model, |at| at + 1),
        Action::LaterDecision => step_decision(model, |at| at.saturating_sub(1)),
        Action::ZoomOut => zoom_chart(model, -1),
        Action::ZoomIn => zoom_chart(model, 1),
        Action::Earlier => model.chart_back = model.chart_back.saturating_add(PAGE),
        Action::Later => model.chart_back = model.chart_back.saturating_sub(PAGE),
        Action::BlockersOnly => {
            model.blockers_only = !model.blockers_only;
            focus(model, Pane::Decisions);
        }
        Action::Copy => return copy(model),
        Action::Redraw => return Some(Intent::Redraw),
        Action::Back => return back(model),
        other => return change_look(model, other),
    }
    None
}

fn change_look(model: &mut Model, action: Action) -> Option<Intent> {
    match action {
        Action::TimeZone => {
            let utc = super::number::Clock::UTC;
            model.clock = if model.clock.is_utc() { model.local.clone() } else { utc };
        }
        Action::Privacy => model.private = !model.private,
        Action::Colours => model.theme = model.theme.next(),
        Action::Mouse => {
            model.mouse = !model.mouse;
            let text = if model.mouse { "mouse on" } else { "mouse off: select text as usual" };
            model.notify(text);
            return Some(Intent::Mouse(model.mouse));
        }
        Action::Suspend if model.stage() == Stage::Recording => {
            model.notify("Ctrl-Z is refused: q ends the replay");
        }
        Action::Suspend => model.notify("Ctrl-Z is refused: it would stop the strategies too"),
        other => return past::run(model, other),
    }
    None
}

fn why(model: &mut Model) {
    if matches!(model.overlay, Overlay::Why(_)) {
        return;
    }
    let view = Arc::clone(model.view());
    match chain::of_selected(model, &view, model.focus) {
        Ok(chain) => {
            model.coach.found_why = true;
            open_chain(model, chain);
        }
        Err(sentence) => model.notify(sentence),
    }
}

fn open_chain(model: &mut Model, chain: Chain) {
    model.scroll = 0;
    model.overlay = Overlay::Why(chain);
}

/// Why not: of the chain's instrument, else the selected row's, else the watched one.
fn why_not(model: &mut Model) {
    let view = Arc::clone(model.view());
    let symbol = match &model.overlay {
        Overlay::Why(chain) => Some(chain.evaluation.symbol.clone()),
        _ => selected_symbol(model, &view),
    };
    model.scroll = 0;
    match symbol {
        Some(symbol) => {
            model.coach.found_why_not = true;
            model.overlay = Overlay::WhyNot(symbol);
        }
        None => model.notify("no instrument yet"),
    }
}

fn selected_symbol(model: &Model, view: &EngineView) -> Option<String> {
    let rows = row::rows(model, view, model.focus);
    let selected = rows.get(row::place(&rows, model.selected_in(model.focus)));
    match selected {
        Some(Row::Position(p)) => Some(p.symbol.clone()),
        Some(Row::Order(o)) => Some(o.symbol.clone()),
        Some(Row::Decision(d)) => Some(d.evaluation.symbol.clone()),
        Some(Row::Slot(e)) => Some(e.symbol.clone()),
        _ => model.instrument(view).map(|instrument| instrument.symbol.clone()),
    }
}

fn neighbour(pane: Pane, steps: usize) -> Pane {
    Pane::ALL.iter().copied().cycle().nth(pane.index() + steps).unwrap_or(pane)
}

fn focus(model: &mut Model, pane: Pane) {
    model.overlay = Overlay::None;
    model.focus = pane;
    model.scroll = 0;
    if let Some(at) = model.recent.iter().position(|recent| *recent == pane)
        && let Some(newer) = model.recent.get_mut(..=at)
    {
        newer.rotate_right(1);
    }
}

/// Moves the selection to the place that `target` makes of the present and the last one.
fn go(model: &mut Model, target: impl Fn(usize, usize) -> usize) {
    let view = Arc::clone(model.view());
    let rows = row::rows(model, &view, model.focus);
    let covered = model.overlay != Overlay::None;
    if covered || rows.is_empty() {
        let last = usize::from(u16::MAX);
        model.scroll = u16::try_from(target(model.scroll.into(), last)).unwrap_or(u16::MAX);
        return;
    }
    let last = rows.len() - 1;
    let at = target(row::place(&rows, model.selected_in(model.focus)), last).min(last);
    let id = rows.get(at).map(Row::id);
    select(model, model.focus, id);
}

fn select(model: &mut Model, pane: Pane, id: Option<RowId>) {
    if let Some(selected) = model.selected.get_mut(pane.index()) {
        *selected = id;
    }
}

fn first(model: &mut Model) {
    model.scroll = 0;
    if model.overlay == Overlay::None {
        select(model, model.focus, None);
    }
}

/// The decision before or after the open or selected one; the newest is row 0.
fn step_decision(model: &mut Model, target: impl Fn(usize) -> usize) {
    let view = Arc::clone(model.view());
    let rows = row::rows(model, &view, Pane::Decisions);
    let open = match &model.overlay {
        Overlay::Why(chain) => Some(RowId::Name(chain.evaluation.id.clone())),
        _ => None,
    };
    let from = open.as_ref().or(model.selected_in(Pane::Decisions));
    let at = target(row::place(&rows, from)).min(rows.len().saturating_sub(1));
    let Some(Row::Decision(decision)) = rows.get(at) else { return };
    let id = RowId::Name(decision.evaluation.id.clone());
    let chain = chain::by_id(&view, &decision.evaluation.id);
    select(model, Pane::Decisions, Some(id));
    match (open, chain) {
        (Some(_), Some(chain)) => open_chain(model, chain),
        _ => focus(model, Pane::Decisions),
    }
}

fn zoom_chart(model: &mut Model, step: i8) {
    let zoom = model.chart_zoom.unwrap_or(0).saturating_add(step);
    model.chart_zoom = Some(zoom.clamp(*CHART_ZOOM.start(), *CHART_ZOOM.end()));
}

fn copy(model: &mut Model) -> Option<Intent> {
    let view = Arc::clone(model.view());
    let text = match &model.overlay {
        Overlay::Why(chain) => Some(chain.evaluation.id.clone()),
        _ => selected_text(model, &view),
    };
    match &text {
        Some(text) => model.notify(format!("copied {text}")),
        None => model.notify("nothing to copy here"),
    }
    text.map(Intent::Copy)
}

fn selected_text(model: &Model, view: &EngineView) -> Option<String> {
    let rows = row::rows(model, view, model.focus);
    let row = rows.get(row::place(&rows, model.selected_in(model.focus)))?;
    Some(match row {
        Row::Line(line) if line.id.is_empty() => line.message.clone(),
        Row::Line(line) => line.id.clone(),
        Row::Slot(evaluation) => evaluation.id.clone(),
        Row::Mark(mark) => mark.decision.clone(),
        Row::Instrument(instrument) => instrument.symbol.clone(),
        Row::Position(position) => format!("{} {}", position.symbol, position.quantity),
        Row::Order(order) => order.id.clone(),
        Row::Decision(decision) => decision.evaluation.id.clone(),
    })
}

/// Undoes one thing, the topmost: overlay, filter, freeze, zoom, then the past beside a run or the
/// selection.
fn back(model: &mut Model) -> Option<Intent> {
    if model.overlay != Overlay::None {
        model.overlay = Overlay::None;
        model.scroll = 0;
    } else if model.filter.is_some() && !past::found_filtered(model) {
        model.filter = None;
    } else if model.frozen.is_some() {
        model.frozen = None;
    } else if model.zoomed && !past::found_zoomed(model) {
        model.zoomed = false;
    } else if model.stage() == Stage::Beside {
        return Some(past::leave());
    } else {
        model.chart_back = 0;
        model.chart_zoom = None;
        model.blockers_only = false;
        select(model, model.focus, None);
    }
    None
}

/// The wheel moves in the pane below the pointer, a click focuses it.
fn on_mouse(model: &mut Model, event: MouseEvent) -> Option<Intent> {
    let action = match event.kind {
        MouseEventKind::ScrollDown => Some(Action::Down),
        MouseEventKind::ScrollUp => Some(Action::Up),
        MouseEventKind::Down(_) => None,
        _ => return None,
    };
    if model.overlay == Overlay::None {
        let area = Rect::new(0, 0, model.size.0, model.size.1);
        let pointer = Position::new(event.column, event.row);
        let places = layout(model, area).places;
        let pane = places.iter().find(|place| place.area.contains(pointer))?.shown;
        if pane != model.focus {
            focus(model, pane);
        }
    }
    action.and_then(|action| run(model, action))
}
