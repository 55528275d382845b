//! A log line: one JSON object, written in one pass into a buffer that is used again.
//!
//! Keys come from the code and are written in its order, so they are stable and never double.
//! Numbers that must stay exact are strings. A line has at most [`LIMIT`] bytes: fields that would
//! pass it are left out, and the line says `"truncated":true`.

use std::fmt::{self, Write as _};

use jiff::Timestamp;

use super::word::{Level, Word};
use crate::domain::UnixNanos;

/// Bytes of a line at most, its newline not counted.
pub const LIMIT: usize = 16 * 1024;

/// What closes a line that is too long.
const TRUNCATED: &str = ",\"truncated\":true";

/// What every line says before its own fields.
pub(super) struct Head<'a> {
    /// When.
    pub time: UnixNanos,
    /// The line's number in its lane.
    pub seq: u64,
    /// How loud.
    pub level: Level,
    /// The event's name.
    pub event: &'a str,
    /// What it says to a person.
    pub message: &'a str,
    /// Which run.
    pub run_id: &'a str,
}

/// The line being written.
#[derive(Default)]
pub(super) struct Line {
    text: String,
    /// No comma is due.
    fresh: bool,
    /// Objects within objects: only whole top-level fields are ever cut off.
    depth: u16,
    /// Length up to the last whole field that fits.
    fits: usize,
    truncated: bool,
}

impl Line {
    /// Starts the next line.
    pub(super) fn start(&mut self, head: &Head<'_>) {
        self.text.clear();
        self.text.push('{');
        (self.fresh, self.depth, self.fits, self.truncated) = (true, 0, 1, false);
        self.key("ts");
        self.text.push('"');
        push_time(&mut self.text, head.time);
        self.text.push('"');
        self.unsigned("seq", head.seq);
        self.text("level", head.level.as_str());
        self.text("event", head.event);
        self.text("msg", head.message);
        self.text("run_id", head.run_id);
    }

    /// Ends the line with a newline.
    pub(super) fn finish(&mut self) -> &str {
        if self.truncated {
            self.text.push_str(TRUNCATED);
        }
        self.text.push_str("}\n");
        &self.text
    }

    /// True when fields were left out.
    pub(super) fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// A string field, cleaned and escaped.
    pub(super) fn text(&mut self, key: &'static str, value: &str) {
        self.key(key);
        push_string(&mut self.text, value);
        self.close();
    }

    /// An exact number, an id or any other thing as a string.
    pub(super) fn exact(&mut self, key: &'static str, value: impl fmt::Display) {
        self.key(key);
        self.text.push('"');
        let start = self.text.len();
        let _ = write!(self.text, "{value}");
        debug_assert!(self.text.get(start..).is_some_and(|t| !t.contains(['"', '\\', '\n'])));
        self.text.push('"');
        self.close();
    }

    /// An exact number as a string, or null.
    pub(super) fn exact_or_null(&mut self, key: &'static str, value: Option<impl fmt::Display>) {
        match value {
            Some(value) => self.exact(key, value),
            None => self.null(key),
        }
    }

    /// A whole number.
    pub(super) fn unsigned(&mut self, key: &'static str, value: u64) {
        self.key(key);
        let _ = write!(self.text, "{value}");
        self.close();
    }

    /// An indicator's number; NaN and infinity are null, because JSON has neither.
    pub(super) fn float(&mut self, key: &'static str, value: f64) {
        self.key(key);
        if value.is_finite() {
            let _ = write!(self.text, "{value:?}");
        } else {
            self.text.push_str("null");
        }
        self.close();
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &'static str, value: bool) {
        self.key(key);
        self.text.push_str(if value { "true" } else { "false" });
        self.close();
    }

    /// A moment, in the form of `ts`.
    pub(super) fn time(&mut self, key: &'static str, value: UnixNanos) {
        self.key(key);
        self.text.push('"');
        push_time(&mut self.text, value);
        self.text.push('"');
        self.close();
    }

    /// Nothing, where a reader expects the key.
    pub(super) fn null(&mut self, key: &'static str) {
        self.key(key);
        self.text.push_str("null");
        self.close();
    }

