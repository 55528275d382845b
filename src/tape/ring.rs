//! Entries on their way from the core thread to the recorder's thread, as bytes in a lock-free
//! ring: a fixed head, the request of an answer, the payload.

use rtrb::{Consumer, Producer, RingBuffer};

use super::entry::{Channel, Entry};
use crate::domain::UnixNanos;

/// Sizes of the head's fields: kind, connection or status, request's length, payload's length,
/// sequence number, time.
const HEAD_BYTES: usize = 1 + 4 + 4 + 4 + 8 + 8;

/// The core's end.
pub(super) struct EntrySender(Producer<u8>);

/// The recorder's end.
pub(super) struct EntryReceiver {
    ring: Consumer<u8>,
    /// A head that was read before the rest of its entry had arrived.
    head: Option<Head>,
    body: Vec<u8>,
}

/// A ring of `capacity` bytes.
pub(super) fn ring(capacity: usize) -> (EntrySender, EntryReceiver) {
    let (producer, ring) = RingBuffer::new(capacity);
    (EntrySender(producer), EntryReceiver { ring, head: None, body: Vec::new() })
}

impl EntrySender {
    /// Copies the entry into the ring; false, and nothing is copied, if it has no room.
    pub fn push(&mut self, entry: &Entry<'_>) -> bool {
        let (request, head) = Head::of(entry);
        let size = HEAD_BYTES + request.len() + entry.bytes.len();
        if self.0.cached_slots() < size && self.0.slots() < size {
            return false;
        }
        let head = head.to_bytes();
        let parts = [head.as_slice(), request.as_bytes(), entry.bytes];
        parts.into_iter().all(|part| self.0.push_entire_slice(part).is_ok())
    }

    /// Whether the receiver is gone.
    pub fn is_abandoned(&self) -> bool {
        self.0.is_abandoned()
    }
}

impl EntryReceiver {
    /// The next entry that has arrived whole.
    pub fn pop(&mut self) -> Option<Entry<'_>> {
        let head = self.head()?;
        self.body.resize(head.request_bytes as usize + head.payload_bytes as usize, 0);
        self.ring.pop_entire_slice(&mut self.body).ok()?;
        self.head = None;
        head.entry(&self.body)
    }

    fn head(&mut self) -> Option<Head> {
        if self.head.is_none() {
            let mut bytes = [0; HEAD_BYTES];
            self.ring.pop_entire_slice(&mut bytes).ok()?;
            self.head = Head::from_bytes(&bytes);
        }
        self.head
    }

    /// Bytes waiting.
    pub fn depth(&self) -> usize {
        self.ring.slots()
    }

    /// Whether the sender is gone. What it pushed before can still be popped.
    pub fn is_abandoned(&self) -> bool {
        self.ring.is_abandoned()
    }
}

/// All of an entry but its bytes.
#[derive(Clone, Copy)]
struct Head {
    kind: u8,
    /// The connection of a stream, the HTTP status of an answer.
    detail: u32,
    request_bytes: u32,
    payload_bytes: u32,
    seq: u64,
    time: u64,
}

impl Head {
    fn of<'a>(entry: &Entry<'a>) -> (&'a str, Self) {
        let (kind, detail, request) = match entry.channel {
            Channel::Stream { connection } => (0, connection, ""),
            Channel::Answer { request, status } => (1, u32::from(status), request),
            Channel::Input => (2, 0, ""),
            Channel::Output => (3, 0, ""),
            Channel::Mark => (4, 0, ""),
            Channel::Timing => (5, 0, ""),
        };
        // A longer one does not fit into the ring either, whose room `push` checks first.
        let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let (request_bytes, payload_bytes) = (size(request.len()), size(entry.bytes.len()));
        let (seq, time) = (entry.seq, entry.time.0);
        (request, Self { kind, detail, request_bytes, payload_bytes, seq, time })
    }

    fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        let fields = [self.kind]
            .into_iter()
            .chain(self.detail.to_le_bytes())
            .chain(self.request_bytes.to_le_bytes())
            .chain(self.payload_bytes.to_le_bytes())
            .chain(self.seq.to_le_bytes())
            .chain(self.time.to_le_bytes());
        for (slot, byte) in bytes.iter_mut().zip(fields) {
            *slot = byte;
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let (&[kind], bytes) = bytes.split_first_chunk()?;
        let (detail, bytes) = bytes.split_first_chunk()?;
        let (request_bytes, bytes) = bytes.split_first_chunk()?;
        let (payload_bytes, bytes) = bytes.split_first_chunk()?;
        let (seq, bytes) = bytes.split_first_chunk()?;
        Some(Self {
            kind,
            detail: u32::from_le_bytes(*detail),
            request_bytes: u32::from_le_bytes(*request_bytes),
            payload_bytes: u32::from_le_bytes(*payload_bytes),
            seq: u64::from_le_bytes(*seq),
            time: u64::from_le_bytes(*bytes.first_chunk()?),
        })
    }

    fn entry(self, body: &[u8]) -> Option<Entry<'_>> {
        let (request, bytes) = body.split_at_checked(self.request_bytes as usize)?;
        let channel = match self.kind {
            0 => Channel::Stream { connection: self.detail },
            1 => Channel::Answer {
                request: std::str::from_utf8(request).ok()?,
                status: u16::try_from(self.detail).ok()?,
            },
            2 => Channel::Input,
            3 => Channel::Output,
            4 => Channel::Mark,
            _ => Channel::Timing,
        };
        Some(Entry { channel, seq: self.seq, time: UnixNanos(self.time), bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Kept, sample};
    use super::*;

    /// Lost if broken: entries, or their order, whenever the ring wraps around.
    #[test]
    fn entries_pass_in_order_and_whole_through_a_small_ring() {
        let (mut sender, mut receiver) = ring(1_000);
        let entries = sample(300);
        let mut popped: Vec<Kept> = Vec::new();
        for entry in &entries {
            while !sender.push(&entry.entry()) {
                popped.push(receiver.pop().unwrap().into());
            }
        }
        while let Some(entry) = receiver.pop() {
            popped.push(entry.into());
        }
        assert_eq!(popped, entries);
        assert_eq!(receiver.depth(), 0);
    }

    /// Lost if broken: half an entry, taken for a whole one.
    #[test]
    fn a_full_ring_takes_nothing() {
        let (mut sender, mut receiver) = ring(100);
        let entry = |bytes| Entry { channel: Channel::Input, seq: 1, time: UnixNanos(1), bytes };
        assert!(!sender.push(&entry(&[0; 100])));
        assert!(sender.push(&entry(&[7; 71])));
        assert!(!sender.push(&entry(b"")));
        assert_eq!(receiver.pop().unwrap(), entry(&[7; 71]));
        assert!(receiver.pop().is_none());
    }
}
