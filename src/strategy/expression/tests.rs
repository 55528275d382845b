//! Tests of the language by tables: what reads as what, and what is refused where.

use proptest::prelude::*;

use super::*;
use crate::strategy::{Draft, Truth, Value, ValueKind};

const BARS: Around = Around { bars: true, trades: true, quotes: true };

/// The shape of a rule with every parenthesis.
fn shape(condition: &Condition, table: &[Measure]) -> String {
    let many = |rules: &[Condition], word: &str| {
        let rules: Vec<_> = rules.iter().map(|rule| shape(rule, table)).collect();
        format!("({})", rules.join(word))
    };
    match condition {
        Condition::All(rules) => many(rules, " and "),
        Condition::Any(rules) => many(rules, " or "),
        Condition::Not(rule) => format!("not {}", shape(rule, table)),
        Condition::Compare { left, op, right } => {
            let right = match right {
                Term::Number(number) => number.to_string(),
                Term::Measure(at) => table[*at].to_string(),
            };
            format!("{} {} {right}", table[*left], op.as_str())
        }
    }
}

fn read(text: &str) -> Result<String, Mistake> {
    let mut table = Vec::new();
    compile(text, BARS, &mut table).map(|condition| shape(&condition, &table))
}

/// A rule that is read as another one trades something that nobody wrote.
#[test]
fn rules_read_as_they_are_meant() {
    for (text, expected) in [
        ("rsi(14) < 30", "rsi(14) < 30"),
        ("RSI( 14 )<30 AND Close>EMA(200)", "(rsi(14) < 30 and close > ema(200))"),
        ("close > 1 or close < 2 and open > 3", "(close > 1 or (close < 2 and open > 3))"),
        ("(close > 1 or close < 2) and open > 3", "((close > 1 or close < 2) and open > 3)"),
        ("not close > 1 and open > 2", "(not close > 1 and open > 2)"),
        ("not (close > 1 and open > 2)", "not (close > 1 and open > 2)"),
        ("not not close > 1", "not not close > 1"),
        ("((close > 1))", "close > 1"),
        ("30 < rsi(14) < 70", "(rsi(14) > 30 and rsi(14) < 70)"),
        ("70 >= rsi(14) > 30 and open > 1", "(rsi(14) <= 70 and rsi(14) > 30 and open > 1)"),
        ("low <= ema(5) <= high", "(low <= ema(5) and ema(5) <= high)"),
        ("ema(12) crosses above ema(26)", "ema(12) crosses above ema(26)"),
        ("65000 crosses above close", "close crosses below 65000"),
        ("loss > 1%", "loss > 0.01"),
        ("loss > 0.25%", "loss > 0.0025"),
        ("profit > -2% or profit = 0", "(profit > -0.02 or profit = 0)"),
        ("holding > 4h", "holding > 14400"),
        ("holding >= 90s", "holding >= 90"),
        ("spread <= 0.05%", "spread <= 0.0005"),
        ("close ≤ bollinger_lower(20)", "close <= bollinger_lower(20)"),
        ("close < bollinger_lower(20, 2)", "close < bollinger_lower(20)"),
        ("close < bollinger_lower(20, 2.5)", "close < bollinger_lower(20, 2.5)"),
        ("close > donchian_high(20)", "close > donchian_high(20)"),
        ("close > vwap and close > vwap()", "(close > vwap and close > vwap)"),
        ("position == -1", "position = -1"),
        ("position != 0", "position ≠ 0"),
        ("close\n  > 1\r\n\tand\u{a0}open > 2", "(close > 1 and open > 2)"),
    ] {
        assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
    }
}

