//! The channels that a segment has announced, and the message read last.

use std::collections::BTreeMap;
use std::io;

use mcap::records::{Record, op};

use super::entry::Entry;
use super::schema::{SegmentStart, Topic};
use super::segment_writer::lower_half;
use crate::domain::UnixNanos;

/// Why a segment cannot be read on.
pub(super) enum Fault {
    /// The file has other bytes where MCAP's magic bytes belong.
    NotMcap,
    /// The file ends within a record.
    Torn,
    /// A record is not what the writer writes.
    Damage(&'static str),
    /// The linear reader refuses a record.
    Mcap(mcap::McapError),
    /// A channel of another program or of a later version.
    UnknownSchema { topic: String, schema: String },
    /// The file system refused.
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

pub(super) struct MessageTable {
    /// The number that the segment should have, if that is known.
    segment: Option<u32>,
    schemas: BTreeMap<u16, String>,
    /// By MCAP channel id, which the writer numbers densely from 1.
    channels: Vec<Option<Topic>>,
    /// The sequence number read last; none before the segment's own first message.
    last_seq: Option<u64>,
    channel: usize,
    time: UnixNanos,
    bytes: Vec<u8>,
}

impl MessageTable {
    pub fn new(segment: Option<u32>) -> Self {
        Self {
            segment,
            schemas: BTreeMap::new(),
            channels: Vec::new(),
            last_seq: None,
            channel: 0,
            time: UnixNanos::default(),
            bytes: Vec::new(),
        }
    }

    /// Takes a record of a chunk: true if it is a message, which is then the current one.
    pub fn accept(&mut self, opcode: u8, data: &[u8]) -> Result<bool, Fault> {
        if opcode == op::MESSAGE {
            return self.accept_message(data);
        }
        match mcap::parse_record(opcode, data).map_err(Fault::Mcap)? {
            Record::Schema { header, .. } => {
                self.schemas.insert(header.id, header.name);
            }
            Record::Channel(channel) => self.accept_channel(channel)?,
            _ => return Err(Fault::Damage("a chunk with a record that does not belong there")),
        }
        Ok(false)
    }

    /// The message accepted last.
    pub fn current(&self) -> Option<Entry<'_>> {
        let channel = self.channels.get(self.channel)?.as_ref()?.channel()?;
        Some(Entry { channel, seq: self.last_seq?, time: self.time, bytes: &self.bytes })
    }

    fn accept_channel(&mut self, channel: mcap::records::Channel) -> Result<(), Fault> {
        let schema = self.schemas.get(&channel.schema_id).cloned().unwrap_or_default();
        let Some(topic) = Topic::recognise(&schema, &channel.topic, &channel.metadata) else {
            return Err(Fault::UnknownSchema { topic: channel.topic, schema });
        };
        let id = usize::from(channel.id);
        if self.channels.len() <= id {
            self.channels.resize(id + 1, None);
        }
        if let Some(slot) = self.channels.get_mut(id) {
            *slot = Some(topic);
        }
        Ok(())
    }

    fn accept_message(&mut self, data: &[u8]) -> Result<bool, Fault> {
        let message = Message::parse(data).ok_or(Fault::Damage("a message without its head"))?;
        let Some(Some(topic)) = self.channels.get(message.channel) else {
            return Err(Fault::Damage("a message on a channel that was not announced"));
        };
        match (self.last_seq, topic) {
            (None, Topic::Segment) => self.accept_start(message.bytes).map(|()| false),
            (Some(last), topic) if *topic != Topic::Segment => {
                self.last_seq = Some(nearest(last, message.seq_half));
                self.channel = message.channel;
                self.time = message.time;
                self.bytes.clear();
                self.bytes.extend_from_slice(message.bytes);
                Ok(true)
            }
            _ => Err(Fault::Damage("a segment that does not begin with its number")),
        }
    }

    fn accept_start(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let start: Option<SegmentStart> = serde_json::from_slice(bytes).ok();
        let expected = |start: &SegmentStart| self.segment.is_none_or(|n| n == start.segment);
        let Some(start) = start.filter(expected) else {
            return Err(Fault::Damage("a segment that is not the one its name says"));
        };
        self.last_seq = Some(start.first_seq);
        Ok(())
    }
}

/// The head of an MCAP message, and its payload.
struct Message<'a> {
    channel: usize,
    seq_half: u32,
    time: UnixNanos,
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    fn parse(data: &'a [u8]) -> Option<Self> {
        let (channel, data) = data.split_first_chunk()?;
        let (seq_half, data) = data.split_first_chunk()?;
        let (log_time, data) = data.split_first_chunk()?;
        let (_publish_time, bytes) = data.split_first_chunk::<8>()?;
        Some(Self {
            channel: usize::from(u16::from_le_bytes(*channel)),
            seq_half: u32::from_le_bytes(*seq_half),
            time: UnixNanos(u64::from_le_bytes(*log_time)),
            bytes,
        })
    }
}

/// The number nearest to `last` whose lower half is `half`.
fn nearest(last: u64, half: u32) -> u64 {
    let step = half.wrapping_sub(lower_half(last)).cast_signed();
    last.wrapping_add_signed(i64::from(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: after 4,294,967,295 inputs, every cause points at the wrong input.
    #[test]
    fn sequence_numbers_survive_the_32_bits_of_mcap() {
        let edge = u64::from(u32::MAX);
        for (last, seq) in
            [(1, 1), (1, 2), (edge, edge + 1), (edge + 5, edge - 5), (7 * edge, 7 * edge + 9)]
        {
            assert_eq!(nearest(last, lower_half(seq)), seq, "{last} then {seq}");
        }
    }
}
