//! Pane 2, the order book: asks above, bids below, the spread between them, then the tape of
//! trades.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::draw::Scene;
use super::super::ink;
use super::super::number;
use crate::domain::{Level, Quantity, Side};
use crate::engine::view::InstrumentView;

/// Symbol, and whether the book can be trusted.
pub(super) fn title(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let Some(instrument) = scene.model.instrument(scene.view) else { return };
    let x = ink::put(
        buffer,
        area.x,
        area.y,
        &format!("{} ", instrument.symbol),
        area.width,
        scene.theme.bold(),
    );
    if !instrument.synced {
        let room = area.right().saturating_sub(x);
        ink::put(buffer, x, area.y, "NOT IN SYNC ", room, scene.theme.alert());
    }
}

pub(super) fn draw(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>) {
    let Some(instrument) = scene.model.instrument(scene.view) else { return };
    let levels = (area.height * 2 / 5).clamp(1, 20);
    let largest = largest(instrument, usize::from(levels));
    let mut y = area.y;
    for index in (0..usize::from(levels)).rev() {
        row(buffer, area, y, scene, instrument, Side::Sell, instrument.asks.get(index), largest);
        y += 1;
    }
    spread(buffer, area, y, scene, instrument);
    y += 1;
    for index in 0..usize::from(levels) {
        row(buffer, area, y, scene, instrument, Side::Buy, instrument.bids.get(index), largest);
        y += 1;
    }
    let rest = Rect { y, height: area.bottom().saturating_sub(y), ..area };
    trades(buffer, rest, scene, instrument);
}

fn largest(instrument: &InstrumentView, levels: usize) -> Quantity {
    let shown = instrument.asks.iter().take(levels).chain(instrument.bids.iter().take(levels));
    shown.map(|level| level.quantity).max().unwrap_or_default()
}

#[expect(clippy::too_many_arguments, reason = "a level with everything that places and colours it")]
fn row(
    buffer: &mut Buffer,
    area: Rect,
    y: u16,
    scene: &Scene<'_>,
    instrument: &InstrumentView,
    side: Side,
    level: Option<&Level>,
    largest: Quantity,
) {
    let (Some(level), true) = (level, y < area.bottom()) else { return };
    let style = if instrument.synced { scene.theme.side(side) } else { scene.theme.dim() };
    let price = number::price(level.price, instrument.price_digits);
    let amount = number::quantity(level.quantity, instrument.quantity_digits);
    let own = scene.view.orders.iter().any(|order| {
        order.symbol == instrument.symbol
            && !order.state.is_terminal()
            && order.kind.price() == Some(level.price)
    });
    let size_end = (area.x + 1 + price_width(instrument) + 12).min(area.right());
    ink::put_right(buffer, area.x + 1 + price_width(instrument), y, &price, style);
    ink::put_right(buffer, size_end, y, &amount, scene.theme.text());
    if own {
        ink::put_char(buffer, area.x, y, '◆', scene.theme.signal());
    }
    let room = area.right().saturating_sub(size_end + 1);
    let share = number::ratio(level.quantity.num(), largest.num()).unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to the room")]
    let bar = (share * f64::from(room)).ceil() as u16;
    ink::put(buffer, size_end + 1, y, &"█".repeat(bar.into()), bar.min(room), style);
}

fn price_width(instrument: &InstrumentView) -> u16 {
    let widest = instrument.asks.iter().chain(&instrument.bids).map(|level| level.price).max();
    ink::width(&number::price_or_missing(widest, instrument.price_digits))
}

fn spread(buffer: &mut Buffer, area: Rect, y: u16, scene: &Scene<'_>, instrument: &InstrumentView) {
    if y >= area.bottom() {
        return;
    }
    let best = instrument.asks.first().zip(instrument.bids.first());
    let text = best.map_or_else(
        || " no spread ".to_owned(),
        |(ask, bid)| {
            let wide = ask.price.num().sub(bid.price.num()).unwrap_or_default();
            let points = number::ratio(wide, bid.price.num()).unwrap_or(0.0) * 10_000.0;
            format!(" spread {} ({points:.2}bp) ", number::exact(wide, instrument.price_digits))
        },
    );
    ink::put(buffer, area.x, y, &"─".repeat(area.width.into()), area.width, scene.theme.dim());
    ink::put(buffer, area.x + 2, y, &text, area.width.saturating_sub(2), scene.theme.text());
}

fn trades(buffer: &mut Buffer, area: Rect, scene: &Scene<'_>, instrument: &InstrumentView) {
    if area.height < 2 {
        return;
    }
    ink::put(buffer, area.x, area.y, &"─".repeat(area.width.into()), area.width, scene.theme.dim());
    ink::put(
        buffer,
        area.x + 2,
        area.y,
        " trades ",
        area.width.saturating_sub(2),
        scene.theme.text(),
    );
    let newest = instrument.trades.iter().rev();
    for (y, (time, side, quantity, price)) in (area.y + 1..area.bottom()).zip(newest) {
        let style = scene.theme.side(*side);
        let right = area.right();
        let price = number::price(*price, instrument.price_digits);
        let quantity = number::quantity(*quantity, instrument.quantity_digits);
        let (letter, time) = match side {
            Side::Buy => ("B", scene.clock.second(*time)),
            Side::Sell => ("S", scene.clock.second(*time)),
        };
        ink::put_right(buffer, right, y, &price, style);
        ink::put_right(
            buffer,
            right.saturating_sub(price_width(instrument) + 1),
            y,
            &quantity,
            scene.theme.text(),
        );
        let used = price_width(instrument) + ink::width(&quantity) + 2;
        let room = area.width.saturating_sub(used);
        let x = ink::put(buffer, area.x, y, letter, room, style);
        if room >= 11 {
            ink::put(buffer, x + 1, y, &time, room.saturating_sub(2), scene.theme.dim());
        }
    }
}
