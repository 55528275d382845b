//! The decisions of two runs held against each other: which are in both, which appeared, which
//! vanished, which came at another time.

use serde::Serialize;

use super::runner::Wish;
use crate::app::words;
use crate::domain::{InstrumentId, Nanos, Num, RunId, Side, StrategyId, UnixNanos};
use crate::engine;

/// What became of the decisions.
#[derive(Clone, Debug, Serialize)]
pub struct Decisions {
    /// In both runs, at the same time.
    pub same: u64,
    /// Those of them whose quantity or fate in risk differs.
    pub altered: u64,
    /// Only under the change.
    pub appeared: Vec<Decision>,
    /// Only without it.
    pub vanished: Vec<Decision>,
    /// The same strategy, instrument and side within a short time.
    pub moved: Vec<Move>,
}

/// A decision that wanted an order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Decision {
    /// Its id in the run without the change; null for a new one.
    pub id: Option<String>,
    /// When.
    pub time: String,
    /// The same in nanoseconds since the epoch.
    pub time_ns: UnixNanos,
    /// Whose.
    pub strategy: String,
    /// In which instrument.
    pub instrument: String,
    /// Buy or sell.
    pub side: &'static str,
    /// How much, after flooring to the lot.
    pub quantity: String,
    /// What risk looked at: the limit price or the mid; null where nothing was left to check.
    pub price: Option<String>,
    /// Risk refused it.
    pub refused: bool,
}

/// A decision at another time.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Move {
    /// Without the change.
    pub from: Decision,
    /// With it.
    pub to: Decision,
    /// How much later, in seconds.
    pub later_s: f64,
}

/// What two wishes must have in common to be one that moved.
type Slot = (StrategyId, InstrumentId, Side);

fn slot(wish: &Wish) -> Slot {
    (wish.id.strategy, wish.instrument, wish.side)
}

/// Wishes of two runs, paired.
#[derive(Debug, Default)]
struct Pairs<'a> {
    same: Vec<(&'a Wish, &'a Wish)>,
    moved: Vec<(&'a Wish, &'a Wish)>,
    vanished: Vec<&'a Wish>,
    appeared: Vec<&'a Wish>,
}

/// Pairs wishes, each with at most one: first those at the same time, then, from the nearest on, those
/// within `within` of each other.
fn pair<'a>(before: &'a [Wish], after: &'a [Wish], within: Nanos) -> Pairs<'a> {
    let mut slots: Vec<Slot> = before.iter().chain(after).map(slot).collect();
    slots.sort_unstable_by_key(|(strategy, instrument, side)| {
        (*strategy, *instrument, side.as_str())
    });
    slots.dedup();
    let mut pairs = Pairs::default();
    for wanted in slots {
        let of = |wishes: &'a [Wish]| wishes.iter().filter(move |wish| slot(wish) == wanted);
        pair_slot(of(before).collect(), of(after).collect(), within, &mut pairs);
    }
    pairs.vanished.sort_by_key(|wish| wish.time);
    pairs.appeared.sort_by_key(|wish| wish.time);
    pairs.moved.sort_by_key(|(from, _)| from.time);
    pairs
}

/// Pairs the wishes of one slot, which are in order of time.
fn pair_slot<'a>(
    before: Vec<&'a Wish>,
    after: Vec<&'a Wish>,
    within: Nanos,
    pairs: &mut Pairs<'a>,
) {
    let (mut lost, mut new): (Vec<&'a Wish>, Vec<&'a Wish>) = (Vec::new(), Vec::new());
    let (mut before, mut after) = (before.into_iter().peekable(), after.into_iter().peekable());
    loop {
        let times = (before.peek().map(|wish| wish.time), after.peek().map(|wish| wish.time));
        match times {
            (Some(old), Some(now)) if old == now => {
                pairs.same.extend(before.next().zip(after.next()));
            }
            (Some(old), now) if now.is_none_or(|now| old < now) => lost.extend(before.next()),
            (_, Some(_)) => new.extend(after.next()),
            (None, None) => break,
            (Some(_), None) => lost.extend(before.next()),
        }
    }
    let mut near = Vec::new();
    let mut from = 0;
    for (l, old) in lost.iter().enumerate() {
        let too_early = |wish: &&Wish| wish.time.plus(within) < old.time;
        from += new.get(from..).unwrap_or_default().iter().take_while(|w| too_early(w)).count();
        let reached = new.iter().enumerate().skip(from);
        let reached = reached.take_while(|(_, wish)| wish.time <= old.time.plus(within));
        near.extend(reached.map(|(n, now)| (now.time.delta(old.time).unsigned_abs(), l, n)));
    }
    near.sort_unstable();
    let (mut lost_paired, mut new_paired) = (vec![false; lost.len()], vec![false; new.len()]);
    for (_, l, n) in near {
        if !lost_paired[l] && !new_paired[n] {
            (lost_paired[l], new_paired[n]) = (true, true);
            pairs.moved.push((lost[l], new[n]));
        }
    }
    let rest = |wishes: Vec<&'a Wish>, paired: Vec<bool>| {
        wishes.into_iter().zip(paired).filter(|(_, paired)| !paired).map(|(wish, _)| wish)
    };
    pairs.vanished.extend(rest(lost, lost_paired));
    pairs.appeared.extend(rest(new, new_paired));
}

