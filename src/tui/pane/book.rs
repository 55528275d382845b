//! Pane 2, the order book: asks above, bids below, the spread between them, then the tape of
//! trades.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::draw::Scene;
use super::super::ink;
use super::super::number;
use crate::domain::{Level, Price, Quantity, Side, UnixNanos};
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
    let ladder = Ladder::new(area, scene, instrument, usize::from(levels));
    let asks = instrument.asks.iter().map(Some).chain(std::iter::repeat(None));
    let asks: Vec<Option<&Level>> = asks.take(levels.into()).collect();
    for (y, level) in (area.y..).zip(asks.into_iter().rev()) {
        ladder.row(buffer, y, Side::Sell, level);
    }
    ladder.spread(buffer, area.y + levels);
    for (y, level) in (area.y + levels + 1..=area.y + 2 * levels).zip(&instrument.bids) {
        ladder.row(buffer, y, Side::Buy, Some(level));
    }
    ladder.trades(buffer, area.y + 2 * levels + 1);
}

/// What every line of the pane needs.
struct Ladder<'a> {
    area: Rect,
    scene: &'a Scene<'a>,
    instrument: &'a InstrumentView,
    /// Cells of the widest price.
    price_width: u16,
    /// The largest quantity shown, which fills the whole bar.
    largest: Quantity,
}

impl<'a> Ladder<'a> {
    fn new(
        area: Rect,
        scene: &'a Scene<'a>,
        instrument: &'a InstrumentView,
        levels: usize,
    ) -> Self {
        let shown =
            || instrument.asks.iter().take(levels).chain(instrument.bids.iter().take(levels));
        let highest = shown().map(|level| level.price).max();
        let price_width = ink::width(&number::price_or_missing(highest, instrument.price_digits));
        let largest = shown().map(|level| level.quantity).max().unwrap_or_default();
        Self { area, scene, instrument, price_width, largest }
    }

    fn row(&self, buffer: &mut Buffer, y: u16, side: Side, level: Option<&Level>) {
        let (area, theme) = (self.area, self.scene.theme);
        let (Some(level), true) = (level, y < area.bottom()) else { return };
        let style = if self.instrument.synced { theme.side(side) } else { theme.dim() };
        let price = number::price(level.price, self.instrument.price_digits);
        let amount = number::quantity(level.quantity, self.instrument.quantity_digits);
        let size_end = (area.x + 1 + self.price_width + 12).min(area.right());
        ink::put_right(buffer, area.x + 1 + self.price_width, y, &price, style);
        ink::put_right(buffer, size_end, y, &amount, theme.text());
        if self.is_ours(level) {
            ink::put_char(buffer, area.x, y, '◆', theme.signal());
        }
        let room = area.right().saturating_sub(size_end + 1);
        let share = number::ratio(level.quantity.num(), self.largest.num()).unwrap_or(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to room")]
        let bar = ((share * f64::from(room)).ceil() as u16).min(room);
        for x in size_end + 1..size_end + 1 + bar {
            ink::put_char(buffer, x, y, '█', style);
        }
    }

    /// One of our open orders rests at this price.
    fn is_ours(&self, level: &Level) -> bool {
        self.scene.view.orders.iter().any(|order| {
            !order.state.is_terminal()
                && order.kind.price() == Some(level.price)
                && order.symbol == self.instrument.symbol
        })
    }

    fn heading(&self, buffer: &mut Buffer, y: u16, text: &str) {
        let (area, theme) = (self.area, self.scene.theme);
        for x in area.left()..area.right() {
            ink::put_char(buffer, x, y, '─', theme.dim());
        }
        ink::put(buffer, area.x + 2, y, text, area.width.saturating_sub(2), theme.text());
    }

    fn spread(&self, buffer: &mut Buffer, y: u16) {
        if y >= self.area.bottom() {
            return;
        }
        let best = self.instrument.asks.first().zip(self.instrument.bids.first());
        let text = best.map_or_else(
            || " no spread ".to_owned(),
            |(ask, bid)| {
                let wide = ask.price.num().sub(bid.price.num()).unwrap_or_default();
                let points = number::ratio(wide, bid.price.num()).unwrap_or(0.0) * 10_000.0;
                let digits = self.instrument.price_digits;
                format!(" spread {} ({points:.2}bp) ", number::exact(wide, digits))
            },
        );
        self.heading(buffer, y, &text);
    }

    /// Trades from `y` on, newest first, when there is room for one at least.
    fn trades(&self, buffer: &mut Buffer, y: u16) {
        if y + 1 >= self.area.bottom() {
            return;
        }
        self.heading(buffer, y, " trades ");
        let newest = self.instrument.trades.iter().rev();
        for (y, (time, side, quantity, price)) in (y + 1..self.area.bottom()).zip(newest) {
            self.trade(buffer, y, (*time, *side, *quantity, *price));
        }
    }

    fn trade(&self, buffer: &mut Buffer, y: u16, trade: (UnixNanos, Side, Quantity, Price)) {
        let (area, theme) = (self.area, self.scene.theme);
        let (time, side, quantity, price) = trade;
        let price = number::price(price, self.instrument.price_digits);
        let quantity = number::quantity(quantity, self.instrument.quantity_digits);
        let letter = if side == Side::Buy { 'B' } else { 'S' };
        let quantity_end = area.right().saturating_sub(self.price_width + 1);
        ink::put_right(buffer, area.right(), y, &price, theme.side(side));
        ink::put_right(buffer, quantity_end, y, &quantity, theme.text());
        ink::put_char(buffer, area.x, y, letter, theme.side(side));
        let room = quantity_end.saturating_sub(ink::width(&quantity) + area.x + 2);
        if room >= 9 {
            ink::put(buffer, area.x + 2, y, &self.scene.clock.second(time), 8, theme.dim());
        }
    }
}
