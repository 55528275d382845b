//! What must hold between the values of a configuration beyond their types. Every complaint
//! points at the value.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::diagnostic::{Problem, meant};
use super::parameter::{StrategyKind, check_params};
use super::path::KeyPath;
use super::section::{
    Account, Alert, Bars, Config, Exit, Expect, FillModel, InstrumentLimits, Log, Metrics,
    PLACEHOLDERS, Record, Risk, Strategy, Stream, Tape, Ui, Venue, VenueKind,
};
use super::tree::Value;
use super::unit::{Distance, Exact, Feed, Size, TimeSpan, is_asset};
use crate::domain::{AccountKind, Num};

/// Longest name of an account, a venue or a strategy, in bytes: it becomes a folder, a label and
/// a column.
const NAME_MAX: usize = 32;
/// What a paper account begins with that names no balances, in its reporting asset.
const PAPER_FUNDS: i64 = 10_000;

/// Collects what is wrong, where it is written.
pub(super) struct Checker<'a> {
    tree: &'a Value,
    problems: Vec<Problem>,
}

/// Checks a configuration against the tree it was read from and fills in the parameters that the
/// strategies left to their defaults.
pub(super) fn check(config: &mut Config, tree: &Value, kinds: &[StrategyKind]) -> Vec<Problem> {
    let mut checker = Checker { tree, problems: Vec::new() };
    checker.name("run.name", &config.run.name);
    checker.venue(&config.venue);
    checker.account(&config.account);
    checker.risk(&config.risk, &config.venue.instruments);
    checker.expect(&config.expect, &config.venue.instruments);
    checker.streams(config);
    checker.bars(&config.bars);
    checker.outputs(&config.record, &config.tape, &config.log);
    checker.screen(&config.ui, &config.metrics);
    checker.alert(&config.alert);
    checker.strategies(&mut config.strategies, &config.venue.instruments, kinds);
    checker.rules(config, kinds);
    checker.fund(&mut config.account);
    checker.problems
}

