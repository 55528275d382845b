//! Events of the feed: the connection to the venue and what comes over it.

use super::Told;
use crate::domain::{BookLoss, InstrumentId, Nanos, UnixNanos};
use crate::strategy::{Bar, Quality};
use crate::telemetry::engine_word::LossWord;
use crate::telemetry::line::{Line, cleaned};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::name::EventName;
use crate::telemetry::names::Scope;
use crate::telemetry::word::{Channel, DecodeFailure, DisconnectReason, Level, Word};

/// Characters of an unusable frame that are logged.
const EXCERPT: usize = 200;

/// Something about market data.
#[derive(Clone, Copy, Debug)]
pub enum FeedEvent<'a> {
    /// A connection is being made.
    Connecting {
        /// The how-manieth attempt since the last success, from 1.
        attempt: u32,
    },
    /// A connection is open and its streams are subscribed to.
    Connected {
        /// The connection's number in the run, from 1.
        connection: u32,
    },
    /// A connection is down, or could not be made.
    Disconnected {
        /// The connection's number in the run, from 1.
        connection: u32,
        /// Why.
        reason: DisconnectReason,
        /// The next attempt comes after this long; `None` when there is none.
        retry_after: Option<Nanos>,
    },
    /// A stream delivered its first data since its connection came up.
    Subscribed {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Which stream.
        channel: Channel,
    },
    /// Nothing came for longer than the limit.
    Stale {
        /// For which instrument.
        instrument: InstrumentId,
        /// Age of what is known.
        age: Nanos,
        /// The limit.
        limit: Nanos,
    },
    /// Data comes again.
    Recovered {
        /// For which instrument.
        instrument: InstrumentId,
        /// How long nothing came.
        silent: Nanos,
    },
    /// A stream brought nothing for longer than is normal.
    Starved {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Which stream.
        channel: Channel,
        /// How long.
        age: Nanos,
        /// The limit.
        limit: Nanos,
    },
    /// The stream brings again.
    Fed {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Which stream.
        channel: Channel,
        /// How long it brought nothing.
        silent: Nanos,
    },
    /// The book was discarded.
    BookLost {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Why.
        reason: BookLoss,
    },
    /// The book is in sync.
    Resynced {
        /// Of which instrument.
        instrument: InstrumentId,
        /// The venue's update id.
        update_id: u64,
    },
    /// Trades are missing between two ids.
    TradeGap {
        /// Of which instrument.
        instrument: InstrumentId,
        /// The trade id that was due.
        expected: u64,
        /// The trade id that came.
        received: u64,
    },
    /// An instrument's past was told, or did not come in time.
    HistoryLoaded {
        /// Of which instrument.
        instrument: InstrumentId,
        /// Past bars, of all kinds.
        bars: u32,
        /// The venue told all that was asked for.
        whole: bool,
    },
    /// A bar was closed that does not hold just what came with the stream.
    BarClosed {
        /// Of which instrument.
        instrument: InstrumentId,
        /// The bar.
        bar: &'a Bar,
    },
    /// A trade came after its bar was closed.
    LateTrade {
        /// Of which instrument.
        instrument: InstrumentId,
        /// The venue's trade id.
        trade: u64,
        /// When it happened at the venue.
        ts_venue: UnixNanos,
    },
    /// A frame could not be used.
    DecodeFailed {
        /// On which channel.
        channel: Channel,
        /// Why.
        reason: DecodeFailure,
        /// Its bytes; logged cleaned and cut.
        frame: &'a [u8],
    },
}

impl FeedEvent<'_> {
    fn instrument(&self) -> Option<InstrumentId> {
        match self {
            Self::Subscribed { instrument, .. }
            | Self::Stale { instrument, .. }
            | Self::Recovered { instrument, .. }
            | Self::Starved { instrument, .. }
            | Self::Fed { instrument, .. }
            | Self::BookLost { instrument, .. }
            | Self::Resynced { instrument, .. }
            | Self::TradeGap { instrument, .. }
            | Self::HistoryLoaded { instrument, .. }
            | Self::BarClosed { instrument, .. }
            | Self::LateTrade { instrument, .. } => Some(*instrument),
            _ => None,
        }
    }
}

