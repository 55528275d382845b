//! Building: a checked configuration becomes an engine, a decoder and a start state.

use std::collections::BTreeMap;

use super::error::AppError;
use super::outputs::Written;
use super::pipeline::Pipeline;
use super::shield;
use crate::config::{self, Loaded, section, unit};
use crate::domain::{
    Account, Asset, AssetId, Balances, Instrument, InstrumentId, Money, Num, Price, Quantity,
    UnixNanos,
};
use crate::engine::config::InstrumentLimits;
use crate::engine::{
    self, BarsConfig, Engine, FeeAsset, FillModel, OrderSize, PaperConfig, QueueModel, RiskConfig,
    StartState, StrategyConfig,
};
use crate::strategy::expression::{Advice, Around, Compared, Mistake, compared};
use crate::strategy::{BarKind, Distance, Exits, Feed, RuleTexts, StrategyKind, rules};
use crate::venue::Decoder;
use crate::venue::binance::BinanceDecoder;

/// The version of inputs and records that this build writes.
pub const SCHEMA_VERSION: u16 = 1;

/// Bars of the chart when no strategy uses bars.
const CHART: BarKind = BarKind::Time(UnixNanos::SECOND);

/// Quote assets by which a symbol is split, longest first where one ends another.
const QUOTE_ASSETS: [&str; 12] =
    ["FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USD", "EUR", "GBP", "TRY", "BTC", "ETH", "BNB"];

/// Filters of the recorded instruments, for tapes that hold no `exchangeInfo` (Binance spot,
/// August 2024): symbol, tick size, lot size, minimum notional.
const RECORDED_FILTERS: [(&str, &str, &str, &str); 2] =
    [("BTCUSDT", "0.01", "0.00001", "5"), ("ETHUSDT", "0.01", "0.0001", "5")];

/// Where an instrument's filters come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filters {
    /// The venue tells them; until then nothing is traded.
    FromVenue,
    /// Nobody will tell them: an imported tape without the venue's list.
    AsRecorded,
    /// Everything goes: files of history do not say what the venue accepted.
    Open,
}

/// What a run is built from.
#[derive(Clone, Debug)]
pub struct Plan {
    /// For the engine.
    pub engine: engine::Config,
    /// The first input.
    pub start: StartState,
    /// Which evaluations are written.
    pub written: Written,
    /// Streams per instrument.
    pub streams: usize,
    /// Where the market is; `None` for the exchange inside the process, which begins anew each time.
    pub market: Option<String>,
}

/// The strategies of a registry as the configuration checks them.
pub fn config_kinds(registry: &[StrategyKind]) -> Vec<config::StrategyKind> {
    registry
        .iter()
        .map(|kind| config::StrategyKind {
            name: kind.name.to_owned(),
            params: kind
                .params
                .iter()
                .map(|spec| config::ParamSpec {
                    name: spec.name.to_owned(),
                    default: decimal(spec.default),
                    min: decimal(spec.min),
                    max: decimal(spec.max),
                    whole: false,
                    below: None,
                    doc: spec.about.to_owned(),
                })
                .collect(),
            rules: kind.rules.then_some(check_rule as config::RuleCheck),
        })
        .collect()
}

/// Reads a rule for the configuration.
pub fn check_rule(text: &str, around: config::RuleAround) -> Result<(), config::RuleFault> {
    let around = Around {
        bars: !matches!(around.feed, unit::Feed::Trades | unit::Feed::Quotes),
        trades: around.feed != unit::Feed::Quotes,
        quotes: around.quotes,
    };
    rules::check(text, around).map_err(|Mistake { span, message, advice }| {
        let advice = match advice {
            Advice::None => None,
            Advice::Say(sentence) => Some(config::RuleAdvice::Say(sentence)),
            Advice::Names { found, known } => Some(config::RuleAdvice::Names { found, known }),
        };
        config::RuleFault { span, message, advice }
    })
}

/// The rules of a configured strategy.
pub fn rule_texts(strategy: &section::Strategy) -> RuleTexts {
    RuleTexts {
        enter: strategy.enter.clone(),
        exit: strategy.exit.when.clone(),
        enter_short: strategy.enter_short.clone(),
        exit_short: strategy.exit_short.clone(),
    }
}

/// What of an entry is about a position: unknown while nothing is held, and that is when entries are
/// decided, but for one that turns a position around.
pub fn never_holds(strategy: &section::Strategy) -> Vec<String> {
    let of = |key: &str, entry: &Option<String>, turns: bool| {
        let text = entry.as_deref().filter(|_| !turns)?;
        let about = |it: &&Compared| ["loss", "profit", "holding"].contains(&it.name.as_str());
        let found = compared(text).ok()?.into_iter().find(|it| about(&it))?;
        let place = text.get(found.span).unwrap_or_default();
        Some(format!(
            "note: strategy {:?}: in `{key}` `{place}` is unknown, because `{}` is only there while \
             something is held, and entries are decided while nothing is",
            strategy.name, found.name
        ))
    };
    let [long, short] = [&strategy.enter, &strategy.enter_short];
    let notes = [
        of("enter", long, strategy.exit_short.is_some()),
        of("enter_short", short, strategy.exit.when.is_some()),
    ];
    notes.into_iter().flatten().collect()
}

