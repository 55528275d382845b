//! A scenario: everything about one session that its seed decides, before anything runs. The market,
//! the strategies' parameters, what goes wrong with the venue, what an operator asks, and how long
//! messages and answers are on their way.

use super::draw::Draw;
use crate::app::build::{self, Filters, Plan};
use crate::app::error::AppError;
use crate::app::pipeline::TapeInput;
use crate::app::setup;
use crate::domain::{Nanos, StrategyId, UnixNanos};
use crate::engine::{Command, StrategyConfig};
use crate::simulator::{Fault, synthetic};
use crate::strategy::{ParamSpec, RuleTexts, StrategyKind};
use crate::venue::{DownReason, LineEvent};

/// The configuration that seeds vary.
const CONFIG: &str = include_str!("sessions.toml");
/// When every market begins: 2024-08-09, at a whole minute.
const EPOCH: UnixNanos = UnixNanos(1_723_161_240 * UnixNanos::SECOND);
/// A thousandth of a second.
const MILLIS: Nanos = UnixNanos::SECOND / 1_000;
/// By what a parameter is multiplied.
const FACTORS: [f64; 6] = [0.5, 0.75, 1.0, 1.25, 1.5, 2.0];
/// Strategies in `sessions.toml` whose rules an operator rewrites.
const REWRITTEN: &str = "prints";

/// See the [module](self).
pub struct Scenario {
    /// Engine, strategies, account.
    pub plan: Plan,
    /// The whole configuration as canonical TOML.
    pub config: String,
    /// The market.
    pub market: synthetic::Config,
    /// When it begins.
    pub epoch: UnixNanos,
    /// When the session ends.
    pub end: UnixNanos,
    /// What goes wrong at the venue.
    pub faults: Vec<Fault>,
    /// Connections up and down, commands and changed rules, in order of time.
    pub inputs: Vec<(UnixNanos, TapeInput)>,
    /// How long a message is on its way.
    pub latency: Nanos,
    /// What an answer takes at least, and how much more at most.
    pub answer: (Nanos, Nanos),
    /// The seed.
    pub seed: u64,
}

impl Scenario {
    /// The scenario of a seed, so many seconds long, with the strategies of a registry.
    pub fn of(seed: u64, seconds: u64, registry: &[StrategyKind]) -> Result<Self, AppError> {
        let mut draw = Draw::new(seed);
        let loaded = setup::load_text(&text(&mut draw, registry), &[], registry)?;
        let mut plan = build::plan(&loaded, Filters::FromVenue)?;
        vary(&mut plan, registry, &mut draw);
        plan.engine.paper.seed = draw.below(u64::MAX);
        let symbols = &loaded.config.venue.instruments;
        let market = synthetic::Config {
            seed: draw.below(u64::MAX),
            instruments: symbols.iter().map(|s| synthetic::Instrument::of(s)).collect(),
            epoch: Some(EPOCH),
            history_seconds: draw.between(1, 5),
            past_seconds: draw.between(60, 300),
            script: synthetic::Script::None,
        };
        let end = EPOCH.plus(seconds * UnixNanos::SECOND);
        let mut inputs = connections(end, &mut draw);
        inputs.extend(operator(&plan, end, &mut draw));
        inputs.sort_by_key(|(time, _)| *time);
        Ok(Self {
            faults: faults(symbols, seconds, &mut draw),
            latency: draw.below(40) * MILLIS,
            answer: (draw.between(1, 200) * MILLIS, draw.between(1, 800) * MILLIS),
            config: loaded.canonical().to_owned(),
            epoch: EPOCH,
            plan,
            market,
            end,
            inputs,
            seed,
        })
    }
}

/// The configuration, with a strategy for each kind of the registry that it does not have.
fn text(draw: &mut Draw, registry: &[StrategyKind]) -> String {
    let is_new = |kind: &&StrategyKind| {
        !kind.rules && !CONFIG.contains(&format!("kind = \"{}\"", kind.name))
    };
    let strategies = registry.iter().filter(is_new).map(|StrategyKind { name, .. }| {
        let feed = if draw.chance(50) { "bars:1s" } else { "trades" };
        format!(
            "\n[[strategy]]\nname = \"{name}\"\nkind = \"{name}\"\nfeed = \"{feed}\"\n\
             size = \"100 USDT\"\n"
        )
    });
    std::iter::once(CONFIG.to_owned()).chain(strategies).collect()
}

