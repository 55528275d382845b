//! The words below each command's options: examples that run, units, defaults.

/// Below `tickscope --help`.
pub const ALL: &str = "\
Examples:
  tickscope                                   a synthetic market, strategies, the screen
  tickscope run --headless --for 60s --json   the same without a screen
  tickscope run --config config/binance-paper.toml
  tickscope sim --port 9080                   a loopback exchange for other programs
  tickscope replay last --verify              prove that the last session reproduces
  tickscope backtest --tape last              its tape again, as fast as possible
  tickscope backtest --bars BTCUSDT-1m-2025-01.zip --config config/history.toml
  tickscope flatten                           from elsewhere: close everything, open nothing
  tickscope attach                            the screen of a run in another process

`tickscope COMMAND --help` has examples of each. A tape is named by its file, by a session
(20261122-223843-k7f3, or k7f3), or `last`: the newest session that recorded a market; where only
decisions are asked for (explain, whynot, whatif, strategy check) the newest session of any kind, a
backtest's too. Sessions lie in $XDG_STATE_HOME/tickscope/sessions, or
~/.local/state/tickscope/sessions.

Exit codes: 0 done, 1 failure, 2 usage or no terminal, 3 invalid configuration, 4 no connection or
port, 5 replay differs or tape damaged, 6 halted, 7 tape or session not writable.";

/// Below `run --help`.
pub const RUN: &str = "\
Examples:
  tickscope run                                       the demo: a synthetic market, the screen
  tickscope run --headless --for 60s --json           a minute of it, without a screen
  tickscope run --config config/binance-paper.toml    a live market, orders on paper
  tickscope run --set risk.max_daily_loss=50 --set ui.fps=10
  tickscope run --venue-url http://127.0.0.1:9080     the market that `tickscope sim` serves

Configuration, each replacing keys of the one before: the built-in demo,
~/.config/tickscope/config.toml, ./tickscope.toml, --config, variables such as
TICKSCOPE_RISK__MAX_DAILY_LOSS=50, --set. `tickscope check --print` shows what came of it.

A run answers at http://127.0.0.1:9746/metrics (metrics.port) and ends at `q`, at Ctrl-C, when told
by a signal, or after --for. A screen takes the next free port if that one is taken; a headless run
ends with 4 instead, and with 6 when a risk rule halts it.";

/// Below `sim --help`.
pub const SIM: &str = "\
Examples:
  tickscope sim                                       three instruments made up from a seed
  tickscope sim --port 0 --instruments BTCUSDT        one instrument, any free port
  tickscope sim --tape last --speed 20                the last session's market, 20 times as fast
  tickscope sim --fault drop-depth=500                the 500th book change is never sent
  tickscope sim --fault drop-depth=btcusdt@20s        the first one of BTCUSDT after 20 s is not
  tickscope sim --fault silence=btcusdt@trade@10s     from 10 s on that stream says nothing

A tape begins at its start when the first client subscribes. Faults may be repeated. Point a client
at it with `tickscope run --venue-url http://127.0.0.1:9080`.";

/// Below `tape import --help`.
pub const IMPORT: &str = "\
Examples:
  tickscope tape import btcusdt.raw.zst -o btcusdt.mcap
  tickscope tape import BTCUSDT-1m-2025-*.zip ETHUSDT-1m-2025-*.zip -o minutes.mcap

A line of recorded messages is `1723161253937085768 {\"stream\":\"btcusdt@trade\",\"data\":{…}}`. REST snapshots of books may
stand between stream messages. Lines that cannot be read are counted by reason and left out.";

/// Below `tape info --help`.
pub const INFO: &str = "\
Examples:
  tickscope tape info last
  tickscope tape info btcusdt.mcap --json

Sizes are payload bytes, before compression. Ends with 5 when the tape is damaged.";

/// Below `tape verify --help`.
pub const VERIFY: &str = "\
Examples:
  tickscope tape verify last             every byte is as it was written
  tickscope tape verify --book last      and the books agree: `BTCUSDT 6491 of 6493`
  curl -o btc.json 'http://127.0.0.1:9080/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000'
  tickscope tape verify last --bars --klines BTCUSDT=btc.json

