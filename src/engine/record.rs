//! A record: one thing that the engine did or decided, in its own words and without formatting.
//!
//! Records are the truth; log lines, metrics, the screen and `explain` are views of them. They are
//! encoded with postcard (see `docs/decision-record.md`), hashed in order, and compared on replay.

use serde::{Deserialize, Serialize};

pub use super::check::{Check, CheckKind, Refusal, RiskReport};
pub use super::levels::{ExitChange, ExitReport, Levels};
use super::news::News;
pub use super::sizing::{SizeRule, Sizing};
pub use super::summary::{Blocked, Miss, Summary};
use crate::domain::{
    Account, AccountId, BookLoss, Cause, DecisionId, InstrumentId, Money, Num, Order, OrderEvent,
    OrderId, OrderRequest, Position, Quantity, Quote, RejectReason, Side, StrategyId, UnixNanos,
};
use crate::strategy::{Bar, Form, LogLine, RuleTexts, Trigger, Truth};

/// Where records go. Called in order, once per record.
pub trait Outlet {
    /// Takes one record.
    fn record(&mut self, record: &Record);
}

/// An outlet that nobody listens at.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Outlet for Nobody {
    fn record(&mut self, _: &Record) {}
}

impl Outlet for Vec<Record> {
    fn record(&mut self, record: &Record) {
        self.push(record.clone());
    }
}

/// One thing the engine did.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The run started from this account.
    Started(Account),
    /// The first use of a set of value names and rule trees by a strategy.
    Form {
        /// Whose.
        strategy: StrategyId,
        /// The number evaluations refer to, counted per run from 0.
        form: u16,
        /// The names and trees.
        body: Form,
    },
    /// A strategy evaluated an event.
    Evaluation(Evaluation),
    /// A decision wants an order.
    Signal(Signal),
    /// An external runner is asked to evaluate an event.
    Ask {
        /// Whom.
        strategy: StrategyId,
        /// For which instrument.
        instrument: InstrumentId,
        /// The input that it is about.
        cause: Cause,
        /// The event.
        trigger: Trigger,
    },
    /// All risk checks of a would-be order, and the verdict.
    Risk(RiskReport),
    /// An order was approved and goes to the venue, with the market it saw.
    Order {
        /// What is asked of the venue.
        request: OrderRequest,
        /// When.
        time: UnixNanos,
        /// Which input caused it.
        cause: Cause,
        /// Best bid and ask at that moment.
        arrival: Option<Quote>,
    },
    /// Something happened to an order.
    OrderEvent(OrderEvent),
    /// A position changed by a fill.
    Position {
        /// Whose.
        strategy: StrategyId,
        /// In which instrument.
        instrument: InstrumentId,
        /// The order that filled.
        order: OrderId,
        /// When.
        time: UnixNanos,
        /// Before the fill.
        before: Position,
        /// After the fill.
        after: Position,
    },
    /// The account after a fill.
    Account(AccountState),
    /// Trading became active, reduce-only, halted or flattening.
    Trading {
        /// When.
        time: UnixNanos,
        /// What is allowed from here.
        state: TradingState,
    },
    /// An instrument's book became trusted.
    BookSynced {
        /// Which instrument.
        instrument: InstrumentId,
        /// When.
        time: UnixNanos,
        /// The venue's update id.
        update_id: u64,
    },
    /// An instrument's book was discarded.
    BookLost {
        /// Which instrument.
        instrument: InstrumentId,
        /// When.
        time: UnixNanos,
        /// Why.
        reason: BookLoss,
    },
    /// A strategy took other rules.
    Revised {
        /// Which strategy.
        strategy: StrategyId,
        /// When.
        time: UnixNanos,
        /// Its rules until now.
        before: RuleTexts,
        /// Its rules from here.
        after: RuleTexts,
    },
    /// The exits of a position were armed, moved, reached or are gone.
    Exit(ExitReport),
    /// An instrument's past was told: strategies have seen it, and decide from here.
    Joined {
        /// Which instrument.
        instrument: InstrumentId,
        /// When.
        time: UnixNanos,
        /// Past bars that were closed, of all kinds.
        bars: u32,
        /// False when the venue's answer did not come in time.
        whole: bool,
    },
    /// A bar was closed that does not hold just what came with the stream.
    BarClosed {
        /// Of which instrument.
        instrument: InstrumentId,
        /// When.
        time: UnixNanos,
        /// The bar; `repaired` or `partial`.
        bar: Bar,
    },
    /// A trade came after its bar was closed: counted, never applied.
    LateTrade {
        /// Of which instrument.
        instrument: InstrumentId,
        /// When.
        time: UnixNanos,
        /// The venue's trade id.
        trade: u64,
        /// When it happened at the venue.
        ts_venue: UnixNanos,
    },
    /// A strategy is paused by an operator or because it panicked, or goes on.
    Paused {
        /// When.
        time: UnixNanos,
        /// Whose entries stop or may come again.
        strategy: StrategyId,
        /// Stop.
        paused: bool,
        /// The decision in which it panicked; `None` when an operator wants it.
        failed: Option<DecisionId>,
    },
    /// The run goes on where the account's last one ended.
    Resumed(Resumed),
    /// What a strategy evaluated in an instrument during a minute, where some of it was no news.
    Summary(Summary),
    /// Every evaluation of an instrument is written for a while, or no longer.
    Trace {
        /// When.
        time: UnixNanos,
        /// Which instrument.
        instrument: InstrumentId,
        /// Until when; `None` where it ends.
        until: Option<UnixNanos>,
        /// Evaluations in it so far.
        evaluations: u64,
    },
}

