//! `rules`: trades by rules that stand in the configuration, without a compiler.
//!
//! ```text
//! enter = "rsi(14) < 30 and close > ema(200)"      exit = "rsi(14) > 55 or loss > 1%"
//!
//! enter_long  ✗ all
//!               ✗ rsi(14) 41.20       <  30                      ◄ first blocker
//!               ✓ close 64,012.50     >  ema(200) 63,990.10
//!               ✓ position 0          =  0
//! ```
//!
//! It enters only when it holds nothing, and of `enter` and `enter_short` the first that holds. So
//! only the rules that could act now are decided: to enter while flat, to exit while something is
//! held. When an exit holds and the opposite entry holds in the same evaluation, it turns around
//! with one order: `crosses below` may both exit and enter short.

use serde::{Deserialize, Serialize};

use super::expression::{Around, Condition, Glimpse, Measure, Meter, compile};
use super::{Bar, Context, ParamSpec, Params, Strategy, StrategyError, Trigger, Value, expression};
use crate::domain::{OrderEvent, OrderEventKind, Quote, Side, Trade, UnixNanos};

/// The rules of a strategy as written in its configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RuleTexts {
    /// When to buy.
    pub enter: Option<String>,
    /// When to sell what was bought.
    pub exit: Option<String>,
    /// When to sell short.
    pub enter_short: Option<String>,
    /// When to buy back what was sold short.
    pub exit_short: Option<String>,
}

impl RuleTexts {
    /// Those that are there, with their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self { enter, exit, enter_short, exit_short } = self;
        [("enter", enter), ("exit", exit), ("enter_short", enter_short), ("exit_short", exit_short)]
            .into_iter()
            .filter_map(|(key, text)| Some((key, text.as_deref()?)))
    }
}

/// See the [module](self).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct Rules {
    texts: RuleTexts,
    enter: Option<Condition>,
    exit: Option<Condition>,
    enter_short: Option<Condition>,
    exit_short: Option<Condition>,
    /// What the conditions compare, each with its name in records.
    table: Vec<(Measure, String)>,
    /// The indicators among them, each once.
    meters: Vec<Meter>,
    holding: Holding,
}

/// Since when something is held on a side.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Holding {
    since: Option<(Side, UnixNanos)>,
    /// The first fill since the last evaluation.
    filled: Option<UnixNanos>,
}

impl Holding {
    /// Takes the position of an evaluation, signed.
    fn update(&mut self, position: f64, now: UnixNanos) {
        let filled = self.filled.take().unwrap_or(now);
        self.since = match side_of(position) {
            None => None,
            Some(side) if self.since.is_some_and(|(before, _)| before == side) => self.since,
            Some(side) => Some((side, filled)),
        };
    }

    /// For how long, in seconds.
    fn seconds(&self, now: UnixNanos) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a span that is compared")]
        self.since.map(|(_, since)| now.since(since) as f64 / UnixNanos::SECOND as f64)
    }
}

fn side_of(position: f64) -> Option<Side> {
    if position > 0.0 {
        Some(Side::Buy)
    } else if position < 0.0 {
        Some(Side::Sell)
    } else {
        None
    }
}

/// What is saved: the conditions come from the texts again.
#[derive(Serialize, Deserialize)]
struct Saved {
    texts: RuleTexts,
    meters: Vec<Meter>,
    holding: Holding,
}

impl From<Rules> for Saved {
    fn from(rules: Rules) -> Self {
        Self { texts: rules.texts, meters: rules.meters, holding: rules.holding }
    }
}

impl TryFrom<Saved> for Rules {
    type Error = StrategyError;

    fn try_from(saved: Saved) -> Result<Self, StrategyError> {
        let mut rules = Self::of(saved.texts)?;
        rules.adopt(&saved.meters);
        Ok(Self { holding: saved.holding, ..rules })
    }
}

