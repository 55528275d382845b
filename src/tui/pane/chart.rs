//! Pane 3, the chart: candles one column each, with the strategy's signals, fills and refusals.
//!
//! `█` is a rising body, `▒` a falling one, `│` a wick, so that direction is seen without colour.
//! `△▽` is a signal, `▲▼` a fill, `x` a refusal: below the candle for a buy, above it for a sell.
//! A dashed line with a name is a stop or target of what is held.

mod levels;
mod scale;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::draw::Scene;
use super::super::ink::{self, Span, span};
use super::super::model::Pane;
use super::super::number;
use super::super::row::Row;
use crate::domain::{Side, UnixNanos};
use crate::engine::view::{InstrumentView, Marker, MarkerKind};
use scale::{Candle, Scale, Window};

/// Symbol, bar length, the strategies' values, and what the marks mean.
pub(super) fn title(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let Some(instrument) = scene.model.instrument(scene.view) else { return };
    let theme = scene.theme;
    let name = format!("{} {}", instrument.symbol, bar_text(instrument));
    let mut pieces = vec![vec![span(name, theme.bold()), span("  ", theme.text())]];
    let marks = |kind| {
        [Side::Buy, Side::Sell].map(|side| theme.marker_char(kind, side)).iter().collect::<String>()
    };
    let legend = vec![
        span(marks(MarkerKind::Signal), theme.signal()),
        span(" signal ", theme.dim()),
        span(marks(MarkerKind::Fill), theme.bold()),
        span(" fill ", theme.dim()),
        span("x", theme.blocked()),
        span(" blocked ", theme.dim()),
    ];
    let legend_width: u16 = legend.iter().map(Span::width).sum();
    pieces.extend(values(scene, instrument));
    let room = area.width.saturating_sub(legend_width);
    let named: u16 = pieces.iter().take(1).flatten().map(Span::width).sum();
    let (legend, room) = if named > room { (Vec::new(), area.width) } else { (legend, room) };
    let line = ink::flow(pieces, 0, room).into_iter().next().unwrap_or_default();
    let x = ink::put_spans(buffer, area.x, area.y, &line, room);
    ink::put_spans(buffer, x, area.y, &legend, area.right().saturating_sub(x));
}

/// The values that strategies computed last for this instrument.
fn values(scene: &Scene<'_>, instrument: &InstrumentView) -> Vec<Vec<Span>> {
    let evaluations = super::super::chain::last_evaluations(scene.view, &instrument.symbol);
    let computed = evaluations.iter().flat_map(|e| &e.values).filter(|value| !value.parameter);
    computed
        .map(|value| {
            let now = number::value(value.now, None);
            vec![
                span(format!("{} ", value.name), scene.theme.dim()),
                span(format!("{now}  "), scene.theme.text()),
            ]
        })
        .collect()
}

/// `1m`, `ticks:100`.
fn bar_text(instrument: &InstrumentView) -> String {
    let kind = instrument.bar_kind.map_or_else(String::new, |kind| kind.to_string());
    kind.strip_prefix("bars:").map_or(kind.clone(), str::to_owned)
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let Some(instrument) = scene.model.instrument(scene.view) else { return };
    let axis = axis_width(instrument);
    let time_axis = u16::from(area.height >= 8);
    let volume = u16::from(area.height >= 16);
    let plot = Rect {
        width: area.width.saturating_sub(axis),
        height: area.height.saturating_sub(time_axis + volume),
        ..area
    };
    let window = Window::new(instrument, scene.model, plot.width).at(plot.x);
    if window.candles.is_empty() || plot.is_empty() {
        let text = "waiting for the first bar";
        ink::put(buffer, area.x + 1, area.y, text, area.width.saturating_sub(1), scene.theme.dim());
        return;
    }
    let levels = levels::of(scene, instrument);
    let prices: Vec<f64> = levels.iter().map(|level| level.price.to_f64()).collect();
    let scale = Scale::new(&window.candles, instrument.last, &prices, plot);
    levels::draw(buffer, plot, scene, &levels, &scale, instrument.price_digits);
    price_axis(buffer, area, scene, instrument, &scale);
    for candle in &window.candles {
        draw_candle(buffer, plot, scene, candle, &scale, window.body);
    }
    marks(buffer, plot, scene, instrument, &window, &scale);
    if volume > 0 {
        let line = Rect { y: plot.bottom(), height: 1, ..plot };
        volumes(buffer, line, area, scene, &window);
    }
    if time_axis > 0 {
        times(buffer, Rect { y: area.bottom() - 1, height: 1, ..plot }, scene, &window);
    }
}

/// The width of the last price, its tag, a blank, and a digit more for prices above it.
fn axis_width(instrument: &InstrumentView) -> u16 {
    let newest = instrument.open_bar.as_ref().or(instrument.bars.last());
    let price = instrument.last.or(newest.map(|bar| bar.high));
    ink::width(&number::price_or_missing(price, instrument.price_digits)) + 3
}

