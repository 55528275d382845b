//! Round trips: a strategy's fills in an instrument, cut where its position is flat. A fill that
//! turns a position closes one and opens the next.
//!
//! A fee in base asset leaves less than a lot behind, which nobody can sell: a position of less than
//! a lot is flat. What is left, with what it cost, goes into the next round trip, so that no money is
//! lost between two.

use super::sum;
use crate::domain::{DecisionId, Nanos, Num, NumError, Position, Price, Side, UnixNanos};

/// From flat to flat.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RoundTrip {
    /// Buy for a long position, sell for a short one.
    pub side: Side,
    /// Its first fill.
    pub entered: UnixNanos,
    /// Its last fill.
    pub left: UnixNanos,
    /// Average price of what was entered, in quote asset, rounded to the trillionth.
    pub entry_price: Num,
    /// Average price of what was left.
    pub exit_price: Num,
    /// What was entered and left again, in base asset.
    pub quantity: Num,
    /// What prices made, in quote asset, fees not counted.
    pub gross: Num,
    /// What its fills cost, valued in quote asset.
    pub fees: Num,
    /// The decision that entered.
    pub entry: DecisionId,
    /// The decision that left last.
    pub exit: DecisionId,
}

impl RoundTrip {
    /// What is left of it after fees; an amount that cannot be computed is zero.
    pub fn net(&self) -> Num {
        self.gross.sub(self.fees).unwrap_or_default()
    }

    /// How long it was held, in seconds.
    #[expect(clippy::cast_precision_loss, reason = "seconds to the microsecond")]
    pub fn seconds(&self) -> f64 {
        self.left.since(self.entered) as f64 / 1e9
    }
}

/// Sums over round trips: what a report needs of them, so that a run need not keep each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// How many.
    pub trades: u64,
    /// How many earned after fees.
    pub wins: u64,
    /// How many lost after fees.
    pub losses: u64,
    /// What the winners earned after fees.
    pub won: Num,
    /// What the losers lost after fees; below zero.
    pub lost: Num,
    /// The worst of the losers; below zero.
    pub largest_loss: Option<Num>,
    /// What all made, fees not counted.
    pub gross: Num,
    /// What those with a gross gain made.
    pub gross_profit: Num,
    /// What all made after fees.
    pub net: Num,
    /// How long they were held, one after the other.
    pub held: Nanos,
}

impl Tally {
    /// Takes one that has ended.
    pub fn take(&mut self, trip: &RoundTrip) {
        let (net, gross) = (trip.net(), trip.gross);
        let only = |amount: Num, counts: bool| if counts { amount } else { Num::ZERO };
        self.merge(&Self {
            trades: 1,
            wins: u64::from(net.is_positive()),
            losses: u64::from(net.is_negative()),
            won: only(net, net.is_positive()),
            lost: only(net, net.is_negative()),
            largest_loss: net.is_negative().then_some(net),
            gross,
            gross_profit: only(gross, gross.is_positive()),
            net,
            held: trip.left.since(trip.entered),
        });
    }

    /// Takes those of another.
    pub fn merge(&mut self, other: &Self) {
        let add = |left: Num, right: Num| sum([left, right].into_iter());
        *self = Self {
            trades: self.trades + other.trades,
            wins: self.wins + other.wins,
            losses: self.losses + other.losses,
            won: add(self.won, other.won),
            lost: add(self.lost, other.lost),
            largest_loss: [self.largest_loss, other.largest_loss].into_iter().flatten().min(),
            gross: add(self.gross, other.gross),
            gross_profit: add(self.gross_profit, other.gross_profit),
            net: add(self.net, other.net),
            held: self.held + other.held,
        };
    }
}

/// One fill as a position sees it.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// When it was heard of.
    pub time: UnixNanos,
    /// At which price.
    pub price: Price,
    /// Which decision wanted it.
    pub decision: DecisionId,
    /// Before it.
    pub before: Position,
    /// After it.
    pub after: Position,
}

/// A round trip that has not ended.
#[derive(Clone, Copy, Debug)]
struct Open {
    side: Side,
    entered: UnixNanos,
    entry: DecisionId,
    entry_quantity: Num,
    entry_value: Num,
    exit_quantity: Num,
    exit_value: Num,
    fees: Num,
    /// What the rest of the trip before made when this one turned it.
    carried: Num,
}

/// What a round trip left behind: less than a lot.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    quantity: Num,
    value: Num,
    gain: Num,
}

/// Folds fills into round trips.
#[derive(Clone, Debug, Default)]
pub struct Trips {
    open: Option<Open>,
    rest: Rest,
}

