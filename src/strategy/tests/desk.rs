//! A desk: one strategy with its draft and its position, where every order fills at once.

use std::collections::BTreeMap;

use crate::domain::{
    AssetId, Instrument, Level, Num, Price, Quantity, Quote, Side, Signed, Trade, UnixNanos,
};
use crate::strategy::{
    AnyStrategy, Bar, Context, Draft, DraftState, Facts, Feed, Form, Intent, Node, OperandRef,
    Params, Size, StrategyKind, Trigger, Truth, built_in,
};

/// One strategy at work.
pub(super) struct Desk {
    kind: StrategyKind,
    params: Params,
    strategy: Box<dyn AnyStrategy>,
    pub draft: Draft,
    pub position: Signed,
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
        let params = Params::new(kind.params, &given).unwrap();
        Self {
            kind,
            strategy: (kind.build)(&params).unwrap(),
            params,
            draft: Draft::default(),
            position: Signed::ZERO,
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

    /// One second later, an event.
    pub fn evaluate(&mut self, trigger: &Trigger) -> Said {
        self.now = self.now.plus(UnixNanos::SECOND);
        self.draft.clear();
        let instrument = instrument();
        let facts = Facts {
            now: self.now,
            instrument: &instrument,
            position: self.position,
            average_entry: None,
            last_price: None,
            quote: None,
            last_signal: self.last_signal,
        };
        self.strategy.evaluate(&mut Context::new(facts, &mut self.draft), trigger);
        for intent in &self.draft.intents {
            self.last_signal = Some(self.now);
            if let Intent::Order { side, size, .. } = intent {
                self.position = match size {
                    Size::Configured => self.position.add(one().signed(*side)).unwrap(),
                    Size::Quantity(quantity) => self.position.add(quantity.signed(*side)).unwrap(),
                    Size::Close => Signed::ZERO,
                    Size::Reverse => one().signed(*side),
                };
            }
        }
        Said::of(&self.draft)
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
