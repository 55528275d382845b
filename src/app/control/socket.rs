//! The socket file: made for its owner alone, reached also where its path is too long for an
//! address, and gone after the run.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Its name in the session directory.
pub const FILE: &str = "control.sock";

/// Listens at `path`, readable and writable by the owner alone. What a killed run left there is
/// replaced: the directory belongs to one run.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = within_reach(path, |path| UnixListener::bind(path))?;
    // Between the two calls only the mode of the directory, 0700, keeps others out.
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Connects to the run that listens at `path`.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    within_reach(path, |path| UnixStream::connect(path))
}

/// Calls `act` with a path that fits into a socket address, which holds about a hundred bytes. A
/// longer one is reached through an open directory.
fn within_reach<T>(path: &Path, act: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
    let first = act(path);
    let is_too_long = |error: &io::Error| error.kind() == io::ErrorKind::InvalidInput;
    match (first, path.parent(), path.file_name()) {
        (Err(error), Some(directory), Some(name)) if is_too_long(&error) => {
            let directory = File::open(directory)?;
            let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
            if !short.exists() {
                let why = "its path is too long here: set XDG_STATE_HOME to a shorter one";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
            act(&short.join(name))
        }
        (result, ..) => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: the stop button of whoever has a long home directory.
    #[test]
    fn a_path_of_any_length_is_reached_and_belongs_to_its_owner() {
        let scratch = tempfile::tempdir().unwrap();
        for length in [1, 90, 240] {
            let directory = scratch.path().join("d".repeat(length));
            fs::create_dir(&directory).unwrap();
            let path = directory.join(FILE);
            let listener = bind(&path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let _stream = connect(&path).unwrap();
            listener.accept().unwrap();
        }
    }

    /// Lost if broken: a run in a directory where one was killed.
    #[test]
    fn what_a_killed_run_left_is_replaced_and_nobody_answers_there() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join(FILE);
        drop(bind(&path).unwrap());
        assert_eq!(connect(&path).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let _listener = bind(&path).unwrap();
        connect(&path).unwrap();
    }
}
