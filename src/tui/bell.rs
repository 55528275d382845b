//! The bell: which new lines of the log are heard as well as seen. It looks at published views, so
//! it rings in an attached screen as it does in the run's own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::view::LogView;

/// A bell that rings all the time says nothing.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens to the log.
#[derive(Debug, Default)]
pub(super) struct Bell {
    /// Event and level of the lines that ring.
    rings: Vec<(String, String)>,
    /// The newest line so far.
    last: Option<Arc<LogView>>,
    due: bool,
    rung: Option<Instant>,
}

impl Bell {
    /// Listens to what comes after the lines that are there.
    pub fn new(rings: Vec<(String, String)>, log: &[Arc<LogView>]) -> Self {
        Self { rings, last: log.last().cloned(), ..Self::default() }
    }

    /// Takes the newest lines; true when it is to ring now.
    pub fn listen(&mut self, log: &[Arc<LogView>], now: Instant) -> bool {
        if self.rings.is_empty() {
            return false;
        }
        let known = |line: &Arc<LogView>| {
            self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, line) || last == line)
        };
        let mut new = log.iter().rev().take_while(|line| !known(line));
        self.due |= new.any(|line| self.rings_at(line));
        self.last = log.last().cloned().or(self.last.take());
        let rests = self.rung.is_some_and(|rung| now.saturating_duration_since(rung) < PAUSE);
        let rings = self.due && !rests;
        if rings {
            (self.due, self.rung) = (false, Some(now));
        }
        rings
    }

    fn rings_at(&self, line: &LogView) -> bool {
        self.rings.iter().any(|(event, level)| *event == line.event && *level == line.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UnixNanos;

    fn line(number: u64, event: &str, level: &str) -> Arc<LogView> {
        Arc::new(LogView {
            time: UnixNanos(number),
            level: level.to_owned(),
            event: event.to_owned(),
            message: String::new(),
            id: String::new(),
        })
    }

    /// Lost if broken: the sound that calls somebody to the screen, or peace from it.
    #[test]
    fn it_rings_for_new_lines_only_and_once_a_second() {
        let rings = vec![("risk.checked".to_owned(), "WARN".to_owned())];
        let refused = |number| line(number, "risk.checked", "WARN");
        let mut log = vec![refused(1)];
        let mut bell = Bell::new(rings, &log);
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        assert!(!bell.listen(&log, after(0)), "an old line rings");
        log.extend([line(2, "risk.checked", "INFO"), line(3, "fill.received", "INFO")]);
        assert!(!bell.listen(&log, after(1)));
        log.extend([refused(4), line(5, "heartbeat", "INFO")]);
        assert!(bell.listen(&log, after(2)));
        assert!(!bell.listen(&log, after(3)));
        log.push(refused(6));
        assert!(!bell.listen(&log, after(500)), "twice in a second");
        assert!(bell.listen(&log, after(1_002)), "what came in the pause is lost");
        // As an attached screen has them: the same lines in other places.
        let copies: Vec<_> = log.iter().map(|line| Arc::new(line.as_ref().clone())).collect();
        assert!(!bell.listen(&copies, after(5_000)));
        let mut silent = Bell::new(Vec::new(), &[]);
        assert!(!silent.listen(&log, after(0)));
    }
}
