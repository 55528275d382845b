//! The feed's metrics: is it connected, how much comes, how old is it, can the book be trusted.

use prometheus::{Gauge, Histogram, IntCounter};

use super::super::account::{nanos_to_seconds, seconds};
use super::super::catalogue as names;
use super::super::engine_word::{ConnectWord, LossWord};
use super::super::names::Names;
use super::super::registry::{Families, MetricError, Table};
use super::super::word::{ByWord, Channel, DecodeFailure, DisconnectReason, Word};
use crate::domain::{InstrumentId, Nanos, UnixNanos};
use crate::engine::view::{EngineView, InstrumentView, StreamView};

pub(in super::super) struct FeedMetrics {
    connects: ByWord<ConnectWord, IntCounter>,
    disconnects: ByWord<DisconnectReason, IntCounter>,
    connected: Gauge,
    messages: ByWord<Channel, IntCounter>,
    bytes: IntCounter,
    decode_errors: ByWord<Channel, ByWord<DecodeFailure, IntCounter>>,
    transit: Histogram,
    negative_transit: IntCounter,
    instruments: Table<InstrumentMetrics>,
    /// By instrument and stream, with the words that views use.
    streams: Vec<StreamMetrics>,
}

struct StreamMetrics {
    symbol: String,
    channel: &'static str,
    last: Gauge,
    expected: Gauge,
    starved: Gauge,
}

struct InstrumentMetrics {
    last_message: Gauge,
    gaps: IntCounter,
    books_lost: ByWord<LossWord, IntCounter>,
    resyncs: IntCounter,
    stale: IntCounter,
    trade_gaps: IntCounter,
    repaired_bars: IntCounter,
    partial_bars: IntCounter,
    late_trades: IntCounter,
    live: Gauge,
    synced: Gauge,
    mid_price: Gauge,
    spread_ratio: Gauge,
}

impl FeedMetrics {
    pub(super) fn new(families: &Families, of: &Names) -> Result<Self, MetricError> {
        let venue = of.venue.as_str();
        let connects = families.counter(&names::FEED_CONNECTS)?;
        let disconnects = families.counter(&names::FEED_DISCONNECTS)?;
        let messages = families.counter(&names::FEED_MESSAGES)?;
        let errors = families.counter(&names::FEED_DECODE_ERRORS)?;
        let mut streams = Vec::new();
        for symbol in &of.instruments {
            for channel in [Channel::Trade, Channel::Quote, Channel::Depth] {
                streams.push(StreamMetrics::new(families, venue, symbol, channel.as_str())?);
            }
        }
        Ok(Self {
            streams,
            connects: ByWord::new(|outcome| connects.get(&[venue, outcome]))?,
            disconnects: ByWord::new(|reason| disconnects.get(&[venue, reason]))?,
            connected: families.gauge(&names::FEED_CONNECTED)?.get(&[venue])?,
            messages: ByWord::new(|channel| messages.get(&[venue, channel]))?,
            bytes: families.counter(&names::FEED_BYTES)?.get(&[venue])?,
            decode_errors: ByWord::new(|channel| {
                ByWord::new(|reason| errors.get(&[venue, channel, reason]))
            })?,
            transit: families.histogram(&names::FEED_TRANSIT)?.get(&[venue])?,
            negative_transit: families.counter(&names::FEED_NEGATIVE_TRANSIT)?.get(&[venue])?,
            instruments: families.table(&names::FEED_LAST_MESSAGE, &of.instruments, |symbol| {
                InstrumentMetrics::new(families, venue, symbol)
            })?,
        })
    }

    pub(super) fn message(&self, channel: Channel, bytes: usize) {
        self.messages.get(channel).inc();
        self.bytes.inc_by(bytes as u64);
    }

    /// A message that seems to be received before it was sent took no time.
    pub(super) fn transit(&self, early: bool, nanos: Nanos) {
        self.transit.observe(if early { 0.0 } else { nanos_to_seconds(nanos) });
        if early {
            self.negative_transit.inc();
        }
    }

    pub(in super::super) fn connected(&self) {
        self.connects.get(ConnectWord::Connected).inc();
        self.connected.set(1.0);
    }

    pub(in super::super) fn disconnected(&self, reason: DisconnectReason) {
        if reason == DisconnectReason::Refused {
            self.connects.get(ConnectWord::Refused).inc();
        } else {
            self.disconnects.get(reason).inc();
        }
        self.connected.set(0.0);
    }

    pub(in super::super) fn decode_failed(&self, channel: Channel, reason: DecodeFailure) {
        self.decode_errors.get(channel).get(reason).inc();
    }

    pub(in super::super) fn stale(&self, instrument: InstrumentId) {
        if let Some(metrics) = self.instruments.get(instrument.index()) {
            metrics.stale.inc();
        }
    }

