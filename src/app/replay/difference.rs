//! The first difference between a recording and its replay, told so that one can act on it: at
//! which input, in which record, of which decision, in which field; only then the records.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::domain::{DecisionId, OrderId, RunId, StrategyId};
use crate::engine::codec::decode;
use crate::engine::{Evaluation, Record};

/// What the bytes of a form begin with: its place among the kinds of record.
const FORM: u8 = 1;
/// Characters of a record that are shown.
const SHOWN: usize = 400;

/// What decisions and orders are called outside the process.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// The session; empty for a tape that lies alone.
    pub run: RunId,
    /// The names of the strategies, in configuration order.
    pub strategies: Vec<String>,
    /// The names of the values of each form.
    values: BTreeMap<(StrategyId, u16), Vec<String>>,
}

impl Naming {
    /// Names for the run of these strategies; forms are learnt from its records.
    pub fn new(run: RunId, strategies: Vec<String>) -> Self {
        Self { run, strategies, ..Self::default() }
    }

    /// Takes what a record says of names. Only forms are read: they are few.
    pub fn learn(&mut self, record: &[u8]) {
        if record.first() == Some(&FORM)
            && let Ok(Record::Form { strategy, form, body }) = decode(record)
        {
            let names = body.values.into_iter().map(|value| value.name).collect();
            self.values.insert((strategy, form), names);
        }
    }

    /// The name of a value of an evaluation by its path there, `values[2]` or `previous[2]`.
    fn value(&self, evaluation: &Evaluation, path: &str) -> Option<&str> {
        let names = self.values.get(&(evaluation.id.strategy, evaluation.form))?;
        let index = path.strip_prefix("values[").or(path.strip_prefix("previous["))?;
        let index: usize = index.strip_suffix(']')?.parse().ok()?;
        names.get(index).map(String::as_str)
    }

    /// `breakout k7f3-2-0010`, without the prefix where the session is not known.
    fn decision(&self, id: DecisionId) -> String {
        self.of(id.strategy, &self.run.decision(id))
    }

    fn order(&self, id: OrderId) -> String {
        self.of(id.strategy, &self.run.order(id))
    }

    fn of(&self, strategy: StrategyId, id: &str) -> String {
        let name = self.strategies.get(strategy.index()).map_or("", String::as_str);
        format!("{name} {}", id.trim_start_matches('-')).trim_start().to_owned()
    }

    /// The decision or the order that a record is about.
    fn subject(&self, record: &Record) -> Option<String> {
        match record {
            Record::Evaluation(evaluation) => Some(self.decision(evaluation.id)),
            Record::Signal(signal) => Some(self.decision(signal.decision)),
            Record::Risk(report) => Some(self.decision(report.decision)),
            Record::Order { request, .. } => Some(self.decision(request.decision)),
            Record::OrderEvent(event) => Some(self.order(event.order)),
            Record::Position { order, .. } => Some(self.order(*order)),
            _ => None,
        }
    }
}

/// Where two records, or a record and none, part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The input that the record belongs to.
    pub seq: u64,
    /// What kind of record it is: `evaluation`, `order`; of the recorded one where both differ.
    pub kind: String,
    /// The decision or order that it is about, as shown elsewhere, after its strategy's name.
    pub subject: Option<String>,
    /// In what they differ.
    pub field: Field,
    /// The recorded record as JSON, shortened.
    pub recorded: String,
    /// The replayed record as JSON, shortened.
    pub replayed: String,
}

/// The first field that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Field {
    /// A field by its path, with both values.
    Value {
        /// `values[2] (rsi)`, `checks[4].observed`; `record` where the kinds differ.
        path: String,
        /// As recorded.
        recorded: String,
        /// As replayed.
        replayed: String,
    },
    /// All fields read the same, and still the bytes differ.
    Encoding {
        /// The first byte that differs, from 0.
        at_byte: usize,
    },
    /// One side has no record here.
    Missing,
}

