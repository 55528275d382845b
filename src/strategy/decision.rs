//! A decision: everything a strategy said in one callback, values, rules, logs and intents.
//!
//! [`Decision`] is the owned form that an external runner (Python, another machine) sends.
//! [`Draft`] is the same thing in reused buffers with interned names: what the engine works on,
//! whoever decided. [`Form`] is the part of a draft that hardly ever changes (names and tree), so
//! that a recorded evaluation needs only its numbers.

use serde::{Deserialize, Serialize};

use super::exit::Exits;
use super::rule::{FlatRules, Node, Op, Operand, Rule, Truth, Value};
use crate::domain::{Num, OrderKind, Quantity, Side};

/// How much an intent wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// The size that the configuration gives the strategy.
    Configured,
    /// This much base asset, floored to the lot.
    Quantity(Quantity),
    /// What the strategy holds in the instrument, floored to the lot.
    Close,
    /// Close what is held and open the configured size on the other side.
    Reverse,
    /// As much base asset as this much quote asset buys at the reference price.
    Quote(Num),
    /// As much as this ratio of the account's equity buys at the reference price.
    Equity(Num),
    /// As much as loses this ratio of the account's equity between the reference price and the
    /// order's stop.
    Risk(Num),
}

/// What a strategy wants done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// A new order.
    Order {
        /// Buy or sell.
        side: Side,
        /// Market or limit.
        kind: OrderKind,
        /// How much.
        size: Size,
        /// It may only reduce the position.
        reduce_only: bool,
        /// Exits of the position that it opens; the configured ones where none is given.
        exits: Exits,
    },
    /// Cancel every open order of this strategy in the instrument.
    CancelAll,
}

/// A line that a strategy logs beside its decision.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogLine {
    /// `info`, `warn` or `debug`.
    pub level: LogLevel,
    /// What it says.
    pub text: String,
}

/// How loud a strategy's log line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// For development.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth acting on.
    Warn,
}

/// What a named value is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// Computed from the market or the account.
    Computed,
    /// A configured parameter.
    Parameter,
}

/// A named value's name and kind.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ValueName {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ValueKind,
}

/// Where a `decide` call's rule tree starts.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Site {
    /// The label given to `decide`: `enter_long`.
    pub label: String,
    /// Index of the tree's root in the form's nodes.
    pub root: u16,
}

/// The names and trees of an evaluation, without its numbers.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Form {
    /// Named values in the order they were named.
    pub values: Vec<ValueName>,
    /// One per `decide` call.
    pub sites: Vec<Site>,
    /// All trees in preorder, one after the other.
    pub nodes: Vec<Node>,
}

/// The owned decision of an external runner: operands refer to values by name.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Decision {
    /// Values and parameters in the order they were named.
    pub values: Vec<NamedValue>,
    /// One per `decide` call: label and tree.
    pub rules: Vec<(String, RuleTree)>,
    /// Lines to log.
    pub logs: Vec<LogLine>,
    /// What to do.
    pub intents: Vec<Intent>,
}

/// A named value as an external runner writes it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NamedValue {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ValueKind,
    /// The number; `None` is missing.
    pub value: Option<f64>,
}

/// A rule tree as an external runner writes it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleTree {
    /// A comparison.
    Compare {
        /// Left operand.
        left: NamedOperand,
        /// How they are compared.
        op: Op,
        /// Right operand.
        right: NamedOperand,
    },
    /// All must hold.
    All(Vec<RuleTree>),
    /// One must hold.
    Any(Vec<RuleTree>),
    /// The inner one must not hold.
    Not(Box<RuleTree>),
}

/// An operand as an external runner writes it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedOperand {
    /// One of the decision's values; an unknown name is a missing value.
    Value(String),
    /// A number.
    Literal(f64),
}

