//! The stages as the health pane shows them: how much goes through each, and how slow it is at worst.

use std::time::Instant;

use super::core::TIMED;
use crate::engine::view::StageView;
use crate::telemetry::{Stage, Telemetry, Word};

/// What is shown of the stages, anew each second.
pub struct Stages {
    since: Instant,
    counts: Vec<u64>,
    shown: Vec<StageView>,
}

impl Stages {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self { since: Instant::now(), counts: vec![0; Stage::ALL.len()], shown: Vec::new() }
    }

    /// What to show now.
    pub fn look(&mut self, telemetry: &Telemetry) -> Vec<StageView> {
        let elapsed = self.since.elapsed().as_secs_f64();
        if elapsed >= 1.0 {
            self.since = Instant::now();
            let stages = Stage::ALL.iter().zip(&mut self.counts);
            self.shown =
                stages.map(|(stage, before)| view(telemetry, *stage, before, elapsed)).collect();
        }
        self.shown.clone()
    }
}

fn view(telemetry: &Telemetry, stage: Stage, before: &mut u64, elapsed: f64) -> StageView {
    let (count, p99) = telemetry.stage_so_far(stage);
    let measured = count.saturating_sub(std::mem::replace(before, count));
    // What happens for every input is measured now and then.
    let each = if matches!(stage, Stage::Decode | Stage::Engine) { TIMED } else { 1 };
    #[expect(clippy::cast_precision_loss, reason = "a rate and microseconds, shown")]
    let (per_second, p99_us) =
        ((measured * each) as f64 / elapsed, p99.map(|p99| p99 as f64 / 1e3));
    StageView { name: stage.as_str().to_owned(), per_second, p99_us }
}