impl Difference {
    /// Compares the bytes of two records, at least one of which is there.
    pub fn between(
        naming: &Naming,
        seq: u64,
        recorded: Option<&[u8]>,
        replayed: Option<&[u8]>,
    ) -> Self {
        let (left, right) =
            (recorded.map(|b| Side::read(b, naming)), replayed.map(|b| Side::read(b, naming)));
        let named = left.as_ref().or(right.as_ref());
        let field = match (&left, &right) {
            (Some(left), Some(right)) => first_field(left, right, naming)
                .unwrap_or_else(|| Field::Encoding { at_byte: first_byte(recorded, replayed) }),
            _ => Field::Missing,
        };
        let show = |side: &Option<Side>| side.as_ref().map_or("nothing".to_owned(), Side::shown);
        Self {
            seq,
            kind: named.map(|side| side.kind().to_owned()).unwrap_or_default(),
            subject: named.and_then(|side| side.subject.clone()),
            field,
            recorded: show(&left),
            replayed: show(&right),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input {}, {}", self.seq, self.kind)?;
        if let Some(subject) = &self.subject {
            write!(f, " of {subject}")?;
        }
        match &self.field {
            Field::Value { path, recorded, replayed } => {
                write!(f, "\n  {path}: recorded {recorded}, replayed {replayed}")?;
            }
            Field::Encoding { at_byte } => write!(
                f,
                "\n  every field reads the same; the encodings differ from byte {at_byte} on"
            )?,
            Field::Missing => {}
        }
        write!(f, "\n  recorded: {}\n  replayed: {}", self.recorded, self.replayed)
    }
}

/// A record as a tree of values.
struct Side {
    record: Option<Record>,
    value: Value,
    subject: Option<String>,
}

impl Side {
    fn read(bytes: &[u8], naming: &Naming) -> Self {
        match decode(bytes) {
            Ok(record) => Self {
                value: serde_json::to_value(&record).unwrap_or_default(),
                subject: naming.subject(&record),
                record: Some(record),
            },
            Err(error) => Self {
                value: Value::String(format!("a record that cannot be read ({error})")),
                subject: None,
                record: None,
            },
        }
    }

    /// A record is an object with one key, its kind, or a text.
    fn split(&self) -> (&str, &Value) {
        match &self.value {
            Value::Object(map) => {
                map.iter().next().map_or(("record", &Value::Null), |(kind, body)| (kind, body))
            }
            Value::String(text) => (text, &Value::Null),
            other => ("record", other),
        }
    }

    fn kind(&self) -> &str {
        self.split().0
    }

    fn shown(&self) -> String {
        shorten(&self.value.to_string())
    }
}

fn first_field(left: &Side, right: &Side, naming: &Naming) -> Option<Field> {
    let record = left.record.as_ref();
    let ((left_kind, left), (right_kind, right)) = (left.split(), right.split());
    if left_kind != right_kind {
        let (recorded, replayed) = (left_kind.to_owned(), right_kind.to_owned());
        return Some(Field::Value { path: "record".to_owned(), recorded, replayed });
    }
    let (mut path, recorded, replayed) = walk(left, right, String::new())?;
    if let Some(Record::Evaluation(evaluation)) = record
        && let Some(name) = naming.value(evaluation, &path)
    {
        path = format!("{path} ({name})");
    }
    Some(Field::Value { path, recorded, replayed })
}

/// The first place where two trees differ: its path and both values. Numbers are compared as they
/// are written, because 0 and -0 are not the same bytes.
fn walk(left: &Value, right: &Value, path: String) -> Option<(String, String, String)> {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let none = Value::Null;
            let keys = left.keys().chain(right.keys().filter(|key| !left.contains_key(*key)));
            keys.map(|key| (key, left.get(key), right.get(key))).find_map(|(key, left, right)| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(left.unwrap_or(&none), right.unwrap_or(&none), path)
            })
        }
        (Value::Array(left), Value::Array(right)) => {
            let differs = left
                .iter()
                .zip(right)
                .enumerate()
                .find_map(|(at, (left, right))| walk(left, right, format!("{path}[{at}]")));
            let lengths = (left.len() != right.len()).then(|| {
                let count = |items: &[Value]| format!("{} items", items.len());
                (path, count(left), count(right))
            });
            differs.or(lengths)
        }
        _ => {
            let (left, right) = (left.to_string(), right.to_string());
            (left != right).then(|| (path, shorten(&left), shorten(&right)))
        }
    }
}

