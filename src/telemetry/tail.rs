//! The tail: the newest log lines, for the log pane.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::event::Told;
use super::line::cleaned;
use super::names::Scope;
use super::word::Word;
use crate::domain::UnixNanos;
use crate::engine::view::LogView;

/// Lines kept.
const KEPT: usize = 1_000;
/// Characters of a message kept.
pub(super) const MESSAGE: usize = 400;

/// Lines as readers get them.
type Lines = Arc<Vec<Arc<LogView>>>;

/// The newest lines of both lanes, in the order they were told.
#[derive(Default)]
pub(super) struct Tail(Mutex<State>);

#[derive(Default)]
struct State {
    lines: VecDeque<Arc<LogView>>,
    /// What readers got last; `None` when a line came since.
    read: Option<Lines>,
}

impl Tail {
    pub(super) fn push(&self, told: &dyn Told, time: UnixNanos, scope: &Scope) {
        let line = Arc::new(LogView {
            time,
            level: told.level().as_str().to_owned(),
            event: told.name().as_str().to_owned(),
            message: cleaned(&told.message(scope), MESSAGE),
            id: told.id(scope),
        });
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.lines.len() == KEPT {
            state.lines.pop_front();
        }
        state.lines.push_back(line);
        state.read = None;
    }

    /// The newest lines, newest last. The same `Arc` as long as nothing is added.
    pub(super) fn lines(&self) -> Lines {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { lines, read } = &mut *state;
        read.get_or_insert_with(|| Arc::new(lines.iter().cloned().collect())).clone()
    }
}
