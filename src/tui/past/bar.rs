//! The replay bar: it stands where the header of a living run stands.
//!
//! ```text
//!  REPLAY  20261122T160002-k7f3  ✓ 411 records equal to the recording          16:42:07.118Z
//!  ▮▮ paused  x8  input 1,204,881 / 5,882,004  at decision k7f3-0-0412  ACTIVE  day +12.50
//!  16:00 ├────△▲─────△▲──x────────────●─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─┤ 17:04
//! ```
//! Marks differ by their shape. A low screen has two lines, with what there is room for of the line
//! of time behind the state; in front of a living run the bar says how that fares.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::domain::{Side, UnixNanos};
use crate::engine::view::{MarkerKind, Mode, ReplayMark, ReplayMarkKind, ReplayView};
use crate::tui::draw::Scene;
use crate::tui::header::{self, Piece, line, piece};
use crate::tui::ink::{self, Span, span};
use crate::tui::keymap::Stage;
use crate::tui::number;

/// The fewest cells of a line of time that still tell something.
const LINE_AT_LEAST: u16 = 8;
/// The fewest cells in which a difference is told beside the session's name.
const DIFFERENCE_AT_LEAST: u16 = 30;
/// The cells of a difference where there is room only for that there is one.
const DIFFERENT_ALONE: u16 = 14;
/// The most cells of what playing ended at.
const REASON_AT_MOST: u16 = 36;
/// A recording that is shorter has its ends told to the second.
const SHORT: u64 = 600 * UnixNanos::SECOND;

/// What gives way last, most important first; all of the account gives way before it.
mod weight {
    pub const BADGE: u8 = 120;
    pub const DIFFERENT: u8 = 119;
    pub const RUN: u8 = 118;
    pub const BESIDE: u8 = 117;
    pub const PLAYING: u8 = 116;
    pub const PLACE: u8 = 115;
    pub const EQUAL: u8 = 114;
    pub const REASON: u8 = 113;
    pub const SPEED: u8 = 112;
    pub const EQUITY: u8 = 60;
    pub const SESSION: u8 = 50;
}

/// Draws one, two or three lines.
pub(in crate::tui) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    replay: &ReplayView,
) {
    let row = |y: u16| Rect { y: area.y + y, height: 1, ..area };
    let is_beside = scene.model.stage() == Stage::Beside;
    let clock = header::clock(scene, area.width);
    let badge = format!(" {} ", Mode::Replay.badge());
    let mut first = vec![piece(weight::BADGE, vec![span(badge, scene.theme.badge(Mode::Replay))])];
    let badge_width = width(&first);
    let mut second = state(scene, replay);
    let reason = stopped_by(scene, replay);
    let session = piece(weight::SESSION, vec![span(replay.session.clone(), scene.theme.text())]);
    if is_beside {
        first.push(session);
        let room = area.width.saturating_sub(badge_width + ink_width(&clock));
        first.extend(beside(scene, room));
    } else {
        let room = area.width.saturating_sub(badge_width + ink_width(&clock));
        let with_session = room.saturating_sub(ink::width(&replay.session) + 2);
        let has_both = replay.parted.is_empty() || with_session >= DIFFERENCE_AT_LEAST;
        if has_both {
            first.push(session);
        }
        first.push(proof(scene, replay, if has_both { with_session } else { room }));
    }
    if area.height == 1 {
        if is_beside && !replay.parted.is_empty() {
            first.push(proof(scene, replay, DIFFERENT_ALONE));
        }
        first.extend(second);
        line(buffer, row(0), first, &clock);
        return;
    }
    match (area.height, is_beside) {
        (2, false) if replay.parted.is_empty() => first.extend(reason),
        // What differs needs the line, and says more than where one waits.
        (2, false) => {}
        _ => second.extend(reason),
    }
    line(buffer, row(0), first, &clock);
    if is_beside {
        let room = area.width.saturating_sub(width(&second));
        second.push(proof(scene, replay, room));
    }
    if area.height > 2 {
        second.push(header::trading_piece(scene));
        second.extend(header::paused_piece(scene));
        second.extend(header::lost(scene));
        second.extend(header::account_pieces(scene));
        line(buffer, row(1), second, &[]);
        time_line(buffer, Rect { x: area.x + 1, ..row(2) }, scene, replay);
    } else {
        let end = line(buffer, row(1), second, &[]);
        let rest = area.right().saturating_sub(end);
        time_line(buffer, Rect { x: end, width: rest, ..row(1) }, scene, replay);
    }
}

