//! The keymap: one table from keys to actions, which also writes the hint line and the help. In a
//! recording some keys mean something else: each line says by which keys it is reached there.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::Pane;

/// Something a key does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Show the chain of the selected row.
    Why,
    /// Show the last evaluations of the instrument.
    WhyNot,
    /// Narrow the pane.
    Filter,
    /// Stop the screen, not the trading.
    Freeze,
    /// Give one pane the whole screen.
    Zoom,
    /// Focus the pane after this one.
    NextPane,
    /// Focus the pane before this one.
    PreviousPane,
    /// Focus a pane by its number.
    Focus(Pane),
    /// Show all keys.
    Help,
    /// End the run.
    Quit,
    /// Stop or resume trading, after a typed word.
    Halt,
    /// Close every position, after a typed word.
    Flatten,
    /// Pause the row's strategy or let it go on, after a typed word.
    Pause,
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// Ten rows down.
    PageDown,
    /// Ten rows up.
    PageUp,
    /// To the first row, and follow it.
    First,
    /// To the last row.
    Last,
    /// To the decision before.
    EarlierDecision,
    /// To the decision after.
    LaterDecision,
    /// More candles.
    ZoomOut,
    /// Fewer candles.
    ZoomIn,
    /// Back in time on the chart.
    Earlier,
    /// Forward in time on the chart.
    Later,
    /// Only decisions without an order.
    BlockersOnly,
    /// Universal or local time.
    TimeZone,
    /// Hide money.
    Privacy,
    /// The palette after this one.
    Colours,
    /// Report the mouse, or leave it to the terminal.
    Mouse,
    /// Copy the selected row's id.
    Copy,
    /// Draw everything anew.
    Redraw,
    /// Close, clear, unfreeze.
    Back,
    /// Ctrl-C: a second one ends the run.
    Interrupt,
    /// Ctrl-Z: refused.
    Suspend,
    /// The moment of the selected row: beside the living run, or in the recording.
    TimeTravel,
    /// Play the recording, or wait.
    Play,
    /// One input on.
    InputOn,
    /// One input back.
    InputBack,
    /// To the next decision.
    DecisionOn,
    /// To the decision before.
    DecisionBack,
    /// Play twice as fast.
    Faster,
    /// Play half as fast.
    Slower,
    /// Ask for a time or an id to go to.
    GoTo,
    /// Show and change what ends playing.
    Breaks,
    /// Say that the past cannot be traded in.
    NoTrading,
}

/// What the drawn view shows, as far as keys go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// A run of this process.
    Run,
    /// A run of another process.
    Attached,
    /// A recording.
    Recording,
    /// A moment of the past beside its living run.
    Beside,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 4] = [Self::Run, Self::Attached, Self::Recording, Self::Beside];

    /// It is the past, in which one moves and does not trade.
    pub fn is_past(self) -> bool {
        matches!(self, Self::Recording | Self::Beside)
    }
}

/// Where the help lists a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    /// Moves within a pane.
    Row,
    /// Works everywhere.
    Everywhere,
    /// Asks before it acts.
    Dangerous,
}

/// A key with its modifiers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key(pub KeyCode, pub KeyModifiers);

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What happens.
    pub action: Action,
    /// By which keys in a run that is live; none where it means nothing there.
    pub live: &'static [Key],
    /// By which keys in a recording.
    pub past: &'static [Key],
    /// The words in the hint line; empty for none.
    pub hint: &'static str,
    /// The words in the help.
    pub help: &'static str,
    /// Where in the help.
    pub section: Section,
}

const fn char(character: char) -> Key {
    Key(KeyCode::Char(character), KeyModifiers::NONE)
}

const fn ctrl(character: char) -> Key {
    Key(KeyCode::Char(character), KeyModifiers::CONTROL)
}

const fn code(code: KeyCode) -> Key {
    Key(code, KeyModifiers::NONE)
}

const fn bind(
    action: Action,
    keys: &'static [Key],
    hint: &'static str,
    help: &'static str,
    section: Section,
) -> Binding {
    Binding { action, live: keys, past: keys, hint, help, section }
}

