//! What a decision led to: signal, risk checks, order, fills, position, and how long each took.

use super::super::draw::Scene;
use super::super::ink::{Span, span};
use super::super::number;
use super::super::pane;
use super::{Line, labelled, section};
use crate::domain::{Liquidity, OrderKind, Price, Side, TimeInForce};
use crate::engine::Check;
use crate::engine::view::{DecisionView, FillView, OrderView};
use crate::engine::viewer::resolve;

/// Everything after the rules.
pub(super) fn lines(scene: &Scene<'_>, decision: &DecisionView, width: u16) -> Vec<Line> {
    let mut lines = signal(scene, decision, width);
    lines.extend(risk(scene, decision, width));
    if let Some(order) = &decision.order {
        lines.extend(sent(scene, order, width));
        lines.extend(fills(scene, order, width));
    }
    lines.extend(position(scene, decision, width));
    if let Some(order) = &decision.order {
        lines.push(Vec::new());
        lines.extend(strip(scene, decision, order, width));
    }
    lines
}

fn signal(scene: &Scene<'_>, decision: &DecisionView, width: u16) -> Vec<Line> {
    let theme = scene.theme;
    let (_, digits) = scene.digits(&decision.evaluation.symbol);
    let Some(signal) = decision.signal else {
        let blocker = &decision.evaluation.blocker;
        let mut pieces = vec![vec![span("none  ", theme.dim())]];
        if !blocker.is_empty() {
            pieces.push(vec![span(blocker.clone(), theme.blocked()), span("  ◂", theme.blocked())]);
        }
        if decision.repeated > 1 {
            let text = format!("  {} times in a row", number::count(decision.repeated));
            pieces.push(vec![span(text, theme.dim())]);
        }
        return section(scene, "SIGNAL", pieces, width);
    };
    let text = format!("{} {}  ", signal.side.as_str(), number::quantity(signal.quantity, digits));
    let mut pieces = vec![vec![span(text, theme.side(signal.side))]];
    if signal.wanted != signal.quantity {
        // A share of equity has no last decimal.
        let wanted = number::exact(signal.wanted.num().round_dp(8), digits);
        pieces.push(labelled(scene, "wanted", wanted));
        pieces.push(vec![span("floored to the lot  ", theme.dim())]);
    }
    let sizing = resolve::sizing(&signal.sizing);
    let of_equity = signal.sizing.equity.is_some();
    let sizing = if of_equity { scene.money(sizing) } else { sizing };
    pieces.push(labelled(scene, "size", sizing));
    section(scene, "SIGNAL", pieces, width)
}

/// Every check, whether or not one failed before it.
fn risk(scene: &Scene<'_>, decision: &DecisionView, width: u16) -> Vec<Line> {
    if decision.checks.is_empty() {
        return Vec::new();
    }
    let mut pieces: Vec<Line> = decision.checks.iter().map(|c| check(scene, c)).collect();
    if !decision.refusal.is_empty() {
        pieces.push(vec![span(format!("refused: {}", decision.refusal), scene.theme.error())]);
    }
    section(scene, "RISK", pieces, width)
}

/// A check as `✓ order notional 640.12 ≤ 5,000`.
fn check(scene: &Scene<'_>, check: &Check) -> Line {
    let theme = scene.theme;
    let (mark, style) = if check.passed { ("✓", theme.up()) } else { ("✗", theme.error()) };
    let name = check.kind.as_str().replace('_', " ");
    let sign = if check.kind.is_minimum() { "≥" } else { "≤" };
    let shown = |value| number::of_check(check.kind, value);
    let observed = check.observed.map_or_else(|| "unknown".to_owned(), shown);
    let limit = check.limit.map_or_else(|| "no limit".to_owned(), shown);
    let numbers = match (check.observed, check.limit) {
        (None, None) if check.passed => "not asked for".to_owned(),
        _ => format!("{observed} {sign} {limit}"),
    };
    let blocker = if check.passed { "   " } else { " ◂ " };
    vec![
        span(format!("{mark} "), style),
        span(format!("{name} "), theme.dim()),
        span(numbers, theme.text()),
        span(blocker, theme.blocked()),
    ]
}

fn sent(scene: &Scene<'_>, order: &OrderView, width: u16) -> Vec<Line> {
    let theme = scene.theme;
    let (price_digits, quantity_digits) = scene.digits(&order.symbol);
    let kind = match order.kind {
        OrderKind::Market => "MARKET".to_owned(),
        OrderKind::Limit { price, time_in_force } => {
            format!("LIMIT {} {}", number::price(price, price_digits), force(time_in_force))
        }
        OrderKind::LimitMaker { price } => format!("MAKER {}", number::price(price, price_digits)),
    };
    let quantity = number::quantity(order.quantity, quantity_digits);
    let text = format!("{kind} {} {quantity}  ", order.side.as_str());
    let mut pieces = vec![
        vec![span(format!("{}  ", order.id), theme.text())],
        vec![span(text, theme.side(order.side))],
    ];
    if let Some((bid, ask)) = order.arrival {
        let seen =
            format!("{} / {}", number::price(bid, price_digits), number::price(ask, price_digits));
        pieces.push(labelled(scene, "saw", seen));
    }
    if let Some(id) = order.venue_order_id {
        pieces.push(labelled(scene, "venue id", id.to_string()));
    }
    pieces.push(vec![span(order.state.as_str(), pane::state_style(theme, order.state.as_str()))]);
    if !order.reject.is_empty() {
        pieces.push(vec![span(format!("  venue: {} ◂", order.reject), theme.error())]);
    }
    section(scene, "ORDER", pieces, width)
}

