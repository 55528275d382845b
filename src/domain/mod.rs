//! The trade's own nouns: exact numbers, time, identifiers, instruments, market data, the order
//! book, orders, positions and accounts.
//!
//! Floor 0: no IO, no clock, no randomness, no float money, no panic. Everything above imports
//! this; this imports nothing of ours.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod account;
pub mod book;
pub mod clean;
pub mod decimal;
pub mod id;
pub mod instrument;
pub mod market;
pub mod money;
pub mod order;
pub mod position;
pub mod time;

pub use account::{Account, AccountKind, Balances};
pub use book::{BookSide, Level, OrderBook};
pub use clean::{clean, clean_bytes};
pub use decimal::{Num, NumError};
pub use id::{AccountId, AssetId, Cause, DecisionId, InstrumentId, OrderId, RunId, StrategyId};
pub use instrument::{Asset, Instrument, InstrumentKind};
pub use market::{BookLoss, Candle, History, HistoryNeed, MarketEvent, Quote, Trade};
pub use money::{Money, Price, Quantity, Signed};
pub use order::{
    Fill, Liquidity, Order, OrderEvent, OrderEventKind, OrderKind, OrderRequest, OrderState,
    RejectReason, Side, TimeInForce, TransitionError,
};
pub use position::Position;
pub use time::{Nanos, UnixNanos};
