//! Sources of recorded input: a tape's inputs, in the form that the pipeline takes.

use std::collections::BTreeMap;

use super::pipeline::TapeInput;
use crate::tape::{Channel, Entry};
use crate::venue::{Request, Source};

/// The name of a request on the tape.
pub fn request_name(request: &Request) -> String {
    match request {
        Request::Instruments => "exchangeInfo".to_owned(),
        Request::Depth { symbol } => format!("depth/{symbol}"),
    }
}

/// The request of a name on the tape; `None` for a name of a later version.
pub fn request_of(name: &str) -> Option<Request> {
    match name.split_once('/') {
        None if name == "exchangeInfo" => Some(Request::Instruments),
        Some(("depth", symbol)) => Some(Request::Depth { symbol: symbol.to_owned() }),
        _ => None,
    }
}

/// Turns tape entries back into inputs. Sources are kept, so that a frame allocates nothing.
#[derive(Debug, Default)]
pub struct Inputs {
    streams: BTreeMap<u32, Source>,
}

/// What a tape entry is to a replay.
#[derive(Debug)]
pub enum Replayed<'a> {
    /// A frame from a stream.
    Stream(&'a Source, &'a [u8]),
    /// A REST answer.
    Answer(Source, &'a [u8]),
    /// Any other input.
    Other(Box<TapeInput>),
    /// Output records, to compare with.
    Output(&'a [u8]),
    /// A hash mark, to compare with.
    Mark(&'a [u8]),
}

impl Inputs {
    /// What an entry is; an error sentence for one that cannot be read.
    pub fn read<'a>(&'a mut self, entry: &Entry<'a>) -> Result<Replayed<'a>, String> {
        Ok(match entry.channel {
            Channel::Stream { connection } => {
                let source =
                    self.streams.entry(connection).or_insert(Source::Stream { connection });
                Replayed::Stream(source, entry.bytes)
            }
            Channel::Answer { request, status } => {
                let request = request_of(request)
                    .ok_or_else(|| format!("input {}: unknown request {request:?}", entry.seq))?;
                Replayed::Answer(Source::Answer { request, status }, entry.bytes)
            }
            Channel::Input => {
                let input = postcard::from_bytes(entry.bytes)
                    .map_err(|error| format!("input {}: {error}", entry.seq))?;
                Replayed::Other(Box::new(input))
            }
            Channel::Output => Replayed::Output(entry.bytes),
            Channel::Mark => Replayed::Mark(entry.bytes),
        })
    }
}
