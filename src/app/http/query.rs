//! The query of a list: checked, and refused with what is allowed.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use super::answer::Refused;
use crate::domain::{RunId, clean};

/// Things on a page, unless asked for otherwise.
const LIMIT: usize = 50;
/// Things on a page at most.
const LIMIT_MOST: usize = 1_000;
/// What is shown of a text that was sent, in characters.
const SHOWN: usize = 80;
/// Names that are proposed.
const NEAREST: usize = 5;

/// The parameters that were given, in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given(Result<Vec<(String, String)>, String>);

impl<S: Send + Sync> FromRequestParts<S> for Given {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let query: Result<Query<Vec<(String, String)>>, QueryRejection> =
            Query::from_request_parts(parts, state).await;
        Ok(Self(query.map(|query| query.0).map_err(|_| "the query cannot be read".to_owned())))
    }
}

/// What a list's cursor counts: one of another list does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum List {
    /// Of decisions.
    Decisions,
    /// Of orders.
    Orders,
    /// Of fills.
    Fills,
}

impl List {
    fn letter(self) -> char {
        match self {
            Self::Decisions => 'd',
            Self::Orders => 'o',
            Self::Fills => 'f',
        }
    }

    /// A place in the list, in words that nobody needs to understand.
    pub fn cursor(self, run: &RunId, below: u64) -> String {
        format!("{}{}{below:x}", run.prefix(), self.letter())
    }

    fn place(self, run: &RunId, cursor: &str) -> Option<u64> {
        let digits = cursor.strip_prefix(run.prefix())?.strip_prefix(self.letter())?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
    }
}

impl Given {
    /// The pairs, if every name is one of these and comes once.
    fn pairs(&self, allowed: &[&str]) -> Result<&[(String, String)], Refused> {
        let names = || allowed.iter().map(|name| (*name).to_owned()).collect();
        let pairs = self.0.as_ref().map_err(|error| Refused::wrong(error.clone(), names()))?;
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in pairs {
            let known = allowed.contains(&name.as_str());
            if !known {
                let list = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
                let error = format!("unknown parameter {}; allowed: {list}", shown(name));
                return Err(Refused::wrong(error, names()));
            }
            if seen.contains(&name.as_str()) {
                return Err(Refused::wrong(format!("{name} is given twice"), Vec::new()));
            }
            seen.push(name);
        }
        Ok(pairs)
    }

    /// No parameter at all is taken.
    pub fn nothing(&self) -> Result<(), Refused> {
        self.pairs(&[]).map(|_| ())
    }

    /// The parameters of a list, `extra` ones beside those of every list.
    pub fn list(&self, list: List, run: &RunId, extra: &[&str]) -> Result<Paging, Refused> {
        let allowed = [extra, &["limit", "cursor"]].concat();
        let pairs = self.pairs(&allowed)?;
        let value = |name: &str| pairs.iter().find(|pair| pair.0 == name).map(|pair| &*pair.1);
        let limit = match value("limit") {
            None => LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=LIMIT_MOST).contains(limit))
                .ok_or_else(|| limit_refused(text))?,
        };
        let below = match value("cursor") {
            None => None,
            Some(text) => Some(list.place(run, text).ok_or_else(|| cursor_refused(text))?),
        };
        let others =
            pairs.iter().filter(|pair| extra.contains(&pair.0.as_str())).cloned().collect();
        Ok(Paging { limit, below, others })
    }
}

fn limit_refused(text: &str) -> Refused {
    let error = format!("limit is {}; allowed: 1 to {LIMIT_MOST}", shown(text));
    Refused::wrong(error, vec![LIMIT.to_string()])
}

fn cursor_refused(text: &str) -> Refused {
    let error = format!(
        "cursor is {}, which this list of this run never gave; take `next` of its last page, or \
         leave it out to begin with the newest",
        shown(text)
    );
    Refused::wrong(error, Vec::new())
}

/// Where a page begins and what else was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paging {
    /// Things on the page at most.
    pub limit: usize,
    /// The number below which it begins.
    pub below: Option<u64>,
    others: Vec<(String, String)>,
}

impl Paging {
    /// The value of another parameter; empty when it was not given.
    pub fn other(&self, name: &str) -> &str {
        self.others.iter().find(|pair| pair.0 == name).map_or("", |pair| &pair.1)
    }

    /// The value of a parameter that must be one of these, or not given.
    pub fn one_of(&self, name: &str, allowed: &[String]) -> Result<&str, Refused> {
        let value = self.other(name);
        if value.is_empty() || allowed.iter().any(|one| one == value) {
            return Ok(value);
        }
        let list = allowed.join(", ");
        let error = format!("{name} is {}; allowed: {list}", shown(value));
        Err(Refused::wrong(error, nearest(value, allowed.iter().map(String::as_str))))
    }
}

/// What was sent, quoted, cleaned and cut.
pub fn shown(text: &str) -> String {
    format!("\"{}\"", clean(text, SHOWN))
}

/// The names most like a text, the likest first.
pub fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let text: String = text.chars().take(SHOWN).collect();
    let distance = |name: &str| strsim::damerau_levenshtein(&text, name);
    let mut names: Vec<&str> = names.collect();
    names.sort_by_key(|name| distance(name));
    names.into_iter().take(NEAREST).map(str::to_owned).collect()
}
