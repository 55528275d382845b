//! Exits: what is held is closed at its levels, once, and never by more than is held.

use proptest::prelude::*;

use super::world::{guarded, steps};
use super::*;
use crate::domain::{DecisionId, OrderRequest, RunId};
use crate::engine::record::{Evaluation, ExitChange, ExitReport, Levels, Outlet};
use crate::engine::view::{EngineView, Mode};
use crate::engine::{RunInfo, Viewer};
use crate::strategy::Truth;

fn stop(text: &str) -> Exits {
    Exits { stop: Some(Distance::Ratio(num(text))), ..Exits::default() }
}

/// A margin account whose strategy has these exits.
fn rig(exits: Exits) -> Rig {
    Rig::margin(|config| config.strategies[0].exits = exits)
}

/// Every change of exits so far, in words.
fn changes(rig: &Rig) -> Vec<String> {
    let word = |report: &ExitReport| match report.change {
        ExitChange::Triggered { kind, .. } => kind.as_str().to_owned(),
        ExitChange::Postponed { until } => format!("again +{}", until.since(report.time) / MS),
        other => format!("{other:?}"),
    };
    reports(rig).map(word).collect()
}

fn reports(rig: &Rig) -> impl Iterator<Item = &ExitReport> {
    rig.records.iter().filter_map(|record| match record {
        Record::Exit(report) => Some(report),
        _ => None,
    })
}

fn levels(rig: &Rig) -> Levels {
    rig.engine.guards[0].armed().map(|armed| armed.levels).unwrap_or_default()
}

/// The orders that exits sent, with their decisions.
fn exits_sent(rig: &Rig) -> Vec<OrderRequest> {
    let decisions: Vec<DecisionId> = reports(rig)
        .filter_map(|report| match report.change {
            ExitChange::Triggered { decision, .. } => Some(decision),
            _ => None,
        })
        .collect();
    let sent = rig.records.iter().filter_map(|record| match record {
        Record::Order { request, .. } => Some(*request),
        _ => None,
    });
    sent.filter(|request| decisions.contains(&request.decision)).collect()
}

/// The exit's own record, with its rules in words: `stop ✓ 99.01 99.01`.
fn rules(rig: &Rig) -> Vec<String> {
    let evaluation = rig.records.iter().rev().find_map(|record| match record {
        Record::Evaluation(evaluation) if !evaluation.truths.is_empty() => Some(evaluation),
        _ => None,
    });
    let Evaluation { form, truths, values, .. } = evaluation.unwrap();
    let (_, form) = &rig.engine.forms[usize::from(*form)];
    let names =
        form.values.iter().zip(values).map(|(name, value)| format!("{} {value}", name.name));
    let sites = form
        .sites
        .iter()
        .map(|site| format!("{} {}", site.label, truths[usize::from(site.root)].mark()));
    sites.chain(names).collect()
}

/// The whole chain of a protective stop: reached exactly at its level and not a tick before.
#[test]
fn a_stop_closes_at_its_level_and_says_both_numbers() {
    let mut rig = rig(stop("0.01"));
    rig.send(market(Side::Buy, "1"));
    // 100.01 less 1% is 99.0099: the tick towards the entry.
    assert_eq!(levels(&rig).stop, Some(price("99.01")));
    rig.trade(BTC, "99.02", "0.1", Side::Sell);
    assert_eq!(rig.position(BTC), "1");
    rig.trade(BTC, "99.01", "0.1", Side::Sell);
    assert_eq!(rig.position(BTC), "0");
    assert_eq!(rules(&rig), ["exit_stop ✓", "entry 100.01", "last 99.01", "stop 99.01"]);
    assert_eq!(changes(&rig), ["Armed", "stop", "Disarmed"]);
    let [order] = exits_sent(&rig)[..] else { panic!("one exit") };
    assert!(order.reduce_only && order.side == Side::Sell);
    assert_eq!(order.quantity, quantity("1"));
    rig.trade(BTC, "90", "0.1", Side::Sell);
    assert_eq!(exits_sent(&rig).len(), 1, "there is nothing left to close");
}

