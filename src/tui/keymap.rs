//! The keymap: one table from keys to actions, which also writes the hint line and the help.

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
    /// By which keys.
    pub keys: &'static [Key],
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
    Binding { action, keys, hint, help, section }
}

use Action as A;
use Section::{Dangerous, Everywhere, Row};

/// Every key of the program, in the order of the hint line.
#[rustfmt::skip]
pub const ACTIONS: &[Binding] = &[
    bind(A::Why, &[code(KeyCode::Enter)], "why", "why: the whole chain behind this row", Row),
    bind(A::WhyNot, &[char('w')], "why not", "why not: last evaluation of every strategy", Row),
    bind(A::Filter, &[char('/')], "filter", "filter this pane by what you type", Row),
    bind(A::Freeze, &[char(' ')], "freeze", "freeze the screen; trading goes on", Everywhere),
    bind(A::Zoom, &[char('z')], "", "this pane on the whole screen", Everywhere),
    bind(A::NextPane, &[code(KeyCode::Tab)], "pane", "next pane; 1-9 picks one", Everywhere),
    bind(A::Halt, &[code(KeyCode::F(9))], "HALT", "halt: stop trading, cancel all open orders", Dangerous),
    bind(A::Flatten, &[code(KeyCode::F(8))], "", "flatten: also close every position", Dangerous),
    bind(A::Pause, &[char('p')], "", "pause the row's strategy: no entries (asks)", Row),
    bind(A::Help, &[char('?')], "help", "these keys; type to find one", Everywhere),
    bind(A::Quit, &[char('q')], "quit", "end the run (asks when real money trades)", Everywhere),
    bind(A::Down, &[char('j'), code(KeyCode::Down)], "", "one row down", Row),
    bind(A::Up, &[char('k'), code(KeyCode::Up)], "", "one row up", Row),
    bind(A::PageDown, &[ctrl('d'), code(KeyCode::PageDown)], "", "ten rows down", Row),
    bind(A::PageUp, &[ctrl('u'), code(KeyCode::PageUp)], "", "ten rows up", Row),
    bind(A::First, &[char('g'), code(KeyCode::Home)], "", "first row, and follow what comes", Row),
    bind(A::Last, &[char('G'), code(KeyCode::End)], "", "last row", Row),
    bind(A::EarlierDecision, &[char('[')], "", "the decision before", Row),
    bind(A::LaterDecision, &[char(']')], "", "the decision after", Row),
    bind(A::BlockersOnly, &[char('b')], "", "only decisions without an order", Row),
    bind(A::Copy, &[char('y')], "", "copy the id (OSC 52: works over ssh)", Row),
    bind(A::ZoomOut, &[char('-')], "", "chart: more candles", Row),
    bind(A::ZoomIn, &[char('+'), char('=')], "", "chart: fewer candles", Row),
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
];

/// The keys that were pressed. A terminal writes Alt and a key as Esc and the key, so somebody who
/// presses Esc and at once another key is read as holding Alt. No binding has Alt: it is both keys.
pub fn pressed(event: KeyEvent) -> impl Iterator<Item = KeyEvent> {
    let with_alt = event.modifiers.contains(KeyModifiers::ALT);
    let escape = KeyEvent { code: KeyCode::Esc, modifiers: KeyModifiers::NONE, ..event };
    let key = KeyEvent { modifiers: event.modifiers - KeyModifiers::ALT, ..event };
    with_alt.then_some(escape).into_iter().chain(std::iter::once(key))
}

/// The action of a key.
pub fn action(event: KeyEvent) -> Option<Action> {
    let pressed = Key(event.code, event.modifiers - KeyModifiers::SHIFT);
    ACTIONS.iter().find(|binding| binding.keys.contains(&pressed)).map(|binding| binding.action)
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
    /// The words in the help; a screen of another process leaves, and the run goes on.
    pub fn help(&self, attached: bool) -> &'static str {
        match self.action {
            Action::Quit if attached => "close this screen; the run goes on",
            Action::Interrupt if attached => "twice: close this screen; the run goes on",
            _ => self.help,
        }
    }

    /// Its keys as written in the help.
    pub fn label(&self) -> String {
        self.keys.iter().map(|key| key.label()).collect::<Vec<_>>().join(" ")
    }

    /// True when its words or keys contain `filter`, whatever the case.
    pub fn matches(&self, filter: &str) -> bool {
        let needle = filter.to_lowercase();
        let says = |text: &str| text.to_lowercase().contains(&needle);
        says(self.help) || says(self.help(true)) || self.label().to_lowercase().contains(&needle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_does_two_things() {
        let keys: Vec<Key> = ACTIONS.iter().flat_map(|b| b.keys.iter().copied()).collect();
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{} is bound twice", key.label());
        }
    }

    /// Lost if broken: the second of two keys, for whoever is quick.
    #[test]
    fn alt_and_a_key_is_escape_and_the_key() {
        let actions = |code, modifiers| -> Vec<_> {
            pressed(KeyEvent::new(code, modifiers)).map(action).collect()
        };
        let alt = KeyModifiers::ALT;
        assert_eq!(actions(KeyCode::Char('q'), alt), [Some(Action::Back), Some(Action::Quit)]);
        assert_eq!(actions(KeyCode::Enter, alt), [Some(Action::Back), Some(Action::Why)]);
        let interrupt = KeyModifiers::ALT | KeyModifiers::CONTROL;
        let both = [Some(Action::Back), Some(Action::Interrupt)];
        assert_eq!(actions(KeyCode::Char('c'), interrupt), both);
        assert_eq!(actions(KeyCode::Char('q'), KeyModifiers::NONE), [Some(Action::Quit)]);
        for binding in ACTIONS {
            assert!(!binding.keys.iter().any(|key| key.1.contains(alt)), "{}", binding.help);
        }
    }

    #[test]
    fn no_bare_letter_is_dangerous() {
        for binding in ACTIONS.iter().filter(|b| b.section == Dangerous) {
            for key in binding.keys {
                let bare = matches!(key, Key(KeyCode::Char(_), KeyModifiers::NONE));
                assert!(!bare, "{} acts on a bare letter", binding.help);
            }
        }
    }

    #[test]
    fn a_capital_letter_is_found_with_and_without_shift() {
        for modifiers in [KeyModifiers::NONE, KeyModifiers::SHIFT] {
            let event = KeyEvent::new(KeyCode::Char('G'), modifiers);
            assert_eq!(action(event), Some(Action::Last));
        }
    }
}
