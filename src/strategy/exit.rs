//! An exit: a distance from the entry, or a span of time, at which the engine closes what a
//! strategy holds, whatever the strategy thinks of it by then.
//!
//! ```text
//! long, entry 100        stop 1%          closes at or below 99
//!                        take_profit 3%   closes at or above 103
//!                        trailing_stop 2% closes 2% below the highest trade since the entry
//!                        max_holding 4h   closes four hours after the position was opened
//! ```
//! For a short position everything is mirrored. Prices are those of trades, as a venue's own stop
//! orders use them. [`Entry`] is how a strategy gives sizes and exits to one order.

use serde::{Deserialize, Serialize};

use super::decision::{Intent, Size};
use crate::domain::{Nanos, Num, OrderKind, Price, Quantity, Side};

/// How far an exit is from the price it is measured from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// This ratio of that price.
    Ratio(Num),
    /// This much quote asset per unit of base.
    Price(Num),
    /// This multiple of the average true range when the order was wished for.
    Atr(Num),
}

impl Distance {
    /// With the average true range put in; `None` while it is missing, and for a distance that is
    /// not above zero.
    pub fn resolve(self, atr: Option<Num>) -> Option<Self> {
        let resolved = match self {
            Self::Atr(multiple) => Self::Price(multiple.mul(atr?).ok()?),
            known => known,
        };
        resolved.num().is_positive().then_some(resolved)
    }

    /// In quote asset per unit of base, measured from `price`; `None` for an average true range
    /// that was not resolved.
    pub fn from(self, price: Price) -> Option<Num> {
        match self {
            Self::Ratio(ratio) => price.num().mul(ratio).ok(),
            Self::Price(distance) => Some(distance),
            Self::Atr(_) => None,
        }
    }

    /// The number in it.
    pub fn num(self) -> Num {
        match self {
            Self::Ratio(number) | Self::Price(number) | Self::Atr(number) => number,
        }
    }
}

/// The exits of a position. All are optional; whichever is reached first closes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Exits {
    /// Protective stop: this far on the losing side of the average entry price.
    pub stop: Option<Distance>,
    /// This far on the winning side of the average entry price.
    pub take_profit: Option<Distance>,
    /// This far behind the best trade since the entry; it only ever moves nearer.
    pub trailing_stop: Option<Distance>,
    /// This long after the position was opened, in nanoseconds.
    pub max_holding: Option<Nanos>,
}

impl Exits {
    /// These, and those of `others` of a kind that is not given here.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            stop: self.stop.or(others.stop),
            take_profit: self.take_profit.or(others.take_profit),
            trailing_stop: self.trailing_stop.or(others.trailing_stop),
            max_holding: self.max_holding.or(others.max_holding),
        }
    }

    /// With the average true range put in; `None` when one of them cannot be measured.
    pub fn resolve(self, atr: Option<Num>) -> Option<Self> {
        let each = |distance: Option<Distance>| match distance {
            None => Some(None),
            Some(distance) => distance.resolve(atr).map(Some),
        };
        (self.max_holding != Some(0)).then_some(())?;
        Some(Self {
            stop: each(self.stop)?,
            take_profit: each(self.take_profit)?,
            trailing_stop: each(self.trailing_stop)?,
            ..self
        })
    }

    /// How far the nearer of stop and trailing stop is from an entry at `price`, in quote asset per
    /// unit of base; `None` without either.
    pub fn risk(&self, price: Price) -> Option<Num> {
        let stops = [self.stop, self.trailing_stop].into_iter().flatten();
        stops.filter_map(|distance| distance.from(price)).min()
    }

    /// True when nothing is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Which exit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitKind {
    /// The protective stop.
    Stop,
    /// The trailing stop.
    TrailingStop,
    /// The profit target.
    TakeProfit,
    /// The maximum holding time.
    MaxHolding,
}

impl ExitKind {
    /// Every kind. Of several that are reached at once, the first names the exit.
    pub const ALL: [Self; 4] = [Self::Stop, Self::TrailingStop, Self::TakeProfit, Self::MaxHolding];

    /// The label of its rule, as that of a `decide` call.
    pub fn label(self) -> &'static str {
        match self {
            Self::Stop => "exit_stop",
            Self::TrailingStop => "exit_trailing_stop",
            Self::TakeProfit => "exit_take_profit",
            Self::MaxHolding => "exit_max_holding",
        }
    }

    /// Its name in configuration, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::TrailingStop => "trailing_stop",
            Self::TakeProfit => "take_profit",
            Self::MaxHolding => "max_holding",
        }
    }
}

impl Size {
    /// This much base asset.
    pub fn base(quantity: f64) -> Self {
        Self::Quantity(Quantity::new(exact(quantity)).unwrap_or_default())
    }

    /// As much as this much quote asset buys at the reference price.
    pub fn quote(value: f64) -> Self {
        Self::Quote(exact(value))
    }

    /// As much as this share of the account's equity buys at the reference price, in percent.
    pub fn equity_percent(percent: f64) -> Self {
        Self::Equity(ratio(percent))
    }

    /// As much as loses this share of the account's equity between the reference price and the
    /// order's stop, in percent. An order without a stop is refused.
    pub fn risk_percent(percent: f64) -> Self {
        Self::Risk(ratio(percent))
    }
}

