//! Absence is an event: watches how long nothing came for each instrument, on each of its streams,
//! and how long each strategy decided nothing. Tells when that passes its limit, and when it is over.

use super::lints::Lint;
use super::teller::{Teller, Tidings};
use crate::app::words;
use crate::config::section::{self, Stream};
use crate::domain::{InstrumentId, Nanos, StrategyId, UnixNanos};
use crate::engine::view::{EngineView, PositionView, StreamView};
use crate::strategy::{BarKind, Feed};
use crate::venue::Channel;

/// Watches every instrument, stream and strategy of a run.
pub struct Absence {
    instruments: Vec<Watched>,
    streams: Vec<WatchedStream>,
    strategies: Vec<Watched>,
    began: UnixNanos,
}

/// How long something may be absent, and since when it is beyond that.
#[derive(Clone, Copy, Default)]
struct Watched {
    /// `None` is for ever.
    limit: Option<Nanos>,
    since: Option<UnixNanos>,
}

struct WatchedStream {
    instrument: InstrumentId,
    symbol: String,
    channel: Channel,
    watched: Watched,
}

/// What a look has changed.
enum Change {
    /// It is absent for so long, beyond its limit.
    Begins(Nanos, Nanos),
    /// It was absent for so long.
    Ends(Nanos),
}

impl Watched {
    fn new(limit: Nanos) -> Self {
        Self { limit: (limit > 0).then_some(limit), since: None }
    }

    /// Looks when it was there last.
    fn look(&mut self, last: UnixNanos, now: UnixNanos) -> Option<Change> {
        let limit = self.limit?;
        let age = now.since(last);
        match (self.since, age > limit) {
            (None, true) => {
                self.since = Some(last);
                Some(Change::Begins(age, limit))
            }
            (Some(since), false) => {
                self.since = None;
                Some(Change::Ends(last.since(since)))
            }
            _ => None,
        }
    }

    fn is_absent(&self) -> bool {
        self.since.is_some()
    }
}

impl Absence {
    /// Watches what a configuration asks for, from now on. `feeds` are those of its strategies.
    pub fn new(config: &section::Config, feeds: &[Feed], now: UnixNanos) -> Self {
        let symbols = &config.venue.instruments;
        let silence = |symbol: &String| Watched::new(config.risk.limits(symbol).max_silence);
        let mut streams = Vec::new();
        for (at, symbol) in (0_u16..).zip(symbols) {
            for stream in &config.venue.streams {
                let channel = match stream {
                    Stream::Trade => Channel::Trade,
                    Stream::BookTicker => Channel::Quote,
                    Stream::Depth => Channel::Depth,
                };
                let watched = Watched::new(config.expect.of(symbol, *stream).0);
                let symbol = symbol.clone();
                streams.push(WatchedStream {
                    instrument: InstrumentId(at),
                    symbol,
                    channel,
                    watched,
                });
            }
        }
        let evaluation = config.expect.evaluation.0;
        let between = |feed: &Feed| match feed {
            _ if evaluation == 0 => Watched::default(),
            Feed::Bars(BarKind::Time(length)) => Watched::new(evaluation.saturating_add(*length)),
            // How long such a bar takes is the market's business.
            Feed::Bars(_) => Watched::default(),
            Feed::Trades | Feed::Quotes => Watched::new(evaluation),
        };
        Self {
            instruments: symbols.iter().map(silence).collect(),
            streams,
            strategies: feeds.iter().map(between).collect(),
            began: now,
        }
    }

    /// Looks at a view, and when each stream of each instrument delivered last: tells changes, adds
    /// the streams and a sentence for whatever is absent.
    pub fn watch(
        &mut self,
        view: &mut EngineView,
        last: impl Fn(InstrumentId, Channel) -> UnixNanos,
        teller: &mut Teller,
    ) {
        self.watch_instruments(view, teller);
        self.watch_streams(view, last, teller);
        self.watch_strategies(view, teller);
    }