/// Names of the run without the change.
pub struct Names<'a> {
    /// The recorded run.
    pub run: &'a RunId,
    /// What the runs were built from.
    pub config: &'a engine::Config,
}

impl Names<'_> {
    fn decision(&self, wish: &Wish, is_new: bool) -> Decision {
        let strategy = self.config.strategies.get(wish.id.strategy.index());
        let instrument = self.config.instruments.get(wish.instrument.index());
        Decision {
            id: (!is_new).then(|| self.run.decision(wish.id)),
            time: words::moment(wish.time),
            time_ns: wish.time,
            strategy: strategy.map(|strategy| strategy.name.clone()).unwrap_or_default(),
            instrument: instrument.map(|known| known.symbol.clone()).unwrap_or_default(),
            side: wish.side.as_str(),
            quantity: wish.quantity.to_string(),
            price: wish.price.map(|price| price.to_string()),
            refused: wish.refused,
        }
    }

    /// What became of the decisions of one run in another.
    pub fn compare(&self, before: &[Wish], after: &[Wish], within: Nanos) -> Decisions {
        let pairs = pair(before, after, within);
        let altered = |(old, now): &&(&Wish, &Wish)| {
            (old.quantity, old.refused) != (now.quantity, now.refused)
        };
        let moved = |(old, now): &(&Wish, &Wish)| {
            #[expect(clippy::cast_precision_loss, reason = "shown to the millisecond")]
            let later_s = now.time.delta(old.time) as f64 / 1e9;
            Move { from: self.decision(old, false), to: self.decision(now, true), later_s }
        };
        Decisions {
            same: pairs.same.len() as u64,
            altered: pairs.same.iter().filter(altered).count() as u64,
            appeared: pairs.appeared.iter().map(|wish| self.decision(wish, true)).collect(),
            vanished: pairs.vanished.iter().map(|wish| self.decision(wish, false)).collect(),
            moved: pairs.moved.iter().map(moved).collect(),
        }
    }
}

/// A difference of money with its sign.
pub fn signed(difference: Num) -> String {
    let text = crate::app::report::table::money(difference);
    if difference.is_positive() { format!("+{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DecisionId, Quantity};

    fn wishes(side: Side, seconds: &[u64]) -> Vec<Wish> {
        let wish = |(n, at): (u64, &u64)| Wish {
            id: DecisionId { strategy: StrategyId(0), n },
            instrument: InstrumentId(0),
            time: UnixNanos(at * UnixNanos::SECOND),
            side,
            quantity: Quantity::default(),
            price: None,
            refused: false,
        };
        (1..).zip(seconds).map(wish).collect()
    }

    /// Counts of same, moved, vanished and appeared; and by how many seconds each moved.
    fn check(before: &[Wish], after: &[Wish], counts: [usize; 4], later: &[i64]) {
        let pairs = pair(before, after, 10 * UnixNanos::SECOND);
        let found =
            [pairs.same.len(), pairs.moved.len(), pairs.vanished.len(), pairs.appeared.len()];
        assert_eq!(found, counts, "{pairs:?}");
        let moved: Vec<i64> =
            pairs.moved.iter().map(|(old, now)| now.time.delta(old.time) / 1_000_000_000).collect();
        assert_eq!(moved, later, "{pairs:?}");
    }

    /// Lost if broken: what a person looks at first, the decisions that a change made and unmade.
    #[test]
    fn each_decision_is_the_same_moved_new_or_gone() {
        let buys = |seconds: &[u64]| wishes(Side::Buy, seconds);
        check(&[], &[], [0, 0, 0, 0], &[]);
        check(&buys(&[1, 2, 3]), &buys(&[1, 2, 3]), [3, 0, 0, 0], &[]);
        check(&buys(&[100, 200]), &buys(&[105, 190, 300]), [0, 2, 0, 1], &[5, -10]);
        check(&buys(&[100]), &buys(&[111]), [0, 0, 1, 1], &[]);
        // The nearest two belong together, whichever came first.
        check(&buys(&[100, 108]), &buys(&[109]), [0, 1, 1, 0], &[1]);
        // What stayed is not taken for a move of its neighbour.
        check(&buys(&[100, 104]), &buys(&[104, 106]), [1, 1, 0, 0], &[6]);
        check(&buys(&[100]), &wishes(Side::Sell, &[100]), [0, 0, 1, 1], &[]);
    }

    /// Lost if broken: a comparison of two busy runs that takes minutes.
    #[test]
    fn many_decisions_are_paired_in_order() {
        let old: Vec<u64> = (0..20_000).map(|n| n * 30).collect();
        let new: Vec<u64> = (0..20_000).map(|n| n * 30 + 1).collect();
        let (old, new) = (wishes(Side::Buy, &old), wishes(Side::Buy, &new));
        let pairs = pair(&old, &new, 10 * UnixNanos::SECOND);
        assert_eq!((pairs.moved.len(), pairs.vanished.len()), (20_000, 0));
    }
}
