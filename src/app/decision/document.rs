//! The document of a decision: its whole chain as JSON, for programs.
//!
//! Made from a [`DecisionView`](crate::engine::view::DecisionView) alone, so that a running
//! instance and a recording give the same. `docs/decision-record.md` describes every field; the schema is in `app/http/openapi.json`.
//! Every key is always there: what is missing is `null`. Exact numbers are text with all their
//! digits, values of indicators are JSON numbers. All text is cleaned.

mod of_view;

use serde::Serialize;

use crate::domain::{Liquidity, Num, OrderState, Price, Quantity, Side, Signed, TimeInForce};
use crate::strategy::{LogLevel, Quality, Truth};

pub use of_view::timestamp;

/// A decision from its cause to the position it left.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Document {
    /// `k7f3-1-0412`: run, strategy, number.
    pub id: String,
    /// Whose.
    pub strategy: String,
    /// The venue's symbol.
    pub instrument: String,
    /// Engine time, RFC 3339 with nine digits.
    pub time: String,
    /// The input that caused it.
    pub cause: Cause,
    /// The event that was evaluated.
    pub trigger: Event,
    /// `signal`, `no_signal`, `not_ready`, `suppressed` or `error`.
    pub outcome: String,
    /// What stopped it first; none for a signal.
    pub blocked_by: Option<Blocker>,
    /// Named values.
    pub values: Vec<Value>,
    /// One per `decide` call.
    pub rules: Vec<Rule>,
    /// What the strategy said besides.
    pub logs: Vec<Log>,
    /// What it wanted, before risk.
    pub signal: Option<Signal>,
    /// Every risk check; none without a signal.
    pub checks: Vec<RiskCheck>,
    /// The check that refused it, with its numbers.
    pub refusal: Option<String>,
    /// The order and what became of it.
    pub order: Option<Order>,
    /// What the fills made of the position.
    pub position: Option<Position>,
    /// Realised PnL of the fills, fees not counted, in quote asset.
    pub realised: Option<Num>,
    /// Evaluations in a row with this outcome that this one stands for.
    pub repeated: u64,
    /// Where it is: `FILLED`, `OPEN`, `REFUSED`, `BLOCKED`, … as on the screen.
    pub state: String,
    /// The command that explains it in a terminal.
    pub explain: String,
}

/// The input that caused a decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Cause {
    /// Its number on the tape.
    pub seq: u64,
}

/// What was evaluated.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A trade of the market.
    Trade {
        /// The venue's id.
        trade_id: u64,
        /// At the venue.
        time: String,
        /// Its price.
        price: Price,
        /// How much.
        quantity: Quantity,
        /// Who crossed the spread.
        aggressor: Side,
    },
    /// Best bid and ask.
    Quote {
        /// The venue's id of the book.
        update_id: u64,
        /// Best bid.
        bid: Rung,
        /// Best ask.
        ask: Rung,
    },
    /// A closed bar.
    Bar {
        /// `bars:1m`, `ticks:100`.
        bar: String,
        /// Where it begins, in venue time.
        open_time: String,
        /// Where it ends.
        close_time: String,
        /// First price.
        open: Price,
        /// Highest price.
        high: Price,
        /// Lowest price.
        low: Price,
        /// Last price.
        close: Price,
        /// In base asset.
        volume: Quantity,
        /// In quote asset.
        turnover: Num,
        /// How many.
        trades: u64,
        /// Whether it holds all of them.
        quality: Quality,
    },
    /// A moment that the engine waited for.
    Due {
        /// Which.
        time: String,
    },
    /// An operator decided in the strategy's place.
    Operator,
}

/// A price and how much is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Rung {
    /// The price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
}

/// What stopped a decision first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Blocker {
    /// In one line with its numbers.
    pub text: String,
    /// Without numbers: equal for all that it stops.
    pub name: String,
}

/// A named value.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Value {
    /// Its name.
    pub name: String,
    /// Now.
    pub value: Option<f64>,
    /// At the evaluation before.
    pub previous: Option<f64>,
    /// It is a configured parameter.
    pub parameter: bool,
}

/// A labelled rule tree.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Rule {
    /// The label given to `decide`.
    pub label: String,
    /// The root.
    pub tree: Node,
}

/// A node of a rule tree.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Node {
    /// `ema_fast crosses above ema_slow`, `all of`, `any of`, `not`.
    pub text: String,
    /// `true`, `false` or `unknown`.
    pub result: Truth,
    /// Left side of a comparison.
    pub left: Option<Operand>,
    /// How the sides are compared.
    pub op: Option<&'static str>,
    /// Right side of a comparison.
    pub right: Option<Operand>,
    /// Left minus right: how close it was.
    pub margin: Option<f64>,
    /// It is what stopped the decision first.
    pub first_blocker: bool,
    /// Subtrees.
    pub children: Vec<Self>,
}

/// One side of a comparison.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Operand {
    /// The value's name, or the number that it is.
    pub expr: String,
    /// Now.
    pub value: Option<f64>,
    /// At the evaluation before.
    pub previous: Option<f64>,
}

/// A line that a strategy logged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Log {
    /// How loud.
    pub level: LogLevel,
    /// What it says.
    pub text: String,
}

/// What a decision wanted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Signal {
    /// Buy or sell.
    pub side: Side,
    /// As wished.
    pub wanted: Quantity,
    /// After flooring to the lot.
    pub quantity: Quantity,
    /// How the wished quantity came about, in one line.
    pub sizing: String,
}

