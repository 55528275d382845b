//! The model: everything about the screen that is not about the run, and the messages that
//! change it.

use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};

use super::coach::Coach;
use super::keymap::Stage;
use super::number::Clock;
use super::past::Spot;
use super::row::{Row, RowId};
use super::theme::Theme;
use crate::engine::view::{DecisionView, EngineView, EvaluationView, InstrumentView, ReplayView};

/// A pane; its number is its key, the same at every size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pane {
    /// 1: instruments.
    Watch,
    /// 2: order book and trades.
    Book,
    /// 3: candles.
    Chart,
    /// 4: positions.
    Positions,
    /// 5: orders.
    Orders,
    /// 6: decisions.
    Decisions,
    /// 7: log.
    Log,
    /// 8: strategies.
    Strategy,
    /// 9: connections, queues, losses.
    Health,
}

impl Pane {
    /// All panes by number.
    pub const ALL: [Self; 9] = [
        Self::Watch,
        Self::Book,
        Self::Chart,
        Self::Positions,
        Self::Orders,
        Self::Decisions,
        Self::Log,
        Self::Strategy,
        Self::Health,
    ];

    /// Its place in [`Pane::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Watch => "Watch",
            Self::Book => "Book",
            Self::Chart => "Chart",
            Self::Positions => "Positions",
            Self::Orders => "Orders",
            Self::Decisions => "Decisions",
            Self::Log => "Log",
            Self::Strategy => "Strategy",
            Self::Health => "Health",
        }
    }
}

/// What reaches the screen.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// The engine published a view.
    View(Arc<EngineView>),
    /// A moment of the past to show in front of the run, which goes on; `None` takes it away.
    Past(Option<Arc<EngineView>>),
    /// Somebody has something to say in the last line.
    Notice(String),
    /// About a second went by; sent only while a notice is shown.
    Tick,
}

/// What the screen wants done by others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Intent {
    /// End the run.
    Quit,
    /// Stop all trading and cancel every open order.
    Halt,
    /// Leave the halt, or end flattening.
    Resume,
    /// Close every position, and open none until resumed.
    Flatten,
    /// Stop the entries of the strategy of this name.
    Pause(String),
    /// Let the strategy of this name enter again.
    ResumeStrategy(String),
    /// Put a text on the clipboard.
    Copy(String),
    /// Report the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Draw everything anew.
    Redraw,
    /// Move in the recording that is shown.
    Playback(Playback),
    /// Open the moment of an input of this run beside it, which goes on.
    TimeTravel(u64),
}

/// How somebody moves in a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Playback {
    /// Play, or wait.
    Toggle,
    /// So many inputs on, or back where negative.
    Step(i64),
    /// To the next decision that became a row, or to the one before where false.
    Decision(bool),
    /// Twice as fast, or half where false.
    Faster(bool),
    /// To a time or to the id of a decision or an order, as it was typed.
    GoTo(String),
    /// Playing ends at this kind of thing (see [`ReplayView::breaks`](crate::engine::view::ReplayView))
    /// from now on, or no longer.
    Break(String),
    /// Playing ends when this expression over values becomes true; empty for none.
    Expression(String),
    /// Back to the run that is live.
    Leave,
}

/// A screen that shows the run of another process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attached {
    /// It offers commands.
    Commands,
    /// It only looks.
    ReadOnly,
}

/// A question that must be answered before something serious is done. It names what was meant when
/// the key was pressed: rows may move meanwhile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// End a run that trades real money?
    Quit,
    /// Halt trading?
    Halt,
    /// Leave the halt?
    Resume,
    /// Close every position?
    Flatten,
    /// Stop the entries of this strategy?
    Pause(String),
    /// Let this strategy enter again?
    ResumeStrategy(String),
}

