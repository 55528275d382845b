//! A run's result: what came of it, for a person or as one line of JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::build::Plan;
use super::history::Summary;
use super::outputs::{BookState, InstrumentTally, Outputs, Tally};
use super::pipeline::Pipeline;
use super::platform;
use super::report::Report;
use crate::domain::{InstrumentId, Num, UnixNanos};
use crate::tape::{Ending, Session};

/// How long a run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// Frames, or rows of files of history.
    pub frames: u64,
    /// Market events that came of them.
    pub events: u64,
    /// Seconds spent reading files of history.
    pub load_wall_s: f64,
    /// CPU seconds spent reading files of history.
    pub load_cpu_s: f64,
    /// Seconds of the run, reading files apart.
    pub wall_s: f64,
    /// CPU seconds of all threads, reading files apart.
    pub cpu_s: f64,
}

/// What came of a run in one instrument.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct InstrumentResult {
    /// The venue's symbol.
    pub symbol: String,
    /// Its book is in sync at the end; absent when it never had one, as with bare ticks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted: Option<bool>,
    /// The input since which that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_input: Option<u64>,
    /// Times its book was lost.
    pub gaps: u64,
    /// Wishes for an order.
    pub signals: u64,
    /// The input of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_signal_input: Option<u64>,
    /// Orders sent.
    pub orders: u64,
    /// Fills.
    pub fills: u64,
}

impl InstrumentResult {
    fn of(symbol: &str, tally: &InstrumentTally) -> Self {
        let (trusted, since_input) = match tally.book {
            None => (None, None),
            Some(BookState::Synced(since)) => (Some(true), Some(since)),
            Some(BookState::Lost(since)) => (Some(false), Some(since)),
        };
        Self {
            symbol: symbol.to_owned(),
            trusted,
            since_input,
            gaps: tally.gaps,
            signals: tally.signals,
            last_signal_input: tally.last_signal,
            orders: tally.orders,
            fills: tally.fills,
        }
    }
}

impl fmt::Display for InstrumentResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { symbol, signals, orders, fills, .. } = self;
        write!(f, "{symbol:<12} signals {signals}  orders {orders}  fills {fills}")?;
        if let (Some(false), Some(since)) = (self.trusted, self.since_input) {
            write!(f, "  book lost at input {since}, not trusted since")?;
        }
        Ok(())
    }
}

/// What came of a run. Money is exact, PnL to the trillionth, and in the reporting asset; times are
/// seconds.
#[derive(Clone, Debug, Serialize)]
pub struct RunResult {
    /// The session that holds its records.
    pub session: String,
    /// Frames read, or rows of files of history.
    pub frames: u64,
    /// Market events.
    pub events: u64,
    /// Books lost.
    pub gaps: u64,
    /// Evaluations.
    pub evaluations: u64,
    /// Wishes for an order.
    pub signals: u64,
    /// Refused by risk.
    pub refusals: u64,
    /// Orders sent.
    pub orders: u64,
    /// Orders rejected by the venue.
    pub rejects: u64,
    /// Fills.
    pub fills: u64,
    /// Bars closed with trades that were asked for.
    pub repaired_bars: u64,
    /// Bars closed that are not known whole.
    pub partial_bars: u64,
    /// Evaluations whose bar was partial.
    pub bar_incomplete: u64,
    /// Trades that came after their bar was closed.
    pub late_trades: u64,
    /// Fees, valued in quote asset.
    pub fees: Num,
    /// Realised and unrealised PnL less fees.
    pub pnl: Num,
    /// Everything at mark; absent when a conversion is missing.
    pub equity: Option<Num>,
    /// The same by instrument, in the order of the configuration.
    pub instruments: Vec<InstrumentResult>,
    /// What a trader reads of it; only of a backtest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// How orders were filled.
    pub fill_model: String,
    /// Hash over every record, written or not.
    pub output_hash: String,
    /// Frames a second of wall time.
    pub ev_per_s_wall: f64,
    /// Frames a second of CPU time of all threads.
    pub ev_per_s_cpu: f64,
    /// Seconds of reading files of history.
    pub load_wall_s: f64,
    /// CPU seconds of reading files of history.
    pub load_cpu_s: f64,
    /// Seconds of the run.
    pub run_wall_s: f64,
    /// CPU seconds of the run.
    pub run_cpu_s: f64,
    /// The most memory held, in MiB.
    pub peak_rss_mb: f64,
    /// What was read, dropped and missing, of a run over history in files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Summary>,
}

