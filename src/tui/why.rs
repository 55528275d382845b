//! Why: the chain of one decision, from the event that caused it to the position it left.
//!
//! ```text
//! EVENT → INPUTS → RULES → SIGNAL → RISK → ORDER → FILL → POSITION
//! ```
//! Every number stands beside the one it was compared with; what stopped the decision is marked `◂`.

mod outcome;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw::Scene;
use super::ink::{self, Span, span};
use super::model::Chain;
use super::number;
use super::pane;
use crate::domain::clean;
use crate::engine::view::{DecisionView, EvaluationView};
use crate::strategy::Trigger;

/// Where the text of a section begins.
const INDENT: u16 = 11;

/// A line of a chain.
pub(super) type Line = Vec<Span>;

/// Draws the whole body.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>, chain: &Chain) {
    let inside = frame(buffer, area, scene, &title(scene, chain));
    let lines = lines(scene, chain, inside.width);
    scrolled(buffer, inside, scene, &lines);
}

/// The same as text of this many columns, for where no screen is.
pub(super) fn text(scene: &Scene<'_>, chain: &Chain, width: u16) -> String {
    let mut text = String::new();
    for line in std::iter::once(title(scene, chain)).chain(lines(scene, chain, width)) {
        let start = text.len();
        for span in &line {
            text.push_str(&clean(&span.text, usize::MAX));
        }
        let end = text.trim_end().len().max(start);
        text.truncate(end);
        text.push('\n');
    }
    text
}

/// Draws the box of an overlay and returns what is inside.
pub(super) fn frame(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>, title: &[Span]) -> Rect {
    let inside = ink::boxed(buffer, area, true, scene.theme.border(true));
    let room = area.width.saturating_sub(2);
    ink::put_spans(buffer, area.x + 1, area.y, title, room);
    Rect {
        x: inside.x + u16::from(inside.width > 2),
        width: inside.width.saturating_sub(2),
        ..inside
    }
}

/// Draws the lines from the model's scroll on; says how many are below.
pub(super) fn scrolled(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>, lines: &[Line]) {
    let most = lines.len().saturating_sub(usize::from(area.height));
    let skipped = usize::from(scene.model.scroll).min(most);
    for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(skipped)) {
        ink::put_spans(buffer, area.x, y, line, area.width);
    }
    if most > skipped && area.height > 0 {
        let text = format!(" ↓ {} more ", most - skipped);
        ink::put_right(buffer, area.right(), area.bottom(), &text, scene.theme.bold());
    }
}

fn title(scene: &Scene<'_>, chain: &Chain) -> Line {
    let theme = scene.theme;
    let evaluation = &chain.evaluation;
    let mut line = vec![
        span(format!("Why {}  ", evaluation.id), theme.bold()),
        span(format!("{}  {}  ", evaluation.symbol, evaluation.strategy), theme.text()),
    ];
    match &chain.decision {
        Some(decision) => {
            let (_, digits) = scene.digits(&evaluation.symbol);
            let action = super::chain::action(decision, digits);
            line.push(span(format!("{action}  "), theme.bold()));
            line.push(span(
                format!("{} ", decision.state),
                pane::state_style(theme, &decision.state),
            ));
        }
        None => line.push(span(format!("{} ", evaluation.outcome), theme.text())),
    }
    line
}

fn lines(scene: &Scene<'_>, chain: &Chain, width: u16) -> Vec<Line> {
    let evaluation = &chain.evaluation;
    let mut lines = event(scene, evaluation, width);
    lines.extend(inputs(scene, evaluation, width));
    lines.extend(rules(scene, evaluation, width));
    if let Some(decision) = &chain.decision {
        lines.extend(outcome::lines(scene, decision, width));
    }
    for log in &evaluation.logs {
        lines.extend(section(
            scene,
            "LOG",
            vec![vec![span(log.text.clone(), scene.theme.text())]],
            width,
        ));
    }
    lines.push(Vec::new());
    lines.extend(same_moment(scene, evaluation, width));
    lines.extend(prove(scene, width));
    lines
}

/// A section's name and its pieces, flowing from the indent on.
pub(super) fn section(scene: &Scene<'_>, name: &str, pieces: Vec<Line>, width: u16) -> Vec<Line> {
    let head = format!("{name:<indent$}", indent = usize::from(INDENT));
    let mut all = vec![vec![span(head, scene.theme.bold())]];
    all.extend(pieces);
    ink::flow(all, INDENT, width)
}

/// A number with a dim label before it.
pub(super) fn labelled(scene: &Scene<'_>, label: &str, text: impl Into<String>) -> Line {
    vec![
        span(format!("{label} "), scene.theme.dim()),
        span(format!("{}  ", text.into()), scene.theme.text()),
    ]
}

