//! A record: one thing that the engine did or decided, in its own words and without formatting.
//!
//! Records are the truth; log lines, metrics, the screen and `explain` are views of them. They are
//! encoded with postcard (see `docs/decision-record.md`), hashed in order, and compared on replay.

use serde::{Deserialize, Serialize};

pub use super::levels::{ExitChange, ExitReport, Levels};
use super::news::News;
use crate::domain::{
    Account, AccountId, BookLoss, Cause, DecisionId, InstrumentId, Money, Num, Order, OrderEvent,
    OrderId, OrderRequest, Position, Price, Quantity, Quote, RejectReason, Side, StrategyId,
    UnixNanos,
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

/// What a strategy evaluated in an instrument during a minute of engine time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// Whose.
    pub strategy: StrategyId,
    /// In which instrument.
    pub instrument: InstrumentId,
    /// Engine time of the first evaluation.
    pub from: UnixNanos,
    /// And of the last.
    pub until: UnixNanos,
    /// How many there were.
    pub evaluations: u64,
    /// Those that were no news: with `record.evaluations = "changes"` not written.
    pub repeats: u64,
    /// How often each blocker came first, in order of appearance.
    pub blockers: Vec<Blocked>,
    /// Evaluations with a blocker that is not among those.
    pub other_blockers: u64,
    /// The evaluation that one comparison stopped by least, of all in this minute.
    pub nearest: Option<Miss>,
}

/// How often something stopped a decision first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Blocked {
    /// The form that its outcome refers to.
    pub form: u16,
    /// What came of these evaluations.
    pub outcome: Outcome,
    /// For a rule: left and right operand when it came first. NaN otherwise.
    pub operands: [f64; 2],
    /// How often.
    pub count: u64,
}

/// An evaluation that one comparison alone stopped.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Miss {
    /// Which one.
    pub decision: DecisionId,
    /// Engine time.
    pub time: UnixNanos,
    /// Its form.
    pub form: u16,
    /// The comparison, by its index in the form's nodes.
    pub node: u16,
    /// Left and right operand.
    pub operands: [f64; 2],
    /// Their distance as a part of the larger one.
    pub ratio: f64,
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

/// How a wished quantity came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sizing {
    /// What says how much.
    pub rule: SizeRule,
    /// It is what the configuration says, not the strategy.
    pub configured: bool,
    /// What is held is closed besides.
    pub reverses: bool,
    /// The account's equity, where the rule is a ratio of it and it is known.
    pub equity: Option<Num>,
    /// What one unit of base asset counts for: the reference price, for a risk the distance to the
    /// stop. `None` where the rule needs none, or it is not known: then nothing is wanted.
    pub unit: Option<Num>,
    /// What is held that an order of this side closes.
    pub held: Quantity,
    /// How much of that is on its way to be closed.
    pub on_its_way: Quantity,
}

/// What says how much.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizeRule {
    /// This much base asset.
    Base(Quantity),
    /// What this much quote asset buys.
    Quote(Num),
    /// What this ratio of equity buys.
    Equity(Num),
    /// What loses this ratio of equity at the stop.
    Risk(Num),
    /// What is held and not on its way to be closed.
    Close,
}

impl Sizing {
    /// Closes what is held.
    pub fn closing(held: Quantity, on_its_way: Quantity) -> Self {
        let (configured, reverses) = (false, false);
        let rule = SizeRule::Close;
        Self { rule, configured, reverses, equity: None, unit: None, held, on_its_way }
    }
}

/// A risk check by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// The kill switch is not engaged: 0 ≤ 0.
    KillSwitch,
    /// Trading is active, or the order only reduces: state number against what is allowed.
    TradingState,
    /// The instrument's filters are known, and its kind can be traded.
    Instrument,
    /// The book (or the data the fill model needs) is in sync.
    DataSynced,
    /// Age of the newest market event, in seconds.
    DataAge,
    /// Seconds since anything came for the instrument.
    DataSilence,
    /// No order of unknown outcome in the instrument.
    UnknownOrder,
    /// Quantity, in base asset.
    OrderQuantity,
    /// Value, in quote asset.
    OrderNotional,
    /// The venue's minimum notional.
    MinNotional,
    /// Distance of the price from the reference, as a ratio.
    PriceCollar,
    /// Value of the instrument's position after the order, open orders counted.
    PositionNotional,
    /// Value of all positions after the order, open orders counted.
    GrossNotional,
    /// Open orders after this one.
    OpenOrders,
    /// Orders within the last second, this one counted.
    OrderRate,
    /// Loss since the start of the UTC day, in reporting asset.
    DailyLoss,
    /// Fall from the equity peak, as a ratio.
    Drawdown,
    /// What the account must have and has.
    Balance,
    /// The venue's minimum quantity and lot, in base asset.
    MinQuantity,
    /// Distance of its stop from its price, as a ratio; one that cannot be measured refuses.
    StopDistance,
}