/// The word under the caret and the sentence.
#[test]
fn mistakes_are_found_at_their_place() {
    for (text, under, sentence) in [
        ("", "", "the rule is empty"),
        ("  ", "  ", "the rule is empty"),
        ("rsl(14) < 30", "rsl", "no value or indicator is called `rsl`"),
        ("rsi < 30", "rsi", "`rsi` needs a length"),
        ("rsi(14.5) < 30", "14.5", "a length is a whole number from 1 to 10000"),
        ("rsi(0) < 30", "0", "a length is a whole number from 1 to 10000"),
        ("rsi(99999999999999999999) < 30", "99999999999999999999", "a length is a whole number"),
        ("rsi(14, 2) < 30", "2", "`rsi` takes one number, not more"),
        ("rsi(close) < 30", "close", "`rsi` takes numbers, not `close`"),
        ("rsi(14 < 30", "<", "`)` is missing before `<`"),
        ("rsi(14", "(", "this parenthesis is never closed"),
        ("close(3) > 1", "3", "`close` takes no number, not more"),
        ("bollinger_upper(20, -1) > 1", "-1", "a width is a number above 0"),
        ("rsi(14) < 30 close > 5", "close", "`and` or `or` is missing before `close`"),
        ("rsi(14) < 30 and", "", "a value, an indicator or a number is expected here, but"),
        ("and close > 1", "and", "a value, an indicator or a number is expected here, not `and`"),
        ("close", "", "`close` is not compared with anything"),
        ("close > 1 and open", "", "`open` is not compared with anything"),
        ("(close > 1", "(", "this parenthesis is never closed"),
        ("(close > 1 open > 2)", "open", "`and`, `or` or `)` is missing before `open`"),
        ("close > 1)", ")", "no parenthesis is open here"),
        ("(rsi(14)) < 30", ")", "`rsi(14)` is not compared with anything"),
        ("close > (1)", "(", "a value, an indicator or a number is expected here"),
        ("close crosses ema(5)", "ema", "`crosses` is followed by `above` or `below`"),
        ("close crosses", "", "`crosses` is followed by `above` or `below`"),
        ("close cross above 5", "cross", "`cross` is no comparison"),
        ("30 < rsi(14) > 20", ">", "a chain of comparisons goes in one direction"),
        ("close = open = low", "=", "a chain of comparisons goes in one direction"),
        ("1 < 2", "1 < 2", "two numbers are always the same comparison"),
        ("close > close", "close > close", "`close` is compared with itself"),
        ("close > 1.01 * ema(20)", "*", "`*` has no meaning here"),
        ("close -1 > open", "-", "`-` has no meaning here"),
        ("close > 1 && open > 1", "&&", "`&&` has no meaning here"),
        ("close => 1", "=>", "`=>` has no meaning here"),
        ("close > 1.2.3", "1.2.3", "`1.2.3` is not a number"),
        ("close > 65k", "65k", "`65k` has no unit that rules know"),
        ("close > 65,000", ",", "a comma has no meaning here"),
        ("close > .5", ".", "`.` has no meaning here"),
        ("close > 1 é", "é", "`é` has no meaning here"),
        ("close > \u{1b}", "\u{1b}", "`\\u{1b}` has no meaning here"),
        ("loss > 1", "1", "`loss` is a share"),
        ("rsi(14) < 30%", "30%", "`rsi` is a number from 0 to 100"),
        ("holding > 5", "5", "`holding` is a time"),
        ("close > 5m", "5m", "`close` is a price in quote asset"),
        ("rsi(14) > ema(20)", "rsi(14) > ema(20)", "`rsi` is a number from 0 to 100, `ema` is a"),
    ] {
        let mistake = read(text).expect_err(text);
        assert_eq!(text.get(mistake.span.clone()), Some(under), "{text}: {mistake}");
        assert!(mistake.message.starts_with(sentence), "{text}: {mistake}");
    }
}

/// A rule over what its feed never has would wait for ever.
#[test]
fn what_a_feed_lacks_is_a_mistake() {
    let trades = Around { bars: false, trades: true, quotes: false };
    let quotes = Around { bars: false, trades: false, quotes: true };
    let bars = Around { quotes: false, ..BARS };
    let refused = |text: &str, around| compile(text, around, &mut Vec::new()).is_err();
    for (text, expected) in [
        ("price > ema(5)", [false, false, false]),
        ("atr(5) > 1", [false, false, false]),
        ("close > 1", [true, true, false]),
        ("high > open", [true, true, false]),
        ("volume > 1", [false, true, false]),
        ("price > vwap", [false, true, false]),
        ("bid > 1", [true, false, true]),
        ("spread < 1%", [true, false, true]),
    ] {
        assert_eq!([trades, quotes, bars].map(|around| refused(text, around)), expected, "{text}");
    }
}

