//! Events of orders: the wish, the risk checks, and what became of it at the venue.

use super::Told;
use crate::domain::{
    Cause, Fill, InstrumentId, Nanos, OrderEvent, OrderEventKind, OrderId, OrderRequest, Price,
    Quantity, Quote, Side, StrategyId, UnixNanos,
};
use crate::engine::viewer::resolve;
use crate::engine::{Check, Refusal, RiskReport, Signal};
use crate::telemetry::engine_word::{LiquidityWord, OrderWord, RejectWord, SideWord};
use crate::telemetry::line::Line;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::name::EventName;
use crate::telemetry::names::Scope;
use crate::telemetry::word::{Level, Word};

/// Something about an order.
#[derive(Clone, Copy, Debug)]
pub enum OrderTold<'a> {
    /// A decision wants an order.
    Signal(&'a Signal),
    /// All risk checks of a would-be order.
    Risk(&'a RiskReport),
    /// An order goes to the venue.
    Submitted {
        /// What is asked.
        request: &'a OrderRequest,
        /// Which input caused it.
        cause: Cause,
        /// Best bid and ask at that moment.
        arrival: Option<Quote>,
    },
    /// Something happened to an order.
    Happened {
        /// What was asked; `None` when the order is too old to be remembered.
        request: Option<&'a OrderRequest>,
        /// What happened.
        event: &'a OrderEvent,
        /// What that means for the order.
        word: OrderWord,
        /// Time since it was submitted.
        after: Nanos,
        /// Executed so far.
        filled: Quantity,
    },
    /// A fill.
    Fill {
        /// What was asked.
        request: &'a OrderRequest,
        /// The fill.
        fill: &'a Fill,
        /// Best bid and ask when the order was sent.
        arrival: Option<Quote>,
        /// Which input caused it.
        cause: Cause,
    },
}

impl Told for OrderTold<'_> {
    fn name(&self) -> EventName {
        match self {
            Self::Signal(_) => EventName::SignalEmitted,
            Self::Risk(_) => EventName::RiskChecked,
            Self::Submitted { .. } => EventName::OrderSubmitted,
            Self::Fill { .. } => EventName::FillReceived,
            Self::Happened { word, .. } => happened_name(*word),
        }
    }

    fn level(&self) -> Level {
        match self {
            Self::Risk(RiskReport { refusal: Some(_), .. }) => Level::Warn,
            _ => self.name().level(),
        }
    }

    fn id(&self, scope: &Scope) -> String {
        match self {
            Self::Signal(signal) => scope.decision(signal.decision),
            Self::Risk(report) => scope.decision(report.decision),
            Self::Submitted { request, .. } | Self::Fill { request, .. } => scope.order(request.id),
            Self::Happened { event, .. } => scope.order(event.order),
        }
    }

    fn message(&self, scope: &Scope) -> String {
        match self {
            Self::Signal(signal) => format!(
                "{} wants to {} {} {}",
                scope.strategy(signal.decision.strategy),
                SideWord::from(signal.side).as_str(),
                signal.wanted,
                scope.instrument(signal.instrument),
            ),
            Self::Risk(report) => {
                let order = scope.order(report.order);
                match &report.refusal {
                    Some(refusal) => format!("{order} refused: {}", refusal_text(refusal)),
                    None => format!("{order} passed {} risk checks", report.checks.len()),
                }
            }
            Self::Submitted { request, .. } => {
                let deal = scope.deal(request.quantity, request.instrument, request.kind.price());
                let side = SideWord::from(request.side).as_str();
                format!("{} submitted: {side} {deal}", scope.order(request.id))
            }
            Self::Happened { event, word, .. } => {
                let order = scope.order(event.order);
                match event.kind {
                    OrderEventKind::Rejected(reason) => {
                        format!("{order} rejected: {}", RejectWord::from(reason).as_str())
                    }
                    _ => format!("{order} {}", word.as_str().replace('_', " ")),
                }
            }
            Self::Fill { request, fill, .. } => {
                let deal = scope.deal(fill.quantity, request.instrument, Some(fill.price));
                let side = SideWord::from(request.side).as_str();
                format!(
                    "{} fill: {side} {deal}, fee {}",
                    scope.order(fill.order),
                    scope.money(fill.fee)
                )
            }
        }
    }

    fn fields(&self, scope: &Scope, line: &mut Line) {
        if let Some((strategy, instrument)) = self.pair() {
            line.text("venue", &scope.names.venue);
            line.text("instrument", scope.instrument(instrument));
            line.text("strategy", scope.strategy(strategy));
        }
        match self {
            Self::Signal(signal) => signal_fields(signal, scope, line),
            Self::Risk(report) => risk_fields(report, scope, line),
            Self::Submitted { request, cause, arrival } => {
                request_fields(request, scope, line);
                line.unsigned("cause_seq", cause.seq);
                let best = arrival.map(|quote| (quote.bid.price, quote.ask.price));
                line.exact_or_null("arrival_bid", best.map(|(bid, _)| bid));
                line.exact_or_null("arrival_ask", best.map(|(_, ask)| ask));
            }
            Self::Happened { request, event, after, filled, .. } => {
                happened_fields(*request, event, scope, line);
                line.unsigned("after_us", after / 1_000);
                line.exact("filled", filled);
            }
            Self::Fill { request, fill, arrival, cause } => {
                line.text("decision_id", &scope.decision(request.decision));
                line.text("order_id", &scope.order(fill.order));
                line.unsigned("cause_seq", cause.seq);
                line.unsigned("trade_id", fill.trade_id);
                line.text("side", SideWord::from(request.side).as_str());
                line.exact("quantity", fill.quantity);
                line.exact("price", fill.price);
                line.text("liquidity", LiquidityWord::from(fill.liquidity).as_str());
                line.exact("fee", fill.fee.amount);
                line.text("fee_asset", scope.asset(fill.fee.asset));
                line.float("slippage_ratio", slippage(request.side, fill.price, *arrival));
            }
        }
    }

    fn count(&self, metrics: &Metrics, time: UnixNanos) {
        match self {
            Self::Signal(signal) => {
                let side = signal.side.into();
                let (strategy, explained) = (signal.decision.strategy, signal.explained);
                metrics.decisions.signal(strategy, side, explained);
            }
            Self::Risk(report) => {
                report.checks.iter().for_each(|check| metrics.orders.checked(check));
                if let Some(refusal) = &report.refusal {
                    metrics.orders.refused(report.decision.strategy, refusing_check(refusal));
                }
            }
            Self::Submitted { request, .. } => {
                metrics.orders.event(request.id.strategy, OrderWord::Submitted);
            }
            Self::Happened { event, word, after, .. } => {
                metrics.orders.event(event.order.strategy, *word);
                match (word, event.kind) {
                    (OrderWord::Acked, _) => metrics.orders.acked(*after),
                    (OrderWord::Filled, _) => metrics.orders.filled(*after),
                    (_, OrderEventKind::Rejected(reason)) => metrics.orders.rejected(reason.into()),
                    _ => {}
                }
            }
            Self::Fill { request, fill, arrival, .. } => {
                let OrderRequest { id, instrument, side, .. } = **request;
                metrics.money.fill(id.strategy, instrument, side, fill, time);
                let ratio = slippage(side, fill.price, *arrival);
                if !ratio.is_nan() {
                    metrics.money.slippage(id.strategy, ratio);
                }
            }
        }
    }
}

