//! Where what is held would be closed: a dashed line with its name and price for each stop and
//! target. A level far outside of the chart stands at the edge with an arrow.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::super::draw::Scene;
use super::super::super::ink;
use super::super::super::number;
use super::scale::Scale;
use crate::domain::Price;
use crate::engine::Levels;
use crate::engine::view::{InstrumentView, PositionView};
use crate::strategy::ExitKind;

/// A level of a position.
pub(super) struct Level {
    name: String,
    pub price: Price,
}

/// The levels of everything that is held of an instrument.
pub(super) fn of(scene: &Scene<'_>, instrument: &InstrumentView) -> Vec<Level> {
    let guarded: Vec<&PositionView> = scene
        .view
        .positions
        .iter()
        .filter(|held| held.symbol == instrument.symbol && held.exits != Levels::default())
        .collect();
    // With one position there is no doubt whose level it is.
    let whose = |held: &PositionView| match guarded.as_slice() {
        [_] => String::new(),
        _ => format!("{} ", held.strategy),
    };
    let levels = guarded.iter().flat_map(|held| {
        ExitKind::ALL.into_iter().filter_map(|kind| {
            let name = format!("{}{}", whose(held), word(kind));
            Some(Level { name, price: held.exits.price(kind)? })
        })
    });
    levels.collect()
}

fn word(kind: ExitKind) -> &'static str {
    match kind {
        ExitKind::Stop => "stop",
        ExitKind::TrailingStop => "trail",
        ExitKind::TakeProfit => "target",
        ExitKind::MaxHolding => "",
    }
}

/// Draws the lines; the candles come on top.
pub(super) fn draw(
    buffer: &mut Buffer,
    plot: Rect,
    scene: &Scene<'_>,
    levels: &[Level],
    scale: &Scale,
    digits: u32,
) {
    let mut rows: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    let [dash, above, below] = scene.theme.level_chars();
    for level in levels {
        let price = level.price.to_f64();
        let arrow = match scale.is_above(price) {
            Some(true) => format!("{above} "),
            Some(false) => format!("{below} "),
            None => String::new(),
        };
        let text = format!("{arrow}{} {}", level.name, number::price(level.price, digits));
        rows.entry(scale.row(price)).or_default().push(text);
    }
    for (y, texts) in rows {
        let text = format!("{} ", texts.join(", "));
        let x = ink::put(buffer, plot.x, y, &text, plot.width, scene.theme.text());
        for x in x..plot.right() {
            ink::put_char(buffer, x, y, dash, scene.theme.dim());
        }
    }
}
