//! The report: bars and trades that differ, each bar with the decisions that used it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::decisions::{Bars, Decision, Effect, On};
use super::published::{Change, FileReport, Published, ids};
use super::received::Received;
use super::subject::Subject;
use crate::app::words::grouped;
use crate::domain::{Candle, InstrumentId, Nanos, Num, UnixNanos};
use crate::history::moment;
use crate::strategy::{Bar, BarKind, Quality};

/// Ids and decisions shown to a person; the rest is counted.
const SHOWN: usize = 12;
/// Bars told one by one.
const BARS_TOLD: usize = 1_000;
/// A day in nanoseconds.
const DAY: Nanos = 86_400 * UnixNanos::SECOND;

/// What a comparison found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The session, or the file.
    pub session: String,
    /// Nothing differs.
    pub equal: bool,
    /// What was compared with.
    pub files: Vec<FileReport>,
    /// Trades of each instrument that files of trades were given for.
    pub trades: Vec<Trades>,
    /// Bars compared with klines.
    pub bars_compared: u64,
    /// Bars that the session joined in the middle, or that had not ended with it: not compared.
    pub bars_cut: u64,
    /// Bars that differ; the first thousand.
    pub bars: Vec<BarDifference>,
    /// How many do.
    pub bars_differ: u64,
    /// The tape holds a run; else there are no decisions to look at.
    pub decides: bool,
    /// Decisions of the session.
    pub decisions: u64,
    /// Decisions that were asked about a wrong trade or bar.
    pub asked_wrong: u64,
    /// Decisions whose outcome would have been another.
    pub changed: u64,
    /// Decisions with the same outcome from other numbers.
    pub other_numbers: u64,
    /// Decisions on wrong trades or on bars of other lengths than those above.
    pub direct: Vec<Decision>,
    /// Decisions asked about what is right, which what came before changed.
    pub later: Vec<Decision>,
    /// Equity at the end.
    pub equity: Option<Num>,
    /// Equity at the end, had it been as published.
    pub equity_would_be: Option<Num>,
    /// It spans more than one day: bars are told with their date.
    #[serde(skip)]
    dated: bool,
}

/// The trades of one instrument.
#[derive(Debug, Serialize)]
pub struct Trades {
    /// The venue's symbol.
    pub instrument: String,
    /// Received.
    pub received: u64,
    /// Published and not received.
    pub missing: Vec<u64>,
    /// Published with other numbers.
    pub altered: Vec<Altered>,
    /// Received, and not in the file.
    pub extra: Vec<u64>,
}

/// A trade that was published with other numbers.
#[derive(Debug, Serialize)]
pub struct Altered {
    /// The venue's id.
    pub id: u64,
    /// When it happened.
    pub time: String,
    /// As it was received: `0.001 at 61837.63, buyer crossed`.
    pub received: String,
    /// As it was published.
    pub published: String,
}

/// A bar that differs.
#[derive(Debug, Serialize)]
pub struct BarDifference {
    /// The venue's symbol.
    pub instrument: String,
    /// `bars:1m`.
    pub bars: String,
    /// When it begins.
    pub open_time: String,
    /// What of it differs first: `close`, `volume`.
    pub field: &'static str,
    /// As the session made it; nothing where it made none.
    pub received: Option<String>,
    /// Its trades.
    pub trades: Option<u64>,
    /// As published.
    pub published: String,
    /// Trades of it that were missing.
    pub missing: u64,
    /// Trades of it that have other numbers.
    pub altered: u64,
    /// Trades of it that the file lacks.
    pub extra: u64,
    /// Decisions that were asked about it.
    pub decisions: Vec<Decision>,
    #[serde(skip)]
    at: UnixNanos,
    #[serde(skip)]
    length: Nanos,
}

