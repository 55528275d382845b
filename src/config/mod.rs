//! Configuration: raw TOML and its layers in, a checked [`Config`] out, in which every value
//! knows where it came from.
//!
//! Text is read into a tree that keeps source text and site of every value (`tree`), the layers
//! are laid over each other (`layer`), the result is read into typed sections ([`section`]) and
//! checked (`check`). Whatever is wrong is collected and shown with file, line, excerpt and the
//! key that was meant (`diagnostic`). No number passes through a float.
//!
//! It imports nothing but `domain`; `app` hands the sections to the islands that they are for.

mod check;
mod diagnostic;
mod effective;
mod layer;
mod parameter;
mod path;
mod quoted;
mod read;
mod rules;
pub mod section;
mod source;
mod tree;
pub mod unit;

#[cfg(test)]
mod tests;

pub use check::is_name;
pub use diagnostic::{ConfigError, Problem};
pub use effective::Origins;
pub use layer::{DEMO, Layers};
pub use parameter::{ParamSpec, StrategyKind};
pub use rules::{RuleAdvice, RuleAround, RuleCheck, RuleFault};
pub use section::Config;
pub use source::Origin;

use path::KeyPath;
use read::{Fault, Reader};
use tree::Value;

/// Most problems reported at once.
const PROBLEMS_MAX: usize = 20;

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What was set and what was left to defaults, checked.
    pub config: Config,
    /// Where each key came from.
    pub origins: Origins,
    /// xxh3 of [`canonical`](Self::canonical): equal settings have equal hashes, whatever their
    /// origin and spelling.
    pub hash: u64,
    canonical: String,
    effective: String,
    tree: Value,
}

impl Loaded {
    /// A complaint about an element of the list at `dotted`, which only its user can judge,
    /// underlined where it is written.
    pub fn complaint(&self, dotted: &str, index: usize, message: &str) -> ConfigError {
        let path = KeyPath::of(dotted).index(index);
        Problem::with_value(&self.tree, &path, message).into()
    }

    /// Every key and value as TOML that reads back to the same configuration.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The same with the origin of each key as a comment.
    pub fn effective(&self) -> &str {
        &self.effective
    }

    /// The keys whose values differ in another configuration, in order.
    pub fn changed_keys(&self, other: &Self) -> Vec<String> {
        effective::changed_keys(&self.canonical, &other.canonical)
    }
}

/// Reads, joins and checks the layers. `kinds` are the strategies that exist.
pub fn load(layers: &Layers, kinds: &[StrategyKind]) -> Result<Loaded, ConfigError> {
    let (tree, written) = checked(layers, kinds)?;
    let canonical =
        effective::canonical(&written).map_err(|error| Problem::new(error.to_string()))?;
    let hash = xxhash_rust::xxh3::xxh3_64(canonical.as_bytes());
    let (origins, effective) = effective::annotate(&canonical, &tree);
    // 1% and 0.01 are equal, but records show that their digits are not the same. A replay has only
    // the canonical text: the run itself takes its numbers from there as well.
    let text = Layers { text: Some(canonical.clone()), ..Layers::default() };
    let (_, config) = checked(&text, kinds)?;
    Ok(Loaded { config, origins, hash, canonical, effective, tree })
}

fn checked(layers: &Layers, kinds: &[StrategyKind]) -> Result<(Value, Config), ConfigError> {
    let tree = layers.join()?;
    let mut config = read(tree.clone())?;
    let mut problems = check::check(&mut config, &tree, kinds);
    problems.extend(layers.foreign_command(&tree));
    ConfigError::unless_none(problems)?;
    Ok((tree, config))
}

/// Reads the sections. A fault is noted, its key taken out and the rest read again, so that one
/// report has all of them.
fn read(mut tree: Value) -> Result<Config, ConfigError> {
    let mut problems = Vec::new();
    let mut taken_out = Vec::new();
    loop {
        let (path, fault) = match serde_path_to_error::deserialize(Reader(&tree)) {
            Ok(config) => return ConfigError::unless_none(problems).map(|()| config),
            Err(error) => (KeyPath::from(error.path()), error.into_inner()),
        };
        let missed = matches!(&fault, Fault::MissingKey(key) if taken_out.contains(&path.key(key)));
        if !missed {
            problems.push(Problem::from_fault(&tree, &path, &fault));
        }
        let key = path.nearest_key();
        if problems.len() == PROBLEMS_MAX || !tree.remove(&key) {
            return Err(ConfigError::new(problems));
        }
        taken_out.push(key);
    }
}
