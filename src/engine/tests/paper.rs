//! Paper fills: never better than the market would have given.

use super::*;

/// What is displayed once can be taken once; taking it twice is money that nobody paid.
#[test]
fn a_taker_walks_the_levels_and_what_it_took_is_gone_until_refreshed() {
    let mut rig = Rig::margin(|_| {});
    let first = rig.send(market(Side::Buy, "2.5"));
    assert_eq!(rig.story(first), ["Submitted", "accepted", "100.01 x 1", "100.02 x 1.5"]);
    let second = rig.send(market(Side::Buy, "1"));
    assert_eq!(rig.story(second)[2..], ["100.02 x 0.5", "100.03 x 0.5"]);
    rig.delta(BTC, &[], &[level("100.01", "0.2")]);
    let third = rig.send(market(Side::Buy, "1"));
    assert_eq!(rig.story(third)[2..], ["100.01 x 0.2", "100.03 x 0.8"]);
    // The other instrument and the other side are untouched.
    let eth = rig.wish(ETH, vec![market(Side::Buy, "1")])[0].order;
    assert_eq!(rig.story(eth)[2..], ["100.01 x 1"]);
    let sell = rig.send(market(Side::Sell, "1"));
    assert_eq!(rig.story(sell)[2..], ["99.99 x 1"]);
    rig.sync(BTC);
    let fresh = rig.send(market(Side::Buy, "1"));
    assert_eq!(rig.story(fresh)[2..], ["100.01 x 1"]);
}

/// An order larger than the book fills in part; pretending otherwise invents liquidity.
#[test]
fn what_a_market_order_does_not_find_expires() {
    let mut rig = Rig::margin(|_| {});
    let order = rig.send(market(Side::Buy, "10"));
    let expected = ["Submitted", "accepted", "100.01 x 1", "100.02 x 2", "100.03 x 3", "Expired"];
    assert_eq!(rig.story(order), expected);
    let empty = rig.send(market(Side::Buy, "1"));
    assert_eq!(rig.story(empty), ["Submitted", "NoLiquidity"]);
}

/// Each time in force means what the venue means by it.
#[test]
fn ioc_fok_gtc_and_maker_only() {
    let story = |intent: Intent| {
        let mut rig = Rig::margin(|_| {});
        let order = rig.send(intent);
        rig.story(order)[1..].join(", ")
    };
    let buy = |at, size, time_in_force| limit(Side::Buy, at, size, time_in_force);
    let maker = |at| order(Side::Buy, OrderKind::LimitMaker { price: price(at) }, "1");
    let part = "accepted, 100.01 x 1, 100.02 x 2";
    assert_eq!(story(buy("100.02", "5", TimeInForce::Ioc)), format!("{part}, Expired"));
    assert_eq!(story(buy("100", "5", TimeInForce::Ioc)), "accepted, Expired");
    assert_eq!(story(buy("100.02", "5", TimeInForce::Fok)), "accepted, Expired");
    assert_eq!(story(buy("100.02", "3", TimeInForce::Fok)), part);
    assert_eq!(story(buy("100.02", "5", TimeInForce::Gtc)), part);
    assert_eq!(story(maker("100.01")), "WouldCross");
    assert_eq!(story(maker("100")), "accepted");
}

/// A maker that is filled because the price was touched earns money that others stood in line for.
#[test]
fn a_maker_waits_for_the_queue_and_is_filled_by_trades_only() {
    let mut rig = Rig::margin(|_| {});
    let order = rig.send(limit(Side::Buy, "99.99", "2", TimeInForce::Gtc));
    rig.trade(BTC, "99.99", "0.4", Side::Sell);
    rig.trade(BTC, "99.99", "9", Side::Buy);
    rig.quote(BTC);
    // Somebody leaves the queue: behind us, unless less is displayed than was before us.
    rig.delta(BTC, &[level("99.99", "0.8")], &[]);
    assert_eq!(rig.story(order), ["Submitted", "accepted"]);
    rig.trade(BTC, "99.99", "0.9", Side::Sell);
    assert_eq!(rig.story(order)[2..], ["99.99 x 0.3"]);
    // The book moves through our price without a trade: nothing.
    rig.delta(BTC, &[level("99.99", "0")], &[level("99.98", "0")]);
    assert_eq!(rig.story(order).len(), 3);
    rig.trade(BTC, "99.98", "0.01", Side::Sell);
    assert_eq!(rig.story(order)[3..], ["99.99 x 1.7"], "a trade strictly through fills the rest");
}

