//! A view: what is visible of a run at one moment, as plain serialisable data.
//!
//! Built at most every 20 ms and published as an `Arc`; nothing in it borrows from the engine, so
//! freezing the screen is holding the `Arc`, and a remote screen is sending it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::record::{Check, Levels, Sizing, TradingState};
use crate::domain::{
    Level, Liquidity, Nanos, Num, OrderKind, OrderState, Price, Quantity, Side, Signed, UnixNanos,
};
use crate::strategy::{Bar, BarKind, LogLine, Op, Trigger, Truth};

/// What kind of run it is; the word on the badge.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The embedded synthetic market.
    #[default]
    Demo,
    /// Paper fills on a venue's real market data.
    Paper,
    /// A recorded session again.
    Replay,
    /// A recorded tape as fast as possible.
    Backtest,
    /// Real money.
    Live,
}

impl Mode {
    /// `DEMO`, `PAPER`, …
    pub fn badge(self) -> &'static str {
        match self {
            Self::Demo => "DEMO",
            Self::Paper => "PAPER",
            Self::Replay => "REPLAY",
            Self::Backtest => "BACKTEST",
            Self::Live => "LIVE",
        }
    }
}

/// Everything a screen shows.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct EngineView {
    /// Rises with each published view.
    pub version: u64,
    /// Engine time.
    pub now: UnixNanos,
    /// The run and what it is allowed.
    pub run: RunView,
    /// The account.
    pub account: AccountView,
    /// One per instrument, in configuration order.
    pub instruments: Vec<Arc<InstrumentView>>,
    /// One per strategy, in configuration order.
    pub strategies: Vec<Arc<StrategyView>>,
    /// Positions that are not flat or that traded, by strategy and instrument.
    pub positions: Vec<PositionView>,
    /// Open orders first, then the newest ended ones (50 at most).
    pub orders: Vec<Arc<OrderView>>,
    /// Newest last, 500 at most: signals, refusals, and non-decisions whose first blocker changed.
    pub decisions: Vec<Arc<DecisionView>>,
    /// Newest last, 1,000 at most; filled in by the app.
    pub log: Vec<Arc<LogView>>,
    /// Filled in by the app.
    pub health: HealthView,
    /// Where in a recording this is; `None` for a run that is live. Filled in by the app.
    pub replay: Option<Arc<ReplayView>>,
}

impl EngineView {
    /// It trades real money now: the past of such a run does not.
    pub fn is_real_money(&self) -> bool {
        self.run.mode == Mode::Live && self.replay.is_none()
    }
}

/// A place in a recording, and how it is played.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ReplayView {
    /// The session.
    pub session: String,
    /// It plays; else it waits for a key.
    pub playing: bool,
    /// How many times as fast as it was; 0 as fast as possible.
    pub speed: u32,
    /// The last input taken.
    pub seq: u64,
    /// The last input of the recording, as far as it is known.
    pub last_seq: u64,
    /// When the recording begins.
    pub began: UnixNanos,
    /// When it ends, as far as it is known.
    pub ends: UnixNanos,
    /// How long until the next decision that wants an order, as far as it is known.
    pub next_decision: Option<u64>,
    /// Records that are proven equal to what was recorded, and by how many marks.
    pub proven: (u64, u64),
    /// Where they part, in words; empty while they are equal.
    pub parted: String,
    /// What happened when, for the bar: oldest first.
    pub marks: Arc<Vec<ReplayMark>>,
    /// What ends playing: `decision`, `refusal`, `fill`, `reconnect`, `gap`.
    pub breaks: Vec<String>,
    /// The expression over values that ends playing when it becomes true; empty for none.
    pub expression: String,
    /// Why it waits: `decision k7f3-0-0412`, `ema_fast > ema_slow`, `the end`; empty for no reason.
    pub stopped_by: String,
    /// It stands beside its living run, which goes on.
    pub beside_live: bool,
}

/// Something on the bar of a recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReplayMark {
    /// When.
    pub time: UnixNanos,
    /// What.
    pub kind: ReplayMarkKind,
}

/// What is marked on the bar of a recording: `△` signal, `▲` fill, `x` refusal, `!` gap or reconnect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayMarkKind {
    /// A decision wanted an order.
    Signal,
    /// An order filled.
    Fill,
    /// Risk or the venue refused an order.
    Refusal,
    /// A book or the line was lost.
    Gap,
}

