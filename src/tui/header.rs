//! The header: what kind of run it is, whether data flows, what the account is worth, what was
//! lost. In a recording the replay bar stands in its place.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw::Scene;
use super::ink::{self, Span, span};
use super::model::Attached;
use super::number;
use super::past;
use crate::domain::Num;
use crate::engine::TradingState;
use crate::engine::record::StopReason;
use crate::engine::view::{HealthView, Mode};

/// A piece of the header; the lower its weight, the sooner it gives way.
pub(super) struct Piece {
    pub spans: Vec<Span>,
    weight: u8,
}

pub(super) fn piece(weight: u8, spans: Vec<Span>) -> Piece {
    Piece { spans, weight }
}

/// Draws one or two lines.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    if area.is_empty() {
        return;
    }
    if let Some(replay) = &scene.view.replay {
        return past::bar::draw(buffer, area, scene, replay);
    }
    let badge = piece(
        99,
        vec![span(
            format!(" {} ", scene.view.run.mode.badge()),
            scene.theme.badge(scene.view.run.mode),
        )],
    );
    let mut first = vec![badge];
    first.extend(run_pieces(scene));
    first.extend(lost(scene));
    first.extend(warned(scene));
    first.extend(feed_pieces(scene));
    if area.height == 1 {
        first.extend(account_pieces(scene));
        first.push(trading_piece(scene));
        first.extend(paused_piece(scene));
    }
    line(buffer, Rect { height: 1, ..area }, first, &clock(scene, area.width));
    if area.height > 1 {
        let mut second = vec![trading_piece(scene)];
        second.extend(paused_piece(scene));
        second.extend(account_pieces(scene));
        second.extend(limits(scene));
        second.extend(explained(scene));
        line(buffer, Rect { y: area.y + 1, height: 1, ..area }, second, &[]);
    }
}

/// Draws pieces from the left and `end` at the right, leaving out the lightest until they fit;
/// returns where the next piece would begin.
pub(super) fn line(buffer: &mut Buffer, area: Rect, mut pieces: Vec<Piece>, end: &[Span]) -> u16 {
    let end_width: u16 = end.iter().map(Span::width).sum();
    let room = area.width.saturating_sub(end_width);
    let width = |pieces: &[Piece]| -> u16 {
        pieces
            .iter()
            .flat_map(|p| &p.spans)
            .fold(1, |sum: u16, s| sum.saturating_add(s.width()))
            .saturating_add(u16::try_from(pieces.len()).unwrap_or(u16::MAX).saturating_mul(2))
    };
    while width(&pieces) > room && pieces.len() > 1 {
        let lightest = pieces.iter().enumerate().min_by_key(|(_, p)| p.weight).map(|(i, _)| i);
        if let Some(index) = lightest {
            pieces.remove(index);
        }
    }
    let mut x = area.x + 1;
    for piece in &pieces {
        x = ink::put_spans(buffer, x, area.y, &piece.spans, area.right().saturating_sub(x));
        x = x.saturating_add(2);
    }
    if width(&pieces) <= room {
        ink::put_spans(buffer, area.right() - end_width, area.y, end, end_width);
    }
    x
}

/// What the badge alone does not say.
fn run_pieces(scene: &Scene<'_>) -> Vec<Piece> {
    let run = &scene.view.run;
    let mut pieces = Vec::new();
    if scene.model.frozen.is_some() {
        let text = format!(" FROZEN {} ", scene.clock.second(scene.view.now));
        pieces.push(piece(98, vec![span(text, scene.theme.alert())]));
        pieces.push(piece(60, vec![span("trading goes on", scene.theme.warn())]));
    }
    if let Some(attached) = scene.model.attached {
        let text = match attached {
            Attached::Commands => "attached",
            Attached::ReadOnly => "attached, read-only",
        };
        pieces.push(piece(96, vec![span(text, scene.theme.bold())]));
    }
    let market = if run.mode == Mode::Demo { "synthetic market" } else { run.market.as_str() };
    pieces.push(piece(90, vec![span(market, scene.theme.text())]));
    pieces.push(piece(
        10,
        vec![span(format!("acct {}", scene.view.account.name), scene.theme.dim())],
    ));
    pieces
}

