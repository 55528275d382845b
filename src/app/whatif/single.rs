//! One change: the session without it and with it, side by side.

use std::fmt;

use serde::Serialize;

use super::decisions::{Decision, Decisions, Move, Names, signed};
use super::fan::{LeftOut, Track, Variant};
use super::runner::{Numbers, Outcome};
use super::subject::Subject;
use crate::app::error::AppError;
use crate::app::report::table::{money, table};
use crate::domain::{Nanos, Num};
use crate::engine::QueueModel;
use crate::strategy::StrategyKind;

/// Decisions of each kind that a person is shown.
const SHOWN: usize = 20;

/// A session under a change.
#[derive(Clone, Debug, Serialize)]
pub struct WhatIf {
    /// The session, or the tape's file.
    pub session: String,
    /// The change, as it was typed.
    pub set: Vec<String>,
    /// Keys whose values the change made different; none where the session had that already.
    pub changed: Vec<String>,
    /// How orders were filled, in both.
    pub fill_model: String,
    /// Under the change, where that is about how orders are filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill_model_after: Option<String>,
    /// What of the recorded run is in neither.
    #[serde(flatten)]
    pub left_out: Without,
    /// As it was configured.
    pub before: Numbers,
    /// Under the change.
    pub after: Numbers,
    /// After less before.
    pub difference: Difference,
    /// Both under both queue models; null when no order rested, because then it is one line.
    pub bracket: Option<Bracket>,
    /// What became of the decisions that wanted an order.
    pub decisions: Decisions,
    /// How far apart, in seconds, two decisions are one that moved.
    pub within_s: f64,
}

/// What of a recorded run is in no run that is compared.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Without {
    /// Commands of an operator, and rules that were changed while it ran.
    pub commands_left_out: u64,
    /// The run whose account it went on with; here the account begins as it is configured.
    pub resumed_from: Option<String>,
}

/// After less before.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Difference {
    /// Evaluations.
    pub evaluations: i64,
    /// Wishes for an order.
    pub signals: i64,
    /// Refused by risk.
    pub refusals: i64,
    /// Orders sent.
    pub orders: i64,
    /// Fills.
    pub fills: i64,
    /// Fees.
    pub fees: Num,
    /// What closed trades made after fees.
    pub realised: Num,
    /// Realised and unrealised PnL less fees.
    pub pnl: Num,
    /// The largest fall of equity from its peak.
    pub max_drawdown: Num,
    /// Everything at mark; null when one of the two is.
    pub equity: Option<Num>,
}

/// Both runs under both queue models.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Bracket {
    /// Without the change.
    pub before: Bounds,
    /// With it.
    pub after: Bounds,
}

/// A run under both queue models.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Bounds {
    /// Resting orders wait for everybody before them.
    pub conservative: Numbers,
    /// A trade at its price fills a resting order.
    pub optimistic: Numbers,
}

impl Without {
    /// The same, as it is told.
    pub fn of(left_out: &LeftOut) -> Self {
        Self {
            commands_left_out: left_out.commands,
            resumed_from: left_out.resumed.as_ref().map(ToString::to_string),
        }
    }

    /// Sentences for a person, each a line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.commands_left_out > 0 {
            lines.push(format!(
                "left out     {} by an operator: commands, changed rules",
                crate::app::words::count(
                    usize::try_from(self.commands_left_out).unwrap_or(usize::MAX),
                    "input"
                )
            ));
        }
        if let Some(from) = &self.resumed_from {
            lines.push(format!(
                "account      the session went on with what {from} left; here it begins with the \
                 configured balances and no position"
            ));
        }
        lines
    }
}

fn less(after: u64, before: u64) -> i64 {
    i64::try_from(i128::from(after) - i128::from(before)).unwrap_or(i64::MAX)
}

impl Difference {
    fn between(before: &Numbers, after: &Numbers) -> Self {
        let money = |after: Num, before: Num| after.sub(before).unwrap_or_default();
        Self {
            evaluations: less(after.evaluations, before.evaluations),
            signals: less(after.signals, before.signals),
            refusals: less(after.refusals, before.refusals),
            orders: less(after.orders, before.orders),
            fills: less(after.fills, before.fills),
            fees: money(after.fees, before.fees),
            realised: money(after.realised, before.realised),
            pnl: money(after.pnl, before.pnl),
            max_drawdown: money(after.max_drawdown, before.max_drawdown),
            equity: after.equity.zip(before.equity).map(|(after, before)| money(after, before)),
        }
    }
}

/// Asks what a change would have done; `within` is how far a decision may have moved.
pub fn ask(
    subject: &Subject,
    set: &[String],
    within: Nanos,
    quiet: bool,
    registry: &[StrategyKind],
) -> Result<WhatIf, AppError> {
    let (before, after) = (subject.variant(&[], registry)?, subject.variant(set, registry)?);
    let track = Track { market: &subject.market, registry, quiet };
    let pair = [before, after];
    let (outcomes, left_out) = track.run(&pair)?;
    let [old, new]: [Outcome; 2] = outcomes.try_into().unwrap_or_default();
    let [before, after] = pair;
    let bracket = bracket(&track, [&before, &after], [&old.numbers, &new.numbers])?;
    let names = Names { run: &subject.run, config: &before.plan.engine };
    let models = [&before, &after].map(|variant| variant.plan.engine.paper.describe());
    let [fill_model, changed_model] = models;
    #[expect(clippy::cast_precision_loss, reason = "shown to the millisecond")]
    let within_s = within as f64 / 1e9;
    Ok(WhatIf {
        session: subject.name.clone(),
        set: set.to_vec(),
        changed: before.loaded.changed_keys(&after.loaded),
        fill_model_after: (changed_model != fill_model).then_some(changed_model),
        fill_model,
        left_out: Without::of(&left_out),
        difference: Difference::between(&old.numbers, &new.numbers),
        bracket,
        decisions: names.compare(&old.wishes, &new.wishes, within),
        before: old.numbers,
        after: new.numbers,
        within_s,
    })
}

