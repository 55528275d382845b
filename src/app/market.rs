//! What a backtest reads: a tape or files, looked into before anything runs.

use std::path::{Path, PathBuf};

use super::backtest::Request;
use super::build::{self, Filters, Plan};
use super::error::{AppError, Exit};
use super::history::{self, Wanted};
use super::pipeline::Listed;
use super::setup;
use crate::config::Loaded;
use crate::domain::RunId;
use crate::history::{History, Stream};
use crate::strategy::StrategyKind;
use crate::tape::{self, InputKind, InputTape, TapePath};

/// What a backtest reads.
#[derive(Clone, Debug)]
pub enum Market {
    /// A tape or the segments of a session.
    Tape {
        /// Where it is.
        path: PathBuf,
        /// This run has a configuration of its own: what an operator did in the recorded run, who
        /// may have changed its rules, is left out.
        own_config: bool,
    },
    /// History in files.
    Files {
        /// Where they are.
        files: Vec<PathBuf>,
        /// What they must hold.
        wanted: Wanted,
        /// The instrument of files whose names do not say it.
        instrument: Option<String>,
    },
}

/// A market that was looked into and suits the configuration.
pub struct Opened {
    pub(super) source: Source,
    /// What there is of history in files.
    pub(super) listed: Vec<Listed>,
    /// Instruments of strategies that there is nothing of.
    pub(super) without_data: Vec<String>,
}

/// What is read.
pub(super) enum Source {
    Tape { path: PathBuf, own_config: bool, is_history: bool },
    Files(Box<History>),
}

impl Market {
    /// What was asked for.
    pub fn of(request: &Request) -> Result<Self, AppError> {
        let files = |files: &[PathBuf], wanted| Self::Files {
            files: files.to_vec(),
            wanted,
            instrument: request.instrument.clone(),
        };
        match (&request.tape, request.ticks.as_slice(), request.bars.as_slice()) {
            (Some(tape), [], []) => Ok(Self::Tape {
                path: with_market(tape)?.path,
                own_config: request.config.is_some() || !request.set.is_empty(),
            }),
            (None, ticks @ [_, ..], []) => Ok(files(ticks, Wanted::Ticks)),
            (None, [], bars @ [_, ..]) => Ok(files(bars, Wanted::Bars)),
            _ => Err(AppError::new(Exit::Usage, "give one of --tape, --ticks and --bars")),
        }
    }

    /// What the backtest of a session read, if it can be read again.
    pub fn again(run: &RunId, input: &InputTape) -> Result<Self, AppError> {
        let paths = || std::iter::once(&input.path).chain(&input.more);
        if let Some(gone) = paths().find(|path| !Path::new(path).exists()) {
            return Err(AppError::new(
                Exit::Failed,
                format!(
                    "the backtest {run} read {gone}, which is no longer there: put it back to replay"
                ),
            ));
        }
        let files: Vec<PathBuf> = paths().map(PathBuf::from).collect();
        let path = PathBuf::from(&input.path);
        let hash = match input.kind {
            InputKind::Tape => setup::hash_path(&path)?,
            InputKind::Ticks | InputKind::Bars => setup::hash_files(&files)?,
        };
        if hash != input.hash {
            let several = if input.more.is_empty() { "which has" } else { "of which one has" };
            let read = paths().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(AppError::new(
                Exit::Different,
                format!(
                    "the backtest {run} read {read}, {several} changed since: only the same bytes replay"
                ),
            ));
        }
        let instrument = input.instrument.clone();
        Ok(match input.kind {
            InputKind::Tape => Self::Tape { path, own_config: input.own_config },
            InputKind::Ticks => Self::Files { files, wanted: Wanted::Ticks, instrument },
            InputKind::Bars => Self::Files { files, wanted: Wanted::Bars, instrument },
        })
    }

