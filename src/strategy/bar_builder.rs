//! A bar builder: makes bars of one kind from trades in the order of their ids, and from candles
//! where the past is told in candles, or the market itself.
//!
//! A time bar is closed by the first trade of a later interval, or when its builder is told that
//! the interval is over. What cannot be proven whole is partial: the bar in which trades are
//! missing, the flat ones behind it, and the one in which they go on.

use serde::{Deserialize, Serialize};

use super::bar::{Bar, BarKind, Quality};
use crate::domain::{Candle, Nanos, Trade, UnixNanos};

/// Flat bars made in a row; a longer silence begins anew behind it.
const FLAT_MAX: u64 = 10_000;

/// How a trade came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Coming {
    /// Venue time of the trade whose id is one less; `None` when it is not known.
    pub before: Option<UnixNanos>,
    /// It was asked for over REST.
    pub repaired: bool,
}

/// Makes bars of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BarBuilder {
    kind: BarKind,
    current: Option<Bar>,
    /// Up to here candles tell everything; trades before are in them. `None` once trades go on.
    covered: Option<UnixNanos>,
    /// It is not known that nothing is missing before the next trade.
    unproven: bool,
}

impl BarBuilder {
    /// A builder; bars of time are at least a millisecond long.
    pub fn new(kind: BarKind) -> Self {
        let kind = match kind {
            BarKind::Time(length) => BarKind::Time(length.max(1_000_000)),
            kind => kind,
        };
        Self { kind, current: None, covered: None, unproven: false }
    }

    /// The kind of its bars.
    pub fn kind(&self) -> BarKind {
        self.kind
    }

    /// The bar that is still open.
    pub fn current(&self) -> Option<&Bar> {
        self.current.as_ref()
    }

    /// When the open bar's interval ends; `None` for a bar that no clock ends.
    pub fn due(&self) -> Option<UnixNanos> {
        self.kind.interval().and(self.current.as_ref()).map(Bar::close_time)
    }

    /// The past will be told: an open interval is begun again, a bar that no clock ends has a hole.
    pub fn expect_history(&mut self) {
        self.unproven = true;
        if self.kind.interval().is_some() {
            self.covered = self.current.take().map(|bar| bar.open_time);
        }
    }

    /// Trades before the next one are missing and stay so.
    pub fn lose(&mut self) {
        self.unproven = true;
    }

    /// Takes a candle of the past, if it goes on where what is known ends.
    pub fn candle(&mut self, candle: &Candle, closed: &mut Vec<Bar>) {
        let Some(length) = self.made_of(candle) else { return };
        let starts = candle.open_time.floor_to(length) == candle.open_time;
        match self.covered {
            Some(covered) if candle.open_time < covered => return,
            Some(covered) if candle.open_time == covered => {}
            // Candles are missing: what is known begins with the next whole bar.
            _ if starts => self.current = None,
            _ => return,
        }
        self.add(candle, length, Quality::Complete, closed);
    }

    /// Takes a candle that is the market itself: nobody tells its trades, and what is missing before
    /// it stays missing. False when it begins before what is known ends.
    pub fn take_candle(&mut self, candle: &Candle, closed: &mut Vec<Bar>) -> bool {
        let Some(length) = self.made_of(candle) else { return true };
        if self.covered.is_some_and(|covered| candle.open_time < covered) {
            return false;
        }
        let starts = candle.open_time.floor_to(length) == candle.open_time;
        let misses = self.covered.map_or(!starts, |covered| covered < candle.open_time);
        if misses && let Some(bar) = &mut self.current {
            bar.worsen(Quality::Partial);
            self.roll(candle.open_time, Quality::Partial, closed);
        }
        if misses && starts {
            self.current = None;
        }
        let quality = if misses && !starts { Quality::Partial } else { Quality::Complete };
        self.add(candle, length, quality, closed);
        true
    }

    /// The length of its bars, if candles as long as this one make them up.
    fn made_of(&self, candle: &Candle) -> Option<Nanos> {
        let length = self.kind.interval()?;
        (candle.length > 0 && length.is_multiple_of(candle.length)).then_some(length)
    }