A tape that was torn off passes up to its end. The last candle of an answer is taken to be
unfinished. Ends with 5 when the tape is damaged, when a book has a gap, when more than one
comparison of books in 1,000 disagrees, when a bar differs or there is no candle to compare
with.";

/// Below `tape cut --help`.
pub const CUT: &str = "\
Example:
  tickscope tape cut last --drop 4711 -o cut.mcap

Inputs are numbered from 1; `tape @4711` of a Why and `cause_seq` in the logs are such numbers. What
a strategy makes of the hole is shown by `tickscope replay cut.mcap --verify`.";

/// Below `replay --help`.
pub const REPLAY: &str = "\
Examples:
  tickscope replay                       the last session
  tickscope replay k7f3 --verify         a session by the end of its name
  tickscope replay cut.mcap --verify     any tape of a run
  tickscope replay --json | jq .output_hash

A difference is told by input, record, decision and the first field with both values. A backtest is
run again from the data that its session names: 1 when that is gone, 5 when it has changed.";

/// Below `backtest --help`.
pub const BACKTEST: &str = "\
Examples:
  tickscope backtest --tape last                                      as it was configured
  tickscope backtest --tape last --set strategy.0.params.fast=5       and with another parameter
  tickscope backtest --tape btcusdt.mcap --config config/demo.toml --json
  tickscope backtest --bars BTCUSDT-1m-2025-01.zip BTCUSDT-1m-2025-02.zip --config config/history.toml
  tickscope backtest --ticks BTCUSDT-trades-2025-01-01.zip --config config/history.toml --json
  tickscope backtest --bars minutes.parquet --instrument BTCUSDT --config config/history.toml
  tickscope backtest --ticks ticks.csv --config config/bench-ema.toml
  tickscope backtest --tape last --trades trades.csv --equity equity.csv
  tickscope backtest --tape last --bracket                            both queue models

A row of ticks is `1723161253937085768,1,61837.63,0.02,-1`: nanoseconds, trade id, price,
quantity, 1 for a buyer who crossed and -1 for a seller. History in files has no order book:
paper.fills must be \"last_trade\". A file that is not what it seems ends the run with 1, the
file and the line; a configuration that asks for more than the files have, with 3. Money is in
the reporting asset, after fees. The session that it leaves is verified by `tickscope replay`.";

/// Below `lookahead --help`.
pub const LOOKAHEAD: &str = "\
Examples:
  tickscope lookahead --tape last                          as it was configured
  tickscope lookahead --tape last --config mine.toml       your strategy over it
  tickscope lookahead --tape btcusdt.mcap --cuts 100 --json

The tape is run whole, then once for each cut up to there only; every record up to the cut
must be the same, byte for byte. What follows the last input is not compared: orders on their
way are brought to their end only when a tape ends. Ends with 0 when all are equal, with 5 and
the first difference otherwise.";

/// Below `strategy check --help`.
pub const STRATEGY_CHECK: &str = "\
Examples:
  tickscope strategy check                                  the newest session, a backtest's too, as
                                                            it was configured
  tickscope strategy check --config mine.toml --tape last   your strategies over it
  tickscope strategy check --tape btcusdt.mcap --config mine.toml --all --json

An order is explained when a rule that was decided holds, by the comparison of a named value, and
every comparison of the rules that hold has operands: a bare flag says nothing, and neither does an
empty rule. That a rule held is proven, not that your code asked it before it ordered.

Orders are counted as a backtest counts them; wishes that were refused stand apart, and so do
panics and what the strategy said with ctx.fail. Ends with 0 when every order and every refused wish
is explained (or there are none, which is said) and nothing panicked, with 3 otherwise.";

