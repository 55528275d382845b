//! An input: one fact that enters the engine, numbered, timed and recorded.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Account, Candle, Cause, History, Instrument, InstrumentId, MarketEvent, Nanos, OrderEvent,
    StrategyId, UnixNanos,
};
use crate::strategy::{Decision, RuleTexts};

/// One fact with its place on the tape. Time never goes back from one input to the next.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Its number on the tape and its place within the frame.
    pub cause: Cause,
    /// Engine time: when it was received.
    pub time: UnixNanos,
    /// The fact.
    pub event: Event<'a>,
}

/// What an input says. Market data borrows from the decoder, the rest is owned elsewhere.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The state the run starts with. Always the first input.
    Start(&'a StartState),
    /// Market data of an instrument.
    Market {
        /// Which instrument.
        instrument: InstrumentId,
        /// What happened.
        event: MarketEvent<'a>,
    },
    /// A bar that the venue made, at its end: market data that people have instead of trades.
    Candle {
        /// Which instrument.
        instrument: InstrumentId,
        /// The bar; all of an instrument have one length.
        candle: &'a Candle,
    },
    /// What the venue tells about an instrument's past.
    History {
        /// Which instrument.
        instrument: InstrumentId,
        /// What it tells.
        history: History,
    },
    /// The venue's filters of an instrument became known or changed.
    Instrument {
        /// Which instrument.
        id: InstrumentId,
        /// What the venue accepts.
        instrument: &'a Instrument,
    },
    /// Every stream of an instrument delivers (true), or its connection is down (false).
    Feed {
        /// Which instrument.
        instrument: InstrumentId,
        /// Delivering or not.
        live: bool,
    },
    /// An external runner's answer to a [`Record::Ask`](super::Record::Ask).
    Reply {
        /// Which strategy answers.
        strategy: StrategyId,
        /// For which instrument.
        instrument: InstrumentId,
        /// The input it was asked about.
        asked: Cause,
        /// What it decided.
        decision: &'a Decision,
    },
    /// A venue's word about an order: live gateways answer this way, paper does not need it.
    Order(&'a OrderEvent),
    /// An operator's command.
    Command(&'a Command),
    /// A strategy's rules were changed in its configuration.
    Revise {
        /// Whose.
        strategy: StrategyId,
        /// All of them, as they are now.
        rules: &'a RuleTexts,
    },
    /// Nothing but time passing; changes no id and no output by itself.
    Clock,
}

/// What a person asks for: recorded like any input.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Stop all trading, cancel every open order.
    Halt,
    /// Leave the halt, or end flattening.
    Resume,
    /// The run ends: cancel every open order; time closes no bar any more.
    Stop,
    /// Cancel every open order; trading goes on.
    CancelAll,
    /// Cancel every open order, close every position, and open none until resumed.
    Flatten,
    /// This strategy opens nothing more; its exits work.
    Pause(StrategyId),
    /// This strategy may open positions again.
    ResumeStrategy(StrategyId),
    /// Every evaluation of an instrument is news from now on.
    Trace {
        /// Which instrument.
        instrument: InstrumentId,
        /// For how long, [`trace::LENGTH_MAX`](super::trace::LENGTH_MAX) at most.
        length: Nanos,
    },
}

/// What a run starts from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StartState {
    /// The account with its balances.
    pub account: Account,
    /// Schema version of inputs and records.
    pub version: u16,
}
