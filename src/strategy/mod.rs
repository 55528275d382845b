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
//!     fn warm_up(&self) -> usize {
//!         self.average.warm_up()
//!     }
//!
//!     fn on_bar(&mut self, ctx: &mut Context<'_>, bar: &Bar) {
//!         let close = ctx.value("close", bar.close.to_f64());
//!         let average = ctx.value("average", self.average.push(bar.close.to_f64()));
//!         let position = ctx.position();
//!         if ctx.decide("enter_long", all([close.gt(average), position.is_flat()])) {
//!             ctx.buy().stop_percent(1.0);
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

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub mod bar;
pub mod bar_builder;
pub mod bars;
pub mod breakout;
pub mod closed_bars;
pub mod decision;
pub mod ema_cross;
pub mod exit;
pub mod expression;
pub mod indicator;
pub mod mean_reversion;
pub mod params;
pub mod prices;
pub mod rule;
pub mod rules;
pub mod testing;
#[cfg(test)]
mod tests;

pub use bar::{Bar, BarKind, Quality};
pub use bars::Bars;
pub use closed_bars::ClosedBars;
pub use decision::{
    Decision, Draft, DraftState, Form, Intent, LogLevel, LogLine, NamedOperand, NamedValue,
    RuleTree, Site, Size, ValueKind, ValueName,
};
pub use exit::{Distance, Entry, ExitKind, Exits};
pub use params::{ParamSpec, Params};
pub use prices::Prices;
pub use rule::{
    FlatRules, Node, Op, Operand, OperandRef, Rule, Truth, Value, all, any, compare, cross_down,
    cross_up, not,
};
pub use rules::RuleTexts;

use crate::domain::{
    Fill, Instrument, OrderEvent, OrderKind, Price, Quote, Side, Signed, Trade, UnixNanos,
};

/// Which events make a strategy evaluate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    /// Every trade.
    Trades,
    /// Every change of the best bid or ask.
    Quotes,
    /// Every closed bar of this kind.
    Bars(BarKind),
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
    /// A rule is wrong.
    #[error("{key} {mistake}")]
    Rule {
        /// Its key.
        key: &'static str,
        /// What is wrong, and where.
        mistake: expression::Mistake,
    },
    /// It has no rules that could be replaced.
    #[error("this strategy takes no rules")]
    NoRules,
    /// The registry holds no strategy of this kind.
    #[error("no strategy of kind {0:?} is registered")]
    UnknownKind(String),
    /// A saved state does not fit this strategy.
    #[error("the saved state does not fit this strategy: {0}")]
    State(String),
}

/// What a strategy is. Its fields are its whole state: they are saved and restored as they are.
pub trait Strategy: Serialize + DeserializeOwned + Send + 'static {
    /// The `kind` in the configuration.
    const KIND: &'static str;
    /// The parameters it takes.
    const PARAMS: &'static [ParamSpec];
    /// It takes `enter`, `exit`, `enter_short` and `exit_short`: [`Params::rules`].
    const RULES: bool = false;

    /// Builds it; one instance decides for one instrument.
    fn new(params: &Params) -> Result<Self, StrategyError>;

    /// How many events of its feed it must have seen before its values mean what they say. They
    /// are fetched when a run starts and shown to it before its first evaluation; what it wants
    /// meanwhile is not acted on, and no rule holds. Quotes have no past.
    fn warm_up(&self) -> usize {
        0
    }

    /// Bars of other kinds that it reads with [`Context::bars`], and how many of each.
    fn reads(&self) -> Vec<(BarKind, usize)> {
        Vec::new()
    }

    /// Called for each event of whatever feed is configured, unless the method of that feed is
    /// taken: all that a strategy needs which decides on prices alone.
    fn on_prices(&mut self, _ctx: &mut Context<'_>, _prices: Prices) {}

    /// Called for each trade when the configured feed is `trades`.
    fn on_trade(&mut self, ctx: &mut Context<'_>, trade: &Trade) {
        self.on_prices(ctx, trade.into());
    }

    /// Called for each quote when the configured feed is `quotes`.
    fn on_quote(&mut self, ctx: &mut Context<'_>, quote: &Quote) {
        self.on_prices(ctx, quote.into());
    }

    /// Called for each closed bar when the configured feed is `bars`.
    fn on_bar(&mut self, ctx: &mut Context<'_>, bar: &Bar) {
        self.on_prices(ctx, bar.into());
    }

    /// Told of each of its fills; not an evaluation.
    fn on_fill(&mut self, _fill: &Fill) {}

    /// Told of each event of its orders; not an evaluation.
    fn on_order(&mut self, _event: &OrderEvent) {}

    /// Takes other rules in place of those it has, in the middle of a run.
    fn revise(&mut self, _rules: &RuleTexts) -> Result<Revised, StrategyError> {
        Err(StrategyError::NoRules)
    }
}

/// What a strategy had before it took other rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revised {
    /// Its rules.
    pub before: RuleTexts,
    /// Names of the values that it had and still has: only these have a value before the next one.
    pub kept: Vec<String>,
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
    /// A moment that the engine waited for; no strategy is asked.
    Due(UnixNanos),
    /// No market event: an operator decided in the strategy's place.
    Operator,
}

