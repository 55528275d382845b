//! A `ConfigError` is everything found wrong with a configuration, each as a [`Problem`] with
//! file, line, excerpt, key path and what was probably meant.

use std::fmt;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};

use super::path::KeyPath;
use super::read::Fault;
use super::source::Site;
use super::tree::Value;

/// How alike two names must be for one to be a typo of the other (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.8;

/// One thing wrong with the configuration.
#[derive(Debug)]
pub struct Problem {
    message: String,
    label: String,
    help: Option<String>,
    place: Option<Box<Place>>,
}

/// Where a problem is.
#[derive(Debug)]
struct Place {
    excerpt: NamedSource<Arc<str>>,
    span: std::ops::Range<usize>,
    line: usize,
    column: usize,
}

impl Place {
    fn of(site: &Site) -> Self {
        let (line, column) = site.position();
        let excerpt = NamedSource::new(site.source.name(), Arc::clone(&site.source.text));
        Self { excerpt, span: site.span.clone(), line, column }
    }
}

impl Problem {
    /// A problem of the value at `path`, underlined where it, or the closest container of it,
    /// was written.
    pub(super) fn with_value(tree: &Value, path: &KeyPath, message: &str) -> Self {
        Self::new(format!("{path} {message}"), message.to_owned())
            .located(tree.nearest(path).map(|value| &value.site))
    }

    /// A key that its table does not have.
    pub(super) fn unknown_key(tree: &Value, path: &KeyPath, key: &str, allowed: &[&str]) -> Self {
        Self::new(format!("unknown key `{path}`"), "no such key".to_owned())
            .located(tree.key_site(path))
            .advised(meant(key, allowed, "keys here"))
    }

    /// A problem without a place.
    pub(super) fn new(message: String, label: String) -> Self {
        Self { message, label, help: None, place: None }
    }

    /// At a site, if there is one.
    pub(super) fn located(mut self, site: Option<&Site>) -> Self {
        self.place = site.map(|site| Box::new(Place::of(site)));
        self
    }

    /// With advice.
    pub(super) fn advised(mut self, help: String) -> Self {
        self.help = Some(help);
        self
    }

    /// What a reader of the tree stumbled over at `path`.
    pub(super) fn from_fault(tree: &Value, path: &KeyPath, fault: &Fault) -> Self {
        match fault {
            Fault::UnknownKey { key, allowed } => Self::unknown_key(tree, path, key, allowed),
            Fault::MissingKey(key) => {
                let message = format!("the key `{}` is missing", path.key(key));
                Self::new(message, format!("`{key}` is missing here"))
                    .located(tree.nearest(path).map(|value| &value.site))
            }
            Fault::NotOneOf { found, allowed } => Self::with_value(tree, path, &fault.to_string())
                .advised(meant(found, allowed, "its values")),
            Fault::WrongKind { .. } | Fault::Sentence(_) => {
                Self::new(format!("{path}: {fault}"), fault.to_string())
                    .located(tree.nearest(path).map(|value| &value.site))
            }
        }
    }
}

/// "did you mean …" if one of the names is close, and all of the names.
pub(super) fn meant(found: &str, allowed: &[&str], title: &str) -> String {
    let all = format!("{title}: {}", allowed.join(", "));
    let likeness = |name: &&str| strsim::jaro_winkler(&found.to_lowercase(), &name.to_lowercase());
    let best = allowed.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match best.filter(|name| likeness(name) >= ALIKE) {
        Some(name) => format!("did you mean `{name}`?\n{all}"),
        None => all,
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|place| &place.excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.place.as_ref()?.span.clone();
        let label = LabeledSpan::new_with_span(Some(self.label.clone()), span);
        Some(Box::new(std::iter::once(label)))
    }
}

/// Everything found wrong with a configuration; never empty.
#[derive(Debug)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    /// An error of at least one problem.
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// An error if there are problems.
    pub(super) fn unless_none(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self::new(problems)) }
    }

    /// The problems, in the order they were found.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The report for a person: excerpts with carets, wrapped at `width` columns. `colour` is off
    /// where `NO_COLOR` is set or the output is no terminal.
    pub fn render(&self, colour: bool, width: usize) -> String {
        let theme =
            if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .with_width(width)
            .with_context_lines(1);
        let mut report = String::new();
        for problem in &self.problems {
            // Writing to a String cannot fail; a problem that did not render still has its line.
            if handler.render_report(&mut report, problem).is_err() {
                report.push_str(&problem.message);
            }
            report.push('\n');
        }
        report
    }
}

impl fmt::Display for ConfigError {
    /// One line per problem: `tickscope.toml:3:1: unknown key …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            if let Some(Place { excerpt, line, column, .. }) = problem.place.as_deref() {
                write!(f, "{}:{line}:{column}: ", excerpt.name())?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl Diagnostic for ConfigError {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}
