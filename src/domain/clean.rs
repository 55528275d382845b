//! Cleaning: text from outside made harmless before it reaches a terminal or a log.
//!
//! Escape sequences, direction overrides and invisible characters can rewrite what a reader sees;
//! each becomes a visible dot, and the text is cut to a length.

/// What takes the place of a character that must not be shown.
const MARK: char = '·';
/// What ends a text that was cut.
const CUT: char = '…';

/// The text without control, direction and invisible characters, at most `max` characters long.
pub fn clean(text: &str, max: usize) -> String {
    let mut cleaned: String =
        text.chars().take(max).map(|c| if is_harmful(c) { MARK } else { c }).collect();
    if text.chars().nth(max).is_some() && cleaned.pop().is_some() {
        cleaned.push(CUT);
    }
    cleaned
}

/// The same for bytes that may be no text at all.
pub fn clean_bytes(bytes: &[u8], max: usize) -> String {
    // A character is at most four bytes; one more tells that something was cut.
    let head = bytes.get(..max.saturating_add(1).saturating_mul(4)).unwrap_or(bytes);
    clean(&String::from_utf8_lossy(head), max)
}

/// Control characters, line and direction controls, zero-width and other invisible characters.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A venue's error text could clear the screen or write the clipboard.
    #[test]
    fn escapes_and_overrides_become_dots() {
        assert_eq!(clean("\x1b]52;c;aGk=\x07", 99), "·]52;c;aGk=·");
        assert_eq!(clean("a\u{202e}b\u{200b}c\u{feff}\r\nd\u{9b}", 99), "a·b·c···d·");
        assert_eq!(clean("Zürich 東京", 99), "Zürich 東京");
    }

    #[test]
    fn a_long_text_is_cut_visibly() {
        assert_eq!(clean("12345", 5), "12345");
        assert_eq!(clean("123456", 5), "1234…");
        assert_eq!(clean("x", 0), "");
        assert_eq!(clean_bytes(&b"x".repeat(10_000_000), 3), "xx…");
        assert_eq!(clean_bytes(b"ok \xff\xfe", 9), "ok \u{fffd}\u{fffd}");
    }

    proptest! {
        #[test]
        fn nothing_harmful_and_nothing_long_passes(bytes in any::<Vec<u8>>(), max in 0_usize..40) {
            let cleaned = clean_bytes(&bytes, max);
            prop_assert!(cleaned.chars().count() <= max);
            prop_assert!(!cleaned.chars().any(is_harmful));
        }
    }
}
