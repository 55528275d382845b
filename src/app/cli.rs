//! The command line: what may be typed, and what it means.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  tickscope                                   a synthetic market, strategies, the screen
  tickscope run --headless --for 60s --json   the same without a screen
  tickscope run --config config/binance-paper.toml
  tickscope sim --port 9080                   a loopback exchange for other programs
  tickscope replay last --verify              prove that the last session reproduces
  tickscope backtest --tape last              its tape again, as fast as possible
  tickscope flatten                           from elsewhere: close everything, open nothing
  tickscope attach                            the screen of a run in another process

Exit codes: 0 done, 1 failure, 2 usage or no terminal, 3 invalid configuration, 4 no connection or
port, 5 replay differs or tape damaged, 6 halted, 7 tape or session not writable.";

const CONTROL_EXAMPLES: &str = "\
Examples:
  tickscope halt                       the only active run
  tickscope flatten --session k7f3     one of several
  tickscope pause trend                no entries of `trend` any more
  tickscope resume trend               and again
  tickscope resume                     out of a halt, or after flattening
  tickscope flatten --json | jq .not_closed

Exit codes: 0 done, 1 not done or not wholly, or no answer in time, 2 several runs or an unknown
session or strategy, 4 no run is active.";

const ATTACH_EXAMPLES: &str = "\
Examples:
  tickscope attach                     the only active run
  tickscope attach --session k7f3      one of several
  tickscope attach --read-only         only look

Exit codes: 0 left, or the run has ended; 1 the connection broke; 2 no terminal, several runs, or
an unknown session; 4 no run is active.";

/// An observability-first terminal trading client: every decision explains itself and replays.
#[derive(Debug, Parser)]
#[command(name = "tickscope", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do; `run` when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trade: market data in, decisions, orders on paper, everything recorded.
    Run(RunArgs),
    /// Serve a loopback exchange that speaks Binance spot's market-data protocol.
    Sim(SimArgs),
    /// Look at recordings, import them, check them.
    #[command(subcommand)]
    Tape(TapeCommand),
    /// Run a recorded session again and compare every record.
    Replay(ReplayArgs),
    /// Run a tape or a file of ticks through the engine as fast as possible.
    Backtest(BacktestArgs),
    /// Check a configuration without running it.
    Check(CheckArgs),
    /// List the recorded sessions.
    Sessions(SessionsArgs),
    /// Show a run that is active in another process; leaving ends nothing.
    #[command(after_help = ATTACH_EXAMPLES)]
    Attach(AttachArgs),
    /// Stop all trading of a run and cancel its open orders; positions stay open.
    #[command(after_help = CONTROL_EXAMPLES)]
    Halt(ControlArgs),
    /// Cancel every open order, close every position at market, open none until resumed.
    #[command(after_help = CONTROL_EXAMPLES)]
    Flatten(ControlArgs),
    /// Cancel every open order; trading goes on.
    #[command(after_help = CONTROL_EXAMPLES)]
    CancelAll(ControlArgs),
    /// Stop a strategy's entries and cancel its open entry orders; its exits work.
    #[command(after_help = CONTROL_EXAMPLES)]
    Pause {
        /// The strategy's name in the configuration.
        strategy: String,
        /// Which run, and how to answer.
        #[command(flatten)]
        control: ControlArgs,
    },
    /// Leave a halt or flattening; with a name let that strategy enter positions again.
    #[command(after_help = CONTROL_EXAMPLES)]
    Resume {
        /// The strategy's name in the configuration.
        strategy: Option<String>,
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
    /// A configuration file; without any, a synthetic market is traded.
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
    /// Run without a screen.
    #[arg(long)]
    pub headless: bool,
    /// Stop by itself after this time: `90s`, `5m`, `1h`.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Take market data from this server instead of the configured one.
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
    /// Serve this tape or session verbatim instead of a synthetic market.
    #[arg(long, value_name = "TAPE")]
    pub tape: Option<String>,
    /// How much faster than it was recorded: `1`, `20`, `max`.
    #[arg(long, default_value = "1", value_name = "N|max")]
    pub speed: String,
    /// Seed of the synthetic market.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// The synthetic market's instruments.
    #[arg(long, value_delimiter = ',', default_value = "BTCUSDT,ETHUSDT,SOLUSDT")]
    pub instruments: Vec<String>,
    /// Something that goes wrong on purpose: `drop-depth=500`, `silence=btcusdt@trade@10s`.
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<String>,
    /// Stop by itself after this time.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
}

/// `tape`.
#[derive(Debug, Clone, Subcommand)]
pub enum TapeCommand {
    /// Turn recorded messages into a tape.
    Import {
        /// How the file is written.
        #[arg(long, value_enum, default_value_t = RawFormat::Raw)]
        format: RawFormat,
        /// The file; compression with zstd is recognised.
        file: PathBuf,
        /// The tape to write.
        #[arg(short, long, value_name = "FILE.mcap")]
        output: PathBuf,
    },
    /// What a tape holds.
    Info {
        /// A file, a session, or `last`.
        tape: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check that a tape is whole, and with --book that its books can be rebuilt.
    Verify {
        /// A file, a session, or `last`.
        tape: String,
        /// Compare the rebuilt books with the venue's own quotes.
        #[arg(long)]
        book: bool,
    },
    /// Copy a tape without some inputs.
    Cut {
        /// A file, a session, or `last`.
        tape: String,
        /// The input's sequence number; may be repeated.
        #[arg(long, value_name = "SEQ", required = true)]
        drop: Vec<u64>,
        /// The tape to write.
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
    /// Compare every record; ends with 0 when equal, with 5 and the first difference otherwise.
    #[arg(long)]
    pub verify: bool,
}

/// `backtest`.
#[derive(Debug, Clone, Args)]
pub struct BacktestArgs {
    /// A tape, a session, or `last`.
    #[arg(long, value_name = "TAPE", conflicts_with = "ticks")]
    pub tape: Option<String>,
    /// A CSV file `ts_ns,id,price,qty,side`.
    #[arg(long, value_name = "FILE.csv")]
    pub ticks: Option<PathBuf>,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// End with one line of JSON on standard output.
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

/// A time span: a number and `ms`, `s`, `m` or `h`.
fn duration(text: &str) -> Result<Duration, String> {
    let span: crate::config::unit::TimeSpan = text.parse()?;
    Ok(Duration::from_nanos(span.0))
}