/// Both runs under the queue model that they did not have, where that decides anything.
fn bracket(
    track: &Track<'_>,
    variants: [&Variant; 2],
    found: [&Numbers; 2],
) -> Result<Option<Bracket>, AppError> {
    if found.iter().all(|numbers| numbers.rested == 0) {
        return Ok(None);
    }
    let queue = |variant: &Variant| variant.plan.engine.paper.queue;
    let other = |variant: &Variant| match queue(variant) {
        QueueModel::Conservative => QueueModel::Optimistic,
        QueueModel::Optimistic => QueueModel::Conservative,
    };
    let others = variants.map(|variant| variant.under(other(variant)));
    let (outcomes, _) = track.run(&others)?;
    let [old, new]: [Outcome; 2] = outcomes.try_into().unwrap_or_default();
    let bounds = |variant: &Variant, own: &Numbers, other: Numbers| match queue(variant) {
        QueueModel::Conservative => Bounds { conservative: own.clone(), optimistic: other },
        QueueModel::Optimistic => Bounds { conservative: other, optimistic: own.clone() },
    };
    Ok(Some(Bracket {
        before: bounds(variants[0], found[0], old.numbers),
        after: bounds(variants[1], found[1], new.numbers),
    }))
}

impl WhatIf {
    fn numbers(&self) -> String {
        let Self { before, after, difference, .. } = self;
        let mut rows = table(["", "before", "after", "difference"]);
        let mut count = |name: &str, before: u64, after: u64, difference: i64| {
            let difference =
                if difference > 0 { format!("+{difference}") } else { difference.to_string() };
            rows.add_row([name.to_owned(), before.to_string(), after.to_string(), difference]);
        };
        count("evaluations", before.evaluations, after.evaluations, difference.evaluations);
        count("signals", before.signals, after.signals, difference.signals);
        count("refused", before.refusals, after.refusals, difference.refusals);
        count("orders", before.orders, after.orders, difference.orders);
        count("fills", before.fills, after.fills, difference.fills);
        let mut amount = |name: &str, before: Num, after: Num, difference: Num| {
            rows.add_row([name.to_owned(), money(before), money(after), signed(difference)]);
        };
        amount("fees", before.fees, after.fees, difference.fees);
        amount("realised", before.realised, after.realised, difference.realised);
        amount("PnL", before.pnl, after.pnl, difference.pnl);
        amount("drawdown", before.max_drawdown, after.max_drawdown, difference.max_drawdown);
        let known = |equity: Option<Num>| equity.map_or("unknown".to_owned(), money);
        let equity = difference.equity.map_or("unknown".to_owned(), signed);
        rows.add_row(["equity".to_owned(), known(before.equity), known(after.equity), equity]);
        rows.to_string()
    }

    fn queues(&self) -> String {
        let Some(Bracket { before, after }) = &self.bracket else {
            return "bracket      one line, because no order rested: no queue model decides about it"
                .to_owned();
        };
        let mut rows = table(["queue", "before", "after", "difference"]);
        let mut row = |name: &str, before: &Numbers, after: &Numbers| {
            let difference = after.pnl.sub(before.pnl).unwrap_or_default();
            let (before, after) = (money(before.pnl), money(after.pnl));
            rows.add_row([name.to_owned(), before, after, signed(difference)]);
        };
        row("PnL conservative", &before.conservative, &after.conservative);
        row("PnL optimistic", &before.optimistic, &after.optimistic);
        rows.to_string()
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, time, strategy, instrument, side, quantity, price, refused, .. } = self;
        let id = id.as_deref().unwrap_or("new");
        write!(f, "{time}  {id:<12} {strategy} {instrument} {side} {quantity}")?;
        if let Some(price) = price {
            write!(f, " at {price}")?;
        }
        f.write_str(if *refused { ", refused" } else { "" })
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {:+.3} s", self.from, self.later_s)?;
        match &self.to.price {
            Some(price) => write!(f, " to {price}"),
            None => Ok(()),
        }
    }
}

/// A count, and the first of what was counted.
fn list(f: &mut fmt::Formatter<'_>, name: &str, of: &[impl fmt::Display]) -> fmt::Result {
    write!(f, "\n{name:<12} {}", of.len())?;
    for one in of.iter().take(SHOWN) {
        write!(f, "\n  {one}")?;
    }
    if of.len() > SHOWN {
        write!(f, "\n  and {} more (--json has all)", of.len() - SHOWN)?;
    }
    Ok(())
}

impl fmt::Display for WhatIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: what if {}", self.session, self.set.join(" and "))?;
        if self.changed.is_empty() {
            writeln!(f, "that changes nothing: it was configured so")?;
        }
        writeln!(f, "\n{}\n", self.numbers())?;
        writeln!(f, "{}\n", self.queues())?;
        write!(f, "fill model   {}", self.fill_model)?;
        if let Some(after) = &self.fill_model_after {
            write!(f, "\n  after      {after}")?;
        }
        for line in self.left_out.lines() {
            write!(f, "\n{line}")?;
        }
        let Decisions { same, altered, appeared, vanished, moved } = &self.decisions;
        write!(f, "\n\nunchanged    {same}")?;
        if *altered > 0 {
            write!(f, ", {altered} of another size or fate in risk")?;
        }
        list(f, "appeared", appeared)?;
        list(f, "vanished", vanished)?;
        list(f, "moved", moved)?;
        write!(f, "\n  within {} s", self.within_s)
    }
}