impl Binding {
    /// The same by other keys in a recording.
    const fn with_past(self, past: &'static [Key]) -> Self {
        Self { past, ..self }
    }

    /// The same, for a run that is live only.
    const fn live_only(self) -> Self {
        self.with_past(&[])
    }

    /// The same, for a recording only.
    const fn past_only(self) -> Self {
        Self { live: &[], ..self }
    }
}

use Action as A;
use Section::{Dangerous, Everywhere, Row};

/// Every key of the program, in the order of the hint line.
#[rustfmt::skip]
pub const ACTIONS: &[Binding] = &[
    bind(A::Play, &[char(' ')], "play", "play, or wait", Row).past_only(),
    bind(A::InputOn, &[char('.')], ", input", "one input on", Row).past_only(),
    bind(A::InputBack, &[char(',')], "", "one input back", Row).past_only(),
    bind(A::DecisionOn, &[char('>')], "< decision", "on to the next decision", Row).past_only(),
    bind(A::DecisionBack, &[char('<')], "", "back to the decision before", Row).past_only(),
    bind(A::GoTo, &[char('g')], "go to", "go to a time or to an id", Row).past_only(),
    bind(A::Breaks, &[char('b')], "break", "what ends playing: fills, gaps, an expression", Row).past_only(),
    bind(A::Faster, &[char('+'), char('=')], "- speed", "twice as fast, at last as fast as possible", Row).past_only(),
    bind(A::Slower, &[char('-')], "", "half as fast", Row).past_only(),
    bind(A::Why, &[code(KeyCode::Enter)], "why", "why: the whole chain behind this row", Row),
    bind(A::WhyNot, &[char('w')], "why not", "why not: last evaluation of every strategy", Row),
    bind(A::Filter, &[char('/')], "filter", "filter this pane by what you type", Row),
    bind(A::Freeze, &[char(' ')], "freeze", "freeze the screen; trading goes on", Everywhere).live_only(),
    bind(A::Zoom, &[char('z')], "", "this pane on the whole screen", Everywhere),
    bind(A::NextPane, &[code(KeyCode::Tab)], "pane", "next pane; 1-9 picks one", Everywhere),
    bind(A::Halt, &[code(KeyCode::F(9))], "HALT", "halt: stop trading, cancel all open orders", Dangerous).live_only(),
    bind(A::Flatten, &[code(KeyCode::F(8))], "", "flatten: also close every position", Dangerous).live_only(),
    bind(A::Pause, &[char('p')], "", "pause the row's strategy: no entries (asks)", Row).live_only(),
    bind(A::TimeTravel, &[char('t')], "", "its moment in the past; the run goes on", Row),
    bind(A::Help, &[char('?')], "help", "these keys; type to find one", Everywhere),
    bind(A::Quit, &[char('q')], "quit", "end the run (asks when real money trades)", Everywhere),
    bind(A::Down, &[char('j'), code(KeyCode::Down)], "", "one row down", Row),
    bind(A::Up, &[char('k'), code(KeyCode::Up)], "", "one row up", Row),
    bind(A::PageDown, &[ctrl('d'), code(KeyCode::PageDown)], "", "ten rows down", Row),
    bind(A::PageUp, &[ctrl('u'), code(KeyCode::PageUp)], "", "ten rows up", Row),
    bind(A::First, &[char('g'), code(KeyCode::Home)], "", "first row, and follow what comes", Row)
        .with_past(&[code(KeyCode::Home)]),
    bind(A::Last, &[char('G'), code(KeyCode::End)], "", "last row", Row),
    bind(A::EarlierDecision, &[char('[')], "", "the decision before", Row),
    bind(A::LaterDecision, &[char(']')], "", "the decision after", Row),
    bind(A::BlockersOnly, &[char('b')], "", "only decisions without an order", Row).live_only(),
    bind(A::Copy, &[char('y')], "", "copy the id (OSC 52: works over ssh)", Row),
    bind(A::ZoomOut, &[char('-'), char('{')], "", "chart: more candles", Row).with_past(&[char('{')]),
    bind(A::ZoomIn, &[char('+'), char('='), char('}')], "", "chart: fewer candles", Row)
        .with_past(&[char('}')]),
    bind(A::Earlier, &[code(KeyCode::Left)], "", "chart: back in time", Row),
    bind(A::Later, &[code(KeyCode::Right)], "", "chart: forward in time", Row),
    bind(A::PreviousPane, &[code(KeyCode::BackTab)], "", "previous pane", Everywhere),
    bind(A::Focus(Pane::Watch), &[char('1')], "", "instruments", Everywhere),
    bind(A::Focus(Pane::Book), &[char('2')], "", "order book and trades", Everywhere),
    bind(A::Focus(Pane::Chart), &[char('3')], "", "candles", Everywhere),
    bind(A::Focus(Pane::Positions), &[char('4')], "", "positions", Everywhere),
    bind(A::Focus(Pane::Orders), &[char('5')], "", "orders", Everywhere),
    bind(A::Focus(Pane::Decisions), &[char('6')], "", "decisions", Everywhere),
    bind(A::Focus(Pane::Log), &[char('7')], "", "log", Everywhere),
    bind(A::Focus(Pane::Strategy), &[char('8')], "", "strategies", Everywhere),
    bind(A::Focus(Pane::Health), &[char('9')], "", "health", Everywhere),
    bind(A::TimeZone, &[char('T')], "", "universal or local time", Everywhere),
    bind(A::Privacy, &[char('P')], "", "hide money and positions", Everywhere),
    bind(A::Colours, &[char('C')], "", "colours: terminal, colour-blind, none", Everywhere),
    bind(A::Mouse, &[char('M')], "", "mouse on or off (off: select text)", Everywhere),
    bind(A::Redraw, &[ctrl('l')], "", "draw everything anew", Everywhere),
    bind(A::Back, &[code(KeyCode::Esc)], "", "close, clear, unfreeze", Everywhere),
    bind(A::Interrupt, &[ctrl('c')], "", "twice: end the run", Dangerous),
    bind(A::Suspend, &[ctrl('z')], "", "refused: it would stop the strategies", Dangerous),
    bind(A::NoTrading, &[code(KeyCode::F(9)), code(KeyCode::F(8)), char('p')], "", "refused: nothing can be traded in the past", Everywhere).past_only(),
];

