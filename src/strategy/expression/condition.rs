//! A condition: a rule whose names are looked up, ready to build the rule tree of an evaluation.

use super::Mistake;
use super::lexer::{Number, NumberUnit};
use super::measure::{Around, Measure, Unit, find};
use super::parse::{Named, Operand, Syntax, parse};
use crate::strategy::{Op, Rule, Value, all, any, compare, not};

/// A rule over measures. A measure is an index into the table that [`compile`] filled.
#[derive(Clone, PartialEq, Debug)]
pub enum Condition {
    /// All must hold.
    All(Vec<Condition>),
    /// One must hold.
    Any(Vec<Condition>),
    /// It must not hold.
    Not(Box<Condition>),
    /// A measure is compared with something.
    Compare {
        /// Index of the left measure.
        left: usize,
        /// How.
        op: Op,
        /// The right side.
        right: Term,
    },
}

/// The right side of a comparison.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Term {
    /// A number.
    Number(f64),
    /// Index of a measure.
    Measure(usize),
}

/// Reads a rule and looks its names up; measures that `table` lacks are appended to it.
pub fn compile(text: &str, around: Around, table: &mut Vec<Measure>) -> Result<Condition, Mistake> {
    Binder { around, table }.condition(&parse(text)?)
}

struct Binder<'a> {
    around: Around,
    table: &'a mut Vec<Measure>,
}

impl Binder<'_> {
    fn condition(&mut self, syntax: &Syntax) -> Result<Condition, Mistake> {
        Ok(match syntax {
            Syntax::All(rules) => Condition::All(self.conditions(rules)?),
            Syntax::Any(rules) => Condition::Any(self.conditions(rules)?),
            Syntax::Not(rule) => Condition::Not(Box::new(self.condition(rule)?)),
            Syntax::Compare { left: Operand::Named(left), op, right: Operand::Named(right) } => {
                self.two(left, *op, right)?
            }
            Syntax::Compare { left: Operand::Named(left), op, right: Operand::Number(right) } => {
                self.one(left, *op, right)?
            }
            // Records have the named side on the left.
            Syntax::Compare { left: Operand::Number(left), op, right: Operand::Named(right) } => {
                self.one(right, mirrored(*op), left)?
            }
            Syntax::Compare {
                left: Operand::Number(left), right: Operand::Number(right), ..
            } => {
                let span = left.span.start..right.span.end;
                return Err(Mistake::new(span, "two numbers are always the same comparison")
                    .say("one side must be a value or an indicator"));
            }
        })
    }

    fn conditions(&mut self, rules: &[Syntax]) -> Result<Vec<Condition>, Mistake> {
        rules.iter().map(|rule| self.condition(rule)).collect()
    }

    fn one(&mut self, named: &Named, op: Op, number: &Number) -> Result<Condition, Mistake> {
        let (measure, unit) = find(named, self.around)?;
        fits_number(named, unit, number)?;
        let left = self.index(measure);
        Ok(Condition::Compare { left, op, right: Term::Number(number.value()) })
    }

    fn two(&mut self, left: &Named, op: Op, right: &Named) -> Result<Condition, Mistake> {
        let (first, first_unit) = find(left, self.around)?;
        let (second, second_unit) = find(right, self.around)?;
        fits((left, first_unit), (right, second_unit))?;
        if first == second {
            let span = left.span.start..right.whole.end;
            return Err(Mistake::new(span, format!("`{first}` is compared with itself")));
        }
        let left = self.index(first);
        Ok(Condition::Compare { left, op, right: Term::Measure(self.index(second)) })
    }

    fn index(&mut self, measure: Measure) -> usize {
        self.table.iter().position(|known| *known == measure).unwrap_or_else(|| {
            self.table.push(measure);
            self.table.len() - 1
        })
    }
}

/// The comparison that says the same with its sides exchanged.
pub(super) fn mirrored(op: Op) -> Op {
    match op {
        Op::Lt => Op::Gt,
        Op::Le => Op::Ge,
        Op::Gt => Op::Lt,
        Op::Ge => Op::Le,
        Op::CrossUp => Op::CrossDown,
        Op::CrossDown => Op::CrossUp,
        Op::Eq | Op::Ne | Op::Flag => op,
    }
}

impl Condition {
    /// The rule tree over the values of an evaluation, given in the order of the table.
    pub fn build(&self, values: &[Value]) -> Rule {
        let many = |rules: &[Self]| rules.iter().map(|rule| rule.build(values)).collect::<Vec<_>>();
        match self {
            Self::All(rules) => all(many(rules)),
            Self::Any(rules) => any(many(rules)),
            Self::Not(rule) => not(rule.build(values)),
            Self::Compare { left, op, right } => {
                let Some(left) = values.get(*left) else { return any([]) };
                match right {
                    Term::Number(number) => compare(*left, *op, *number),
                    Term::Measure(right) => match values.get(*right) {
                        Some(right) => compare(*left, *op, *right),
                        None => any([]),
                    },
                }
            }
        }
    }

    /// The leaves that must hold together with others of an `all`.
    pub fn build_with(&self, values: &[Value], guard: Rule) -> Rule {
        match self {
            Self::All(rules) => {
                let mut rules: Vec<_> = rules.iter().map(|rule| rule.build(values)).collect();
                rules.push(guard);
                all(rules)
            }
            rule => all([rule.build(values), guard]),
        }
    }

    /// True if a leaf needs the values of the evaluation before.
    pub fn crosses(&self) -> bool {
        match self {
            Self::All(rules) | Self::Any(rules) => rules.iter().any(Self::crosses),
            Self::Not(rule) => rule.crosses(),
            Self::Compare { op, .. } => matches!(op, Op::CrossUp | Op::CrossDown),
        }
    }
}

/// What is wrong with comparing a measure with a number, if anything.
fn fits_number(named: &Named, unit: Unit, number: &Number) -> Result<(), Mistake> {
    let holds = match unit {
        Unit::Share => number.unit == NumberUnit::Percent,
        Unit::Time => matches!(number.unit, NumberUnit::Span(_)),
        Unit::Price | Unit::Base | Unit::Index => number.unit == NumberUnit::Plain,
    };
    // Nothing is nothing in every unit.
    if holds || number.written.is_zero() {
        return Ok(());
    }
    let wanted = match unit {
        Unit::Share => "write a percentage: 1%",
        Unit::Time => "write a time: 30s, 5m, 4h or 1d",
        Unit::Price | Unit::Base | Unit::Index => "write a plain number",
    };
    let other = match number.unit {
        NumberUnit::Plain => "a plain number",
        NumberUnit::Percent => "a percentage",
        NumberUnit::Span(_) => "a time",
    };
    let words = unit.words();
    let message = format!("`{}` is {words} and cannot be compared with {other}", named.name);
    Err(Mistake::new(number.span.clone(), message).say(wanted))
}

/// What is wrong with comparing two measures, if anything.
fn fits(left: (&Named, Unit), right: (&Named, Unit)) -> Result<(), Mistake> {
    if left.1 == right.1 {
        return Ok(());
    }
    let message = format!(
        "`{}` is {}, `{}` is {}: they cannot be compared",
        left.0.name,
        left.1.words(),
        right.0.name,
        right.1.words()
    );
    Err(Mistake::new(left.0.span.start..right.0.whole.end, message))
}
