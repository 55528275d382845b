//! The command line: what may be typed, and what it means.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::export::ExportCommand;
use super::help;
use crate::config::unit::ByteSize;
use crate::engine::trace::LENGTH_MAX;

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
    /// Why a decision was made, or why none was: its whole chain, from a recording.
    #[command(after_help = help::EXPLAIN)]
    Explain(ExplainArgs),
    /// What is recorded, in the form of other tools.
    #[command(subcommand, after_help = help::EXPORT_OTLP)]
    Export(ExportCommand),
    /// Why a strategy did not trade for a while: what stopped it, how near it came, what would have
    /// been enough.
    #[command(name = "whynot", after_help = help::WHYNOT)]
    WhyNot(WhyNotArgs),
    /// A session again with something changed: decisions, orders, fills and PnL before and after; or
    /// with one value after the other.
    #[command(name = "whatif", after_help = help::WHATIF)]
    WhatIf(WhatIfArgs),
    /// Open a recorded session in the screens, to play and step it, or compare every record of it.
    #[command(after_help = help::REPLAY)]
    Replay(ReplayArgs),
    /// Run a tape, or history in files, through the engine as fast as possible.
    #[command(after_help = help::BACKTEST)]
    Backtest(BacktestArgs),
    /// Check that no decision depends on what comes later on the tape.
    #[command(after_help = help::LOOKAHEAD)]
    Lookahead(LookaheadArgs),
    /// Look at strategies.
    #[command(subcommand, after_help = help::STRATEGY_CHECK)]
    Strategy(StrategyCommand),
    /// Name the first difference between two sessions, or a session and the venue's history.
    #[command(after_help = help::DIFF)]
    Diff(DiffArgs),
    /// Run seeded sessions twice and compare: does this binary decide the same again?
    #[command(after_help = help::SELFTEST)]
    Selftest(SelftestArgs),
    /// Check a configuration without running it.
    #[command(after_help = help::CHECK)]
    Check(CheckArgs),
    /// List the recorded sessions, or remove old ones.
    #[command(after_help = help::SESSIONS)]
    Sessions(SessionsArgs),
    /// What an account has: balances, positions, its days; and whether its runs prove it.
    #[command(after_help = help::ACCOUNT)]
    Account(AccountArgs),
    /// Show a run that is active in another process; leaving ends nothing.
    #[command(after_help = help::ATTACH)]
    Attach(AttachArgs),
    /// Stop all trading of a run and cancel its open orders; positions stay open.
    #[command(after_help = help::CONTROL)]
    Halt(ControlArgs),
    /// Cancel every open order, close every position at market, open none until resumed.
    #[command(after_help = help::CONTROL)]
    Flatten(ControlArgs),
    /// Cancel every open order; trading goes on.
    #[command(after_help = help::CONTROL)]
    CancelAll(ControlArgs),
    /// Stop a strategy's entries and cancel its open entry orders; its exits work.
    #[command(after_help = help::CONTROL)]
    Pause {
        /// The strategy's name in the configuration.
        strategy: String,
        /// Which run, and how to answer.
        #[command(flatten)]
        control: ControlArgs,
    },
    /// Leave a halt or flattening; with a name let that strategy enter positions again.
    #[command(after_help = help::CONTROL)]
    Resume {
        /// The strategy's name in the configuration.
        strategy: Option<String>,
        /// Which run, and how to answer.
        #[command(flatten)]
        control: ControlArgs,
    },
    /// Write every evaluation of an instrument for a while, not only what is news.
    #[command(after_help = help::TRACE)]
    Trace {
        /// The venue's symbol.
        instrument: String,
        /// For how long: `60s`, `5m`, at most `1h`; it ends by itself.
        #[arg(value_name = "TIME", default_value = "60s", value_parser = trace_length)]
        length: Duration,
        /// Which run, and how to answer.
        #[command(flatten)]
        control: ControlArgs,
    },
}