/// A short loses upwards; its target lies below.
#[test]
fn a_short_position_is_guarded_in_the_mirror() {
    let exits = Exits {
        take_profit: Some(Distance::Price(num("2.005"))),
        trailing_stop: Some(Distance::Ratio(num("0.01"))),
        ..stop("0.02")
    };
    let mut rig = rig(exits);
    rig.send(market(Side::Sell, "1"));
    // Entry 99.99: the stop at 101.9898, the target at 97.985, both to the tick towards the entry.
    assert_eq!(levels(&rig).stop, Some(price("101.98")));
    assert_eq!(levels(&rig).take_profit, Some(price("97.99")));
    assert_eq!(levels(&rig).trailing_stop, Some(price("100.98")));
    rig.trade(BTC, "98", "0.1", Side::Sell);
    assert_eq!(levels(&rig).trailing_stop, Some(price("98.98")));
    rig.trade(BTC, "98.98", "0.1", Side::Buy);
    assert_eq!(rig.position(BTC), "0");
    assert_eq!(changes(&rig), ["Armed", "trailing_stop", "Disarmed"]);
}

#[test]
fn a_target_closes_with_a_profit() {
    let exits = Exits { take_profit: Some(Distance::Ratio(num("0.02"))), ..Exits::default() };
    let mut rig = rig(exits);
    rig.send(market(Side::Buy, "1"));
    rig.trade(BTC, "102.01", "0.1", Side::Buy);
    assert_eq!(changes(&rig), ["Armed", "take_profit", "Disarmed"]);
    assert_eq!(levels(&rig), Levels::default());
}

/// A trailing stop that moves back gives away what it had secured.
#[test]
fn a_trailing_stop_only_moves_nearer_and_is_told_once_a_second() {
    let exits = Exits { trailing_stop: Some(Distance::Price(num("1"))), ..Exits::default() };
    let mut rig = rig(exits);
    rig.send(market(Side::Buy, "1"));
    for (at, level) in [("101", "100"), ("100.5", "100"), ("103", "102"), ("102.5", "102")] {
        rig.trade(BTC, at, "0.1", Side::Buy);
        assert_eq!(levels(&rig).trailing_stop, Some(price(level)));
    }
    assert_eq!(changes(&rig), ["Armed"], "within a second nothing is told");
    rig.now += 1_000 * MS;
    rig.trade(BTC, "104", "0.1", Side::Buy);
    rig.trade(BTC, "103", "0.1", Side::Sell);
    assert_eq!(changes(&rig), ["Armed", "Moved", "trailing_stop", "Disarmed"]);
}

/// The holding time is over at its own moment, whenever the next input comes.
#[test]
fn the_holding_time_ends_at_its_own_moment() {
    let exits = Exits { max_holding: Some(3_000 * MS), ..Exits::default() };
    let mut rig = rig(exits);
    rig.send(market(Side::Buy, "1"));
    assert_eq!(rig.engine.next_due(), Some(UnixNanos(EPOCH + 3_000 * MS)));
    rig.wait(10_000 * MS);
    let triggered = reports(&rig).find(|r| matches!(r.change, ExitChange::Triggered { .. }));
    assert_eq!(triggered.unwrap().time, UnixNanos(EPOCH + 3_000 * MS));
    assert_eq!(
        rules(&rig),
        ["exit_max_holding ✓", "entry 100.01", "last 100", "held_s 3", "max_holding_s 3",]
    );
    assert_eq!((rig.position(BTC), rig.engine.exits_due), ("0".into(), None));
}

/// The dust that a fee leaves behind is no position: the next entry has its whole time.
#[test]
fn the_holding_time_begins_anew_after_dust() {
    let mut rig = Rig::margin(|config| {
        config.paper.taker_fee = num("0.001");
        config.strategies[0].exits = Exits { max_holding: Some(3_000 * MS), ..Exits::default() };
    });
    rig.send(market(Side::Buy, "0.0201"));
    rig.wait(3_000 * MS);
    assert_eq!(rig.position(BTC), "0.0000799");
    assert_eq!(changes(&rig), ["Armed", "max_holding", "Disarmed"]);
    rig.wait(1_000 * MS);
    rig.send(market(Side::Buy, "0.1"));
    assert_eq!(levels(&rig).deadline, Some(UnixNanos(EPOCH + 7_000 * MS)));
}

/// Adding moves the average entry and with it the stop; turning to the other side arms anew.
#[test]
fn levels_follow_the_average_entry_and_a_flip() {
    let mut rig = rig(stop("0.01"));
    rig.send(market(Side::Buy, "1"));
    rig.delta(BTC, &[], &[level("100.01", "0"), level("100.02", "0"), level("100.03", "1")]);
    rig.send(market(Side::Buy, "1"));
    // Entry 100.02.
    assert_eq!(levels(&rig).stop, Some(price("99.02")));
    rig.send(market(Side::Sell, "3"));
    // One short at the next bid: 99.98 and above it the stop.
    assert_eq!(rig.position(BTC), "-1");
    assert_eq!(changes(&rig)[..2], ["Armed", "Moved"]);
    assert!(levels(&rig).stop.unwrap() > price("100.9"));
    assert!(changes(&rig).iter().filter(|change| *change == "Armed").count() >= 2);
}