fn ink_width(spans: &[Span]) -> u16 {
    spans.iter().map(Span::width).sum()
}

/// The cells of pieces in a line, with what stands before each.
fn width(pieces: &[Piece]) -> u16 {
    pieces.iter().map(|piece| ink_width(&piece.spans) + 2).sum::<u16>() + 1
}

/// Whether it plays, how fast, and where it is.
fn state(scene: &Scene<'_>, replay: &ReplayView) -> Vec<Piece> {
    let theme = scene.theme;
    let playing = if replay.playing {
        span("▶ playing", theme.up())
    } else {
        span("▮▮ paused", theme.bold())
    };
    let speed = match replay.speed {
        0 => "max".to_owned(),
        times => format!("x{times}"),
    };
    let of = format!("{} / {}", number::count(replay.seq), number::count(replay.last_seq));
    let word = if scene.model.size.0 < 100 { "" } else { "input " };
    vec![
        piece(weight::PLAYING, vec![playing]),
        piece(weight::SPEED, vec![span(speed, theme.bold())]),
        piece(weight::PLACE, vec![span(word, theme.dim()), span(of, theme.text())]),
    ]
}

/// What playing ended at.
fn stopped_by(scene: &Scene<'_>, replay: &ReplayView) -> Option<Piece> {
    let text = format!("at {}", ink::elide(&replay.stopped_by, REASON_AT_MOST));
    let is_told = !replay.playing && !replay.stopped_by.is_empty();
    is_told.then(|| piece(weight::REASON, vec![span(text, scene.theme.signal())]))
}

/// How much is proven equal to what was recorded; or where it parts from it, cut to `room`.
fn proof(scene: &Scene<'_>, replay: &ReplayView, room: u16) -> Piece {
    let theme = scene.theme;
    if !replay.parted.is_empty() {
        let text = format!("✗ DIFFERENT {}", replay.parted);
        let text = ink::elide(&text, room.saturating_sub(2));
        return piece(weight::DIFFERENT, vec![span(text, theme.error())]);
    }
    let count = number::count(replay.proven.0);
    let (whole, short) = match replay.proven.0 {
        0 => return piece(weight::EQUAL, vec![span("nothing compared yet", theme.dim())]),
        1 => ("✓ 1 record equal to the recording".to_owned(), "✓ 1 equal".to_owned()),
        _ => (format!("✓ {count} records equal to the recording"), format!("✓ {count} equal")),
    };
    let has_room = ink::width(&whole).saturating_add(2) <= room;
    piece(weight::EQUAL, vec![span(if has_room { whole } else { short }, theme.up())])
}

/// That a living run goes on behind the past, and how it fares.
fn beside(scene: &Scene<'_>, room: u16) -> Vec<Piece> {
    let theme = scene.theme;
    let live = Scene { view: &scene.model.latest, ..*scene };
    let mut run = vec![span("run ", theme.dim())];
    run.extend(header::trading_piece(&live).spans);
    if let Some(day) = header::day_profit(&live) {
        run.push(span(" ", theme.text()));
        run.push(span(live.money(number::profit(day)), theme.profit(day)));
    }
    let run = piece(weight::RUN, run);
    let whole = "beside the living run: Esc returns";
    let has_room = ink_width(&run.spans) + ink::width(whole) + 4 <= room;
    let way_out = if has_room { whole } else { "Esc returns" };
    let mut pieces = vec![piece(weight::BESIDE, vec![span(way_out, theme.warn())]), run];
    pieces.extend(header::lost(&live));
    if let Some(equity) = live.view.account.equity {
        let text = live.money(format!("{} {}", number::money(equity), live.view.account.asset));
        pieces.push(piece(
            weight::EQUITY,
            vec![span("equity ", theme.dim()), span(text, theme.bold())],
        ));
    }
    pieces
}

