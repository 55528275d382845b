//! What ends playing: kinds of things that happen, and an expression over the values of evaluations.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::past::{Happened, Happening};
use crate::domain::{DecisionId, InstrumentId, OrderId, RunId, StrategyId};
use crate::engine::{Evaluation, Outlet, Record};
use crate::strategy::expression::{self, Mistake, Operand, Syntax};
use crate::strategy::{self, Form, Truth};

/// The kinds by their names.
pub const KINDS: [&str; 5] = ["decision", "refusal", "fill", "reconnect", "gap"];

/// What ends playing, and whether something did.
pub struct Breaks {
    run: RunId,
    /// Which of [`KINDS`].
    kinds: [bool; KINDS.len()],
    /// As it was typed, and read.
    expression: Option<(String, Syntax)>,
    values: BTreeSet<String>,
    forms: Vec<Form>,
    /// What the expression was at the last evaluation of each strategy and instrument.
    before: BTreeMap<(StrategyId, InstrumentId), Truth>,
    hit: Option<String>,
}

impl Breaks {
    /// Nothing ends playing; values are those that the run names, forms those of it so far.
    pub fn new(run: RunId, values: BTreeSet<String>, forms: Vec<Form>) -> Self {
        let (kinds, before) = ([false; KINDS.len()], BTreeMap::new());
        Self { run, kinds, expression: None, values, forms, before, hit: None }
    }

    /// Lets a kind end playing, or no longer; false where there is none of this name.
    pub fn toggle(&mut self, name: &str) -> bool {
        let at = KINDS.iter().position(|kind| *kind == name);
        let Some(kind) = at.and_then(|at| self.kinds.get_mut(at)) else { return false };
        *kind = !*kind;
        true
    }

    /// The kinds that end playing.
    pub fn kinds(&self) -> Vec<String> {
        let on = KINDS.iter().zip(self.kinds).filter(|(_, on)| *on);
        on.map(|(name, _)| (*name).to_owned()).collect()
    }

    /// The expression that ends playing.
    pub fn expression(&self) -> &str {
        self.expression.as_ref().map_or("", |(text, _)| text.as_str())
    }

    /// Takes an expression over values, or none for an empty text; an error lists the values.
    pub fn set_expression(&mut self, text: &str) -> Result<(), String> {
        self.before.clear();
        if text.trim().is_empty() {
            self.expression = None;
            return Ok(());
        }
        let syntax = expression::parse(text).map_err(|mistake: Mistake| mistake.to_string())?;
        if let Some(unknown) = unknown_name(&syntax, &self.values) {
            let known: Vec<&str> = self.values.iter().map(String::as_str).collect();
            return Err(match known.as_slice() {
                [] => format!("no value {unknown:?}: no strategy evaluated anything"),
                known => format!("no value {unknown:?}; there are {}", known.join(", ")),
            });
        }
        self.expression = Some((text.trim().to_owned(), syntax));
        Ok(())
    }

    /// Goes on from another place: the forms known there.
    pub fn moved(&mut self, forms: Vec<Form>) {
        self.forms = forms;
        self.before.clear();
        self.hit = None;
    }

    /// Hears of something that happened.
    pub fn happened(&mut self, happened: &Happened) {
        let decision = |id: DecisionId| self.run.decision(id);
        let order = |id: OrderId| self.run.order(id);
        let (kind, text) = match happened.what {
            Happening::Signal(id) => (0, format!("decision {}", decision(id))),
            Happening::Refused(id) => (1, format!("refusal of {}", decision(id))),
            Happening::Filled(id, _) => (2, format!("fill of {}", order(id))),
            Happening::Down => (3, "the line went down".to_owned()),
            Happening::Gap(_) => (4, "a book was lost".to_owned()),
            _ => return,
        };
        if self.kinds.get(kind).is_some_and(|on| *on) {
            self.hit.get_or_insert(text);
        }
    }

    /// What ended playing since the last call.
    pub fn take_hit(&mut self) -> Option<String> {
        self.hit.take()
    }

    fn evaluated(&mut self, evaluation: &Evaluation) {
        let Some((text, syntax)) = &self.expression else { return };
        let Some(form) = self.forms.get(usize::from(evaluation.form)) else { return };
        let now = truth(syntax, form, evaluation);
        let slot = (evaluation.id.strategy, evaluation.instrument);
        let before = self.before.insert(slot, now);
        // It must have become true: one that is true all the time would end every step.
        if now == Truth::True && before.is_some_and(|before| before != Truth::True) {
            let id = self.run.decision(evaluation.id);
            self.hit.get_or_insert(format!("{text} at {id}"));
        }
    }
}

impl Outlet for Breaks {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Form { body, .. } => self.forms.push(body.clone()),
            Record::Evaluation(evaluation) => self.evaluated(evaluation),
            _ => {}
        }
    }
}