/// Below `diff --help`.
pub const DIFF: &str = "\
Examples:
  tickscope diff k7f3 m2p1                         two sessions, to the first record that differs
  tickscope diff k7f3 m2p1 --json | jq .first
  tickscope diff last --set strategies.trend.fast=13
  tickscope diff last --config-b mine.toml         the last session, and its inputs under mine.toml
  tickscope diff last --against BTCUSDT-1m-2025-01-01.zip
  tickscope diff k7f3 --against BTCUSDT-trades-2025-01-01.zip ETHUSDT-trades-2025-01-01.zip
  tickscope diff last --against minutes.parquet --instrument BTCUSDT --json

Both sessions are run again, so that every evaluation takes part, written or not. The inputs are
compared as well: an input that only one of them has is named as the cause. Names of accounts
and prefixes of ids do not count. Two sessions that did not have the same inputs are compared by
decision, not by time.

With --against each bar that differs is told with the decisions on it, and with what they would
have been: the session runs again with what was published in the place of what was received.
Trades are compared between the first and the last that came; bars that the session joined in the
middle are left out. Klines say nothing of bars that are shorter than theirs.

Ends with 0 when all is equal, with 5 when something differs or a tape is damaged, with 2 when a
file is of another instrument or another time.";

/// Below `selftest --help`.
pub const SELFTEST: &str = "\
Examples:
  tickscope selftest                            200 sessions of a minute, on every core
  tickscope selftest --seeds 20 --seconds 10    a short look
  tickscope selftest --first 1234 --seeds 1     one seed again
  tickscope selftest --json

Each seed makes a market, parameters of the strategies, faults, lost connections and commands of an
operator. Its session runs in virtual time, once straight and once with decoder and engine saved
and restored on the way; every input must have the same records, byte for byte. Strategies of
your own that the program has take part. The output hash is the same on every machine. Ends with 0
when all are equal, with 5 and the command for each seed that is not.";

/// Below `check --help`.
pub const CHECK: &str = "\
Examples:
  tickscope check --config config/binance-paper.toml
  tickscope check --print                             the demo: every key, its value, its origin
  tickscope check --set risk.max_daily_loss=50        what would --set do?

Ends with 0 when it is valid, with 3 and the place of each mistake otherwise.";

/// Below `sessions --help`.
pub const SESSIONS: &str = "\
Examples:
  tickscope sessions
  tickscope sessions --json | jq -r '.[-1].directory'
  tickscope sessions prune --dry-run

Oldest first. `torn` is a run that was killed: what it flushed, up to its last second, replays. Runs
remove old sessions as tape.keep says: after 14 days, beyond 20 GiB of an account, beyond five of
the demo. An account's newest session stays.";

/// Below `sessions prune --help`.
pub const PRUNE: &str = "\
Examples:
  tickscope sessions prune --dry-run         what the next run would remove, and why
  tickscope sessions prune                   remove it now
  tickscope sessions prune --days 3
  tickscope sessions prune --size 5GiB --json
  tickscope sessions prune --keep 10 --dry-run

Without a limit each account's sessions fall under tape.keep of its newest one, as in its next run.
A limit of your own holds for all sessions at once. What runs stays, and so does the newest session
of each account; a session that was killed less than 14 days ago goes only by --days. Exit codes: 0
done, also when nothing was to remove; 7 a session could not be removed.";

/// Below the help of `account`.
pub const ACCOUNT: &str = "\
Examples:
  tickscope account                    the account named paper
  tickscope account mine --json | jq .standing.balances
  tickscope account mine --verify      do its runs prove what it has?

A run goes on where the account's last run ended: balances, positions with their stops,
resting orders, the day's loss, the equity peak, strategies. `tickscope run --fresh` begins
anew. The account named demo is a fresh one each time. Its ledger is an SQLite file,
accounts/NAME/ledger.db beside the sessions, with tables of fills, days and blockers.";

/// Below the help of `halt`, `flatten`, `cancel-all`, `pause` and `resume`.
pub const CONTROL: &str = "\
Examples:
  tickscope halt                       the only active run
  tickscope flatten --session k7f3     one of several
  tickscope pause trend                no entries of `trend` any more
  tickscope resume trend               and again
  tickscope resume                     out of a halt, or after flattening
  tickscope flatten --json | jq .not_closed