impl Told for FeedEvent<'_> {
    fn name(&self) -> EventName {
        match self {
            Self::Connecting { .. } => EventName::FeedConnecting,
            Self::Connected { .. } => EventName::FeedConnected,
            Self::Disconnected { .. } => EventName::FeedDisconnected,
            Self::Subscribed { .. } => EventName::FeedSubscribed,
            Self::Stale { .. } => EventName::FeedStale,
            Self::Recovered { .. } => EventName::FeedRecovered,
            Self::Starved { .. } => EventName::FeedStreamStarved,
            Self::Fed { .. } => EventName::FeedStreamRecovered,
            Self::BookLost { reason: BookLoss::Gap { .. }, .. } => EventName::FeedSequenceGap,
            Self::BookLost { .. } => EventName::FeedBookLost,
            Self::Resynced { .. } => EventName::FeedResynced,
            Self::TradeGap { .. } => EventName::FeedTradeGap,
            Self::HistoryLoaded { .. } => EventName::FeedHistoryLoaded,
            Self::BarClosed { bar, .. } if bar.quality == Quality::Partial => {
                EventName::FeedBarPartial
            }
            Self::BarClosed { .. } => EventName::FeedBarRepaired,
            Self::LateTrade { .. } => EventName::FeedLateTrade,
            Self::DecodeFailed { .. } => EventName::FeedDecodeFailed,
        }
    }

    fn level(&self) -> Level {
        match self {
            Self::Disconnected { reason: DisconnectReason::Stopped, .. } => Level::Info,
            _ => self.name().level(),
        }
    }

    fn message(&self, scope: &Scope) -> String {
        let symbol = self.instrument().map_or("", |id| scope.instrument(id));
        let venue = &scope.names.venue;
        match self {
            Self::Connecting { attempt } => format!("connecting to {venue}, attempt {attempt}"),
            Self::Connected { connection } => format!("{venue} connection {connection} is open"),
            Self::Disconnected { connection, reason, .. } => {
                format!("{venue} connection {connection} is down: {}", reason.as_str())
            }
            Self::Subscribed { channel, .. } => format!("{symbol} {} is live", channel.as_str()),
            Self::Stale { age, limit, .. } => {
                let (age, limit) = (age / 1_000_000, limit / 1_000_000);
                format!("{symbol} data is {age} ms old, limit {limit} ms")
            }
            Self::Recovered { silent, .. } => {
                format!("{symbol} delivers again after {} ms", silent / 1_000_000)
            }
            Self::Starved { channel, age, limit, .. } => {
                let (age, limit) = (age / 1_000_000, limit / 1_000_000);
                format!("{symbol} had no {} for {age} ms, limit {limit} ms", channel.as_str())
            }
            Self::Fed { channel, silent, .. } => {
                format!("{symbol} has {} again after {} ms", channel.as_str(), silent / 1_000_000)
            }
            Self::BookLost { reason: BookLoss::Gap { expected, received }, .. } => {
                format!("{symbol} book discarded: update {expected} was due, {received} came")
            }
            Self::BookLost { reason, .. } => {
                format!("{symbol} book discarded: {}", LossWord::from(*reason).as_str())
            }
            Self::Resynced { update_id, .. } => format!("{symbol} book in sync at {update_id}"),
            Self::TradeGap { expected, received, .. } => {
                format!("{symbol} trade {expected} was due, {received} came")
            }
            Self::HistoryLoaded { bars, whole: true, .. } => {
                format!("{symbol} past told: {bars} bars")
            }
            Self::HistoryLoaded { bars, .. } => {
                format!("{symbol} past did not come in time: {bars} bars of it")
            }
            Self::BarClosed { bar, .. } => {
                format!("{symbol} {} from {} is {}", bar.kind, bar.open_time, bar.quality.as_str())
            }
            Self::LateTrade { trade, ts_venue, .. } => {
                format!("{symbol} trade {trade} of {ts_venue} came after its bar was closed")
            }
            Self::DecodeFailed { channel, reason, .. } => {
                format!("a {} frame cannot be used: {}", channel.as_str(), reason.as_str())
            }
        }
    }

    fn fields(&self, scope: &Scope, line: &mut Line) {
        line.text("venue", &scope.names.venue);
        if let Some(instrument) = self.instrument() {
            line.text("instrument", scope.instrument(instrument));
        }
        match self {
            Self::Connecting { attempt } => line.unsigned("attempt", u64::from(*attempt)),
            Self::Connected { connection } => line.unsigned("connection", u64::from(*connection)),
            Self::Disconnected { connection, reason, retry_after } => {
                line.unsigned("connection", u64::from(*connection));
                line.text("reason", reason.as_str());
                if let Some(span) = retry_after {
                    line.unsigned("retry_after_us", span / 1_000);
                }
            }
            Self::Subscribed { channel, .. } => line.text("channel", channel.as_str()),
            Self::Stale { age, limit, .. } => {
                line.unsigned("age_us", age / 1_000);
                line.unsigned("limit_us", limit / 1_000);
            }
            Self::Recovered { silent, .. } => line.unsigned("silent_us", silent / 1_000),
            Self::Starved { channel, age, limit, .. } => {
                line.text("channel", channel.as_str());
                line.unsigned("age_us", age / 1_000);
                line.unsigned("limit_us", limit / 1_000);
            }
            Self::Fed { channel, silent, .. } => {
                line.text("channel", channel.as_str());
                line.unsigned("silent_us", silent / 1_000);
            }
            Self::BookLost { reason, .. } => {
                line.text("reason", LossWord::from(*reason).as_str());
                if let BookLoss::Gap { expected, received } = reason {
                    line.unsigned("expected", *expected);
                    line.unsigned("received", *received);
                }
            }
            Self::Resynced { update_id, .. } => line.unsigned("update_id", *update_id),
            Self::TradeGap { expected, received, .. } => {
                line.unsigned("expected", *expected);
                line.unsigned("received", *received);
            }
            Self::HistoryLoaded { bars, whole, .. } => {
                line.unsigned("bars", u64::from(*bars));
                line.flag("whole", *whole);
            }
            Self::BarClosed { bar, .. } => {
                line.text("bar", &bar.kind.to_string());
                line.unsigned("open_time_us", bar.open_time.0 / 1_000);
                line.text("quality", bar.quality.as_str());
                line.unsigned("trades", bar.trades);
                line.unsigned("first_trade_id", bar.first_trade_id);
                line.unsigned("last_trade_id", bar.last_trade_id);
            }
            Self::LateTrade { trade, ts_venue, .. } => {
                line.unsigned("trade_id", *trade);
                line.unsigned("ts_venue_us", ts_venue.0 / 1_000);
            }
            Self::DecodeFailed { channel, reason, frame } => {
                line.text("channel", channel.as_str());
                line.text("reason", reason.as_str());
                line.unsigned("bytes", frame.len() as u64);
                line.text("excerpt", &excerpt(frame));
            }
        }
    }

    fn count(&self, metrics: &Metrics, _time: UnixNanos) {
        match self {
            Self::Connected { .. } => metrics.feed.connected(),
            Self::Disconnected { reason, .. } => metrics.feed.disconnected(*reason),
            Self::Stale { instrument, .. } => metrics.feed.stale(*instrument),
            Self::BookLost { instrument, reason } => {
                metrics.feed.book_lost(*instrument, (*reason).into());
            }
            Self::Resynced { instrument, .. } => metrics.feed.resynced(*instrument),
            Self::DecodeFailed { channel, reason, .. } => {
                metrics.feed.decode_failed(*channel, *reason);
            }
            Self::TradeGap { instrument, .. } => metrics.feed.trade_gap(*instrument),
            Self::BarClosed { instrument, bar } => {
                metrics.feed.bar_closed(*instrument, bar.quality == Quality::Partial);
            }
            Self::LateTrade { instrument, .. } => metrics.feed.late_trade(*instrument),
            Self::Connecting { .. }
            | Self::Subscribed { .. }
            | Self::Recovered { .. }
            | Self::Starved { .. }
            | Self::Fed { .. }
            | Self::HistoryLoaded { .. } => {}
        }
    }
}

/// The beginning of a frame, fit for a log line.
fn excerpt(frame: &[u8]) -> String {
    let start = frame.get(..EXCERPT * 4).unwrap_or(frame);
    cleaned(&String::from_utf8_lossy(start), EXCERPT)
}
