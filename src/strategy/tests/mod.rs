//! Tests of the built-in strategies: hand-made series, saving, the external contract.

mod built_in;
mod contract;
mod desk;
mod rules;
