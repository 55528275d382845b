//! The command line: what may be typed, and what it means.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::help;

/// An observability-first terminal trading client: every decision explains itself and replays.
#[derive(Debug, Parser)]
#[command(name = "tickscope", version, after_help = help::ALL)]
pub struct Cli {
    /// What to do; `run` when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trade: market data in, decisions, orders on paper, everything recorded.
    #[command(after_help = help::RUN)]
    Run(RunArgs),
    /// Serve a loopback exchange that speaks Binance spot's market-data protocol.
    #[command(after_help = help::SIM)]
    Sim(SimArgs),
    /// Look at recordings, import them, check them.
    #[command(subcommand)]
    Tape(TapeCommand),
    /// Run a recorded session again and compare every record.
    #[command(after_help = help::REPLAY)]
    Replay(ReplayArgs),
    /// Run a tape or a file of ticks through the engine as fast as possible.
    #[command(after_help = help::BACKTEST)]
    Backtest(BacktestArgs),
    /// Check that no decision depends on what comes later on the tape.
    #[command(after_help = help::LOOKAHEAD)]
    Lookahead(LookaheadArgs),
    /// Check a configuration without running it.
    #[command(after_help = help::CHECK)]
    Check(CheckArgs),
    /// List the recorded sessions.
    #[command(after_help = help::SESSIONS)]
    Sessions(SessionsArgs),
}

/// Where a configuration comes from.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigArgs {
    /// A configuration file. Default: what a tape's own run was configured with, else the demo.
    #[arg(long, value_name = "FILE", env = "TICKSCOPE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Set one key, as in `--set risk.max_daily_loss=100`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// `run`.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Run without a screen: in a pipe, a service, a test.
    #[arg(long)]
    pub headless: bool,
    /// Stop by itself after this time: `90s`, `5m`, `1h`. Default: never.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Take market data from this server instead of the configured one; plain http only on this
    /// machine.
    #[arg(long, value_name = "URL")]
    pub venue_url: Option<String>,
    /// End with one line of JSON on standard output.
    #[arg(long, requires = "headless")]
    pub json: bool,
}

/// `sim`.
#[derive(Debug, Clone, Args)]
pub struct SimArgs {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 9_080)]
    pub port: u16,
    /// Serve this tape or session (or `last`) verbatim instead of a synthetic market.
    #[arg(long, value_name = "TAPE")]
    pub tape: Option<String>,
    /// How many times as fast as real time: 0.001 to 100000, or `max`.
    #[arg(long, default_value = "1", value_name = "N|max")]
    pub speed: String,
    /// Seed of the synthetic market: the same seed makes the same market.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// The synthetic market's instruments, separated by commas.
    #[arg(
        long,
        value_name = "SYMBOLS",
        value_delimiter = ',',
        default_value = "BTCUSDT,ETHUSDT,SOLUSDT"
    )]
    pub instruments: Vec<String>,
    /// Something that goes wrong on purpose: `drop-depth=500`, `drop-trade=500x20`,
    /// `refuse-history`, `silence=btcusdt@trade@10s`.
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<String>,
    /// Stop by itself after this time: `90s`, `5m`, `1h`. Default: never.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
}

/// `tape`.
#[derive(Debug, Clone, Subcommand)]
pub enum TapeCommand {
    /// Turn recorded messages into a tape.
    #[command(after_help = help::IMPORT)]
    Import {
        /// How the file is written.
        #[arg(long, value_enum, default_value_t = RawFormat::Raw)]
        format: RawFormat,
        /// The file, plain or compressed with zstd.
        file: PathBuf,
        /// The tape to write; a file that is there already is not touched.
        #[arg(short, long, value_name = "FILE.mcap")]
        output: PathBuf,
    },
    /// What a tape holds.
    #[command(after_help = help::INFO)]
    Info {
        /// A file, a session, or `last`.
        tape: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check that a tape is whole, with --book that its books can be rebuilt, with --bars that its
    /// bars are the venue's own.
    #[command(after_help = help::VERIFY)]
    Verify {
        /// A file, a session, or `last`.
        tape: String,
        /// Compare the rebuilt books with the venue's own quotes.
        #[arg(long)]
        book: bool,
        /// Compare the bars that its trades make with the venue's own candles, digit for digit: with
        /// those that it asked for itself, and with those in --klines.
        #[arg(long)]
        bars: bool,
        /// A file with an answer of the venue's klines; may be repeated.
        #[arg(long, value_name = "SYMBOL=FILE", requires = "bars")]
        klines: Vec<String>,
    },
    /// Copy a tape without some inputs, to see whether they are missed.
    #[command(after_help = help::CUT)]
    Cut {
        /// A file, a session, or `last`.
        tape: String,
        /// The number of an input to leave out; may be repeated.
        #[arg(long, value_name = "SEQ", required = true)]
        drop: Vec<u64>,
        /// The tape to write; a file that is there already is not touched.
        #[arg(short, long, value_name = "FILE.mcap")]
        output: PathBuf,
    },
}

/// How a file of recorded messages is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RawFormat {
    /// One message a line: receive time in nanoseconds, a space, the message as it came.
    Raw,
}

