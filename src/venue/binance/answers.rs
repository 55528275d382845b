//! Answers: what REST told, for the part of the decoder that asked.

use super::super::exchange_info::ExchangeInfo;
use super::super::{depth, past};
use super::{BinanceDecoder, FRAME_BYTES_MAX, Refusal};
use crate::domain::{InstrumentId, UnixNanos};
use crate::venue::{Channel, Listener, Request, Told, Unusable};

impl BinanceDecoder {
    /// The answer to a question.
    pub(super) fn answer(
        &mut self,
        request: &Request,
        status: u16,
        bytes: &[u8],
        listener: &mut dyn Listener,
    ) -> Result<(), Refusal> {
        let result = match (status, request) {
            (200, _) if bytes.len() > FRAME_BYTES_MAX => Err(Unusable::Oversized),
            (200, Request::Instruments) => self.instruments(bytes, listener),
            (200, Request::Depth { symbol }) => self.snapshot(symbol, bytes, listener),
            (200, request) => self.past(request, bytes, listener),
            _ => Err(Unusable::VenueError),
        };
        if result.is_err() {
            // Only these are worth asking again: no answer, silence wanted, the venue's own fault.
            let given_up = !matches!(status, 0 | 200 | 418 | 429 | 500..);
            self.unanswered(request, given_up, listener);
        }
        self.state.next_due = UnixNanos::default();
        result.map_err(|reason| Refusal::new(Channel::Rest, reason))
    }

    /// A question got no answer that is of use: it is asked again.
    fn unanswered(&mut self, request: &Request, given_up: bool, listener: &mut dyn Listener) {
        let now = self.state.now;
        match request {
            Request::Candles { symbol, .. }
            | Request::Trades { symbol }
            | Request::TradesFrom { symbol, .. } => {
                if let Ok((instrument, feed)) = self.feed(symbol.as_bytes(), Channel::Rest) {
                    feed.backfill.unanswered(request, given_up, now, &mut |history| {
                        listener.told(Told::History { instrument, history });
                    });
                }
            }
            Request::Instruments => self.state.filters.failed(now),
            Request::Depth { symbol } => {
                if let Ok((instrument, feed)) = self.feed(symbol.as_bytes(), Channel::Rest) {
                    feed.book.no_snapshot(now, &mut |event| {
                        listener.told(Told::Market { instrument, event });
                    });
                }
            }
        }
    }

    /// The venue's list: every instrument of ours must be on it with readable filters.
    fn instruments(&mut self, bytes: &[u8], listener: &mut dyn Listener) -> Result<(), Unusable> {
        let info: ExchangeInfo<'_> =
            serde_json::from_slice(bytes).map_err(|_| Unusable::Malformed)?;
        for (index, instrument) in (0..).zip(&mut self.state.instruments) {
            let listed = info.symbols.iter().find(|listed| listed.symbol == instrument.symbol);
            let listed = listed.ok_or(Unusable::UnknownInstrument)?;
            *instrument = listed.filtered(instrument).map_err(|_| Unusable::BadNumber)?;
            listener.told(Told::Instrument { id: InstrumentId(index), instrument });
        }
        self.state.filters.settle();
        Ok(())
    }

    /// An answer about the past.
    fn past(
        &mut self,
        request: &Request,
        bytes: &[u8],
        listener: &mut dyn Listener,
    ) -> Result<(), Unusable> {
        let now = self.state.now;
        let (Request::Candles { symbol, .. }
        | Request::Trades { symbol }
        | Request::TradesFrom { symbol, .. }
        | Request::Depth { symbol }) = request
        else {
            return Err(Unusable::UnknownType);
        };
        let found = self.feed(symbol.as_bytes(), Channel::Rest);
        let (instrument, feed) = found.map_err(|refusal| refusal.reason)?;
        let tell = &mut |history| listener.told(Told::History { instrument, history });
        match request {
            Request::Candles { interval, before_ms, .. } => {
                let candles = past::candles(bytes)?;
                feed.backfill.candles(interval, *before_ms, candles, now, tell);
            }
            Request::TradesFrom { id, .. } => {
                feed.backfill.trades(Some(*id), past::trades(bytes)?, now, tell);
            }
            _ => feed.backfill.trades(None, past::trades(bytes)?, now, tell),
        }
        Ok(())
    }

    fn snapshot(
        &mut self,
        symbol: &str,
        bytes: &[u8],
        listener: &mut dyn Listener,
    ) -> Result<(), Unusable> {
        let mut levels = std::mem::take(&mut self.levels);
        let head = depth::depth(bytes, &mut levels);
        let update_id = head.ok().and_then(|head| head.last_update_id).ok_or(Unusable::Malformed);
        let now = self.state.now;
        let result = update_id.and_then(|update_id| {
            if levels.bad_number {
                return Err(Unusable::BadNumber);
            }
            let feed = self.feed(symbol.as_bytes(), Channel::Rest);
            let (instrument, feed) = feed.map_err(|refusal| refusal.reason)?;
            let used =
                feed.book.snapshot(update_id, &levels.bids, &levels.asks, now, &mut |event| {
                    listener.told(Told::Market { instrument, event });
                });
            if used { Ok(()) } else { Err(Unusable::OutOfOrder) }
        });
        self.levels = levels;
        result
    }
}