/// Two rules that name the same value share it, or its indicator would be pushed twice an event.
#[test]
fn a_value_named_twice_is_one() {
    let mut table = Vec::new();
    for text in ["rsi(14) < 30 and close > ema(9)", "rsi(14) > 55 or close < ema(9)"] {
        compile(text, BARS, &mut table).unwrap();
    }
    assert_eq!(table.len(), 3);
}

#[test]
fn limits_are_sentences() {
    let deep = format!("{}close > 1{}", "(".repeat(40), ")".repeat(40));
    assert!(read(&deep).unwrap_err().message.contains("nested deeper than 32"));
    assert!(read(&"not ".repeat(1_000)).unwrap_err().message.contains("nested deeper"));
    let fits = format!("{}close > 1{}", "(".repeat(30), ")".repeat(30));
    assert!(read(&fits).is_ok());
    let long = vec!["close > 1"; 1_000].join(" and ");
    assert!(read(&long).unwrap_err().message.contains("longer than 4096 bytes"));
}

/// The truth of a rule over these values; `None` is still warming up.
fn truth(text: &str, values: &[(&str, Option<f64>)]) -> Truth {
    let mut table = Vec::new();
    let condition = compile(text, BARS, &mut table).unwrap();
    let mut draft = Draft::default();
    let values: Vec<Value> = table
        .iter()
        .map(|measure| {
            let name = measure.to_string();
            let now = values.iter().find(|(known, _)| *known == name).and_then(|(_, now)| *now);
            draft.value(&name, ValueKind::Computed, now.unwrap_or(f64::NAN))
        })
        .collect();
    draft.decide("rule", &condition.build(&values))
}

/// "Not yet known" taken for false buys, or for true sells, on an indicator that has no value.
#[test]
fn unknown_decides_nothing_that_it_must_not() {
    use Truth::{False, True, Unknown};
    let values = [("close", Some(10.0)), ("rsi(14)", None), ("ema(9)", Some(5.0))];
    for (text, expected) in [
        ("rsi(14) < 30", Unknown),
        ("not rsi(14) < 30", Unknown),
        ("rsi(14) < 30 and close > ema(9)", Unknown),
        ("rsi(14) < 30 and close < ema(9)", False),
        ("rsi(14) < 30 or close > ema(9)", True),
        ("rsi(14) < 30 or close < ema(9)", Unknown),
        ("not (rsi(14) < 30 and close < ema(9))", True),
        ("20 < rsi(14) < 30 or close = 10", True),
        ("close crosses above 9", Unknown),
        ("9 < close < 11 and not close = 9", True),
    ] {
        assert_eq!(truth(text, &values), expected, "{text}");
    }
}

/// Words that rules are made of, and some that they are not.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "rsi(14)",
        "close",
        "ema(9)",
        "price",
        "<",
        ">",
        "<=",
        "=",
        "crosses above",
        "and",
        "or",
        "not",
        "(",
        ")",
        "30",
        "1%",
        "4h",
        "-1",
        ",",
        "rsi",
        "é",
        "&&",
        "9999999999999999999999",
    ]);
    prop::collection::vec(word, 0..40).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// No text, however broken, ends the program, and every mistake has a place in it.
    #[test]
    fn any_text_is_a_rule_or_a_mistake_in_it(
        text in prop_oneof![words(), "\\PC{0,60}", any::<String>()],
    ) {
        if let Err(mistake) = compile(&text, BARS, &mut Vec::new()) {
            prop_assert!(text.get(mistake.span.clone()).is_some(), "{text:?}: {mistake:?}");
            prop_assert!(!mistake.message.chars().any(char::is_control), "{mistake:?}");
        }
    }
}