/// The decision being made, in buffers that are reused from evaluation to evaluation.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Draft {
    /// Interned names with the value each had at the evaluation before; the part that is saved.
    memory: Vec<Remembered>,
    /// Index into `memory` of each value named in this evaluation.
    names: Vec<u16>,
    /// Values of this evaluation; NaN is missing.
    pub values: Vec<f64>,
    /// Values of the evaluation before, in the same order; NaN is missing.
    pub previous: Vec<f64>,
    /// The rule trees with their truths and literals.
    pub rules: FlatRules,
    /// `decide` calls: index into `labels`, root node.
    sites: Vec<(u16, u16)>,
    labels: Vec<String>,
    /// The form of an earlier evaluation, by the numbers that names and labels have here.
    shape: Shape,
    /// No rule may hold: every truth is unknown, whatever the operands.
    withheld: bool,
    /// Parameters that are something else than the strategy says: to ask what would have been.
    overrides: Vec<(String, f64)>,
    /// Lines to log.
    pub logs: Vec<LogLine>,
    /// What to do.
    pub intents: Vec<Intent>,
    /// Why it cannot be made; what it wants is void then.
    pub failed: Option<String>,
}

/// A form without its words, so that comparing it compares no text.
#[derive(Clone, PartialEq, Debug, Default)]
struct Shape {
    names: Vec<u16>,
    sites: Vec<(u16, u16)>,
    nodes: Vec<Node>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Remembered {
    name: ValueName,
    now: f64,
}

/// What of a draft outlives an evaluation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DraftState(Vec<Remembered>);

impl Draft {
    /// Starts the next evaluation.
    pub fn clear(&mut self) {
        for (name, value) in self.names.iter().zip(&self.values) {
            if let Some(remembered) = self.memory.get_mut(usize::from(*name)) {
                remembered.now = *value;
            }
        }
        self.names.clear();
        self.values.clear();
        self.previous.clear();
        self.rules.clear();
        self.sites.clear();
        self.withheld = false;
        self.logs.clear();
        self.intents.clear();
        self.failed = None;
    }

    /// Lets no rule of this evaluation hold: its event is not whole, or long past.
    pub fn withhold(&mut self) {
        self.withheld = true;
    }

    /// Names a value; NaN is missing.
    pub fn value(&mut self, name: &str, kind: ValueKind, now: f64) -> Value {
        let index = self.values.len();
        let now = if self.overrides.is_empty() { now } else { self.overridden(name, kind, now) };
        let slot = self.intern(name, kind, index);
        let previous = self.memory.get(usize::from(slot)).map_or(f64::NAN, |m| m.now);
        self.names.push(slot);
        self.values.push(now);
        self.previous.push(previous);
        Value(Operand { value: Some(short(index)), now, previous })
    }

    /// Lets a parameter be something else from the next evaluation on, wherever it is compared.
    pub fn override_parameter(&mut self, name: &str, value: f64) {
        self.overrides.retain(|(known, _)| known != name);
        self.overrides.push((name.to_owned(), value));
    }

    fn overridden(&self, name: &str, kind: ValueKind, now: f64) -> f64 {
        let of_name = |(known, _): &&(String, f64)| kind == ValueKind::Parameter && known == name;
        self.overrides.iter().find(of_name).map_or(now, |(_, value)| *value)
    }

    /// The number under which a name is remembered. Strategies name the same values in the same
    /// order nearly always, so the first guess is the position itself.
    fn intern(&mut self, name: &str, kind: ValueKind, guess: usize) -> u16 {
        let same = |m: &Remembered| m.name.kind == kind && m.name.name == name;
        if self.memory.get(guess).is_some_and(same) {
            return short(guess);
        }
        if let Some(found) = self.memory.iter().position(same) {
            return short(found);
        }
        let name = ValueName { name: name.to_owned(), kind };
        self.memory.push(Remembered { name, now: f64::NAN });
        short(self.memory.len() - 1)
    }

    /// Takes a rule tree under a label and evaluates every leaf of it.
    pub fn decide(&mut self, label: &str, rule: &Rule) -> Truth {
        let known = self.labels.iter().position(|known| known == label);
        let label = known.unwrap_or_else(|| {
            self.labels.push(label.to_owned());
            self.labels.len() - 1
        });
        let root = self.rules.nodes.len();
        self.sites.push((short(label), short(root)));
        let truth = self.rules.push(rule);
        if !self.withheld {
            return truth;
        }
        self.rules.truths.iter_mut().skip(root).for_each(|truth| *truth = Truth::Unknown);
        Truth::Unknown
    }

    /// `decide` calls so far: label and root node.
    pub fn sites(&self) -> impl Iterator<Item = (&str, u16)> + '_ {
        self.sites.iter().map(|(label, root)| {
            (self.labels.get(usize::from(*label)).map_or("", String::as_str), *root)
        })
    }

