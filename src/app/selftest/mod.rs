//! `selftest`: the proof that this binary, on this machine, decides the same twice. Seeded sessions
//! run in virtual time, each once straight and once with its pipeline saved and restored on the way;
//! both must do the same at every input, byte for byte.

mod draw;
mod scenario;
mod session;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

use self::draw::Draw;
use self::scenario::Scenario;
use self::session::Trace;
use super::cli::SelftestArgs;
use super::command::{print, print_json};
use super::error::{AppError, Exit};
use crate::strategy::StrategyKind;

/// How often the second run of a session changes over to a restored pipeline.
const RESTORES: u64 = 6;
/// Sets the places of changing over apart from all else that a seed decides.
const PLACES: u64 = 0xd1b5_4a32_d192_ed03;
/// Seeds named one by one; more are counted.
const NAMED: usize = 5;

/// What a self-test found.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The first seed.
    pub first: u64,
    /// Sessions, each run twice.
    pub seeds: u64,
    /// How long each lasts, in virtual seconds.
    pub seconds: u64,
    /// Inputs of all sessions, each counted once.
    pub inputs: u64,
    /// Records of all sessions.
    pub records: u64,
    /// Signals of all sessions.
    pub signals: u64,
    /// Fills of all sessions.
    pub fills: u64,
    /// Books that were lost.
    pub gaps: u64,
    /// Times that a restored pipeline went on in the place of another.
    pub restores: u64,
    /// The hash over the records of all sessions, in hexadecimal: the same on every machine.
    pub output_hash: String,
    /// Sessions that did not do the same twice.
    pub different: Vec<Different>,
}

/// A session that did not do the same twice.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Different {
    /// Its seed.
    pub seed: u64,
    /// What differs, and where.
    pub what: String,
    /// The command that shows it again.
    pub command: String,
}

impl Verdict {
    /// The sentences that say it.
    pub fn text(&self) -> String {
        let Self { seeds, first, seconds, .. } = self;
        let last = first + seeds - 1;
        let head = format!("seeds {first} to {last}, {seconds} s each");
        if self.different.is_empty() {
            return format!(
                "equal: {head}, run twice: {} inputs, {} records, {} signals, {} fills, {} books \
                 lost, {} times restored, output hash {}",
                self.inputs,
                self.records,
                self.signals,
                self.fills,
                self.gaps,
                self.restores,
                self.output_hash
            );
        }
        let named = self.different.iter().take(NAMED);
        let lines = named
            .map(|Different { seed, what, command }| format!("\nseed {seed}: {what}\n  {command}"));
        format!("DIFFERENT: {} of {head}{}", self.different.len(), lines.collect::<String>())
    }
}

/// The command.
pub fn run(args: &SelftestArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let verdict = check(args.first, args.seeds, args.seconds, registry)?;
    if args.json {
        print_json(&verdict)?;
    } else {
        print(&verdict.text());
    }
    Ok(if verdict.different.is_empty() { Exit::Done } else { Exit::Different })
}

/// Runs the sessions of so many seeds from `first` on, on every core.
pub fn check(
    first: u64,
    seeds: u64,
    seconds: u64,
    registry: &[StrategyKind],
) -> Result<Verdict, AppError> {
    let next = AtomicU64::new(0);
    let outcomes = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(seed) = first.checked_add(at).filter(|_| at < seeds) else { break };
            let outcome = one(seed, seconds, registry);
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).insert(seed, outcome);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 1..cores {
            scope.spawn(work);
        }
        work();
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(gather(first, seeds, seconds, outcomes))
}

/// What one seed came to: its first run, or what was different.
type Outcome = Result<(Trace, u64), String>;

fn gather(first: u64, seeds: u64, seconds: u64, outcomes: BTreeMap<u64, Outcome>) -> Verdict {
    let mut verdict = Verdict {
        first,
        seeds,
        seconds,
        inputs: 0,
        records: 0,
        signals: 0,
        fills: 0,
        gaps: 0,
        restores: 0,
        output_hash: String::new(),
        different: Vec::new(),
    };
    let mut hash = Xxh3::new();
    for (seed, outcome) in outcomes {
        match outcome {
            Ok((trace, restores)) => {
                hash.update(&trace.output_hash().to_le_bytes());
                verdict.inputs += trace.steps.len() as u64;
                verdict.records += trace.records;
                verdict.signals += trace.signals;
                verdict.fills += trace.fills;
                verdict.gaps += trace.gaps;
                verdict.restores += restores;
            }
            Err(what) => {
                let seconds = format!("--seconds {seconds}");
                let command = format!("tickscope selftest --first {seed} --seeds 1 {seconds}");
                verdict.different.push(Different { seed, what, command });
            }
        }
    }
    verdict.output_hash = format!("{:016x}", hash.digest());
    verdict
}