/// The queue before us is no longer than what is displayed.
#[test]
fn a_shrinking_level_shortens_the_queue() {
    let mut rig = Rig::margin(|_| {});
    let order = rig.send(limit(Side::Sell, "100.01", "1", TimeInForce::Gtc));
    rig.delta(BTC, &[], &[level("100.01", "0.2")]);
    rig.delta(BTC, &[], &[level("100.01", "5")]);
    rig.trade(BTC, "100.01", "0.3", Side::Buy);
    assert_eq!(rig.story(order)[2..], ["100.01 x 0.1"]);
}

/// The same trade must not fill two of our orders with the same quantity, nor serve one queue twice.
#[test]
fn our_own_orders_at_one_price_share_a_trade() {
    let mut rig = Rig::margin(|_| {});
    let first = rig.send(limit(Side::Buy, "99.99", "0.3", TimeInForce::Gtc));
    let second = rig.send(limit(Side::Buy, "99.99", "5", TimeInForce::Gtc));
    rig.trade(BTC, "99.99", "1.5", Side::Sell);
    assert_eq!(rig.story(first)[2..], ["99.99 x 0.3"]);
    assert_eq!(rig.story(second)[2..], ["99.99 x 0.2"]);
}

/// A bracket whose upper end is below its lower end brackets nothing.
#[test]
fn optimistic_makers_are_filled_whole_by_the_first_trade_at_their_price() {
    let story = |queue: QueueModel, at: &str, aggressor: Side| {
        let mut rig = Rig::margin(|config| config.paper.queue = queue);
        let order = rig.send(limit(Side::Buy, "99.99", "2", TimeInForce::Gtc));
        rig.trade(BTC, at, "0.001", aggressor);
        rig.story(order)[2..].join(", ")
    };
    let whole = "99.99 x 2";
    assert_eq!(story(QueueModel::Optimistic, "99.99", Side::Sell), whole);
    assert_eq!(story(QueueModel::Optimistic, "99.98", Side::Sell), whole);
    assert_eq!(story(QueueModel::Optimistic, "99.99", Side::Buy), "", "not its side of the book");
    assert_eq!(story(QueueModel::Optimistic, "100", Side::Sell), "", "not its price");
    assert_eq!(story(QueueModel::Conservative, "99.99", Side::Sell), "", "others stand before it");
}

/// What the venue would refuse must be refused here, or live trading begins with surprises.
#[test]
fn the_venues_filters_refuse() {
    let story = |adjust: fn(&mut Config), intent: Intent| {
        let mut rig = Rig::margin(adjust);
        let order = rig.send(intent);
        rig.story(order)[1..].join(", ")
    };
    let keep: fn(&mut Config) = |_| {};
    let off_tick = limit(Side::Buy, "99.995", "1", TimeInForce::Gtc);
    assert_eq!(story(keep, off_tick), "PriceFilter");
    assert_eq!(story(keep, market(Side::Buy, "1000.0001")), "LotSize");
    for (size, expected) in [("0.4999", "LotSize"), ("0.5", "accepted, 100.01 x 0.5")] {
        let mut rig = Rig::margin(|config| config.paper.entry_latency = 5 * MS);
        let order = rig.send(market(Side::Buy, size));
        // The venue asks for more while the order is on its way.
        rig.engine.markets[0].instrument.min_quantity = quantity("0.5");
        rig.wait(5 * MS);
        assert_eq!(rig.story(order)[1..].join(", "), expected);
    }

    let mut rig = Rig::margin(|config| config.paper.entry_latency = 5 * MS);
    let order = rig.send(market(Side::Buy, "0.01"));
    rig.delta(BTC, &[], &[level("100.01", "0"), level("100.02", "0"), level("100.03", "0")]);
    rig.delta(BTC, &[level("99.99", "0"), level("99.98", "0")], &[level("99.99", "1")]);
    rig.wait(5 * MS);
    assert_eq!(rig.story(order)[1..], ["MinNotional"], "by the price when it arrives");
}

/// An order in flight when the line broke must not come to rest first in an empty queue.
#[test]
fn an_order_that_arrives_without_a_book_is_refused() {
    let mut rig = Rig::margin(|config| config.paper.entry_latency = 5 * MS);
    let order = rig.send(limit(Side::Buy, "99.99", "1", TimeInForce::Gtc));
    rig.lose(BTC);
    rig.wait(5 * MS);
    assert_eq!(rig.story(order)[1..], ["NoLiquidity"]);
}