impl Question {
    /// The word that has to be typed.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Quit => "QUIT",
            Self::Halt => "HALT",
            Self::Resume | Self::ResumeStrategy(_) => "RESUME",
            Self::Flatten => "FLATTEN",
            Self::Pause(_) => "PAUSE",
        }
    }

    pub(super) fn intent(self) -> Intent {
        match self {
            Self::Quit => Intent::Quit,
            Self::Halt => Intent::Halt,
            Self::Resume => Intent::Resume,
            Self::Flatten => Intent::Flatten,
            Self::Pause(strategy) => Intent::Pause(strategy),
            Self::ResumeStrategy(strategy) => Intent::ResumeStrategy(strategy),
        }
    }
}

/// A decision's chain. It holds its own `Arc`s, so that it stays readable after the engine has let
/// go of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Chain {
    /// The evaluation it starts from.
    pub evaluation: Arc<EvaluationView>,
    /// What came of it; `None` for an evaluation that is in no decision row.
    pub decision: Option<Arc<DecisionView>>,
}

/// What lies over the panes.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// The chain of one decision.
    Why(Chain),
    /// The last evaluation of every strategy for this symbol.
    WhyNot(String),
    /// All keys, narrowed by what was typed.
    Help {
        /// What was typed.
        filter: String,
        /// The line that Enter runs.
        selected: usize,
    },
    /// A question, and what was typed so far.
    Confirm(Question, String),
    /// Where to go in a recording.
    GoTo {
        /// A time or an id.
        text: String,
        /// It was proposed, not typed: the first character replaces it.
        proposed: bool,
    },
    /// What ends playing.
    Breaks {
        /// The line that keys are for: a kind, or the expression behind the last kind.
        selected: usize,
        /// The expression as it is being typed; `None` while it is the one that holds.
        typed: Option<String>,
    },
}

/// A narrowed pane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// Which pane.
    pub pane: Pane,
    /// Rows that contain this are kept, whatever the case.
    pub text: String,
    /// It is being typed.
    pub typing: bool,
}

/// A short notice in the last line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Notice {
    pub text: String,
    pub ticks_left: u8,
}

/// The state of the screen.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch with a key of its own")]
pub struct Model {
    pub(super) latest: Arc<EngineView>,
    pub(super) frozen: Option<Arc<EngineView>>,
    /// A moment of the past beside the run.
    pub(super) past: Option<Arc<EngineView>>,
    /// Where the screen was before the past was shown.
    pub(super) spot: Option<Box<Spot>>,
    pub(super) size: (u16, u16),
    pub(super) focus: Pane,
    /// Panes by when they had the focus, newest first: a place shared by panes shows the newest.
    pub(super) recent: [Pane; 9],
    /// The selected row of each pane by its id; `None` follows the first row.
    pub(super) selected: [Option<RowId>; 9],
    pub(super) zoomed: bool,
    pub(super) filter: Option<Filter>,
    pub(super) blockers_only: bool,
    pub(super) overlay: Overlay,
    /// First line shown of an overlay or of a pane without rows.
    pub(super) scroll: u16,
    /// Candle width step; `None` picks the widest at which everything fits.
    pub(super) chart_zoom: Option<i8>,
    /// How many candles the right edge lies in the past.
    pub(super) chart_back: usize,
    pub(super) clock: Clock,
    pub(super) local: Clock,
    pub(super) theme: Theme,
    pub(super) private: bool,
    pub(super) mouse: bool,
    pub(super) interrupted: bool,
    /// The run is that of another process.
    pub(super) attached: Option<Attached>,
    pub(super) notice: Option<Notice>,
    pub(super) coach: Coach,
}

impl Model {
    /// A screen of this size that shows `view`.
    pub fn new(view: Arc<EngineView>, size: (u16, u16), theme: Theme) -> Self {
        use Pane::{Book, Chart, Decisions, Health, Log, Orders, Positions, Strategy, Watch};
        Self {
            latest: view,
            frozen: None,
            past: None,
            spot: None,
            size,
            focus: Decisions,
            recent: [Decisions, Log, Positions, Watch, Chart, Orders, Strategy, Health, Book],
            selected: [const { None }; 9],
            zoomed: false,
            filter: None,
            blockers_only: false,
            overlay: Overlay::None,
            scroll: 0,
            chart_zoom: None,
            chart_back: 0,
            clock: Clock::UTC,
            local: Clock::UTC,
            theme,
            private: false,
            mouse: false,
            interrupted: false,
            attached: None,
            notice: None,
            coach: Coach::default(),
        }
    }