impl Report {
    /// Puts together what was found.
    pub fn new(
        subject: &Subject,
        files: Vec<FileReport>,
        received: &[Received],
        published: &[Published],
        effect: Effect,
    ) -> Self {
        let symbols = subject.symbols();
        let spans = received.iter().filter_map(Received::span);
        let dated = spans.clone().map(|(from, _)| from.0 / DAY).min()
            != spans.map(|(_, to)| to.0 / DAY).max();
        let mut report = Self {
            session: subject.name.clone(),
            equal: false,
            trades: Vec::new(),
            bars_compared: 0,
            bars_cut: 0,
            bars: Vec::new(),
            bars_differ: 0,
            decides: subject.decides,
            decisions: effect.decisions,
            asked_wrong: effect.asked_wrong,
            changed: effect.changed,
            other_numbers: effect.other_numbers,
            direct: effect.direct,
            later: effect.later,
            equity: effect.equity.0.filter(|_| subject.decides),
            equity_would_be: effect.equity.1.filter(|_| subject.decides),
            dated,
            files,
        };
        for (id, symbol) in ids(symbols.len()).zip(&symbols) {
            let (Some(received), Some(published)) =
                (received.get(id.index()), published.get(id.index()))
            else {
                continue;
            };
            let has_trades = report
                .files
                .iter()
                .any(|file| file.instrument == *symbol && file.holds == "trades");
            if has_trades {
                report.trades.push(trades(symbol, received, published));
            }
            report.candles(id, symbol, received, published, &effect.bars);
            report.bars_of_trades(id, symbol, published, &effect.bars);
        }
        let whole = |trades: &Trades| {
            trades.missing.is_empty() && trades.altered.is_empty() && trades.extra.is_empty()
        };
        report.equal = report.bars_differ == 0 && report.trades.iter().all(whole);
        report
    }

    /// Compares an instrument's bars with its candles.
    fn candles(
        &mut self,
        id: InstrumentId,
        symbol: &str,
        received: &Received,
        published: &Published,
        bars: &BTreeMap<(InstrumentId, Nanos), (Bars, Bars)>,
    ) {
        let Some((from, to)) = received.span() else { return };
        for (length, candles) in &published.candles {
            let Some((was, _)) = bars.get(&(id, *length)) else { continue };
            let last = was.keys().next_back().copied();
            for candle in candles.values() {
                let bar = was.get(&candle.open_time);
                let cut = candle.open_time < from || candle.close_time() > to;
                if cut && bar.is_none_or(|bar| bar.quality == Quality::Partial) {
                    self.bars_cut += 1;
                    continue;
                }
                // Nothing came after it that would have closed it.
                if bar.is_none() && last.is_none_or(|last| candle.open_time > last) {
                    self.bars_cut += 1;
                    continue;
                }
                self.bars_compared += 1;
                let told = as_bar(candle);
                if bar.is_none_or(|bar| !bar.says_the_same(&told)) {
                    self.differs((id, symbol), published, bar, &told);
                }
            }
        }
    }

    /// Tells the bars that trades fall into which differ.
    fn bars_of_trades(
        &mut self,
        id: InstrumentId,
        symbol: &str,
        published: &Published,
        bars: &BTreeMap<(InstrumentId, Nanos), (Bars, Bars)>,
    ) {
        for ((_, length), (was, would_be)) in bars.range((id, 0)..=(id, Nanos::MAX)) {
            if published.candles.contains_key(length) {
                continue;
            }
            let of = |change: &Change| change.time().floor_to(*length);
            let starts: BTreeSet<UnixNanos> = published.changes.values().map(of).collect();
            for start in starts {
                if let Some(told) = would_be.get(&start) {
                    self.differs((id, symbol), published, was.get(&start), told);
                }
            }
        }
    }

    fn differs(
        &mut self,
        (id, symbol): (InstrumentId, &str),
        published: &Published,
        bar: Option<&Bar>,
        told: &Bar,
    ) {
        self.bars_differ += 1;
        if self.bars.len() >= BARS_TOLD {
            return;
        }
        let within =
            |change: &&Change| (told.open_time..told.close_time()).contains(&change.time());
        let changes: Vec<&Change> = published.changes.values().filter(within).collect();
        let count = |is: fn(&Change) -> bool| changes.iter().filter(|change| is(change)).count();
        let missing = count(|change| matches!(change, Change::Missing(_))) as u64;
        let fewer = bar.map_or(told.trades, |bar| told.trades.saturating_sub(bar.trades));
        let on = (id, On::Bar(told.kind, told.open_time.0));
        let (decisions, direct) =
            std::mem::take(&mut self.direct).into_iter().partition(|decision| decision.on == on);
        self.direct = direct;
        let (field, received, told_text) = first_field(bar, told);
        self.bars.push(BarDifference {
            instrument: symbol.to_owned(),
            bars: told.kind.to_string(),
            open_time: moment(told.open_time),
            field,
            received,
            trades: bar.map(|bar| bar.trades),
            published: told_text,
            missing: if missing > 0 { missing } else { fewer },
            altered: count(|change| matches!(change, Change::Altered { .. })) as u64,
            extra: count(|change| matches!(change, Change::Extra(_))) as u64,
            decisions,
            at: told.open_time,
            length: told.length,
        });
    }
}

