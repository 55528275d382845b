//! Tests of the built-in strategies: hand-made series, saving, the external contract.

mod bars;
mod built_in;
mod contract;
mod desk;
mod rules;