fn feed(feed: unit::Feed) -> Feed {
    Feed::Bars(match feed {
        unit::Feed::Trades => return Feed::Trades,
        unit::Feed::Quotes => return Feed::Quotes,
        unit::Feed::Bars(length) => BarKind::Time(length.0),
        unit::Feed::Ticks(trades) => BarKind::Ticks(trades),
        // Checked to be above zero: a negative one does not get here.
        unit::Feed::Volume(amount) => BarKind::Volume(Quantity::new(amount).unwrap_or_default()),
        unit::Feed::Notional(amount) => BarKind::Notional(amount),
    })
}

fn decimal(value: f64) -> Num {
    Num::from_f64(value).unwrap_or_default()
}

/// Reads a checked configuration into a plan.
pub fn plan(loaded: &Loaded, filters: Filters) -> Result<Plan, AppError> {
    let config = &loaded.config;
    let mut assets = Assets::default();
    let instruments = config
        .venue
        .instruments
        .iter()
        .map(|symbol| instrument(symbol, &config.venue.name, filters, &mut assets))
        .collect::<Result<Vec<_>, _>>()?;
    let reporting = assets.id(&config.account.reporting_asset);
    let mut balances = Balances::default();
    for (asset, amount) in &config.account.balances {
        let money = Money::new(amount.0, assets.id(asset));
        balances.add(money).map_err(|error| AppError::invalid(error.to_string()))?;
    }
    let strategies = strategies(config)?;
    let bars = strategies.iter().find_map(|strategy: &StrategyConfig| match strategy.feed {
        Feed::Bars(kind) => Some(kind),
        _ => None,
    });
    let account = Account {
        name: config.account.name.clone(),
        kind: config.account.kind,
        balances,
        locked: Balances::default(),
    };
    Ok(Plan {
        engine: engine::Config {
            assets: assets.names,
            instruments,
            reporting,
            strategies,
            paper: paper(config),
            risk: risk(config),
            bars: BarsConfig {
                chart: bars.unwrap_or(CHART),
                chart_history: usize::from(config.bars.history),
                lateness: config.bars.lateness.0,
                repair_wait: config.bars.repair_wait.0,
                history_wait: config.bars.history_wait.0,
            },
        },
        start: StartState { account, version: SCHEMA_VERSION },
        written: match config.record.evaluations {
            section::Evaluations::All => Written::All,
            section::Evaluations::Changes => Written::Changes,
        },
        streams: config.venue.streams.len(),
        market: (config.venue.kind == section::VenueKind::Binance)
            .then(|| format!("{} {}", config.venue.ws_url, config.venue.rest_url)),
    })
}

/// Joins a decoder and an engine after a plan.
pub fn pipeline(plan: &Plan, registry: &[StrategyKind]) -> Result<Pipeline, AppError> {
    pipeline_behind(plan, registry, |decoder| decoder)
}

/// The same behind a decoder that stands around the venue's.
pub fn pipeline_behind(
    plan: &Plan,
    registry: &[StrategyKind],
    around: impl FnOnce(Box<dyn Decoder>) -> Box<dyn Decoder>,
) -> Result<Pipeline, AppError> {
    let mut engine = Engine::new(plan.engine.clone(), registry)
        .map_err(|error| AppError::invalid(error.to_string()))?;
    shield::install();
    engine.shield_with(shield::call);
    let instruments = plan.engine.instruments.clone();
    let count = instruments.len();
    let decoder = BinanceDecoder::new(instruments).with_history(engine.history_needs());
    let decoder = around(Box::new(decoder));
    Ok(Pipeline::new(decoder, engine, count, plan.streams))
}

#[derive(Default)]
struct Assets {
    names: Vec<Asset>,
}

impl Assets {
    fn id(&mut self, name: &str) -> AssetId {
        let known = self.names.iter().position(|asset| asset.0 == name);
        let at = known.unwrap_or_else(|| {
            self.names.push(Asset(name.to_owned()));
            self.names.len() - 1
        });
        AssetId(u16::try_from(at).unwrap_or(u16::MAX))
    }
}

fn instrument(
    symbol: &str,
    venue: &str,
    filters: Filters,
    assets: &mut Assets,
) -> Result<Instrument, AppError> {
    let split = QUOTE_ASSETS.iter().find_map(|quote| {
        symbol.strip_suffix(quote).filter(|base| !base.is_empty()).map(|base| (base, *quote))
    });
    let Some((base, quote)) = split else {
        return Err(AppError::invalid(format!(
            "{symbol:?} does not end in a quote asset that tickscope knows ({})",
            QUOTE_ASSETS.join(", ")
        )));
    };
    let recorded = match filters {
        Filters::FromVenue => None,
        Filters::AsRecorded => RECORDED_FILTERS.iter().find(|known| known.0 == symbol),
        Filters::Open => Some(&("", "0.00000001", "0.00000001", "0")),
    };
    let (tick, lot, notional) =
        recorded.map_or(("0", "0", "0"), |(_, tick, lot, notional)| (*tick, *lot, *notional));
    let number = |text: &str| text.parse::<Num>().unwrap_or_default();
    let lot_size = Quantity::new(number(lot)).unwrap_or_default();
    Ok(Instrument {
        tick_size: Price::new(number(tick)),
        lot_size,
        min_quantity: lot_size,
        min_notional: number(notional),
        ..Instrument::unfiltered(symbol, venue, assets.id(base), assets.id(quote))
    })
}