/// What filled so far of an entry is guarded, and the rest is not bought after the stop.
#[test]
fn a_partly_filled_entry_is_guarded_and_its_rest_canceled() {
    let mut rig = rig(stop("0.01"));
    let order = rig.send(limit(Side::Buy, "99.99", "5", TimeInForce::Gtc));
    rig.trade(BTC, "99.99", "1.5", Side::Sell);
    assert_eq!(rig.position(BTC), "0.5");
    assert_eq!(levels(&rig).stop, Some(price("99")));
    rig.lose(BTC);
    rig.sync(BTC);
    rig.trade(BTC, "98.5", "0.0001", Side::Buy);
    assert_eq!(rig.position(BTC), "0");
    assert_eq!(rig.story(order).last().unwrap(), "Canceled");
}

/// A resting order of the strategy that would sell the same must be gone before the stop sells.
#[test]
fn resting_orders_are_canceled_before_an_exit_is_sent() {
    let mut rig = Rig::margin(|config| {
        config.strategies[0].exits = stop("0.01");
        config.paper.entry_latency = 5 * MS;
    });
    rig.send(market(Side::Buy, "1"));
    rig.wait(5 * MS);
    let target = rig.send(limit(Side::Sell, "105", "1", TimeInForce::Gtc));
    rig.wait(5 * MS);
    rig.trade(BTC, "98", "0.1", Side::Sell);
    assert!(exits_sent(&rig).is_empty(), "both could fill");
    assert!(rig.wish(BTC, vec![market(Side::Buy, "1")]).is_empty(), "a wish would cross the exit");
    rig.wait(5 * MS);
    assert_eq!(rig.story(target).last().unwrap(), "Canceled");
    assert_eq!(exits_sent(&rig).len(), 1);
    rig.wait(5 * MS);
    assert_eq!(rig.position(BTC), "0");
}

/// The order that an exit waits for may close everything: the decision then ends with that.
#[test]
fn an_exit_whose_position_is_closed_meanwhile_sends_nothing() {
    let mut rig = Rig::margin(|config| {
        config.strategies[0].exits = stop("0.01");
        config.paper.entry_latency = 5 * MS;
    });
    rig.send(market(Side::Buy, "1"));
    rig.wait(5 * MS);
    rig.send(limit(Side::Sell, "105", "1", TimeInForce::Gtc));
    rig.wait(5 * MS);
    rig.trade(BTC, "98", "0.1", Side::Sell);
    rig.trade(BTC, "106", "5", Side::Buy);
    rig.wait(10 * MS);
    assert_eq!((rig.position(BTC), exits_sent(&rig).len()), ("0".into(), 0));
    let report = rig.records.iter().rev().find_map(|record| match record {
        Record::Risk(report) => Some(report),
        _ => None,
    });
    assert_eq!(report.unwrap().refusal, Some(Refusal::NothingToTrade));
}

/// A stop that gives up after one refusal leaves the position alone when it matters.
#[test]
fn a_refused_exit_is_tried_again_later_each_time_while_it_is_reached() {
    let mut rig = rig(stop("0.01"));
    rig.send(market(Side::Buy, "1"));
    rig.lose(BTC);
    rig.trade(BTC, "98", "0.1", Side::Sell);
    rig.wait(10_000 * MS);
    let again = ["stop", "again +1000", "stop", "again +2000", "stop", "again +4000"];
    assert_eq!(changes(&rig)[1..7], again);
    // What was in the way is gone: waiting longer would only lose more.
    rig.sync(BTC);
    assert_eq!((rig.position(BTC), exits_sent(&rig).len()), ("0".into(), 1));
    assert_eq!(changes(&rig).last().unwrap(), "Disarmed");
}

/// Out of reach again, there is nothing to repeat.
#[test]
fn a_refused_exit_is_dropped_when_the_price_is_back() {
    let mut rig = rig(stop("0.01"));
    rig.send(market(Side::Buy, "1"));
    rig.lose(BTC);
    rig.trade(BTC, "98", "0.1", Side::Sell);
    rig.trade(BTC, "100", "0.1", Side::Sell);
    rig.sync(BTC);
    rig.wait(5_000 * MS);
    assert_eq!((rig.position(BTC), rig.engine.exits_due), ("1".into(), None));
    rig.trade(BTC, "99", "0.1", Side::Sell);
    assert_eq!(rig.position(BTC), "0", "and it is armed as before");
}

