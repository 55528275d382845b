//! The metrics that there are, and those that an expression names.

use std::collections::{BTreeMap, BTreeSet};

use super::read;

/// Labels that Prometheus adds, or that every histogram has.
const EVERYWHERE: [&str; 3] = ["job", "instance", "le"];

/// Each metric with its labels.
pub struct Catalogue(BTreeMap<String, BTreeSet<String>>);

impl Catalogue {
    /// The table in `docs/observability.md`, which is that of the code.
    pub fn read() -> Self {
        let text = read("docs/observability.md");
        let (_, rest) = text.split_once("<!-- metrics -->").unwrap();
        let (table, _) = rest.split_once("<!-- end of metrics -->").unwrap();
        let mut all = BTreeMap::new();
        for line in table.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let labels = cells[3].split(", ").map(str::to_owned).collect();
            all.insert(cells[1].trim_matches('`').to_owned(), labels);
        }
        Self(all)
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// What is wrong with the metrics of an expression and the labels that it matches.
    pub fn faults(&self, expression: &str) -> Vec<String> {
        let mut faults = Vec::new();
        for selector in selectors(expression).iter().filter(|found| found.is_ours()) {
            let Some(known) = self.0.get(selector.family()) else {
                faults.push(format!("no metric {}", selector.name));
                continue;
            };
            for label in selector.labels.iter().filter(|label| !known.contains(*label)) {
                if !EVERYWHERE.contains(&label.as_str()) {
                    faults.push(format!("{} has no label {label}", selector.name));
                }
            }
        }
        faults
    }
}

/// A metric in an expression, with what stands behind it.
#[derive(Debug, PartialEq)]
pub struct Selector {
    pub name: String,
    /// The labels between its braces.
    pub labels: Vec<String>,
    /// What is between its brackets.
    pub range: Option<String>,
    /// The function that it is the argument of.
    pub function: String,
}

impl Selector {
    /// The metric, without what a histogram adds to it.
    pub fn family(&self) -> &str {
        let ends = ["_bucket", "_sum", "_count"];
        ends.iter().find_map(|end| self.name.strip_suffix(end)).unwrap_or(&self.name)
    }

    fn is_ours(&self) -> bool {
        self.name.starts_with("tickscope_")
    }
}

/// Every metric in an expression, or text: words that are followed by braces or a range, or that
/// have our prefix. Recorded series, which have colons, are theirs who record them.
pub fn selectors(text: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let (mut at, mut functions) = (0, vec![String::new()]);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap();
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        let behind = &rest[word.len()..];
        match first {
            '"' | '\'' => at += rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            '(' | ')' => {
                if first == '(' {
                    functions.push(String::new());
                } else {
                    functions.pop();
                }
                at += 1;
            }
            _ if word.is_empty() => at += first.len_utf8(),
            _ if behind.starts_with('(') => {
                functions.push(word.to_owned());
                at += word.len() + 1;
            }
            _ if word.contains(':') => at += word.len(),
            _ => {
                let (labels, behind) = matched(behind);
                let range = behind.strip_prefix('[').and_then(|range| range.split(']').next());
                if word.starts_with("tickscope_") || !labels.is_empty() || range.is_some() {
                    found.push(Selector {
                        name: word.to_owned(),
                        labels,
                        range: range.map(str::to_owned),
                        function: functions.last().cloned().unwrap_or_default(),
                    });
                }
                at = text.len() - behind.len();
            }
        }
    }
    found
}

/// The labels between braces, and what follows them.
fn matched(text: &str) -> (Vec<String>, &str) {
    let Some(mut rest) = text.strip_prefix('{') else { return (Vec::new(), text) };
    let mut labels = Vec::new();
    while let Some(end) = rest.find(['=', '!', '}']) {
        if rest[end..].starts_with('}') {
            return (labels, &rest[end + 1..]);
        }
        labels.push(rest[..end].trim_matches([',', ' ', '\n']).to_owned());
        let value = rest[end..].split_once('"').map_or("", |(_, value)| value);
        rest = value.split_once('"').map_or("", |(_, after)| after);
    }
    (labels, rest)
}

/// Lost if broken: everything below it, silently.
#[test]
fn expressions_are_read() {
    let expression =
        r#"sum by (a) (rate(x_total{job=~"$job", b!="(}"}[5m])) / tickscope_y > l:z_sum:r"#;
    let of = |name: &str, labels: &[&str], range: Option<&str>, function: &str| Selector {
        name: name.to_owned(),
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
        range: range.map(str::to_owned),
        function: function.to_owned(),
    };
    let expected =
        [of("x_total", &["job", "b"], Some("5m"), "rate"), of("tickscope_y", &[], None, "")];
    assert_eq!(selectors(expression), expected);
    let catalogue = Catalogue::read();
    assert_eq!(catalogue.faults("tickscope_equty"), ["no metric tickscope_equty"]);
    let faults =
        catalogue.faults(r#"rate(tickscope_event_loop_seconds_bucket{le="1", venue="b"}[1m])"#);
    assert_eq!(faults, ["tickscope_event_loop_seconds_bucket has no label venue"]);
}
