//! An event: one thing worth telling, told once. Emitting it writes its log line and moves its
//! metrics together, so the two cannot disagree; nothing else in the program logs or counts.

mod alert;
mod decision;
mod exit;
mod feed;
mod log;
mod order;
mod portfolio;
mod process;
mod strategy;
mod trip;
mod upkeep;

pub use alert::AlertEvent;
pub use decision::{DecisionEvent, Evaluated, Summed, Telling};
pub use exit::ExitTold;
pub use feed::FeedEvent;
pub(super) use log::LogEvent;
pub use order::OrderTold;
pub use portfolio::PortfolioEvent;
pub use process::ProcessEvent;
pub use strategy::StrategyEvent;
pub use trip::TripTold;
pub use upkeep::{Room, UpkeepEvent};

use super::line::Line;
use super::metrics::Metrics;
use super::name::EventName;
use super::names::Scope;
use super::word::Level;
use crate::domain::UnixNanos;

/// One thing worth telling.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// About the process and what it stands on.
    Process(ProcessEvent<'a>),
    /// About market data and its connection.
    Feed(FeedEvent<'a>),
    /// About evaluations.
    Decision(DecisionEvent<'a>),
    /// About a strategy itself.
    Strategy(StrategyEvent<'a>),
    /// About risk, orders and fills.
    Order(OrderTold<'a>),
    /// About positions, the account and what trading allows.
    Portfolio(PortfolioEvent<'a>),
    /// About what closes positions by itself.
    Exit(ExitTold<'a>),
    /// About a round trip.
    Trip(TripTold),
    /// About old sessions and the disk.
    Upkeep(UpkeepEvent<'a>),
    /// About the commands of alerts.
    Alert(AlertEvent<'a>),
}

/// What every event can say of itself.
pub(super) trait Told {
    /// Its stable name.
    fn name(&self) -> EventName;

    /// How loud it is.
    fn level(&self) -> Level {
        self.name().level()
    }

    /// The decision or order it belongs to, as shown; empty when to none.
    fn id(&self, _scope: &Scope) -> String {
        String::new()
    }

    /// One sentence for a person.
    fn message(&self, scope: &Scope) -> String;

    /// Its own fields.
    fn fields(&self, scope: &Scope, line: &mut Line);

    /// Moves its metrics, besides the count of its name.
    fn count(&self, _metrics: &Metrics, _time: UnixNanos) {}

    /// It moves its metrics but writes no line.
    fn is_suppressed(&self) -> bool {
        false
    }
}

impl<'a> Event<'a> {
    pub(super) fn told(&self) -> &(dyn Told + 'a) {
        match self {
            Self::Process(event) => event,
            Self::Feed(event) => event,
            Self::Decision(event) => event,
            Self::Strategy(event) => event,
            Self::Order(event) => event,
            Self::Portfolio(event) => event,
            Self::Exit(event) => event,
            Self::Trip(event) => event,
            Self::Upkeep(event) => event,
            Self::Alert(event) => event,
        }
    }
}

impl From<TripTold> for Event<'_> {
    fn from(trip: TripTold) -> Self {
        Self::Trip(trip)
    }
}

macro_rules! into_event {
    ($($variant:ident from $event:ident,)+) => {
        $(impl<'a> From<$event<'a>> for Event<'a> {
            fn from(event: $event<'a>) -> Self {
                Self::$variant(event)
            }
        })+
    };
}

into_event! {
    Process from ProcessEvent,
    Feed from FeedEvent,
    Decision from DecisionEvent,
    Strategy from StrategyEvent,
    Order from OrderTold,
    Portfolio from PortfolioEvent,
    Exit from ExitTold,
    Upkeep from UpkeepEvent,
    Alert from AlertEvent,
}