/// `replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// A session, its prefix, a tape, or `last`.
    #[arg(default_value = "last")]
    pub tape: String,
    /// Ends with 0 when every record is equal, with 5 and the first difference otherwise. Comparing
    /// is all that `replay` does so far, with this word or without.
    #[arg(long)]
    pub verify: bool,
}

/// `backtest`.
#[derive(Debug, Clone, Args)]
pub struct BacktestArgs {
    /// A tape, a session, or `last`.
    #[arg(long, value_name = "TAPE", conflicts_with = "ticks")]
    pub tape: Option<String>,
    /// A CSV file with the header `ts_ns,id,price,qty,side`.
    #[arg(long, value_name = "FILE.csv")]
    pub ticks: Option<PathBuf>,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Write one row for each round trip to this file; one that is there already is not touched.
    #[arg(long, value_name = "FILE.csv")]
    pub trades: Option<PathBuf>,
    /// Write equity over time to this file, all of it and by strategy and instrument.
    #[arg(long, value_name = "FILE.csv")]
    pub equity: Option<PathBuf>,
    /// Run it under both queue models: resting orders that wait for everybody before them, and
    /// resting orders that the first trade at their price fills.
    #[arg(long)]
    pub bracket: bool,
    /// End with one line of JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `lookahead`.
#[derive(Debug, Clone, Args)]
pub struct LookaheadArgs {
    /// A tape, a session, or `last`.
    #[arg(long, value_name = "TAPE", default_value = "last")]
    pub tape: String,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// At how many points the tape is cut, spread evenly over its inputs.
    #[arg(long, value_name = "N", default_value_t = 20,
        value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub cuts: u64,
    /// One line of JSON instead of a sentence.
    #[arg(long)]
    pub json: bool,
}

/// `check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Where the configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Print every key with its value and where it came from.
    #[arg(long)]
    pub print: bool,
}

/// `sessions`.
#[derive(Debug, Clone, Args)]
pub struct SessionsArgs {
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// A time span above zero: a number and `ms`, `s`, `m` or `h`.
fn duration(text: &str) -> Result<Duration, String> {
    let span: crate::config::unit::TimeSpan = text.parse()?;
    if span.0 == 0 {
        return Err("a run of no time does nothing: give more than 0".to_owned());
    }
    Ok(Duration::from_nanos(span.0))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The examples in the help of a command and of those below it.
    fn examples(command: &clap::Command, found: &mut Vec<String>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        found.extend(help.lines().filter_map(|line| {
            let typed = line.strip_prefix("  tickscope")?;
            let typed = typed.split("   ").next()?.split(" | ").next()?;
            Some(typed.trim().to_owned())
        }));
        command.get_subcommands().for_each(|below| examples(below, found));
    }

    /// Lost if broken: the first command that somebody copies.
    #[test]
    fn every_example_of_the_help_is_one() {
        let mut found = Vec::new();
        examples(&Cli::command(), &mut found);
        assert!(found.len() > 30, "{found:?}");
        for example in &found {
            let words = std::iter::once("tickscope").chain(example.split_whitespace());
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("tickscope {example}\n{error}");
            }
        }
        for command in Cli::command().get_subcommands().filter(|c| c.get_name() != "tape") {
            assert!(command.get_after_help().is_some(), "{} has no example", command.get_name());
        }
    }
}
