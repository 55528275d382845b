//! The dashboards and the alerts: made from one readable source, checked in as what Grafana and
//! Prometheus read, and each metric in them known. `TICKSCOPE_BLESS=1 cargo test --test it dashboards` makes them anew.

mod grafana;
mod json;
mod lint;
mod metrics;
mod rules;
mod source;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use serde_json::Value;

use lint::list;
use metrics::{Catalogue, selectors};
use rules::Rules;
use source::{Dashboard, Kind, Names, Shared, parse};

/// The dashboards, by the names of their files.
const DASHBOARDS: [&str; 5] =
    ["overview", "market-data", "decisions", "execution-risk", "internals"];

/// Reads a file of the project.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares a file with what it should be, or writes it when `TICKSCOPE_BLESS` is set.
fn check_file(path: &str, expected: &str) {
    if env::var_os("TICKSCOPE_BLESS").is_some() {
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(path), expected).unwrap();
    }
    let blessing = "TICKSCOPE_BLESS=1 cargo test --test it dashboards";
    assert!(read(path) == expected, "{path} differs from its source; {blessing} makes it anew");
}

fn shared() -> Shared {
    parse("dashboards/source/shared.toml")
}

fn sources() -> Vec<(&'static str, Dashboard)> {
    DASHBOARDS
        .iter()
        .map(|name| (*name, parse(&format!("dashboards/source/{name}.toml"))))
        .collect()
}

/// Each dashboard as Grafana gets it.
fn made() -> Vec<(&'static str, Value)> {
    let shared = shared();
    let names = Names::new(&shared.selectors);
    let make = |(name, source)| (name, grafana::dashboard(&source, &shared, &names));
    sources().into_iter().map(make).collect()
}

/// Every expression of a dashboard: of panels, variables and annotations.
fn expressions(dashboard: &Value) -> Vec<String> {
    let targets = list(&dashboard["panels"]).iter().flat_map(|panel| list(&panel["targets"]));
    let variables =
        list(&dashboard["templating"]["list"]).iter().map(|item| &item["query"]["query"]);
    let marks = list(&dashboard["annotations"]["list"]).iter().map(|item| &item["target"]["expr"]);
    let all = targets.map(|target| &target["expr"]).chain(variables).chain(marks);
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Lost if broken: what is read in the source is not what is seen in Grafana.
#[test]
fn dashboards_are_those_of_the_source() {
    let mut panels = 0;
    for (name, dashboard) in made() {
        check_file(&format!("dashboards/grafana/{name}.json"), &json::text(&dashboard));
        panels += list(&dashboard["panels"]).len();
    }
    assert!(panels >= 60, "{panels} panels");
}

/// A misspelt metric shows "No data", which looks like peace.
#[test]
fn every_metric_on_a_dashboard_exists() {
    let catalogue = Catalogue::read();
    for (name, dashboard) in made() {
        for expression in expressions(&dashboard) {
            let faults = catalogue.faults(&expression);
            assert!(faults.is_empty(), "{name}: {faults:?} in {expression}");
        }
    }
}

/// Lost if broken: numbers that a run counts and nobody sees.
#[test]
fn every_metric_is_used() {
    let dashboards = made();
    let shown = dashboards.iter().flat_map(|(_, dashboard)| expressions(dashboard));
    let (rules, names) = Rules::read();
    let used: BTreeSet<String> = shown
        .chain(rules.expressions(&names))
        .flat_map(|expression| selectors(&expression))
        .map(|selector| selector.family().to_owned())
        .collect();
    let for_reference = shared().reference_only;
    for name in Catalogue::read().names() {
        let is_used = used.contains(name);
        let is_listed = for_reference.contains_key(name);
        assert!(
            is_used || is_listed,
            "{name} is on no panel, in no rule, not under [reference_only]"
        );
        assert!(!(is_used && is_listed), "{name} is under [reference_only], and used");
    }
}

/// What the linter finds, and the exceptions with their reasons in the form that it reads.
#[test]
fn the_linter_finds_only_what_is_excused() {
    let mut excused = BTreeSet::new();
    let mut file =
        String::from("# Made from dashboards/source: where a rule is broken on purpose.\n");
    file += "exclusions:\n";
    let mut reasons = Vec::new();
    for (_, source) in sources() {
        for panel in &source.panel {
            if let Some(exception) = &panel.lint {
                excused.insert((exception.rule.clone(), source.title.clone(), panel.title.clone()));
                let entry = (source.title.clone(), panel.title.clone());
                reasons.push((exception.rule.clone(), entry, exception.reason.clone()));
            }
        }
    }
    reasons.sort();
    let mut last = "";
    for (rule, (dashboard, panel), reason) in &reasons {
        if rule != last {
            writeln!(
                file,
                "  {rule}:\n    reason: The range is on purpose, as said at each entry."
            )
            .unwrap();
            file += "    entries:\n";
            last = rule;
        }
        writeln!(file, "    - dashboard: {dashboard:?}\n      panel: {panel:?} # {reason}")
            .unwrap();
    }
    check_file("dashboards/grafana/.lint", &file);

    let mut found = BTreeSet::new();
    for (_, dashboard) in made() {
        for finding in lint::findings(&dashboard) {
            let title = dashboard["title"].as_str().unwrap().to_owned();
            let key = (finding.rule.to_owned(), title, finding.panel.clone());
            assert!(excused.contains(&key), "{}: {finding:?}", dashboard["title"]);
            found.insert(key);
        }
    }
    assert_eq!(found, excused, "excused, and yet nothing is found");
}

/// The linter sees what it is there for.
#[test]
fn the_linter_sees_a_broken_panel() {
    let broken = r#"{
        "title": "t", "description": "", "type": "timeseries",
        "gridPos": { "x": 20, "y": 0, "w": 8, "h": 8 },
        "datasource": { "uid": "prometheus" }, "fieldConfig": { "defaults": {} },
        "targets": [{ "expr": "sum(tickscope_fills_total) / rate(x_total{job=~\"$job\"}[5m])" }]
    }"#;
    let dashboard = serde_json::json!({
        "editable": true, "panels": [serde_json::from_str::<Value>(broken).unwrap()],
    });
    let rules: BTreeSet<_> = lint::findings(&dashboard).iter().map(|found| found.rule).collect();
    let expected = [
        "grid",
        "panel-datasource-rule",
        "panel-title-description-rule",
        "panel-units-rule",
        "target-counter-agg-rule",
        "target-instance-rule",
        "target-job-rule",
        "target-rate-interval-rule",
        "template-datasource-rule",
        "template-instance-rule",
        "template-job-rule",
        "uneditable-dashboard",
    ];
    assert_eq!(rules, expected.into());
}