/// The trades of one instrument that differ.
fn trades(symbol: &str, received: &Received, published: &Published) -> Trades {
    let mut trades = Trades {
        instrument: symbol.to_owned(),
        received: received.trades.len() as u64,
        missing: Vec::new(),
        altered: Vec::new(),
        extra: Vec::new(),
    };
    let words = |trade: &crate::domain::Trade| {
        format!(
            "{} at {}, {} crossed, {}",
            trade.quantity,
            trade.price,
            match trade.aggressor {
                crate::domain::Side::Buy => "buyer",
                crate::domain::Side::Sell => "seller",
            },
            trade.ts_venue
        )
    };
    for (id, change) in &published.changes {
        match change {
            Change::Missing(_) => trades.missing.push(*id),
            Change::Extra(_) => trades.extra.push(*id),
            Change::Altered { received, published } => trades.altered.push(Altered {
                id: *id,
                time: moment(published.ts_venue),
                received: words(received),
                published: words(published),
            }),
        }
    }
    trades
}

/// A candle as the bar that it is.
fn as_bar(candle: &Candle) -> Bar {
    Bar {
        kind: BarKind::Time(candle.length),
        open_time: candle.open_time,
        length: candle.length,
        open: candle.open,
        high: candle.high,
        low: candle.low,
        close: candle.close,
        volume: candle.volume,
        turnover: candle.turnover,
        trades: candle.trades,
        first_trade_id: 0,
        last_trade_id: 0,
        quality: Quality::Complete,
    }
}

