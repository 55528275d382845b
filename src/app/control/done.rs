//! What became of a command: counted by the core right after the engine took it, told in one
//! sentence wherever it was given.

use serde::{Deserialize, Serialize};

use crate::domain::{InstrumentId, OrderEventKind, Signed, UnixNanos};
use crate::engine::codec::decode;
use crate::engine::trace::LENGTH_MAX;
use crate::engine::viewer::resolve;
use crate::engine::{Command, Engine, Record, StopReason, TradingState};

/// What a command did.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Done {
    /// `halt`, `flatten`, `cancel-all`, `pause`, `resume`, `trace`.
    pub command: String,
    /// The strategy that it names; empty when it concerns all.
    pub strategy: String,
    /// The instrument that it names; empty when it concerns all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instrument: String,
    /// For how many seconds it holds; 0 when until further notice.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seconds: u64,
    /// What trading allows now: `active`, `reduce_only`, `halted`, `halted_by_risk`, `flattening`.
    pub trading: String,
    /// It was so before as well.
    pub unchanged: bool,
    /// Strategies that are paused now.
    pub paused: Vec<String>,
    /// Orders that are being canceled.
    pub canceled: u64,
    /// Positions that an order was sent to close.
    pub closing: Vec<Closing>,
    /// Positions that cannot be closed now, and why.
    pub not_closed: Vec<Closing>,
    /// Positions of a lot or more that are held now.
    pub held: u64,
}

/// A position that is being closed, or cannot be.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Closing {
    /// Whose.
    pub strategy: String,
    /// The venue's symbol.
    pub instrument: String,
    /// Signed quantity.
    pub quantity: String,
    /// What holds it back; empty when it is being closed.
    pub reason: String,
}

/// The state before a command, to tell what it changed.
#[derive(Clone, PartialEq, Debug)]
pub struct Before {
    trading: TradingState,
    paused: Vec<bool>,
    open: usize,
}

impl Before {
    /// As it is now.
    pub fn of(engine: &Engine) -> Self {
        Self {
            trading: engine.trading(),
            paused: engine.paused().to_vec(),
            open: engine.open_orders(),
        }
    }
}

impl Done {
    /// Counts what `command` did: `records` are those that the engine made of it.
    pub fn of<'a>(
        command: &Command,
        before: &Before,
        engine: &Engine,
        records: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        let strategies = &engine.config().strategies;
        let name = |at: usize| strategies.get(at).map_or("?", |s| s.name.as_str()).to_owned();
        let paused = engine.paused();
        let mut done = Self {
            command: word(command).to_owned(),
            strategy: match command {
                Command::Pause(id) | Command::ResumeStrategy(id) => name(id.index()),
                _ => String::new(),
            },
            trading: trading_word(engine.trading()).to_owned(),
            unchanged: engine.trading() == before.trading && paused == before.paused,
            instrument: match command {
                Command::Trace { instrument, .. } => symbol(engine, *instrument),
                _ => String::new(),
            },
            seconds: match command {
                Command::Trace { length, .. } => (*length).min(LENGTH_MAX) / UnixNanos::SECOND,
                _ => 0,
            },
            paused: (0..paused.len())
                .filter(|at| paused.get(*at) == Some(&true))
                .map(name)
                .collect(),
            held: engine.closable().count() as u64,
            ..Self::default()
        };
        // What the engine encoded, this build decodes.
        for record in records.filter_map(|record| decode(record).ok()) {
            done.count(&record, engine);
        }
        if cancels_all(command) {
            // Those that the venue has not taken yet are canceled as soon as it has.
            done.canceled = before.open as u64;
        }
        done
    }

    fn count(&mut self, record: &Record, engine: &Engine) {
        match record {
            Record::OrderEvent(event) if event.kind == OrderEventKind::CancelRequested => {
                self.canceled += 1;
            }
            Record::Risk(report) => {
                let config = engine.config();
                let strategy = config.strategies.get(report.decision.strategy.index());
                let signed = report.quantity.signed(report.side.opposite());
                let closing = Closing {
                    strategy: strategy.map_or("?", |s| s.name.as_str()).to_owned(),
                    instrument: symbol(engine, report.instrument),
                    quantity: signed_text(signed),
                    reason: report.refusal.as_ref().map(resolve::refusal).unwrap_or_default(),
                };
                if closing.reason.is_empty() {
                    self.closing.push(closing);
                } else {
                    self.not_closed.push(closing);
                }
            }
            _ => {}
        }
    }

    /// True when everything that was asked for is on its way.
    pub fn is_whole(&self) -> bool {
        self.not_closed.is_empty()
    }

    /// What was done, in one sentence.
    pub fn sentence(&self) -> String {
        let mut parts = vec![self.state()];
        if self.canceled > 0 {
            parts.push(format!("{} being canceled", counted(self.canceled, "order")));
        } else if matches!(self.command.as_str(), "halt" | "flatten" | "cancel-all") {
            parts.push("no order was open".to_owned());
        }
        if !self.closing.is_empty() {
            let sent = counted(self.closing.len() as u64, "order");
            parts.push(format!("sent {sent} to close {}", list(&self.closing)));
        }
        if !self.not_closed.is_empty() {
            let waiting = list(&self.not_closed);
            parts.push(format!("not closed yet, tried again as data comes: {waiting}"));
        }
        if self.command == "flatten" && self.closing.is_empty() && self.not_closed.is_empty() {
            let none = if self.held == 0 { "no position to close" } else { "closing goes on" };
            parts.push(none.to_owned());
        } else if self.command == "halt" && self.held > 0 {
            parts.push(format!(
                "{} held: `tickscope flatten` closes",
                counted(self.held, "position")
            ));
        }
        if self.command == "resume" && self.strategy.is_empty() && !self.paused.is_empty() {
            let paused = self.paused.join(", ");
            parts.push(format!("still paused: {paused} (`tickscope resume STRATEGY`)"));
        }
        parts.join("; ")
    }

    /// What holds now: of the strategy that is named, else of all trading.
    fn state(&self) -> String {
        let already = if self.unchanged { " already" } else { "" };
        let trading = self.trading.replace('_', " ");
        let but = match self.trading.as_str() {
            "active" => String::new(),
            _ => format!(", but trading is {trading}"),
        };
        match self.command.as_str() {
            "pause" => format!("{} is paused{already}: no entries, exits work", self.strategy),
            "resume" if !self.strategy.is_empty() => {
                format!("{} may enter positions{already}{but}", self.strategy)
            }
            "trace" => {
                format!("every evaluation of {} is written for {} s", self.instrument, self.seconds)
            }
            "cancel-all" => format!("trading is {trading}"),
            "flatten" => format!("no entries until resumed{already}"),
            _ => format!("trading is {trading}{already}"),
        }
    }
}

