//! The rules of Grafana's dashboard-linter, and ours, read from the JSON that Grafana gets.
//!
//! Whether an expression is PromQL is for Prometheus to say: `.ci/dashboards.sh` asks it each one.

use serde_json::Value;

use super::grafana::COLUMNS;
use super::metrics::selectors;

/// A rule that does not hold, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub rule: &'static str,
    pub panel: String,
    pub what: String,
}

/// Units that the linter knows and that we use.
const UNITS: [&str; 10] = [
    "none",
    "short",
    "percentunit",
    "s",
    "bytes",
    "Bps",
    "cps",
    "dateTimeFromNow",
    "bool",
    "bool_yes_no",
];

/// Everything that is wrong with a dashboard.
pub fn findings(dashboard: &Value) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut report = |rule, panel: &str, what: &str| {
        found.push(Finding { rule, panel: panel.to_owned(), what: what.to_owned() });
    };
    if dashboard["editable"] != false {
        report("uneditable-dashboard", "", "may be edited");
    }
    for variable in list(&dashboard["templating"]["list"]) {
        check_variable(variable, &mut report);
    }
    let named = |name: &str| {
        list(&dashboard["templating"]["list"]).iter().any(|variable| variable["name"] == name)
    };
    for (name, rule) in [
        ("datasource", "template-datasource-rule"),
        ("job", "template-job-rule"),
        ("instance", "template-instance-rule"),
    ] {
        if !named(name) {
            report(rule, "", "is missing");
        }
    }
    for panel in list(&dashboard["panels"]) {
        check_panel(panel, &mut report);
    }
    found
}

/// The items of an array; none of anything else.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn check_variable(variable: &Value, report: &mut impl FnMut(&'static str, &str, &str)) {
    let (name, kind) = (text(&variable["name"]), text(&variable["type"]));
    let rule = match name {
        "datasource" => "template-datasource-rule",
        "instance" => "template-instance-rule",
        _ => "template-job-rule",
    };
    if name == "datasource" && (kind != "datasource" || variable["label"] != "Data source") {
        report(rule, "", "is no data source, or not called one");
    }
    let titled = name[..1].to_uppercase() + &name[1..];
    if matches!(name, "job" | "instance")
        && (kind != "query"
            || variable["datasource"]["uid"] != "$datasource"
            || variable["label"] != titled.as_str()
            || variable["multi"] != true
            || variable["allValue"] != ".+")
    {
        report(rule, "", name);
    }
    if kind == "query" {
        let query = text(&variable["query"]["query"]);
        if !query.starts_with("label_values(") || selectors(query).is_empty() {
            report("template-label-promql-rule", "", query);
        }
        if variable["refresh"] != 2 {
            report("template-on-time-change-reload-rule", "", name);
        }
    }
}

fn check_panel(panel: &Value, report: &mut impl FnMut(&'static str, &str, &str)) {
    let title = text(&panel["title"]);
    let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
    if place("x") + place("w") > COLUMNS {
        report("grid", title, "is too wide");
    }
    if title.is_empty() || text(&panel["description"]).len() < 10 {
        report("panel-title-description-rule", title, "has no title or no description");
    }
    if panel["type"] == "text" {
        return;
    }
    if panel["datasource"]["uid"] != "$datasource" {
        report("panel-datasource-rule", title, "has a data source of its own");
    }
    if !UNITS.contains(&text(&panel["fieldConfig"]["defaults"]["unit"])) {
        report("panel-units-rule", title, text(&panel["fieldConfig"]["defaults"]["unit"]));
    }
    if list(&panel["targets"]).is_empty() {
        report("panel-no-targets-rule", title, "asks nothing");
    }
    for target in list(&panel["targets"]) {
        check_expression(title, text(&target["expr"]), report);
    }
}

fn check_expression(
    title: &str,
    expression: &str,
    report: &mut impl FnMut(&'static str, &str, &str),
) {
    let open = |bracket| expression.matches(bracket).count();
    if open('(') != open(')') || open('{') != open('}') || selectors(expression).is_empty() {
        report("target-promql-rule", title, expression);
    }
    for (label, rule, matcher) in [
        ("job", "target-job-rule", r#"job=~"$job""#),
        ("instance", "target-instance-rule", r#"instance=~"$instance""#),
    ] {
        let has = |labels: &[String]| labels.iter().any(|found| found == label);
        let all = selectors(expression).iter().all(|selector| has(&selector.labels));
        if !all || !expression.contains(matcher) {
            report(rule, title, expression);
        }
    }
    for selector in selectors(expression) {
        let is_aggregated = matches!(selector.function.as_str(), "rate" | "irate" | "increase");
        if selector.name.ends_with("_total") && !is_aggregated {
            report("target-counter-agg-rule", title, expression);
        }
        if selector.range.is_some_and(|range| range != "$__rate_interval") {
            report("target-rate-interval-rule", title, expression);
        }
    }
}
