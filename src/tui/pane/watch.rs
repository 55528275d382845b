//! Pane 1, the watch list: every instrument with its last price, and for the chosen one the best
//! bid and ask and what is held.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::draw::Scene;
use super::super::ink;
use super::super::model::Pane;
use super::super::number;
use super::super::row::Row;
use super::super::table::{self, Cell, cell};
use crate::domain::{Side, UnixNanos};
use crate::engine::view::{EngineView, InstrumentView};

/// An instrument is stale when nothing came for it for so long.
const STALE_AFTER: u64 = 5 * UnixNanos::SECOND;

/// True when the numbers of an instrument may be old: not connected, not in sync, or silent.
pub(super) fn is_stale(view: &EngineView, instrument: &InstrumentView) -> bool {
    let silent = view.now.since(instrument.last_event) > STALE_AFTER;
    !instrument.live || !instrument.synced || silent
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let columns = [
        table::left("SYMBOL", 9),
        table::right("LAST", 8),
        table::right("CHANGE", 6),
        table::right("VOLUME", 3),
        table::right("GAPS", 2),
    ];
    let rows = u16::try_from(scene.view.instruments.len()).unwrap_or(u16::MAX);
    let list = rows.saturating_add(1).min(area.height);
    let top = Rect { height: list, ..area };
    super::table_of_rows(buffer, top, scene, Pane::Watch, &columns, "no instrument yet", |row| {
        match row {
            Row::Instrument(instrument) => cells(scene, instrument),
            _ => Vec::new(),
        }
    });
    let below = Rect { y: area.y + list, height: area.height - list, ..area };
    detail(buffer, below, scene);
}

fn cells(scene: &Scene<'_>, instrument: &InstrumentView) -> Vec<Cell> {
    let theme = scene.theme;
    let old = is_stale(scene.view, instrument);
    let style = match instrument.last_side {
        _ if old => theme.dim(),
        Some(Side::Buy) => theme.up(),
        Some(Side::Sell) => theme.down(),
        None => theme.text(),
    };
    let last = number::price_or_missing(instrument.last, instrument.price_digits);
    let last = if old { format!("~{last}") } else { last };
    let change = instrument
        .last
        .zip(instrument.first)
        .and_then(|(last, first)| Some((last.num().sub(first.num()).ok()?, first.num())));
    let share = change.and_then(|(moved, first)| number::ratio(moved, first));
    let change_style = change.map_or(theme.text(), |(moved, _)| theme.profit(moved));
    let gaps = if instrument.gaps == 0 { String::new() } else { number::count(instrument.gaps) };
    vec![
        cell(instrument.symbol.clone(), theme.bold()),
        cell(last, style),
        cell(share.map_or_else(|| "-".to_owned(), moved), change_style),
        cell(number::compact(instrument.turnover.to_f64()), theme.text()),
        cell(gaps, theme.error()),
    ]
}

/// A change since the run began: its direction also by shape.
fn moved(share: f64) -> String {
    let text = number::percent(share);
    match text.as_bytes().first() {
        Some(b'+') => format!("▲ {text}"),
        Some(b'-') => format!("▼ {text}"),
        _ => text,
    }
}

/// Best bid, best ask, spread and position of the chosen instrument.
fn detail(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let Some(instrument) = scene.model.instrument(scene.view) else { return };
    let mut lines = Vec::new();
    for (label, level, style) in [
        ("ask", instrument.asks.first(), scene.theme.down()),
        ("bid", instrument.bids.first(), scene.theme.up()),
    ] {
        let price = number::price_or_missing(level.map(|l| l.price), instrument.price_digits);
        let size = level
            .map_or_else(String::new, |l| number::quantity(l.quantity, instrument.quantity_digits));
        let second = (size, scene.theme.text());
        lines.push(Line { label: label.to_owned(), first: (price, style), second });
    }
    let held = scene
        .view
        .positions
        .iter()
        .filter(|p| p.symbol == instrument.symbol && !p.quantity.is_zero());
    for position in held {
        let quantity = number::signed_quantity(position.quantity, instrument.quantity_digits);
        let profit = position.unrealised.unwrap_or_default();
        lines.push(Line {
            label: position.strategy.clone(),
            first: (scene.money(quantity), scene.theme.bold()),
            second: (scene.money(number::profit(profit)), scene.theme.profit(profit)),
        });
    }
    lines.extend(lost_books(scene, instrument));
    let right = area.right().saturating_sub(1);
    let room = |line: &Line| {
        let numbers = ink::width(&line.first.0) + ink::width(&line.second.0);
        (right - area.x).saturating_sub(numbers + 3)
    };
    let lines = lines.into_iter().flat_map(|line| {
        let room = room(&line);
        line.broken(room)
    });
    let start = area.y + u16::from(area.height > 4);
    for (y, line) in (start..area.bottom()).zip(lines) {
        let Line { label, first, second } = line;
        let second_starts = right.saturating_sub(ink::width(&second.0) + 1);
        ink::put(buffer, area.x + 1, y, &label, right - area.x, scene.theme.dim());
        ink::put_right(buffer, second_starts, y, &first.0, first.1);
        ink::put_right(buffer, right, y, &second.0, second.1);
    }
}

/// How often messages of the book were missing, and whether it is in sync again.
fn lost_books(scene: &Scene<'_>, instrument: &InstrumentView) -> Option<Line> {
    let theme = scene.theme;
    let (word, style) =
        if instrument.synced { ("resynced", theme.text()) } else { ("syncing", theme.warn()) };
    let gaps = number::count(instrument.gaps);
    (instrument.gaps > 0).then(|| Line {
        label: "gaps".to_owned(),
        first: (gaps, theme.warn()),
        second: (word.to_owned(), style),
    })
}

/// A label and two numbers below the list.
#[derive(Default)]
struct Line {
    label: String,
    first: (String, Style),
    second: (String, Style),
}

impl Line {
    /// The same in two lines where the label has not the room it needs: neither a name nor a number
    /// is ever cut.
    fn broken(self, room: u16) -> impl Iterator<Item = Self> {
        let fits = ink::width(&self.label) <= room;
        let (label, rest) = if fits {
            (None, self)
        } else {
            let label = Self { label: self.label, ..Self::default() };
            (Some(label), Self { label: String::new(), ..self })
        };
        label.into_iter().chain(std::iter::once(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: whose position it is.
    #[test]
    fn a_name_without_room_takes_a_line_of_its_own() {
        let line = || Line {
            label: "mean_reversion".to_owned(),
            first: ("+0.0746253".to_owned(), Style::new()),
            second: ("-1,234.56".to_owned(), Style::new()),
        };
        let texts = |room| -> Vec<_> {
            line().broken(room).map(|line| (line.label, line.first.0, line.second.0)).collect()
        };
        let text = str::to_owned;
        let (name, quantity, profit) =
            (text("mean_reversion"), text("+0.0746253"), text("-1,234.56"));
        assert_eq!(texts(14), [(name.clone(), quantity.clone(), profit.clone())]);
        let two = [(name, String::new(), String::new()), (String::new(), quantity, profit)];
        assert_eq!(texts(13), two);
    }
}
