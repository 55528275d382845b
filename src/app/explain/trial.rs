//! A trial: a miss under a changed number, the run up to the evaluation and that one input again.

use serde::Serialize;

use super::miss::{Miss, Threshold};
use crate::app::error::AppError;
use crate::app::past::{Change, Cursor, Recording};
use crate::domain::{InstrumentId, StrategyId};
use crate::engine::view::EvaluationView;
use crate::engine::viewer::resolve::{check_text, number, refusal};
use crate::engine::{Nobody, Outlet, Record, Refusal};
use crate::strategy::RuleTexts;
use crate::strategy::expression::compared;

/// What a change would have done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tried {
    /// An order would have been sent.
    WouldHaveTraded(String),
    /// It would have signalled, and risk would have refused.
    Refused(String),
    /// Even so it would not have signalled.
    NoSignal,
}

/// What would have been enough, and what came of trying it.
pub(super) struct Trial {
    /// `rsi_max > 31.2`, or "12 in `rsi(7) < 12` were > 12.0995".
    pub enough: String,
    /// The `--set` of a run that has it, and what it does; none for a number in a strategy's code.
    pub tried: Option<(String, Tried)>,
}

/// Whose evaluation is tried: the strategy's name, and its number and the instrument's.
pub(super) struct Whose<'a> {
    pub strategy: &'a str,
    pub of: (StrategyId, InstrumentId),
}

/// Tries what would have been enough.
pub(super) fn of(
    recording: &Recording,
    whose: &Whose<'_>,
    (miss, threshold): (&Miss, &Threshold),
    evaluation: &EvaluationView,
) -> Result<Trial, AppError> {
    let strategy = whose.strategy;
    let value = threshold.value();
    if !threshold.is_literal {
        let name = &threshold.name;
        let set = format!("strategies.{strategy}.{name}={value}");
        let change = Change::Parameter(whose.of.0, name.clone(), value);
        let cursor = before(recording, evaluation.seq)?;
        let tried = Some((set, again(recording, &cursor, &change, whose.of)?));
        return Ok(Trial { enough: threshold.sentence(number), tried });
    }
    let cursor = before(recording, evaluation.seq)?;
    // Rules may have been changed since the begin of the run.
    let config = cursor.rerun.engine().config().strategies.get(whose.of.0.index());
    let found = config.and_then(|config| with_value(&config.rules, miss, threshold));
    let Some(Rewritten { key, text, enough, rules }) = found else {
        let (Threshold { name, than, .. }, sign) = (threshold, threshold.sign());
        let enough = format!("{name} in `{}` were {sign} {}", miss.text, number(*than));
        return Ok(Trial { enough, tried: None });
    };
    let key = if key == "exit" { "exit.when" } else { key };
    let set = format!("strategies.{strategy}.{key}={text:?}");
    let tried = again(recording, &cursor, &Change::Rules(whose.of.0, rules), whose.of)?;
    Ok(Trial { enough, tried: Some((set, tried)) })
}

/// A rule with another number in it.
struct Rewritten {
    key: &'static str,
    text: String,
    enough: String,
    rules: RuleTexts,
}

/// The rule of a miss with the number that would have been enough. Only where one comparison of the
/// rule is the one that failed it is surely the one that is meant.
fn with_value(rules: &RuleTexts, miss: &Miss, threshold: &Threshold) -> Option<Rewritten> {
    let (key, text) = rules.iter().find(|(key, _)| label_of(key) == miss.rule)?;
    let all = compared(text).ok()?;
    let mut same = all.iter().filter(|it| {
        it.name == miss.leaf.left
            && it.op == miss.leaf.op
            && it.number.value().to_bits() == threshold.is.to_bits()
    });
    let (found, None) = (same.next()?, same.next()) else { return None };
    let place = found.number.span.clone();
    let (written, clause) = (text.get(place.clone())?, text.get(found.span.clone())?);
    let than = found.number.write(rounded(threshold.than))?;
    let enough = format!("{written} in `{clause}` were {} {than}", threshold.sign());
    let value = found.number.write(threshold.value())?;
    let text = format!("{}{value}{}", text.get(..place.start)?, text.get(place.end..)?);
    let mut rules = rules.clone();
    *match key {
        "enter" => &mut rules.enter,
        "exit" => &mut rules.exit,
        "enter_short" => &mut rules.enter_short,
        _ => &mut rules.exit_short,
    } = Some(text.clone());
    Some(Rewritten { key, text, enough, rules })
}

