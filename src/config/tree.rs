//! A `Value` is configuration as written: text, numbers, arrays and tables, each knowing its site.
//! Numbers keep their source text, so that no amount of money ever passes through a float.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::path::{KeyPath, Step};
use super::source::{Site, Source};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Value {
    /// What it is.
    pub(super) node: Node,
    /// Where it was written.
    pub(super) site: Site,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// Quoted text.
    Text(String),
    /// A number as written, without underscores and leading plus.
    Number(String),
    /// `true` or `false`.
    Flag(bool),
    /// A date or time, which no key takes.
    Date,
    /// Unquoted text from the environment or a flag: whatever its key asks for.
    Bare(String),
    /// Values in order.
    Array(Vec<Value>),
    /// Values by key.
    Table(Table),
}

/// Values by key.
pub(super) type Table = BTreeMap<String, Entry>;

/// A key of a table with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Where the key was written.
    pub(super) key: Site,
    /// What it was set to.
    pub(super) value: Value,
}

impl Value {
    /// A table with nothing in it.
    pub(super) fn empty(site: Site) -> Self {
        Self { node: Node::Table(Table::new()), site }
    }

    /// Reads a whole TOML document.
    pub(super) fn document(source: &Arc<Source>) -> Result<Self, toml::de::Error> {
        let table = DeTable::parse(&source.text)?;
        let reader = Importer { source, base: 0 };
        Ok(Self { node: reader.table(table.get_ref()), site: Site::whole(source) })
    }

    /// Reads what an environment variable or a flag sets, which begins at `base` in its source:
    /// arrays, inline tables and quoted text as in TOML, all else as bare text.
    pub(super) fn assigned(source: &Arc<Source>, base: usize) -> Self {
        let text = source.text.get(base..).unwrap_or_default();
        let site = Site { source: Arc::clone(source), span: base..source.text.len() };
        let node = match DeValue::parse(text) {
            Ok(value) => match (Importer { source, base }).node(value.get_ref()) {
                node @ (Node::Array(_) | Node::Table(_) | Node::Text(_)) => node,
                _ => Node::Bare(text.to_owned()),
            },
            Err(_) => Node::Bare(text.to_owned()),
        };
        Self { node, site }
    }

    /// A text becomes a table with the text under `key`.
    pub(super) fn widen(&mut self, key: &str) {
        if let Node::Text(_) | Node::Bare(_) = self.node {
            let text = self.clone();
            let entry = Entry { key: self.site.clone(), value: text };
            self.node = Node::Table(BTreeMap::from([(key.to_owned(), entry)]));
        }
    }

    /// Lays `over` on top: tables are joined key by key, everything else is replaced.
    pub(super) fn merge(&mut self, over: Self) {
        match (&mut self.node, over.node) {
            (Node::Table(under), Node::Table(over)) => {
                for (key, entry) in over {
                    merge_entry(under, key, entry);
                }
            }
            (node, over) => *node = over,
        }
        self.site = over.site;
    }

    /// The value at a path, if it was written.
    pub(super) fn at(&self, path: &KeyPath) -> Option<&Self> {
        path.steps().iter().try_fold(self, |value, step| value.child(step))
    }

    fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.node, step) {
            (Node::Table(table), Step::Key(key)) => table.get(key).map(|entry| &entry.value),
            (Node::Array(items), Step::Index(index)) => items.get(*index),
            _ => None,
        }
    }

    /// Where the key of a path was written; for an array element, where the element was.
    pub(super) fn key_site(&self, path: &KeyPath) -> Option<&Site> {
        let container = self.at(&path.parent()?)?;
        match (&container.node, path.steps().last()?) {
            (Node::Table(table), Step::Key(key)) => table.get(key).map(|entry| &entry.key),
            (_, step) => container.child(step).map(|value| &value.site),
        }
    }

    /// The value at a path, or the closest container of it that was written; `None` when not
    /// even the first key was.
    pub(super) fn nearest(&self, path: &KeyPath) -> Option<&Self> {
        let mut nearest = None;
        for step in path.steps() {
            match nearest.unwrap_or(self).child(step) {
                Some(child) => nearest = Some(child),
                None => break,
            }
        }
        nearest
    }

    /// Takes the key at a path out of its table; false when it is not there.
    pub(super) fn remove(&mut self, path: &KeyPath) -> bool {
        let Some((Step::Key(last), way)) = path.steps().split_last() else { return false };
        let mut value = self;
        for step in way {
            let child = match (&mut value.node, step) {
                (Node::Table(table), Step::Key(key)) => {
                    table.get_mut(key).map(|entry| &mut entry.value)
                }
                (Node::Array(items), Step::Index(index)) => items.get_mut(*index),
                _ => None,
            };
            match child {
                Some(child) => value = child,
                None => return false,
            }
        }
        match &mut value.node {
            Node::Table(table) => table.remove(last).is_some(),
            _ => false,
        }
    }
}

fn merge_entry(under: &mut Table, key: String, entry: Entry) {
    match under.get_mut(&key) {
        Some(present) => {
            present.key = entry.key;
            present.value.merge(entry.value);
        }
        None => {
            under.insert(key, entry);
        }
    }
}

/// Turns parsed TOML into values, offsets shifted by `base`.
struct Importer<'a> {
    source: &'a Arc<Source>,
    base: usize,
}

impl Importer<'_> {
    fn site(&self, span: Range<usize>) -> Site {
        let span = span.start + self.base..span.end + self.base;
        Site { source: Arc::clone(self.source), span }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Value {
        Value { node: self.node(value.get_ref()), site: self.site(value.span()) }
    }

    fn node(&self, value: &DeValue<'_>) -> Node {
        match value {
            DeValue::String(text) => Node::Text(text.to_string()),
            DeValue::Integer(integer) => Node::Number(decimal_text(integer)),
            DeValue::Float(float) => Node::Number(without_plus(float.as_str())),
            DeValue::Boolean(flag) => Node::Flag(*flag),
            DeValue::Datetime(_) => Node::Date,
            DeValue::Array(items) => Node::Array(items.iter().map(|v| self.value(v)).collect()),
            DeValue::Table(table) => self.table(table),
        }
    }

    fn table(&self, table: &DeTable<'_>) -> Node {
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            let entry = Entry { key: self.site(key.span()), value: self.value(value) };
            (name.to_string(), entry)
        };
        Node::Table(table.iter().map(entry).collect())
    }
}

/// An integer in base ten; one too large for that stays as written and is refused later.
fn decimal_text(integer: &DeInteger<'_>) -> String {
    if integer.radix() == 10 {
        return without_plus(integer.as_str());
    }
    i128::from_str_radix(integer.as_str(), integer.radix())
        .map_or_else(|_| integer.to_string(), |value| value.to_string())
}

fn without_plus(text: &str) -> String {
    text.strip_prefix('+').unwrap_or(text).to_owned()
}
