//! The drawing of a whole frame: header, panes, overlay, last line. No IO, no clock: the same model
//! and view give the same frame.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::ink::{self, Span, span};
use super::layout::{Layout, Place, layout};
use super::model::{Chain, Model, Overlay, Pane};
use super::number::Clock;
use super::theme::Theme;
use super::{dialog, header, pane, past, why, why_not};
use crate::engine::view::{EngineView, InstrumentView};

/// What every part of a frame is drawn from.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub model: &'a Model,
    pub view: &'a EngineView,
    pub theme: Theme,
    pub clock: &'a Clock,
}

impl Scene<'_> {
    /// The instrument with this symbol.
    pub fn instrument(&self, symbol: &str) -> Option<&InstrumentView> {
        self.view.instruments.iter().find(|i| i.symbol == symbol).map(AsRef::as_ref)
    }

    /// Decimals of prices and quantities of a symbol.
    pub fn digits(&self, symbol: &str) -> (u32, u32) {
        self.instrument(symbol).map_or((2, 0), |i| (i.price_digits, i.quantity_digits))
    }

    /// A text about money, hidden in private mode.
    pub fn money(&self, text: String) -> String {
        if self.model.private { "•••".to_owned() } else { text }
    }
}

/// Draws a frame of `view`.
pub fn draw(frame: &mut Frame<'_>, model: &Model, view: &EngineView) {
    let area = frame.area();
    paint(frame.buffer_mut(), area, model, view);
}

/// A frame of `view` as a buffer, for pictures.
pub fn render(model: &Model, view: &EngineView, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    paint(&mut buffer, area, model, view);
    buffer
}

/// A decision's chain as text of this many columns, as the screen draws it.
pub fn chain_text(view: &EngineView, chain: &Chain, width: u16) -> String {
    let model = Model::new(Arc::new(EngineView::default()), (width, 1), Theme::default());
    let scene = Scene { model: &model, view, theme: model.theme, clock: &model.clock };
    why::text(&scene, chain, width)
}

fn paint(buffer: &mut Buffer, area: Rect, model: &Model, view: &EngineView) {
    let scene = Scene { model, view, theme: model.theme, clock: &model.clock };
    let layout = layout(model, area);
    header::draw(buffer, layout.header, &scene);
    match &model.overlay {
        Overlay::Why(chain) => why::draw(buffer, layout.body, &scene, chain),
        Overlay::WhyNot(symbol) => why_not::draw(buffer, layout.body, &scene, symbol),
        _ => layout.places.iter().for_each(|place| draw_place(buffer, place, &scene)),
    }
    match &model.overlay {
        Overlay::Help { filter, selected } => {
            dialog::help(buffer, layout.body, &scene, filter, *selected);
        }
        Overlay::Confirm(question, typed) => {
            dialog::confirm(buffer, layout.body, &scene, question, typed);
        }
        Overlay::GoTo { text, proposed } => {
            past::dialog::go_to(buffer, layout.body, &scene, text, *proposed);
        }
        Overlay::Breaks { selected, typed } => {
            past::dialog::breaks(buffer, layout.body, &scene, *selected, typed.as_deref());
        }
        _ => {}
    }
    footer(buffer, &layout, &scene);
}

fn draw_place(buffer: &mut Buffer, place: &Place, scene: &Scene<'_>) {
    let focused = place.shown == scene.model.focus;
    let style =
        if scene.view.is_real_money() { scene.theme.error() } else { scene.theme.border(focused) };
    let inside = ink::boxed(buffer, place.area, focused, style);
    let title = tabs(place, scene);
    let room = place.area.width.saturating_sub(2);
    let end = ink::put_spans(buffer, place.area.x + 1, place.area.y, &title, room);
    let rest = Rect { x: end, width: place.area.right().saturating_sub(end + 1), ..place.area };
    pane::draw_title(buffer, rest, scene, place.shown);
    pane::draw(buffer, inside, scene, place.shown);
}

fn tabs(place: &Place, scene: &Scene<'_>) -> Vec<Span> {
    let name = |pane: Pane| format!("{} {}", pane.index() + 1, pane.title());
    let mut spans = Vec::with_capacity(place.tabs.len() + 1);
    for tab in place.tabs {
        let shown = *tab == place.shown;
        let text = match (shown, place.tabs.len()) {
            (true, 1) => format!("{} ", name(*tab)),
            (true, _) => format!("·{}· ", name(*tab)),
            (false, _) => format!("{} ", name(*tab)),
        };
        let style = if shown { scene.theme.bold() } else { scene.theme.dim() };
        spans.push(span(text, style));
    }
    let filter = scene.model.filter.as_ref().filter(|filter| filter.pane == place.shown);
    if let Some(filter) = filter {
        spans.push(span(format!("/{} ", filter.text), scene.theme.warn()));
    }
    spans
}

/// The last line: what is being typed, else a notice, else the keys.
fn footer(buffer: &mut Buffer, layout: &Layout, scene: &Scene<'_>) {
    let area = layout.footer;
    if area.is_empty() {
        return;
    }
    let typing = scene.model.filter.as_ref().filter(|filter| filter.typing);
    let line = match (typing, &scene.model.notice) {
        (Some(filter), _) => vec![
            span(format!(" /{}", filter.text), scene.theme.bold()),
            span("▏   ⏎ keep   Esc clear", scene.theme.dim()),
        ],
        (None, Some(notice)) => vec![span(format!(" {}", notice.text), scene.theme.warn())],
        (None, None) => hints(scene, area.width),
    };
    ink::put_spans(buffer, area.x, area.y, &line, area.width);
}

fn hints(scene: &Scene<'_>, width: u16) -> Vec<Span> {
    let Model { coach, attached, .. } = *scene.model;
    let pieces = match scene.model.overlay {
        Overlay::None if attached.is_none() && coach.speaks(scene.view) => {
            coach.pieces(scene.theme)
        }
        Overlay::None if scene.view.replay.is_some() => past::dialog::hints(scene),
        Overlay::None => dialog::hints(scene.theme, scene.model.attached),
        Overlay::Why(_) => dialog::plain_hints(
            scene.theme,
            &[
                ("[ ]", "earlier, later"),
                ("↑↓", "move"),
                ("w", "why not"),
                ("t", "its moment"),
                ("y", "copy id"),
                ("Esc", "back"),
            ],
        ),
        Overlay::WhyNot(_) => dialog::plain_hints(scene.theme, &[("↑↓", "move"), ("Esc", "back")]),
        Overlay::Help { .. } => dialog::plain_hints(
            scene.theme,
            &[("type", "to find"), ("↑↓", "pick"), ("⏎", "run it"), ("Esc", "back")],
        ),
        Overlay::Confirm(..) => dialog::plain_hints(
            scene.theme,
            &[("⏎", "do it"), ("Esc", "leave everything as it is")],
        ),
        Overlay::GoTo { .. } => {
            dialog::plain_hints(scene.theme, &[("⏎", "go there"), ("Esc", "stay here")])
        }
        Overlay::Breaks { .. } => dialog::plain_hints(
            scene.theme,
            &[("↑↓", "pick"), ("space", "on or off"), ("⏎", "take it"), ("Esc", "close")],
        ),
    };
    ink::flow(pieces, 1, width).into_iter().next().unwrap_or_default()
}
