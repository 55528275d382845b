//! The registry: one family per metric of the catalogue, made once at start.
//!
//! Whoever moves a metric keeps its child; looking one up by labels happens at start only, so that
//! every series exists from the first scrape on and `rate` works at zero.

use std::collections::BTreeMap;

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
};
use thiserror::Error;

use super::catalogue::{self, ACCOUNT_LABELS, Kind, LABEL_OVERFLOW, Spec};

/// A metric that cannot be made: a mistake in the catalogue, found at start.
#[derive(Debug, Error)]
pub enum MetricError {
    /// The metrics library refuses it.
    #[error("cannot make the metrics: {0}")]
    Refused(#[from] prometheus::Error),
    /// It is used as another kind than the catalogue says, or is not in it.
    #[error("the metric {0} is not in the catalogue as it is used")]
    Unknown(&'static str),
}

/// A family whose children can be had by label values.
pub(super) struct Family<B: MetricVecBuilder>(MetricVec<B>);

impl<B: MetricVecBuilder> Family<B> {
    /// The child with these label values, made when it is new.
    pub(super) fn get(&self, labels: &[&str]) -> Result<B::M, MetricError> {
        Ok(self.0.get_metric_with_label_values(labels)?)
    }
}

/// A metric family by its kind.
enum Any {
    /// Counts whole things.
    Counter(IntCounterVec),
    /// Adds up amounts.
    Amount(CounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec),
}

/// Every family of the catalogue.
pub(super) struct Families {
    registry: Registry,
    families: BTreeMap<&'static str, Any>,
}

/// Counters of amounts rather than of things.
const AMOUNTS: [&str; 3] =
    [catalogue::TRADED_NOTIONAL.name, catalogue::FEES_PAID.name, catalogue::QUEUE_BLOCKED.name];

impl Families {
    /// Makes and registers them all; money carries `mode` and `account`.
    pub(super) fn new(mode: &str, account: &str) -> Result<Self, MetricError> {
        let registry = Registry::new();
        let mut families = BTreeMap::new();
        for spec in catalogue::ALL {
            let family = Any::new(spec, [mode, account])?;
            registry.register(family.collector())?;
            families.insert(spec.name, family);
        }
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self { registry, families })
    }

    pub(super) fn registry(&self) -> Registry {
        self.registry.clone()
    }

    /// A counter of things.
    pub(super) fn counter(
        &self,
        spec: &Spec,
    ) -> Result<Family<impl MetricVecBuilder<M = IntCounter> + use<>>, MetricError> {
        match self.families.get(spec.name) {
            Some(Any::Counter(family)) => Ok(Family(family.clone())),
            _ => Err(MetricError::Unknown(spec.name)),
        }
    }

    /// A counter of an amount that need not be whole.
    pub(super) fn amount(
        &self,
        spec: &Spec,
    ) -> Result<Family<impl MetricVecBuilder<M = prometheus::Counter> + use<>>, MetricError> {
        match self.families.get(spec.name) {
            Some(Any::Amount(family)) => Ok(Family(family.clone())),
            _ => Err(MetricError::Unknown(spec.name)),
        }
    }

    pub(super) fn gauge(
        &self,
        spec: &Spec,
    ) -> Result<Family<impl MetricVecBuilder<M = prometheus::Gauge> + use<>>, MetricError> {
        match self.families.get(spec.name) {
            Some(Any::Gauge(family)) => Ok(Family(family.clone())),
            _ => Err(MetricError::Unknown(spec.name)),
        }
    }

    pub(super) fn histogram(
        &self,
        spec: &Spec,
    ) -> Result<Family<impl MetricVecBuilder<M = prometheus::Histogram> + use<>>, MetricError> {
        match self.families.get(spec.name) {
            Some(Any::Histogram(family)) => Ok(Family(family.clone())),
            _ => Err(MetricError::Unknown(spec.name)),
        }
    }

    /// Children by an index of the run's tables.
    pub(super) fn table<T>(
        &self,
        spec: &Spec,
        names: &[String],
        make: impl FnMut(&String) -> Result<T, MetricError>,
    ) -> Result<Table<T>, MetricError> {
        Ok(Table {
            items: names.iter().map(make).collect::<Result<_, _>>()?,
            overflow: self.counter(&LABEL_OVERFLOW)?.get(&[spec.name])?,
        })
    }
}

impl Any {
    fn new(spec: &Spec, account: [&str; 2]) -> Result<Self, MetricError> {
        let mut opts = Opts::new(spec.name, spec.help);
        if spec.of_account {
            for (label, value) in ACCOUNT_LABELS.into_iter().zip(account) {
                opts = opts.const_label(label, value);
            }
        }
        Ok(match spec.kind {
            Kind::Counter if AMOUNTS.contains(&spec.name) => {
                Self::Amount(CounterVec::new(opts, spec.labels)?)
            }
            Kind::Counter => Self::Counter(IntCounterVec::new(opts, spec.labels)?),
            Kind::Gauge => Self::Gauge(GaugeVec::new(opts, spec.labels)?),
            Kind::Histogram(bounds) => {
                let opts = HistogramOpts { common_opts: opts, buckets: bounds.to_vec() };
                Self::Histogram(HistogramVec::new(opts, spec.labels)?)
            }
        })
    }

    fn collector(&self) -> Box<dyn Collector> {
        match self {
            Self::Counter(family) => Box::new(family.clone()),
            Self::Amount(family) => Box::new(family.clone()),
            Self::Gauge(family) => Box::new(family.clone()),
            Self::Histogram(family) => Box::new(family.clone()),
        }
    }
}

/// Children by index.
pub(super) struct Table<T> {
    items: Vec<T>,
    overflow: IntCounter,
}

impl<T> Table<T> {
    /// The child at an index; one that is not in the table is counted as an overflow.
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        let found = self.items.get(index);
        if found.is_none() {
            self.overflow.inc();
        }
        found
    }

    /// All children, in the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }
}
