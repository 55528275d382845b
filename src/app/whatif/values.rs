//! What `--set` says: one value, or several to be tried one after the other.
//!
//! `5..20` and `0.1..0.5:0.1` count from the first number to the last, which is among them;
//! `5,8,13` is a list. Numbers may have a unit: `0.1%..0.5%:0.1%`, `bars:1s,bars:5s` is a list too.

use crate::app::error::{AppError, Exit};
use crate::domain::Num;

/// Runs of a sweep; more are a mistake, or should be a search.
pub const RUNS_MAX: usize = 256;

/// An assignment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Set {
    /// The key as it was typed.
    pub key: String,
    /// Its values: one, or those of a sweep.
    pub values: Vec<String>,
    /// Several values were asked for, even if there is one.
    pub swept: bool,
}

impl Set {
    /// Reads `key=value`.
    pub fn parse(text: &str) -> Result<Self, AppError> {
        let Some((key, value)) = text.split_once('=') else {
            // The configuration says what is wrong with it.
            return Ok(Self { key: text.to_owned(), values: Vec::new(), swept: false });
        };
        let (key, value) = (key.trim().to_owned(), value.trim());
        let several = several(value)
            .map_err(|why| AppError::new(Exit::Usage, format!("--set {text}: {why}")))?;
        let swept = several.is_some();
        Ok(Self { key, values: several.unwrap_or_else(|| vec![value.to_owned()]), swept })
    }

    /// With one of its values, as the configuration takes it.
    pub fn with(&self, value: &str) -> String {
        format!("{}={value}", self.key)
    }
}

/// Every combination, the last key changing fastest: the value of each key.
pub fn combinations(sets: &[Set]) -> Result<Vec<Vec<String>>, AppError> {
    let swept = sets.iter().filter(|set| set.swept);
    let many = swept.clone().try_fold(1_usize, |n, set| n.checked_mul(set.values.len()));
    if many.is_none_or(|many| many > RUNS_MAX) {
        let parts: Vec<String> =
            swept.map(|set| format!("{} of {}", set.values.len(), set.key)).collect();
        let text = format!(
            "{} are more than {RUNS_MAX} runs: take larger steps or fewer keys",
            parts.join(" by ")
        );
        return Err(AppError::new(Exit::Usage, text));
    }
    let mut all = vec![Vec::new()];
    for set in sets {
        let longer = |begun: &Vec<String>| {
            let begun = begun.clone();
            let with = move |value| [begun.as_slice(), std::slice::from_ref(value)].concat();
            set.values.iter().map(with)
        };
        all = all.iter().flat_map(longer).collect();
    }
    Ok(all)
}

/// The values that a text stands for; `None` for a plain value.
fn several(text: &str) -> Result<Option<Vec<String>>, String> {
    if text.starts_with(['"', '\'', '[', '{']) || text.contains('/') {
        return Ok(None);
    }
    if let Some((from, rest)) = text.split_once("..") {
        return range(from, rest).map(Some);
    }
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let [first, _, ..] = parts.as_slice() else { return Ok(None) };
    if !is_value(first) {
        // A rule or a list of names; it is the configuration's.
        return Ok(None);
    }
    match parts.iter().find(|part| !is_value(part)) {
        Some(odd) => Err(format!("{odd:?} in the list is no number")),
        None => Ok(Some(parts.iter().map(|&part| part.to_owned()).collect())),
    }
}

/// A number with or without a unit, or a feed: `bars:1s`.
fn is_value(text: &str) -> bool {
    let number = text.rsplit(':').next().unwrap_or_default();
    let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphabetic());
    split(number).is_some() && text.split(':').rev().skip(1).all(is_word)
}