/// The label under which the rule of a key is decided.
fn label_of(key: &str) -> &str {
    match key {
        "enter" => "enter_long",
        "exit" => "exit_long",
        short => short,
    }
}

/// As many digits as a person reads.
fn rounded(value: f64) -> f64 {
    number(value).parse().unwrap_or(value)
}

/// The run right before an input.
fn before(recording: &Recording, seq: u64) -> Result<Cursor, AppError> {
    let mut before = recording.before(|head| head.mark.seq < seq)?;
    while before.peek()?.is_some_and(|(next, _)| next < seq) {
        before.take(&mut Nobody)?;
    }
    Ok(before)
}

/// What the next input would have led to under a change.
fn again(
    recording: &Recording,
    before: &Cursor,
    change: &Change,
    of: (StrategyId, InstrumentId),
) -> Result<Tried, AppError> {
    let mut changed = recording.changed_at(&before.rerun.moment()?, change)?;
    let mut hear = Hear { of, heard: Tried::NoSignal };
    changed.take(&mut hear)?;
    Ok(hear.heard)
}

/// Hears what one strategy in one instrument does.
struct Hear {
    of: (StrategyId, InstrumentId),
    heard: Tried,
}

impl Outlet for Hear {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Risk(report)
                if (report.decision.strategy, report.instrument) == self.of
                    && self.heard == Tried::NoSignal =>
            {
                self.heard = match &report.refusal {
                    Some(Refusal::Check(check)) => Tried::Refused(check_text(check)),
                    Some(other) => Tried::Refused(refusal(other)),
                    None => {
                        let side = report.side.as_str();
                        Tried::WouldHaveTraded(format!("{side} {}", report.quantity))
                    }
                };
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::view::LeafView;
    use crate::strategy::Op;

    fn miss(left: &str, op: Op, (is, than): (f64, f64), or_equal: bool) -> (Miss, Threshold) {
        let (left_values, right_values) = ((Some(than), None), (Some(is), None));
        let (left, right) = (left.to_owned(), number(is));
        let leaf = LeafView { left, op, right, left_values, right_values, margin: None };
        let threshold =
            Threshold { name: number(is), is_literal: true, is, above: than > is, than, or_equal };
        let (rule, text) = ("enter_long".to_owned(), String::new());
        (Miss { rule, text, leaf, distance: 0.0, threshold: None }, threshold)
    }

    /// Lost if broken: advice to change a number that does nothing, or that is another one.
    #[test]
    fn the_number_of_the_comparison_that_failed_is_replaced_and_no_other() {
        let of = |rule: &str, left, op, numbers, or_equal| {
            let rules = RuleTexts { enter: Some(rule.to_owned()), ..RuleTexts::default() };
            let (miss, threshold) = miss(left, op, numbers, or_equal);
            with_value(&rules, &miss, &threshold).map(|it| (it.text, it.enough))
        };
        let said = |text: &str, enough: &str| Some((text.to_owned(), enough.to_owned()));
        assert_eq!(
            of("rsi(12) < 12 and close > 12", "rsi(12)", Op::Lt, (12.0, 12.099_51), false),
            said("rsi(12) < 12.1 and close > 12", "12 in `rsi(12) < 12` were > 12.0995")
        );
        assert_eq!(
            of("close > 5 and 0.05% > spread", "spread", Op::Lt, (0.0005, 0.000_61), false),
            said("close > 5 and 0.062% > spread", "0.05% in `0.05% > spread` were > 0.061%")
        );
        let twice = "rsi(12) < 12 and close > 5 or rsi(12) < 12 and close < 2";
        assert_eq!(of(twice, "rsi(12)", Op::Lt, (12.0, 12.1), false), None);
        assert_eq!(of("rsi(7) < 12", "rsi(12)", Op::Lt, (12.0, 12.1), false), None);
    }
}
