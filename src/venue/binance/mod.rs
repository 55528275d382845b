//! Binance spot market data: its streams, its REST answers, its way to keep a book in step.
//!
//! Nothing outside this folder knows a field name of Binance. Everything here is pure: the sockets
//! and REST calls are made beside this folder.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod ask;
mod backfill;
pub mod book_sync;
pub mod decode;
pub mod depth;
pub mod exchange_info;
mod feed;
mod join;
pub mod past;
pub mod raw;
pub mod requests;
pub mod wire;

pub use decode::BinanceDecoder;

/// The symbol of a stream message, in capitals; `None` for anything else.
pub fn symbol_of(message: &[u8]) -> Option<String> {
    match wire::message(message)? {
        wire::Message::Data { stream: Some(stream), .. } => {
            Some(stream.split('@').next()?.to_ascii_uppercase())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tape_tests;
