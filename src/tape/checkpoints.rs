//! Checkpoints: states of a run, kept beside its tape so that any moment of it can be had without
//! beginning at its start. What a state is, is its writer's business: to this folder it is bytes.
//!
//! One file, `checkpoints`, that only grows. Each checkpoint is the lengths of its head and its state
//! (`u32`, little-endian), the XXH3 hash of both (`u64`), the head, the state. A torn tail is left
//! out when it is read: a checkpoint saves time and proves nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use super::error::{Result, TapeError};

const NAME: &str = "checkpoints";
/// Lengths and hash.
const PREFIX: usize = 16;

/// Appends checkpoints.
#[derive(Debug)]
pub struct CheckpointWriter {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    written: u64,
}

impl CheckpointWriter {
    /// Makes the file in a session's directory, for the owner's eyes only.
    pub fn create(directory: &Path) -> Result<Self> {
        let path = directory.join(NAME);
        let file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&path);
        let file = file.map_err(TapeError::io("create", &path))?;
        Ok(Self { path, file, buffer: Vec::new(), written: 0 })
    }

    /// Appends one.
    pub fn append(&mut self, head: &[u8], state: &[u8]) -> Result<()> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        self.buffer.clear();
        self.buffer.extend(length(head));
        self.buffer.extend(length(state));
        self.buffer.extend(hash(head, state).to_le_bytes());
        self.buffer.extend_from_slice(head);
        self.buffer.extend_from_slice(state);
        self.file.write_all(&self.buffer).map_err(TapeError::io("append to", &self.path))?;
        self.written += self.buffer.len() as u64;
        Ok(())
    }

    /// Bytes so far.
    pub fn written(&self) -> u64 {
        self.written
    }
}

/// The checkpoints of a session.
#[derive(Debug)]
pub struct Checkpoints {
    path: PathBuf,
    file: File,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    head: Vec<u8>,
    hash: u64,
    /// Where its state begins.
    at: u64,
    state: usize,
}

impl Checkpoints {
    /// Opens those of a session; none where it has none.
    pub fn open(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(NAME);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TapeError::io("open", &path)(error)),
        };
        let places = places(&file).map_err(TapeError::io("read", &path))?;
        Ok(Some(Self { path, file, places }))
    }

    /// The heads, oldest first.
    pub fn heads(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|place| place.head.as_slice())
    }

    /// The state of the n-th; none when its bytes are not what was written.
    pub fn state(&self, nth: usize) -> Result<Option<Vec<u8>>> {
        let Some(place) = self.places.get(nth) else { return Ok(None) };
        let mut state = vec![0; place.state];
        self.file.read_exact_at(&mut state, place.at).map_err(TapeError::io("read", &self.path))?;
        Ok((hash(&place.head, &state) == place.hash).then_some(state))
    }
}

/// Reads the heads and skips the states, up to where the file ends within a checkpoint.
fn places(file: &File) -> io::Result<Vec<Place>> {
    let length = file.metadata()?.len();
    let (mut places, mut at) = (Vec::new(), 0);
    while let Some(place) = place(file, at, length)? {
        at = place.at + place.state as u64;
        places.push(place);
    }
    Ok(places)
}

fn place(file: &File, at: u64, length: u64) -> io::Result<Option<Place>> {
    let mut prefix = [0; PREFIX];
    if at + PREFIX as u64 > length {
        return Ok(None);
    }
    file.read_exact_at(&mut prefix, at)?;
    let [head, state, low, high] = words(prefix);
    let hash = u64::from(high) << 32 | u64::from(low);
    let at = at + PREFIX as u64 + u64::from(head);
    if at + u64::from(state) > length {
        return Ok(None);
    }
    let mut bytes = vec![0; head as usize];
    file.read_exact_at(&mut bytes, at - u64::from(head))?;
    Ok(Some(Place { head: bytes, hash, at, state: state as usize }))
}

/// The numbers of a prefix.
fn words(prefix: [u8; PREFIX]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(prefix.chunks_exact(4)) {
        *word = bytes.try_into().map_or(0, u32::from_le_bytes);
    }
    words
}

fn hash(head: &[u8], state: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(head);
    hash.update(state);
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: seconds of waiting for every question about the past, or a wrong answer.
    #[test]
    fn what_is_whole_reads_back_and_what_is_not_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Checkpoints::open(directory.path()).unwrap().is_none());
        let mut writer = CheckpointWriter::create(directory.path()).unwrap();
        writer.append(b"head 1", b"state one").unwrap();
        writer.append(b"head 2", &[7; 5_000]).unwrap();
        let written = writer.written();
        let path = directory.path().join(NAME);
        assert_eq!(path.metadata().unwrap().len(), written);

        let read = Checkpoints::open(directory.path()).unwrap().unwrap();
        assert_eq!(read.heads().collect::<Vec<_>>(), [b"head 1", b"head 2"]);
        assert_eq!(read.state(1).unwrap().unwrap(), [7; 5_000]);
        assert_eq!(read.state(2).unwrap(), None);

        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(b"!", 16 + 6 + 3).unwrap();
        assert_eq!(read.state(0).unwrap(), None, "altered");
        for cut in [written - 1, written - 4_990, written - 5_003, written - 5_020] {
            file.set_len(cut).unwrap();
            let read = Checkpoints::open(directory.path()).unwrap().unwrap();
            assert_eq!(read.heads().count(), 1, "cut at {cut}");
        }
    }
}