/// Runs the session of a seed twice; the first run, or the sentence that says what was different.
fn one(seed: u64, seconds: u64, registry: &[StrategyKind]) -> Outcome {
    let attempt = || {
        let scenario = Scenario::of(seed, seconds, registry).map_err(|error| error.to_string())?;
        let run = |restores: &[u64]| {
            session::run(&scenario, registry, restores).map_err(|error| error.to_string())
        };
        let straight = run(&[])?;
        let restores = places(seed, straight.steps.len() as u64);
        let restored = run(&restores)?;
        if let Some(apart) = apart(&straight, &restored) {
            // Which of the two it is, a third run tells.
            let again = run(&[])?;
            return Err(match self::apart(&straight, &again) {
                Some(apart) => format!("run twice, {apart}"),
                None => format!("restored after inputs {restores:?}, {apart}"),
            });
        }
        Ok((straight, restores.len() as u64))
    };
    // The seed of a run that broke off is what whoever repairs it needs.
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|_| Err("it panics".to_owned()))
}

/// After which of so many inputs the second run changes over.
fn places(seed: u64, inputs: u64) -> Vec<u64> {
    let mut draw = Draw::new(seed ^ PLACES);
    let mut places: Vec<u64> = (0..RESTORES).map(|_| 1 + draw.below(inputs)).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// Where two runs part, in words.
fn apart(one: &Trace, other: &Trace) -> Option<String> {
    let (inputs, then) = (one.steps.len(), other.steps.len());
    let mut pairs = one.steps.iter().zip(&other.steps);
    if let Some(at) = pairs.position(|(one, other)| one != other) {
        let same_inputs = one.inputs_after(at) == other.inputs_after(at);
        let what = if same_inputs { "records" } else { "inputs" };
        return Some(format!("its {what} differ at input {} of {inputs}", at + 1));
    }
    (inputs != then).then(|| format!("it has {inputs} inputs and then {then}"))
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::domain::Trade;
    use crate::strategy::{Context, ParamSpec, Params, Strategy, StrategyError, all, built_in};

    /// Lost if broken: replay, checkpoints and restarts, which all rest on this.
    #[test]
    fn a_session_does_the_same_twice_and_restored() {
        let verdict = check(1, 3, 4, &built_in()).unwrap();
        assert_eq!(verdict.different, []);
        assert!(verdict.records > 1_000 && verdict.signals > 0, "{verdict:?}");
        assert!(verdict.restores > 10, "{verdict:?}");
        let again = check(1, 3, 4, &built_in()).unwrap();
        assert_eq!(verdict.output_hash, again.output_hash);
        let others = check(2, 1, 4, &built_in()).unwrap();
        assert_ne!(verdict.output_hash, others.output_hash);
    }

    /// Forgets, when it is saved, how many trades it saw.
    #[derive(Serialize, Deserialize)]
    struct Forgetful {
        #[serde(skip)]
        seen: u64,
    }

    impl Strategy for Forgetful {
        const KIND: &'static str = "forgetful";
        const PARAMS: &'static [ParamSpec] = &[];

        fn new(_: &Params) -> Result<Self, StrategyError> {
            Ok(Self { seen: 0 })
        }

        fn on_trade(&mut self, ctx: &mut Context<'_>, _: &Trade) {
            self.seen += 1;
            #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
            let seen = ctx.value("seen", self.seen as f64);
            ctx.decide("never", all([seen.lt(0.0)]));
        }
    }

    /// Counts over all runs of the process.
    #[derive(Serialize, Deserialize)]
    struct Whimsical;

    impl Strategy for Whimsical {
        const KIND: &'static str = "whimsical";
        const PARAMS: &'static [ParamSpec] = &[];

        fn new(_: &Params) -> Result<Self, StrategyError> {
            Ok(Self)
        }

        fn on_trade(&mut self, ctx: &mut Context<'_>, _: &Trade) {
            static CALLS: AtomicU64 = AtomicU64::new(0);
            #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
            let calls = ctx.value("calls", CALLS.fetch_add(1, Ordering::Relaxed) as f64);
            ctx.decide("never", all([calls.lt(0.0)]));
        }
    }

    /// Lost if broken: a self-test that passes whatever happens, and the seed to look at.
    #[test]
    fn state_that_is_lost_and_state_that_is_shared_are_told_apart() {
        let with = |kind| built_in().into_iter().chain([kind]).collect::<Vec<_>>();
        // Seeds choose how these are asked; of a few one asks with every trade.
        let forgets = check(1, 4, 4, &with(StrategyKind::of::<Forgetful>())).unwrap();
        let found = forgets.different.first().expect("it forgot");
        assert!(found.what.starts_with("restored after inputs ["), "{found:?}");
        assert!(found.what.contains("its records differ at input "), "{found:?}");
        let again = format!("tickscope selftest --first {} --seeds 1 --seconds 4", found.seed);
        assert_eq!(found.command, again);
        assert!(forgets.text().contains(&again), "{}", forgets.text());
        let shares = check(1, 4, 4, &with(StrategyKind::of::<Whimsical>())).unwrap();
        let found = shares.different.first().expect("it counts on");
        assert!(found.what.starts_with("run twice, its records differ at "), "{found:?}");
    }
}
