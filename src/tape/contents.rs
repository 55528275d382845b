//! The contents of a tape at a glance: what `tape info` shows. Found by reading it once, so a torn
//! or damaged tape has contents too.

use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::error::{Result, TapeError};
use super::lookup::ByChannel;
use super::reader::{Reader, TapeEnd, segments};
use super::schema::Topic;
use crate::domain::UnixNanos;

/// What a tape holds.
#[derive(Debug)]
pub struct Contents {
    /// Its files in order.
    pub segments: Vec<SegmentFile>,
    /// All entries.
    pub all: Extent,
    /// The entries of each channel, in a stable order.
    pub channels: Vec<ChannelContents>,
    /// How it ended: finished, torn, or with the damage that ended the reading.
    pub end: Result<TapeEnd>,
}

/// One file of a tape.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its size on disk.
    pub bytes: u64,
}

/// One channel of a tape.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelContents {
    /// Its name: `stream/1`, `answer/depth/BTCUSDT`, `input`; with the HTTP status if not 200.
    pub name: String,
    /// The schema of its payloads, with version.
    pub schema: &'static str,
    /// The encoding of its payloads.
    pub encoding: &'static str,
    /// Its entries.
    pub extent: Extent,
}

/// How much, and from when to when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extent {
    /// Number of entries.
    pub entries: u64,
    /// Their payload bytes, uncompressed.
    pub bytes: u64,
    /// Sequence number and time of the first entry.
    pub first: Option<(u64, UnixNanos)>,
    /// Sequence number and time of the last entry.
    pub last: Option<(u64, UnixNanos)>,
}

impl Extent {
    fn add(&mut self, entry: &Entry<'_>) {
        self.entries += 1;
        self.bytes += entry.bytes.len() as u64;
        let moment = (entry.seq, entry.time);
        self.first.get_or_insert(moment);
        self.last = Some(moment);
    }
}

impl Contents {
    /// Reads a tape, a file or a session directory, from end to end. One of which nothing can be
    /// read is an error.
    pub fn of(path: &Path) -> Result<Self> {
        let mut reader = Reader::open(path)?;
        let mut all = Extent::default();
        let mut channels = ByChannel::<Extent>::new();
        let end = loop {
            match reader.next() {
                Ok(Some(entry)) => {
                    all.add(&entry);
                    if let Some(extent) = channels.find(entry.channel) {
                        extent.add(&entry);
                        continue;
                    }
                    let mut extent = Extent::default();
                    extent.add(&entry);
                    channels.add(entry.channel.into(), extent);
                }
                Ok(None) => break Ok(reader.end().cloned().unwrap_or(TapeEnd::Finished)),
                Err(error) if all.entries == 0 => return Err(error),
                Err(error) => break Err(error),
            }
        };
        let channels = channels.into_sorted().into_iter().map(ChannelContents::from).collect();
        Ok(Self { segments: files(path)?, all, channels, end })
    }
}

impl From<(Topic, Extent)> for ChannelContents {
    fn from((topic, extent): (Topic, Extent)) -> Self {
        let name = match &topic {
            Topic::Answer { status, .. } if *status != 200 => format!("{} {status}", topic.name()),
            _ => topic.name(),
        };
        Self { name, schema: topic.schema(), encoding: topic.encoding(), extent }
    }
}

fn files(path: &Path) -> Result<Vec<SegmentFile>> {
    let file = |(_, path): (Option<u32>, PathBuf)| {
        let metadata = path.metadata().map_err(TapeError::io("measure", &path))?;
        Ok(SegmentFile { path, bytes: metadata.len() })
    };
    segments(path)?.into_iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sample, write_all};
    use super::super::{Writer, WriterOptions};
    use super::*;

    /// Lost if broken: knowing what a tape is before a replay of hours.
    #[test]
    fn contents_count_every_channel() {
        let directory = tempfile::tempdir().unwrap();
        let tape = directory.path().join("session");
        let options = WriterOptions { segment_span: 30 * UnixNanos::SECOND, ..Default::default() };
        let written = write_all(Writer::in_directory(&tape, options).unwrap(), &sample(80));

        let contents = Contents::of(&tape).unwrap();
        assert_eq!(contents.segments.len(), written.segments as usize);
        assert_eq!((contents.all.entries, contents.all.bytes), (80, written.bytes));
        assert_eq!(contents.all.first.unwrap().0, 1);
        assert_eq!(contents.all.last.unwrap().0, 80);
        assert_eq!(contents.end.unwrap(), TapeEnd::Finished);
        let counts: Vec<_> = contents
            .channels
            .iter()
            .map(|channel| (channel.name.as_str(), channel.schema, channel.extent.entries))
            .collect();
        let expected = [
            ("stream/1", "tickscope.frame/1", 10),
            ("stream/2", "tickscope.frame/1", 10),
            ("answer/depth/BTCUSDT", "tickscope.answer/1", 10),
            ("answer/depth/BTCUSDT 429", "tickscope.answer/1", 10),
            ("input", "tickscope.input/1", 10),
            ("output", "tickscope.output/1", 10),
            ("mark", "tickscope.mark/1", 10),
            ("timing", "tickscope.timing/1", 10),
        ];
        assert_eq!(counts, expected);
    }
}