impl OrderTold<'_> {
    fn pair(&self) -> Option<(StrategyId, InstrumentId)> {
        match self {
            Self::Signal(signal) => Some((signal.decision.strategy, signal.instrument)),
            Self::Risk(report) => Some((report.decision.strategy, report.instrument)),
            Self::Submitted { request, .. }
            | Self::Fill { request, .. }
            | Self::Happened { request: Some(request), .. } => {
                Some((request.id.strategy, request.instrument))
            }
            Self::Happened { request: None, .. } => None,
        }
    }
}

/// How much worse a price is than the mid when the order was sent, as a ratio; below zero it is
/// better. NaN when that is not known.
fn slippage(side: Side, price: Price, arrival: Option<Quote>) -> f64 {
    let mid = arrival.map(|quote| quote.bid.price.to_f64().midpoint(quote.ask.price.to_f64()));
    let ratio = mid.map_or(f64::NAN, |mid| price.to_f64() / mid - 1.0);
    if side == Side::Buy { ratio } else { -ratio }
}

fn happened_name(word: OrderWord) -> EventName {
    match word {
        OrderWord::Submitted => EventName::OrderSubmitted,
        OrderWord::Acked => EventName::OrderAcked,
        OrderWord::Denied => EventName::OrderDenied,
        OrderWord::Rejected => EventName::OrderRejected,
        OrderWord::PartiallyFilled => EventName::OrderPartiallyFilled,
        OrderWord::Filled => EventName::OrderFilled,
        OrderWord::CancelRequested => EventName::OrderCancelRequested,
        OrderWord::CancelRejected => EventName::OrderCancelRejected,
        OrderWord::Canceled => EventName::OrderCanceled,
        OrderWord::Expired => EventName::OrderExpired,
        OrderWord::Unknown => EventName::OrderUnknown,
    }
}