impl Checker<'_> {
    /// Complains about the value at `path` unless `holds`.
    pub(super) fn require(&mut self, holds: bool, path: &KeyPath, message: impl Display) {
        if !holds {
            let problem = Problem::with_value(self.tree, path, &message.to_string());
            self.problems.push(problem);
        }
    }

    /// Adds a complaint.
    pub(super) fn complain(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// What was written, with its sites.
    pub(super) fn tree(&self) -> &Value {
        self.tree
    }

    /// True if a key was set rather than left to its default.
    pub(super) fn is_written(&self, path: &KeyPath) -> bool {
        self.tree.at(path).is_some()
    }

    /// The same as [`require`](Self::require), for a path through tables only.
    fn must(&mut self, holds: bool, dotted: &str, message: impl Display) {
        self.require(holds, &KeyPath::of(dotted), message);
    }

    /// Complains about a name that is none of those known.
    pub(super) fn known(&mut self, path: &KeyPath, found: &str, names: &[&str], what: &str) {
        if !names.contains(&found) {
            let problem =
                Problem::with_value(self.tree, path, &format!("is {found:?}, which is no {what}"))
                    .advised(meant(found, names, "known"));
            self.problems.push(problem);
        }
    }

    /// Complains about a kind of strategy that this program lacks. Another program may have it.
    fn unknown_kind(&mut self, path: &KeyPath, found: &str, names: &[&str]) {
        let advice = format!(
            "{}\none of your own is part of your own program: run that one (docs/strategies.md)",
            meant(found, names, "known to this program")
        );
        let message = format!("is {found:?}, which is no strategy kind of this program");
        self.problems.push(Problem::with_value(self.tree, path, &message).advised(advice));
    }

    /// Complains about a key that its table does not take.
    pub(super) fn unknown_key(&mut self, path: &KeyPath, key: &str, names: &[&str]) {
        self.problems.push(Problem::unknown_key(self.tree, path, key, names));
    }

    fn positive(&mut self, dotted: &str, value: Num) {
        self.must(value.is_positive(), dotted, format_args!("must be above 0, is {value}"));
    }

    fn above_zero(&mut self, dotted: &str, value: u64) {
        self.must(value > 0, dotted, "must be above 0");
    }

    fn name(&mut self, dotted: &str, name: &str) {
        self.name_at(&KeyPath::of(dotted), name);
    }

    fn name_at(&mut self, path: &KeyPath, name: &str) {
        let fits = is_name(name);
        let message = format!("must be 1 to {NAME_MAX} letters, digits, `-` or `_`, is {name:?}");
        self.require(fits, path, message);
    }

    fn venue(&mut self, venue: &Venue) {
        self.name("venue.name", &venue.name);
        self.must(!venue.instruments.is_empty(), "venue.instruments", "must name at least one");
        self.symbols("venue.instruments", &venue.instruments);
        self.symbols("venue.simulator.instruments", &venue.simulator.instruments);
        self.must(!venue.streams.is_empty(), "venue.streams", "must name at least one");
        self.positive("venue.simulator.speed", venue.simulator.speed.0);
        if venue.kind == VenueKind::Binance {
            self.url("venue.ws_url", &venue.ws_url, "ws");
            self.url("venue.rest_url", &venue.rest_url, "http");
        }
        self.deadlines(venue);
    }

    fn deadlines(&mut self, venue: &Venue) {
        self.above_zero("venue.connect_deadline", venue.connect_deadline.0);
        self.above_zero("venue.ping_every", venue.ping_every.0);
        self.above_zero("venue.reconnect_first", venue.reconnect_first.0);
        let silence = venue.silence_deadline;
        let pings = venue.ping_every < silence;
        let message = format!("must be below venue.silence_deadline, {silence}");
        self.must(pings, "venue.ping_every", message);
        let grows = venue.reconnect_first <= venue.reconnect_most;
        let message = format!("must not be above venue.reconnect_most, {}", venue.reconnect_most);
        self.must(grows, "venue.reconnect_first", message);
    }

    /// A URL with TLS, or without on this machine.
    fn url(&mut self, dotted: &str, url: &str, scheme: &str) {
        let encrypted = url.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("s://"));
        let plain = url.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
        let holds = match (encrypted, plain) {
            (Some(rest), _) => !host(rest).is_empty(),
            (None, Some(rest)) => ["localhost", "127.0.0.1", "[::1]"].contains(&host(rest)),
            (None, None) => false,
        };
        let message = format!(
            "must begin with {scheme}s://, or with {scheme}:// on this machine, is {url:?}"
        );
        self.must(holds, dotted, message);
    }

    /// Symbols that a venue could have, each once.
    fn symbols(&mut self, dotted: &str, symbols: &[String]) {
        let mut seen = BTreeSet::new();
        for (index, symbol) in symbols.iter().enumerate() {
            let path = KeyPath::of(dotted).index(index);
            self.require(is_asset(symbol), &path, "must be capitals and digits, as \"BTCUSDT\" is");
            self.require(seen.insert(symbol), &path, format_args!("names {symbol} again"));
        }
    }

    fn account(&mut self, account: &Account) {
        self.name("account.name", &account.name);
        let asset = &account.reporting_asset;
        self.must(is_asset(asset), "account.reporting_asset", "must be an asset such as \"USDT\"");
        let most = Num::new(1, 1).unwrap_or_default();
        for (path, fee) in
            [("account.maker_fee", account.maker_fee), ("account.taker_fee", account.taker_fee)]
        {
            let holds = fee.0 <= most && fee.0 >= most.neg();
            self.must(holds, path, format_args!("must be between -10% and 10%, is {fee}"));
        }
        for (asset, amount) in &account.balances {
            let path = KeyPath::of("account.balances").key(asset);
            self.require(is_asset(asset), &path, "must be named in capitals, such as `USDT`");
            let covered = account.kind == AccountKind::Margin || !amount.0.is_negative();
            self.require(covered, &path, "must not be below 0 in a cash account");
        }
    }

    /// A paper account that says nothing of its money has some: without, no order would pass.
    fn fund(&self, account: &mut Account) {
        if !self.is_written(&KeyPath::of("account.balances")) {
            let funds = Exact(Num::from(PAPER_FUNDS));
            account.balances.insert(account.reporting_asset.clone(), funds);
        }
    }

    fn risk(&mut self, risk: &Risk, instruments: &[String]) {
        self.positive("risk.max_order_quantity", risk.max_order_quantity.0);
        self.positive("risk.max_order_notional", risk.max_order_notional.0);
        self.positive("risk.max_position_notional", risk.max_position_notional.0);
        for (symbol, own) in &risk.instruments {
            self.instrument_limits(symbol, own, instruments);
        }
        self.positive("risk.max_gross_notional", risk.max_gross_notional.0);
        self.above_zero("risk.max_open_orders", risk.max_open_orders.into());
        self.above_zero("risk.max_orders_per_second", risk.max_orders_per_second.into());
        self.positive("risk.price_collar", risk.price_collar.0);
        self.above_zero("risk.max_data_age", risk.max_data_age.0);
        self.above_zero("risk.max_silence", risk.max_silence.0);
        self.positive("risk.max_daily_loss", risk.max_daily_loss.0);
        self.positive("risk.max_drawdown", risk.max_drawdown.0);
        self.positive("risk.reduce_only_at", risk.reduce_only_at.0);
        let ordered = risk.reduce_only_at <= risk.halt_at;
        let message = format!("must not be below risk.reduce_only_at, {}", risk.reduce_only_at);
        self.must(ordered, "risk.halt_at", message);
    }

    fn instrument_limits(&mut self, symbol: &str, own: &InstrumentLimits, instruments: &[String]) {
        let path = KeyPath::of("risk.instruments").key(symbol);
        self.known(&path, symbol, &names(instruments), "instrument of the venue");
        for (key, limit) in [
            ("max_order_quantity", own.max_order_quantity),
            ("max_order_notional", own.max_order_notional),
            ("max_position_notional", own.max_position_notional),
        ] {
            let holds = limit.is_none_or(|limit| limit.0.is_positive());
            self.require(holds, &path.key(key), "must be above 0");
        }
        let holds = own.max_silence.is_none_or(|limit| limit.0 > 0);
        self.require(holds, &path.key("max_silence"), "must be above 0");
    }

    fn expect(&mut self, expect: &Expect, instruments: &[String]) {
        for symbol in expect.instruments.keys() {
            let path = KeyPath::of("expect.instruments").key(symbol);
            self.known(&path, symbol, &names(instruments), "instrument of the venue");
        }
    }

    /// What fills and feeds need must be subscribed.
    fn streams(&mut self, config: &Config) {
        let has = |stream| config.venue.streams.contains(&stream);
        let (needed, word) = match config.paper.fills {
            FillModel::Book => (Stream::Depth, "depth@100ms"),
            FillModel::Touch => (Stream::BookTicker, "bookTicker"),
            FillModel::LastTrade => (Stream::Trade, "trade"),
        };
        self.must(has(needed), "paper.fills", format_args!("needs the stream \"{word}\""));
        for (index, strategy) in config.strategies.iter().enumerate() {
            let (needed, word) = match strategy.feed {
                Feed::Quotes => (Stream::BookTicker, "bookTicker"),
                _ => (Stream::Trade, "trade"),
            };
            let path = KeyPath::of("strategy").index(index).key("feed");
            self.require(has(needed), &path, format_args!("needs the stream \"{word}\""));
            // Exits are held against the price of each trade.
            for (key, _) in strategy.exit.distances() {
                let path = KeyPath::of("strategy").index(index).key("exit").key(key);
                self.require(has(Stream::Trade), &path, "needs the stream \"trade\"");
            }
        }
    }

    fn bars(&mut self, bars: &Bars) {
        self.above_zero("bars.repair_wait", bars.repair_wait.0);
        self.above_zero("bars.history_wait", bars.history_wait.0);
        let holds = bars.history <= 600;
        self.must(holds, "bars.history", "must not be above 600, which the chart shows");
    }

    fn outputs(&mut self, record: &Record, tape: &Tape, log: &Log) {
        self.above_zero("record.memory", record.memory.0);
        self.above_zero("tape.segment_bytes", tape.segment_bytes.0);
        self.above_zero("tape.segment_span", tape.segment_span.0);
        self.above_zero("tape.keep.days", tape.keep.days.into());
        self.above_zero("tape.keep.size", tape.keep.size.0);
        self.above_zero("tape.keep.sessions", tape.keep.sessions.into());
        // A line has up to 16 KiB; smaller files would rotate at every line.
        self.must(log.max_file_bytes.0 >= 64 << 10, "log.max_file_bytes", "must be at least 64KiB");
        self.above_zero("log.keep_files", log.keep_files.into());
        let whole = log.keep_bytes >= log.max_file_bytes;
        self.must(whole, "log.keep_bytes", "must not be below log.max_file_bytes");
    }

    fn screen(&mut self, ui: &Ui, metrics: &Metrics) {
        self.must(
            (1..=30).contains(&ui.fps),
            "ui.fps",
            format_args!("must be 1 to 30, is {}", ui.fps),
        );
        let is_guarded = metrics.bind.is_loopback() || !metrics.token_file.as_os_str().is_empty();
        let message = "must be a loopback address where metrics.token_file names no token";
        self.must(is_guarded, "metrics.bind", message);
        let url = &metrics.public_url;
        let message = format!("must begin with http:// or https:// and not end with /, is {url:?}");
        self.must(url.is_empty() || is_base(url), "metrics.public_url", message);
    }

    fn alert(&mut self, alert: &Alert) {
        let command = KeyPath::of("alert.on_event");
        if let Some(program) = alert.on_event.first() {
            self.require(!program.is_empty(), &command.index(0), "must name a program");
        }
        for (index, argument) in alert.on_event.iter().enumerate().skip(1) {
            for word in placeholders(argument) {
                let what = "placeholder in an argument";
                self.known(&command.index(index), word, &PLACEHOLDERS, what);
            }
        }
        let (least, most) = (TimeSpan::millis(100), TimeSpan::seconds(60));
        let within = (least..=most).contains(&alert.deadline);
        self.must(within, "alert.deadline", format_args!("must be {least} to {most}"));
        let within = (1..=600).contains(&alert.per_minute);
        self.must(within, "alert.per_minute", "must be 1 to 600");
    }

    fn strategies(
        &mut self,
        strategies: &mut [Strategy],
        instruments: &[String],
        kinds: &[StrategyKind],
    ) {
        let kind_names: Vec<&str> = kinds.iter().map(|kind| kind.name.as_str()).collect();
        let mut seen = BTreeSet::new();
        for (index, strategy) in strategies.iter_mut().enumerate() {
            let path = KeyPath::of("strategy").index(index);
            let name = path.key("name");
            self.name_at(&name, &strategy.name);
            let fresh = seen.insert(strategy.name.clone());
            self.require(fresh, &name, format_args!("names {:?} again", strategy.name));
            self.strategy(strategy, &path, instruments);
            match kinds.iter().find(|kind| kind.name == strategy.kind) {
                Some(kind) => check_params(self, kind, &mut strategy.params, &path.key("params")),
                None => self.unknown_kind(&path.key("kind"), &strategy.kind, &kind_names),
            }
        }
    }

    fn strategy(&mut self, strategy: &Strategy, path: &KeyPath, instruments: &[String]) {
        for (index, symbol) in strategy.instruments.iter().enumerate() {
            let path = path.key("instruments").index(index);
            self.known(&path, symbol, &names(instruments), "instrument of the venue");
        }
        let traded = match &strategy.instruments {
            named if named.is_empty() => instruments,
            named => named,
        };
        self.size(strategy, &path.key("size"), traded);
        self.exit(&strategy.exit, strategy.feed, &path.key("exit"), traded);
        let (holds, message) = match strategy.feed {
            // The venue's times are in milliseconds.
            Feed::Bars(TimeSpan(length)) => (length >= 1_000_000, "must have bars of at least 1ms"),
            Feed::Ticks(trades) => (trades > 0, "must have bars of more than 0"),
            Feed::Volume(amount) | Feed::Notional(amount) => {
                (amount.is_positive(), "must have bars of more than 0")
            }
            Feed::Trades | Feed::Quotes => return,
        };
        self.require(holds, &path.key("feed"), message);
    }
}

