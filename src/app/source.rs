//! Sources of recorded input: a tape's inputs, in the form that the pipeline takes.

use std::collections::BTreeMap;

use super::pipeline::{Given, TapeInput};
use crate::tape::{Channel, Entry};
use crate::venue::{Request, Source};

/// The name of a request on the tape.
pub fn request_name(request: &Request) -> String {
    match request {
        Request::Instruments => "exchangeInfo".to_owned(),
        Request::Depth { symbol } => format!("depth/{symbol}"),
        Request::Candles { symbol, interval, limit, before_ms } => match before_ms {
            Some(before) => format!("klines/{symbol}/{interval}/{limit}/{before}"),
            None => format!("klines/{symbol}/{interval}/{limit}"),
        },
        Request::Trades { symbol } => format!("trades/{symbol}"),
        Request::TradesFrom { symbol, id } => format!("historicalTrades/{symbol}/{id}"),
    }
}

/// The request of a name on the tape; `None` for a name of a later version.
pub fn request_of(name: &str) -> Option<Request> {
    let words: Vec<&str> = name.split('/').collect();
    let request = match *words.as_slice() {
        ["exchangeInfo"] => Request::Instruments,
        ["depth", symbol] => Request::Depth { symbol: symbol.to_owned() },
        ["klines", symbol, interval, limit, ref before @ ..] if before.len() <= 1 => {
            Request::Candles {
                symbol: symbol.to_owned(),
                interval: interval.to_owned(),
                limit: limit.parse().ok()?,
                before_ms: before.first().map(|before| before.parse()).transpose().ok()?,
            }
        }
        ["trades", symbol] => Request::Trades { symbol: symbol.to_owned() },
        ["historicalTrades", symbol, id] => {
            Request::TradesFrom { symbol: symbol.to_owned(), id: id.parse().ok()? }
        }
        _ => return None,
    };
    Some(request)
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
    /// How long an input took; nothing to compare with.
    Timing(&'a [u8]),
}

impl Replayed<'_> {
    /// What a pipeline takes of it; nothing of what the engine itself wrote.
    pub fn given(&self) -> Option<Given<'_>> {
        Some(match self {
            Self::Stream(source, bytes) => Given::Frame { source, bytes },
            Self::Answer(source, bytes) => Given::Frame { source, bytes },
            Self::Other(input) => Given::Other(input),
            Self::Output(_) | Self::Mark(_) | Self::Timing(_) => return None,
        })
    }
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
            Channel::Timing => Replayed::Timing(entry.bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer whose question is not recognised cannot be replayed.
    #[test]
    fn every_request_is_recognised_by_its_name() {
        let symbol = || "BTCUSDT".to_owned();
        let candles = |before_ms| Request::Candles {
            symbol: symbol(),
            interval: "1m".to_owned(),
            limit: 1_000,
            before_ms,
        };
        for request in [
            Request::Instruments,
            Request::Depth { symbol: symbol() },
            candles(None),
            candles(Some(1_723_161_255_343)),
            Request::Trades { symbol: symbol() },
            Request::TradesFrom { symbol: symbol(), id: 3_735_683_259 },
        ] {
            assert_eq!(request_of(&request_name(&request)), Some(request));
        }
        for name in ["", "klines/BTCUSDT/1m", "klines/B/1m/x", "klines/B/1m/5/6/7", "trades"] {
            assert_eq!(request_of(name), None, "{name}");
        }
    }
}
