//! `OpenMetrics` 1.0: the text that a scraper gets who asks for it. It says the same as the older
//! format, and which decision was the last one in each bucket of a latency.
//!
//! The metrics library does not write it; the rules are those of the specification: counters are
//! named without `_total` in their head, numbers of buckets are floats, the text ends with `# EOF`.

use std::fmt::Write as _;

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use super::exemplar::{Exemplar, Exemplars};
use super::names::Scope;

/// The content type that a scraper asks for.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text";
/// What it is answered.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Units that a name may end with.
const UNITS: [&str; 3] = ["seconds", "bytes", "ratio"];

/// All families as one text.
pub(super) fn encode(families: &[MetricFamily], exemplars: &Exemplars, scope: &Scope) -> String {
    let mut text = String::with_capacity(families.len() * 512);
    for family in families {
        head(&mut text, family);
        for metric in family.get_metric() {
            match family.get_field_type() {
                MetricType::COUNTER => {
                    let name = format!("{}_total", stem(family));
                    sample(&mut text, &name, metric, None, metric.get_counter().get_value());
                }
                MetricType::HISTOGRAM => {
                    let label = metric.get_label().first().map(LabelPair::value);
                    let mut of_it = exemplars.iter().filter(|((name, strategy), _)| {
                        *name == family.name() && label == Some(strategy)
                    });
                    let slots = of_it.next().map_or(&[][..], |(_, slots)| slots);
                    histogram(&mut text, family.name(), metric, (slots, scope));
                }
                _ => sample(&mut text, family.name(), metric, None, metric.get_gauge().get_value()),
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

/// The name of a family: a counter's samples alone have the suffix.
fn stem(family: &MetricFamily) -> &str {
    let is_counter = family.get_field_type() == MetricType::COUNTER;
    let name = family.name();
    if is_counter { name.strip_suffix("_total").unwrap_or(name) } else { name }
}

fn head(text: &mut String, family: &MetricFamily) {
    let name = stem(family);
    let kind = match family.get_field_type() {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        MetricType::SUMMARY => "summary",
        MetricType::UNTYPED => "unknown",
    };
    let _ = writeln!(text, "# TYPE {name} {kind}");
    let is_unit = |unit: &&&str| name.strip_suffix(**unit).is_some_and(|rest| rest.ends_with('_'));
    if let Some(unit) = UNITS.iter().find(is_unit) {
        let _ = writeln!(text, "# UNIT {name} {unit}");
    }
    let _ = writeln!(text, "# HELP {name} {}", escaped(family.help()));
}

/// Buckets with their exemplars, the sum and the count.
fn histogram(
    text: &mut String,
    name: &str,
    metric: &Metric,
    (exemplars, scope): (&[Option<Exemplar>], &Scope),
) {
    let histogram = metric.get_histogram();
    let bucket = format!("{name}_bucket");
    let bounds = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    let bounds = bounds.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
    let all = std::iter::once((f64::INFINITY, histogram.get_sample_count()));
    for (at, (bound, count)) in bounds.chain(all).enumerate() {
        series(text, &bucket, metric, Some(("le", &number(bound, true))));
        let exemplar = exemplars.get(at).copied().flatten();
        let exemplar = exemplar.map(|exemplar| exemplar.text(scope)).unwrap_or_default();
        let _ = writeln!(text, " {count}{exemplar}");
    }
    sample(text, &format!("{name}_sum"), metric, None, histogram.get_sample_sum());
    series(text, &format!("{name}_count"), metric, None);
    let _ = writeln!(text, " {}", histogram.get_sample_count());
}

fn sample(text: &mut String, name: &str, metric: &Metric, more: Option<(&str, &str)>, value: f64) {
    series(text, name, metric, more);
    let _ = writeln!(text, " {}", number(value, false));
}

/// A name with its labels.
fn series(text: &mut String, name: &str, metric: &Metric, more: Option<(&str, &str)>) {
    text.push_str(name);
    let labels = metric.get_label().iter().map(|label| (label.name(), label.value()));
    let mut open = '{';
    for (label, value) in labels.chain(more) {
        let _ = write!(text, "{open}{label}=\"{}\"", escaped(value));
        open = ',';
    }
    if open == ',' {
        text.push('}');
    }
}

/// A number; a bucket's bound is always a float, so that `1` and `1.0` are one series.
fn number(value: f64, is_bound: bool) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ if is_bound => format!("{value:?}"),
        _ => value.to_string(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