/// A risk check with what was measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct RiskCheck {
    /// Which.
    pub check: &'static str,
    /// What was measured.
    pub observed: Option<Num>,
    /// What is allowed; none is no limit.
    pub limit: Option<Num>,
    /// `s`, `%` (a ratio: 0.01 is one percent), `base`, `quote`, or empty.
    pub unit: &'static str,
    /// It allows the order.
    pub passed: bool,
}

/// An order and what became of it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Order {
    /// Ours: the client order id at the venue.
    pub id: String,
    /// The decision that wanted it.
    pub decision: String,
    /// Whose.
    pub strategy: String,
    /// The venue's symbol.
    pub instrument: String,
    /// The venue's id.
    pub venue_order_id: Option<u64>,
    /// Buy or sell.
    pub side: Side,
    /// `market`, `limit` or `limit_maker`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The worst acceptable price.
    pub limit_price: Option<Price>,
    /// How long a limit order stays.
    pub time_in_force: Option<TimeInForce>,
    /// How much.
    pub quantity: Quantity,
    /// Executed so far.
    pub filled: Quantity,
    /// Average execution price.
    pub average_price: Option<Price>,
    /// Where it is in its life.
    pub state: OrderState,
    /// Best bid and ask when it was sent.
    pub arrival: Option<Arrival>,
    /// When it was created.
    pub created: String,
    /// When the venue took it.
    pub acknowledged: Option<String>,
    /// When anything last happened to it.
    pub updated: String,
    /// Why the venue refused it.
    pub reject: Option<String>,
    /// Its fills, oldest first.
    pub fills: Vec<Fill>,
}

/// The market that an order saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Arrival {
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
}

/// A fill of an order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fill {
    /// The order's id, `-f` and the how-manieth it is: `k7f3-1-o0007-f1`.
    pub id: String,
    /// When.
    pub time: String,
    /// The venue's trade id.
    pub trade_id: u64,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// What it cost.
    pub fee: Num,
    /// In which asset.
    pub fee_asset: String,
}

/// A strategy's position before and after a decision's fills.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Position {
    /// Signed quantity before.
    pub before: Signed,
    /// Signed quantity after.
    pub after: Signed,
    /// Average entry price after.
    pub average_entry: Option<Price>,
}

/// A strategy's position in an instrument as it is now.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Holding {
    /// Whose.
    pub strategy: String,
    /// The venue's symbol.
    pub instrument: String,
    /// Signed quantity.
    pub quantity: Signed,
    /// Average entry price.
    pub average_entry: Option<Price>,
    /// The price that values it.
    pub mark: Option<Price>,
    /// Unrealised PnL at mark, in quote asset.
    pub unrealised: Option<Num>,
    /// Realised PnL, fees not counted, in quote asset.
    pub realised: Num,
    /// Fees, valued in quote asset.
    pub fees: Num,
    /// When it left flat.
    pub opened: Option<String>,
    /// Held, but too small to sell.
    pub dust: bool,
    /// How many so far.
    pub fills: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::view::DecisionView;
    use crate::tui::fixture;

    fn decision(id: &str) -> DecisionView {
        let view = fixture::view();
        let found = view.decisions.iter().find(|decision| decision.evaluation.id == id);
        (**found.unwrap()).clone()
    }

    /// Lost if broken: a script that sums money from documents, by a rounding or a renamed key.
    #[test]
    fn a_filled_decision_keeps_every_digit_and_every_step() {
        let view = fixture::view();
        let filled = view.decisions.last().unwrap();
        let document = serde_json::to_value(Document::from(&**filled)).unwrap();
        let order = &document["order"];
        let fill = &order["fills"][0];
        assert_eq!(document["outcome"], "signal");
        assert_eq!(document["blocked_by"], json!(null));
        assert_eq!(document["state"], "FILLED");
        assert_eq!(document["explain"], format!("tickscope explain {}", filled.evaluation.id));
        assert_eq!(order["decision"], document["id"]);
        assert_eq!(fill["id"], format!("{}-f1", order["id"].as_str().unwrap()));
        let exact = filled.order.as_ref().unwrap();
        assert_eq!(fill["price"], exact.fills[0].price.to_string());
        assert_eq!(fill["fee"], exact.fills[0].fee.to_string());
        assert_eq!(order["quantity"], exact.quantity.to_string());
        assert_eq!(document["checks"].as_array().unwrap().len(), filled.checks.len());
        assert_eq!(
            document["time"].as_str().unwrap().len(),
            "2026-11-22T17:04:12.345000000Z".len()
        );
    }

    /// Lost if broken: "what stopped it" as a key that groups, and the mark in the tree.
    #[test]
    fn a_blocked_decision_names_its_blocker_with_and_without_numbers() {
        let view = fixture::view();
        let blocked = view.decisions.iter().find(|decision| decision.state == "BLOCKED").unwrap();
        let document = Document::from(&**blocked);
        let blocker = document.blocked_by.unwrap();
        assert_eq!(document.outcome, "no_signal");
        assert!(blocker.text.starts_with(&blocker.name) && blocker.text != blocker.name);
        assert!(document.signal.is_none() && document.order.is_none());
        assert!(document.values.iter().any(|value| value.value.is_some()));
    }

    /// Lost if broken: a terminal that a venue's text can write to, by way of a document.
    #[test]
    fn hostile_text_is_cleaned() {
        let mut view = decision(&fixture::view().decisions[0].evaluation.id);
        view.refusal = "\u{1b}]0;x\u{7}".to_owned();
        let text = serde_json::to_string(&Document::from(&view)).unwrap();
        assert!(text.contains("·]0;x·") && !text.contains("u001b"), "{text}");
    }
}
