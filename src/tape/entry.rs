//! An entry is one thing that the tape remembers: an input as it arrived, or what the engine said
//! to it. The tape never looks into its bytes.

use crate::domain::UnixNanos;

/// Where an entry comes from, and so how its bytes are to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel<'a> {
    /// The text of one WebSocket message, byte for byte as the venue sent it.
    Stream {
        /// Which connection of the run received it, from 1.
        connection: u32,
    },
    /// The body of one REST answer, byte for byte as the venue sent it.
    Answer {
        /// What was asked: `depth/BTCUSDT`, `exchangeInfo`.
        request: &'a str,
        /// The HTTP status of the answer.
        status: u16,
    },
    /// Every other input (a command, a connection that came up, a clock tick): postcard, in a
    /// schema that the engine owns.
    Input,
    /// A block of output records: see [`records`](super::records).
    Output,
    /// The running hash of all outputs up to this input.
    Mark,
    /// How long this input took: see [`Timing`](super::Timing).
    Timing,
}

impl Channel<'_> {
    /// Whether the engine reads this channel, rather than writes it.
    pub fn is_input(self) -> bool {
        matches!(self, Self::Stream { .. } | Self::Answer { .. } | Self::Input)
    }
}

/// One entry of a tape, in the order in which it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// Where it comes from.
    pub channel: Channel<'a>,
    /// The input's sequence number, from 1. An output carries the one of the input that caused
    /// it: its last, if a block holds the outputs of several.
    pub seq: u64,
    /// When the input was received.
    pub time: UnixNanos,
    /// The payload. Opaque here.
    pub bytes: &'a [u8],
}
