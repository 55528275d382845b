//! `strategy check`: whether every order of the configured strategies can be explained. They are run
//! over a recording or a tape, and each order that no recorded rule guards is named.

mod census;
mod over;

use serde::Serialize;

use super::cli::StrategyCheckArgs;
use super::command;
use super::error::{AppError, Exit};
use crate::domain::{Quantity, Side};
use crate::strategy::StrategyKind;

pub use over::check;

/// Orders named for each strategy where nobody asks for all of them; further ones are counted.
const NAMED: usize = 3;

/// What a check found.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The session, or the file.
    pub tape: String,
    /// One for each configured strategy.
    pub strategies: Vec<Share>,
    /// What to type next, to see why of the first order that is named.
    pub next: Option<String>,
}

/// A strategy's share of explained orders.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Share {
    /// Its configured name.
    pub strategy: String,
    /// Orders that were sent: as many as a backtest counts.
    pub orders: u64,
    /// Those that the rules which held explain.
    pub explained: u64,
    /// Wishes for an order that were refused.
    pub refused: u64,
    /// Those of them that the rules which held explain.
    pub refused_explained: u64,
    /// What refused them, the most frequent first.
    pub refusals: Vec<Refusals>,
    /// The first ones, or all, that rules do not explain; refused ones come after the orders.
    pub unexplained: Vec<Unguarded>,
    /// Evaluations in which its code panicked: after the first it opens nothing.
    pub panics: Faults,
    /// Evaluations in which it said that it cannot decide, by `ctx.fail`.
    pub failures: Faults,
}

/// How often a check refused.
#[derive(Clone, Debug, Serialize)]
pub struct Refusals {
    /// The check's name.
    pub check: String,
    /// How often.
    pub count: u64,
}

/// An order, or a refused wish for one, that no recorded rule guards.
#[derive(Clone, Debug, Serialize)]
pub struct Unguarded {
    /// The decision that wanted it, for `explain`; null where no session has that decision.
    pub decision: Option<String>,
    /// Engine time.
    pub time: String,
    /// The number of the input on the tape.
    pub input: u64,
    /// The instrument's symbol.
    pub instrument: String,
    /// Buy or sell.
    pub side: Side,
    /// How much, after flooring to the lot.
    pub quantity: Quantity,
    /// What refused it; null for an order.
    pub refused_by: Option<String>,
    /// What it rests on instead.
    pub because: String,
}

/// What went wrong in a strategy's own code, and how often.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Faults {
    /// How often.
    pub count: u64,
    /// The first one.
    pub first: Option<FirstFault>,
}

/// The first fault.
#[derive(Clone, Debug, Serialize)]
pub struct FirstFault {
    /// Engine time.
    pub time: String,
    /// The number of the input on the tape.
    pub input: u64,
    /// The instrument's symbol.
    pub instrument: String,
    /// In its own words.
    pub text: String,
}

impl Verdict {
    /// True when no order and no refused wish is left unexplained, and nothing panicked.
    pub fn is_whole(&self) -> bool {
        self.strategies.iter().all(|share| share.lacking() == 0 && share.panics.count == 0)
    }

    /// A line for each strategy, and one for each order that is named.
    pub fn text(&self) -> String {
        let mut lines = vec![self.tape.clone()];
        for share in &self.strategies {
            lines.push(share.line());
            lines.extend(share.panics.line("panicked"));
            lines.extend(share.failures.line("could not decide (ctx.fail)"));
            lines.extend(share.unexplained.iter().map(Unguarded::line));
            let more = share.lacking().saturating_sub(share.unexplained.len() as u64);
            if more > 0 {
                lines.push(format!("    and {more} more: --all names them"));
            }
        }
        lines.extend(self.next.as_ref().map(|next| format!("next: {next}")));
        lines.join("\n")
    }
}

impl Share {
    /// Orders and refused wishes that nothing explains.
    fn lacking(&self) -> u64 {
        self.orders - self.explained + self.refused - self.refused_explained
    }

    fn line(&self) -> String {
        let Self { strategy, orders, explained, .. } = self;
        let refused = self.refused_text();
        match (orders, self.refused) {
            (0, 0) => format!("  {strategy}: no orders on this tape, so nothing to explain"),
            (0, _) => format!("  {strategy}: no orders on this tape; {refused}"),
            (_, 0) => format!(
                "  {strategy}: explained {}, {explained} of {orders} orders",
                share(*explained, *orders)
            ),
            _ => format!(
                "  {strategy}: explained {}, {explained} of {orders} orders; besides, {refused}",
                share(*explained, *orders)
            ),
        }
    }

    /// `690 were refused (position_notional 690), all of them explained`.
    fn refused_text(&self) -> String {
        let Self { refused, refused_explained, .. } = self;
        let by = |by: &Refusals| format!("{} {}", by.check, by.count);
        let by: Vec<String> = self.refusals.iter().map(by).collect();
        let explained = if refused == refused_explained {
            "all of them explained".to_owned()
        } else {
            format!("{refused_explained} of them explained")
        };
        format!("{refused} refused ({}), {explained}", by.join(", "))
    }
}

impl Unguarded {
    fn line(&self) -> String {
        let Self { time, input, instrument, side, quantity, because, .. } = self;
        let side = side.as_str();
        let decision = self.decision.as_ref().map(|id| format!("{id}  ")).unwrap_or_default();
        let refused = self.refused_by.as_ref().map(|by| format!("  refused: {by}"));
        let refused = refused.unwrap_or_default();
        format!(
            "    {decision}{instrument}  {time}  input {input}  {side} {quantity}  {because}{refused}"
        )
    }
}

impl Faults {
    fn line(&self, what: &str) -> Option<String> {
        let FirstFault { time, input, instrument, text } = self.first.as_ref()?;
        let times = if self.count == 1 { "time" } else { "times" };
        Some(format!(
            "    {what} {} {times}, first in {instrument} at {time}, input {input}: {text}",
            self.count
        ))
    }
}

/// A share in percent; only all of it is 100 %.
fn share(part: u64, whole: u64) -> String {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    format!("{percent} %")
}

/// The command.
pub fn run(args: &StrategyCheckArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let verdict = check(args, registry)?;
    if args.json {
        command::print_json(&verdict)?;
    } else {
        command::print(&verdict.text());
    }
    Ok(if verdict.is_whole() { Exit::Done } else { Exit::Invalid })
}
