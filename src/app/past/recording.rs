//! A recording: a session that was found, and where in it one may begin.

use std::path::PathBuf;

use super::head::{Happened, Head, VERSION};
use super::rerun::{Nobody, Rerun, Taken};
use super::retold::Retold;
use super::witness::State;
use crate::app::build::{self, Filters, Plan};
use crate::app::error::{AppError, Exit};
use crate::app::pipeline::Pipeline;
use crate::app::setup;
use crate::domain::{InstrumentId, RunId, StrategyId, UnixNanos};
use crate::engine::codec::HashMark;
use crate::engine::view::Mode;
use crate::engine::{Outlet, RunInfo, Viewer};
use crate::strategy::StrategyKind;
use crate::tape::{self, Checkpoints, Manifest, Reader, TapeError, TapePath};

/// A recorded run.
pub struct Recording {
    /// The session, or the tape's file.
    pub name: String,
    /// The run.
    pub run: RunId,
    /// Where its tape is.
    pub path: PathBuf,
    /// What it was built from.
    pub plan: Plan,
    /// What it says about itself.
    pub manifest: Option<Manifest>,
    /// Where its market is: `binance`.
    venue: String,
    checkpoints: Option<Checkpoints>,
    heads: Vec<Head>,
    registry: Vec<StrategyKind>,
}

/// A place in a recording: a rerun, and the tape from there on.
pub struct Cursor {
    /// The run up to here.
    pub rerun: Rerun,
    reader: Reader,
    /// The reader's entry is an input that was looked at and not taken.
    held: bool,
}

impl Recording {
    /// Opens a session, its prefix, a tape, or `last`.
    pub fn open(argument: &str, registry: &[StrategyKind]) -> Result<Self, AppError> {
        Self::of(tape::resolve(argument, &tape::default_root()?)?, registry)
    }

    /// Opens what was found.
    pub fn of(found: TapePath, registry: &[StrategyKind]) -> Result<Self, AppError> {
        let TapePath { path, session } = found;
        let name = session.as_ref().map_or_else(|| path.display().to_string(), RunId::to_string);
        let manifest = session.as_ref().and_then(|_| tape::manifest_of(&path).ok());
        let Some(config) = setup::recorded_config(&path)? else {
            let text = format!("{name} holds no run, only market data: use `tickscope backtest`");
            return Err(AppError::new(Exit::Failed, text));
        };
        let loaded = setup::load_text(&config, &[], registry)?;
        let filters =
            if setup::holds_instruments(&path)? { Filters::FromVenue } else { Filters::AsRecorded };
        let plan = build::plan(&loaded, filters)?;
        let checkpoints = if path.is_dir() { Checkpoints::open(&path)? } else { None };
        let heads = checkpoints.as_ref().map(heads).unwrap_or_default();
        Ok(Self {
            name,
            run: session.unwrap_or_default(),
            path,
            plan,
            manifest,
            venue: loaded.config.venue.name,
            checkpoints,
            heads,
            registry: registry.to_vec(),
        })
    }

    /// The heads of its checkpoints, oldest first.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// What the checkpoints say of what happened, in order.
    pub fn happened(&self) -> impl DoubleEndedIterator<Item = &Happened> {
        self.heads.iter().flat_map(|head| &head.happened)
    }

    /// The number of a strategy by its name.
    pub fn strategy(&self, name: &str) -> Result<StrategyId, AppError> {
        let strategies = &self.plan.engine.strategies;
        let at = strategies.iter().position(|strategy| strategy.name == name);
        let names = || strategies.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
        at.and_then(|at| u16::try_from(at).ok()).map(StrategyId).ok_or_else(|| {
            let text = format!("{} has no strategy {name:?}; it has {}", self.name, names());
            AppError::new(Exit::Usage, text)
        })
    }

    /// The number of an instrument by its symbol.
    pub fn instrument(&self, symbol: &str) -> Result<InstrumentId, AppError> {
        let instruments = &self.plan.engine.instruments;
        let at = instruments.iter().position(|instrument| instrument.symbol == symbol);
        let names = || instruments.iter().map(|i| i.symbol.as_str()).collect::<Vec<_>>().join(", ");
        at.and_then(|at| u16::try_from(at).ok()).map(InstrumentId).ok_or_else(|| {
            let text = format!("{} has no instrument {symbol:?}; it has {}", self.name, names());
            AppError::new(Exit::Usage, text)
        })
    }

    /// When its first input was received.
    pub fn began(&self) -> Result<UnixNanos, AppError> {
        Ok(self.begin()?.peek()?.map_or_else(UnixNanos::default, |(_, time)| time))
    }

    /// The run before its first input.
    pub fn begin(&self) -> Result<Cursor, AppError> {
        let retold = Retold::new(self.viewer(), HashMark::default());
        let rerun = Rerun::new(self.pipeline()?, retold, 0, UnixNanos::default());
        Ok(Cursor { rerun, reader: Reader::open(&self.path)?, held: false })
    }

