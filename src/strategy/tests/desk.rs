//! A desk: one strategy with its draft and its position, where every order fills at once.

use std::collections::BTreeMap;

use crate::domain::{
    AssetId, Cause, Fill, Instrument, Level, Liquidity, Money, Num, OrderEvent, OrderEventKind,
    OrderId, Price, Quantity, Quote, Side, Signed, StrategyId, Trade, UnixNanos,
};
use crate::strategy::{
    AnyStrategy, Bar, BarKind, ClosedBars, Context, Draft, DraftState, Facts, Feed, Form, Intent,
    Node, OperandRef, Params, Quality, RuleTexts, Size, StrategyKind, Trigger, Truth, built_in,
};

/// One strategy at work.
pub(super) struct Desk {
    kind: StrategyKind,
    params: Params,
    strategy: Box<dyn AnyStrategy>,
    pub draft: Draft,
    pub position: Signed,
    entry: Option<Price>,
    pub quote: Option<Quote>,
    last_signal: Option<UnixNanos>,
    now: UnixNanos,
}

/// Everything an evaluation said, floats as bits so that NaN equals NaN.
#[derive(PartialEq, Debug)]
pub(super) struct Said {
    form: Form,
    values: Vec<u64>,
    truths: Vec<Truth>,
    literals: Vec<f64>,
    intents: Vec<Intent>,
}

impl Said {
    pub fn of(draft: &Draft) -> Self {
        Self {
            form: draft.form(),
            values: draft.values.iter().map(|value| value.to_bits()).collect(),
            truths: draft.rules.truths.clone(),
            literals: draft.rules.literals.clone(),
            intents: draft.intents.clone(),
        }
    }
}

impl Desk {
    pub fn new(kind: &str, given: &[(&str, f64)]) -> Self {
        let kind = built_in().into_iter().find(|known| known.name == kind).unwrap();
        let given: BTreeMap<String, f64> =
            given.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Self::of(kind, Params::new(kind.params, &given).unwrap())
    }

    /// A desk whose strategy has these rules.
    pub fn rules(texts: RuleTexts) -> Self {
        let kind = built_in().into_iter().find(|kind| kind.rules).unwrap();
        Self::of(kind, Params::default().with_rules(texts))
    }

    fn of(kind: StrategyKind, params: Params) -> Self {
        Self {
            kind,
            strategy: (kind.build)(&params).unwrap(),
            params,
            draft: Draft::default(),
            position: Signed::ZERO,
            entry: None,
            quote: None,
            last_signal: None,
            now: UnixNanos(0),
        }
    }

    /// The same desk after a restart: strategy and draft come from their saved bytes.
    pub fn restarted(&self) -> Self {
        let mut strategy = (self.kind.build)(&self.params).unwrap();
        strategy.restore(&self.strategy.save().unwrap()).unwrap();
        let draft = postcard::to_stdvec(&self.draft.save()).unwrap();
        let state: DraftState = postcard::from_bytes(&draft).unwrap();
        Self { strategy, draft: Draft::restore(state), params: self.params.clone(), ..*self }
    }

    /// The rules are changed, as the engine does it.
    pub fn revise(&mut self, texts: &RuleTexts) -> RuleTexts {
        let revised = self.strategy.revise(texts).unwrap();
        self.draft.forget_all_but(&revised.kept);
        revised.before
    }

    /// One second later, an event.
    pub fn evaluate(&mut self, trigger: &Trigger) -> Said {
        self.now = self.now.plus(UnixNanos::SECOND);
        self.draft.clear();
        let instrument = instrument();
        let facts = Facts {
            now: self.now,
            instrument: &instrument,
            position: self.position,
            average_entry: self.entry,
            last_price: None,
            quote: self.quote,
            last_signal: self.last_signal,
            closed: &ClosedBars::default(),
        };
        self.strategy.evaluate(&mut Context::new(facts, &mut self.draft), trigger);
        for intent in &self.draft.intents.clone() {
            self.last_signal = Some(self.now);
            if let Intent::Order { side, size, .. } = intent {
                self.position = match size {
                    Size::Quantity(quantity) => self.position.add(quantity.signed(*side)).unwrap(),
                    Size::Close => Signed::ZERO,
                    Size::Reverse => one().signed(*side),
                    _ => self.position.add(one().signed(*side)).unwrap(),
                };
                self.filled(price_of(trigger));
            }
        }
        Said::of(&self.draft)
    }

