//! The reloader: saving the configuration changes the rules of a running strategy. It looks at the
//! files twice a second on a thread of its own; what they then say is an input like any other, so
//! it is on the tape and in the log with the rules before and after. A mistake changes nothing, and
//! of everything else that changed it says that it needs a restart.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::mpsc as tasks;

use super::core::Control;
use crate::app::build;
use crate::app::error::{AppError, Exit};
use crate::config::section::Strategy;
use crate::config::{self, Layers, Loaded};
use crate::domain::StrategyId;
use crate::telemetry::{ProcessEvent, Telemetry};

/// Between two looks. What changed is taken when two looks saw the same, so that no half-written
/// file is read.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The keys of a strategy that a running one takes.
const RULES: [&str; 5] = ["enter", "exit", "exit.when", "enter_short", "exit_short"];

/// What the files of a configuration hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Files(Vec<(PathBuf, Option<u64>)>);

impl Files {
    /// Looks at them now. A file that is not there is one that may come; a pipe is not looked at:
    /// what is read from it is gone.
    pub fn look(layers: &Layers) -> Self {
        let paths = [&layers.user, &layers.folder, &layers.file].into_iter().flatten();
        let hash = |path: &PathBuf| {
            let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
            let bytes = is_file.then(|| std::fs::read(path).ok()).flatten()?;
            Some(xxhash_rust::xxh3::xxh3_64(&bytes))
        };
        Self(paths.map(|path| (path.clone(), hash(path))).collect())
    }
}

/// What is watched.
pub struct Watched {
    /// Where the configuration comes from.
    pub layers: Layers,
    /// What its files held when the run read them.
    pub files: Files,
    /// The strategies that exist.
    pub kinds: Vec<config::StrategyKind>,
}

/// The watching thread.
pub struct Reloader {
    stop: SyncSender<()>,
    join: JoinHandle<()>,
}

impl Reloader {
    /// Starts it. `loaded` is what the run was built from; `trouble` takes what the screen shows
    /// until the files are right again.
    pub fn start(
        watched: Watched,
        loaded: Loaded,
        control: tasks::Sender<Control>,
        telemetry: Telemetry,
        trouble: Arc<ArcSwapOption<String>>,
    ) -> Result<Self, AppError> {
        let (stop, stopped) = mpsc::sync_channel(0);
        let rules = loaded.config.strategies.clone();
        let watcher = Watcher { watched, loaded, rules, control, telemetry, trouble };
        let join = std::thread::Builder::new()
            .name("config".to_owned())
            .spawn(move || watcher.watch(&stopped))
            .map_err(|error| AppError::new(Exit::Failed, error.to_string()))?;
        Ok(Self { stop, join })
    }

    /// Ends it.
    pub fn stop(self) {
        drop(self.stop);
        let _ = self.join.join();
    }
}

struct Watcher {
    watched: Watched,
    /// What the run was built from.
    loaded: Loaded,
    /// The strategies with the rules that they have now.
    rules: Vec<Strategy>,
    control: tasks::Sender<Control>,
    telemetry: Telemetry,
    trouble: Arc<ArcSwapOption<String>>,
}

impl Watcher {
    fn watch(mut self, stopped: &Receiver<()>) {
        let mut before = self.watched.files.clone();
        while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            let now = Files::look(&self.watched.layers);
            if now == before && now != self.watched.files && self.take() {
                self.watched.files.clone_from(&now);
            }
            before = now;
        }
    }

    /// Takes what the files say now; false when the core has no room for it: later, then.
    fn take(&mut self) -> bool {
        match config::load(&self.watched.layers, &self.watched.kinds) {
            Ok(changed) => self.apply(&changed),
            Err(error) => {
                let error = error.to_string();
                self.telemetry.emit(&ProcessEvent::ConfigRefused { error: &error }.into());
                let text =
                    format!("the changed configuration is not valid and not in force: {error}");
                self.trouble.store(Some(Arc::new(text)));
                true
            }
        }
    }

    fn apply(&mut self, changed: &Loaded) -> bool {
        let same_ground = changed.config.venue.streams == self.loaded.config.venue.streams
            && changed.config.account.kind == self.loaded.config.account.kind;
        let mut applied = Vec::new();
        for (at, new) in changed.config.strategies.iter().enumerate() {
            let Some(running) = self.rules.get_mut(at).filter(|_| same_ground) else { continue };
            if (&running.name, &running.kind, running.feed) != (&new.name, &new.kind, new.feed) {
                continue;
            }
            applied.extend(RULES.map(|key| format!("strategy[{at}].{key}")));
            let rules = build::rule_texts(new);
            if rules == build::rule_texts(running) {
                continue;
            }
            let strategy = StrategyId(u16::try_from(at).unwrap_or(u16::MAX));
            if self.control.try_send(Control::Revise(strategy, rules)).is_err() {
                return false;
            }
            running.clone_from(new);
        }
        let mut keys = self.loaded.changed_keys(changed);
        keys.retain(|key| !applied.contains(key));
        self.needs_restart(&keys);
        true
    }

    fn needs_restart(&self, keys: &[String]) {
        if keys.is_empty() {
            self.trouble.store(None);
            return;
        }
        let keys = keys.join(", ");
        self.telemetry.emit(&ProcessEvent::ConfigNeedsRestart { keys: &keys }.into());
        let text = format!("the configuration was changed in what needs a restart: {keys}");
        self.trouble.store(Some(Arc::new(text)));
    }
}
