//! The layers of a configuration, lowest first: built-in defaults, the user's file, the folder's
//! file, the file of `--config`, the environment, `--set`. Each replaces only the keys it names.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{ConfigError, Problem, meant};
use super::path::KeyPath;
use super::source::{Site, Source, SourceKind};
use super::tree::{Entry, Node, Table, Value};

/// The configuration of a run without any: a synthetic market and three strategies.
pub const DEMO: &str = include_str!("../../config/demo.toml");

/// What the name of a variable that sets a key begins with.
const ENV_PREFIX: &str = "TICKSCOPE_";

/// Tables whose keys are symbols or assets: the environment's capitals stay.
const NAMED_BY_USER: [&str; 2] = ["balances", "instruments"];

/// A key whose text is short for a table, and where it stands in that.
const RULE_OR_TABLE: (&str, &str) = ("exit", "when");

/// What to do where that key is written both ways.
const EXIT_TWICE: &str = "a strategy has one `exit`: beside a stop or another level its rule stands in \
                          the table\n[strategy.exit]\nwhen = \"rsi(14) > 55\"\nstop = \"1%\"";

/// Keys that every `[[strategy]]` may have.
const STRATEGY_KEYS: [&str; 10] = [
    "name",
    "kind",
    "instruments",
    "feed",
    "size",
    "enter",
    "exit",
    "enter_short",
    "exit_short",
    "params",
];

/// Where a configuration is read from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layers {
    /// The user's file; may be missing.
    pub user: Option<PathBuf>,
    /// The file in the current folder; may be missing.
    pub folder: Option<PathBuf>,
    /// The file of `--config`; must be there.
    pub file: Option<PathBuf>,
    /// A whole configuration as a tape holds it, in place of the files.
    pub text: Option<String>,
    /// Variables of the environment; those named like `TICKSCOPE_RISK__KILL_SWITCH` count.
    pub env: Vec<(String, String)>,
    /// `risk.kill_switch=true`, as `--set` takes it.
    pub set: Vec<String>,
}

impl Layers {
    /// The layers of a process: `$XDG_CONFIG_HOME/tickscope/config.toml` (or under
    /// `$HOME/.config`), `./tickscope.toml`, a file, its environment, and assignments.
    pub fn of_process(
        file: Option<PathBuf>,
        set: Vec<String>,
        env: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let text = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let mut env: Vec<_> = env.into_iter().filter_map(text).collect();
        env.sort();
        let user = config_home(&env).map(|home| home.join("tickscope/config.toml"));
        let folder = Some(PathBuf::from("tickscope.toml"));
        Self { user, folder, file, text: None, env, set }
    }

    /// On top of all: trade on the venue at this base URL, `http://127.0.0.1:9080`; its streams
    /// are on the same host.
    #[must_use]
    pub fn with_venue_url(mut self, url: &str) -> Self {
        let base = url.trim_end_matches('/');
        let streams = base.strip_prefix("http").map_or(base.to_owned(), |rest| format!("ws{rest}"));
        self.set.push("venue.kind=binance".to_owned());
        self.set.push(format!("venue.rest_url={base}"));
        self.set.push(format!("venue.ws_url={streams}"));
        self
    }

    /// The layers joined, lowest first. The demo lies below all of them if no file names a venue
    /// or a strategy: a file of screen settings alone does not take the demo away.
    pub(super) fn join(&self) -> Result<Value, ConfigError> {
        let mut problems = Vec::new();
        let mut files = Vec::new();
        for (path, required) in [(&self.user, false), (&self.folder, false), (&self.file, true)] {
            match path.as_deref().map(|path| read_file(path, required)) {
                Some(Ok(Some(tree))) => files.push(tree),
                Some(Err(problem)) => problems.push(problem),
                Some(Ok(None)) | None => {}
            }
        }
        if let Some(text) = &self.text {
            let source = Source::new(SourceKind::File(PathBuf::from("recorded config.toml")), text);
            files.push(parse(&source)?);
        }
        ConfigError::unless_none(problems)?;
        let mut tree = Value::empty(Site::whole(&Source::new(SourceKind::Program, "")));
        if self.file.is_none() && !files.iter().any(says_what_to_run) {
            tree.merge(parse(&Source::new(SourceKind::Demo, DEMO))?);
        }
        for file in files {
            tree.merge(file);
        }
        ConfigError::unless_none(self.assign(&mut tree))?;
        Ok(tree)
    }