/// The run and its state.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct RunView {
    /// The run's whole id.
    pub id: String,
    /// The prefix of its ids outside.
    pub prefix: String,
    /// The badge.
    pub mode: Mode,
    /// `synthetic market`, `binance`.
    pub market: String,
    /// What trading allows.
    pub trading: TradingState,
    /// When the run began.
    pub started: UnixNanos,
    /// Inputs so far.
    pub inputs: u64,
    /// Evaluations so far.
    pub evaluations: u64,
    /// Signals so far.
    pub signals: u64,
    /// Orders sent so far.
    pub orders: u64,
    /// Orders refused by risk so far.
    pub refusals: u64,
    /// Fills so far.
    pub fills: u64,
    /// The fill model, in words.
    pub fill_model: String,
}

/// The account in its reporting asset.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct AccountView {
    /// Its name.
    pub name: String,
    /// The reporting asset's name.
    pub asset: String,
    /// Everything at mark; `None` when a conversion is missing.
    pub equity: Option<Num>,
    /// Equity at the start of the UTC day (or of the run).
    pub day_start: Option<Num>,
    /// Highest equity so far.
    pub peak: Option<Num>,
    /// Fall from the peak as a ratio, 0 to 1.
    pub drawdown: Option<Num>,
    /// Sum of all positions' realised PnL, fees not counted.
    pub realised: Num,
    /// Sum of all positions' unrealised PnL at mark.
    pub unrealised: Num,
    /// Sum of all fees, valued in quote asset.
    pub fees: Num,
    /// Sum of all positions' absolute values at mark.
    pub gross_exposure: Num,
    /// The limit of it.
    pub max_gross_exposure: Option<Num>,
    /// Orders in the last second and the limit.
    pub order_rate: (u32, u32),
    /// Asset name, balance, locked.
    pub balances: Vec<(String, Num, Num)>,
}

/// One instrument.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct InstrumentView {
    /// The venue's symbol.
    pub symbol: String,
    /// Fractional digits of prices.
    pub price_digits: u32,
    /// Fractional digits of quantities.
    pub quantity_digits: u32,
    /// Last trade's price.
    pub last: Option<Price>,
    /// Its aggressor.
    pub last_side: Option<Side>,
    /// Price of the first trade of the run, for the change column.
    pub first: Option<Price>,
    /// Quote asset traded since the run began.
    pub turnover: Num,
    /// Bids from the best outwards, 20 at most.
    pub bids: Vec<Level>,
    /// Asks from the best outwards, 20 at most.
    pub asks: Vec<Level>,
    /// The book is in sync.
    pub synced: bool,
    /// All streams deliver.
    pub live: bool,
    /// The venue's update id of the book.
    pub update_id: u64,
    /// Age of the newest event by venue time, corrected by the smallest offset seen, in nanoseconds.
    pub age_ns: Option<u64>,
    /// Engine time of the last event of any kind.
    pub last_event: UnixNanos,
    /// Newest trades, newest last, 30 at most: time, aggressor, quantity, price.
    pub trades: Vec<(UnixNanos, Side, Quantity, Price)>,
    /// Closed bars, oldest first, 600 at most, in shared chunks.
    pub bars: Arc<Vec<Bar>>,
    /// The bar that is open.
    pub open_bar: Option<Bar>,
    /// What ends a bar.
    pub bar_kind: Option<BarKind>,
    /// Trades that came after their bar was closed.
    pub late_trades: u64,
    /// Signals, fills and refusals to mark on the chart, newest last, 200 at most.
    pub markers: Vec<Marker>,
    /// Books lost so far.
    pub gaps: u64,
}

/// A mark on the chart.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Marker {
    /// Venue time, to find its bar.
    pub time: UnixNanos,
    /// At which price.
    pub price: Price,
    /// What it marks.
    pub kind: MarkerKind,
    /// Buy or sell.
    pub side: Side,
    /// The decision's id as shown.
    pub decision: String,
}

/// What a chart mark means: `△▽` signal, `▲▼` fill, `x` refused or rejected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkerKind {
    /// A signal.
    Signal,
    /// A fill.
    Fill,
    /// A refusal by risk, or a rejection by the venue.
    Blocked,
}

