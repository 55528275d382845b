//! The catalogue: every metric's name, type, labels, unit and meaning, in one table.
//!
//! The registry is built from it, and so is the table in `docs/observability.md`; a dashboard that
//! names a metric which is not here fails a test. Base units only; a label is a closed list of
//! words or a configured name, never an id, a price or a text.

/// Latencies inside the process, in seconds: 1, 2, 5, 10, 20, 30, 50, 100 µs and on to 0.5 s.
pub(super) const LATENCY: &[f64] = &[
    1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 3e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05,
    0.1, 0.2, 0.5,
];

/// Latencies between processes, in seconds: 0.5 ms to 10 s.
pub(super) const NETWORK: &[f64] =
    &[5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Adverse slippage of fills, as a ratio: 0, 1, 2, 5 … 100 basis points.
pub(super) const SLIPPAGE: &[f64] = &[0.0, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01];

/// How long positions are held, in seconds: a second to a week.
pub(super) const HOLDING: &[f64] =
    &[1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0, 604_800.0];

/// What kind of number a metric is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Kind {
    /// Only rises.
    Counter,
    /// Goes both ways.
    Gauge,
    /// Counts observations at or below each of these bounds.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Spec {
    /// Its whole name.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// Its labels; [`ACCOUNT_LABELS`] come on top where `of_account` says so.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence.
    pub help: &'static str,
    /// It is about money: a paper figure must not be taken for a real one.
    pub of_account: bool,
}

/// Labels of everything that is about money.
pub(super) const ACCOUNT_LABELS: [&str; 2] = ["mode", "account"];

impl Spec {
    /// A sum over its labels means something only within one account and mode.
    const fn of_account(mut self) -> Self {
        self.of_account = true;
        self
    }
}

