//! A world for properties: any sequence of steps, each a small fact or wish, over two instruments.

use proptest::prelude::*;

use super::*;

/// One step: what, where, and two numbers that say the rest.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    what: u8,
    instrument: InstrumentId,
    a: i64,
    b: i64,
}

impl Step {
    /// A person does it.
    pub fn is_command(self) -> bool {
        self.what >= 16
    }
}

/// Sequences of steps.
pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (0_u8..18, 0_u16..2, 0_i64..100, 0_i64..100).prop_map(|(what, at, a, b)| Step {
        what,
        instrument: InstrumentId(at),
        a,
        b,
    });
    prop::collection::vec(step, 1..most)
}

/// Latency, jitter, fees and both strategies: everything that can go wrong at once.
pub fn busy(fee_asset: FeeAsset) -> Config {
    let mut config = config();
    config.strategies.push(strategy("drift", Feed::Trades, false));
    let bars = BarKind::Time(20 * MS);
    config.strategies.push(strategy("on_bars", Feed::Bars(bars), false));
    config.bars = BarsConfig {
        chart: BarKind::Ticks(3),
        chart_history: 9,
        lateness: 4 * MS,
        repair_wait: 15 * MS,
        history_wait: 25 * MS,
    };
    config.paper = PaperConfig {
        fee_asset,
        maker_fee: num("0.001"),
        taker_fee: num("0.00075"),
        entry_latency: 3 * MS,
        response_latency: 2 * MS,
        latency_jitter: 4 * MS,
        seed: 7,
        ..PaperConfig::default()
    };
    config
}

/// The same, and every position has every exit.
pub fn guarded(fee_asset: FeeAsset) -> Config {
    let mut config = busy(fee_asset);
    for strategy in &mut config.strategies {
        strategy.exits = Exits {
            stop: Some(Distance::Ratio(num("0.01"))),
            take_profit: Some(Distance::Price(num("2.5"))),
            trailing_stop: Some(Distance::Ratio(num("0.008"))),
            max_holding: Some(120 * MS),
        };
    }
    config
}

/// A price within ten per cent of 100; `step` is a fifth of a per cent.
fn near(step: i64) -> Price {
    Price::new(Num::new(10_000 + (step - 50) * 20, 2).unwrap())
}

fn size(lots: i64) -> Quantity {
    Quantity::new(Num::new(lots * 37 + 100, 4).unwrap()).unwrap()
}

fn side(number: i64) -> Side {
    if number % 2 == 0 { Side::Buy } else { Side::Sell }
}

fn kind(step: Step) -> OrderKind {
    let price = near(step.a);
    match step.b % 7 {
        0 => OrderKind::Market,
        1 => OrderKind::LimitMaker { price },
        2 => OrderKind::Limit { price, time_in_force: TimeInForce::Ioc },
        3 => OrderKind::Limit { price, time_in_force: TimeInForce::Fok },
        _ => OrderKind::Limit { price, time_in_force: TimeInForce::Gtc },
    }
}

impl Rig {
    /// Time passes, one step happens. With a clock, the driver also says in between that time
    /// passes.
    pub fn live(&mut self, step: Step, clock: Option<u64>) {
        let span = u64::try_from(step.a * step.b % 7).unwrap() * MS;
        if let Some(after) = clock.filter(|after| *after <= span) {
            let (now, seq) = (self.now, self.seq);
            self.now = now + after;
            self.input(Event::Clock);
            // A clock has a number on a real tape too; here both runs must name the same causes.
            (self.now, self.seq) = (now, seq);
        }
        self.now += span;
        self.happen(step);
    }

    fn happen(&mut self, Step { what, instrument, a, b }: Step) {
        match what {
            0 => self.sync(instrument),
            1 => self.jump(instrument, a, b),
            2..=3 => {
                let depth = if a < 3 { -a } else { a / 3 };
                let quantity = size(b);
                match side(b) {
                    Side::Buy => {
                        self.delta(instrument, &[Level { price: near(49 - depth), quantity }], &[]);
                    }
                    Side::Sell => {
                        self.delta(instrument, &[], &[Level { price: near(51 + depth), quantity }]);
                    }
                }
            }
            4 if a < 20 => self.lose(instrument),
            4..=9 => self.trade_of(instrument, near(a), size(b), side(a + b)),
            10..=13 => {
                let step = Step { what, instrument, a, b };
                let (side, size) = (side(a), Size::Quantity(size(b * 3)));
                let (kind, reduce_only, exits) = (kind(step), a % 5 == 0, Exits::default());
                let intent = Intent::Order { side, kind, size, reduce_only, exits };
                let intents = if what == 13 { vec![intent.clone(), intent] } else { vec![intent] };
                self.wish(instrument, intents);
            }
            14 => {
                self.wish(instrument, vec![Intent::CancelAll, close(side(b))]);
            }
            15 => self.wait(u64::try_from(a).unwrap() * MS),
            16 if a < 30 => self.history(instrument, History::Wanted),
            16 => self.history(instrument, History::Ended),
            17 => self.past(instrument, a, b),
            18 => self.operate(a),
            _ => {
                self.command(&Command::ResumeStrategy(StrategyId(instrument.0)));
                self.command(&Command::Resume);
            }
        }
    }

    /// Something about the past: a hole, a trade, a candle.
    fn past(&mut self, instrument: InstrumentId, a: i64, b: i64) {
        let (back, price, quantity) = (u64::try_from(b % 5).unwrap(), near(a), size(b));
        let history = match a % 3 {
            0 => History::Hole { expected: self.seq - back, received: self.seq },
            1 => History::Trade(Trade {
                id: self.seq - back,
                ts_venue: UnixNanos(self.now - back * MS),
                price,
                quantity,
                aggressor: side(a),
            }),
            _ => History::Candle(Candle {
                open_time: UnixNanos(self.now - back * 10 * MS).floor_to(10 * MS),
                length: 10 * MS,
                open: price,
                high: price,
                low: price,
                close: price,
                volume: quantity,
                turnover: Num::ONE,
                trades: back,
            }),
        };
        self.history(instrument, history);
    }

    pub fn history(&mut self, instrument: InstrumentId, history: History) {
        self.input(Event::History { instrument, history });
    }

    /// A person does something.
    fn operate(&mut self, a: i64) {
        self.command(&match a % 5 {
            0 => Command::Flatten,
            1 => Command::Halt,
            2 => Command::Pause(StrategyId(0)),
            3 => Command::Pause(StrategyId(1)),
            4 => Command::Trace { instrument: BTC, length: 40 * MS },
            _ => Command::CancelAll,
        });
    }

    /// The market is somewhere else all at once.
    fn jump(&mut self, instrument: InstrumentId, a: i64, b: i64) {
        let side = |step, lots| [Level { price: near(step), quantity: size(lots * 9) }];
        let (bids, asks) = (side(a, b), side(a + 1, 100 - b));
        let update_id = self.seq;
        self.market(instrument, MarketEvent::BookSnapshot { update_id, bids: &bids, asks: &asks });
    }

    /// The mark value of everything, counted here and not by the engine.
    pub fn worth(&self) -> Num {
        let balances = &self.engine.portfolio.account.balances;
        let mut sum = balances.get(USDT);
        for market in &self.engine.markets {
            let held = balances.get(market.instrument.base);
            let mark = market.reference().map_or(Num::ZERO, Price::num);
            sum = sum.add(held.mul(mark).unwrap()).unwrap();
        }
        sum
    }
}
