//! tickscope: an observability-first terminal trading client whose every decision explains itself
//! and can be reproduced bit for bit.

pub mod config;
pub mod domain;
