//! Faults that a test or a curious user asks for, and the script that lets them fire.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thiserror::Error;

use super::market::{Frame, FrameKind};
use crate::domain::UnixNanos;

/// Something that goes wrong on purpose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// `drop-depth=N`: the N-th depth message that somebody subscribed to, from 1, is not sent. The
    /// exchange's own book has it, so the client sees a gap.
    DropDepth {
        /// Which one, from 1.
        nth: u64,
    },
    /// `drop-depth=SYMBOL@T`: the symbol's first depth message from market time T after the start
    /// on is not sent.
    DropDepthAt {
        /// Its stream's name: `btcusdt@depth@100ms`.
        stream: String,
        /// Market time since serving began.
        after: Duration,
    },
    /// `drop-trade=N` or `drop-trade=NxM`: the N-th trade message that somebody subscribed to, from
    /// 1, and the M - 1 behind it are not sent. The exchange's own history has them.
    DropTrade {
        /// Which one, from 1.
        nth: u64,
        /// How many.
        count: u64,
    },
    /// `refuse-history`: trades from an id on cannot be asked for.
    RefuseHistory,
    /// `silence=STREAM@T`: from market time T after the start on, the stream sends nothing. The
    /// connection stays up and pings go on.
    Silence {
        /// The stream's name: `btcusdt@trade`.
        stream: String,
        /// Market time since serving began.
        after: Duration,
    },
}

/// Why a fault's text is not understood.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum FaultError {
    /// No such fault.
    #[error(
        "unknown fault {0:?}: expected drop-depth=N, drop-depth=SYMBOL@T, drop-trade=N, \
         refuse-history or silence=STREAM@T"
    )]
    Unknown(String),
    /// `drop-depth` and `drop-trade` want a count from 1.
    #[error("{0:?} is no count: expected a whole number from 1")]
    Count(String),
    /// `silence` wants a stream and a time.
    #[error("silence={0:?}: expected STREAM@T, for example btcusdt@trade@10s")]
    Stream(String),
    /// The time is not one.
    #[error("{0:?} is no time: expected a whole number and ms, s or m, for example 10s")]
    Time(String),
}

impl Fault {
    /// The stream that it waits for, if it waits for one.
    pub fn stream(&self) -> Option<&str> {
        match self {
            Self::DropDepthAt { stream, .. } | Self::Silence { stream, .. } => Some(stream),
            Self::DropDepth { .. } | Self::DropTrade { .. } | Self::RefuseHistory => None,
        }
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        match text.split_once('=') {
            None if text == "refuse-history" => Ok(Self::RefuseHistory),
            Some(("drop-depth", which)) => match which.split_once('@') {
                Some((symbol, after)) => {
                    let stream = format!("{}@depth@100ms", symbol.to_lowercase());
                    Ok(Self::DropDepthAt { stream, after: time(after)? })
                }
                None => Ok(Self::DropDepth { nth: count(which)? }),
            },
            Some(("drop-trade", which)) => {
                let (nth, times) = which.split_once('x').unwrap_or((which, "1"));
                Ok(Self::DropTrade { nth: count(nth)?, count: count(times)? })
            }
            Some(("silence", what)) => {
                // The stream's name has an @ of its own: the time is behind the last one.
                let (stream, after) = (what.rsplit_once('@'))
                    .filter(|(stream, _)| stream.contains('@'))
                    .ok_or_else(|| FaultError::Stream(what.to_owned()))?;
                Ok(Self::Silence { stream: stream.to_owned(), after: time(after)? })
            }
            _ => Err(FaultError::Unknown(text.to_owned())),
        }
    }
}

/// A whole number from 1.
fn count(text: &str) -> Result<u64, FaultError> {
    let count = text.parse().ok().filter(|count| *count > 0);
    count.ok_or_else(|| FaultError::Count(text.to_owned()))
}

fn is_from(frame: &Frame, stream: &str) -> bool {
    *stream == *frame.stream
}

/// `500ms`, `10s`, `2m`.
fn time(text: &str) -> Result<Duration, FaultError> {
    let wrong = || FaultError::Time(text.to_owned());
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    let count: u64 = count.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err(wrong()),
    };
    count.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
}

/// A fault that waits for its moment.
#[derive(Debug)]
struct Armed {
    fault: Fault,
    fired: bool,
}

/// The faults of a run, and what they have seen.
#[derive(Debug)]
pub(super) struct Script {
    armed: Vec<Armed>,
    depth_messages: u64,
    trade_messages: u64,
    /// When serving began, in market time.
    started: Option<UnixNanos>,
    /// How many faults fired, readable from outside.
    fired: Arc<AtomicU64>,
}

impl Script {
    pub fn new(faults: Vec<Fault>, fired: Arc<AtomicU64>) -> Self {
        let armed = faults.into_iter().map(|fault| Armed { fault, fired: false }).collect();
        Self { armed, depth_messages: 0, trade_messages: 0, started: None, fired }
    }

    /// The moment that the times of faults count from.
    pub fn start(&mut self, now: UnixNanos) {
        self.started = Some(now);
    }

