//! Commands: the command line's words become calls, results go to standard output, talk to
//! standard error.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;

use super::cli::{BacktestArgs, CheckArgs, Cli, Command, ConfigArgs, ReplayArgs, RunArgs};
use super::cli::{SessionsArgs, SessionsCommand, StrategyCommand};
use super::control::command_line;
use super::control::protocol::Ask;
use super::error::{AppError, Exit};
use super::tape_command;
use super::{
    account, attach, backtest, diff, explain, export, live, lookahead, prune_command, replay,
    report, selftest, setup, sim, strategy_check, whatif,
};
use crate::domain::clean;
use crate::strategy::StrategyKind;

/// No sentence about a mistake is longer.
const ERROR_CHARACTERS: usize = 2_000;

/// Runs the command line with these strategies: the whole program. A crate of one's own calls it
/// with `strategies![Mine]`.
pub fn run(strategies: Vec<StrategyKind>) -> ExitCode {
    run_with(std::env::args_os(), strategies)
}

/// The same with arguments of the caller's own, the first of which is the program's name: for a
/// program that has a command line beside this one.
#[expect(clippy::needless_pass_by_value, reason = "it reads `run_with(…, strategies![Mine])`")]
pub fn run_with(
    arguments: impl IntoIterator<Item = OsString>,
    strategies: Vec<StrategyKind>,
) -> ExitCode {
    let cli = Cli::parse_from(arguments);
    let command = cli.command.unwrap_or_else(|| Command::Run(RunArgs::default()));
    match dispatch(&command, &strategies) {
        Ok(exit) => exit.into(),
        Err(error) => {
            say_error(&error);
            error.exit().into()
        }
    }
}

fn dispatch(command: &Command, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    match command {
        Command::Backtest(args) => run_backtest(args, registry),
        Command::Explain(args) => explain::run(args, registry),
        Command::Export(command) => export::run(command, registry),
        Command::WhyNot(args) => explain::why_not::run(args, registry),
        Command::WhatIf(args) => whatif::run(args, registry),
        Command::Replay(args) => run_replay(args, registry),
        Command::Lookahead(args) => lookahead::run(args, registry),
        Command::Strategy(StrategyCommand::Check(args)) => strategy_check::run(args, registry),
        Command::Diff(args) => diff::run(args, registry),
        Command::Selftest(args) => selftest::run(args, registry),
        Command::Check(args) => check(args, registry),
        Command::Tape(command) => tape_command::run(command, registry),
        Command::Sessions(args) => sessions(args),
        Command::Sim(args) => sim::run(args),
        Command::Run(args) => live::run(args, registry),
        Command::Account(args) => account::run(args, registry),
        Command::Attach(args) => attach::run(args, registry),
        Command::Halt(args) => command_line::run(Ask::Halt, args),
        Command::Flatten(args) => command_line::run(Ask::Flatten, args),
        Command::CancelAll(args) => command_line::run(Ask::CancelAll, args),
        Command::Pause { strategy, control } => {
            command_line::run(Ask::Pause(strategy.clone()), control)
        }
        Command::Resume { strategy, control } => {
            command_line::run(Ask::Resume(strategy.clone()), control)
        }
        Command::Trace { instrument, length, control } => {
            let (instrument, seconds) = (instrument.clone(), length.as_secs());
            command_line::run(Ask::Trace { instrument, seconds }, control)
        }
    }
}

fn sessions(args: &SessionsArgs) -> Result<Exit, AppError> {
    match &args.command {
        Some(SessionsCommand::Prune(args)) => prune_command::run(args),
        None => tape_command::sessions(args),
    }
}

fn run_backtest(args: &BacktestArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let ConfigArgs { config, set } = args.config.clone();
    let request = backtest::Request {
        tape: args.tape.clone(),
        ticks: args.ticks.clone(),
        bars: args.bars.clone(),
        instrument: args.instrument.clone(),
        config,
        set,
        queue: None,
        keeps_trips: args.trades.is_some(),
        quiet: !std::io::stderr().is_terminal(),
    };
    let files = report::csv::Files::create(args.trades.as_deref(), args.equity.as_deref())?;
    let run = if args.bracket { report::bracket::run } else { backtest::run };
    let result = run(&request, registry)?;
    files.write(&result)?;
    if args.json {
        print_json(&result)?;
    } else {
        print(&result.to_string());
    }
    Ok(Exit::Done)
}

fn run_replay(args: &ReplayArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let has_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if has_terminal && !args.verify {
        return replay::screen::run(args, registry);
    }
    let verdict = replay::verify(&args.tape, registry)?;
    if args.json {
        print_json(&verdict)?;
    } else {
        print(&verdict.line());
    }
    Ok(if verdict.difference.is_some() { Exit::Different } else { Exit::Done })
}

fn check(args: &CheckArgs, registry: &[StrategyKind]) -> Result<Exit, AppError> {
    let loaded = setup::load(args.config.config.clone(), &args.config.set, registry)?;
    let plan = super::build::plan(&loaded, super::build::Filters::FromVenue)?;
    super::build::pipeline(&plan, registry)?;
    sim::configured_faults(&loaded)?;
    if args.print {
        print(loaded.effective());
    } else {
        let config = &loaded.config;
        print(&format!(
            "valid: {} strategies on {} instruments of {}, account {}, config {:016x}",
            config.strategies.len(),
            config.venue.instruments.len(),
            config.venue.name,
            config.account.name,
            loaded.hash
        ));
        for strategy in &config.strategies {
            for note in super::build::never_holds(strategy) {
                print(&note);
            }
        }
    }
    Ok(Exit::Done)
}

/// Writes a result to standard output; whoever closed it early does not want it.
pub(super) fn print(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end());
}

/// Writes a result as one line of JSON.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), AppError> {
    let line = serde_json::to_string(value)
        .map_err(|error| AppError::new(Exit::Failed, error.to_string()))?;
    print(&line);
    Ok(())
}

fn say_error(error: &AppError) {
    let mut stderr = std::io::stderr().lock();
    let colour = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let _ = match error {
        AppError::Config(error) => write!(stderr, "{}", error.render(colour, 100)),
        _ => return say(&error.to_string()),
    };
}

/// Says a sentence on standard error. What was typed, or came from a tape, may be anything.
pub(super) fn say(sentence: &str) {
    let sentence = clean(sentence, ERROR_CHARACTERS);
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "tickscope: {sentence}");
}
