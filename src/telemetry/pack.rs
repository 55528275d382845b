//! Packing: closed log segments become `.jsonl.gz`, on a thread of their own. The plain file goes
//! when the packed one is whole: whenever this is cut off, every line is in one of the two.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::account::LaneAccount;
use super::word::WriteOperation;

/// What a file's name ends with while it is not whole.
const UNFINISHED: &str = "part";

/// Segments that wait to be packed; more stay as they are.
const WAITING: usize = 64;

/// Packs one segment after the other.
pub(super) struct Packer {
    to: SyncSender<PathBuf>,
}

impl Packer {
    /// Starts the thread. It ends with the packer, once it has done what waits.
    pub(super) fn start(account: Arc<LaneAccount>) -> io::Result<Self> {
        let (to, closed) = sync_channel::<PathBuf>(WAITING);
        let packing = move || {
            for path in closed {
                if pack(&path).is_err() {
                    account.failed(WriteOperation::Pack);
                }
            }
        };
        thread::Builder::new().name("log packing".to_owned()).spawn(packing)?;
        Ok(Self { to })
    }

    /// Packs a segment that nobody writes to any more.
    pub(super) fn pack(&self, path: PathBuf) {
        // One that does not fit stays plain, which loses nothing.
        let _ = self.to.try_send(path);
    }
}

/// Packs a file. One that is gone was moved by somebody, and what stands where the packed one would be
/// is not touched.
pub(super) fn pack(path: &Path) -> io::Result<()> {
    let packed = path.with_extension("jsonl.gz");
    let Some(plain) = opened(path)?.filter(|_| !packed.exists()) else { return Ok(()) };
    let unfinished = packed.with_extension(UNFINISHED);
    let written = write(plain, &unfinished).and_then(|()| fs::rename(&unfinished, &packed));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    fs::remove_file(path)
}

fn opened(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(plain: File, to: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // What a process that was killed left of it is made anew.
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(to)?;
    let mut encoder = GzEncoder::new(file, Compression::default());
    io::copy(&mut BufReader::new(plain), &mut encoder)?;
    encoder.finish()?.sync_all()
}

/// What a packed file holds.
pub(super) fn unpack(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(BufReader::new(File::open(path)?)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: the log of the day before.
    #[test]
    fn what_is_packed_is_what_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("decisions.20261122T204000Z.0001.jsonl");
        let text = "{\"seq\":1}\n".repeat(20_000);
        fs::write(&path, &text).unwrap();
        pack(&path).unwrap();
        let packed = directory.path().join("decisions.20261122T204000Z.0001.jsonl.gz");
        assert_eq!(unpack(&packed).unwrap(), text.as_bytes());
        assert!(packed.metadata().unwrap().len() < 2_000 && !path.exists());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    /// Lost if broken: what somebody else packed under that name.
    #[test]
    fn a_packed_file_that_is_there_is_not_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("decisions.20261122T204000Z.0001.jsonl");
        let packed = path.with_extension("jsonl.gz");
        fs::write(&path, "new\n").unwrap();
        fs::write(&packed, "old").unwrap();
        pack(&path).unwrap();
        assert_eq!(fs::read_to_string(&packed).unwrap(), "old");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
        pack(&directory.path().join("gone.jsonl")).unwrap();
    }
}