impl CheckKind {
    /// Every check, in the order they are recorded.
    pub const ALL: [Self; 20] = [
        Self::KillSwitch,
        Self::TradingState,
        Self::Instrument,
        Self::DataSynced,
        Self::DataAge,
        Self::DataSilence,
        Self::UnknownOrder,
        Self::StopDistance,
        Self::OrderQuantity,
        Self::OrderNotional,
        Self::MinQuantity,
        Self::MinNotional,
        Self::PriceCollar,
        Self::PositionNotional,
        Self::GrossNotional,
        Self::OpenOrders,
        Self::OrderRate,
        Self::DailyLoss,
        Self::Drawdown,
        Self::Balance,
    ];

    /// Its name in logs, metrics and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KillSwitch => "kill_switch",
            Self::TradingState => "trading_state",
            Self::Instrument => "instrument",
            Self::DataSynced => "data_synced",
            Self::DataAge => "data_age",
            Self::DataSilence => "data_silence",
            Self::UnknownOrder => "unknown_order",
            Self::OrderQuantity => "order_quantity",
            Self::OrderNotional => "order_notional",
            Self::MinNotional => "min_notional",
            Self::PriceCollar => "price_collar",
            Self::PositionNotional => "position_notional",
            Self::GrossNotional => "gross_notional",
            Self::OpenOrders => "open_orders",
            Self::OrderRate => "order_rate",
            Self::DailyLoss => "daily_loss",
            Self::Drawdown => "drawdown",
            Self::Balance => "balance",
            Self::MinQuantity => "min_quantity",
            Self::StopDistance => "stop_distance",
        }
    }

    /// The unit of its numbers on screen: `""`, `s`, `%`, `base`, `quote`.
    pub fn unit(self) -> &'static str {
        match self {
            Self::DataAge | Self::DataSilence => "s",
            Self::PriceCollar | Self::StopDistance | Self::Drawdown => "%",
            Self::OrderQuantity | Self::MinQuantity => "base",
            Self::OrderNotional
            | Self::MinNotional
            | Self::PositionNotional
            | Self::GrossNotional
            | Self::DailyLoss
            | Self::Balance => "quote",
            _ => "",
        }
    }

    /// True for a check that its value must reach; the others must not pass their limit.
    pub fn is_minimum(self) -> bool {
        matches!(self, Self::MinQuantity | Self::MinNotional)
    }
}

/// One risk check with its measured value and its limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Check {
    /// Which check.
    pub kind: CheckKind,
    /// What was measured; `None` when it could not be, which refuses.
    pub observed: Option<Num>,
    /// The limit; `None` when the configuration says that there is none. Most checks are
    /// `observed <= limit`; a minimum is `>=`, a loss and a stop's distance are `<`.
    pub limit: Option<Num>,
    /// It allows the order.
    pub passed: bool,
}

/// Why an order is refused: the first check that failed, with its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// A check failed.
    Check(Check),
    /// Nothing is wished for: nothing is held to close, or no price or equity is known to size by.
    NothingToTrade,
}

/// All checks of a would-be order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RiskReport {
    /// The decision that wants it.
    pub decision: DecisionId,
    /// The order that was built.
    pub order: OrderId,
    /// In which instrument.
    pub instrument: InstrumentId,
    /// When.
    pub time: UnixNanos,
    /// Buy or sell.
    pub side: Side,
    /// How much.
    pub quantity: Quantity,
    /// Price the checks used: limit price or reference price.
    pub price: Option<Price>,
    /// Every check, whether or not one failed before it.
    pub checks: Vec<Check>,
    /// `None` when approved.
    pub refusal: Option<Refusal>,
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
