//! A feed: what is remembered of one instrument's streams between frames.

use serde::{Deserialize, Serialize};

use super::backfill::Backfill;
use super::book_sync::BookSync;
use crate::domain::{InstrumentId, Nanos, Trade, UnixNanos};
use crate::venue::{Channel, Listener, Told, Unusable};

/// An old trade id with a time this much newer than the last trade's is no late copy: the venue
/// began to count anew.
const RESET: Nanos = UnixNanos::SECOND;

/// What is remembered of one instrument.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Feed {
    /// Channels that delivered since the connection came up, a bit each.
    live: u8,
    /// The last trade's id and time.
    last_trade: Option<(u64, UnixNanos)>,
    /// The book's sync.
    pub book: BookSync,
    /// What is asked about its past.
    pub backfill: Backfill,
}

impl Feed {
    /// Tells a channel's first data since the connection came up.
    pub fn came_alive(
        &mut self,
        instrument: InstrumentId,
        channel: Channel,
        listener: &mut dyn Listener,
    ) {
        let bit = 1 << channel as u8;
        if self.live & bit == 0 {
            self.live |= bit;
            listener.told(Told::Live { instrument, channel });
        }
    }

    /// The connection is down: nothing is live, and the book does not join what comes next.
    pub fn disconnected(&mut self, instrument: InstrumentId, listener: &mut dyn Listener) {
        self.live = 0;
        self.book.disconnected(&mut |event| listener.told(Told::Market { instrument, event }));
    }

    /// Venue time from the last trade to this one.
    pub fn silent_until(&self, trade: &Trade) -> Nanos {
        self.last_trade.map_or(0, |(_, last)| trade.ts_venue.since(last))
    }

    /// Remembers a trade; the id that was due when it is not this one's.
    pub fn expected_trade(&mut self, trade: &Trade) -> Result<Option<u64>, Unusable> {
        let expected = match self.last_trade {
            Some((last, ts)) if trade.id <= last && trade.ts_venue <= ts.plus(RESET) => {
                return Err(Unusable::OutOfOrder);
            }
            Some((last, _)) => Some(last.saturating_add(1)),
            // What REST told may be ahead of the stream.
            None => self.backfill.expected().filter(|&expected| expected < trade.id),
        };
        self.last_trade = Some((trade.id, trade.ts_venue));
        Ok(expected.filter(|&expected| expected != trade.id))
    }
}