/// The keys that were pressed. A terminal writes Alt and a key as Esc and the key, so somebody who
/// presses Esc and at once another key is read as holding Alt. No binding has Alt: it is both keys.
pub fn pressed(event: KeyEvent) -> impl Iterator<Item = KeyEvent> {
    let with_alt = event.modifiers.contains(KeyModifiers::ALT);
    let escape = KeyEvent { code: KeyCode::Esc, modifiers: KeyModifiers::NONE, ..event };
    let key = KeyEvent { modifiers: event.modifiers - KeyModifiers::ALT, ..event };
    with_alt.then_some(escape).into_iter().chain(std::iter::once(key))
}

/// The action of a key on a stage.
pub fn action(event: KeyEvent, stage: Stage) -> Option<Action> {
    let pressed = Key(event.code, event.modifiers - KeyModifiers::SHIFT);
    let means = |binding: &&Binding| binding.keys(stage).contains(&pressed);
    ACTIONS.iter().find(means).map(|binding| binding.action)
}

impl Key {
    /// How the key is written: `⏎`, `space`, `C-d`.
    pub fn label(self) -> String {
        let name = match self.0 {
            KeyCode::Enter => "⏎".to_owned(),
            KeyCode::Char(' ') => "space".to_owned(),
            KeyCode::Char(character) => character.to_string(),
            KeyCode::BackTab => "S-Tab".to_owned(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::F(number) => format!("F{number}"),
            other => format!("{other:?}"),
        };
        if self.1.contains(KeyModifiers::CONTROL) { format!("C-{name}") } else { name }
    }
}

impl Binding {
    /// Its keys on a stage; none where it means nothing there.
    pub fn keys(&self, stage: Stage) -> &'static [Key] {
        if stage.is_past() { self.past } else { self.live }
    }

