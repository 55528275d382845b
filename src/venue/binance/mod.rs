//! Binance spot market data: its streams, its REST answers, its way to keep a book in step.
//!
//! Nothing outside this folder knows a field name of Binance. Everything here is pure: the sockets
//! and REST calls are made beside this folder.

pub mod ask;
pub mod book_sync;
pub mod decode;
pub mod depth;
pub mod exchange_info;
mod feed;
pub mod requests;
pub mod wire;

pub use decode::BinanceDecoder;

#[cfg(test)]
mod tape_tests;
