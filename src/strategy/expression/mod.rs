//! The expression language: a rule as a trader writes it, `rsi(14) < 30 and close > ema(200)`.
//!
//! ```text
//! rule       = all { "or" all }
//! all        = part { "and" part }
//! part       = "not" part | "(" rule ")" | comparison
//! comparison = operand op operand { op operand }        30 < rsi(14) < 70: one direction only
//! op         = < | <= | > | >= | = | != | "crosses above" | "crosses below"
//! operand    = number [ "%" | "s" | "m" | "h" | "d" ] | name [ "(" number { "," number } ")" ]
//! ```
//!
//! A text becomes tokens (`lexer`), tokens a [`Syntax`] that knows the place of every word
//! (`parse`), and that a [`Condition`] whose names are [`Measure`]s with units (`condition`).
//! Evaluating a condition *builds* the [`Rule`](super::Rule) that a strategy in Rust would build,
//! so that it explains itself like any other. Nothing is computed in the text: no arithmetic, no
//! assignment. [`parse`] alone serves conditions over other names.
//!
//! Pure and total: any text gives a condition or one [`Mistake`] with its place.

mod compared;
mod condition;
mod lexer;
mod measure;
mod meter;
mod parse;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::Op;

pub use compared::{Compared, compared};
pub use condition::{Condition, Term, compile};
pub use lexer::{Number, NumberUnit};
pub use measure::{Around, Entry, Indicator, Line, Measure, VOCABULARY};
pub use meter::{Glimpse, Meter};
pub use parse::{Named, Operand, Syntax, parse};

/// Longest text, in bytes.
pub const TEXT_MAX: usize = 4_096;
/// Deepest nesting of parentheses and `not`.
pub const DEPTH_MAX: usize = 32;
/// Longest indicator, in events of the feed.
pub const LENGTH_MAX: u32 = 10_000;

/// What is wrong with a text, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Byte offsets into the text.
    pub span: Range<usize>,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub advice: Advice,
}

/// What to do about a mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Advice {
    /// The sentence says it.
    None,
    /// This.
    Say(String),
    /// Probably one of these names was meant.
    Names {
        /// As written.
        found: String,
        /// What exists.
        known: Vec<String>,
    },
}

impl Mistake {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), advice: Advice::None }
    }

    fn say(self, advice: impl Into<String>) -> Self {
        Self { advice: Advice::Say(advice.into()), ..self }
    }
}

impl std::fmt::Display for Mistake {
    /// The sentence with its place, in bytes from 1.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at {}: {}", self.span.start + 1, self.message)
    }
}