    /// True when trades from an id on must not be told.
    pub fn refuses_history(&mut self) -> bool {
        let refusal = self.armed.iter_mut().find(|armed| armed.fault == Fault::RefuseHistory);
        let Some(armed) = refusal else { return false };
        if !armed.fired {
            armed.fired = true;
            self.fired.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    /// True when a message that somebody wants must not be sent.
    pub fn swallows(&mut self, frame: &Frame) -> bool {
        self.depth_messages += u64::from(frame.kind == FrameKind::Depth);
        self.trade_messages += u64::from(frame.kind == FrameKind::Trade);
        let elapsed = frame.at.since(*self.started.get_or_insert(frame.at));
        let elapsed = Duration::from_nanos(elapsed);
        let mut swallowed = false;
        for armed in &mut self.armed {
            let strikes = match &armed.fault {
                Fault::DropDepth { nth } => {
                    frame.kind == FrameKind::Depth && *nth == self.depth_messages
                }
                Fault::DropTrade { nth, count } => {
                    let dropped = *nth..nth.saturating_add(*count);
                    frame.kind == FrameKind::Trade && dropped.contains(&self.trade_messages)
                }
                Fault::RefuseHistory => false,
                Fault::DropDepthAt { stream, after } => {
                    !armed.fired && is_from(frame, stream) && elapsed >= *after
                }
                Fault::Silence { stream, after } => is_from(frame, stream) && elapsed >= *after,
            };
            if strikes && !armed.fired {
                armed.fired = true;
                self.fired.fetch_add(1, Ordering::Relaxed);
            }
            swallowed |= strikes;
        }
        swallowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_they_are_documented() {
        assert_eq!("drop-depth=3".parse(), Ok(Fault::DropDepth { nth: 3 }));
        let stream = "btcusdt@depth@100ms".to_owned();
        let at_20s = Fault::DropDepthAt { stream, after: Duration::from_secs(20) };
        assert_eq!("drop-depth=BTCUSDT@20s".parse(), Ok(at_20s));
        assert_eq!("drop-trade=3".parse(), Ok(Fault::DropTrade { nth: 3, count: 1 }));
        assert_eq!("drop-trade=3x20".parse(), Ok(Fault::DropTrade { nth: 3, count: 20 }));
        assert_eq!("refuse-history".parse(), Ok(Fault::RefuseHistory));
        let silence = Fault::Silence {
            stream: "btcusdt@depth@100ms".to_owned(),
            after: Duration::from_millis(1_500),
        };
        assert_eq!("silence=btcusdt@depth@100ms@1500ms".parse(), Ok(silence));
    }

    #[test]
    fn a_fault_that_is_none_says_what_was_expected() {
        let error = |text: &str| text.parse::<Fault>().unwrap_err();
        assert_eq!(error("drop-trade=3x"), FaultError::Count(String::new()));
        assert_eq!(error("drop-depth=0"), FaultError::Count("0".to_owned()));
        assert_eq!(error("drop-depth=btcusdt@20"), FaultError::Time("20".to_owned()));
        assert_eq!(error("silence=btcusdt@10s"), FaultError::Stream("btcusdt@10s".to_owned()));
        assert_eq!(error("silence=btcusdt@trade@soon"), FaultError::Time("soon".to_owned()));
        assert_eq!(error("silence=btcusdt@trade@5h"), FaultError::Time("5h".to_owned()));
        assert!(error("explode").to_string().contains("drop-depth=N"));
    }

    #[test]
    fn each_fault_counts_once_and_hits_only_its_target() {
        let fired = Arc::new(AtomicU64::new(0));
        let faults = ["drop-depth=2", "silence=a@trade@1s", "drop-depth=a@3s"];
        let faults = faults.map(|text| text.parse().unwrap());
        let mut script = Script::new(faults.to_vec(), Arc::clone(&fired));
        script.start(UnixNanos(0));
        let mut swallowed = |seconds, stream: &str, kind| {
            let at = UnixNanos(seconds * UnixNanos::SECOND);
            script.swallows(&Frame::new(at, &stream.into(), kind, String::new()))
        };
        assert!(!swallowed(0, "a@trade", FrameKind::Other));
        assert!(!swallowed(0, "a@depth", FrameKind::Depth));
        assert!(swallowed(0, "b@depth", FrameKind::Depth));
        assert!(!swallowed(0, "a@depth", FrameKind::Depth));
        assert!(swallowed(1, "a@trade", FrameKind::Other));
        assert!(swallowed(2, "a@trade", FrameKind::Other));
        assert!(!swallowed(2, "b@trade", FrameKind::Other));
        assert!(!swallowed(2, "a@depth@100ms", FrameKind::Depth));
        assert!(!swallowed(3, "b@depth@100ms", FrameKind::Depth));
        assert!(swallowed(4, "a@depth@100ms", FrameKind::Depth));
        assert!(!swallowed(4, "a@depth@100ms", FrameKind::Depth));
        assert_eq!(fired.load(Ordering::Relaxed), 3);
    }
}
