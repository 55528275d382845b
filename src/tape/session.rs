//! A session is the directory of one run: its description, its tape, its logs.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::error::{Result, TapeError};
use super::manifest::{self, Ending, Manifest, Runtime};
use crate::domain::{RunId, UnixNanos};

pub(super) const MANIFEST: &str = "manifest.toml";
pub(super) const RUNTIME: &str = "runtime.toml";
const CONFIG: &str = "config.toml";
const LOGS: &str = "logs";

/// The session of this process.
#[derive(Debug)]
pub struct Session {
    directory: PathBuf,
    manifest: Manifest,
}

impl Session {
    /// Makes `<root>/<run id>/` for the owner's eyes only, with `logs/`, `manifest.toml`,
    /// `config.toml` and `runtime.toml`. A run id that exists already is an error.
    pub fn create(
        root: &Path,
        manifest: Manifest,
        config: &str,
        runtime: &Runtime,
    ) -> Result<Self> {
        let directory = root.join(&manifest.run_id.0);
        let logs = directory.join(LOGS);
        make_private(root, true)?;
        make_private(&directory, false)?;
        let session = Self { directory, manifest };
        match session.describe(&logs, config, runtime) {
            Ok(()) => Ok(session),
            Err(error) => {
                discard(&session.directory);
                Err(error)
            }
        }
    }

    fn describe(&self, logs: &Path, config: &str, runtime: &Runtime) -> Result<()> {
        make_private(logs, false)?;
        manifest::write_private(&self.directory.join(CONFIG), config)?;
        manifest::write(&self.directory.join(RUNTIME), runtime)?;
        manifest::write(&self.directory.join(MANIFEST), &self.manifest)
    }

    /// Where its tape segments belong.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What it says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Says anew which addresses are bound, once that is known.
    pub fn update_runtime(&self, runtime: &Runtime) -> Result<()> {
        manifest::write(&self.directory.join(RUNTIME), runtime)
    }

    /// Writes down how it ended and that it no longer runs.
    pub fn end(mut self, ending: Ending) -> Result<()> {
        self.manifest.ending = Some(ending);
        manifest::write(&self.directory.join(MANIFEST), &self.manifest)?;
        let runtime = self.directory.join(RUNTIME);
        fs::remove_file(&runtime).map_err(TapeError::io("remove", &runtime))
    }
}

/// Removes the directory of a session that never began. One that cannot be removed is listed as
/// torn.
pub fn discard(directory: &Path) {
    let _ = fs::remove_dir_all(directory);
}

/// What the session in a directory says about itself.
pub fn manifest_of(directory: &Path) -> Result<Manifest> {
    manifest::read(&directory.join(MANIFEST))
}

/// Where a session's logs are, or were.
pub fn logs_of(directory: &Path) -> PathBuf {
    directory.join(LOGS)
}

/// The configuration that the session in a directory ran with.
pub fn config_of(directory: &Path) -> Result<String> {
    let path = directory.join(CONFIG);
    fs::read_to_string(&path).map_err(TapeError::io("read", &path))
}

fn make_private(directory: &Path, may_exist: bool) -> Result<()> {
    DirBuilder::new()
        .recursive(may_exist)
        .mode(0o700)
        .create(directory)
        .map_err(TapeError::io("create", directory))
}

/// A run's name: `20261122-223843-k7f3`. It sorts by start time; the last four characters, taken
/// from the salt and beginning with a letter, tell apart two runs of one second. Letters and
/// digits that look alike (i, l, o, u) are not used.
pub fn run_id(now: UnixNanos, salt: u64) -> RunId {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstvwxyz0123456789";
    const FIRST_LETTERS: u64 = 22;
    let moment = jiff::Timestamp::from_nanosecond(i128::from(now.0)).unwrap_or_default();
    let pick = |at: u64| LETTERS.iter().cycle().nth((at % 32) as usize).map_or('a', |&b| b.into());
    let prefix: String = [
        pick(salt % FIRST_LETTERS),
        pick(salt / FIRST_LETTERS),
        pick(salt / FIRST_LETTERS / 32),
        pick(salt / FIRST_LETTERS / 1024),
    ]
    .into_iter()
    .collect();
    RunId(format!("{}-{prefix}", moment.strftime("%Y%m%d-%H%M%S")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: sessions that sort by time, and ids that tell two runs apart.
    #[test]
    fn run_ids_sort_by_time_and_carry_a_readable_prefix() {
        let at = UnixNanos(1_723_161_253_937_085_768);
        assert_eq!(run_id(at, 0).0, "20240808-235413-aaaa");
        assert_eq!(run_id(at, 0).prefix(), "aaaa");
        let later = run_id(at.plus(UnixNanos::SECOND), 1);
        assert!(later.0 > run_id(at, u64::MAX).0);
        for salt in (0..2_000).chain([u64::MAX]) {
            let id = run_id(at, salt.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let prefix = id.prefix();
            assert!(prefix.starts_with(|c: char| c.is_ascii_lowercase()), "{prefix}");
            assert!(prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        }
        assert_ne!(run_id(at, 1), run_id(at, 2));
    }
}
