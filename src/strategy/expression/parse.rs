//! The parser: tokens become a [`Syntax`], the shape of a rule with the place of every word.

use std::ops::Range;

use super::lexer::{Kind, Number, Token, tokens};
use super::{Advice, DEPTH_MAX, Mistake};
use crate::strategy::Op;

/// A rule whose names are not looked up yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Syntax {
    /// All must hold.
    All(Vec<Syntax>),
    /// One must hold.
    Any(Vec<Syntax>),
    /// It must not hold.
    Not(Box<Syntax>),
    /// Two operands are compared.
    Compare {
        /// Left operand.
        left: Operand,
        /// How.
        op: Op,
        /// Right operand.
        right: Operand,
    },
}

/// One side of a comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A number.
    Number(Number),
    /// Something with a name.
    Named(Named),
}

/// A name with its arguments: `rsi(14)`, `close`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// In small letters.
    pub name: String,
    /// Where the name stands.
    pub span: Range<usize>,
    /// In parentheses behind it; `None` without parentheses.
    pub arguments: Option<Vec<Number>>,
    /// Where the name and its arguments stand.
    pub whole: Range<usize>,
}

impl Operand {
    /// Where it stands.
    pub fn span(&self) -> Range<usize> {
        match self {
            Self::Number(number) => number.span.clone(),
            Self::Named(named) => named.whole.clone(),
        }
    }
}

/// Words that are no names.
const KEYWORDS: [&str; 6] = ["and", "or", "not", "crosses", "above", "below"];

