//! The subject: the session that is compared, and its inputs in the form that a pipeline takes.

use std::path::PathBuf;

use crate::app::backtest::is_by_operator;
use crate::app::build::{self, Filters, Plan};
use crate::app::error::{AppError, Exit};
use crate::app::history;
use crate::app::market::Market;
use crate::app::pipeline::{Given, Listed, TapeInput};
use crate::app::setup;
use crate::app::source::{Inputs, Replayed};
use crate::app::tape_command::watching;
use crate::domain::{RunId, UnixNanos};
use crate::strategy::StrategyKind;
use crate::tape::{self, InputKind, InputTape, Manifest, Reader};

/// A session, or a tape of market data alone.
pub struct Subject {
    /// What it is called.
    pub name: String,
    /// Whose prefix its decisions have.
    pub run: RunId,
    /// What its engine is built from.
    pub plan: Plan,
    /// It is a run: strategies decided on it.
    pub decides: bool,
    /// Where its inputs are.
    path: PathBuf,
    /// A backtest's own first input, which stands in the place of the tape's.
    start: Option<TapeInput>,
    /// What an operator did in the recorded run was left out.
    own_config: bool,
}

/// Takes inputs one by one: number, time, input.
pub type Take<'a> = dyn FnMut(u64, UnixNanos, Given<'_>) -> Result<(), AppError> + 'a;

impl Subject {
    /// Finds what an argument means and what it was built from.
    pub fn open(argument: &str, registry: &[StrategyKind]) -> Result<Self, AppError> {
        let found = tape::resolve(argument, &tape::default_root()?)?;
        let name = found.session.as_ref().map(RunId::to_string);
        let name = name.unwrap_or_else(|| found.path.display().to_string());
        let run = found.session.clone().unwrap_or_default();
        if found.session.is_some()
            && let Ok(Manifest { input: Some(input), .. }) = tape::manifest_of(&found.path)
        {
            return Self::of_backtest(name, run, &tape::config_of(&found.path)?, &input, registry);
        }
        let path = found.path;
        let (plan, decides) = match setup::recorded_config(&path)? {
            Some(config) => {
                let loaded = setup::load_text(&config, &[], registry)?;
                let known = setup::holds_instruments(&path)?;
                let filters = if known { Filters::FromVenue } else { Filters::AsRecorded };
                (build::plan(&loaded, filters)?, true)
            }
            None => match history::listed_on(&path)? {
                Some(listed) => (of_listed(&listed, registry)?, false),
                None => (watching(&path, registry)?, false),
            },
        };
        Ok(Self { name, run, plan, decides, path, start: None, own_config: false })
    }

    /// A backtest's session holds no market data but names the tape that it read.
    fn of_backtest(
        name: String,
        run: RunId,
        config: &str,
        input: &InputTape,
        registry: &[StrategyKind],
    ) -> Result<Self, AppError> {
        if input.kind != InputKind::Tape {
            return Err(AppError::new(
                Exit::Usage,
                format!(
                    "{name} is a backtest over files and received nothing: what it read is {}",
                    input.path
                ),
            ));
        }
        let path = PathBuf::from(&input.path);
        if !path.exists() || setup::hash_path(&path)? != input.hash {
            let text = format!(
                "the backtest {name} read {}, which is no longer there or has changed since",
                input.path
            );
            return Err(AppError::new(Exit::Failed, text));
        }
        let loaded = setup::load_text(config, &[], registry)?;
        let own_config = input.own_config;
        let market = Market::Tape { path: path.clone(), own_config };
        let (plan, _) = market.open(&loaded, registry)?;
        let (state, config) = (plan.start.clone(), loaded.canonical().to_owned());
        let start = Some(TapeInput::Start { state, config });
        Ok(Self { name, run, plan, decides: true, path, start, own_config })
    }

    /// The symbols of its instruments.
    pub fn symbols(&self) -> Vec<String> {
        self.plan.engine.instruments.iter().map(|known| known.symbol.clone()).collect()
    }

    /// Gives all its inputs in order, as its run took them.
    pub fn each_input(&self, take: &mut Take<'_>) -> Result<(), AppError> {
        if let Some(start) = &self.start {
            take(0, UnixNanos::default(), Given::Other(start))?;
        }
        let mut reader = Reader::open(&self.path)?;
        let mut inputs = Inputs::default();
        while let Some(entry) = reader.next()? {
            let (seq, time) = (entry.seq, entry.time);
            let read = inputs.read(&entry).map_err(|text| AppError::new(Exit::Different, text))?;
            if let Replayed::Other(input) = &read
                && self.leaves_out(input)
            {
                continue;
            }
            if let Some(given) = read.given() {
                take(seq, time, given)?;
            }
        }
        Ok(())
    }

    fn leaves_out(&self, input: &TapeInput) -> bool {
        let begins = matches!(input, TapeInput::Start { .. } | TapeInput::Resume(_));
        (self.start.is_some() && begins) || (self.own_config && is_by_operator(input))
    }
}

/// A plan that only watches what a tape of files is of.
fn of_listed(listed: &[Listed], registry: &[StrategyKind]) -> Result<Plan, AppError> {
    let symbols: Vec<&str> = listed.iter().map(|listed| listed.symbol.as_str()).collect();
    let text = format!("[venue]\ninstruments = {symbols:?}\n[paper]\nfills = \"last_trade\"\n");
    build::plan(&setup::load_text(&text, &[], registry)?, Filters::Open)
}