Exit codes: 0 done, 1 not done or not wholly, or no answer in time, 2 several runs or an unknown
session or strategy, 4 no run is active.";

/// Below `trace --help`.
pub const TRACE: &str = "\
Examples:
  tickscope trace BTCUSDT              every evaluation for a minute
  tickscope trace BTCUSDT 10m          again: the end is moved
  tickscope trace BTCUSDT 1s           it ends in a second

Tape and log write all of them, whatever `record.evaluations` says; the log's `news` says `traced`.
Begin and end are `trace.started` and `trace.ended` in the decisions lane, with a count.

Exit codes: 0 done, 1 no answer in time, 2 several runs, or an unknown session or instrument, 4 no
run is active.";

/// Below `attach --help`.
pub const ATTACH: &str = "\
Examples:
  tickscope attach                     the only active run
  tickscope attach --session k7f3      one of several
  tickscope attach --read-only         only look

Exit codes: 0 left, or the run has ended; 1 the connection broke; 2 no terminal, several runs, or
an unknown session; 4 no run is active.";

/// Below `explain --help`.
pub const EXPLAIN: &str = "\
Examples:
  tickscope explain --last                     the last decision that wanted an order
  tickscope explain k7f3-0-0412                a decision, from a log line or the screen
  tickscope explain k7f3-0-o0007               the order with this client order id
  tickscope explain 99182 --session k7f3       what the venue calls 99182
  tickscope explain --at 14:03 --strategy trend --instrument BTCUSDT
  tickscope explain --last --json | jq .rules
  tickscope explain --every --session k7f3 | jq -c .outcome
  tickscope explain --orders --session k7f3

Works on recorded sessions and on those that run. What was not written is decided again from the
nearest checkpoint. Exit codes: 0 explained, 1 there is no such id or moment, 2 usage, 5 the tape is
damaged.";

/// Below `export otlp --help`.
pub const EXPORT_OTLP: &str = "\
Examples:
  tickscope export otlp --decision k7f3-0-0412 -o trace.json
  tickscope export otlp --decision k7f3-0-0412 --push http://127.0.0.1:4318/v1/traces

The trace id is computed from the decision: the same decision is always the same trace. Exit codes:
0 exported, 1 there is no such id, 2 usage, 4 the collector does not take it, 7 the file cannot be
written.";

/// Below `whynot --help`.
pub const WHYNOT: &str = "\
Examples:
  tickscope whynot --strategy trend --instrument BTCUSDT
  tickscope whynot --strategy trend --instrument BTCUSDT --from 14:00 --to 14:10
  tickscope whynot --session k7f3 --strategy trend --instrument BTCUSDT --json | jq .blockers

A blocker is what stopped an evaluation first; it stands until the next one. `would have traded` is
said only after that evaluation was made again under the changed number, through sizing and every
risk check.";

/// Below `whatif --help`.
pub const WHATIF: &str = "\
Examples:
  tickscope whatif --set strategies.trend.fast=5                 the last session
  tickscope whatif k7f3 --set strategies.trend.fast=5 --set strategies.trend.slow=21
  tickscope whatif --set strategies.trend.fast=2..7              a row for each value
  tickscope whatif --set strategies.trend.fast=2..7 --set strategies.trend.slow=8,13,21
  tickscope whatif --set strategies.trend.exit.stop=0.1%..0.5%:0.1% --json | jq .rows
  tickscope whatif btcusdt.mcap --config config/demo.toml --set risk.max_order_notional=500

The session runs twice over its own inputs, as it was configured and with the change, both under
the session's own model of fills, from the configured account; what an operator did is left out of
both. A range counts by 1, or by what follows a colon, and ends with its last number; there are at
most 256 runs. Ends with 0, whatever it found; with 2 for a range that is none, with 3 for a
configuration that is not valid, with 1 for a session that is gone and with 5 for a damaged one.";