/// Selling again what may be sold already would open a short.
#[test]
fn an_exit_of_unknown_outcome_is_kept_until_the_venue_speaks() {
    let mut rig = Rig::margin(|config| config.strategies[0].exits = stop("0.01"));
    rig.send(market(Side::Buy, "1"));
    rig.engine.paper = crate::engine::paper::Paper::new(PaperConfig {
        entry_latency: 1_000_000 * MS,
        ..PaperConfig::default()
    });
    rig.trade(BTC, "98", "0.1", Side::Sell);
    let exit = exits_sent(&rig)[0].id;
    rig.tell(exit, OrderEventKind::OutcomeUnknown);
    for _ in 0..5 {
        rig.now += 100_000 * MS;
        rig.trade(BTC, "97", "0.1", Side::Sell);
    }
    assert_eq!(exits_sent(&rig).len(), 1);
    rig.tell(exit, OrderEventKind::Expired);
    rig.now += 2_000 * MS;
    rig.trade(BTC, "97", "0.1", Side::Sell);
    assert_eq!(exits_sent(&rig).len(), 2, "the venue said that it did not fill");
}

/// Limits on what is entered must never keep anyone from getting out.
#[test]
fn limits_on_entries_do_not_stop_an_exit() {
    let mut rig = rig(stop("0.01"));
    rig.send(market(Side::Buy, "2"));
    let risk = &mut rig.engine.config.risk;
    risk.max_order_quantity = vec![Some(quantity("0.1")); 2];
    risk.max_order_notional = Some(num("1"));
    risk.max_position_notional = Some(num("1"));
    risk.max_gross_notional = Some(num("1"));
    risk.max_open_orders = Some(0);
    risk.max_orders_per_second = Some(0);
    risk.price_collar = Some(num("0.00001"));
    rig.engine.trading = TradingState::ReduceOnly(StopReason::Drawdown);
    rig.trade(BTC, "98", "0.1", Side::Sell);
    assert_eq!(rig.position(BTC), "0");
}

/// A halt is a halt; what it held back goes out as soon as trading is resumed.
#[test]
fn a_halt_holds_an_exit_back_until_trading_is_resumed() {
    let mut rig = rig(stop("0.01"));
    rig.send(market(Side::Buy, "1"));
    rig.command(&Command::Halt);
    rig.trade(BTC, "98", "0.1", Side::Sell);
    assert_eq!(changes(&rig)[1..], ["stop", "again +1000"]);
    assert_eq!(rig.position(BTC), "1");
    rig.command(&Command::Resume);
    assert_eq!(rig.position(BTC), "0");
}

/// What the venue takes in one order may be less than what is held.
#[test]
fn a_large_position_is_closed_in_parts() {
    let mut rig = rig(stop("0.01"));
    rig.send(market(Side::Buy, "2.5"));
    rig.engine.markets[0].instrument.max_quantity = Some(quantity("1"));
    for left in ["1.5", "0.5", "0"] {
        rig.trade(BTC, "98", "0.1", Side::Sell);
        assert_eq!(rig.position(BTC), left);
    }
}

/// An order with its own exits is guarded by them, whatever the configuration says.
#[test]
fn an_orders_own_exits_come_before_the_configured_ones() {
    let mut rig = rig(stop("0.01"));
    let (kind, size) = (OrderKind::Market, Size::Quantity(quantity("1")));
    let own = Exits { max_holding: Some(9 * MS), ..stop("0.05") };
    rig.send(Intent::Order { side: Side::Buy, kind, size, reduce_only: false, exits: own });
    assert_eq!(levels(&rig).stop, Some(price("95.01")));
    assert_eq!(levels(&rig).deadline, Some(UnixNanos(EPOCH + 9 * MS)));
}

/// The screen shows where a position is closed, and afterwards which exit closed it.
#[test]
fn the_view_has_the_levels_and_the_reason() {
    let mut rig = rig(stop("0.01"));
    rig.send(market(Side::Buy, "1"));
    assert_eq!(view(&rig).positions[0].exits.stop, Some(price("99.01")));
    rig.trade(BTC, "98.5", "0.1", Side::Sell);
    let view = view(&rig);
    assert_eq!(view.positions[0].exits, Levels::default());
    let exit = view.decisions.last().unwrap();
    let rule = &exit.evaluation.rules[0];
    let leaf = rule.root.leaf.as_ref().unwrap();
    assert_eq!((rule.label.as_str(), exit.state.as_str()), ("exit_stop", "FILLED"));
    assert_eq!((leaf.left.as_str(), leaf.right.as_str()), ("last", "stop"));
    assert_eq!((leaf.left_values.0, leaf.right_values.0), (Some(98.5), Some(99.01)));
    assert_eq!(exit.checks.len(), CheckKind::ALL.len());
}