fn strategies(config: &config::Config) -> Result<Vec<StrategyConfig>, AppError> {
    let symbols = &config.venue.instruments;
    let id = |symbol: &String| {
        let at = symbols.iter().position(|known| known == symbol)?;
        u16::try_from(at).ok().map(InstrumentId)
    };
    config
        .strategies
        .iter()
        .map(|strategy| {
            let named =
                if strategy.instruments.is_empty() { symbols } else { &strategy.instruments };
            let instruments: Vec<InstrumentId> = named.iter().filter_map(id).collect();
            let params: BTreeMap<String, f64> = strategy
                .params
                .iter()
                .map(|(name, value)| (name.clone(), value.0.to_f64()))
                .collect();
            Ok(StrategyConfig {
                name: strategy.name.clone(),
                kind: strategy.kind.clone(),
                feed: feed(strategy.feed),
                instruments,
                size: order_size(&strategy.size)?,
                exits: exits(&strategy.exit),
                atr_length: strategy.exit.atr_length as usize,
                params,
                rules: rule_texts(strategy),
                external: false,
            })
        })
        .collect()
}

fn order_size(size: &unit::Size) -> Result<OrderSize, AppError> {
    Ok(match size {
        unit::Size::Quantity(amount) => OrderSize::Base(
            Quantity::new(*amount).map_err(|error| AppError::invalid(error.to_string()))?,
        ),
        unit::Size::Notional { amount, .. } => OrderSize::Quote(*amount),
        unit::Size::Equity(share) => OrderSize::Equity(*share),
        unit::Size::Risk(share) => OrderSize::Risk(*share),
    })
}

fn exits(exit: &section::Exit) -> Exits {
    let distance = |given: &unit::Distance| match given {
        unit::Distance::Ratio(share) => Distance::Ratio(*share),
        unit::Distance::Price { amount, .. } => Distance::Price(*amount),
        unit::Distance::Atr(multiple) => Distance::Atr(*multiple),
    };
    Exits {
        stop: exit.stop.as_ref().map(distance),
        take_profit: exit.take_profit.as_ref().map(distance),
        trailing_stop: exit.trailing_stop.as_ref().map(distance),
        max_holding: exit.max_holding.map(|span| span.0),
    }
}

fn paper(config: &config::Config) -> PaperConfig {
    PaperConfig {
        fills: match config.paper.fills {
            section::FillModel::Book => FillModel::Book,
            section::FillModel::Touch => FillModel::Touch,
            section::FillModel::LastTrade => FillModel::LastTrade,
        },
        queue: match config.paper.queue {
            section::QueueModel::Conservative => QueueModel::Conservative,
            section::QueueModel::Optimistic => QueueModel::Optimistic,
        },
        fee_asset: match config.account.fee_asset {
            section::FeeAsset::Received => FeeAsset::Received,
            section::FeeAsset::Quote => FeeAsset::Quote,
        },
        maker_fee: config.account.maker_fee.0,
        taker_fee: config.account.taker_fee.0,
        entry_latency: config.paper.latency_entry.0,
        response_latency: config.paper.latency_response.0,
        latency_jitter: config.paper.latency_jitter.0,
        seed: config.paper.seed,
    }
}

fn risk(config: &config::Config) -> RiskConfig {
    let risk = &config.risk;
    let limits = || config.venue.instruments.iter().map(|symbol| risk.limits(symbol));
    RiskConfig {
        max_order_quantity: limits()
            .map(|limits| Quantity::new(limits.max_order_quantity).ok())
            .collect(),
        instrument_limits: limits()
            .map(|limits| InstrumentLimits {
                max_order_notional: Some(limits.max_order_notional),
                max_position_notional: Some(limits.max_position_notional),
                max_silence: Some(limits.max_silence),
            })
            .collect(),
        max_order_notional: Some(risk.max_order_notional.0),
        max_position_notional: Some(risk.max_position_notional.0),
        max_gross_notional: Some(risk.max_gross_notional.0),
        max_open_orders: Some(risk.max_open_orders),
        max_orders_per_second: Some(risk.max_orders_per_second),
        price_collar: Some(risk.price_collar.0),
        max_data_age: Some(risk.max_data_age.0),
        max_silence: Some(risk.max_silence.0),
        max_daily_loss: Some(risk.max_daily_loss.0),
        max_drawdown: Some(risk.max_drawdown.0),
        reduce_only_at: risk.reduce_only_at.0,
        halt_at: risk.halt_at.0,
        kill_switch: risk.kill_switch,
    }
}
