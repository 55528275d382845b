//! A `ParamSpec` is what a strategy says about one of its parameters: default, range, meaning.
//! The strategies' own registry supplies them; here they are held against `[strategy.params]`.

use std::collections::BTreeMap;

use super::check::Checker;
use super::diagnostic::Problem;
use super::path::KeyPath;
use super::rules::RuleCheck;
use super::unit::Exact;
use crate::domain::Num;

/// One parameter of a strategy kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamSpec {
    /// Its key in `[strategy.params]`.
    pub name: String,
    /// Its value when not set.
    pub default: Num,
    /// Smallest value.
    pub min: Num,
    /// Largest value.
    pub max: Num,
    /// True if only whole numbers make sense: lengths, switches.
    pub whole: bool,
    /// A parameter of the same kind that must be larger: `fast` below `slow`.
    pub below: Option<String>,
    /// What it means, with its unit.
    pub doc: String,
}

/// A strategy that can be configured.
#[derive(Debug, Clone)]
pub struct StrategyKind {
    /// Its `kind` in `[[strategy]]`.
    pub name: String,
    /// Its parameters.
    pub params: Vec<ParamSpec>,
    /// Reads one of its rules; `None` for a kind that takes none.
    pub rules: Option<RuleCheck>,
}

/// Checks parameters, then fills in those that were not set.
pub(super) fn check_params(
    checker: &mut Checker<'_>,
    kind: &StrategyKind,
    params: &mut BTreeMap<String, Exact>,
    path: &KeyPath,
) {
    let names: Vec<&str> = kind.params.iter().map(|spec| spec.name.as_str()).collect();
    for key in params.keys().filter(|key| !names.contains(&key.as_str())) {
        match &kind.rules {
            Some(_) if names.is_empty() => no_params(checker, kind, &path.key(key), key),
            _ => checker.unknown_key(&path.key(key), key, &names),
        }
    }
    for spec in &kind.params {
        let value = params.entry(spec.name.clone()).or_insert(Exact(spec.default)).0;
        check_param(checker, spec, value, &path.key(&spec.name));
    }
    for spec in &kind.params {
        check_order(checker, spec, params, path);
    }
}

/// What somebody looks for among the parameters of rules stands in the rules.
fn no_params(checker: &mut Checker<'_>, kind: &StrategyKind, path: &KeyPath, key: &str) {
    let name = &kind.name;
    let advice = format!(
        "kind = {name:?} has no parameters: its numbers stand in enter, exit, enter_short and \
         exit_short;\na rule is set whole: --set 'strategies.NAME.enter=\"rsi(14) < 25\"'"
    );
    let problem = Problem::unknown_key(checker.tree(), path, key, &[]);
    checker.complain(problem.advised(advice));
}

fn check_param(checker: &mut Checker<'_>, spec: &ParamSpec, value: Num, path: &KeyPath) {
    let ParamSpec { min, max, doc, .. } = spec;
    let message = format!("must be between {min} and {max}, is {value} ({doc})");
    checker.require((*min..=*max).contains(&value), path, message);
    let whole = !spec.whole || value.is_multiple_of(Num::ONE);
    checker.require(whole, path, format_args!("must be a whole number, is {value} ({doc})"));
}

/// A parameter that must be smaller than another is complained about where it was written, or at
/// the other if it was left to its default.
fn check_order(
    checker: &mut Checker<'_>,
    spec: &ParamSpec,
    params: &BTreeMap<String, Exact>,
    path: &KeyPath,
) {
    let pair = spec
        .below
        .as_ref()
        .and_then(|other| Some((params.get(&spec.name)?, other, params.get(other)?)));
    let Some((value, other, limit)) = pair else { return };
    let own = path.key(&spec.name);
    let (at, message) = if checker.is_written(&own) {
        (own, format!("must be below {other}, {limit}; is {value}"))
    } else {
        (path.key(other), format!("must be above {}, {value}; is {limit}", spec.name))
    };
    checker.require(value < limit, &at, message);
}