/// One strategy over its instruments.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct StrategyView {
    /// Its configured name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// `bars:1s`, `trades`.
    pub feed: String,
    /// Parameters by name.
    pub params: Vec<(String, f64)>,
    /// Rules as configured: key and text.
    pub rules: Vec<(String, String)>,
    /// Evaluations so far.
    pub evaluations: u64,
    /// Signals so far.
    pub signals: u64,
    /// Orders whose guarding leaves all have operands, and all orders.
    pub explained: (u64, u64),
    /// How often each blocker came first: its text and count, most frequent first.
    pub blockers: Vec<(String, u64)>,
    /// The last evaluation for each of its instruments.
    pub last: Vec<Arc<EvaluationView>>,
    /// An operator paused it: it opens nothing.
    pub paused: bool,
}

/// One evaluation with its names resolved.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EvaluationView {
    /// The decision's id as shown: `k7f3-1-0412`.
    pub id: String,
    /// Whose.
    pub strategy: String,
    /// The venue's symbol.
    pub symbol: String,
    /// Engine time.
    pub time: UnixNanos,
    /// The input's number on the tape.
    pub seq: u64,
    /// The event that was evaluated.
    pub trigger: Trigger,
    /// Named values.
    pub values: Vec<ValueView>,
    /// One rule tree per `decide` call.
    pub rules: Vec<RuleView>,
    /// What came of it, in one word: `signal`, `no signal`, `not ready`, `suppressed`, `error`.
    pub outcome: String,
    /// What stopped it first, in one line with its numbers; empty for a signal.
    pub blocker: String,
    /// Lines that the strategy logged.
    pub logs: Vec<LogLine>,
}

/// A named value of an evaluation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ValueView {
    /// Its name.
    pub name: String,
    /// Now; `None` is missing.
    pub now: Option<f64>,
    /// At the evaluation before.
    pub previous: Option<f64>,
    /// A configured parameter.
    pub parameter: bool,
}

/// A labelled rule tree.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RuleView {
    /// The label given to `decide`.
    pub label: String,
    /// The root.
    pub root: NodeView,
}

/// A node of a rule tree with its result.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NodeView {
    /// What it says: `ema_fast crosses above ema_slow`, `all of`, `any of`, `not`.
    pub text: String,
    /// Its result.
    pub truth: Truth,
    /// The comparison, for a leaf.
    pub leaf: Option<LeafView>,
    /// Subtrees.
    pub children: Vec<NodeView>,
    /// It is what stopped the decision first.
    pub first_blocker: bool,
}

/// A comparison with both operands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LeafView {
    /// Name of the left operand, or its number.
    pub left: String,
    /// How they are compared.
    pub op: Op,
    /// Name of the right operand, or its number.
    pub right: String,
    /// Left now and before; `None` is missing.
    pub left_values: (Option<f64>, Option<f64>),
    /// Right now and before; `None` is missing.
    pub right_values: (Option<f64>, Option<f64>),
    /// Left minus right now: how close it was.
    pub margin: Option<f64>,
}

/// A row of the decisions pane, and the whole chain below it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DecisionView {
    /// The evaluation.
    pub evaluation: Arc<EvaluationView>,
    /// The order it wanted, before risk.
    pub signal: Option<SignalView>,
    /// Every risk check; empty without a signal.
    pub checks: Vec<Check>,
    /// The check that refused it, in one line with its numbers; empty when approved.
    pub refusal: String,
    /// The order and what became of it.
    pub order: Option<Arc<OrderView>>,
    /// Signed quantity before and after the fills.
    pub position: Option<(Signed, Signed)>,
    /// Average entry after the fills.
    pub average_entry: Option<Price>,
    /// Realised PnL that the fills made, fees not counted.
    pub realised: Option<Num>,
    /// From when its input could be read until it was decided, in nanoseconds; `None` where nobody
    /// measured.
    pub decided_after: Option<u64>,
    /// Times it repeated with the same first blocker, this one counted.
    pub repeated: u64,
    /// `FILLED`, `OPEN`, `REFUSED`, `BLOCKED`, `WARMING`, …
    pub state: String,
}

/// The order a decision wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignalView {
    /// Buy or sell.
    pub side: Side,
    /// As wished.
    pub wanted: Quantity,
    /// After flooring to the lot.
    pub quantity: Quantity,
    /// How it came about.
    pub sizing: Sizing,
}