impl Trips {
    /// When the open one began.
    pub fn open_since(&self) -> Option<UnixNanos> {
        self.open.map(|open| open.entered)
    }

    /// Takes a fill; `lot` is the least that can be traded. Gives the round trip that it ends.
    pub fn take(&mut self, step: &Step, lot: Num) -> Result<Option<RoundTrip>, NumError> {
        let (before, after) = (step.before.quantity, step.after.quantity);
        let moved = after.num().sub(before.num())?;
        let Some(side) = crate::domain::Signed::new(moved).side() else { return Ok(None) };
        let fee = step.after.fees.sub(step.before.fees)?;
        let closing = match before.side() {
            Some(held) if held != side => moved.abs().min(before.magnitude().num()),
            _ => Num::ZERO,
        };
        let opening = moved.abs().sub(closing)?;
        let closing_fee = if opening.is_zero() {
            fee
        } else if closing.is_zero() {
            Num::ZERO
        } else {
            fee.mul(closing)?.div(moved.abs())?
        };
        let mut ended = None;
        if !closing.is_zero() {
            self.reduce(step, closing, closing_fee)?;
            let left = if opening.is_zero() { after.magnitude().num() } else { Num::ZERO };
            if left.is_zero() || left < lot {
                ended = self.close(step, left)?;
            }
        }
        if !opening.is_zero() {
            self.grow(step, side, opening, fee.sub(closing_fee)?)?;
        }
        Ok(ended)
    }

    fn grow(&mut self, step: &Step, side: Side, quantity: Num, fee: Num) -> Result<(), NumError> {
        let rest = std::mem::take(&mut self.rest);
        let mut open = self.open.unwrap_or(Open {
            side,
            entered: step.time,
            entry: step.decision,
            entry_quantity: rest.quantity,
            entry_value: rest.value,
            exit_quantity: Num::ZERO,
            exit_value: Num::ZERO,
            fees: Num::ZERO,
            carried: rest.gain,
        });
        open.entry_quantity = open.entry_quantity.add(quantity)?;
        open.entry_value = open.entry_value.add(step.price.num().mul(quantity)?)?;
        open.fees = open.fees.add(fee)?;
        self.open = Some(open);
        Ok(())
    }

    fn reduce(&mut self, step: &Step, quantity: Num, fee: Num) -> Result<(), NumError> {
        let value = step.price.num().mul(quantity)?;
        if let Some(open) = &mut self.open {
            open.exit_quantity = open.exit_quantity.add(quantity)?;
            open.exit_value = open.exit_value.add(value)?;
            open.fees = open.fees.add(fee)?;
            return Ok(());
        }
        // Only a rest is held: what turns it takes its gain along, less the fee.
        let gain = value.sub(self.rest.value)?;
        let long = step.before.quantity.side() == Some(Side::Buy);
        let gain = if long { gain } else { gain.neg() };
        self.rest = Rest { gain: self.rest.gain.add(gain)?.sub(fee)?, ..Rest::default() };
        Ok(())
    }

