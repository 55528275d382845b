//! The past: a view of a recorded moment, alone or in front of its living run.
//!
//! Keys move in it and nothing else: what it shows has happened, so nothing can be traded in it.
//! In front of a run it is a look aside: when it goes, the screen is where it was.

pub(super) mod bar;
pub(super) mod dialog;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};

use super::chain;
use super::keymap::Action;
use super::model::{Filter, Intent, Model, Overlay, Pane, Playback};
use super::row::{self, RowId};
use super::update::edit;
use crate::engine::view::{EngineView, EvaluationView};

/// What playing can end at, and what each is.
pub(super) const BREAKS: [(&str, &str); 5] = [
    ("decision", "a decision that wants an order"),
    ("refusal", "risk or the venue refused an order"),
    ("fill", "an order filled"),
    ("reconnect", "the line was lost and came back"),
    ("gap", "a book was lost"),
];

/// Where somebody was on the screen before the past came in front of it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Spot {
    frozen: Option<Arc<EngineView>>,
    focus: Pane,
    recent: [Pane; 9],
    selected: [Option<RowId>; 9],
    zoomed: bool,
    filter: Option<Filter>,
    blockers_only: bool,
    overlay: Overlay,
    scroll: u16,
    chart_zoom: Option<i8>,
    chart_back: usize,
}

impl Spot {
    fn of(model: &Model) -> Self {
        // A question is answered where it was asked; it does not come back.
        let is_question = matches!(model.overlay, Overlay::Confirm(..));
        Self {
            frozen: model.frozen.clone(),
            focus: model.focus,
            recent: model.recent,
            selected: model.selected.clone(),
            zoomed: model.zoomed,
            filter: model.filter.clone(),
            blockers_only: model.blockers_only,
            overlay: if is_question { Overlay::None } else { model.overlay.clone() },
            scroll: model.scroll,
            chart_zoom: model.chart_zoom,
            chart_back: model.chart_back,
        }
    }

    fn restore(self, model: &mut Model) {
        model.frozen = self.frozen;
        model.focus = self.focus;
        model.recent = self.recent;
        model.selected = self.selected;
        model.zoomed = self.zoomed;
        model.filter = self.filter;
        model.blockers_only = self.blockers_only;
        model.scroll = self.scroll;
        model.chart_zoom = self.chart_zoom;
        model.chart_back = self.chart_back;
        if !matches!(model.overlay, Overlay::Confirm(..)) {
            model.overlay = self.overlay;
        }
    }
}

/// Puts a moment of the past in front of the run, changes it, or takes it away.
pub(super) fn show(model: &mut Model, view: Option<Arc<EngineView>>) {
    match (&view, model.spot.take()) {
        (Some(view), None) => enter(model, view),
        (None, Some(spot)) => spot.restore(model),
        (_, spot) => model.spot = spot,
    }
    model.past = view;
}

/// What is selected stays selected by its id; an open chain becomes that of the past, or closes
/// where the past has not got to it.
fn enter(model: &mut Model, view: &EngineView) {
    model.spot = Some(Box::new(Spot::of(model)));
    model.frozen = None;
    if let Overlay::Why(chain) = &model.overlay {
        let held = chain::held(view, &chain.evaluation.id);
        model.overlay = held.map_or(Overlay::None, Overlay::Why);
    }
}

/// What leads back to the living run.
pub(super) fn leave() -> Intent {
    Intent::Playback(Playback::Leave)
}

/// True when the filter is the one that was there before the past: Esc leaves it alone.
pub(super) fn found_filtered(model: &Model) -> bool {
    model.spot.as_ref().is_some_and(|spot| spot.filter == model.filter)
}

/// True when the pane was zoomed before the past: Esc leaves that alone.
pub(super) fn found_zoomed(model: &Model) -> bool {
    model.spot.as_ref().is_some_and(|spot| spot.zoomed)
}

/// The keys that move in the past, or into it.
pub(super) fn run(model: &mut Model, action: Action) -> Option<Intent> {
    let playback = match action {
        Action::Play => Playback::Toggle,
        Action::InputOn => Playback::Step(1),
        Action::InputBack => Playback::Step(-1),
        Action::DecisionOn => Playback::Decision(true),
        Action::DecisionBack => Playback::Decision(false),
        Action::Faster => Playback::Faster(true),
        Action::Slower => Playback::Faster(false),
        Action::TimeTravel => return travel(model),
        Action::GoTo => {
            let proposal = proposal(model);
            let proposed = proposal.is_some();
            model.overlay = Overlay::GoTo { text: proposal.unwrap_or_default(), proposed };
            return None;
        }
        Action::Breaks => {
            model.overlay = Overlay::Breaks { selected: 0, typed: None };
            return None;
        }
        Action::NoTrading => {
            model.notify("this is the past: nothing can be traded in it");
            return None;
        }
        _ => return None,
    };
    Some(Intent::Playback(playback))
}

