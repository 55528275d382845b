//! tickscope: an observability-first terminal trading client whose every decision explains itself
//! and can be reproduced bit for bit.

pub mod domain;
pub mod engine;
pub mod strategy;
pub mod telemetry;
pub mod venue;