/// Gives every strategy other parameters, where it takes them.
fn vary(plan: &mut Plan, registry: &[StrategyKind], draw: &mut Draw) {
    for at in 0..plan.engine.strategies.len() {
        let Some(strategy) = plan.engine.strategies.get_mut(at) else { continue };
        let Some(kind) = registry.iter().find(|kind| kind.name == strategy.kind) else { continue };
        let given = strategy.params.clone();
        for spec in kind.params {
            vary_one(strategy, spec, draw);
        }
        // Which numbers go together, only the strategy knows: an average is slow beside a fast one.
        if build::pipeline(plan, registry).is_err()
            && let Some(strategy) = plan.engine.strategies.get_mut(at)
        {
            strategy.params = given;
        }
    }
}

fn vary_one(strategy: &mut StrategyConfig, spec: &ParamSpec, draw: &mut Draw) {
    let value = strategy.params.get(spec.name).copied().unwrap_or(spec.default);
    let factor = draw.of(&FACTORS).copied().unwrap_or(1.0);
    let whole = value.fract().abs() < f64::EPSILON;
    let varied = if whole { (value * factor).round() } else { value * factor };
    strategy.params.insert(spec.name.to_owned(), varied.clamp(spec.min, spec.max));
}

/// The line: up soon after the beginning, down now and then.
fn connections(end: UnixNanos, draw: &mut Draw) -> Vec<(UnixNanos, TapeInput)> {
    const REASONS: [DownReason; 4] =
        [DownReason::Closed, DownReason::Inactive, DownReason::Expiring, DownReason::Protocol];
    let mut inputs = Vec::new();
    let mut at = EPOCH.plus(draw.between(1, 500) * MILLIS);
    let mut connection = 1;
    while at < end {
        inputs.push((at, TapeInput::Line(LineEvent::Up { connection })));
        at = at.plus(draw.between(8_000, 90_000) * MILLIS);
        let reason = draw.of(&REASONS).copied().unwrap_or(DownReason::Closed);
        inputs.push((at, TapeInput::Line(LineEvent::Down { connection, reason })));
        at = at.plus(draw.between(100, 5_000) * MILLIS);
        connection += 1;
    }
    inputs
}

/// What an operator asks for, and takes back.
fn operator(plan: &Plan, end: UnixNanos, draw: &mut Draw) -> Vec<(UnixNanos, TapeInput)> {
    let strategies = plan.engine.strategies.len() as u64;
    let mut inputs = Vec::new();
    let mut at = EPOCH;
    loop {
        at = at.plus(draw.between(5_000, 60_000) * MILLIS);
        if at >= end {
            return inputs;
        }
        let strategy = StrategyId(u16::try_from(draw.below(strategies)).unwrap_or_default());
        let (first, then) = match draw.below(5) {
            0 => (Command::Halt, Some(Command::Resume)),
            1 => (Command::Flatten, Some(Command::Resume)),
            2 => (Command::CancelAll, None),
            3 => (Command::Pause(strategy), Some(Command::ResumeStrategy(strategy))),
            _ => {
                inputs.extend(rewritten(plan, draw).map(|input| (at, input)));
                continue;
            }
        };
        inputs.push((at, TapeInput::Command(first)));
        at = at.plus(draw.between(100, 4_000) * MILLIS);
        inputs.extend(then.map(|command| (at, TapeInput::Command(command))));
    }
}

/// Other rules for a strategy that has some.
fn rewritten(plan: &Plan, draw: &mut Draw) -> Option<TapeInput> {
    let named = |strategy: &StrategyConfig| strategy.name == REWRITTEN;
    let at = plan.engine.strategies.iter().position(named)?;
    let (fast, slow) = (draw.between(2, 6), draw.between(7, 30));
    let rules = RuleTexts {
        enter: Some(format!("ema({fast}) crosses above ema({slow})")),
        exit: Some(format!("ema({fast}) crosses below ema({slow}) or holding > 3s")),
        ..RuleTexts::default()
    };
    Some(TapeInput::Revise { strategy: StrategyId(u16::try_from(at).ok()?), rules })
}

/// What goes wrong at the venue.
fn faults(symbols: &[String], seconds: u64, draw: &mut Draw) -> Vec<Fault> {
    let mut faults = Vec::new();
    while draw.chance(40) {
        faults.push(Fault::DropDepth { nth: draw.between(1, 20 * seconds) });
    }
    while draw.chance(40) {
        let (nth, count) = (draw.between(1, 20 * seconds), draw.between(1, 40));
        faults.push(Fault::DropTrade { nth, count });
    }
    if draw.chance(15) {
        faults.push(Fault::RefuseHistory);
    }
    if draw.chance(15) {
        let kind = draw.of(&["trade", "bookTicker", "depth@100ms"]).copied().unwrap_or("trade");
        let symbol = draw.of(symbols).map(|symbol| symbol.to_lowercase()).unwrap_or_default();
        let after = std::time::Duration::from_secs(draw.below(seconds));
        faults.push(Fault::Silence { stream: format!("{symbol}@{kind}"), after });
    }
    faults
}
