//! The readable source: what stands in `dashboards/source/` and `dashboards/thresholds.toml`, read
//! strictly, so that a misspelt key is an error and not a panel without a unit.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::read;

/// What all dashboards have in common.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    pub tag: String,
    pub refresh: String,
    pub from: String,
    pub selectors: BTreeMap<String, String>,
    pub variable: Vec<Variable>,
    pub annotation: Vec<Annotation>,
    /// Metrics that are on no panel and in no rule, each with the reason.
    pub reference_only: BTreeMap<String, String>,
}

/// A variable at the top of every dashboard.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    pub name: String,
    pub label: String,
    #[serde(default)]
    pub kind: VariableKind,
    pub query: Option<String>,
    #[serde(default)]
    pub values: Vec<String>,
}

/// Where a variable's values come from.
#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum VariableKind {
    /// The data sources that Grafana has.
    Datasource,
    /// A list that is written down; the first is the default.
    Custom,
    /// Prometheus.
    #[default]
    Query,
}

/// Marks on all panels of a dashboard.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annotation {
    pub name: String,
    pub color: String,
    pub expr: String,
    pub title: String,
    #[serde(default)]
    pub text: String,
    pub tags: String,
    pub value_is_time: bool,
}

/// One dashboard.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    pub uid: String,
    pub title: String,
    pub description: String,
    pub panel: Vec<Panel>,
}

/// One panel. They stand in the order of the file, from left to right.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// Never changes: links to a panel have it.
    pub id: u64,
    pub title: String,
    pub kind: Kind,
    pub width: u64,
    #[serde(default = "usual_height")]
    pub height: u64,
    pub description: String,
    pub unit: Option<String>,
    pub decimals: Option<u64>,
    pub max: Option<f64>,
    /// What a stat shows: its value, or the name of the series.
    #[serde(default)]
    pub show: Show,
    /// Words for values.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// Colours from a value on.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Where a red line is drawn across.
    pub line: Option<Bound>,
    /// A page of the run that a series leads to.
    pub link: Option<Link>,
    #[serde(default)]
    pub queries: Vec<Query>,
    /// Markdown, of a text panel.
    pub text: Option<String>,
    /// Why nothing is to be seen while all is well.
    pub zero: Option<String>,
    /// Why its value does not change while all is well.
    pub constant: Option<String>,
    /// Rules of the linter that it breaks on purpose.
    pub lint: Option<Exception>,
}

fn usual_height() -> u64 {
    8
}

/// How a panel draws.
#[derive(Deserialize, Clone, Copy, PartialEq, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Stat,
    Timeseries,
    Heatmap,
    Bargauge,
    StateTimeline,
    Text,
}

/// What a stat shows.
#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Show {
    #[default]
    Value,
    Name,
}

/// A colour from a value on; the first has no value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub color: String,
    pub at: Option<Bound>,
}

/// A number, or a limit by its name.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Bound {
    Number(f64),
    Name(String),
}

/// A page of the run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub title: String,
    pub path: String,
}

/// A query.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    pub legend: String,
    pub expr: String,
    /// Ask for the decisions behind the numbers too.
    #[serde(default)]
    pub exemplar: bool,
    /// This query alone shows nothing while all is well.
    #[serde(default)]
    pub zero: bool,
    /// This query alone does not change while all is well.
    #[serde(default)]
    pub constant: bool,
}

/// A rule of the linter that a panel breaks on purpose.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    pub rule: String,
    pub reason: String,
}

/// The names that stand for something: selectors, and limits as `Table.key`.
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// These selectors, and every limit.
    pub fn new(selectors: &BTreeMap<String, String>) -> Self {
        let mut names = selectors.clone();
        for (alert, limits) in thresholds() {
            for (key, value) in limits {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                names.insert(format!("{alert}.{key}"), text);
            }
        }
        Self(names)
    }

    /// The text with each `@name` replaced by what it stands for.
    pub fn expand(&self, text: &str) -> String {
        let mut parts = text.split('@');
        let mut expanded = parts.next().unwrap().to_owned();
        for part in parts {
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
            // A name at the end of a sentence is followed by a full stop.
            let end = part.find(|c| !is_name(c)).unwrap_or(part.len());
            let name = part[..end].trim_end_matches('.');
            let meant = self.0.get(name).unwrap_or_else(|| panic!("@{name} is nothing"));
            expanded += &self.expand(meant);
            expanded += &part[name.len()..];
        }
        expanded
    }

    /// The number that a bound is.
    pub fn number(&self, bound: &Bound) -> f64 {
        match bound {
            Bound::Number(number) => *number,
            Bound::Name(name) => self.expand(name).parse().unwrap_or_else(|_| panic!("{name}")),
        }
    }
}

/// The limits of each alert.
pub fn thresholds() -> BTreeMap<String, toml::Table> {
    parse("dashboards/thresholds.toml")
}

/// Reads a file of the source.
pub fn parse<T: DeserializeOwned>(path: &str) -> T {
    toml::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
