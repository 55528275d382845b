//! The synthetic market: instruments whose order flow is drawn from a seed and matched for real.
//!
//! Everything happens at a virtual time, so the same seed and epoch give the same messages however
//! fast or in whatever slices the driver lets time pass.

mod book;
mod draw;
mod flow;
mod past;
mod publisher;
mod regime;
mod script;
#[cfg(test)]
mod tests;

use self::flow::Flow;
use self::past::Past;
pub use self::script::Script;
use super::history::History;
use super::market::{FRAMES_AT_ONCE, Fixed, Frame, Listing, Market, Snapshot};
use crate::domain::UnixNanos;

/// The synthetic market to generate.
#[derive(Clone, Debug)]
pub struct Config {
    /// The same seed gives the same market.
    pub seed: u64,
    /// What trades.
    pub instruments: Vec<Instrument>,
    /// When the market begins; `None` begins it at the last whole second.
    pub epoch: Option<UnixNanos>,
    /// For so long before the epoch orders come and go, and the book grows.
    pub history_seconds: u64,
    /// For so long before that there are trades, so that candles can be asked for at once.
    pub past_seconds: u64,
    /// What the market goes through from the epoch on.
    pub script: Script,
}

impl Default for Config {
    /// Three instruments with ten minutes of history, and seventeen hours of trades before it: more
    /// than a thousand candles of a minute.
    fn default() -> Self {
        let instruments = ["BTCUSDT", "ETHUSDT", "SOLUSDT"].map(Instrument::of).to_vec();
        Self {
            seed: 1,
            instruments,
            epoch: None,
            history_seconds: 600,
            past_seconds: 61_200,
            script: Script::None,
        }
    }
}

/// One synthetic instrument: what it is and how it behaves.
#[derive(Clone, Debug)]
pub struct Instrument {
    /// What `exchangeInfo` says.
    pub listing: Listing,
    /// Where the price begins.
    pub price: Fixed,
    /// The standard deviation of the price over one calm second, in price steps.
    pub volatility_ticks: u64,
    /// The mean distance of a resting order from the best price, in price steps.
    pub reach_ticks: u64,
    /// The mean resting order, in quantity steps.
    pub order_lots: u64,
}

impl Instrument {
    /// A known symbol as it trades on the venue; any other gets a price of one.
    pub fn of(symbol: &str) -> Self {
        let (price, volatility_ticks, reach_ticks, order_lots) = match symbol {
            "BTCUSDT" => (61_800, 250, 9_000, 9_000),
            "ETHUSDT" => (2_680, 14, 1_500, 18_000),
            "SOLUSDT" => (154, 2, 700, 9_000),
            _ => (1, 2_000, 60_000, 10_000_000_000),
        };
        let price = Fixed::whole(price);
        Self { listing: Listing::of(symbol), price, volatility_ticks, reach_ticks, order_lots }
    }
}

/// All instruments, at one virtual time.
pub(super) struct Synthetic {
    now: UnixNanos,
    listings: Vec<Listing>,
    flows: Vec<Flow>,
}

impl Synthetic {
    /// Fills the books and lives through the history before `epoch`.
    pub fn new(config: &Config, epoch: UnixNanos) -> Self {
        let length = config.history_seconds.saturating_mul(UnixNanos::SECOND);
        let start = UnixNanos(epoch.0.saturating_sub(length));
        let past = Past { seed: config.seed, seconds: config.past_seconds, until: start };
        let flows = (config.instruments.iter().zip(0_u64..))
            .map(|(instrument, index)| {
                let mut flow = Flow::new(instrument, config.seed, index, start);
                flow.remember(past.prints(instrument, index));
                flow
            })
            .collect();
        let listings = config.instruments.iter().map(|i| i.listing.clone()).collect();
        let mut market = Self { now: start, listings, flows };
        market.live_through(epoch, config.script);
        market
    }

    fn live_through(&mut self, epoch: UnixNanos, script: Script) {
        let mut unheard = Vec::new();
        for (flow, listing) in self.flows.iter_mut().zip(&self.listings) {
            while flow.next_due() <= epoch {
                flow.step(&mut unheard);
            }
            flow.go_live(epoch, script.acts(&listing.symbol));
        }
        self.now = epoch;
    }

    fn position(&self, symbol: &str) -> Option<usize> {
        self.listings.iter().position(|listing| listing.symbol == symbol)
    }
}

impl Market for Synthetic {
    fn now(&self) -> UnixNanos {
        self.now
    }

    fn next_due(&self) -> Option<UnixNanos> {
        self.flows.iter().map(Flow::next_due).min()
    }

    fn advance(&mut self, until: UnixNanos, out: &mut Vec<Frame>) {
        while let Some(flow) = self.flows.iter_mut().min_by_key(|flow| flow.next_due()) {
            if flow.next_due() > until {
                self.now = self.now.max(until);
                break;
            }
            if out.len() >= FRAMES_AT_ONCE {
                break;
            }
            self.now = self.now.max(flow.next_due());
            flow.step(out);
        }
    }

    fn listings(&self) -> &[Listing] {
        &self.listings
    }

    fn snapshot(&self, symbol: &str, limit: usize) -> Option<Snapshot> {
        self.flows.get(self.position(symbol)?).map(|flow| flow.snapshot(limit))
    }

    fn history(&mut self, symbol: &str) -> Option<&mut History> {
        let at = self.position(symbol)?;
        self.flows.get_mut(at).map(Flow::history)
    }

    fn waits_for_subscriber(&self) -> bool {
        false
    }
}
