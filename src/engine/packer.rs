//! A packer writes an evaluation in postcard's own layout, without going through serde.
//!
//! Nearly every record of a run is an evaluation, and nearly all of one is numbers: written one
//! after the other into memory reserved at once they cost a third of what a serializer that is
//! asked for each of them costs. A test holds the bytes equal to postcard's, and reading them is
//! postcard's own work.

use postcard::ser_flavors::Flavor;
use serde::Serialize;

use super::news::News;
use super::record::Evaluation;
use crate::domain::{Cause, Num, Side, Trade};
use crate::strategy::{Trigger, Truth};

/// The index of `Record::Evaluation` among the records.
const EVALUATION: u8 = 2;
/// The index of `Trigger::Trade` among the triggers.
const TRADE: u8 = 0;
/// The bit of each byte of a varint that says that another byte follows.
const CONTINUES: u64 = 0x8080_8080_8080_8080;
/// More than an evaluation has besides its lists.
const HEAD_BYTES: usize = 160;

/// Appends the record of an evaluation. False when it cannot be encoded, which none can cause.
pub(super) fn evaluation(evaluation: &Evaluation, buffer: &mut Vec<u8>) -> bool {
    let lists = [&evaluation.values, &evaluation.previous, &evaluation.literals];
    let numbers: usize = lists.iter().map(|list| list.len()).sum();
    buffer.reserve(HEAD_BYTES + numbers * size_of::<f64>() + evaluation.truths.len());
    let mut packer = Packer(buffer);
    packer.byte(EVALUATION);
    packer.varint(evaluation.id.strategy.0.into());
    packer.varint(evaluation.id.n);
    packer.varint(evaluation.instrument.0.into());
    packer.cause(evaluation.cause);
    packer.varint(evaluation.time.0);
    let mut whole = packer.trigger(&evaluation.trigger);
    packer.varint(evaluation.form.into());
    for list in lists {
        packer.floats(list);
    }
    packer.truths(&evaluation.truths);
    whole &= packer.other(&evaluation.outcome);
    if evaluation.logs.is_empty() {
        packer.byte(0);
    } else {
        whole &= packer.other(&evaluation.logs);
    }
    packer.byte(match evaluation.news {
        News::Repeats => 0,
        News::Changed => 1,
        News::NearMiss => 2,
        News::Traced => 3,
    });
    whole
}

/// Appends to a buffer.
struct Packer<'a>(&'a mut Vec<u8>);