/// A backtest without latency buys prices that were gone.
#[test]
fn an_order_acts_one_entry_latency_later_and_is_heard_one_response_latency_after_that() {
    let mut rig = Rig::margin(|config| {
        config.paper.entry_latency = 5 * MS;
        config.paper.response_latency = 3 * MS;
    });
    let order = rig.send(market(Side::Buy, "1"));
    rig.now += 4 * MS;
    rig.delta(BTC, &[], &[level("100.01", "0.5")]);
    rig.now += 2 * MS;
    rig.delta(BTC, &[], &[level("100.01", "9")]);
    assert_eq!(rig.story(order), ["Submitted"]);
    rig.now += MS;
    rig.input(Event::Clock);
    assert_eq!(rig.state(order), Some(OrderState::Submitting), "7 ms: not heard yet");
    rig.wait(MS);
    let expected = ["Submitted", "accepted", "100.01 x 0.5", "100.02 x 0.5"];
    assert_eq!(rig.story(order), expected, "it saw the book of 5 ms");
    let times: Vec<u64> = rig.heard(order).iter().map(|(at, _)| at / MS).collect();
    assert_eq!(times, [0, 8, 8, 8]);
}

/// Canceling takes as long as ordering: what trades meanwhile is ours.
#[test]
fn a_fill_can_win_the_race_against_the_cancellation() {
    let race = |size: &str| {
        let mut rig = Rig::margin(|config| {
            config.paper.entry_latency = 5 * MS;
            config.paper.response_latency = 3 * MS;
        });
        let order = rig.send(limit(Side::Buy, "99.995", "1", TimeInForce::Gtc));
        rig.engine.markets[0].instrument.tick_size = price("0.001");
        rig.wait(8 * MS);
        rig.wish(BTC, vec![Intent::CancelAll]);
        rig.now += 4 * MS;
        rig.trade(BTC, "99.995", size, Side::Sell);
        rig.now += 2 * MS;
        rig.trade(BTC, "99.995", "1", Side::Sell);
        rig.wait(8 * MS);
        (rig.story(order)[2..].join(", "), rig.position(BTC))
    };
    assert_eq!(race("1"), ("CancelRequested, 99.995 x 1".into(), "1".into()));
    assert_eq!(race("0.4"), ("CancelRequested, 99.995 x 0.4, Canceled".into(), "0.4".into()));
}

/// Jitter that no seed repeats makes every replay differ; jitter that lets an end overtake a fill
/// leaves an order open for ever.
#[test]
fn jitter_is_seeded_and_keeps_the_order_of_each_line() {
    let times = |seed: u64| {
        let mut rig = Rig::margin(|config| {
            config.paper.latency_jitter = 50 * MS;
            config.paper.seed = seed;
        });
        let order = rig.send(market(Side::Buy, "10"));
        rig.wait(200 * MS);
        assert_eq!(rig.story(order).len(), 6, "{:?}", rig.story(order));
        assert_eq!(rig.state(order), None);
        rig.heard(order).iter().map(|(at, _)| *at).collect::<Vec<_>>()
    };
    assert_eq!(times(1), times(1));
    assert_ne!(times(1), times(2));
    assert!((0..50).all(|seed| times(seed).is_sorted()));
}

/// The simple fill models fill whole, at the price that they are named after.
#[test]
fn touch_and_last_trade_fill_whole_at_their_price() {
    let story = |fills: FillModel, intent: Intent| {
        let mut rig = Rig::margin(|config| config.paper.fills = fills);
        rig.trade(BTC, "99.5", "0.001", Side::Sell);
        let order = rig.send(intent);
        rig.story(order)[1..].join(", ")
    };
    assert_eq!(story(FillModel::Touch, market(Side::Buy, "50")), "accepted, 100.01 x 50");
    assert_eq!(story(FillModel::Touch, market(Side::Sell, "50")), "accepted, 99.99 x 50");
    assert_eq!(story(FillModel::LastTrade, market(Side::Buy, "50")), "accepted, 99.5 x 50");
    let below = limit(Side::Buy, "99.4", "1", TimeInForce::Ioc);
    assert_eq!(story(FillModel::LastTrade, below), "accepted, Expired");
}

/// A fee in the wrong asset is a position that does not match the venue's.
#[test]
fn the_fee_is_taken_in_the_asset_that_is_named() {
    let balances = |fee_asset: FeeAsset, side: Side| {
        let mut rig = Rig::margin(|config| {
            config.paper.fee_asset = fee_asset;
            config.paper.taker_fee = num("0.001");
        });
        rig.send(market(side, "1"));
        (rig.balance(BASE), rig.balance(USDT))
    };
    let pair = |base: &str, quote: &str| (base.to_owned(), quote.to_owned());
    assert_eq!(balances(FeeAsset::Received, Side::Buy), pair("0.999", "9899.99"));
    assert_eq!(balances(FeeAsset::Quote, Side::Buy), pair("1", "9899.88999"));
    assert_eq!(balances(FeeAsset::Received, Side::Sell), pair("-1", "10099.89001"));
    assert_eq!(balances(FeeAsset::Quote, Side::Sell), pair("-1", "10099.89001"));
}