/// The word of a command on the command line and in the log.
pub fn word(command: &Command) -> &'static str {
    match command {
        Command::Halt => "halt",
        Command::Resume | Command::ResumeStrategy(_) => "resume",
        Command::Stop => "stop",
        Command::CancelAll => "cancel-all",
        Command::Flatten => "flatten",
        Command::Pause(_) => "pause",
        Command::Trace { .. } => "trace",
    }
}

/// The venue's symbol of an instrument.
fn symbol(engine: &Engine, id: InstrumentId) -> String {
    let known = engine.config().instruments.get(id.index());
    known.map_or("?", |instrument| instrument.symbol.as_str()).to_owned()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn cancels_all(command: &Command) -> bool {
    matches!(command, Command::Halt | Command::CancelAll | Command::Flatten)
}

fn trading_word(state: TradingState) -> &'static str {
    match state {
        TradingState::Active => "active",
        TradingState::ReduceOnly(_) => "reduce_only",
        TradingState::Halted(StopReason::Operator) => "halted",
        TradingState::Halted(_) => "halted_by_risk",
        TradingState::Flattening => "flattening",
    }
}

fn signed_text(quantity: Signed) -> String {
    let text = quantity.to_string();
    if text.starts_with('-') { text } else { format!("+{text}") }
}

fn list(closings: &[Closing]) -> String {
    let each = closings.iter().map(|closing| {
        let Closing { strategy, instrument, quantity, reason } = closing;
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        format!("{instrument} {quantity} of {strategy}{reason}")
    });
    each.collect::<Vec<_>>().join(", ")
}

fn counted(count: u64, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(command: &str, trading: &str) -> Done {
        Done { command: command.to_owned(), trading: trading.to_owned(), ..Done::default() }
    }

    fn closing(reason: &str) -> Closing {
        let (strategy, instrument) = ("trend".to_owned(), "BTCUSDT".to_owned());
        Closing { strategy, instrument, quantity: "+0.010".to_owned(), reason: reason.to_owned() }
    }

    /// Lost if broken: what a person reads right after pressing the button.
    #[test]
    fn what_was_done_is_one_sentence() {
        let flat = Done {
            canceled: 2,
            closing: vec![closing("")],
            held: 1,
            ..done("flatten", "flattening")
        };
        assert_eq!(
            flat.sentence(),
            "no entries until resumed; 2 orders being canceled; \
             sent 1 order to close BTCUSDT +0.010 of trend"
        );
        let stale = Done {
            not_closed: vec![closing("data_silence 12 > 10 s")],
            ..done("flatten", "flattening")
        };
        assert!(!stale.is_whole());
        assert_eq!(
            stale.sentence(),
            "no entries until resumed; no order was open; not closed yet, tried again as data \
             comes: BTCUSDT +0.010 of trend: data_silence 12 > 10 s"
        );
        let halted = Done { held: 2, ..done("halt", "halted") };
        assert_eq!(
            halted.sentence(),
            "trading is halted; no order was open; 2 positions held: `tickscope flatten` closes"
        );
        let resumed = Done { paused: vec!["trend".to_owned()], ..done("resume", "active") };
        assert_eq!(
            resumed.sentence(),
            "trading is active; still paused: trend (`tickscope resume STRATEGY`)"
        );
        let one = Done { strategy: "trend".to_owned(), ..done("resume", "halted_by_risk") };
        assert_eq!(one.sentence(), "trend may enter positions, but trading is halted by risk");
    }
}
