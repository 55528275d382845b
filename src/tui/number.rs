//! Numbers and times as a trader reads them: thousands separated, decimals of the tick, a sign on
//! every profit and loss, a quantity never rounded.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::{Num, Price, Quantity, Signed, UnixNanos};
use crate::engine::record::CheckKind;

/// From here on a strategy's value is shown short.
const LONG: f64 = 1e9;

/// What stands for the seconds since a signal that never was, which strategies see as 10⁹.
const NEVER: &str = "∞";

/// What stands for a number that is not known.
pub(super) const MISSING: &str = "-";

/// A price with the decimals of its tick.
pub(super) fn price(price: Price, digits: u32) -> String {
    exact(price.num(), digits)
}

/// A price, or what stands for a missing one.
pub(super) fn price_or_missing(value: Option<Price>, digits: u32) -> String {
    value.map_or_else(|| MISSING.to_owned(), |value| price(value, digits))
}

/// An average of prices, rounded to the decimals of the tick, or what stands for a missing one.
pub(super) fn average_or_missing(value: Option<Price>, digits: u32) -> String {
    let rounded = |value: Price| exact(value.num().round_dp(digits), digits);
    value.map_or_else(|| MISSING.to_owned(), rounded)
}

/// A quantity with the decimals of its lot, more when it has more.
pub(super) fn quantity(quantity: Quantity, digits: u32) -> String {
    exact(quantity.num(), digits)
}

/// A signed quantity; flat has no sign.
pub(super) fn signed_quantity(quantity: Signed, digits: u32) -> String {
    with_sign(quantity.num(), exact(quantity.num(), digits))
}

/// A number with at least `digits` decimals and never fewer than it has.
pub(super) fn exact(value: Num, digits: u32) -> String {
    let digits = value.significant_scale().max(digits) as usize;
    grouped(&format!("{value:.digits$}"))
}

/// A number with as many decimals as it has.
pub(super) fn plain(value: Num) -> String {
    exact(value, 0)
}

/// An amount of money to the cent.
pub(super) fn money(value: Num) -> String {
    grouped(&format!("{:.2}", value.round_dp(2)))
}

/// Profit or loss to the cent, always with its sign.
pub(super) fn profit(value: Num) -> String {
    let rounded = value.round_dp(2);
    with_sign(rounded, money(rounded))
}

/// A ratio in percent with its sign: `+1.24%`; what rounds to nothing has none.
pub(super) fn percent(ratio: f64) -> String {
    let text = format!("{:+.2}%", ratio * 100.0);
    if text.ends_with("0.00%") && text.len() == "+0.00%".len() { "0.00%".to_owned() } else { text }
}

/// A ratio of two exact numbers; `None` when it does not exist.
pub(super) fn ratio(part: Num, whole: Num) -> Option<f64> {
    part.div(whole).ok().map(Num::to_f64)
}

fn with_sign(value: Num, text: String) -> String {
    if value.is_positive() { format!("+{text}") } else { text }
}

/// Puts a comma between thousands of a plain decimal text.
fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = rest.find('.').map_or((rest, ""), |dot| rest.split_at(dot));
    let mut out = String::with_capacity(text.len() + whole.len() / 3);
    out.push_str(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(fraction);
    out
}

/// A strategy's value: enough decimals to tell it from `other`, two at least and eight at most. A
/// very large one is short.
pub(super) fn value(now: Option<f64>, other: Option<f64>) -> String {
    let Some(now) = now else { return MISSING.to_owned() };
    if is_never(now) {
        return NEVER.to_owned();
    }
    if now.abs() >= LONG {
        return compact(now);
    }
    grouped(&format!("{now:.*}", decimals(now, other)))
}

fn is_never(value: f64) -> bool {
    (value - LONG).abs() < f64::EPSILON
}

/// The decimals at which both numbers look different, when they are.
fn decimals(now: f64, other: Option<f64>) -> usize {
    let small = if now != 0.0 && now.abs() < 1.0 { 5 } else { 2 };
    let Some(other) = other.filter(|other| (other - now).abs() > 0.0) else { return small };
    (small..8).find(|&n| format!("{now:.n$}") != format!("{other:.n$}")).unwrap_or(8)
}

/// The difference of two values with its sign and their decimals.
pub(super) fn margin(left: Option<f64>, right: Option<f64>, margin: f64) -> String {
    let digits = left.map_or(2, |left| decimals(left, right)).max(decimals(margin, Some(0.0)));
    let text = match left {
        Some(left) if is_never(left) => NEVER.to_owned(),
        Some(left) if left.abs() >= LONG => compact(margin),
        _ => grouped(&format!("{margin:.digits$}")),
    };
    if margin > 0.0 { format!("+{text}") } else { text }
}

/// A check's number in its unit; exact, because it is what the verdict rests on.
pub(super) fn of_check(kind: CheckKind, value: Num) -> String {
    match kind.unit() {
        "%" => {
            let percent = value.mul(Num::from(100)).unwrap_or(value);
            format!("{}%", plain(percent.round_dp(4)))
        }
        "s" => format!("{}s", plain(value.round_dp(6))),
        _ => plain(value),
    }
}

