//! The bytes of a file: plain, or the only file of a zip, inflated while it is read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::error::{HistoryError, quoted};

/// A market data file never packs this well: what does is not read.
const MOST_INFLATION: u64 = 250;
/// Small files may.
const ALWAYS_FINE: u64 = 1 << 20;

/// What an opened file holds.
pub enum Content {
    /// Text, to be read to its end.
    Text(Box<dyn Read + Send>),
    /// A Parquet file, to be read at any place.
    Parquet(File),
}

/// An opened file.
pub struct Opened {
    /// Its content.
    pub content: Content,
    /// The name of the file within a zip.
    pub inner: Option<String>,
}

/// Opens a file; what is read of it is added to `read`.
pub fn open(path: &Path, read: &Arc<AtomicU64>) -> Result<Opened, HistoryError> {
    let fail = |error: io::Error| HistoryError::of_file(path, format!("cannot be read: {error}"));
    let mut file = File::open(path).map_err(fail)?;
    if file.metadata().map_err(fail)?.is_dir() {
        return Err(HistoryError::of_file(path, "is a directory, not a file"));
    }
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic).map_err(fail)?;
    file.rewind().map_err(fail)?;
    match magic.as_slice() {
        b"" => Err(HistoryError::of_file(path, "is empty")),
        b"PAR1" => Ok(Opened { content: Content::Parquet(file), inner: None }),
        b"\x89MCA" => Err(HistoryError::of_file(path, "is a tape: use --tape")),
        [b'P', b'K', ..] => member(path, file, read),
        _ => {
            let text = Counted { file, read: Arc::clone(read) };
            Ok(Opened { content: Content::Text(Box::new(text)), inner: None })
        }
    }
}

/// The only file of an archive.
fn member(path: &Path, file: File, read: &Arc<AtomicU64>) -> Result<Opened, HistoryError> {
    let refuse = |problem: String| HistoryError::of_file(path, problem);
    let broken = |error: zip::result::ZipError| refuse(format!("is no whole zip archive: {error}"));
    let mut archive = ZipArchive::new(file).map_err(broken)?;
    let mut names = Vec::new();
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at).map_err(broken)?;
        if !entry.is_dir() {
            names.push((at, entry.name().map_err(broken)?.into_owned()));
        }
    }
    if names.is_empty() {
        return Err(refuse("is a zip without a file".to_owned()));
    }
    let [(at, name)] = names.as_slice() else {
        let some: Vec<String> =
            names.iter().take(3).map(|(_, name)| quoted(name.as_bytes())).collect();
        let dots = if names.len() > some.len() { ", …" } else { "" };
        return Err(refuse(format!(
            "holds {} files ({}{dots}), and one is read: unpack it and name the files",
            names.len(),
            some.join(", ")
        )));
    };
    let entry = archive.by_index_raw(*at).map_err(broken)?;
    let (packed, size) = (entry.compressed_size(), entry.size());
    if entry.encrypted() {
        return Err(refuse("is encrypted".to_owned()));
    }
    if size == 0 {
        return Err(refuse(format!("holds {}, which is empty", quoted(name.as_bytes()))));
    }
    if size > ALWAYS_FINE && size / MOST_INFLATION > packed {
        return Err(refuse(format!(
            "would unpack from {packed} to {size} bytes, which market data never does"
        )));
    }
    let start = entry.data_start().ok_or_else(|| refuse("is no whole zip archive".to_owned()))?;
    // Opened again, because the archive keeps moving its own handle.
    let seek =
        File::open(path).and_then(|mut file| file.seek(SeekFrom::Start(start)).map(|_| file));
    let file = seek.map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let packed = Counted { file, read: Arc::clone(read) }.take(packed);
    let reader: Box<dyn Read + Send> = match entry.compression() {
        CompressionMethod::Stored => Box::new(packed),
        CompressionMethod::Deflated => {
            Box::new(DeflateDecoder::new_with_buf(packed, vec![0; 64 * 1024]))
        }
        other => return Err(refuse(format!("is packed by {other}, and deflate is read"))),
    };
    let (crc, left) = (entry.crc32(), size);
    let member = Member { reader, sum: Crc::new(), crc, left };
    Ok(Opened { content: Content::Text(Box::new(member)), inner: Some(name.clone()) })
}

/// A file whose bytes are counted as they are read.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A file of an archive: no longer than the archive says, and with its checksum.
struct Member {
    reader: Box<dyn Read + Send>,
    sum: Crc,
    crc: u32,
    left: u64,
}

impl Read for Member {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
        let read = self.reader.read(buffer)?;
        if read == 0 && !buffer.is_empty() && (self.left > 0 || self.sum.sum() != self.crc) {
            return Err(damaged("the zip is damaged: what it unpacks to is not what was packed"));
        }
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| damaged("the zip unpacks to more than it says"))?;
        self.sum.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
