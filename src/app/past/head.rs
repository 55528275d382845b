//! The head of a checkpoint: which moment it is of, how far each strategy had counted, and what
//! happened since the checkpoint before. Small enough to be read for a whole session at once.

use serde::{Deserialize, Serialize};

use crate::domain::{DecisionId, InstrumentId, OrderEventKind, OrderId, UnixNanos};
use crate::engine::codec::HashMark;
use crate::engine::{Counters, Record};
use crate::venue::LineEvent;

/// The version of heads and states.
pub const VERSION: u16 = 1;

/// What is known of a checkpoint without its state.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// Of heads and states.
    pub version: u16,
    /// When the last input before it was received.
    pub time: UnixNanos,
    /// That input, and the hash over all records up to it.
    pub mark: HashMark,
    /// By strategy: how many evaluations and orders there had been.
    pub counters: Vec<Counters>,
    /// What happened since the checkpoint before.
    pub happened: Vec<Happened>,
}

/// Something that a person looks for in a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Happened {
    /// The input that caused it.
    pub seq: u64,
    /// When.
    pub time: UnixNanos,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Happening {
    /// A decision wants an order.
    Signal(DecisionId),
    /// Risk refused it.
    Refused(DecisionId),
    /// An order went to the venue.
    Ordered(OrderId, DecisionId),
    /// The venue took it, under its own id.
    Accepted(OrderId, u64),
    /// It filled, in this trade of the venue.
    Filled(OrderId, u64),
    /// It has ended without filling.
    Ended(OrderId),
    /// An instrument's book was lost.
    Gap(InstrumentId),
    /// The line went down.
    Down,
    /// The line is up.
    Up,
}

impl Happening {
    /// What a record is to a person who looks for something, if anything.
    pub fn of(record: &Record) -> Option<Self> {
        Some(match record {
            Record::Signal(signal) => Self::Signal(signal.decision),
            Record::Risk(report) if report.refusal.is_some() => Self::Refused(report.decision),
            Record::Order { request, .. } => Self::Ordered(request.id, request.decision),
            Record::OrderEvent(event) => match &event.kind {
                OrderEventKind::Accepted { venue_order_id } => {
                    Self::Accepted(event.order, *venue_order_id)
                }
                OrderEventKind::Filled(fill) => Self::Filled(event.order, fill.trade_id),
                OrderEventKind::Rejected(_)
                | OrderEventKind::Canceled
                | OrderEventKind::Expired
                | OrderEventKind::Denied => Self::Ended(event.order),
                _ => return None,
            },
            Record::BookLost { instrument, .. } => Self::Gap(*instrument),
            _ => return None,
        })
    }

    /// What a change of the line is.
    pub fn of_line(event: LineEvent) -> Self {
        match event {
            LineEvent::Up { .. } => Self::Up,
            LineEvent::Down { .. } => Self::Down,
        }
    }
}
