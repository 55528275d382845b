//! `[risk]`: what an order may not exceed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::unit::{Exact, Ratio, TimeSpan};
use crate::domain::{Nanos, Num};

/// `[risk]`. Notionals, losses and exposures are in the account's reporting asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Risk {
    /// True refuses every order. Default false.
    pub kill_switch: bool,
    /// Largest quantity of one order, in base asset. Default 1.
    pub max_order_quantity: Exact,
    /// Largest notional of one order. Default 10,000.
    pub max_order_notional: Exact,
    /// Largest position in one instrument, open orders included. Default 20,000.
    pub max_position_notional: Exact,
    /// Largest sum of all positions without their signs. Default 50,000.
    pub max_gross_notional: Exact,
    /// Most orders open at once. Default 20.
    pub max_open_orders: u32,
    /// Most orders in any second. Default 10.
    pub max_orders_per_second: u32,
    /// How far from the mid an order may be priced. Default `"1%"`.
    pub price_collar: Ratio,
    /// How old market data may be, the connection's usual delay taken off. Default `"2s"`.
    pub max_data_age: TimeSpan,
    /// How long an instrument may be silent. Default `"10s"`.
    pub max_silence: TimeSpan,
    /// Loss of a UTC day that counts as 1 for the two multiples below. Default 500.
    pub max_daily_loss: Exact,
    /// Fall from the highest equity that counts as 1 likewise. Default `"5%"`.
    pub max_drawdown: Ratio,
    /// Multiple of the two limits above from which positions may only be reduced. Default 1.
    pub reduce_only_at: Exact,
    /// Multiple from which trading halts. Default 1.5.
    pub halt_at: Exact,
    /// Other limits for one instrument, by its symbol. Default none.
    pub instruments: BTreeMap<String, InstrumentLimits>,
}

/// `[risk.instruments.SYMBOL]`: what is set here replaces the limit of `[risk]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstrumentLimits {
    /// Largest quantity of one order, in base asset.
    pub max_order_quantity: Option<Exact>,
    /// Largest notional of one order.
    pub max_order_notional: Option<Exact>,
    /// Largest position.
    pub max_position_notional: Option<Exact>,
    /// How long it may be silent.
    pub max_silence: Option<TimeSpan>,
}

/// The limits that hold for one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest quantity of one order, in base asset.
    pub max_order_quantity: Num,
    /// Largest notional of one order.
    pub max_order_notional: Num,
    /// Largest position.
    pub max_position_notional: Num,
    /// How long it may be silent.
    pub max_silence: Nanos,
}

impl Risk {
    /// The limits of an instrument: its own where set, else those of all.
    pub fn limits(&self, symbol: &str) -> Limits {
        let own = self.instruments.get(symbol).copied().unwrap_or_default();
        Limits {
            max_order_quantity: own.max_order_quantity.unwrap_or(self.max_order_quantity).0,
            max_order_notional: own.max_order_notional.unwrap_or(self.max_order_notional).0,
            max_position_notional: own
                .max_position_notional
                .unwrap_or(self.max_position_notional)
                .0,
            max_silence: own.max_silence.unwrap_or(self.max_silence).0,
        }
    }
}

impl Default for Risk {
    fn default() -> Self {
        let whole = |number: i64| Exact(Num::from(number));
        let decimal = |mantissa, scale| Num::new(mantissa, scale).unwrap_or_default();
        Self {
            kill_switch: false,
            max_order_quantity: whole(1),
            max_order_notional: whole(10_000),
            max_position_notional: whole(20_000),
            max_gross_notional: whole(50_000),
            max_open_orders: 20,
            max_orders_per_second: 10,
            price_collar: Ratio(decimal(1, 2)),
            max_data_age: TimeSpan::seconds(2),
            max_silence: TimeSpan::seconds(10),
            max_daily_loss: whole(500),
            max_drawdown: Ratio(decimal(5, 2)),
            reduce_only_at: whole(1),
            halt_at: Exact(decimal(15, 1)),
            instruments: BTreeMap::new(),
        }
    }
}
