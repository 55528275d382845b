//! Where a stretch of a text stands in its source: quotes, escapes and joined lines are not part of
//! the text that a reader gets, but of the file that an error points into.

use std::ops::Range;

use super::source::Site;
use super::tree::{Node, Value};

impl Value {
    /// Where a stretch of this text was written; the whole value where that cannot be told.
    pub(super) fn site_of(&self, span: Range<usize>) -> Site {
        let whole = self.site.clone();
        let (Node::Text(text) | Node::Bare(text)) = &self.node else { return whole };
        let Some(raw) = whole.source.text.get(whole.span.clone()) else { return whole };
        let Some(offsets) = offsets(raw, text) else { return whole };
        let place = |at: usize| offsets.get(at).map(|offset| whole.span.start + offset);
        match (place(span.start), place(span.end)) {
            (Some(start), Some(end)) => Site { span: start..end, ..whole },
            _ => whole,
        }
    }
}

/// For each byte of `text`, and for its end, the offset into `raw` that it was read from; `None`
/// when `raw` does not read as `text`.
fn offsets(raw: &str, text: &str) -> Option<Vec<usize>> {
    if raw == text {
        return Some((0..=text.len()).collect());
    }
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| raw.starts_with(quote))?;
    let end = raw.len().checked_sub(quote.len())?;
    let mut at = quote.len();
    if quote.len() == 3 {
        let rest = raw.get(at..)?;
        let newline = ["\r\n", "\n"].into_iter().find(|newline| rest.starts_with(newline));
        at += newline.map_or(0, str::len);
    }
    let mut offsets = Vec::with_capacity(text.len() + 1);
    let mut read = String::with_capacity(text.len());
    while at < end {
        let rest = raw.get(at..end)?;
        let (decoded, bytes) = piece(rest, quote.starts_with('"'))?;
        if let Some(decoded) = decoded {
            offsets.extend(std::iter::repeat_n(at, decoded.len_utf8()));
            read.push(decoded);
        }
        at += bytes;
    }
    offsets.push(end);
    (read == text).then_some(offsets)
}

/// The first character of a quoted text as it is read, if it gives one, and its bytes as written.
fn piece(rest: &str, escapes: bool) -> Option<(Option<char>, usize)> {
    let first = rest.chars().next()?;
    if first != '\\' || !escapes {
        return Some((Some(first), first.len_utf8()));
    }
    let code = |digits: usize| {
        let number = u32::from_str_radix(rest.get(2..2 + digits)?, 16).ok()?;
        Some((Some(char::from_u32(number)?), 2 + digits))
    };
    match rest.chars().nth(1)? {
        'b' => Some((Some('\u{8}'), 2)),
        't' => Some((Some('\t'), 2)),
        'n' => Some((Some('\n'), 2)),
        'f' => Some((Some('\u{c}'), 2)),
        'r' => Some((Some('\r'), 2)),
        'e' => Some((Some('\u{1b}'), 2)),
        'x' => code(2),
        'u' => code(4),
        'U' => code(8),
        same @ ('"' | '\\') => Some((Some(same), 2)),
        // A line that ends in a backslash goes on at the next character that is seen.
        _ => {
            let joined = rest.get(1..)?.trim_start();
            Some((None, rest.len() - joined.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::path::KeyPath;
    use super::super::source::{Source, SourceKind};
    use super::*;

    /// The source text under the stretch of a value that reads `word`.
    fn under(toml: &str, word: &str) -> String {
        let source = Source::new(SourceKind::Program, toml);
        let tree = Value::document(&source).unwrap();
        let value = tree.at(&KeyPath::of("a")).unwrap();
        let Node::Text(text) = &value.node else { panic!("no text") };
        let start = text.find(word).unwrap();
        let site = value.site_of(start..start + word.len());
        toml[site.span].to_owned()
    }

    /// A caret beside the mistake sends the reader to the wrong word.
    #[test]
    fn a_stretch_is_found_whatever_the_quotes() {
        for toml in [
            "a = \"x y rsl z\"",
            "a = 'x y rsl z'",
            "a = \"\"\"\nx\r\n  y rsl\nz\"\"\"",
            "a = '''\n\"x\" rsl'''",
            "a = \"\\u00e9\\t\\\"x\\\" \\U0001F600 rsl\"",
            "a = \"\"\"x and \\\n     y rsl\"\"\"",
            "a = \"\"\"x \"\"y\"\" rsl\"\"\"",
        ] {
            assert_eq!(under(toml, "rsl"), "rsl", "{toml}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Any text, written as the canonical form writes it, is found again byte for byte.
        #[test]
        fn any_text_is_found(before in "\\PC{0,12}", control in "[\t\n\u{1}\u{7f}\"'\\\\]{0,4}") {
            let text = format!("{before}{control}rsl{before}");
            let table = toml::Table::from_iter([("a".to_owned(), toml::Value::String(text))]);
            prop_assert_eq!(under(&toml::to_string(&table).unwrap(), "rsl"), "rsl");
        }
    }
}
