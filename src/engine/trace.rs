//! A trace: for a while, every evaluation of an instrument is news. It ends by itself.

use serde::{Deserialize, Serialize};

use super::core::Engine;
use super::record::{Outlet, Record};
use crate::domain::{InstrumentId, Nanos, UnixNanos};

/// No trace lasts longer: tape and log take all of it.
pub const LENGTH_MAX: Nanos = 3_600 * UnixNanos::SECOND;

/// A trace that goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Trace {
    instrument: InstrumentId,
    until: UnixNanos,
    /// Evaluations so far.
    evaluations: u64,
}

impl Engine {
    /// Begins a trace from now on, or moves the end of the one that goes on.
    pub(super) fn trace(&mut self, instrument: InstrumentId, length: Nanos, out: &mut dyn Outlet) {
        if instrument.index() >= self.markets.len() {
            return;
        }
        let until = self.now.plus(length.min(LENGTH_MAX));
        let known = self.traces.iter_mut().find(|trace| trace.instrument == instrument);
        let evaluations = known.as_ref().map_or(0, |trace| trace.evaluations);
        if let Some(trace) = known {
            trace.until = until;
        } else {
            self.traces.push(Trace { instrument, until, evaluations });
        }
        let (time, until) = (self.now, Some(until));
        out.record(&Record::Trace { time, instrument, until, evaluations });
    }

    /// When the first trace ends.
    pub(super) fn next_trace_due(&self) -> Option<UnixNanos> {
        self.traces.iter().map(|trace| trace.until).min()
    }

    /// Ends the traces whose time is up, in the order they began; false when there is none.
    pub(super) fn end_traces(&mut self, until: UnixNanos, out: &mut dyn Outlet) -> bool {
        let before = self.traces.len();
        let time = self.now;
        self.traces.retain(|trace| {
            let goes_on = trace.until > until;
            if !goes_on {
                let Trace { instrument, evaluations, .. } = *trace;
                out.record(&Record::Trace { time, instrument, until: None, evaluations });
            }
            goes_on
        });
        self.traces.len() < before
    }
}

/// True while an instrument is traced; counts the evaluation that asks.
pub(super) fn is_traced(traces: &mut [Trace], instrument: InstrumentId) -> bool {
    let trace = traces.iter_mut().find(|trace| trace.instrument == instrument);
    trace.is_some_and(|trace| {
        trace.evaluations += 1;
        true
    })
}