/// A number and its unit.
fn split(text: &str) -> Option<(Num, &str)> {
    let text = text.trim();
    let digit = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    let end = text.find(|c| !digit(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

fn read(text: &str) -> Result<(Num, &str), String> {
    split(text).ok_or_else(|| format!("{text:?} is no number to count from, to or by"))
}

fn range(from: &str, rest: &str) -> Result<Vec<String>, String> {
    let (to, step) = match rest.split_once(':') {
        Some((to, step)) => (to, Some(step)),
        None => (rest, None),
    };
    let (from, first_unit) = read(from)?;
    let (to, unit) = read(to)?;
    let (step, step_unit) = step.map_or(Ok((Num::ONE, unit)), read)?;
    let agree = |other: &str| other == unit || other.is_empty();
    if !agree(first_unit) || !agree(step_unit) {
        return Err(format!("its numbers have different units, {first_unit:?} and {unit:?}"));
    }
    if !step.is_positive() {
        return Err(format!("a step of {step} leads nowhere: it must be above 0"));
    }
    if from > to {
        return Err(format!("the range is empty: {from} is above {to}"));
    }
    let mut values = Vec::new();
    let mut value = from;
    while value <= to {
        if values.len() == RUNS_MAX {
            return Err(format!("more than {RUNS_MAX} values: take larger steps"));
        }
        values.push(format!("{value}{unit}"));
        value = value.add(step).map_err(|error| error.to_string())?;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Result<Vec<String>, String> {
        let set = Set::parse(&format!("a.b={text}")).map_err(|error| error.to_string())?;
        Ok(if set.swept { set.values } else { vec![format!("plain {}", set.values[0])] })
    }

    /// Lost if broken: a sweep that leaves out its last value, or counts in floats.
    #[test]
    fn ranges_count_exactly_and_to_their_end() {
        for (text, expected) in [
            ("5..8", "5 6 7 8"),
            ("5..20:5", "5 10 15 20"),
            ("5..19:5", "5 10 15"),
            ("0.1..0.5:0.1", "0.1 0.2 0.3 0.4 0.5"),
            ("-1..1", "-1 0 1"),
            ("7..7", "7"),
            ("0.1%..0.3%:0.1%", "0.1% 0.2% 0.3%"),
            ("1..3s", "1s 2s 3s"),
            ("5,8,13", "5 8 13"),
            ("0.1%, 1%", "0.1% 1%"),
            ("bars:1s,bars:5s", "bars:1s bars:5s"),
        ] {
            assert_eq!(values(text).unwrap().join(" "), expected, "{text}");
        }
    }

    /// Lost if broken: rules, lists and names that have points and commas of their own.
    #[test]
    fn what_is_no_range_is_left_to_the_configuration() {
        for text in [
            "8",
            "200 USDT",
            "\"5..8\"",
            "\"rsi(14) < 30, 5\"",
            "[5, 8]",
            "{ USDT = 5, BTC = 1 }",
            "ema(close, 5) > 3",
            "BTCUSDT,ETHUSDT",
            "../elsewhere",
        ] {
            assert_eq!(values(text).unwrap(), [format!("plain {text}")], "{text}");
        }
    }

    /// Lost if broken: a mistyped range that silently does one run, or thousands.
    #[test]
    fn a_range_that_is_none_says_why() {
        for (text, words) in [
            ("20..5", "the range is empty: 20 is above 5"),
            ("a..b", "\"a\" is no number"),
            ("5..", "\"\" is no number"),
            ("5..9:x", "\"x\" is no number"),
            ("5..9:0", "a step of 0 leads nowhere"),
            ("5..9:-1", "a step of -1 leads nowhere"),
            ("1s..5m", "different units"),
            ("0..1:0.001", "more than 256 values"),
            ("5,x,7", "\"x\" in the list is no number"),
        ] {
            let said = values(text).unwrap_err();
            assert!(said.contains(words) && said.contains("--set a.b="), "{text}: {said}");
        }
    }

    /// Lost if broken: a grid that is not one, or ten thousand runs.
    #[test]
    fn two_keys_make_a_grid_of_at_most_256() {
        let set = |text: &str| Set::parse(text).unwrap();
        let grid = combinations(&[set("a=1..2"), set("b=x"), set("c=7,9")]).unwrap();
        let grid: Vec<String> = grid.iter().map(|values| values.join(" ")).collect();
        assert_eq!(grid, ["1 x 7", "1 x 9", "2 x 7", "2 x 9"]);
        assert_eq!(combinations(&[set("a=1..16"), set("b=1..16")]).unwrap().len(), 256);
        let error = combinations(&[set("a=1..17"), set("b=1..16")]).unwrap_err().to_string();
        assert!(error.contains("17 of a by 16 of b are more than 256 runs"), "{error}");
    }
}