    fn close(&mut self, step: &Step, left: Num) -> Result<Option<RoundTrip>, NumError> {
        let Some(open) = self.open.take() else { return Ok(None) };
        let entry_price = open.entry_value.div(open.entry_quantity)?;
        let kept = if left.is_zero() { Num::ZERO } else { entry_price.mul(left)?.round_dp(12) };
        let gain = open.exit_value.sub(open.entry_value.sub(kept)?)?;
        let gain = if open.side == Side::Buy { gain } else { gain.neg() };
        self.rest = Rest { quantity: left, value: kept, gain: Num::ZERO };
        Ok(Some(RoundTrip {
            side: open.side,
            entered: open.entered,
            left: step.time,
            entry_price: entry_price.round_dp(12),
            exit_price: open.exit_value.div(open.exit_quantity)?.round_dp(12),
            quantity: open.exit_quantity,
            gross: gain.add(open.carried)?,
            fees: open.fees,
            entry: open.entry,
            exit: step.decision,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{AssetId, Fill, Liquidity, Money, OrderId, StrategyId};

    const BASE: AssetId = AssetId(0);
    const QUOTE: AssetId = AssetId(1);

    /// A strategy's fills, one second apart.
    #[derive(Default)]
    struct Desk {
        trips: Trips,
        closed: Vec<RoundTrip>,
        position: Position,
        n: u64,
    }

    impl Desk {
        fn fill(
            &mut self,
            side: Side,
            price: i64,
            quantity: &str,
            fee: (&str, AssetId),
            lot: &str,
        ) {
            let fill = Fill {
                order: OrderId::default(),
                trade_id: 0,
                price: Price::new(Num::from(price)),
                quantity: quantity.parse().unwrap(),
                liquidity: Liquidity::Taker,
                fee: Money::new(fee.0.parse().unwrap(), fee.1),
            };
            self.n += 1;
            let (before, time) = (self.position, UnixNanos(self.n * UnixNanos::SECOND));
            self.position.apply(&fill, side, BASE, time).unwrap();
            let decision = DecisionId { strategy: StrategyId(0), n: self.n };
            let (price, after) = (fill.price, self.position);
            let step = Step { time, price, decision, before, after };
            self.closed.extend(self.trips.take(&step, lot.parse().unwrap()).unwrap());
        }
    }

    fn text(numbers: [Num; 4]) -> String {
        numbers.map(|number| number.round_dp(8).to_string()).join(" ")
    }

    fn shown(trip: &RoundTrip) -> String {
        text([trip.quantity, trip.gross, trip.fees, trip.net()])
    }

    /// Lost if broken: which trades a result counts, and what each of them earned.
    #[test]
    fn a_flip_closes_one_trip_and_opens_the_next() {
        let mut desk = Desk::default();
        desk.fill(Side::Buy, 100, "1", ("1", QUOTE), "0");
        desk.fill(Side::Buy, 104, "1", ("1", QUOTE), "0");
        desk.fill(Side::Sell, 110, "3", ("3", QUOTE), "0");
        desk.fill(Side::Buy, 120, "1", ("1", QUOTE), "0");
        let [long, short] = desk.closed.as_slice() else { panic!("{:?}", desk.closed) };
        assert_eq!((long.side, long.entry.n, long.exit.n), (Side::Buy, 1, 3));
        assert_eq!(shown(long), "2 16 4 12");
        assert_eq!((long.entry_price.to_string().as_str(), long.seconds()), ("102", 2.0));
        assert_eq!((short.side, short.entry.n, short.exit.n), (Side::Sell, 3, 4));
        assert_eq!(shown(short), "1 -10 2 -12");
        assert_eq!(desk.trips.open_since(), None);
    }

    /// Lost if broken: every trade of a cash account after the first, which a fee in base asset
    /// would keep open for ever.
    #[test]
    fn less_than_a_lot_is_flat_and_its_cost_goes_into_the_next_trip() {
        let mut desk = Desk::default();
        desk.fill(Side::Buy, 100, "1", ("0.015", BASE), "0.01");
        desk.fill(Side::Sell, 110, "0.98", ("0", QUOTE), "0.01");
        assert_eq!(shown(&desk.closed[0]), "0.98 9.8 1.5 8.3");
        desk.fill(Side::Buy, 200, "0.995", ("0", BASE), "0.01");
        assert_eq!(desk.trips.open_since(), Some(UnixNanos(3 * UnixNanos::SECOND)));
        desk.fill(Side::Sell, 200, "1", ("0", QUOTE), "0.01");
        let gross: Num = desk.closed[1].gross.round_dp(8);
        assert_eq!(gross.to_string(), "0.5", "what lay there since 100 is sold at 200");
        assert!(desk.position.is_flat());
    }

    proptest! {
        /// Lost if broken: that the trades of a result add up to its PnL.
        #[test]
        fn trips_and_what_is_open_add_up_to_what_the_position_realised(
            fills in prop::collection::vec((50_i64..150, 1_i64..40, any::<bool>()), 1..40),
        ) {
            let mut desk = Desk::default();
            for (price, lots, buy) in fills {
                let side = if buy { Side::Buy } else { Side::Sell };
                desk.fill(side, price, &lots.to_string(), ("0.5", QUOTE), "1");
            }
            let (sign, price) = if desk.position.quantity.num().is_negative() {
                (Side::Buy, 77)
            } else {
                (Side::Sell, 77)
            };
            if !desk.position.is_flat() {
                let rest = desk.position.quantity.magnitude().to_string();
                desk.fill(sign, price, &rest, ("0.5", QUOTE), "1");
            }
            let sum = |of: fn(&RoundTrip) -> Num| {
                let trips = desk.closed.iter();
                trips.map(of).fold(Num::ZERO, |sum, n| sum.add(n).unwrap()).round_dp(12)
            };
            prop_assert_eq!(sum(|trip| trip.gross), desk.position.realised().unwrap().round_dp(12));
            prop_assert_eq!(sum(|trip| trip.fees), desk.position.fees.round_dp(12));
        }
    }
}
