//! Exemplars: a latency histogram whose buckets remember the last decision that fell into each, so
//! that a dot in a panel leads to the decision behind it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use prometheus::Histogram;

use super::account::nanos_to_seconds;
use super::catalogue::{Kind, Spec};
use super::lock;
use super::names::Scope;
use super::registry::{Families, MetricError};
use crate::domain::{DecisionId, Nanos, UnixNanos};

/// The last observation of a bucket.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Exemplar {
    /// Of which decision.
    pub decision: DecisionId,
    /// What was observed, in seconds.
    pub value: f64,
    /// When.
    pub time: UnixNanos,
}

/// A strategy's histogram with its exemplars.
pub(super) struct Exemplified {
    histogram: Histogram,
    bounds: &'static [f64],
    /// By bucket; the last one has no bound.
    slots: Mutex<Vec<Option<Exemplar>>>,
}

/// Exemplars by name of a histogram and value of its only label, each by bucket.
pub(super) type Exemplars = BTreeMap<(&'static str, String), Vec<Option<Exemplar>>>;

impl Exemplified {
    /// The histogram of a strategy; `spec` has that label alone.
    pub(super) fn new(
        families: &Families,
        spec: &Spec,
        strategy: &str,
    ) -> Result<Self, MetricError> {
        let Kind::Histogram(bounds) = spec.kind else {
            return Err(MetricError::Unknown(spec.name));
        };
        let histogram = families.histogram(spec)?.get(&[strategy])?;
        Ok(Self { histogram, bounds, slots: Mutex::new(vec![None; bounds.len() + 1]) })
    }

    /// Counts an observation and keeps it as its bucket's last one.
    pub(super) fn observe(&self, nanos: Nanos, decision: DecisionId, time: UnixNanos) {
        let value = nanos_to_seconds(nanos);
        self.histogram.observe(value);
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(slot) = lock(&self.slots).get_mut(at) {
            *slot = Some(Exemplar { decision, value, time });
        }
    }

    /// Adds its exemplars to those of a scrape.
    pub(super) fn gather(&self, spec: &Spec, strategy: &str, into: &mut Exemplars) {
        into.insert((spec.name, strategy.to_owned()), lock(&self.slots).clone());
    }
}

impl Exemplar {
    /// As `OpenMetrics` writes it behind a sample.
    pub(super) fn text(&self, scope: &Scope) -> String {
        let Self { decision, value, time } = *self;
        let (seconds, nanos) = (time.0 / UnixNanos::SECOND, time.0 % UnixNanos::SECOND);
        let millis = nanos / 1_000_000;
        format!(" # {{decision_id=\"{}\"}} {value} {seconds}.{millis:03}", scope.decision(decision))
    }
}
