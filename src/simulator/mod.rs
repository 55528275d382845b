//! The loopback exchange.

pub mod synthetic;
mod history;
mod market;
mod wire;