/// An order that is being wished for: `ctx.buy().stop_atr(1.5).take_profit_percent(3.0)`. It is
/// wished for at the end of the statement.
///
/// ```
/// # use tickscope::strategy::{Context, Size};
/// # fn wish(ctx: &mut Context<'_>) {
/// ctx.buy().size(Size::risk_percent(0.5)).stop_atr(1.5).take_profit_percent(3.0);
/// # }
/// ```
///
/// What is not said is as the configuration says. A number that is none, or not above zero, makes
/// risk refuse the order: nothing is held without the stop that was meant.
#[derive(Debug)]
pub struct Entry<'a> {
    intents: &'a mut Vec<Intent>,
    side: Side,
    size: Size,
    exits: Exits,
}

#[expect(clippy::return_self_not_must_use, reason = "it is wished for when it is dropped")]
impl<'a> Entry<'a> {
    /// A market order of the configured size.
    pub(super) fn new(intents: &'a mut Vec<Intent>, side: Side) -> Self {
        Self { intents, side, size: Size::Configured, exits: Exits::default() }
    }

    /// This size.
    pub fn size(mut self, size: Size) -> Self {
        self.size = size;
        self
    }

    /// A protective stop this far from the average entry price, in percent of it.
    pub fn stop_percent(self, percent: f64) -> Self {
        self.stop(Distance::Ratio(ratio(percent)))
    }

    /// A protective stop this many average true ranges from the average entry price.
    pub fn stop_atr(self, multiple: f64) -> Self {
        self.stop(Distance::Atr(exact(multiple)))
    }

    /// A protective stop.
    pub fn stop(mut self, distance: Distance) -> Self {
        self.exits.stop = Some(distance);
        self
    }

    /// A profit target this far from the average entry price, in percent of it.
    pub fn take_profit_percent(self, percent: f64) -> Self {
        self.take_profit(Distance::Ratio(ratio(percent)))
    }

    /// A profit target this many average true ranges from the average entry price.
    pub fn take_profit_atr(self, multiple: f64) -> Self {
        self.take_profit(Distance::Atr(exact(multiple)))
    }

    /// A profit target.
    pub fn take_profit(mut self, distance: Distance) -> Self {
        self.exits.take_profit = Some(distance);
        self
    }

    /// A stop that follows the best trade since the entry this far behind, in percent of it.
    pub fn trailing_stop_percent(self, percent: f64) -> Self {
        self.trailing_stop(Distance::Ratio(ratio(percent)))
    }

    /// A stop that follows the best trade since the entry this many average true ranges behind.
    pub fn trailing_stop_atr(self, multiple: f64) -> Self {
        self.trailing_stop(Distance::Atr(exact(multiple)))
    }

    /// A stop that follows the best trade since the entry.
    pub fn trailing_stop(mut self, distance: Distance) -> Self {
        self.exits.trailing_stop = Some(distance);
        self
    }

    /// Closes what is held this long after the position was opened, in nanoseconds.
    pub fn max_holding(mut self, span: Nanos) -> Self {
        self.exits.max_holding = Some(span);
        self
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let Self { side, size, exits, .. } = *self;
        let kind = OrderKind::Market;
        self.intents.push(Intent::Order { side, kind, size, reduce_only: false, exits });
    }
}

/// The exact number nearest to a float; zero, which is refused, for what is no number.
fn exact(value: f64) -> Num {
    Num::from_f64(value).unwrap_or_default()
}

/// A percentage as a ratio.
fn ratio(percent: f64) -> Num {
    Num::new(1, 2).and_then(|hundredth| exact(percent).mul(hundredth)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn num(text: &str) -> Num {
        text.parse().unwrap()
    }

    /// A stop that silently vanishes is a position nobody protects.
    #[test]
    fn what_cannot_be_measured_resolves_to_nothing() {
        let stop = |distance| Exits { stop: Some(distance), ..Exits::default() };
        assert_eq!(stop(Distance::Atr(num("1.5"))).resolve(None), None);
        assert_eq!(stop(Distance::Ratio(ratio(f64::NAN))).resolve(None), None);
        assert_eq!(stop(Distance::Price(num("-1"))).resolve(None), None);
        let resolved = stop(Distance::Atr(num("1.5"))).resolve(Some(num("10"))).unwrap();
        assert_eq!(resolved.stop, Some(Distance::Price(num("15"))));
        assert_eq!(resolved.risk(Price::new(num("100"))), Some(num("15")));
        assert_eq!(Exits { max_holding: Some(0), ..Exits::default() }.resolve(None), None);
    }

    /// An exit given in code replaces the configured one of its kind and leaves the others.
    #[test]
    fn an_order_says_only_what_differs_from_the_configuration() {
        let mut intents = Vec::new();
        Entry::new(&mut intents, Side::Buy).size(Size::risk_percent(0.5)).stop_percent(1.5);
        Entry::new(&mut intents, Side::Sell);
        let [Intent::Order { size, exits, .. }, Intent::Order { size: plain, .. }] = &intents[..]
        else {
            panic!("two orders")
        };
        assert_eq!((*size, *plain), (Size::Risk(num("0.005")), Size::Configured));
        let configured = Exits {
            stop: Some(Distance::Ratio(num("0.5"))),
            max_holding: Some(7),
            ..Exits::default()
        };
        let both = exits.or(configured);
        assert_eq!(both.stop, Some(Distance::Ratio(num("0.015"))));
        assert_eq!(both.max_holding, Some(7));
    }
}
