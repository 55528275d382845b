//! The inputs of a recorded run, one after the other: those on its own tape, or those of the market
//! that a backtest read, which its session names.

use std::collections::VecDeque;
use std::path::Path;

use super::rerun::{Rerun, Taken};
use crate::app::backtest::is_by_operator;
use crate::app::error::{AppError, Exit};
use crate::app::history;
use crate::app::market::{Opened, Source};
use crate::app::pipeline::{Given, TapeInput};
use crate::domain::UnixNanos;
use crate::engine::{Engine, Nobody, Outlet};
use crate::history::{History, Row};
use crate::tape::{Channel, Entry, Reader, TapeEnd};

/// Rows of files read at a time.
const BATCH: usize = 1_024;

/// Where a run's inputs come from.
pub(super) enum Feed {
    /// Its own tape.
    Own(Box<Own>),
    /// What a backtest read.
    Again(Box<Again>),
}

/// A run's own tape.
pub(super) struct Own {
    reader: Reader,
    /// The reader's entry is an input that was looked at and not taken.
    held: bool,
}

/// The market of a backtest again, and the session with the marks to compare with.
pub(super) struct Again {
    market: Rows,
    marks: Reader,
    /// The next mark of the session.
    mark: Option<(u64, Vec<u8>)>,
    /// What the backtest began with, until it is taken.
    start: Option<TapeInput>,
    held: Option<(u64, UnixNanos, Held)>,
}

/// What a backtest read.
enum Rows {
    /// A tape.
    Tape { reader: Box<Reader>, own_config: bool },
    /// Files of history: what they are of, until it is taken, and rows that were read.
    Files { listed: Option<TapeInput>, past: Box<History>, rows: VecDeque<Row> },
}

/// An input that was looked at.
enum Held {
    /// It is the reader's entry.
    Entry,
    /// Any other.
    Other(Box<TapeInput>),
}

