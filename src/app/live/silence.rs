//! Silence: absence of data is an event. Watches how long nothing came for each instrument, tells
//! when that passes the limit that risk trades by, and when data is back.

use super::teller::{Teller, Tidings};
use crate::domain::{InstrumentId, Nanos, UnixNanos};
use crate::engine::view::EngineView;

/// Watches every instrument of a run.
pub struct Silence {
    limit: Nanos,
    /// Since when each instrument is silent beyond the limit.
    since: Vec<Option<UnixNanos>>,
}

impl Silence {
    /// Watches `instruments` instruments against a limit.
    pub fn new(instruments: usize, limit: Nanos) -> Self {
        Self { limit, since: vec![None; instruments] }
    }

    /// Looks at a view: tells changes, and adds a sentence for each silent instrument.
    pub fn watch(&mut self, view: &mut EngineView, teller: &mut Teller) {
        let now = view.now;
        for ((at, since), instrument) in (0_u16..).zip(&mut self.since).zip(&view.instruments) {
            // Before the first event there is nothing to miss.
            if instrument.last_event == UnixNanos::default() {
                continue;
            }
            let age = now.since(instrument.last_event);
            let id = InstrumentId(at);
            match (*since, age > self.limit) {
                (None, true) => {
                    *since = Some(instrument.last_event);
                    teller.tell(Tidings::Stale(id, age, self.limit, now));
                }
                (Some(from), false) => {
                    *since = None;
                    let silent = instrument.last_event.since(from);
                    teller.tell(Tidings::Recovered(id, silent, now));
                }
                _ => {}
            }
            if age > self.limit {
                view.health.warnings.push(format!(
                    "{} is silent for {} s, limit {} s: its orders are refused",
                    instrument.symbol,
                    tenths(age),
                    tenths(self.limit)
                ));
            }
        }
    }
}

/// Seconds with one decimal.
fn tenths(span: Nanos) -> String {
    let tenths = span / 100_000_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}
