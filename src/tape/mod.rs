//! The tape is the recorded truth of a session: every input as it arrived, and what the engine
//! said to it. This folder stores and reads it; it replays nothing, and payloads are bytes to it.
//!
//! # Format
//!
//! A tape is one MCAP file, or the segments `tape-0001.mcap`, `tape-0002.mcap` … of a session
//! directory. Each segment stands alone: it announces its channels and begins with a message on
//! `segment`, `{"segment":1,"first_seq":1}`. An MCAP message is one entry: `sequence` is the lower
//! half of the sequence number, `log_time` the time of receipt.
//!
//! | topic | schema | encoding | payload |
//! |---|---|---|---|
//! | `stream/<connection>` | `tickscope.frame/1` | `json` | a WebSocket message as received |
//! | `answer/<request>` | `tickscope.answer/1` | `json` | a REST body as received; its HTTP status is the channel's metadata `status` |
//! | `input` | `tickscope.input/1` | `postcard` | any other input |
//! | `output` | `tickscope.output/1` | `tickscope.block` | a block of output records: `u32` length, little-endian, then the record, again and again |
//! | `mark` | `tickscope.mark/1` | `raw` | the output hash up to here |
//!
//! Messages lie in chunks, chunks have checksums, and a chunk reaches the file whole. So a killed
//! writer leaves every flushed entry and at most one broken record, which reading reports as
//! [`TapeEnd::Torn`]. Anything else that is not as it was written is [`TapeError::Damaged`].

mod block;
mod checkpoints;
mod contents;
mod copy;
mod entry;
mod error;
mod import;
mod lookup;
mod manifest;
mod message_table;
mod reader;
mod recorder;
mod retention;
mod ring;
mod schema;
mod seek;
mod segment_reader;
mod segment_writer;
mod session;
mod sessions;
mod timing;
mod writer;

#[cfg(test)]
mod tests;

pub use block::{BrokenBlock, OutputBlock, records};
pub use checkpoints::{CheckpointWriter, Checkpoints};
pub use contents::{ChannelContents, Contents, Extent, SegmentFile};
pub use copy::{Copied, copy_without};
pub use entry::{Channel, Entry};
pub use error::{Result, TapeError};
pub use import::{ImportReport, RawMessage, Refusal, RefusedLines, import_raw};
pub use manifest::{Ending, InputKind, InputTape, Manifest, Mode, Runtime, StrategyIdentity};
pub use reader::{Reader, TapeEnd};
pub use recorder::{
    Followed, PushError, RING_BYTES, Recorder, RecorderHandle, RecorderResult, RecorderState,
    RecorderStats, Watch,
};
pub use retention::{Doomed, Kept, Limits, Owner, Reason, State, bytes_in, doomed, survey};
pub use schema::SCHEMAS;
pub use session::{Session, config_of, discard, logs_of, manifest_of, run_id};
pub use sessions::{SessionSummary, TapePath, default_root, list, resolve, resolve_run};
pub use timing::Timing;
pub use writer::{Compression, ENTRY_BYTES_MAX, Writer, WriterOptions, Written};
