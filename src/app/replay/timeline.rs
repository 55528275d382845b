//! The timeline of a recording: a place in it that moves forwards and backwards. Forwards it runs;
//! backwards it goes to a moment before, which it kept, and runs from there.

use std::collections::BTreeMap;

use crate::app::error::AppError;
use crate::app::past::{Cursor, Head, Moment, Recording};
use crate::domain::UnixNanos;
use crate::engine::{Nobody, Outlet};

/// Inputs between two moments that are kept: what has to be run again for a step back, a few
/// milliseconds of work.
const EVERY: u64 = 2_048;
/// Moments kept: those nearest to the place.
const KEPT: usize = 128;

/// A place in a recording.
pub struct Timeline {
    recording: Recording,
    cursor: Cursor,
    /// By the number of the last input before each.
    moments: BTreeMap<u64, Moment>,
    /// The recording before its first input.
    begin: Moment,
}

/// Where to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum To {
    /// After this input.
    Input(u64),
    /// Before this input.
    Before(u64),
    /// After the last input that was received by then.
    Time(UnixNanos),
}

impl To {
    /// True when an input is not beyond it.
    fn includes(self, seq: u64, time: UnixNanos) -> bool {
        match self {
            Self::Input(last) => seq <= last,
            Self::Before(first) => seq < first,
            Self::Time(last) => time <= last,
        }
    }
}

impl Timeline {
    /// A recording before its first input.
    pub fn new(recording: Recording) -> Result<Self, AppError> {
        let cursor = recording.begin()?;
        let begin = cursor.rerun.moment()?;
        Ok(Self { recording, cursor, moments: BTreeMap::new(), begin })
    }

    /// The recording.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// The place.
    pub fn cursor(&mut self) -> &mut Cursor {
        &mut self.cursor
    }

    /// The last input before the place.
    pub fn seq(&self) -> u64 {
        self.cursor.rerun.seq()
    }

    /// One input on; false at the end.
    pub fn forward(&mut self, beside: &mut dyn Outlet) -> Result<bool, AppError> {
        let taken = self.cursor.take(beside)?;
        let seq = self.cursor.rerun.seq();
        let nearest = self.moments.range(..=seq).next_back().map_or(0, |(seq, _)| *seq);
        if taken && seq >= nearest + EVERY {
            self.keep(seq)?;
        }
        Ok(taken)
    }

    fn keep(&mut self, seq: u64) -> Result<(), AppError> {
        self.moments.insert(seq, self.cursor.rerun.moment()?);
        if self.moments.len() > KEPT {
            let (first, last) = (self.moments.keys().next(), self.moments.keys().next_back());
            let furthest = [first, last].into_iter().flatten().max_by_key(|at| at.abs_diff(seq));
            if let Some(furthest) = furthest.copied() {
                self.moments.remove(&furthest);
            }
        }
        Ok(())
    }

    /// One input back; false at the begin.
    pub fn back(&mut self) -> Result<bool, AppError> {
        let (seq, begun) = (self.cursor.rerun.seq(), self.cursor.rerun.has_begun());
        if begun {
            self.go(To::Before(seq))?;
        }
        Ok(begun)
    }

    /// Goes to a place; beyond the end it is the end.
    pub fn go(&mut self, to: To) -> Result<(), AppError> {
        let here = (self.cursor.rerun.seq(), self.cursor.rerun.time());
        let is_ahead = self.cursor.rerun.has_begun() && to.includes(here.0, here.1);
        let before =
            |(seq, moment): (&u64, &Moment)| to.includes(*seq, moment.time).then_some(*seq);
        let kept = self.moments.iter().rev().find_map(before);
        let head = |head: &Head| to.includes(head.mark.seq, head.time);
        let checkpoint = self.recording.heads().iter().rev().find(|h| head(h)).map(|h| h.mark.seq);
        let from = kept.max(checkpoint);
        if !is_ahead || from.is_some_and(|from| from > here.0 + EVERY) {
            match (kept.filter(|_| kept == from), from) {
                (Some(kept), _) => {
                    if let Some(moment) = self.moments.get(&kept) {
                        self.recording.go_to(&mut self.cursor, moment)?;
                    }
                }
                (None, Some(_)) => self.cursor = self.recording.before(head)?,
                (None, None) => self.recording.go_to(&mut self.cursor, &self.begin)?,
            }
        }
        while self.cursor.peek()?.is_some_and(|(seq, time)| to.includes(seq, time)) {
            self.forward(&mut Nobody)?;
        }
        Ok(())
    }
}