/// `halt` and its like: which run, and how to answer.
#[derive(Debug, Clone, Default, Args)]
pub struct ControlArgs {
    /// The session or its four-letter prefix; may be left out when one run is active.
    #[arg(long, value_name = "ID", env = "TICKSCOPE_SESSION")]
    pub session: Option<String>,
    /// Answer with one line of JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `account`.
#[derive(Debug, Clone, Args)]
pub struct AccountArgs {
    /// The account's name.
    #[arg(default_value = "paper")]
    pub name: String,
    /// Run every session of the account again, one after the other in one engine that is never
    /// stopped, and compare: what each began with, and what the ledger says in the end.
    #[arg(long)]
    pub verify: bool,
    /// One line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// `attach`.
#[derive(Debug, Clone, Default, Args)]
pub struct AttachArgs {
    /// The session or its four-letter prefix; may be left out when one run is active.
    #[arg(long, value_name = "ID", env = "TICKSCOPE_SESSION")]
    pub session: Option<String>,
    /// Only look: the screen gives no commands.
    #[arg(long)]
    pub read_only: bool,
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
    /// Begin the account anew, as it is configured; its ledger is put aside, not lost.
    #[arg(long)]
    pub fresh: bool,
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
    /// Something that goes wrong on purpose: `drop-depth=500`, `drop-depth=btcusdt@20s`,
    /// `drop-trade=500x20`, `refuse-history`, `silence=btcusdt@trade@10s`.
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<String>,
    /// Stop by itself after this time: `90s`, `5m`, `1h`. Default: never.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
}

/// `tape`.
#[derive(Debug, Clone, Subcommand)]
pub enum TapeCommand {
    /// Turn recorded messages, or history in files, into a tape.
    #[command(after_help = help::IMPORT)]
    Import {
        /// What the files hold.
        #[arg(long, value_enum, default_value_t = Format::Auto)]
        format: Format,
        /// The files: one of recorded messages, plain or compressed with zstd; or any number of
        /// files of history, CSV, zip or Parquet, merged by time.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The instrument of files whose names do not begin with it.
        #[arg(long, value_name = "SYMBOL")]
        instrument: Option<String>,
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

/// What files to import hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "camelCase")]
pub enum Format {
    /// Whatever is found in them.
    Auto,
    /// One message a line: receive time in nanoseconds, a space, the message as it came.
    Raw,
    /// Trades, in columns `ts_ns,id,price,qty,side`.
    Ticks,
    /// Binance's `trades`.
    Trades,
    /// Binance's `aggTrades`.
    AggTrades,
    /// Binance's `klines`.
    Klines,
}

/// `explain`.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct ExplainArgs {
    /// A decision (k7f3-0-0412), an order or client order id (k7f3-0-o0007), a fill
    /// (k7f3-0-o0007-f1), or the venue's number of an order or a trade.
    #[arg(group = "what")]
    pub id: Option<String>,
    /// The last decision that wanted an order; where none did the last evaluation, which is said.
    #[arg(long, group = "what")]
    pub last: bool,
    /// The last evaluation before a moment: 14:03:22.5, or 2026-11-22T14:03:00Z; without a zone it is
    /// UTC.
    #[arg(long, value_name = "TIME", group = "what")]
    pub at: Option<String>,
    /// Every evaluation from the first to the last, each as one line of JSON: what `explain ID --json`
    /// gives for it.
    #[arg(long, group = "what")]
    pub every: bool,
    /// Every order with the decision that it came from, each as one line of JSON.
    #[arg(long, group = "what")]
    pub orders: bool,
    /// Whose evaluation, with --at; may be left out where there is one strategy.
    #[arg(long, value_name = "NAME", requires = "at")]
    pub strategy: Option<String>,
    /// In which instrument, with --at; may be left out where the strategy has one.
    #[arg(long, value_name = "SYMBOL", requires = "at")]
    pub instrument: Option<String>,
    /// The session, its prefix, a tape, or `last`, the newest session of any kind; an id says itself
    /// which.
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
    /// As one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// `whynot`.
#[derive(Debug, Clone, Default, Args)]
pub struct WhyNotArgs {
    /// Whose; may be left out where there is one strategy.
    #[arg(long, value_name = "NAME")]
    pub strategy: Option<String>,
    /// In which instrument; may be left out where the strategy has one.
    #[arg(long, value_name = "SYMBOL")]
    pub instrument: Option<String>,
    /// From when: 14:00, or 2026-11-22T14:00:00Z. Without it, ten minutes before --to.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// To when. Without it, to the end of the recording.
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// The session, its prefix, a tape, or `last`, the newest session of any kind.
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
    /// As one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// `whatif`.
#[derive(Debug, Clone, Args)]
pub struct WhatIfArgs {
    /// The session, its prefix, a tape, or `last`, the newest session of any kind, which it is when
    /// left out.
    pub session: Option<String>,
    /// What is changed, as in `--set strategies.trend.fast=8`; may be repeated. `5..20`,
    /// `0.1..0.5:0.1` and `5,8,13` are values to be tried one after the other.
    #[arg(long, value_name = "KEY=VALUE", required = true)]
    pub set: Vec<String>,
    /// How far apart two decisions of a strategy to one side of an instrument are one that moved.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub within: Duration,
    /// The configuration for a tape that holds no run. A session has its own.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One line of JSON instead of tables.
    #[arg(long)]
    pub json: bool,
}

/// `replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// A session, its prefix, a tape, or `last`.
    #[arg(default_value = "last")]
    pub tape: String,
    /// Compare every record, without a screen: ends with 0 when all are equal, with 5 and the first
    /// difference otherwise. Without a terminal that is what `replay` does anyway.
    #[arg(long)]
    pub verify: bool,
    /// Begin there and wait: a time (14:03:22), the id of a decision or an order, or the number of an
    /// input (@63313).
    #[arg(long, value_name = "PLACE", conflicts_with = "verify")]
    pub at: Option<String>,
    /// Do not play until told to.
    #[arg(long, conflicts_with = "verify")]
    pub pause: bool,
    /// So many times as fast as it was; 0 is as fast as possible.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "verify")]
    pub speed: u32,
    /// One line of JSON instead of a sentence: among others the hash over all records.
    #[arg(long)]
    pub json: bool,
}

/// `backtest`.
#[derive(Debug, Clone, Args)]
pub struct BacktestArgs {
    /// A tape, a session, or `last`.
    #[arg(long, value_name = "TAPE", conflicts_with_all = ["ticks", "bars"])]
    pub tape: Option<String>,
    /// Files of trades: Binance's `trades` or `aggTrades`, or columns `ts_ns,id,price,qty,side`;
    /// CSV, zip or Parquet, merged by time.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "bars")]
    pub ticks: Vec<PathBuf>,
    /// Files of bars: Binance's `klines` as CSV, zip or Parquet, merged by time.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub bars: Vec<PathBuf>,
    /// The instrument of files whose names do not begin with it.
    #[arg(long, value_name = "SYMBOL", conflicts_with = "tape")]
    pub instrument: Option<String>,
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

/// `strategy`.
#[derive(Debug, Clone, Subcommand)]
pub enum StrategyCommand {
    /// Run the strategies over a tape, and name each order that no recorded rule explains.
    #[command(after_help = help::STRATEGY_CHECK)]
    Check(StrategyCheckArgs),
}

/// `strategy check`.
#[derive(Debug, Clone, Args)]
pub struct StrategyCheckArgs {
    /// A tape, a session (a backtest's, too: what it read is read again, and it is configured as it
    /// was), or `last`, the newest session of any kind.
    #[arg(long, value_name = "TAPE", default_value = "last")]
    pub tape: String,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Name every order that no rule explains, not only the first three of each strategy.
    #[arg(long)]
    pub all: bool,
    /// One line of JSON instead of sentences.
    #[arg(long)]
    pub json: bool,
}

/// `diff`.
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// A session, its prefix, a tape, or `last`.
    pub a: String,
    /// Another one to compare with.
    pub b: Option<String>,
    /// A setting of B, as of `run`; `strategies.trend.fast=8` is a strategy's parameter. Without a
    /// second session B is the first one's inputs under it. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The configuration of B.
    #[arg(long, value_name = "FILE")]
    pub config_b: Option<PathBuf>,
    /// Files of the venue's history to compare with instead: Binance's `trades` or `klines` as CSV,
    /// zip or Parquet.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["b", "set", "config_b"])]
    pub against: Vec<PathBuf>,
    /// The instrument of files whose names do not begin with it.
    #[arg(long, value_name = "SYMBOL", requires = "against")]
    pub instrument: Option<String>,
    /// One line of JSON instead of sentences.
    #[arg(long)]
    pub json: bool,
}

/// `selftest`.
#[derive(Debug, Clone, Args)]
pub struct SelftestArgs {
    /// How many seeds, each a session of its own.
    #[arg(long, value_name = "N", default_value_t = 200,
        value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub seeds: u64,
    /// The first seed; the others follow it.
    #[arg(long, value_name = "SEED", default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(0..=u64::MAX - 1_000_000))]
    pub first: u64,
    /// How long each session lasts, in virtual seconds.
    #[arg(long, value_name = "S", default_value_t = 60,
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
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
#[command(args_conflicts_with_subcommands = true)]
pub struct SessionsArgs {
    /// What to do with them; they are listed when left out.
    #[command(subcommand)]
    pub command: Option<SessionsCommand>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// `sessions` with a word.
#[derive(Debug, Clone, Subcommand)]
pub enum SessionsCommand {
    /// Remove old sessions: those that runs would remove, or those beyond a limit of your own.
    #[command(after_help = help::PRUNE)]
    Prune(PruneArgs),
}

/// `sessions prune`.
#[derive(Debug, Clone, Default, Args)]
pub struct PruneArgs {
    /// Say what would be removed and why, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Only the newest N sessions stay.
    #[arg(long, value_name = "N", group = "limit")]
    pub keep: Option<usize>,
    /// Only sessions that ended within N days stay.
    #[arg(long, value_name = "N", group = "limit")]
    pub days: Option<u32>,
    /// The oldest go until all together are no larger: `500MiB`, `20GiB`.
    #[arg(long, value_name = "SIZE", group = "limit")]
    pub size: Option<ByteSize>,
    /// One line of JSON instead of sentences.
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

/// A time span from a second to an hour.
fn trace_length(text: &str) -> Result<Duration, String> {
    let length = duration(text)?;
    let most = Duration::from_nanos(LENGTH_MAX);
    if length < Duration::from_secs(1) || length > most {
        return Err("a trace lasts 1s to 1h: tape and log take all of it".to_owned());
    }
    Ok(length)
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