    /// The words in the help: what ends, and what goes on, depends on what is shown.
    pub fn help(&self, stage: Stage) -> &'static str {
        match (self.action, stage) {
            (Action::Quit, Stage::Attached) => "close this screen; the run goes on",
            (Action::Interrupt, Stage::Attached) => "twice: close this screen; the run goes on",
            (Action::Quit, Stage::Recording) => "end the replay",
            (Action::Interrupt, Stage::Recording) => "twice: end the replay",
            (Action::Quit, Stage::Beside) => "back to the living run",
            (Action::Interrupt, Stage::Beside) => "twice: out, as in the living run",
            (Action::Back, Stage::Beside) => "close, clear; then back to the living run",
            (Action::Back, Stage::Recording) => "close, clear",
            (Action::TimeTravel, Stage::Recording | Stage::Beside) => "to the moment of this row",
            (Action::Suspend, Stage::Recording) => "refused: q ends the replay",
            _ => self.help,
        }
    }

    /// Its keys as written in the help.
    pub fn label(&self, stage: Stage) -> String {
        self.keys(stage).iter().map(|key| key.label()).collect::<Vec<_>>().join(" ")
    }

    /// True when it means something on a stage, and its words or keys contain `filter`, whatever
    /// the case.
    pub fn matches(&self, filter: &str, stage: Stage) -> bool {
        let needle = filter.to_lowercase();
        let says = |text: &str| text.to_lowercase().contains(&needle);
        let is_found = || says(self.help(stage)) || says(&self.label(stage));
        !self.keys(stage).is_empty() && is_found()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_does_two_things() {
        for stage in Stage::ALL {
            let keys: Vec<Key> = ACTIONS.iter().flat_map(|b| b.keys(stage)).copied().collect();
            for (index, key) in keys.iter().enumerate() {
                let twice = keys[..index].contains(key);
                assert!(!twice, "{} is bound twice on {stage:?}", key.label());
            }
        }
    }

    /// Lost if broken: the second of two keys, for whoever is quick.
    #[test]
    fn alt_and_a_key_is_escape_and_the_key() {
        let actions = |code, modifiers| -> Vec<_> {
            let keys = pressed(KeyEvent::new(code, modifiers));
            keys.map(|key| action(key, Stage::Run)).collect()
        };
        let alt = KeyModifiers::ALT;
        assert_eq!(actions(KeyCode::Char('q'), alt), [Some(Action::Back), Some(Action::Quit)]);
        assert_eq!(actions(KeyCode::Enter, alt), [Some(Action::Back), Some(Action::Why)]);
        let interrupt = KeyModifiers::ALT | KeyModifiers::CONTROL;
        let both = [Some(Action::Back), Some(Action::Interrupt)];
        assert_eq!(actions(KeyCode::Char('c'), interrupt), both);
        assert_eq!(actions(KeyCode::Char('q'), KeyModifiers::NONE), [Some(Action::Quit)]);
        for binding in ACTIONS {
            let mut keys = binding.live.iter().chain(binding.past);
            assert!(!keys.any(|key| key.1.contains(alt)), "{}", binding.help);
        }
    }

    #[test]
    fn no_bare_letter_is_dangerous() {
        for binding in ACTIONS.iter().filter(|b| b.section == Dangerous) {
            for key in binding.live.iter().chain(binding.past) {
                let bare = matches!(key, Key(KeyCode::Char(_), KeyModifiers::NONE));
                assert!(!bare, "{} acts on a bare letter", binding.help);
            }
        }
    }

    #[test]
    fn a_capital_letter_is_found_with_and_without_shift() {
        for modifiers in [KeyModifiers::NONE, KeyModifiers::SHIFT] {
            let event = KeyEvent::new(KeyCode::Char('G'), modifiers);
            assert_eq!(action(event, Stage::Run), Some(Action::Last));
        }
    }
}
