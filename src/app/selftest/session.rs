//! One session of a scenario in virtual time: the exchange, the line to it and the operator feed the
//! pipeline as a live run is fed, and what comes of each input is put down as a hash.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::Xxh3;

use super::draw::Draw;
use super::scenario::Scenario;
use crate::app::build;
use crate::app::error::{AppError, Exit};
use crate::app::outputs::{Nowhere, Outputs};
use crate::app::pipeline::{Given, Pipeline, TapeInput};
use crate::domain::UnixNanos;
use crate::engine::Command;
use crate::simulator::offline::Offline;
use crate::strategy::StrategyKind;
use crate::venue::binance::requests;
use crate::venue::{Channel, LineEvent, Request, Source};

/// Sets the draws on the way apart from those of the scenario.
const ON_THE_WAY: u64 = 0x9e37_79b9_7f4a_7c15;
/// After so many inputs in a row at one moment, time does not pass any more.
const STANDSTILL: u32 = 100_000;

/// What a session did, input by input.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// After each input: the hash over all inputs and the hash over all records so far.
    pub steps: Vec<(u64, u64)>,
    /// Records in all.
    pub records: u64,
    /// Signals in all.
    pub signals: u64,
    /// Fills in all.
    pub fills: u64,
    /// Books lost.
    pub gaps: u64,
}

impl Trace {
    /// The hash over all records.
    pub fn output_hash(&self) -> u64 {
        self.steps.last().map_or(0, |(_, records)| *records)
    }

    /// The hash over all inputs up to the one at a place.
    pub fn inputs_after(&self, place: usize) -> Option<u64> {
        self.steps.get(place).map(|(inputs, _)| *inputs)
    }
}

/// What comes next.
enum Next {
    /// Something of the scenario.
    Input(TapeInput),
    Answer,
    Clock,
    Market,
}

/// Runs a scenario. After each of `restores`, numbers of inputs in order, the pipeline is saved, and
/// another one goes on from what was saved.
pub fn run(
    scenario: &Scenario,
    registry: &[StrategyKind],
    restores: &[u64],
) -> Result<Trace, AppError> {
    let mut session = Session::new(scenario, registry, restores)?;
    let state = scenario.plan.start.clone();
    let start = TapeInput::Start { state, config: scenario.config.clone() };
    session.other(&start)?;
    let mut inputs = scenario.inputs.iter().cloned().peekable();
    while let Some((time, next)) = session.next(inputs.peek()) {
        if time > scenario.end {
            break;
        }
        session.pass(time)?;
        if let Next::Input(_) = next {
            inputs.next();
        }
        session.handle(next)?;
    }
    session.time = scenario.end;
    session.other(&TapeInput::Command(Command::Stop))?;
    while let Some(due) = session.pipeline.engine().next_order_due() {
        session.pass(due.max(session.time))?;
        session.other(&TapeInput::Clock)?;
    }
    Ok(session.end())
}

struct Session<'a> {
    scenario: &'a Scenario,
    registry: &'a [StrategyKind],
    restores: &'a [u64],
    exchange: Offline,
    symbols: Vec<String>,
    streams: Vec<String>,
    pipeline: Pipeline,
    outputs: Outputs,
    draw: Draw,
    /// Answers on their way.
    answers: BTreeMap<(UnixNanos, u64), (Request, u16, String)>,
    asked: u64,
    connection: u32,
    seq: u64,
    time: UnixNanos,
    standing: u32,
    hash: Xxh3,
    steps: Vec<(u64, u64)>,
}

impl<'a> Session<'a> {
    fn new(
        scenario: &'a Scenario,
        registry: &'a [StrategyKind],
        restores: &'a [u64],
    ) -> Result<Self, AppError> {
        let instruments = &scenario.plan.engine.instruments;
        let symbols: Vec<String> = instruments.iter().map(|known| known.symbol.clone()).collect();
        let channels = [Channel::Trade, Channel::Quote, Channel::Depth];
        let faults = scenario.faults.clone();
        Ok(Self {
            exchange: Offline::open(&scenario.market, scenario.epoch, faults),
            streams: requests::streams(&symbols, &channels),
            pipeline: build::pipeline(&scenario.plan, registry)?,
            outputs: Outputs::new(scenario.plan.written),
            draw: Draw::new(scenario.seed ^ ON_THE_WAY),
            answers: BTreeMap::new(),
            asked: 0,
            connection: 0,
            seq: 0,
            time: scenario.epoch,
            standing: 0,
            hash: Xxh3::new(),
            steps: Vec::new(),
            scenario,
            registry,
            restores,
            symbols,
        })
    }

