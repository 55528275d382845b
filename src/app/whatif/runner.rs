//! A runner: one engine over the inputs of a session, and what a person compares of it.

use serde::Serialize;

use crate::app::build::Plan;
use crate::app::error::{AppError, Exit};
use crate::app::outputs::{Nowhere, Outputs};
use crate::app::pipeline::{Given, Pipeline, TapeInput};
use crate::app::report::Meter;
use crate::domain::{DecisionId, InstrumentId, Num, OrderBook, Price, Quantity, Side, UnixNanos};
use crate::engine::{Outlet, Record};

/// What came of a run. Money is in the reporting asset.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Numbers {
    /// Evaluations.
    pub evaluations: u64,
    /// Wishes for an order.
    pub signals: u64,
    /// Refused by risk.
    pub refusals: u64,
    /// Orders sent.
    pub orders: u64,
    /// Fills.
    pub fills: u64,
    /// Fees.
    pub fees: Num,
    /// What closed trades made after fees.
    pub realised: Num,
    /// Realised and unrealised PnL less fees.
    pub pnl: Num,
    /// The largest fall of equity from its peak.
    pub max_drawdown: Num,
    /// Everything at mark; null when a conversion is missing.
    pub equity: Option<Num>,
    /// Orders that waited in the book.
    pub rested: u64,
    /// Hash over every record: that of a `backtest` under the same configuration.
    pub output_hash: String,
}

/// A wish for an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Which decision.
    pub id: DecisionId,
    /// In which instrument.
    pub instrument: InstrumentId,
    /// When.
    pub time: UnixNanos,
    /// Buy or sell.
    pub side: Side,
    /// After flooring to the lot.
    pub quantity: Quantity,
    /// What risk looked at: the limit price or the mid.
    pub price: Option<Price>,
    /// Risk refused it.
    pub refused: bool,
}

/// What came of a run, and every wish in it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// What is counted.
    pub numbers: Numbers,
    /// In order.
    pub wishes: Vec<Wish>,
}

/// One engine and what stands beside it.
pub struct Runner {
    pipeline: Pipeline,
    outputs: Outputs,
    meter: Meter,
    wishes: Vec<Wish>,
    seq: u64,
    time: UnixNanos,
}

/// Hands records on, and keeps the wishes.
struct Keeping<'a, O> {
    wishes: &'a mut Vec<Wish>,
    next: O,
}

impl<O: Outlet> Outlet for Keeping<'_, O> {
    fn record(&mut self, record: &Record) {
        match record {
            Record::Signal(signal) => self.wishes.push(Wish {
                id: signal.decision,
                instrument: signal.instrument,
                time: signal.time,
                side: signal.side,
                quantity: signal.quantity,
                price: None,
                refused: false,
            }),
            Record::Risk(report) => {
                let mut newest = self.wishes.iter_mut().rev();
                if let Some(wish) = newest.find(|wish| wish.id == report.decision) {
                    (wish.price, wish.refused) = (report.price, report.refusal.is_some());
                }
            }
            _ => {}
        }
        self.next.record(record);
    }
}

impl Runner {
    /// A run that begins as its plan says.
    pub fn begin(plan: &Plan, pipeline: Pipeline) -> Result<Self, AppError> {
        let mut runner = Self {
            pipeline,
            outputs: Outputs::new(plan.written),
            meter: Meter::new(plan, false),
            wishes: Vec::new(),
            seq: 0,
            time: UnixNanos::default(),
        };
        // The text of the configuration is for whoever reads the tape; the engine has the plan.
        let start = TapeInput::Start { state: plan.start.clone(), config: String::new() };
        runner.take(0, UnixNanos::default(), Given::Other(&start))?;
        Ok(runner)
    }

    /// Takes an input.
    pub fn take(&mut self, seq: u64, time: UnixNanos, given: Given<'_>) -> Result<(), AppError> {
        (self.seq, self.time) = (seq, time);
        self.outputs.begin(seq, time);
        self.meter.before(seq, time, self.pipeline.engine());
        let next = self.meter.beside(&mut self.outputs);
        let mut out = Keeping { wishes: &mut self.wishes, next };
        self.pipeline.take(seq, time, given, &mut out);
        self.pipeline.discard_wishes();
        self.meter.after(self.pipeline.engine());
        let ended = self.outputs.end(&mut Nowhere);
        ended.map_err(|_| AppError::new(Exit::Failed, "a record could not be encoded"))
    }

    /// When something is due in its engine next, whatever comes.
    pub fn next_due(&self) -> Option<UnixNanos> {
        self.pipeline.engine().next_due()
    }

    /// Exchanges its engine's books.
    pub fn exchange_books(&mut self, books: &mut [OrderBook]) {
        self.pipeline.engine_mut().exchange_books(books);
    }

    /// Lets what is still due happen, as a backtest does.
    pub fn end(&mut self, plan: &Plan) -> Result<Outcome, AppError> {
        while let Some(due) = self.pipeline.engine().next_order_due() {
            let (seq, time) = (self.seq + 1, due.max(self.time));
            self.take(seq, time, Given::Other(&TapeInput::Clock))?;
        }
        let report = self.meter.report(self.pipeline.engine(), plan);
        let (money, tally) = (self.pipeline.engine().money(), &self.outputs.tally);
        let numbers = Numbers {
            evaluations: tally.evaluations,
            signals: tally.signals,
            refusals: tally.refusals,
            orders: tally.orders,
            fills: tally.fills,
            fees: money.fees,
            realised: report.total.net,
            // As in the result of a backtest.
            pnl: money.pnl.round_dp(12),
            max_drawdown: report.total.max_drawdown,
            equity: money.equity,
            rested: report.rested,
            output_hash: format!("{:016x}", self.outputs.hash_mark().hash),
        };
        Ok(Outcome { numbers, wishes: std::mem::take(&mut self.wishes) })
    }
}
