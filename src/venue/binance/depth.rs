//! Book messages on the wire: the change event of the stream and the snapshot of REST, read by one
//! visitor whose levels go straight into vectors that the decoder reuses.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::domain::{Level, Price, Quantity};

/// The levels of one message, in the venue's order; cleared and filled anew by each.
#[derive(Debug, Default)]
pub struct Levels {
    /// Bids.
    pub bids: Vec<Level>,
    /// Asks.
    pub asks: Vec<Level>,
    /// A price or quantity was none: the message is not to be used.
    pub bad_number: bool,
}

/// Everything of a book message but its levels. Absent fields are `None`: an event has no
/// `lastUpdateId`, a snapshot nothing else.
///
/// ```json
/// {"e":"depthUpdate","E":1723161255308,"s":"BTCUSDT","U":50093239203,"u":50093239207,
///  "b":[["55653.87000000","0.00000000"]],"a":[["61838.04000000","0.32332000"]]}
/// {"lastUpdateId":50093239218,"bids":[["61837.63000000","3.78826000"]],"asks":[]}
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DepthHead<'a> {
    /// `s`: the venue's symbol.
    pub symbol: Option<&'a [u8]>,
    /// `E`: when it was sent, in milliseconds.
    pub sent_ms: Option<u64>,
    /// `U`: the first update id within.
    pub first: Option<u64>,
    /// `u`: the last update id within.
    pub last: Option<u64>,
    /// `lastUpdateId`: the update id of a snapshot.
    pub last_update_id: Option<u64>,
}

/// Reads a book message.
pub fn depth<'a>(json: &'a [u8], levels: &mut Levels) -> serde_json::Result<DepthHead<'a>> {
    levels.bids.clear();
    levels.asks.clear();
    levels.bad_number = false;
    let mut reader = serde_json::Deserializer::from_slice(json);
    let head = DepthSeed(levels).deserialize(&mut reader)?;
    reader.end()?;
    Ok(head)
}

struct DepthSeed<'b>(&'b mut Levels);

impl<'de> DeserializeSeed<'de> for DepthSeed<'_> {
    type Value = DepthHead<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DepthSeed<'_> {
    type Value = DepthHead<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a book message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Levels { bids, asks, bad_number } = self.0;
        let mut head = DepthHead::default();
        let (mut has_bids, mut has_asks) = (false, false);
        while let Some(key) = map.next_key::<&[u8]>()? {
            match key {
                b"s" => head.symbol = Some(map.next_value()?),
                b"E" => head.sent_ms = Some(map.next_value()?),
                b"U" => head.first = Some(map.next_value()?),
                b"u" => head.last = Some(map.next_value()?),
                b"lastUpdateId" => head.last_update_id = Some(map.next_value()?),
                b"b" | b"bids" => {
                    map.next_value_seed(SideSeed { levels: bids, bad_number })?;
                    has_bids = true;
                }
                b"a" | b"asks" => {
                    map.next_value_seed(SideSeed { levels: asks, bad_number })?;
                    has_asks = true;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        // An absent side is no empty side.
        if has_bids && has_asks { Ok(head) } else { Err(A::Error::missing_field("bids or asks")) }
    }
}

/// One side: `[["61838.04000000","0.32332000"],…]`.
struct SideSeed<'b> {
    levels: &'b mut Vec<Level>,
    bad_number: &'b mut bool,
}

impl<'de> DeserializeSeed<'de> for SideSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for SideSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of levels")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut side: A) -> Result<(), A::Error> {
        self.levels.clear();
        while let Some(level) = side.next_element_seed(LevelSeed)? {
            match level {
                Some(level) => self.levels.push(level),
                None => *self.bad_number = true,
            }
        }
        Ok(())
    }
}

/// One level: `["61838.04000000","0.32332000"]`, `None` when its numbers are no level. Very old
/// messages carry an empty third element.
struct LevelSeed;

impl<'de> DeserializeSeed<'de> for LevelSeed {
    type Value = Option<Level>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for LevelSeed {
    type Value = Option<Level>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a price and a quantity")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Self::Value, A::Error> {
        let short = || A::Error::custom("a level ends early");
        let price: &[u8] = pair.next_element()?.ok_or_else(short)?;
        let quantity: &[u8] = pair.next_element()?.ok_or_else(short)?;
        while pair.next_element::<IgnoredAny>()?.is_some() {}
        Ok(level(price, quantity))
    }
}

/// A level from the venue's text; `None` unless the price is above zero and the quantity not below.
pub fn level(price: &[u8], quantity: &[u8]) -> Option<Level> {
    let price = Price::parse(price).ok().filter(|price| price.num().is_positive())?;
    let quantity = Quantity::parse(quantity).ok()?;
    Some(Level { price, quantity })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &[u8] = include_bytes!("../../../tests/payloads/binance/depth_snapshot.json");

    #[test]
    fn a_snapshot_is_read_with_the_vectors_of_the_message_before() {
        let mut levels = Levels::default();
        let bad = br#"{"b":[["0","1"]],"a":[["1","-1"]]}"#;
        depth(bad, &mut levels).unwrap();
        assert!(levels.bad_number && levels.bids.is_empty() && levels.asks.is_empty());

        let head = depth(SNAPSHOT, &mut levels).unwrap();
        assert_eq!(head, DepthHead { last_update_id: Some(50_093_239_218), ..head });
        assert_eq!((levels.bids.len(), levels.asks.len(), levels.bad_number), (20, 20, false));
        assert_eq!(Some(levels.bids[0]), level(b"61837.63", b"3.78826"));
    }

    /// A level that is read wrong is a price that does not exist.
    #[test]
    fn what_is_no_level_is_refused() {
        let mut levels = Levels::default();
        for json in [
            r#"{"a":[],"b":[["1"]]}"#,
            r#"{"a":[],"b":[[1,2]]}"#,
            r#"{"a":[],"b":[["1","\u0032"]]}"#,
            r#"{"a":[],"b":{}}"#,
            r#"{"a":[],"b":[["1","2"]]"#,
            r#"{"a":[],"b":[],"U":-1}"#,
            r#"{"a":[],"b":[]}x"#,
            r#"{"a":[]}"#,
            r#"{"lastUpdateId":1,"bids":[]}"#,
        ] {
            assert!(depth(json.as_bytes(), &mut levels).is_err(), "{json} passed");
        }
        assert!(
            depth(br#"{"a":[],"b":[["1","2",[]]]}"#, &mut levels).is_ok(),
            "the old third element"
        );
    }
}
