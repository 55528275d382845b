//! The event names: what stands under `event` in a log line and in `log_events_total`.
//!
//! Queries and alerts refer to them, so they never change; `events.golden` holds them.

use super::word::{LaneName, Level};

/// Declares the names with the level and the lane of each.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident => $text:literal $level:ident $lane:ident,)+) => {
        words! {
            /// An event's stable name.
            EventName { $($(#[$doc])* $name => $text,)+ }
        }

        impl EventName {
            /// How loud it is, unless the event itself says otherwise.
            pub fn level(self) -> Level {
                match self { $(Self::$name => Level::$level,)+ }
            }

            /// Which file its lines go to, unless the event itself says otherwise.
            pub fn lane(self) -> LaneName {
                match self { $(Self::$name => LaneName::$lane,)+ }
            }
        }
    };
}

names! {
    /// The process is up.
    ProcessStarted => "process.started" Info Diagnostics,
    /// The process ends, and why.
    ProcessStopped => "process.stopped" Info Diagnostics,
    /// A thread panicked.
    ProcessPanicked => "process.panicked" Error Diagnostics,
    /// The configuration was read and checked.
    ConfigLoaded => "config.loaded" Info Diagnostics,
    /// The configuration was changed on disk to something that is not valid.
    ConfigRefused => "config.refused" Warn Diagnostics,
    /// The configuration was changed on disk in what only a restart takes.
    ConfigNeedsRestart => "config.needs_restart" Warn Diagnostics,
    /// The session's folder is there.
    SessionOpened => "session.opened" Info Diagnostics,
    /// Old sessions were removed.
    SessionsPruned => "sessions.pruned" Info Diagnostics,
    /// An old session could not be removed.
    SessionsPruneFailed => "sessions.prune_failed" Warn Diagnostics,
    /// The session of the run itself has more bytes than all may have together.
    SessionOversized => "session.oversized" Warn Diagnostics,
    /// The disk of the recording is nearly full.
    DiskLow => "disk.low" Warn Diagnostics,
    /// It has room again.
    DiskRecovered => "disk.recovered" Info Diagnostics,
    /// The command of an alert failed.
    AlertFailed => "alert.failed" Warn Diagnostics,
    /// Alerts were left out.
    AlertDropped => "alert.dropped" Warn Diagnostics,
    /// The log writer lives.
    Heartbeat => "heartbeat" Info Diagnostics,
    /// A library that we use logged something.
    LibraryLogged => "library.logged" Warn Diagnostics,
    /// A log segment begins; the first line of each file.
    LogOpened => "log.opened" Info Diagnostics,
    /// A log segment ends; the last line of each file.
    LogClosed => "log.closed" Info Diagnostics,
    /// Why the segment before ended.
    LogRotated => "log.rotated" Info Diagnostics,
    /// Lines were lost because the queue was full.
    LogDropped => "log.dropped" Warn Diagnostics,
    /// A log file cannot be written.
    LogWriteFailed => "log.write_failed" Error Diagnostics,
    /// The tape cannot be written.
    TapeWriteFailed => "tape.write_failed" Error Diagnostics,
    /// The account's ledger is no longer kept; the next run reads more of the tape.
    LedgerFailed => "ledger.write_failed" Error Diagnostics,
    /// It is kept again.
    LedgerKept => "ledger.kept" Info Diagnostics,
    /// The same inputs, run again behind the core, made something else than it did.
    SessionParted => "session.parted" Error Diagnostics,
    /// No more checkpoints of the run are kept.
    CheckpointsStopped => "session.checkpoints_stopped" Warn Diagnostics,
    /// The wanted port is in use.
    MetricsPortTaken => "metrics.port_taken" Warn Diagnostics,
    /// A connection is being made.
    FeedConnecting => "feed.connecting" Info Diagnostics,
    /// A connection is open and its streams are subscribed to.
    FeedConnected => "feed.connected" Info Diagnostics,
    /// A connection is down.
    FeedDisconnected => "feed.disconnected" Warn Diagnostics,
    /// A stream delivered its first data since its connection came up.
    FeedSubscribed => "feed.subscribed" Info Diagnostics,
    /// Nothing came for an instrument for longer than its limit.
    FeedStale => "feed.stale" Warn Diagnostics,
    /// Data comes again.
    FeedRecovered => "feed.recovered" Info Diagnostics,
    /// A stream brings nothing for longer than is normal.
    FeedStreamStarved => "feed.stream_starved" Warn Diagnostics,
    /// It brings again.
    FeedStreamRecovered => "feed.stream_recovered" Info Diagnostics,
    /// Book updates are missing: the book was discarded.
    FeedSequenceGap => "feed.sequence_gap" Warn Diagnostics,
    /// The book was discarded for another reason.
    FeedBookLost => "feed.book_lost" Warn Diagnostics,
    /// The book is in sync.
    FeedResynced => "feed.resynced" Info Diagnostics,
    /// A frame could not be used.
    FeedDecodeFailed => "feed.decode_failed" Warn Diagnostics,
    /// Trades are missing between two ids.
    FeedTradeGap => "feed.trade_gap" Warn Diagnostics,
    /// An instrument's past was told.
    FeedHistoryLoaded => "feed.history_loaded" Info Diagnostics,
    /// A bar was closed with trades that were asked for.
    FeedBarRepaired => "feed.bar_repaired" Info Diagnostics,
    /// A bar was closed that is not known whole.
    FeedBarPartial => "feed.bar_partial" Warn Diagnostics,
    /// A trade came after its bar was closed.
    FeedLateTrade => "feed.late_trade" Warn Diagnostics,
    /// The run starts with this account.
    RunStarted => "run.started" Info Decisions,
    /// The run goes on where the account's last one ended.
    AccountResumed => "account.resumed" Info Decisions,
    /// A strategy evaluated an event.
    DecisionEvaluated => "decision.evaluated" Info Decisions,
    /// What was evaluated but not written, counted.
    DecisionSuppressedSummary => "decision.suppressed_summary" Info Decisions,
    /// An external runner is asked to decide.
    DecisionAsked => "decision.asked" Debug Decisions,
    /// Every evaluation of an instrument is written for a while.
    TraceStarted => "trace.started" Info Decisions,
    /// And no longer.
    TraceEnded => "trace.ended" Info Decisions,
    /// A strategy logged a line beside its decision.
    StrategyLogged => "strategy.logged" Info Decisions,
    /// A strategy took other rules.
    StrategyRevised => "strategy.revised" Info Decisions,
    /// A strategy decides nothing for longer than is normal.
    StrategyIdle => "strategy.idle" Warn Diagnostics,
    /// It decides again.
    StrategyDecides => "strategy.decides" Info Diagnostics,
    /// A decision wants an order.
    SignalEmitted => "signal.emitted" Info Decisions,
    /// All risk checks of a would-be order.
    RiskChecked => "risk.checked" Info Decisions,
    /// Trading became active, reduce-only or halted.
    TradingStateChanged => "trading.state_changed" Warn Decisions,
    /// A strategy is paused by an operator or because it panicked, or goes on.
    StrategyStateChanged => "strategy.state_changed" Warn Decisions,
    /// An order goes to the venue.
    OrderSubmitted => "order.submitted" Info Decisions,
    /// The venue took the order.
    OrderAcked => "order.acked" Info Decisions,
    /// Our risk checks refused the order.
    OrderDenied => "order.denied" Warn Decisions,
    /// The venue refused the order.
    OrderRejected => "order.rejected" Warn Decisions,
    /// Part of the order was executed.
    OrderPartiallyFilled => "order.partially_filled" Info Decisions,
    /// The whole order was executed.
    OrderFilled => "order.filled" Info Decisions,
    /// We asked to cancel the order.
    OrderCancelRequested => "order.cancel_requested" Info Decisions,
    /// The venue refused to cancel the order.
    OrderCancelRejected => "order.cancel_rejected" Warn Decisions,
    /// The venue canceled the order.
    OrderCanceled => "order.canceled" Info Decisions,
    /// The order's time in force ended it.
    OrderExpired => "order.expired" Info Decisions,
    /// The outcome of the order is not known.
    OrderUnknown => "order.unknown" Error Decisions,
    /// A fill.
    FillReceived => "fill.received" Info Decisions,
    /// A position changed by a fill.
    PositionChanged => "position.changed" Info Decisions,
    /// A position that was opened in this run is closed.
    TradeClosed => "trade.closed" Info Decisions,
    /// The account's balances changed.
    AccountChanged => "account.changed" Info Decisions,
    /// What would close a position by itself is armed.
    ExitArmed => "exit.armed" Info Decisions,
    /// It moved: a further fill, or a trailing stop.
    ExitMoved => "exit.moved" Debug Decisions,
    /// It is reached: the position is closed.
    ExitTriggered => "exit.triggered" Info Decisions,
    /// Its order was refused, rejected or expired; it is tried again.
    ExitPostponed => "exit.postponed" Warn Decisions,
    /// Nothing is held any more.
    ExitDisarmed => "exit.disarmed" Info Decisions,
    /// An operator did something.
    OperatorCommand => "operator.command" Warn Decisions,
    /// A screen of another process is attached.
    ViewerAttached => "viewer.attached" Info Diagnostics,
    /// A screen of another process is no longer attached.
    ViewerLeft => "viewer.left" Info Diagnostics,
    /// The terminal is gone, and the run goes on without it.
    ScreenLost => "screen.lost" Warn Diagnostics,
}
