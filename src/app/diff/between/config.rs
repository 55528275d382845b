//! The settings in which two runs differ.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use toml::Value;

use crate::config::Loaded;

/// What stands for a setting that is not there.
const NONE: &str = "none";

/// A setting that is not the same in both runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Setting {
    /// `strategy.trend.params.fast`.
    pub key: String,
    /// In A.
    pub a: String,
    /// In B.
    pub b: String,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} against {}", self.key, self.a, self.b)
    }
}

/// The settings that differ, in the order of their keys.
pub fn settings(a: &Loaded, b: &Loaded) -> Vec<Setting> {
    let (a, b) = (flat(a.canonical()), flat(b.canonical()));
    let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
    let value = |of: &BTreeMap<String, String>, key: &String| {
        of.get(key).cloned().unwrap_or_else(|| NONE.to_owned())
    };
    keys.map(|key| Setting { key: key.clone(), a: value(&a, key), b: value(&b, key) })
        .filter(|setting| setting.a != setting.b)
        .collect()
}

fn flat(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        walk(&Value::Table(table), String::new(), &mut all);
    }
    all
}

fn walk(value: &Value, path: String, all: &mut BTreeMap<String, String>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Table(table) => {
            table.iter().for_each(|(key, value)| walk(value, below(key), all));
        }
        Value::Array(items) if items.iter().any(Value::is_table) => {
            for (at, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str).map(str::to_owned);
                walk(item, below(&name.unwrap_or_else(|| at.to_string())), all);
            }
        }
        Value::String(text) => {
            all.insert(path, text.clone());
        }
        other => {
            all.insert(path, other.to_string());
        }
    }
}
