//! Packing: closed log segments become `.jsonl.gz`, on a thread of their own. The plain file goes
//! when the packed one is whole: whenever this is cut off, every line is in one of the two.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::account::LaneAccount;
use super::word::WriteOperation;

/// What a file's name ends with while it is not whole.
const UNFINISHED: &str = "part";

/// Packs these files; what fails is counted, and tried again with the next segment.
pub(super) fn spawn(files: Vec<PathBuf>, account: Arc<LaneAccount>) -> io::Result<()> {
    let packing = move || {
        for path in files {
            if pack(&path).is_err() {
                account.failed(WriteOperation::Pack);
            }
        }
    };
    thread::Builder::new().name("log packing".to_owned()).spawn(packing).map(drop)
}

pub(super) fn pack(path: &Path) -> io::Result<()> {
    let packed = path.with_extension("jsonl.gz");
    let unfinished = packed.with_extension(UNFINISHED);
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    let mut encoder = GzEncoder::new(file, Compression::default());
    io::copy(&mut BufReader::new(File::open(path)?), &mut encoder)?;
    encoder.finish()?.sync_all()?;
    fs::rename(&unfinished, &packed)?;
    fs::remove_file(path)
}

/// What a packed file holds.
pub(super) fn unpack(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(BufReader::new(File::open(path)?)).read_to_end(&mut bytes)?;
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
}
