//! The upkeep of a run: old sessions are removed when it starts, once an hour and when it ends; the
//! room on the disk is looked at every few seconds. All of it on a thread of its own, because
//! removing gigabytes takes its time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::disk::{Disk, Look};
use super::lints::Lint;
use crate::app::error::{AppError, Exit};
use crate::app::retention::{self, Round};
use crate::app::{platform, setup, words};
use crate::config::section;
use crate::engine::view::LintView;
use crate::tape::{self, Manifest, Owner, Session};
use crate::telemetry::{Room, Telemetry, UpkeepEvent};

/// Between two looks at the disk.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Between two rounds through the old sessions.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);

/// Sentences that stand on the screen until what they say has passed.
pub type Standing = Arc<ArcSwap<Vec<LintView>>>;

/// The thread that keeps house.
pub struct Upkeep {
    stop: SyncSender<()>,
    join: JoinHandle<()>,
    standing: Standing,
}

impl Upkeep {
    /// Starts it for a session.
    pub fn start(
        session: &Session,
        (tape, logs): (&section::Tape, PathBuf),
        telemetry: &Telemetry,
    ) -> Result<Self, AppError> {
        let (stop, stopped) = mpsc::sync_channel(0);
        let standing = Standing::default();
        let keeper = Keeper {
            root: tape::default_root()?,
            directory: session.directory().to_owned(),
            logs,
            owner: owner(session.manifest()),
            keep: tape.keep.clone(),
            telemetry: telemetry.clone(),
            standing: Arc::clone(&standing),
            began: Instant::now(),
            disk: Disk::new(tape.warn_free.0),
            is_oversized: false,
            complained: BTreeSet::new(),
        };
        let join = std::thread::Builder::new()
            .name("upkeep".to_owned())
            .spawn(move || keeper.run(&stopped))
            .map_err(|error| AppError::new(Exit::Failed, error.to_string()))?;
        Ok(Self { stop, join, standing })
    }

    /// What stands on the screen.
    pub fn standing(&self) -> Standing {
        Arc::clone(&self.standing)
    }

    /// Goes through the old sessions a last time and ends.
    pub fn stop(self) {
        drop(self.stop);
        let _ = self.join.join();
    }
}

fn owner(manifest: &Manifest) -> Owner {
    match (&manifest.account, manifest.mode) {
        (_, tape::Mode::Demo) => Owner::Demo,
        (Some(account), _) => Owner::Account(account.clone()),
        (None, _) => Owner::Nobody,
    }
}

struct Keeper {
    root: PathBuf,
    /// The run's own session.
    directory: PathBuf,
    /// Where its logs are.
    logs: PathBuf,
    owner: Owner,
    keep: section::Keep,
    telemetry: Telemetry,
    standing: Standing,
    began: Instant,
    disk: Disk,
    is_oversized: bool,
    /// Sessions of which was told that they could not be removed.
    complained: BTreeSet<String>,
}

impl Keeper {
    fn run(mut self, stopped: &Receiver<()>) {
        self.prune();
        let mut pruned = Instant::now();
        loop {
            self.look();
            if stopped.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
                break;
            }
            if pruned.elapsed() >= PRUNE_EVERY {
                self.prune();
                pruned = Instant::now();
            }
        }
        self.prune();
    }

    fn prune(&mut self) {
        let mine = Some((&self.owner, &self.keep));
        let sessions = retention::survey(&self.root);
        let round = match sessions {
            Ok(sessions) => retention::remove(retention::doomed(&sessions, mine, setup::now())),
            Err(error) => return self.complain(&self.root.clone(), &error.to_string()),
        };
        self.tell(round);
    }

    fn tell(&mut self, Round { removed, failed }: Round) {
        let names: Vec<&str> = removed.iter().map(|gone| gone.session.run_id.0.as_str()).collect();
        if !names.is_empty() {
            let bytes = removed.iter().map(|gone| gone.session.bytes).sum();
            let (count, sessions) = (names.len() as u64, names.join(" "));
            let event = UpkeepEvent::Pruned { count, bytes, sessions: &sessions };
            self.telemetry.emit(&event.into());
        }
        for (session, error) in failed {
            self.complain(&self.root.join(session.0), &error.to_string());
        }
    }

    /// Says what fails, once for each thing: it is tried again every hour.
    fn complain(&mut self, about: &Path, error: &str) {
        if self.complained.insert(about.display().to_string()) {
            self.telemetry.emit(&UpkeepEvent::PruneFailed { error }.into());
        }
    }

    fn look(&mut self) {
        let bytes = tape::bytes_in(&self.directory);
        let mut standing = Vec::new();
        // A disk that does not say how full it is cannot be warned about.
        if let Ok(free) = platform::free_bytes(&self.directory) {
            let look = self.disk.look(self.began.elapsed(), free, bytes);
            self.tell_disk(&look, &mut standing);
        }
        self.tell_size(bytes, &mut standing);
        self.telemetry.metrics().log_directory(tape::bytes_in(&self.logs));
        if **self.standing.load() != standing {
            self.standing.store(Arc::new(standing));
        }
    }

    fn tell_disk(&self, look: &Look, standing: &mut Vec<LintView>) {
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        self.telemetry.metrics().disk(look.free, look.bytes_per_second as f64);
        let text = look.sentence();
        if look.changed {
            let Look { free, bytes_per_second, full_in_s, low, .. } = *look;
            let limit = self.disk.warn_free();
            let room = Room { free, limit, bytes_per_second, full_in_s, text: &text };
            let event =
                if low { UpkeepEvent::DiskLow(room) } else { UpkeepEvent::DiskRecovered(room) };
            self.telemetry.emit(&event.into());
        }
        if look.low {
            standing.push(Lint::DiskLow.says(text));
        }
    }

    /// Nothing of a session that runs is removed, however large it becomes.
    fn tell_size(&mut self, bytes: u64, standing: &mut Vec<LintView>) {
        let limit = self.keep.size.0;
        if bytes <= limit {
            return;
        }
        let text = format!(
            "this session has {} on disk, tape.keep.size allows its account {}: nothing of it is \
             removed while it runs",
            words::bytes(bytes),
            words::bytes(limit)
        );
        if !std::mem::replace(&mut self.is_oversized, true) {
            let event = UpkeepEvent::Oversized { bytes, limit, text: &text };
            self.telemetry.emit(&event.into());
        }
        standing.push(Lint::SessionOversized.says(text));
    }
}