    pub(in super::super) fn book_lost(&self, instrument: InstrumentId, reason: LossWord) {
        let Some(metrics) = self.instruments.get(instrument.index()) else { return };
        metrics.books_lost.get(reason).inc();
        metrics.synced.set(0.0);
        if reason == LossWord::Gap {
            metrics.gaps.inc();
        }
    }

    pub(in super::super) fn trade_gap(&self, instrument: InstrumentId) {
        if let Some(metrics) = self.instruments.get(instrument.index()) {
            metrics.trade_gaps.inc();
        }
    }

    pub(in super::super) fn bar_closed(&self, instrument: InstrumentId, partial: bool) {
        if let Some(metrics) = self.instruments.get(instrument.index()) {
            if partial { &metrics.partial_bars } else { &metrics.repaired_bars }.inc();
        }
    }

    pub(in super::super) fn late_trade(&self, instrument: InstrumentId) {
        if let Some(metrics) = self.instruments.get(instrument.index()) {
            metrics.late_trades.inc();
        }
    }

    pub(in super::super) fn resynced(&self, instrument: InstrumentId) {
        if let Some(metrics) = self.instruments.get(instrument.index()) {
            metrics.resyncs.inc();
            metrics.synced.set(1.0);
        }
    }

    pub(super) fn mirror(&self, view: &EngineView) {
        for (metrics, instrument) in self.instruments.iter().zip(&view.instruments) {
            metrics.mirror(instrument, view.run.started);
        }
        for metrics in &self.streams {
            let is_it =
                |s: &&StreamView| s.symbol == metrics.symbol && s.channel == metrics.channel;
            if let Some(stream) = view.health.streams.iter().find(is_it) {
                metrics.mirror(stream);
            }
        }
    }
}

impl StreamMetrics {
    fn new(
        families: &Families,
        venue: &str,
        symbol: &str,
        channel: &'static str,
    ) -> Result<Self, MetricError> {
        let labels = [venue, symbol, channel];
        Ok(Self {
            symbol: symbol.to_owned(),
            channel,
            last: families.gauge(&names::STREAM_LAST)?.get(&labels)?,
            expected: families.gauge(&names::STREAM_EXPECTED)?.get(&labels)?,
            starved: families.gauge(&names::STREAM_STARVED)?.get(&labels)?,
        })
    }

    fn mirror(&self, stream: &StreamView) {
        self.last.set(seconds(stream.last));
        self.expected.set(nanos_to_seconds(stream.expected.unwrap_or(0)));
        self.starved.set(f64::from(u8::from(stream.starved.is_some())));
    }
}

impl InstrumentMetrics {
    fn new(families: &Families, venue: &str, symbol: &str) -> Result<Self, MetricError> {
        let labels = [venue, symbol];
        let lost = families.counter(&names::FEED_BOOKS_LOST)?;
        Ok(Self {
            last_message: families.gauge(&names::FEED_LAST_MESSAGE)?.get(&labels)?,
            gaps: families.counter(&names::FEED_SEQUENCE_GAPS)?.get(&labels)?,
            books_lost: ByWord::new(|reason| lost.get(&[venue, symbol, reason]))?,
            resyncs: families.counter(&names::FEED_RESYNCS)?.get(&labels)?,
            stale: families.counter(&names::FEED_STALE)?.get(&labels)?,
            trade_gaps: families.counter(&names::FEED_TRADE_GAPS)?.get(&labels)?,
            repaired_bars: families.counter(&names::BARS_REPAIRED)?.get(&labels)?,
            partial_bars: families.counter(&names::BARS_PARTIAL)?.get(&labels)?,
            late_trades: families.counter(&names::LATE_TRADES)?.get(&labels)?,
            live: families.gauge(&names::FEED_LIVE)?.get(&labels)?,
            synced: families.gauge(&names::BOOK_SYNCED)?.get(&labels)?,
            mid_price: families.gauge(&names::MARKET_MID_PRICE)?.get(&labels)?,
            spread_ratio: families.gauge(&names::MARKET_SPREAD_RATIO)?.get(&labels)?,
        })
    }

    fn mirror(&self, view: &InstrumentView, started: UnixNanos) {
        self.live.set(f64::from(u8::from(view.live)));
        self.synced.set(f64::from(u8::from(view.synced)));
        // One that an earlier run of the account received is none of this run.
        let is_ours = view.last_event >= started;
        self.last_message.set(if is_ours { seconds(view.last_event) } else { 0.0 });
        if let (Some(bid), Some(ask)) = (view.bids.first(), view.asks.first()) {
            let (bid, ask) = (bid.price.to_f64(), ask.price.to_f64());
            let mid = f64::midpoint(bid, ask);
            self.mid_price.set(mid);
            self.spread_ratio.set((ask - bid) / mid);
        }
    }
}
