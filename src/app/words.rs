//! Sizes, spans and moments as a sentence has them.

use crate::domain::{Nanos, UnixNanos};

/// `1.4 GiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [(&str, u64); 4] =
        [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match UNITS.iter().find(|(_, size)| count >= *size) {
        Some((unit, size)) => {
            let tenths = count.saturating_mul(10) / size;
            // From ten on a tenth says nothing.
            if tenths < 100 {
                format!("{}.{} {unit}", tenths / 10, tenths % 10)
            } else {
                format!("{} {unit}", tenths / 10)
            }
        }
        None => format!("{count} B"),
    }
}

/// `40 min`, `3 h`, `12 days`.
pub fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `7.2 s`, and like [`span`] from two minutes on.
pub fn span_exact(nanos: Nanos) -> String {
    let tenths = nanos / 100_000_000;
    match tenths / 10 {
        seconds @ 0..120 => format!("{seconds}.{} s", tenths % 10),
        seconds => span(seconds),
    }
}

/// `2026-11-22T14:03:22.500Z`: to the millisecond, in UTC.
pub fn moment(at: UnixNanos) -> String {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or_default();
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// `1 session`, `2 sessions`.
pub fn count(many: usize, thing: &str) -> String {
    format!("{many} {thing}{}", if many == 1 { "" } else { "s" })
}

/// `67,012.4`: a number with its thousands apart.
pub fn grouped(text: &str) -> String {
    let (whole, rest) =
        text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(rest) = rest {
        out.push('.');
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_and_a_unit() {
        for (count, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_536, "1.5 KiB"),
            (20 << 30, "20 GiB"),
            (u64::MAX, "1677721 TiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        for (seconds, text) in
            [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (864_000, "10 days")]
        {
            assert_eq!(span(seconds), text);
        }
    }
}
