//! JSON that people read in a diff: what fits on a line stands on one, the rest is broken.

use std::fmt::Write as _;

use serde_json::Value;

/// Longest line that is not broken.
const WIDTH: usize = 120;

/// The value as text, with a newline at its end.
pub fn text(value: &Value) -> String {
    let mut text = String::new();
    value_at(value, 0, &mut text);
    text + "\n"
}

fn value_at(value: &Value, depth: usize, text: &mut String) {
    let short = value.to_string();
    let inner = "  ".repeat(depth + 1);
    let outer = "  ".repeat(depth);
    match value {
        Value::Array(items) if short.len() + inner.len() > WIDTH => {
            for (number, item) in items.iter().enumerate() {
                *text += if number == 0 { "[\n" } else { ",\n" };
                *text += &inner;
                value_at(item, depth + 1, text);
            }
            write!(text, "\n{outer}]").unwrap();
        }
        Value::Object(fields) if short.len() + inner.len() > WIDTH => {
            for (number, (key, item)) in fields.iter().enumerate() {
                *text += if number == 0 { "{\n" } else { ",\n" };
                write!(text, "{inner}{}: ", Value::from(key.as_str())).unwrap();
                value_at(item, depth + 1, text);
            }
            write!(text, "\n{outer}}}").unwrap();
        }
        _ => *text += &short,
    }
}
