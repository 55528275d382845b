//! The engine's closed lists as [`Word`]s: one spelling for logs and metrics.

use super::word::Word;
use crate::domain::{BookLoss, Liquidity, RejectReason, Side};
use crate::engine::record::StopReason;
use crate::engine::{Blocker, CheckKind, Outcome, TradingState};
use crate::strategy::{ExitKind, Truth};

words! {
    /// What came of an evaluation.
    OutcomeWord {
        /// It wants an order.
        Signal => "signal",
        /// A rule stopped it.
        NoSignal => "no_signal",
        /// The bar is not known whole.
        BarIncomplete => "bar_incomplete",
        /// A value is still missing.
        NotReady => "not_ready",
        /// The strategy was not asked.
        Suppressed => "suppressed",
        /// The strategy's own code went wrong.
        Error => "error",
    }
}

words! {
    /// The result of a rule.
    TruthWord {
        /// It holds.
        True => "true",
        /// It does not hold.
        False => "false",
        /// An operand is missing.
        Unknown => "unknown",
    }
}

words! {
    /// Whether the rules that hold explain an order.
    ExplainedWord {
        /// Every leaf of them has operands.
        True => "true",
        /// One is a bare flag, or none holds.
        False => "false",
    }
}

words! {
    /// What a round trip came to, after fees.
    ResultWord {
        /// More than it cost.
        Win => "win",
        /// Less.
        Loss => "loss",
        /// Neither.
        Even => "even",
    }
}

words! {
    /// Buy or sell.
    SideWord {
        /// Buy.
        Buy => "buy",
        /// Sell.
        Sell => "sell",
    }
}

words! {
    /// What happened to an order.
    OrderWord {
        /// It goes to the venue.
        Submitted => "submitted",
        /// The venue took it.
        Acked => "acked",
        /// Our risk checks refused it.
        Denied => "denied",
        /// The venue refused it.
        Rejected => "rejected",
        /// Part of it was executed.
        PartiallyFilled => "partially_filled",
        /// The whole of it was executed.
        Filled => "filled",
        /// We asked to cancel it.
        CancelRequested => "cancel_requested",
        /// The venue refused to cancel it.
        CancelRejected => "cancel_rejected",
        /// The venue canceled it.
        Canceled => "canceled",
        /// Its time in force ended it.
        Expired => "expired",
        /// Its outcome is not known.
        Unknown => "unknown",
    }
}

words! {
    /// Why a venue refused an order.
    RejectWord {
        /// The price is no multiple of the tick size, or out of bounds.
        PriceFilter => "price_filter",
        /// The quantity is no multiple of the lot size, or out of bounds.
        LotSize => "lot_size",
        /// The value is below the minimum notional.
        MinNotional => "min_notional",
        /// The account does not hold enough.
        InsufficientBalance => "insufficient_balance",
        /// A maker-only order would have crossed.
        WouldCross => "would_cross",
        /// The client order id is in use.
        DuplicateOrder => "duplicate_order",
        /// Nothing to trade against.
        NoLiquidity => "no_liquidity",
        /// The venue's own state does not allow it.
        VenueState => "venue_state",
    }
}

words! {
    /// Why a book was discarded.
    LossWord {
        /// Updates are missing.
        Gap => "gap",
        /// Best bid at or above best ask.
        Crossed => "crossed",
        /// The connection went down.
        Disconnected => "disconnected",
        /// The quote stream disagrees with it.
        Mismatch => "mismatch",
        /// The venue gave no snapshot.
        NoSnapshot => "no_snapshot",
    }
}

words! {
    /// What trading allows.
    TradingWord {
        /// Everything within the limits.
        Active => "active",
        /// Only orders that reduce a position.
        ReduceOnly => "reduce_only",
        /// Nothing.
        Halted => "halted",
        /// Only what closes positions for an operator.
        Flattening => "flattening",
    }
}

words! {
    /// Why trading is not wholly active.
    StopWord {
        /// The day's loss reached its limit.
        DailyLoss => "daily_loss",
        /// The fall from the equity peak reached its limit.
        Drawdown => "drawdown",
        /// A person said so.
        Operator => "operator",
        /// A number overflowed.
        Arithmetic => "arithmetic",
    }
}