/// Lost if broken: links to panels, the shared crosshair, times that mean the same everywhere, and
/// the first look at real money.
#[test]
fn dashboards_are_well_formed() {
    let mut uids = BTreeSet::new();
    for (name, dashboard) in made() {
        assert!(uids.insert(dashboard["uid"].as_str().unwrap().to_owned()), "{name}");
        assert_eq!(
            (&dashboard["timezone"], &dashboard["graphTooltip"]),
            (&"utc".into(), &1.into())
        );
        let variables = list(&dashboard["templating"]["list"]);
        let names: Vec<_> = variables.iter().map(|item| item["name"].as_str().unwrap()).collect();
        let expected =
            ["datasource", "job", "instance", "mode", "account", "venue", "instrument", "strategy"];
        assert_eq!(names, expected, "{name}");
        assert_eq!(variables[3]["current"]["value"], "live", "{name}");
        let marks = list(&dashboard["annotations"]["list"]);
        assert_eq!(marks.iter().map(|mark| &mark["name"]).collect::<Vec<_>>(), ["Fills", "Alerts"]);
    }
    for (name, source) in sources() {
        let ids: BTreeSet<_> = source.panel.iter().map(|panel| panel.id).collect();
        assert_eq!(ids.len(), source.panel.len(), "{name}: an id is there twice");
        for panel in &source.panel {
            let is_text = panel.kind == Kind::Text;
            assert!(
                is_text == panel.text.is_some() && is_text == panel.queries.is_empty(),
                "{}",
                panel.title
            );
            let said = panel.zero.is_some() && panel.constant.is_some();
            assert!(!said, "{name}, {}: zero or constant, not both", panel.title);
            let both = panel.queries.iter().any(|query| query.zero && query.constant);
            assert!(!both, "{name}, {}: zero or constant, not both", panel.title);
        }
    }
    let asked =
        made().iter().any(|(_, dashboard)| dashboard.to_string().contains(r#""exemplar":true"#));
    let told = made()
        .iter()
        .any(|(_, dashboard)| dashboard.to_string().contains("tickscope explain --at"));
    assert!(asked && told, "no exemplars, or no command that explains");
}

/// Lost if broken: rates over 15 s instead of one, a container that does not start, alerts that ask
/// for a job that nobody scrapes.
#[test]
fn what_is_provisioned_agrees() {
    let value = |path: &str, key: &str| {
        let text = read(path);
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key).map(str::to_owned));
        let value = line.unwrap_or_else(|| panic!("{path} has no {key}"));
        value.split('#').next().unwrap().trim().to_owned()
    };
    let prometheus = "dashboards/prometheus/prometheus.yml";
    assert_eq!(
        value(prometheus, "scrape_interval:"),
        value("dashboards/provisioning/datasources/prometheus.yml", "timeInterval:"),
        "the data source says another interval than Prometheus scrapes with"
    );
    let job = value(prometheus, "- job_name:");
    assert_eq!(Names::new(&Rules::read().0.selectors).expand("@job"), format!("job=\"{job}\""));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    for line in read("dashboards/compose.yml").lines() {
        if let Some(mount) = line.trim().strip_prefix("- ./") {
            let path = root.join(mount.split(':').next().unwrap());
            assert!(path.exists(), "compose.yml mounts {}, which is not there", path.display());
        }
    }
    let format: Value = serde_json::from_str(&read("dashboards/lnav/tickscope.json")).unwrap();
    assert_eq!(format["tickscope_log"]["opid-field"], "decision_id");
}
