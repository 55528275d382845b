//! The account's directory: one run at a time owns it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::app::error::{AppError, Exit};
use crate::tape;

/// The account that is a fresh one each time. A second run beside the first one gets `demo-2`.
const FRESH: &str = "demo";
/// Fresh accounts tried before giving up: `demo`, `demo-2`, … `demo-64`.
const TRIED: u32 = 64;
/// The ledger's file.
const LEDGER: &str = "ledger.db";

/// An account that this process owns until it is dropped.
#[derive(Debug)]
pub struct OwnedAccount {
    /// Its name.
    pub name: String,
    directory: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl OwnedAccount {
    /// Takes the account of this name: for the demo the next free one, with nothing in its ledger.
    pub fn take(name: &str) -> Result<Self, AppError> {
        if !is_fresh(name) {
            return Self::lock(name)?.ok_or_else(|| in_use(name));
        }
        for number in 1..=TRIED {
            let name = if number == 1 { FRESH.to_owned() } else { format!("{FRESH}-{number}") };
            if let Some(account) = Self::lock(&name)? {
                account.forget()?;
                return Ok(account);
            }
        }
        let text = format!("{TRIED} accounts named {name} are in use; end a run or choose a name");
        Err(AppError::new(Exit::Failed, text))
    }

    /// The account, unless another process owns it.
    pub fn lock(name: &str) -> Result<Option<Self>, AppError> {
        let directory = directory(name)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(|error| cannot_use(&directory, &error))?;
        let path = directory.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| cannot_use(&directory, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { name: name.to_owned(), directory, _lock: lock })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(cannot_use(&directory, &error)),
        }
    }

    /// Where its ledger is.
    pub fn ledger(&self) -> PathBuf {
        self.directory.join(LEDGER)
    }

    /// Puts the ledger aside under a name with this time, so that the account begins anew and
    /// nothing is lost. The new name, if there was one.
    pub fn put_aside(&self, stamp: &str) -> Result<Option<PathBuf>, AppError> {
        let ledger = self.ledger();
        if !ledger.exists() {
            return Ok(None);
        }
        let aside = self.directory.join(format!("ledger-{stamp}.db"));
        self.each_file(|from, suffix| {
            std::fs::rename(from, self.directory.join(format!("ledger-{stamp}.db{suffix}")))
        })?;
        Ok(Some(aside))
    }

    fn forget(&self) -> Result<(), AppError> {
        self.each_file(|file, _| std::fs::remove_file(file))
    }

    /// SQLite keeps what is not yet in the file beside it.
    fn each_file(&self, work: impl Fn(&Path, &str) -> std::io::Result<()>) -> Result<(), AppError> {
        for suffix in ["-wal", "-shm", ""] {
            let file = self.directory.join(format!("{LEDGER}{suffix}"));
            match work(&file, suffix) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(cannot_use(&file, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// True for the demo's account, and for those of further demos.
fn is_fresh(name: &str) -> bool {
    let number = name.strip_prefix(FRESH).and_then(|rest| rest.strip_prefix('-'));
    name == FRESH || number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Where an account's ledger is, whoever owns it.
pub fn ledger_of(name: &str) -> Result<PathBuf, AppError> {
    Ok(directory(name)?.join(LEDGER))
}

fn directory(name: &str) -> Result<PathBuf, AppError> {
    let sessions = tape::default_root()?;
    let root = sessions.parent().map_or_else(|| PathBuf::from("."), PathBuf::from);
    Ok(root.join("accounts").join(name))
}

fn in_use(name: &str) -> AppError {
    let text = format!(
        "account {name} is in use by another run, or being read by `tickscope account`: wait for \
         that, or choose another account.name"
    );
    AppError::new(Exit::Failed, text)
}

fn cannot_use(path: &Path, error: &std::io::Error) -> AppError {
    AppError::new(Exit::NotWritable, format!("cannot use {}: {error}", path.display()))
}