words! {
    /// Whether a risk check allows the order.
    VerdictWord {
        /// It does.
        Passed => "passed",
        /// It does not.
        Failed => "failed",
    }
}

words! {
    /// How a fill met the book.
    LiquidityWord {
        /// It rested and was hit.
        Maker => "maker",
        /// It crossed the spread.
        Taker => "taker",
    }
}

words! {
    /// How an attempt to connect ended.
    ConnectWord {
        /// The connection is open.
        Connected => "connected",
        /// It could not be made.
        Refused => "refused",
    }
}

impl From<&Outcome> for OutcomeWord {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Signal { .. } => Self::Signal,
            Outcome::NoSignal(Blocker::BarIncomplete) => Self::BarIncomplete,
            Outcome::NoSignal(_) => Self::NoSignal,
            Outcome::NotReady { .. } => Self::NotReady,
            Outcome::Suppressed(_) => Self::Suppressed,
            Outcome::Error(_) => Self::Error,
        }
    }
}

impl From<Truth> for TruthWord {
    fn from(truth: Truth) -> Self {
        match truth {
            Truth::True => Self::True,
            Truth::False => Self::False,
            Truth::Unknown => Self::Unknown,
        }
    }
}

impl From<Side> for SideWord {
    fn from(side: Side) -> Self {
        match side {
            Side::Buy => Self::Buy,
            Side::Sell => Self::Sell,
        }
    }
}

impl From<RejectReason> for RejectWord {
    fn from(reason: RejectReason) -> Self {
        match reason {
            RejectReason::PriceFilter => Self::PriceFilter,
            RejectReason::LotSize => Self::LotSize,
            RejectReason::MinNotional => Self::MinNotional,
            RejectReason::InsufficientBalance => Self::InsufficientBalance,
            RejectReason::WouldCross => Self::WouldCross,
            RejectReason::DuplicateOrder => Self::DuplicateOrder,
            RejectReason::NoLiquidity => Self::NoLiquidity,
            RejectReason::VenueState => Self::VenueState,
        }
    }
}

impl From<BookLoss> for LossWord {
    fn from(loss: BookLoss) -> Self {
        match loss {
            BookLoss::Gap { .. } => Self::Gap,
            BookLoss::Crossed => Self::Crossed,
            BookLoss::Disconnected => Self::Disconnected,
            BookLoss::Mismatch => Self::Mismatch,
            BookLoss::NoSnapshot => Self::NoSnapshot,
        }
    }
}

impl From<TradingState> for TradingWord {
    fn from(state: TradingState) -> Self {
        match state {
            TradingState::Active => Self::Active,
            TradingState::ReduceOnly(_) => Self::ReduceOnly,
            TradingState::Halted(_) => Self::Halted,
            TradingState::Flattening => Self::Flattening,
        }
    }
}

impl From<StopReason> for StopWord {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::DailyLoss => Self::DailyLoss,
            StopReason::Drawdown => Self::Drawdown,
            StopReason::Operator => Self::Operator,
            StopReason::Arithmetic => Self::Arithmetic,
        }
    }
}

impl From<Liquidity> for LiquidityWord {
    fn from(liquidity: Liquidity) -> Self {
        match liquidity {
            Liquidity::Maker => Self::Maker,
            Liquidity::Taker => Self::Taker,
        }
    }
}

impl Word for ExitKind {
    const ALL: &'static [Self] = &ExitKind::ALL;

    fn as_str(self) -> &'static str {
        ExitKind::as_str(self)
    }

    fn index(self) -> usize {
        self as usize
    }
}

impl Word for CheckKind {
    const ALL: &'static [Self] = &CheckKind::ALL;

    fn as_str(self) -> &'static str {
        CheckKind::as_str(self)
    }

    fn index(self) -> usize {
        CheckKind::ALL.iter().position(|kind| *kind == self).unwrap_or_default()
    }
}