impl RunResult {
    /// Gathers the result of a finished run.
    pub fn collect(
        pipeline: &Pipeline,
        outputs: &Outputs,
        plan: &Plan,
        timing: Timing,
        session: &Session,
    ) -> Self {
        let tally = &outputs.tally;
        let money = pipeline.engine().money();
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = |seconds: f64| timing.frames as f64 / seconds.max(1e-9);
        Self {
            session: session.manifest().run_id.to_string(),
            frames: timing.frames,
            events: timing.events,
            gaps: tally.gaps,
            evaluations: tally.evaluations,
            signals: tally.signals,
            refusals: tally.refusals,
            orders: tally.orders,
            rejects: tally.rejects,
            fills: tally.fills,
            repaired_bars: tally.repaired_bars,
            partial_bars: tally.partial_bars,
            bar_incomplete: tally.bar_incomplete,
            late_trades: tally.late_trades,
            fees: money.fees,
            // The average that a partial close divides by leaves a residue; no fee is so small.
            pnl: money.pnl.round_dp(12),
            equity: money.equity,
            instruments: instruments(plan, tally),
            report: None,
            fill_model: plan.engine.paper.describe(),
            output_hash: format!("{:016x}", outputs.hash_mark().hash),
            ev_per_s_wall: rate(timing.wall_s).round(),
            ev_per_s_cpu: rate(timing.cpu_s).round(),
            load_wall_s: timing.load_wall_s,
            load_cpu_s: timing.load_cpu_s,
            run_wall_s: timing.wall_s,
            run_cpu_s: timing.cpu_s,
            peak_rss_mb: platform::peak_rss_mb(),
            history: None,
        }
    }

    /// How the session ended, for its manifest.
    pub fn ending(&self, at: UnixNanos) -> Ending {
        let counts = [
            ("frames", self.frames),
            ("events", self.events),
            ("gaps", self.gaps),
            ("evaluations", self.evaluations),
            ("signals", self.signals),
            ("refusals", self.refusals),
            ("orders", self.orders),
            ("fills", self.fills),
        ];
        let counts: BTreeMap<String, u64> =
            counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        Ending { at, error: None, counts }
    }
}

fn instruments(plan: &Plan, tally: &Tally) -> Vec<InstrumentResult> {
    let none = InstrumentTally::default();
    let ids = (0..).map(InstrumentId);
    let known = plan.engine.instruments.iter().zip(ids);
    known
        .map(|(instrument, id)| {
            InstrumentResult::of(&instrument.symbol, tally.instruments.get(&id).unwrap_or(&none))
        })
        .collect()
}

impl fmt::Display for RunResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let equity = self
            .equity
            .map_or_else(|| "unknown".to_owned(), |equity| equity.round_dp(2).to_string());
        writeln!(f, "session      {}", self.session)?;
        if let Some(history) = &self.history {
            writeln!(f, "{history}")?;
        }
        writeln!(f, "frames       {}  events {}  gaps {}", self.frames, self.events, self.gaps)?;
        writeln!(
            f,
            "decisions    {}  signals {}  refused {}",
            self.evaluations, self.signals, self.refusals
        )?;
        writeln!(
            f,
            "orders       {}  rejected {}  fills {}",
            self.orders, self.rejects, self.fills
        )?;
        writeln!(
            f,
            "money        PnL {}  fees {}  equity {equity}",
            self.pnl.round_dp(2),
            self.fees.round_dp(2)
        )?;
        for instrument in &self.instruments {
            writeln!(f, "{instrument}")?;
        }
        if let Some(report) = &self.report {
            writeln!(f, "\n{report}\n")?;
        }
        writeln!(f, "fill model   {}", self.fill_model)?;
        writeln!(f, "output hash  {}", self.output_hash)?;
        write!(
            f,
            "speed        {:.0} frames/s of CPU, {:.0} of wall time ({:.3} s); peak memory {:.0} MiB",
            self.ev_per_s_cpu, self.ev_per_s_wall, self.run_wall_s, self.peak_rss_mb
        )
    }
}