fn first_byte(left: Option<&[u8]>, right: Option<&[u8]>) -> usize {
    let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
    let differs = left.iter().zip(right).position(|(left, right)| left != right);
    differs.unwrap_or_else(|| left.len().min(right.len()))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => {
            let shown = text.get(..end).unwrap_or(text);
            format!("{shown}… ({} characters)", text.chars().count())
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Cause, InstrumentId, Price, Quantity, Trade, UnixNanos};
    use crate::engine::codec::encode;
    use crate::engine::{News, Outcome};
    use crate::strategy::{Form, Trigger, ValueKind, ValueName};

    fn evaluation(values: &[f64]) -> Evaluation {
        Evaluation {
            id: DecisionId { strategy: StrategyId(1), n: 412 },
            instrument: InstrumentId(0),
            cause: Cause { seq: 77, index: 0 },
            time: UnixNanos(5),
            trigger: Trigger::Trade(Trade {
                id: 9,
                ts_venue: UnixNanos(4),
                price: Price::default(),
                quantity: Quantity::default(),
                aggressor: crate::domain::Side::Buy,
            }),
            form: 0,
            values: values.to_vec(),
            previous: Vec::new(),
            literals: Vec::new(),
            truths: Vec::new(),
            outcome: Outcome::Signal { intents: 1 },
            logs: Vec::new(),
            news: News::Changed,
        }
    }

    fn bytes(record: &Record) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(encode(record, &mut bytes));
        bytes
    }

    fn between(recorded: Option<&[u8]>, replayed: Option<&[u8]>) -> Difference {
        let run = RunId("20261122-223843-k7f3".to_owned());
        let strategies = vec!["fast".to_owned(), "slow".to_owned()];
        let mut naming = Naming::new(run, strategies);
        let value = |name: &str| ValueName { name: name.to_owned(), kind: ValueKind::Computed };
        let body = Form { values: vec![value("price"), value("rsi")], ..Form::default() };
        naming.learn(&bytes(&Record::Form { strategy: StrategyId(1), form: 0, body }));
        Difference::between(&naming, 77, recorded, replayed)
    }

    fn evaluations(left: &Evaluation, right: &Evaluation) -> Difference {
        let bytes = |side: &Evaluation| bytes(&Record::Evaluation(side.clone()));
        between(Some(&bytes(left)), Some(&bytes(right)))
    }

    fn value(path: &str, recorded: &str, replayed: &str) -> Field {
        let (recorded, replayed) = (recorded.to_owned(), replayed.to_owned());
        Field::Value { path: path.to_owned(), recorded, replayed }
    }

    /// Lost if broken: which number was not the same, among the hundred of a record.
    #[test]
    fn the_first_field_that_differs_is_named_with_both_values() {
        let (left, right) = (evaluation(&[1.5, 64_012.3]), evaluation(&[1.5, 64_012.4]));
        let found = evaluations(&left, &right);
        assert_eq!(found.field, value("values[1] (rsi)", "64012.3", "64012.4"));
        let text = found.to_string();
        let expected = "input 77, evaluation of slow k7f3-1-0412\n  values[1] (rsi): recorded \
                        64012.3, replayed 64012.4\n  recorded: {\"evaluation\":{";
        assert!(text.starts_with(expected), "{text}");

        let mut outcome = left.clone();
        outcome.outcome = Outcome::NotReady { missing: Some(1) };
        let field = evaluations(&left, &outcome).field;
        let Field::Value { path, .. } = &field else { panic!("{field:?}") };
        assert!(path.starts_with("outcome."), "{path}");

        let longer = evaluation(&[1.5, 64_012.3, 7.0]);
        assert_eq!(evaluations(&left, &longer).field, value("values", "2 items", "3 items"));
        let field = evaluations(&evaluation(&[0.0]), &evaluation(&[-0.0])).field;
        assert_eq!(field, value("values[0] (price)", "0.0", "-0.0"));
    }

    /// Lost if broken: the name of a decision on a tape that lies alone.
    #[test]
    fn a_decision_is_named_as_far_as_it_is_known() {
        let id = DecisionId { strategy: StrategyId(1), n: 7 };
        assert_eq!(Naming::default().decision(id), "1-0007");
        let strategies = vec!["fast".to_owned(), "slow".to_owned()];
        let naming = Naming::new(RunId::default(), strategies);
        assert_eq!(naming.decision(id), "slow 1-0007");
        assert_eq!(naming.order(OrderId { strategy: StrategyId(0), n: 3 }), "fast 0-o0003");
    }

    /// Lost if broken: that two records which read the same are still two.
    #[test]
    fn records_that_read_the_same_differ_by_a_byte_that_is_named() {
        let other_nan = f64::from_bits(f64::NAN.to_bits() | 1);
        let found = evaluations(&evaluation(&[f64::NAN]), &evaluation(&[other_nan]));
        assert!(matches!(found.field, Field::Encoding { at_byte } if at_byte > 0), "{found:?}");
        assert_eq!(found.recorded, found.replayed);
        assert!(found.to_string().contains("every field reads the same"), "{found}");
    }

    /// Lost if broken: that the replay did something of which the recording knows nothing.
    #[test]
    fn another_kind_no_record_and_an_unreadable_one_are_told_apart() {
        let left = bytes(&Record::Evaluation(evaluation(&[])));
        let reason = crate::domain::BookLoss::Disconnected;
        let lost = Record::BookLost { instrument: InstrumentId(0), time: UnixNanos(5), reason };
        let lost = bytes(&lost);
        let field = between(Some(&lost), Some(&left)).field;
        assert_eq!(field, value("record", "book_lost", "evaluation"));
        let missing = between(None, Some(&left));
        assert_eq!((missing.field.clone(), missing.kind.as_str()), (Field::Missing, "evaluation"));
        assert!(missing.to_string().contains("recorded: nothing"), "{missing}");
        let broken = between(Some(&[250]), Some(&left)).to_string();
        assert!(broken.contains("cannot be read"), "{broken}");
    }

    /// Lost if broken: a terminal that is not flooded by one record.
    #[test]
    fn long_records_are_shortened() {
        let values: Vec<f64> = (0..500).map(f64::from).collect();
        let found = evaluations(&evaluation(&values), &evaluation(&values[1..]));
        assert!(found.recorded.chars().count() < SHOWN + 40, "{}", found.recorded);
        assert!(found.recorded.ends_with(" characters)"), "{}", found.recorded);
    }
}