fn draw_candle(
    buffer: &mut Buffer,
    plot: Rect,
    scene: &Scene<'_>,
    candle: &Candle,
    scale: &Scale,
    body_width: u16,
) {
    let [up, down, wick, doji] = scene.theme.candle_chars();
    let rising = candle.close >= candle.open;
    let style = if rising { scene.theme.up() } else { scene.theme.down() };
    let body = if rising { up } else { down };
    let (high, low) = (scale.row(candle.high), scale.row(candle.low));
    let top = scale.row(candle.open.max(candle.close));
    let bottom = scale.row(candle.open.min(candle.close));
    let middle = candle.x + body_width / 2;
    for y in high..=low {
        ink::put_char(buffer, middle, y, wick, style);
    }
    let flat = candle.is_flat();
    for x in (candle.x..candle.x + body_width).filter(|x| *x < plot.right()) {
        for y in top..=bottom {
            ink::put_char(buffer, x, y, if flat { doji } else { body }, style);
        }
    }
}

/// Prices at round steps, and the last price with a tag.
fn price_axis(
    buffer: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    instrument: &InstrumentView,
    scale: &Scale,
) {
    let right = area.right();
    for price in scale.labels() {
        let Some(exact) = crate::domain::Num::from_f64(price) else { continue };
        let text = number::exact(exact.round_dp(instrument.price_digits), instrument.price_digits);
        ink::put_right(buffer, right, scale.row(price), &text, scene.theme.dim());
    }
    if let Some(last) = instrument.last {
        let y = scale.row(last.to_f64());
        let text = format!("◂{}", number::price(last, instrument.price_digits));
        let blank = " ".repeat(axis_width(instrument).into());
        ink::put_right(buffer, right, y, &blank, scene.theme.text());
        let style = match instrument.last_side {
            _ if super::watch::is_stale(scene.view, instrument) => scene.theme.dim(),
            Some(side) => scene.theme.side(side),
            None => scene.theme.text(),
        };
        let bold = ratatui::style::Modifier::BOLD;
        ink::put_right(buffer, right, y, &text, style.add_modifier(bold));
    }
}

/// Marks of all candles, fills nearest to the candle, then signals, then refusals.
fn marks(
    buffer: &mut Buffer,
    plot: Rect,
    scene: &Scene<'_>,
    instrument: &InstrumentView,
    window: &Window,
    scale: &Scale,
) {
    let selected = scene.model.selected_in(Pane::Chart);
    let oldest = window.candles.first().map_or(UnixNanos::MAX, |candle| candle.from);
    let seen: Vec<&Marker> = instrument.markers.iter().filter(|m| m.time >= oldest).collect();
    for candle in &window.candles {
        let covered: Vec<&Marker> =
            seen.iter().copied().filter(|marker| candle.covers(marker.time)).collect();
        if covered.is_empty() {
            continue;
        }
        for side in [Side::Buy, Side::Sell] {
            let mut distance = 1;
            for kind in [MarkerKind::Fill, MarkerKind::Signal, MarkerKind::Blocked] {
                let here = |m: &&&Marker| m.kind == kind && m.side == side;
                let Some(marker) = covered.iter().find(here) else { continue };
                let y = match side {
                    Side::Buy => scale.row(candle.low).saturating_add(distance),
                    Side::Sell => scale.row(candle.high).saturating_sub(distance),
                };
                distance += 1;
                let y = y.clamp(plot.y, plot.bottom() - 1);
                let x = (candle.x + window.body / 2).min(plot.right() - 1);
                let shape = scene.theme.marker_char(kind, side);
                ink::put_char(buffer, x, y, shape, scene.theme.marker(kind, side));
                if selected.is_some_and(|id| Row::Mark(marker).is(id)) {
                    ink::invert(buffer, Rect::new(x, y, 1, 1));
                }
            }
        }
    }
}

fn volumes(buffer: &mut Buffer, line: Rect, area: Rect, scene: &Scene<'_>, window: &Window) {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = window.candles.iter().map(|candle| candle.volume).fold(0.0, f64::max);
    for candle in &window.candles {
        let share = if most > 0.0 { candle.volume / most } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
        let step = (share * 7.0).round() as usize;
        let block = STEPS.get(step).copied().unwrap_or(' ');
        for x in (candle.x..candle.x + window.body).filter(|x| *x < line.right()) {
            ink::put_char(buffer, x, line.y, block, scene.theme.dim());
        }
    }
    ink::put_right(buffer, area.right(), line.y, "volume", scene.theme.dim());
}

/// Times below the candles, as many as fit.
fn times(buffer: &mut Buffer, line: Rect, scene: &Scene<'_>, window: &Window) {
    let mut free_from = line.x;
    for candle in &window.candles {
        let aligned = candle.from.0.is_multiple_of(window.time_step);
        if candle.x >= free_from && aligned && candle.x + 8 <= line.right() {
            let text = scene.clock.second(candle.from);
            ink::put(buffer, candle.x, line.y, &text, 8, scene.theme.dim());
            free_from = candle.x + 11;
        }
    }
}