/// The first name of an expression that is not among these.
fn unknown_name(syntax: &Syntax, known: &BTreeSet<String>) -> Option<String> {
    match syntax {
        Syntax::All(parts) | Syntax::Any(parts) => {
            parts.iter().find_map(|part| unknown_name(part, known))
        }
        Syntax::Not(part) => unknown_name(part, known),
        Syntax::Compare { left, right, .. } => {
            [left, right].into_iter().find_map(|side| match side {
                Operand::Named(named) => {
                    let name = written(named);
                    (!known.contains(&name)).then_some(name)
                }
                Operand::Number(_) => None,
            })
        }
    }
}

/// A name as values have it: `ema(12)`, `close`.
fn written(named: &expression::Named) -> String {
    match &named.arguments {
        None => named.name.clone(),
        Some(arguments) => {
            let numbers: Vec<String> = arguments.iter().map(|n| n.written.to_string()).collect();
            format!("{}({})", named.name, numbers.join(", "))
        }
    }
}

fn truth(syntax: &Syntax, form: &Form, evaluation: &Evaluation) -> Truth {
    let all = |parts: &[Syntax], decisive: Truth, otherwise: Truth| {
        let truths = parts.iter().map(|part| truth(part, form, evaluation));
        truths.fold(otherwise, |sum, part| match (sum, part) {
            (sum, _) if sum == decisive => sum,
            (_, part) if part == decisive => part,
            (_, Truth::Unknown) => Truth::Unknown,
            (sum, _) => sum,
        })
    };
    match syntax {
        Syntax::All(parts) => all(parts, Truth::False, Truth::True),
        Syntax::Any(parts) => all(parts, Truth::True, Truth::False),
        Syntax::Not(part) => truth(part, form, evaluation).not(),
        Syntax::Compare { left, op, right } => {
            op.evaluate(operand(left, form, evaluation), operand(right, form, evaluation))
        }
    }
}

fn operand(side: &Operand, form: &Form, evaluation: &Evaluation) -> strategy::Operand {
    let missing = strategy::Operand::from(f64::NAN);
    match side {
        Operand::Number(number) => strategy::Operand::from(number.value()),
        Operand::Named(named) => {
            let name = written(named);
            let Some(at) = form.values.iter().position(|value| value.name == name) else {
                return missing;
            };
            let of = |values: &[f64]| values.get(at).copied().unwrap_or(f64::NAN);
            strategy::Operand {
                value: None,
                now: of(&evaluation.values),
                previous: of(&evaluation.previous),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Cause, UnixNanos};
    use crate::engine::{Blocker, News, Outcome};
    use crate::strategy::{Trigger, ValueKind, ValueName};

    fn breaks() -> Breaks {
        let value = |name: &str| ValueName { name: name.to_owned(), kind: ValueKind::Computed };
        let form = Form { values: vec![value("ema_fast"), value("rsi")], ..Form::default() };
        let names = form.values.iter().map(|value| value.name.clone()).collect();
        Breaks::new(RunId("20261122-223843-k7f3".to_owned()), names, vec![form])
    }

    fn evaluation(n: u64, fast: f64, rsi: f64) -> Record {
        Record::Evaluation(Evaluation {
            id: DecisionId { strategy: StrategyId(0), n },
            instrument: InstrumentId(0),
            cause: Cause::default(),
            time: UnixNanos(n),
            trigger: Trigger::Operator,
            form: 0,
            values: vec![fast, rsi],
            previous: vec![f64::NAN; 2],
            literals: Vec::new(),
            truths: Vec::new(),
            outcome: Outcome::NoSignal(Blocker::NoRule),
            news: News::Changed,
            logs: Vec::new(),
        })
    }

    /// Lost if broken: the moment at which the condition became true, among a million that look alike.
    #[test]
    fn an_expression_ends_playing_when_it_becomes_true_and_not_while_it_is() {
        let mut breaks = breaks();
        breaks.set_expression("ema_fast > 100 and not rsi > 30").unwrap();
        let hits: Vec<Option<String>> =
            [(99.0, 20.0), (101.0, 20.0), (102.0, 20.0), (102.0, 40.0), (102.0, 29.0)]
                .into_iter()
                .zip(1..)
                .map(|((fast, rsi), n)| {
                    breaks.record(&evaluation(n, fast, rsi));
                    breaks.take_hit()
                })
                .collect();
        let at = |n| Some(format!("ema_fast > 100 and not rsi > 30 at k7f3-0-000{n}"));
        assert_eq!(hits, [None, at(2), None, None, at(5)]);
    }

    #[test]
    fn a_name_that_no_evaluation_has_is_told_with_those_that_exist() {
        let mut breaks = breaks();
        let error = breaks.set_expression("ema_quick > 3").unwrap_err();
        assert_eq!(error, "no value \"ema_quick\"; there are ema_fast, rsi");
        assert!(breaks.set_expression("rsi >").is_err());
        assert_eq!(breaks.expression(), "");
        assert!(breaks.toggle("fill") && !breaks.toggle("fills"));
        assert_eq!(breaks.kinds(), ["fill"]);
    }
}