fn view(rig: &Rig) -> EngineView {
    let run = RunInfo {
        id: RunId("20261122T160002-k7f3".to_owned()),
        mode: Mode::Demo,
        market: String::new(),
        started: UnixNanos(EPOCH),
    };
    let mut viewer = Viewer::new(run, rig.engine.config.clone());
    for record in &rig.records {
        viewer.record(record);
    }
    viewer.build(&rig.engine, rig.seq)
}

/// An order that only sells some of what is held says nothing about the rest.
#[test]
fn the_exits_of_an_order_that_reduces_do_not_count() {
    let mut rig = rig(stop("0.05"));
    let (kind, size) = (OrderKind::Market, Size::Quantity(quantity("0.4")));
    let reduces =
        Intent::Order { side: Side::Sell, kind, size, reduce_only: false, exits: stop("0.001") };
    rig.send(market(Side::Buy, "1"));
    rig.send(reduces);
    assert_eq!((rig.position(BTC), levels(&rig).stop), ("0.6".into(), Some(price("95.01"))));
    assert!(rig.engine.guards[0].plans.is_empty(), "what ended is forgotten");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A position without its stop, an exit that opens a position, or two exits for one position:
    /// each is money lost while nobody looks.
    #[test]
    fn whatever_happens_what_is_held_is_guarded_and_exits_only_reduce(
        steps in steps(80), cash in any::<bool>(),
    ) {
        let kind = if cash { AccountKind::Cash } else { AccountKind::Margin };
        let mut rig = Rig::new(guarded(FeeAsset::Received), account(kind, "5000"));
        for step in steps {
            rig.live(step, None);
            is_guarded(&rig)?;
        }
        // Whatever is still on its way arrives, and every holding time ends.
        rig.wait(1_000 * MS);
        is_guarded(&rig)?;
        only_reduces(&rig)?;
    }
}

/// Every slot that holds a lot has its stop, on the right side of its entry, and its exits close
/// no more than it holds.
fn is_guarded(rig: &Rig) -> Result<(), TestCaseError> {
    let exits: Vec<OrderId> = exits_sent(rig).iter().map(|request| request.id).collect();
    for (slot, guard) in rig.engine.slots.iter().zip(&rig.engine.guards) {
        let held = slot.position.quantity;
        let lots = held.magnitude().floor_to(quantity("0.0001")).unwrap();
        let Some(armed) = guard.armed() else {
            prop_assert!(lots.is_zero(), "{held} is not guarded");
            continue;
        };
        prop_assert_eq!(Some(armed.side), held.side());
        prop_assert_eq!(Some(armed.entry), slot.average_entry);
        let (stop, entry) = (armed.levels.stop.unwrap(), armed.entry);
        let loses = if armed.side == Side::Buy { stop < entry } else { stop > entry };
        prop_assert!(loses, "a stop at {stop} for {held} at {entry}");
        let open = rig.engine.orders.values().filter(|order| {
            exits.contains(&order.request.id)
                && order.request.id.strategy == slot.strategy
                && order.request.instrument == slot.instrument
        });
        let closing = open.fold(Quantity::ZERO, |sum, o| sum.add(o.remaining()).unwrap());
        prop_assert!(closing <= held.magnitude(), "{closing} of {held} is being closed");
    }
    Ok(())
}

/// A fill of an exit brings its position nearer to flat and not beyond.
fn only_reduces(rig: &Rig) -> Result<(), TestCaseError> {
    let exits: Vec<OrderId> = exits_sent(rig).iter().map(|request| request.id).collect();
    for record in &rig.records {
        let Record::Position { order, before, after, .. } = record else { continue };
        if exits.contains(order) {
            let (before, after) = (before.quantity, after.quantity);
            prop_assert!(after.magnitude() < before.magnitude());
            prop_assert!(after.is_zero() || after.side() == before.side());
        }
    }
    for report in reports(rig) {
        if let ExitChange::Triggered { kind, decision } = report.change {
            let decided = rig.records.iter().find_map(|record| match record {
                Record::Evaluation(evaluation) if evaluation.id == decision => Some(evaluation),
                _ => None,
            });
            let evaluation = decided.unwrap();
            let (_, form) = &rig.engine.forms[usize::from(evaluation.form)];
            let site = form.sites.iter().find(|site| site.label == kind.label()).unwrap();
            prop_assert_eq!(evaluation.truths[usize::from(site.root)], Truth::True);
        }
    }
    Ok(())
}
