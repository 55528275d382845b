//! Recording rules and alerts as Prometheus reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Deserialize;

use super::metrics::Catalogue;
use super::source::{Names, parse, thresholds};
use super::{check_file, read};

/// How often rules are evaluated.
const INTERVAL: &str = "5s";
const HEAD: &str = "# Made from dashboards/source/rules.toml and dashboards/thresholds.toml.\n";

/// Recording rules and alerts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub selectors: BTreeMap<String, String>,
    pub record: Vec<Record>,
    pub alert: Vec<Alert>,
}

/// A recording rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub name: String,
    pub expr: String,
    /// How often, where the usual interval is too long.
    pub interval: Option<String>,
}

/// An alert. Several may have one name: the same trouble, known from different numbers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    pub name: String,
    pub severity: String,
    /// Which of several numbers it is known from.
    pub because: Option<String>,
    pub summary: String,
    pub description: String,
    pub expr: String,
}

impl Rules {
    /// The source, and its names.
    pub fn read() -> (Self, Names) {
        let rules: Self = parse("dashboards/source/rules.toml");
        let names = Names::new(&rules.selectors);
        (rules, names)
    }

    /// Every expression, as Prometheus gets it.
    pub fn expressions(&self, names: &Names) -> Vec<String> {
        let recorded = self.record.iter().map(|record| &record.expr);
        let all = recorded.chain(self.alert.iter().map(|alert| &alert.expr));
        all.map(|expr| names.expand(expr)).collect()
    }
}

/// The file that Prometheus loads.
pub fn file(rules: &Rules, names: &Names) -> String {
    let mut text = String::from(HEAD);
    text += "groups:\n";
    let is_often = |record: &&Record| record.interval.is_some();
    let often: Vec<_> = rules.record.iter().filter(is_often).collect();
    if let Some(interval) = often.first().and_then(|record| record.interval.as_ref()) {
        assert!(often.iter().all(|record| record.interval.as_ref() == Some(interval)));
        group(&mut text, "tickscope-last", interval);
    }
    for record in often {
        recorded(&mut text, record, names);
    }
    group(&mut text, "tickscope", INTERVAL);
    for record in rules.record.iter().filter(|record| record.interval.is_none()) {
        recorded(&mut text, record, names);
    }
    let limits = thresholds();
    for alert in &rules.alert {
        let limits = limits.get(&alert.name).unwrap_or_else(|| panic!("no [{}]", alert.name));
        let hold = limits["hold_seconds"].as_integer().expect("whole seconds");
        writeln!(text, "      - alert: {}", alert.name).unwrap();
        text += &expression(&alert.expr, names);
        writeln!(text, "        for: {hold}s").unwrap();
        writeln!(text, "        labels:\n          severity: {}", alert.severity).unwrap();
        if let Some(because) = &alert.because {
            writeln!(text, "          because: {because}").unwrap();
        }
        text += "        annotations:\n";
        let runbook = format!("docs/runbook.md#{}", alert.name.to_lowercase());
        for (key, value) in [
            ("summary", names.expand(&alert.summary)),
            ("description", names.expand(&alert.description)),
            ("runbook_url", runbook),
        ] {
            // A string of JSON is one of YAML.
            writeln!(text, "          {key}: {}", serde_json::Value::from(value)).unwrap();
        }
    }
    text
}

fn group(text: &mut String, name: &str, interval: &str) {
    writeln!(text, "  - name: {name}\n    interval: {interval}\n    rules:").unwrap();
}

fn recorded(text: &mut String, record: &Record, names: &Names) {
    writeln!(text, "      - record: {}", record.name).unwrap();
    *text += &expression(&record.expr, names);
}

fn expression(source: &str, names: &Names) -> String {
    let lines = names.expand(source.trim()).replace('\n', "\n          ");
    format!("        expr: |-\n          {lines}\n")
}

/// Severities, and what each means to whoever is woken.
const SEVERITIES: [&str; 4] = ["critical", "warning", "info", "none"];

/// Lost if broken: what is decided in the source is not what Prometheus does.
#[test]
fn rules_are_those_of_the_source() {
    let (rules, names) = Rules::read();
    check_file("dashboards/prometheus/rules.yml", &file(&rules, &names));
}

/// An alert on a metric that does not exist never fires, and nobody misses it.
#[test]
fn every_metric_in_a_rule_exists() {
    let (rules, names) = Rules::read();
    let catalogue = Catalogue::read();
    for expr in rules.expressions(&names) {
        let faults = catalogue.faults(&expr);
        assert!(faults.is_empty(), "{faults:?} in {expr}");
    }
    let recorded: BTreeSet<_> = rules.record.iter().map(|record| record.name.as_str()).collect();
    for record in &recorded {
        let is_used = rules.alert.iter().any(|alert| alert.expr.contains(*record));
        assert!(is_used, "{record} is recorded and in no alert");
        let metric = record.split(':').nth(1).unwrap();
        let is_ours = catalogue.names().any(|name| name.trim_end_matches("_total") == metric);
        assert!(is_ours, "{record}: level:metric:operations, with a metric that exists");
    }
}

/// Lost if broken: somebody is woken and does not know what for, or what to do.
#[test]
fn every_alert_is_explained_and_tested() {
    let (rules, _) = Rules::read();
    let (runbook, tests) = (read("docs/runbook.md"), read("dashboards/prometheus/rules_test.yml"));
    let alerts: BTreeSet<_> = rules.alert.iter().map(|alert| alert.name.as_str()).collect();
    assert_eq!(alerts.len(), 20, "{alerts:?}");
    for alert in &rules.alert {
        let name = &alert.name;
        assert!(SEVERITIES.contains(&alert.severity.as_str()), "{name}: {}", alert.severity);
        assert!(alert.summary.ends_with('.') && alert.description.contains("{{ $value"), "{name}");
        let mut sections = runbook.split("\n## ");
        let section = sections.find(|section| section.starts_with(&format!("{name}\n")));
        let section = section.unwrap_or_else(|| panic!("{name} is not in the runbook"));
        for part in ["**What it means.**", "**How to look.**", "**What to do.**"] {
            assert_eq!(section.matches(part).count(), 1, "{name}: {part}");
        }
        assert!(tests.contains(name), "{name} is not in rules_test.yml");
    }
    let (of_alerts, _) = runbook.split_once("\n# What only the screen says").unwrap();
    let sections = of_alerts.lines().filter_map(|line| line.strip_prefix("## "));
    assert_eq!(sections.collect::<BTreeSet<_>>(), alerts, "the runbook is of other alerts");
}

/// Lost if broken: a limit that somebody changes and that changes nothing.
#[test]
fn every_limit_is_used() {
    let (rules, _) = Rules::read();
    let files = ["rules", "overview", "market-data", "decisions", "execution-risk", "internals"];
    let sources: String =
        files.iter().map(|name| read(&format!("dashboards/source/{name}.toml"))).collect();
    for (alert, limits) in thresholds() {
        assert!(rules.alert.iter().any(|found| found.name == alert), "[{alert}] is no alert");
        for key in limits.keys().filter(|key| *key != "hold_seconds") {
            assert!(sources.contains(&format!("@{alert}.{key}")), "[{alert}] {key} is not used");
        }
    }
}