fn force(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Gtc => "GTC",
        TimeInForce::Ioc => "IOC",
        TimeInForce::Fok => "FOK",
    }
}

fn fills(scene: &Scene<'_>, order: &OrderView, width: u16) -> Vec<Line> {
    let fills = order.fills.iter().enumerate();
    fills
        .flat_map(|(index, fill)| {
            let name = if index == 0 { "FILL" } else { "" };
            section(scene, name, fill_pieces(scene, order, fill), width)
        })
        .collect()
}

fn fill_pieces(scene: &Scene<'_>, order: &OrderView, fill: &FillView) -> Vec<Line> {
    let theme = scene.theme;
    let (price_digits, quantity_digits) = scene.digits(&order.symbol);
    let liquidity = match fill.liquidity {
        Liquidity::Maker => "maker",
        Liquidity::Taker => "taker",
    };
    let text = format!(
        "{} @ {}  ",
        number::quantity(fill.quantity, quantity_digits),
        number::price(fill.price, price_digits)
    );
    let mut pieces = vec![
        vec![span(text, theme.side(order.side))],
        vec![span(format!("{liquidity}  "), theme.text())],
        labelled(scene, "fee", format!("{} {}", number::plain(fill.fee), fill.fee_asset)),
    ];
    if let Some(piece) = slippage(scene, order, fill.price, price_digits) {
        pieces.push(piece);
    }
    pieces.push(labelled(scene, "trade", fill.trade_id.to_string()));
    pieces.push(labelled(scene, "after", number::span(fill.time.since(order.created))));
    pieces
}

/// How much worse than the price the order saw: positive costs money.
fn slippage(scene: &Scene<'_>, order: &OrderView, price: Price, digits: u32) -> Option<Line> {
    let (bid, ask) = order.arrival?;
    let (seen, name, worse) = match order.side {
        Side::Buy => (ask, "ask", price.num().sub(ask.num()).ok()?),
        Side::Sell => (bid, "bid", bid.num().sub(price.num()).ok()?),
    };
    let points = number::ratio(worse, seen.num())? * 10_000.0;
    let sign = if worse.is_positive() { "+" } else { "" };
    let text = format!(
        "{sign}{} ({points:+.1}bp) vs {name} {}",
        number::exact(worse, digits),
        number::price(seen, digits)
    );
    Some(labelled(scene, "slippage", text))
}

fn position(scene: &Scene<'_>, decision: &DecisionView, width: u16) -> Vec<Line> {
    let Some((before, after)) = decision.position else { return Vec::new() };
    let theme = scene.theme;
    let (price_digits, quantity_digits) = scene.digits(&decision.evaluation.symbol);
    let before = number::signed_quantity(before, quantity_digits);
    let after = number::signed_quantity(after, quantity_digits);
    let mut pieces = vec![vec![span(format!("{before} → {after}  "), theme.bold())]];
    if let Some(entry) = decision.average_entry {
        pieces.push(labelled(
            scene,
            "average entry",
            number::average_or_missing(Some(entry), price_digits),
        ));
    }
    if let Some(realised) = decision.realised {
        let text = format!("{}  ", scene.money(number::profit(realised)));
        pieces.push(vec![span("realised ", theme.dim()), span(text, theme.profit(realised))]);
    }
    section(scene, "POSITION", pieces, width)
}

/// How long each step took: `├ decide and check 31.0µs ┤ venue 8.1ms ┤ fill 3.7ms ┤`.
fn strip(scene: &Scene<'_>, decision: &DecisionView, order: &OrderView, width: u16) -> Vec<Line> {
    let theme = scene.theme;
    let start = decision.evaluation.time;
    let mut steps: Vec<(&str, u64)> = Vec::new();
    steps.extend(decision.decided_after.map(|nanos| ("readable to decision", nanos)));
    steps.push(("received to sent", order.created.since(start)));
    if let Some(acknowledged) = order.acknowledged {
        steps.push(("to acknowledged", acknowledged.since(order.created)));
    }
    let from = order.acknowledged.unwrap_or(order.created);
    if let Some(fill) = order.fills.first() {
        steps.push(("to first fill", fill.time.since(from)));
    }
    if let [first, .., last] = order.fills.as_slice() {
        steps.push(("to last fill", last.time.since(first.time)));
    }
    let mut pieces: Vec<Vec<Span>> = vec![vec![span("├", theme.dim())]];
    for (name, nanos) in steps {
        pieces.push(vec![
            span(format!(" {name} "), theme.dim()),
            span(number::span(nanos), theme.bold()),
            span(" ┤", theme.dim()),
        ]);
    }
    let end = order.fills.last().map_or(order.updated, |fill| fill.time);
    let whole = format!("  {} in all", number::span(end.since(start)));
    pieces.push(vec![span(whole, theme.text())]);
    section(scene, "TIME", pieces, width)
}
