//! The disk of the recording: how much room it has, how fast the session takes it, and when that
//! is worth a warning. It is told both numbers and the time, and looks at nothing itself.

use std::collections::VecDeque;
use std::time::Duration;

use crate::app::words;

/// The rate is that of so much time at most: a quiet night says nothing about the morning.
const WINDOW: Duration = Duration::from_secs(600);
/// A rate over less time is not believed: a run begins with everything at once.
const SETTLED: Duration = Duration::from_secs(30);
/// Time to a full disk that is worth a warning, in seconds, and the time that ends it.
const SOON_S: u64 = 3_600;
const LATER_S: u64 = SOON_S * 5 / 4;

/// Watches one disk.
#[derive(Debug)]
pub struct Disk {
    warn_free: u64,
    /// When the session had which size.
    grown: VecDeque<(Duration, u64)>,
    low: bool,
}

/// What one look has shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// Bytes that may still be written.
    pub free: u64,
    /// How fast the session grows.
    pub bytes_per_second: u64,
    /// When the disk is full at that rate, in seconds; `None` while it does not grow.
    pub full_in_s: Option<u64>,
    /// There is little room.
    pub low: bool,
    /// It was otherwise at the look before.
    pub changed: bool,
}

impl Disk {
    /// Warns below so many bytes, and when the disk is full within an hour.
    pub fn new(warn_free: u64) -> Self {
        Self { warn_free, grown: VecDeque::new(), low: false }
    }

    /// The bytes below which it warns.
    pub fn warn_free(&self) -> u64 {
        self.warn_free
    }

    /// Takes what a look at time `at` since the start has shown. A warning ends a little above
    /// where it begins, so that it does not flicker.
    pub fn look(&mut self, at: Duration, free: u64, session_bytes: u64) -> Look {
        self.grown.push_back((at, session_bytes));
        while self.grown.front().is_some_and(|(then, _)| at.saturating_sub(*then) > WINDOW) {
            self.grown.pop_front();
        }
        let bytes_per_second = self.rate(at, session_bytes);
        let full_in_s = free.checked_div(bytes_per_second);
        let within = |seconds: u64| full_in_s.is_some_and(|full| full < seconds);
        let low = if self.low {
            free < self.warn_free.saturating_add(self.warn_free / 10) || within(LATER_S)
        } else {
            free < self.warn_free || within(SOON_S)
        };
        let changed = low != std::mem::replace(&mut self.low, low);
        Look { free, bytes_per_second, full_in_s, low, changed }
    }

    fn rate(&self, at: Duration, session_bytes: u64) -> u64 {
        let Some((then, bytes)) = self.grown.front() else { return 0 };
        let span = at.saturating_sub(*then);
        if span < SETTLED { 0 } else { session_bytes.saturating_sub(*bytes) / span.as_secs() }
    }
}

impl Look {
    /// What it means, in a sentence.
    pub fn sentence(&self) -> String {
        let free = words::bytes(self.free);
        if !self.low {
            return format!("the disk of the recording has {free} left again");
        }
        let rate = words::bytes(self.bytes_per_second);
        let full = self.full_in_s.map_or_else(String::new, |seconds| {
            format!(", full in about {} at {rate}/s", words::span(seconds))
        });
        format!(
            "the disk of the recording has {free} left{full}; trading stops when it is full: make \
             room, `tickscope sessions prune --dry-run` says what could go"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// Looks every five seconds while the session grows by so much each time.
    fn looks(disk: &mut Disk, from_s: u64, to_s: u64, free: u64, grows: u64) -> Vec<Look> {
        let at = |second| (Duration::from_secs(second), second / 5 * grows);
        (from_s..to_s).step_by(5).map(at).map(|(at, bytes)| disk.look(at, free, bytes)).collect()
    }

    /// Lost if broken: the warning before a full disk stops the trading, or peace from it.
    #[test]
    fn it_warns_once_when_there_is_little_room_and_once_when_there_is_more() {
        let mut disk = Disk::new(100 * MIB);
        assert!(looks(&mut disk, 0, 20, 100 * MIB, 0).iter().all(|look| !look.low));
        let low = looks(&mut disk, 20, 60, 100 * MIB - 1, 0);
        assert!(low.iter().all(|look| look.low) && low.iter().filter(|l| l.changed).count() == 1);
        // Hardly above the limit is not yet enough.
        assert!(looks(&mut disk, 60, 80, 109 * MIB, 0).iter().all(|look| look.low));
        let free = looks(&mut disk, 80, 100, 110 * MIB, 0);
        assert!(free.iter().all(|look| !look.low) && free[0].changed && !free[1].changed);
        assert_eq!(free[0].sentence(), "the disk of the recording has 110 MiB left again");
    }

    /// Lost if broken: the same, for a market so busy that gigabytes are minutes.
    #[test]
    fn it_warns_of_a_disk_that_is_full_within_an_hour() {
        let mut disk = Disk::new(MIB);
        let free = 720 * 5 * MIB;
        let seen = looks(&mut disk, 0, 130, free, 5 * MIB + 5);
        let begins = seen.iter().position(|look| look.low).unwrap();
        assert_eq!(begins, 6, "a rate of less than half a minute is believed");
        let look = seen[begins];
        assert_eq!((look.bytes_per_second, look.full_in_s), (MIB + 1, Some(3_599)));
        let said = look.sentence();
        assert!(said.contains("has 3.5 GiB left, full in about 59 min at 1.0 MiB/s;"), "{said}");
    }

    /// Lost if broken: memory, over months.
    #[test]
    fn it_remembers_ten_minutes() {
        let mut disk = Disk::new(0);
        let seen = looks(&mut disk, 0, 7_200, u64::MAX, 5);
        assert!(disk.grown.len() <= 121);
        assert_eq!(seen.last().unwrap().bytes_per_second, 1);
        assert!(seen.iter().all(|look| !look.low));
    }
}
