//! One segment being written: an MCAP file whose chunks are put together in memory and reach the
//! file whole, so that a killed process leaves at most one broken record, the last.

use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use mcap::records::MessageHeader;
use mcap::write::NoSeek;

use super::entry::Entry;
use super::error::{Result, TapeError};
use super::lookup::ByChannel;
use super::schema::{SegmentStart, Topic};
use super::writer::{Compression, WriterOptions};
use crate::domain::UnixNanos;

type McapWriter = mcap::Writer<NoSeek<BufWriter<File>>>;

pub(super) struct SegmentWriter {
    path: PathBuf,
    /// The same open file as the one inside `mcap`, for its size and for syncing.
    file: File,
    /// None once the segment is finished.
    mcap: Option<McapWriter>,
    /// The MCAP ids of the channels.
    channels: ByChannel<u16>,
}

impl SegmentWriter {
    /// Creates the file (mode 0600), which must not exist.
    pub fn create(path: &Path, options: WriterOptions) -> Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(TapeError::io("create", path))?;
        let twin = file.try_clone().map_err(TapeError::io("create", path))?;
        let mcap = mcap_options(options)
            .create(NoSeek::new(BufWriter::new(twin)))
            .map_err(TapeError::append(path))?;
        Ok(Self { path: path.to_owned(), file, mcap: Some(mcap), channels: ByChannel::new() })
    }

    /// Writes the segment's own first message.
    pub fn begin(&mut self, segment: u32, first_seq: u64, time: UnixNanos) -> Result<()> {
        let start = SegmentStart { segment, first_seq };
        let bytes = serde_json::to_vec(&start).map_err(|error| TapeError::Refused {
            path: self.path.clone(),
            reason: error.to_string(),
        })?;
        let id = self.register(Topic::Segment)?;
        self.put(id, first_seq, time, &bytes)
    }

    /// Appends an entry.
    pub fn append(&mut self, entry: &Entry<'_>) -> Result<()> {
        let id = match self.channels.find(entry.channel) {
            Some(id) => *id,
            None => self.register(entry.channel.into())?,
        };
        self.put(id, entry.seq, entry.time, entry.bytes)
    }

    /// Ends the chunk and hands all bytes to the operating system.
    pub fn flush(&mut self) -> Result<()> {
        self.with_mcap(mcap::Writer::flush)
    }

    /// Waits until the disk has what was flushed.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(TapeError::io("sync", &self.path))
    }

    /// Writes the index. Nothing can be appended afterwards.
    pub fn finish(&mut self) -> Result<()> {
        let Some(mut mcap) = self.mcap.take() else { return Ok(()) };
        mcap.finish().map(drop).map_err(TapeError::append(&self.path))
    }

    /// Bytes in the file. A chunk being put together is not among them.
    pub fn size(&self) -> Result<u64> {
        Ok(self.file.metadata().map_err(TapeError::io("measure", &self.path))?.len())
    }

    fn register(&mut self, topic: Topic) -> Result<u16> {
        let id = self.with_mcap(|mcap| {
            let schema = mcap.add_schema(topic.schema(), "", &[])?;
            mcap.add_channel(schema, &topic.name(), topic.encoding(), &topic.metadata())
        })?;
        self.channels.add(topic, id);
        Ok(id)
    }

    fn put(&mut self, channel_id: u16, seq: u64, time: UnixNanos, bytes: &[u8]) -> Result<()> {
        let header = MessageHeader {
            channel_id,
            sequence: lower_half(seq),
            log_time: time.0,
            publish_time: time.0,
        };
        self.with_mcap(|mcap| mcap.write_to_known_channel(&header, bytes))
    }

    fn with_mcap<T>(
        &mut self,
        action: impl FnOnce(&mut McapWriter) -> mcap::McapResult<T>,
    ) -> Result<T> {
        let Some(mcap) = &mut self.mcap else {
            return Err(TapeError::Refused {
                path: self.path.clone(),
                reason: "the segment is finished".to_owned(),
            });
        };
        action(mcap).map_err(TapeError::append(&self.path))
    }
}

/// The 32 bits of a sequence number that an MCAP message carries.
pub(super) fn lower_half(seq: u64) -> u32 {
    let [a, b, c, d, ..] = seq.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn mcap_options(options: WriterOptions) -> mcap::WriteOptions {
    let (compression, level) = match options.compression {
        Compression::None => (None, 0),
        Compression::Lz4 => (Some(mcap::Compression::Lz4), 0),
        Compression::Zstd(level) => (Some(mcap::Compression::Zstd), level),
    };
    mcap::WriteOptions::new()
        .compression(compression)
        .compression_level(level)
        .compression_threads(0)
        .chunk_size(Some(options.chunk_bytes))
        .disable_seeking(true)
        .profile("tickscope")
        .library(concat!("tickscope ", env!("CARGO_PKG_VERSION")))
}