    /// The run at the last checkpoint for which `is_before` holds, and for all checkpoints before
    /// it; at its begin where there is none.
    pub fn before(&self, is_before: impl Fn(&Head) -> bool) -> Result<Cursor, AppError> {
        let mut at = self.heads.partition_point(is_before);
        while let Some(nth) = at.checked_sub(1) {
            // One that cannot be used, as after a change of this program, costs time only.
            if let Some(cursor) = self.at(nth)? {
                return Ok(cursor);
            }
            at = nth;
        }
        self.begin()
    }

    /// The run at a moment: it has taken every input up to `seq`, and none after it.
    pub fn at_input(&self, seq: u64) -> Result<Cursor, AppError> {
        let mut cursor = self.before(|head| head.mark.seq <= seq)?;
        while cursor.peek()?.is_some_and(|(next, _)| next <= seq) {
            cursor.take(&mut Nobody)?;
        }
        Ok(cursor)
    }

    /// The run at its end.
    pub fn at_end(&self) -> Result<Cursor, AppError> {
        let mut cursor = self.before(|_| true)?;
        while cursor.peek()?.is_some() {
            cursor.take(&mut Nobody)?;
        }
        Ok(cursor)
    }

    /// A checkpoint; `None` where it cannot be used.
    fn at(&self, nth: usize) -> Result<Option<Cursor>, AppError> {
        let (Some(checkpoints), Some(head)) = (&self.checkpoints, self.heads.get(nth)) else {
            return Ok(None);
        };
        let state = checkpoints.state(nth)?;
        let Some(State { pipeline: engine, viewer: rows }) = state.and_then(|s| State::read(&s))
        else {
            return Ok(None);
        };
        let (mut pipeline, mut viewer) = (self.pipeline()?, self.viewer());
        if pipeline.restore(&engine).is_err() || viewer.restore(&rows).is_err() {
            return Ok(None);
        }
        let seq = head.mark.seq;
        let mut reader = Reader::open_at(&self.path, head.time)?;
        if first_input(&mut reader)?.is_some_and(|first| first > seq + 1) {
            // Its times went back: then only whole segments are skipped.
            reader = Reader::open_after(&self.path, seq)?;
        }
        let rerun = Rerun::new(pipeline, Retold::new(viewer, head.mark), seq, head.time);
        Ok(Some(Cursor { rerun, reader, held: true }))
    }

    /// A pipeline of the run that has taken nothing.
    pub fn pipeline(&self) -> Result<Pipeline, AppError> {
        build::pipeline(&self.plan, &self.registry)
    }

    fn viewer(&self) -> Viewer {
        let run = RunInfo {
            id: self.run.clone(),
            mode: Mode::Replay,
            market: self.venue.clone(),
            started: self.manifest.as_ref().map_or_else(UnixNanos::default, |m| m.started),
        };
        Viewer::new(run, self.plan.engine.clone())
    }
}

impl Cursor {
    /// The number and time of the next input, which is not taken; none at the end of the tape.
    /// Marks on the way there are compared.
    pub fn peek(&mut self) -> Result<Option<(u64, UnixNanos)>, AppError> {
        loop {
            let entry = if std::mem::take(&mut self.held) {
                self.reader.current()
            } else {
                self.reader.next()?
            };
            let Some(entry) = entry else { return Ok(None) };
            if !entry.channel.is_input() {
                self.rerun.entry(&entry, &mut Nobody)?;
            } else if entry.seq > self.rerun.seq() || self.rerun.seq() == 0 {
                let moment = (entry.seq, entry.time);
                self.held = true;
                return Ok(Some(moment));
            }
        }
    }

    /// Takes the next input; false at the end of the tape.
    pub fn take(&mut self, beside: &mut dyn Outlet) -> Result<bool, AppError> {
        if !self.held && self.peek()?.is_none() {
            return Ok(false);
        }
        self.held = false;
        let Some(entry) = self.reader.current() else { return Ok(false) };
        let taken = self.rerun.entry(&entry, beside)?;
        Ok(taken == Taken::Input)
    }

    /// How the tape ended, once it has.
    pub fn end(&self) -> Option<&tape::TapeEnd> {
        self.reader.end()
    }
}

/// The number of the first input that a reader yields, which stays its current entry.
fn first_input(reader: &mut Reader) -> Result<Option<u64>, TapeError> {
    while let Some(entry) = reader.next()? {
        if entry.channel.is_input() {
            return Ok(Some(entry.seq));
        }
    }
    Ok(None)
}

fn heads(checkpoints: &Checkpoints) -> Vec<Head> {
    let read = |bytes| postcard::from_bytes(bytes).ok().filter(|h: &Head| h.version == VERSION);
    checkpoints.heads().map_while(read).collect()
}
