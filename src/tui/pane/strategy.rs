//! Pane 8, the strategies: per slot the last evaluation with its values and rules, and what
//! stopped the strategy how often.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::draw::Scene;
use super::super::ink::{self, Span, span};
use super::super::model::Pane;
use super::super::number;
use super::super::row::{self, Row};
use super::super::table::{self, cell};
use super::super::theme::Theme;
use crate::engine::TradingState;
use crate::engine::view::{EvaluationView, LeafView, NodeView, StrategyView};
use crate::strategy::{Op, Truth};

pub(super) fn draw(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let columns = [
        table::left("STRATEGY", 9),
        table::left("SYMBOL", 8),
        table::left("LAST", 3),
        table::left("OUTCOME", 5),
        table::rest("FIRST BLOCKER"),
    ];
    let slots = row::rows(scene.model, scene.view, Pane::Strategy);
    let wanted = u16::try_from(slots.len()).unwrap_or(u16::MAX).saturating_add(1);
    let list = wanted.min(area.height.div_ceil(3).max(2)).min(area.height);
    let top = Rect { height: list, ..area };
    let empty = "no evaluation yet";
    super::table_of_rows(buffer, top, scene, Pane::Strategy, &columns, empty, |row| match row {
        Row::Slot(e) => {
            let theme = scene.theme;
            vec![
                cell(named(scene, &e.strategy), theme.bold()),
                cell(e.symbol.clone(), theme.text()),
                cell(scene.clock.second(e.time), theme.dim()),
                cell(e.outcome.clone(), theme.text()),
                cell(e.blocker.clone(), theme.blocked()),
            ]
        }
        _ => Vec::new(),
    });
    let selected = slots.get(row::place(&slots, scene.model.selected_in(Pane::Strategy)));
    if let Some(Row::Slot(evaluation)) = selected {
        let lines = detail(scene, evaluation, area.width.saturating_sub(2));
        for (y, line) in (area.y + list..area.bottom()).zip(lines) {
            ink::put_spans(buffer, area.x + 1, y, &line, area.width.saturating_sub(1));
        }
    }
}

/// A strategy's name, and in the list what holds it back.
fn named(scene: &Scene<'_>, strategy: &str) -> String {
    let paused = scene.view.strategies.iter().any(|s| s.name == strategy && s.paused);
    match state_word(scene, paused) {
        "RUN" => strategy.to_owned(),
        word => format!("{strategy} {word}"),
    }
}

/// Values, rules and counts of the chosen slot's strategy.
fn detail(scene: &Scene<'_>, evaluation: &EvaluationView, width: u16) -> Vec<Vec<Span>> {
    let theme = scene.theme;
    let strategy = scene.view.strategies.iter().find(|s| s.name == evaluation.strategy);
    let state = state_word(scene, strategy.is_some_and(|s| s.paused));
    let head = format!("─ {} {} {state} ", evaluation.strategy, evaluation.symbol);
    let line = "─".repeat(width.saturating_sub(ink::width(&head)).into());
    let mut lines = vec![vec![span(format!("{head}{line}"), theme.dim())]];
    let strategy = scene.view.strategies.iter().find(|s| s.name == evaluation.strategy);
    for (key, text) in strategy.iter().flat_map(|strategy| &strategy.rules) {
        let words =
            text.split_whitespace().map(|word| vec![span(format!("{word} "), theme.text())]);
        let pieces = std::iter::once(vec![span(format!("{key} = "), theme.dim())]).chain(words);
        lines.extend(ink::flow(pieces.collect(), 2, width));
    }
    lines.extend(values(theme, evaluation));
    for rule in &evaluation.rules {
        lines.push(vec![span(rule.label.clone(), theme.dim())]);
        for node in outline(&rule.root) {
            lines.extend(ink::flow(node_pieces(theme, &node), 6, width));
        }
    }
    lines.extend(strategy.map(|s| counts(theme, s, width)).unwrap_or_default());
    lines
}