impl Rules {
    /// Reads rules; their indicators are cold.
    fn of(texts: RuleTexts) -> Result<Self, StrategyError> {
        // What a feed lacks was refused with the configuration; here it would only be missing.
        let around = Around { bars: true, trades: true, quotes: true };
        let mut table = vec![Measure::Position];
        let mut read = |key: &'static str, text: &Option<String>| {
            text.as_deref()
                .map(|text| compile(text, around, &mut table))
                .transpose()
                .map_err(|mistake| StrategyError::Rule { key, mistake })
        };
        let enter = read("enter", &texts.enter)?;
        let exit = read("exit", &texts.exit)?;
        let enter_short = read("enter_short", &texts.enter_short)?;
        let exit_short = read("exit_short", &texts.exit_short)?;
        let mut meters: Vec<Meter> = Vec::new();
        for measure in &table {
            if let Measure::Indicator(indicator, _) = measure
                && !meters.iter().any(|meter| meter.indicator == *indicator)
            {
                meters.push(Meter::new(*indicator));
            }
        }
        let table = table.into_iter().map(|measure| (measure, measure.to_string())).collect();
        let holding = Holding::default();
        Ok(Self { texts, enter, exit, enter_short, exit_short, table, meters, holding })
    }

    /// Takes the state of the indicators that it shares with others.
    fn adopt(&mut self, others: &[Meter]) {
        for meter in &mut self.meters {
            if let Some(warm) = others.iter().find(|other| other.indicator == meter.indicator) {
                meter.clone_from(warm);
            }
        }
    }

    fn evaluate(&mut self, ctx: &mut Context<'_>, seen: &Glimpse) {
        let values = self.values(ctx, seen);
        let Some(&position) = values.first() else { return };
        match side_of(position.get().unwrap_or_default()) {
            None => self.enter(ctx, &values, position),
            Some(side) => self.exit(ctx, &values, position, side),
        }
    }

    /// Names every value, the position first.
    fn values(&mut self, ctx: &mut Context<'_>, seen: &Glimpse) -> Vec<Value> {
        let lines: Vec<_> =
            self.meters.iter_mut().map(|meter| (meter.indicator, meter.push(seen))).collect();
        let position = ctx.position().value();
        let held = position.get().unwrap_or_default();
        self.holding.update(held, ctx.facts.now);
        let gain = gain(ctx, seen.prices.close, held);
        let quote = ctx.facts.quote;
        let bid = quote.map(|quote| quote.bid.price.to_f64());
        let ask = quote.map(|quote| quote.ask.price.to_f64());
        let bar = |value: f64| seen.is_bar.then_some(value);
        let mut values = Vec::with_capacity(self.table.len());
        for (measure, name) in &self.table {
            let now = match measure {
                Measure::Position => {
                    values.push(position);
                    continue;
                }
                Measure::Price => Some(seen.prices.close),
                Measure::Open => bar(seen.open),
                Measure::High => bar(seen.prices.high),
                Measure::Low => bar(seen.prices.low),
                Measure::Close => bar(seen.prices.close),
                Measure::Volume => Some(seen.volume),
                Measure::Bid => bid,
                Measure::Ask => ask,
                Measure::Spread => {
                    bid.zip(ask).map(|(bid, ask)| (ask - bid) / f64::midpoint(ask, bid))
                }
                Measure::Profit => gain,
                Measure::Loss => gain.map(|gain| -gain),
                Measure::Holding => self.holding.seconds(ctx.facts.now),
                Measure::Indicator(indicator, line) => lines
                    .iter()
                    .find(|(known, _)| known == indicator)
                    .and_then(|(_, lines)| lines.get(*line)),
            };
            values.push(ctx.value(name, now));
        }
        values
    }

    /// Of the entries, the first that holds.
    fn enter(&self, ctx: &mut Context<'_>, values: &[Value], position: Value) {
        let long = decide(ctx, "enter_long", self.enter.as_ref(), values, position.equals(0.0));
        let short = self.enter_short.as_ref();
        let short = decide(ctx, "enter_short", short, values, position.equals(0.0));
        if long {
            ctx.buy();
        } else if short {
            ctx.sell();
        }
    }

    /// Closes what is held on `side`, or turns around.
    fn exit(&self, ctx: &mut Context<'_>, values: &[Value], position: Value, side: Side) {
        let (label, rule, guard) = match side {
            Side::Buy => ("exit_long", &self.exit, position.gt(0.0)),
            Side::Sell => ("exit_short", &self.exit_short, position.lt(0.0)),
        };
        if !decide(ctx, label, rule.as_ref(), values, guard.clone()) {
            return;
        }
        let (label, rule) = match side {
            Side::Buy => ("enter_short", &self.enter_short),
            Side::Sell => ("enter_long", &self.enter),
        };
        if decide(ctx, label, rule.as_ref(), values, guard) {
            ctx.reverse(side.opposite());
        } else {
            ctx.close(side.opposite());
        }
    }
}