    /// Sets the zone that the time-zone key switches to.
    #[must_use]
    pub fn with_local_zone(mut self, zone: jiff::tz::TimeZone) -> Self {
        self.local = Clock::local(zone);
        self
    }

    /// Hides amounts of money from the first frame on.
    #[must_use]
    pub fn with_privacy(mut self, private: bool) -> Self {
        self.private = private;
        self
    }

    /// Says whether the mouse is reported.
    #[must_use]
    pub fn with_mouse(mut self, mouse: bool) -> Self {
        self.mouse = mouse;
        self
    }

    /// Says that the run is that of another process: leaving the screen ends nothing.
    #[must_use]
    pub fn with_attached(mut self, attached: Option<Attached>) -> Self {
        self.attached = attached;
        self
    }

    /// The view to draw: the frozen one, else the past, else the newest.
    pub fn view(&self) -> &Arc<EngineView> {
        self.frozen.as_ref().or(self.past.as_ref()).unwrap_or(&self.latest)
    }

    /// Where in a recording the drawn view is; `None` where it is of a run that is live.
    pub(super) fn replay(&self) -> Option<&ReplayView> {
        self.view().replay.as_deref()
    }

    /// What a frame depends on besides the screen's own state: the views drawn. Beside the past
    /// that is the run as well, for the bar says how it fares.
    pub(super) fn drawn(&self) -> (*const EngineView, Option<*const EngineView>) {
        let beside = self.past.as_ref().map(|_| Arc::as_ptr(&self.latest));
        (Arc::as_ptr(self.view()), beside)
    }

    /// True when this is not the moment of the past that is shown.
    pub(super) fn is_other_past(&self, past: Option<&Arc<EngineView>>) -> bool {
        self.past.as_ref().map(Arc::as_ptr) != past.map(Arc::as_ptr)
    }

    /// What the drawn view shows, as far as keys go.
    pub(super) fn stage(&self) -> Stage {
        match (self.replay(), self.attached) {
            (Some(replay), _) if replay.beside_live || self.past.is_some() => Stage::Beside,
            (Some(_), _) => Stage::Recording,
            (None, Some(_)) => Stage::Attached,
            (None, None) => Stage::Run,
        }
    }

    /// True while a notice waits to disappear, which needs [`Message::Tick`].
    pub fn wants_ticks(&self) -> bool {
        self.notice.is_some()
    }

    /// Shows a sentence in the last line for a few seconds.
    pub fn notify(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), ticks_left: 5 });
    }

    /// True when leaving would end something that trades real money.
    pub(super) fn must_ask_to_quit(&self) -> bool {
        self.attached.is_none() && self.latest.is_real_money()
    }

    /// The filter text of a pane; empty without one.
    pub(super) fn filter_of(&self, pane: Pane) -> &str {
        self.filter.as_ref().filter(|f| f.pane == pane).map_or("", |f| f.text.as_str())
    }

    /// The instrument that book and chart show: the one selected in the watch list.
    pub(super) fn instrument<'v>(&self, view: &'v EngineView) -> Option<&'v Arc<InstrumentView>> {
        let chosen = self.selected.first().and_then(Option::as_ref);
        chosen
            .and_then(|id| view.instruments.iter().find(|i| Row::Instrument(i).is(id)))
            .or_else(|| view.instruments.first())
    }

    /// The selected row's id in a pane.
    pub(super) fn selected_in(&self, pane: Pane) -> Option<&RowId> {
        self.selected.get(pane.index()).and_then(Option::as_ref)
    }
}