/// What would close a position, and how large one is.
impl Checker<'_> {
    fn size(&mut self, strategy: &Strategy, path: &KeyPath, traded: &[String]) {
        let size = &strategy.size;
        self.require(size.num().is_positive(), path, "must be above 0");
        match size {
            Size::Quantity(_) => {}
            Size::Notional { asset, .. } => self.quoted_in(asset, path, traded),
            Size::Equity(share) | Size::Risk(share) => {
                self.require(*share <= Num::ONE, path, "must not be above 100% of equity");
            }
        }
        let exit = &strategy.exit;
        let stopped = exit.stop.is_some() || exit.trailing_stop.is_some();
        let message = "needs `stop` or `trailing_stop` in [strategy.exit]: \
                       the size is what loses that share of equity there";
        self.require(stopped || !matches!(size, Size::Risk(_)), path, message);
    }

    fn exit(&mut self, exit: &Exit, feed: Feed, path: &KeyPath, traded: &[String]) {
        for (key, distance) in exit.distances() {
            let path = path.key(key);
            self.require(distance.num().is_positive(), &path, "must be above 0");
            match distance {
                Distance::Ratio(share) => {
                    let reachable = *share < Num::ONE || key == "take_profit";
                    self.require(reachable, &path, "must be below 100%");
                }
                Distance::Price { asset, .. } => self.quoted_in(asset, &path, traded),
                Distance::Atr(_) => {
                    let bars = !matches!(feed, Feed::Trades | Feed::Quotes);
                    let message = "needs a feed of bars: an average true range is one over bars";
                    self.require(bars, &path, message);
                }
            }
        }
        let span = exit.max_holding.is_none_or(|span| span.0 > 0);
        self.require(span, &path.key("max_holding"), "must be above 0");
        let length = (1..=10_000).contains(&exit.atr_length);
        self.require(length, &path.key("atr_length"), "must be 1 to 10000 bars");
    }

    /// An amount is in the asset that every instrument it is for is priced in.
    fn quoted_in(&mut self, asset: &str, path: &KeyPath, traded: &[String]) {
        if let Some(other) = traded.iter().find(|symbol| !symbol.ends_with(asset)) {
            self.require(
                false,
                path,
                format_args!("is in {asset}, in which {other} is not priced"),
            );
        }
    }
}

/// The lone lower-case words in braces: what may be a placeholder, and is no JSON.
fn placeholders(argument: &str) -> impl Iterator<Item = &str> {
    let word = |rest: &'_ str| {
        let (word, _) = rest.split_once('}')?;
        let lower = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        lower.then_some(word.len())
    };
    argument.split('{').skip(1).filter_map(move |rest| rest.get(..word(rest)?))
}

/// The host of a URL whose scheme is taken off.
fn host(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// True for a URL that paths can be put after.
fn is_base(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/[]%".contains(&byte);
    rest.is_some_and(|rest| {
        !host(rest).is_empty() && rest.bytes().all(plain) && !rest.ends_with('/')
    })
}

/// Borrowed names.
fn names(symbols: &[String]) -> Vec<&str> {
    symbols.iter().map(String::as_str).collect()
}

/// True for what a run, a venue, an account or a strategy may be called: it becomes part of paths.
pub fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= NAME_MAX && text.bytes().all(plain)
}