/// An input that comes next, as it stands.
#[derive(Clone, Copy, Debug)]
pub enum Look<'a> {
    /// An entry of a tape.
    Entry(Entry<'a>),
    /// One that stands on no tape.
    Other(&'a TapeInput),
}

/// A place in a feed: after this input, which was received then.
pub(super) type Place = (u64, UnixNanos);

impl Own {
    /// A tape from its begin, or from the input after a place.
    pub fn open(path: &Path, after: Option<Place>) -> Result<Self, AppError> {
        let Some((seq, time)) = after else {
            return Ok(Self { reader: Reader::open(path)?, held: false });
        };
        let mut reader = Reader::open_at(path, time)?;
        if first_input(&mut reader)?.is_some_and(|first| first > seq + 1) {
            // Its times went back: then only whole segments are skipped.
            reader = Reader::open_after(path, seq)?;
            first_input(&mut reader)?;
        }
        Ok(Self { reader, held: true })
    }

    fn peek(&mut self, rerun: &mut Rerun) -> Result<Option<Place>, AppError> {
        loop {
            let entry = if std::mem::take(&mut self.held) {
                self.reader.current()
            } else {
                self.reader.next()?
            };
            let Some(entry) = entry else { return Ok(None) };
            if !entry.channel.is_input() {
                rerun.entry(&entry, &mut Nobody)?;
            } else if entry.seq > rerun.seq() {
                let place = (entry.seq, entry.time);
                self.held = true;
                return Ok(Some(place));
            }
        }
    }

    fn take(&mut self, rerun: &mut Rerun, beside: &mut dyn Outlet) -> Result<bool, AppError> {
        if self.peek(rerun)?.is_none() {
            return Ok(false);
        }
        self.held = false;
        let Some(entry) = self.reader.current() else { return Ok(false) };
        Ok(rerun.entry(&entry, beside)? == Taken::Input)
    }
}

/// The number of the first input that a reader yields, which stays its current entry.
fn first_input(reader: &mut Reader) -> Result<Option<u64>, AppError> {
    while let Some(entry) = reader.next()? {
        if entry.channel.is_input() {
            return Ok(Some(entry.seq));
        }
    }
    Ok(None)
}

impl Again {
    /// The market of a backtest and the session that it made, from the begin or from the input after
    /// a place; `start` is what the run began with.
    pub fn open(
        opened: Opened,
        session: &Path,
        start: TapeInput,
        after: Option<Place>,
    ) -> Result<Self, AppError> {
        let from = |path: &Path| match after {
            Some((_, time)) => Reader::open_at(path, time),
            None => Reader::open(path),
        };
        let market = match opened.source {
            Source::Tape { path, own_config, .. } => {
                Rows::Tape { reader: Box::new(from(&path)?), own_config }
            }
            Source::Files(past) => Rows::Files {
                listed: Some(TapeInput::Listed(opened.listed)),
                past,
                rows: VecDeque::new(),
            },
        };
        let marks = from(session)?;
        let start = after.is_none().then_some(start);
        Ok(Self { market, marks, mark: None, start, held: None })
    }

    fn peek(&mut self, rerun: &mut Rerun) -> Result<Option<Place>, AppError> {
        if self.held.is_none() {
            self.held = self.next(rerun.engine(), (rerun.seq(), rerun.time()))?;
        }
        Ok(self.held.as_ref().map(|(seq, time, _)| (*seq, *time)))
    }

    /// The next input of the backtest after a place.
    fn next(
        &mut self,
        engine: &Engine,
        (seq, time): Place,
    ) -> Result<Option<(u64, UnixNanos, Held)>, AppError> {
        let other = |input| Held::Other(Box::new(input));
        if let Some(start) = self.start.take() {
            return Ok(Some((0, UnixNanos::default(), other(start))));
        }
        let found = match &mut self.market {
            Rows::Tape { reader, own_config } => next_entry(reader, *own_config, seq)?,
            Rows::Files { listed, past, rows } => {
                next_row(listed, past, rows, seq)?.map(|(seq, time, row)| (seq, time, other(row)))
            }
        };
        // Whatever is still due when the market is over happens.
        Ok(found.or_else(|| {
            let due = engine.next_order_due()?;
            Some((seq + 1, due.max(time), other(TapeInput::Clock)))
        }))
    }

    fn take(&mut self, rerun: &mut Rerun, beside: &mut dyn Outlet) -> Result<bool, AppError> {
        if self.peek(rerun)?.is_none() {
            return Ok(false);
        }
        let Some((seq, time, held)) = self.held.take() else { return Ok(false) };
        match (held, &self.market) {
            (Held::Other(input), _) => rerun.take(seq, time, Given::Other(&input), beside)?,
            (Held::Entry, Rows::Tape { reader, .. }) => {
                let Some(entry) = reader.current() else { return Ok(false) };
                rerun.entry(&entry, beside)?;
            }
            (Held::Entry, Rows::Files { .. }) => return Ok(false),
        }
        self.compare(rerun)?;
        Ok(true)
    }

    /// Compares with the session's mark after the input just taken, if there is one.
    fn compare(&mut self, rerun: &mut Rerun) -> Result<(), AppError> {
        loop {
            match &self.mark {
                Some((seq, bytes)) if *seq == rerun.seq() => rerun.mark(bytes)?,
                Some((seq, _)) if *seq > rerun.seq() => return Ok(()),
                _ => {}
            }
            self.mark = None;
            while self.mark.is_none() {
                let Some(entry) = self.marks.next()? else { return Ok(()) };
                if entry.channel == Channel::Mark {
                    self.mark = Some((entry.seq, entry.bytes.to_vec()));
                }
            }
        }
    }
}

/// The next entry of a tape that a backtest takes: what the recorded run itself began with is not
/// among them, nor what its operator did where the backtest had a configuration of its own.
fn next_entry(
    reader: &mut Reader,
    own_config: bool,
    after: u64,
) -> Result<Option<(u64, UnixNanos, Held)>, AppError> {
    while let Some(entry) = reader.next()? {
        let Entry { channel, seq, time, bytes } = entry;
        if !channel.is_input() || seq <= after {
            continue;
        }
        if channel != Channel::Input {
            return Ok(Some((seq, time, Held::Entry)));
        }
        let input = postcard::from_bytes(bytes)
            .map_err(|error| AppError::new(Exit::Different, format!("input {seq}: {error}")))?;
        match input {
            TapeInput::Start { .. } | TapeInput::Resume(_) => {}
            input if own_config && is_by_operator(&input) => {}
            input => return Ok(Some((seq, time, Held::Other(Box::new(input))))),
        }
    }
    Ok(None)
}

/// The next row of files, after what they are of.
fn next_row(
    listed: &mut Option<TapeInput>,
    past: &mut History,
    rows: &mut VecDeque<Row>,
    after: u64,
) -> Result<Option<(u64, UnixNanos, TapeInput)>, AppError> {
    if let Some(listed) = listed.take()
        && after == 0
    {
        return Ok(Some((1, past.start(), listed)));
    }
    if rows.is_empty() {
        let mut batch = Vec::new();
        past.next_batch(&mut batch, BATCH)?;
        rows.extend(batch);
    }
    Ok(rows.pop_front().map(|row| (after + 1, row.fact.time(), history::input(&row))))
}

impl Feed {
    /// The number and time of the next input, which is not taken; none at the end. Marks on the way
    /// there are compared.
    pub fn peek(&mut self, rerun: &mut Rerun) -> Result<Option<Place>, AppError> {
        match self {
            Self::Own(own) => own.peek(rerun),
            Self::Again(again) => again.peek(rerun),
        }
    }

    /// The next input, once [`peek`](Self::peek) has found one.
    pub fn look(&self) -> Option<Look<'_>> {
        match self {
            Self::Own(own) => own.reader.current().filter(|_| own.held).map(Look::Entry),
            Self::Again(again) => match (&again.held.as_ref()?.2, &again.market) {
                (Held::Other(input), _) => Some(Look::Other(input)),
                (Held::Entry, Rows::Tape { reader, .. }) => reader.current().map(Look::Entry),
                (Held::Entry, Rows::Files { .. }) => None,
            },
        }
    }

    /// Leaves the next input out, once [`peek`](Self::peek) has found one: its number and time.
    pub fn leave_out(&mut self) -> Option<Place> {
        match self {
            Self::Own(own) => {
                let entry = own.reader.current().filter(|_| own.held)?;
                let place = (entry.seq, entry.time);
                own.held = false;
                Some(place)
            }
            Self::Again(again) => again.held.take().map(|(seq, time, _)| (seq, time)),
        }
    }

    /// Lets a rerun take the next input; false at the end.
    pub fn take(&mut self, rerun: &mut Rerun, beside: &mut dyn Outlet) -> Result<bool, AppError> {
        match self {
            Self::Own(own) => own.take(rerun, beside),
            Self::Again(again) => again.take(rerun, beside),
        }
    }

    /// How the tape ended, once it has.
    pub fn end(&self) -> Option<&TapeEnd> {
        match self {
            Self::Own(own) => own.reader.end(),
            Self::Again(again) => again.marks.end(),
        }
    }
}
