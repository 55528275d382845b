//! Parameters: the numbers and rules that a configuration gives a strategy.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{RuleTexts, StrategyError};

/// A parameter that a strategy takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ParamSpec {
    /// Its key in the configuration.
    pub name: &'static str,
    /// Its value when the configuration does not give one.
    pub default: f64,
    /// Smallest allowed value.
    pub min: f64,
    /// Largest allowed value.
    pub max: f64,
    /// What it is, with its unit.
    pub about: &'static str,
}

/// The parameters of a configured strategy, complete and within their bounds, and its rules.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Params {
    numbers: BTreeMap<String, f64>,
    rules: RuleTexts,
}

impl Params {
    /// Given values over the defaults of `specs`; unknown names and values out of bounds are
    /// errors.
    pub fn new(specs: &[ParamSpec], given: &BTreeMap<String, f64>) -> Result<Self, StrategyError> {
        let mut all: BTreeMap<String, f64> =
            specs.iter().map(|spec| (spec.name.to_owned(), spec.default)).collect();
        for (name, value) in given {
            let error = |problem: String| StrategyError::Param {
                name: name.clone(),
                value: *value,
                problem,
            };
            let spec = specs
                .iter()
                .find(|spec| spec.name == name)
                .ok_or_else(|| error("no such parameter".to_owned()))?;
            if !(spec.min..=spec.max).contains(value) {
                return Err(error(format!("must be {} to {}", spec.min, spec.max)));
            }
            all.insert(name.clone(), *value);
        }
        Ok(Self { numbers: all, rules: RuleTexts::default() })
    }

    /// The same with rules.
    #[must_use]
    pub fn with_rules(self, rules: RuleTexts) -> Self {
        Self { rules, ..self }
    }

    /// The rules; empty for a strategy that takes none.
    pub fn rules(&self) -> &RuleTexts {
        &self.rules
    }

    /// A parameter's value; NaN for a name that the strategy did not declare.
    pub fn get(&self, name: &str) -> f64 {
        self.numbers.get(name).copied().unwrap_or(f64::NAN)
    }

    /// A parameter that counts something: a whole number above zero.
    pub fn length(&self, name: &str) -> Result<usize, StrategyError> {
        let value = self.get(name);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        if (1.0..=1e6).contains(&value) && value.fract() == 0.0 {
            return Ok(value as usize);
        }
        Err(self.error(name, "must be a whole number above zero"))
    }

    /// A parameter that is on (1) or off (0).
    pub fn switch(&self, name: &str) -> Result<bool, StrategyError> {
        match self.get(name) {
            0.0 => Ok(false),
            1.0 => Ok(true),
            _ => Err(self.error(name, "must be 0 or 1")),
        }
    }

    /// What is wrong with a parameter's value.
    pub fn error(&self, name: &str, problem: impl Into<String>) -> StrategyError {
        let (name, value) = (name.to_owned(), self.get(name));
        StrategyError::Param { name, value, problem: problem.into() }
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> + '_ {
        self.numbers.iter().map(|(name, value)| (name.as_str(), *value))
    }
}