fn refusing_check(refusal: &Refusal) -> Option<crate::engine::CheckKind> {
    match refusal {
        Refusal::Check(check) => Some(check.kind),
        Refusal::NothingToTrade => None,
    }
}

/// `order_notional 12.5 against 10 quote`
fn refusal_text(refusal: &Refusal) -> String {
    let Refusal::Check(Check { kind, observed, limit, .. }) = refusal else {
        return "nothing to trade".to_owned();
    };
    let observed = observed.map_or_else(|| "unknown".to_owned(), |number| number.to_string());
    let limit = limit.map_or_else(|| "no limit".to_owned(), |number| number.to_string());
    format!("{} {observed} against {limit} {}", kind.as_str(), kind.unit()).trim_end().to_owned()
}

fn signal_fields(signal: &Signal, scope: &Scope, line: &mut Line) {
    line.text("decision_id", &scope.decision(signal.decision));
    line.text("side", SideWord::from(signal.side).as_str());
    line.exact("wanted", signal.wanted);
    line.exact("quantity", signal.quantity);
    line.flag("reduce_only", signal.reduce_only);
    line.flag("explained", signal.explained);
    line.text("sizing", &resolve::sizing(&signal.sizing));
}

fn risk_fields(report: &RiskReport, scope: &Scope, line: &mut Line) {
    line.text("decision_id", &scope.decision(report.decision));
    line.text("order_id", &scope.order(report.order));
    line.text("side", SideWord::from(report.side).as_str());
    line.exact("quantity", report.quantity);
    line.exact_or_null("price", report.price);
    line.text("result", if report.refusal.is_none() { "approved" } else { "refused" });
    match &report.refusal {
        Some(refusal) => {
            line.text(
                "refused_by",
                refusing_check(refusal).map_or("nothing_to_trade", Word::as_str),
            );
        }
        None => line.null("refused_by"),
    }
    line.list("checks", &report.checks, |line, check| {
        line.text("check", check.kind.as_str());
        line.exact_or_null("observed", check.observed);
        line.exact_or_null("limit", check.limit);
        line.text("unit", check.kind.unit());
        line.flag("ok", check.passed);
    });
}

fn request_fields(request: &OrderRequest, scope: &Scope, line: &mut Line) {
    order_ids(request.id, request, scope, line);
    line.text("side", SideWord::from(request.side).as_str());
    line.exact("quantity", request.quantity);
    let price: Option<Price> = request.kind.price();
    line.text("type", if price.is_some() { "limit" } else { "market" });
    line.exact_or_null("price", price);
    line.flag("reduce_only", request.reduce_only);
}

fn order_ids(id: OrderId, request: &OrderRequest, scope: &Scope, line: &mut Line) {
    line.text("decision_id", &scope.decision(request.decision));
    line.text("order_id", &scope.order(id));
}

fn happened_fields(
    request: Option<&OrderRequest>,
    event: &OrderEvent,
    scope: &Scope,
    line: &mut Line,
) {
    match request {
        Some(request) => order_ids(event.order, request, scope, line),
        None => line.text("order_id", &scope.order(event.order)),
    }
    line.unsigned("cause_seq", event.cause.seq);
    match event.kind {
        OrderEventKind::Accepted { venue_order_id } => {
            line.unsigned("venue_order_id", venue_order_id);
        }
        OrderEventKind::Rejected(reason) => line.text("reason", RejectWord::from(reason).as_str()),
        _ => {}
    }
}