/// What a strategy may do, in a word.
fn state_word(scene: &Scene<'_>, paused: bool) -> &'static str {
    match scene.view.run.trading {
        TradingState::Halted(_) => "HALTED",
        TradingState::Flattening => "FLATTENING",
        _ if paused => "PAUSED",
        TradingState::ReduceOnly(_) => "REDUCE ONLY",
        TradingState::Active => "RUN",
    }
}

fn values(theme: Theme, evaluation: &EvaluationView) -> Vec<Vec<Span>> {
    let widest = evaluation.values.iter().map(|v| ink::width(&v.name)).max().unwrap_or(0);
    evaluation
        .values
        .iter()
        .map(|value| {
            let padded = format!("{:<1$}", value.name, usize::from(widest));
            let now = number::value(value.now, value.previous);
            let arrow = match value.now.partial_cmp(&value.previous) {
                _ if value.parameter => " ",
                Some(std::cmp::Ordering::Greater) => "▲",
                Some(std::cmp::Ordering::Less) => "▼",
                _ => " ",
            };
            let was = if value.parameter {
                "parameter".to_owned()
            } else {
                format!("was {}", number::value(value.previous, value.now))
            };
            vec![
                span(format!("{padded} "), theme.text()),
                span(format!("{now:>14} "), theme.bold()),
                span(format!("{arrow} "), theme.text()),
                span(was, theme.dim()),
            ]
        })
        .collect()
}

/// Signals, explained orders, and what stopped the strategy how often.
fn counts(theme: Theme, strategy: &StrategyView, width: u16) -> Vec<Vec<Span>> {
    let (explained, all) = strategy.explained;
    let pieces = vec![
        vec![
            span("explained ", theme.dim()),
            span(format!("{explained}/{all} orders  "), theme.text()),
        ],
        vec![
            span("evaluations ", theme.dim()),
            span(format!("{}  ", number::count(strategy.evaluations)), theme.text()),
        ],
        vec![span("signals ", theme.dim()), span(number::count(strategy.signals), theme.text())],
    ];
    let mut lines = ink::flow(pieces, 2, width);
    if !strategy.blockers.is_empty() {
        lines.push(vec![span("stopped by", theme.dim())]);
    }
    for (text, times) in &strategy.blockers {
        let times = number::count(*times);
        let room = width.saturating_sub(10);
        lines.push(vec![
            span(format!("{times:>8} "), theme.text()),
            span(ink::elide(text, room), theme.blocked()),
        ]);
    }
    lines
}

/// A node of a rule tree with how deep it lies.
pub(in super::super) struct Outlined<'v> {
    pub depth: u16,
    pub node: &'v NodeView,
}

/// A tree as lines, parents before children.
pub(in super::super) fn outline(root: &NodeView) -> Vec<Outlined<'_>> {
    let mut lines = Vec::new();
    let mut waiting = vec![Outlined { depth: 0, node: root }];
    while let Some(next) = waiting.pop() {
        let children = next.node.children.iter().rev();
        waiting.extend(children.map(|node| Outlined { depth: next.depth + 1, node }));
        lines.push(next);
    }
    lines
}

/// A node as pieces: mark, text, numbers, margin, and whether it was the first blocker.
pub(in super::super) fn node_pieces(theme: Theme, line: &Outlined<'_>) -> Vec<Vec<Span>> {
    let style = match line.node.truth {
        Truth::True => theme.up(),
        Truth::False => theme.down(),
        Truth::Unknown => theme.warn(),
    };
    let indent = " ".repeat(usize::from(line.depth) * 2);
    let mark = format!("{indent}{} ", line.node.truth.mark());
    let text = format!("{}  ", line.node.text);
    let mut pieces = vec![vec![span(mark, style), span(text, theme.text())]];
    if let Some(leaf) = &line.node.leaf {
        pieces.extend(leaf_numbers(theme, leaf));
    }
    if line.node.first_blocker {
        pieces.push(vec![span("◂ first blocker", theme.blocked())]);
    }
    pieces
}

/// A comparison's numbers as they really compare, and how close it was.
pub(in super::super) fn leaf_numbers(theme: Theme, leaf: &LeafView) -> Vec<Vec<Span>> {
    let (left, right) = (leaf.left_values, leaf.right_values);
    let mut pieces = Vec::new();
    match leaf.op {
        Op::Flag => {
            pieces.push(vec![span(format!("{}  ", number::value(left.0, None)), theme.bold())]);
        }
        Op::CrossUp | Op::CrossDown => {
            let before = format!("was {}  ", relation(left.1, right.1));
            pieces.push(vec![span(before, theme.dim())]);
            pieces.push(vec![span(format!("now {}  ", relation(left.0, right.0)), theme.bold())]);
        }
        _ => pieces.push(vec![span(format!("{}  ", relation(left.0, right.0)), theme.bold())]),
    }
    if let Some(margin) = leaf.margin {
        let text = format!("margin {}  ", number::margin(left.0, right.0, margin));
        pieces.push(vec![span(text, theme.dim())]);
    }
    pieces
}

/// Two numbers and the sign that is true between them.
fn relation(left: Option<f64>, right: Option<f64>) -> String {
    let sign = match left.zip(right).and_then(|(left, right)| left.partial_cmp(&right)) {
        Some(std::cmp::Ordering::Less) => "<",
        Some(std::cmp::Ordering::Equal) => "=",
        Some(std::cmp::Ordering::Greater) => ">",
        None => "?",
    };
    format!("{} {sign} {}", number::value(left, right), number::value(right, left))
}