/// What a run goes on with.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Resumed {
    /// When.
    pub time: UnixNanos,
    /// The last engine time of the run before.
    pub from: UnixNanos,
    /// What the account holds.
    pub state: AccountState,
    /// Equity when the UTC day began, if the account was valued before.
    pub day_start: Option<Num>,
    /// Highest equity ever, likewise.
    pub peak: Option<Num>,
    /// Positions that are not flat.
    pub positions: u32,
    /// Orders that have not ended.
    pub orders: Vec<Order>,
}

/// The numbers of one evaluation. Names and trees are in its form; NaN stands for "missing".
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Evaluation {
    /// Whose, and the how-manieth.
    pub id: DecisionId,
    /// For which instrument.
    pub instrument: InstrumentId,
    /// Which input caused it.
    pub cause: Cause,
    /// Engine time.
    pub time: UnixNanos,
    /// The event that was evaluated.
    pub trigger: Trigger,
    /// Which form the numbers belong to.
    pub form: u16,
    /// Named values now, in the form's order.
    pub values: Vec<f64>,
    /// Named values at the evaluation before.
    pub previous: Vec<f64>,
    /// Literal operands in order of appearance.
    pub literals: Vec<f64>,
    /// One truth per node of the form.
    pub truths: Vec<Truth>,
    /// What came of it.
    pub outcome: Outcome,
    /// Lines that the strategy logged.
    pub logs: Vec<LogLine>,
    /// Why it is worth writing.
    pub news: News,
}

/// What came of an evaluation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It wants this many orders.
    Signal {
        /// How many intents.
        intents: u16,
    },
    /// Nothing, and this stopped it first.
    NoSignal(Blocker),
    /// Nothing, because a value is still missing.
    NotReady {
        /// Index of the missing value in the form; `None` when the strategy named none.
        missing: Option<u16>,
    },
    /// It was not asked, or what it wants is not acted on.
    Suppressed(Suppression),
    /// Nothing, because its own code went wrong.
    Error(Fault),
}

/// What went wrong in a strategy's own code, in its words, cleaned and at most
/// [`FAULT_CHARACTERS`](super::calling::FAULT_CHARACTERS) long.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It panicked: from here it opens nothing.
    Panicked(String),
    /// It said that it cannot decide.
    Failed(String),
}

impl Outcome {
    /// It wants orders.
    pub fn is_signal(&self) -> bool {
        matches!(self, Self::Signal { .. })
    }

    /// Equal but for the words of a fault, which may hold numbers.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Error(Fault::Panicked(_)), Self::Error(Fault::Panicked(_)))
            | (Self::Error(Fault::Failed(_)), Self::Error(Fault::Failed(_))) => true,
            _ => self == other,
        }
    }
}

/// Why a strategy was not asked, or why its wish was dropped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suppression {
    /// The instrument's book is not in sync.
    BookNotTrusted,
    /// An external runner has not answered yet.
    AwaitingReply,
    /// An order of it in the instrument is still on its way: wishing again would double it.
    OrderInFlight,
    /// An operator paused the strategy, and it wants nothing but to enter.
    Paused,
}

/// What stopped a decision first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocker {
    /// The leaf at this index of the form's nodes.
    Rule(u16),
    /// No rule was decided at all.
    NoRule,
    /// The bar is partial: no rule on it is true or false.
    BarIncomplete,
}

/// A decision's wish for one order, before risk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signal {
    /// Which decision.
    pub decision: DecisionId,
    /// In which instrument.
    pub instrument: InstrumentId,
    /// When.
    pub time: UnixNanos,
    /// Buy or sell.
    pub side: Side,
    /// As wished, before flooring; zero when nothing is held to close.
    pub wanted: Quantity,
    /// After flooring to the lot.
    pub quantity: Quantity,
    /// It may only reduce the position.
    pub reduce_only: bool,
    /// Every leaf of the trees that hold has operands, and one holds.
    pub explained: bool,
    /// How the quantity came about.
    pub sizing: Sizing,
}

/// What trading allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingState {
    /// Everything within the limits.
    #[default]
    Active,
    /// Only orders that reduce a position.
    ReduceOnly(StopReason),
    /// Nothing.
    Halted(StopReason),
    /// Only what an operator sends to close positions, until resumed.
    Flattening,
}

/// Why trading is not wholly active.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The day's loss reached its limit.
    DailyLoss,
    /// The fall from the equity peak reached its limit.
    Drawdown,
    /// A person said so.
    Operator,
    /// A number overflowed: what is held is no longer certain.
    Arithmetic,
}

/// The account after a change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AccountState {
    /// Which account.
    pub account: AccountId,
    /// When.
    pub time: UnixNanos,
    /// What it holds.
    pub balances: Vec<Money>,
    /// What open orders hold back.
    pub locked: Vec<Money>,
    /// Everything in the reporting asset; `None` when a conversion is missing.
    pub equity: Option<Num>,
}

/// A venue's refusal, for consumers that only want the word.
pub fn reject_text(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::PriceFilter => "price filter",
        RejectReason::LotSize => "lot size",
        RejectReason::MinNotional => "minimum notional",
        RejectReason::InsufficientBalance => "insufficient balance",
        RejectReason::WouldCross => "would cross",
        RejectReason::DuplicateOrder => "duplicate order",
        RejectReason::NoLiquidity => "no liquidity",
        RejectReason::VenueState => "venue state",
    }
}
