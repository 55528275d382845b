//! A strategy: it maps an event to one decision.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use tickscope::domain::Side;
//! use tickscope::strategy::{
//!     Context, Feed, ParamSpec, Params, Strategy, StrategyError, all, Bar, indicator::Ema,
//! };
//!
//! /// Buys when the close is above its average.
//! #[derive(Serialize, Deserialize)]
//! struct AboveAverage { average: Ema, length: f64 }
//!
//! impl Strategy for AboveAverage {
//!     const KIND: &'static str = "above_average";
//!     const PARAMS: &'static [ParamSpec] =
//!         &[ParamSpec { name: "length", default: 20.0, min: 1.0, max: 1000.0, about: "bars" }];
//!
//!     fn new(params: &Params) -> Result<Self, StrategyError> {
//!         let length = params.get("length");
//!         Ok(Self { average: Ema::new(params.length("length")?), length })
//!     }
//!
//!     fn on_bar(&mut self, ctx: &mut Context<'_>, bar: &Bar) {
//!         let close = ctx.value("close", bar.close.to_f64());
//!         let average = ctx.value("average", self.average.push(bar.close.to_f64()));
//!         let position = ctx.position();
//!         if ctx.decide("enter_long", all([close.gt(average), position.is_flat()])) {
//!             ctx.buy();
//!         }
//!         if ctx.decide("exit_long", all([close.lt(average), position.is_long()])) {
//!             ctx.close(Side::Sell);
//!         }
//!     }
//! }
//! ```
//!
//! Floor 1: imports only `domain`. A strategy has no clock, no randomness and no IO: everything it
//! may know comes with the event or through [`Context`].

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub mod bar;
pub mod breakout;
pub mod decision;
pub mod ema_cross;
pub mod indicator;
pub mod mean_reversion;
pub mod prices;
pub mod rule;
#[cfg(test)]
mod tests;

pub use bar::{Bar, BarBuilder};
pub use decision::{
    Decision, Draft, DraftState, Form, Intent, LogLevel, LogLine, NamedOperand, NamedValue,
    RuleTree, Site, Size, ValueKind, ValueName,
};
pub use prices::Prices;
pub use rule::{
    FlatRules, Node, Op, Operand, OperandRef, Rule, Truth, Value, all, any, compare, cross_down,
    cross_up, not,
};

use crate::domain::{
    Fill, Instrument, Nanos, OrderEvent, OrderKind, Price, Quote, Side, Signed, Trade, UnixNanos,
};

/// Which events make a strategy evaluate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    /// Every trade.
    Trades,
    /// Every change of the best bid or ask.
    Quotes,
    /// Every closed bar of this length, in venue time.
    Bars(Nanos),
}

/// A parameter that a strategy takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ParamSpec {
    /// Its key in the configuration.
    pub name: &'static str,
    /// Its value when the configuration does not give one.
    pub default: f64,
    /// Smallest allowed value.
    pub min: f64,
    /// Largest allowed value.
    pub max: f64,
    /// What it is, with its unit.
    pub about: &'static str,
}

/// Why a strategy cannot be built or restored.
#[derive(Clone, PartialEq, Debug, Error)]
pub enum StrategyError {
    /// A parameter is wrong.
    #[error("{name} = {value}: {problem}")]
    Param {
        /// Its key.
        name: String,
        /// What was given.
        value: f64,
        /// What is wrong with it.
        problem: String,
    },
    /// The registry holds no strategy of this kind.
    #[error("no strategy of kind {0:?} is registered")]
    UnknownKind(String),
    /// A saved state does not fit this strategy.
    #[error("the saved state does not fit this strategy: {0}")]
    State(String),
}

/// The parameters of a configured strategy, complete and within their bounds.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Params(BTreeMap<String, f64>);

impl Params {
    /// Given values over the defaults of `specs`; unknown names and values out of bounds are
    /// errors.
    pub fn new(specs: &[ParamSpec], given: &BTreeMap<String, f64>) -> Result<Self, StrategyError> {
        let mut all: BTreeMap<String, f64> =
            specs.iter().map(|spec| (spec.name.to_owned(), spec.default)).collect();
        for (name, value) in given {
            let error = |problem: String| StrategyError::Param {
                name: name.clone(),
                value: *value,
                problem,
            };
            let spec = specs
                .iter()
                .find(|spec| spec.name == name)
                .ok_or_else(|| error("no such parameter".to_owned()))?;
            if !(spec.min..=spec.max).contains(value) {
                return Err(error(format!("must be {} to {}", spec.min, spec.max)));
            }
            all.insert(name.clone(), *value);
        }
        Ok(Self(all))
    }