    /// Where it is.
    pub fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Tape { path, .. } => vec![path.clone()],
            Self::Files { files, .. } => files.clone(),
        }
    }

    /// The configuration of the run.
    pub fn load(&self, request: &Request, registry: &[StrategyKind]) -> Result<Loaded, AppError> {
        let queue = request.queue.map(|queue| format!("paper.queue=\"{queue}\""));
        let set: Vec<String> = request.set.iter().cloned().chain(queue).collect();
        let (config, set) = (request.config.clone(), &set);
        match self {
            Self::Tape { path, .. } => setup::load_for_tape(path, config, set, registry),
            Self::Files { .. } => setup::load(config, set, registry),
        }
    }

    /// What the engine is built from, and the market itself, which must have what that needs.
    pub fn open(
        &self,
        loaded: &Loaded,
        registry: &[StrategyKind],
    ) -> Result<(Plan, Opened), AppError> {
        match self {
            Self::Tape { path, own_config } => open_tape(path, *own_config, loaded, registry),
            Self::Files { files, wanted, instrument } => {
                let plan = build::plan(loaded, Filters::Open)?;
                let past = history::open(files, *wanted, instrument.as_ref(), &plan)?;
                let listed = history::listed(past.streams());
                let place = |stream: &Stream| stream.file.display().to_string();
                let places: Vec<String> = past.streams().iter().map(place).collect();
                history::check(&plan, registry, &listed, &places)?;
                let without_data = history::without_data(&plan, &listed);
                let source = Source::Files(Box::new(past));
                Ok((plan, Opened { source, listed, without_data }))
            }
        }
    }

    /// How a session names it: by whole paths, so that it is found from anywhere.
    pub fn input(&self) -> Result<InputTape, AppError> {
        let whole = |path: &PathBuf| {
            path.canonicalize().unwrap_or_else(|_| path.clone()).display().to_string()
        };
        Ok(match self {
            Self::Tape { path, own_config } => InputTape {
                path: whole(path),
                more: Vec::new(),
                hash: setup::hash_path(path)?,
                kind: InputKind::Tape,
                instrument: None,
                own_config: *own_config,
            },
            Self::Files { files, wanted, instrument } => InputTape {
                path: files.first().map(whole).unwrap_or_default(),
                more: files.iter().skip(1).map(whole).collect(),
                hash: setup::hash_files(files)?,
                kind: match wanted {
                    Wanted::Ticks => InputKind::Ticks,
                    Wanted::Bars => InputKind::Bars,
                },
                instrument: instrument.clone(),
                own_config: false,
            },
        })
    }
}

/// Finds a tape that is to be run: one that holds market data, which a backtest's session does not.
pub fn with_market(argument: &str) -> Result<TapePath, AppError> {
    let found = tape::resolve(argument, &tape::default_root()?)?;
    let manifest = found.session.as_ref().and_then(|_| tape::manifest_of(&found.path).ok());
    let Some(input) = manifest.and_then(|manifest| manifest.input) else { return Ok(found) };
    let more = if input.more.is_empty() { String::new() } else { " and more".to_owned() };
    let option = match input.kind {
        InputKind::Tape => "--tape",
        InputKind::Ticks => "--ticks",
        InputKind::Bars => "--bars",
    };
    let text = format!(
        "{argument} is a backtest and holds no market data: what it read is {option} {}{more}",
        input.path
    );
    Err(AppError::new(Exit::Usage, text))
}

fn open_tape(
    path: &Path,
    own_config: bool,
    loaded: &Loaded,
    registry: &[StrategyKind],
) -> Result<(Plan, Opened), AppError> {
    let listed = history::listed_on(path)?;
    let filters = match &listed {
        Some(_) => Filters::Open,
        None if setup::holds_instruments(path)? => Filters::FromVenue,
        None => Filters::AsRecorded,
    };
    let plan = build::plan(loaded, filters)?;
    let mut without_data = Vec::new();
    if let Some(listed) = &listed {
        let places = vec![path.display().to_string(); listed.len()];
        history::check(&plan, registry, listed, &places)?;
        without_data = history::without_data(&plan, listed);
    }
    let source = Source::Tape { path: path.to_owned(), own_config, is_history: listed.is_some() };
    Ok((plan, Opened { source, listed: listed.unwrap_or_default(), without_data }))
}
