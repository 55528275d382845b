//! The coach: who sees the demo for the first time reads in the last line which two keys answer
//! everything, until both were used or a few minutes are over.

use super::dialog;
use super::ink::{Span, span};
use super::keymap::{Action, Stage};
use super::theme::Theme;
use crate::domain::UnixNanos;
use crate::engine::view::{EngineView, Mode};

/// For so long after the start of the run.
const COACHED: u64 = 3 * 60 * UnixNanos::SECOND;

/// Keys for which only wide screens have room beside the words.
const OTHERS: [Action; 4] = [Action::Filter, Action::Freeze, Action::NextPane, Action::Halt];

/// What somebody has found out so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Coach {
    pub found_why: bool,
    pub found_why_not: bool,
}

impl Coach {
    /// True while there is something to say to somebody new. Who trades real data knows the keys.
    pub fn speaks(self, view: &EngineView) -> bool {
        let is_new = view.now.since(view.run.started) < COACHED;
        let is_demo = view.run.mode == Mode::Demo && view.replay.is_none();
        is_demo && is_new && !(self.found_why && self.found_why_not)
    }

    /// The last line, in pieces.
    pub fn pieces(self, theme: Theme) -> Vec<Vec<Span>> {
        let keys = [(self.found_why, "Enter: why"), (self.found_why_not, "w: why not")];
        let untried: Vec<_> =
            keys.iter().filter(|(found, _)| !found).map(|(_, key)| *key).collect();
        let mut pieces = vec![
            vec![span(format!(" {}", untried.join(" · ")), theme.bold())],
            vec![span("  for the row under the cursor  ", theme.text())],
        ];
        // What follows is drawn as far as there is room: the way out first.
        for rest in [&[Action::Help, Action::Quit][..], &OTHERS] {
            pieces.extend(dialog::hints_of(theme, Stage::Run, rest));
        }
        pieces
    }
}