/// From a row to its moment: beside the run, or in the recording that is shown.
fn travel(model: &mut Model) -> Option<Intent> {
    let view = Arc::clone(model.view());
    let is_past = view.replay.is_some();
    match moment(model, &view) {
        Ok(evaluation) if is_past => Some(Intent::Playback(Playback::GoTo(evaluation.id.clone()))),
        Ok(evaluation) => Some(Intent::TimeTravel(evaluation.seq)),
        Err(sentence) => {
            // A recording also knows what memory no longer holds.
            let id = proposal(model).filter(|_| is_past);
            if id.is_none() {
                model.notify(sentence);
            }
            id.map(|id| Intent::Playback(Playback::GoTo(id)))
        }
    }
}

fn moment(model: &Model, view: &EngineView) -> Result<Arc<EvaluationView>, String> {
    match &model.overlay {
        Overlay::Why(chain) => Ok(Arc::clone(&chain.evaluation)),
        Overlay::WhyNot(symbol) => chain::newest_evaluation(view, symbol)
            .ok_or_else(|| format!("no strategy has evaluated {symbol} yet")),
        _ => chain::evaluation_of_selected(model, view),
    }
}

/// The id of the chain or row under the cursor.
fn proposal(model: &Model) -> Option<String> {
    if let Overlay::Why(chain) = &model.overlay {
        return Some(chain.evaluation.id.clone());
    }
    let rows = row::rows(model, model.view(), model.focus);
    let row = rows.get(row::place(&rows, model.selected_in(model.focus)))?;
    row.recorded_id().map(str::to_owned)
}

/// A key in the prompt that asks where to go.
pub(super) fn type_place(model: &mut Model, key: KeyEvent) -> Option<Intent> {
    let Overlay::GoTo { text, proposed } = &mut model.overlay else { return None };
    match key.code {
        KeyCode::Esc => model.overlay = Overlay::None,
        KeyCode::Enter => {
            let place = text.trim().to_owned();
            model.overlay = Overlay::None;
            return (!place.is_empty()).then_some(Intent::Playback(Playback::GoTo(place)));
        }
        _ => {
            if *proposed && matches!(key.code, KeyCode::Char(_) | KeyCode::Backspace) {
                text.clear();
            }
            // What was proposed and then moved in is as good as typed.
            *proposed = false;
            edit(text, key);
        }
    }
    None
}

/// A key in the menu of what ends playing.
pub(super) fn type_break(model: &mut Model, key: KeyEvent) -> Option<Intent> {
    let holds = expression(model);
    let Overlay::Breaks { selected, typed } = &mut model.overlay else { return None };
    let kind = BREAKS.get(*selected).map(|(name, _)| *name);
    match (key.code, kind) {
        (KeyCode::Esc, _) => model.overlay = Overlay::None,
        (KeyCode::Down | KeyCode::Tab, _) | (KeyCode::Char('j'), Some(_)) => {
            *selected = (*selected + 1).min(BREAKS.len());
        }
        (KeyCode::Up | KeyCode::BackTab, _) | (KeyCode::Char('k'), Some(_)) => {
            *selected = selected.saturating_sub(1);
        }
        (KeyCode::Enter | KeyCode::Char(' '), Some(kind)) => {
            return Some(Intent::Playback(Playback::Break(kind.to_owned())));
        }
        // What was typed stays: if it is refused, it can be mended.
        (KeyCode::Enter, None) => {
            let text = typed.as_deref().unwrap_or(&holds).trim().to_owned();
            return Some(Intent::Playback(Playback::Expression(text)));
        }
        (_, None) => drop(edit(typed.get_or_insert(holds), key)),
        (_, Some(_)) => {}
    }
    None
}

fn expression(model: &Model) -> String {
    model.replay().map_or_else(String::new, |replay| replay.expression.clone())
}

/// Text that was pasted where something is typed.
pub(super) fn paste(model: &mut Model, pasted: &str) {
    let holds = expression(model);
    let text = match &mut model.overlay {
        Overlay::GoTo { text, proposed } => {
            if *proposed {
                text.clear();
            }
            *proposed = false;
            text
        }
        Overlay::Breaks { selected, typed } if *selected == BREAKS.len() => {
            typed.get_or_insert(holds)
        }
        _ => return,
    };
    text.extend(pasted.chars().filter(|character| !character.is_control()));
}