/// What of a bar differs first, with both; its close where nothing does.
fn first_field(bar: Option<&Bar>, told: &Bar) -> (&'static str, Option<String>, String) {
    let fields = |bar: &Bar| {
        [
            ("close", bar.close.to_string()),
            ("high", bar.high.to_string()),
            ("low", bar.low.to_string()),
            ("open", bar.open.to_string()),
            ("volume", bar.volume.to_string()),
            ("turnover", bar.turnover.to_string()),
            ("trades", bar.trades.to_string()),
        ]
    };
    let told = fields(told);
    let was = bar.map(fields);
    let differs = was.as_ref().and_then(|was| was.iter().zip(&told).position(|(a, b)| a != b));
    let at = differs.unwrap_or(0);
    let text = |fields: &[(&'static str, String); 7]| {
        fields.get(at).map(|(_, text)| text.clone()).unwrap_or_default()
    };
    let field = told.get(at).map_or("close", |(name, _)| name);
    (field, was.as_ref().map(text), text(&told))
}

impl BarDifference {
    /// `BTCUSDT bar 09:31 close 67,012.4 (812 trades, 3 missing) against 67,012.9`.
    fn line(&self, dated: bool) -> String {
        let Self { instrument, bars, field, missing, altered, extra, .. } = self;
        let time = time_of(self.at, self.length);
        let date = self.open_time.split('T').next().filter(|_| dated);
        let at = date.map_or_else(|| time.clone(), |date| format!("{date} {time}"));
        let published = grouped(&self.published);
        let Some(received) = &self.received else {
            return format!("{instrument} bar {at} of {bars}: none, against {field} {published}");
        };
        let mut inside = vec![format!("{} trades", self.trades.unwrap_or_default())];
        for (count, word) in [(missing, "missing"), (altered, "altered"), (extra, "not published")]
        {
            if *count > 0 {
                inside.push(format!("{count} {word}"));
            }
        }
        format!(
            "{instrument} bar {at} {field} {} ({}) against {published}, {bars}",
            grouped(received),
            inside.join(", ")
        )
    }
}

/// The UTC time of a bar: seconds only where its bars have some.
fn time_of(at: UnixNanos, length: Nanos) -> String {
    let (hours, minutes, seconds, millis) = at.time_of_day();
    if !length.is_multiple_of(UnixNanos::SECOND) {
        format!("{hours:02}:{minutes:02}:{seconds:02}.{millis:03}")
    } else if length.is_multiple_of(60 * UnixNanos::SECOND) {
        format!("{hours:02}:{minutes:02}")
    } else {
        format!("{hours:02}:{minutes:02}:{seconds:02}")
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, strategy, decided, would_be, changed, .. } = self;
        let id = if id.is_empty() { "no decision" } else { id };
        write!(f, "{id} {strategy}: {decided}")?;
        if *changed {
            write!(f, "; as published: {would_be}")?;
        } else {
            write!(f, "; the same as published")?;
        }
        if let Some((name, was, would_be)) = &self.value {
            write!(f, ", with {name} {would_be} instead of {was}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            let FileReport { path, instrument, holds, within, rows } = file;
            writeln!(f, "{path}: {holds} of {instrument}, {within} of {rows} rows in the session")?;
        }
        let trades: u64 = self.trades.iter().map(|trades| trades.received).sum();
        if self.equal {
            let cut = match self.bars_cut {
                0 => String::new(),
                cut => format!("; {cut} bars at its edges are not whole and were left out"),
            };
            return write!(
                f,
                "equal: {}, {trades} trades and {} bars compared{cut}",
                self.session, self.bars_compared
            );
        }
        writeln!(f, "DIFFERENT: {} (times in UTC)", self.session)?;
        for trades in &self.trades {
            trades.fmt(f)?;
        }
        for bar in &self.bars {
            writeln!(f, "{}", bar.line(self.dated))?;
            if self.decides && bar.decisions.is_empty() {
                writeln!(f, "  no decision was made on this bar")?;
            }
            list(f, "", &bar.decisions)?;
        }
        let more = self.bars_differ - self.bars.len() as u64;
        if more > 0 {
            writeln!(f, "and {more} bars more")?;
        }
        if !self.decides {
            return write!(f, "the tape holds no run: no decision was made on it");
        }
        list(f, "decisions on wrong trades, or on other bars that hold them:", &self.direct)?;
        list(f, "later decisions that would have been others:", &self.later)?;
        write!(
            f,
            "of {} decisions {} were asked about something wrong, {} would have had another outcome, \
             {} the same from other numbers",
            self.decisions, self.asked_wrong, self.changed, self.other_numbers
        )?;
        if let (Some(was), Some(would_be)) = (self.equity, self.equity_would_be)
            && was != would_be
        {
            write!(f, "\nequity at the end {was}, as published {would_be}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Trades {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { instrument, received, missing, altered, extra } = self;
        writeln!(
            f,
            "{instrument} {received} trades received, {} missing, {} altered, {} not published",
            missing.len(),
            altered.len(),
            extra.len()
        )?;
        for (word, ids) in [("missing", missing), ("not published", extra)] {
            if !ids.is_empty() {
                let shown: Vec<String> = ids.iter().take(SHOWN).map(u64::to_string).collect();
                let more = ids.len().saturating_sub(SHOWN);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                writeln!(f, "  {word}: {}{more}", shown.join(", "))?;
            }
        }
        for Altered { id, received, published, .. } in altered.iter().take(SHOWN) {
            writeln!(f, "  altered: {id}, {received}; published {published}")?;
        }
        if altered.len() > SHOWN {
            writeln!(f, "  and {} altered more", altered.len() - SHOWN)?;
        }
        Ok(())
    }
}

/// Decisions below a headline, those that would have been others first.
fn list(f: &mut fmt::Formatter<'_>, head: &str, decisions: &[Decision]) -> fmt::Result {
    if decisions.is_empty() {
        return Ok(());
    }
    if !head.is_empty() {
        writeln!(f, "{head}")?;
    }
    let (changed, same): (Vec<_>, Vec<_>) = decisions.iter().partition(|one| one.changed);
    for decision in changed.iter().chain(&same).take(SHOWN) {
        writeln!(f, "  {decision}")?;
    }
    if decisions.len() > SHOWN {
        writeln!(f, "  and {} more", decisions.len() - SHOWN)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lost if broken: the line that a trader looks for, as it is documented.
    #[test]
    fn a_bar_is_told_in_one_line() {
        let bar = BarDifference {
            instrument: "BTCUSDT".to_owned(),
            bars: "bars:1m".to_owned(),
            open_time: "2024-08-09T09:31:00Z".to_owned(),
            field: "close",
            received: Some("67012.4".to_owned()),
            trades: Some(812),
            published: "67012.9".to_owned(),
            missing: 3,
            altered: 0,
            extra: 0,
            decisions: Vec::new(),
            at: UnixNanos((9 * 3_600 + 31 * 60) * UnixNanos::SECOND),
            length: 60 * UnixNanos::SECOND,
        };
        let line =
            "BTCUSDT bar 09:31 close 67,012.4 (812 trades, 3 missing) against 67,012.9, bars:1m";
        assert_eq!(bar.line(false), line);
        assert!(bar.line(true).starts_with("BTCUSDT bar 2024-08-09 09:31 close 67,012.4 ("));
        let none = BarDifference { received: None, trades: None, ..bar };
        let line = "BTCUSDT bar 09:31 of bars:1m: none, against close 67,012.9";
        assert_eq!(none.line(false), line);
        for (text, shown) in
            [("1", "1"), ("999.5", "999.5"), ("1000", "1,000"), ("1234567.8", "1,234,567.8")]
        {
            assert_eq!(grouped(text), shown);
        }
    }
}
