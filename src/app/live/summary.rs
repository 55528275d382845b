//! The last words of a run: four lines for a person, or one line of JSON.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::core::Core;
use crate::app::build::Plan;
use crate::app::cli::RunArgs;
use crate::app::command;
use crate::app::error::AppError;
use crate::app::platform;
use crate::app::result::{RunResult, Timing};
use crate::tape::Session;
use crate::telemetry::Percentiles;

/// What came of a live run.
#[derive(Debug, Serialize)]
pub struct LiveResult {
    /// What every run has.
    #[serde(flatten)]
    pub run: RunResult,
    /// Connections after the first.
    pub reconnects: u32,
    /// Memory held at the end, in MiB.
    pub rss_mb: f64,
    /// Payload bytes on tape, before compression.
    pub tape_bytes: u64,
    /// From readable to decision; absent when nothing was decided.
    #[serde(serialize_with = "latency_us")]
    pub latency: Option<Percentiles>,
}

/// Percentiles in microseconds, `{"count":…,"p50_us":…,…}`.
#[expect(clippy::ref_option, reason = "the signature that serde calls")]
fn latency_us<S: serde::Serializer>(
    latency: &Option<Percentiles>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[expect(clippy::cast_precision_loss, reason = "microseconds to a thousandth")]
    let us = |nanos: u64| nanos as f64 / 1e3;
    latency
        .map(|latency| {
            serde_json::json!({
                "count": latency.count, "p50_us": us(latency.p50), "p90_us": us(latency.p90),
                "p99_us": us(latency.p99), "p999_us": us(latency.p999), "max_us": us(latency.max),
            })
        })
        .serialize(serializer)
}

impl LiveResult {
    /// Gathers the result of a core that has ended.
    pub fn collect(core: &Core, plan: &Plan, session: &Session, began: (Instant, f64)) -> Self {
        let timing = Timing {
            frames: core.seq,
            events: core.pipeline.market_events(),
            load_wall_s: 0.0,
            load_cpu_s: 0.0,
            wall_s: began.0.elapsed().as_secs_f64(),
            cpu_s: platform::process_cpu() - began.1,
        };
        Self {
            run: RunResult::collect(&core.pipeline, &core.outputs, plan, timing, session),
            reconnects: core.connections.saturating_sub(1),
            rss_mb: platform::rss_mb(),
            tape_bytes: 0,
            latency: None,
        }
    }
}

/// Prints what was recorded, PnL and fees, and the commands that replay and explain it.
pub fn print(result: &LiveResult, directory: &Path, args: &RunArgs) -> Result<(), AppError> {
    if args.json {
        return command::print_json(result);
    }
    let run = &result.run;
    let prefix = run.session.rsplit('-').next().unwrap_or(&run.session);
    let equity = run.equity.map_or_else(|| "unknown".to_owned(), |e| e.round_dp(2).to_string());
    command::print(&format!(
        "recorded  {} inputs, {} decisions, {} orders, {} fills in {}\n\
         money     PnL {} after fees of {}, equity {equity} ({})\n\
         replay    tickscope replay {prefix} --verify\n\
         explain   grep -h signal.emitted {}/logs/decisions.*.jsonl | jq .",
        run.frames,
        run.evaluations,
        run.orders,
        run.fills,
        directory.display(),
        run.pnl.round_dp(2),
        run.fees.round_dp(2),
        run.fill_model.split(' ').next().unwrap_or_default(),
        directory.display(),
    ));
    Ok(())
}
