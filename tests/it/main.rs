//! End to end: the real program, each test in a home of its own, on loopback only; and what holds
//! for the house as a whole.
//!
//! Nothing sleeps for a fixed time where a text can be waited for, and every failure prints what
//! the program showed.

mod against;
mod alerts;
mod attach;
mod bad_input;
mod bars;
mod command_line;
mod control;
mod dashboards;
mod diff;
mod explained;
mod export;
mod first_minute;
mod floors;
mod headless;
mod history;
mod home;
mod http;
mod logs;
mod lookahead;
mod metrics;
mod pages;
mod panic;
mod past;
mod recording;
mod restart;
mod results;
mod rules;
mod schema;
mod screen;
mod terminal;
mod upkeep;
mod venue;
mod whatif;
