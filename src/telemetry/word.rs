//! A word: a value of a closed list, as it stands in log fields and metric labels.
//!
//! Labels may only be words or configured names, so the number of series is known before a run.

use std::marker::PhantomData;

/// A closed list of words.
pub trait Word: Copy + Eq + 'static {
    /// Every word, in the order of [`Word::index`].
    const ALL: &'static [Self];

    /// The first word: a list without any does not compile.
    const FIRST: Self = Self::ALL[0];

    /// As it stands in logs and labels.
    fn as_str(self) -> &'static str;

    /// Its place in [`Word::ALL`].
    fn index(self) -> usize;
}

/// Declares an enum that is a [`Word`].
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$word_doc])* $word,)+ }

        impl $crate::telemetry::word::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$word,)+];

            fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)+ }
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

words! {
    /// How loud a line is.
    Level {
        /// For development.
        Debug => "DEBUG",
        /// Worth knowing.
        Info => "INFO",
        /// Worth a look: something was lost, refused or late.
        Warn => "WARN",
        /// Worth acting on: something failed.
        Error => "ERROR",
    }
}

words! {
    /// Which of the two log files a line goes to.
    LaneName {
        /// Decisions, orders, fills and operator actions: blocks rather than drops.
        Decisions => "decisions",
        /// Everything else: drops rather than blocks, and counts what it dropped.
        Diagnostics => "diagnostics",
    }
}

words! {
    /// Why a log line is lost.
    LossReason {
        /// The lane's queue was full.
        QueueFull => "queue_full",
        /// The file could not be written, and the retry buffer was full.
        IoError => "io_error",
        /// The shutdown's deadline passed, or the line came after it.
        Shutdown => "shutdown",
    }
}

words! {
    /// What a log writer failed at.
    WriteOperation {
        /// Opening a segment.
        Open => "open",
        /// Writing to a segment.
        Write => "write",
        /// Removing a segment that retention no longer keeps.
        Remove => "remove",
        /// Packing a segment that is closed.
        Pack => "pack",
    }
}

words! {
    /// Why a segment ended.
    RotationCause {
        /// It reached its size.
        Size => "size",
        /// The UTC day ended.
        Day => "day",
        /// Its file was moved or removed, or a signal asked for another.
        Reopened => "reopened",
    }
}

words! {
    /// A kind of stream from a venue.
    Channel {
        /// Trade prints.
        Trade => "trade",
        /// Best bid and ask.
        Quote => "quote",
        /// Book changes.
        Depth => "depth",
        /// Answers to REST requests.
        Rest => "rest",
        /// Answers to subscriptions and other control messages.
        Control => "control",
        /// Not known, because the frame could not be read.
        Unknown => "unknown",
    }
}

words! {
    /// Why a frame could not be used.
    DecodeFailure {
        /// Not the JSON it should be, or cut off.
        Malformed => "malformed",
        /// Larger than any message of the venue.
        Oversized => "oversized",
        /// A message type that is not known.
        UnknownType => "unknown_type",
        /// An instrument that was not asked for.
        UnknownInstrument => "unknown_instrument",
        /// A number that is none, negative, or zero where it must not be.
        BadNumber => "bad_number",
        /// Older than what is already known.
        OutOfOrder => "out_of_order",
        /// The venue answered with an error.
        VenueError => "venue_error",
    }
}

words! {
    /// Why a connection went down.
    DisconnectReason {
        /// Could not connect.
        Refused => "refused",
        /// The venue closed it.
        Closed => "closed",
        /// Nothing came within the inactivity deadline.
        Inactive => "inactive",
        /// The venue announced its shutdown, or the connection reached its greatest age.
        Expiring => "expiring",
        /// The bytes were no valid WebSocket.
        Protocol => "protocol",
        /// We closed it.
        Stopped => "stopped",
    }
}

words! {
    /// A stage of the way from a readable socket to a sent order.
    Stage {
        /// Bytes to market events.
        Decode => "decode",
        /// The engine's whole step over one input: books, strategies, risk, orders.
        Engine => "engine",
        /// Building and publishing a view.
        Publish => "publish",
        /// Writing a batch to the tape.
        Tape => "tape",
        /// Telling a batch of records to log and metrics.
        Tell => "tell",
    }
}

words! {
    /// A kind of entry on the tape.
    RecordKind {
        /// What came from the venue.
        Frame => "frame",
        /// Every other input: commands, clocks, lines.
        Input => "input",
        /// Blocks of what the engine said.
        Output => "output",
        /// Hashes over what it said so far.
        Mark => "mark",
        /// How fast a signal was.
        Timing => "timing",
    }
}

words! {
    /// A bounded queue.
    QueueName {
        /// Frames and records on their way to the tape.
        Tape => "tape",
        /// Lines of the decisions lane.
        Decisions => "decisions",
        /// Lines of the diagnostics lane.
        Diagnostics => "diagnostics",
        /// Timings on their way from the core thread to the histograms.
        Timings => "timings",
        /// Commands, answers and other inputs on their way to the core thread.
        Commands => "commands",
    }
}

/// One thing per word of a list.
pub(super) struct ByWord<W, T> {
    first: T,
    rest: Vec<T>,
    words: PhantomData<W>,
}

impl<W: Word, T> ByWord<W, T> {
    /// Makes one for each word; fails as soon as one cannot be made.
    pub(super) fn new<E>(mut make: impl FnMut(&'static str) -> Result<T, E>) -> Result<Self, E> {
        let first = make(W::FIRST.as_str())?;
        let rest =
            W::ALL.iter().skip(1).map(|word| make(word.as_str())).collect::<Result<_, _>>()?;
        Ok(Self { first, rest, words: PhantomData })
    }

    /// The thing of a word, to be changed.
    pub(super) fn get_mut(&mut self, word: W) -> &mut T {
        match word.index().checked_sub(1).and_then(|index| self.rest.get_mut(index)) {
            Some(thing) => thing,
            None => &mut self.first,
        }
    }

    /// The thing of a word.
    pub(super) fn get(&self, word: W) -> &T {
        word.index().checked_sub(1).and_then(|index| self.rest.get(index)).unwrap_or(&self.first)
    }
}