/// A strategy behind a pointer; implemented for every [`Strategy`].
pub trait AnyStrategy: Send {
    /// See [`Strategy::warm_up`].
    fn warm_up(&self) -> usize;
    /// See [`Strategy::reads`].
    fn reads(&self) -> Vec<(BarKind, usize)>;
    /// Evaluates one event.
    fn evaluate(&mut self, ctx: &mut Context<'_>, trigger: &Trigger);
    /// See [`Strategy::on_fill`].
    fn fill(&mut self, fill: &Fill);
    /// See [`Strategy::on_order`].
    fn order(&mut self, event: &OrderEvent);
    /// See [`Strategy::revise`].
    fn revise(&mut self, rules: &RuleTexts) -> Result<Revised, StrategyError>;
    /// Its whole state.
    fn save(&self) -> Result<Vec<u8>, StrategyError>;
    /// Takes a state that [`AnyStrategy::save`] gave.
    fn restore(&mut self, state: &[u8]) -> Result<(), StrategyError>;
}

impl<T: Strategy> AnyStrategy for T {
    fn warm_up(&self) -> usize {
        Strategy::warm_up(self)
    }

    fn reads(&self) -> Vec<(BarKind, usize)> {
        Strategy::reads(self)
    }

    fn evaluate(&mut self, ctx: &mut Context<'_>, trigger: &Trigger) {
        match trigger {
            Trigger::Trade(trade) => self.on_trade(ctx, trade),
            Trigger::Quote(quote) => self.on_quote(ctx, quote),
            Trigger::Bar(bar) => self.on_bar(ctx, bar),
            Trigger::Due(_) | Trigger::Operator => {}
        }
    }

    fn fill(&mut self, fill: &Fill) {
        self.on_fill(fill);
    }

    fn order(&mut self, event: &OrderEvent) {
        self.on_order(event);
    }

    fn revise(&mut self, rules: &RuleTexts) -> Result<Revised, StrategyError> {
        Strategy::revise(self, rules)
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
    /// It takes rules.
    pub rules: bool,
    /// Builds an instance.
    pub build: fn(&Params) -> Result<Box<dyn AnyStrategy>, StrategyError>,
}

impl StrategyKind {
    /// The kind of a strategy type.
    pub fn of<T: Strategy>() -> Self {
        Self {
            name: T::KIND,
            params: T::PARAMS,
            rules: T::RULES,
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
        StrategyKind::of::<rules::Rules>(),
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
    /// Closed bars of the instrument.
    pub closed: &'a ClosedBars,
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

    /// A yes or no that is computed elsewhere, as a rule: named, and shown as set or not. It has no
    /// operands, so an order that rests on it counts as unexplained; compare values where you can.
    pub fn flag(&mut self, name: &str, is_set: bool) -> Rule {
        let value = self.value(name, f64::from(u8::from(is_set)));
        compare(value, Op::Flag, 0.0)
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

    /// Closed bars of a kind that the strategy [reads](Strategy::reads), the newest first. The bar
    /// that is open now is not among them.
    pub fn bars(
        &self,
        kind: BarKind,
    ) -> impl DoubleEndedIterator<Item = &'a Bar> + ExactSizeIterator + use<'a> {
        self.facts.closed.of(kind)
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

    /// Long or flat: buys when all of `enter` holds and nothing is held, closes when all of `exit`
    /// holds and something is. The rules are decided as `enter_long` and `exit_long`, each with the
    /// position as its last leaf.
    pub fn long_or_flat(&mut self, enter: impl Into<Vec<Rule>>, exit: impl Into<Vec<Rule>>) {
        let position = self.position();
        let (mut enter, mut exit) = (enter.into(), exit.into());
        enter.push(position.is_flat());
        exit.push(position.is_long());
        if self.decide("enter_long", all(enter)) {
            self.buy();
        }
        if self.decide("exit_long", all(exit)) {
            self.close(Side::Sell);
        }
    }

    /// Wants to buy at market: the configured size with the configured exits, or what the
    /// [`Entry`] is told.
    pub fn buy(&mut self) -> Entry<'_> {
        Entry::new(&mut self.draft.intents, Side::Buy)
    }

    /// Wants to sell at market; see [`buy`](Self::buy).
    pub fn sell(&mut self) -> Entry<'_> {
        Entry::new(&mut self.draft.intents, Side::Sell)
    }

    /// Wants to close what is held, at market: `Side::Sell` closes a long position.
    pub fn close(&mut self, side: Side) {
        self.market(side, Size::Close, true);
    }

    /// Wants to close what is held and open the configured size on `side` with the configured
    /// exits, in one market order.
    pub fn reverse(&mut self, side: Side) {
        self.market(side, Size::Reverse, false);
    }

    fn market(&mut self, side: Side, amount: Size, reduce_only: bool) {
        let kind = OrderKind::Market;
        let exits = Exits::default();
        self.intend(Intent::Order { side, kind, size: amount, reduce_only, exits });
    }

    /// Wants anything else: a limit order, one that only rests, or every open order canceled.
    ///
    /// ```
    /// # use tickscope::domain::{OrderKind, Price, Side, TimeInForce};
    /// # use tickscope::strategy::{Context, Exits, Intent, Size};
    /// # fn wish(ctx: &mut Context<'_>, price: Price) {
    /// ctx.intend(Intent::Order {
    ///     side: Side::Buy,
    ///     kind: OrderKind::Limit { price, time_in_force: TimeInForce::Gtc },
    ///     size: Size::Configured,
    ///     reduce_only: false,
    ///     exits: Exits::default(), // as configured
    /// });
    /// ctx.intend(Intent::CancelAll);
    /// # }
    /// ```
    pub fn intend(&mut self, intent: Intent) {
        self.draft.intents.push(intent);
    }

    /// Says that nothing can be decided on this event, and why: what it wants besides is void, and
    /// the record's outcome is an error with this reason.
    pub fn fail(&mut self, reason: impl Into<String>) {
        self.draft.failed = Some(reason.into());
    }

    /// Logs a line beside the decision.
    pub fn log(&mut self, level: LogLevel, text: impl Into<String>) {
        self.draft.logs.push(LogLine { level, text: text.into() });
    }
}