/// A count with thousands separated.
pub(super) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A large amount, short: `1.21B`, `640M`, `9.3k`, `12`.
pub(super) fn compact(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        v if v >= 1e9 => (value / 1e9, "B"),
        v if v >= 1e6 => (value / 1e6, "M"),
        v if v >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = usize::from(!unit.is_empty() && scaled.abs() < 100.0);
    format!("{scaled:.digits$}{unit}")
}

/// Bytes, short: `1.2 GB`.
pub(super) fn bytes(value: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    let text = compact(value as f64);
    match text.strip_suffix(['B', 'M', 'k']) {
        Some(digits) if text.ends_with('B') => format!("{digits} GB"),
        Some(digits) if text.ends_with('M') => format!("{digits} MB"),
        Some(digits) => format!("{digits} kB"),
        None => format!("{text} B"),
    }
}

/// A span of time in nanoseconds, short: `850ns`, `12.1µs`, `8.4ms`, `2.5s`, `4m`, `3h`.
pub(super) fn span(nanos: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    let value = nanos as f64;
    match nanos {
        0..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{:.1}µs", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}ms", value / 1e6),
        1_000_000_000..60_000_000_000 => format!("{:.1}s", value / 1e9),
        60_000_000_000..3_600_000_000_000 => format!("{}m", nanos / 60_000_000_000),
        _ => format!("{}h", nanos / 3_600_000_000_000),
    }
}

/// Microseconds, short.
pub(super) fn micros(value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a latency; the cast saturates"
    )]
    span((value * 1e3) as u64)
}

/// In which zone times are shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clock {
    zone: Option<TimeZone>,
}

impl Clock {
    /// Universal time.
    pub const UTC: Self = Self { zone: None };

    /// The given zone's time.
    pub fn local(zone: TimeZone) -> Self {
        Self { zone: Some(zone) }
    }

    /// True when times are universal.
    pub fn is_utc(&self) -> bool {
        self.zone.is_none()
    }

    /// Time of day with milliseconds, without its zone.
    pub fn time(&self, at: UnixNanos) -> String {
        UnixNanos(self.shifted(at)).to_string()
    }

    /// Time of day to the second.
    pub fn second(&self, at: UnixNanos) -> String {
        let mut text = self.time(at);
        text.truncate(8);
        text
    }

    /// The day, as `2026-11-22`.
    pub fn date(&self, at: UnixNanos) -> String {
        let second = i64::try_from(self.shifted(at) / UnixNanos::SECOND).unwrap_or(i64::MAX);
        let moment = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        moment.to_zoned(TimeZone::UTC).date().to_string()
    }

    /// What follows a time so that nobody has to guess: `Z`, `+01:00`.
    pub fn suffix(&self, at: UnixNanos) -> String {
        match self.offset_seconds(at) {
            _ if self.is_utc() => "Z".to_owned(),
            offset => {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.unsigned_abs() / 60;
                format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }

    fn shifted(&self, at: UnixNanos) -> u64 {
        const SECOND: i64 = 1_000_000_000;
        at.0.saturating_add_signed(self.offset_seconds(at).saturating_mul(SECOND))
    }

    fn offset_seconds(&self, at: UnixNanos) -> i64 {
        let Some(zone) = &self.zone else { return 0 };
        let second = i64::try_from(at.0 / UnixNanos::SECOND).unwrap_or(i64::MAX);
        let moment = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        i64::from(zone.to_offset(moment).seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn num(text: &str) -> Num {
        text.parse().unwrap()
    }

    #[test]
    fn a_quantity_is_never_rounded_and_a_price_keeps_its_tick() {
        assert_eq!(exact(num("0.00999"), 3), "0.00999");
        assert_eq!(exact(num("64012.5"), 2), "64,012.50");
        assert_eq!(exact(num("-1234567"), 0), "-1,234,567");
    }

    #[test]
    fn profit_has_its_sign_and_nothing_has_none() {
        assert_eq!(profit(num("124.5")), "+124.50");
        assert_eq!(profit(num("-0.051")), "-0.05");
        assert_eq!(profit(num("0.001")), "0.00");
    }

    #[test]
    fn two_values_that_differ_look_different() {
        assert_eq!(value(Some(64_001.25), Some(64_001.251)), "64,001.250");
        assert_eq!(value(Some(10.0), Some(10.0)), "10.00");
        assert_eq!(value(None, Some(1.0)), MISSING);
        assert_eq!(value(Some(1e9), Some(1e9)), "∞");
        assert_eq!(margin(Some(1e9), Some(2.0), 1e9 - 2.0), "+∞");
        assert_eq!(value(Some(1.21e9), None), "1.2B");
    }

    #[test]
    fn a_local_time_says_how_far_it_is_from_universal_time() {
        let clock = Clock::local(TimeZone::fixed(jiff::tz::offset(-3)));
        let at = UnixNanos::from_millis(3_600_000 * 4);
        assert_eq!(
            (clock.time(at).as_str(), clock.suffix(at).as_str()),
            ("01:00:00.000", "-03:00")
        );
        assert_eq!(Clock::UTC.suffix(at), "Z");
        assert_eq!(Clock::UTC.date(at), "1970-01-01");
    }

    #[test]
    fn spans_and_sizes_are_short() {
        assert_eq!([span(850), span(12_100), span(2_500_000_000)], ["850ns", "12.1µs", "2.5s"]);
        assert_eq!(
            [compact(1_210_000_000.0), compact(640e6), bytes(1_200)],
            ["1.2B", "640M", "1.2 kB"]
        );
    }
}
