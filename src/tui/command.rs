//! Commands from the screen: each asks first, and wants its word typed.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};

use super::model::{Attached, Intent, Model, Overlay, Question};
use super::row::{self, Row};
use super::update::edit;
use crate::engine::TradingState;
use crate::engine::view::EngineView;

pub(super) fn type_answer(model: &mut Model, key: KeyEvent) -> Option<Intent> {
    let Overlay::Confirm(question, typed) = &mut model.overlay else { return None };
    let question = question.clone();
    match key.code {
        KeyCode::Esc => model.overlay = Overlay::None,
        KeyCode::Enter if typed == question.word() => {
            model.overlay = Overlay::None;
            return Some(question.intent());
        }
        KeyCode::Enter => typed.clear(),
        _ => drop(edit(typed, key)),
    }
    None
}

pub(super) fn ask(model: &mut Model, question: Question) {
    if model.attached == Some(Attached::ReadOnly) {
        return model.notify("this screen is read-only: it gives no commands");
    }
    model.overlay = Overlay::Confirm(question, String::new());
}

pub(super) fn ask_to_halt(model: &mut Model) {
    let stopped =
        matches!(model.latest.run.trading, TradingState::Halted(_) | TradingState::Flattening);
    ask(model, if stopped { Question::Resume } else { Question::Halt });
}

/// Pauses the strategy of the selected row, or lets it go on.
pub(super) fn ask_to_pause(model: &mut Model) {
    let view = Arc::clone(model.view());
    let Some(strategy) = selected_strategy(model, &view) else {
        return model.notify("which strategy? Select one of its rows first, in 4, 5, 6 or 8");
    };
    let paused = model.latest.strategies.iter().any(|s| s.name == strategy && s.paused);
    let question =
        if paused { Question::ResumeStrategy(strategy) } else { Question::Pause(strategy) };
    ask(model, question);
}

fn selected_strategy(model: &Model, view: &EngineView) -> Option<String> {
    if let Overlay::Why(chain) = &model.overlay {
        return Some(chain.evaluation.strategy.clone());
    }
    let rows = row::rows(model, view, model.focus);
    match rows.get(row::place(&rows, model.selected_in(model.focus))) {
        Some(Row::Position(p)) => Some(p.strategy.clone()),
        Some(Row::Order(o)) => Some(o.strategy.clone()),
        Some(Row::Decision(d)) => Some(d.evaluation.strategy.clone()),
        Some(Row::Slot(e)) => Some(e.strategy.clone()),
        _ => match view.strategies.as_slice() {
            [only] => Some(only.name.clone()),
            _ => None,
        },
    }
}
