//! What is asked about: a recorded session, its market and its configuration.

use std::path::PathBuf;

use super::fan::Variant;
use crate::app::error::{AppError, Exit};
use crate::app::market::Market;
use crate::app::setup;
use crate::config::Loaded;
use crate::domain::RunId;
use crate::engine::QueueModel;
use crate::strategy::StrategyKind;
use crate::tape::{self, TapePath};

/// A session, or a tape.
pub struct Subject {
    /// The session, or the tape's file.
    pub name: String,
    /// The run.
    pub run: RunId,
    /// What it read.
    pub market: Market,
    /// Its configuration; `None` for a tape that holds no run.
    text: Option<String>,
    /// The configuration of such a tape.
    config: Option<PathBuf>,
}

impl Subject {
    /// Finds a session, its prefix, a tape, or `last`; `config` is for a tape that holds no run.
    pub fn find(argument: &str, config: Option<PathBuf>) -> Result<Self, AppError> {
        let TapePath { path, session } = tape::resolve_run(argument, &tape::default_root()?)?;
        let name = session.as_ref().map_or_else(|| path.display().to_string(), RunId::to_string);
        let manifest = session.as_ref().and_then(|_| tape::manifest_of(&path).ok());
        let input = manifest.as_ref().and_then(|manifest| manifest.input.as_ref());
        let (market, text) = if let (Some(input), Some(run)) = (input, &session) {
            let market = match Market::again(run, input)? {
                // What its operator did is in neither of the runs that are compared.
                Market::Tape { path, .. } => Market::Tape { path, own_config: true },
                files @ Market::Files { .. } => files,
            };
            (market, Some(tape::config_of(&path)?))
        } else {
            let text = setup::recorded_config(&path)?;
            (Market::Tape { path, own_config: true }, text)
        };
        if config.is_some() && text.is_some() {
            let text = format!(
                "{name} has a configuration, which is what a change is compared with: leave out \
                 --config, or use `tickscope backtest`"
            );
            return Err(AppError::new(Exit::Usage, text));
        }
        let run = session.unwrap_or_else(|| RunId("tape".to_owned()));
        Ok(Self { name, run, market, text, config })
    }

    /// The session with these assignments.
    pub fn variant(&self, set: &[String], registry: &[StrategyKind]) -> Result<Variant, AppError> {
        let loaded = match &self.text {
            Some(text) => setup::load_text(text, set, registry)?,
            None => setup::load(self.config.clone(), set, registry)?,
        };
        self.planned(loaded, registry)
    }

    fn planned(&self, loaded: Loaded, registry: &[StrategyKind]) -> Result<Variant, AppError> {
        let (plan, _) = self.market.open(&loaded, registry)?;
        Ok(Variant { loaded, plan })
    }
}

impl Variant {
    /// The same under a queue model.
    pub fn under(&self, queue: QueueModel) -> Self {
        let mut plan = self.plan.clone();
        plan.engine.paper.queue = queue;
        Self { loaded: self.loaded.clone(), plan }
    }
}