fn decide(
    ctx: &mut Context<'_>,
    label: &str,
    condition: Option<&Condition>,
    values: &[Value],
    guard: super::Rule,
) -> bool {
    condition.is_some_and(|condition| ctx.decide(label, condition.build_with(values, guard)))
}

/// What is held gained since its entry, as a share of the entry price, fees not counted.
fn gain(ctx: &Context<'_>, price: f64, held: f64) -> Option<f64> {
    let side = side_of(held)?;
    let entry = ctx.facts.average_entry?.to_f64();
    let rise = (price - entry) / entry;
    Some(if side == Side::Buy { rise } else { -rise })
}

impl Strategy for Rules {
    const KIND: &'static str = "rules";
    const PARAMS: &'static [ParamSpec] = &[];
    const RULES: bool = true;

    fn new(params: &Params) -> Result<Self, StrategyError> {
        Self::of(params.rules().clone())
    }

    fn on_trade(&mut self, ctx: &mut Context<'_>, trade: &Trade) {
        self.evaluate(ctx, &Glimpse::from(&Trigger::Trade(*trade)));
    }

    fn on_quote(&mut self, ctx: &mut Context<'_>, quote: &Quote) {
        self.evaluate(ctx, &Glimpse::from(&Trigger::Quote(*quote)));
    }

    fn warm_up(&self) -> usize {
        let conditions = [&self.enter, &self.exit, &self.enter_short, &self.exit_short];
        let crosses = conditions.into_iter().flatten().any(Condition::crosses);
        let longest = self.meters.iter().map(Meter::warm_up).max();
        longest.unwrap_or(1).saturating_add(usize::from(crosses))
    }

    fn on_bar(&mut self, ctx: &mut Context<'_>, bar: &Bar) {
        self.evaluate(ctx, &Glimpse::from(&Trigger::Bar(*bar)));
    }

    fn on_order(&mut self, event: &OrderEvent) {
        if matches!(event.kind, OrderEventKind::Filled(_)) {
            self.holding.filled.get_or_insert(event.time);
        }
    }

    /// Indicators that both have keep their state, the others begin cold; what is held stays.
    fn revise(&mut self, texts: &RuleTexts) -> Result<super::Revised, StrategyError> {
        let mut next = Self::of(texts.clone())?;
        next.adopt(&self.meters);
        next.holding = self.holding;
        let known = |name: &String| self.table.iter().any(|(_, before)| before == name);
        let kept = next.table.iter().map(|(_, name)| name.clone()).filter(known).collect();
        let before = std::mem::replace(self, next).texts;
        Ok(super::Revised { before, kept })
    }
}

/// Reads a rule as a configuration has it; what the feed around it lacks is a mistake.
pub fn check(text: &str, around: Around) -> Result<(), expression::Mistake> {
    compile(text, around, &mut Vec::new()).map(drop)
}
