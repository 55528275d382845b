//! A `Source` is a text that configuration was read from (a file, an environment variable, a flag)
//! and a `Site` a stretch of it: what an error underlines and what an origin names.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Where a text came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SourceKind {
    /// A file on disk.
    File(PathBuf),
    /// The configuration built into the binary.
    Demo,
    /// The environment variable of that name.
    Env(String),
    /// A `--set` on the command line.
    Flag,
    /// The program itself.
    Program,
}

/// A text that configuration was read from.
#[derive(Debug)]
pub(super) struct Source {
    /// What it is.
    pub(super) kind: SourceKind,
    /// All of it, as an error shows it.
    pub(super) text: Arc<str>,
}

impl Source {
    /// A source ready to be pointed into.
    pub(super) fn new(kind: SourceKind, text: &str) -> Arc<Self> {
        Arc::new(Self { kind, text: Arc::from(text) })
    }

    /// How an error heads the excerpt.
    pub(super) fn name(&self) -> String {
        match &self.kind {
            SourceKind::File(path) => path.display().to_string(),
            SourceKind::Demo => "config/demo.toml (built in)".to_owned(),
            SourceKind::Env(_) => "environment".to_owned(),
            SourceKind::Flag => "command line".to_owned(),
            SourceKind::Program => "defaults".to_owned(),
        }
    }
}

/// A stretch of a source.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// Which text.
    pub(super) source: Arc<Source>,
    /// Byte offsets into it.
    pub(super) span: Range<usize>,
}

impl Site {
    /// All of a source.
    pub(super) fn whole(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), span: 0..source.text.len() }
    }

    /// Line and column of the start, both from 1, the column in characters.
    pub(super) fn position(&self) -> (usize, usize) {
        let before = self.source.text.get(..self.span.start).unwrap_or(&self.source.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// Line of the end, from 1.
    pub(super) fn last_line(&self) -> usize {
        let before = self.source.text.get(..self.span.end).unwrap_or(&self.source.text);
        before.matches('\n').count() + 1
    }

    /// Where a value at this site came from.
    pub(super) fn origin(&self) -> Origin {
        let line = self.position().0;
        match &self.source.kind {
            SourceKind::File(path) => Origin::File { path: path.clone(), line },
            SourceKind::Demo => Origin::Demo { line },
            SourceKind::Env(name) => Origin::Env { name: name.clone() },
            SourceKind::Flag => Origin::Flag,
            SourceKind::Program => Origin::Default,
        }
    }
}

/// Where the value of a key came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The demo configuration inside the binary.
    Demo {
        /// From 1.
        line: usize,
    },
    /// A file.
    File {
        /// Its path as it was given.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// An environment variable.
    Env {
        /// Its name.
        name: String,
    },
    /// A flag of the command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Demo { line } => write!(f, "built-in demo, line {line}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env { name } => write!(f, "env {name}"),
            Self::Flag => f.write_str("--set"),
        }
    }
}
