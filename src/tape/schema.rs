//! How channels are named inside an MCAP file. Each names its schema with a version, so that a
//! reader refuses a future one instead of guessing, and reads every released one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::Channel;

/// The schemas that this build reads and writes, for the manifest. A released one is never removed.
pub const SCHEMAS: [&str; 7] = [FRAME, ANSWER, INPUT, OUTPUT, MARK, SEGMENT, TIMING];

const FRAME: &str = "tickscope.frame/1";
const ANSWER: &str = "tickscope.answer/1";
const INPUT: &str = "tickscope.input/1";
const OUTPUT: &str = "tickscope.output/1";
const MARK: &str = "tickscope.mark/1";
const SEGMENT: &str = "tickscope.segment/1";
const TIMING: &str = "tickscope.timing/1";

/// The first message of every segment. MCAP numbers its messages with 32 bits, input sequence
/// numbers have 64: the upper half follows from this start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct SegmentStart {
    /// The segment's number in its tape, from 1.
    pub segment: u32,
    /// The sequence number of its first entry.
    pub first_seq: u64,
}

/// A channel that owns its words, for the tables of reader and writer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Topic {
    Segment,
    Stream { connection: u32 },
    Answer { request: String, status: u16 },
    Input,
    Output,
    Mark,
    Timing,
}

impl From<Channel<'_>> for Topic {
    fn from(channel: Channel<'_>) -> Self {
        match channel {
            Channel::Stream { connection } => Self::Stream { connection },
            Channel::Answer { request, status } => {
                Self::Answer { request: request.to_owned(), status }
            }
            Channel::Input => Self::Input,
            Channel::Output => Self::Output,
            Channel::Mark => Self::Mark,
            Channel::Timing => Self::Timing,
        }
    }
}

impl Topic {
    /// The channel as callers know it; none for the segment's own message.
    pub fn channel(&self) -> Option<Channel<'_>> {
        Some(match self {
            Self::Segment => return None,
            Self::Stream { connection } => Channel::Stream { connection: *connection },
            Self::Answer { request, status } => Channel::Answer { request, status: *status },
            Self::Input => Channel::Input,
            Self::Output => Channel::Output,
            Self::Mark => Channel::Mark,
            Self::Timing => Channel::Timing,
        })
    }

    /// The MCAP topic: `stream/1`, `answer/depth/BTCUSDT`, `input`.
    pub fn name(&self) -> String {
        match self {
            Self::Segment => "segment".to_owned(),
            Self::Stream { connection } => format!("stream/{connection}"),
            Self::Answer { request, .. } => format!("answer/{request}"),
            Self::Input => "input".to_owned(),
            Self::Output => "output".to_owned(),
            Self::Mark => "mark".to_owned(),
            Self::Timing => "timing".to_owned(),
        }
    }

    /// The schema with its version.
    pub fn schema(&self) -> &'static str {
        match self {
            Self::Segment => SEGMENT,
            Self::Stream { .. } => FRAME,
            Self::Answer { .. } => ANSWER,
            Self::Input => INPUT,
            Self::Output => OUTPUT,
            Self::Mark => MARK,
            Self::Timing => TIMING,
        }
    }

    /// The MCAP message encoding.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Segment | Self::Stream { .. } | Self::Answer { .. } => "json",
            Self::Input | Self::Timing => "postcard",
            Self::Output => "tickscope.block",
            Self::Mark => "raw",
        }
    }

    /// What the topic's name cannot carry.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        match self {
            Self::Answer { status, .. } => [("status".to_owned(), status.to_string())].into(),
            _ => BTreeMap::new(),
        }
    }

    /// The inverse of the above; none when no released version knows these words.
    pub fn recognise(
        schema: &str,
        name: &str,
        metadata: &BTreeMap<String, String>,
    ) -> Option<Self> {
        Some(match schema {
            SEGMENT => Self::Segment,
            FRAME => Self::Stream { connection: name.strip_prefix("stream/")?.parse().ok()? },
            ANSWER => Self::Answer {
                request: name.strip_prefix("answer/")?.to_owned(),
                status: metadata.get("status")?.parse().ok()?,
            },
            INPUT => Self::Input,
            OUTPUT => Self::Output,
            MARK => Self::Mark,
            TIMING => Self::Timing,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: tapes whose channels nobody can name any more.
    #[test]
    fn every_topic_is_recognised_by_its_own_words() {
        for topic in [
            Topic::Segment,
            Topic::Stream { connection: 7 },
            Topic::Answer { request: "depth/BTCUSDT".into(), status: 429 },
            Topic::Input,
            Topic::Output,
            Topic::Mark,
            Topic::Timing,
        ] {
            let read = Topic::recognise(topic.schema(), &topic.name(), &topic.metadata());
            assert_eq!(read.as_ref(), Some(&topic));
        }
    }

    /// Lost if broken: a tape of a newer version read as if it were an old one.
    #[test]
    fn a_future_version_is_not_recognised() {
        assert_eq!(Topic::recognise("tickscope.frame/2", "stream/1", &BTreeMap::new()), None);
    }
}
