//! The venue's list of instruments with their filters: which prices, quantities and order values it
//! accepts.

use std::borrow::Cow;

use serde::Deserialize;

use crate::domain::{Instrument, Num, NumError, Price, Quantity};

/// The answer of `exchangeInfo`.
///
/// ```json
/// {"timezone":"UTC","symbols":[{"symbol":"BTCUSDT","status":"TRADING","filters":[
///  {"filterType":"PRICE_FILTER","minPrice":"0.01000000","maxPrice":"1000000.00000000","tickSize":"0.01000000"},
///  {"filterType":"LOT_SIZE","minQty":"0.00001000","maxQty":"9000.00000000","stepSize":"0.00001000"},
///  {"filterType":"NOTIONAL","minNotional":"5.00000000","applyMinToMarket":true}]}]}
/// ```
#[derive(Debug, Deserialize)]
pub struct ExchangeInfo<'a> {
    /// The instruments.
    #[serde(borrow)]
    pub symbols: Vec<SymbolInfo<'a>>,
}

/// One instrument of the list.
#[derive(Debug, Deserialize)]
pub struct SymbolInfo<'a> {
    /// The venue's symbol.
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    /// Its filters.
    #[serde(borrow)]
    pub filters: Vec<Filter<'a>>,
}

/// One filter; which fields it has depends on its type, and of most types we need none.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter<'a> {
    #[serde(borrow, rename = "filterType")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    tick_size: Option<Cow<'a, str>>,
    #[serde(borrow)]
    step_size: Option<Cow<'a, str>>,
    #[serde(borrow)]
    min_qty: Option<Cow<'a, str>>,
    #[serde(borrow)]
    max_qty: Option<Cow<'a, str>>,
    #[serde(borrow)]
    min_notional: Option<Cow<'a, str>>,
}

impl SymbolInfo<'_> {
    /// The instrument with this list's filters; a zero disables a bound.
    pub fn filtered(&self, instrument: &Instrument) -> Result<Instrument, NumError> {
        let mut filtered = instrument.clone();
        for filter in &self.filters {
            filter.apply(&mut filtered)?;
        }
        Ok(filtered)
    }
}

impl Filter<'_> {
    fn apply(&self, instrument: &mut Instrument) -> Result<(), NumError> {
        match self.kind.as_ref() {
            "PRICE_FILTER" => instrument.tick_size = Price::new(bound(self.tick_size.as_ref())?),
            "LOT_SIZE" => {
                let max = Quantity::new(bound(self.max_qty.as_ref())?)?;
                instrument.lot_size = Quantity::new(bound(self.step_size.as_ref())?)?;
                instrument.min_quantity = Quantity::new(bound(self.min_qty.as_ref())?)?;
                instrument.max_quantity = (!max.is_zero()).then_some(max);
            }
            "NOTIONAL" | "MIN_NOTIONAL" => {
                instrument.min_notional = bound(self.min_notional.as_ref())?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// A bound of a filter: a number that must be there and not below zero.
fn bound(text: Option<&Cow<'_, str>>) -> Result<Num, NumError> {
    let value: Num = text.ok_or(NumError::NotANumber)?.parse()?;
    if value.is_negative() { Err(NumError::NotANumber) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AssetId;

    fn instrument() -> Instrument {
        Instrument {
            max_quantity: Some("1".parse().unwrap()),
            ..Instrument::unfiltered("ETHUSDT", "binance", AssetId(0), AssetId(1))
        }
    }

    /// An order off the venue's steps is refused there, after it was counted as sent here.
    #[test]
    fn filters_fill_the_instrument() {
        let json = include_str!("../../../tests/payloads/binance/exchange_info.json");
        let info: ExchangeInfo<'_> = serde_json::from_str(json).unwrap();
        let filled = info.symbols[1].filtered(&instrument()).unwrap();
        assert_eq!(filled.tick_size, "0.01".parse().unwrap());
        assert_eq!(filled.lot_size, "0.0001".parse().unwrap());
        assert_eq!(filled.min_quantity, "0.0001".parse().unwrap());
        assert_eq!(filled.max_quantity, None, "zero is no bound");
        assert_eq!(filled.min_notional, "10".parse().unwrap());
    }

    #[test]
    fn a_filter_without_its_number_is_refused() {
        for filter in [
            r#"{"filterType":"PRICE_FILTER"}"#,
            r#"{"filterType":"PRICE_FILTER","tickSize":"-1"}"#,
            r#"{"filterType":"LOT_SIZE","stepSize":"x","minQty":"1","maxQty":"1"}"#,
        ] {
            let json = format!(r#"{{"symbol":"ETHUSDT","filters":[{filter}]}}"#);
            let info: SymbolInfo<'_> = serde_json::from_str(&json).unwrap();
            assert!(info.filtered(&instrument()).is_err(), "{filter} passed");
        }
    }
}