/// The line of time: what happened when, and where one is.
fn time_line(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>, replay: &ReplayView) {
    let theme = scene.theme;
    let now = scene.view.now;
    let ends = UnixNanos(replay.ends.0.max(now.0).max(replay.began.0));
    let label = |at: UnixNanos| {
        let mut text = scene.clock.second(at);
        if ends.since(replay.began) >= SHORT {
            text.truncate(5);
        }
        text
    };
    let (from, to) = (label(replay.began), label(ends));
    // A space, the end of the line and the label on both sides, and a space at the screen's edge.
    let around = ink::width(&from) + ink::width(&to) + 5;
    if area.width < around + LINE_AT_LEAST {
        return;
    }
    let cells = usize::from(area.width - around);
    let span_of_time = (replay.began, ends);
    let place = cell(now, span_of_time, cells);
    let marks = marks_by_cell(&replay.marks, span_of_time, cells);
    let mut spans = vec![span(format!("{from} ├"), theme.dim())];
    for (at, mark) in marks.into_iter().enumerate() {
        let (character, style) = match mark {
            _ if at == place => ('●', theme.bold()),
            Some(kind) => mark_ink(scene, kind),
            None if at < place => ('─', theme.text()),
            None if (at - place) % 2 == 1 => ('─', theme.dim()),
            None => (' ', theme.dim()),
        };
        spans.push(span(character, style));
    }
    spans.push(span(format!("┤ {to}"), theme.dim()));
    ink::put_spans(buffer, area.x, area.y, &spans, area.width);
}

fn mark_ink(scene: &Scene<'_>, kind: ReplayMarkKind) -> (char, Style) {
    let theme = scene.theme;
    let shape = |kind| theme.marker_char(kind, Side::Buy);
    match kind {
        ReplayMarkKind::Fill => (shape(MarkerKind::Fill), theme.bold()),
        ReplayMarkKind::Refusal => (shape(MarkerKind::Blocked), theme.blocked()),
        ReplayMarkKind::Signal => (shape(MarkerKind::Signal), theme.signal()),
        ReplayMarkKind::Gap => ('!', theme.error()),
    }
}

/// The mark of each cell: of several the most important.
fn marks_by_cell(
    marks: &[ReplayMark],
    span: (UnixNanos, UnixNanos),
    cells: usize,
) -> Vec<Option<ReplayMarkKind>> {
    let mut by_cell = vec![None; cells];
    let within = |mark: &&ReplayMark| mark.time >= span.0 && mark.time <= span.1;
    for mark in marks.iter().filter(within) {
        if let Some(shown) = by_cell.get_mut(cell(mark.time, span, cells)) {
            *shown = (*shown).into_iter().chain([mark.kind]).max_by_key(|kind| importance(*kind));
        }
    }
    by_cell
}

fn importance(kind: ReplayMarkKind) -> u8 {
    match kind {
        ReplayMarkKind::Fill => 3,
        ReplayMarkKind::Refusal => 2,
        ReplayMarkKind::Signal => 1,
        ReplayMarkKind::Gap => 0,
    }
}

/// The cell of a time among so many.
fn cell(at: UnixNanos, span: (UnixNanos, UnixNanos), cells: usize) -> usize {
    let whole = u128::from(span.1.since(span.0)).max(1);
    let last = cells.saturating_sub(1);
    let passed = u128::from(at.since(span.0)) * last as u128 / whole;
    usize::try_from(passed).unwrap_or(last).min(last)
}