    /// What comes first, in the order in which a live run takes what comes together.
    fn next(&self, input: Option<&(UnixNanos, TapeInput)>) -> Option<(UnixNanos, Next)> {
        let input = input.map(|(time, input)| (*time, Next::Input(input.clone())));
        let due = self.pipeline.engine().next_due().map(|due| (due, Next::Clock));
        let answer = self.answers.iter().next();
        let answer = answer.map(|((time, _), _)| (*time, Next::Answer));
        let market = (self.exchange.next_due().plus(self.scenario.latency), Next::Market);
        let all = [input, due, answer, Some(market)];
        let first = all.into_iter().flatten().min_by_key(|(time, _)| *time);
        first.map(|(time, next)| (time.max(self.time), next))
    }

    /// Lets time pass, which it must.
    fn pass(&mut self, time: UnixNanos) -> Result<(), AppError> {
        self.standing = if time > self.time { 0 } else { self.standing + 1 };
        self.time = time;
        if self.standing > STANDSTILL {
            return Err(failed(format!("time stands still at input {}", self.seq)));
        }
        Ok(())
    }

    fn handle(&mut self, next: Next) -> Result<(), AppError> {
        match next {
            Next::Clock => self.other(&TapeInput::Clock),
            Next::Market => self.market(),
            Next::Answer => self.answer(),
            Next::Input(input) => {
                match &input {
                    TapeInput::Line(LineEvent::Up { connection }) => {
                        self.connection = *connection;
                        self.exchange.connect(&self.streams);
                    }
                    TapeInput::Line(LineEvent::Down { .. }) => self.exchange.disconnect(),
                    _ => {}
                }
                self.other(&input)
            }
        }
    }

    /// The market moves, and what it says arrives.
    fn market(&mut self) -> Result<(), AppError> {
        self.exchange.advance(self.exchange.next_due());
        let source = Source::Stream { connection: self.connection };
        while let Some(message) = self.exchange.next_message() {
            let bytes = message.as_str().as_bytes();
            self.take(bytes, Given::Frame { source: &source, bytes })?;
        }
        Ok(())
    }

    fn answer(&mut self) -> Result<(), AppError> {
        let Some((_, (request, status, body))) = self.answers.pop_first() else { return Ok(()) };
        let source = Source::Answer { request, status };
        let bytes = body.as_bytes();
        self.take(bytes, Given::Frame { source: &source, bytes })
    }

    fn other(&mut self, input: &TapeInput) -> Result<(), AppError> {
        let bytes = postcard::to_stdvec(input).map_err(|error| failed(error.to_string()))?;
        self.take(&bytes, Given::Other(input))
    }

    fn take(&mut self, bytes: &[u8], given: Given<'_>) -> Result<(), AppError> {
        self.seq += 1;
        let (seq, time) = (self.seq, self.time);
        self.hash.update(&time.0.to_le_bytes());
        self.hash.update(bytes);
        self.outputs.begin(seq, time);
        self.pipeline.take(seq, time, given, &mut self.outputs);
        let ended = self.outputs.end(&mut Nowhere);
        ended.map_err(|_| failed("a record could not be encoded"))?;
        while let Some(request) = self.pipeline.next_request() {
            self.ask(request);
        }
        self.pipeline.discard_wishes();
        if self.restores.binary_search(&seq).is_ok() {
            self.change_over()?;
        }
        self.steps.push((self.hash.digest(), self.outputs.hash_mark().hash));
        Ok(())
    }

    /// The exchange answers at once; the answer is on its way for a while.
    fn ask(&mut self, request: Request) {
        let (least, more) = self.scenario.answer;
        let arrives = self.time.plus(least + self.draw.below(more));
        let call = requests::call(&request, &self.symbols);
        let (status, body) = self.exchange.answer(call.path, &call.parameters);
        self.asked += 1;
        self.answers.insert((arrives, self.asked), (request, status, body));
    }

    /// Another pipeline goes on from what this one saved.
    fn change_over(&mut self) -> Result<(), AppError> {
        let seq = self.seq;
        let fault = |error| failed(format!("the state after input {seq}: {error}"));
        let saved = self.pipeline.save().map_err(fault)?;
        let mut other = build::pipeline(&self.scenario.plan, self.registry)?;
        other.restore(&saved).map_err(fault)?;
        self.pipeline = other;
        Ok(())
    }

    fn end(self) -> Trace {
        let records = self.outputs.hash_mark().records;
        let tally = &self.outputs.tally;
        let (signals, fills, gaps) = (tally.signals, tally.fills, tally.gaps);
        Trace { steps: self.steps, records, signals, fills, gaps }
    }
}

fn failed(message: impl Into<String>) -> AppError {
    AppError::new(Exit::Different, message)
}
