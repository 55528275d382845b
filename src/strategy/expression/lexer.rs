//! The lexer: a text becomes tokens, each with its place.

use std::ops::Range;

use super::{Mistake, TEXT_MAX};
use crate::domain::Num;
use crate::strategy::Op;

/// A number as written, with its unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Number {
    /// Exact and without the unit's factor: 1 of `1%`, 4 of `4h`.
    pub written: Num,
    /// What stands behind it.
    pub unit: NumberUnit,
    /// Where it stands.
    pub span: Range<usize>,
}

/// The unit of a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NumberUnit {
    /// None.
    Plain,
    /// `%`: hundredths.
    Percent,
    /// `s`, `m`, `h`, `d`: so many seconds each.
    Span(u32),
}

impl Number {
    /// Its value: a share for a percentage, seconds for a span.
    pub fn value(&self) -> f64 {
        let exact = match self.unit {
            NumberUnit::Plain => Ok(self.written),
            NumberUnit::Percent => Num::new(1, 2).and_then(|unit| self.written.mul(unit)),
            NumberUnit::Span(seconds) => self.written.mul(Num::from(i64::from(seconds))),
        };
        exact.map_or(f64::NAN, Num::to_f64)
    }
}

/// What a token is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Number(Number),
    /// A name or a keyword, in small letters.
    Word(String),
    Op(Op),
    Open,
    Close,
    Comma,
}

/// A token with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub span: Range<usize>,
}

/// Cuts a text into tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    if text.len() > TEXT_MAX {
        let message = format!("the rule is longer than {TEXT_MAX} bytes");
        return Err(Mistake::new(0..text.len(), message));
    }
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new() };
    while let Some(first) = lexer.peek() {
        let kind = lexer.token(first)?;
        lexer.tokens.extend(kind);
    }
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes one token; `None` for white space.
    fn token(&mut self, first: char) -> Result<Option<Token>, Mistake> {
        let start = self.at;
        let kind = match first {
            c if c.is_whitespace() => {
                self.at += c.len_utf8();
                return Ok(None);
            }
            c if c.is_ascii_digit() => self.number()?,
            '-' if self.begins_a_number() => self.number()?,
            c if c.is_ascii_alphabetic() || c == '_' => self.word(),
            '(' => self.sign(1, Kind::Open),
            ')' => self.sign(1, Kind::Close),
            ',' => self.sign(1, Kind::Comma),
            _ => self.op(first)?,
        };
        Ok(Some(Token { kind, span: start..self.at }))
    }

    fn sign(&mut self, bytes: usize, kind: Kind) -> Kind {
        self.at += bytes;
        kind
    }

    /// A minus is the sign of a number only where an operand may begin: there is no subtraction.
    fn begins_a_number(&self) -> bool {
        let digit = self.rest().chars().nth(1).is_some_and(|c| c.is_ascii_digit());
        let ends_operand = matches!(
            self.tokens.last().map(|token| &token.kind),
            Some(Kind::Number(_) | Kind::Word(_) | Kind::Close)
        );
        digit && (!ends_operand || self.follows_keyword())
    }

    fn follows_keyword(&self) -> bool {
        matches!(
            self.tokens.last().map(|token| &token.kind),
            Some(Kind::Word(word)) if ["and", "or", "not", "above", "below"].contains(&word.as_str())
        )
    }

    fn word(&mut self) -> Kind {
        let part = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        let word: String = self.rest().chars().take_while(part).collect();
        self.at += word.len();
        Kind::Word(word.to_ascii_lowercase())
    }

    fn number(&mut self) -> Result<Kind, Mistake> {
        let start = self.at;
        let rest = self.rest();
        let digits = rest
            .char_indices()
            .find(|(at, c)| !(c.is_ascii_digit() || *c == '.' || (*at == 0 && *c == '-')))
            .map_or(rest.len(), |(at, _)| at);
        let written = rest.get(..digits).unwrap_or_default().to_owned();
        let part = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        let unit: String = rest.chars().skip(digits).take_while(part).collect();
        let percent = rest.get(digits..).is_some_and(|rest| rest.starts_with('%'));
        self.at += digits + unit.len() + usize::from(percent && unit.is_empty());
        let span = start..self.at;
        let shown = self.text.get(span.clone()).unwrap_or_default();
        let Ok(written) = Num::parse(written.as_bytes()) else {
            return Err(Mistake::new(span, format!("`{shown}` is not a number"))
                .say("write it as 65000, 0.5 or 1%"));
        };
        let unit = match unit.as_str() {
            "" if percent => NumberUnit::Percent,
            "" => NumberUnit::Plain,
            "s" => NumberUnit::Span(1),
            "m" => NumberUnit::Span(60),
            "h" => NumberUnit::Span(3_600),
            "d" => NumberUnit::Span(86_400),
            _ => {
                return Err(Mistake::new(span, format!("`{shown}` has no unit that rules know"))
                    .say("a number may end in `%`, or as a time in `s`, `m`, `h`, `d`"));
            }
        };
        Ok(Kind::Number(Number { written, unit, span }))
    }

    fn op(&mut self, first: char) -> Result<Kind, Mistake> {
        const OPS: [(&str, Op); 10] = [
            ("<=", Op::Le),
            (">=", Op::Ge),
            ("!=", Op::Ne),
            ("==", Op::Eq),
            ("≤", Op::Le),
            ("≥", Op::Ge),
            ("≠", Op::Ne),
            ("<", Op::Lt),
            (">", Op::Gt),
            ("=", Op::Eq),
        ];
        let rest = self.rest();
        if let Some((wrong, advice)) = STRANGE.iter().find(|(sign, _)| rest.starts_with(sign)) {
            let span = self.at..self.at + wrong.len();
            return Err(Mistake::new(span, format!("`{wrong}` has no meaning here")).say(*advice));
        }
        if let Some((sign, op)) = OPS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            return Ok(self.sign(sign.len(), Kind::Op(*op)));
        }
        let shown: String = first.escape_default().collect();
        let shown = if first.is_control() { shown } else { first.to_string() };
        let span = self.at..self.at + first.len_utf8();
        Err(Mistake::new(span, format!("`{shown}` has no meaning here")))
    }
}

/// What other languages write, and what to write instead. Longer signs first.
const STRANGE: [(&str, &str); 14] = [
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("=<", "write `<=`"),
    ("=>", "write `>=`"),
    ("<>", "write `!=`"),
    ("&", "write `and`"),
    ("|", "write `or`"),
    ("+", NO_ARITHMETIC),
    ("-", NO_ARITHMETIC),
    ("*", NO_ARITHMETIC),
    ("/", NO_ARITHMETIC),
    ("%", "a percent sign stands right behind its number: 1%"),
    (".", "a number begins with a digit: 0.5"),
    ("\"", "names stand without quotes"),
];

const NO_ARITHMETIC: &str = "rules compare and do not compute: a strategy in Rust can";
