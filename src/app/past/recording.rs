//! A recording: a session that was found, and where in it one may begin.

use std::path::{Path, PathBuf};

use super::feed::{Again, Feed, Look, Own, Place};
use super::head::{Happened, Head, VERSION};
use super::rerun::{Change, Moment, Rerun};
use super::retold::Retold;
use super::witness::State;
use crate::app::build::{self, Filters, Plan};
use crate::app::error::{AppError, Exit};
use crate::app::market::Market;
use crate::app::pipeline::{Given, Pipeline, TapeInput};
use crate::app::setup;
use crate::config::Loaded;
use crate::domain::{InstrumentId, RunId, StrategyId, UnixNanos};
use crate::engine::codec::HashMark;
use crate::engine::view::Mode;
use crate::engine::{Nobody, Outlet, RunInfo, Viewer};
use crate::strategy::StrategyKind;
use crate::tape::{self, Checkpoints, Manifest, TapeEnd, TapePath};

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
    /// Its configuration.
    pub loaded: Loaded,
    kind: Kind,
    checkpoints: Option<Checkpoints>,
    heads: Vec<Head>,
    registry: Vec<StrategyKind>,
}

/// What a recording's inputs are.
enum Kind {
    /// Those on its tape.
    Live,
    /// Those of the market that a backtest read under this configuration.
    Backtest(Box<(Market, Loaded)>),
}

/// A place in a recording: a rerun, and the tape from there on.
pub struct Cursor {
    /// The run up to here.
    pub rerun: Rerun,
    feed: Feed,
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
        let input = manifest.as_ref().and_then(|manifest| manifest.input.as_ref());
        let (plan, loaded, kind) = if let (Some(input), Some(run)) = (input, &session) {
            let market = Market::again(run, input)?;
            let loaded = setup::load_text(&tape::config_of(&path)?, &[], registry)?;
            let (plan, _) = market.open(&loaded, registry)?;
            (plan, loaded.clone(), Kind::Backtest(Box::new((market, loaded))))
        } else {
            let (plan, loaded) = live_plan(&name, &path, registry)?;
            (plan, loaded, Kind::Live)
        };
        let checkpoints = if path.is_dir() { Checkpoints::open(&path)? } else { None };
        let heads = checkpoints.as_ref().map(heads).unwrap_or_default();
        Ok(Self {
            name,
            run: session.unwrap_or_default(),
            path,
            plan,
            manifest,
            loaded,
            kind,
            checkpoints,
            heads,
            registry: registry.to_vec(),
        })
    }

    /// The same inputs under another configuration: what was recorded of it proves nothing then.
    pub fn under(&self, loaded: Loaded) -> Result<Self, AppError> {
        let (plan, kind) = match &self.kind {
            Kind::Live => (build::plan(&loaded, filters(&self.path)?)?, Kind::Live),
            Kind::Backtest(again) => {
                let market = again.0.clone();
                let (plan, _) = market.open(&loaded, &self.registry)?;
                (plan, Kind::Backtest(Box::new((market, loaded.clone()))))
            }
        };
        Ok(Self {
            name: self.name.clone(),
            run: self.run.clone(),
            path: self.path.clone(),
            plan,
            manifest: self.manifest.clone(),
            loaded,
            kind,
            checkpoints: None,
            heads: Vec::new(),
            registry: self.registry.clone(),
        })
    }

    /// The tape or the files that its inputs are read from.
    pub fn sources(&self) -> Vec<PathBuf> {
        match &self.kind {
            Kind::Live => vec![self.path.clone()],
            Kind::Backtest(again) => again.0.paths(),
        }
    }

    /// It is a backtest, which brings orders on their way to their end when its market is over.
    pub fn is_backtest(&self) -> bool {
        matches!(self.kind, Kind::Backtest(_))
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
        let mut cursor = self.begin()?;
        while let Some((_, time)) = cursor.peek()? {
            // What a backtest begins with has no time.
            if time > UnixNanos::default() {
                return Ok(time);
            }
            cursor.take(&mut Nobody)?;
        }
        Ok(UnixNanos::default())
    }

    /// The run before its first input.
    pub fn begin(&self) -> Result<Cursor, AppError> {
        let retold = Retold::new(self.viewer(), HashMark::default());
        let rerun = Rerun::new(self.pipeline()?, retold, 0, UnixNanos::default());
        Ok(Cursor { rerun, feed: self.feed(None)? })
    }

    /// The inputs from the begin, or after a place.
    fn feed(&self, after: Option<Place>) -> Result<Feed, AppError> {
        Ok(match &self.kind {
            Kind::Live => Feed::Own(Box::new(Own::open(&self.path, after)?)),
            Kind::Backtest(again) => {
                let (market, loaded) = &**again;
                let (plan, opened) = market.open(loaded, &self.registry)?;
                let config = loaded.canonical().to_owned();
                let start = TapeInput::Start { state: plan.start, config };
                Feed::Again(Box::new(Again::open(opened, &self.path, start, after)?))
            }
        })
    }

    /// Goes to a moment of the run, which a cursor of it gave.
    pub fn go_to(&self, cursor: &mut Cursor, moment: &Moment) -> Result<(), AppError> {
        cursor.rerun.go_to(moment)?;
        cursor.feed = self.feed(moment.place())?;
        Ok(())
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
        let feed = self.feed(Some((seq, head.time)))?;
        let rerun = Rerun::new(pipeline, Retold::new(viewer, head.mark), seq, head.time);
        Ok(Some(Cursor { rerun, feed }))
    }

    /// The run at a moment, with a change from there on.
    pub fn changed_at(&self, moment: &Moment, change: &Change) -> Result<Cursor, AppError> {
        let retold = Retold::new(self.viewer(), HashMark::default());
        let mut rerun = Rerun::new(self.pipeline()?, retold, 0, UnixNanos::default());
        rerun.go_to(moment)?;
        rerun.change(change);
        Ok(Cursor { rerun, feed: self.feed(moment.place())? })
    }

    /// A pipeline of the run that has taken nothing.
    pub fn pipeline(&self) -> Result<Pipeline, AppError> {
        build::pipeline(&self.plan, &self.registry)
    }

    fn viewer(&self) -> Viewer {
        let run = RunInfo {
            id: self.run.clone(),
            mode: Mode::Replay,
            market: self.loaded.config.venue.name.clone(),
            started: self.manifest.as_ref().map_or_else(UnixNanos::default, |m| m.started),
        };
        Viewer::new(run, self.plan.engine.clone())
    }
}