    fn add(&mut self, candle: &Candle, length: Nanos, quality: Quality, closed: &mut Vec<Bar>) {
        let bar = match &mut self.current {
            Some(bar) => {
                bar.add_candle(candle);
                bar
            }
            None => self.current.insert(Bar::begun(candle, length)),
        };
        bar.worsen(quality);
        self.covered = Some(candle.close_time());
        self.roll(candle.close_time(), Quality::Complete, closed);
    }

    /// Takes a trade; false when its interval is closed already.
    pub fn push(&mut self, trade: &Trade, coming: Coming, closed: &mut Vec<Bar>) -> bool {
        if self.covered.is_some_and(|covered| trade.ts_venue < covered) {
            return true;
        }
        let quality = self.proof(trade, coming);
        self.unproven = false;
        self.covered = None;
        if let BarKind::Time(length) = self.kind {
            return self.push_timed(trade, length, quality, coming, closed);
        }
        self.push_counted(trade, quality, coming, closed);
        true
    }

    /// What the stretch before a trade is: proven when the trade before it lies before that stretch.
    fn proof(&self, trade: &Trade, coming: Coming) -> Quality {
        let from = match (self.kind, self.covered) {
            // The first bar that no clock ends begins with its first trade.
            _ if !self.unproven => return Quality::Complete,
            (BarKind::Time(length), covered) => {
                covered.unwrap_or_else(|| trade.ts_venue.floor_to(length))
            }
            _ if self.current.is_none() => return Quality::Complete,
            _ => return Quality::Partial,
        };
        match coming.before {
            Some(before) if before < from => Quality::Complete,
            _ => Quality::Partial,
        }
    }

    fn push_timed(
        &mut self,
        trade: &Trade,
        length: Nanos,
        quality: Quality,
        coming: Coming,
        closed: &mut Vec<Bar>,
    ) -> bool {
        if self.current.as_ref().is_some_and(|bar| trade.ts_venue < bar.open_time) {
            return false;
        }
        if let Some(bar) = &mut self.current {
            bar.worsen(quality);
        }
        self.roll(trade.ts_venue, quality, closed);
        let bar = match &mut self.current {
            Some(bar) => {
                bar.add(trade);
                bar
            }
            None => self.current.insert(Bar::open(trade, BarKind::Time(length))),
        };
        bar.worsen(quality);
        if coming.repaired {
            bar.worsen(Quality::Repaired);
        }
        true
    }

    fn push_counted(
        &mut self,
        trade: &Trade,
        quality: Quality,
        coming: Coming,
        closed: &mut Vec<Bar>,
    ) {
        let bar = match &mut self.current {
            Some(bar) => {
                bar.add(trade);
                bar
            }
            None => self.current.insert(Bar::open(trade, self.kind)),
        };
        bar.worsen(quality);
        if coming.repaired {
            bar.worsen(Quality::Repaired);
        }
        if bar.is_full() {
            closed.extend(self.current.take());
        }
    }

    /// Closes every bar whose interval ends at or before `until`; the next ones are flat so far.
    /// With `known` every trade so far is in; without, what was not proven is partial.
    pub fn close_until(&mut self, until: UnixNanos, known: bool, closed: &mut Vec<Bar>) {
        if self.due().is_none_or(|due| until < due) {
            return;
        }
        let quality = if self.unproven && !known { Quality::Partial } else { Quality::Complete };
        self.unproven &= !known;
        self.covered = None;
        if let Some(bar) = &mut self.current {
            bar.worsen(quality);
        }
        self.roll(until, quality, closed);
    }

    fn roll(&mut self, until: UnixNanos, quality: Quality, closed: &mut Vec<Bar>) {
        let (BarKind::Time(length), Some(bar)) = (self.kind, &mut self.current) else { return };
        while bar.close_time() <= until {
            closed.push(*bar);
            let silent = until.since(bar.close_time()) / length;
            let next = if silent > FLAT_MAX { until.floor_to(length) } else { bar.close_time() };
            *bar = bar.flat_after(next);
            bar.worsen(quality);
        }
    }
}