    /// True when `form` is the form of this draft; allocates nothing.
    pub fn has_form(&self, form: &Form) -> bool {
        form.nodes == self.rules.nodes
            && form.values.len() == self.names.len()
            && form.sites.len() == self.sites.len()
            && form.values.iter().zip(&self.names).all(|(value, name)| {
                self.memory.get(usize::from(*name)).is_some_and(|m| m.name == *value)
            })
            && form.sites.iter().zip(self.sites()).all(|(a, b)| a.label == b.0 && a.root == b.1)
    }

    /// True when the form is the one of the last [`Draft::keep_shape`]: nearly always.
    pub fn has_kept_shape(&self) -> bool {
        let Shape { names, sites, nodes } = &self.shape;
        *names == self.names && *sites == self.sites && *nodes == self.rules.nodes
    }

    /// Remembers the form of this draft until the next call.
    pub fn keep_shape(&mut self) {
        let Shape { names, sites, nodes } = &mut self.shape;
        names.clone_from(&self.names);
        sites.clone_from(&self.sites);
        nodes.clone_from(&self.rules.nodes);
    }

    /// Where the trees of the `decide` calls so far start.
    pub fn roots(&self) -> impl Iterator<Item = u16> + '_ {
        self.sites.iter().map(|(_, root)| *root)
    }

    /// The form of this draft.
    pub fn form(&self) -> Form {
        Form {
            values: self
                .names
                .iter()
                .filter_map(|name| self.memory.get(usize::from(*name)))
                .map(|m| m.name.clone())
                .collect(),
            sites: self
                .sites()
                .map(|(label, root)| Site { label: label.to_owned(), root })
                .collect(),
            nodes: self.rules.nodes.clone(),
        }
    }

    /// Takes the decision of an external runner as if it had been made here.
    pub fn load(&mut self, decision: Decision) {
        let mut named = Vec::with_capacity(decision.values.len());
        for NamedValue { name, kind, value } in decision.values {
            let value = self.value(&name, kind, value.unwrap_or(f64::NAN));
            named.push((name, value));
        }
        for (label, tree) in &decision.rules {
            self.decide(label, &tree.resolve(&named));
        }
        self.logs = decision.logs;
        self.intents = decision.intents;
    }

    /// Forgets the value before of every name but these.
    pub fn forget_all_but(&mut self, kept: &[String]) {
        for (name, value) in self.names.iter().zip(&mut self.values) {
            let remembered = self.memory.get(usize::from(*name));
            if remembered.is_none_or(|m| !kept.contains(&m.name.name)) {
                *value = f64::NAN;
            }
        }
        for remembered in self.memory.iter_mut().filter(|m| !kept.contains(&m.name.name)) {
            remembered.now = f64::NAN;
        }
    }

    /// What must survive a restart.
    pub fn save(&self) -> DraftState {
        let mut memory = self.memory.clone();
        for (name, value) in self.names.iter().zip(&self.values) {
            if let Some(remembered) = memory.get_mut(usize::from(*name)) {
                remembered.now = *value;
            }
        }
        DraftState(memory)
    }

    /// A draft that goes on where `state` was saved.
    pub fn restore(state: DraftState) -> Self {
        Self { memory: state.0, ..Self::default() }
    }
}

impl RuleTree {
    fn resolve(&self, named: &[(String, Value)]) -> Rule {
        let operand = |operand: &NamedOperand| match operand {
            NamedOperand::Literal(number) => Operand::from(*number),
            NamedOperand::Value(name) => named
                .iter()
                .find(|(known, _)| known == name)
                .map_or(Operand::from(f64::NAN), |(_, value)| Operand::from(*value)),
        };
        let many = |trees: &[Self]| trees.iter().map(|tree| tree.resolve(named)).collect();
        match self {
            Self::Compare { left, op, right } => {
                Rule::Compare { left: operand(left), op: *op, right: operand(right) }
            }
            Self::All(trees) => Rule::All(many(trees)),
            Self::Any(trees) => Rule::Any(many(trees)),
            Self::Not(tree) => Rule::Not(Box::new(tree.resolve(named))),
        }
    }
}

/// An index as stored; a decision with more than 65,535 values is cut off.
fn short(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}
