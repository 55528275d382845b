//! Pane 9, health: what is wrong in full sentences first, then connections, queues and latency.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::draw::Scene;
use super::super::ink::{self, Span, span};
use super::super::number;
use crate::domain::UnixNanos;
use crate::engine::view::{ConnectionView, HealthView, QueueView};

pub(super) fn draw(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let width = area.width.saturating_sub(2);
    let health = &scene.view.health;
    let mut lines = Vec::new();
    for warning in &health.warnings {
        let words = warning.sentence.split_whitespace();
        let mut pieces = vec![vec![span("⚠ ", scene.theme.warn())]];
        pieces.extend(words.map(|word| vec![span(format!("{word} "), scene.theme.warn())]));
        // Its section in the runbook.
        pieces.push(vec![span(warning.name.clone(), scene.theme.dim())]);
        lines.extend(ink::flow(pieces, 2, width));
    }
    lines.extend(health.connections.iter().flat_map(|c| connection(scene, c, width)));
    lines.extend(latency(scene, health, width));
    lines.extend(queues(scene, health));
    lines.extend(stages(scene, health));
    lines.extend(streams(scene, health, width));
    lines.extend(rest(scene, health, width));
    let skipped = usize::from(scene.model.scroll).min(lines.len().saturating_sub(1));
    for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(skipped)) {
        ink::put_spans(buffer, area.x + 1, y, line, area.width.saturating_sub(1));
    }
}

fn connection(scene: &Scene<'_>, connection: &ConnectionView, width: u16) -> Vec<Vec<Span>> {
    let theme = scene.theme;
    let (mark, style) = if connection.up { ("● ", theme.up()) } else { ("✗ ", theme.error()) };
    let pieces = vec![
        vec![span(mark, style), span(format!("{}  ", connection.name), theme.text())],
        vec![span(format!("{}  ", connection.state), style)],
        vec![span(format!("reconnects {}", connection.reconnects), theme.dim())],
    ];
    ink::flow(pieces, 2, width)
}

/// Entries or bytes of a queue, short.
fn size(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    number::compact(count as f64)
}

fn latency(scene: &Scene<'_>, health: &HealthView, width: u16) -> Vec<Vec<Span>> {
    let theme = scene.theme;
    let Some((middle, high, most)) = health.latency_us else {
        return vec![vec![span("receive to decision: none yet", theme.dim())]];
    };
    let mut pieces = vec![vec![span("receive to decision  ", theme.dim())]];
    for (label, value) in [("p50", middle), ("p99", high), ("max", most)] {
        pieces.push(vec![
            span(format!("{label} "), theme.dim()),
            span(format!("{}  ", number::micros(value)), theme.text()),
        ]);
    }
    ink::flow(pieces, 2, width)
}

fn stages(scene: &Scene<'_>, health: &HealthView) -> Vec<Vec<Span>> {
    let theme = scene.theme;
    let mut lines = Vec::new();
    if !health.stages.is_empty() {
        let title = format!("{:<14}{:>7}{:>9}", "stage", "per s", "p99");
        lines.push(vec![span(title, theme.dim())]);
    }
    lines.extend(health.stages.iter().map(|stage| {
        let p99 = stage.p99_us.map_or_else(|| "-".to_owned(), number::micros);
        let text = format!("{:<14}{:>7}{p99:>9}", stage.name, number::compact(stage.per_second));
        vec![span(text, theme.text())]
    }));
    lines
}

/// A line for each instrument: how long ago each of its streams delivered.
fn streams(scene: &Scene<'_>, health: &HealthView, width: u16) -> Vec<Vec<Span>> {
    let theme = scene.theme;
    let mut symbols: Vec<&str> = health.streams.iter().map(|s| s.symbol.as_str()).collect();
    symbols.dedup();
    let line = |symbol: &str| {
        let mut pieces = vec![vec![span(format!("{symbol}  "), theme.text())]];
        for stream in health.streams.iter().filter(|stream| stream.symbol == symbol) {
            let style = if stream.starved.is_some() { theme.error() } else { theme.text() };
            let ago = match stream.last {
                UnixNanos(0) => "never".to_owned(),
                last => number::span(scene.view.now.since(last)),
            };
            pieces.push(vec![
                span(format!("{} ", stream.channel), theme.dim()),
                span(format!("{ago}  "), style),
            ]);
        }
        ink::flow(pieces, 2, width)
    };
    symbols.into_iter().flat_map(line).collect()
}

fn queues(scene: &Scene<'_>, health: &HealthView) -> Vec<Vec<Span>> {
    let theme = scene.theme;
    let mut lines = Vec::new();
    if !health.queues.is_empty() {
        let title = format!("{:<14}{:>7}{:>8}{:>9}{:>7}", "queue", "now", "of", "highest", "lost");
        lines.push(vec![span(title, theme.dim())]);
    }
    lines.extend(health.queues.iter().map(|queue: &QueueView| {
        let held = format!(
            "{:<14}{:>7}{:>8}{:>9}",
            ink::elide(&queue.name, 13),
            size(queue.depth),
            size(queue.capacity),
            size(queue.high_water)
        );
        let style = if queue.dropped > 0 { theme.error() } else { theme.text() };
        vec![span(held, theme.text()), span(format!("{:>7}", number::count(queue.dropped)), style)]
    }));
    lines
}

fn rest(scene: &Scene<'_>, health: &HealthView, width: u16) -> Vec<Vec<Span>> {
    let theme = scene.theme;
    let lost = if health.log_dropped > 0 { theme.error() } else { theme.text() };
    let mut pieces = Vec::new();
    let mut add = |label: &str, text: String, style| {
        pieces.push(vec![span(format!("{label} "), theme.dim()), span(format!("{text}  "), style)]);
    };
    add("log lines lost", number::count(health.log_dropped), lost);
    add("recorded", number::bytes(health.tape_bytes), theme.text());
    add("inputs", number::count(scene.view.run.inputs), theme.text());
    let late: u64 = scene.view.instruments.iter().map(|instrument| instrument.late_trades).sum();
    if late > 0 {
        add("late trades", number::count(late), theme.warn());
    }
    if !health.metrics_address.is_empty() {
        add("metrics", format!("http://{}/metrics", health.metrics_address), theme.text());
    }
    add("run", scene.view.run.id.clone(), theme.text());
    let mut lines = ink::flow(pieces, 2, width);
    // One piece for each word, so that none is cut.
    let words = scene.view.run.fill_model.split_whitespace();
    let mut model = vec![vec![span("fill model  ", theme.dim())]];
    model.extend(words.map(|word| vec![span(format!("{word} "), theme.text())]));
    lines.extend(ink::flow(model, 2, width));
    lines
}