/// The feed: up or not, messages per second, how long from receipt to decision.
fn feed_pieces(scene: &Scene<'_>) -> Vec<Piece> {
    let health = &scene.view.health;
    let down = health.connections.iter().find(|connection| !connection.up);
    let (mark, style) = match down {
        Some(_) => ("✗", scene.theme.error()),
        None if health.connections.is_empty() => ("○", scene.theme.dim()),
        None => ("●", scene.theme.up()),
    };
    let rate = format!(" {}/s", number::compact(health.messages_per_second));
    let mut pieces = vec![piece(80, vec![span(mark, style), span(rate, scene.theme.text())])];
    if let Some(connection) = down {
        let text = format!("{}: {}", connection.name, connection.state);
        pieces.push(piece(85, vec![span(text, scene.theme.error())]));
    }
    if let Some((middle, high, _)) = health.latency_us {
        let short = format!("decide {}", number::micros(middle));
        pieces.push(piece(70, vec![span(short, scene.theme.text())]));
        pieces.push(piece(
            30,
            vec![span(format!("p99 {}", number::micros(high)), scene.theme.text())],
        ));
    }
    if !health.metrics_address.is_empty() {
        let text = format!("metrics {}", health.metrics_address);
        pieces.push(piece(20, vec![span(text, scene.theme.dim())]));
    }
    if health.tape_bytes > 0 {
        let text = format!("rec {}", number::bytes(health.tape_bytes));
        pieces.push(piece(15, vec![span(text, scene.theme.dim())]));
    }
    pieces
}

/// Everything that was lost, in red: a screen that hides loss lies.
pub(super) fn lost(scene: &Scene<'_>) -> Option<Piece> {
    let lost = lost_count(&scene.view.health);
    let text = format!("LOST {}", number::count(lost));
    (lost > 0).then(|| piece(95, vec![span(text, scene.theme.error())]))
}

/// That something is wrong which pane 9 says in full.
fn warned(scene: &Scene<'_>) -> Option<Piece> {
    let many = scene.view.health.warnings.len();
    let text = format!("⚠ {many} warning{}", if many == 1 { "" } else { "s" });
    (many > 0).then(|| piece(93, vec![span(text, scene.theme.warn())]))
}

fn lost_count(health: &HealthView) -> u64 {
    health.queues.iter().map(|queue| queue.dropped).fold(health.log_dropped, u64::saturating_add)
}

pub(super) fn trading_piece(scene: &Scene<'_>) -> Piece {
    let (text, style) = match scene.view.run.trading {
        TradingState::Active => ("ACTIVE".to_owned(), scene.theme.up()),
        TradingState::ReduceOnly(reason) => {
            (format!(" REDUCE ONLY: {} ", stop_text(reason)), scene.theme.alert())
        }
        TradingState::Halted(reason) => {
            (format!(" HALTED: {} ", stop_text(reason)), scene.theme.alert())
        }
        TradingState::Flattening => (flattening(scene), scene.theme.alert()),
    };
    piece(97, vec![span(text, style)])
}

/// How far flattening has come.
fn flattening(scene: &Scene<'_>) -> String {
    let held = scene.view.positions.iter().filter(|p| !p.quantity.is_zero() && !p.dust).count();
    let open = scene.view.orders.iter().filter(|order| !order.state.is_terminal()).count();
    match (held, open) {
        (0, 0) => " FLAT: operator, no entries ".to_owned(),
        _ => format!(" FLATTENING: {held} held, {open} open "),
    }
}

/// The strategies that an operator paused.
pub(super) fn paused_piece(scene: &Scene<'_>) -> Option<Piece> {
    let strategies = scene.view.strategies.iter();
    let paused: Vec<&str> = strategies.filter(|s| s.paused).map(|s| s.name.as_str()).collect();
    let text = format!(" PAUSED: {} ", paused.join(" "));
    (!paused.is_empty()).then(|| piece(96, vec![span(text, scene.theme.warn())]))
}

