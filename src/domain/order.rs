//! An order and the life it may have.
//!
//! ```text
//! Created ─► Denied*                        our own risk check refused it
//!    └─────► Submitting ─► Rejected*        the venue refused it
//!                 └──────► Working ◄─► PartiallyFilled ─► Filled*
//!                             └──► CancelPending ─► Canceled* | back | Filled*
//!                             └──► Expired*
//! any of the middle ──► Unknown             the outcome is not known (time-out, lost line)
//! Unknown ──► any venue state               only by the venue's own evidence, never by a timer
//! ```
//! `*` ends it. A fill may arrive before the acknowledgement (it implies acceptance) and after the
//! cancellation (it is absorbed and flagged as late). `AmendPending` is reserved.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::decimal::{Num, NumError};
use super::id::{AccountId, Cause, DecisionId, InstrumentId, OrderId};
use super::money::{Money, Price, Quantity};
use super::time::UnixNanos;

/// Buy or sell. Absence is `Option<Side>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Buy.
    Buy,
    /// Sell.
    Sell,
}

impl Side {
    /// The other side.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// `BUY` or `SELL`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }
}

/// How a fill met the book.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Liquidity {
    /// It rested and was hit.
    Maker,
    /// It crossed the spread.
    Taker,
}

/// How long an order stays.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Good till canceled.
    Gtc,
    /// Immediate or cancel: what does not fill at once expires.
    Ioc,
    /// Fill or kill: all at once or nothing.
    Fok,
}

/// What kind of order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// At whatever price the book gives.
    Market,
    /// At this price or better.
    Limit {
        /// The worst acceptable price.
        price: Price,
        /// How long it stays.
        time_in_force: TimeInForce,
    },
    /// Only as a maker: rejected if it would cross.
    LimitMaker {
        /// The resting price.
        price: Price,
    },
}

impl OrderKind {
    /// The limit price, when there is one.
    pub fn price(self) -> Option<Price> {
        match self {
            Self::Market => None,
            Self::Limit { price, .. } | Self::LimitMaker { price } => Some(price),
        }
    }
}

/// What is asked of the venue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Ours, unique in the run.
    pub id: OrderId,
    /// Which decision wanted it.
    pub decision: DecisionId,
    /// For which account.
    pub account: AccountId,
    /// In which instrument.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Market or limit.
    pub kind: OrderKind,
    /// How much.
    pub quantity: Quantity,
    /// True when it may only reduce the position.
    pub reduce_only: bool,
}

/// A part or the whole of an order was executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fill {
    /// Of which order.
    pub order: OrderId,
    /// The venue's trade id, unique per instrument.
    pub trade_id: u64,
    /// At which price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// What it cost, in the asset it was taken in.
    pub fee: Money,
}

/// Where an order is in its life. See the drawing above.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Built, not yet checked.
    Created,
    /// Refused by our risk checks. Ends.
    Denied,
    /// On its way, no answer yet.
    Submitting,
    /// Accepted and resting.
    Working,
    /// Accepted, filled in part.
    PartiallyFilled,
    /// Cancellation asked for, no answer yet.
    CancelPending,
    /// Amendment asked for; reserved, not reached yet.
    AmendPending,
    /// The outcome is not known.
    Unknown,
    /// Wholly filled. Ends.
    Filled,
    /// Canceled. Ends, but may absorb a late fill.
    Canceled,
    /// Refused by the venue. Ends.
    Rejected,
    /// Ended by its time in force. Ends.
    Expired,
}

impl OrderState {
    /// True when nothing but a late fill can happen any more.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Denied | Self::Filled | Self::Canceled | Self::Rejected | Self::Expired
        )
    }

    /// The word on screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Denied => "DENIED",
            Self::Submitting => "SENT",
            Self::Working => "OPEN",
            Self::PartiallyFilled => "PARTIAL",
            Self::CancelPending => "CANCELING",
            Self::AmendPending => "AMENDING",
            Self::Unknown => "UNKNOWN",
            Self::Filled => "FILLED",
            Self::Canceled => "CANCELED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// Why a venue refused an order, normalised over venues.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// The price is no multiple of the tick size, or outside its bounds.
    PriceFilter,
    /// The quantity is no multiple of the lot size, or outside its bounds.
    LotSize,
    /// The value is below the minimum notional.
    MinNotional,
    /// The account does not hold enough.
    InsufficientBalance,
    /// A maker-only order would have crossed.
    WouldCross,
    /// The client order id is in use.
    DuplicateOrder,
    /// No book, or nothing to trade against.
    NoLiquidity,
    /// The venue's own state does not allow it.
    VenueState,
}

/// What happened to an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderEventKind {
    /// Our risk checks refused it.
    Denied,
    /// It was handed to the gateway.
    Submitted,
    /// The venue took it.
    Accepted {
        /// The venue's own order id.
        venue_order_id: u64,
    },
    /// The venue refused it.
    Rejected(RejectReason),
    /// It was executed, in part or whole.
    Filled(Fill),
    /// We asked to cancel.
    CancelRequested,
    /// The venue refused to cancel: it is as it was before.
    CancelRejected,
    /// The venue canceled it.
    Canceled,
    /// Its time in force ended it.
    Expired,
    /// No answer, or the line was lost: the outcome is not known.
    OutcomeUnknown,
}

/// An order event, with where it belongs and why it happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderEvent {
    /// Which order.
    pub order: OrderId,
    /// When, in engine time.
    pub time: UnixNanos,
    /// Which input caused it.
    pub cause: Cause,
    /// What happened.
    pub kind: OrderEventKind,
}