impl Cursor {
    /// The number and time of the next input, which is not taken; none at the end of the tape.
    /// Marks on the way there are compared.
    pub fn peek(&mut self) -> Result<Option<(u64, UnixNanos)>, AppError> {
        self.feed.peek(&mut self.rerun)
    }

    /// Takes the next input; false at the end of the tape.
    pub fn take(&mut self, beside: &mut dyn Outlet) -> Result<bool, AppError> {
        self.feed.take(&mut self.rerun, beside)
    }

    /// The next input as it stands, once [`peek`](Self::peek) has found one.
    pub fn look(&self) -> Option<Look<'_>> {
        self.feed.look()
    }

    /// Takes another input in the place of the next one.
    pub fn take_instead(
        &mut self,
        input: &TapeInput,
        beside: &mut dyn Outlet,
    ) -> Result<bool, AppError> {
        let Some((seq, time)) = self.feed.leave_out() else { return Ok(false) };
        self.rerun.take(seq, time, Given::Other(input), beside).map(|()| true)
    }

    /// How the tape ended, once it has.
    pub fn end(&self) -> Option<&TapeEnd> {
        self.feed.end()
    }
}

/// What a live run was built from.
fn live_plan(
    name: &str,
    path: &Path,
    registry: &[StrategyKind],
) -> Result<(Plan, Loaded), AppError> {
    let Some(config) = setup::recorded_config(path)? else {
        let text = format!("{name} holds no run, only market data: use `tickscope backtest`");
        return Err(AppError::new(Exit::Failed, text));
    };
    let loaded = setup::load_text(&config, &[], registry)?;
    Ok((build::plan(&loaded, filters(path)?)?, loaded))
}

fn filters(path: &Path) -> Result<Filters, AppError> {
    Ok(if setup::holds_instruments(path)? { Filters::FromVenue } else { Filters::AsRecorded })
}

fn heads(checkpoints: &Checkpoints) -> Vec<Head> {
    let read = |bytes| postcard::from_bytes(bytes).ok().filter(|h: &Head| h.version == VERSION);
    checkpoints.heads().map_while(read).collect()
}
