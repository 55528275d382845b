//! What is to be explained: an id in any of its spellings, a moment, or simply the last decision.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::app::cli::ExplainArgs;
use crate::app::error::{AppError, Exit};
use crate::domain::{DecisionId, OrderId, StrategyId, UnixNanos};

/// What is to be explained.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A decision of the session with this prefix.
    Decision(String, DecisionId),
    /// An order, by the id that it also has at the venue; or the n-th of its fills.
    Order(String, OrderId, Option<usize>),
    /// The venue's id of an order or of a trade that filled one.
    Number(u64),
    /// The last evaluation of a strategy in an instrument before a moment.
    At {
        /// As it was typed.
        time: String,
        /// Whose; may be left out where there is one.
        strategy: Option<String>,
        /// In which; may be left out where there is one.
        instrument: Option<String>,
    },
    /// The last decision that wanted an order.
    Last,
}

impl Wanted {
    /// What the arguments ask for.
    pub fn of(args: &ExplainArgs) -> Result<Self, AppError> {
        match (&args.id, &args.at) {
            (Some(id), _) => Self::of_id(id),
            (None, Some(time)) => Ok(Self::At {
                time: time.clone(),
                strategy: args.strategy.clone(),
                instrument: args.instrument.clone(),
            }),
            (None, None) => Ok(Self::Last),
        }
    }

    /// What an id is of.
    pub fn of_id(text: &str) -> Result<Self, AppError> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Number(number));
        }
        parse(text).ok_or_else(|| {
            let text = format!(
                "{text:?} is no id: a decision is k7f3-0-0412, an order k7f3-0-o0007, its first fill \
                 k7f3-0-o0007-f1, and the venue's own ids are numbers"
            );
            AppError::new(Exit::Usage, text)
        })
    }

    /// The prefix of the session that it is in, where it says so.
    pub fn session(&self) -> Option<&str> {
        match self {
            Self::Decision(session, _) | Self::Order(session, ..) => Some(session),
            _ => None,
        }
    }
}

fn parse(text: &str) -> Option<Wanted> {
    let mut words = text.split('-');
    let (session, strategy, number) = (words.next()?, words.next()?, words.next()?);
    let strategy = StrategyId(strategy.parse().ok()?);
    let fill = words.next().map(|fill| fill.strip_prefix('f')?.parse().ok());
    // A prefix, and no path: an id may come over HTTP.
    let is_prefix = session.len() == 4 && session.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_prefix || words.next().is_some() {
        return None;
    }
    let session = session.to_owned();
    Some(match (number.strip_prefix('o'), fill) {
        (None, None) => Wanted::Decision(session, DecisionId { strategy, n: number.parse().ok()? }),
        (Some(order), None) => {
            Wanted::Order(session, OrderId { strategy, n: order.parse().ok()? }, None)
        }
        (Some(order), Some(Some(fill))) if fill > 0 => {
            Wanted::Order(session, OrderId { strategy, n: order.parse().ok()? }, Some(fill))
        }
        _ => return None,
    })
}

/// A moment as it was typed: whole, as in `2026-11-22T14:03:00Z`, without its zone, or as the time of
/// a clock: the first such moment since `began`. Without a zone it is UTC.
pub fn moment_of(text: &str, began: UnixNanos) -> Result<UnixNanos, AppError> {
    let nanos = |moment: Timestamp| u64::try_from(moment.as_nanosecond()).ok().map(UnixNanos);
    let whole = text.parse::<Timestamp>().ok();
    let clock = text.trim_end_matches('Z');
    let civil = || clock.parse::<DateTime>().ok().filter(|_| clock.contains('-'));
    let in_utc = |moment: DateTime| moment.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp());
    let on_clock = || -> Option<Timestamp> {
        let began = Timestamp::from_nanosecond(i128::from(began.0)).ok()?.to_zoned(TimeZone::UTC);
        let time: Time = clock.parse().ok()?;
        let same_day = began.date().to_datetime(time);
        // A second is not forgotten for its fraction: what is typed may be cut off.
        let is_past = same_day < began.datetime().checked_sub(1.second()).ok()?;
        in_utc(if is_past { same_day.checked_add(1.day()).ok()? } else { same_day })
    };
    whole.or_else(|| civil().and_then(in_utc)).or_else(on_clock).and_then(nanos).ok_or_else(|| {
        let text = format!(
            "{text:?} is no time: give one like 2026-11-22T14:03:00Z, \"2026-11-22 14:03\" or 14:03:22.5"
        );
        AppError::new(Exit::Usage, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(strategy: u16, n: u64) -> DecisionId {
        DecisionId { strategy: StrategyId(strategy), n }
    }

    /// Lost if broken: the way from a log line, an order at the venue or a dot in Grafana to its why.
    #[test]
    fn every_spelling_of_an_id_is_understood_and_no_other() {
        let of = |text: &str| Wanted::of_id(text).ok();
        let session = || "k7f3".to_owned();
        assert_eq!(of("k7f3-2-0412"), Some(Wanted::Decision(session(), id(2, 412))));
        assert_eq!(of("k7f3-0-123456"), Some(Wanted::Decision(session(), id(0, 123_456))));
        let order = OrderId { strategy: StrategyId(1), n: 7 };
        assert_eq!(of("k7f3-1-o0007"), Some(Wanted::Order(session(), order, None)));
        assert_eq!(of("k7f3-1-o0007-f2"), Some(Wanted::Order(session(), order, Some(2))));
        assert_eq!(of("99182"), Some(Wanted::Number(99_182)));
        for wrong in [
            "",
            "k7f3",
            "k7f3-1",
            "k7f3-x-1",
            "k7f3-1-0412-f1",
            "k7f3-1-o1-f0",
            "k7f3-1-o1-2",
            "d-7",
            "/tmp-0-1",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    /// Lost if broken: "my bot did not buy at 14:03", typed as that.
    #[test]
    fn a_clock_time_is_the_first_since_the_run_began() {
        let at = |text: &str| moment_of(text, moment("2026-11-22T22:30:00Z")).ok();
        let whole = |text: &str| Some(moment(text));
        assert_eq!(at("23:15"), whole("2026-11-22T23:15:00Z"));
        assert_eq!(at("23:15:00.25"), whole("2026-11-22T23:15:00.25Z"));
        assert_eq!(at("01:00"), whole("2026-11-23T01:00:00Z"));
        assert_eq!(at("2026-11-25 07:00"), whole("2026-11-25T07:00:00Z"));
        assert_eq!(at("2026-11-25T07:00:00Z"), whole("2026-11-25T07:00:00Z"));
        assert_eq!(at("2026-11-25T08:00:00+01:00"), whole("2026-11-25T07:00:00Z"));
        assert_eq!(at("noon"), None);
    }

    fn moment(text: &str) -> UnixNanos {
        let moment: Timestamp = text.parse().unwrap();
        UnixNanos(u64::try_from(moment.as_nanosecond()).unwrap())
    }
}