/// An order and what became of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OrderView {
    /// Its id as shown, also the client order id: `k7f3-1-o0007`.
    pub id: String,
    /// The decision's id as shown.
    pub decision: String,
    /// Whose.
    pub strategy: String,
    /// The venue's symbol.
    pub symbol: String,
    /// Buy or sell.
    pub side: Side,
    /// Market or limit.
    pub kind: OrderKind,
    /// How much.
    pub quantity: Quantity,
    /// Executed so far.
    pub filled: Quantity,
    /// Average execution price.
    pub average_price: Option<Price>,
    /// Where it is in its life.
    pub state: OrderState,
    /// The venue's id, once known.
    pub venue_order_id: Option<u64>,
    /// Best bid and ask when it was sent.
    pub arrival: Option<(Price, Price)>,
    /// Created, acknowledged, last event.
    pub created: UnixNanos,
    /// When the venue took it.
    pub acknowledged: Option<UnixNanos>,
    /// Last event.
    pub updated: UnixNanos,
    /// Its fills.
    pub fills: Vec<FillView>,
    /// Why the venue refused it; empty otherwise.
    pub reject: String,
}

/// A fill of an order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FillView {
    /// When.
    pub time: UnixNanos,
    /// The venue's trade id.
    pub trade_id: u64,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// What it cost, and in which asset.
    pub fee: Num,
    /// The fee's asset.
    pub fee_asset: String,
}

/// A strategy's position in an instrument.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PositionView {
    /// Whose.
    pub strategy: String,
    /// The venue's symbol.
    pub symbol: String,
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
    /// Fees paid, valued in quote asset.
    pub fees: Num,
    /// When it left flat.
    pub opened: UnixNanos,
    /// Held but too small to sell: below the lot or the minimum notional.
    pub dust: bool,
    /// Fills so far.
    pub fills: u64,
    /// Where it is closed by itself.
    pub exits: Levels,
}

/// A log line for the log pane.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogView {
    /// When.
    pub time: UnixNanos,
    /// `INFO`, `WARN`, `ERROR`, `DEBUG`.
    pub level: String,
    /// The event's name: `feed.connected`.
    pub event: String,
    /// What it says, cleaned.
    pub message: String,
    /// The decision or order id it belongs to; empty otherwise.
    pub id: String,
}

/// Something that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LintView {
    /// `FeedStale`: its alert, and its section in the runbook.
    pub name: String,
    /// It, in a sentence.
    pub sentence: String,
}

/// A stage of the way from a readable socket to a told decision.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StageView {
    /// `decode`, `engine`.
    pub name: String,
    /// Units of its work in the last second.
    pub per_second: f64,
    /// 99 % of them take at most so many microseconds; `None` before the first.
    pub p99_us: Option<f64>,
}

/// A stream of an instrument.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StreamView {
    /// The venue's symbol.
    pub symbol: String,
    /// `trade`, `quote`, `depth`.
    pub channel: String,
    /// When it delivered last; 0 before it ever did.
    pub last: UnixNanos,
    /// The longest time between two that is normal; `None` is any.
    pub expected: Option<Nanos>,
    /// When it delivered last before the time became too long.
    pub starved: Option<UnixNanos>,
}

/// Connections, queues and losses.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct HealthView {
    /// Connection name, up, detail, reconnects.
    pub connections: Vec<ConnectionView>,
    /// Every bounded queue.
    pub queues: Vec<QueueView>,
    /// Messages per second over the last second.
    pub messages_per_second: f64,
    /// Receive to decision, in microseconds: p50, p99, max; `None` before the first.
    pub latency_us: Option<(f64, f64, f64)>,
    /// Where metrics are served: `127.0.0.1:9746`; empty when not.
    pub metrics_address: String,
    /// Bytes on tape so far.
    pub tape_bytes: u64,
    /// Log lines lost so far.
    pub log_dropped: u64,
    /// Full sentences about what is wrong; empty when all is well.
    pub warnings: Vec<LintView>,
    /// Every stream of every instrument.
    pub streams: Vec<StreamView>,
    /// The stages from a readable socket to a told decision.
    pub stages: Vec<StageView>,
    /// 99 % of the decisions of the last minute or two took at most so many microseconds.
    pub recent_p99_us: Option<f64>,
}

/// A connection.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConnectionView {
    /// `binance market data`.
    pub name: String,
    /// It is up.
    pub up: bool,
    /// `live`, `connecting, attempt 3`, …
    pub state: String,
    /// How often it was connected again.
    pub reconnects: u64,
}

/// A bounded queue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QueueView {
    /// `tape`, `log`, `metrics`, `commands`.
    pub name: String,
    /// Held now.
    pub depth: u64,
    /// At most.
    pub capacity: u64,
    /// Most ever held.
    pub high_water: u64,
    /// Lost so far.
    pub dropped: u64,
}
