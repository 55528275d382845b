//! The checks of risk as they are recorded: each with what was measured and with its limit.

use serde::{Deserialize, Serialize};

use crate::domain::{DecisionId, InstrumentId, Num, OrderId, Price, Quantity, Side, UnixNanos};

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
