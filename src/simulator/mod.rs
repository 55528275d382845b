//! The loopback exchange.

mod history;
mod market;
pub mod synthetic;
mod wire;
