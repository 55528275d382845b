//! A bench for tests of a strategy: it is given prices and a position, and says what it decided.
//!
//! ```
//! use tickscope::strategy::breakout::Breakout;
//! use tickscope::strategy::testing::Bench;
//!
//! let mut bench = Bench::<Breakout>::new(&[("length", 2.0), ("atr_length", 2.0)]).unwrap();
//! bench.closes(&[10.0, 11.0, 10.0]);
//! assert!(bench.close(11.0).is_quiet(), "a high is broken when a price is above it");
//! let decided = bench.close(12.0);
//! assert!(decided.holds("enter_long") && decided.buys());
//! assert_eq!(decided.value("donchian_high"), Some(11.0));
//!
//! bench.hold(0.5, 12.0);
//! assert!(bench.close(9.0).sells());
//! ```
//!
//! Nothing fills by itself, no risk check is made, and rules hold as soon as their values are there:
//! what an engine does around a strategy is not the strategy's. `tickscope backtest` has all of it.

use std::collections::BTreeMap;

use super::bar::{Bar, BarKind, Quality};
use super::{
    ClosedBars, Context, Draft, Facts, Intent, LogLine, ParamSpec, Params, Strategy, StrategyError,
    Trigger, Truth,
};
use crate::domain::{
    AssetId, Instrument, Level, Num, Price, Quantity, Quote, Side, Signed, Trade, UnixNanos,
};

/// What an event of the bench lasts where nothing else is said: a minute.
const MINUTE: u64 = 60 * UnixNanos::SECOND;

/// A strategy at work without a market.
pub struct Bench<S> {
    /// The strategy: its own methods and fields, `on_fill` for one.
    pub strategy: S,
    /// What it trades; every step and limit is open.
    pub instrument: Instrument,
    draft: Draft,
    closed: ClosedBars,
    now: UnixNanos,
    position: Signed,
    average_entry: Option<Price>,
    last_price: Option<Price>,
    quote: Option<Quote>,
    last_signal: Option<UnixNanos>,
    events: u64,
}

/// What a strategy said at an event.
#[derive(Clone, PartialEq, Debug)]
pub struct Decided {
    /// Values and parameters by name; a missing one is `None`.
    pub values: Vec<(String, Option<f64>)>,
    /// What it decided, by label.
    pub rules: Vec<(String, Truth)>,
    /// What it wants. Void, and so empty, where it failed.
    pub wishes: Vec<Intent>,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// The reason that it gave to [`Context::fail`].
    pub failed: Option<String>,
}

impl<S: Strategy> Bench<S> {
    /// A strategy with these parameters, the others as they are by default.
    pub fn new(params: &[(&str, f64)]) -> Result<Self, StrategyError> {
        let given: BTreeMap<String, f64> =
            params.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let specs: &[ParamSpec] = S::PARAMS;
        Ok(Self::of(S::new(&Params::new(specs, &given)?)?))
    }

    /// A strategy as it is.
    pub fn of(strategy: S) -> Self {
        let mut closed = ClosedBars::default();
        for (kind, most) in strategy.reads() {
            closed.keep(kind, most);
        }
        Self {
            strategy,
            instrument: Instrument::unfiltered("TEST", "bench", AssetId(1), AssetId(0)),
            draft: Draft::default(),
            closed,
            now: UnixNanos(MINUTE),
            position: Signed::ZERO,
            average_entry: None,
            last_price: None,
            quote: None,
            last_signal: None,
            events: 0,
        }
    }

    /// A bar of a minute at one price.
    pub fn close(&mut self, price: f64) -> Decided {
        self.candle([price; 4], 1.0)
    }

    /// Several such bars; what the last one led to.
    pub fn closes(&mut self, prices: &[f64]) -> Option<Decided> {
        prices.iter().map(|close| self.close(*close)).last()
    }

    /// A bar of a minute: open, high, low and close, and its volume.
    pub fn candle(&mut self, [open, high, low, close]: [f64; 4], volume: f64) -> Decided {
        let volume = quantity(volume);
        let id = self.events + 1;
        let bar = Bar {
            kind: BarKind::Time(MINUTE),
            open_time: self.now,
            length: MINUTE,
            open: price(open),
            high: price(high),
            low: price(low),
            close: price(close),
            volume,
            turnover: price(close).notional(volume).unwrap_or_default(),
            trades: 1,
            first_trade_id: id,
            last_trade_id: id,
            quality: Quality::Complete,
        };
        self.pass(MINUTE);
        self.bar(&bar)
    }

    /// Any bar.
    pub fn bar(&mut self, bar: &Bar) -> Decided {
        self.last_price = Some(bar.close);
        self.evaluate(&Trigger::Bar(*bar))
    }

    /// A trade, a second after what was before it.
    pub fn trade(&mut self, at: f64, how_much: f64) -> Decided {
        self.pass(UnixNanos::SECOND);
        let (price, quantity) = (price(at), quantity(how_much));
        let (id, ts_venue) = (self.events + 1, self.now);
        self.last_price = Some(price);
        self.evaluate(&Trigger::Trade(Trade {
            id,
            ts_venue,
            price,
            quantity,
            aggressor: Side::Buy,
        }))
    }

    /// A change of the best bid and ask, a second after what was before it.
    pub fn quote(&mut self, bid: f64, ask: f64) -> Decided {
        self.pass(UnixNanos::SECOND);
        let level = |at| Level { price: price(at), quantity: quantity(1.0) };
        let quote = Quote { update_id: self.events + 1, bid: level(bid), ask: level(ask) };
        self.quote = Some(quote);
        self.evaluate(&Trigger::Quote(quote))
    }