/// An event that the drawing does not allow in the order's state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum TransitionError {
    /// No arrow leads from this state by this event.
    #[error("an order that is {from:?} cannot take this event")]
    NotDrawn {
        /// The state it was in.
        from: OrderState,
    },
    /// The same trade id came twice.
    #[error("trade {0} is already counted")]
    DuplicateFill(u64),
    /// The fill is larger than what is left.
    #[error("the fill exceeds what is left of the order")]
    Overfill,
    /// Arithmetic failed.
    #[error(transparent)]
    Number(#[from] NumError),
}

/// An order: the request and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Order {
    /// What was asked.
    pub request: OrderRequest,
    /// Where it is now.
    pub state: OrderState,
    /// The venue's id, once known.
    pub venue_order_id: Option<u64>,
    /// Executed so far.
    pub filled: Quantity,
    /// Value executed so far, in quote asset; divided by `filled` it is the average price.
    pub filled_value: Num,
    /// Trade ids counted so far, so that a repeated fill counts once.
    pub trade_ids: Vec<u64>,
    /// Created at.
    pub created: UnixNanos,
    /// Last event at.
    pub updated: UnixNanos,
    /// A fill came after the cancellation.
    pub late_fill: bool,
    /// It is to be canceled as soon as the venue has taken it.
    pub cancel_wanted: bool,
    /// Why the venue refused it.
    pub reject_reason: Option<RejectReason>,
}

impl Order {
    /// A new order, not yet checked.
    pub fn new(request: OrderRequest, now: UnixNanos) -> Self {
        Self {
            request,
            state: OrderState::Created,
            venue_order_id: None,
            filled: Quantity::ZERO,
            filled_value: Num::ZERO,
            trade_ids: Vec::new(),
            created: now,
            updated: now,
            late_fill: false,
            cancel_wanted: false,
            reject_reason: None,
        }
    }

    /// What is not executed yet.
    pub fn remaining(&self) -> Quantity {
        self.request.quantity.saturating_sub(self.filled)
    }

    /// The average execution price.
    pub fn average_price(&self) -> Option<Price> {
        self.filled_value.div(self.filled.num()).ok().map(Price::new)
    }

    /// True while it counts in limits: not ended, `Unknown` included at full size.
    pub fn is_open(&self) -> bool {
        !self.state.is_terminal()
    }

    /// True while the venue holds it and may be asked to cancel it.
    pub fn is_resting(&self) -> bool {
        matches!(self.state, OrderState::Working | OrderState::PartiallyFilled)
    }

    /// Takes one event. On an error the order is unchanged.
    pub fn apply(&mut self, event: &OrderEvent) -> Result<(), TransitionError> {
        use OrderEventKind as E;
        use OrderState as S;
        let not_drawn = Err(TransitionError::NotDrawn { from: self.state });
        let next = match (self.state, event.kind) {
            (S::Created, E::Denied) => S::Denied,
            (S::Created, E::Submitted) => S::Submitting,
            (S::Submitting | S::Unknown, E::Rejected(_)) => S::Rejected,
            (S::Submitting | S::Unknown, E::Accepted { .. }) => self.resting(),
            (S::Working | S::PartiallyFilled, E::CancelRequested) => S::CancelPending,
            (S::CancelPending, E::CancelRejected) => self.resting(),
            (S::CancelPending | S::Unknown, E::Canceled) => S::Canceled,
            // An order that the venue ends by itself (or an IOC remainder) needs no request first.
            (S::Working | S::PartiallyFilled | S::CancelPending | S::Unknown, E::Expired) => {
                S::Expired
            }
            (
                S::Submitting | S::Working | S::PartiallyFilled | S::CancelPending,
                E::OutcomeUnknown,
            ) => S::Unknown,
            (
                S::Submitting
                | S::Working
                | S::PartiallyFilled
                | S::CancelPending
                | S::Unknown
                | S::Canceled,
                E::Filled(fill),
            ) => return self.take_fill(&fill, event.time),
            _ => return not_drawn,
        };
        match event.kind {
            E::Accepted { venue_order_id } => self.venue_order_id = Some(venue_order_id),
            E::Rejected(reason) => self.reject_reason = Some(reason),
            _ => {}
        }
        self.state = next;
        self.updated = event.time;
        Ok(())
    }

    /// The resting state that the filled quantity says.
    fn resting(&self) -> OrderState {
        if self.filled.is_zero() { OrderState::Working } else { OrderState::PartiallyFilled }
    }

    fn take_fill(&mut self, fill: &Fill, now: UnixNanos) -> Result<(), TransitionError> {
        if self.trade_ids.contains(&fill.trade_id) {
            return Err(TransitionError::DuplicateFill(fill.trade_id));
        }
        if fill.quantity > self.remaining() || fill.quantity.is_zero() {
            return Err(TransitionError::Overfill);
        }
        let filled = self.filled.add(fill.quantity)?;
        self.filled_value = self.filled_value.add(fill.price.notional(fill.quantity)?)?;
        self.filled = filled;
        self.trade_ids.push(fill.trade_id);
        self.updated = now;
        let complete = self.remaining().is_zero();
        self.state = match self.state {
            OrderState::Canceled => {
                self.late_fill = true;
                OrderState::Canceled
            }
            _ if complete => OrderState::Filled,
            OrderState::CancelPending => OrderState::CancelPending,
            _ => OrderState::PartiallyFilled,
        };
        Ok(())
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
