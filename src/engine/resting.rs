//! A resting order: one of ours in the venue's book, waiting its turn.
//!
//! Conservative: only trades move the queue, and whoever leaves it stood behind us. Optimistic: the
//! first trade at its price fills it. What a venue would have done lies between the two.

use serde::{Deserialize, Serialize};

use super::config::{PaperConfig, QueueModel};
use crate::domain::{
    AssetId, Instrument, Num, NumError, OrderRequest, Price, Quantity, Side, Trade,
};

/// An order that waits in the venue's book.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Resting {
    /// What was asked.
    pub request: OrderRequest,
    /// Where it rests.
    pub price: Price,
    /// What is not executed yet.
    pub remaining: Quantity,
    /// Displayed quantity that is served before us.
    pub queue_ahead: Quantity,
    /// The asset that it holds back.
    pub locks: AssetId,
}

impl Resting {
    /// An order that begins to wait behind `queue_ahead`.
    pub fn new(
        request: OrderRequest,
        price: Price,
        remaining: Quantity,
        queue_ahead: Quantity,
        instrument: &Instrument,
    ) -> Self {
        let locks = match request.side {
            Side::Buy => instrument.quote,
            Side::Sell => instrument.base,
        };
        Self { request, price, remaining, queue_ahead, locks }
    }

    /// How much it holds back of the asset that it spends.
    pub fn locked(&self, config: &PaperConfig) -> Result<Num, NumError> {
        match self.request.side {
            Side::Buy => config.unit_cost(self.price)?.mul(self.remaining.num()),
            Side::Sell => Ok(self.remaining.num()),
        }
    }

    /// True when a trade comes from the side that this order waits for.
    pub fn faces(&self, trade: &Trade) -> bool {
        self.request.side == trade.aggressor.opposite()
    }

    /// How much of this order a trade fills. `left` is what of the trade our own earlier orders at
    /// this price did not take; the queue before us is served from it first.
    pub fn hit(&mut self, price: Price, left: &mut Quantity, queue: QueueModel) -> Quantity {
        let touched = queue == QueueModel::Optimistic && price == self.price;
        let through = match self.request.side {
            Side::Buy => price < self.price,
            Side::Sell => price > self.price,
        };
        let quantity = if through || touched {
            self.remaining
        } else if price == self.price {
            let served = self.queue_ahead.min(*left);
            self.queue_ahead = self.queue_ahead.saturating_sub(served);
            let quantity = self.remaining.min(left.saturating_sub(served));
            *left = left.saturating_sub(quantity);
            quantity
        } else {
            Quantity::ZERO
        };
        self.remaining = self.remaining.saturating_sub(quantity);
        quantity
    }
}