fn stop_text(reason: StopReason) -> &'static str {
    match reason {
        StopReason::DailyLoss => "daily loss",
        StopReason::Drawdown => "drawdown",
        StopReason::Operator => "operator",
        StopReason::Arithmetic => "arithmetic",
    }
}

pub(super) fn account_pieces(scene: &Scene<'_>) -> Vec<Piece> {
    let account = &scene.view.account;
    let theme = scene.theme;
    let labelled = |weight, label: &str, text: String, style| {
        piece(weight, vec![span(format!("{label} "), theme.dim()), span(scene.money(text), style)])
    };
    let mut pieces = Vec::new();
    if let Some(equity) = account.equity {
        let text = format!("{} {}", number::money(equity), account.asset);
        pieces.push(labelled(92, "equity", text, theme.bold()));
    }
    if let Some(day) = day_profit(scene) {
        let share = account.day_start.and_then(|start| number::ratio(day, start));
        let text = match share {
            Some(share) => format!("{} ({})", number::profit(day), number::percent(share)),
            None => number::profit(day),
        };
        pieces.push(labelled(94, "day", text, theme.profit(day)));
    }
    if let Some(drawdown) = account.drawdown {
        let text = format!("{:.2}%", -drawdown.to_f64() * 100.0);
        pieces.push(piece(
            75,
            vec![span("dd ", theme.dim()), span(text.replace("-0.00", "0.00"), theme.text())],
        ));
    }
    let unrealised = number::profit(account.unrealised);
    pieces.push(labelled(65, "uPnL", unrealised, theme.profit(account.unrealised)));
    let realised = number::profit(account.realised);
    pieces.push(labelled(60, "rPnL", realised, theme.profit(account.realised)));
    pieces.push(labelled(55, "fees", number::money(account.fees), theme.text()));
    pieces
}

/// The change of equity since the day began.
pub(super) fn day_profit(scene: &Scene<'_>) -> Option<Num> {
    let account = &scene.view.account;
    account.equity?.sub(account.day_start?).ok()
}

fn limits(scene: &Scene<'_>) -> Vec<Piece> {
    let account = &scene.view.account;
    let theme = scene.theme;
    let limit =
        account.max_gross_exposure.map_or(String::new(), |m| format!("/{}", number::plain(m)));
    let exposure = scene.money(format!("{}{limit}", number::money(account.gross_exposure)));
    let (used, allowed) = account.order_rate;
    let run = &scene.view.run;
    let counts = format!(
        "{} signals  {} orders  {} fills  {} refused",
        number::count(run.signals),
        number::count(run.orders),
        number::count(run.fills),
        number::count(run.refusals)
    );
    vec![
        piece(40, vec![span("exposure ", theme.dim()), span(exposure, theme.text())]),
        piece(
            35,
            vec![span("orders/s ", theme.dim()), span(format!("{used}/{allowed}"), theme.text())],
        ),
        piece(25, vec![span(counts, theme.text())]),
    ]
}

/// The share of wished orders that their rules explain: a warning as soon as it is not all.
fn explained(scene: &Scene<'_>) -> Option<Piece> {
    let shares = scene.view.strategies.iter().map(|strategy| strategy.explained);
    let (explained, all) = shares.fold((0, 0), |sum, (n, of)| (sum.0 + n, sum.1 + of));
    let percent = (explained * 100).checked_div(all)?;
    let (weight, style) = match percent {
        100 => (62, scene.theme.text()),
        _ => (91, scene.theme.warn()),
    };
    let share = span(format!("{percent}%"), style);
    Some(piece(weight, vec![span("explained ", scene.theme.dim()), share]))
}

/// Engine time with its zone; the day as well where there is room.
pub(super) fn clock(scene: &Scene<'_>, width: u16) -> Vec<Span> {
    let now = scene.view.now;
    let time = match width {
        ..100 => scene.clock.second(now),
        _ => scene.clock.time(now),
    };
    let day = if width >= 170 { format!("{} ", scene.clock.date(now)) } else { String::new() };
    vec![span(format!("{day}{time}{} ", scene.clock.suffix(now)), scene.theme.bold())]
}