    fn watch_instruments(&mut self, view: &mut EngineView, teller: &mut Teller) {
        let now = view.now;
        for ((at, watched), instrument) in
            (0_u16..).zip(&mut self.instruments).zip(&view.instruments)
        {
            // Before the first event there is nothing to miss.
            if instrument.last_event == UnixNanos::default() {
                continue;
            }
            let id = InstrumentId(at);
            // What an earlier run received is no measure of this one.
            let last = instrument.last_event.max(self.began);
            match watched.look(last, now) {
                Some(Change::Begins(age, limit)) => {
                    teller.tell(Tidings::Stale(id, age, limit, now));
                }
                Some(Change::Ends(silent)) => teller.tell(Tidings::Recovered(id, silent, now)),
                None => {}
            }
            if let Some(limit) = watched.limit.filter(|_| watched.is_absent()) {
                let text = format!(
                    "{} data is {} old, limit {}: its orders are refused",
                    instrument.symbol,
                    words::span_exact(now.since(last)),
                    words::span_exact(limit),
                );
                view.health.warnings.push(Lint::FeedStale.says(text));
                let held = |position: &&PositionView| {
                    position.symbol == instrument.symbol && !position.quantity.is_zero()
                };
                for position in view.positions.iter().filter(held) {
                    let PositionView { strategy, quantity, .. } = position;
                    let text = format!(
                        "{strategy} holds {quantity} {} and its exits see no price",
                        instrument.symbol
                    );
                    view.health.warnings.push(Lint::OpenPositionOnStaleData.says(text));
                }
            }
        }
    }

    fn watch_streams(
        &mut self,
        view: &mut EngineView,
        last: impl Fn(InstrumentId, Channel) -> UnixNanos,
        teller: &mut Teller,
    ) {
        let now = view.now;
        for WatchedStream { instrument, symbol, channel, watched } in &mut self.streams {
            let last = last(*instrument, *channel);
            let is_known = last != UnixNanos::default();
            match watched.look(if is_known { last } else { self.began }, now) {
                Some(Change::Begins(age, limit)) => {
                    teller.tell(Tidings::Starved(*instrument, *channel, age, limit, now));
                }
                Some(Change::Ends(silent)) => {
                    teller.tell(Tidings::Fed(*instrument, *channel, silent, now));
                }
                None => {}
            }
            let name = channel_name(*channel);
            if let Some(limit) = watched.limit.filter(|_| watched.is_absent()) {
                let text = format!(
                    "{symbol} has had no {name} for {}, expected within {}",
                    words::span_exact(now.since(if is_known { last } else { self.began })),
                    words::span_exact(limit),
                );
                view.health.warnings.push(Lint::StreamStarved.says(text));
            }
            view.health.streams.push(StreamView {
                symbol: symbol.clone(),
                channel: name.to_owned(),
                last,
                expected: watched.limit,
                starved: watched.since,
            });
        }
    }

    fn watch_strategies(&mut self, view: &mut EngineView, teller: &mut Teller) {
        let now = view.now;
        for ((at, watched), strategy) in (0_u16..).zip(&mut self.strategies).zip(&view.strategies) {
            let last = strategy.last.iter().map(|evaluation| evaluation.time).max();
            let last = last.map_or(self.began, |last| last.max(self.began));
            let id = StrategyId(at);
            match watched.look(last, now) {
                Some(Change::Begins(age, limit)) => {
                    teller.tell(Tidings::Idle(id, age, limit, now));
                }
                Some(Change::Ends(silent)) => teller.tell(Tidings::Decides(id, silent, now)),
                None => {}
            }
            if let Some(limit) = watched.limit.filter(|_| watched.is_absent()) {
                let text = format!(
                    "{} has decided nothing for {}, expected within {}",
                    strategy.name,
                    words::span_exact(now.since(last)),
                    words::span_exact(limit),
                );
                view.health.warnings.push(Lint::StrategySilent.says(text));
            }
        }
    }
}

/// What a stream brings, in a word.
fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Trade => "trade",
        Channel::Quote => "quote",
        Channel::Depth => "depth",
        Channel::Rest => "rest",
        Channel::Control => "control",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: that nothing comes any more, or peace from a stream that merely pauses.
    #[test]
    fn absence_is_told_once_when_it_begins_and_once_when_it_ends() {
        let at = |second: u64| UnixNanos(second * UnixNanos::SECOND);
        let mut watched = Watched::new(10 * UnixNanos::SECOND);
        assert!(watched.look(at(1), at(11)).is_none());
        let began = watched.look(at(1), at(12));
        assert!(matches!(began, Some(Change::Begins(11_000_000_000, 10_000_000_000))));
        assert!(watched.look(at(1), at(40)).is_none() && watched.is_absent());
        let ended = watched.look(at(41), at(42));
        assert!(matches!(ended, Some(Change::Ends(40_000_000_000))) && !watched.is_absent());
        assert!(Watched::new(0).look(at(1), at(9_999)).is_none(), "0 is never");
    }
}