    /// A command that the folder's own file names is not run unless that file is asked for: whoever
    /// made the folder would run it in the name of whoever looks into it.
    pub(super) fn foreign_command(&self, tree: &Value) -> Option<Problem> {
        let path = KeyPath::of("alert.on_event");
        let value = tree.at(&path)?;
        let folder = self.folder.as_ref().filter(|folder| self.file.as_ref() != Some(folder))?;
        let SourceKind::File(file) = &value.site.source.kind else { return None };
        let is_command = matches!(&value.node, Node::Array(items) if !items.is_empty());
        let message = "is not taken from the file of a folder: it would run for whoever comes by";
        (file == folder && is_command).then(|| {
            let advice = format!(
                "set it in ~/.config/tickscope/config.toml, or say --config {}",
                folder.display()
            );
            Problem::with_value(tree, &path, message).advised(advice)
        })
    }

    /// Lays environment and `--set` on top.
    fn assign(&self, tree: &mut Value) -> Vec<Problem> {
        let env = self.env.iter().filter_map(|(name, value)| Assignment::from_env(name, value));
        let set = self.set.iter().map(|text| Assignment::from_flag(text));
        env.map(Ok)
            .chain(set)
            .filter_map(|assignment| assignment.and_then(|a| a.apply(tree)).err())
            .collect()
    }
}

/// The folder of the user's configuration, by the XDG rules: a relative path does not count.
fn config_home(env: &[(String, String)]) -> Option<PathBuf> {
    let get = |name| env.iter().find(|(n, v)| n == name && v.starts_with('/')).map(|(_, v)| v);
    get("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| get("HOME").map(|home| Path::new(home).join(".config")))
}

/// True if a file names a venue or a strategy.
fn says_what_to_run(tree: &Value) -> bool {
    match &tree.node {
        Node::Table(table) => table.contains_key("venue") || table.contains_key("strategy"),
        _ => false,
    }
}

/// Reads one file; `None` if it is missing and may be.
fn read_file(path: &Path, required: bool) -> Result<Option<Value>, Problem> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&Source::new(SourceKind::File(path.to_owned()), &text)).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !required => Ok(None),
        Err(error) => {
            let message = format!("cannot read the configuration {}: {error}", path.display());
            Err(Problem::new(message))
        }
    }
}

/// Reads one TOML text.
pub(super) fn parse(source: &Arc<Source>) -> Result<Value, Problem> {
    Value::document(source).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let key = source.text.get(span.clone()).unwrap_or_default();
        let is_exit = key.trim_end().split('.').next_back() == Some(RULE_OR_TABLE.0);
        let site = Site { source: Arc::clone(source), span };
        let reason = error.message().lines().next().unwrap_or_default();
        let problem = Problem::new(format!("not TOML: {reason}")).located(Some(&site));
        if is_exit && reason.contains("duplicate key") {
            return problem.advised(EXIT_TWICE.to_owned());
        }
        problem
    })
}

/// One key set from outside the files.
struct Assignment {
    keys: Vec<String>,
    key_site: Site,
    value: Value,
    /// True for the environment: keys are matched without regard to case.
    capitals: bool,
}

impl Assignment {
    /// `TICKSCOPE_RISK__KILL_SWITCH`; `None` for a variable that sets no key of a section.
    fn from_env(name: &str, value: &str) -> Option<Self> {
        let keys = name.strip_prefix(ENV_PREFIX).filter(|keys| keys.contains("__"))?;
        let source = Source::new(SourceKind::Env(name.to_owned()), &format!("{name}={value}"));
        Some(Self {
            keys: keys.split("__").map(str::to_owned).collect(),
            key_site: Site { source: Arc::clone(&source), span: 0..name.len() },
            value: Value::assigned(&source, name.len() + 1),
            capitals: true,
        })
    }