const fn new(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Spec {
    Spec { name, kind, labels, help, of_account: false }
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Spec {
    new(name, Kind::Counter, labels, help)
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Spec {
    new(name, Kind::Gauge, labels, help)
}

const fn latency(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Spec {
    new(name, Kind::Histogram(LATENCY), labels, help)
}

const fn network(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Spec {
    new(name, Kind::Histogram(NETWORK), labels, help)
}

macro_rules! catalogue {
    ($($name:ident = $spec:expr;)+) => {
        $(pub(super) const $name: Spec = $spec;)+
        /// Every metric of ours, in the order of the documentation.
        pub(super) const ALL: &[Spec] = &[$($name,)+];
    };
}

catalogue! {
    BUILD_INFO = gauge("tickscope_build_info", &["version", "revision", "profile"],
        "Always 1; the labels say which build runs.");
    RUN_INFO = gauge("tickscope_run_info", &["run_id", "mode", "config_hash"],
        "Always 1; the labels say which run this is.");

    FEED_CONNECTS = counter("tickscope_feed_connects_total", &["venue", "outcome"],
        "Attempts to connect to the venue, by outcome.");
    FEED_DISCONNECTS = counter("tickscope_feed_disconnects_total", &["venue", "reason"],
        "Connections that went down, by reason.");
    FEED_CONNECTED = gauge("tickscope_feed_connected", &["venue"],
        "1 while the market data connection is open.");
    FEED_MESSAGES = counter("tickscope_feed_messages_total", &["venue", "channel"],
        "Messages received, by channel.");
    FEED_BYTES = counter("tickscope_feed_received_bytes_total", &["venue"],
        "Bytes received in messages.");
    FEED_DECODE_ERRORS = counter("tickscope_feed_decode_errors_total", &["venue", "channel", "reason"],
        "Messages that could not be used, by channel and reason.");
    FEED_LAST_MESSAGE = gauge("tickscope_feed_last_message_timestamp_seconds", &["venue", "instrument"],
        "When the last market event of the instrument was received.");
    STREAM_LAST = gauge("tickscope_stream_last_message_timestamp_seconds",
        &["venue", "instrument", "channel"],
        "When the stream delivered last; 0 before it ever did.");
    STREAM_EXPECTED = gauge("tickscope_stream_expected_interval_seconds",
        &["venue", "instrument", "channel"],
        "The longest time between two messages that is normal, as configured; 0 where any is.");
    STREAM_STARVED = gauge("tickscope_stream_starved", &["venue", "instrument", "channel"],
        "1 while the stream has brought nothing for longer than that.");
    FEED_TRANSIT = network("tickscope_feed_transit_seconds", &["venue"],
        "Receive time minus the venue's own time, not corrected for clock offset; a negative one is 0.");
    FEED_NEGATIVE_TRANSIT = counter("tickscope_feed_negative_transit_total", &["venue"],
        "Messages that seem to be received before the venue sent them: the clocks differ.");
    FEED_SEQUENCE_GAPS = counter("tickscope_feed_sequence_gaps_total", &["venue", "instrument"],
        "Book updates found missing; each one discards the book.");
    FEED_BOOKS_LOST = counter("tickscope_feed_books_lost_total", &["venue", "instrument", "reason"],
        "Books discarded, by reason.");
    FEED_RESYNCS = counter("tickscope_feed_resyncs_total", &["venue", "instrument"],
        "Books brought into sync.");
    FEED_STALE = counter("tickscope_feed_stale_total", &["venue", "instrument"],
        "Times that nothing came for the instrument for longer than its limit.");
    FEED_TRADE_GAPS = counter("tickscope_feed_trade_gaps_total", &["venue", "instrument"],
        "Times that trades were found missing between two ids; they are asked for.");
    BARS_REPAIRED = counter("tickscope_bars_repaired_total", &["venue", "instrument"],
        "Bars closed with trades that were asked for over REST.");
    BARS_PARTIAL = counter("tickscope_bars_partial_total", &["venue", "instrument"],
        "Bars closed that are not known whole; no rule on them is true or false.");
    LATE_TRADES = counter("tickscope_late_trades_total", &["venue", "instrument"],
        "Trades that came after their bar was closed: counted, never applied.");
    FEED_LIVE = gauge("tickscope_feed_live", &["venue", "instrument"],
        "1 while every stream of the instrument delivers.");
    BOOK_SYNCED = gauge("tickscope_book_synced", &["venue", "instrument"],
        "1 while the instrument's book is in sync and may be traded on.");

    MARKET_MID_PRICE = gauge("tickscope_market_mid_price", &["venue", "instrument"],
        "Mean of best bid and best ask, in quote asset.");
    MARKET_SPREAD_RATIO = gauge("tickscope_market_spread_ratio", &["venue", "instrument"],
        "Best ask minus best bid, as a ratio of the mid price.");

    QUEUE_DEPTH = gauge("tickscope_queue_depth", &["queue"], "Items in the queue now.");
    QUEUE_CAPACITY = gauge("tickscope_queue_capacity", &["queue"], "Items the queue holds at most.");
    QUEUE_HIGH_WATER = gauge("tickscope_queue_high_water", &["queue"],
        "Most items the queue ever held in this run.");
    QUEUE_DROPPED = counter("tickscope_queue_dropped_total", &["queue"],
        "Items lost because the queue was full.");
    QUEUE_BLOCKED = counter("tickscope_queue_blocked_seconds_total", &["queue"],
        "Time that producers waited because the queue was full.");

    STAGE_DURATION = latency("tickscope_stage_duration_seconds", &["stage"],
        "Time spent in a stage, per unit of its work.");
    STAGE_LAST_PROGRESS = gauge("tickscope_stage_last_progress_timestamp_seconds", &["stage"],
        "When the stage last did something.");
    TICK_TO_DECISION = latency("tickscope_tick_to_decision_seconds", &["strategy"],
        "From the socket becoming readable to the strategy's last decision on what was read.");
    TICK_TO_ORDER = latency("tickscope_tick_to_order_seconds", &["strategy"],
        "From the socket becoming readable to an order on what was read.");
    EVENT_LOOP = latency("tickscope_event_loop_seconds", &[],
        "One turn of the core thread, waiting not counted.");

    EVALUATIONS = counter("tickscope_strategy_evaluations_total",
        &["strategy", "instrument", "outcome"], "Evaluations, by outcome.");
    RULE_EVALUATIONS = counter("tickscope_strategy_rule_evaluations_total",
        &["strategy", "rule", "result"], "Results of each rule leaf: which rule blocks.");
    LAST_EVALUATION = gauge("tickscope_strategy_last_evaluation_timestamp_seconds", &["strategy"],
        "When the strategy last evaluated something.");
    STRATEGY_PAUSED = gauge("tickscope_strategy_paused", &["strategy"],
        "1 while an operator has paused the strategy's entries.");
    STRATEGY_PANICS = counter("tickscope_strategy_panics_total", &["strategy"],
        "Times that the strategy's own code panicked: it is paused, the run goes on.");
    DECISIONS_HELD = gauge("tickscope_decisions_held", &[],
        "Decisions in memory, for /decisions.");
    DECISION_MEMORY = gauge("tickscope_decision_memory_bytes", &[],
        "Bytes that the decisions in memory take.");
    DECISION_MEMORY_LIMIT = gauge("tickscope_decision_memory_limit_bytes", &[],
        "Bytes that they may take: `record.memory`.");
    DECISIONS_EVICTED = counter("tickscope_decisions_evicted_total", &[],
        "Decisions that memory has let go, oldest first; the recording has them.");
    SIGNALS = counter("tickscope_signals_total", &["strategy", "side"],
        "Decisions that want an order, by side; by instrument they are evaluations of that outcome.");
    EXPLAINED_ORDERS = counter("tickscope_explained_orders_total", &["strategy", "explained"],
        "Wished orders, by whether every comparison of the rules that held has operands.");

    RISK_CHECKS = counter("tickscope_risk_checks_total", &["check", "result"],
        "Results of each risk check.").of_account();
    RISK_REFUSALS = counter("tickscope_risk_refusals_total", &["strategy", "check"],
        "Orders refused before they were sent, by the check that failed first.").of_account();
    RISK_UTILISATION = gauge("tickscope_risk_utilisation_ratio", &["check"],
        "Measured value over limit at the last check; 1 is the limit.").of_account();
    TRADING_STATE = gauge("tickscope_trading_state", &["state"],
        "1 for the state that trading is in.").of_account();
    TRADING_STOPS = counter("tickscope_trading_stops_total", &["reason"],
        "Times that trading became reduce-only or halted, by reason.").of_account();

    ORDER_EVENTS = counter("tickscope_order_events_total", &["venue", "strategy", "event"],
        "What happened to orders.").of_account();
    ORDER_REJECTS = counter("tickscope_order_rejects_total", &["venue", "reason"],
        "Orders the venue refused, by normalised reason.").of_account();
    ORDER_ACK = network("tickscope_order_ack_seconds", &["venue"],
        "From submission to acknowledgement, in engine time.").of_account();
    ORDER_FILL = network("tickscope_order_fill_seconds", &["venue"],
        "From submission to the whole fill, in engine time.").of_account();
    ORDERS_OPEN = gauge("tickscope_orders_open", &["venue", "instrument"],
        "Orders that have not ended.").of_account();

    ORDERS_IN_FLIGHT = gauge("tickscope_orders_in_flight", &["venue"],
        "Orders and cancellations that the venue has not answered.").of_account();

    FILLS = counter("tickscope_fills_total", &["venue", "instrument", "strategy", "liquidity"],
        "Fills, by maker and taker.").of_account();
    LAST_FILL = gauge("tickscope_last_fill_timestamp_seconds", &["instrument", "side"],
        "When the last fill happened; 0 before the first.").of_account();
    TRADED_NOTIONAL = counter("tickscope_traded_notional_total", &["strategy", "side"],
        "Value of fills, in quote asset.").of_account();
    FEES_PAID = counter("tickscope_fees_paid_total", &["strategy", "asset"],
        "Fees, in the asset they were taken in.").of_account();

    FILL_SLIPPAGE = new("tickscope_fill_adverse_slippage_ratio", Kind::Histogram(SLIPPAGE),
        &["strategy"],
        "How much worse a fill's price is than the mid when its order was sent; 0 where it is better.")
        .of_account();
    TRADES_CLOSED = counter("tickscope_trades_closed_total", &["strategy", "result"],
        "Positions opened and closed in this run, by what they came to after fees.").of_account();
    TRADE_HOLDING = new("tickscope_trade_holding_seconds", Kind::Histogram(HOLDING), &["strategy"],
        "How long they were held, in engine time.").of_account();

    POSITION_QUANTITY = gauge("tickscope_position_quantity", &["strategy", "instrument"],
        "Signed quantity held, in base asset.").of_account();
    POSITION_NOTIONAL = gauge("tickscope_position_notional", &["strategy", "instrument"],
        "Signed value of the position at mark, in quote asset.").of_account();
    EXITS = counter("tickscope_exits_total", &["strategy", "exit"],
        "Positions that a stop, a target or a holding time began to close, by which.").of_account();
    EXITS_ARMED = gauge("tickscope_exits_armed", &["strategy"],
        "Positions that a stop, a target or a holding time would close.").of_account();
    PNL_REALISED = gauge("tickscope_pnl_realised", &["strategy", "instrument"],
        "Realised PnL, fees not counted, in quote asset.").of_account();
    PNL_UNREALISED = gauge("tickscope_pnl_unrealised", &["strategy", "instrument"],
        "Unrealised PnL at mark, in quote asset.").of_account();
    POSITION_FEES = gauge("tickscope_position_fees", &["strategy", "instrument"],
        "Fees paid, valued in quote asset.").of_account();
    EQUITY = gauge("tickscope_equity", &[],
        "Everything the account holds, in the reporting asset; NaN while a conversion is missing.")
        .of_account();
    EQUITY_PEAK = gauge("tickscope_equity_peak", &[], "Highest equity so far.").of_account();
    DRAWDOWN_RATIO = gauge("tickscope_drawdown_ratio", &[],
        "Fall from the equity peak, as a ratio.").of_account();
    EXPOSURE_GROSS = gauge("tickscope_exposure_gross", &[],
        "Sum of the absolute values of all positions at mark.").of_account();
    EXPOSURE_NET = gauge("tickscope_exposure_net", &[],
        "Sum of the signed values of all positions at mark; NaN while a mark is missing.")
        .of_account();

    TAPE_BYTES = gauge("tickscope_tape_size_bytes", &[], "Bytes on the session's tape.");
    TAPE_RECORDS = counter("tickscope_tape_records_total", &["kind"],
        "Entries on the tape, by kind.");
    TAPE_SYNC = network("tickscope_tape_sync_seconds", &[],
        "Time to put what is written on the disk.");
    TAPE_DURABLE = gauge("tickscope_tape_last_durable_timestamp_seconds", &[],
        "When the tape was last put on the disk: what came before that survives a power cut.");
    DIVERGENCES = counter("tickscope_replay_divergences_total", &[],
        "Times that the same inputs, run again behind the core, made something else.");
    TAPE_WRITE_ERRORS = counter("tickscope_tape_write_errors_total", &[],
        "Failures to write the tape; the first one stops trading.");
    LEDGER_INPUTS = gauge("tickscope_ledger_inputs", &[],
        "Inputs of the run that are in its account's ledger; the next run reads the rest from the tape.");
    LEDGER_COMMIT = gauge("tickscope_ledger_commit_timestamp_seconds", &[],
        "When the account's ledger was last written, in seconds since 1970; 0 before the first time.");
    ALERTS = counter("tickscope_alerts_total", &["alert", "outcome"],
        "Alerts that a command was to be run for, by what became of it.");
    DISK_FREE = gauge("tickscope_disk_free_bytes", &[],
        "Bytes that the run may still write on the disk of its session; NaN while not known.");
    DISK_RATE = gauge("tickscope_session_growth_bytes_per_second", &[],
        "How fast the session grows on disk, logs included; 0 until it is known.");
    SESSIONS_PRUNED = counter("tickscope_sessions_pruned_total", &[],
        "Old sessions that the run removed.");
    SESSIONS_PRUNED_BYTES = counter("tickscope_sessions_pruned_bytes_total", &[],
        "Bytes of the old sessions that the run removed.");

    LOG_EVENTS = counter("tickscope_log_events_total", &["event"],
        "Events told, by name; the lines of `log_suppressed_total` are not among them.");
    LOG_SUPPRESSED = counter("tickscope_log_suppressed_total", &["event"],
        "Events that moved their metrics but wrote no line, because nothing had changed.");
    LOG_EMITTED = counter("tickscope_log_lines_emitted_total", &["lane"],
        "Lines handed to the lane: written + dropped + queued.");
    LOG_WRITTEN = counter("tickscope_log_lines_written_total", &["lane"], "Lines in the file.");
    LOG_WRITTEN_BYTES = counter("tickscope_log_written_bytes_total", &["lane"], "Bytes in the file.");
    LOG_DROPPED = counter("tickscope_log_dropped_total", &["lane", "reason"], "Lines lost, by reason.");
    LOG_TRUNCATED = counter("tickscope_log_truncated_total", &["lane"],
        "Lines that were too long and left fields out.");
    LOG_ROTATIONS = counter("tickscope_log_rotations_total", &["lane", "cause"],
        "Segments begun after the first, by cause.");
    LOG_WRITE_ERRORS = counter("tickscope_log_write_errors_total", &["lane", "operation"],
        "Failures to open, write or remove a log file.");
    LOG_LAST_WRITE = gauge("tickscope_log_last_write_timestamp_seconds", &["lane"],
        "When a line last reached the file.");

    LOG_DIRECTORY = gauge("tickscope_log_directory_bytes", &[],
        "Bytes in the session's folder of logs.");

    VIEWERS = gauge("tickscope_attached_viewers", &[],
        "Screens of other processes that are attached to the run.");
    TUI_FRAMES = counter("tickscope_tui_frames_total", &[], "Frames drawn.");
    TUI_FRAME = latency("tickscope_tui_frame_seconds", &[], "Time to draw one frame.");
    TUI_FRAMES_SKIPPED = counter("tickscope_tui_frames_skipped_total", &[],
        "Views that a newer one replaced before they were drawn.");
    TUI_LAST_FRAME = gauge("tickscope_tui_last_frame_timestamp_seconds", &[],
        "When a frame was drawn last; 0 without a screen.");
    TUI_INPUT = network("tickscope_tui_input_latency_seconds", &[],
        "From a key to the frame that answers it.");

    METRICS_SCRAPE = network("tickscope_metrics_scrape_seconds", &[],
        "Time to gather and write one answer of /metrics.");
    LABEL_OVERFLOW = counter("tickscope_metrics_label_overflow_total", &["metric"],
        "Label values beyond what is allowed: rules count as `other`, the rest only here.");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `promtool check metrics` refuses, without needing it.
    #[test]
    fn names_follow_the_rules_of_prometheus() {
        for spec in ALL {
            let name = spec.name;
            let is_counter = spec.kind == Kind::Counter;
            assert!(name.starts_with("tickscope_"), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            for word in ["_count", "_sum", "_bucket", "_milliseconds", "_ms", "_us", "_percent"] {
                assert!(!name.ends_with(word), "{name} ends with {word}");
            }
            for word in ["_gauge", "_counter", "_histogram"] {
                assert!(!name.contains(word), "{name} contains its type");
            }
            let has_unit = name.ends_with("_seconds") || name.ends_with("_ratio");
            assert!(!matches!(spec.kind, Kind::Histogram(_)) || has_unit, "{name} has no unit");
            assert!(spec.help.ends_with('.') && spec.help.len() > 5, "{name}");
            assert!(spec.labels.iter().all(|label| !matches!(*label, "le" | "job" | "instance")));
        }
    }

    #[test]
    fn names_are_unique_and_bounds_rise() {
        let mut names: Vec<_> = ALL.iter().map(|spec| spec.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        assert!(LATENCY.is_sorted() && NETWORK.is_sorted());
    }
}
