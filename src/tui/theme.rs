//! The theme: which style each role has. The only place that knows colours.
//!
//! The sixteen named colours by default, so that the terminal's own theme wins. Meaning never
//! rests on a hue alone: signs, shapes and words carry it too.

use ratatui::style::{Color, Modifier, Style};

use crate::domain::{Num, Side};
use crate::engine::view::{MarkerKind, Mode};

/// A set of colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Palette {
    /// The terminal's sixteen named colours.
    #[default]
    Terminal,
    /// Okabe and Ito's colours, told apart with any colour vision: blue is up, orange is down.
    ColourBlind,
    /// No colour at all; bold, dim and reverse stay.
    Plain,
}

/// Which characters draw the chart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Markers {
    /// Block and box characters.
    #[default]
    Blocks,
    /// ASCII only, for fonts that lack them.
    Ascii,
}

/// How everything looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Theme {
    /// Its colours.
    pub palette: Palette,
    /// Its chart characters.
    pub markers: Markers,
}

#[derive(Clone, Copy)]
enum Role {
    Up,
    Down,
    Signal,
    Blocked,
    Warn,
    Error,
    Focus,
    Grey,
}

impl Theme {
    /// The palette after this one, for the key that goes round.
    #[must_use]
    pub fn next(self) -> Self {
        let palette = match self.palette {
            Palette::Terminal => Palette::ColourBlind,
            Palette::ColourBlind => Palette::Plain,
            Palette::Plain => Palette::Terminal,
        };
        Self { palette, ..self }
    }

    fn role(self, role: Role) -> Style {
        let named = match role {
            Role::Up => Color::Green,
            Role::Down | Role::Error => Color::Red,
            Role::Signal | Role::Focus => Color::Cyan,
            Role::Blocked | Role::Warn => Color::Yellow,
            Role::Grey => Color::DarkGray,
        };
        let safe = match role {
            Role::Up | Role::Focus => Color::Indexed(74),
            Role::Down => Color::Indexed(172),
            Role::Signal => Color::Indexed(36),
            Role::Blocked | Role::Warn => Color::Indexed(227),
            Role::Error => Color::Indexed(166),
            Role::Grey => Color::Indexed(244),
        };
        match self.palette {
            Palette::Terminal => Style::new().fg(named),
            Palette::ColourBlind => Style::new().fg(safe),
            Palette::Plain => Style::new(),
        }
    }

    #[expect(clippy::unused_self, reason = "asked like every other role")]
    pub(super) fn text(self) -> Style {
        Style::new()
    }

    #[expect(clippy::unused_self, reason = "asked like every other role")]
    pub(super) fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    #[expect(clippy::unused_self, reason = "asked like every other role")]
    pub(super) fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn up(self) -> Style {
        self.role(Role::Up)
    }

    pub(super) fn down(self) -> Style {
        self.role(Role::Down)
    }

    pub(super) fn warn(self) -> Style {
        self.role(Role::Warn).add_modifier(Modifier::BOLD)
    }

    pub(super) fn error(self) -> Style {
        self.role(Role::Error).add_modifier(Modifier::BOLD)
    }

    pub(super) fn blocked(self) -> Style {
        self.role(Role::Blocked)
    }

    pub(super) fn signal(self) -> Style {
        self.role(Role::Signal).add_modifier(Modifier::BOLD)
    }

    pub(super) fn border(self, focused: bool) -> Style {
        self.role(if focused { Role::Focus } else { Role::Grey })
    }

    pub(super) fn side(self, side: Side) -> Style {
        match side {
            Side::Buy => self.up(),
            Side::Sell => self.down(),
        }
    }

    /// The style of a profit or loss.
    pub(super) fn profit(self, value: Num) -> Style {
        match value {
            value if value.is_positive() => self.up(),
            value if value.is_negative() => self.down(),
            _ => self.text(),
        }
    }

    pub(super) fn marker(self, kind: MarkerKind, side: Side) -> Style {
        match kind {
            MarkerKind::Signal => self.signal(),
            MarkerKind::Fill => self.side(side).add_modifier(Modifier::BOLD),
            MarkerKind::Blocked => self.blocked(),
        }
    }

    /// The badge: reversed, and red for nothing but real money.
    pub(super) fn badge(self, mode: Mode) -> Style {
        let colour = match (self.palette, mode) {
            (Palette::Plain, _) => return self.bold().add_modifier(Modifier::REVERSED),
            (_, Mode::Live) => Color::Red,
            (_, Mode::Paper) => Color::Blue,
            (_, Mode::Demo) => Color::Cyan,
            (_, Mode::Replay | Mode::Backtest) => Color::Magenta,
        };
        Style::new().fg(Color::Black).bg(colour).add_modifier(Modifier::BOLD)
    }

    /// A word that must not be missed: frozen, halted, lost.
    pub(super) fn alert(self) -> Style {
        self.warn().add_modifier(Modifier::REVERSED)
    }

    /// The character of a chart mark.
    pub(super) fn marker_char(self, kind: MarkerKind, side: Side) -> char {
        let ascii = self.markers == Markers::Ascii;
        match (kind, side) {
            (MarkerKind::Blocked, _) => 'x',
            (MarkerKind::Signal, Side::Buy) if ascii => '^',
            (MarkerKind::Signal, Side::Sell) if ascii => 'v',
            (MarkerKind::Fill, Side::Buy) if ascii => 'A',
            (MarkerKind::Fill, Side::Sell) if ascii => 'V',
            (MarkerKind::Signal, Side::Buy) => '△',
            (MarkerKind::Signal, Side::Sell) => '▽',
            (MarkerKind::Fill, Side::Buy) => '▲',
            (MarkerKind::Fill, Side::Sell) => '▼',
        }
    }

    /// The characters of a rising body, a falling body, a wick and a body without height.
    pub(super) fn candle_chars(self) -> [char; 4] {
        match self.markers {
            Markers::Blocks => ['█', '▒', '│', '─'],
            Markers::Ascii => ['#', ':', '|', '-'],
        }
    }

    /// The characters of a level's line, and of a level above and below the chart.
    pub(super) fn level_chars(self) -> [char; 3] {
        match self.markers {
            Markers::Blocks => ['╌', '↑', '↓'],
            Markers::Ascii => ['-', '^', 'v'],
        }
    }
}