fn event(scene: &Scene<'_>, evaluation: &EvaluationView, width: u16) -> Vec<Line> {
    let (price_digits, quantity_digits) = scene.digits(&evaluation.symbol);
    let price = |value| number::price(value, price_digits);
    let quantity = |value| number::quantity(value, quantity_digits);
    let mut pieces = Vec::new();
    let venue_time = match &evaluation.trigger {
        Trigger::Trade(trade) => {
            let text = format!("{} x {}", price(trade.price), quantity(trade.quantity));
            pieces.push(labelled(scene, "trade", text));
            pieces.push(labelled(scene, "aggressor", trade.aggressor.as_str()));
            Some(trade.ts_venue)
        }
        Trigger::Quote(quote) => {
            let bid = format!("{} x {}", price(quote.bid.price), quantity(quote.bid.quantity));
            let ask = format!("{} x {}", price(quote.ask.price), quantity(quote.ask.quantity));
            pieces.push(labelled(scene, "bid", bid));
            pieces.push(labelled(scene, "ask", ask));
            None
        }
        Trigger::Bar(bar) => {
            pieces.push(labelled(scene, "bar closed", scene.clock.second(bar.close_time())));
            for (label, value) in
                [("o", bar.open), ("h", bar.high), ("l", bar.low), ("c", bar.close)]
            {
                pieces.push(labelled(scene, label, price(value)));
            }
            pieces.push(labelled(scene, "trades", number::count(bar.trades)));
            None
        }
        Trigger::Due(at) => {
            pieces.push(labelled(scene, "time is up", scene.clock.time(*at)));
            None
        }
        Trigger::Operator => {
            pieces.push(labelled(scene, "operator", "decided in the strategy's place"));
            None
        }
    };
    if let Some(time) = venue_time {
        pieces.push(labelled(scene, "venue", scene.clock.time(time)));
    }
    pieces.push(labelled(scene, "received", scene.clock.time(evaluation.time)));
    pieces.push(labelled(scene, "tape", format!("@{}", number::count(evaluation.seq))));
    section(scene, "EVENT", pieces, width)
}

/// A table of all named values.
fn inputs(scene: &Scene<'_>, evaluation: &EvaluationView, width: u16) -> Vec<Line> {
    let theme = scene.theme;
    let names = evaluation.values.iter().map(|value| ink::width(&value.name));
    let widest = usize::from(names.max().unwrap_or(0).max(4));
    let mut lines = Vec::new();
    let head = format!("{:<widest$} {:>14} {:>14}", "name", "value", "previous");
    lines.extend(section(scene, "INPUTS", vec![vec![span(head, theme.dim())]], width));
    for value in &evaluation.values {
        let previous = if value.parameter {
            "parameter".to_owned()
        } else {
            number::value(value.previous, value.now)
        };
        lines.push(vec![
            span(" ".repeat(INDENT.into()), theme.text()),
            span(format!("{:<widest$} ", value.name), theme.text()),
            span(format!("{:>14} ", number::value(value.now, value.previous)), theme.bold()),
            span(format!("{previous:>14}"), theme.dim()),
        ]);
    }
    lines
}

fn rules(scene: &Scene<'_>, evaluation: &EvaluationView, width: u16) -> Vec<Line> {
    let mut lines = Vec::new();
    for (index, rule) in evaluation.rules.iter().enumerate() {
        let name = if index == 0 { "RULES" } else { "" };
        let label = vec![span(rule.label.clone(), scene.theme.dim())];
        lines.extend(section(scene, name, vec![label], width));
        for node in pane::outline(&rule.root) {
            lines.extend(node_lines(scene, &node, INDENT, width));
        }
    }
    lines
}

/// A node of a rule tree from `indent` on.
pub(super) fn node_lines(
    scene: &Scene<'_>,
    node: &pane::Outlined<'_>,
    indent: u16,
    width: u16,
) -> Vec<Line> {
    let mut pieces = vec![vec![span(" ".repeat(indent.into()), scene.theme.text())]];
    pieces.extend(pane::node_pieces(scene.theme, node));
    ink::flow(pieces, indent + node.depth * 2 + 2, width)
}

/// The decision nearest in time that ended otherwise: what was different.
fn same_moment(scene: &Scene<'_>, evaluation: &EvaluationView, width: u16) -> Vec<Line> {
    let Some(other) = otherwise(scene, evaluation) else { return Vec::new() };
    let theme = scene.theme;
    let e = &other.evaluation;
    let title = "─ same moment, other outcome ";
    let rule = "─".repeat(width.saturating_sub(ink::width(title)).into());
    let words = format!("{}  {}  {}  ", e.id, e.symbol, e.strategy);
    let state = format!("{}  ", other.state);
    let reason = ink::elide(&super::chain::reason(other), width.saturating_sub(2));
    let pieces = vec![
        vec![span(words, theme.text())],
        vec![span(state, pane::state_style(theme, &other.state))],
        vec![span(reason, theme.text())],
    ];
    let mut lines = vec![vec![span(format!("{title}{rule}"), theme.dim())]];
    lines.extend(ink::flow(pieces, 2, width));
    lines.push(Vec::new());
    lines
}

fn otherwise<'v>(scene: &Scene<'v>, evaluation: &EvaluationView) -> Option<&'v DecisionView> {
    let traded = |decision: &DecisionView| decision.order.is_some();
    let this = scene.view.decisions.iter().find(|d| d.evaluation.id == evaluation.id);
    let this_traded = this.is_some_and(|decision| traded(decision));
    scene
        .view
        .decisions
        .iter()
        .filter(|d| d.evaluation.id != evaluation.id && traded(d) != this_traded)
        .min_by_key(|d| d.evaluation.time.delta(evaluation.time).unsigned_abs())
        .map(AsRef::as_ref)
}

/// The command that computes all of this again and compares.
fn prove(scene: &Scene<'_>, width: u16) -> Vec<Line> {
    let command = format!("tickscope replay {} --verify", scene.view.run.id);
    let pieces = vec![vec![span(command, scene.theme.bold())]];
    section(scene, "PROVE IT", pieces, width)
}