    /// A parameter's value; NaN for a name that the strategy did not declare.
    pub fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(f64::NAN)
    }

    /// A parameter that counts something: a whole number above zero.
    pub fn length(&self, name: &str) -> Result<usize, StrategyError> {
        let value = self.get(name);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        if (1.0..=1e6).contains(&value) && value.fract() == 0.0 {
            return Ok(value as usize);
        }
        Err(self.error(name, "must be a whole number above zero"))
    }

    /// A parameter that is on (1) or off (0).
    pub fn switch(&self, name: &str) -> Result<bool, StrategyError> {
        match self.get(name) {
            0.0 => Ok(false),
            1.0 => Ok(true),
            _ => Err(self.error(name, "must be 0 or 1")),
        }
    }

    /// What is wrong with a parameter's value.
    pub fn error(&self, name: &str, problem: impl Into<String>) -> StrategyError {
        let (name, value) = (name.to_owned(), self.get(name));
        StrategyError::Param { name, value, problem: problem.into() }
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> + '_ {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

/// What a strategy is. Its fields are its whole state: they are saved and restored as they are.
pub trait Strategy: Serialize + DeserializeOwned + Send + 'static {
    /// The `kind` in the configuration.
    const KIND: &'static str;
    /// The parameters it takes.
    const PARAMS: &'static [ParamSpec];

    /// Builds it; one instance decides for one instrument.
    fn new(params: &Params) -> Result<Self, StrategyError>;

    /// Called for each trade when the configured feed is `trades`.
    fn on_trade(&mut self, _ctx: &mut Context<'_>, _trade: &Trade) {}

    /// Called for each quote when the configured feed is `quotes`.
    fn on_quote(&mut self, _ctx: &mut Context<'_>, _quote: &Quote) {}

    /// Called for each closed bar when the configured feed is `bars`.
    fn on_bar(&mut self, _ctx: &mut Context<'_>, _bar: &Bar) {}

    /// Told of each of its fills; not an evaluation.
    fn on_fill(&mut self, _fill: &Fill) {}

    /// Told of each event of its orders; not an evaluation.
    fn on_order(&mut self, _event: &OrderEvent) {}
}

/// What made a strategy evaluate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A trade.
    Trade(Trade),
    /// A quote.
    Quote(Quote),
    /// A closed bar.
    Bar(Bar),
    /// No market event: an operator decided in the strategy's place.
    Operator,
}

/// A strategy behind a pointer; implemented for every [`Strategy`].
pub trait AnyStrategy: Send {
    /// Evaluates one event.
    fn evaluate(&mut self, ctx: &mut Context<'_>, trigger: &Trigger);
    /// See [`Strategy::on_fill`].
    fn fill(&mut self, fill: &Fill);
    /// See [`Strategy::on_order`].
    fn order(&mut self, event: &OrderEvent);
    /// Its whole state.
    fn save(&self) -> Result<Vec<u8>, StrategyError>;
    /// Takes a state that [`AnyStrategy::save`] gave.
    fn restore(&mut self, state: &[u8]) -> Result<(), StrategyError>;
}

impl<T: Strategy> AnyStrategy for T {
    fn evaluate(&mut self, ctx: &mut Context<'_>, trigger: &Trigger) {
        match trigger {
            Trigger::Trade(trade) => self.on_trade(ctx, trade),
            Trigger::Quote(quote) => self.on_quote(ctx, quote),
            Trigger::Bar(bar) => self.on_bar(ctx, bar),
            Trigger::Operator => {}
        }
    }

    fn fill(&mut self, fill: &Fill) {
        self.on_fill(fill);
    }

    fn order(&mut self, event: &OrderEvent) {
        self.on_order(event);
    }

    fn save(&self) -> Result<Vec<u8>, StrategyError> {
        postcard::to_stdvec(self).map_err(|error| StrategyError::State(error.to_string()))
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), StrategyError> {
        *self =
            postcard::from_bytes(state).map_err(|error| StrategyError::State(error.to_string()))?;
        Ok(())
    }
}

/// A kind of strategy that a configuration may name.
#[derive(Clone, Copy)]
pub struct StrategyKind {
    /// The `kind` in the configuration.
    pub name: &'static str,
    /// The parameters it takes.
    pub params: &'static [ParamSpec],
    /// Builds an instance.
    pub build: fn(&Params) -> Result<Box<dyn AnyStrategy>, StrategyError>,
}

impl StrategyKind {
    /// The kind of a strategy type.
    pub fn of<T: Strategy>() -> Self {
        Self {
            name: T::KIND,
            params: T::PARAMS,
            build: |params| T::new(params).map(|strategy| Box::new(strategy) as Box<_>),
        }
    }
}

/// The kinds that come with tickscope.
pub fn built_in() -> Vec<StrategyKind> {
    vec![
        StrategyKind::of::<ema_cross::EmaCross>(),
        StrategyKind::of::<mean_reversion::MeanReversion>(),
        StrategyKind::of::<breakout::Breakout>(),
    ]
}

/// Lists strategy types for [`run`](crate::run): `strategies![Mine, Other]`.
#[macro_export]
macro_rules! strategies {
    ($($strategy:ty),* $(,)?) => {
        vec![$($crate::strategy::StrategyKind::of::<$strategy>()),*]
    };
}

/// What a strategy may know of the market and of its own position besides the event.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Facts<'a> {
    /// Engine time.
    pub now: UnixNanos,
    /// The instrument it decides for.
    pub instrument: &'a Instrument,
    /// Its own position in it.
    pub position: Signed,
    /// Average entry price of that position.
    pub average_entry: Option<Price>,
    /// The last trade's price.
    pub last_price: Option<Price>,
    /// Best bid and ask; `None` without a trusted book or quote.
    pub quote: Option<Quote>,
    /// When it last wanted an order in this instrument.
    pub last_signal: Option<UnixNanos>,
}

/// What a strategy has in its hands while it decides.
pub struct Context<'a> {
    /// What it may know.
    pub facts: Facts<'a>,
    draft: &'a mut Draft,
}

/// The strategy's position as a named value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PositionValue(Value);

impl PositionValue {
    /// The signed quantity as a value to compare.
    pub fn value(self) -> Value {
        self.0
    }

    /// Nothing is held.
    pub fn is_flat(self) -> Rule {
        self.0.equals(0.0)
    }

    /// More than nothing is held.
    pub fn is_long(self) -> Rule {
        self.0.gt(0.0)
    }

    /// Less than nothing is held.
    pub fn is_short(self) -> Rule {
        self.0.lt(0.0)
    }
}

impl<'a> Context<'a> {
    /// A context over a cleared draft.
    pub fn new(facts: Facts<'a>, draft: &'a mut Draft) -> Self {
        Self { facts, draft }
    }

    /// Names a value, so that rules can compare it and the record shows it. Missing is `None`.
    pub fn value(&mut self, name: &str, value: impl Into<Option<f64>>) -> Value {
        self.draft.value(name, ValueKind::Computed, value.into().unwrap_or(f64::NAN))
    }

    /// Names a parameter, so that it keeps its name as an operand.
    pub fn param(&mut self, name: &str, value: f64) -> Value {
        self.draft.value(name, ValueKind::Parameter, value)
    }

    /// The strategy's own signed position, named `position`, in whole lots: what is too small to be
    /// sold does not keep a strategy from being flat.
    pub fn position(&mut self) -> PositionValue {
        let position = self.facts.position;
        let lots = position.magnitude().floor_to(self.facts.instrument.lot_size);
        let held = lots.unwrap_or_else(|_| position.magnitude()).to_f64();
        let signed = if position.side() == Some(Side::Sell) { -held } else { held };
        PositionValue(self.value("position", signed))
    }

    /// Seconds since the strategy last wanted an order here, named `since_signal_s`; a very long
    /// time (10⁹ s) when it never did.
    pub fn since_signal(&mut self) -> Value {
        const NEVER_S: f64 = 1e9;
        #[expect(clippy::cast_precision_loss, reason = "a span shown in seconds")]
        let seconds = self
            .facts
            .last_signal
            .map_or(NEVER_S, |at| self.facts.now.since(at) as f64 / UnixNanos::SECOND as f64);
        self.value("since_signal_s", seconds)
    }

    /// Takes a rule tree under a label, evaluates every leaf, records it, and tells whether it
    /// holds. Unknown is not true.
    #[expect(clippy::needless_pass_by_value, reason = "a tree is built to be decided, once")]
    pub fn decide(&mut self, label: &str, rule: Rule) -> bool {
        self.draft.decide(label, &rule) == Truth::True
    }

    /// Wants to buy the configured size at market.
    pub fn buy(&mut self) {
        self.market(Side::Buy, Size::Configured, false);
    }

    /// Wants to sell the configured size at market.
    pub fn sell(&mut self) {
        self.market(Side::Sell, Size::Configured, false);
    }

    /// Wants to close what is held, at market: `Side::Sell` closes a long position.
    pub fn close(&mut self, side: Side) {
        self.market(side, Size::Close, true);
    }

    /// Wants to close what is held and open the configured size on `side`, in one market order.
    pub fn reverse(&mut self, side: Side) {
        self.market(side, Size::Reverse, false);
    }

    fn market(&mut self, side: Side, amount: Size, reduce_only: bool) {
        let kind = OrderKind::Market;
        self.intend(Intent::Order { side, kind, size: amount, reduce_only });
    }

    /// Wants anything else.
    pub fn intend(&mut self, intent: Intent) {
        self.draft.intents.push(intent);
    }

    /// Logs a line beside the decision.
    pub fn log(&mut self, level: LogLevel, text: impl Into<String>) {
        self.draft.logs.push(LogLine { level, text: text.into() });
    }
}
