//! The documentation, the dashboards and the golden list of names agree with the code.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;

use super::super::catalogue::{self, ACCOUNT_LABELS, Kind};
use super::*;

/// Reads a file of the project.
fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Compares a file with what it should be, or writes it when `TICKSCOPE_BLESS` is set.
fn check_file(path: &str, expected: &str) {
    if env::var_os("TICKSCOPE_BLESS").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(path), expected).unwrap();
    }
    assert!(read(path) == expected, "{path} differs; TICKSCOPE_BLESS=1 writes it anew");
}

/// The text with what stands between two markers replaced.
fn with_section(text: &str, section: &str, body: &str) -> String {
    let (begin, end) = (format!("<!-- {section} -->\n"), format!("<!-- end of {section} -->"));
    let (before, rest) = text.split_once(&begin).expect("the section begins");
    let (_, after) = rest.split_once(&end).expect("the section ends");
    format!("{before}{begin}{body}{end}{after}")
}

fn metric_table() -> String {
    let mut table = String::from("| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n");
    for spec in catalogue::ALL {
        let kind = match spec.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let account: &[&str] = if spec.of_account { &ACCOUNT_LABELS } else { &[] };
        let labels = [spec.labels, account].concat().join(", ");
        writeln!(table, "| `{}` | {kind} | {labels} | {} |", spec.name, spec.help).unwrap();
    }
    table
}

fn event_table() -> String {
    let mut table = String::from("| Event | Level | File |\n|---|---|---|\n");
    for name in EventName::ALL {
        let (level, lane) = (name.level().as_str(), name.lane().as_str());
        writeln!(table, "| `{}` | {level} | {lane} |", name.as_str()).unwrap();
    }
    table
}

#[test]
fn the_documented_tables_are_those_of_the_code() {
    let path = "docs/observability.md";
    let text = with_section(&read(path), "metrics", &metric_table());
    check_file(path, &with_section(&text, "events", &event_table()));
}

/// A renamed event breaks somebody's query silently.
#[test]
fn event_names_are_as_released() {
    let names: Vec<_> = EventName::ALL.iter().map(|name| name.as_str()).collect();
    check_file("src/telemetry/tests/events.golden", &(names.join("\n") + "\n"));
}

/// A series that appears only after its first event makes `rate` miss that event.
#[test]
fn every_metric_and_every_event_is_there_from_the_first_scrape() {
    let folder = tempfile::tempdir().unwrap();
    let telemetry = start(folder.path(), LogConfig::default());
    let text = telemetry.metrics_text().unwrap();
    for spec in catalogue::ALL {
        let is_made_later = spec.name == catalogue::RULE_EVALUATIONS.name;
        let is_there = text.contains(&format!("# HELP {} ", spec.name));
        assert!(is_there || is_made_later, "{}", spec.name);
    }
    for name in EventName::ALL {
        sample(&telemetry, "tickscope_log_events_total", &[("event", name.as_str())]);
    }
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for name in families.filter_map(|line| line.split(' ').next()) {
        let is_ours = catalogue::ALL.iter().any(|spec| spec.name == name);
        assert!(is_ours || name.starts_with("process_"), "{name}");
    }
}

/// Every metric name in a text: what starts with our prefix, without a histogram's ending.
fn named_metrics(text: &str) -> BTreeSet<String> {
    let is_name = |character: char| character.is_ascii_lowercase() || character == '_';
    text.match_indices("tickscope_")
        .map(|(at, _)| text[at..].chars().take_while(|c| is_name(*c)).collect::<String>())
        .map(|name| {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            base.unwrap_or(&name).to_owned()
        })
        .collect()
}

/// What a person copies from a page must exist. (The dashboards have tests of their own.)
#[test]
fn the_documentation_names_only_metrics_that_exist() {
    for path in ["dashboards/README.md", "docs/observability.md"] {
        for name in named_metrics(&read(path)) {
            assert!(catalogue::ALL.iter().any(|spec| spec.name == name), "{path}: {name}");
        }
    }
}
