//! What is compared with a number in a rule, and where that number stands: to write the rule with
//! another one in its place.

use std::ops::Range;

use super::condition::mirrored;
use super::lexer::{Number, NumberUnit};
use super::measure::{Around, find};
use super::parse::{Named, Operand, Syntax, parse};
use super::{Mistake, Op};
use crate::domain::Num;

/// A comparison of a rule with a number, as records have it: the name on the left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compared {
    /// What is compared, by its name in records: `rsi(14)`.
    pub name: String,
    /// How.
    pub op: Op,
    /// With what.
    pub number: Number,
    /// Where the whole comparison stands.
    pub span: Range<usize>,
}

/// Every comparison of a rule with a number, in order.
pub fn compared(text: &str) -> Result<Vec<Compared>, Mistake> {
    let mut found = Vec::new();
    collect(&parse(text)?, &mut found)?;
    Ok(found)
}

fn collect(syntax: &Syntax, found: &mut Vec<Compared>) -> Result<(), Mistake> {
    match syntax {
        Syntax::All(rules) | Syntax::Any(rules) => {
            rules.iter().try_for_each(|rule| collect(rule, found))
        }
        Syntax::Not(rule) => collect(rule, found),
        Syntax::Compare { left, op, right } => {
            let span = left.span().start..right.span().end;
            let of = |named: &Named, op, number: &Number| {
                // Whether its feed has the value was checked with the configuration.
                let around = Around { bars: true, trades: true, quotes: true };
                let (measure, _) = find(named, around)?;
                let (name, number) = (measure.to_string(), number.clone());
                Ok(Compared { name, op, number, span })
            };
            match (left, right) {
                (Operand::Named(named), Operand::Number(number)) => {
                    found.push(of(named, *op, number)?);
                }
                (Operand::Number(number), Operand::Named(named)) => {
                    found.push(of(named, mirrored(*op), number)?);
                }
                _ => {}
            }
            Ok(())
        }
    }
}

impl Number {
    /// Another value as this number is written: a percentage as one, a time in its unit where it is a
    /// whole number of them, else in seconds. `None` for what is no number.
    pub fn write(&self, value: f64) -> Option<String> {
        let exact = Num::parse(value.to_string().as_bytes()).ok()?;
        Some(match self.unit {
            NumberUnit::Plain => exact.to_string(),
            NumberUnit::Percent => format!("{}%", exact.mul(Num::from(100)).ok()?),
            NumberUnit::Span(seconds) => {
                let unit = Num::from(i64::from(seconds));
                let whole = exact.floor_to(unit).ok().filter(|whole| *whole == exact);
                match (whole.and_then(|whole| whole.div(unit).ok()), seconds) {
                    (Some(many), 60) => format!("{many}m"),
                    (Some(many), 3_600) => format!("{many}h"),
                    (Some(many), 86_400) => format!("{many}d"),
                    _ => format!("{exact}s"),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: a number that `whynot` advises to change, and that is another one in the rule.
    #[test]
    fn every_number_is_found_with_what_it_is_compared_with() {
        let text = "RSI(14) < 14 and (30 < sma(5) < 70 or not loss > 1%) and holding >= 4h";
        let found = compared(text).unwrap();
        let said: Vec<_> = found
            .iter()
            .map(|c| (c.name.as_str(), c.op, &text[c.number.span.clone()], &text[c.span.clone()]))
            .collect();
        assert_eq!(
            said,
            [
                ("rsi(14)", Op::Lt, "14", "RSI(14) < 14"),
                ("sma(5)", Op::Gt, "30", "30 < sma(5)"),
                ("sma(5)", Op::Lt, "70", "sma(5) < 70"),
                ("loss", Op::Gt, "1%", "loss > 1%"),
                ("holding", Op::Ge, "4h", "holding >= 4h"),
            ]
        );
        let write = |nth: usize, value| found[nth].number.write(value);
        assert_eq!(write(0, 12.1).as_deref(), Some("12.1"));
        assert_eq!(write(3, 0.0083).as_deref(), Some("0.83%"));
        assert_eq!(write(4, 7_200.0).as_deref(), Some("2h"));
        assert_eq!(write(4, 7_261.5).as_deref(), Some("7261.5s"));
        assert_eq!(write(0, f64::NAN), None);
        assert!(compared("rsi(14) <").is_err());
    }
}
