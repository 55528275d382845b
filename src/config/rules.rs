//! Rules of strategies: `enter = "rsi(14) < 30"`. Whoever hands over the strategy kinds reads them;
//! here a mistake gets its place in the file.

use std::ops::Range;

use super::check::Checker;
use super::diagnostic::{Problem, meant};
use super::parameter::StrategyKind;
use super::path::KeyPath;
use super::read::Fault;
use super::section::{Config, Strategy, Stream};
use super::unit::Feed;
use crate::domain::AccountKind;

/// What is configured around a rule, as far as it matters to what the rule may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleAround {
    /// The strategy's feed.
    pub feed: Feed,
    /// Quotes or the book are subscribed.
    pub quotes: bool,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// Byte offsets into the rule.
    pub span: Range<usize>,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub advice: Option<RuleAdvice>,
}

/// What to do about a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleAdvice {
    /// A sentence.
    Say(String),
    /// Probably one of the names was meant.
    Names {
        /// As written.
        found: String,
        /// What exists.
        known: Vec<String>,
    },
}

/// Reads a rule and says what is wrong with it, if anything.
pub type RuleCheck = fn(&str, RuleAround) -> Result<(), RuleFault>;

impl Checker<'_> {
    /// Checks the rules of all strategies.
    pub(super) fn rules(&mut self, config: &Config, kinds: &[StrategyKind]) {
        for (index, strategy) in config.strategies.iter().enumerate() {
            let path = KeyPath::of("strategy").index(index);
            let Some(kind) = kinds.iter().find(|kind| kind.name == strategy.kind) else { continue };
            match kind.rules {
                Some(check) => self.rules_of(strategy, check, config, &path),
                None => self.no_rules(strategy, &path),
            }
        }
    }

    fn no_rules(&mut self, strategy: &Strategy, path: &KeyPath) {
        for (key, _) in strategy.rules() {
            let message = format!("is a rule, and kind = {:?} takes none", strategy.kind);
            let problem = Problem::with_value(self.tree(), &path.key(key), &message);
            self.complain(problem.advised("rules are for kind = \"rules\"".to_owned()));
        }
    }

    fn rules_of(&mut self, strategy: &Strategy, check: RuleCheck, config: &Config, path: &KeyPath) {
        let Strategy { enter, exit, enter_short, exit_short, .. } = strategy;
        if enter.is_none() && enter_short.is_none() {
            self.missing(path, "enter", "it says when to buy: enter = \"rsi(14) < 30\"");
        }
        let closes = exit.closes_by_itself();
        self.pair((enter, "enter"), (&exit.when, "exit"), closes, path);
        self.pair((enter_short, "enter_short"), (exit_short, "exit_short"), closes, path);
        let margin = config.account.kind == AccountKind::Margin;
        let holds = enter_short.is_none() || margin;
        let message = "sells what is not held, which needs account.kind = \"margin\"";
        self.require(holds, &path.key("enter_short"), message);
        let streams = &config.venue.streams;
        let quotes = streams.iter().any(|stream| *stream != Stream::Trade);
        let around = RuleAround { feed: strategy.feed, quotes };
        for (key, text) in strategy.rules() {
            if let Err(fault) = check(text, around) {
                let path = self.rule_path(path, key);
                self.fault(&path, fault);
            }
        }
    }

    /// Where a rule stands: `exit` may be a table that has it.
    fn rule_path(&self, path: &KeyPath, key: &str) -> KeyPath {
        let (own, in_table) = (path.key(key), path.key(key).key("when"));
        if self.is_written(&in_table) { in_table } else { own }
    }

    /// What is opened must be closed one day, by a rule or by the engine (`closes`), and nothing
    /// else can be.
    fn pair(
        &mut self,
        (enter, enter_key): (&Option<String>, &'static str),
        (exit, exit_key): (&Option<String>, &'static str),
        closes: bool,
        path: &KeyPath,
    ) {
        match (enter, exit) {
            (Some(_), None) if !closes => {
                let advice = format!("without it nothing closes what `{enter_key}` opens");
                self.missing(path, exit_key, &advice);
            }
            (None, Some(_)) => {
                let message = format!("closes nothing: there is no `{enter_key}`");
                self.require(false, &path.key(exit_key), message);
            }
            _ => {}
        }
    }

    fn missing(&mut self, path: &KeyPath, key: &'static str, advice: &str) {
        let problem = Problem::from_fault(self.tree(), path, &Fault::MissingKey(key));
        self.complain(problem.advised(advice.to_owned()));
    }

    fn fault(&mut self, path: &KeyPath, fault: RuleFault) {
        let RuleFault { span, message, advice } = fault;
        let site = self.tree().at(path).map(|value| value.site_of(span));
        let problem = Problem::new(format!("{path}: {message}")).located(site.as_ref());
        self.complain(match advice {
            None => problem,
            Some(RuleAdvice::Say(advice)) => problem.advised(advice),
            Some(RuleAdvice::Names { found, known }) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                problem.advised(meant(&found, &known, "rules know"))
            }
        });
    }
}
