//! The account's directory: one run at a time owns it. A second run on the same machine gets a
//! paper account of its own.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use crate::app::error::{AppError, Exit};
use crate::tape;

/// Paper accounts tried before giving up: `demo`, `demo-2`, … `demo-64`.
const TRIED: u32 = 64;

/// An account that this process owns until it is dropped.
#[derive(Debug)]
pub struct OwnedAccount {
    /// Its name.
    pub name: String,
    /// Holds the lock.
    _lock: File,
}

impl OwnedAccount {
    /// Takes a paper account of this name, or the next free one after it.
    pub fn take(name: &str) -> Result<Self, AppError> {
        let sessions = tape::default_root()?;
        let root = sessions.parent().map_or_else(|| PathBuf::from("."), PathBuf::from);
        for number in 1..=TRIED {
            let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
            let directory = root.join("accounts").join(&name);
            let fail = |error: std::io::Error| {
                let path = directory.display();
                AppError::new(Exit::NotWritable, format!("cannot use {path}: {error}"))
            };
            DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(fail)?;
            let lock = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600)
                .open(directory.join("lock"))
                .map_err(fail)?;
            match lock.try_lock() {
                Ok(()) => return Ok(Self { name, _lock: lock }),
                Err(std::fs::TryLockError::WouldBlock) => {}
                Err(std::fs::TryLockError::Error(error)) => return Err(fail(error)),
            }
        }
        let text = format!("{TRIED} accounts named {name} are in use; end a run or choose a name");
        Err(AppError::new(Exit::Failed, text))
    }
}
