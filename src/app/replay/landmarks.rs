//! Landmarks: what happened in a recording, from its checkpoints where it has them, else from what was
//! written on its tape; and where it ends.

use std::collections::BTreeSet;

use crate::app::error::AppError;
use crate::app::past::{Happened, Happening, Recording};
use crate::domain::UnixNanos;
use crate::engine::Record;
use crate::engine::codec::decode;
use crate::engine::view::{ReplayMark, ReplayMarkKind};
use crate::strategy::Form;
use crate::tape::{self, Channel, Reader};

/// What is known of a recording before it is played.
#[derive(Debug, Default)]
pub struct Landmarks {
    /// What happened, in order.
    pub happened: Vec<Happened>,
    /// The last input, and when it was received, as far as it is known.
    pub last: (u64, UnixNanos),
    /// The names of values of evaluations.
    pub values: BTreeSet<String>,
}

impl Landmarks {
    /// Those of a recording.
    pub fn of(recording: &Recording) -> Result<Self, AppError> {
        match recording.heads().last() {
            Some(head) => {
                let forms = recording.before(|_| true)?.rerun.engine().forms();
                Ok(Self {
                    happened: recording.happened().copied().collect(),
                    last: (head.mark.seq, head.time),
                    values: forms.iter().flat_map(names).collect(),
                })
            }
            None => Self::read(recording),
        }
    }

    /// Reads what the run wrote, and none of its inputs.
    fn read(recording: &Recording) -> Result<Self, AppError> {
        let mut reader = Reader::open(&recording.path)?;
        let mut found = Self::default();
        // A torn or damaged tape has landmarks up to there.
        while let Ok(Some(entry)) = reader.next() {
            let (seq, time) = (entry.seq, entry.time);
            match entry.channel {
                Channel::Output => {
                    for record in tape::records(entry.bytes).flatten() {
                        let Ok(record) = decode(record) else { continue };
                        let what = Happening::of(&record);
                        found.happened.extend(what.map(|what| Happened { seq, time, what }));
                        if let Record::Form { body, .. } = &record {
                            found.values.extend(names(body));
                        }
                    }
                }
                Channel::Mark => found.last = (seq, time),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Takes what was met while playing, beyond what was known.
    pub fn met(&mut self, happened: &Happened) {
        if self.happened.last().is_none_or(|last| last.seq < happened.seq) {
            self.happened.push(*happened);
        }
    }

    /// The next decision that wants an order after a moment.
    pub fn next_signal(&self, after: UnixNanos) -> Option<UnixNanos> {
        let first = self.happened.partition_point(|happened| happened.time <= after);
        let mut later = self.happened.get(first..)?.iter();
        later.find(|h| matches!(h.what, Happening::Signal(_))).map(|happened| happened.time)
    }

    /// What the bar of the screen marks.
    pub fn marks(&self) -> Vec<ReplayMark> {
        let mark = |happened: &Happened| {
            let kind = match happened.what {
                Happening::Signal(_) => ReplayMarkKind::Signal,
                Happening::Refused(_) => ReplayMarkKind::Refusal,
                Happening::Filled(..) => ReplayMarkKind::Fill,
                Happening::Gap(_) | Happening::Down => ReplayMarkKind::Gap,
                _ => return None,
            };
            Some(ReplayMark { time: happened.time, kind })
        };
        self.happened.iter().filter_map(mark).collect()
    }
}

fn names(form: &Form) -> impl Iterator<Item = String> {
    form.values.iter().map(|value| value.name.clone())
}
