//! Why not: the last evaluation of every strategy for one instrument, each leaf with its mark.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::chain;
use super::draw::Scene;
use super::ink::{self, Span, span};
use super::pane;
use super::why;
use crate::engine::view::EvaluationView;

/// Draws the whole body.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>, symbol: &str) {
    let title = format!("Why not  {symbol}  last evaluation of every strategy ");
    let inside = why::frame(buffer, area, scene, &[span(title, scene.theme.bold())]);
    let mut lines = Vec::new();
    for evaluation in chain::last_evaluations(scene.view, symbol) {
        lines.extend(section(scene, evaluation, inside.width));
        lines.push(Vec::new());
    }
    if lines.is_empty() {
        lines.push(vec![span("no strategy has evaluated it yet", scene.theme.dim())]);
    }
    why::scrolled(buffer, inside, scene, &lines);
}

fn section(scene: &Scene<'_>, evaluation: &EvaluationView, width: u16) -> Vec<Vec<Span>> {
    let theme = scene.theme;
    let mut lines = vec![vec![
        span(format!("{}  ", evaluation.strategy), theme.bold()),
        span(format!("{}  ", evaluation.id), theme.dim()),
        span(format!("{}  ", scene.clock.time(evaluation.time)), theme.dim()),
        span(evaluation.outcome.clone(), theme.signal()),
    ]];
    if !evaluation.blocker.is_empty() {
        let words = evaluation.blocker.split_whitespace();
        let mut pieces = vec![vec![span("  stopped by  ", theme.blocked())]];
        pieces.extend(words.map(|word| vec![span(format!("{word} "), theme.blocked())]));
        lines.extend(ink::flow(pieces, 14, width));
    }
    for rule in &evaluation.rules {
        lines.push(vec![span(format!("  {}", rule.label), theme.dim())]);
        for node in pane::outline(&rule.root) {
            lines.extend(why::node_lines(scene, &node, 4, width));
        }
    }
    lines
}