    /// A list of objects.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        items: impl IntoIterator<Item = T>,
        mut object: impl FnMut(&mut Self, T),
    ) {
        self.key(key);
        self.text.push('[');
        self.depth += 1;
        for (index, item) in items.into_iter().enumerate() {
            self.text.push_str(if index == 0 { "{" } else { ",{" });
            self.fresh = true;
            object(self, item);
            self.text.push('}');
        }
        self.depth -= 1;
        self.fresh = false;
        self.text.push(']');
        self.close();
    }

    fn key(&mut self, key: &'static str) {
        if !self.fresh {
            self.text.push(',');
        }
        self.fresh = false;
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
    }

    /// After a top-level field: takes it back when the line would be too long with it.
    fn close(&mut self) {
        if self.depth > 0 {
            return;
        }
        if self.text.len() + TRUNCATED.len() < LIMIT {
            self.fits = self.text.len();
        } else {
            self.text.truncate(self.fits);
            self.truncated = true;
        }
    }
}

/// `2026-11-22T20:40:00.447712782Z`: always nine digits, so that lines sort as text.
fn push_time(text: &mut String, time: UnixNanos) {
    let time = Timestamp::from_nanosecond(i128::from(time.0)).unwrap_or(Timestamp::UNIX_EPOCH);
    let _ = write!(text, "{}", time.strftime("%Y-%m-%dT%H:%M:%S.%9fZ"));
}

/// A JSON string of cleaned text.
fn push_string(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars().map(clean) {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}

/// The character, or `�` in place of one that could forge a line, hide text or turn it around:
/// control characters, zero-width ones, and those that change the writing direction.
fn clean(character: char) -> char {
    let hidden = matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    if character.is_control() || hidden { '\u{fffd}' } else { character }
}

/// Text that is fit for a line and a terminal, `limit` characters at most.
pub(super) fn cleaned(text: &str, limit: usize) -> String {
    text.chars().take(limit).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head<'static> = Head {
        time: UnixNanos(1_795_380_000_447_712_700),
        seq: 7,
        level: Level::Info,
        event: "heartbeat",
        message: "a \"b\" \\ c",
        run_id: "20261122-k7f3",
    };

    #[test]
    fn a_line_is_the_documented_text() {
        let mut line = Line::default();
        line.start(&HEAD);
        line.exact("price", "61.20");
        line.float("value", 0.1 + 0.2);
        line.float("missing", f64::NAN);
        line.list("rules", [1, 2], |line, n| {
            line.unsigned("n", n);
            line.flag("ok", n == 1);
        });
        line.null("side");
        assert_eq!(
            line.finish(),
            "{\"ts\":\"2026-11-22T20:40:00.447712700Z\",\"seq\":7,\"level\":\"INFO\",\
             \"event\":\"heartbeat\",\"msg\":\"a \\\"b\\\" \\\\ c\",\"run_id\":\"20261122-k7f3\",\
             \"price\":\"61.20\",\"value\":0.30000000000000004,\"missing\":null,\
             \"rules\":[{\"n\":1,\"ok\":true},{\"n\":2,\"ok\":false}],\"side\":null}\n"
        );
    }

    #[test]
    fn venue_text_cannot_forge_a_line_or_turn_the_screen_around() {
        let mut line = Line::default();
        line.start(&HEAD);
        line.text("excerpt", "a\n{\"seq\":1}\u{202e}b\u{200b}c\u{1b}[2J\u{9b}d");
        let text = line.finish();
        assert_eq!(text.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(value["excerpt"], "a�{\"seq\":1}�b�c�[2J�d");
    }

    #[test]
    fn a_line_that_is_too_long_says_so_and_stays_json() {
        let mut line = Line::default();
        line.start(&HEAD);
        line.text("whole", &"x".repeat(9_000));
        line.text("cut", &"é".repeat(9_000));
        line.list("also_cut", 0..4_000, |line, n| line.unsigned("n", n));
        line.unsigned("short", 5);
        assert!(line.is_truncated());
        let text = line.finish();
        assert!(text.len() <= LIMIT + 1, "{}", text.len());
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!((&value["truncated"], &value["short"]), (&true.into(), &5.into()));
        assert!(value.get("cut").is_none() && value.get("also_cut").is_none());
    }
}
