//! The effective configuration: every key with its value and where it came from, as one TOML text
//! that can be read back.

use std::collections::{BTreeMap, BTreeSet};

use super::path::KeyPath;
use super::section::Config;
use super::source::{Origin, Source, SourceKind};
use super::tree::{Node, Value};

/// Where each key came from, by its path: `risk.price_collar`, `strategy[0].params.fast`.
pub type Origins = BTreeMap<String, Origin>;

/// The canonical text of a configuration: equal configurations give equal texts.
pub(super) fn canonical(config: &Config) -> Result<String, toml::ser::Error> {
    toml::to_string(config)
}

/// The origin of every key of the canonical text, and that text with the origins as comments.
pub(super) fn annotate(canonical: &str, written: &Value) -> (Origins, String) {
    let source = Source::new(SourceKind::Program, canonical);
    let mut leaves = Vec::new();
    // What the serializer wrote parses; if it ever did not, the text would stay without comments.
    if let Ok(tree) = Value::document(&source) {
        collect_leaves(&tree, &KeyPath::default(), &mut leaves);
    }
    let mut origins = Origins::new();
    let mut comments = BTreeMap::new();
    for (path, line) in leaves {
        let origin = written.at(&path).map_or(Origin::Default, |value| value.site.origin());
        comments.insert(line, origin.to_string());
        origins.insert(path.to_string(), origin);
    }
    (origins, with_comments(canonical, &comments))
}

/// The keys whose values differ between two canonical texts, in order of their names.
pub(super) fn changed_keys(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (values(before), values(after));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter().filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

/// The source text of every value of a canonical text, by its key.
fn values(canonical: &str) -> BTreeMap<String, String> {
    let source = Source::new(SourceKind::Program, canonical);
    let mut leaves = Vec::new();
    let Ok(tree) = Value::document(&source) else { return BTreeMap::new() };
    collect_leaves(&tree, &KeyPath::default(), &mut leaves);
    let text = |path: &KeyPath| {
        let span = tree.at(path).map(|value| value.site.span.clone())?;
        canonical.get(span).map(str::to_owned)
    };
    leaves.iter().filter_map(|(path, _)| Some((path.to_string(), text(path)?))).collect()
}

/// The keys that hold no further keys, each with the line from 1 on which its value ends.
fn collect_leaves(value: &Value, path: &KeyPath, leaves: &mut Vec<(KeyPath, usize)>) {
    match &value.node {
        Node::Table(table) => {
            for (key, entry) in table {
                collect_leaves(&entry.value, &path.key(key), leaves);
            }
        }
        Node::Array(items) if items.iter().any(|item| matches!(item.node, Node::Table(_))) => {
            for (index, item) in items.iter().enumerate() {
                collect_leaves(item, &path.index(index), leaves);
            }
        }
        _ => leaves.push((path.clone(), value.site.last_line())),
    }
}

fn with_comments(text: &str, comments: &BTreeMap<usize, String>) -> String {
    let mut annotated = String::with_capacity(text.len() * 2);
    for (index, line) in text.lines().enumerate() {
        annotated.push_str(line);
        if let Some(comment) = comments.get(&(index + 1)) {
            annotated.push_str("  # ");
            annotated.push_str(comment);
        }
        annotated.push('\n');
    }
    annotated
}