impl Packer<'_> {
    #[inline]
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Seven bits a byte, lowest first; most numbers are small.
    #[inline]
    fn varint(&mut self, value: u64) {
        if value < 0x80 {
            return self.byte(value.to_le_bytes()[0]);
        }
        self.long_varint(value);
    }

    /// Up to eight bytes are spread within one word and written
    /// at once; what is too much is taken off again.
    #[inline]
    fn long_varint(&mut self, value: u64) {
        let bits = u64::BITS - (value | 1).leading_zeros();
        let bytes = bits.div_ceil(7);
        let end = self.0.len() + bytes as usize;
        let before_last = (bytes - 1).min(8);
        let goes_on = CONTINUES.checked_shr(u64::BITS - 8 * before_last).unwrap_or(0);
        self.0.extend_from_slice(&(spread(value) | goes_on).to_le_bytes());
        if bytes > 8 {
            let [ninth, tenth] = [(value >> 56) & 0x7f, value >> 63];
            let last = if bytes > 9 { ninth | 0x80 } else { ninth };
            self.0.extend([last, tenth].map(|byte| byte.to_le_bytes()[0]));
        }
        self.0.truncate(end);
    }

    fn cause(&mut self, cause: Cause) {
        self.varint(cause.seq);
        self.varint(cause.index.into());
    }

    /// Bars and quotes are rarer than trades by far: they take the long way.
    fn trigger(&mut self, trigger: &Trigger) -> bool {
        let Trigger::Trade(trade) = trigger else { return self.other(trigger) };
        self.byte(TRADE);
        self.trade(trade)
    }

    fn trade(&mut self, trade: &Trade) -> bool {
        self.varint(trade.id);
        self.varint(trade.ts_venue.0);
        let whole = self.num(trade.price.num()) && self.num(trade.quantity.num());
        self.byte(match trade.aggressor {
            Side::Buy => 0,
            Side::Sell => 1,
        });
        whole
    }

    #[inline]
    fn num(&mut self, number: Num) -> bool {
        let Some((scale, mantissa)) = number.compact() else { return self.other(&number) };
        self.byte(scale);
        self.varint(((mantissa << 1) ^ (mantissa >> 63)).cast_unsigned());
        true
    }

    fn floats(&mut self, values: &[f64]) {
        self.varint(values.len() as u64);
        for value in values {
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn truths(&mut self, truths: &[Truth]) {
        self.varint(truths.len() as u64);
        self.0.extend(truths.iter().map(|truth| match truth {
            Truth::True => 0,
            Truth::False => 1,
            Truth::Unknown => 2,
        }));
    }

    /// Anything else, as postcard writes it.
    fn other<T: Serialize + ?Sized>(&mut self, value: &T) -> bool {
        postcard::serialize_with_flavor(value, Append(self.0)).is_ok()
    }
}

/// The lower 56 bits of a number, seven in each byte.
#[inline]
fn spread(value: u64) -> u64 {
    let halves = (value & 0x0fff_ffff) | ((value & 0x00ff_ffff_f000_0000) << 4);
    let quarters = (halves & 0x0000_3fff_0000_3fff) | ((halves & 0x0fff_c000_0fff_c000) << 2);
    (quarters & 0x007f_007f_007f_007f) | ((quarters & 0x3f80_3f80_3f80_3f80) << 1)
}

/// Appends what postcard writes: mostly a few bytes at a time, for which calling the function that
/// copies memory costs more than the copy.
pub(super) struct Append<'a>(pub &'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        const FEW: usize = 16;
        if let Ok(float) = <&[u8; size_of::<f64>()]>::try_from(bytes) {
            self.0.extend_from_slice(float);
        } else if bytes.len() <= FEW {
            for byte in bytes {
                self.0.push(*byte);
            }
        } else {
            self.0.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::codec::{decode, encode};
    use super::super::record::{Blocker, Fault, Outcome, Record, Suppression};
    use super::*;
    use crate::domain::{
        DecisionId, InstrumentId, Level, Price, Quantity, Quote, StrategyId, UnixNanos,
    };
    use crate::strategy::{LogLevel, LogLine};

    fn num() -> impl Strategy<Value = Num> {
        (any::<i64>(), 0_u32..=18, any::<bool>()).prop_map(|(mantissa, scale, long)| {
            let short = Num::new(mantissa, scale).unwrap();
            if long { short.mul(Num::from(1 << 30)).unwrap_or(short) } else { short }
        })
    }

    fn trigger() -> impl Strategy<Value = Trigger> {
        let amount = || (num(), num().prop_map(Num::abs));
        let level = || {
            amount().prop_map(|(price, quantity)| Level {
                price: Price::new(price),
                quantity: Quantity::new(quantity).unwrap(),
            })
        };
        let trade = (any::<u64>(), any::<u64>(), level(), any::<bool>()).prop_map(
            |(id, time, Level { price, quantity }, buy)| {
                let aggressor = if buy { Side::Buy } else { Side::Sell };
                let ts_venue = UnixNanos(time);
                Trigger::Trade(Trade { id, ts_venue, price, quantity, aggressor })
            },
        );
        let quote = (any::<u64>(), level(), level())
            .prop_map(|(update_id, bid, ask)| Trigger::Quote(Quote { update_id, bid, ask }));
        prop_oneof![trade, quote]
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            any::<u16>().prop_map(|intents| Outcome::Signal { intents }),
            any::<u16>().prop_map(|node| Outcome::NoSignal(Blocker::Rule(node))),
            Just(Outcome::NoSignal(Blocker::NoRule)),
            any::<Option<u16>>().prop_map(|missing| Outcome::NotReady { missing }),
            Just(Outcome::Suppressed(Suppression::OrderInFlight)),
            any::<String>().prop_map(|words| Outcome::Error(Fault::Panicked(words))),
        ]
    }

    fn news() -> impl Strategy<Value = News> {
        prop_oneof![
            Just(News::Repeats),
            Just(News::Changed),
            Just(News::NearMiss),
            Just(News::Traced),
        ]
    }

    fn truths() -> impl Strategy<Value = Vec<Truth>> {
        prop::collection::vec(
            prop_oneof![Just(Truth::True), Just(Truth::False), Just(Truth::Unknown)],
            0..300,
        )
    }

    fn floats() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(any::<f64>(), 0..200)
    }

    proptest! {
        /// Lost if broken: every tape on which an evaluation has other bytes than its reader expects.
        #[test]
        fn an_evaluation_is_packed_as_postcard_would(
            ids in any::<(u16, u64, u16, u64, u16, u64, u16)>(),
            trigger in trigger(),
            lists in (floats(), floats(), floats(), truths()),
            outcome in outcome(),
            log in any::<Option<String>>(),
            news in news(),
        ) {
            let (strategy, n, instrument, seq, index, time, form) = ids;
            let (values, previous, literals, truths) = lists;
            let logs = log.map(|text| LogLine { level: LogLevel::Warn, text });
            let record = Record::Evaluation(Evaluation {
                id: DecisionId { strategy: StrategyId(strategy), n },
                instrument: InstrumentId(instrument),
                cause: Cause { seq, index },
                time: UnixNanos(time),
                trigger,
                form,
                values,
                previous,
                literals,
                truths,
                outcome,
                logs: logs.into_iter().collect(),
                news,
            });
            let mut packed = b"before".to_vec();
            prop_assert!(encode(&record, &mut packed));
            let expected = postcard::to_stdvec(&record).unwrap();
            prop_assert_eq!(&packed[6..], expected.as_slice());
            let read = decode(&packed[6..]).unwrap();
            prop_assert_eq!(postcard::to_stdvec(&read).unwrap(), expected);
        }
    }
}