    /// Tells the strategy that its order was filled whole at this price.
    fn filled(&mut self, price: Price) {
        self.entry = (!self.position.is_zero()).then_some(price);
        let order = OrderId { strategy: StrategyId(0), n: 1 };
        let fee = Money::new(Num::ZERO, AssetId(1));
        let liquidity = Liquidity::Taker;
        let fill = Fill { order, trade_id: 1, price, quantity: one(), liquidity, fee };
        let (time, cause) = (self.now, Cause::default());
        self.strategy.order(&OrderEvent { order, time, cause, kind: OrderEventKind::Filled(fill) });
    }

    /// Trades at these prices; what the last one said.
    pub fn trades(&mut self, prices: &[f64]) -> Said {
        prices.iter().map(|price| self.evaluate(&trigger(Feed::Trades, *price))).last().unwrap()
    }

    /// The truth of a `decide` call and the name of its first leaf that is not true.
    pub fn decided(&self, label: &str) -> (Truth, Option<String>) {
        let form = self.draft.form();
        let site = form.sites.iter().find(|site| site.label == label).unwrap();
        let root = usize::from(site.root);
        let Node::All { children } = form.nodes[root] else { panic!("every tree is an `all`") };
        let leaves = root + 1..=root + usize::from(children);
        let truths = &self.draft.rules.truths;
        let blocker = leaves.into_iter().find(|leaf| truths[*leaf] != Truth::True);
        (truths[root], blocker.map(|leaf| left_name(&form, leaf)))
    }

    /// The named value of this evaluation; NaN is missing.
    pub fn value(&self, name: &str) -> f64 {
        let form = self.draft.form();
        let at = form.values.iter().position(|value| value.name == name).unwrap();
        self.draft.values[at]
    }
}

fn price_of(trigger: &Trigger) -> Price {
    match trigger {
        Trigger::Trade(trade) => trade.price,
        Trigger::Quote(quote) => quote.bid.price.mid(quote.ask.price).unwrap(),
        Trigger::Bar(bar) => bar.close,
        Trigger::Due(_) | Trigger::Operator => panic!("no market event, no price"),
    }
}

fn left_name(form: &Form, leaf: usize) -> String {
    match form.nodes[leaf] {
        Node::Compare { left: OperandRef::Value(value), .. } => {
            form.values[usize::from(value)].name.clone()
        }
        other => panic!("no named left operand: {other:?}"),
    }
}

/// An event of a feed that shows one price.
pub(super) fn trigger(feed: Feed, price: f64) -> Trigger {
    match feed {
        Feed::Trades => Trigger::Trade(trade(price)),
        Feed::Quotes => {
            let level = |price| Level { price: exact(price), quantity: one() };
            let quote = Quote { update_id: 1, bid: level(price - 0.5), ask: level(price + 0.5) };
            Trigger::Quote(quote)
        }
        Feed::Bars(_) => Trigger::Bar(bar(price, price, price)),
    }
}

pub(super) fn bar(high: f64, low: f64, close: f64) -> Bar {
    let open = trade(close);
    Bar {
        kind: BarKind::Time(60 * UnixNanos::SECOND),
        open_time: UnixNanos(0),
        length: 60 * UnixNanos::SECOND,
        open: open.price,
        high: exact(high),
        low: exact(low),
        close: open.price,
        volume: one(),
        turnover: open.price.num(),
        trades: 1,
        first_trade_id: 1,
        last_trade_id: 1,
        quality: Quality::Complete,
    }
}

fn trade(price: f64) -> Trade {
    Trade {
        id: 1,
        ts_venue: UnixNanos(0),
        price: exact(price),
        quantity: one(),
        aggressor: Side::Buy,
    }
}

fn exact(price: f64) -> Price {
    Price::new(Num::from_f64(price).unwrap())
}

fn one() -> Quantity {
    Quantity::new(Num::ONE).unwrap()
}

fn instrument() -> Instrument {
    Instrument {
        tick_size: exact(0.01),
        lot_size: one(),
        min_quantity: one(),
        ..Instrument::unfiltered("BTCUSDT", "binance", AssetId(0), AssetId(1))
    }
}