/// Reads a rule.
pub fn parse(text: &str) -> Result<Syntax, Mistake> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        let mistake = Mistake::new(0..text.len(), "the rule is empty");
        return Err(mistake.say("for example: rsi(14) < 30"));
    }
    let mut parser = Parser { text, tokens, at: 0 };
    let rule = parser.any(0)?;
    match parser.peek() {
        None => Ok(rule),
        Some(Kind::Close) => Err(parser.here("no parenthesis is open here")),
        Some(Kind::Comma) => {
            Err(parser.here("a comma has no meaning here").say("numbers have none: 65000"))
        }
        Some(_) => Err(parser
            .here(format!("`and` or `or` is missing before `{}`", parser.shown()))
            .say("two comparisons are joined by `and` or `or`")),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    /// Where the current token stands; behind the last one at the end.
    fn span(&self) -> Range<usize> {
        let end = self.tokens.last().map_or(0, |token| token.span.end);
        self.tokens.get(self.at).map_or(end..end, |token| token.span.clone())
    }

    /// The current token as written.
    fn shown(&self) -> &str {
        self.text.get(self.span()).unwrap_or_default()
    }

    fn here(&self, message: impl Into<String>) -> Mistake {
        Mistake::new(self.span(), message)
    }

    /// Takes the current token if it is this word.
    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Kind::Word(found)) if found == word);
        self.at += usize::from(found);
        found
    }

    fn take(&mut self, kind: &Kind) -> bool {
        let found = self.peek() == Some(kind);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self, depth: usize) -> Result<Syntax, Mistake> {
        let mut rules = Vec::new();
        loop {
            match self.all(depth)? {
                Syntax::Any(more) => rules.extend(more),
                rule => rules.push(rule),
            }
            if !self.take_word("or") {
                return Ok(joined(rules, Syntax::Any));
            }
        }
    }

    fn all(&mut self, depth: usize) -> Result<Syntax, Mistake> {
        let mut rules = Vec::new();
        loop {
            match self.part(depth)? {
                // A chain's comparisons and those in parentheses are as good as written here.
                Syntax::All(more) => rules.extend(more),
                rule => rules.push(rule),
            }
            if !self.take_word("and") {
                return Ok(joined(rules, Syntax::All));
            }
        }
    }

    fn part(&mut self, depth: usize) -> Result<Syntax, Mistake> {
        if depth > DEPTH_MAX {
            return Err(self.here(format!("the rule is nested deeper than {DEPTH_MAX} levels")));
        }
        if self.take_word("not") {
            return self.part(depth + 1).map(|rule| Syntax::Not(Box::new(rule)));
        }
        let open = self.span();
        if !self.take(&Kind::Open) {
            return self.comparison();
        }
        let rule = self.any(depth + 1)?;
        if self.take(&Kind::Close) {
            return Ok(rule);
        }
        match self.peek() {
            None => Err(Mistake::new(open, "this parenthesis is never closed")),
            Some(_) => Err(self
                .here(format!("`and`, `or` or `)` is missing before `{}`", self.shown()))
                .say("two comparisons are joined by `and` or `or`")),
        }
    }

    fn comparison(&mut self) -> Result<Syntax, Mistake> {
        let mut left = self.operand()?;
        let mut before: Option<Op> = None;
        let mut rules = Vec::new();
        loop {
            let place = self.span();
            let Some(op) = self.comparator(&left, before.is_some())? else { break };
            if before
                .is_some_and(|before| direction(before).is_none_or(|d| direction(op) != Some(d)))
            {
                let mistake = Mistake::new(place, "a chain of comparisons goes in one direction");
                return Err(mistake.say("as in 30 < rsi(14) < 70; else join comparisons by `and`"));
            }
            let right = self.operand()?;
            rules.push(Syntax::Compare { left, op, right: right.clone() });
            (left, before) = (right, Some(op));
        }
        Ok(joined(rules, Syntax::All))
    }

    /// The comparison behind an operand; `None` where a chain ends.
    fn comparator(&mut self, left: &Operand, in_chain: bool) -> Result<Option<Op>, Mistake> {
        if let Some(Kind::Op(op)) = self.peek() {
            let op = *op;
            self.at += 1;
            return Ok(Some(op));
        }
        if self.take_word("crosses") {
            if self.take_word("above") {
                return Ok(Some(Op::CrossUp));
            }
            if self.take_word("below") {
                return Ok(Some(Op::CrossDown));
            }
            return Err(self.here("`crosses` is followed by `above` or `below`"));
        }
        if in_chain {
            return Ok(None);
        }
        if matches!(self.peek(), Some(Kind::Word(word)) if word.starts_with("cross")) {
            let message = format!("`{}` is no comparison", self.shown());
            return Err(self.here(message).say("write `crosses above` or `crosses below`"));
        }
        let left = self.text.get(left.span()).unwrap_or_default();
        let message = format!("`{left}` is not compared with anything");
        Err(self
            .here(message)
            .say("one of < <= > >= = !=, `crosses above` or `crosses below` is expected here"))
    }

    fn operand(&mut self) -> Result<Operand, Mistake> {
        let span = self.span();
        let expected = "a value, an indicator or a number is expected here";
        match self.peek().cloned() {
            Some(Kind::Number(number)) => {
                self.at += 1;
                Ok(Operand::Number(number))
            }
            Some(Kind::Word(name)) if !KEYWORDS.contains(&name.as_str()) => {
                self.at += 1;
                let arguments = self.arguments(&name)?;
                let end = self.tokens.get(self.at - 1).map_or(span.end, |token| token.span.end);
                let whole = span.start..end;
                Ok(Operand::Named(Named { name, span, arguments, whole }))
            }
            Some(Kind::Open) => Err(self
                .here(expected)
                .say("parentheses hold whole comparisons: (rsi(14) < 30 or close > ema(200))")),
            Some(_) => Err(self.here(format!("{expected}, not `{}`", self.shown()))),
            None => Err(self.here(format!("{expected}, but the rule ends"))),
        }
    }

    /// The numbers in parentheses behind a name.
    fn arguments(&mut self, name: &str) -> Result<Option<Vec<Number>>, Mistake> {
        let open = self.span();
        if !self.take(&Kind::Open) {
            return Ok(None);
        }
        let mut numbers = Vec::new();
        if self.take(&Kind::Close) {
            return Ok(Some(numbers));
        }
        loop {
            match self.peek().cloned() {
                Some(Kind::Number(number)) => numbers.push(number),
                None => return Err(Mistake::new(open, "this parenthesis is never closed")),
                Some(_) => {
                    let message = format!("`{name}` takes numbers, not `{}`", self.shown());
                    return Err(Mistake { advice: example(name), ..self.here(message) });
                }
            }
            self.at += 1;
            if self.take(&Kind::Close) {
                return Ok(Some(numbers));
            }
            if !self.take(&Kind::Comma) {
                return Err(match self.peek() {
                    None => Mistake::new(open, "this parenthesis is never closed"),
                    Some(_) => self.here(format!("`)` is missing before `{}`", self.shown())),
                });
            }
        }
    }
}

fn example(name: &str) -> Advice {
    Advice::Say(format!("as in {name}(20): indicators are over the price"))
}

/// Which way a comparison goes in a chain; `None` for one that cannot be chained.
fn direction(op: Op) -> Option<bool> {
    match op {
        Op::Lt | Op::Le => Some(false),
        Op::Gt | Op::Ge => Some(true),
        Op::Eq | Op::Ne | Op::CrossUp | Op::CrossDown | Op::Flag => None,
    }
}

/// One rule stands for itself.
fn joined(mut rules: Vec<Syntax>, join: fn(Vec<Syntax>) -> Syntax) -> Syntax {
    match rules.pop() {
        Some(only) if rules.is_empty() => only,
        Some(last) => {
            rules.push(last);
            join(rules)
        }
        None => join(rules),
    }
}