    /// `risk.kill_switch=true`.
    fn from_flag(text: &str) -> Result<Self, Problem> {
        const FLAG: &str = "--set ";
        let source = Source::new(SourceKind::Flag, &format!("{FLAG}{text}"));
        let Some((keys, _)) = text.split_once('=').filter(|(keys, _)| !keys.trim().is_empty())
        else {
            return Err(Problem::new(format!("`--set {text}` sets nothing"))
                .located(Some(&Site::whole(&source)))
                .advised("write it as --set section.key=value".to_owned()));
        };
        let end = FLAG.len() + keys.len();
        Ok(Self {
            keys: spelled_out(keys.trim().split('.').map(str::to_owned).collect()),
            key_site: Site { source: Arc::clone(&source), span: FLAG.len()..end },
            value: Value::assigned(&source, end + 1),
            capitals: false,
        })
    }

    /// Puts the value in its place, making the tables on the way.
    fn apply(self, tree: &mut Value) -> Result<(), Problem> {
        let Some((last, way)) = self.keys.split_last() else { return Ok(()) };
        let mut value = tree;
        let mut above = "";
        for key in way {
            value = self.descend(value, key, above)?;
            above = key;
        }
        match &mut value.node {
            Node::Array(items) => *self.element(items, last)? = self.value.clone(),
            Node::Table(table) => {
                let entry = Entry { key: self.key_site.clone(), value: self.value.clone() };
                table.insert(self.spelling(table, last, above), entry);
            }
            _ => return Err(self.not_a_table()),
        }
        Ok(())
    }

    fn descend<'v>(
        &self,
        value: &'v mut Value,
        key: &str,
        above: &str,
    ) -> Result<&'v mut Value, Problem> {
        match &mut value.node {
            Node::Array(items) => self.element(items, key),
            Node::Table(table) => {
                let site = &self.key_site;
                let fresh = || Entry { key: site.clone(), value: Value::empty(site.clone()) };
                let name = self.spelling(table, key, above);
                let value = &mut table.entry(name).or_insert_with(fresh).value;
                if key == RULE_OR_TABLE.0 {
                    value.widen(RULE_OR_TABLE.1);
                }
                Ok(value)
            }
            _ => Err(self.not_a_table()),
        }
    }

    fn not_a_table(&self) -> Problem {
        let keys = self.keys.join(".");
        Problem::new(format!("`{keys}` cannot be set: a part of it has a value and no keys"))
            .located(Some(&self.key_site))
    }

    /// The element of an array of tables that has this name or, counted from 0, this number.
    fn element<'v>(&self, items: &'v mut [Value], key: &str) -> Result<&'v mut Value, Problem> {
        let names: Vec<String> = items.iter().map(|item| name_of(item).to_owned()).collect();
        let position = names.iter().position(|name| name.eq_ignore_ascii_case(key));
        position
            .or_else(|| key.parse().ok())
            .and_then(|index: usize| items.get_mut(index))
            .ok_or_else(|| {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                Problem::new(format!("nothing here is named `{key}`"))
                    .located(Some(&self.key_site))
                    .advised(meant(key, &names, "names here"))
            })
    }

    /// The key as the table spells it; a new one in small letters if it came in capitals.
    fn spelling(&self, table: &Table, key: &str, above: &str) -> String {
        if !self.capitals {
            return key.to_owned();
        }
        let present = table.keys().find(|present| present.eq_ignore_ascii_case(key)).cloned();
        let named_by_user = NAMED_BY_USER.iter().any(|table| table.eq_ignore_ascii_case(above));
        present.unwrap_or_else(|| {
            if named_by_user { key.to_owned() } else { key.to_ascii_lowercase() }
        })
    }
}

/// `strategies.trend.fast` is short for `strategy.trend.params.fast`: what is no key of every
/// strategy is a parameter of this one.
fn spelled_out(mut keys: Vec<String>) -> Vec<String> {
    if keys.first().is_some_and(|key| key == "strategies") {
        "strategy".clone_into(&mut keys[0]);
        if let [_, _, key] = keys.as_slice()
            && !STRATEGY_KEYS.contains(&key.as_str())
        {
            keys.insert(2, "params".to_owned());
        }
    }
    keys
}

/// The `name` of a table, or nothing.
fn name_of(value: &Value) -> &str {
    match &value.node {
        Node::Table(table) => match table.get("name").map(|entry| &entry.value.node) {
            Some(Node::Text(name) | Node::Bare(name)) => name,
            _ => "",
        },
        _ => "",
    }
}
