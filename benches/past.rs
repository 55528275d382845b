//! What a step back costs in the replay screen, at places all over the 650 s of recorded traffic: a
//! moment that was kept is taken, and what came since is run again. `TICKSCOPE_TAPES` names the folder
//! of the traffic; without it there is nothing to measure.

#![expect(clippy::print_stdout, reason = "what a bench says besides its figures")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use tickscope::app::past::Recording;
use tickscope::app::replay::timeline::{Timeline, To};
use tickscope::domain::RunId;
use tickscope::strategy;
use tickscope::tape::TapePath;

const TRAFFIC: &str = "binance_spot_btcusdt_ethusdt_20240808-09.raw.zst";
/// Inputs of the traffic.
const INPUTS: u64 = 179_318;
/// From one place to the next: a prime, so that no place is near a kept moment more often than others.
const STRIDE: u64 = 27_361;

/// A session of the traffic in a folder of its own.
fn session(traffic: &Path, state: &Path) -> TapePath {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickscope"));
        let output =
            command.args(arguments).env("XDG_STATE_HOME", state).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let tape = state.join("full.mcap");
    let path = |path: &Path| path.to_str().expect("a path of plain text").to_owned();
    run(&["tape", "import", &path(traffic), "-o", &path(&tape)]);
    run(&["backtest", "--tape", &path(&tape), "--json"]);
    let mut found = std::fs::read_dir(state.join("tickscope/sessions")).expect("sessions");
    let path = found.next().expect("one session").expect("it can be read").path();
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    TapePath { path, session: Some(RunId(name)) }
}

fn one_input_back(c: &mut Criterion) {
    let Some(tapes) = std::env::var_os("TICKSCOPE_TAPES") else {
        println!("TICKSCOPE_TAPES is not set: nothing to go back in");
        return;
    };
    let state = tempfile::tempdir().expect("a folder");
    let found = session(&PathBuf::from(tapes).join(TRAFFIC), state.path());
    let recording = Recording::of(found, &strategy::built_in()).expect("a recording");
    let mut timeline = Timeline::new(recording).expect("a timeline");
    let (mut place, mut longest) = (0, Duration::ZERO);
    c.bench_function("one input back, 650 s of traffic", |b| {
        b.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                place = (place + STRIDE) % INPUTS;
                timeline.go(To::Input(place)).expect("a place");
                let began = Instant::now();
                timeline.back().expect("a step");
                let took = began.elapsed();
                (spent, longest) = (spent + took, longest.max(took));
            }
            spent
        });
    });
    println!("the longest of all: {longest:?}");
}

criterion_group!(benches, one_input_back);
criterion_main!(benches);
