//! The layout: which pane is where at which size.
//!
//! ```text
//! below 60x16    small           medium (110x30)      wide (170x40)
//! ┌──────────┐  ┌──┬───────┐    ┌──┬────────────┐    ┌──┬─────────────┬─────┐
//! │ the      │  │12│   3   │    │1 │            │    │1 │             │  8  │
//! │ focused  │  │  │       │    ├──┤     3      │    ├──┤      3      ├─────┤
//! │ pane     │  ├──┴───────┤    │2 │            │    │2 │             │  9  │
//! │          │  │ 4 … 9    │    ├──┴──┬─────────┤    ├──┴──┬────┬─────┴─────┤
//! └──────────┘  └──────────┘    │ 4 5 │  7 8 9  │    │  4  │ 5  │     7     │
//!                               ├─────┴─────────┤    ├─────┴────┤           │
//!                               │       6       │    │     6    │           │
//!                               └───────────────┘    └──────────┴───────────┘
//! ```
//! Panes that share a place are tabs; the one that last had the focus is shown.

use ratatui::layout::Rect;

use super::model::{Model, Pane};
use Pane::{Book, Chart, Decisions, Health, Log, Orders, Positions, Strategy, Watch};

/// A place and the panes that share it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub area: Rect,
    pub tabs: &'static [Pane],
    pub shown: Pane,
}

/// Where everything is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    pub header: Rect,
    pub footer: Rect,
    /// Everything between header and footer.
    pub body: Rect,
    pub places: Vec<Place>,
}

const SINGLE: &[&[Pane]] = &[
    &[Watch],
    &[Book],
    &[Chart],
    &[Positions],
    &[Orders],
    &[Decisions],
    &[Log],
    &[Strategy],
    &[Health],
];

/// The layout of a screen of this size.
pub(super) fn layout(model: &Model, area: Rect) -> Layout {
    let header_height = match (area.width, area.height) {
        (_, ..20) => area.height.min(1),
        (110.., 30..) if model.replay().is_some() => 3,
        _ => 2,
    };
    let footer_height = u16::from(area.height >= 4);
    let (header, rest) = split_top(area, header_height);
    let (body, footer) = split_top(rest, rest.height.saturating_sub(footer_height));
    let places = match (body.width, area.height) {
        _ if model.zoomed => single(model, body),
        (..60, _) | (_, ..16) => single(model, body),
        (170.., 40..) => wide(model, body),
        (110.., 30..) => medium(model, body),
        _ => small(model, body),
    };
    Layout { header, footer, body, places }
}

fn single(model: &Model, body: Rect) -> Vec<Place> {
    let tabs = SINGLE.get(model.focus.index()).copied().unwrap_or(&[]);
    vec![Place { area: body, tabs, shown: model.focus }]
}

fn small(model: &Model, body: Rect) -> Vec<Place> {
    let (top, bottom) = split_top(body, share(body.height, 57));
    let (left, right) = split_left(top, 30.max(share(body.width, 24)));
    vec![
        place(model, left, &[Watch, Book]),
        place(model, right, &[Chart]),
        place(model, bottom, &[Positions, Orders, Decisions, Log, Strategy, Health]),
    ]
}

fn medium(model: &Model, body: Rect) -> Vec<Place> {
    let (top, rest) = split_top(body, share(body.height, 60));
    let (middle, bottom) = split_top(rest, share(rest.height, 46));
    let (left, right) = split_left(top, 34);
    let (watch, book) = split_top(left, watch_height(model, left));
    let (trading, other) = split_left(middle, share(middle.width, 50));
    vec![
        place(model, watch, &[Watch]),
        place(model, book, &[Book]),
        place(model, right, &[Chart]),
        place(model, trading, &[Positions, Orders]),
        place(model, other, &[Log, Strategy, Health]),
        place(model, bottom, &[Decisions]),
    ]
}

fn wide(model: &Model, body: Rect) -> Vec<Place> {
    let (top, bottom) = split_top(body, share(body.height, 60));
    let (left, rest) = split_left(top, 40);
    let (middle, right) = split_left(rest, rest.width.saturating_sub(54));
    let (watch, book) = split_top(left, watch_height(model, left));
    let (strategy, health) = split_top(right, share(right.height, 62));
    let (trading, log) = split_left(bottom, share(bottom.width, 66));
    let (tables, decisions) = split_top(trading, share(trading.height, 45));
    let (positions, orders) = split_left(tables, share(tables.width, 48));
    vec![
        place(model, watch, &[Watch]),
        place(model, book, &[Book]),
        place(model, middle, &[Chart]),
        place(model, strategy, &[Strategy]),
        place(model, health, &[Health]),
        place(model, positions, &[Positions]),
        place(model, orders, &[Orders]),
        place(model, decisions, &[Decisions]),
        place(model, log, &[Log]),
    ]
}

/// As high as the watch list needs, at most two fifths.
fn watch_height(model: &Model, left: Rect) -> u16 {
    let instruments = u16::try_from(model.view().instruments.len()).unwrap_or(u16::MAX);
    instruments.saturating_add(7).min(share(left.height, 45))
}

fn place(model: &Model, area: Rect, tabs: &'static [Pane]) -> Place {
    let newest = model.recent.iter().find(|pane| tabs.contains(pane));
    let shown = newest.or(tabs.first()).copied().unwrap_or(model.focus);
    Place { area, tabs, shown }
}

fn share(whole: u16, percent: u32) -> u16 {
    u16::try_from(u32::from(whole) * percent / 100).unwrap_or(whole)
}

fn split_top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let top = Rect { height, ..area };
    (top, Rect { y: area.y + height, height: area.height - height, ..area })
}

fn split_left(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    let left = Rect { width, ..area };
    (left, Rect { x: area.x + width, width: area.width - width, ..area })
}
