//! A `ConfigError` is everything found wrong with a configuration, each as a [`Problem`] with
//! file, line, excerpt, key path and what was probably meant.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};

use super::path::KeyPath;
use super::read::Fault;
use super::source::Site;
use super::tree::Value;

/// How alike two names must be for one to be a typo of the other (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.85;

/// One thing wrong with the configuration.
#[derive(Debug)]
pub struct Problem {
    message: String,
    label: Option<&'static str>,
    help: Option<String>,
    place: Option<Box<Place>>,
}

/// Where a problem is.
#[derive(Debug)]
struct Place {
    excerpt: NamedSource<String>,
    span: std::ops::Range<usize>,
    line: usize,
    column: usize,
}

impl Place {
    fn of(site: &Site) -> Self {
        let (line, column) = site.position();
        let excerpt = NamedSource::new(site.source.name(), printable(&site.source.text));
        Self { excerpt, span: site.span.clone(), line, column }
    }
}

/// The text without what would command a terminal, byte for byte as long.
fn printable(text: &str) -> String {
    let kept = |character: char| matches!(character, '\n' | '\r' | '\t');
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && !kept(character) {
            printable.extend(std::iter::repeat_n('?', character.len_utf8()));
        } else {
            printable.push(character);
        }
    }
    printable
}

impl Problem {
    /// A problem without a place.
    pub(super) fn new(message: String) -> Self {
        Self { message, label: None, help: None, place: None }
    }

    /// A problem of the value at `path`, underlined where it, or the closest container of it,
    /// was written.
    pub(super) fn with_value(tree: &Value, path: &KeyPath, message: &str) -> Self {
        Self::new(format!("{path} {message}")).located(tree.nearest(path).map(|value| &value.site))
    }

    /// A key that its table does not have.
    pub(super) fn unknown_key(tree: &Value, path: &KeyPath, key: &str, allowed: &[&str]) -> Self {
        Self::new(format!("unknown key `{path}`"))
            .located(tree.key_site(path))
            .labelled("no such key")
            .advised(meant(key, allowed, "keys here"))
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

    /// With a word at the underlined place.
    fn labelled(mut self, label: &'static str) -> Self {
        self.label = Some(label);
        self
    }

    /// What a reader of the tree stumbled over at `path`.
    pub(super) fn from_fault(tree: &Value, path: &KeyPath, fault: &Fault) -> Self {
        match fault {
            Fault::UnknownKey { key, allowed } => Self::unknown_key(tree, path, key, allowed),
            Fault::MissingKey(key) => Self::new(format!("the key `{}` is missing", path.key(key)))
                .located(tree.nearest(path).map(|value| &value.site))
                .labelled("missing here"),
            Fault::NotOneOf { found, allowed } => Self::with_value(
                tree,
                path,
                &format!("cannot be {found:?}"),
            )
            .advised(meant(found, allowed, "its values")),
            Fault::WrongKind { found, expected } => {
                Self::with_value(tree, path, &format!("must be {expected}, is {found}"))
            }
            Fault::Sentence(sentence) => {
                let path_with_colon = format!("{path}: {sentence}");
                Self::new(path_with_colon).located(tree.nearest(path).map(|value| &value.site))
            }
        }
    }

    /// Where it stands, for sorting: problems without a place first.
    fn position(&self) -> Option<(&str, usize)> {
        self.place.as_deref().map(|place| (place.excerpt.name(), place.span.start))
    }
}

/// "did you mean …" if one of the names is close, and all of the names.
pub(super) fn meant(found: &str, allowed: &[&str], title: &str) -> String {
    if allowed.is_empty() {
        return format!("{title}: none");
    }
    let all = format!("{title}: {}", allowed.join(", "));
    let likeness = |name: &&str| strsim::jaro_winkler(&found.to_lowercase(), &name.to_lowercase());
    let best = allowed.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    // In a short name one wrong letter is already a third of it.
    let one_off = |name: &str| name.len() > 2 && strsim::osa_distance(found, name) == 1;
    match best.filter(|name| likeness(name) >= ALIKE || one_off(name)) {
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
        let label = LabeledSpan::new_with_span(self.label.map(str::to_owned), span);
        Some(Box::new(std::iter::once(label)))
    }
}

/// Everything found wrong with a configuration, by file and place; never empty.
#[derive(Debug)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    /// An error of at least one problem.
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| a.position().cmp(&b.position()));
        Self { problems }
    }

    /// An error if there are problems.
    pub(super) fn unless_none(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self::new(problems)) }
    }

    /// The problems.
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