    /// Closes a bar of a kind that the strategy reads with [`Context::bars`]; it decides nothing.
    pub fn closed(&mut self, bar: Bar) {
        self.closed.push(bar);
    }

    /// Lets it hold so much, below zero when short, at this average entry price; 0 is nothing.
    pub fn hold(&mut self, held: f64, average_entry: f64) {
        self.position = Signed::new(Num::from_f64(held).unwrap_or_default());
        let is_held = self.position.side().is_some();
        self.average_entry = is_held.then(|| price(average_entry));
    }

    /// Lets so many nanoseconds pass.
    pub fn pass(&mut self, span: u64) {
        self.now = self.now.plus(span);
    }

    fn evaluate(&mut self, trigger: &Trigger) -> Decided {
        self.events += 1;
        self.draft.clear();
        let facts = Facts {
            now: self.now,
            instrument: &self.instrument,
            position: self.position,
            average_entry: self.average_entry,
            last_price: self.last_price,
            quote: self.quote,
            last_signal: self.last_signal,
            closed: &self.closed,
        };
        let mut ctx = Context::new(facts, &mut self.draft);
        match trigger {
            Trigger::Bar(bar) => self.strategy.on_bar(&mut ctx, bar),
            Trigger::Trade(trade) => self.strategy.on_trade(&mut ctx, trade),
            Trigger::Quote(quote) => self.strategy.on_quote(&mut ctx, quote),
            Trigger::Due(_) | Trigger::Operator => {}
        }
        let decided = Decided::of(&self.draft);
        if !decided.wishes.is_empty() {
            self.last_signal = Some(self.now);
        }
        decided
    }
}

impl Decided {
    fn of(draft: &Draft) -> Self {
        let names = draft.form().values.into_iter().map(|value| value.name);
        let present = |value: &f64| (!value.is_nan()).then_some(*value);
        let truth = |root: u16| draft.rules.truths.get(usize::from(root)).copied();
        let rule = |(label, root): (&str, u16)| Some((label.to_owned(), truth(root)?));
        let wishes = if draft.failed.is_none() { draft.intents.clone() } else { Vec::new() };
        Self {
            values: names.zip(draft.values.iter().map(present)).collect(),
            rules: draft.sites().filter_map(rule).collect(),
            wishes,
            logs: draft.logs.clone(),
            failed: draft.failed.clone(),
        }
    }

    /// A value by its name; `None` where it is missing, or was not named.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(known, _)| known == name).and_then(|(_, value)| *value)
    }

    /// How a rule came out; `None` where it was not decided.
    pub fn rule(&self, label: &str) -> Option<Truth> {
        self.rules.iter().find(|(known, _)| known == label).map(|(_, truth)| *truth)
    }

    /// A rule was decided and holds.
    pub fn holds(&self, label: &str) -> bool {
        self.rule(label) == Some(Truth::True)
    }

    /// It wants to buy.
    pub fn buys(&self) -> bool {
        self.wants(Side::Buy)
    }

    /// It wants to sell.
    pub fn sells(&self) -> bool {
        self.wants(Side::Sell)
    }

    /// It wants nothing.
    pub fn is_quiet(&self) -> bool {
        self.wishes.is_empty()
    }

    fn wants(&self, wanted: Side) -> bool {
        let is_it = |wish: &Intent| matches!(wish, Intent::Order { side, .. } if *side == wanted);
        self.wishes.iter().any(is_it)
    }
}

/// A price; zero for what is no number.
fn price(value: f64) -> Price {
    Price::new(Num::from_f64(value).unwrap_or_default())
}

/// A quantity; zero for what is no number, or below zero.
fn quantity(value: f64) -> Quantity {
    Quantity::new(Num::from_f64(value).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::mean_reversion::MeanReversion;
    use super::super::rules::{RuleTexts, Rules};
    use super::*;

    /// Lost if broken: a test of a strategy that passes because nothing was asked.
    #[test]
    fn rules_are_decided_as_an_engine_would_have_them_decided() {
        let texts = RuleTexts {
            enter: Some("close crosses above 10 and ask < 20".to_owned()),
            exit: Some("loss > 1% or holding > 5m".to_owned()),
            ..RuleTexts::default()
        };
        let rules = Rules::new(&Params::default().with_rules(texts)).unwrap();
        let mut bench = Bench::of(rules);
        assert_eq!(bench.close(9.0).rule("enter_long"), Some(Truth::Unknown), "nothing before it");
        assert!(!bench.close(11.0).holds("enter_long"), "no quote yet");
        bench.close(9.0);
        bench.quote(10.5, 10.6);
        bench.close(9.0);
        let decided = bench.close(11.0);
        assert!(decided.buys() && !decided.sells());
        assert_eq!((decided.value("close"), decided.value("loss")), (Some(11.0), None));
        bench.hold(2.0, 11.0);
        assert!(bench.close(10.95).is_quiet());
        assert!(bench.close(10.8).sells());
        assert!(bench.closes(&[11.0; 5]).unwrap().sells(), "held for long enough");
        let error = Bench::<MeanReversion>::new(&[("lenght", 3.0)]).err();
        assert!(error.unwrap().to_string().contains("no such parameter"));
    }
}
